{{- define "argo.fullname" -}}
{{- $name := .Values.nameOverride | default .Chart.Name -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- .Values.fullnameOverride | default $full | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- /* A part is "controller" or "server". */ -}}
{{- define "argo.partname" -}}
{{- printf "%s-%s" (include "argo.fullname" .root) (index .root.Values .part).name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "argo.account" -}}
{{- $account := (index .root.Values .part).serviceAccount -}}
{{- $account.name | default (ternary (include "argo.partname" .) "default" $account.create) -}}
{{- end -}}

{{- define "argo.configmap" -}}
{{- include "argo.partname" (dict "root" . "part" "controller") }}-configmap
{{- end -}}

{{- define "argo.image" -}}
{{- $tag := .image.tag | default .root.Values.images.tag | default .root.Chart.AppVersion -}}
{{- with .image.registry }}{{ . }}/{{ end }}{{ .image.repository }}:{{ $tag }}
{{- end -}}

{{- define "argo.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}-{{ (index .root.Values .part).name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end -}}

{{- define "argo.labels" -}}
{{ include "argo.selector" . }}
app.kubernetes.io/component: {{ (index .root.Values .part).name }}
app.kubernetes.io/part-of: argo-workflows
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/version: {{ .root.Values.images.tag | default .root.Chart.AppVersion | quote }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end -}}

{{- /* What the two deployments' pods have in common. */ -}}
{{- define "argo.podspec" -}}
{{- $part := index .root.Values .part -}}
serviceAccountName: {{ include "argo.account" . }}
{{- range $key := list "nodeSelector" "tolerations" "affinity" "priorityClassName" }}
{{- with index $part $key }}
{{ $key }}: {{ toJson . }}
{{- end }}
{{- end }}
{{- with .root.Values.images.pullSecrets }}
imagePullSecrets: {{ toJson . }}
{{- end }}
securityContext: {{ toJson $part.podSecurityContext }}
{{- end -}}
