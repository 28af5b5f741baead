{{/* The pod, the same in a StatefulSet and a Deployment. */}}

{{- define "driftline.pod" -}}
metadata:
  labels:
    {{- toYaml (merge (include "driftline.selector" . | fromYaml) .Values.podLabels .Values.commonLabels) | nindent 4 }}
  annotations:
    kubectl.kubernetes.io/default-container: driftline
    {{- if eq .Values.reload "checksum" }}
    checksum/config: {{ include "driftline.files" . | sha256sum }}
    {{- else }}
    checksum/restart: {{ include "driftline.restartParts" . | sha256sum }}
    {{- end }}
    {{- with merge (dict) .Values.podAnnotations .Values.commonAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "driftline.serviceAccountName" . }}
  automountServiceAccountToken: {{ .Values.serviceAccount.automount }}
  # Variables such as DRIFTLINE_PORT would be taken for ours.
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
  securityContext:
    {{- toYaml .Values.podSecurityContext | nindent 4 }}
  {{- with include "driftline.placement" . | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- with include "driftline.initContainers" . | trim }}
  initContainers:
    {{- . | nindent 4 }}
  {{- end }}
  containers:
    {{- include "driftline.container" . | nindent 4 }}
    {{- with .Values.extraContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  volumes:
    {{- include "driftline.volumes" . | trim | nindent 4 }}
{{- end -}}

{{- define "driftline.placement" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.runtimeClassName }}
runtimeClassName: {{ . }}
{{- end }}
{{- with .Values.schedulerName }}
schedulerName: {{ . }}
{{- end }}
{{- with .Values.dnsPolicy }}
dnsPolicy: {{ . }}
{{- end }}
{{- with .Values.dnsConfig }}
dnsConfig:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.hostAliases }}
hostAliases:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

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

{{- define "driftline.volumes" -}}
{{- if .Values.persistence.existingClaim }}
- name: store
  persistentVolumeClaim:
    claimName: {{ .Values.persistence.existingClaim }}
{{- else if not (include "driftline.persistent" .) }}
{{ include "driftline.emptyStore" . }}
{{- end }}
{{ include "driftline.otherVolumes" (dict "root" . "config" (include "driftline.fullname" .)) }}
{{- end -}}

{{/* Those of a pod that is not the daemon: one process at a time may have the store. (dict "root" "config"). */}}
{{- define "driftline.idleVolumes" -}}
{{ include "driftline.emptyStore" .root }}
{{ include "driftline.otherVolumes" . }}
{{- end -}}

{{- define "driftline.emptyStore" -}}
- name: store
  emptyDir:
    sizeLimit: {{ .Values.persistence.emptyDirSizeLimit }}
{{- end -}}

{{/* (dict "root" "config"): config is the name of the ConfigMap. */}}
{{- define "driftline.otherVolumes" -}}
{{- $values := .root.Values -}}
- name: config
  configMap:
    name: {{ .config }}
- name: tmp
  emptyDir:
    sizeLimit: {{ $values.tmpSizeLimit }}
{{- if eq $values.baseline.source "configMap" }}
- name: baseline
  configMap:
    name: {{ $values.baseline.configMap.name }}
{{- else if eq $values.baseline.source "initContainer" }}
- name: baseline
  emptyDir:
    sizeLimit: {{ $values.tmpSizeLimit }}
{{- end }}
{{- with $values.secrets.files }}
- name: secrets
  projected:
    # Readable by the daemon's group alone.
    defaultMode: 0440
    sources:
      {{- range $file, $from := . }}
      - secret:
          name: {{ $from.name }}
          {{- with $from.optional }}
          optional: {{ . }}
          {{- end }}
          items:
            - key: {{ $from.key }}
              path: {{ $file }}
      {{- end }}
{{- end }}
{{- with $values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}
