{{/* What is refused, with a remedy: contradictions, and what would only be found wrong at night. */}}

{{/* Fails where values contradict each other or would only be found wrong at night. */}}
{{- define "driftline.validate" -}}
{{- include "driftline.validate.config" . -}}
{{- include "driftline.validate.baseline" . -}}
{{- include "driftline.validate.references" . -}}
{{- include "driftline.validate.secrets" (dict "at" "config" "key" "" "value" .Values.config) -}}
{{- include "driftline.validate.objects" . -}}
{{- end -}}

{{- define "driftline.validate.config" -}}
{{- $config := .Values.config -}}
{{- if not (and $config.name $config.source) -}}
{{- fail "\n\nThere is nothing to watch yet. Give the daemon's configuration, at least:\n\n  config:\n    name: payments\n    source: {kind: kafka, bootstrap_servers: kafka:9092, topics: [payments], group_id: driftline-payments}\n    fields:\n      amount: {type: number, range: [0, 100000]}\n" -}}
{{- end -}}
{{- if eq (default "kafka" ($config.source).kind) "files" -}}
{{- fail "config.source.kind is files, whose end ends the daemon; use kafka here, and `driftline replay` for files" -}}
{{- end -}}
{{- $path := default .Values.persistence.mountPath ($config.store).path -}}
{{- if ne $path .Values.persistence.mountPath -}}
{{- fail (printf "config.store.path is %s, but the volume is at persistence.mountPath, %s; set persistence.mountPath, and leave config.store.path out" $path .Values.persistence.mountPath) -}}
{{- end -}}
{{- with ($config.http).listen -}}
{{- if ne (regexFind "[0-9]+$" .) (toString $.Values.service.port) -}}
{{- fail (printf "config.http.listen is %s, but service.port is %v; leave config.http.listen out, or give it that port" . $.Values.service.port) -}}
{{- end -}}
{{- if regexMatch "^(127\\.|localhost|\\[::1\\])" . -}}
{{- fail (printf "config.http.listen is %s, which neither the kubelet nor Prometheus can reach; leave it out" .) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "driftline.validate.baseline" -}}
{{- $baseline := .Values.baseline -}}
{{- $kind := default "file" (.Values.config.baseline).kind -}}
{{- if and (ne $baseline.source "store") (not .Values.config.baseline) -}}
{{- fail (printf "baseline.source is %s, but config.baseline is not set, so no window is compared with it" $baseline.source) -}}
{{- end -}}
{{- if and (eq $baseline.source "configMap") (not $baseline.configMap.name) -}}
{{- fail "baseline.source is configMap; say which: baseline.configMap.name" -}}
{{- end -}}
{{- if and (eq $baseline.source "initContainer") (not $baseline.initContainer.image) -}}
{{- fail "baseline.source is initContainer; say which: baseline.initContainer.image" -}}
{{- end -}}
{{- if and $baseline.build.enabled (or (ne $baseline.source "store") (not .Values.config.baseline)) -}}
{{- fail "baseline.build makes a version in the store: it needs config.baseline, and baseline.source: store" -}}
{{- end -}}
{{- with (.Values.config.baseline).path -}}
{{- $wanted := include "driftline.baselinePath" $ -}}
{{- if and (ne . $wanted) (or (ne $baseline.source "store") (not (hasPrefix (printf "%s/" (trimSuffix "/" $.Values.persistence.mountPath)) .))) -}}
{{- fail (printf "config.baseline.path is %s, but with baseline.source %s the baseline is in %s; leave config.baseline.path out" . $baseline.source $wanted) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.config.baseline (eq $baseline.source "store") (has $kind (list "file" "seasonal")) (not (include "driftline.persistent" .)) (not $baseline.build.enabled) -}}
{{- fail (printf "config.baseline.kind is %s, but the store is an empty volume at every start: keep it (kind: StatefulSet with persistence, or persistence.existingClaim), set baseline.build.enabled, or have the baseline come from a ConfigMap or an init container (baseline.source)" $kind) -}}
{{- end -}}
{{- end -}}

{{/* Every ${VAR} and ${file:…} below secrets.filesPath has to come from somewhere. */}}
{{- define "driftline.validate.references" -}}
{{- $text := .Values.config | toYaml | replace "$${" "" -}}
{{- $known := keys .Values.secrets.env -}}
{{- range .Values.extraEnv -}}{{- $known = append $known .name -}}{{- end -}}
{{- range $name, $_ := .Values.secrets.env -}}
{{- if has $name (list "POD_NAME") -}}{{- fail (printf "secrets.env has %s, which the chart sets itself" $name) -}}{{- end -}}
{{- range $.Values.extraEnv -}}
{{- if eq .name $name -}}{{- fail (printf "%s is in secrets.env and in extraEnv; remove one" $name) -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- $known = append $known "POD_NAME" -}}
{{- if not .Values.extraEnvFrom -}}
{{- range regexFindAll "\\$\\{[A-Za-z_][A-Za-z0-9_]*\\}" $text -1 -}}
{{- $name := . | trimPrefix "${" | trimSuffix "}" -}}
{{- if not (has $name $known) -}}
{{- fail (printf "config has ${%s}, which nothing sets: give secrets.env.%s, extraEnv or extraEnvFrom, or a default: ${%s:-…}" $name $name $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $directory := printf "%s/" (trimSuffix "/" .Values.secrets.filesPath) -}}
{{- range regexFindAll "\\$\\{file:[^}]*\\}" $text -1 -}}
{{- $file := . | trimPrefix "${file:" | trimSuffix "}" -}}
{{- if hasPrefix $directory $file -}}
{{- $name := trimPrefix $directory $file -}}
{{- if not (hasKey $.Values.secrets.files $name) -}}
{{- fail (printf "config has %s, which nothing puts there: give secrets.files.%s" . $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* A ConfigMap is no place for a secret: everything that the daemon masks must be a reference. */}}
{{- define "driftline.validate.secrets" -}}
{{- $at := .at -}}
{{- if kindIs "map" .value -}}
{{- $kind := get .value "kind" -}}
{{- range $key, $value := .value -}}
{{- $name := $key -}}
{{- if and (eq $key "url") (has $kind (list "slack" "apprise")) -}}{{- $name = "secret" -}}{{- end -}}
{{- if and (hasSuffix ".headers" $at) (regexMatch "(?i)auth|token|key|secret|cookie" $key) -}}{{- $name = "secret" -}}{{- end -}}
{{- include "driftline.validate.secrets" (dict "at" (printf "%s.%s" $at $key) "key" $name "value" $value) -}}
{{- end -}}
{{- else if kindIs "slice" .value -}}
{{- $key := .key -}}
{{- range $index, $value := .value -}}
{{- include "driftline.validate.secrets" (dict "at" (printf "%s[%d]" $at $index) "key" $key "value" $value) -}}
{{- end -}}
{{- else if .value -}}
{{- $text := toString .value -}}
{{- $secret := has .key (list "password" "key_password" "bearer_token" "token" "routing_key" "secret" "previous_secret") -}}
{{- if or (and $secret (not (contains "${" $text))) (regexMatch "://[^/@\\s$]*:[^/@\\s$]+@" $text) -}}
{{- fail (printf "%s is a secret, and the configuration becomes a ConfigMap, which many may read: write ${VAR} or ${file:/run/secrets/driftline/NAME} there and name the Secret under secrets.env or secrets.files" $at) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "driftline.validate.objects" -}}
{{- if hasKey .Values.configFiles "driftline.yaml" -}}
{{- fail "configFiles has driftline.yaml, which is made of config" -}}
{{- end -}}
{{- if and .Values.serviceMonitor.enabled .Values.podMonitor.enabled -}}
{{- fail "serviceMonitor and podMonitor are both enabled, so everything would be scraped twice; disable one" -}}
{{- end -}}
{{- $budget := .Values.podDisruptionBudget -}}
{{- if and $budget.enabled (not (kindIs "invalid" $budget.minAvailable)) (not (kindIs "invalid" $budget.maxUnavailable)) -}}
{{- fail "podDisruptionBudget has minAvailable and maxUnavailable; set one of them to null" -}}
{{- end -}}
{{- $selector := include "driftline.selector" . | fromYaml -}}
{{- range $key, $_ := merge (dict) .Values.podLabels .Values.commonLabels -}}
{{- if hasKey $selector $key -}}{{- fail (printf "%s cannot be set: selectors depend on it" $key) -}}{{- end -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.hosts) -}}
{{- fail "ingress is enabled; say for which hosts: ingress.hosts" -}}
{{- end -}}
{{- if and .Values.prometheusRule.absentOnly (not .Values.prometheusRule.absentMonitor) -}}
{{- fail "prometheusRule.absentOnly leaves nothing without prometheusRule.absentMonitor; set both" -}}
{{- end -}}
{{- end -}}
