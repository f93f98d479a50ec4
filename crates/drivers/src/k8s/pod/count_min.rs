//! Whether enough Pods are in a phase.

use super::{LIST, count, list};
use crate::k8s::args::{Namespace, Number, Text, raised};
use crate::k8s::cluster::Cluster;
use schemars::JsonSchema;
use serde::Deserialize;
use squall_engine::{Look, Probe, Spec, Stop};
use squall_experiment::Value;
use squall_experiment::check::{Nature, Returns};
use squall_experiment::python::{Order, compare};

/// Which Pods, and how many.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    /// Which Pods, such as `app=web`; empty means all of the namespace.
    label_selector: Text,
    /// The phase that counts.
    #[serde(default = "running")]
    phase: Text,
    /// How many there must be at least.
    #[serde(default = "two")]
    min_count: Number,
    /// Their namespace.
    #[serde(default)]
    ns: Namespace,
}
fn running() -> Text {
    "Running".into()
}
fn two() -> Number {
    2.into()
}

/// Whether enough Pods are in a phase.
pub(crate) struct CountMin;

impl Probe for CountMin {
    const SPEC: Spec = Spec {
        name: "k8s.pod.count_min",
        aliases: &["chaosk8s.pod.probes.count_min_pods"],
        summary: "Whether there are enough Pods in a phase",
        docs: "Counts the chosen Pods that are in the phase, `Running` unless said otherwise, and returns whether they are at \
               least `min_count`, 2 unless said otherwise.",
        example: "{label_selector: app=web, min_count: 3, ns: shop}",
        rights: &[LIST],
        nature: Nature::returning(Returns::Boolean),
        ..Spec::DEFAULT
    };
    type Args = Args;
    type Seen = bool;

    async fn look(args: &Args, cx: &Look) -> Result<bool, Stop> {
        let cluster = Cluster::of(cx)?;
        let pods = list(&cluster, cx, &args.ns.name(), args.label_selector.given().as_deref()).await?;
        let number = count::number(&pods, args.phase.given().as_deref());
        let number = Value::Int(i64::try_from(number).unwrap_or(i64::MAX));
        Ok(compare(&number, Order::AtLeast, &args.min_count.0).map_err(raised)?)
    }
}
