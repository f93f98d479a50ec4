#!/usr/bin/env python3
"""Writes src/shape/schema.txt: the shape of every type that the playground serves, without a word of description.

    extract-schema.py OPENAPI-V2.json K8S-OPENAPI/src/v1_33 > src/shape/schema.txt

Two sources, both of facts only: a real API server's own `/openapi/v2` (1.20: types of the older versions, merge keys and
strategies of patches), and the sources of the crate `k8s-openapi` (1.33: fields that came since, list types). What is atomic
as a whole is in neither in full, so it stands here. The format is explained where it is read, in src/shape/schema.rs.
"""
import json, os, re, sys

openapi = json.load(open(sys.argv[1]))["definitions"]
newer = sys.argv[2]

ROOTS = """core.v1 Namespace Node PersistentVolume Pod Service Endpoints ConfigMap Secret ServiceAccount PersistentVolumeClaim Event Binding
apps.v1 Deployment ReplicaSet
batch.v1 Job
autoscaling.v1 HorizontalPodAutoscaler Scale
autoscaling.v2 HorizontalPodAutoscaler
autoscaling.v2beta1 HorizontalPodAutoscaler
autoscaling.v2beta2 HorizontalPodAutoscaler
networking.v1 Ingress IngressClass NetworkPolicy
networking.v1beta1 Ingress
policy.v1 PodDisruptionBudget Eviction
policy.v1beta1 PodDisruptionBudget
rbac.v1 Role RoleBinding ClusterRole ClusterRoleBinding
rbac.v1beta1 Role RoleBinding ClusterRole ClusterRoleBinding
coordination.v1 Lease
discovery.v1 EndpointSlice
discovery.v1beta1 EndpointSlice"""

ATOMIC = set("""core.v1.LocalObjectReference core.v1.ObjectReference core.v1.SecretReference core.v1.TypedLocalObjectReference
core.v1.ConfigMapKeySelector core.v1.SecretKeySelector core.v1.ObjectFieldSelector core.v1.ResourceFieldSelector core.v1.NodeSelector
core.v1.NodeSelectorTerm core.v1.EndpointAddress core.v1.EndpointPort meta.v1.LabelSelector meta.v1.OwnerReference rbac.v1.RoleRef
rbac.v1.Subject rbac.v1beta1.RoleRef rbac.v1beta1.Subject networking.v1.ServiceBackendPort discovery.v1.EndpointPort
core.v1.PodSpec.nodeSelector core.v1.ServiceSpec.selector""".split())

# What the crate's generator cannot say: a key that is an Option, an initialism.
CORRECTED = {
    "core.v1.EphemeralContainer.ports": ["containerPort", "protocol"],
    "core.v1.ResourceStatus.resources": ["resourceID"],
}

LEAF = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": "q",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Time": "t",
    "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": "u",
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": "x",
    "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1": "*",
    "io.k8s.apimachinery.pkg.runtime.RawExtension": "*",
}


def short(name):
    name = name.replace("io.k8s.api.", "").replace("io.k8s.apimachinery.pkg.apis.", "")
    return name


def old_type(spec):
    if "$ref" in spec:
        name = spec["$ref"].split("/")[-1]
        return LEAF.get(name) or short(name)
    match spec.get("type"):
        case "string":
            return {"byte": "y", "date-time": "t"}.get(spec.get("format"), "s")
        case "integer":
            return "l" if spec.get("format") == "int64" else "i"
        case "boolean":
            return "b"
        case "number":
            return "n"
        case "array":
            return "[" + old_type(spec["items"]) + "]"
        case "object":
            return "{" + old_type(spec.get("additionalProperties", {})) + "}"
    return "*"


def old(name):
    for prefix in ("io.k8s.api.", "io.k8s.apimachinery.pkg.apis."):
        if prefix + name in openapi:
            spec = openapi[prefix + name]
            break
    else:
        return None
    fields = {}
    for field, inner in spec.get("properties", {}).items():
        f = {"type": old_type(inner), "required": field in spec.get("required", [])}
        strategies = inner.get("x-kubernetes-patch-strategy", "").split(",")
        f["key"] = inner.get("x-kubernetes-patch-merge-key")
        f["merge"] = "merge" in strategies
        f["retain"] = "retainKeys" in strategies
        f["list"] = inner.get("x-kubernetes-list-type")
        f["keys"] = inner.get("x-kubernetes-list-map-keys")
        fields[field] = f
    return fields


def snake(name):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def new_type(text):
    text = text.strip()
    if m := re.fullmatch(r"Option<(.*)>", text):
        return new_type(m[1])
    if m := re.fullmatch(r"(?:std::vec::)?Vec<(.*)>", text):
        return "[" + new_type(m[1]) + "]"
    if m := re.fullmatch(r"std::collections::BTreeMap<std::string::String, (.*)>", text):
        return "{" + new_type(m[1]) + "}"
    if m := re.fullmatch(r"std::boxed::Box<(.*)>", text):
        return new_type(m[1])
    simple = {"std::string::String": "s", "i32": "i", "i64": "l", "bool": "b", "f64": "n", "crate::ByteString": "y",
              "crate::serde_json::Value": "*"}
    if text in simple:
        return simple[text]
    if m := re.fullmatch(r"crate::(api|apimachinery)::(.*)", text):
        name = "io.k8s." + m[1] + "." + m[2].replace("::", ".")
        return LEAF.get(name) or short(name)
    if text.startswith("crate::apiextensions"):
        return "*"
    raise SystemExit("unknown type " + text)


def new(name):
    group, version, kind = name.split(".")
    base = "apimachinery/pkg/apis" if group == "meta" else "api"
    folder = f"{newer}/{base}/{group}/{version}"
    want = kind.lower()
    files = {f.replace("_", "").removesuffix(".rs"): f for f in os.listdir(folder)} if os.path.isdir(folder) else {}
    if want not in files:
        return None
    text = open(f"{folder}/{files[want]}").read()
    body = re.search(r"pub struct \w+ \{\n(.*?)\n\}", text, re.S)
    if body is None:
        return None
    json_name = {rust: js for js, rust in re.findall(r'"([^"]+)" => Field::Key_(\w+)', text)}
    merges = text[text.index("impl crate::DeepMerge") :]
    fields = {}
    for rust, rtype in re.findall(r"^    pub ((?:r#)?\w+): (.*),$", body[1], re.M):
        bare = rust.removeprefix("r#").rstrip("_")
        js = json_name.get(bare) or json_name.get(rust.removeprefix("r#"))
        if js is None:
            raise SystemExit(f"{name}: no JSON name for {rust}")
        f = {"type": new_type(rtype), "required": not rtype.startswith("Option"), "key": None, "merge": False, "retain": False,
             "list": None, "keys": None}
        how = re.search(r"merge_strategies::(list|map)::(\w+)\(\s*&mut self\." + re.escape(rust) + r",", merges)
        if how and how[1] == "list":
            f["list"] = how[2]
            if how[2] == "map":
                tail = merges[how.end() :]
                closures = tail[: tail.index("|current_item")]
                # The names in the closures are Rust's; the item's own file knows the JSON ones, camel case is what they are.
                names = re.findall(r"lhs\.(?:r#)?(\w+?)_?(?:\(\))? ==", closures)
                f["keys"] = [re.sub(r"_(\w)", lambda x: x[1].upper(), n) for n in names]
                f["keys"] = CORRECTED.get(f"{name}.{js}", f["keys"])
        if how and how[1] == "map" and how[2] == "atomic":
            f["atomic"] = True
        fields[js] = f
    return fields


seen, queue = {}, []
for line in ROOTS.splitlines():
    group, *kinds = line.split()
    queue += [f"{group}.{kind}" for kind in kinds]
queue += ["meta.v1.Status", "meta.v1.DeleteOptions"]
while queue:
    name = queue.pop(0)
    if name in seen:
        continue
    was, now = old(name), new(name)
    if was is None and now is None:
        raise SystemExit("no type " + name)
    fields = {}
    for field in list(dict.fromkeys(list(was or {}) + list(now or {}))):
        a, b = (was or {}).get(field), (now or {}).get(field)
        f = dict(b or a)
        if a and a["type"] != f["type"]:
            # Sources agree but for names of referents that were split since; today's is kept.
            print(f"{name}.{field}: {a['type']} became {b['type']}", file=sys.stderr)
        if a:
            f["required"] = a["required"]
            f["key"], f["merge"], f["retain"] = a["key"], a["merge"], a["retain"]
            f["keys"] = a["keys"] or f.get("keys")
            if f["list"] is None or a["list"]:
                f["list"] = a["list"] or f["list"]
        if f["list"] is None and f["key"] and f["type"].startswith("["):
            f["list"] = "map"
        if f["list"] == "map" and not f["keys"] and f["key"]:
            f["keys"] = [f["key"]]
        if f["list"] == "map" and a is None and f["keys"]:
            f["key"], f["merge"] = f["keys"][0], True
        if f["merge"] and not f["key"] and f["list"] is None:
            f["list"] = "set"
        fields[field] = f
    seen[name] = fields
    for f in fields.values():
        inner = f["type"].strip("[]{}")
        if "." in inner:
            queue.append(inner)

for name in sorted(seen):
    print(("!" if name in ATOMIC else "") + name)
    for field in sorted(seen[name]):
        f = seen[name][field]
        out = [" " + field, f["type"]]
        if f["required"]:
            out.append("required")
        if f.get("atomic") or f"{name}.{field}" in ATOMIC:
            out.append("atomic")
        if f["type"].startswith("["):
            if f["list"] == "map":
                out.append("map=" + ",".join(f["keys"]))
            elif f["list"] == "set":
                out.append("set")
            if f["merge"]:
                out.append("merge" + ("=" + f["key"] if f["key"] else ""))
        if f["retain"]:
            out.append("retain")
        print(" ".join(out))
