{{/* The containers of the pod. */}}

{{- define "driftline.initContainers" -}}
{{- $baseline := .Values.baseline -}}
{{- with .Values.initContainers }}
{{- toYaml . }}
{{- end }}
{{- if .Values.checkConfig.enabled }}
- name: check-config
  {{- include "driftline.own" (dict "root" . "resources" .Values.checkConfig.resources) | nindent 2 }}
  args: [check, --config, /etc/driftline/driftline.yaml]
{{- end }}
{{- if eq $baseline.source "initContainer" }}
- name: fetch-baseline
  image: {{ $baseline.initContainer.image }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  {{- with $baseline.initContainer.command }}
  command:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $baseline.initContainer.args }}
  args:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- toYaml .Values.securityContext | nindent 4 }}
  env:
    - name: BASELINE_PATH
      value: {{ include "driftline.baselinePath" . }}
    {{- with $baseline.initContainer.env }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with $baseline.initContainer.envFrom }}
  envFrom:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $baseline.initContainer.resources }}
  resources:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  volumeMounts:
    - name: baseline
      mountPath: {{ include "driftline.baselinePath" . }}
    - name: tmp
      mountPath: /tmp
    {{- with $baseline.initContainer.volumeMounts }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}
{{- if $baseline.build.enabled }}
- name: build-baseline
  {{- include "driftline.own" (dict "root" . "resources" $baseline.build.resources) | nindent 2 }}
  command: [/bin/sh, -ec]
  args:
    - |
      if [ -s "$0/current" ]; then echo "there is a baseline in $0"; exit 0; fi
      exec driftline baseline build --config /etc/driftline/driftline.yaml "$@"
    - {{ default (include "driftline.baselinePath" .) (.Values.config.baseline).path }}
    {{- with $baseline.build.from }}
    - --from
    - {{ . | quote }}
    {{- end }}
    {{- with $baseline.build.to }}
    - --to
    - {{ . | quote }}
    {{- end }}
{{- end }}
{{- end -}}

{{- define "driftline.container" -}}
- name: driftline
  {{- include "driftline.own" (dict "root" . "resources" .Values.resources) | nindent 2 }}
  args:
    - run
    - --config
    - /etc/driftline/driftline.yaml
    - --log-level
    - {{ .Values.logLevel }}
    {{- with .Values.extraArgs }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  ports:
    - name: http
      containerPort: {{ .Values.service.port }}
      protocol: TCP
  {{- range $name, $path := dict "startup" "/livez" "liveness" "/livez" "readiness" "/readyz" }}
  {{- $probe := get $.Values.probes $name }}
  {{- if $probe.enabled }}
  {{ $name }}Probe:
    httpGet:
      path: {{ $path }}
      port: http
      scheme: {{ include "driftline.scheme" $ }}
    {{- toYaml (omit $probe "enabled") | nindent 4 }}
  {{- end }}
  {{- end }}
  {{- with .Values.lifecycle }}
  lifecycle:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{/* What every container of our image has: (dict "root" "resources"). */}}
{{- define "driftline.own" -}}
{{- $values := .root.Values -}}
image: {{ include "driftline.image" .root }}
imagePullPolicy: {{ $values.image.pullPolicy }}
securityContext:
  {{- toYaml $values.securityContext | nindent 2 }}
env:
  - name: POD_NAME
    valueFrom:
      fieldRef:
        fieldPath: metadata.name
  {{- range $name, $from := $values.secrets.env }}
  - name: {{ $name }}
    valueFrom:
      secretKeyRef:
        {{- toYaml $from | nindent 8 }}
  {{- end }}
  {{- with $values.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with $values.extraEnvFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
volumeMounts:
  - name: config
    mountPath: /etc/driftline
    readOnly: true
  - name: store
    mountPath: {{ $values.persistence.mountPath }}
  - name: tmp
    mountPath: /tmp
  {{- if ne $values.baseline.source "store" }}
  - name: baseline
    mountPath: {{ include "driftline.baselinePath" .root }}
    readOnly: true
  {{- end }}
  {{- if $values.secrets.files }}
  - name: secrets
    mountPath: {{ $values.secrets.filesPath }}
    readOnly: true
  {{- end }}
  {{- with $values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}
