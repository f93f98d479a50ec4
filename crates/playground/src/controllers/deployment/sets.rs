//! The ReplicaSets of a Deployment: which is the new one, what revision each has, how many Pods each is to have.

use super::{
    DESIRED, HASH, KIND, MAX, REVISION, REVISION_HISTORY, bounds, note, progressing, replicas, spec_replicas,
};
use crate::api::Status;
use crate::controllers::Context;
use crate::controllers::events::Level;
use crate::controllers::kinds::{DEPLOYMENTS, REPLICA_SETS};
use crate::controllers::object::{
    annotation, condition, controller, int, name, namespace, owned_by, reference, selects, set, terminating,
    text, uid, unset, without_empty,
};
use crate::controllers::replicaset::{adopt, release};
use serde_json::{Map, Value as Json, json};
use std::sync::Arc;

/// The ReplicaSets of a Deployment.
#[derive(Debug, Default)]
pub(super) struct Sets {
    /// That of its template, if there is one.
    pub(super) new: Option<Arc<Json>>,
    /// The others, the oldest first.
    pub(super) old: Vec<Arc<Json>>,
}

impl Sets {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Json>> {
        self.old.iter().chain(&self.new)
    }
}

/// The ReplicaSets that a Deployment owns: takes up orphans that it selects, lets go what it selects no longer.
pub(super) fn claim(cx: &Context, deployment: &Json) -> Result<Sets, Status> {
    let mut all = Vec::new();
    for set in cx.api.list(REPLICA_SETS, Some(namespace(deployment))).0 {
        let matches = selects(&deployment["spec"]["selector"], &set["metadata"]["labels"]);
        if owned_by(&set, uid(deployment)) {
            if matches {
                all.push(set);
            } else {
                cx.edit(REPLICA_SETS, &set, None, |set| release(set, uid(deployment)))?;
            }
        } else if matches && controller(&set).is_none() && !terminating(&set) && !terminating(deployment) {
            let owner = reference(KIND.0, KIND.1, deployment);
            all.push(cx.edit(REPLICA_SETS, &set, None, |set| adopt(set, &owner))?);
        }
    }
    all.sort_by_cached_key(|set| (text(set, "/metadata/creationTimestamp").to_owned(), name(set).to_owned()));
    let template = comparable(&deployment["spec"]["template"]);
    let new = all.iter().position(|set| comparable(&set["spec"]["template"]) == template);
    let new = new.map(|new| all.remove(new));
    Ok(Sets { new, old: all })
}

/// A template without the label that ReplicaSets add to it.
fn comparable(template: &Json) -> Json {
    let mut template = template.clone();
    unset(&mut template, &["metadata", "labels", HASH]);
    without_empty(&template)
}

fn revision(set: &Json) -> i64 {
    annotation(set, REVISION).parse().unwrap_or(0)
}

/// Gives the new ReplicaSet its revision, and the Deployment too; makes the new ReplicaSet if there is none and `create`.
pub(super) fn revise(
    cx: &Context,
    deployment: &Arc<Json>,
    sets: &mut Sets,
    create: bool,
) -> Result<(), Status> {
    let next = sets.old.iter().map(|set| revision(set)).max().unwrap_or(0).saturating_add(1);
    match &sets.new {
        Some(new) => {
            let seconds = &deployment["spec"]["minReadySeconds"];
            let revised = cx.edit(REPLICA_SETS, new, None, |set_now| {
                annotate(deployment, set_now, next);
                if seconds.is_null() {
                    unset(set_now, &["spec", "minReadySeconds"]);
                } else {
                    set(set_now, &["spec", "minReadySeconds"], seconds.clone());
                }
            })?;
            let revision = annotation(&revised, REVISION).to_owned();
            sets.new = Some(revised);
            remember(cx, deployment, &revision)?;
            if watched(deployment) && condition(deployment, "Progressing").is_none() {
                let message = format!("Found new replica set \"{}\"", sets.new.as_deref().map_or("", name));
                note(cx, deployment, progressing("True", "FoundNewReplicaSet", &message))?;
            }
        }
        None if create => sets.new = Some(make(cx, deployment, sets, next)?),
        None => {}
    }
    Ok(())
}

fn watched(deployment: &Json) -> bool {
    !deployment["spec"]["progressDeadlineSeconds"].is_null()
}

/// Writes the Deployment's revision.
fn remember(cx: &Context, deployment: &Json, revision: &str) -> Result<(), Status> {
    let write = |deployment: &mut Json| set(deployment, &["metadata", "annotations", REVISION], revision);
    cx.edit(DEPLOYMENTS, deployment, None, write)?;
    Ok(())
}

/// Copies a Deployment's annotations to its new ReplicaSet, which gets a revision if it is newer than what it had.
fn annotate(deployment: &Json, set_now: &mut Json, next: i64) {
    const OWN: &[&str] = &[
        "kubectl.kubernetes.io/last-applied-configuration",
        "deprecated.deployment.rollback.revertTo",
        REVISION,
        REVISION_HISTORY,
        DESIRED,
        MAX,
    ];
    let copied = deployment["metadata"]["annotations"].as_object().into_iter().flatten();
    for (key, value) in copied.filter(|(key, _)| !OWN.contains(&key.as_str())) {
        set(set_now, &["metadata", "annotations", key], value.clone());
    }
    let before = annotation(set_now, REVISION).to_owned();
    if before.parse().unwrap_or(0) < next {
        set(set_now, &["metadata", "annotations", REVISION], next.to_string());
        if !before.is_empty() {
            let history = annotation(set_now, REVISION_HISTORY);
            let history = if history.is_empty() { before } else { format!("{history},{before}") };
            set(set_now, &["metadata", "annotations", REVISION_HISTORY], history);
        }
    }
}

fn make(cx: &Context, deployment: &Arc<Json>, sets: &Sets, revision: i64) -> Result<Arc<Json>, Status> {
    let template = &deployment["spec"]["template"];
    let collisions = int(deployment, "/status/collisionCount").unwrap_or(0);
    let hash = hash(template, collisions);
    let set_name = format!("{}-{hash}", name(deployment));
    let wanted = super::rolling::of_new(deployment, sets);
    let mut template = template.clone();
    set(&mut template, &["metadata", "labels", HASH], hash.as_str());
    let mut selector = deployment["spec"]["selector"].clone();
    set(&mut selector, &["matchLabels", HASH], hash.as_str());
    let mut object = json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {
            "name": set_name, "namespace": namespace(deployment), "labels": template["metadata"]["labels"].clone(),
            "annotations": {}, "ownerReferences": [reference(KIND.0, KIND.1, deployment)],
        },
        "spec": {"replicas": wanted, "selector": selector, "template": template},
    });
    if let Some(seconds) = int(deployment, "/spec/minReadySeconds") {
        set(&mut object, &["spec", "minReadySeconds"], seconds);
    }
    annotate(deployment, &mut object, revision);
    size(deployment, &mut object);
    let made = match cx.create(REPLICA_SETS, namespace(deployment), object) {
        Ok(made) => made,
        Err(status) => {
            if status.reason == "AlreadyExists" {
                // Another template has the same hash: the next look takes another one.
                let count = collisions.saturating_add(1);
                cx.edit(DEPLOYMENTS, deployment, Some("status"), |deployment| {
                    set(deployment, &["status", "collisionCount"], count);
                })?;
            } else if watched(deployment) {
                note(cx, deployment, progressing("False", "ReplicaSetCreateError", &status.message))?;
            }
            return Err(status);
        }
    };
    if wanted > 0 {
        scaled(cx, deployment, &set_name, 0, wanted);
    }
    remember(cx, deployment, &revision.to_string())?;
    if watched(deployment) {
        let message = format!("Created new replica set \"{set_name}\"");
        note(cx, deployment, progressing("True", "NewReplicaSetCreated", &message))?;
    }
    Ok(made)
}

/// Writes into a ReplicaSet how many Pods its Deployment asked for, and how many it allows.
fn size(deployment: &Json, set_now: &mut Json) {
    let wanted = replicas(deployment);
    set(set_now, &["metadata", "annotations", DESIRED], wanted.to_string());
    set(set_now, &["metadata", "annotations", MAX], (wanted + bounds(deployment).0).to_string());
}

/// Gives a ReplicaSet another size.
pub(super) fn resize(
    cx: &Context,
    deployment: &Json,
    set_now: &Arc<Json>,
    to: i64,
) -> Result<Arc<Json>, Status> {
    let from = spec_replicas(set_now);
    let resized = cx.edit(REPLICA_SETS, set_now, None, |set_now| {
        set(set_now, &["spec", "replicas"], to);
        size(deployment, set_now);
    })?;
    if from != to {
        scaled(cx, deployment, name(set_now), from, to);
    }
    Ok(resized)
}

/// The event that a ReplicaSet has another number of Pods now.
fn scaled(cx: &Context, deployment: &Json, set_name: &str, from: i64, to: i64) {
    let way = if to > from { "up" } else { "down" };
    let message = format!("Scaled {way} replica set {set_name} from {from} to {to}");
    let events = cx.events.of("deployment-controller");
    events.event(KIND, deployment, Level::Normal, "ScalingReplicaSet", &message);
}

/// Deletes old ReplicaSets beyond those that a rollback may want.
pub(super) fn clean(cx: &Context, deployment: &Json, sets: &Sets) -> Result<(), Status> {
    let Some(limit) =
        int(deployment, "/spec/revisionHistoryLimit").and_then(|limit| usize::try_from(limit).ok())
    else {
        return Ok(());
    };
    let mut old: Vec<_> = sets.old.iter().filter(|set| !terminating(set)).collect();
    old.sort_by_key(|set| revision(set));
    let surplus = old.len().saturating_sub(limit);
    for set in old.into_iter().take(surplus) {
        let idle = spec_replicas(set) == 0 && int(set, "/status/replicas").unwrap_or(0) == 0;
        if idle {
            cx.delete(REPLICA_SETS, set)?;
        }
    }
    Ok(())
}

/// The hash of a template, in the characters of generated names.
fn hash(template: &Json, collisions: i64) -> String {
    let mut text = comparable(template).to_string();
    if collisions > 0 {
        text.push_str(&collisions.to_string());
    }
    // FNV-1a of 32 bits: what matters is that a template always has the same.
    let hash =
        text.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let alphabet = crate::controllers::ALPHABET;
    hash.to_string().bytes().map(|digit| char::from(alphabet[usize::from(digit) % alphabet.len()])).collect()
}

/// The annotations of a ReplicaSet as a map, for what reads several.
pub(super) fn annotations(set: &Json) -> Option<&Map<String, Json>> {
    set["metadata"]["annotations"].as_object()
}
