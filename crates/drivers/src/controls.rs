//! Controls of our own: what is told of every step of a run, and can end it.
//!
//! Invariant: they change neither the run nor the system under test, and hold nobody up for longer than their `timeout`. A run
//! goes on without a control that fails, unless its arguments say `interrupt_on_failure`.

pub(crate) mod program;
pub(crate) mod webhook;

use squall_engine::Failure;
use squall_engine::control::{Happening, Hook, Unhooked};
use squall_experiment::json::{self, Style};
use squall_experiment::{Object, Value};
use std::time::Duration;

/// Whether it is told of a hook: of those that are asked for, else of every turn of the run.
fn wants(hooks: Option<&Vec<String>>, hook: Hook) -> bool {
    match hooks {
        Some(hooks) => hooks.iter().any(|wanted| {
            let function = hook.function();
            wanted == function || function.strip_suffix("_control") == Some(wanted)
        }),
        None => matches!(hook, Hook::Turn(..)),
    }
}

/// What is told, as one line of JSON.
fn told(happening: &Happening) -> String {
    let members: [(&str, Value); 4] = [
        ("hook", happening.hook.function().into()),
        ("control", happening.control.as_str().into()),
        ("context", happening.context.clone()),
        ("state", happening.state.clone()),
    ];
    let object: Object = members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    json::to_string(&Value::Object(object), &Style::LINE)
}

/// The time that it has.
fn limit(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX)
}

/// What a failure is for the run.
fn failed(control: &str, failure: Failure, interrupt: bool) -> Unhooked {
    match interrupt {
        true => Unhooked::Interrupted(format!("control '{control}': {}", failure.what)),
        false => Unhooked::Failed(failure),
    }
}
