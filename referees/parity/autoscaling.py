"""HorizontalPodAutoscalers: their bounds, the versions they are read in, and what they say when there are no figures."""
from parity.pieces import autoscaler, deployment
from parity.player import MERGE, at


def conditions(seen):
    return sorted((one["type"], one["status"], one["reason"]) for one in at(seen, "status.conditions") or [])


def play(on):
    other = "/apis/autoscaling/v2beta2/namespaces/{ns}/horizontalpodautoscalers/"
    older = "/apis/autoscaling/v2beta1/namespaces/{ns}/horizontalpodautoscalers/"
    on.do("POST", "deployments", deployment("d", 1))
    on.ask("an autoscaler is created", "POST", "horizontalpodautoscalers", autoscaler("h", "d", minReplicas=2, targetCPUUtilizationPercentage=50), code=201, has={"spec.minReplicas": 2})
    metric = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}
    on.ask("it is read as v2beta2", "GET", other + "h", has={"spec.metrics": [metric], "apiVersion": "autoscaling/v2beta2"}, see=lambda seen: (seen["kind"], seen["spec"]))
    on.ask("it is read as v2beta1", "GET", older + "h", has={"spec.metrics": [{"type": "Resource", "resource": {"name": "cpu", "targetAverageUtilization": 50}}]},
           see=lambda seen: (seen["kind"], seen["spec"]))
    memory = {"type": "Resource", "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "100Mi"}}}
    on.ask("a metric that v1 has no field for", "PATCH", other + "h", {"spec": {"metrics": [metric, memory]}}, MERGE, has={"spec.metrics": lambda all: len(all) == 2},
           see=lambda seen: sorted(seen["spec"]["metrics"], key=str))
    on.ask("is kept in an annotation of v1", "GET", "horizontalpodautoscalers/h", has={"spec.targetCPUUtilizationPercentage": 50}, see=lambda seen: (seen["spec"], sorted(
        key for key in seen["metadata"]["annotations"] if key.endswith("/metrics"))))
    on.eventually("less than the least: it grows", "deployments/d", {"spec.replicas": 2}, 40)
    on.eventually("and says what it wanted", "horizontalpodautoscalers/h", {"status.desiredReplicas": 2, "status.lastScaleTime": bool}, 40)
    on.do("PATCH", "deployments/d", {"spec": {"replicas": 7}}, MERGE)
    on.eventually("more than the most: it shrinks", "deployments/d", {"spec.replicas": 3}, 40)
    on.eventually("it can scale", other + "h", {"status.conditions": lambda all: any(one["type"] == "AbleToScale" and one["status"] == "True" for one in all)}, 30)
    on.do("PATCH", "deployments/d", {"spec": {"replicas": 0}}, MERGE)
    on.eventually("a target at nothing is left alone", other + "h", {"status.conditions": lambda all: any(
        one["type"] == "ScalingActive" and one["status"] == "False" and one["reason"] == "ScalingDisabled" for one in all)}, 40)
    on.do("POST", "horizontalpodautoscalers", autoscaler("lost", "nobody"))
    on.eventually("a target that is not there", other + "lost", {"status.conditions": lambda all: bool(all) and any(
        one["type"] == "AbleToScale" and one["status"] == "False" and one["reason"] == "FailedGetScale" for one in all)}, 40, see=conditions)
    on.ask("the least is below the most", "POST", "horizontalpodautoscalers", autoscaler("q", "d", minReplicas=5), code=422, has={"reason": "Invalid"})
    on.ask("the most is above zero", "POST", "horizontalpodautoscalers", autoscaler("q", "d", maxReplicas=0), code=422, has={"reason": "Invalid"})
    on.ask("a target has a name", "POST", "horizontalpodautoscalers", autoscaler("q", ""), code=422, has={"reason": "Invalid"})
