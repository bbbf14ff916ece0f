{{- define "gaintrace.labels" -}}
app.kubernetes.io/name: gaintrace
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Labels and annotations of every pod, besides those that say which it is. */}}
{{- define "gaintrace.podMetadata" -}}
labels:
  app.kubernetes.io/part-of: gaintrace
  {{- with .Values.kueue.queueName }}
  kueue.x-k8s.io/queue-name: {{ . }}
  {{- end }}
  {{- with merge dict .Values.podLabels .Values.commonLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .Values.podAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Security context of every pod. */}}
{{- define "gaintrace.podSecurity" -}}
runAsNonRoot: true
{{- with .Values.podSecurity.user }}
runAsUser: {{ . | int64 }}
runAsGroup: {{ . | int64 }}
fsGroup: {{ . | int64 }}
{{- end }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "gaintrace.pullSecrets" -}}
{{- range .Values.image.pullSecrets }}
- name: {{ . }}
{{- end }}
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
plan-memory: {{ .Values.plan.memory | quote }}
aggregate-memory: {{ .Values.aggregate.memory | quote }}
{{- end }}

{{/* Copies that Argo keeps and its UI shows. */}}
{{- define "gaintrace.artifacts" -}}
artifacts:
- {name: report, path: /tmp/report/report.html, optional: true, archive: {none: {}}}
- {name: results, path: /tmp/report/results.csv, optional: true, archive: {none: {}}}
{{- end }}

{{/* What a training pod gets that a template of Argo has no field for. */}}
{{- define "gaintrace.trainingPatch" -}}
{{- with .Values.training.runtimeClassName }}
runtimeClassName: {{ . }}
{{- end }}
{{- with .Values.training.topologySpreadConstraints }}
topologySpreadConstraints:
{{ toYaml . }}
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

{{/* Where a rule of the network policy leads; nothing, which is anywhere, of an empty list. */}}
{{- define "gaintrace.to" -}}
{{- with . }}to:
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
