//! What becomes of an object between a request and the store: what the server sets, keeps, resets and counts.
//!
//! Invariant: nobody but the server writes identity, times and generations; a status is written only through its
//! subresource, and a spec never through that.

use super::{Status, Write};
use crate::resource::Resource;
use crate::shape;
use serde_json::{Map, Value as Json, json};
use std::collections::HashSet;

/// Makes a new object ready: kind, generation, an initial status, defaults.
pub(super) fn create(resource: &Resource, object: &mut Json) {
    name_kind(resource, object);
    if counts_generations(resource) {
        object["metadata"]["generation"] = 1.into();
    }
    let initial = match resource.key {
        "/namespaces" => {
            finalized_by_the_namespace_controller(object);
            Some(json!({"phase": "Active"}))
        }
        "/pods" | "/persistentvolumeclaims" | "/persistentvolumes" => Some(json!({"phase": "Pending"})),
        "/services" | "networking.k8s.io/ingresses" => Some(json!({"loadBalancer": {}})),
        "apps/replicasets" => Some(json!({"replicas": 0})),
        "autoscaling/horizontalpodautoscalers" => Some(json!({"currentReplicas": 0, "desiredReplicas": 0})),
        "policy/poddisruptionbudgets" => Some(json!({
            "currentHealthy": 0, "desiredHealthy": 0, "disruptionsAllowed": 0, "expectedPods": 0,
        })),
        // A kubelet creates its node with the status that it has.
        "/nodes" => None,
        _ if resource.subresources.contains(&"status") => Some(json!({})),
        _ => None,
    };
    if let Some(initial) = initial {
        object["status"] = initial;
    }
}

/// What admission adds to a new Pod: its account, its priority, and how long it stays on a node that is lost.
pub(super) fn admit(resource: &Resource, object: &mut Json) {
    if let Some(protection) = match resource.key {
        "/persistentvolumes" => Some("kubernetes.io/pv-protection"),
        "/persistentvolumeclaims" => Some("kubernetes.io/pvc-protection"),
        _ => None,
    } {
        let mut finalizers = object["metadata"]["finalizers"].as_array().cloned().unwrap_or_default();
        if !finalizers.iter().any(|finalizer| finalizer == protection) {
            finalizers.push(protection.into());
            object["metadata"]["finalizers"] = finalizers.into();
        }
    }
    if resource.key != "/pods" {
        return;
    }
    let Some(spec) = object.get_mut("spec").and_then(Json::as_object_mut) else { return };
    let mut default = |field: &str, value: Json| {
        spec.entry(field).or_insert(value);
    };
    default("serviceAccountName", "default".into());
    default("serviceAccount", "default".into());
    default("priority", 0.into());
    default("preemptionPolicy", "PreemptLowerPriority".into());
    default("enableServiceLinks", true.into());
    default("tolerations", json!([]));
    let Some(tolerations) = spec.get_mut("tolerations").and_then(Json::as_array_mut) else { return };
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        let tolerates = |toleration: &Json| {
            let (given, effect) = (&toleration["key"], &toleration["effect"]);
            (given == key || given.as_str().unwrap_or_default().is_empty())
                && (effect == "NoExecute" || effect.as_str().unwrap_or_default().is_empty())
        };
        if !tolerations.iter().any(tolerates) {
            tolerations.push(json!({
                "key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300,
            }));
        }
    }
}

/// Makes the next state of an object ready: what may not change is as it was, and the generation counts changes of the rest.
pub(super) fn update(
    resource: &Resource,
    current: &Json,
    next: &mut Json,
    finalizers: Option<Json>,
    write: &Write,
) -> Result<(), Status> {
    name_kind(resource, next);
    let asked = finalizers.unwrap_or_else(|| json!([]));
    if write.subresource == Some("status") {
        status_only(current, next);
    } else if write.subresource == Some("finalize") {
        let mut kept = current.clone();
        kept["spec"]["finalizers"] = asked;
        put(&mut kept["metadata"], "resourceVersion", next["metadata"].get("resourceVersion"));
        *next = kept;
    } else if write.subresource.is_none() && resource.subresources.contains(&"status") {
        put(next, "status", current.get("status"));
    }
    if !next["metadata"].is_object() {
        next["metadata"] = json!({});
    }
    for field in [
        "name",
        "generateName",
        "namespace",
        "selfLink",
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
    ] {
        put(&mut next["metadata"], field, current["metadata"].get(field));
    }
    if resource.key == "/namespaces" && write.subresource != Some("finalize") {
        let finalizers = current["spec"].get("finalizers").cloned().unwrap_or_else(|| json!([]));
        next["spec"]["finalizers"] = finalizers;
    }
    no_new_finalizers(resource, current, next)?;
    if counts_generations(resource) && desired(current) != desired(next) {
        let generation = current["metadata"]["generation"].as_u64().unwrap_or(0) + 1;
        next["metadata"]["generation"] = generation.into();
    }
    Ok(())
}

/// Whether an object is valid; `old` is what it replaces.
pub(super) fn check(resource: &Resource, object: &Json, old: Option<&Json>) -> Result<(), Status> {
    let causes = shape::validate::validate(resource, object, old);
    if causes.is_empty() {
        return Ok(());
    }
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    Err(shape::invalid(resource, name, &causes))
}

/// Whether a status that is written by itself is valid.
pub(super) fn check_status(resource: &Resource, object: &Json) -> Result<(), Status> {
    let causes = shape::validate::validate_status(resource, object);
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    if causes.is_empty() { Ok(()) } else { Err(shape::invalid(resource, name, &causes)) }
}

fn name_kind(resource: &Resource, object: &mut Json) {
    object["kind"] = resource.kind.into();
    object["apiVersion"] = resource.api_version(resource.versions[0]).into();
}

fn finalized_by_the_namespace_controller(object: &mut Json) {
    if !object["spec"].is_object() {
        object["spec"] = json!({});
    }
    object["spec"]["finalizers"] = json!(["kubernetes"]);
    let name = object["metadata"]["name"].clone();
    if !object["metadata"]["labels"].is_object() {
        object["metadata"]["labels"] = json!({});
    }
    object["metadata"]["labels"]["kubernetes.io/metadata.name"] = name;
}

/// Keeps all but the status of what was; annotations may come with a status, as real strategies allow.
fn status_only(current: &Json, next: &mut Json) {
    let mut kept = current.clone();
    put(&mut kept, "status", next.get("status"));
    for field in ["resourceVersion", "annotations", "managedFields"] {
        put(&mut kept["metadata"], field, next["metadata"].get(field));
    }
    if current["kind"] == "Node" {
        put(&mut kept["metadata"], "labels", next["metadata"].get("labels"));
    }
    *next = kept;
}

fn put(object: &mut Json, field: &str, value: Option<&Json>) {
    match (object.as_object_mut(), value) {
        (Some(map), Some(value)) => drop(map.insert(field.to_owned(), value.clone())),
        (Some(map), None) => drop(map.shift_remove(field)),
        (None, _) => {}
    }
}

fn no_new_finalizers(resource: &Resource, current: &Json, next: &Json) -> Result<(), Status> {
    let finalizers = |object: &Json| -> Vec<String> {
        let list = object["metadata"]["finalizers"].as_array().into_iter().flatten();
        list.filter_map(|finalizer| finalizer.as_str().map(str::to_owned)).collect()
    };
    if current["metadata"]["deletionTimestamp"].is_null() {
        return Ok(());
    }
    let old: HashSet<String> = finalizers(current).into_iter().collect();
    let new: Vec<String> =
        finalizers(next).into_iter().filter(|finalizer| !old.contains(finalizer)).collect();
    if new.is_empty() {
        return Ok(());
    }
    let message = format!(
        "Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
        new.iter().map(|finalizer| format!("{finalizer:?}")).collect::<Vec<_>>().join(", ")
    );
    let cause = json!({"reason": "FieldValueForbidden", "message": message, "field": "metadata.finalizers"});
    Err(Status::invalid(resource, next["metadata"]["name"].as_str().unwrap_or_default(), vec![cause]))
}

/// Whether `metadata.generation` counts the changes of what is desired.
fn counts_generations(resource: &Resource) -> bool {
    matches!(resource.group, "apps" | "batch" | "networking.k8s.io" | "policy" | "discovery.k8s.io")
}

/// All but metadata and status.
fn desired(object: &Json) -> Map<String, Json> {
    let fields = object.as_object().into_iter().flatten();
    fields
        .filter(|(field, _)| !matches!(field.as_str(), "metadata" | "status" | "kind" | "apiVersion"))
        .map(|(field, value)| (field.clone(), value.clone()))
        .collect()
}
