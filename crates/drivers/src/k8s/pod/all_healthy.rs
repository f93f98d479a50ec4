//! Whether every Pod of a namespace runs or has done its work.
//!
//! Only phases are looked at, as in the Toolkit: a Pod that runs but is not ready is healthy. Unlike the Toolkit's, the hint
//! of the failure names the Pods that are not.

use super::{LIST, deprecated, list};
use crate::k8s::args::{Flag, Namespace};
use crate::k8s::cluster::Cluster;
use crate::k8s::object::{name, phase};
use schemars::JsonSchema;
use serde::Deserialize;
use squall_engine::{Failure, Look, Probe, Spec, Stop};
use squall_experiment::check::{Nature, Returns};
use squall_experiment::event::Level;

/// Where.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    /// The namespace.
    #[serde(default)]
    ns: Namespace,
    /// Whether the probe fails when one is unhealthy, rather than returning `false`.
    #[serde(default = "Flag::on")]
    raise_on_any_unhealthy: Flag,
}

/// Whether every Pod of a namespace is healthy.
pub(crate) struct AllHealthy;

impl Probe for AllHealthy {
    const SPEC: Spec = Spec {
        name: "k8s.pod.all_healthy",
        aliases: &["chaosk8s.pod.probes.all_pods_healthy", "chaosk8s.probes.all_pods_healthy"],
        summary: "Whether all Pods of a namespace are healthy",
        docs: "Returns `true` when every Pod of the namespace is in phase `Running` or `Succeeded`, also when there are none; else \
               it fails, or returns `false` when `raise_on_any_unhealthy` is off. Readiness and restarts are not looked at.",
        example: "{ns: shop}",
        rights: &[LIST],
        nature: Nature::returning(Returns::Boolean),
        ..Spec::DEFAULT
    };
    type Args = Args;
    type Seen = bool;

    async fn look(args: &Args, cx: &Look) -> Result<bool, Stop> {
        look(&args.ns, args.raise_on_any_unhealthy.is_on(), cx).await
    }
}

/// Where.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LegacyArgs {
    /// The namespace.
    #[serde(default)]
    ns: Namespace,
}

/// The same under its old name, which always fails when it is not so.
pub(crate) struct AllMicroservicesHealthy;

impl Probe for AllMicroservicesHealthy {
    const SPEC: Spec = Spec {
        name: "k8s.legacy.all_microservices_healthy",
        aliases: &["chaosk8s.probes.all_microservices_healthy"],
        summary: "Whether all Pods of a namespace are healthy (old name)",
        docs: "As `k8s.pod.all_healthy`, which is to be used instead.",
        example: "{ns: shop}",
        rights: &[LIST],
        deprecated: Some("k8s.pod.all_healthy"),
        nature: Nature::returning(Returns::Boolean),
        ..Spec::DEFAULT
    };
    type Args = LegacyArgs;
    type Seen = bool;

    async fn look(args: &LegacyArgs, cx: &Look) -> Result<bool, Stop> {
        deprecated(cx, "all_microservices_healthy", "all_pods_healthy");
        look(&args.ns, true, cx).await
    }
}

async fn look(ns: &Namespace, raises: bool, cx: &Look) -> Result<bool, Stop> {
    let cluster = Cluster::of(cx)?;
    let pods = list(&cluster, cx, &ns.name(), None).await?;
    let unhealthy: Vec<String> = pods
        .iter()
        .filter(|pod| !matches!(phase(pod), Some("Running" | "Succeeded")))
        .map(|pod| format!("{} is {}", name(pod), phase(pod).unwrap_or("of no phase")))
        .collect();
    if unhealthy.is_empty() {
        return Ok(true);
    }
    let message = "the system is unhealthy";
    if raises {
        return Err(Failure::target(message).hint(unhealthy.join(", ")).into());
    }
    cx.note(Level::Debug, format!("{message}: {}", unhealthy.join(", ")));
    Ok(false)
}
