{{/* The daemon's configuration. */}}

{{/* The configuration as YAML: the values, and what follows from the pod where they do not say it. */}}
{{- define "driftline.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- $store := default dict $config.store -}}
{{- if not $store.path -}}{{- $_ := set $store "path" .Values.persistence.mountPath -}}{{- end -}}
{{- $http := default dict $config.http -}}
{{- if not $http.listen -}}{{- $_ := set $http "listen" (printf "0.0.0.0:%v" .Values.service.port) -}}{{- end -}}
{{- if and $config.baseline (not ($config.baseline).path) -}}
{{- $_ := set $config.baseline "path" (include "driftline.baselinePath" .) -}}
{{- end -}}
{{- $_ := set $config "store" $store -}}
{{- $_ := set $config "http" $http -}}
{{- toYaml $config -}}
{{- end -}}

{{/* The parts that a running daemon cannot take, so that they restart it in any case: RESTART in the daemon's code. */}}
{{- define "driftline.restartParts" -}}
{{- $config := include "driftline.config" . | fromYaml -}}
{{- toYaml (dict "name" $config.name "source" $config.source "path" $config.store.path "listen" $config.http.listen "tls" $config.http.tls) -}}
{{- end -}}

{{- define "driftline.baselinePath" -}}
{{- if eq .Values.baseline.source "store" -}}
{{- printf "%s/baselines/%s" (trimSuffix "/" .Values.persistence.mountPath) .Values.config.name -}}
{{- else -}}
/etc/driftline-baseline
{{- end -}}
{{- end -}}

{{/* HTTPS or HTTP, as probes write it. */}}
{{- define "driftline.scheme" -}}
{{- if (.Values.config.http).tls -}}HTTPS{{- else -}}HTTP{{- end -}}
{{- end -}}

{{/* Whether a claim holds the store: of its own or one that exists; empty for no. */}}
{{- define "driftline.persistent" -}}
{{- if or .Values.persistence.existingClaim (and (eq .Values.kind "StatefulSet") .Values.persistence.enabled) -}}true{{- end -}}
{{- end -}}
