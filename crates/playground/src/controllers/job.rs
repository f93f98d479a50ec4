//! Jobs: Pods that run to their end, so many in all, so many at once.
//!
//! Invariant: never more than `parallelism` at once, nor more than are still needed; after `backoffLimit` failures, or
//! after its deadline, what runs is ended and the Job has failed. A finished Job does nothing any more but expire.

use super::events::Level;
use super::kinds::{JOBS, PODS};
use super::object::{
    active, condition, controller, count, int, list, members, name, namespace, owned_by, ready, reference,
    set, set_condition, since, terminating, text, uid,
};
use super::replicaset::from_template;
use super::{Context, Controller, Queue};
use crate::api::Status;
use crate::store::{Change, ChangeKind, Key};
use crate::times::{self, JOB_BACKOFF, JOB_BACKOFF_MAX};
use serde_json::{Value as Json, json};
use std::sync::Arc;
use std::time::Duration;

const KIND: (&str, &str) = ("batch/v1", "Job");

pub(crate) struct Jobs;

impl Controller for Jobs {
    fn observe(&mut self, change: &Change, queue: &mut Queue) {
        if change.key.resource == JOBS.key && change.kind != ChangeKind::Deleted {
            queue.add(change.key.clone());
        } else if change.key.resource == PODS.key
            && let Some(owner) = controller(&change.object)
            && owner["kind"] == KIND.1
        {
            queue.add_named(JOBS, namespace(&change.object), text(owner, "/name"));
        }
    }

    fn reconcile(&mut self, cx: &mut Context, key: &Key) -> Result<Option<Duration>, Status> {
        let Ok(job) = cx.api.get(JOBS, &key.namespace, &key.name) else { return Ok(None) };
        if terminating(&job) {
            return Ok(None);
        }
        if let Some(finished) = finished(&job) {
            return expire(cx, &job, text(finished, "/lastTransitionTime"));
        }
        one(cx, &job)
    }
}

fn finished(job: &Json) -> Option<&Json> {
    ["Complete", "Failed"]
        .iter()
        .find_map(|kind| condition(job, kind).filter(|known| known["status"] == "True"))
}

fn expire(cx: &Context, job: &Json, at: &str) -> Result<Option<Duration>, Status> {
    let Some(seconds) = int(job, "/spec/ttlSecondsAfterFinished") else {
        return Ok(None);
    };
    let rest = times::written(seconds).saturating_sub(since(at, cx.now()).unwrap_or_default());
    if rest.is_zero() { cx.delete(JOBS, job).map(|()| None) } else { Ok(Some(rest)) }
}

/// The Pods of a Job, counted.
struct Pods {
    active: Vec<Arc<Json>>,
    succeeded: i64,
    failed: i64,
}

fn pods_of(cx: &Context, job: &Json) -> Pods {
    let mut pods = cx.api.list(PODS, Some(namespace(job))).0;
    pods.retain(|pod| owned_by(pod, uid(job)));
    let ended_as =
        |phase: &str| number(pods.iter().filter(|pod| text(pod, "/status/phase") == phase).count());
    // What was counted stays counted when its Pod is deleted.
    let at_least = |field: &str, now: i64| now.max(int(job, field).unwrap_or(0));
    let succeeded = at_least("/status/succeeded", ended_as("Succeeded"));
    let failed = at_least("/status/failed", ended_as("Failed"));
    pods.retain(|pod| active(pod));
    Pods { active: pods, succeeded, failed }
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn one(cx: &mut Context, job: &Arc<Json>) -> Result<Option<Duration>, Status> {
    let mut pods = pods_of(cx, job);
    let parallel = int(job, "/spec/parallelism").unwrap_or(1).max(0);
    let completions = int(job, "/spec/completions");
    let suspended = job["spec"]["suspend"] == true;
    let restarts: i64 = pods.active.iter().map(|pod| restarts(pod)).sum();
    let begun = text(job, "/status/startTime");
    let deadline = int(job, "/spec/activeDeadlineSeconds");
    let left = deadline
        .map(|deadline| times::written(deadline).saturating_sub(since(begun, cx.now()).unwrap_or_default()));
    let overdue = !begun.is_empty() && left == Some(Duration::ZERO);
    let done = match completions {
        Some(wanted) => pods.succeeded >= wanted,
        // A queue of work is done when one of its workers found it empty, and all have ended.
        None => pods.succeeded > 0 && pods.active.is_empty(),
    };
    let end = if pods.failed.max(restarts) > int(job, "/spec/backoffLimit").unwrap_or(6) {
        Some(("Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit"))
    } else if overdue {
        Some(("Failed", "DeadlineExceeded", "Job was active longer than specified deadline"))
    } else if done {
        Some(("Complete", "CompletionsReached", "Reached expected number of succeeded pods"))
    } else {
        None
    };
    let needed = match completions {
        Some(wanted) => (wanted - pods.succeeded).min(parallel),
        None if pods.succeeded > 0 => number(pods.active.len()).min(parallel),
        None => parallel,
    };
    let needed = if end.is_some() || suspended { 0 } else { needed };
    let surplus = usize::try_from(number(pods.active.len()) - needed).unwrap_or(0);
    let events = cx.events.of("job-controller");
    // Those that are not Ready have done the least.
    pods.active.sort_by_cached_key(|pod| (ready(pod), name(pod).to_owned()));
    for pod in pods.active.drain(..surplus.min(pods.active.len())) {
        cx.delete(PODS, &pod)?;
        // A Pod that had to end before its work was done has failed, but for those that a suspension ends.
        pods.failed += i64::from(!suspended);
        let message = format!("Deleted pod: {}", name(&pod));
        events.event(KIND, job, Level::Normal, "SuccessfulDelete", &message);
    }
    let wait = if needed > number(pods.active.len()) { backoff(cx, job, pods.failed) } else { None };
    if wait.is_none() {
        for _ in number(pods.active.len())..needed {
            let pod = cx_pod(cx, job);
            let pod = cx.create(PODS, namespace(job), pod)?;
            let message = format!("Created pod: {}", name(&pod));
            events.event(KIND, job, Level::Normal, "SuccessfulCreate", &message);
            pods.active.push(pod);
        }
    }
    status(cx, job, &pods, end, suspended)?;
    match end {
        Some(("Complete", ..)) => events.event(KIND, job, Level::Normal, "Completed", "Job completed"),
        Some((_, reason, message)) => events.event(KIND, job, Level::Warning, reason, message),
        None => {}
    }
    let left = left.filter(|_| end.is_none() && !suspended);
    Ok([wait, left].into_iter().flatten().min())
}

fn restarts(pod: &Json) -> i64 {
    let statuses = ["/status/initContainerStatuses", "/status/containerStatuses"];
    let statuses = statuses.iter().flat_map(|path| list(pod, path));
    statuses.filter_map(|status| int(status, "/restartCount")).sum()
}

/// How long to wait before the next try, after the latest failure.
fn backoff(cx: &Context, job: &Json, failed: i64) -> Option<Duration> {
    let times = u32::try_from(failed.checked_sub(1)?).ok()?;
    let wait = JOB_BACKOFF.saturating_mul(1 << times.min(16)).min(JOB_BACKOFF_MAX);
    let mut pods = cx.api.list(PODS, Some(namespace(job))).0;
    pods.retain(|pod| owned_by(pod, uid(job)) && text(pod, "/status/phase") == "Failed");
    let ago = pods.iter().filter_map(|pod| since(failed_at(pod), cx.now())).min()?;
    wait.checked_sub(ago).filter(|rest| !rest.is_zero())
}

fn failed_at(pod: &Json) -> &str {
    let finished = list(pod, "/status/containerStatuses")
        .iter()
        .map(|status| text(status, "/state/terminated/finishedAt"))
        .max()
        .unwrap_or_default();
    let changed = condition(pod, "Ready").map_or("", |ready| text(ready, "/lastTransitionTime"));
    [finished, changed].into_iter().find(|stamp| !stamp.is_empty()).unwrap_or(text(pod, "/status/startTime"))
}

fn cx_pod(cx: &mut Context, job: &Json) -> Json {
    let mut pod = from_template(cx, &job["spec"]["template"], job, reference(KIND.0, KIND.1, job));
    for (label, value) in [
        ("batch.kubernetes.io/controller-uid", uid(job)),
        ("batch.kubernetes.io/job-name", name(job)),
        ("controller-uid", uid(job)),
        ("job-name", name(job)),
    ] {
        set(&mut pod, &["metadata", "labels", label], value);
    }
    pod
}

fn status(
    cx: &Context,
    job: &Json,
    pods: &Pods,
    end: Option<(&str, &str, &str)>,
    suspended: bool,
) -> Result<(), Status> {
    let now = cx.stamp();
    let ready_pods = number(pods.active.iter().filter(|pod| ready(pod)).count());
    cx.edit(JOBS, job, Some("status"), |job| {
        let status = members(job, &["status"]);
        if suspended {
            status.shift_remove("startTime");
        } else if !status.contains_key("startTime") {
            status.insert("startTime".to_owned(), now.as_str().into());
        }
        count(status, "active", number(pods.active.len()));
        count(status, "succeeded", pods.succeeded);
        count(status, "failed", pods.failed);
        status.insert("ready".to_owned(), ready_pods.into());
        let mut conditions = status.get("conditions").and_then(Json::as_array).cloned().unwrap_or_default();
        let mut put = |kind: &str, state: &str, reason: &str, message: &str| {
            let mut condition =
                json!({"type": kind, "status": state, "lastProbeTime": now, "reason": reason, "message": message});
            if let Some(known) = conditions.iter().find(|known| known["type"] == kind)
                && known["status"] == state
            {
                condition["lastProbeTime"] = known["lastProbeTime"].clone();
            }
            set_condition(&mut conditions, condition, &now);
        };
        if suspended {
            put("Suspended", "True", "JobSuspended", "Job suspended");
        } else if status.get("conditions").is_some_and(|known| known.to_string().contains("JobSuspended")) {
            put("Suspended", "False", "JobResumed", "Job resumed");
        }
        match end {
            Some((kind @ "Complete", reason, message)) => {
                put("SuccessCriteriaMet", "True", reason, message);
                put(kind, "True", reason, message);
                status.insert("completionTime".to_owned(), now.as_str().into());
            }
            Some((kind, reason, message)) => {
                put("FailureTarget", "True", reason, message);
                put(kind, "True", reason, message);
            }
            None => {}
        }
        if !conditions.is_empty() {
            status.insert("conditions".to_owned(), conditions.into());
        }
    })?;
    Ok(())
}

#[cfg(test)]
mod tests;
