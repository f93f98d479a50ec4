//! Whether every chosen Pod is in a phase.

use super::{LIST, list, unmet};
use crate::k8s::args::{Flag, Namespace, Text};
use crate::k8s::cluster::Cluster;
use crate::k8s::object::phase;
use schemars::JsonSchema;
use serde::Deserialize;
use squall_engine::{Look, Probe, Spec, Stop};
use squall_experiment::check::{Nature, Returns};

/// Which Pods, which phase.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    /// Which Pods, such as `app=web`; empty means all of the namespace.
    label_selector: Text,
    /// The phase that all of them must be in.
    #[serde(default = "running")]
    #[schemars(extend("enum" = ["Pending", "Running", "Succeeded", "Failed", "Unknown"]))]
    phase: Text,
    /// Their namespace.
    #[serde(default)]
    ns: Namespace,
    /// Whether the probe fails when they are not, rather than returning `false`.
    #[serde(default = "Flag::on")]
    raise_on_invalid_phase: Flag,
}
fn running() -> Text {
    "Running".into()
}

/// Whether every chosen Pod is in a phase.
pub(crate) struct InPhase;

impl Probe for InPhase {
    const SPEC: Spec = Spec {
        name: "k8s.pod.in_phase",
        aliases: &["chaosk8s.pod.probes.pods_in_phase"],
        summary: "Whether all Pods are in a phase",
        docs: "Returns `true` when there are such Pods and each of them is in the phase, `Running` unless said otherwise; else it \
               fails, or returns `false` when `raise_on_invalid_phase` is off.",
        example: "{label_selector: app=web, phase: Running, ns: shop}",
        rights: &[LIST],
        nature: Nature::returning(Returns::Boolean),
        ..Spec::DEFAULT
    };
    type Args = Args;
    type Seen = bool;

    async fn look(args: &Args, cx: &Look) -> Result<bool, Stop> {
        let raises = args.raise_on_invalid_phase.is_on();
        let cluster = Cluster::of(cx)?;
        let pods = list(&cluster, cx, &args.ns.name(), args.label_selector.given().as_deref()).await?;
        let selector = args.label_selector.shown();
        if pods.is_empty() {
            return unmet(cx, raises, format!("no pods '{selector}' were found"));
        }
        let wanted = args.phase.shown();
        match pods.iter().map(|pod| phase(pod).unwrap_or("None")).find(|its| *its != wanted) {
            None => Ok(true),
            Some(its) => {
                unmet(cx, raises, format!("pod '{selector}' is in phase '{its}' but should be '{wanted}'"))
            }
        }
    }
}
