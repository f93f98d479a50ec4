"""Rollouts that stand still, go by other paces, or fail: surge and unavailability, Recreate, the progress deadline."""
from parity.deployments import conditions, counts, image, ready, sets
from parity.pieces import deployment, pod_spec
from parity.player import MERGE, STRATEGIC

# A container that no node can take, so that it stays Pending on both.
HUGE = {"containers": [{"name": "app", "resources": {"requests": {"cpu": "500"}}}]}


def play(on):
    on.do("POST", "deployments", deployment("surge", 2, strategy={"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}))
    on.do("POST", "deployments", deployment("frugal", 3, strategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}))
    on.do("POST", "deployments", deployment("again", 2, strategy={"type": "Recreate"}))
    on.do("POST", "deployments", deployment("late", 1, pod_spec(**HUGE | {"containers": [{"name": "app", "image": "pause", "resources": {"requests": {"cpu": "500"}}}]}), progressDeadlineSeconds=2))
    ready(on, "surge: available", "surge", 2, 1)
    ready(on, "frugal: available", "frugal", 3, 1)
    ready(on, "again: available", "again", 2, 1)

    on.do("PATCH", "deployments/surge", {"spec": {"template": {"spec": HUGE}}}, STRATEGIC)
    on.eventually("surge: one more, none less", "deployments/surge", {"status.replicas": 3, "status.updatedReplicas": 1, "status.readyReplicas": 2, "status.unavailableReplicas": 1}, see=counts)
    on.value("surge: the sets", sets(on, "surge"), [(1, 2, 2), (2, 1, 1)])
    on.eventually("surge: still available", "deployments/surge", {"status.conditions": lambda all: len(all) == 2}, see=conditions)
    on.do("PATCH", "deployments/frugal", {"spec": {"template": {"spec": HUGE}}}, STRATEGIC)
    on.eventually("frugal: one less, none more", "deployments/frugal", {"status.replicas": 3, "status.updatedReplicas": 1, "status.readyReplicas": 2, "status.unavailableReplicas": 1}, see=counts)
    on.value("frugal: the sets", sets(on, "frugal"), [(1, 2, 2), (2, 1, 1)])
    on.do("PATCH", "deployments/frugal", {"spec": {"replicas": 6}}, MERGE)
    on.eventually("frugal: growth is shared in proportion", "deployments/frugal", {"status.replicas": 6, "status.observedGeneration": 3}, see=counts)
    on.value("frugal: the sets after that", sets(on, "frugal"), [(1, 4, 4), (2, 2, 2)])

    seen = on.watch("pods", 120, labelSelector="app=again")
    image(on, "again", "2")
    ready(on, "again: rolled", "again", 2, 2)
    on.until("its new Pods to be told of", lambda: [kind for kind, _ in seen.events].count("ADDED") > 2)
    kinds = [kind for kind, _ in seen.events]
    first = kinds.index("ADDED", 2) if kinds.count("ADDED") > 2 else len(kinds)
    on.value("again: both are gone before a new one comes", kinds[:first].count("DELETED"), 2)
    on.eventually("again: its conditions", "deployments/again", {"status.observedGeneration": 2}, see=conditions)

    on.eventually("late: the deadline passes", "deployments/late", {"status.conditions": lambda all: any(one["reason"] == "ProgressDeadlineExceeded" for one in all)}, see=conditions)
    message = next(one["message"] for one in on.get("deployments/late")["status"]["conditions"] if one["type"] == "Progressing")
    on.value("late: in these words", message.split('"')[0] + message.split('"')[2], 'ReplicaSet  has timed out progressing.')
    pod = on.do("GET", "pods?labelSelector=app%3Dlate")["items"][0]
    on.value("late: its Pod is Pending", (pod["status"]["phase"], [(one["type"], one["status"], one["reason"]) for one in pod["status"]["conditions"]]),
             ("Pending", [("PodScheduled", "False", "Unschedulable")]))
    on.do("PATCH", "deployments/late", {"spec": {"template": {"spec": {"containers": [{"name": "app", "resources": {"requests": {"cpu": "1m"}}}]}}}}, STRATEGIC)
    ready(on, "late: a smaller one succeeds", "late", 1, 2)
    on.eventually("late: and progresses", "deployments/late", {"status.conditions": lambda all: any(one["reason"] == "NewReplicaSetAvailable" for one in all)}, see=conditions)
    on.do("POST", "deployments", deployment("slow", 1, minReadySeconds=6))
    on.eventually("slow: ready, but not yet available", "deployments/slow", {"status.readyReplicas": 1, "status.availableReplicas": None}, see=counts)
    on.eventually("slow: available after its seconds", "deployments/slow", {"status.availableReplicas": 1})
