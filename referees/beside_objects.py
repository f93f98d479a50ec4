"""The objects that beside.py makes on both clusters, by file."""
WEB = """apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: {app: web, side: beside}
spec:
  replicas: %d
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: main
        image: %s
        ports:
        - {name: http, containerPort: 8080}
        resources:
          requests: {cpu: 10m, memory: 16Mi}
          limits: {memory: 32Mi}
        env:
        - {name: COLOR, valueFrom: {configMapKeyRef: {name: settings, key: color}}}
        - {name: PLAIN, value: text}
        - {name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
        volumeMounts:
        - {name: settings, mountPath: /etc/settings}
      volumes:
      - name: settings
        configMap: {name: settings}
"""
OBJECTS = {
    "settings.yaml": """apiVersion: v1
kind: ConfigMap
metadata: {name: settings, labels: {side: beside}}
data: {color: blue, count: one}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: extra}
data: {a: "1"}
""",
    "web.yaml": WEB % (2, "pause:3.1"),
    "web-3.yaml": WEB % (3, "pause:3.1"),
    "single.yaml": """apiVersion: v1
kind: Pod
metadata: {name: single, labels: {app: single}}
spec:
  terminationGracePeriodSeconds: 2
  containers:
  - {name: main, image: "pause:3.1"}
""",
    "volume.yaml": """apiVersion: v1
kind: PersistentVolume
metadata: {name: beside}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce]
  storageClassName: beside
  persistentVolumeReclaimPolicy: Retain
  hostPath: {path: /tmp/beside}
""",
    "rest.yaml": """apiVersion: v1
kind: Service
metadata: {name: web, labels: {side: beside}}
spec:
  selector: {app: web}
  ports:
  - {name: http, port: 80, targetPort: http}
---
apiVersion: v1
kind: Service
metadata: {name: headless}
spec: {clusterIP: None, selector: {app: nobody}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: outside}
spec: {type: ExternalName, externalName: example.com}
---
apiVersion: v1
kind: Service
metadata: {name: door}
spec: {type: NodePort, selector: {app: web}, ports: [{name: a, port: 80, targetPort: 8080, nodePort: 30987}, {name: b, port: 81, targetPort: 8080, nodePort: 30988}]}
---
apiVersion: v1
kind: Pod
metadata:
  name: single
  labels: {app: single}
  # What a kubelet finds out by its probes, the fake one must be told.
  annotations: {note: hello, fake-kubelet/ready: "false"}
spec:
  containers:
  - name: main
    image: pause:3.1
    command: ["/pause"]
    args: ["--quiet"]
    startupProbe: {tcpSocket: {port: 9}, failureThreshold: 300, periodSeconds: 10}
    livenessProbe: {httpGet: {path: /live, port: 8080}, initialDelaySeconds: 300}
    readinessProbe: {exec: {command: [cat, /ready]}, initialDelaySeconds: 300}
    envFrom:
    - configMapRef: {name: settings}
    - secretRef: {name: keys, optional: true}
      prefix: KEY_
    volumeMounts:
    - {name: scratch, mountPath: /tmp, subPath: deep}
    - {name: keys, mountPath: /keys, readOnly: true}
  volumes:
  - {name: scratch, emptyDir: {}}
  - {name: keys, secret: {secretName: keys}}
  nodeSelector: {kubernetes.io/os: linux}
---
apiVersion: v1
kind: Pod
metadata: {name: deadline, labels: {app: deadline}}
spec:
  activeDeadlineSeconds: 5
  containers:
  - {name: main, image: "pause:3.1"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: slow, labels: {app: slow}}
spec:
  selector: {matchLabels: {app: slow}}
  template:
    metadata: {labels: {app: slow}}
    spec:
      nodeSelector: {nowhere: "true"}
      containers:
      - {name: main, image: "pause:3.1"}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: bound}
spec: {accessModes: [ReadWriteOnce], storageClassName: beside, resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: pending}
spec: {accessModes: [ReadWriteOnce], storageClassName: nowhere, resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: Secret
metadata: {name: keys}
stringData: {token: hush, other: longer}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  ingressClassName: nginx
  rules:
  - host: web.example.com
    http:
      paths:
      - {path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}
      - {path: /none, pathType: Exact, backend: {service: {name: none, port: {name: http}}}}
  tls:
  - {hosts: [web.example.com], secretName: keys}
---
apiVersion: policy/v1beta1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {minAvailable: 1, selector: {matchLabels: {app: web}}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress:
  - from: [{podSelector: {matchLabels: {app: single}}}]
    ports: [{port: 8080}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader}
rules:
- {apiGroups: [""], resources: [pods, pods/log], verbs: [get, list]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects:
- {kind: ServiceAccount, name: default, namespace: beside}
- {kind: User, name: jane, apiGroup: rbac.authorization.k8s.io}
""",
    "hpa.yaml": """apiVersion: autoscaling/v1
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec: {minReplicas: 2, maxReplicas: 4, targetCPUUtilizationPercentage: 80, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}
""",
    "shared.yaml": """apiVersion: v1
kind: ConfigMap
metadata: {name: shared}
data: {a: "1", b: "1"}
""",
    "shared-2.yaml": """apiVersion: v1
kind: ConfigMap
metadata: {name: shared}
data: {a: "2", b: "1"}
""",
    "jobs.yaml": """apiVersion: batch/v1
kind: Job
metadata: {name: worker}
spec:
  backoffLimit: 2
  template:
    metadata:
      annotations: {fake-kubelet/exit-after: "600"}
    spec:
      restartPolicy: Never
      containers:
      - {name: main, image: "pause:3.1"}
---
apiVersion: batch/v1
kind: Job
metadata: {name: limited}
spec:
  activeDeadlineSeconds: 4
  template:
    metadata:
      annotations: {fake-kubelet/exit-after: "600"}
    spec:
      restartPolicy: Never
      containers:
      - {name: main, image: "pause:3.1"}
""",
    "invalid-pod.yaml": """apiVersion: v1
kind: Pod
metadata: {name: Invalid_Name}
spec:
  restartPolicy: Sometimes
  containers:
  - {name: a, image: "pause:3.1", ports: [{containerPort: 70000}], resources: {requests: {cpu: "2"}, limits: {cpu: "1"}}}
  - {name: a, image: ""}
""",
    "invalid-deployment.yaml": """apiVersion: apps/v1
kind: Deployment
metadata: {name: invalid}
spec:
  replicas: -1
  selector: {matchLabels: {app: one}}
  template:
    metadata: {labels: {app: two}}
    spec:
      containers: [{name: main, image: "pause:3.1"}]
""",
    "invalid-service.yaml": """apiVersion: v1
kind: Service
metadata: {name: invalid}
spec: {type: Nothing, ports: [{port: 0}, {port: 80}]}
""",
    "unknown-field.yaml": """apiVersion: v1
kind: ConfigMap
metadata: {name: unknown}
dta: {a: b}
""",
    "unknown-kind.yaml": """apiVersion: v1
kind: Nothing
metadata: {name: unknown}
""",
    "wrong-namespace.yaml": """apiVersion: v1
kind: ConfigMap
metadata: {name: away, namespace: nowhere}
""",
    "selector-changed.yaml": (WEB % (2, "pause:3.1")).replace("{matchLabels: {app: web}}", "{matchLabels: {app: other}}").replace("labels: {app: web}", "labels: {app: other}"),
}
