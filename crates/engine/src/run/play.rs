//! The life of one activity: pauses, its record, its provider, its ending.
//!
//! Invariant: whatever happens, an activity whose start was told has its end told too, unless it ran in the background and
//! was stopped. Patterns are filled in here, at the last moment; the record shows the activity as declared.

use super::cast::{Cast, Cue, Interrupted};
use crate::activity::{Declared, Look};
use crate::control::Subject;
use crate::failure::{Failure, Stop};
use crate::foreign::{Call, Unreturned};
use crate::spec::{Bound, Entry, Lookup, Shape};
use crate::stage::Stage;
use squall_experiment::event::{ActivityId, Around, Ending, Event, Level, Phase, Place, Side};
use squall_experiment::substitute::{Scope, substitute};
use squall_experiment::{Object, Value, document, python, resolve};
use std::sync::Arc;
use std::time::Duration;

/// How an activity came out, for what is played next.
pub(crate) enum Played {
    /// With an output.
    Succeeded(ActivityId, Value),
    /// It failed, and the run goes on.
    Failed(ActivityId),
    /// A stop was requested.
    Interrupted,
    /// An error that is no activity's failure.
    Broke(Option<ActivityId>, Failure),
}

/// Plays an entry of a list of activities, an activity or a reference to one, between the controls of its turn.
pub(crate) async fn play(cast: &Cast<'_>, stage: &Stage, cue: &Cue) -> Played {
    let entry = cue.entry();
    let background = document::is_background(entry);
    let (activity, at) = match referenced(cue) {
        Ok(referenced) => referenced,
        Err(failure) => return Played::Broke(None, failure),
    };
    if !cast.is_controlled() {
        return between(cast, stage, activity, cue.place, background).await;
    }
    let play = cast.next_play();
    let subject = Subject::Activity { play, activity, at, record: None };
    let before = cast.turn(stage, Around::Activity, Side::Before, subject).await;
    let changed = before.as_ref().ok().and_then(|changes| changes.activity.as_ref());
    let activity = changed.unwrap_or(activity);
    let played = match &before {
        Ok(_) => between(cast, stage, activity, cue.place, background).await,
        Err(Interrupted) => Played::Interrupted,
    };
    let record = match &played {
        Played::Succeeded(id, _) | Played::Failed(id) => Some(*id),
        Played::Interrupted | Played::Broke(..) => None,
    };
    let subject = Subject::Activity { play, activity, at, record };
    match cast.turn(stage, Around::Activity, Side::After, subject).await {
        Ok(changes) => changes.records.into_iter().fold(played, rewritten),
        Err(Interrupted) => Played::Interrupted,
    }
}

/// How an activity came out according to its record, which a control changed.
fn rewritten(played: Played, (of, record): (ActivityId, Object)) -> Played {
    match played {
        Played::Succeeded(id, _) | Played::Failed(id) if id == of => match record.get("status") {
            Some(Value::Text(status)) if status == "failed" => Played::Failed(id),
            _ => Played::Succeeded(id, record.get("output").cloned().unwrap_or(Value::Null)),
        },
        played => played,
    }
}

/// Plays an activity with its pauses.
async fn between(cast: &Cast<'_>, stage: &Stage, activity: &Value, place: Place, background: bool) -> Played {
    match pause(cast, stage, activity, Side::Before).await {
        Ok(()) => {}
        Err(Stop::Cancelled) => return Played::Interrupted,
        Err(Stop::Failed(failure) | Stop::Fatal(failure)) => return Played::Broke(None, failure),
    }
    if stage.stopping().is_requested() {
        return Played::Interrupted;
    }
    let id = stage.story.next_activity();
    stage.story.tell(Event::ActivityStarted { id, place, activity: activity.clone(), background });
    cast.told(stage).await;
    let end = |ending| stage.story.tell(Event::ActivityEnded { id, ending });
    let beside = background || place == Place::Hypothesis(Phase::During);
    let performed = match cast.options.leaves_out(activity) {
        true => {
            // Nothing is waited for, so what was told would pile up until the last activity.
            tokio::task::yield_now().await;
            Ok(Value::Null)
        }
        false => perform(cast, stage, activity, Some(id), beside).await,
    };
    let played = match performed {
        Ok(output) => {
            end(Ending::Succeeded { output: output.clone() });
            Played::Succeeded(id, output)
        }
        Err(Stop::Failed(failure)) => {
            let message = shown(activity, &failure);
            let Failure { blame, hint, traceback, .. } = failure;
            end(Ending::Failed { message, blame, hint, traceback });
            Played::Failed(id)
        }
        Err(Stop::Cancelled) => {
            if !background {
                end(Ending::Interrupted);
            }
            return Played::Interrupted;
        }
        // Nobody waits for what runs in the background, so it cannot end anything: it failed, and says so.
        Err(Stop::Fatal(failure)) if background => {
            let message = failure.classed();
            let Failure { blame, hint, traceback, .. } = failure;
            end(Ending::Failed { message, blame, hint, traceback });
            Played::Failed(id)
        }
        Err(Stop::Fatal(failure)) => {
            end(Ending::Interrupted);
            return Played::Broke(Some(id), failure);
        }
    };
    cast.told(stage).await;
    match pause(cast, stage, activity, Side::After).await {
        Ok(()) => played,
        Err(Stop::Cancelled) => Played::Interrupted,
        Err(Stop::Failed(failure) | Stop::Fatal(failure)) => Played::Broke(Some(id), failure),
    }
}

/// The activity that an entry means, itself or the one that it refers to, and where that stands.
pub(super) fn referenced(cue: &Cue) -> Result<(&Value, (Place, usize)), Failure> {
    let entry = cue.entry();
    match entry.get("ref").filter(|name| !name.is_null()) {
        None => Ok((entry, (cue.place, cue.index))),
        Some(name) => name.as_text().and_then(|name| cue.referenced(name)).ok_or_else(|| {
            Failure::experiment(format!("could not find referenced activity '{}'", python::str_of(name)))
        }),
    }
}

/// Does what an activity says, without a record of its own, and in dry modes too: what judges and dynamic configuration need.
pub(crate) async fn perform(
    cast: &Cast<'_>,
    stage: &Stage,
    activity: &Value,
    id: Option<ActivityId>,
    beside: bool,
) -> Result<Value, Stop> {
    let inherits = inherits(cast, activity);
    let step = stage.begin();
    let step = Arc::new(if inherits { step } else { step.close() });
    let scope = cast.scope();
    let means = bind(cast, stage, &scope, activity)?;
    let provider = activity.get("provider");
    let secrets = provider.and_then(|provider| provider.get("secrets")).map(|targets| {
        let names = targets.as_list().unwrap_or_default().iter().filter_map(Value::as_text);
        resolve::merged_secrets(&scope.secrets, names)
    });
    let mut look = stage.look(Arc::new(scope.configuration.clone()), secrets.clone().unwrap_or_default(), id);
    look.declared = Declared {
        name: document::name(activity).map_or_else(|| "None".to_owned(), python::str_of),
        is_probe: is_probe(activity),
    };
    let (entry, bound) = match means {
        Means::Ours(entry, bound) => (entry, bound),
        Means::Foreign(arguments) => {
            return called(stage, activity, &arguments, secrets.as_ref(), beside, &look).await;
        }
    };
    look.step = inherits.then(|| step.clone());
    let output = stage.play(&bound, look).await?;
    if activity.get("tolerance").is_none()
        && let Some(odd) = entry.spec.odd.and_then(|odd| odd(&output))
    {
        stage.story.tell(Event::Noted { level: Level::Warning, text: odd.to_owned() });
    }
    Ok(output)
}

/// Whether an activity is a probe that takes what the one before left.
fn inherits(cast: &Cast<'_>, activity: &Value) -> bool {
    let kind = activity.get("provider").and_then(|provider| provider.get("type")).and_then(Value::as_text);
    is_probe(activity)
        && kind.and_then(|kind| cast.catalog.provider(kind)).is_some_and(|entry| entry.spec.inherits)
}

fn is_probe(activity: &Value) -> bool {
    activity.get("type").and_then(Value::as_text) == Some("probe")
}

/// What serves an activity.
enum Means {
    /// A line of the catalogue, with its arguments.
    Ours(&'static Entry, Bound),
    /// A function that the catalogue does not have, with its arguments.
    Foreign(Object),
}

/// Calls a foreign function.
async fn called(
    stage: &Stage,
    activity: &Value,
    arguments: &Object,
    secrets: Option<&Object>,
    beside: bool,
    look: &Look,
) -> Result<Value, Stop> {
    let provider = activity.get("provider");
    let text = |key: &str| provider.and_then(|provider| provider.get(key)).and_then(Value::as_text);
    let (module, func) = (text("module").unwrap_or_default(), text("func").unwrap_or_default());
    let name = document::name(activity).map_or_else(|| "None".to_owned(), python::str_of);
    let Some(foreign) = stage.foreign() else {
        let what = format!("could not find Python module '{module}' in activity '{name}'");
        return Err(Stop::Fatal(
            Failure::experiment(what).hint("`chaos info extensions` lists what is built in"),
        ));
    };
    // What it logs is to follow what was said of it.
    stage.story.caught_up().await;
    let call = Call { module, func, arguments, secrets, beside, activity: &name, look };
    match foreign.call(call).await {
        Ok(output) => crate::activity::bounded(output),
        Err(Unreturned::Stop(stop)) => Err(stop),
        Err(Unreturned::Exit(signal)) => {
            // The same request may have come as a real signal meanwhile.
            if !stage.stopping().is_requested() {
                stage.request_stop(signal);
            }
            Err(Stop::Cancelled)
        }
    }
}

/// Finds what serves an activity and reads its arguments.
fn bind(cast: &Cast<'_>, stage: &Stage, scope: &Scope, activity: &Value) -> Result<Means, Stop> {
    let none = Object::default();
    let provider = activity.get("provider").and_then(Value::as_object).unwrap_or(&none);
    let text = |key: &str| provider.get(key).and_then(Value::as_text);
    let kind = text("type").unwrap_or_default();
    if kind != "python" {
        let entry = cast.catalog.provider(kind).ok_or_else(|| {
            let kind = provider.get("type").map_or("None".to_owned(), python::str_of);
            Stop::Fatal(Failure::experiment(format!("unknown provider type '{kind}'")).class("KeyError"))
        })?;
        let args = fill(provider, entry, scope);
        let bound = (entry.bind)(args.to_json())
            .map_err(|error| Stop::Fatal(Failure::experiment(error.to_string()).class("TypeError")))?;
        return Ok(Means::Ours(entry, bound));
    }
    let (module, func) = (text("module").unwrap_or_default(), text("func").unwrap_or_default());
    let preferred = stage.foreign().is_some_and(|foreign| foreign.prefers(module));
    let entry = match cast.catalog.function(module, func) {
        _ if preferred => None,
        Lookup::Found(entry) => Some(entry),
        Lookup::NoModule => None,
        Lookup::NoFunction => {
            let what = format!("The python module '{module}' does not expose a function called '{func}'");
            return Err(Stop::Fatal(Failure::experiment(what)));
        }
    };
    let arguments = provider.get("arguments").filter(|arguments| !arguments.is_null());
    let arguments = match arguments {
        Some(arguments) if !scope.is_empty() => substitute(arguments, scope),
        Some(arguments) => arguments.clone(),
        None => Value::Object(Object::default()),
    };
    let Some(entry) = entry else {
        return match arguments {
            Value::Object(arguments) => Ok(Means::Foreign(arguments)),
            other => {
                let what = format!("'{}' object has no attribute 'copy'", python::type_name(&other));
                Err(Stop::Fatal(Failure::experiment(what).class("AttributeError")))
            }
        };
    };
    let bound = (entry.bind)(arguments.to_json())
        .map_err(|error| Failure::experiment(format!("{func}() {error}")).class("TypeError"))?;
    Ok(Means::Ours(entry, bound))
}

/// A provider object with its patterns filled in.
fn fill(provider: &Object, entry: &Entry, scope: &Scope) -> Value {
    let Shape::Provider { filled, .. } = entry.spec.shape else { return Value::Object(provider.clone()) };
    let filled = provider.iter().map(|(key, value)| {
        let fill = filled.contains(&key.as_str()) || (key == "arguments" && !scope.is_empty());
        (key.clone(), if fill { substitute(value, scope) } else { value.clone() })
    });
    Value::Object(filled.collect())
}

/// The text after `=> failed: `: Python functions show their class, the other providers do not.
pub(crate) fn shown(activity: &Value, failure: &Failure) -> String {
    let kind = activity.get("provider").and_then(|provider| provider.get("type")).and_then(Value::as_text);
    match kind {
        Some("python") => failure.classed(),
        _ => failure.what.clone(),
    }
}

/// Pauses before or after an activity, if it says so.
async fn pause(cast: &Cast<'_>, stage: &Stage, activity: &Value, side: Side) -> Result<(), Stop> {
    let Some(pauses) = activity.get("pauses") else { return Ok(()) };
    let broken = |what: String, class| Stop::Fatal(Failure::experiment(what).class(class));
    let Some(pauses) = pauses.as_object() else {
        let what = format!("'{}' object has no attribute 'get'", python::type_name(pauses));
        return Err(broken(what, "AttributeError"));
    };
    let declared = match side {
        Side::Before => pauses.get("before"),
        Side::After => pauses.get("after"),
    };
    let Some(length) = declared.map(|length| substitute(length, &cast.scope())).filter(Value::is_truthy)
    else {
        return Ok(());
    };
    let seconds = match &length {
        _ if cast.options.leaves_out_pauses(activity) => Ok(0.0),
        Value::Int(seconds) => Ok(*seconds as f64),
        Value::Float(seconds) => Ok(*seconds),
        Value::Bool(_) => Ok(1.0),
        other => Err(format!("'{}' object cannot be interpreted as an integer", python::type_name(other))),
    };
    let shown = python::str_of(&length);
    stage.story.tell(Event::PauseStarted { side, shown, seconds: *seconds.as_ref().unwrap_or(&0.0) });
    let seconds = seconds.map_err(|what| broken(what, "TypeError"))?;
    let length = Duration::try_from_secs_f64(seconds)
        .map_err(|_| broken("sleep length must be non-negative".to_owned(), "ValueError"))?;
    let _waiting = stage.begin().close();
    tokio::select! {
        biased;
        () = stage.stopping().requested() => Err(Stop::Cancelled),
        () = tokio::time::sleep(length) => Ok(()),
    }
}
