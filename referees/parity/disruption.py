"""PodDisruptionBudgets: what they allow, and evictions that they refuse."""
from parity.pieces import budget, deployment, parked
from parity.player import MERGE, at


def figures(seen):
    return {key: at(seen, f"status.{key}") for key in ("currentHealthy", "desiredHealthy", "disruptionsAllowed", "expectedPods")}


def allowed(number, healthy, wanted, expected):
    return {"status.disruptionsAllowed": number, "status.currentHealthy": healthy, "status.desiredHealthy": wanted, "status.expectedPods": expected}


def play(on):
    evict = lambda name: {"apiVersion": "policy/v1beta1", "kind": "Eviction", "metadata": {"name": name, "namespace": on.ns}}
    pods = lambda app: [one["metadata"]["name"] for one in on.do("GET", f"pods?labelSelector=app%3D{app}")["items"]
                        if one["status"]["phase"] == "Running" and not one["metadata"].get("deletionTimestamp")]
    on.do("POST", "deployments", deployment("d", 3))
    on.do("POST", "poddisruptionbudgets", budget("least", {"app": "d"}, minAvailable=2))
    on.eventually("two of three must stay", "poddisruptionbudgets/least", allowed(1, 3, 2, 3), 30, figures)
    on.do("PATCH", "poddisruptionbudgets/least", {"spec": {"minAvailable": "100%"}}, MERGE)
    on.eventually("all must stay", "poddisruptionbudgets/least", {**allowed(0, 3, 3, 3), "status.observedGeneration": 2}, see=figures)
    name = pods("d")[0]
    on.ask("an eviction is refused", "POST", f"pods/{name}/eviction", evict(name), code=429, has={"reason": "TooManyRequests", "message": "Cannot evict pod as it would violate the pod's disruption budget."})
    on.ask("a dry run is refused too", "POST", f"pods/{name}/eviction?dryRun=All", evict(name), code=429, see=lambda seen: seen["reason"])
    on.ask("a deletion is not", "DELETE", f"pods/{name}", see=lambda seen: seen["kind"])
    on.gone("the Pod is gone", f"pods/{name}")
    on.eventually("and healthy again", "poddisruptionbudgets/least", allowed(0, 3, 3, 3), 30, figures)
    on.do("DELETE", "poddisruptionbudgets/least")
    on.do("POST", "poddisruptionbudgets", budget("most", {"app": "d"}, maxUnavailable=1))
    on.eventually("one may be missing", "poddisruptionbudgets/most", allowed(1, 3, 2, 3), 30, figures)
    on.do("PATCH", "poddisruptionbudgets/most", {"spec": {"maxUnavailable": "50%"}}, MERGE)
    on.eventually("half, rounded up, may be missing", "poddisruptionbudgets/most", allowed(2, 3, 1, 3), 30, figures)
    on.do("PATCH", "poddisruptionbudgets/most", {"spec": {"maxUnavailable": 1}}, MERGE)
    on.eventually("one again", "poddisruptionbudgets/most", {**allowed(1, 3, 2, 3), "status.observedGeneration": 3}, 30)
    name = pods("d")[0]
    on.ask("the budget lets one go", "POST", f"pods/{name}/eviction", evict(name), code=201, has={"status": "Success"})
    second = next(one for one in pods("d") if one != name)
    on.ask("not the second at once", "POST", f"pods/{second}/eviction", evict(second), code=429, see=lambda seen: seen["reason"])
    on.eventually("later it would", "poddisruptionbudgets/most", allowed(1, 3, 2, 3), 30)
    on.do("POST", "poddisruptionbudgets", budget("too", {"app": "d"}, minAvailable=1))
    on.eventually("a second budget for the same Pods", "poddisruptionbudgets/too", allowed(2, 3, 1, 3), 30)
    on.ask("two budgets: nobody is evicted", "POST", f"pods/{second}/eviction", evict(second), code=500, see=lambda seen: seen["message"])
    on.do("POST", "pods", parked("waits", {"app": "w"}))
    on.do("POST", "poddisruptionbudgets", budget("w", minAvailable=1))
    on.eventually("a Pod that does not run is not healthy", "poddisruptionbudgets/w", {"status.disruptionsAllowed": 0, "status.currentHealthy": 0, "status.observedGeneration": 1}, see=figures)
    on.ask("it is evicted all the same", "POST", "pods/waits/eviction", evict("waits"), code=201, has={"status": "Success"})
    on.do("POST", "poddisruptionbudgets", budget("empty", {"app": "nobody"}, minAvailable=1))
    on.eventually("nobody is protected", "poddisruptionbudgets/empty", {"status.expectedPods": 0, "status.disruptionsAllowed": 0, "status.observedGeneration": 1}, see=figures)
    on.ask("both bounds are refused", "POST", "poddisruptionbudgets", budget("q", minAvailable=1, maxUnavailable=1), code=422, has={"reason": "Invalid"})
    on.ask("a bound of more than all", "POST", "poddisruptionbudgets", budget("q", minAvailable="101%"), code=422, has={"reason": "Invalid"})
