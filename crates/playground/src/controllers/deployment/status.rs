//! What a Deployment says of itself: counts, and the conditions Available and Progressing.

use super::sets::Sets;
use super::{bounds, progressing, put, renew, replicas, spec_replicas};
use crate::api::Status;
use crate::controllers::Context;
use crate::controllers::kinds::DEPLOYMENTS;
use crate::controllers::object::{condition, count, generation, int, members, name, since, text};
use serde_json::{Map, Value as Json, json};
use std::sync::Arc;
use std::time::Duration;

/// The Pods of a Deployment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counts {
    replicas: i64,
    updated: i64,
    ready: i64,
    available: i64,
    unavailable: i64,
}

pub(super) fn counts(sets: &Sets) -> Counts {
    let sum = |field: &str| sets.iter().map(|set| int(set, field).unwrap_or(0)).sum::<i64>();
    let available = sum("/status/availableReplicas");
    let asked: i64 = sets.iter().map(|set| spec_replicas(set)).sum();
    Counts {
        replicas: sum("/status/replicas"),
        updated: sets.new.as_deref().and_then(|new| int(new, "/status/replicas")).unwrap_or(0),
        ready: sum("/status/readyReplicas"),
        available,
        unavailable: (asked - available).max(0),
    }
}

/// Whether everything is new and available.
pub(super) fn complete(deployment: &Json, counts: &Counts) -> bool {
    let wanted = replicas(deployment);
    counts.updated == wanted && counts.replicas == wanted && counts.available == wanted
}

/// Writes the counts, and whether enough are available.
pub(super) fn update(cx: &Context, deployment: &Arc<Json>, sets: &Sets) -> Result<Option<Duration>, Status> {
    write(cx, deployment, sets, |_, _| {})?;
    Ok(None)
}

/// Writes the counts and how the rollout proceeds; when to look whether its time is over.
pub(super) fn roll(cx: &Context, deployment: &Arc<Json>, sets: &Sets) -> Result<Option<Duration>, Status> {
    let counts = counts(sets);
    let known = condition(deployment, "Progressing").cloned();
    let reason = known.as_ref().map_or("", |known| text(known, "/reason")).to_owned();
    let deadline =
        int(deployment, "/spec/progressDeadlineSeconds").and_then(|seconds| u64::try_from(seconds).ok());
    let deadline = deadline.map(Duration::from_secs);
    let Some(deadline) = deadline else {
        write(cx, deployment, sets, |conditions, _| {
            conditions.retain(|condition| condition["type"] != "Progressing");
        })?;
        return Ok(None);
    };
    let settled = counts.replicas == counts.updated && reason == "NewReplicaSetAvailable";
    let which = match &sets.new {
        Some(new) => format!("ReplicaSet \"{}\"", name(new)),
        None => format!("Deployment \"{}\"", name(deployment)),
    };
    let before = |field: &str| int(deployment, field).unwrap_or(0);
    let moved = counts.updated > before("/status/updatedReplicas")
        || counts.replicas - counts.updated < before("/status/replicas") - before("/status/updatedReplicas")
        || counts.ready > before("/status/readyReplicas")
        || counts.available > before("/status/availableReplicas");
    let elapsed = known.as_ref().and_then(|known| since(text(known, "/lastUpdateTime"), cx.now()));
    let late = known.is_some()
        && reason != "NewReplicaSetAvailable"
        && (reason == "ProgressDeadlineExceeded" || elapsed.is_some_and(|elapsed| elapsed >= deadline));
    write(cx, deployment, sets, |conditions, now| {
        if settled {
        } else if complete(deployment, &counts) {
            let message = format!("{which} has successfully progressed.");
            put(conditions, progressing("True", "NewReplicaSetAvailable", &message), now);
        } else if moved {
            let message = format!("{which} is progressing.");
            renew(conditions, progressing("True", "ReplicaSetUpdated", &message), now);
        } else if late {
            let message = format!("{which} has timed out progressing.");
            put(conditions, progressing("False", "ProgressDeadlineExceeded", &message), now);
        }
    })?;
    if settled || late || complete(deployment, &counts) {
        return Ok(None);
    }
    // A second more, since time stamps have whole seconds only.
    let rest = deadline.saturating_sub(elapsed.unwrap_or_default());
    Ok(Some(rest + Duration::from_secs(1)))
}

fn write(
    cx: &Context,
    deployment: &Arc<Json>,
    sets: &Sets,
    mut progress: impl FnMut(&mut Vec<Json>, &str),
) -> Result<Arc<Json>, Status> {
    let counts = counts(sets);
    let now = cx.stamp();
    let enough = counts.available >= replicas(deployment) - bounds(deployment).1;
    let (status, reason, message) = if enough {
        ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    } else {
        ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    };
    let available = json!({"type": "Available", "status": status, "reason": reason, "message": message});
    let failure = sets.iter().find_map(|set| condition(set, "ReplicaFailure")).cloned();
    let observed = generation(deployment);
    cx.edit(DEPLOYMENTS, deployment, Some("status"), |object| {
        let status: &mut Map<String, Json> = members(object, &["status"]);
        status.insert("observedGeneration".to_owned(), observed.into());
        count(status, "replicas", counts.replicas);
        count(status, "updatedReplicas", counts.updated);
        count(status, "readyReplicas", counts.ready);
        count(status, "availableReplicas", counts.available);
        count(status, "unavailableReplicas", counts.unavailable);
        let mut conditions = status.get("conditions").and_then(Json::as_array).cloned().unwrap_or_default();
        put(&mut conditions, available.clone(), &now);
        match &failure {
            Some(failure) => {
                put(&mut conditions, failure.clone(), &now);
            }
            None => conditions.retain(|condition| condition["type"] != "ReplicaFailure"),
        }
        progress(&mut conditions, &now);
        status.insert("conditions".to_owned(), conditions.into());
    })
}
