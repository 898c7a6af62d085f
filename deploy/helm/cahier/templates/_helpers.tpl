{{/* Names start with the release's name; a Service's name must begin with a letter. */}}
{{- define "cahier.fullname" -}}
{{- $name := .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- regexMatch "^[a-z]" $name | ternary $name (printf "cahier-%s" $name) -}}
{{- end -}}

{{/* Labels that select pods: (dict "root" $ "component" "budget"). They may never change. */}}
{{- define "cahier.selector" -}}
app.kubernetes.io/name: cahier
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "cahier.labels" -}}
{{ include "cahier.selector" . }}
app.kubernetes.io/part-of: cahier
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end -}}

{{/* Selects the pods of one kind (service, portal, nats, job, test), whatever the unit. */}}
{{- define "cahier.kindSelector" -}}
app.kubernetes.io/name: cahier
app.kubernetes.io/instance: {{ .root.Release.Name }}
cahier/kind: {{ .kind }}
{{- end -}}

{{/* All settings of one service: its own over unitDefaults. (dict "root" $ "name" "budget") */}}
{{- define "cahier.service" -}}
{{- $own := index .root.Values.services .name | default dict -}}
{{- $unit := mergeOverwrite (deepCopy .root.Values.unitDefaults) (deepCopy $own) -}}
{{- $_ := set $unit "dsnSecret" ($unit.postgresSecret | default .root.Values.postgres.existingSecret) -}}
{{- if not $unit.roles }}{{ $_ := set $unit "roles" (dict "all" 1) }}{{ end -}}
{{- $processes := 0 -}}
{{- range $unit.roles }}{{ $processes = add $processes . }}{{ end -}}
{{- if and (not $unit.dsnSecret) (ne (toJson $unit.roles) "{\"all\":1}") -}}
{{- fail (printf "services.%s.roles: on SQLite a service is one process; set postgres.existingSecret to split or replicate it" .name) -}}
{{- end -}}
{{- if and (gt (int $processes) 1) (ne $unit.persistence.accessMode "ReadWriteMany") -}}
{{- fail (printf "services.%s: %d processes share the keys in its volume: set persistence.accessMode to ReadWriteMany" .name $processes) -}}
{{- end -}}
{{- toYaml $unit -}}
{{- end -}}

{{- define "cahier.portal" -}}
{{- toYaml (mergeOverwrite (deepCopy .Values.unitDefaults) (deepCopy .Values.portal)) -}}
{{- end -}}

{{/* Names of the services that are deployed, in the order in which they need each other's events. */}}
{{- define "cahier.services" -}}
{{- $order := list "identity" "consultation" "reporting" "budget" "notifications" -}}
{{- $names := list -}}
{{- range $order -}}
{{- $unit := include "cahier.service" (dict "root" $ "name" .) | fromYaml -}}
{{- if $unit.enabled }}{{ $names = append $names . }}{{ end -}}
{{- end -}}
{{- join " " $names -}}
{{- end -}}

{{- define "cahier.image" -}}
{{ .root.Values.image.repository }}-{{ .name }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}
{{- end -}}

{{- define "cahier.serviceAccount" -}}
{{ .Values.serviceAccount.name | default (include "cahier.fullname" .) }}
{{- end -}}

{{- define "cahier.tokenSecret" -}}
{{ .Values.tokenKey.existingSecret | default (printf "%s-token" (include "cahier.fullname" .)) }}
{{- end -}}

{{- define "cahier.sessionSecret" -}}
{{ .Values.sessionKey.existingSecret | default (printf "%s-session" (include "cahier.fullname" .)) }}
{{- end -}}

{{- define "cahier.publicUrl" -}}
{{- if .Values.portal.publicUrl -}}
{{ .Values.portal.publicUrl }}
{{- else if and .Values.ingress.enabled .Values.ingress.host -}}
{{ ternary "https" "http" (ne .Values.ingress.tlsSecret "") }}://{{ .Values.ingress.host }}
{{- else -}}
http://{{ include "cahier.fullname" . }}-portal:8080
{{- end -}}
{{- end -}}

{{- define "cahier.logKeysSecret" -}}
{{ .Values.publicLog.keysSecret | default (printf "%s-log-keys" (include "cahier.fullname" .)) }}
{{- end -}}

{{/* The public logs' host: as given, else the public URL's. */}}
{{- define "cahier.logHost" -}}
{{- .Values.publicLog.host | default (urlParse (include "cahier.publicUrl" .) | dig "host" "") -}}
{{- end -}}

{{/* The key files of a service's log: (dict "name" "budget" "unit" settings). */}}
{{- define "cahier.logKeyFiles" -}}
{{- join "," (.unit.logKeys | default (list (printf "%s.pem" .name))) -}}
{{- end -}}

{{/* Keys as paths; URIs of tokens as they stand. */}}
{{- define "cahier.logKeyPlaces" -}}
{{- $places := list -}}
{{- range splitList "," (include "cahier.logKeyFiles" .) -}}
{{- $places = append $places (hasPrefix "pkcs11:" . | ternary . (printf "/etc/cahier/log/%s" .)) -}}
{{- end -}}
{{- join "," $places -}}
{{- end -}}

{{/* The public log of one service: (dict "root" $ "name" "budget" "unit" settings). */}}
{{- define "cahier.logEnv" -}}
{{- $prefix := upper .name -}}
- {name: {{ $prefix }}_LOG_KEYS, value: {{ include "cahier.logKeyPlaces" . | quote }}}
- {name: {{ $prefix }}_LOG_ORIGIN, value: {{ printf "%s/tlog/%s" (include "cahier.logHost" .root) .name | quote }}}
- {name: {{ $prefix }}_LOG_CHECKPOINT_S, value: {{ .root.Values.publicLog.checkpointSeconds | quote }}}
{{- $lock := .root.Values.publicLog.lockSecret | default .unit.dsnSecret }}
{{- if $lock }}
- name: {{ $prefix }}_LOG_LOCK
  valueFrom: {secretKeyRef: {name: {{ $lock }}, key: {{ .root.Values.postgres.key }}}}
{{- else }}
- {name: {{ $prefix }}_LOG_LOCK, value: /lock/{{ .name }}.db}
{{- end }}
# On other storage than the events: a backup of those must not bring forgotten persons back.
- {name: {{ $prefix }}_ERASURE_LIST, value: {{ empty $lock | ternary "/lock/erasures" "/data/erasures" }}}
{{- if .unit.dsnSecret }}
# Every process of the service serves the log.
- {name: {{ $prefix }}_LOG_TILES, value: store}
{{- end }}
{{- if .root.Values.publicLog.policyConfigMap }}
- {name: {{ $prefix }}_LOG_POLICY, value: /etc/cahier/policy/policy}
{{- end }}
{{- end -}}

{{/* One variable with the bus's URL: (dict "root" $ "variable" "BUDGET_NATS_URL"). */}}
{{- define "cahier.natsEnv" -}}
- name: {{ .variable }}
  {{- if .root.Values.nats.existingSecret }}
  valueFrom: {secretKeyRef: {name: {{ .root.Values.nats.existingSecret }}, key: url}}
  {{- else if .root.Values.nats.url }}
  value: {{ .root.Values.nats.url | quote }}
  {{- else if .root.Values.nats.enabled }}
  value: nats://{{ include "cahier.fullname" .root }}-nats:4222
  {{- else }}
  {{- fail "nats.enabled is false: set nats.url or nats.existingSecret" }}
  {{- end }}
{{- end -}}

{{/* Settings that every unit has: (dict "root" $ "name" "budget" "unit" settings). */}}
{{- define "cahier.commonEnv" -}}
{{- $prefix := upper .name -}}
- {name: {{ $prefix }}_CITY, value: {{ .root.Values.city | quote }}}
- {name: {{ $prefix }}_DATA_DIR, value: /data}
- {name: {{ $prefix }}_HOST, value: 0.0.0.0}
- {name: {{ $prefix }}_LOG_LEVEL, value: {{ .root.Values.logLevel }}}
{{- with .root.Values.otlpEndpoint }}
- {name: {{ $prefix }}_OTLP_ENDPOINT, value: {{ . | quote }}}
{{- end }}
{{- end -}}

{{/* What the values add. */}}
{{- define "cahier.extraEnv" -}}
{{- range $key, $value := .env }}
- {name: {{ $key }}, value: {{ $value | quote }}}
{{- end }}
{{- range $key, $secret := .secretEnv }}
- name: {{ $key }}
  valueFrom: {secretKeyRef: {name: {{ $secret.name }}, key: {{ $secret.key }}}}
{{- end }}
{{- end -}}

{{- define "cahier.serviceEnv" -}}
{{- $prefix := upper .name -}}
{{ include "cahier.commonEnv" . }}
- {name: {{ $prefix }}_GRPC_PORT, value: "50051"}
- {name: {{ $prefix }}_HTTP_PORT, value: "8081"}
- {name: {{ $prefix }}_TOKEN_PUBLIC_KEYS, value: /etc/cahier/token/token.pub.pem}
{{- if eq .name "identity" }}
- {name: {{ $prefix }}_TOKEN_PRIVATE_KEY, value: /etc/cahier/token/token.pem}
{{- end }}
{{ include "cahier.natsEnv" (dict "root" .root "variable" (printf "%s_NATS_URL" $prefix)) }}
{{ include "cahier.logEnv" . }}
{{- if .unit.dsnSecret }}
- name: {{ $prefix }}_STORE_DSN
  valueFrom: {secretKeyRef: {name: {{ .unit.dsnSecret }}, key: {{ .root.Values.postgres.key }}}}
{{- end }}
{{- if eq .name "notifications" }}
- {name: {{ $prefix }}_PORTAL_URL, value: {{ include "cahier.publicUrl" .root | quote }}}
{{- with .root.Values.smtp.sender }}
- {name: {{ $prefix }}_SENDER, value: {{ . | quote }}}
{{- end }}
{{- with .root.Values.smtp.existingSecret }}
- name: {{ $prefix }}_SMTP_URL
  valueFrom: {secretKeyRef: {name: {{ . }}, key: {{ $.root.Values.smtp.key }}}}
{{- end }}
{{- end }}
{{- include "cahier.extraEnv" .unit }}
{{- end -}}

{{/* What every pod of a unit is refused. enableServiceLinks: else Kubernetes would add variables
     such as PORTAL_PORT=tcp://... for a Service called portal, and units would believe them. */}}
{{- define "cahier.podSecurity" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "cahier.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end -}}

{{- define "cahier.pullSecrets" }}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end -}}

{{- define "cahier.placement" }}
{{- with .nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Alive while the event loop answers; ready while commands are served. Starting may take as
     long as replaying a whole log does. */}}
{{- define "cahier.probes" -}}
startupProbe:
  httpGet: {path: /healthz, port: http}
  periodSeconds: 2
  failureThreshold: 150
livenessProbe:
  httpGet: {path: /healthz, port: http}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /readyz, port: http}
  periodSeconds: 5
  timeoutSeconds: 3
  failureThreshold: 2
{{- end -}}
