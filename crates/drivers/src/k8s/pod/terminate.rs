//! Terminates Pods: chooses some, deletes them one after the other, and waits until their owners have noticed.
//!
//! What the user sees: the names of the deleted Pods. A Pod with a controller heals by itself; a Pod without one is armed with
//! its manifest, so that it can be created again. The DELETE names the Pod's UID, so that a namesake that came meanwhile is
//! not hit. Unlike the Toolkit, a Pod that is gone when its turn comes does not end the action: the others are deleted, and
//! only if none was left it fails. What it cannot do: tell whether a deleted Pod's process has ended.

use super::recreate::RecreatePod;
use super::select::{Chosen, Selection};
use crate::k8s::args::{Flag, Namespace, Number, Text, raised};
use crate::k8s::cluster::target::{PODS, Query};
use crate::k8s::cluster::{CallError, Cluster};
use crate::k8s::object::{controller, is_terminating, name, uid};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value as Json, json};
use squall_engine::{Act, Action, Failure, Look, Reach, Right, Spec, Stop};
use squall_experiment::Value;
use squall_experiment::check::{Nature, Returns};
use squall_experiment::event::Level;
use squall_experiment::python::{Order, compare};
use std::collections::BTreeSet;
use std::time::Duration;

/// How long owners may take to notice. A ReplicaSet's controller needs 7 to 37 ms.
const REACTION: Duration = Duration::from_millis(500);

/// Which Pods, and how.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    /// Which Pods, such as `app=web`; without it, all of the namespace.
    #[serde(default)]
    label_selector: Text,
    /// A regular expression, found anywhere in a Pod's name.
    #[serde(default)]
    name_pattern: Text,
    /// All of them, whatever `qty` says.
    #[serde(default = "Flag::off")]
    all: Flag,
    /// Which ones are left to chance, rather than the first ones.
    #[serde(default = "Flag::off")]
    rand: Flag,
    /// What `qty` counts: `fixed`, Pods, or `percentage`.
    #[serde(default = "fixed")]
    #[schemars(extend("enum" = ["fixed", "percentage"]))]
    mode: Text,
    /// How many, or which share in percent, rounded up.
    #[serde(default = "one")]
    #[schemars(extend("minimum" = 0))]
    qty: Number,
    /// How long the Pods may take to end, in seconds; negative leaves it to the Pod.
    #[serde(default = "own_grace")]
    grace_period: Number,
    /// Their namespace.
    #[serde(default)]
    ns: Namespace,
    /// Which ones come first: `alphabetic` or `oldest`.
    #[serde(default = "alphabetic")]
    #[schemars(extend("enum" = ["alphabetic", "oldest"]))]
    order: Text,
}
fn fixed() -> Text {
    "fixed".into()
}
fn alphabetic() -> Text {
    "alphabetic".into()
}
fn one() -> Number {
    1.into()
}
fn own_grace() -> Number {
    (-1).into()
}

/// Terminates Pods.
pub(crate) struct Terminate;

impl Action for Terminate {
    const SPEC: Spec = Spec {
        name: "k8s.pod.terminate",
        aliases: &["chaosk8s.pod.actions.terminate_pods"],
        summary: "Terminate Pods",
        docs: "Chooses Pods of a namespace by label, name or both, and deletes one, `qty`, a percentage or all of them. Returns \
               their names. What a controller owns, it replaces; a Pod without a controller can be put back, as a new Pod with \
               its old manifest. Ends when the owners have reacted, or after half a second.",
        example: "{label_selector: app=web, rand: true, ns: shop}",
        rights: &[
            Right { verbs: &["list", "delete"], group: "", resource: "pods" },
            Right { verbs: &["get", "create"], group: "", resource: "pods" },
        ],
        reach: Reach::Namespace,
        nature: Nature { lags: true, ..Nature::returning(Returns::List) },
        ..Spec::DEFAULT
    };
    type Args = Args;
    type Did = Vec<String>;

    async fn act(args: &Args, cx: &Act) -> Result<Vec<String>, Stop> {
        let selection = Selection {
            labels: args.label_selector.given(),
            name_pattern: args.name_pattern.given(),
            all: &args.all,
            rand: &args.rand,
            mode: &args.mode,
            qty: &args.qty,
            order: &args.order,
        };
        terminate(&selection, &args.grace_period, &args.ns.name(), cx).await
    }
}

/// Chooses Pods and terminates them.
pub(super) async fn terminate(
    selection: &Selection<'_>,
    grace: &Number,
    ns: &str,
    cx: &Act,
) -> Result<Vec<String>, Stop> {
    let cluster = Cluster::of(cx)?;
    let Chosen { found, chosen } = selection.choose(&cluster, cx, ns).await?;
    let mut options = json!({});
    if compare(&grace.0, Order::AtLeast, &Value::Int(0)).map_err(raised)? {
        options["gracePeriodSeconds"] = grace.0.to_json();
    }
    let mut deleted: Vec<String> = Vec::new();
    let mut owners: Vec<&str> = Vec::new();
    let mut gone: Option<CallError> = None;
    for pod in chosen.iter().map(|index| &found[*index]) {
        match delete(&cluster, cx, ns, pod, options.clone()).await {
            Ok(()) => {
                deleted.push(name(pod).to_owned());
                let owner = controller(pod).filter(|_| !is_terminating(pod));
                owners.extend(owner.and_then(|owner| owner["uid"].as_str()));
            }
            Err(Undeleted::Gone(error)) => {
                cx.note(Level::Debug, format!("Pod {ns}/{} was gone before it could be deleted", name(pod)));
                gone.get_or_insert(error);
            }
            Err(Undeleted::Stop(stop)) => return Err(with_names(stop, &deleted)),
        }
    }
    if let (Some(error), true) = (gone, deleted.is_empty()) {
        return Err(error.into());
    }
    if !owners.is_empty() {
        replaced(&cluster, cx, ns, selection.labels.as_deref(), &found, owners).await?;
    }
    Ok(deleted)
}

enum Undeleted {
    /// It ceased to exist before we could delete it.
    Gone(CallError),
    Stop(Stop),
}

async fn delete(
    cluster: &Cluster,
    cx: &Act,
    ns: &str,
    pod: &Json,
    mut options: Json,
) -> Result<(), Undeleted> {
    let target = PODS.within(ns).named(name(pod));
    let what = format!("Pod {ns}/{}", name(pod));
    let armed = match controller(pod) {
        _ if is_terminating(pod) => cx.arm_healed(what, "whoever had deleted it already".to_owned()).await,
        Some(owner) => {
            let text = |key: &str| owner[key].as_str().unwrap_or_default().to_owned();
            cx.arm_healed(what, format!("its {} {}", text("kind"), text("name"))).await
        }
        None => cx.arm(RecreatePod::new(cluster.reference().clone(), ns, pod)).await,
    };
    let armed = armed.map_err(Undeleted::Stop)?;
    if let Some(uid) = uid(pod) {
        options["preconditions"] = json!({ "uid": uid });
    }
    match cluster.delete(cx, &armed, &target, &options).await {
        Ok(()) => Ok(()),
        // 409: the name lives on, but it is another Pod.
        Err(error) if error.is_missing() || error.status() == Some(409) => {
            cx.disarm(armed);
            Err(Undeleted::Gone(error))
        }
        Err(error) => Err(Undeleted::Stop(error.into())),
    }
}

/// The names of what is deleted already must not be lost with the failure.
fn with_names(stop: Stop, deleted: &[String]) -> Stop {
    match stop {
        Stop::Failed(failure) if !deleted.is_empty() => {
            let hint = failure.hint.clone().unwrap_or_default();
            let names = format!("already deleted: {}", deleted.join(", "));
            let hint = if hint.is_empty() { names } else { format!("{hint}; {names}") };
            Stop::Failed(Failure { hint: Some(hint), ..failure })
        }
        stop => stop,
    }
}

/// Waits until each of these owners has a Pod that was not there before, once for each Pod it lost, or until it has had its
/// time. Lists only, for the right to watch is not one that the Toolkit needed.
async fn replaced(
    cluster: &Cluster,
    cx: &Look,
    ns: &str,
    labels: Option<&str>,
    before: &[Json],
    owners: Vec<&str>,
) -> Result<(), Stop> {
    let known: BTreeSet<&str> = before.iter().filter_map(uid).collect();
    let wait = async {
        let mut pause = Duration::from_millis(15);
        loop {
            cx.sleep(pause).await?;
            pause *= 2;
            let now = cluster.list(cx, &PODS.within(ns), &Query::labelled(labels)).await?;
            let mut missing = owners.clone();
            for pod in now.iter().filter(|pod| uid(pod).is_some_and(|uid| !known.contains(uid))) {
                let owner = controller(pod).and_then(|owner| owner["uid"].as_str());
                if let Some(index) = missing.iter().position(|its| Some(*its) == owner) {
                    missing.swap_remove(index);
                }
            }
            if missing.is_empty() {
                return Ok(());
            }
        }
    };
    match tokio::time::timeout(REACTION, wait).await {
        // The Pods are deleted: that the list failed now, or that nobody replaced them, is no failure of this action.
        Ok(Err(Stop::Cancelled)) => Err(Stop::Cancelled),
        Ok(_) | Err(_) => Ok(()),
    }
}
