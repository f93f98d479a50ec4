//! Counts the Pods that a label selector chooses.
//!
//! Pods that are being terminated count too, as in the Toolkit: a Pod that was just deleted is still there.

use super::{LIST, list};
use crate::k8s::args::{Namespace, Text};
use crate::k8s::cluster::Cluster;
use crate::k8s::object::phase;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;
use squall_engine::{Look, Probe, Spec, Stop};
use squall_experiment::check::{Nature, Returns};

/// Which Pods.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    /// Which Pods, such as `app=web`; empty means all of the namespace.
    pub(crate) label_selector: Text,
    /// Only those in this phase: `Running`, `Pending`, …
    #[serde(default)]
    #[schemars(extend("enum" = ["", "Pending", "Running", "Succeeded", "Failed", "Unknown"]))]
    phase: Text,
    /// Their namespace.
    #[serde(default)]
    ns: Namespace,
}

/// Counts Pods.
pub(crate) struct Count;

impl Probe for Count {
    const SPEC: Spec = Spec {
        name: "k8s.pod.count",
        aliases: &["chaosk8s.pod.probes.count_pods"],
        summary: "How many Pods there are",
        docs: "Lists the Pods of a namespace that a label selector chooses and returns their number, of any phase or of one. \
               Pods that are being terminated count too.",
        example: "{label_selector: app=web, ns: shop}",
        rights: &[LIST],
        nature: Nature::returning(Returns::COUNT),
        ..Spec::DEFAULT
    };
    type Args = Args;
    type Seen = usize;

    async fn look(args: &Args, cx: &Look) -> Result<usize, Stop> {
        let cluster = Cluster::of(cx)?;
        let pods = list(&cluster, cx, &args.ns.name(), args.label_selector.given().as_deref()).await?;
        Ok(number(&pods, args.phase.given().as_deref()))
    }
}

/// How many of them are in the phase, or how many there are.
pub(super) fn number(pods: &[Json], wanted: Option<&str>) -> usize {
    match wanted {
        None => pods.len(),
        Some(wanted) => pods.iter().filter(|pod| phase(pod) == Some(wanted)).count(),
    }
}
