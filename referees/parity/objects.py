"""Create, get, list, update: what is answered, what is refused, and whose write wins."""
from parity.pieces import config_map, idle_deployment, parked, service
from parity.player import MERGE, Differs


def play(on):
    creating(on)
    refused(on)
    updating(on)
    dry_run(on)
    kept(on)


def creating(on):
    on.ask("a ConfigMap is created", "POST", "configmaps", config_map("x", {"a": "b"}, k="v"), code=201,
           has={"data.k": "v", "metadata.namespace": on.ns, "metadata.uid": bool, "metadata.resourceVersion": bool})
    on.ask("it can be read", "GET", "configmaps/x", has={"kind": "ConfigMap", "apiVersion": "v1", "data.k": "v"})
    on.ask("a second one of that name is refused", "POST", "configmaps", config_map("x"), code=409,
           has={"reason": "AlreadyExists", "message": 'configmaps "x" already exists'})
    on.ask("a name is generated", "POST", "configmaps", {"metadata": {"generateName": "gen-"}}, code=201,
           has={"metadata.name": lambda name: len(name) == 9, "metadata.generateName": "gen-"})
    on.ask("a namespace has its finalizer and phase", "GET", "namespaces/{}".format(on.ns),
           has={"spec.finalizers": ["kubernetes"], "status.phase": "Active"})
    on.ask("a Pod is created with its defaults", "POST", "pods", parked("p", {"a": "b"}), code=201,
           has={"status.phase": "Pending", "status.qosClass": "BestEffort", "spec.restartPolicy": "Always"})
    on.ask("a Deployment starts at generation 1", "POST", "deployments", idle_deployment("d"), code=201, has={"metadata.generation": 1})
    on.ask("stringData of a Secret becomes data", "POST", "secrets", {"metadata": {"name": "s"}, "stringData": {"a": "b"}}, code=201,
           has={"data.a": "Yg==", "stringData": None, "type": "Opaque"})
    on.ask("a Service gets an address", "POST", "services", service("s", {"a": "b"}), code=201, has={"spec.clusterIP": bool, "spec.type": "ClusterIP"})
    on.ask("a port of a node out of range", "POST", "services", service("far", {"a": "b"}, [{"port": 80, "nodePort": 80}], type="NodePort"), code=422, has={"reason": "Invalid"})
    on.ask("a headless Service gets none", "POST", "services", service("headless", {"a": "b"}, clusterIP="None"), code=201, has={"spec.clusterIP": "None"})
    on.ask("a NodePort Service gets a port", "POST", "services", service("outside", {"a": "b"}, type="NodePort"), code=201,
           has={"spec.ports.0.nodePort": lambda port: 30000 <= port <= 32767}, see=lambda seen: seen["spec"]["type"])
    on.ask("status cannot be created", "POST", "pods", {**parked("with-status"), "status": {"phase": "Running"}}, code=201,
           has={"status.phase": "Pending"})
    on.ask("a ServiceAccount is created", "POST", "serviceaccounts", {"metadata": {"name": "robot"}}, code=201, has={"metadata.name": "robot"})


def refused(on):
    on.ask("a body that is no JSON", "POST", "configmaps", b"{nonsense", code=400, has={"reason": "BadRequest"})
    on.ask("no body at all", "POST", "configmaps", b"", code=400, has={"reason": "BadRequest"})
    on.ask("an object of another kind", "POST", "configmaps", {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "q"}}, code=400,
           has={"reason": "BadRequest"})
    on.ask("an object of another version", "POST", "deployments", {"apiVersion": "apps/v2", "kind": "Deployment", "metadata": {"name": "q"}}, code=400,
           has={"reason": "BadRequest"})
    on.ask("an object of another namespace", "POST", "configmaps", {"metadata": {"name": "q", "namespace": "elsewhere"}}, code=400,
           has={"message": "the namespace of the provided object does not match the namespace sent on the request"})
    on.ask("no name", "POST", "configmaps", {"metadata": {}}, code=422, has={"reason": "Invalid", "details.causes.0.field": "metadata.name"})
    on.ask("a name with capitals", "POST", "configmaps", config_map("X_Y"), code=422, has={"reason": "Invalid"})
    on.ask("a value of a wrong type", "POST", "configmaps", {"metadata": {"name": "q"}, "data": {"a": 1}}, code=400, has={"reason": "BadRequest"})
    on.ask("a list where a map belongs", "POST", "configmaps", {"metadata": {"name": "q"}, "data": []}, code=400, has={"reason": "BadRequest"})
    on.ask("a resourceVersion on create", "POST", "configmaps", {"metadata": {"name": "q", "resourceVersion": "5"}}, code=Differs(real=500, playground=400))
    on.ask("a media type that nobody speaks", "POST", "configmaps", config_map("q"), kind="text/plain", code=415, has={"reason": "UnsupportedMediaType"})
    on.ask("an Accept that nobody serves", "GET", "configmaps/x", headers={"Accept": "text/html"}, code=406, has={"reason": "NotAcceptable"})
    on.ask("a namespace that is not there", "POST", "/api/v1/namespaces/parity-nowhere/configmaps", config_map("q"), code=404,
           has={"message": 'namespaces "parity-nowhere" not found'})
    on.ask("an object that is not there", "GET", "configmaps/nope", code=404, has={"reason": "NotFound", "message": 'configmaps "nope" not found'})
    on.ask("an object of a group that is not there", "GET", "deployments/nope", code=404, has={"message": 'deployments.apps "nope" not found'})
    on.ask("a namespace that is not there has no Pods", "GET", "/api/v1/namespaces/parity-nowhere/pods", has={"items": []})
    on.ask("a resource that is not there", "GET", "/api/v1/namespaces/{ns}/nothings", code=404, see=lambda seen: None)
    on.ask("a group that is not there", "GET", "/apis/nothing.example/v1/things", code=404, see=lambda seen: None)
    on.ask("a method that is not allowed", "POST", "configmaps/x", config_map("x"), code=405, has={"reason": "MethodNotAllowed"})
    on.ask("a list of everywhere cannot be posted to", "POST", "/api/v1/configmaps", config_map("x"), code=405, has={"reason": "MethodNotAllowed"})
    on.ask("nobody without a token", "GET", "configmaps/x", headers={"Authorization": "Bearer nonsense"}, code=401,
           has={"reason": "Unauthorized", "message": "Unauthorized"})
    on.ask("a node that is not there", "GET", "nodes/nope", code=404, has={"message": 'nodes "nope" not found'})


def updating(on):
    first = on.get("configmaps/x")
    second = on.ask("an update replaces the object", "PUT", "configmaps/x", config_map("x", z="1"), has={"data.z": "1", "data.k": None, "metadata.labels": None})
    on.value("and moves its revision on", first["metadata"]["resourceVersion"] != second["metadata"]["resourceVersion"], True)
    on.ask("an old revision loses", "PUT", "configmaps/x", {**config_map("x"), "metadata": {"name": "x", "resourceVersion": first["metadata"]["resourceVersion"]}},
           code=409, has={"reason": "Conflict", "message": 'Operation cannot be fulfilled on configmaps "x": the object has been modified; '
                          'please apply your changes to the latest version and try again'})
    on.ask("the present revision wins", "PUT", "configmaps/x", {**second, "data": {"z": "2"}}, has={"data.z": "2"})
    same = on.get("configmaps/x")
    again = on.do("PUT", "configmaps/x", same)
    on.value("an update that changes nothing leaves the revision", again["metadata"]["resourceVersion"] == same["metadata"]["resourceVersion"], True)
    on.ask("what is not there cannot be updated", "PUT", "configmaps/zzz", config_map("zzz"), code=404)
    on.ask("a name other than the path's", "PUT", "configmaps/x", config_map("y"), code=400, has={"reason": "BadRequest"})
    on.ask("another UID", "PUT", "configmaps/x", {"metadata": {"name": "x", "uid": "7"}}, code=409, has={"reason": "Conflict"})
    on.ask("the spec of a Deployment moves its generation", "PATCH", "deployments/d", {"spec": {"replicas": 2}}, MERGE, has={"metadata.generation": 2}, see=lambda seen: seen["spec"])
    on.ask("its labels do not", "PATCH", "deployments/d", {"metadata": {"labels": {"x": "y"}}}, MERGE, has={"metadata.generation": 2}, see=lambda seen: seen["metadata"]["labels"])
    on.ask("an immutable ConfigMap", "PATCH", "configmaps/x", {"immutable": True}, MERGE, has={"immutable": True})
    on.ask("stays as it is", "PATCH", "configmaps/x", {"data": {"z": "3"}}, MERGE, code=422, has={"reason": "Invalid"})
    on.ask("the type of a Secret is for good", "PATCH", "secrets/s", {"type": "other"}, MERGE, code=422, has={"reason": "Invalid"})
    on.ask("a Service keeps its address", "PATCH", "services/s", {"spec": {"clusterIP": "10.96.99.99"}}, MERGE, code=422, see=lambda seen: seen["reason"])


def dry_run(on):
    on.ask("a dry run of a creation answers as if", "POST", "configmaps?dryRun=All", config_map("dry", k="v"), code=201, has={"metadata.uid": bool, "data.k": "v"})
    on.ask("and leaves nothing", "GET", "configmaps/dry", code=404)
    on.ask("a dry run finds what is there", "POST", "configmaps?dryRun=All", config_map("x"), code=409, has={"reason": "AlreadyExists"})
    on.ask("a dry run of an update", "PATCH", "deployments/d?dryRun=All", {"spec": {"replicas": 9}}, MERGE, has={"spec.replicas": 9}, see=lambda seen: seen["spec"])
    on.ask("changes nothing", "GET", "deployments/d", has={"spec.replicas": 2, "metadata.generation": 2}, see=lambda seen: seen["spec"])
    on.ask("a dry run of a deletion", "DELETE", "configmaps/x?dryRun=All")
    on.ask("deletes nothing", "GET", "configmaps/x", has={"metadata.name": "x"})
    on.ask("a dry run of another kind", "POST", "configmaps?dryRun=some", config_map("dry"), code=422, has={"reason": "Invalid"})


def kept(on):
    made = on.do("POST", "configmaps", {"metadata": {"name": "own", "labels": {"a": "b"}, "annotations": {"n": "o"}, "creationTimestamp": "2001-01-01T00:00:00Z",
                                                    "uid": "mine", "generation": 7, "selfLink": "/x"}, "data": {"u": "ü\n\t\"", "e": ""}, "binaryData": {"b": "AAEC"}})
    on.value("UID and creation are the server's", [made["metadata"]["uid"] == "mine", made["metadata"]["creationTimestamp"][:4] == "2001"], [False, False])
    on.ask("text is kept byte for byte", "GET", "configmaps/own", has={"data.u": "ü\n\t\"", "data.e": "", "binaryData.b": "AAEC"})
    on.ask("fields that nobody knows are dropped", "POST", "configmaps", {**config_map("unknown"), "nonsense": {"a": 1}}, code=201, has={"nonsense": None})
    on.ask("a list of one kind", "GET", "configmaps?fieldSelector=metadata.name%3Down",
           has={"kind": "ConfigMapList", "apiVersion": "v1", "items.0.metadata.name": "own", "items.0.kind": None, "metadata.resourceVersion": bool})
