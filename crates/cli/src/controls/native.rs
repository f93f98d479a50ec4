//! Controls of our own: shown what they are called about.

use super::Backstage;
use squall_engine::Failure;
use squall_engine::control::{Aside, Call, ControlEntry, Happening, Hook, Subject, Unhooked};
use squall_experiment::Value;
use squall_experiment::event::{Place, Side};

/// Calls one.
pub(super) async fn call(
    backstage: &Backstage,
    entry: &ControlEntry,
    call: &Call<'_>,
) -> Result<(), Unhooked> {
    let control = (entry.bind)(call.arguments.to_json())
        .map_err(|error| Failure::experiment(format!("{}: {error}", entry.spec.name)).class("TypeError"))?;
    let happening = Happening {
        hook: call.hook,
        control: call.name(),
        context: context(backstage, call),
        state: state(backstage, call),
    };
    let aside = Aside { environment: &backstage.environment, now: call.now };
    control.hook(&happening, &aside).await
}

/// What it is called about. What nobody is to be told is not told here either.
fn context(backstage: &Backstage, call: &Call<'_>) -> Value {
    let experiment = || call.experiment.map_or(Value::Null, |experiment| experiment.document.clone().into());
    match call.subject {
        Subject::Source(source, _) => Value::from(crate::source::shown(source).as_str()),
        Subject::Run | Subject::Method | Subject::Rollbacks => backstage.redactor.experiment(experiment()),
        Subject::Hypothesis(_) => {
            let hypothesis = experiment().get("steady-state-hypothesis").cloned().unwrap_or_default();
            backstage.redactor.value(hypothesis)
        }
        Subject::Activity { activity, .. } => backstage.redactor.value(activity.clone()),
    }
}

/// What came of it.
fn state(backstage: &Backstage, call: &Call<'_>) -> Value {
    let Hook::Turn(_, Side::After) = call.hook else { return Value::Null };
    let kept = backstage.kept();
    match call.subject {
        Subject::Source(_, document) => {
            document.map_or(Value::Null, |document| backstage.redactor.experiment(document.clone()))
        }
        Subject::Run => kept.journal(),
        Subject::Method => kept.runs(Place::Method),
        Subject::Rollbacks => kept.runs(Place::Rollbacks),
        Subject::Activity { record, .. } => {
            record.and_then(|id| kept.record(id)).map_or(Value::Null, Value::Object)
        }
        Subject::Hypothesis(phase) => kept.look(phase),
    }
}
