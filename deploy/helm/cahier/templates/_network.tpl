{{/* Parts of NetworkPolicies; kinds are those of cahier.kindSelector. */}}
{{- define "cahier.policyHead" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include "cahier.fullname" .root }}-{{ .kind }}
  labels: {{- include "cahier.labels" (dict "root" .root "component" .kind) | nindent 4 }}
spec:
  podSelector:
    matchLabels: {{- include "cahier.kindSelector" . | nindent 6 }}
  policyTypes: [Ingress, Egress]
{{- end }}
{{- define "cahier.peer" -}}
podSelector:
  matchLabels: {{- include "cahier.kindSelector" . | nindent 4 }}
{{- end }}
{{- define "cahier.outside" -}}
- ports:
    - {port: 53, protocol: UDP}
    - {port: 53, protocol: TCP}
{{- with .Values.networkPolicy.egressPorts }}
- ports:
    {{- range . }}
    - {port: {{ . }}, protocol: TCP}
    {{- end }}
{{- end }}
{{- end }}
