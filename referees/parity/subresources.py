"""Status, scale, binding, eviction, finalize and log: what is done beside the object."""
from parity.pieces import idle_deployment, parked, pod, replica_set
from parity.player import JSON_PATCH, MERGE, STRATEGIC, at


def scale_of(on, name, replicas, **metadata):
    return {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": name, "namespace": on.ns, **metadata}, "spec": {"replicas": replicas}}


def play(on):
    on.do("POST", "deployments", idle_deployment("d"))
    on.do("POST", "replicasets", replica_set("r", 0))
    on.do("POST", "pods", parked("p"))
    scale(on)
    status(on)
    binding(on)
    eviction(on)
    log(on)


def scale(on):
    on.ask("the scale of a Deployment", "GET", "deployments/d/scale", has={"kind": "Scale", "apiVersion": "autoscaling/v1", "spec.replicas": 1, "status.selector": "app=d"})
    on.ask("the scale of a ReplicaSet", "GET", "replicasets/r/scale", has={"kind": "Scale", "status.replicas": 0})
    on.ask("it is put", "PUT", "deployments/d/scale", scale_of(on, "d", 2), has={"spec.replicas": 2})
    on.ask("and the Deployment has it", "GET", "deployments/d", has={"spec.replicas": 2, "metadata.generation": 2}, see=lambda seen: seen["spec"]["replicas"])
    on.ask("it is patched", "PATCH", "deployments/d/scale", {"spec": {"replicas": 3}}, MERGE, has={"spec.replicas": 3})
    on.ask("by a JSON patch too", "PATCH", "deployments/d/scale", [{"op": "replace", "path": "/spec/replicas", "value": 4}], JSON_PATCH, has={"spec.replicas": 4})
    on.ask("never below zero", "PUT", "deployments/d/scale", scale_of(on, "d", -2), code=422, has={"reason": "Invalid"})
    on.ask("never from an old revision", "PUT", "deployments/d/scale", scale_of(on, "d", 5, resourceVersion="1"), code=409, has={"reason": "Conflict"})
    on.ask("a dry run", "PUT", "deployments/d/scale?dryRun=All", scale_of(on, "d", 9), has={"spec.replicas": 9})
    on.ask("leaves it", "GET", "deployments/d/scale", has={"spec.replicas": 4})
    on.ask("of nobody", "PUT", "deployments/nope/scale", scale_of(on, "nope", 5), code=404, has={"reason": "NotFound"})
    on.ask("a kind that has none", "GET", "configmaps/kube-root-ca.crt/scale", code=404, see=lambda seen: None)
    on.ask("it cannot be deleted", "DELETE", "deployments/d/scale", code=405, has={"reason": "MethodNotAllowed"})


def status(on):
    on.ask("a status is written", "PATCH", "pods/p/status", {"status": {"message": "m"}, "spec": {"priority": 9}}, MERGE, has={"status.message": "m", "spec.priority": 0})
    condition = {"type": "example.com/Ready", "status": "True"}
    on.ask("a condition is merged by its type", "PATCH", "pods/p/status", {"status": {"conditions": [condition]}}, STRATEGIC,
           has={"status.conditions": lambda all: any(one["type"] == "example.com/Ready" for one in all)}, see=lambda seen: sorted(one["type"] for one in seen["status"]["conditions"]))
    on.ask("a status is read", "GET", "pods/p/status", has={"kind": "Pod", "status.message": "m"}, see=lambda seen: seen["kind"])
    before = at(on.get("deployments/d"), "metadata.generation")
    on.ask("the status of a Deployment", "PATCH", "deployments/d/status", {"status": {"collisionCount": 3}}, MERGE, has={"status.collisionCount": 3, "metadata.generation": before},
           see=lambda seen: at(seen, "status.collisionCount"))
    on.ask("its spec is not changed that way", "PATCH", "deployments/d/status", {"spec": {"replicas": 77}}, MERGE, has={"spec.replicas": 4}, see=lambda seen: at(seen, "spec.replicas"))
    on.ask("a status below zero", "PATCH", "deployments/d/status", {"status": {"replicas": -1}}, MERGE, code=422, has={"reason": "Invalid"})
    on.ask("a kind without a status", "PATCH", "configmaps/kube-root-ca.crt/status", {"status": {}}, MERGE, code=404, see=lambda seen: None)


def binding(on):
    def target(**of):
        return {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "p"}, "target": {"kind": "Node", **of}}

    on.ask("a Pod is bound", "POST", "pods/p/binding", target(name="nowhere"), code=201, has={"kind": "Status", "status": "Success"})
    on.ask("and says so", "GET", "pods/p", has={"spec.nodeName": "nowhere", "status.conditions": lambda all: any(
        one["type"] == "PodScheduled" and one["status"] == "True" for one in all)}, see=lambda seen: seen["spec"]["nodeName"])
    on.ask("it is not bound twice", "POST", "pods/p/binding", target(name="elsewhere"), code=409, has={"reason": "Conflict"})
    on.ask("nor is nobody", "POST", "pods/nope/binding", {**target(name="n"), "metadata": {"name": "nope"}}, code=404)


def eviction(on):
    def body(name, **more):
        return {"apiVersion": "policy/v1beta1", "kind": "Eviction", "metadata": {"name": name, "namespace": on.ns}, **more}

    on.do("POST", "pods", parked("e", {"app": "e"}))
    on.ask("a dry run of an eviction", "POST", "pods/e/eviction", body("e", deleteOptions={"dryRun": ["All"]}), code=201)
    on.ask("leaves the Pod", "GET", "pods/e", has={"metadata.deletionTimestamp": None}, see=lambda seen: None)
    on.ask("another UID", "POST", "pods/e/eviction", body("e", deleteOptions={"preconditions": {"uid": "zz"}}), code=409, has={"reason": "Conflict"})
    on.ask("an eviction", "POST", "pods/e/eviction", body("e"), code=201, has={"kind": "Status", "status": "Success"})
    on.gone("takes the Pod", "pods/e", 3)
    on.ask("an eviction of nobody", "POST", "pods/nope/eviction", body("nope"), code=404, has={"reason": "NotFound"})
    on.ask("an eviction of another name", "POST", "pods/p/eviction", body("other"), code=400, has={"reason": "BadRequest"})
    on.ask("it is not read", "GET", "pods/p/eviction", code=405, see=lambda seen: seen["reason"])


def log(on):
    on.ask("the log of nobody", "GET", "pods/nope/log", code=404, has={"reason": "NotFound"})
    on.do("POST", "pods", parked("w"))
    on.ask("the log of a container that is none", "GET", "pods/w/log?container=other", code=400, has={"reason": "BadRequest"})
    on.do("POST", "pods", pod("two", schedulerName="nobody", containers=[{"name": "a", "image": "pause"}, {"name": "b", "image": "pause"}]))
    on.ask("one of two must be chosen", "GET", "pods/two/log", code=400, has={"reason": "BadRequest"})
    on.ask("a number of lines below zero", "GET", "pods/w/log?tailLines=-1", code=422, has={"reason": "Invalid"})
