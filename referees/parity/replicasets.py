"""ReplicaSets: Pods made, adopted, released and chosen for deletion."""
import time

from parity.pieces import parked, pod_spec, replica_set
from parity.player import MERGE, at

IDLE = {"schedulerName": "nobody", "containers": [{"name": "app", "image": "pause"}]}


def play(on):
    pods = lambda app: on.do("GET", f"pods?labelSelector=app%3D{app}")["items"]
    on.do("POST", "replicasets", replica_set("r", 2))
    on.eventually("two Pods become ready", "replicasets/r", {"status.replicas": 2, "status.readyReplicas": 2, "status.availableReplicas": 2, "status.fullyLabeledReplicas": 2,
                                                             "status.observedGeneration": 1}, see=lambda seen: seen["status"])
    on.value("named after it", {one["metadata"]["name"][:2] + str(len(one["metadata"]["name"])) for one in pods("r")}, {"r-7"})
    on.eventually("it tells of each", "events?fieldSelector=involvedObject.name%3Dr", {"items": lambda items: {one["reason"] for one in items} == {"SuccessfulCreate"}})

    on.do("POST", "pods", parked("stray", {"app": "a"}))
    time.sleep(1)  # a controller that has not heard of it yet would make two of its own, and may then choose this one to go
    on.do("POST", "replicasets", replica_set("a", 2, IDLE))
    on.eventually("a stray Pod that fits is adopted", "pods/stray", {"metadata.ownerReferences.0.name": "a", "metadata.ownerReferences.0.controller": True})
    on.eventually("and counts", "replicasets/a", {"status.replicas": 2})
    on.value("so only one more is made", len(pods("a")), 2)
    on.do("PATCH", "pods/stray", {"metadata": {"labels": {"app": "other"}}}, MERGE)
    on.eventually("a Pod that no longer fits is released", "pods/stray", {"metadata.ownerReferences": None})
    on.eventually("and replaced", "replicasets/a", {"status.replicas": 2})
    on.eventually("by another", "pods?labelSelector=app%3Da", {"items": lambda items: len(items) == 2})
    on.do("POST", "pods", parked("extra", {"app": "a"}))
    on.until("it is adopted", lambda: on.get("pods/extra") is None or at(on.get("pods/extra"), "metadata.ownerReferences"))
    on.eventually("of a Pod too many one goes", "pods?labelSelector=app%3Da", {"items": lambda items: len(items) == 2})

    on.do("POST", "replicasets", replica_set("b", 1))
    on.eventually("one that runs", "replicasets/b", {"status.readyReplicas": 1})
    runs = pods("b")[0]["metadata"]["name"]
    on.do("PATCH", "replicasets/b", {"spec": {"replicas": 3, "template": {"spec": IDLE}}}, MERGE)
    on.eventually("and two that wait", "replicasets/b", {"status.replicas": 3, "status.readyReplicas": 1})
    on.do("PATCH", "replicasets/b", {"spec": {"replicas": 1}}, MERGE)
    on.eventually("those that wait go first", "replicasets/b", {"status.replicas": 1, "status.readyReplicas": 1})
    on.value("the one that runs stays", [one["metadata"]["name"] == runs for one in pods("b") if not one["metadata"].get("deletionTimestamp")], [True])
    on.do("PATCH", "replicasets/b", {"spec": {"replicas": 0}}, MERGE)
    on.eventually("to nothing", "replicasets/b", {"status.replicas": 0, "status.readyReplicas": None, "status.observedGeneration": 4}, see=lambda seen: seen["status"])

    on.do("POST", "replicasets", replica_set("failing", 1, pod_spec(serviceAccountName="nobody")))
    on.eventually("a Pod that is refused", "replicasets/failing", {"status.conditions": lambda all: [(one["type"], one["status"], one["reason"]) for one in all] == [
        ("ReplicaFailure", "True", "FailedCreate")]}, see=lambda seen: at(seen, "status.conditions.0.message").split(" is forbidden")[1])
    on.eventually("is told of", "events?fieldSelector=involvedObject.name%3Dfailing,reason%3DFailedCreate", {"items.0.type": "Warning"})
