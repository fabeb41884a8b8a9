{{- define "strongroom.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "strongroom.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- $name := include "strongroom.name" . }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{- define "strongroom.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride }}
{{- end }}

{{- define "strongroom.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "strongroom.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "strongroom.selectorLabels" -}}
app.kubernetes.io/name: {{ include "strongroom.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "strongroom.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "strongroom.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* The only namespaces that are looked at, separated by commas; nothing if all are. */}}
{{- define "strongroom.scopedNamespaces" -}}
{{- concat (list .Values.scopedNamespace) (default (list) .Values.scopedNamespaces) | compact | uniq | join "," }}
{{- end }}

{{/* Whether only some namespaces are looked at, with rights in these namespaces only. */}}
{{- define "strongroom.isScoped" -}}
{{- if .Values.scopedRBAC -}}
{{- if not (include "strongroom.scopedNamespaces" .) }}{{ fail "scopedRBAC needs scopedNamespace or scopedNamespaces: where the rights are given" }}{{ end -}}
true
{{- end -}}
{{- end }}

{{/* Whether ClusterSecretStores, and so namespaces, are looked at. */}}
{{- define "strongroom.hasClusterStores" -}}
{{- if and .Values.processClusterStore (not (include "strongroom.isScoped" .)) -}}true{{- end -}}
{{- end }}

{{/* Whether the refresh endpoint has a certificate. */}}
{{- define "strongroom.refreshTls" -}}
{{- if and .Values.refreshApi.enabled .Values.refreshApi.tls.secretName -}}true{{- end -}}
{{- end }}

{{/* To ask who a caller of the refresh endpoint is, and what they may do; of the whole cluster by nature. */}}
{{- define "strongroom.reviewRules" -}}
- apiGroups: [authentication.k8s.io]
  resources: [tokenreviews]
  verbs: [create]
- apiGroups: [authorization.k8s.io]
  resources: [subjectaccessreviews]
  verbs: [create]
{{- end }}

{{/* The kinds of the API that teams write. */}}
{{- define "strongroom.userRules" -}}
- apiGroups: [external-secrets.io, generators.external-secrets.io, generators.strongroom.dev, strongroom.dev]
  resources:
    - externalsecrets
    - secretstores
    - clustersecretstores
    - acraccesstokens
    - beyondtrustworkloadcredentialsdynamicsecrets
    - cloudsmithaccesstokens
    - clustergenerators
    - ecrauthorizationtokens
    - fakes
    - gcraccesstokens
    - generatorstates
    - githubaccesstokens
    - gitlabdeploytokens
    - grafanas
    - mfas
    - passwords
    - quayaccesstokens
    - secretleases
    - sshkeys
    - stssessiontokens
    - syncpolicies
    - uuids
    - vaultcertificates
    - vaultdynamicsecrets
    - vaultfolders
    - vaultrequests
    - vaultstaticroles
    - webhooks
{{- end }}

{{/* Whether a kind of the Prometheus operator is to be rendered. Takes root, kind and its values. */}}
{{- define "strongroom.rendersMonitor" -}}
{{- $served := .root.Capabilities.APIVersions.Has (printf "monitoring.coreos.com/v1/%s" .kind) -}}
{{- if not (has .values.renderMode (list "skipIfMissing" "failIfMissing" "alwaysRender")) }}
{{- fail (printf "renderMode is %q; it is one of skipIfMissing, failIfMissing, alwaysRender" .values.renderMode) }}
{{- end -}}
{{- if .values.enabled -}}
{{- if or $served (eq .values.renderMode "alwaysRender") -}}
true
{{- else if eq .values.renderMode "failIfMissing" -}}
{{- fail (printf "the cluster has no %s (monitoring.coreos.com/v1)" .kind) -}}
{{- end -}}
{{- end -}}
{{- end }}
