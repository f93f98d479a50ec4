"""Volumes and claims: which of them find each other, and what becomes of a volume afterwards."""
from parity.pieces import claim, pod
from parity.player import MERGE, at


def volume(name, size, storage_class, **spec):
    return {"metadata": {"name": name}, "spec": {"capacity": {"storage": size}, "accessModes": ["ReadWriteOnce"], "persistentVolumeReclaimPolicy": "Retain",
                                                "storageClassName": storage_class, "hostPath": {"path": f"/tmp/{name}"}, **spec}}


def play(on):
    names = ["parity-small", "parity-large", "parity-named", "parity-other"]
    for name in names:
        if on.get(f"persistentvolumes/{name}"):
            on.do("DELETE", f"persistentvolumes/{name}")
            on.until("the end of an earlier run's volume", lambda name=name: not on.get(f"persistentvolumes/{name}"))
    try:
        matching(on)
    finally:
        for plural in ("parity-claim", "parity-second"):
            on.send("DELETE", f"persistentvolumeclaims/{plural}")
        for name in names:
            on.send("DELETE", f"persistentvolumes/{name}")


def matching(on):
    on.ask("a volume is created", "POST", "persistentvolumes", volume("parity-small", "1Gi", "parity"), code=201,
           has={"status.phase": "Pending", "metadata.finalizers": ["kubernetes.io/pv-protection"], "spec.volumeMode": "Filesystem"})
    on.do("POST", "persistentvolumes", volume("parity-large", "9Gi", "parity"))
    on.do("POST", "persistentvolumes", volume("parity-other", "5Gi", "parity-other"))
    on.eventually("and available", "persistentvolumes/parity-small", {"status.phase": "Available"})
    on.eventually("so is the large one", "persistentvolumes/parity-large", {"status.phase": "Available"})
    on.ask("a claim is created", "POST", "persistentvolumeclaims", claim("parity-claim", "2Gi", storageClassName="parity"), code=201,
           has={"status.phase": "Pending", "metadata.finalizers": ["kubernetes.io/pvc-protection"], "spec.volumeMode": "Filesystem"})
    on.eventually("it gets the smallest that is large enough", "persistentvolumeclaims/parity-claim", {"status.phase": "Bound", "spec.volumeName": "parity-large", "status.capacity.storage": "9Gi",
                  "status.accessModes": ["ReadWriteOnce"]}, 30, see=lambda seen: sorted(seen["metadata"]["annotations"]))
    on.eventually("the volume knows it", "persistentvolumes/parity-large", {"status.phase": "Bound", "spec.claimRef.name": "parity-claim", "spec.claimRef.kind": "PersistentVolumeClaim"})
    on.do("POST", "persistentvolumeclaims", claim("huge", "100Gi", storageClassName="parity"))
    on.do("POST", "persistentvolumeclaims", claim("many", "1Gi", storageClassName="parity", accessModes=["ReadWriteMany"]))
    on.do("POST", "persistentvolumeclaims", claim("stranger", "1Gi", storageClassName="nobody"))
    on.do("POST", "persistentvolumeclaims", claim("parity-second", "1Gi", storageClassName="parity"))
    on.eventually("the small one goes to who needs little", "persistentvolumeclaims/parity-second", {"spec.volumeName": "parity-small", "status.phase": "Bound"}, 30)
    for name, case in (("huge", "one that is too large waits"), ("many", "one with another access mode waits"), ("stranger", "one of another class waits")):
        on.ask(case, "GET", f"persistentvolumeclaims/{name}", has={"status.phase": "Pending", "spec.volumeName": None}, see=lambda seen: seen["status"])
    on.do("POST", "persistentvolumes", volume("parity-named", "1Gi", "parity", claimRef={"namespace": on.ns, "name": "huge"}))
    on.ask("a claim's size is for good", "PATCH", "persistentvolumeclaims/huge", {"spec": {"storageClassName": "other"}}, MERGE, code=422, see=lambda seen: seen["reason"])

    on.do("POST", "pods", pod("user", schedulerName="nobody", containers=[{"name": "app", "image": "pause", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}],
                              volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "parity-claim"}}]))
    on.do("POST", "pods", pod("lost", containers=[{"name": "app", "image": "pause"}], volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "nope"}}]))
    on.eventually("a Pod whose claim is not there waits", "pods/lost", {"status.phase": "Pending", "status.conditions": lambda all: any(
        one["type"] == "PodScheduled" and one["status"] == "False" and one["reason"] == "Unschedulable" for one in all)},
        see=lambda seen: 'persistentvolumeclaim "nope" not found' in at(seen, "status.conditions.0.message"))
    on.do("DELETE", "pods/user")
    on.do("DELETE", "persistentvolumeclaims/parity-claim")
    on.gone("a claim goes when nobody uses it", "persistentvolumeclaims/parity-claim")
    on.eventually("its volume is released", "persistentvolumes/parity-large", {"status.phase": "Released", "spec.claimRef.name": "parity-claim"}, 30)
    on.ask("a volume that is bound stays", "DELETE", "persistentvolumes/parity-small", has={"metadata.deletionTimestamp": bool}, see=lambda seen: seen["kind"])
    on.ask("it is still there", "GET", "persistentvolumes/parity-small", has={"metadata.finalizers": ["kubernetes.io/pv-protection"]}, see=lambda seen: seen["kind"])
    on.do("DELETE", "persistentvolumes/parity-other")
    on.gone("a volume that nobody has goes", "persistentvolumes/parity-other")
