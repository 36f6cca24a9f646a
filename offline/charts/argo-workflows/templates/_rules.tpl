{{- define "argo.rules.controller" -}}
- {apiGroups: [""], resources: [pods, pods/exec], verbs: [create, get, list, watch, update, patch, delete]}
- {apiGroups: [""], resources: [configmaps{{ if not .Values.singleNamespace }}, namespaces{{ end }}], verbs: [get, list, watch]}
- {apiGroups: [""], resources: [persistentvolumeclaims, persistentvolumeclaims/finalizers], verbs: [create, get, update, delete]}
- {apiGroups: [""], resources: [serviceaccounts], verbs: [get, list]}
- {apiGroups: [""], resources: [events], verbs: [create, patch]}
- {apiGroups: [policy], resources: [poddisruptionbudgets], verbs: [create, get, delete]}
- apiGroups: [argoproj.io]
  resources: [workflows, workflows/finalizers, workflowtasksets, workflowtasksets/finalizers, workflowartifactgctasks]
  verbs: [create, get, list, watch, update, patch, delete]
- apiGroups: [argoproj.io]
  resources: [cronworkflows, cronworkflows/finalizers]
  verbs: [get, list, watch, update, patch, delete]
- apiGroups: [argoproj.io]
  resources:
    - workflowtemplates
    - workflowtemplates/finalizers
    {{- if not .Values.singleNamespace }}
    - clusterworkflowtemplates
    - clusterworkflowtemplates/finalizers
    {{- end }}
  verbs: [get, list, watch]
- {apiGroups: [argoproj.io], resources: [workflowtaskresults], verbs: [list, watch, deletecollection]}
- {apiGroups: [""], resources: [secrets], verbs: [get], resourceNames: [argo-workflows-agent-ca-certificates]}
{{- end -}}

{{- define "argo.rules.server" -}}
- {apiGroups: [""], resources: [configmaps], verbs: [get, list, watch{{ if .Values.singleNamespace }}, create, update{{ end }}]}
- {apiGroups: [""], resources: [secrets], verbs: [get, create]}
- {apiGroups: [""], resources: [pods, pods/exec, pods/log], verbs: [get, list, watch, delete]}
- {apiGroups: [""], resources: [events], verbs: [create, patch, watch]}
- {apiGroups: [""], resources: [serviceaccounts], verbs: [get, list, watch]}
- apiGroups: [argoproj.io]
  resources:
    - cronworkflows
    - cronworkflows/finalizers
    - eventsources
    - sensors
    - workfloweventbindings
    - workflows
    - workflowtemplates
    {{- if not .Values.singleNamespace }}
    - clusterworkflowtemplates
    {{- end }}
  verbs: [create, get, list, watch, update, patch, delete]
{{- end -}}
