//! Disruption budgets: how many Pods may be evicted now.
//!
//! Invariant: `disruptionsAllowed` is never more than what is healthy beyond what must be, with Pods counted as lost from
//! their eviction until they are gone.

use super::kinds::{BUDGETS, DEPLOYMENTS, PODS, REPLICA_SETS};
use super::object::{
    News, active, controller, ended, generation, int, members, name, namespace, news, part, ready, selects,
    set_condition, since, terminating, text, uid,
};
use super::{Context, Controller, Queue};
use crate::api::Status;
use crate::store::{Change, Key};
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// An evicted Pod that did not go within this time stays after all.
const EVICTION: Duration = Duration::from_secs(120);

pub(crate) struct Budgets;

impl Controller for Budgets {
    fn observe(&mut self, change: &Change, queue: &mut Queue) {
        let resource = change.key.resource;
        if resource == BUDGETS.key {
            queue.add(change.key.clone());
            return;
        }
        let news = match resource {
            _ if resource == PODS.key => news(change),
            _ if [REPLICA_SETS.key, DEPLOYMENTS.key].contains(&resource) => News::Standing,
            _ => News::Nothing,
        };
        // The empty name stands for every budget of the namespace.
        let all = crate::api::key(BUDGETS, &change.key.namespace, "");
        match news {
            News::Standing => queue.add(all),
            News::Readiness => queue.add_soon(all),
            News::Nothing => {}
        }
    }

    fn reconcile(&mut self, cx: &mut Context, key: &Key) -> Result<Option<Duration>, Status> {
        if key.name.is_empty() {
            for budget in cx.api.list(BUDGETS, Some(&key.namespace)).0 {
                one(cx, &budget)?;
            }
            return Ok(None);
        }
        match cx.api.get(BUDGETS, &key.namespace, &key.name) {
            Ok(budget) => one(cx, &budget),
            Err(_) => Ok(None),
        }
    }
}

fn one(cx: &Context, budget: &Json) -> Result<Option<Duration>, Status> {
    let mut pods = cx.api.list(PODS, Some(namespace(budget))).0;
    pods.retain(|pod| !ended(pod) && selects(&budget["spec"]["selector"], &pod["metadata"]["labels"]));
    let (expected, desired) = expectation(cx, budget, &pods);
    let known = budget["status"]["disruptedPods"].as_object().cloned().unwrap_or_default();
    let disrupted: Map<String, Json> = known
        .into_iter()
        .filter(|(pod, at)| {
            let there = pods.iter().any(|known| name(known) == pod && !terminating(known));
            there && since(at.as_str().unwrap_or_default(), cx.now()).is_none_or(|ago| ago < EVICTION)
        })
        .collect();
    let healthy = |pod: &&Arc<Json>| active(pod) && ready(pod) && !disrupted.contains_key(name(pod));
    let healthy = number(pods.iter().filter(healthy).count());
    let allowed = if expected == 0 { 0 } else { (healthy - desired).max(0) };
    let now = cx.stamp();
    let observed = generation(budget);
    let (status, reason) =
        if allowed > 0 { ("True", "SufficientPods") } else { ("False", "InsufficientPods") };
    let condition = json!({
        "type": "DisruptionAllowed", "status": status, "reason": reason, "message": "", "observedGeneration": observed,
    });
    let revision = budget["metadata"]["resourceVersion"].clone();
    cx.edit(BUDGETS, budget, Some("status"), |budget| {
        if budget["metadata"]["resourceVersion"] != revision {
            // An eviction was counted meanwhile, which must not be forgotten; that change brings us back.
            return;
        }
        let status = members(budget, &["status"]);
        for (field, value) in [
            ("observedGeneration", observed),
            ("disruptionsAllowed", allowed),
            ("currentHealthy", healthy),
            ("desiredHealthy", desired),
            ("expectedPods", expected),
        ] {
            status.insert(field.to_owned(), value.into());
        }
        if disrupted.is_empty() {
            status.shift_remove("disruptedPods");
        } else {
            status.insert("disruptedPods".to_owned(), disrupted.clone().into());
        }
        let conditions = status.entry("conditions").or_insert(json!([]));
        if let Some(conditions) = conditions.as_array_mut() {
            set_condition(conditions, condition.clone(), &now);
        }
    })?;
    Ok((!disrupted.is_empty()).then_some(EVICTION))
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// How many Pods there should be, and how many of them must be healthy.
fn expectation(cx: &Context, budget: &Json, pods: &[Arc<Json>]) -> (i64, i64) {
    let (least, most) = (&budget["spec"]["minAvailable"], &budget["spec"]["maxUnavailable"]);
    if most.is_null() && least.is_i64() {
        return (number(pods.len()), least.as_i64().unwrap_or(0));
    }
    // A percentage is one of what the Pods' controllers ask for.
    let mut asked: BTreeMap<String, i64> = BTreeMap::new();
    for pod in pods {
        let Some(owner) = controller(pod) else { continue };
        let Ok(set) = cx.api.get(REPLICA_SETS, namespace(pod), text(owner, "/name")) else { continue };
        let deployment = controller(&set)
            .and_then(|owner| cx.api.get(DEPLOYMENTS, namespace(pod), text(owner, "/name")).ok());
        let scaled = deployment.as_ref().unwrap_or(&set);
        asked.insert(uid(scaled).to_owned(), int(scaled, "/spec/replicas").unwrap_or(1));
    }
    let expected = asked.values().sum();
    let desired = if most.is_null() {
        part(least, expected, true).unwrap_or(0)
    } else {
        expected - part(most, expected, true).unwrap_or(0)
    };
    (expected, desired.max(0))
}

#[cfg(test)]
mod tests;
