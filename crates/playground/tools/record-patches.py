#!/usr/bin/env python3
"""Sends patches to a real API server and writes down what came of them: testdata/patches.json, which src/shape's tests replay.

    KUBECONFIG=… record-patches.py > testdata/patches.json     (it makes a namespace of its own, and deletes it)

A case is an object and steps on it; each step is kept with the object as it was before, the request, and the answer.
"""
import copy, json, os, ssl, subprocess, sys, time, urllib.error, urllib.parse, urllib.request

NS = "shape-record"
config = json.loads(subprocess.run(["kubectl", "config", "view", "--raw", "--minify", "-o", "json"], capture_output=True, check=True).stdout)
URL = config["clusters"][0]["cluster"]["server"]
user = config["users"][0]["user"]
context = ssl._create_unverified_context()
headers = {}
if "token" in user:
    headers["Authorization"] = "Bearer " + user["token"]
elif "tokenFile" in user:
    headers["Authorization"] = "Bearer " + open(user["tokenFile"]).read().strip()
else:
    import base64, tempfile
    files = []
    for field in ("client-certificate", "client-key"):
        if field + "-data" in user:
            f = tempfile.NamedTemporaryFile(delete=False)
            f.write(base64.b64decode(user[field + "-data"]))
            f.close()
            files.append(f.name)
        else:
            files.append(user[field])
    context.load_cert_chain(*files)

TYPES = {"json": "application/json-patch+json", "merge": "application/merge-patch+json",
         "strategic": "application/strategic-merge-patch+json", "apply": "application/apply-patch+yaml", "force": "application/apply-patch+yaml"}


def call(method, path, body=None, kind=None, manager=None, query=None):
    query = dict(query or {})
    if manager:
        query["fieldManager"] = manager
    if kind == "force":
        query["force"] = "true"
    url = URL + path + ("?" + urllib.parse.urlencode(query) if query else "")
    h = dict(headers)
    h["Content-Type"] = TYPES.get(kind, "application/json")
    data = json.dumps(body).encode() if body is not None else None
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, h, method=method), context=context) as r:
            return r.status, json.load(r)
    except urllib.error.HTTPError as e:
        return e.code, json.loads(e.read())


PLURALS = {"Deployment": ("apps", "deployments"), "ConfigMap": ("", "configmaps"), "Service": ("", "services"), "Secret": ("", "secrets"),
           "Pod": ("", "pods"), "Endpoints": ("", "endpoints"), "Ingress": ("networking.k8s.io", "ingresses"),
           "HorizontalPodAutoscaler": ("autoscaling", "horizontalpodautoscalers"), "ServiceAccount": ("", "serviceaccounts"),
           "Role": ("rbac.authorization.k8s.io", "roles"), "PodDisruptionBudget": ("policy", "poddisruptionbudgets")}


def path(obj, sub=""):
    group, plural = PLURALS[obj["kind"]]
    version = obj["apiVersion"]
    base = "/apis/" + version if group else "/api/v1"
    return f"{base}/namespaces/{NS}/{plural}/{obj['metadata']['name']}{sub}"


def deployment(**spec):
    d = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d", "labels": {"app": "d"}, "annotations": {"a": "1", "b": "2"}},
         "spec": {"replicas": 0, "selector": {"matchLabels": {"app": "d"}}, "template": {"metadata": {"labels": {"app": "d"}}, "spec": {
             "containers": [
                 {"name": "main", "image": "pause:1", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
                  "ports": [{"name": "http", "containerPort": 80}, {"name": "dns", "containerPort": 53, "protocol": "UDP"}],
                  "volumeMounts": [{"name": "v", "mountPath": "/v"}], "resources": {"limits": {"cpu": "1", "memory": "1Gi"}},
                  "args": ["x", "y"]},
                 {"name": "side", "image": "pause:2"}],
             "volumes": [{"name": "v", "emptyDir": {}}], "nodeSelector": {"k": "v"},
             "tolerations": [{"key": "t", "operator": "Exists"}]}}}}
    d["spec"].update(spec)
    return d


CM = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "labels": {"a": "b"}, "finalizers": ["x/one", "x/two"]}, "data": {"k": "1", "l": "2"}}
SVC = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"selector": {"a": "b"}, "ports": [{"name": "http", "port": 80}, {"name": "dns", "port": 53, "protocol": "UDP"}]}}
EP = {"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "e"}, "subsets": [{"addresses": [{"ip": "1.2.3.4"}], "ports": [{"port": 80}]}]}
ROLE = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "r"}, "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]}


def tmpl(spec):
    return {"spec": {"template": {"spec": spec}}}


def ap(obj, **over):
    o = copy.deepcopy(obj)
    o.update(over)
    return o


def applied(name="c", **rest):
    return dict({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}, **rest)


def applied_deploy(spec, **meta):
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": dict({"name": "d"}, **meta), "spec": spec}


J = lambda *ops: ("json", list(ops))
op = lambda o, p, *v, **k: dict({"op": o, "path": p}, **({"value": v[0]} if v else {}), **k)

CASES = [
    ("json-add-replace-remove", CM, [J(op("add", "/data/m", "3")), J(op("replace", "/data/k", "9")), J(op("remove", "/data/l")), J(op("add", "/metadata/labels/x~1y", "z"), op("test", "/data/k", "9"))]),
    ("json-move-copy", CM, [J(op("move", "/data/n", **{"from": "/data/k"})), J(op("copy", "/data/o", **{"from": "/data/l"}))]),
    ("json-list", deployment(), [J(op("add", "/spec/template/spec/containers/0/args/1", "mid")), J(op("add", "/spec/template/spec/containers/0/args/-", "end")),
                                 J(op("remove", "/spec/template/spec/containers/0/args/0")), J(op("replace", "/spec/template/spec/containers/1/image", "pause:3")),
                                 J(op("add", "/spec/template/spec/containers/0/args/9", "far")), J(op("replace", "/spec/template/spec/containers/7/image", "x")),
                                 J(op("remove", "/spec/template/spec/containers/7"))]),
    ("json-errors", CM, [J(op("remove", "/data/none")), J(op("replace", "/data/none", "1")), J(op("test", "/data/k", "no")), J(op("test", "/data/none", "no")), J(op("add", "/nowhere/x", "1")),
                         J(op("move", "/data/z", **{"from": "/data/none"})), J(op("copy", "/data/z", **{"from": "/data/none"})), J(op("frob", "/data/k", "1")), J(op("add", "data/k", "1")),
                         ("json", {"data": {"k": "1"}}), ("json", "text"), J(op("replace", "/data/k", 5)), J(op("replace", "/data", "text")), J({"op": "add", "path": "/data/q"}), J({"path": "/data/q"}), J({"op": "add", "value": 1}),
                         J(op("remove", "/metadata/finalizers/5")), J(op("add", "/metadata/finalizers/x", "e/e")), J(op("replace", "/metadata/name", "other")), J(op("replace", "/data/none/deep", "1")), J(op("test", "/data/none", None)), J()]),
    ("merge", CM, [("merge", {"data": {"k": None, "m": "5"}}), ("merge", {"metadata": {"labels": None}}), ("merge", {"metadata": {"finalizers": ["x/three"]}}), ("merge", {"data": None}),
                   ("merge", []), ("merge", "x"), ("merge", {"data": {"k": 5}}), ("merge", {"metadata": {"name": "other"}}), ("merge", {"metadata": {"resourceVersion": "1"}, "data": {"x": "y"}}), ("merge", {"nosuch": 1}), ("merge", {"kind": "Secret"})]),
    ("merge-deployment", deployment(), [("merge", {"spec": {"replicas": None}}), ("merge", {"spec": {"replicas": -1}}), ("merge", {"spec": {"replicas": "x"}}), ("merge", {"spec": {"selector": {"matchLabels": {"app": "z"}}}}),
                                        ("merge", {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}}), ("merge", {"spec": {"template": {"spec": {"containers": [{"name": "only", "image": "pause:9"}]}}}})]),
    ("strategic-containers", deployment(), [
        ("strategic", tmpl({"containers": [{"name": "side", "image": "pause:5"}]})),
        ("strategic", tmpl({"containers": [{"name": "third", "image": "pause:6"}]})),
        ("strategic", tmpl({"containers": [{"name": "side", "$patch": "delete"}]})),
        ("strategic", tmpl({"containers": [{"name": "main", "env": [{"name": "A", "value": "changed"}, {"name": "C", "value": "3"}, {"name": "B", "$patch": "delete"}]}]})),
        ("strategic", tmpl({"containers": [{"name": "main", "args": ["only"]}]})),
        ("strategic", tmpl({"containers": [{"name": "main", "resources": {"limits": {"cpu": None}}}]})),
        ("strategic", tmpl({"containers": [{"name": "main", "ports": [{"containerPort": 80, "name": "web"}]}]})),
        ("strategic", tmpl({"$setElementOrder/containers": [{"name": "third"}, {"name": "main"}], "containers": [{"name": "main", "image": "pause:8"}]})),
        ("strategic", tmpl({"containers": [{"image": "nameless"}]})),
        ("strategic", tmpl({"containers": [{"name": "main", "$patch": "frob"}]})),
        ("strategic", tmpl({"containers": "text"})),
        ("strategic", tmpl({"containers": [{"name": "only", "image": "pause:7"}, {"$patch": "replace"}]})),
        ("strategic", tmpl({"nodeSelector": {"$patch": "replace", "n": "m"}})),
        ("strategic", tmpl({"nodeSelector": {"o": "p"}})),
        ("strategic", tmpl({"nodeSelector": {"$patch": "delete"}})),
        ("strategic", tmpl({"nodeSelector": None})),
        ("strategic", tmpl({"tolerations": [{"key": "u", "operator": "Exists"}]})),
    ]),
    ("strategic-strategy", deployment(), [("strategic", {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}), ("strategic", {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 2}}}}),
                                          ("strategic", {"spec": {"strategy": {"type": "Recreate"}}}), ("strategic", {"spec": {"strategy": {"$patch": "replace", "type": "Recreate"}}}), ("strategic", {"spec": {"replicas": "x"}}), ("strategic", {"spec": {"nosuch": 1}}), ("strategic", {"spec": []}),
                                          ("strategic", {"spec": {"strategy": {"$retainKeys": ["rollingUpdate"], "type": "Recreate"}}})]),
    ("strategic-volumes", deployment(), [("strategic", tmpl({"volumes": [{"name": "v", "emptyDir": None, "configMap": {"name": "x"}}]})), ("strategic", tmpl({"volumes": [{"$retainKeys": ["name", "secret"], "name": "v", "secret": {"secretName": "s"}}]})),
                                         ("strategic", tmpl({"volumes": [{"name": "w", "emptyDir": {}}], "$setElementOrder/volumes": [{"name": "w"}, {"name": "v"}]}))]),
    ("strategic-primitive", CM, [("strategic", {"metadata": {"finalizers": ["x/three"]}}), ("strategic", {"metadata": {"$deleteFromPrimitiveList/finalizers": ["x/one"]}}), ("strategic", {"metadata": {"$setElementOrder/finalizers": ["x/three", "x/two"], "finalizers": ["x/two"]}}),
                                 ("strategic", {"metadata": {"labels": {"a": None, "n": "m"}}}), ("strategic", {"data": {"$patch": "replace", "z": "1"}}), ("strategic", {"$patch": "delete"}), ("strategic", {"metadata": {"finalizers": None}})]),
    ("strategic-service", SVC, [("strategic", {"spec": {"ports": [{"port": 80, "name": "web"}]}}), ("strategic", {"spec": {"ports": [{"port": 81, "name": "more"}]}}), ("strategic", {"spec": {"ports": [{"port": 53, "$patch": "delete"}]}}), ("strategic", {"spec": {"selector": {"c": "d"}}}), ("strategic", {"spec": {"clusterIP": "10.96.1.1"}})]),
    ("apply-new", None, [("apply", applied(data={"k": "1"}), "alice"), ("apply", applied(data={"k": "1", "l": "2"}), "alice"), ("apply", applied(data={"l": "2"}), "alice"), ("apply", applied(data={"l": "3"}), "bob"), ("force", applied(data={"l": "3"}), "bob"),
                         ("apply", applied(data={"l": "3", "m": "4"}), "alice"), ("apply", applied(), "alice"), ("apply", applied(), "bob")]),
    ("apply-labels", CM, [("apply", applied(metadata={"name": "c", "labels": {"x": "y"}, "finalizers": ["x/three"]}), "alice"), ("apply", applied(metadata={"name": "c", "labels": {"a": "other"}}), "alice"),
                          ("apply", applied(metadata={"name": "c", "labels": {"a": "b"}}), "alice"), ("merge", {"metadata": {"labels": {"a": "c"}}}, "carol"), ("apply", applied(metadata={"name": "c", "labels": {"a": "b"}}), "alice"), ("force", applied(metadata={"name": "c", "labels": {"a": "b"}}), "alice"), ("apply", applied(), "alice")]),
    ("apply-errors", CM, [("apply", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "other"}}, "alice"), ("apply", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "managedFields": [{"manager": "x", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": {}}]}}, "alice"),
                          ("apply", {"metadata": {"name": "c"}}, "alice"), ("apply", applied(data={"k": 5}), "alice"), ("apply", applied(nosuch=1), "alice"), ("apply", applied(data=["x"]), "alice"), ("apply", applied(metadata={"name": "c", "uid": "wrong"}), "alice"), ("apply", applied(metadata={"name": "c", "resourceVersion": "1"}, data={"zz": "1"}), "alice"), ("apply", applied(data={"x": "y"})), ("apply", {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "c"}}, "alice"), ("apply", [], "alice")]),
    ("apply-deployment", None, [
        ("apply", deployment(), "alice"),
        ("apply", applied_deploy({"replicas": 2}), "bob"), ("apply", applied_deploy({"replicas": 2, "revisionHistoryLimit": 3}), "bob"), ("apply", applied_deploy({"revisionHistoryLimit": 3}), "bob"),
        ("apply", applied_deploy({"template": {"spec": {"containers": [{"name": "main", "image": "pause:2", "env": [{"name": "A", "value": "2"}], "ports": [{"containerPort": 80, "protocol": "TCP", "name": "web"}]}]}}}), "bob"),
        ("force", applied_deploy({"template": {"spec": {"containers": [{"name": "main", "image": "pause:2", "env": [{"name": "A", "value": "2"}], "ports": [{"containerPort": 80, "protocol": "TCP", "name": "web"}]}]}}}), "bob"),
        ("apply", applied_deploy({"template": {"spec": {"containers": [{"name": "new", "image": "pause:3"}]}}}), "bob"),
        ("apply", applied_deploy({"template": {"spec": {"containers": [{"image": "pause:3"}]}}}), "bob"),
        ("apply", applied_deploy({"template": {"spec": {"containers": [{"name": "new", "image": "pause:3"}, {"name": "new", "image": "pause:4"}]}}}), "bob"),
        ("apply", applied_deploy({"replicas": "x"}), "bob"),
        ("strategic", tmpl({"containers": [{"name": "new", "image": "pause:11"}]}), "kubectl-edit"),
        ("merge", {"spec": {"minReadySeconds": 4, "template": {"spec": {"tolerations": []}}}}, "kubectl-edit"),
        ("apply", applied_deploy({"minReadySeconds": 5, "template": {"spec": {"containers": [{"name": "new", "image": "pause:3"}]}}}), "bob"),
        ("apply", applied_deploy({"selector": {"matchLabels": {"app": "d"}}, "template": {"spec": {"tolerations": [{"key": "x", "operator": "Exists"}], "volumes": [{"name": "v2", "emptyDir": {}}]}}}), "dave"),
        ("apply", applied_deploy({"template": {"spec": {"tolerations": [{"key": "x2", "operator": "Exists"}]}}}), "erin"),
    ]),
    ("apply-service", None, [("apply", SVC, "alice"), ("apply", {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": [{"name": "web", "port": 80, "protocol": "TCP"}]}}, "bob"),
                             ("force", {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": [{"name": "web", "port": 80, "protocol": "TCP"}, {"name": "more", "port": 81, "protocol": "TCP"}]}}, "bob"), ("apply", {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": [{"name": "web", "port": 80, "protocol": "TCP"}]}}, "bob"),
                             ("apply", {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": [{"name": "web", "port": 80}]}}, "bob"), ("apply", {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"selector": {"z": "y"}, "ports": [{"name": "web", "port": 80, "protocol": "TCP"}]}}, "bob")]),
    ("apply-atomic", EP, [("apply", {"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "e"}, "subsets": [{"addresses": [{"ip": "1.2.3.5"}], "ports": [{"port": 80}]}]}, "alice"), ("force", {"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "e"}, "subsets": [{"addresses": [{"ip": "1.2.3.5"}], "ports": [{"port": 80}]}]}, "alice"), ("apply", {"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "e"}}, "alice")]),
    ("apply-role", ROLE, [("apply", {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "r"}, "rules": []}, "alice"), ("force", {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "r"}, "rules": []}, "alice")]),
    ("update-managers", deployment(), [("put", lambda o: o["spec"].update(replicas=1), "one"), ("put", lambda o: (o["spec"].pop("progressDeadlineSeconds"), o["metadata"]["labels"].update(n="m")), "two"), ("put", lambda o: o["metadata"]["labels"].pop("n"), "three"),
                                       ("put", lambda o: o["spec"]["template"]["spec"]["containers"].pop(), "one"), ("put", lambda o: o["spec"]["template"]["spec"]["containers"][0]["args"].append("z"), "one"), ("put", lambda o: o["metadata"].update(managedFields=[]), "one"), ("put", lambda o: o["spec"].update(replicas=0), "one")]),
]


def clean(o):
    o = copy.deepcopy(o)
    return o


def main():
    call("POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NS}})
    time.sleep(1)
    out = []
    for name, base, steps in CASES:
        obj = base
        if base is not None:
            code, made = call("POST", path(base).rsplit("/", 1)[0], base, manager="creator")
            if code != 201:
                sys.exit(f"{name}: {made}")
            time.sleep(0.5 if base["kind"] == "Deployment" else 0)
        else:
            obj = steps[0][1]
        for step in steps:
            kind, body, *manager = step
            manager = manager[0] if manager else ("patcher" if kind not in ("apply", "force") else None)
            code, before = call("GET", path(obj))
            if code != 200:
                before = None
            if kind == "put":
                body_ = copy.deepcopy(before)
                body(body_)
                body = body_
                code, answer = call("PUT", path(obj), body, manager=manager)
            else:
                code, answer = call("PATCH", path(obj), body, kind, manager)
            out.append({"case": name, "plural": PLURALS[obj["kind"]][1], "group": PLURALS[obj["kind"]][0], "kind": kind, "manager": manager, "before": before, "body": body, "code": code, "answer": answer})
            if obj["kind"] == "Deployment":
                time.sleep(0.4)
        if obj["kind"] == "ConfigMap":
            call("PATCH", path(obj), {"metadata": {"finalizers": None}}, "merge")
        call("DELETE", path(obj))
        time.sleep(0.2)
    call("DELETE", "/api/v1/namespaces/" + NS)
    print("[")
    print(",\n".join(json.dumps(one, separators=(",", ":")) for one in out))
    print("]")


main()
