"""Defaults: what a server makes of the least that can be said of each kind. All by dry run."""
from parity.pieces import autoscaler, budget, claim, config_map, deployment, ingress, job, meta, parked, replica_set, service

PROBE = {"httpGet": {"path": "/", "port": 80}}
RULES = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
SUBJECT = [{"kind": "ServiceAccount", "name": "a", "namespace": "b"}]


def containers(**more):
    return [{"name": "app", "image": "pause", **more}]


def play(on):
    volumes = [{"name": "c", "configMap": {"name": "x"}}, {"name": "s", "secret": {"secretName": "x"}}, {"name": "h", "hostPath": {"path": "/x"}}, {"name": "e", "emptyDir": {}},
               {"name": "d", "downwardAPI": {"items": [{"path": "p", "fieldRef": {"fieldPath": "metadata.name"}}]}},
               {"name": "p", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}]
    for name, plural, body in (
            ("a Pod", "pods", parked("p")),
            ("a Pod with probes", "pods", parked("p", containers=containers(livenessProbe=PROBE, readinessProbe={"tcpSocket": {"port": 80}}, startupProbe={"exec": {"command": ["x"]}}))),
            ("a Pod with a hook", "pods", parked("p", containers=containers(lifecycle={"preStop": PROBE}))),
            ("a Pod with ports", "pods", parked("p", containers=containers(ports=[{"containerPort": 80}, {"containerPort": 53, "protocol": "UDP", "name": "dns"}]))),
            ("a Pod with limits", "pods", parked("p", containers=containers(resources={"limits": {"cpu": "1500m", "memory": "1024Mi"}}))),
            ("a Pod with requests and limits", "pods", parked("p", containers=containers(resources={"limits": {"cpu": 1, "memory": "1Gi"}, "requests": {"cpu": "0.1"}}))),
            ("a Pod with volumes", "pods", parked("p", volumes=volumes)),
            ("a Pod with an environment", "pods", parked("p", containers=containers(env=[{"name": "N", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}, {"name": "E"}]))),
            ("a Pod with images of every kind", "pods", parked("p", containers=[{"name": f"c{n}", "image": image} for n, image in enumerate(
                ("a", "a:latest", "a:1", "r.example:5000/a", "r.example:5000/a:2", "a@sha256:" + "0" * 64))])),
            ("a Pod with an init container", "pods", parked("p", initContainers=[{"name": "i", "image": "pause"}])),
            ("a Pod with tolerations", "pods", parked("p", tolerations=[{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5}])),
            ("a Pod on the host's network", "pods", parked("p", hostNetwork=True, containers=containers(ports=[{"containerPort": 80}]))),
            ("a Deployment", "deployments", deployment("d")),
            ("a Deployment of no number", "deployments", {**deployment("d"), "spec": {key: value for key, value in deployment("d")["spec"].items() if key != "replicas"}}),
            ("a Deployment that recreates", "deployments", deployment("d", strategy={"type": "Recreate"})),
            ("a Deployment with half a strategy", "deployments", deployment("d", strategy={"rollingUpdate": {"maxSurge": 1}})),
            ("a ReplicaSet", "replicasets", replica_set("r")),
            ("a Job", "jobs", job("j")),
            ("a Job without completions", "jobs", job("j", parallelism=3)),
            ("a Service", "services", service("s", {"a": "b"})),
            ("a Service with a target by name", "services", service("s", {"a": "b"}, [{"port": 80, "targetPort": "web", "name": "w"}], sessionAffinity="ClientIP")),
            ("a Service outside", "services", {"metadata": meta("s"), "spec": {"type": "ExternalName", "externalName": "x.example"}}),
            ("a Service with a balancer", "services", service("s", {"a": "b"}, type="LoadBalancer")),
            ("Endpoints", "endpoints", {"metadata": meta("e"), "subsets": [{"addresses": [{"ip": "192.0.2.2"}, {"ip": "192.0.2.1"}], "ports": [{"port": 1}]}]}),
            ("a ConfigMap", "configmaps", config_map("c")), ("a Secret", "secrets", {"metadata": meta("s"), "stringData": {"a": "b"}}),
            ("a ServiceAccount", "serviceaccounts", {"metadata": meta("s")}),
            ("a claim", "persistentvolumeclaims", claim("c")),
            ("a volume", "persistentvolumes", {"metadata": meta("parity-v"), "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/x"}}}),
            ("an Ingress", "ingresses", ingress("i")),
            ("an Ingress of old", "/apis/networking.k8s.io/v1beta1/namespaces/{ns}/ingresses", {"metadata": meta("i"), "spec": {"backend": {"serviceName": "s", "servicePort": 80}}}),
            ("a network policy", "networkpolicies", {"metadata": meta("n"), "spec": {"podSelector": {}, "ingress": [{"ports": [{"port": 80}]}]}}),
            ("a network policy that lets out", "networkpolicies", {"metadata": meta("n"), "spec": {"podSelector": {}, "egress": [{}]}}),
            ("an autoscaler", "horizontalpodautoscalers", autoscaler("h", "d")),
            ("an autoscaler of v2beta2", "/apis/autoscaling/v2beta2/namespaces/{ns}/horizontalpodautoscalers", {"metadata": meta("h"), "spec": {
                "maxReplicas": 2, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}}}),
            ("a budget", "poddisruptionbudgets", budget("b", minAvailable=1)),
            ("a role", "roles", {"metadata": meta("r"), "rules": RULES}),
            ("a role binding", "rolebindings", {"metadata": meta("r"), "subjects": SUBJECT, "roleRef": {"kind": "Role", "name": "r"}}),
            ("a cluster role", "clusterroles", {"metadata": meta("parity-r"), "rules": RULES}),
            ("a lease", "leases", {"metadata": meta("l"), "spec": {"holderIdentity": "x", "renewTime": "2026-01-01T00:00:00.000000Z"}}),
            ("an EndpointSlice", "endpointslices", {"metadata": meta("e"), "addressType": "IPv4", "endpoints": [{"addresses": ["192.0.2.1"]}], "ports": [{"port": 80}]}),
            ("a namespace", "namespaces", {"metadata": meta("parity-dry")})):
        on.ask(name, "POST", f"{plural}?dryRun=All", body, code=201)
