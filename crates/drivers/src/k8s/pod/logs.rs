//! Reads the logs of Pods.
//!
//! What the user sees: an object of Pod name and text, each line with its time. As in the Toolkit the Pods are chosen by their
//! label `name`, unless `label_selector` says otherwise.

use super::{LIST, filled, is_not_available, list};
use crate::k8s::args::{Flag, Namespace, Text, raised};
use crate::k8s::cluster::Cluster;
use crate::k8s::cluster::target::{PODS, Query};
use crate::k8s::object::name;
use crate::k8s::past::seconds_since;
use schemars::JsonSchema;
use serde::Deserialize;
use squall_engine::{Look, Probe, Right, Spec, Stop};
use squall_experiment::check::{Nature, Returns};
use squall_experiment::python::{Exception, type_name};
use squall_experiment::{Object, Value};

/// Whose logs, and how much of them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    /// The value of the Pods' label `name`.
    #[serde(default)]
    name: Text,
    /// Since when: `10 minutes`, `2 hours ago`, `yesterday`, `2026-11-20 17:00`.
    #[serde(default)]
    last: Option<Text>,
    /// Their namespace.
    #[serde(default)]
    ns: Namespace,
    /// Whether the logs are those of the container before its last restart.
    #[serde(default = "Flag::off")]
    from_previous: Flag,
    /// Which Pods; `{name}` stands for the name.
    #[serde(default = "is_not_available::by_name")]
    label_selector: Text,
    /// Which container, in Pods that have several.
    #[serde(default)]
    container_name: Text,
}

/// Reads the logs of Pods.
pub(crate) struct Logs;

impl Probe for Logs {
    const SPEC: Spec = Spec {
        name: "k8s.pod.logs",
        aliases: &[
            "chaosk8s.pod.probes.read_pod_logs",
            "chaosk8s.probes.read_pod_logs",
            "chaosk8s.probes.read_microservices_logs",
        ],
        summary: "The logs of Pods",
        docs: "Reads the logs of each chosen Pod and returns an object of Pod name and text, each line with its time.",
        example: "{name: web, last: 10 minutes, ns: shop}",
        rights: &[LIST, Right { verbs: &["get"], group: "", resource: "pods/log" }],
        nature: Nature::returning(Returns::Map),
        ..Spec::DEFAULT
    };
    type Args = Args;
    type Seen = Value;

    async fn look(args: &Args, cx: &Look) -> Result<Value, Stop> {
        let ns = args.ns.name();
        let selector = args.label_selector.given().map(|selector| filled(&selector, &args.name.shown()));
        let cluster = Cluster::of(cx)?;
        let pods = list(&cluster, cx, &ns, selector.as_deref()).await?;
        let python = |flag: bool| if flag { "True" } else { "False" };
        let mut query = Query::default()
            .with("container", args.container_name.given().unwrap_or_default())
            .with("follow", python(false))
            .with("previous", python(args.from_previous.is_on()))
            .with("timestamps", python(true));
        if let Some(given) = &args.last
            && let Some(last) = given.given()
        {
            let since = seconds_since(&last, cx.now()).ok_or_else(|| {
                let text = "unsupported operand type(s) for -: 'datetime.datetime' and 'NoneType'";
                raised(Exception::type_error(text)).hint(format!(
                    "`last: {last}` ({}) is no time that is understood: write `10 minutes`, `2 hours ago` or a date",
                    type_name(&given.0)
                ))
            })?;
            if since != 0 {
                query = query.with("sinceSeconds", since.to_string());
            }
        }
        let mut logs = Object::default();
        for pod in &pods {
            let target = PODS.within(&ns).named(name(pod)).part("log");
            logs.insert(name(pod).to_owned(), Value::Text(cluster.text(cx, &target, &query).await?));
        }
        Ok(Value::Object(logs))
    }
}
