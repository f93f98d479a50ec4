//! Whether no chosen Pod is in a phase.

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
    /// The phase that none of them may be in.
    #[serde(default = "running")]
    #[schemars(extend("enum" = ["Pending", "Running", "Succeeded", "Failed", "Unknown"]))]
    phase: Text,
    /// Their namespace.
    #[serde(default)]
    ns: Namespace,
    /// Whether the probe fails when one is, rather than returning `false`.
    #[serde(default = "Flag::on")]
    raise_on_in_phase: Flag,
}
fn running() -> Text {
    "Running".into()
}

/// Whether no chosen Pod is in a phase.
pub(crate) struct NotInPhase;

impl Probe for NotInPhase {
    const SPEC: Spec = Spec {
        name: "k8s.pod.not_in_phase",
        aliases: &["chaosk8s.pod.probes.pods_not_in_phase"],
        summary: "Whether no Pod is in a phase",
        docs: "Returns `true` when there are such Pods and none of them is in the phase, `Running` unless said otherwise; else \
               it fails, or returns `false` when `raise_on_in_phase` is off.",
        example: "{label_selector: app=web, phase: Failed, ns: shop}",
        rights: &[LIST],
        nature: Nature::returning(Returns::Boolean),
        ..Spec::DEFAULT
    };
    type Args = Args;
    type Seen = bool;

    async fn look(args: &Args, cx: &Look) -> Result<bool, Stop> {
        let raises = args.raise_on_in_phase.is_on();
        let cluster = Cluster::of(cx)?;
        let pods = list(&cluster, cx, &args.ns.name(), args.label_selector.given().as_deref()).await?;
        let selector = args.label_selector.shown();
        if pods.is_empty() {
            return unmet(cx, raises, format!("no pods '{selector}' were found"));
        }
        let unwanted = args.phase.shown();
        if pods.iter().any(|pod| phase(pod) == Some(unwanted.as_str())) {
            return unmet(cx, raises, format!("pod '{selector}' should not be in phase '{unwanted}'"));
        }
        Ok(true)
    }
}
