"""Deployments: ready, scaled, rolled, paused, recreated; and what their status tells on the way."""
from parity.pieces import deployment
from parity.player import MERGE, STRATEGIC, at


def conditions(seen):
    return sorted((one["type"], one["status"], one["reason"]) for one in at(seen, "status.conditions") or [])


def counts(seen):
    return {key: value for key, value in seen["status"].items() if key.endswith("eplicas")}


def sets(on, app):
    """The ReplicaSets of an app, oldest revision first: revision, wanted, there."""
    found = on.do("GET", f"replicasets?labelSelector=app%3D{app}")["items"]
    return sorted((int(one["metadata"]["annotations"]["deployment.kubernetes.io/revision"]), one["spec"]["replicas"], one["status"]["replicas"]) for one in found)


def image(on, app, name):
    """Another template: the image stays what both can run, an annotation changes."""
    on.do("PATCH", f"deployments/{app}", {"spec": {"template": {"metadata": {"annotations": {"version": name}}}}}, STRATEGIC)


def ready(on, case, app, replicas, revision, seconds=30):
    on.eventually(case, f"deployments/{app}", {
        "status": lambda status: status.get("observedGeneration") and (status.get("replicas"), status.get("updatedReplicas"), status.get("readyReplicas"), status.get("availableReplicas"))
        == (replicas,) * 4, "status.unavailableReplicas": None, "metadata.annotations": lambda all: all["deployment.kubernetes.io/revision"] == str(revision)}, seconds, counts)


def play(on):
    on.do("POST", "deployments", deployment("web", 3))
    ready(on, "three Pods become available", "web", 3, 1)
    on.eventually("and its conditions say so", "deployments/web", {"status.conditions": lambda all: len(all) == 2 and all[0]["status"] == "True"}, see=conditions)
    on.value("one ReplicaSet has them", sets(on, "web"), [(1, 3, 3)])
    made = on.do("GET", "replicasets?labelSelector=app%3Dweb")["items"][0]
    on.value("what the ReplicaSet is told", {key.split("/")[-1]: value for key, value in made["metadata"]["annotations"].items()},
             {"desired-replicas": "3", "max-replicas": "4", "revision": "1"})
    on.value("its name has the hash of the template", made["metadata"]["name"] == "web-" + made["metadata"]["labels"]["pod-template-hash"], True)
    pods = on.do("GET", "pods?labelSelector=app%3Dweb")["items"]
    on.value("its Pods have the hash too", {one["metadata"]["labels"]["pod-template-hash"] == made["metadata"]["labels"]["pod-template-hash"] for one in pods}, {True})
    on.value("its Pods are spread over the nodes", len({one["spec"]["nodeName"] for one in pods}), 3)
    on.value("its Pods are owned by the ReplicaSet", {(one["metadata"]["ownerReferences"][0]["kind"], one["metadata"]["generateName"] == made["metadata"]["name"] + "-") for one in pods},
             {("ReplicaSet", True)})
    on.value("a Pod's conditions", sorted({(one["type"], one["status"]) for pod in pods for one in pod["status"]["conditions"]} - {("PodReadyToStartContainers", "True")}),
             [("ContainersReady", "True"), ("Initialized", "True"), ("PodScheduled", "True"), ("Ready", "True")])

    on.do("PATCH", "deployments/web", {"spec": {"replicas": 5}}, MERGE)
    ready(on, "it grows", "web", 5, 1)
    on.do("PATCH", "deployments/web", {"spec": {"replicas": 2}}, MERGE)
    ready(on, "it shrinks", "web", 2, 1)
    victim = on.do("GET", "pods?labelSelector=app%3Dweb")["items"][0]
    on.do("DELETE", f"pods/{victim['metadata']['name']}")
    on.until("another Pod", lambda: len({one["metadata"]["uid"] for one in on.do("GET", "pods?labelSelector=app%3Dweb")["items"] if not one["metadata"].get("deletionTimestamp")}
                                        - {victim["metadata"]["uid"]}) == 2)
    ready(on, "a killed Pod is replaced", "web", 2, 1)

    image(on, "web", "2")
    ready(on, "another template is rolled out", "web", 2, 2)
    on.eventually("its conditions after that", "deployments/web", {"status.conditions": lambda all: any(one["reason"] == "NewReplicaSetAvailable" for one in all), "status.observedGeneration": 4}, see=conditions)
    on.until("the old Pods are gone", lambda: sets(on, "web") == [(1, 0, 0), (2, 2, 2)])
    on.value("the old ReplicaSet is kept, empty", sets(on, "web"), [(1, 0, 0), (2, 2, 2)])
    events = {(one["reason"], one["message"].split(" ")[0]) for one in on.do("GET", "events?fieldSelector=involvedObject.name%3Dweb")["items"]}
    on.value("it tells what it did", events, {("ScalingReplicaSet", "Scaled")})

    on.do("PATCH", "deployments/web", {"spec": {"paused": True}}, MERGE)
    image(on, "web", "3")
    on.eventually("paused: it sees the template", "deployments/web", {"status.observedGeneration": 6}, see=conditions)
    on.value("paused: it does not roll", sets(on, "web"), [(1, 0, 0), (2, 2, 2)])
    on.do("PATCH", "deployments/web", {"spec": {"replicas": 3}}, MERGE)
    on.eventually("paused: it scales all the same", "deployments/web", {"status.replicas": 3, "status.updatedReplicas": None, "status.readyReplicas": 3})
    on.do("PATCH", "deployments/web", {"spec": {"paused": False}}, MERGE)
    ready(on, "resumed: it rolls", "web", 3, 3)
    on.eventually("resumed: its conditions", "deployments/web", {"status.observedGeneration": 8}, see=conditions)

    on.do("PATCH", "deployments/web", {"spec": {"template": {"metadata": {"annotations": {"version": "2"}}}}}, STRATEGIC)
    ready(on, "back to the template before: the old ReplicaSet, a new revision", "web", 3, 4)
    on.until("the others are empty", lambda: [one[1:] for one in sets(on, "web")] == [(0, 0), (0, 0), (3, 3)])
    on.value("no fourth ReplicaSet was made", [one[0] for one in sets(on, "web")], [1, 3, 4])
    on.do("PATCH", "deployments/web", {"spec": {"revisionHistoryLimit": 1}}, MERGE)
    on.eventually("the history is cut", "replicasets?labelSelector=app%3Dweb", {"items": lambda items: len(items) == 2})
    on.do("PATCH", "deployments/web", {"spec": {"replicas": 0}}, MERGE)
    on.eventually("to nothing", "deployments/web", {"status.replicas": None, "status.readyReplicas": None, "status.observedGeneration": 11}, see=conditions)
    on.eventually("no Pod is left", "pods?labelSelector=app%3Dweb", {"items": []})
