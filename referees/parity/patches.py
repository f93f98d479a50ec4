"""Patches of every kind: what they make, and how they fail."""
from parity.pieces import IMAGE, config_map, idle_deployment, parked, service
from parity.player import JSON_PATCH, MERGE, STRATEGIC, Differs


def play(on):
    on.do("POST", "configmaps", config_map("x", {"l": "1", "m": "2"}, a="1", b="2"))
    on.do("POST", "deployments", two_containers())
    on.do("POST", "pods", parked("p", {"a": "b"}))
    on.do("POST", "services", service("s", {"a": "b"}, [{"name": "one", "port": 80}, {"name": "two", "port": 81}]))
    merge(on)
    json_patch(on)
    strategic(on)
    refused(on)


def two_containers():
    made = idle_deployment("d")
    made["spec"]["template"]["spec"]["containers"] = [
        {"name": "app", "image": IMAGE, "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}], "args": ["x", "y"]},
        {"name": "side", "image": IMAGE}]
    return made


def containers(seen):
    return [{key: one.get(key) for key in ("name", "image", "env", "args", "command")} for one in seen["spec"]["template"]["spec"]["containers"]]


def merge(on):
    on.ask("merge: sets and removes", "PATCH", "configmaps/x", {"data": {"a": None, "c": "3"}}, MERGE, has={"data": {"b": "2", "c": "3"}})
    on.ask("merge: removes what is not there", "PATCH", "configmaps/x", {"data": {"zz": None}}, MERGE, has={"data": {"b": "2", "c": "3"}})
    on.ask("merge: a null for a whole map", "PATCH", "configmaps/x", {"metadata": {"labels": None}}, MERGE, has={"metadata.labels": None})
    on.ask("merge: a list is replaced", "PATCH", "deployments/d?dryRun=All", {"spec": {"template": {"spec": {"containers": [{"name": "new", "image": "i:2"}]}}}}, MERGE,
           has={"spec.template.spec.containers.1": None}, see=containers)
    on.ask("merge: nothing at all", "PATCH", "configmaps/x", {}, MERGE, has={"data.b": "2"})
    on.ask("merge: an annotation", "PATCH", "configmaps/x", {"metadata": {"annotations": {"a.b/c": "d"}}}, MERGE, has={"metadata.annotations": {"a.b/c": "d"}})
    now = on.get("configmaps/x")["metadata"]["resourceVersion"]
    on.ask("merge: with the present revision", "PATCH", "configmaps/x", {"metadata": {"resourceVersion": now}, "data": {"r": "1"}}, MERGE, has={"data.r": "1"})
    on.ask("merge: with an old one", "PATCH", "configmaps/x", {"metadata": {"resourceVersion": now}, "data": {"r": "2"}}, MERGE, code=409, has={"reason": "Conflict"})


def json_patch(on):
    def patch(name, *steps, **more):
        on.ask("json: " + name, "PATCH", "configmaps/x", [dict(zip(("op", "path", "value"), step)) for step in steps], JSON_PATCH, **more)

    patch("add", ("add", "/data/j", "1"), has={"data.j": "1"})
    patch("replace", ("replace", "/data/j", "2"), has={"data.j": "2"})
    patch("remove", ("remove", "/data/j"), has={"data.j": None})
    patch("test that holds", ("test", "/data/b", "2"), ("add", "/data/t", "1"), has={"data.t": "1"})
    patch("test that does not hold", ("test", "/data/b", "3"), ("add", "/data/t", "2"), code=422, has={"reason": "Invalid"})
    patch("all or nothing", ("add", "/data/never", "1"), ("remove", "/data/nope"), code=422)
    on.ask("json: nothing was kept of that", "GET", "configmaps/x", has={"data.never": None})
    patch("a path with a slash in it", ("add", "/metadata/annotations/x.y~1z", "1"), has={"metadata.annotations": lambda seen: seen.get("x.y/z") == "1"})
    on.ask("json: move", "PATCH", "configmaps/x", [{"op": "move", "from": "/data/t", "path": "/data/u"}], JSON_PATCH, has={"data.t": None, "data.u": "1"})
    on.ask("json: copy", "PATCH", "configmaps/x", [{"op": "copy", "from": "/data/u", "path": "/data/v"}], JSON_PATCH, has={"data.v": "1", "data.u": "1"})
    on.ask("json: into a list", "PATCH", "deployments/d?dryRun=All", [
        {"op": "add", "path": "/spec/template/spec/containers/-", "value": {"name": "last", "image": "i:1"}},
        {"op": "add", "path": "/spec/template/spec/containers/0", "value": {"name": "first", "image": "i:1"}},
        {"op": "remove", "path": "/spec/template/spec/containers/1/env/0"}], JSON_PATCH, see=containers)
    patch("replace what is not there", ("replace", "/data/nope", "1"), code=Differs(real=200, playground=422), see=lambda seen: None)
    on.do("PATCH", "configmaps/x", {"data": {"nope": None}}, MERGE)
    on.ask("json: an object where a list belongs", "PATCH", "configmaps/x", {"data": {}}, JSON_PATCH, code=400, see=lambda seen: seen["reason"])


def strategic(on):
    def patch(name, spec, see=containers, **more):
        on.ask("strategic: " + name, "PATCH", "deployments/d?dryRun=All", {"spec": {"template": {"spec": spec}}}, STRATEGIC, see=see, **more)

    patch("a container by its name", {"containers": [{"name": "side", "image": "i:2"}]}, has={"spec.template.spec.containers.1.image": "i:2"})
    patch("a new container", {"containers": [{"name": "new", "image": "i:3"}]}, has={"spec.template.spec.containers.2.name": bool})
    patch("a container is removed", {"containers": [{"name": "side", "$patch": "delete"}]}, has={"spec.template.spec.containers.1": None})
    patch("containers are replaced", {"containers": [{"name": "only", "image": "i:4"}, {"$patch": "replace"}]}, has={"spec.template.spec.containers.1": None})
    patch("their order is given", {"$setElementOrder/containers": [{"name": "side"}, {"name": "app"}], "containers": [{"name": "app", "image": "i:9"}]})
    patch("an environment variable by its name", {"containers": [{"name": "app", "env": [{"name": "B", "value": "7"}]}]})
    patch("an environment variable is removed", {"containers": [{"name": "app", "env": [{"name": "A", "$patch": "delete"}]}]})
    patch("an atomic list is replaced", {"containers": [{"name": "app", "args": ["z"]}]}, has={"spec.template.spec.containers.0.args": ["z"]})
    patch("a member is removed", {"containers": [{"name": "app", "args": None}]}, has={"spec.template.spec.containers.0.args": None})
    patch("a container without its name", {"containers": [{"image": "i:2"}]}, see=None, code=500)
    on.ask("strategic: a map is replaced", "PATCH", "deployments/d?dryRun=All", {"spec": {"strategy": {"$patch": "replace", "type": "Recreate"}}}, STRATEGIC,
           has={"spec.strategy": {"type": "Recreate"}})
    on.ask("strategic: retainKeys", "PATCH", "deployments/d?dryRun=All", {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}, STRATEGIC,
           has={"spec.strategy": {"type": "Recreate"}})
    on.ask("strategic: a port by its number", "PATCH", "services/s?dryRun=All", {"spec": {"ports": [{"port": 81, "targetPort": 9}]}}, STRATEGIC,
           has={"spec.ports.1.targetPort": 9, "spec.ports.1.name": "two"}, see=lambda seen: seen["spec"]["ports"])
    on.ask("strategic: finalizers are added to", "PATCH", "configmaps/x", {"metadata": {"finalizers": ["a.example/b"]}}, STRATEGIC, has={"metadata.finalizers": ["a.example/b"]})
    on.ask("strategic: and taken away from a primitive list", "PATCH", "configmaps/x", {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a.example/b"]}}, STRATEGIC,
           has={"metadata.finalizers": None})
    on.ask("strategic: a Pod's image", "PATCH", "pods/p", {"spec": {"containers": [{"name": "app", "image": "i:2"}]}}, STRATEGIC,
           has={"spec.containers.0.image": "i:2"})
    on.ask("strategic: a Pod's command", "PATCH", "pods/p", {"spec": {"containers": [{"name": "app", "command": ["x"]}]}}, STRATEGIC, code=422, has={"reason": "Invalid"})
    on.ask("strategic: another container for a Pod", "PATCH", "pods/p", {"spec": {"containers": [{"name": "d", "image": "x"}]}}, STRATEGIC, code=422, has={"reason": "Invalid"})


def refused(on):
    on.ask("a patch of nothing", "PATCH", "configmaps/nope", {"data": {"q": "5"}}, MERGE, code=404)
    on.ask("a patch as plain JSON", "PATCH", "configmaps/x", {"data": {}}, "application/json", code=415, has={"reason": "UnsupportedMediaType"})
    on.ask("a patch that is no JSON", "PATCH", "configmaps/x", b"{bad", MERGE, code=Differs(real=500, playground=400))
    on.ask("another name", "PATCH", "configmaps/x", {"metadata": {"name": "other"}}, MERGE, code=400, has={"reason": "BadRequest"})
    on.ask("another namespace", "PATCH", "configmaps/x", {"metadata": {"namespace": "other"}}, MERGE, code=400, has={"reason": "BadRequest"})
    on.ask("another UID", "PATCH", "configmaps/x", {"metadata": {"uid": "other"}}, MERGE, code=422)
    on.ask("a value of a wrong type", "PATCH", "configmaps/x", {"data": {"q": 5}}, MERGE, code=422, see=lambda seen: (seen["reason"], seen["message"][:40]))
    on.ask("a label that is none", "PATCH", "configmaps/x", {"metadata": {"labels": {"a": "b c"}}}, MERGE, code=422)
    on.ask("a label's key that is none", "PATCH", "configmaps/x", {"metadata": {"labels": {"a b": "c"}}}, MERGE, code=422)
    on.ask("a finalizer without a domain", "PATCH", "configmaps/x", {"metadata": {"finalizers": ["bad"]}}, MERGE, code=422)
    on.ask("an annotation's key that is none", "PATCH", "configmaps/x", {"metadata": {"annotations": {"a/b/c": "d"}}}, MERGE, code=422)
    on.ask("the selector of a Deployment", "PATCH", "deployments/d", {"spec": {"selector": {"matchLabels": {"c": "d"}}}}, MERGE, code=422, has={"reason": "Invalid"})
    on.ask("replicas below zero", "PATCH", "deployments/d", {"spec": {"replicas": -1}}, MERGE, code=422)
    on.ask("a status through the object", "PATCH", "pods/p", {"status": {"phase": "Running"}}, MERGE, has={"status.phase": "Pending"})
