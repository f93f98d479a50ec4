//! Whether a pattern is found in logs that were read before: a tolerance for the probe that reads them.

use crate::k8s::args::{Flag, Text, compiled, raised};
use schemars::JsonSchema;
use serde::Deserialize;
use squall_engine::{Failure, Look, Probe, Spec, Stop};
use squall_experiment::Value;
use squall_experiment::check::{Nature, Returns};
use squall_experiment::python::{Exception, type_name};

/// What to look for, and where.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    /// A regular expression, found anywhere in a log.
    pattern: Text,
    /// Whether every log must match, or one is enough.
    #[serde(default = "Flag::on")]
    all_containers: Flag,
    /// The logs: an object of name and text. As a tolerance, the probe's output.
    #[schemars(with = "std::collections::BTreeMap<String, String>")]
    #[serde(default, deserialize_with = "crate::k8s::args::plain")]
    value: Value,
}

/// Whether a pattern is found in logs.
pub(crate) struct LogsContain;

impl Probe for LogsContain {
    const SPEC: Spec = Spec {
        name: "k8s.pod.logs_contain",
        aliases: &["chaosk8s.pod.probes.should_be_found_in_logs"],
        summary: "Whether a pattern is found in logs",
        docs: "A tolerance for `k8s.pod.logs`: `value` is what that returned. `true` when each of the logs matches, or when one \
               does if `all_containers` is off.",
        example: "{pattern: started in, value: {web-1: started in 2 s}}",
        nature: Nature::returning(Returns::Boolean),
        ..Spec::DEFAULT
    };
    type Args = Args;
    type Seen = bool;

    async fn look(args: &Args, _: &Look) -> Result<bool, Stop> {
        if !args.value.is_truthy() {
            return Err(Failure::target("no logs to search from").into());
        }
        let pattern = compiled(&args.pattern.shown())?;
        let logs = args.value.as_object().ok_or_else(|| {
            raised(Exception::type_error(format!("'{}' object is not iterable", type_name(&args.value))))
        })?;
        let mut matched = 0;
        for log in logs.values() {
            let log = log.as_text().ok_or_else(|| {
                raised(Exception::type_error(format!(
                    "expected string or bytes-like object, got '{}'",
                    type_name(log)
                )))
            })?;
            let found = pattern.search(log).map_err(raised)?;
            matched += usize::from(found);
        }
        Ok(if args.all_containers.is_on() { matched == logs.len() } else { matched > 0 })
    }
}
