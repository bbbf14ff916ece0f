{{/* Names are fixed, because workflows refer to them. */}}
{{- define "gaintrace.fullname" -}}gaintrace{{- end }}

{{- define "gaintrace.labels" -}}
app.kubernetes.io/name: gaintrace
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "gaintrace.image" -}}
{{- with .Values.image -}}
{{- if not .repository -}}
{{- fail "image.repository is not set: name the registry's repository that holds the trainer's image, as in --set image.repository=registry.example/gaintrace (`make image` builds it)" -}}
{{- end -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end -}}
{{- end }}

{{- define "gaintrace.executor" -}}{{ .Values.serviceAccount.name }}-executor{{- end }}

{{- define "gaintrace.onVolume" -}}{{ if hasPrefix "file://" .Values.store.uri }}true{{ end }}{{- end }}

{{/* A store outside the volume's mount would be written to the read-only root. */}}
{{- define "gaintrace.checkStore" -}}
{{- $path := printf "%s/" (trimPrefix "file://" .Values.store.uri | trimSuffix "/") -}}
{{- $mount := printf "%s/" (trimSuffix "/" .Values.store.persistence.mountPath) -}}
{{- if and (include "gaintrace.onVolume" .) (not (hasPrefix $mount $path)) -}}
{{- fail (printf "store.uri: %s is not below store.persistence.mountPath, %s, where the volume is mounted" .Values.store.uri .Values.store.persistence.mountPath) -}}
{{- end -}}
{{- end }}

{{/* The site's values of the workflows' parameters. */}}
{{- define "gaintrace.parameters" -}}
image: {{ include "gaintrace.image" . | quote }}
store: {{ .Values.store.uri | quote }}
data: {{ .Values.data.uri | quote }}
datasets: {{ .Values.nightly.datasets | toJson | quote }}
pushgateway: {{ .Values.metrics.pushgateway | quote }}
{{- with .Values.training }}
gpus: {{ .gpus | quote }}
cpu: {{ .cpu | quote }}
memory: {{ .memory | quote }}
deadline: {{ .deadlineSeconds | int64 | quote }}
{{- end }}
{{- end }}

{{/* What every pod gets, as lists. */}}
{{- define "gaintrace.env" -}}
{{- with .Values.s3 }}
{{- if .endpoint }}
- {name: AWS_ENDPOINT_URL, value: {{ .endpoint | quote }}}
{{- end }}
{{- if .region }}
- {name: AWS_REGION, value: {{ .region | quote }}}
- {name: AWS_DEFAULT_REGION, value: {{ .region | quote }}}
{{- end }}
{{- if .caConfigMap }}
- {name: AWS_CA_BUNDLE, value: /etc/gaintrace/s3-ca/ca.crt}
{{- end }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "gaintrace.envFrom" -}}
{{- with .Values.s3.existingSecret }}
- {secretRef: {name: {{ . }}}}
{{- end }}
{{- end }}

{{- define "gaintrace.volumes" -}}
{{- if include "gaintrace.onVolume" . }}
- {name: store, persistentVolumeClaim: {claimName: {{ .Values.store.persistence.existingClaim | default "gaintrace-store" }}}}
{{- end }}
{{- with .Values.s3.caConfigMap }}
- {name: s3-ca, configMap: {name: {{ . }}}}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "gaintrace.volumeMounts" -}}
{{- if include "gaintrace.onVolume" . }}
- {name: store, mountPath: {{ .Values.store.persistence.mountPath }}}
{{- end }}
{{- if .Values.s3.caConfigMap }}
- {name: s3-ca, mountPath: /etc/gaintrace/s3-ca, readOnly: true}
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* The port of a URL: its own, or its scheme's. */}}
{{- define "gaintrace.port" -}}
{{- $url := urlParse . -}}
{{- $parts := splitList ":" $url.host -}}
{{- if gt (len $parts) 1 }}{{ last $parts }}{{ else if eq $url.scheme "http" }}80{{ else }}443{{ end -}}
{{- end }}

{{/* Whether an optional object is wanted: (list $ enabled apiVersion). */}}
{{- define "gaintrace.wanted" -}}
{{- $enabled := index . 1 | toString -}}
{{- if or (eq $enabled "true") (and (eq $enabled "auto") ((index . 0).Capabilities.APIVersions.Has (index . 2))) }}true{{ end -}}
{{- end }}
