"""Deletion: at once or with grace, with preconditions, finalizers and whole collections."""
from parity.pieces import config_map, idle_deployment, parked, pod, service
from parity.player import MERGE


def options(**more):
    return {"apiVersion": "v1", "kind": "DeleteOptions", **more}


def play(on):
    simple(on)
    preconditions(on)
    finalizers(on)
    grace(on)
    collections(on)


def simple(on):
    on.do("POST", "configmaps", config_map("x"))
    on.ask("a deleted ConfigMap is answered with a Status", "DELETE", "configmaps/x",
           has={"kind": "Status", "status": "Success", "details.name": "x", "details.kind": "configmaps", "details.uid": bool})
    on.ask("it is gone", "GET", "configmaps/x", code=404)
    on.ask("what is not there cannot be deleted", "DELETE", "configmaps/x", code=404, has={"reason": "NotFound"})
    on.do("POST", "services", service("s", {"a": "b"}))
    on.ask("a deleted Service", "DELETE", "services/s", see=lambda seen: (seen["kind"], seen.get("status")))
    on.do("POST", "deployments", idle_deployment("d"))
    on.ask("a deleted Deployment", "DELETE", "deployments/d", options(propagationPolicy="Background"),
           has={"kind": "Status", "details.group": "apps", "details.kind": "deployments"})
    on.do("POST", "pods", parked("p"))
    on.ask("a Pod that runs nowhere goes at once", "DELETE", "pods/p", has={"kind": "Pod"})
    on.ask("and is gone", "GET", "pods/p", code=404)
    on.ask("a propagation that is none", "DELETE", "configmaps/kube-root-ca.crt", options(propagationPolicy="Sideways"), code=422, has={"reason": "Invalid"})
    on.ask("orphanDependents beside propagationPolicy", "DELETE", "configmaps/kube-root-ca.crt",
           options(propagationPolicy="Orphan", orphanDependents=True), code=422, has={"reason": "Invalid"})
    on.ask("options that are none", "DELETE", "configmaps/kube-root-ca.crt", {"kind": "Nonsense", "apiVersion": "v1"}, code=500)
    on.ask("a namespace that must stay", "DELETE", "namespaces/kube-system", code=403, has={"reason": "Forbidden"})


def preconditions(on):
    made = on.do("POST", "configmaps", config_map("x"))["metadata"]
    on.ask("another UID", "DELETE", "configmaps/x", options(preconditions={"uid": "zz"}), code=409, has={"reason": "Conflict"})
    on.ask("another revision", "DELETE", "configmaps/x", options(preconditions={"resourceVersion": "1"}), code=409, has={"reason": "Conflict"})
    on.ask("both are right", "DELETE", "configmaps/x",
           options(preconditions={"uid": made["uid"], "resourceVersion": made["resourceVersion"]}), has={"status": "Success"})


def finalizers(on):
    held = {"finalizers": ["a.example/b"]}
    on.do("POST", "configmaps", {"metadata": {"name": "held", **held}})
    on.ask("with a finalizer it is only marked", "DELETE", "configmaps/held",
           has={"kind": "ConfigMap", "metadata.deletionTimestamp": bool, "metadata.finalizers": ["a.example/b"], "metadata.deletionGracePeriodSeconds": 0})
    on.ask("it is still there", "GET", "configmaps/held", has={"metadata.deletionTimestamp": bool})
    on.ask("it can be changed", "PATCH", "configmaps/held", {"data": {"a": "b"}}, MERGE, has={"data.a": "b"})
    on.ask("it gets no further finalizers", "PATCH", "configmaps/held", {"metadata": {"finalizers": ["a.example/b", "c.example/d"]}}, MERGE, code=422, has={"reason": "Invalid"})
    on.ask("it is not created again", "POST", "configmaps", config_map("held"), code=409,
           has={"message": lambda text: text.startswith('object is being deleted: configmaps "held" already exists')})
    on.ask("it is deleted twice", "DELETE", "configmaps/held", has={"metadata.deletionTimestamp": bool})
    on.ask("the last finalizer lets it go", "PATCH", "configmaps/held", {"metadata": {"finalizers": None}}, MERGE, has={"metadata.finalizers": None})
    on.gone("and it is gone", "configmaps/held", 5)


def grace(on):
    on.do("POST", "pods", pod("slow", metadata={"annotations": {"fake-kubelet/grace": "4"}}, terminationGracePeriodSeconds=30))
    on.eventually("a Pod runs", "pods/slow", {"status.phase": "Running", "status.conditions": lambda all: any(c["type"] == "Ready" and c["status"] == "True" for c in all)})
    on.do("PATCH", "pods/slow", {"metadata": {"finalizers": ["a.example/b"]}}, MERGE)
    on.ask("its own grace is taken", "DELETE", "pods/slow", has={"metadata.deletionGracePeriodSeconds": 30, "metadata.deletionTimestamp": bool, "kind": "Pod"},
           see=lambda seen: seen["metadata"].get("deletionGracePeriodSeconds"))
    on.ask("it can be shortened", "DELETE", "pods/slow?gracePeriodSeconds=7", has={"metadata.deletionGracePeriodSeconds": 7}, see=lambda seen: None)
    on.ask("it cannot be lengthened", "DELETE", "pods/slow", options(gracePeriodSeconds=60), has={"metadata.deletionGracePeriodSeconds": 7}, see=lambda seen: None)
    on.ask("or be taken away", "DELETE", "pods/slow", options(gracePeriodSeconds=0), has={"metadata.deletionGracePeriodSeconds": 0}, see=lambda seen: None)
    on.do("PATCH", "pods/slow", {"metadata": {"finalizers": None}}, MERGE)
    on.gone("then it goes", "pods/slow")
    on.do("POST", "pods", pod("forced", metadata={"annotations": {"fake-kubelet/grace": "30"}}))
    on.until("a node for it", lambda: (on.get("pods/forced") or {}).get("spec", {}).get("nodeName"))
    on.do("DELETE", "pods/forced", options(gracePeriodSeconds=0))
    on.gone("no grace takes a Pod at once", "pods/forced", 3)


def collections(on):
    for name, color in (("r1", "red"), ("r2", "red"), ("b1", "blue")):
        on.do("POST", "configmaps", config_map(name, {"color": color}))
    names = lambda seen: sorted(one["metadata"]["name"] for one in seen["items"])
    on.ask("a collection is deleted by label", "DELETE", "configmaps?labelSelector=color%3Dred", has={"kind": "ConfigMapList"}, see=names)
    on.ask("the others stay", "GET", "configmaps?labelSelector=color", see=names, has={"items.0.metadata.name": "b1", "items.1": None})
    on.ask("a collection is deleted by field", "DELETE", "configmaps?fieldSelector=metadata.name%3Db1", see=names, has={"items.0.metadata.name": "b1"})
    on.ask("a collection of nothing", "DELETE", "configmaps?labelSelector=color", see=names, has={"items": []})
    on.ask("namespaces are not deleted together", "DELETE", "namespaces", code=405, has={"reason": "MethodNotAllowed"})
    on.ask("nor what is in all of them", "DELETE", "/api/v1/configmaps", code=405, has={"reason": "MethodNotAllowed"})
