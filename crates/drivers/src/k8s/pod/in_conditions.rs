//! Whether every chosen Pod has certain conditions.
//!
//! A given condition must equal type and status of one of the Pod's conditions as a whole, so a further key never matches.

use super::{LIST, list, unmet};
use crate::k8s::args::{Flag, Namespace, Text, raised};
use crate::k8s::cluster::Cluster;
use crate::k8s::object;
use schemars::JsonSchema;
use serde::Deserialize;
use squall_engine::{Look, Probe, Spec, Stop};
use squall_experiment::Value;
use squall_experiment::check::{Nature, Returns};
use squall_experiment::python::{Exception, equals, repr_of, type_name};

/// Which Pods, which conditions.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    /// Which Pods, such as `app=web`; empty means all of the namespace.
    label_selector: Text,
    /// The conditions that each Pod must have: objects of `type` and `status`, both text.
    #[schemars(with = "Vec<std::collections::BTreeMap<String, String>>")]
    #[serde(deserialize_with = "crate::k8s::args::plain")]
    conditions: Value,
    /// Their namespace.
    #[serde(default)]
    ns: Namespace,
    /// Whether the probe fails when one has not, rather than returning `false`.
    #[serde(default = "Flag::on")]
    raise_on_invalid_conditions: Flag,
}

/// Whether every chosen Pod has certain conditions.
pub(crate) struct InConditions;

impl Probe for InConditions {
    const SPEC: Spec = Spec {
        name: "k8s.pod.in_conditions",
        aliases: &["chaosk8s.pod.probes.pods_in_conditions"],
        summary: "Whether all Pods have certain conditions",
        docs: "Returns `true` when there are such Pods and each of them has each of the conditions, such as \
               `{type: Ready, status: \"True\"}`; else it fails, or returns `false` when `raise_on_invalid_conditions` is off. \
               The status is text: a YAML `True` without quotes never matches.",
        example: "{label_selector: app=web, conditions: [{type: Ready, status: \"True\"}], ns: shop}",
        rights: &[LIST],
        nature: Nature::returning(Returns::Boolean),
        ..Spec::DEFAULT
    };
    type Args = Args;
    type Seen = bool;

    async fn look(args: &Args, cx: &Look) -> Result<bool, Stop> {
        let raises = args.raise_on_invalid_conditions.is_on();
        let cluster = Cluster::of(cx)?;
        let pods = list(&cluster, cx, &args.ns.name(), args.label_selector.given().as_deref()).await?;
        if pods.is_empty() {
            return unmet(cx, raises, format!("no pods '{}' were found", args.label_selector.shown()));
        }
        let not_iterable = |value: &Value| {
            raised(Exception::type_error(format!("'{}' object is not iterable", type_name(value))))
        };
        for pod in &pods {
            let Some(its) = pod["status"]["conditions"].as_array() else {
                return Err(not_iterable(&Value::Null).into());
            };
            let its: Vec<Value> = its.iter().map(type_and_status).collect();
            let wanted = args.conditions.as_list().ok_or_else(|| not_iterable(&args.conditions))?;
            if let Some(missing) = wanted.iter().find(|wanted| !its.iter().any(|its| equals(wanted, its))) {
                let message = format!(
                    "pod {} does not match the following given condition: {}",
                    object::name(pod),
                    repr_of(missing)
                );
                return unmet(cx, raises, message);
            }
        }
        Ok(true)
    }
}

fn type_and_status(condition: &serde_json::Value) -> Value {
    let member = |key: &str| (key.to_owned(), Value::from_json(condition[key].clone()));
    Value::Object([member("type"), member("status")].into_iter().collect())
}
