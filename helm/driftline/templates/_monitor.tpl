{{/* What a ServiceMonitor and a PodMonitor have in common: an endpoint, of (dict "root" "monitor"). */}}
{{- define "driftline.endpoint" -}}
{{- $monitor := .monitor -}}
port: http
path: /metrics
scheme: {{ include "driftline.scheme" .root | lower }}
honorLabels: {{ $monitor.honorLabels }}
{{- with $monitor.interval }}
interval: {{ . }}
{{- end }}
{{- with $monitor.scrapeTimeout }}
scrapeTimeout: {{ . }}
{{- end }}
{{- with $monitor.tlsConfig }}
tlsConfig:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with include "driftline.authorization" . }}
authorization:
  {{- . | nindent 2 }}
{{- end }}
{{- with $monitor.relabelings }}
relabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $monitor.metricRelabelings }}
metricRelabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Where Prometheus finds the token: as the values say, else where the daemon does. Fails where neither says so. */}}
{{- define "driftline.authorization" -}}
{{- $token := (.root.Values.config.http).token -}}
{{- if .monitor.authorization -}}
{{- toYaml .monitor.authorization -}}
{{- else if $token -}}
{{- $from := get .root.Values.secrets.env ($token | trimPrefix "${" | trimSuffix "}") -}}
{{- $directory := printf "${file:%s/" (trimSuffix "/" .root.Values.secrets.filesPath) -}}
{{- if hasPrefix $directory $token -}}
{{- $from = get .root.Values.secrets.files ($token | trimPrefix $directory | trimSuffix "}") -}}
{{- end -}}
{{- if not $from -}}
{{- fail "config.http.token is set, so Prometheus would be refused: say where it finds the token, in authorization of the monitor" -}}
{{- end -}}
credentials:
  name: {{ $from.name }}
  key: {{ $from.key }}
{{- end -}}
{{- end -}}
