//! Pods: terminating them, counting them, looking at their phases, conditions and logs.
//!
//! One file per function, each under the Toolkit's name and ours. Here is what they share: how Pods are listed, and what the
//! Toolkit says of it in its log.

pub(crate) mod all_healthy;
pub(crate) mod count;
pub(crate) mod count_min;
pub(crate) mod delete;
pub(crate) mod in_conditions;
pub(crate) mod in_phase;
pub(crate) mod is_not_available;
pub(crate) mod logs;
pub(crate) mod logs_contain;
pub(crate) mod not_in_phase;
pub(crate) mod recreate;
pub(crate) mod select;
pub(crate) mod terminate;

use crate::k8s::cluster::target::{PODS, Query};
use crate::k8s::cluster::{CallError, Cluster};
use serde_json::Value as Json;
use squall_engine::spec::Right;
use squall_engine::{Failure, Look, Stop};
use squall_experiment::event::Level;

/// What every probe of Pods must be allowed to do.
pub(crate) const LIST: Right = Right { verbs: &["list"], group: "", resource: "pods" };

/// The Pods of a namespace that a label selector chooses, all of them without one.
async fn list(
    cluster: &Cluster,
    cx: &Look,
    ns: &str,
    selector: Option<&str>,
) -> Result<Vec<Json>, CallError> {
    let pods = cluster.list(cx, &PODS.within(ns), &Query::labelled(selector)).await?;
    let chosen = selector.map(|selector| format!(" matching label '{selector}'")).unwrap_or_default();
    cx.note(Level::Debug, format!("Found {} pods{chosen} in ns '{ns}'", pods.len()));
    Ok(pods)
}

/// What a probe says when its condition is not met: a failure, or `false` when the experiment asks for that.
fn unmet(cx: &Look, raises: bool, message: String) -> Result<bool, Stop> {
    if raises {
        return Err(Failure::target(message).into());
    }
    cx.note(Level::Debug, message);
    Ok(false)
}

/// Python's `SELECTOR.format(name=NAME)`, as far as a selector can need it.
fn filled(selector: &str, name: &str) -> String {
    selector.replace("{name}", name)
}

/// The log's line for a function that the Toolkit calls deprecated, letter for letter.
pub(crate) fn deprecated(cx: &Look, name: &str, instead: &str) {
    cx.note(
        Level::Warning,
        format!(
            "{name} function is DEPRECATED and will be removed in the next         releases, please use {instead} instead"
        ),
    );
}
