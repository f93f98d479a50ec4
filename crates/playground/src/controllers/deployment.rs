//! Deployments: ReplicaSets of their templates, old and new, and how one replaces the other.
//!
//! Invariant: never fewer Pods available than `maxUnavailable` allows, never more in all than `maxSurge` does; the revision
//! of a ReplicaSet only grows. A rollback is a template that was there before: its ReplicaSet becomes the newest again.

mod rolling;
mod sets;
mod status;

use super::kinds::{DEPLOYMENTS, PODS, REPLICA_SETS};
use super::object::{
    annotation, condition, controller, ended, int, list, members, name, namespace, owned_by, part,
    set_condition, terminating, text, uid,
};
use super::{Context, Controller, Queue};
use crate::api::Status;
use crate::store::{Change, ChangeKind, Key};
use serde_json::{Value as Json, json};
use std::sync::Arc;
use std::time::Duration;

const KIND: (&str, &str) = ("apps/v1", "Deployment");
const REVISION: &str = "deployment.kubernetes.io/revision";
const REVISION_HISTORY: &str = "deployment.kubernetes.io/revision-history";
const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
const MAX: &str = "deployment.kubernetes.io/max-replicas";
const HASH: &str = "pod-template-hash";

pub(crate) struct Deployments;

impl Controller for Deployments {
    fn observe(&mut self, change: &Change, queue: &mut Queue) {
        let resource = change.key.resource;
        if resource == DEPLOYMENTS.key && change.kind != ChangeKind::Deleted {
            queue.add(change.key.clone());
        } else if resource == REPLICA_SETS.key {
            for set in [Some(&change.object), change.before.as_ref()].into_iter().flatten() {
                match controller(set) {
                    Some(owner) if owner["kind"] == KIND.1 => {
                        queue.add_named(DEPLOYMENTS, namespace(set), text(owner, "/name"));
                    }
                    Some(_) => {}
                    None => queue.add_named(DEPLOYMENTS, namespace(set), ""),
                }
            }
        } else if resource == PODS.key
            && change.kind == ChangeKind::Deleted
            && let Some(owner) = controller(&change.object)
            && owner["kind"] == "ReplicaSet"
            // Recreate waits for the last Pod to be gone. Its ReplicaSet is named after the Deployment.
            && let Some((deployment, _)) = text(owner, "/name").rsplit_once('-')
        {
            queue.add_named(DEPLOYMENTS, namespace(&change.object), deployment);
        }
    }

    fn reconcile(&mut self, cx: &mut Context, key: &Key) -> Result<Option<Duration>, Status> {
        if key.name.is_empty() {
            for deployment in cx.api.list(DEPLOYMENTS, Some(&key.namespace)).0 {
                one(cx, &deployment)?;
            }
            return Ok(None);
        }
        let Ok(deployment) = cx.api.get(DEPLOYMENTS, &key.namespace, &key.name) else { return Ok(None) };
        one(cx, &deployment)
    }
}

fn one(cx: &Context, deployment: &Arc<Json>) -> Result<Option<Duration>, Status> {
    let selector = &deployment["spec"]["selector"];
    if without_terms(selector) {
        return Ok(None);
    }
    let mut sets = sets::claim(cx, deployment)?;
    if terminating(deployment) {
        return status::update(cx, deployment, &sets);
    }
    let deployment = &paused_condition(cx, deployment)?;
    let wanted = replicas(deployment);
    let scaled = sets.iter().any(|set| {
        spec_replicas(set) > 0
            && annotation(set, DESIRED).parse::<i64>().is_ok_and(|desired| desired != wanted)
    });
    if deployment["spec"]["paused"] == true || scaled {
        sets::revise(cx, deployment, &mut sets, false)?;
        rolling::scale(cx, deployment, &mut sets)?;
        return status::update(cx, deployment, &sets);
    }
    if text(deployment, "/spec/strategy/type") == "Recreate" {
        recreate(cx, deployment, &mut sets)?;
    } else {
        sets::revise(cx, deployment, &mut sets, true)?;
        rolling::roll(cx, deployment, &mut sets)?;
    }
    let deployment = cx.api.get(DEPLOYMENTS, namespace(deployment), name(deployment))?;
    if status::complete(&deployment, &status::counts(&sets)) {
        sets::clean(cx, &deployment, &sets)?;
    }
    status::roll(cx, &deployment, &sets)
}

/// One that selects everything is a mistake that is left alone.
fn without_terms(selector: &Json) -> bool {
    list(selector, "/matchExpressions").is_empty()
        && selector["matchLabels"].as_object().is_none_or(serde_json::Map::is_empty)
}

/// All old Pods go before the first new one comes.
fn recreate(cx: &Context, deployment: &Arc<Json>, sets: &mut sets::Sets) -> Result<(), Status> {
    sets::revise(cx, deployment, sets, false)?;
    let mut lowered = false;
    for old in &mut sets.old {
        if spec_replicas(old) > 0 {
            *old = sets::resize(cx, deployment, old, 0)?;
            lowered = true;
        }
    }
    let running = |pod: &Arc<Json>| !ended(pod) && sets.old.iter().any(|old| owned_by(pod, uid(old)));
    if lowered || cx.api.list(PODS, Some(namespace(deployment))).0.iter().any(running) {
        return Ok(());
    }
    sets::revise(cx, deployment, sets, true)?;
    if let Some(new) = sets.new.clone() {
        sets.new = Some(sets::resize(cx, deployment, &new, replicas(deployment))?);
    }
    Ok(())
}

/// Notes a pause, or its end, in the progress.
fn paused_condition(cx: &Context, deployment: &Arc<Json>) -> Result<Arc<Json>, Status> {
    if deployment["spec"]["progressDeadlineSeconds"].is_null() {
        return Ok(deployment.clone());
    }
    let known = condition(deployment, "Progressing").map_or("", |known| text(known, "/reason"));
    let paused = deployment["spec"]["paused"] == true;
    let condition = match (paused, known) {
        (_, "ProgressDeadlineExceeded") => return Ok(deployment.clone()),
        (true, reason) if reason != "DeploymentPaused" => {
            progressing("Unknown", "DeploymentPaused", "Deployment is paused")
        }
        (false, "DeploymentPaused") => progressing("Unknown", "DeploymentResumed", "Deployment is resumed"),
        _ => return Ok(deployment.clone()),
    };
    note(cx, deployment, condition)
}

fn progressing(status: &str, reason: &str, message: &str) -> Json {
    json!({"type": "Progressing", "status": status, "reason": reason, "message": message})
}

/// Writes a condition into the status.
fn note(cx: &Context, deployment: &Json, condition: Json) -> Result<Arc<Json>, Status> {
    let now = cx.stamp();
    cx.edit(DEPLOYMENTS, deployment, Some("status"), |object| {
        let conditions = members(object, &["status"]).entry("conditions").or_insert(json!([]));
        if let Some(conditions) = conditions.as_array_mut() {
            put(conditions, condition.clone(), &now);
        }
    })
}

/// Sets a condition, unless its status and reason are those already.
fn put(conditions: &mut Vec<Json>, condition: Json, now: &str) {
    let same =
        |known: &Json| ["type", "status", "reason"].iter().all(|field| known[*field] == condition[*field]);
    if !conditions.iter().any(same) {
        renew(conditions, condition, now);
    }
}

/// Sets a condition, which says when it was updated, and goes to the end as a real one does.
fn renew(conditions: &mut Vec<Json>, mut condition: Json, now: &str) {
    condition["lastUpdateTime"] = now.into();
    conditions.sort_by_key(|known| known["type"] == condition["type"]);
    set_condition(conditions, condition, now);
}

fn replicas(deployment: &Json) -> i64 {
    int(deployment, "/spec/replicas").unwrap_or(1).max(0)
}

fn spec_replicas(set: &Json) -> i64 {
    int(set, "/spec/replicas").unwrap_or(1)
}

fn rolls(deployment: &Json) -> bool {
    text(deployment, "/spec/strategy/type") != "Recreate"
}

/// How many Pods there may be beyond those asked for, and how many of those may be missing.
fn bounds(deployment: &Json) -> (i64, i64) {
    let wanted = replicas(deployment);
    if !rolls(deployment) {
        return (0, 0);
    }
    let value = |name: &str, up| {
        let value = &deployment["spec"]["strategy"]["rollingUpdate"][name];
        let quarter = Json::from("25%");
        part(if value.is_null() { &quarter } else { value }, wanted, up).unwrap_or(0)
    };
    let (surge, unavailable) = (value("maxSurge", true), value("maxUnavailable", false));
    // With neither, nothing could ever move.
    if surge == 0 && unavailable == 0 { (0, 1) } else { (surge, unavailable.min(wanted)) }
}

#[cfg(test)]
mod tests;
