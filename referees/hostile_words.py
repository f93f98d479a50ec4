"""What a hostile client says: bodies, patches, queries and objects, each with what must be answered.

Data only; `hostile.py` plays it. Codes are those of a real server, and the text is a piece of its message or of ours
where a real server leaves the wording to its decoder.
"""
import base64
import json

BIG = 3_000_000
PARSE = "couldn't get version/kind; json parse error"


def labelled(count):
    return json.dumps({"metadata": {"name": "labels", "labels": {f"l{n}": "v" for n in range(count)}}})


# Body of a POST of a ConfigMap, code, text.
BODIES = [
    ("", 400, ""),
    ("{", 400, PARSE),
    ("null", 400, "not a JSON object"),
    ("[]", 400, "not a JSON object"),
    ('"text"', 400, "not a JSON object"),
    ("{}{}", 400, PARSE),
    ('{"metadata":{"name":NaN}}', 400, PARSE),
    ('{"metadata":{"name":"x","generation":1e999}}', 400, PARSE),
    ('{"metadata":{"name":"x","generation":%s}}' % ("9" * 100_000), 400, ""),
    ('{"metadata":{"name":"x"},"data":{"a":1e308}}', 400, "data"),
    (b'{"metadata":{"name":"\xff\xfe"}}', 400, PARSE),
    (b'\xef\xbb\xbf{"metadata":{"name":"x"}}', 400, PARSE),
    (b"\x00" * BIG, 400, PARSE),
    ("[" * BIG, 400, PARSE),
    ('{"a":' * 500_000, 400, PARSE),
    ('{"a":' * 120 + "1" + "}" * 120, 422, "name or generateName is required"),
    ("[" * 5000 + "]" * 5000, 400, PARSE),
    ('{"metadata":' + "{}," * 500_000 + "}", 400, PARSE),
    ("[" + "{}," * 900_000 + "{}]", 400, "not a JSON object"),
    ('{"metadata":{"name":"\\ud800"}}', 400, PARSE),
    ('{"metadata":{"name":"\\u0000"}}', 422, "a lowercase RFC 1123 subdomain"),
    ('{"metadata":{"name":"' + "x" * 2_900_000 + '"}}', 422, "must be no more than 253"),
    ('{"metadata":{"name":["x"]}}', 400, ""),
    ('{"metadata":{"name":"x","name":"X"}}', 422, "a lowercase RFC 1123 subdomain"),
    ('{"metadata":"x"}', 400, ""),
    ('{"metadata":{"name":"x","labels":[1]}}', 400, ""),
    ('{"metadata":{"name":"x","labels":{"a":"' + "b" * 100_000 + '"}}}', 422, "must be no more than 63"),
    ('{"metadata":{"name":"x","labels":{"-":"-"}}}', 422, "metadata.labels"),
    ('{"metadata":{"name":"x","annotations":{"a":"' + "b" * 300_000 + '"}}}', 422, "Too long"),
    ('{"metadata":{"name":"x","finalizers":["' + "x" * 100_000 + '"]}}', 422, "metadata.finalizers"),
    ('{"metadata":{"name":"x","creationTimestamp":"yesterday"}}', 400, ""),
    ('{"metadata":{"name":"x","ownerReferences":[{}]}}', 422, "ownerReferences"),
    ('{"metadata":{"generateName":"' + "x" * 1000 + '"},"data":{"a":"b"}}', (201, 422), ""),
    ('{"metadata":{"name":"x"},"data":{"a":"' + "b" * 1_200_000 + '"}}', 422, "Too long"),
    ('{"metadata":{"name":"x"},"binaryData":{"a":"!"}}', 400, ""),
    (labelled(20_000), 201, "l19999"),
]


def many(op, count):
    return json.dumps([op] * count)


def doubling():
    """Twenty copies of the whole into itself."""
    return json.dumps([{"op": "copy", "from": "/data", "path": f"/data/x{n}"} for n in range(30)])


def nested():
    return json.dumps([op for _ in range(3000) for op in (
        {"op": "move", "from": "/data", "path": "/x"}, {"op": "add", "path": "/data", "value": {}}, {"op": "move", "from": "/x", "path": "/data/a"})])


JSON_PATCH, MERGE, STRATEGIC, APPLY = (f"application/{kind}" for kind in (
    "json-patch+json", "merge-patch+json", "strategic-merge-patch+json", "apply-patch+yaml"))
# Kind, body, code, text.
PATCHES = [
    (JSON_PATCH, doubling, 422, ""),
    (JSON_PATCH, nested, 422, ""),
    (JSON_PATCH, many({"op": "test", "path": "/data/a", "value": "b"}, 10_001), 413, "The allowed maximum operations in a JSON patch is 10000"),
    (JSON_PATCH, many({"op": "add", "path": "/metadata/finalizers/-", "value": "x" * 100}, 5000), 422, ""),
    (JSON_PATCH, "{}", 400, "cannot unmarshal object"),
    (JSON_PATCH, "[1]", (400, 422), ""),
    (JSON_PATCH, '[{"op":"add"}]', (400, 422), ""),
    (JSON_PATCH, '[{"op":"remove","path":""}]', (400, 422), ""),
    (JSON_PATCH, '[{"op":"replace","path":"","value":[]}]', (400, 422), ""),
    (JSON_PATCH, '[{"op":"add","path":"/metadata/labels","value":[1]}]', (400, 422), ""),
    (JSON_PATCH, '[{"op":"add","path":"/data/99999999999999999999","value":"b"}]', 200, "99999999999999999999"),
    (JSON_PATCH, '[{"op":"replace","path":"/metadata/uid","value":"b"}]', (409, 422), ""),
    (MERGE, "[" * 200_000, 400, ""),
    (MERGE, "null", (400, 422, 500), ""),
    (MERGE, '{"metadata":null}', (200, 400, 422), ""),
    (MERGE, '{"metadata":{"name":"other"}}', 400, "does not match"),
    (MERGE, '{"data":{"a":{"b":{"c":1}}}}', (400, 422), ""),
    (MERGE, '{"metadata":{"resourceVersion":"99999999999999999999999"}}', (409, 422), ""),
    (STRATEGIC, '{"metadata":{"$patch":"explode"}}', (400, 422, 500), ""),
    (STRATEGIC, '{"metadata":{"ownerReferences":"x"}}', (400, 422, 500), ""),
    (STRATEGIC, '{"metadata":{"ownerReferences":[1,null,"x"]}}', (400, 422, 500), ""),
    (STRATEGIC, '{"metadata":{"$retainKeys":7}}', (200, 400, 422, 500), ""),
    (STRATEGIC, '{"$setElementOrder/metadata":[{}],"$deleteFromPrimitiveList/finalizers":7}', (200, 400, 422, 500), ""),
    (APPLY, "a: b", 400, ""),
    (APPLY, "[]", (400, 422), ""),
    (APPLY, '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"target","managedFields":[{"manager":"x"}]}}', (400, 422), "managedFields"),
    (APPLY, '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"target"},"data":7}', (400, 422, 500), ""),
    (APPLY, '{"apiVersion":"v2","kind":"ConfigMap","metadata":{"name":"target"}}', (400, 422), ""),
]


def continued(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


MAPS = "/api/v1/namespaces/default/configmaps"
# Path of a GET, code, text.
QUERIES = [
    (f"{MAPS}?labelSelector=" + "a," * 5000 + "b", 200, "ConfigMapList"),
    (f"{MAPS}?labelSelector=" + "%28" * 5000, 400, ""),
    (f"{MAPS}?labelSelector=a%20in%20(" + "b," * 5000 + "c)", 200, "ConfigMapList"),
    (f"{MAPS}?labelSelector=a%20gt%20x", 400, ""),
    (f"{MAPS}?labelSelector=%00", 400, ""),
    (f"{MAPS}?fieldSelector=nonsense%3D1", 400, "is not a known field selector"),
    (f"{MAPS}?fieldSelector=%ff", 400, ""),
    (f"{MAPS}?" + "&".join(f"x{n}=y" for n in range(5000)), 200, "ConfigMapList"),
    (f"{MAPS}?x=%zz", 400, ""),
    (f"{MAPS}?limit=-1", 200, "ConfigMapList"),
    (f"{MAPS}?limit=9223372036854775807", 200, "ConfigMapList"),
    (f"{MAPS}?limit=9223372036854775808", 400, ""),
    (f"{MAPS}?limit=NaN", 400, ""),
    (f"{MAPS}?resourceVersion=-1", 422, "resourceVersion"),
    (f"{MAPS}?resourceVersion=18446744073709551615", 504, "Too large resource version"),
    (f"{MAPS}?resourceVersion=18446744073709551616", 422, "resourceVersion"),
    (f"{MAPS}?resourceVersion=1&resourceVersionMatch=Exact", 410, "too old resource version"),
    (f"{MAPS}?watch=1&resourceVersion=18446744073709551615", 504, "Too large resource version"),
    (f"{MAPS}?watch=1&resourceVersion=1", 410, "too old resource version"),
    (f"{MAPS}?watch=1&resourceVersion=x", 422, "resourceVersion"),
    (f"{MAPS}?watch=1&timeoutSeconds=x", 400, ""),
    (f"{MAPS}?continue=x", 400, "continue key is not valid"),
    (f"{MAPS}?continue=%00%ff", 400, ""),
    (f"{MAPS}?continue=" + continued(7), 400, "continue key is not valid"),
    (f"{MAPS}?continue=" + continued({"v": "meta.k8s.io/v1", "rv": -1, "start": ["", ""]}), 400, "continue key is not valid"),
    (f"{MAPS}?continue=" + continued({"v": "meta.k8s.io/v1", "rv": 1, "start": ["", ""]}), 410, "too old"),
    (f"{MAPS}?continue=" + continued({"v": "meta.k8s.io/v1", "rv": 2**64 - 1, "start": ["\0", "\0"]}), (400, 410, 504), ""),
    (f"{MAPS}?continue=" + "A" * 30_000, 400, "continue key is not valid"),
    (f"{MAPS}/nobody?" + "y" * 20_000, 404, "not found"),
    (f"{MAPS}/" + "x" * 20_000, 404, "not found"),
    (f"{MAPS}/..%2f..%2fetc", 404, ""),
    ("/api/v1/namespaces/%2e%2e/pods", 404, ""),
    ("/" * 20_000, 404, ""),
    ("/apis/" + "x" * 20_000, 404, ""),
    ("/api/v1/namespaces/default/pods/x/log?sinceSeconds=9223372036854775807", 404, "not found"),
    ("/api/v1/namespaces/default/pods/x/log?tailLines=-1&limitBytes=-1", 404, "not found"),
]

# What is put where something else should be.
NASTY = [
    None, True, 0, -1, 1, 2**31 - 1, 2**31, -(2**31) - 1, 2**53, 2**63 - 1, 2**63, -(2**63), 2**64 - 1, 1.5, -0.0, 1e300, 5e-324,
    "", "x", "X", "0", "-1", "99999999999999999999", "100%", "101%", "-5%", "1e9999", "9" * 400, "1Ei", "0.0000000001n", "true", "null",
    "é\u202e\U0001f600", "\u0000", "a\nb", "../..", "${x}", "$(X)", "x" * 70_000, "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z",
    "127.0.0.1", "0.0.0.0", "::1", "256.1.1.1", "None", "default", "kubernetes.io/x", "Always", "RollingUpdate", "*", "fuzz-1", "http",
    [], {}, [[]], [None], [{}], ["x", "x"], {"": ""}, {"x": None}, {"a": {"b": {"c": []}}}, {"matchLabels": {"x": "y"}}, {"app": "x"},
    [{"name": "x"}, {"name": "x"}], {"type": "Recreate"}, {"maxSurge": 0, "maxUnavailable": 0}, {"maxSurge": "100%", "maxUnavailable": 2**31},
]

CONTAINER = {
    "name": "c", "image": "vfarcic/repeater:1", "command": ["x"], "env": [{"name": "A", "value": "b"}, {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
    "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}], "resources": {"requests": {"cpu": "1m", "memory": "1Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}},
    "livenessProbe": {"httpGet": {"path": "/", "port": 8080, "httpHeaders": [{"name": "Host", "value": "x"}]}, "initialDelaySeconds": 1, "periodSeconds": 1, "timeoutSeconds": 1, "failureThreshold": 1},
    "readinessProbe": {"tcpSocket": {"port": "http"}, "successThreshold": 1, "periodSeconds": 1}, "volumeMounts": [{"name": "v", "mountPath": "/data/db"}],
    "terminationMessagePolicy": "File", "imagePullPolicy": "Always", "lifecycle": {"preStop": {"exec": {"command": ["sleep", "1"]}}},
}
POD = {
    "containers": [CONTAINER], "initContainers": [{"name": "i", "image": "pause"}], "restartPolicy": "Always", "terminationGracePeriodSeconds": 1,
    "activeDeadlineSeconds": 100, "nodeSelector": {}, "tolerations": [{"key": "x", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 1}],
    "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "y"}}}]}},
    "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": {"matchLabels": {"app": "x"}}}],
    "volumes": [{"name": "v", "emptyDir": {"sizeLimit": "1Gi"}}, {"name": "w", "persistentVolumeClaim": {"claimName": "fuzz-1"}}], "hostname": "x", "priority": 0, "securityContext": {"runAsUser": 1},
}
TEMPLATE = {"metadata": {"labels": {"app": "x"}, "annotations": {"a": "b"}}, "spec": {**POD, "activeDeadlineSeconds": None, "volumes": [{"name": "v", "emptyDir": {}}]}}
SELECTOR = {"matchLabels": {"app": "x"}, "matchExpressions": [{"key": "app", "operator": "In", "values": ["x"]}]}
SCALED = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "fuzz-1"}


def manifest(path, api_version, kind, **fields):
    name = {"name": "x", "labels": {"app": "x"}, "annotations": {"a": "b"}, "finalizers": []}
    return path, {"apiVersion": api_version, "kind": kind, "metadata": name, **fields}


def within(api_version, plural):
    return f"/{'api' if api_version == 'v1' else 'apis'}/{api_version}/namespaces/default/{plural}"


MANIFESTS = [
    manifest(within("v1", "pods"), "v1", "Pod", spec=POD),
    manifest(within("v1", "pods"), "v1", "Pod", spec={"containers": [{"name": "c", "image": "pause"}]}),
    manifest(within("v1", "configmaps"), "v1", "ConfigMap", data={"a": "b"}, binaryData={"c": "eA=="}, immutable=False),
    manifest(within("v1", "secrets"), "v1", "Secret", type="Opaque", data={"a": "eA=="}, stringData={"b": "x"}),
    manifest(within("v1", "services"), "v1", "Service", spec={
        "type": "NodePort", "selector": {"app": "x"}, "sessionAffinity": "None", "ports": [{"name": "p", "port": 80, "targetPort": "http", "protocol": "TCP"}]}),
    manifest(within("v1", "endpoints"), "v1", "Endpoints", subsets=[{"addresses": [{"ip": "127.10.0.9"}], "ports": [{"name": "p", "port": 80, "protocol": "TCP"}]}]),
    manifest(within("v1", "persistentvolumeclaims"), "v1", "PersistentVolumeClaim", spec={
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "storageClassName": "x", "volumeName": ""}),
    manifest("/api/v1/persistentvolumes", "v1", "PersistentVolume", spec={
        "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "persistentVolumeReclaimPolicy": "Retain", "hostPath": {"path": "/x"}, "storageClassName": "x"}),
    manifest(within("v1", "serviceaccounts"), "v1", "ServiceAccount", automountServiceAccountToken=True, secrets=[{"name": "x"}]),
    manifest(within("v1", "events"), "v1", "Event", involvedObject={"kind": "Pod", "name": "x", "namespace": "default"}, reason="x", message="y", count=1,
             type="Normal", firstTimestamp="2026-01-01T00:00:00Z", lastTimestamp="2026-01-01T00:00:00Z"),
    manifest("/api/v1/nodes", "v1", "Node", spec={"podCIDR": "10.0.0.0/24", "unschedulable": False, "taints": [{"key": "a", "effect": "NoSchedule"}]},
             status={"capacity": {"cpu": "1", "memory": "1Gi", "pods": "9"}, "allocatable": {"cpu": "1", "memory": "1Gi", "pods": "9"},
                     "conditions": [{"type": "Ready", "status": "True", "lastHeartbeatTime": "2026-01-01T00:00:00Z"}]}),
    manifest(within("apps/v1", "deployments"), "apps/v1", "Deployment", spec={
        "replicas": 1, "selector": SELECTOR, "template": TEMPLATE, "minReadySeconds": 1, "revisionHistoryLimit": 1, "progressDeadlineSeconds": 10, "paused": False,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 1}}}),
    manifest(within("apps/v1", "replicasets"), "apps/v1", "ReplicaSet", spec={"replicas": 1, "selector": SELECTOR, "template": TEMPLATE, "minReadySeconds": 1}),
    manifest(within("batch/v1", "jobs"), "batch/v1", "Job", spec={
        "parallelism": 1, "completions": 1, "backoffLimit": 1, "activeDeadlineSeconds": 5, "ttlSecondsAfterFinished": 1, "suspend": False, "completionMode": "NonIndexed",
        "template": {"metadata": {"labels": {"job": "x"}}, "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "pause"}]}}}),
    manifest(within("autoscaling/v2", "horizontalpodautoscalers"), "autoscaling/v2", "HorizontalPodAutoscaler", spec={
        "scaleTargetRef": SCALED, "minReplicas": 1, "maxReplicas": 2, "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}],
        "behavior": {"scaleDown": {"stabilizationWindowSeconds": 1, "policies": [{"type": "Percent", "value": 10, "periodSeconds": 1}]}}}),
    manifest(within("autoscaling/v1", "horizontalpodautoscalers"), "autoscaling/v1", "HorizontalPodAutoscaler", spec={
        "scaleTargetRef": SCALED, "minReplicas": 1, "maxReplicas": 2, "targetCPUUtilizationPercentage": 50}),
    manifest(within("networking.k8s.io/v1", "ingresses"), "networking.k8s.io/v1", "Ingress", spec={
        "ingressClassName": "nginx", "rules": [{"host": "x.y", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "fuzz-1", "port": {"number": 80}}}}]}}],
        "defaultBackend": {"service": {"name": "fuzz-2", "port": {"name": "p"}}}, "tls": [{"hosts": ["x.y"], "secretName": "x"}]}),
    manifest(within("networking.k8s.io/v1", "networkpolicies"), "networking.k8s.io/v1", "NetworkPolicy", spec={
        "podSelector": {"matchLabels": {"app": "x"}}, "policyTypes": ["Ingress"], "ingress": [{"ports": [{"port": 80, "endPort": 90}]}]}),
    manifest(within("policy/v1", "poddisruptionbudgets"), "policy/v1", "PodDisruptionBudget", spec={"minAvailable": "50%", "selector": SELECTOR}),
    manifest(within("policy/v1beta1", "poddisruptionbudgets"), "policy/v1beta1", "PodDisruptionBudget", spec={"maxUnavailable": 1, "selector": SELECTOR}),
    manifest(within("rbac.authorization.k8s.io/v1", "roles"), "rbac.authorization.k8s.io/v1", "Role", rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]),
    manifest(within("coordination.k8s.io/v1", "leases"), "coordination.k8s.io/v1", "Lease", spec={"holderIdentity": "x", "leaseDurationSeconds": 1, "renewTime": "2026-01-01T00:00:00.000000Z"}),
    manifest(within("discovery.k8s.io/v1", "endpointslices"), "discovery.k8s.io/v1", "EndpointSlice", addressType="IPv4",
             endpoints=[{"addresses": ["127.10.0.9"], "conditions": {"ready": True}}], ports=[{"name": "p", "port": 80, "protocol": "TCP"}]),
]


def containers(count, image):
    return {"template": {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [{"name": f"c{n}", "image": image} for n in range(count)]}}}


def deployment(template=None, **more):
    spec = {"replicas": 0, "selector": {"matchLabels": {"app": "x"}}, **(template or containers(1, "i")), **more}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "long"}, "spec": spec}


# Lists and maps with thousands of members: method, path, media type, body, code, text. In this order, on one Deployment.
DEPLOYMENTS = within("apps/v1", "deployments")
PATCHED = DEPLOYMENTS + "/long"
MANY = 8_000
STRANGE = {f"u{n}": 1 for n in range(100_000)}
PORTS = [{"name": f"p{n}", "containerPort": n + 1} for n in range(MANY)]
MOUNTS = [{"name": f"v{n}", "mountPath": f"/m{n}"} for n in range(MANY)]
LONG = [
    ("POST", DEPLOYMENTS, "application/json", deployment(**STRANGE), 201, ""),
    ("POST", DEPLOYMENTS + "?fieldValidation=Strict", "application/json", deployment(**STRANGE), 400, 'spec.u99\\"'),
    ("PATCH", PATCHED, STRATEGIC, {"spec": containers(MANY, "i")}, 200, "c7999"),
    ("PATCH", PATCHED, STRATEGIC, {"spec": containers(MANY, "j")}, 200, ""),
    ("PATCH", PATCHED + "?fieldManager=one&force=true", APPLY, deployment(template=containers(MANY, "k")), 200, ""),
    ("PATCH", PATCHED + "?fieldManager=two", APPLY, deployment(template=containers(MANY, "l")), 409, f"Apply failed with {MANY} conflicts"),
    ("PATCH", PATCHED + "?fieldManager=one&force=true", APPLY, deployment(template=containers(1, "l")), 422, "Required value"),  # for their names have another owner
    ("PATCH", PATCHED, STRATEGIC, {"spec": {"template": {"spec": {"containers": [{"name": f"c{n}", "$patch": "delete"} for n in range(1, MANY)]}}}}, 200, ""),
    ("PATCH", PATCHED, STRATEGIC, {"spec": {"template": {"spec": {"volumes": [{"name": f"v{n}", "emptyDir": {}} for n in range(MANY)]}}}}, 200, ""),
    ("PATCH", PATCHED, STRATEGIC, {"spec": {"template": {"spec": {"containers": [{"name": "c0", "ports": PORTS, "volumeMounts": MOUNTS}]}}}}, 200, ""),
    ("PATCH", PATCHED, MERGE, {"spec": containers(MANY, "same") | {"paused": True}}, 200, ""),
    ("PATCH", PATCHED, MERGE, {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "i"}] * MANY}}}}, 422, "Duplicate value"),
    ("PATCH", PATCHED, MERGE, {"metadata": {"finalizers": [f"a.b/f{n}" for n in range(60_000)]}}, 200, ""),
    ("PATCH", PATCHED, STRATEGIC, {"metadata": {"$deleteFromPrimitiveList/finalizers": [f"a.b/f{n}" for n in range(60_000)]}}, 200, ""),
    ("DELETE", PATCHED, "application/json", {}, 200, ""),
]
