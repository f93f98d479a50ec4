//! The scheduler: which node a Pod runs on, or why on none.
//!
//! Invariant: a node never gets more than it offers of cores, memory and Pods, nor a Pod that does not tolerate its taints
//! or asks for other nodes; a Pod is bound once. What fits on several nodes goes where the fewest of its siblings are, then
//! where the most is free.
//!
//! Not here: preemption, volumes that wait for a consumer.

mod fit;

pub(crate) use fit::tolerates_one;

use crate::api::Status;
use crate::controllers::events::{Level, last_said};
use crate::controllers::kinds::{CLAIMS, NODES, PODS};
use crate::controllers::object::{condition, members, name, namespace, set_condition, terminating, text};
use crate::controllers::{Context, Controller, Queue};
use crate::store::{Change, ChangeKind, Key};
use crate::times::UNSCHEDULABLE_AGAIN;
use fit::{Node, Wish};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const KIND: (&str, &str) = ("v1", "Pod");

#[derive(Default)]
pub(crate) struct Scheduler {
    nodes: BTreeMap<String, Node>,
    /// Where each Pod is that takes room.
    placed: BTreeMap<Key, String>,
    /// Pods that found no node.
    waiting: BTreeSet<Key>,
}

impl Scheduler {
    /// Keeps in mind where a Pod is; whether room became free.
    fn place(&mut self, key: &Key, pod: Option<&Json>) -> bool {
        let node = pod.filter(|pod| !crate::controllers::object::ended(pod));
        let node = node.map(|pod| text(pod, "/spec/nodeName")).filter(|node| !node.is_empty());
        let before = self.placed.get(key);
        if before.map(String::as_str) == node {
            return false;
        }
        let freed = before.is_some();
        if let Some(before) = self.placed.remove(key)
            && let Some(node) = self.nodes.get_mut(&before)
        {
            node.leave(key);
        }
        if let (Some(pod), Some(node)) = (pod, node) {
            self.placed.insert(key.clone(), node.to_owned());
            self.nodes.entry(node.to_owned()).or_default().take(key, Wish::of(pod));
        }
        freed
    }

    fn retry(&self, queue: &mut Queue) {
        for key in &self.waiting {
            queue.add(key.clone());
        }
    }
}

impl Controller for Scheduler {
    fn observe(&mut self, change: &Change, queue: &mut Queue) {
        let gone = change.kind == ChangeKind::Deleted;
        if change.key.resource == PODS.key {
            let pod = (!gone).then_some(change.object.as_ref());
            if self.place(&change.key, pod) {
                self.retry(queue);
            }
            match pod {
                Some(pod) if waits(pod) => {
                    let changed = change.before.as_ref().is_none_or(|before| before["spec"] != pod["spec"]);
                    if changed {
                        queue.add(change.key.clone());
                    }
                }
                _ => drop(self.waiting.remove(&change.key)),
            }
        } else if change.key.resource == NODES.key {
            let node = self.nodes.entry(change.key.name.clone()).or_default();
            let before = node.offer.clone();
            node.offer = (!gone).then(|| fit::Offer::of(&change.object));
            if node.offer != before {
                self.retry(queue);
            }
        } else if change.key.resource == CLAIMS.key {
            self.retry(queue);
        }
    }

    fn reconcile(&mut self, cx: &mut Context, key: &Key) -> Result<Option<Duration>, Status> {
        let Ok(pod) = cx.api.get(PODS, &key.namespace, &key.name) else { return Ok(None) };
        if !waits(&pod) {
            return Ok(None);
        }
        let wish = Wish::of(&pod);
        let claims = fit::unbound(cx, &pod);
        match fit::choose(&self.nodes, &wish, claims) {
            Ok(node) => {
                self.waiting.remove(key);
                let node = node.to_owned();
                let now = cx.stamp();
                cx.edit(PODS, &pod, Some("binding"), |pod| {
                    members(pod, &["spec"]).insert("nodeName".to_owned(), node.as_str().into());
                    let scheduled = json!({"type": "PodScheduled", "status": "True", "lastProbeTime": null});
                    note(pod, scheduled, &now);
                })?;
                // At once, not when the watch tells it: the next Pod is placed before that.
                let bound = cx.api.get(PODS, &key.namespace, &key.name);
                self.place(key, bound.as_deref().ok());
                let message = format!("Successfully assigned {}/{} to {node}", key.namespace, key.name);
                let events = cx.events.of("default-scheduler").doing("Binding");
                events.event(KIND, &pod, Level::Normal, "Scheduled", &message);
                Ok(None)
            }
            Err(why) => {
                self.waiting.insert(key.clone());
                let told =
                    condition(&pod, "PodScheduled").is_some_and(|known| known["message"] == why.as_str());
                if told && !self.due(cx, &pod) {
                    return Ok(None);
                }
                let now = cx.stamp();
                cx.edit(PODS, &pod, Some("status"), |pod| {
                    let unschedulable = json!({
                        "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": why,
                        "lastProbeTime": null,
                    });
                    note(pod, unschedulable, &now);
                })?;
                let events = cx.events.of("default-scheduler").doing("Scheduling");
                events.event(KIND, &pod, Level::Warning, "FailedScheduling", &why);
                Ok(Some(UNSCHEDULABLE_AGAIN))
            }
        }
    }

    fn forget(&mut self) {
        *self = Scheduler::default();
    }
}

impl Scheduler {
    /// Whether it is time to say again that a Pod fits nowhere: when its last look was so long ago that the timer woke us.
    fn due(&self, cx: &Context, pod: &Json) -> bool {
        let events = cx.api.list(crate::controllers::kinds::EVENTS, Some(namespace(pod))).0;
        let last = events.iter().filter(|event| {
            event["reason"] == "FailedScheduling" && text(event, "/involvedObject/name") == name(pod)
        });
        let last = last.filter_map(|event| crate::controllers::object::since(last_said(event), cx.now()));
        last.min().is_none_or(|ago| ago >= UNSCHEDULABLE_AGAIN)
    }
}

fn waits(pod: &Json) -> bool {
    let ours = matches!(text(pod, "/spec/schedulerName"), "" | "default-scheduler");
    let gated = !crate::controllers::object::list(pod, "/spec/schedulingGates").is_empty();
    ours && !gated && text(pod, "/spec/nodeName").is_empty() && !terminating(pod)
}

fn note(pod: &mut Json, condition: Json, now: &str) {
    let conditions = members(pod, &["status"]).entry("conditions").or_insert(json!([]));
    if let Some(conditions) = conditions.as_array_mut() {
        set_condition(conditions, condition, now);
    }
}

#[cfg(test)]
mod tests;
