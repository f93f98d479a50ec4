//! Nodes that are lost, cordoned or gone, and what becomes of their Pods.
//!
//! Invariant: a node that does not renew its lease is NotReady after [`NODE_GRACE`]; its Pods go as soon as they tolerate
//! that no longer; the Pods of a node that was deleted go [`ORPHANED_PODS`] later, without a kubelet to ask.

use super::events::Level;
use super::kinds::{LEASES, NODES, PODS};
use super::object::{
    condition, int, list, members, name, namespace, ready, set, set_condition, since, terminating, text,
};
use super::{Context, Controller, Queue};
use crate::api::Status;
use crate::scheduler::tolerates_one;
use crate::store::{Change, ChangeKind, Key};
use crate::times::{self, NODE_GRACE, ORPHANED_PODS};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

const NODE: (&str, &str) = ("v1", "Node");
const POD: (&str, &str) = ("v1", "Pod");
const NOT_READY: &str = "node.kubernetes.io/not-ready";
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
const CORDONED: &str = "node.kubernetes.io/unschedulable";

#[derive(Default)]
pub(crate) struct Nodes {
    /// When each node last told that it lives.
    seen: BTreeMap<String, Instant>,
    /// Nodes that were welcomed.
    known: BTreeSet<String>,
    /// When each node was deleted.
    deleted: BTreeMap<String, Instant>,
}

impl Controller for Nodes {
    fn observe(&mut self, change: &Change, queue: &mut Queue) {
        let gone = change.kind == ChangeKind::Deleted;
        if change.key.resource == NODES.key {
            if gone {
                self.seen.remove(&change.key.name);
                self.deleted.insert(change.key.name.clone(), Instant::now());
            } else {
                self.deleted.remove(&change.key.name);
                let beat =
                    |node: &Json| condition(node, "Ready").map(|ready| ready["lastHeartbeatTime"].clone());
                let alive = change.before.as_ref().is_none_or(|before| {
                    beat(before) != beat(&change.object)
                        && condition(&change.object, "Ready")
                            .is_some_and(|ready| ready["status"] != "Unknown")
                });
                if alive {
                    self.seen.insert(change.key.name.clone(), Instant::now());
                }
            }
            queue.add(change.key.clone());
        } else if change.key.resource == LEASES.key && change.key.namespace == "kube-node-lease" && !gone {
            self.seen.insert(change.key.name.clone(), Instant::now());
            queue.add_named(NODES, "", &change.key.name);
        } else if change.key.resource == PODS.key && !gone {
            let node = text(&change.object, "/spec/nodeName");
            let before = change.before.as_ref().map_or("", |before| text(before, "/spec/nodeName"));
            let tolerations = &change.object["spec"]["tolerations"];
            let tolerated = change.before.as_ref().map(|before| &before["spec"]["tolerations"]);
            if !node.is_empty() && (node != before || tolerated != Some(tolerations)) {
                queue.add_named(NODES, "", node);
            }
        }
    }

    fn reconcile(&mut self, cx: &mut Context, key: &Key) -> Result<Option<Duration>, Status> {
        let pods = |cx: &Context| -> Vec<Arc<Json>> {
            let mut pods = cx.api.list(PODS, None).0;
            pods.retain(|pod| text(pod, "/spec/nodeName") == key.name);
            pods
        };
        let Ok(node) = cx.api.get(NODES, "", &key.name) else {
            let since = self.deleted.entry(key.name.clone()).or_insert_with(Instant::now);
            let rest = ORPHANED_PODS.saturating_sub(since.elapsed());
            if !rest.is_zero() {
                return Ok(Some(rest));
            }
            for pod in pods(cx) {
                cx.delete_with(PODS, &pod, Some(0))?;
            }
            self.deleted.remove(&key.name);
            self.known.remove(&key.name);
            return Ok(None);
        };
        if self.known.insert(key.name.clone()) {
            let message = format!("Node {0} event: Registered Node {0} in Controller", key.name);
            cx.events.of("node-controller").event(NODE, &node, Level::Normal, "RegisteredNode", &message);
        }
        let heard = self.seen.get(&key.name).map_or(Duration::ZERO, Instant::elapsed);
        let lost = heard >= NODE_GRACE;
        if lost {
            lose(cx, &node)?;
        }
        let node = taint(cx, &node)?;
        let state = condition(&node, "Ready").map_or("", |ready| text(ready, "/status")).to_owned();
        let mut again = if lost { None } else { Some(NODE_GRACE.saturating_sub(heard)) };
        let taints: Vec<&Json> =
            list(&node, "/spec/taints").iter().filter(|taint| taint["effect"] == "NoExecute").collect();
        if matches!(state.as_str(), "False" | "Unknown") || !taints.is_empty() {
            for pod in pods(cx) {
                if matches!(state.as_str(), "False" | "Unknown") {
                    unready(cx, &pod)?;
                }
                if terminating(&pod) {
                    continue;
                }
                match patience(&pod, &taints, cx) {
                    Patience::Endless => {}
                    Patience::For(wait) => again = Some(again.map_or(wait, |again| again.min(wait))),
                    Patience::Over => {
                        let message = format!("Marking for deletion Pod {}/{}", namespace(&pod), name(&pod));
                        let events = cx.events.of("taint-eviction-controller");
                        events.event(POD, &pod, Level::Normal, "TaintManagerEviction", &message);
                        cx.delete(PODS, &pod)?;
                    }
                }
            }
        }
        Ok(again)
    }
}

/// How long a Pod bears the taints of its node.
enum Patience {
    Endless,
    For(Duration),
    Over,
}

fn patience(pod: &Json, taints: &[&Json], cx: &Context) -> Patience {
    let tolerations = list(pod, "/spec/tolerations");
    let mut least: Option<Duration> = None;
    for taint in taints {
        let bearing: Vec<&Json> =
            tolerations.iter().filter(|toleration| tolerates_one(toleration, taint)).collect();
        if bearing.is_empty() {
            return Patience::Over;
        }
        let seconds = bearing.iter().filter_map(|toleration| int(toleration, "/tolerationSeconds")).min();
        let Some(seconds) = seconds else { continue };
        let bears = times::written(seconds);
        let so_far = since(text(taint, "/timeAdded"), cx.now()).unwrap_or_default();
        let rest = bears.saturating_sub(so_far);
        least = Some(least.map_or(rest, |least| least.min(rest)));
    }
    match least {
        None => Patience::Endless,
        Some(Duration::ZERO) => Patience::Over,
        Some(rest) => Patience::For(rest),
    }
}

/// Notes that a node is not heard of.
fn lose(cx: &Context, node: &Json) -> Result<(), Status> {
    if condition(node, "Ready").is_some_and(|ready| ready["status"] == "Unknown") {
        return Ok(());
    }
    let now = cx.stamp();
    cx.edit(NODES, node, Some("status"), |node| {
        let conditions = members(node, &["status"]).entry("conditions").or_insert(json!([]));
        let Some(conditions) = conditions.as_array_mut() else { return };
        for kind in ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"] {
            let known = conditions.iter().find(|condition| condition["type"] == kind);
            let mut condition = known.cloned().unwrap_or_else(|| json!({"type": kind}));
            condition["status"] = "Unknown".into();
            condition["reason"] = "NodeStatusUnknown".into();
            condition["message"] = "Kubelet stopped posting node status.".into();
            // The transition is dated by `set_condition`, unless the status was the same.
            if let Some(condition) = condition.as_object_mut() {
                condition.shift_remove("lastTransitionTime");
            }
            set_condition(conditions, condition, &now);
        }
    })?;
    let message = format!("Node {} status is now: NodeNotReady", name(node));
    cx.events.of("node-controller").event(NODE, node, Level::Normal, "NodeNotReady", &message);
    Ok(())
}

/// Gives a node the taints that its state asks for, and no others of these.
fn taint(cx: &Context, node: &Json) -> Result<Arc<Json>, Status> {
    let now = cx.stamp();
    let Ok(node) = cx.api.get(NODES, "", name(node)) else {
        return Err(Status::not_found(NODES, name(node)));
    };
    let state = condition(&node, "Ready").map_or("", |ready| text(ready, "/status")).to_owned();
    cx.edit(NODES, &node, None, |node| {
        let cordoned = node["spec"]["unschedulable"] == true;
        let wanted = |taint: &Json| match text(taint, "/key") {
            NOT_READY => state == "False",
            UNREACHABLE => state == "Unknown",
            CORDONED => cordoned,
            _ => true,
        };
        let mut taints = list(node, "/spec/taints").to_vec();
        taints.retain(wanted);
        let mut add = |key: &str, effect: &str| {
            if !taints.iter().any(|taint| taint["key"] == key && taint["effect"] == effect) {
                taints.push(json!({"key": key, "effect": effect, "timeAdded": now}));
            }
        };
        match state.as_str() {
            "False" => ["NoSchedule", "NoExecute"].into_iter().for_each(|effect| add(NOT_READY, effect)),
            "Unknown" => ["NoSchedule", "NoExecute"].into_iter().for_each(|effect| add(UNREACHABLE, effect)),
            _ => {}
        }
        if cordoned {
            add(CORDONED, "NoSchedule");
        }
        if taints.is_empty() {
            super::object::unset(node, &["spec", "taints"]);
        } else {
            set(node, &["spec", "taints"], taints);
        }
    })
}

/// A Pod on a node that is not Ready is not Ready.
fn unready(cx: &Context, pod: &Json) -> Result<(), Status> {
    if !ready(pod) {
        return Ok(());
    }
    let now = cx.stamp();
    let edited = cx.edit(PODS, pod, Some("status"), |pod| {
        let conditions = members(pod, &["status"]).entry("conditions").or_insert(json!([]));
        if let Some(conditions) = conditions.as_array_mut() {
            let condition = json!({"type": "Ready", "status": "False", "lastProbeTime": null});
            set_condition(conditions, condition, &now);
        }
    });
    match edited {
        Err(status) if status.reason != "NotFound" => return Err(status),
        _ => {}
    }
    cx.events.of("node-controller").event(POD, pod, Level::Warning, "NodeNotReady", "Node is not ready");
    Ok(())
}

#[cfg(test)]
mod tests;
