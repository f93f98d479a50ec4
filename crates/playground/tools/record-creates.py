#!/usr/bin/env python3
"""Sends objects to a real API server with dryRun=All and writes down what it makes of them: testdata/creates.json.

    KUBECONFIG=… record-creates.py MANIFEST… > testdata/creates.json     (namespace default; nothing is kept)

The documents of the manifests come first, then the mistakes of testdata/mistakes.json.
"""
import copy, importlib.util, json, os, subprocess, sys

here = os.path.dirname(os.path.abspath(__file__))
source = open(os.path.join(here, "record-patches.py")).read().split("\nPLURALS =")[0]
exec(compile(source, "record-patches.py", "exec"))

PLACES = {"Deployment": "deployments", "ConfigMap": "configmaps", "Service": "services", "Secret": "secrets", "Pod": "pods", "Endpoints": "endpoints",
          "Ingress": "ingresses", "HorizontalPodAutoscaler": "horizontalpodautoscalers", "ServiceAccount": "serviceaccounts", "Role": "roles", "ClusterRole": "clusterroles",
          "RoleBinding": "rolebindings", "ClusterRoleBinding": "clusterrolebindings", "PodDisruptionBudget": "poddisruptionbudgets", "ReplicaSet": "replicasets", "Job": "jobs",
          "PersistentVolumeClaim": "persistentvolumeclaims", "PersistentVolume": "persistentvolumes", "Namespace": "namespaces", "NetworkPolicy": "networkpolicies",
          "Lease": "leases", "EndpointSlice": "endpointslices", "Node": "nodes", "IngressClass": "ingressclasses", "Event": "events"}
CLUSTER = {"ClusterRole", "ClusterRoleBinding", "Namespace", "PersistentVolume", "Node", "IngressClass"}


def where(kind, version):
    base = "/apis/" + version if "/" in version else "/api/" + version
    return base + ("/" if kind in CLUSTER else "/namespaces/default/") + PLACES[kind]


def send(doc, old=None, place=None):
    kind, version = place or (doc.get("kind"), doc.get("apiVersion"))
    one = copy.deepcopy(doc)
    one.get("metadata", {}).pop("namespace", None) if isinstance(one.get("metadata"), dict) else None
    query = {"dryRun": "All"}
    group = version.split("/")[0] if "/" in version else ""
    if old is None:
        code, answer = call("POST", where(kind, version), one, manager="creator", query=query)
        return {"group": group, "plural": PLACES[kind], "version": version.split("/")[-1], "body": one, "code": code, "answer": answer}
    path = where(kind, version)
    code, before = call("POST", path, old, manager="creator")
    if code != 201:
        sys.exit(json.dumps(before))
    if kind == "Deployment":
        import time
        time.sleep(0.5)
    path += "/" + old["metadata"]["name"]
    code, before = call("GET", path)
    one["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"]
    one = merged(before, one)
    code, answer = call("PUT", path, one, manager="updater", query=query)
    call("DELETE", path)
    return {"group": group, "plural": PLACES[kind], "version": version.split("/")[-1], "old": before, "body": one, "code": code, "answer": answer}


def merged(before, change):
    if not isinstance(change, dict) or not isinstance(before, dict):
        return change
    out = copy.deepcopy(before)
    for k, v in change.items():
        if v is None:
            out.pop(k, None)
        else:
            out[k] = merged(out.get(k), v)
    return out


seen, out = set(), []
for path in sys.argv[1:]:
    text = subprocess.run(["kubectl", "create", "--dry-run=client", "--validate=false", "-o", "json", "-f", path], capture_output=True, text=True).stdout
    decoder, at = json.JSONDecoder(), 0
    while at < len(text.rstrip()):
        doc, end = decoder.raw_decode(text, at)
        at = end + 1
        for one in doc.get("items", [doc]) if doc.get("kind") == "List" else [doc]:
            if one.get("kind") not in PLACES:
                continue
            key = json.dumps(one, sort_keys=True)
            if key in seen:
                continue
            seen.add(key)
            out.append(send(one))
mistakes = json.load(open(os.path.join(here, "../testdata/mistakes.json")))
for m in mistakes:
    out.append(send(m["body"], m.get("old"), m.get("at")))
print("[")
print(",\n".join(json.dumps(one, separators=(",", ":")) for one in out))
print("]")
