#!/usr/bin/env python3
"""Writes down what tables a real API server makes of objects, and what it makes of objects in other versions:
testdata/tables.json.

    KUBECONFIG=… record-tables.py > testdata/tables.json     (it makes a namespace of its own, and deletes it)

Objects are kept by a finalizer of nobody's where they would go, and have the statuses that are set here.
"""
import os, sys

here = os.path.dirname(os.path.abspath(__file__))
source = open(os.path.join(here, "record-patches.py")).read().split("\ndef deployment(")[0]
exec(compile(source, "record-patches.py", "exec"))
NS = "shape-tables-%d" % os.getpid()
T = "2026-11-20T08:00:00Z"


def pod(name, status, spec=None, sub=None, **meta):
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": dict({"name": name}, **meta), "spec": {"nodeSelector": {"no": "node"}, "containers": [{"name": "a", "image": "pause:1"}, {"name": "b", "image": "pause:1"}]}}
    body["spec"].update(spec or {})
    return body, status


def cs(name, state, ready=False, restarts=0, last=None):
    return {"name": name, "image": "pause:1", "imageID": "", "ready": ready, "restartCount": restarts, "state": state, "lastState": last or {}}


RUN = {"running": {"startedAt": T}}
WAIT = lambda r: {"waiting": {"reason": r}}
END = lambda r, c=1, s=None: {"terminated": dict({"exitCode": c, "finishedAt": T, "startedAt": T}, **({"reason": r} if r else {}), **({"signal": s} if s else {}))}
READY = [{"type": "Ready", "status": "True"}, {"type": "Initialized", "status": "True"}]
INIT = {"initContainers": [{"name": "i", "image": "pause:1"}, {"name": "j", "image": "pause:1"}]}
PODS = [
    pod("pending", {}),
    pod("running", {"phase": "Running", "conditions": READY, "podIP": "10.1.2.3", "podIPs": [{"ip": "10.1.2.3"}], "containerStatuses": [cs("a", RUN, True), cs("b", RUN, True, 2, END("Error"))]}),
    pod("crash", {"phase": "Running", "containerStatuses": [cs("a", WAIT("CrashLoopBackOff"), False, 5, END("Error")), cs("b", RUN, True)]}),
    pod("pull", {"phase": "Pending", "containerStatuses": [cs("a", WAIT("ImagePullBackOff")), cs("b", WAIT("ContainerCreating"))]}),
    pod("done", {"phase": "Succeeded", "containerStatuses": [cs("a", END("Completed", 0)), cs("b", END("Completed", 0))]}),
    pod("half", {"phase": "Running", "conditions": READY, "containerStatuses": [cs("a", END("Completed", 0)), cs("b", RUN, True)]}),
    pod("half-unready", {"phase": "Running", "containerStatuses": [cs("a", END("Completed", 0)), cs("b", RUN, True)]}),
    pod("signal", {"phase": "Failed", "containerStatuses": [cs("a", END("", 137, 9)), cs("b", RUN, True)]}),
    pod("code", {"phase": "Failed", "containerStatuses": [cs("a", END("", 3)), cs("b", RUN, False)]}),
    pod("evicted", {"phase": "Failed", "reason": "Evicted", "message": "m"}),
    pod("oom", {"phase": "Running", "containerStatuses": [cs("a", END("OOMKilled", 137)), cs("b", RUN, True)]}),
    pod("init-run", {"phase": "Pending", "initContainerStatuses": [cs("i", END("Completed", 0)), cs("j", RUN)], "containerStatuses": [cs("a", WAIT("PodInitializing"))]}, INIT),
    pod("init-fail", {"phase": "Pending", "initContainerStatuses": [cs("i", END("Error", 1), False, 3), cs("j", WAIT("PodInitializing"))]}, INIT),
    pod("init-loop", {"phase": "Pending", "initContainerStatuses": [cs("i", WAIT("CrashLoopBackOff"), False, 3)]}, INIT),
    pod("init-signal", {"phase": "Pending", "initContainerStatuses": [cs("i", END("", 1, 15))]}, INIT),
    pod("gates", {"phase": "Running", "conditions": READY + [{"type": "x.y/z", "status": "True"}], "nominatedNodeName": "n1", "containerStatuses": [cs("a", RUN, True), cs("b", RUN, True)]}, {"readinessGates": [{"conditionType": "x.y/z"}, {"conditionType": "x.y/w"}]}),
    pod("ending", {"phase": "Running", "containerStatuses": [cs("a", RUN, True), cs("b", RUN, True)]}, finalizers=["x.y/keep"]),
]
TEMPLATE = {"metadata": {"labels": {"a": "b"}}, "spec": {"nodeSelector": {"no": "node"}, "containers": [{"name": "m", "image": "pause:1"}, {"name": "n", "image": "pause:2"}]}}
O = lambda kind, version, name, **r: ({"apiVersion": version, "kind": kind, "metadata": {"name": name}, **r}, None)
OTHERS = [
    O("ConfigMap", "v1", "c", data={"a": "1", "b": "2"}, binaryData={"d": "eA=="}), O("ConfigMap", "v1", "empty"),
    O("Secret", "v1", "s", type="x.y/z", data={"a": "eA=="}),
    O("Service", "v1", "plain", spec={"selector": {"b": "c", "a": "b"}, "ports": [{"port": 80, "name": "x"}, {"port": 53, "protocol": "UDP", "name": "y"}]}),
    O("Service", "v1", "node", spec={"type": "NodePort", "ports": [{"port": 80}]}), O("Service", "v1", "balanced", spec={"type": "LoadBalancer", "ports": [{"port": 80}]}),
    O("Service", "v1", "name", spec={"type": "ExternalName", "externalName": "a.b"}), O("Service", "v1", "headless", spec={"clusterIP": "None", "selector": {"a": "b"}, "ports": [{"port": 80}]}),
    O("Service", "v1", "outside", spec={"externalIPs": ["1.2.3.4", "1.2.3.5"], "ports": [{"port": 80}]}),
    O("Endpoints", "v1", "e1", subsets=[{"addresses": [{"ip": "1.2.3.%d" % i} for i in range(1, 6)], "ports": [{"port": 80}]}]), O("Endpoints", "v1", "e2"),
    O("Endpoints", "v1", "e3", subsets=[{"addresses": [{"ip": "1.2.3.4"}], "ports": [{"name": "a", "port": 80}, {"name": "b", "port": 81}]}]),
    O("Deployment", "apps/v1", "d", spec={"replicas": 0, "selector": {"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "a", "operator": "In", "values": ["c", "b"]}, {"key": "z", "operator": "DoesNotExist"}]}, "template": TEMPLATE}),
    O("Ingress", "networking.k8s.io/v1", "i", spec={"ingressClassName": "nginx", "tls": [{"hosts": ["a"]}], "rules": [{"host": "h%d.b" % i} for i in range(5)]}),
    O("Ingress", "networking.k8s.io/v1beta1", "j", spec={"backend": {"serviceName": "s", "servicePort": "web"}, "rules": [{"http": {"paths": [{"path": "/", "backend": {"serviceName": "s", "servicePort": 80}}]}}]}),
    O("PodDisruptionBudget", "policy/v1beta1", "p", spec={"minAvailable": "50%", "selector": {"matchLabels": {"a": "b"}}}), O("PodDisruptionBudget", "policy/v1beta1", "q", spec={"maxUnavailable": 1, "selector": {"matchLabels": {"a": "c"}}}),
    O("ServiceAccount", "v1", "acc"), O("Role", "rbac.authorization.k8s.io/v1", "r", rules=[]),
    O("HorizontalPodAutoscaler", "autoscaling/v1", "h1", spec={"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "none"}, "maxReplicas": 3, "targetCPUUtilizationPercentage": 50}),
    O("HorizontalPodAutoscaler", "autoscaling/v2beta2", "h2", spec={"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "none"}, "minReplicas": 2, "maxReplicas": 3, "metrics": [
        {"type": "Resource", "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "100Mi"}}}, {"type": "Pods", "pods": {"metric": {"name": "rps", "selector": {"matchLabels": {"x": "y"}}}, "target": {"type": "AverageValue", "averageValue": "10"}}},
        {"type": "Object", "object": {"metric": {"name": "hits"}, "describedObject": {"apiVersion": "v1", "kind": "Service", "name": "s"}, "target": {"type": "Value", "value": "5"}}}, {"type": "External", "external": {"metric": {"name": "queue"}, "target": {"type": "AverageValue", "averageValue": "3"}}}], "behavior": {"scaleDown": {"stabilizationWindowSeconds": 5}}}),
    O("HorizontalPodAutoscaler", "autoscaling/v2beta1", "h3", spec={"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "none"}, "maxReplicas": 3, "metrics": [{"type": "Resource", "resource": {"name": "cpu", "targetAverageUtilization": 70}}]}),
]


def base(kind, version=None):
    group, plural = PLURALS[kind]
    version = version or {"apps": "apps/v1", "": "v1", "networking.k8s.io": "networking.k8s.io/v1", "policy": "policy/v1beta1", "autoscaling": "autoscaling/v2beta2", "rbac.authorization.k8s.io": "rbac.authorization.k8s.io/v1"}[group]
    return ("/apis/" if "/" in version else "/api/") + f"{version}/namespaces/{NS}/{plural}"


call("POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NS}})
time.sleep(1)
for body, status in PODS + OTHERS:
    code, made = call("POST", base(body["kind"], body["apiVersion"]), body)
    if code != 201:
        sys.exit(json.dumps(made)[:600])
    if status:
        time.sleep(0.1)
        made["status"] = status
        made["metadata"].pop("resourceVersion")
        code, made = call("PUT", base("Pod") + "/" + body["metadata"]["name"] + "/status", made)
        if code != 200:
            sys.exit(json.dumps(made)[:600])
call("DELETE", base("Pod") + "/ending", {"gracePeriodSeconds": 0, "kind": "DeleteOptions", "apiVersion": "v1"})
time.sleep(1)
out = []
for kind in dict.fromkeys(body["kind"] for body, _ in PODS + OTHERS):
    _, objects = call("GET", base(kind))
    headers["Accept"] = "application/json;as=Table;v=v1;g=meta.k8s.io"
    _, table = call("GET", base(kind))
    headers.pop("Accept")
    # What the cluster puts into every namespace is not ours to write down.
    mine = [index for index, one in enumerate(objects["items"]) if "-token-" not in one["metadata"]["name"] and not one["metadata"]["name"].startswith("kube-")]
    objects["items"] = [objects["items"][index] for index in mine]
    table["rows"] = [table["rows"][index] for index in mine]
    for one in objects["items"]:
        one["metadata"].pop("managedFields", None)
        one.setdefault("kind", kind)
    out.append({"table": kind, "group": PLURALS[kind][0], "plural": PLURALS[kind][1], "version": objects["apiVersion"].split("/")[-1], "objects": objects["items"],
                "columns": [[c["name"], c["type"], c["format"], c["priority"]] for c in table["columnDefinitions"]], "cells": [r["cells"] for r in table["rows"]]})
for kind, versions in [("HorizontalPodAutoscaler", ["autoscaling/v2beta2", "autoscaling/v1", "autoscaling/v2beta1"]), ("Ingress", ["networking.k8s.io/v1", "networking.k8s.io/v1beta1"])]:
    lists = {}
    for version in versions:
        items = call("GET", base(kind, version))[1]["items"]
        for one in items:
            one["metadata"].pop("managedFields", None)
        lists[version.split("/")[1]] = items
    out.append({"versions": kind, "group": PLURALS[kind][0], "plural": PLURALS[kind][1], "lists": lists})
call("PATCH", base("Pod") + "/ending", {"metadata": {"finalizers": None}}, "merge")
call("DELETE", "/api/v1/namespaces/" + NS)
print("[")
print(",\n".join(json.dumps(one, separators=(",", ":"), ensure_ascii=False) for one in out))
print("]")
