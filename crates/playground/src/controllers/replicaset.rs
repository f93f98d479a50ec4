//! ReplicaSets: as many Pods as asked for.
//!
//! Invariant: a ReplicaSet owns the Pods that its selector matches and nobody else controls; whom it deletes first is
//! decided as Kubernetes decides it (least useful first).

use super::events::Level;
use super::kinds::{PODS, REPLICA_SETS};
use super::object::{
    News, active, annotation, available, condition, controller, count, generation, int, label, list, members,
    name, namespace, news, owned_by, ready, reference, selects, set, set_condition, terminating, text, uid,
};
use super::{Context, Controller, Queue};
use crate::api::Status;
use crate::store::{Change, ChangeKind, Key};
use serde_json::{Value as Json, json};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const KIND: (&str, &str) = ("apps/v1", "ReplicaSet");
/// Pods that are made or deleted at one look; others have their turn in between.
const BURST: usize = 100;

pub(crate) struct ReplicaSets;

impl Controller for ReplicaSets {
    fn observe(&mut self, change: &Change, queue: &mut Queue) {
        if change.key.resource == REPLICA_SETS.key && change.kind != ChangeKind::Deleted {
            queue.add(change.key.clone());
        }
        if change.key.resource != PODS.key {
            return;
        }
        let news = news(change);
        if news == News::Nothing {
            return;
        }
        for pod in [Some(&change.object), change.before.as_ref()].into_iter().flatten() {
            match controller(pod) {
                Some(owner) if owner["kind"] == KIND.1 => {
                    let set = crate::api::key(REPLICA_SETS, namespace(pod), text(owner, "/name"));
                    match news {
                        News::Readiness => queue.add_soon(set),
                        _ if active(&change.object) && change.kind != ChangeKind::Deleted => queue.add(set),
                        _ => queue.add_first(set),
                    }
                }
                Some(_) => {}
                // An orphan: whoever may adopt it looks. The empty name stands for all of a namespace.
                None => queue.add_named(REPLICA_SETS, namespace(pod), ""),
            }
        }
    }

    fn reconcile(&mut self, cx: &mut Context, key: &Key) -> Result<Option<Duration>, Status> {
        if !key.name.is_empty() {
            let Ok(set) = cx.api.get(REPLICA_SETS, &key.namespace, &key.name) else { return Ok(None) };
            return one(cx, &set);
        }
        for set in cx.api.list(REPLICA_SETS, Some(&key.namespace)).0 {
            let orphan = |pod: &Arc<Json>| {
                controller(pod).is_none()
                    && active(pod)
                    && selects(&set["spec"]["selector"], &pod["metadata"]["labels"])
            };
            if cx.api.list(PODS, Some(&key.namespace)).0.iter().any(orphan) {
                one(cx, &set)?;
            }
        }
        Ok(None)
    }
}

fn one(cx: &mut Context, set: &Json) -> Result<Option<Duration>, Status> {
    let template = &set["spec"]["template"]["metadata"]["labels"];
    if !selects(&set["spec"]["selector"], template) {
        // Its Pods would never be its own, and it would make them for ever.
        return Ok(None);
    }
    let pods = claim(cx, set)?;
    let pods: Vec<Arc<Json>> = pods.into_iter().filter(|pod| active(pod)).collect();
    let wanted = usize::try_from(int(set, "/spec/replicas").unwrap_or(1)).unwrap_or(0);
    let mut failure = None;
    if !terminating(set) {
        if pods.len() < wanted {
            failure = create(cx, set, (wanted - pods.len()).min(BURST)).err();
        } else if pods.len() > wanted {
            delete(cx, set, &pods, (pods.len() - wanted).min(BURST))?;
        }
    }
    let again = status(cx, set, &pods, failure.as_ref())?;
    match failure {
        Some(failure) => Err(failure),
        None => Ok(again),
    }
}

/// The Pods of a ReplicaSet: takes up orphans that it selects, lets go what it selects no longer.
fn claim(cx: &Context, set: &Json) -> Result<Vec<Arc<Json>>, Status> {
    let mut claimed = Vec::new();
    for pod in cx.api.list(PODS, Some(namespace(set))).0 {
        let matches = selects(&set["spec"]["selector"], &pod["metadata"]["labels"]);
        if owned_by(&pod, uid(set)) {
            if matches {
                claimed.push(pod);
            } else if !terminating(set) {
                cx.edit(PODS, &pod, None, |pod| release(pod, uid(set)))?;
            }
        } else if matches && controller(&pod).is_none() && !terminating(&pod) && !terminating(set) {
            let owner = reference(KIND.0, KIND.1, set);
            claimed.push(cx.edit(PODS, &pod, None, |pod| adopt(pod, &owner))?);
        }
    }
    Ok(claimed)
}

/// Adds a controlling owner, unless there is one.
pub(crate) fn adopt(object: &mut Json, owner: &Json) {
    if controller(object).is_none() {
        let owners = members(object, &["metadata"]).entry("ownerReferences").or_insert(json!([]));
        if let Some(owners) = owners.as_array_mut() {
            owners.push(owner.clone());
        }
    }
}

/// Removes an owner.
pub(crate) fn release(object: &mut Json, owner: &str) {
    let metadata = members(object, &["metadata"]);
    if let Some(owners) = metadata.get_mut("ownerReferences").and_then(Json::as_array_mut) {
        owners.retain(|reference| reference["uid"] != owner);
        if owners.is_empty() {
            metadata.shift_remove("ownerReferences");
        }
    }
}

/// A Pod from a template, to be named after its owner.
pub(crate) fn from_template(cx: &mut Context, template: &Json, owner: &Json, reference: Json) -> Json {
    // Room for the suffix: a name has 63 characters at most.
    let prefix: String = name(owner).chars().take(57).chain(['-']).collect();
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": format!("{prefix}{}", cx.suffix()), "generateName": prefix,
            "namespace": namespace(owner), "ownerReferences": [reference],
        },
        "spec": template["spec"].clone(),
    });
    for field in ["labels", "annotations", "finalizers"] {
        let value = &template["metadata"][field];
        if !value.is_null() {
            set(&mut pod, &["metadata", field], value.clone());
        }
    }
    pod
}

fn create(cx: &mut Context, set: &Json, missing: usize) -> Result<(), Status> {
    let events = cx.events.of("replicaset-controller");
    for _ in 0..missing {
        let owner = reference(KIND.0, KIND.1, set);
        let pod = from_template(cx, &set["spec"]["template"], set, owner);
        match cx.create(PODS, namespace(set), pod) {
            Ok(pod) => {
                let message = format!("Created pod: {}", name(&pod));
                events.event(KIND, set, Level::Normal, "SuccessfulCreate", &message);
            }
            // The suffix was taken: the next one will not be.
            Err(status) if status.reason == "AlreadyExists" => return Err(status),
            Err(status) => {
                let message = format!("Error creating: {}", status.message);
                events.event(KIND, set, Level::Warning, "FailedCreate", &message);
                return Err(status);
            }
        }
    }
    Ok(())
}

fn delete(cx: &Context, set: &Json, pods: &[Arc<Json>], surplus: usize) -> Result<(), Status> {
    // Pods of the same Deployment that share a node are doubled up, and one of those goes first.
    let mut related: BTreeMap<String, usize> = BTreeMap::new();
    let owner = controller(set).map(|owner| text(owner, "/uid").to_owned());
    let mut family: Vec<String> = vec![uid(set).to_owned()];
    if let Some(owner) = owner {
        let sets = cx.api.list(REPLICA_SETS, Some(namespace(set))).0;
        family.extend(sets.iter().filter(|set| owned_by(set, &owner)).map(|set| uid(set).to_owned()));
    }
    for pod in cx.api.list(PODS, Some(namespace(set))).0 {
        if active(&pod) && family.iter().any(|uid| owned_by(&pod, uid)) {
            *related.entry(text(&pod, "/spec/nodeName").to_owned()).or_default() += 1;
        }
    }
    let mut pods: Vec<&Arc<Json>> = pods.iter().collect();
    pods.sort_by_cached_key(|pod| {
        let node = text(pod, "/spec/nodeName");
        let phase = match text(pod, "/status/phase") {
            "Pending" | "" => 0,
            "Unknown" => 1,
            _ => 2,
        };
        let cost: i64 = annotation(pod, "controller.kubernetes.io/pod-deletion-cost").parse().unwrap_or(0);
        let since = condition(pod, "Ready").map_or("", |ready| text(ready, "/lastTransitionTime")).to_owned();
        let restarts: i64 = list(pod, "/status/containerStatuses")
            .iter()
            .filter_map(|status| int(status, "/restartCount"))
            .sum();
        let usefulness = (!node.is_empty(), phase, ready(pod), cost);
        let doubled = Reverse(related.get(node).copied().unwrap_or(0));
        let age = Reverse(text(pod, "/metadata/creationTimestamp").to_owned());
        (usefulness, doubled, Reverse(since), Reverse(restarts), age, name(pod).to_owned())
    });
    let events = cx.events.of("replicaset-controller");
    for pod in pods.into_iter().take(surplus) {
        cx.delete(PODS, pod)?;
        let message = format!("Deleted pod: {}", name(pod));
        events.event(KIND, set, Level::Normal, "SuccessfulDelete", &message);
    }
    Ok(())
}

fn status(
    cx: &Context,
    set: &Json,
    pods: &[Arc<Json>],
    failure: Option<&Status>,
) -> Result<Option<Duration>, Status> {
    let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let template = &set["spec"]["template"]["metadata"]["labels"];
    let labelled = |pod: &&Arc<Json>| {
        template
            .as_object()
            .is_none_or(|labels| labels.iter().all(|(key, value)| value.as_str() == Some(label(pod, key))))
    };
    let labelled = pods.iter().filter(labelled).count();
    let ready_pods = pods.iter().filter(|pod| ready(pod)).count();
    let seconds = int(set, "/spec/minReadySeconds").unwrap_or(0);
    let mut available_pods = 0;
    let mut again: Option<Duration> = None;
    for pod in pods {
        match available(pod, seconds, cx.now()) {
            Ok(()) => available_pods += 1,
            Err(Some(wait)) => again = Some(again.map_or(wait, |again| again.min(wait))),
            Err(None) => {}
        }
    }
    let now = cx.stamp();
    let result = cx.edit(REPLICA_SETS, set, Some("status"), |object| {
        let status = members(object, &["status"]);
        status.insert("replicas".to_owned(), number(pods.len()).into());
        count(status, "fullyLabeledReplicas", number(labelled));
        count(status, "readyReplicas", number(ready_pods));
        count(status, "availableReplicas", number(available_pods));
        status.insert("observedGeneration".to_owned(), generation(set).into());
        let mut conditions = status.get("conditions").and_then(Json::as_array).cloned().unwrap_or_default();
        match failure {
            // The first failure stays: the next ones name other Pods, and each change of it would be a reason to try again.
            Some(_) if conditions.iter().any(|condition| condition["type"] == "ReplicaFailure") => {}
            Some(failure) => {
                let condition = json!({
                    "type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": failure.message,
                });
                set_condition(&mut conditions, condition, &now);
            }
            None => conditions.retain(|condition| condition["type"] != "ReplicaFailure"),
        }
        if conditions.is_empty() {
            status.shift_remove("conditions");
        } else {
            status.insert("conditions".to_owned(), conditions.into());
        }
    });
    match result {
        Err(status) if status.reason != "NotFound" => Err(status),
        _ => Ok(again),
    }
}

#[cfg(test)]
mod tests;
