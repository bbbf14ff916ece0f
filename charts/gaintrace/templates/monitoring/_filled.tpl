{{/* What stands between @ in rules and dashboards, filled in: (list $ text). Numbers stand between quotes in JSON. */}}
{{- define "gaintrace.filled" -}}
{{- $top := index . 0 -}}
{{- $text := regexReplaceAll "\"@(nightly[A-Za-z]+)@\"" (index . 1) "@${1}@" -}}
{{- $period := include "gaintrace.nightlyPeriod" $top.Values.nightly.schedule | int -}}
{{- /* Without a Pushgateway no verdict is ever seen, so none is missed. */ -}}
{{- $watched := and $top.Values.nightly.enabled $top.Values.metrics.pushgateway -}}
{{- $values := dict
  "namespace" $top.Release.Namespace
  "release" $top.Release.Name
  "releaseId" (include "gaintrace.releaseId" $top)
  "serviceAccount" $top.Values.serviceAccount.name
  "gpuResource" (regexReplaceAll "[^a-zA-Z0-9_]" $top.Values.gpu.resourceName "_")
  "hourlyPrice" $top.Values.gpu.hourlyPrice
  "nightlyDataSets" (ternary (len $top.Values.nightly.datasets) 0 (not (empty $watched)))
  "nightlyPeriod" $period
  "nightlyLate" (div (mul $period 3) 2)
  "nightlyTwice" (mul $period 2)
-}}
{{- range $name, $value := $values }}{{ $text = replace (printf "@%s@" $name) (toString $value) $text }}{{ end -}}
{{- $text -}}
{{- end }}

{{/* Tells releases of a Grafana apart, and is short: a dashboard's uid has 40 characters at most. */}}
{{- define "gaintrace.releaseId" -}}
{{- printf "%s/%s" .Release.Namespace .Release.Name | sha256sum | trunc 8 -}}
{{- end }}

{{/* Seconds between two nights of a schedule; where they are uneven the longest, by 31 days to a month. */}}
{{- define "gaintrace.nightlyPeriod" -}}
{{- $named := dict "@hourly" "0 * * * *" "@daily" "0 0 * * *" "@midnight" "0 0 * * *" "@weekly" "0 0 * * 0" "@monthly" "0 0 1 * *" "@yearly" "0 0 1 1 *" "@annually" "0 0 1 1 *" -}}
{{- $fields := splitList " " (get $named . | default .) -}}
{{- if ne (len $fields) 5 }}{{ fail (printf "nightly.schedule: %s is none of Argo's names; write five fields, as in 0 2 * * *" .) }}{{ end -}}
{{- $minutes := include "gaintrace.cronGap" (list (index $fields 0) 0 60) | int -}}
{{- $hours := include "gaintrace.cronGap" (list (index $fields 1) 0 24) | int -}}
{{- $dates := include "gaintrace.cronGap" (list (index $fields 2) 1 31) | int -}}
{{- $months := include "gaintrace.cronGap" (list (index $fields 3) 1 12) | int -}}
{{- $weekdays := include "gaintrace.cronGap" (list (index $fields 4) 0 7) | int -}}
{{- /* Cron runs on either where both dates and days of the week are restricted. */ -}}
{{- $days := ternary (min $dates $weekdays) (max $dates $weekdays) (and (gt $dates 1) (gt $weekdays 1)) -}}
{{- if gt $months 1 }}{{ mul $months 31 86400 -}}
{{- else if gt $days 1 }}{{ mul $days 86400 -}}
{{- else if gt $hours 1 }}{{ mul $hours 3600 -}}
{{- else }}{{ mul $minutes 60 }}{{ end -}}
{{- end }}

{{/* The longest way between two values of a cron field, going round: (list field first size). */}}
{{- define "gaintrace.cronGap" -}}
{{- $first := index . 1 -}}
{{- $size := index . 2 -}}
{{- $last := sub (add $first $size) 1 -}}
{{- $field := index . 0 | upper -}}
{{- range $number, $name := list "SUN" "MON" "TUE" "WED" "THU" "FRI" "SAT" }}{{ $field = replace $name (toString $number) $field }}{{ end -}}
{{- range $number, $name := list "JAN" "FEB" "MAR" "APR" "MAY" "JUN" "JUL" "AUG" "SEP" "OCT" "NOV" "DEC" }}{{ $field = replace $name (toString (add $number 1)) $field }}{{ end -}}
{{- $hits := dict -}}
{{- range $part := splitList "," $field -}}
  {{- $span := index (splitList "/" $part) 0 -}}
  {{- $ends := splitList "-" (ternary (printf "%d-%d" $first $last) $span (has $span (list "*" "?"))) -}}
  {{- /* A single value with a step goes on to the end. */ -}}
  {{- $to := ternary $last (last $ends | int64) (and (contains "/" $part) (eq (len $ends) 1)) -}}
  {{- $step := ternary (splitList "/" $part | last | int) 1 (contains "/" $part) -}}
  {{- range $value := untilStep (index $ends 0 | int) (add $to 1 | int) (max $step 1 | int) }}{{ $_ := set $hits (mod $value $size | toString) true }}{{ end -}}
{{- end -}}
{{- $gap := 0 -}}
{{- $before := -1 -}}
{{- range $value := until (mul 2 $size | int) -}}
  {{- if hasKey $hits (mod $value $size | toString) -}}
    {{- if ge $before 0 }}{{ $gap = max $gap (sub $value $before) | int }}{{ end -}}
    {{- $before = $value -}}
  {{- end -}}
{{- end -}}
{{- $gap -}}
{{- end }}
