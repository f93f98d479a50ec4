//! Whether no Pod of a name is running.

use super::{LIST, filled, list, unmet};
use crate::k8s::args::{Flag, Namespace, Text};
use crate::k8s::cluster::Cluster;
use crate::k8s::object::phase;
use schemars::JsonSchema;
use serde::Deserialize;
use squall_engine::{Look, Probe, Spec, Stop};
use squall_experiment::check::{Nature, Returns};

/// Which Pods.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    /// The value of the Pods' label `name`.
    name: Text,
    /// Their namespace.
    #[serde(default)]
    ns: Namespace,
    /// Which Pods; `{name}` stands for the name.
    #[serde(default = "by_name")]
    label_selector: Text,
    /// Whether the probe fails when one is running, rather than returning `false`.
    #[serde(default = "Flag::on")]
    raise_on_is_available: Flag,
}
pub(super) fn by_name() -> Text {
    "name in ({name})".into()
}

/// Whether no Pod of a name is running.
pub(crate) struct IsNotAvailable;

impl Probe for IsNotAvailable {
    const SPEC: Spec = Spec {
        name: "k8s.pod.is_not_available",
        aliases: &["chaosk8s.pod.probes.pod_is_not_available", "chaosk8s.probes.pod_is_not_available"],
        summary: "Whether no Pod of a name is running",
        docs: "Returns `true` when none of the chosen Pods is in phase `Running`, also when there are none; else it fails, or \
               returns `false` when `raise_on_is_available` is off. The name is that of the label `name`, unless \
               `label_selector` says otherwise.",
        example: "{name: web, ns: shop}",
        rights: &[LIST],
        nature: Nature::returning(Returns::Boolean),
        ..Spec::DEFAULT
    };
    type Args = Args;
    type Seen = bool;

    async fn look(args: &Args, cx: &Look) -> Result<bool, Stop> {
        let name = args.name.shown();
        let selector = args.label_selector.given().map(|selector| filled(&selector, &name));
        let cluster = Cluster::of(cx)?;
        let pods = list(&cluster, cx, &args.ns.name(), selector.as_deref()).await?;
        if pods.iter().any(|pod| phase(pod) == Some("Running")) {
            return unmet(
                cx,
                args.raise_on_is_available.is_on(),
                format!("pod '{name}' is actually running"),
            );
        }
        Ok(true)
    }
}
