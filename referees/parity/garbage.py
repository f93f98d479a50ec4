"""Owners and their dependents: background, foreground and orphaning deletion."""
from parity.pieces import config_map, idle_deployment, replica_set
from parity.player import MERGE, at

BACKGROUND, FOREGROUND, ORPHAN = ({"propagationPolicy": policy} for policy in ("Background", "Foreground", "Orphan"))


def owned(on, name, owner, **more):
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"], **more}
    made = config_map(name)
    made["metadata"]["ownerReferences"] = [reference]
    return on.do("POST", "configmaps", made)


def owner(on, name):
    return on.do("POST", "configmaps", config_map(name))


def play(on):
    one = owner(on, "one")
    owned(on, "one-child", one)
    on.do("DELETE", "configmaps/one", BACKGROUND)
    on.gone("background: the dependent follows", "configmaps/one-child")

    two = owner(on, "two")
    owned(on, "two-child", two)
    on.do("DELETE", "configmaps/two", ORPHAN)
    on.gone("orphan: the owner goes", "configmaps/two")
    on.eventually("orphan: the dependent stays without its owner", "configmaps/two-child", {"metadata.ownerReferences": None})

    three = owner(on, "three")
    owned(on, "three-child", three, blockOwnerDeletion=True)
    on.do("PATCH", "configmaps/three-child", {"metadata": {"finalizers": ["a.example/b"]}}, MERGE)
    on.ask("foreground: the owner is marked", "DELETE", "configmaps/three", FOREGROUND,
           has={"metadata.finalizers": ["foregroundDeletion"], "metadata.deletionTimestamp": bool, "metadata.deletionGracePeriodSeconds": 0})
    on.eventually("foreground: the dependent is deleted first", "configmaps/three-child", {"metadata.deletionTimestamp": bool})
    on.ask("foreground: the owner waits for it", "GET", "configmaps/three", has={"metadata.finalizers": ["foregroundDeletion"]})
    on.do("PATCH", "configmaps/three-child", {"metadata": {"finalizers": None}}, MERGE)
    on.gone("foreground: then the dependent is gone", "configmaps/three-child")
    on.gone("foreground: and the owner", "configmaps/three")

    left, right = owner(on, "left"), owner(on, "right")
    made = owned(on, "shared", left)
    on.do("PATCH", "configmaps/shared", {"metadata": {"ownerReferences": made["metadata"]["ownerReferences"] + [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": "right", "uid": right["metadata"]["uid"]}]}}, MERGE)
    on.do("DELETE", "configmaps/left", BACKGROUND)
    on.eventually("one of two owners goes: its reference goes", "configmaps/shared", {"metadata.ownerReferences.0.name": "right", "metadata.ownerReferences.1": None})
    on.do("DELETE", "configmaps/right", BACKGROUND)
    on.gone("both are gone: the dependent follows", "configmaps/shared")

    ghost = {"metadata": {"name": "ghost", "uid": "00000000-0000-4000-8000-000000000000"}}
    owned(on, "stray", ghost)
    on.gone("an owner that never was: the dependent goes", "configmaps/stray")
    wrong = owner(on, "namesake")
    wrong["metadata"]["uid"] = "00000000-0000-4000-8000-000000000001"
    owned(on, "other-life", wrong)
    on.gone("an owner of another life: the dependent goes", "configmaps/other-life")
    on.ask("its namesake stays", "GET", "configmaps/namesake", has={"metadata.deletionTimestamp": None})
    on.ask("two controllers are refused", "POST", "configmaps", {"metadata": {"name": "q", "ownerReferences": [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": n, "uid": n, "controller": True} for n in ("a", "b")]}}, code=422, has={"reason": "Invalid"})
    on.ask("an owner without a name is refused", "POST", "configmaps", {"metadata": {"name": "q", "ownerReferences": [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": "", "uid": ""}]}}, code=422, has={"reason": "Invalid"})

    deploy = idle_deployment("d")
    deploy["spec"]["paused"] = False
    on.do("POST", "deployments", deploy)
    sets = lambda: on.do("GET", "replicasets?labelSelector=app%3Dd")["items"]
    made = on.until("its ReplicaSet", sets)[0]
    on.value("a Deployment owns its ReplicaSet", {key: at(made, f"metadata.ownerReferences.0.{key}") for key in ("kind", "name", "controller", "blockOwnerDeletion", "apiVersion")},
             {"kind": "Deployment", "name": "d", "controller": True, "blockOwnerDeletion": True, "apiVersion": "apps/v1"})
    on.until("its Pod", lambda: on.do("GET", "pods?labelSelector=app%3Dd")["items"])
    on.do("DELETE", "deployments/d", BACKGROUND)
    on.eventually("the ReplicaSets of a Deployment follow it", "replicasets?labelSelector=app%3Dd", {"items": []})
    on.eventually("and their Pods", "pods?labelSelector=app%3Dd", {"items": []})
    on.do("POST", "replicasets", replica_set("r", 1, {"schedulerName": "nobody", "containers": [{"name": "a", "image": "pause"}]}))
    on.until("its Pod", lambda: on.do("GET", "pods?labelSelector=app%3Dr")["items"])
    on.do("DELETE", "replicasets/r", ORPHAN)
    on.gone("a ReplicaSet goes alone", "replicasets/r")
    on.eventually("its Pods stay", "pods?labelSelector=app%3Dr", {"items.0.metadata.ownerReferences": None, "items.0.metadata.name": bool})
