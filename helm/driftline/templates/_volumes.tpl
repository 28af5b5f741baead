{{/* The volumes of the pod, and of pods that are not the daemon. */}}

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

{{- define "driftline.emptyStore" -}}
- name: store
  emptyDir:
    sizeLimit: {{ .Values.persistence.emptyDirSizeLimit }}
{{- end -}}

{{/* Those of a pod that is not the daemon: one process at a time may have the store. (dict "root" "config"). */}}
{{- define "driftline.idleVolumes" -}}
{{ include "driftline.emptyStore" .root }}
{{ include "driftline.otherVolumes" . }}
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
