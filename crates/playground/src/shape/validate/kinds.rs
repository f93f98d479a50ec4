//! The rules of the other kinds, each a function; those of the network are in [`super::network`].
//!
//! Invariant: as in the rest of validation, the order and the words are the server's.

use super::{Causes, IMMUTABLE, container, go_strings, list, meta, quoted, text, workload};
use serde_json::Value as Json;

fn frozen(found: &mut Causes, object: &Json, old: Option<&Json>, fields: &[&str]) {
    let Some(old) = old.filter(|old| old["immutable"] == true) else { return };
    let why = "field is immutable when `immutable` is set";
    if object["immutable"] != true {
        found.forbidden("immutable", why);
    }
    for field in fields.iter().filter(|field| object[**field] != old[**field]) {
        found.forbidden(field, why);
    }
}

/// How many bytes the values of a ConfigMap or Secret may have together.
const MOST_DATA: usize = 1 << 20;

/// A ConfigMap.
pub(super) fn config_map(found: &mut Causes, object: &Json, old: Option<&Json>) {
    frozen(found, object, old, &["data", "binaryData"]);
    let mut length = 0;
    for part in ["data", "binaryData"] {
        for (key, value) in object[part].as_object().into_iter().flatten() {
            length += if part == "data" { text(value).len() } else { decoded(text(value)) };
            let (field, shown) = (format!("{part}[{key}]"), format!("{key:?}"));
            meta::config_key(key).iter().for_each(|why| found.invalid(&field, &shown, why));
            if part == "data" && !object["binaryData"][key.as_str()].is_null() {
                found.invalid(&field, &shown, "duplicate of key present in binaryData");
            }
        }
    }
    // The object itself is what is too long, and a path of nothing is written so.
    found.too_long("[]", length, MOST_DATA);
}

/// How many bytes a text in base64 stands for.
fn decoded(text: &str) -> usize {
    text.trim_end_matches('=').len() * 3 / 4
}

/// A Secret.
pub(super) fn secret(found: &mut Causes, object: &Json, old: Option<&Json>) {
    if old.is_some_and(|old| old["type"] != object["type"]) {
        found.invalid("type", &quoted(&object["type"]), IMMUTABLE);
    }
    frozen(found, object, old, &["data"]);
    let mut length = 0;
    for (key, value) in object["data"].as_object().into_iter().flatten() {
        length += decoded(text(value));
        let shown = format!("{key:?}");
        meta::config_key(key).iter().for_each(|why| found.invalid(&format!("data[{key}]"), &shown, why));
    }
    found.too_long("data", length, MOST_DATA);
    let needs: &[&str] = match text(&object["type"]) {
        "kubernetes.io/tls" => &["tls.crt", "tls.key"],
        "kubernetes.io/dockerconfigjson" => &[".dockerconfigjson"],
        "kubernetes.io/dockercfg" => &[".dockercfg"],
        "kubernetes.io/ssh-auth" => &["ssh-privatekey"],
        "kubernetes.io/basic-auth" => {
            if object["data"]["username"].is_null() && object["data"]["password"].is_null() {
                found.required("data[username]", "");
                found.required("data[password]", "");
            }
            &[]
        }
        _ => &[],
    };
    for need in needs.iter().filter(|need| object["data"][**need].is_null()) {
        found.required(&format!("data[{need}]"), "");
    }
}

/// An autoscaler, in the form of v2.
pub(super) fn autoscaler(found: &mut Causes, object: &Json) {
    let spec = &object["spec"];
    let target = &spec["scaleTargetRef"];
    let (least, most) = (&spec["minReplicas"], &spec["maxReplicas"]);
    if least.as_i64().is_some_and(|least| least < 1) {
        found.invalid("spec.minReplicas", &least.to_string(), "must be greater than or equal to 1");
    }
    let (low, high) = (least.as_i64().unwrap_or(1), most.as_i64().unwrap_or_default());
    if high < 1 {
        found.invalid("spec.maxReplicas", &high.to_string(), "must be greater than 0");
    }
    if high < low {
        found.invalid(
            "spec.maxReplicas",
            &high.to_string(),
            "must be greater than or equal to `minReplicas`",
        );
    }
    for name in ["kind", "name"] {
        if text(&target[name]).is_empty() {
            found.required(&format!("spec.scaleTargetRef.{name}"), "");
        }
    }
    if least.as_i64() == Some(0) {
        let why = "must specify at least one Object or External metric to support scaling to zero replicas";
        found.forbidden("spec.metrics", why);
    }
    for (index, metric) in list(&spec["metrics"]).iter().enumerate() {
        let field = format!("spec.metrics[{index}]");
        let kinds = ["ContainerResource", "External", "Object", "Pods", "Resource"];
        let kind = text(&metric["type"]);
        if kind.is_empty() {
            found.required(&format!("{field}.type"), "must specify a metric source type");
            continue;
        }
        if !kinds.contains(&kind) {
            found.unsupported(&format!("{field}.type"), &format!("{kind:?}"), &kinds);
            continue;
        }
        let source = kind[..1].to_lowercase() + &kind[1..];
        let field = format!("{field}.{source}");
        let it = &metric[source.as_str()];
        if it.is_null() {
            found.required(&field, "must populate information for the given metric source");
            continue;
        }
        let share = &it["target"]["averageUtilization"];
        if share.as_i64().is_some_and(|share| share < 1) {
            found.invalid(
                &format!("{field}.target.averageUtilization"),
                &share.to_string(),
                "must be greater than 0",
            );
        }
        if kind == "Resource" && share.is_null() && it["target"]["averageValue"].is_null() {
            let why = "must set either a target raw value or a target utilization";
            found.required(&format!("{field}.target.averageUtilization"), why);
        }
    }
}

/// A PodDisruptionBudget.
pub(super) fn disruption_budget(found: &mut Causes, object: &Json) {
    let spec = &object["spec"];
    if !spec["minAvailable"].is_null() && !spec["maxUnavailable"].is_null() {
        found.invalid(
            "spec",
            "policy.PodDisruptionBudgetSpec",
            "minAvailable and maxUnavailable cannot be both set",
        );
    }
    for name in ["minAvailable", "maxUnavailable"] {
        workload::amount(found, &format!("spec.{name}"), &spec[name], true);
    }
    workload::selector(found, "spec.selector", &spec["selector"]);
}

/// A Role or ClusterRole.
pub(super) fn role(found: &mut Causes, object: &Json, namespaced: bool) {
    for (index, rule) in list(&object["rules"]).iter().enumerate() {
        let at = |name: &str| format!("rules[{index}].{name}");
        if list(&rule["verbs"]).is_empty() {
            found.required(&at("verbs"), "verbs must contain at least one value");
        }
        let urls = list(&rule["nonResourceURLs"]);
        if !urls.is_empty() {
            if namespaced {
                found.invalid(
                    &at("nonResourceURLs"),
                    &go_strings(urls),
                    "namespaced rules cannot apply to non-resource URLs",
                );
            }
            if ["apiGroups", "resources", "resourceNames"].iter().any(|name| !list(&rule[*name]).is_empty()) {
                let why = "rules cannot apply to both regular resources and non-resource URLs";
                found.invalid(&at("nonResourceURLs"), &go_strings(urls), why);
            }
            continue;
        }
        if list(&rule["apiGroups"]).is_empty() {
            found.required(&at("apiGroups"), "resource rules must supply at least one api group");
        }
        if list(&rule["resources"]).is_empty() {
            found.required(&at("resources"), "resource rules must supply at least one resource");
        }
    }
}

/// A RoleBinding or ClusterRoleBinding.
pub(super) fn binding(found: &mut Causes, object: &Json, old: Option<&Json>) {
    let role = &object["roleRef"];
    let namespaced = object["kind"] == "RoleBinding";
    if role["apiGroup"] != "rbac.authorization.k8s.io" {
        found.unsupported("roleRef.apiGroup", &quoted(&role["apiGroup"]), &["rbac.authorization.k8s.io"]);
    }
    let kinds: &[&str] = if namespaced { &["Role", "ClusterRole"] } else { &["ClusterRole"] };
    if !kinds.contains(&text(&role["kind"])) {
        found.unsupported("roleRef.kind", &quoted(&role["kind"]), kinds);
    }
    if text(&role["name"]).is_empty() {
        found.required("roleRef.name", "");
    }
    for (index, subject) in list(&object["subjects"]).iter().enumerate() {
        let at = |name: &str| format!("subjects[{index}].{name}");
        if text(&subject["name"]).is_empty() {
            found.required(&at("name"), "");
        }
        match text(&subject["kind"]) {
            "ServiceAccount" => {
                if text(&subject["namespace"]).is_empty() && !namespaced {
                    found.required(&at("namespace"), "");
                }
            }
            "User" | "Group" => {}
            _ => found.unsupported(
                &at("kind"),
                &quoted(&subject["kind"]),
                &["ServiceAccount", "User", "Group"],
            ),
        }
    }
    if old.is_some_and(|old| old["roleRef"] != *role) {
        let shown = format!(
            "rbac.RoleRef{{APIGroup:{}, Kind:{}, Name:{}}}",
            quoted(&role["apiGroup"]),
            quoted(&role["kind"]),
            quoted(&role["name"])
        );
        found.invalid("roleRef", &shown, "cannot change roleRef");
    }
}

const MODES: [&str; 4] = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];

fn modes(found: &mut Causes, modes: &Json) {
    for mode in list(modes).iter().filter(|mode| !MODES.contains(&text(mode))) {
        found.unsupported("spec.accessModes", &quoted(mode), &MODES);
    }
}

/// A PersistentVolumeClaim.
pub(super) fn claim(found: &mut Causes, object: &Json, old: Option<&Json>) {
    let spec = &object["spec"];
    if list(&spec["accessModes"]).is_empty() {
        found.required("spec.accessModes", "at least 1 access mode is required");
    }
    modes(found, &spec["accessModes"]);
    let size = &spec["resources"]["requests"]["storage"];
    if size.is_null() {
        found.required("spec.resources[storage]", "");
    } else if !container::positive(size) {
        found.invalid("spec.resources[storage]", &quoted(size), "must be greater than zero");
    }
    let Some(old) = old.map(|old| &old["spec"]) else { return };
    let mut same = spec.clone();
    same["resources"] = old["resources"].clone();
    if old["volumeName"].is_null() {
        // Binding is the one thing that happens to it, and a class of its own if it named none.
        let class = old["storageClassName"].is_null().then_some("storageClassName");
        for field in ["volumeName"].into_iter().chain(class) {
            same.as_object_mut().map(|map| map.shift_remove(field));
        }
    }
    if same != *old {
        found.forbidden("spec", "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims");
    }
}

/// A PersistentVolume.
pub(super) fn volume(found: &mut Causes, object: &Json) {
    let spec = &object["spec"];
    if list(&spec["accessModes"]).is_empty() {
        found.required("spec.accessModes", "");
    }
    modes(found, &spec["accessModes"]);
    let capacity = spec["capacity"].as_object();
    if capacity.is_none_or(|capacity| capacity.is_empty()) {
        found.required("spec.capacity", "");
    }
    if spec["capacity"]["storage"].is_null() {
        found.unsupported("spec.capacity", "core.ResourceList(nil)", &["storage"]);
    }
    let others = [
        "capacity",
        "accessModes",
        "persistentVolumeReclaimPolicy",
        "volumeMode",
        "storageClassName",
        "claimRef",
        "nodeAffinity",
        "mountOptions",
        "volumeAttributesClassName",
    ];
    let sources =
        spec.as_object().into_iter().flatten().filter(|(name, _)| !others.contains(&name.as_str())).count();
    if sources == 0 {
        found.required("spec", "must specify a volume type");
    }
}

/// A Lease.
pub(super) fn lease(found: &mut Causes, object: &Json) {
    let seconds = &object["spec"]["leaseDurationSeconds"];
    if seconds.as_i64().is_some_and(|seconds| seconds <= 0) {
        found.invalid("spec.leaseDurationSeconds", &seconds.to_string(), "must be greater than 0");
    }
    let changes = &object["spec"]["leaseTransitions"];
    if changes.as_i64().is_some_and(|changes| changes < 0) {
        found.invalid("spec.leaseTransitions", &changes.to_string(), super::NOT_NEGATIVE);
    }
}

/// A Node.
pub(super) fn node(found: &mut Causes, object: &Json) {
    for (index, taint) in list(&object["spec"]["taints"]).iter().enumerate() {
        let effects = ["NoExecute", "NoSchedule", "PreferNoSchedule"];
        let effect = text(&taint["effect"]);
        let field = format!("metadata.taints[{index}]");
        let key = text(&taint["key"]);
        meta::qualified(key)
            .iter()
            .for_each(|why| found.invalid(&format!("{field}.key"), &format!("{key:?}"), why));
        if effect.is_empty() {
            found.required(&format!("{field}.effect"), "");
        } else if !effects.contains(&effect) {
            found.unsupported(&format!("{field}.effect"), &format!("{effect:?}"), &effects);
        }
    }
}
