"""Jobs: Pods that are to end, in the states that both kinds of node can play."""
from parity.pieces import job, pod_spec
from parity.player import MERGE, at


def idle(**spec):
    return {"template": {"spec": pod_spec(restartPolicy="Never", schedulerName="nobody")}, **spec}


def ended(on, pod, phase, code):
    """Plays the kubelet of a Pod that ran nowhere."""
    on.do("PATCH", f"pods/{pod}/status", {"status": {"phase": phase, "containerStatuses": [{"name": "app", "image": "pause", "imageID": "", "ready": False, "restartCount": 0,
                                          "state": {"terminated": {"exitCode": code, "reason": "Completed" if code == 0 else "Error"}}}]}}, MERGE)


def conditions(seen):
    return [(one["type"], one["status"], one.get("reason")) for one in at(seen, "status.conditions") or []
            if one["type"] not in ("SuccessCriteriaMet", "FailureTarget")]


def play(on):
    pods = lambda name: sorted((one["metadata"]["name"] for one in on.do("GET", f"pods?labelSelector=job-name%3D{name}")["items"] if one["status"]["phase"] == "Pending"))
    on.do("POST", "jobs", job("simple", **idle()))
    on.eventually("a Job has a Pod", "jobs/simple", {"status.active": 1, "status.startTime": bool})
    found = on.do("GET", "pods?labelSelector=job-name%3Dsimple")["items"][0]
    on.value("the Pod is the Job's", (at(found, "metadata.ownerReferences.0.kind"), at(found, "metadata.generateName"), "controller-uid" in found["metadata"]["labels"], found["spec"]["restartPolicy"]),
             ("Job", "simple-", True, "Never"))
    ended(on, pods("simple")[0], "Succeeded", 0)
    on.eventually("the Pod ends well: the Job is complete", "jobs/simple", {"status.succeeded": 1, "status.active": None, "status.completionTime": bool, "status.failed": None,
                                                                           "status.conditions": lambda all: any(one["type"] == "Complete" for one in all)}, see=conditions)
    on.eventually("and says so", "events?fieldSelector=involvedObject.name%3Dsimple,reason%3DCompleted", {"items.0.message": "Job completed"})

    on.do("POST", "jobs", job("many", **idle(completions=3, parallelism=2)))
    on.eventually("two at once", "jobs/many", {"status.active": 2})
    for name in pods("many"):
        ended(on, name, "Succeeded", 0)
    on.eventually("then the third", "jobs/many", {"status.active": 1, "status.succeeded": 2})
    ended(on, on.until("the third Pod", lambda: pods("many"))[0], "Succeeded", 0)
    on.eventually("all three", "jobs/many", {"status.succeeded": 3, "status.conditions": bool}, see=conditions)

    on.do("POST", "jobs", job("bad", **idle(backoffLimit=0)))
    on.eventually("a Job that will fail", "jobs/bad", {"status.active": 1})
    ended(on, pods("bad")[0], "Failed", 3)
    on.eventually("a failure too many", "jobs/bad", {"status.failed": 1, "status.active": None, "status.conditions": lambda all: any(one["type"] == "Failed" for one in all)}, see=conditions)

    on.do("POST", "jobs", job("hurried", **idle(activeDeadlineSeconds=1)))
    on.eventually("a deadline passes", "jobs/hurried", {"status.conditions": lambda all: any(one["type"] == "Failed" and one["reason"] == "DeadlineExceeded" for one in all)}, see=conditions)
    on.eventually("its Pods are ended", "pods?labelSelector=job-name%3Dhurried", {"items": []})

    on.do("POST", "jobs", job("retried", **idle(backoffLimit=3)))
    on.eventually("a Job that tries again", "jobs/retried", {"status.active": 1})
    ended(on, pods("retried")[0], "Failed", 1)
    on.eventually("has another Pod after a failure", "jobs/retried", {"status.active": 1, "status.failed": 1}, 30)
    on.do("PATCH", "jobs/retried", {"spec": {"parallelism": 0}}, MERGE)
    on.eventually("no parallelism, no Pods", "jobs/retried", {"status.active": None})
    on.ask("completions are for good", "PATCH", "jobs/many", {"spec": {"completions": 9}}, MERGE, code=422, has={"reason": "Invalid"})
    on.ask("a Job orphans its Pods", "DELETE", "jobs/many", has={"kind": lambda kind: kind in ("Job", "Status")}, see=lambda seen: None)
    on.gone("and goes", "jobs/many")
    on.eventually("they stay", "pods?labelSelector=job-name%3Dmany", {"items": lambda items: len(items) == 3 and not any(one["metadata"].get("ownerReferences") for one in items)})
    on.ask("Pods go with it when asked", "DELETE", "jobs/simple", {"propagationPolicy": "Background"}, see=lambda seen: seen["kind"])
    on.eventually("they are gone", "pods?labelSelector=job-name%3Dsimple", {"items": []})
    on.do("POST", "jobs", job("real"))
    on.eventually("a Job's Pod is scheduled and runs", "pods?labelSelector=job-name%3Dreal", {"items.0.spec.nodeName": bool, "items.0.status.startTime": bool})
