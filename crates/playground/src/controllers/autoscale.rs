//! Horizontal autoscalers: how many Pods a Deployment or ReplicaSet should have, by what its Pods use.
//!
//! Invariant: looks every [`AUTOSCALER_PERIOD`], never in between; the size stays between the minimum and the maximum,
//! which hold from the first look, with or without figures. Down only to the highest recommendation of the last
//! [`AUTOSCALER_STABILIZATION`].

use super::events::Level;
use super::kinds::{AUTOSCALERS, PODS};
use super::object::{
    active, amount, generation, int, list, members, milli, name, namespace, ready, requests, selects, set,
    set_condition, text,
};
use super::{Context, Controller, Queue};
use crate::api::Status;
use crate::resource::{Resource, of_kind};
use crate::store::{Change, ChangeKind, Key};
use crate::times::{AUTOSCALER_PERIOD, AUTOSCALER_STABILIZATION};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

const KIND: (&str, &str) = ("autoscaling/v2", "HorizontalPodAutoscaler");
/// A ratio this near to 1, in thousandths, changes nothing.
const TOLERANCE: i64 = 100;

#[derive(Default)]
pub(crate) struct Autoscalers {
    /// What each recommended, and when.
    recommended: BTreeMap<Key, VecDeque<(Instant, i64)>>,
    /// When each is to look next.
    next: BTreeMap<Key, Instant>,
}

impl Controller for Autoscalers {
    fn observe(&mut self, change: &Change, queue: &mut Queue) {
        if change.key.resource != AUTOSCALERS.key {
            return;
        }
        if change.kind == ChangeKind::Deleted {
            self.recommended.remove(&change.key);
            self.next.remove(&change.key);
        } else if !self.next.contains_key(&change.key) {
            self.next.insert(change.key.clone(), Instant::now() + AUTOSCALER_PERIOD);
            queue.add_after(change.key.clone(), AUTOSCALER_PERIOD);
        }
    }

    fn reconcile(&mut self, cx: &mut Context, key: &Key) -> Result<Option<Duration>, Status> {
        let Ok(scaler) = cx.api.get(AUTOSCALERS, &key.namespace, &key.name) else { return Ok(None) };
        self.next.insert(key.clone(), Instant::now() + AUTOSCALER_PERIOD);
        // What is refused is said in the conditions; the next look is the next try.
        self.look(cx, key, &scaler)?;
        Ok(Some(AUTOSCALER_PERIOD))
    }
}

/// What one look came to.
#[derive(Default)]
struct Look {
    current: i64,
    desired: i64,
    scaled: bool,
    metrics: Vec<Json>,
    conditions: Vec<Json>,
}

fn says(kind: &str, status: &str, reason: &str, message: &str) -> Json {
    json!({"type": kind, "status": status, "reason": reason, "message": message})
}

impl Autoscalers {
    fn look(&mut self, cx: &Context, key: &Key, scaler: &Json) -> Result<(), Status> {
        let events = cx.events.of("horizontal-pod-autoscaler");
        let reference = &scaler["spec"]["scaleTargetRef"];
        let (group, _) = text(reference, "/apiVersion").rsplit_once('/').unwrap_or_default();
        let target =
            of_kind(group, text(reference, "/kind")).filter(|kind| kind.subresources.contains(&"scale"));
        let target = target.and_then(|kind| {
            Some((kind, cx.api.get(kind, namespace(scaler), text(reference, "/name")).ok()?))
        });
        let Some((kind, target)) = target else {
            let resource = format!("{}s", text(reference, "/kind").to_lowercase());
            let dot = if group.is_empty() { "" } else { "." };
            let message = format!("{resource}{dot}{group} \"{}\" not found", text(reference, "/name"));
            events.event(KIND, scaler, Level::Warning, "FailedGetScale", &message);
            let message =
                format!("the HPA controller was unable to get the target's current scale: {message}");
            let conditions = vec![says("AbleToScale", "False", "FailedGetScale", &message)];
            return status(cx, scaler, &Look { conditions, ..Look::default() });
        };
        let current = int(&target, "/spec/replicas").unwrap_or(1);
        // What there is at the first look counts as a recommendation: an autoscaler that is new takes nothing away.
        let first = || VecDeque::from([(Instant::now(), current)]);
        self.recommended.entry(key.clone()).or_insert_with(first);
        let least = int(scaler, "/spec/minReplicas").unwrap_or(1);
        let most = int(scaler, "/spec/maxReplicas").unwrap_or(least);
        let mut look = Look { current, desired: current, ..Look::default() };
        let able = says(
            "AbleToScale",
            "True",
            "SucceededGetScale",
            "the HPA controller was able to get the target's current scale",
        );
        look.conditions.push(able);
        if current == 0 && least != 0 {
            let message = "scaling is disabled since the replica count of the target is zero";
            look.conditions.push(says("ScalingActive", "False", "ScalingDisabled", message));
            return status(cx, scaler, &look);
        }
        let mut reason = String::new();
        if current > most {
            (look.desired, reason) = (most, "Current number of replicas above Spec.MaxReplicas".to_owned());
        } else if current < least {
            (look.desired, reason) = (least, "Current number of replicas below Spec.MinReplicas".to_owned());
        } else {
            self.by_metrics(cx, key, scaler, &target, (least, most), &mut look, &mut reason);
        }
        if look.desired != current {
            if reason.is_empty() {
                "All metrics below target".clone_into(&mut reason);
            }
            resize(cx, kind, &target, look.desired)?;
            look.scaled = true;
            let message = format!("New size: {}; reason: {reason}", look.desired);
            events.event(KIND, scaler, Level::Normal, "SuccessfulRescale", &message);
            let message =
                format!("the HPA controller was able to update the target scale to {}", look.desired);
            set_condition(
                &mut look.conditions,
                says("AbleToScale", "True", "SucceededRescale", &message),
                &cx.stamp(),
            );
        }
        status(cx, scaler, &look)
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one look, of which two are filled here")]
    fn by_metrics(
        &mut self,
        cx: &Context,
        key: &Key,
        scaler: &Json,
        target: &Json,
        (least, most): (i64, i64),
        look: &mut Look,
        reason: &mut String,
    ) {
        let events = cx.events.of("horizontal-pod-autoscaler");
        let mut pods = cx.api.list(PODS, Some(namespace(scaler))).0;
        pods.retain(|pod| active(pod) && selects(&target["spec"]["selector"], &pod["metadata"]["labels"]));
        let mut proposal: Option<i64> = None;
        let mut failure: Option<(String, String)> = None;
        for metric in list(scaler, "/spec/metrics") {
            match propose(cx, metric, &pods, look.current) {
                Ok((wanted, why, shown)) => {
                    look.metrics.push(shown);
                    if proposal.is_none_or(|known| wanted > known) {
                        proposal = Some(wanted);
                        if wanted > look.current {
                            *reason = format!("{why} above target");
                        }
                        let message =
                            format!("the HPA was able to successfully calculate a replica count from {why}");
                        look.conditions.retain(|condition| condition["type"] != "ScalingActive");
                        look.conditions.push(says("ScalingActive", "True", "ValidMetricFound", &message));
                    }
                }
                Err((reason, message)) => {
                    events.event(KIND, scaler, Level::Warning, &reason, &message);
                    failure.get_or_insert((reason, message));
                }
            }
        }
        let proposal = match (proposal, &failure) {
            (Some(proposal), None) => proposal,
            // With a figure missing, never down.
            (Some(proposal), Some(_)) if proposal >= look.current => proposal,
            (_, failure) => {
                if let Some((reason, message)) = failure {
                    let text = format!("invalid metrics (1 invalid out of 1), first error is: {message}");
                    events.event(KIND, scaler, Level::Warning, "FailedComputeMetricsReplicas", &text);
                    let text = format!("the HPA was unable to compute the replica count: {message}");
                    look.conditions.retain(|condition| condition["type"] != "ScalingActive");
                    look.conditions.push(says("ScalingActive", "False", reason, &text));
                }
                look.desired = look.current.clamp(least, most);
                return;
            }
        };
        let stable = self.stabilize(key, scaler, proposal);
        if stable != proposal {
            let (reason, message) = (
                "ScaleDownStabilized",
                "recent recommendations were higher than current one, applying the highest recent recommendation",
            );
            set_condition(&mut look.conditions, says("AbleToScale", "True", reason, message), &cx.stamp());
        } else {
            let message = "recommended size matches current size";
            let ready = says("AbleToScale", "True", "ReadyForNewScale", message);
            set_condition(&mut look.conditions, ready, &cx.stamp());
        }
        // Up by four or to the double at once, whichever is more.
        let up = look.current.saturating_mul(2).max(look.current.saturating_add(4));
        look.desired = stable.min(up).clamp(least, most);
        let (state, why, message) = if stable > most {
            ("True", "TooManyReplicas", "the desired replica count is more than the maximum replica count")
        } else if stable < least {
            ("True", "TooFewReplicas", "the desired replica count is less than the minimum replica count")
        } else if stable > up {
            (
                "True",
                "ScaleUpLimit",
                "the desired replica count is increasing faster than the maximum scale rate",
            )
        } else {
            ("False", "DesiredWithinRange", "the desired count is within the acceptable range")
        };
        look.conditions.push(says("ScalingLimited", state, why, message));
    }

    /// The highest recommendation of late, if this one is lower.
    fn stabilize(&mut self, key: &Key, scaler: &Json, proposal: i64) -> i64 {
        let window = int(scaler, "/spec/behavior/scaleDown/stabilizationWindowSeconds");
        let window = window.and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs);
        let window = window.unwrap_or(AUTOSCALER_STABILIZATION);
        let known = self.recommended.entry(key.clone()).or_default();
        known.retain(|(at, _)| at.elapsed() < window);
        let stable = known.iter().map(|(_, count)| *count).max().unwrap_or(proposal).max(proposal);
        known.push_back((Instant::now(), proposal));
        stable
    }
}

type Proposal = (i64, String, Json);

/// What one metric asks for: the size, its name for people, its value as the status shows it.
fn propose(
    cx: &Context,
    metric: &Json,
    pods: &[Arc<Json>],
    current: i64,
) -> Result<Proposal, (String, String)> {
    let resource = text(metric, "/resource/name");
    if text(metric, "/type") != "Resource" || !matches!(resource, "cpu" | "memory") {
        let kind = text(metric, "/type");
        let message =
            format!("the playground has no metrics of the type {kind}, only the resources cpu and memory");
        return Err((format!("FailedGet{kind}Metric"), message));
    }
    let failed = |message: String| {
        let failed = format!("failed to get {resource} utilization: {message}");
        ("FailedGetResourceMetric".to_owned(), failed)
    };
    let (mut used, mut asked, mut measured) = (0_i64, 0_i64, 0_i64);
    for pod in pods.iter().filter(|pod| ready(pod)) {
        let Some(usage) = cx.metrics.get(namespace(pod), name(pod)) else { continue };
        let usage = if resource == "cpu" { usage.millicores } else { usage.bytes };
        used = used.saturating_add(i64::try_from(usage).unwrap_or(i64::MAX));
        measured += 1;
        for container in list(pod, "/spec/containers") {
            let resources = &container["resources"];
            if resources["requests"][resource].is_null() && resources["limits"][resource].is_null() {
                let container = text(container, "/name");
                let message =
                    format!("missing request for {resource} in container {container} of Pod {}", name(pod));
                return Err(failed(message));
            }
        }
        asked = asked.saturating_add(requests(pod, resource));
    }
    if measured == 0 {
        return Err(failed(
            "unable to get metrics for resource ".to_owned()
                + resource
                + ": no metrics returned from resource metrics API",
        ));
    }
    let target = &metric["resource"]["target"];
    let average = used / measured;
    let shown_average = if resource == "cpu" { format!("{average}m") } else { average.to_string() };
    let mut shown = json!({
        "type": "Resource", "resource": {"name": resource, "current": {"averageValue": shown_average}},
    });
    let percent = int(target, "/averageUtilization");
    let (value, wanted, why) = if let Some(percent) = percent {
        let utilization = used.saturating_mul(100) / asked.max(1);
        shown["resource"]["current"]["averageUtilization"] = utilization.into();
        let why = format!("{resource} resource utilization (percentage of request)");
        (utilization, percent, why)
    } else {
        let wanted = &target["averageValue"];
        let wanted = if resource == "cpu" { milli(wanted) } else { amount(wanted, resource) };
        (average, wanted, format!("{resource} resource"))
    };
    // In thousandths: what there is to what there should be.
    let ratio = value.saturating_mul(1000) / wanted.max(1);
    let size = if (ratio - 1000).abs() <= TOLERANCE {
        current
    } else {
        measured.saturating_mul(value).saturating_add(wanted.max(1) - 1) / wanted.max(1)
    };
    // Pods that are not measured yet are taken as idle when there are too few, and as busy when there are too many.
    let size = if measured < number(pods.len()) && size < current { current } else { size };
    Ok((size, why, shown))
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn resize(cx: &Context, kind: &'static Resource, target: &Json, to: i64) -> Result<(), Status> {
    cx.edit(kind, target, Some("scale"), |target| set(target, &["spec", "replicas"], to))?;
    Ok(())
}

fn status(cx: &Context, scaler: &Json, look: &Look) -> Result<(), Status> {
    let now = cx.stamp();
    let observed = generation(scaler);
    cx.edit(AUTOSCALERS, scaler, Some("status"), |scaler| {
        let status = members(scaler, &["status"]);
        status.insert("observedGeneration".to_owned(), observed.into());
        status.insert("currentReplicas".to_owned(), look.current.into());
        status.insert("desiredReplicas".to_owned(), look.desired.into());
        if look.scaled {
            status.insert("lastScaleTime".to_owned(), now.as_str().into());
        }
        let metrics = if look.metrics.is_empty() { Json::Null } else { look.metrics.clone().into() };
        status.insert("currentMetrics".to_owned(), metrics);
        let conditions = status.entry("conditions").or_insert(json!([]));
        if let Some(conditions) = conditions.as_array_mut() {
            for condition in &look.conditions {
                set_condition(conditions, condition.clone(), &now);
            }
        }
    })?;
    Ok(())
}

#[cfg(test)]
mod tests;
