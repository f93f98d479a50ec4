"""What is not valid: the same complaints, in the same words, for the same mistake. All by dry run."""
from parity.pieces import autoscaler, budget, claim, deployment, ingress, job, meta, parked, replica_set, service


def box(**more):
    return parked("p", containers=[{"name": "app", "image": "pause", **more}])


def changed(made, path, value):
    """An object with one value set (None: taken away)."""
    here = made
    *way, last = path.split(".")
    for part in way:
        here = here[int(part) if part.isdigit() else part]
    if value is None:
        here.pop(last)
    else:
        here[last] = value
    return made


def play(on):
    port = lambda **more: [{"port": 80, **more}]
    web = lambda **more: ingress("i", **more)
    for name, plural, body in (
            ("a Pod without a spec", "pods", {"metadata": meta("p")}),
            ("a Pod without containers", "pods", parked("p", containers=[])),
            ("a container without a name", "pods", parked("p", containers=[{"image": "x"}])),
            ("a container without an image", "pods", parked("p", containers=[{"name": "x"}])),
            ("a container's name with a dot", "pods", parked("p", containers=[{"name": "x.y", "image": "x"}])),
            ("two containers of one name", "pods", parked("p", containers=[{"name": "x", "image": "x"}] * 2)),
            ("an image with blanks", "pods", parked("p", containers=[{"name": "x", "image": " x "}])),
            ("a policy of restarting", "pods", parked("p", restartPolicy="Sometimes")),
            ("a policy of pulling", "pods", box(imagePullPolicy="Sometimes")),
            ("a policy of DNS", "pods", parked("p", dnsPolicy="Sometimes")),
            ("a port of nothing", "pods", box(ports=[{"containerPort": 0}])),
            ("a port too high", "pods", box(ports=[{"containerPort": 70000}])),
            ("a protocol", "pods", box(ports=[{"containerPort": 80, "protocol": "X"}])),
            ("a port's name too long", "pods", box(ports=[{"containerPort": 80, "name": "this-is-too-long"}])),
            ("two ports of one name", "pods", box(ports=[{"containerPort": 80, "name": "a"}, {"containerPort": 81, "name": "a"}])),
            ("a variable's name", "pods", box(env=[{"name": "1 2"}])),
            ("a variable without a name", "pods", box(env=[{"value": "x"}])),
            ("a value and a source", "pods", box(env=[{"name": "A", "value": "x", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}])),
            ("a request above its limit", "pods", box(resources={"requests": {"cpu": "2"}, "limits": {"cpu": "1"}})),
            ("a quantity below zero", "pods", box(resources={"requests": {"cpu": "-1"}})),
            ("a resource of no kind", "pods", box(resources={"requests": {"foo": "1"}})),
            ("a mount without its volume", "pods", box(volumeMounts=[{"name": "v", "mountPath": "/x"}])),
            ("a mount without a path", "pods", {**box(volumeMounts=[{"name": "v", "mountPath": ""}])}),
            ("a volume's name", "pods", parked("p", volumes=[{"name": "A_B", "emptyDir": {}}])),
            ("two volumes of one name", "pods", parked("p", volumes=[{"name": "v", "emptyDir": {}}] * 2)),
            ("a volume of two kinds", "pods", parked("p", volumes=[{"name": "v", "emptyDir": {}, "hostPath": {"path": "/x"}}])),
            ("a probe of no kind", "pods", box(livenessProbe={"periodSeconds": 3})),
            ("a probe of two kinds", "pods", box(livenessProbe={"exec": {"command": ["x"]}, "tcpSocket": {"port": 1}})),
            ("a probe's period below zero", "pods", box(livenessProbe={"exec": {"command": ["x"]}, "periodSeconds": -1})),
            ("a probe that must succeed twice to live", "pods", box(livenessProbe={"exec": {"command": ["x"]}, "successThreshold": 2})),
            ("a toleration's operator", "pods", parked("p", tolerations=[{"key": "a", "operator": "Like"}])),
            ("a toleration of everything with a value", "pods", parked("p", tolerations=[{"operator": "Exists", "value": "x"}])),
            ("a node selector's value", "pods", parked("p", nodeSelector={"a": "b c"})),
            ("a grace below zero", "pods", parked("p", activeDeadlineSeconds=0)),
            ("a host name", "pods", parked("p", hostname="A_B")),
            ("a label's value", "pods", changed(parked("p"), "metadata.labels", {"a": "b c"})),
            ("a label's key", "pods", changed(parked("p"), "metadata.labels", {"a b": "c"})),
            ("a name too long", "pods", changed(parked("p"), "metadata.name", "a" * 254)),
            ("an annotation's key", "pods", changed(parked("p"), "metadata.annotations", {"a b": "c"})),
            ("a Deployment without a spec", "deployments", {"metadata": meta("d"), "spec": {}}),
            ("a selector that does not fit", "deployments", deployment("d", selector={"matchLabels": {"x": "y"}})),
            ("a selector of nothing", "deployments", deployment("d", selector={})),
            ("replicas below zero", "deployments", deployment("d", -1)),
            ("a strategy", "deployments", deployment("d", strategy={"type": "Sometimes"})),
            ("a surge of nothing and none missing", "deployments", deployment("d", strategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}})),
            ("a surge that is no number", "deployments", deployment("d", strategy={"rollingUpdate": {"maxSurge": "many"}})),
            ("more missing than all", "deployments", deployment("d", strategy={"rollingUpdate": {"maxUnavailable": "150%"}})),
            ("Recreate with the paces of a roll", "deployments", deployment("d", strategy={"type": "Recreate", "rollingUpdate": {"maxSurge": 1}})),
            ("a deadline before readiness", "deployments", deployment("d", progressDeadlineSeconds=5, minReadySeconds=9)),
            ("a template that ends", "deployments", changed(deployment("d"), "spec.template.spec.restartPolicy", "Never")),
            ("a template without labels", "deployments", changed(deployment("d"), "spec.template.metadata", {})),
            ("a ReplicaSet's selector", "replicasets", replica_set("r", selector={"matchLabels": {"x": "y"}})),
            ("a selector's operator", "replicasets", replica_set("r", selector={"matchExpressions": [{"key": "app", "operator": "Like"}]})),
            ("a Job that begins again", "jobs", changed(job("j"), "spec.template.spec.restartPolicy", "Always")),
            ("a Job below zero", "jobs", job("j", parallelism=-1, completions=-1, backoffLimit=-1)),
            ("a Job with a selector of its own", "jobs", job("j", selector={"matchLabels": {"a": "b"}})),
            ("a Service without ports", "services", {"metadata": meta("s"), "spec": {"selector": {"a": "b"}}}),
            ("a Service's port", "services", service("s", None, [{"port": 0}])),
            ("two ports, no names", "services", service("s", None, [{"port": 80}, {"port": 81}])),
            ("a target's name", "services", service("s", None, port(targetPort="A_B"))),
            ("a type", "services", service("s", None, type="Sometimes")),
            ("an affinity", "services", service("s", None, sessionAffinity="Sometimes")),
            ("a name that DNS does not like", "services", service("1s")),
            ("a name outside that is none", "services", {"metadata": meta("s"), "spec": {"type": "ExternalName", "externalName": "A B"}}),
            ("an address that is none", "services", service("s", None, clusterIP="300.1.2.3")),
            ("a key of a ConfigMap", "configmaps", {"metadata": meta("c"), "data": {"a b": "c"}}),
            ("a key twice", "configmaps", {"metadata": meta("c"), "data": {"a": "c"}, "binaryData": {"a": "AA=="}}),
            ("a key of a Secret", "secrets", {"metadata": meta("s"), "data": {"a b": "Yg=="}}),
            ("a Secret of TLS without its keys", "secrets", {"metadata": meta("s"), "type": "kubernetes.io/tls"}),
            ("a claim of no mode", "persistentvolumeclaims", changed(claim("c"), "spec.accessModes", [])),
            ("a claim of another mode", "persistentvolumeclaims", changed(claim("c"), "spec.accessModes", ["Sometimes"])),
            ("a claim of no size", "persistentvolumeclaims", changed(claim("c"), "spec.resources", {})),
            ("a volume of no kind", "persistentvolumes", {"metadata": meta("parity-v"), "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"]}}),
            ("an Ingress of nothing", "ingresses", {"metadata": meta("i"), "spec": {}}),
            ("an Ingress's path", "ingresses", changed(web(), "spec.rules.0.http.paths.0.path", "x")),
            ("a path without a type", "ingresses", changed(web(), "spec.rules.0.http.paths.0.pathType", None)),
            ("a path of another type", "ingresses", changed(web(), "spec.rules.0.http.paths.0.pathType", "Sometimes")),
            ("a backend without a Service", "ingresses", changed(web(), "spec.rules.0.http.paths.0.backend", {})),
            ("an Ingress's host", "ingresses", web(host="A_B")),
            ("an autoscaler's bounds", "horizontalpodautoscalers", autoscaler("h", "d", minReplicas=0, maxReplicas=0)),
            ("an autoscaler's figure", "horizontalpodautoscalers", autoscaler("h", "d", targetCPUUtilizationPercentage=0)),
            ("a budget's number", "poddisruptionbudgets", budget("b", minAvailable=-1)),
            ("a budget's share", "poddisruptionbudgets", budget("b", maxUnavailable="200%")),
            ("a role's rule without verbs", "roles", {"metadata": meta("r"), "rules": [{"apiGroups": [""], "resources": ["pods"]}]}),
            ("a binding to no role", "rolebindings", {"metadata": meta("r"), "roleRef": {"kind": "Role", "name": ""}}),
            ("a binding to another kind", "rolebindings", {"metadata": meta("r"), "roleRef": {"kind": "Pod", "name": "x"}}),
            ("a network policy's port", "networkpolicies", {"metadata": meta("n"), "spec": {"podSelector": {}, "ingress": [{"ports": [{"port": 0}]}]}}),
            ("a lease below zero", "leases", {"metadata": meta("l"), "spec": {"leaseDurationSeconds": -1}}),
            ("an EndpointSlice of no type", "endpointslices", {"metadata": meta("e"), "endpoints": []}),
            ("Endpoints on loopback", "endpoints", {"metadata": meta("e"), "subsets": [{"addresses": [{"ip": "1.2.3"}], "ports": [{"port": 1}]}]}),
            ("a namespace's name", "namespaces", {"metadata": meta("parity.x")})):
        on.ask(f"{plural}: {name}", "POST", f"{plural}?dryRun=All", body, code=422, has={"reason": "Invalid", "status": "Failure"})
    on.ask("pods: a service account that is not there", "POST", "pods?dryRun=All", parked("p", serviceAccountName="nobody"), code=403, has={"reason": "Forbidden"})
