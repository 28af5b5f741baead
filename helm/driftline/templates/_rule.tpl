{{/* One rule of alerts/ as the values want it, or nothing where they do not: (dict "root" "rule"). */}}
{{- define "driftline.rule" -}}
{{- $values := .root.Values.prometheusRule -}}
{{- $rule := deepCopy .rule -}}
{{- if $rule.alert -}}
{{- $change := default dict (get $values.alerts $rule.alert) -}}
{{- if and (ne (toString $change.enabled) "false") (not (and $values.absentMonitor (eq $rule.alert "DriftlineAbsent"))) -}}
{{- /* The generator has put the default beside the expression: a number, or a factor of an objective. */ -}}
{{- if hasKey $rule "threshold" -}}
{{- $threshold := ternary $change.threshold $rule.threshold (hasKey $change "threshold") -}}
{{- $_ := set $rule "expr" ($rule.expr | replace "__threshold__" (toString $threshold)) -}}
{{- else if hasKey $rule "objective" -}}
{{- $budget := get $values.objectives $rule.objective -}}
{{- $_ := set $rule "expr" ($rule.expr | replace "__threshold__" (printf "%.6g" (mulf $rule.factor $budget))) -}}
{{- $text := $rule.annotations.description | replace "__objective__" (printf "%.6g %%" (mulf 100 $budget)) -}}
{{- $_ := set $rule.annotations "description" $text -}}
{{- end -}}
{{- $_ := set $rule.annotations "runbook_url" ($values.runbookUrl | replace "{alert}" $rule.alert) -}}
{{- if and $values.grafanaUrl $rule.annotations.dashboard_url -}}
{{- $_ := set $rule.annotations "dashboard_url" ($rule.annotations.dashboard_url | replace "https://grafana.example/" (printf "%s/" (trimSuffix "/" $values.grafanaUrl))) -}}
{{- end -}}
{{- $labels := merge (dict) (default dict $change.labels) $values.alertLabels (default dict $rule.labels) -}}
{{- with $change.severity -}}{{- $_ := set $labels "severity" . -}}{{- end -}}
{{- if $labels -}}{{- $_ := set $rule "labels" $labels -}}{{- end -}}
{{- $_ := set $rule "annotations" (merge (dict) (default dict $change.annotations) $values.alertAnnotations $rule.annotations) -}}
{{- with get $change "for" -}}{{- $_ := set $rule "for" . -}}{{- end -}}
{{- with $change.keepFiringFor -}}{{- $_ := set $rule "keep_firing_for" . -}}{{- end -}}
{{- toYaml (omit $rule "threshold" "objective" "factor") -}}
{{- end -}}
{{- else -}}
{{- toYaml $rule -}}
{{- end -}}
{{- end -}}

{{/* The group that says of this monitor, by name, that it is absent. */}}
{{- define "driftline.absent" -}}
{{- $values := .Values.prometheusRule -}}
{{- $change := default dict $values.alerts.DriftlineAbsent -}}
name: driftline-absent-{{ .Values.config.name }}
rules:
  - alert: DriftlineAbsent
    expr: absent(driftline_ready{monitor={{ .Values.config.name | quote }}})
    for: {{ default "5m" (get $change "for") }}
    {{- with $change.keepFiringFor }}
    keep_firing_for: {{ . }}
    {{- end }}
    labels:
      {{- toYaml (merge (dict) (default dict $change.labels) $values.alertLabels (dict "severity" (default "critical" $change.severity))) | nindent 6 }}
    annotations:
      {{- $annotations := dict "summary" (printf "The Driftline daemon of %s is not scraped" .Values.config.name) }}
      {{- $_ := set $annotations "description" (printf "Prometheus has had no metrics of monitor %s. Nobody watches its data." .Values.config.name) }}
      {{- $_ := set $annotations "runbook_url" ($values.runbookUrl | replace "{alert}" "DriftlineAbsent") }}
      {{- toYaml (merge (dict) (default dict $change.annotations) $values.alertAnnotations $annotations) | nindent 6 }}
{{- end -}}
