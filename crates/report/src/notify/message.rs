//! A message for people in Slack: what happened to which experiment, what deviated, how long it took, what is left to do.
//!
//! Invariant: the first line says it all, for it is what a phone shows; nothing in it can mention a person or a channel.

use super::summary::{During, Failures, State, Summary};
use super::{Name, Notice, Payload, duration, object};
use squall_experiment::event::Status;
use squall_experiment::python::str_of;
use squall_experiment::{Object, Value};
use std::fmt::Write as _;

/// The message, without its channel.
pub(super) fn message(notice: &Notice<'_>) -> Object {
    let about = match (notice.payload, notice.title()) {
        (_, Some(title)) => title,
        (Payload::Document(Value::Text(text)), None) => text.clone(),
        (Payload::Document(_) | Payload::Run(_), None) => "an experiment".to_owned(),
    };
    let ran = match notice.payload {
        Payload::Run(ran) => Some(&ran.summary),
        Payload::Document(_) => None,
    };
    let (what, colour) = verdict(notice.name, ran);
    let mut text = format!("*{what}*: {}", escaped(&about));
    let mut fields = Vec::new();
    let mut attachment = Object::default();
    match (ran, notice.payload) {
        (Some(summary), _) => {
            let _ = write!(text, " ({})", duration::shown(summary.seconds));
            fields = of_run(summary);
            let footer = format!("chaos run {} on {}", summary.run, summary.node);
            attachment.insert("footer".to_owned(), escaped(&footer).into());
        }
        (None, Payload::Document(document)) => {
            let hypothesis = document.get("steady-state-hypothesis").and_then(|it| it.get("title"));
            if let Some(title) = hypothesis.filter(|_| notice.name == Name::RunStarted) {
                fields.push(field("Hypothesis", &str_of(title)));
            }
        }
        (None, Payload::Run(_)) => {}
    }
    if let Some(error) = &notice.error {
        fields.push(field("Why", plain(error)));
    }
    if fields.is_empty() {
        return object([("text", text.into())]);
    }
    attachment.insert("color".to_owned(), colour.into());
    // What a screen reader and a phone read of it.
    attachment.insert("fallback".to_owned(), text.as_str().into());
    attachment.insert("fields".to_owned(), Value::List(fields));
    attachment.insert("ts".to_owned(), Value::Int(notice.at.as_second()));
    object([("text", text.into()), ("attachments", Value::List(vec![Value::Object(attachment)]))])
}

/// What happened, and the colour of it.
fn verdict(name: Name, summary: Option<&Summary>) -> (&'static str, &'static str) {
    const BLUE: &str = "#439FE0";
    match summary {
        Some(summary) if summary.deviated => return ("Deviated", "danger"),
        Some(summary) => {
            return match summary.status {
                Status::Completed => ("Completed", "good"),
                Status::Failed => ("Failed", "danger"),
                Status::Aborted => ("Aborted", "danger"),
                Status::Interrupted => ("Interrupted", "warning"),
            };
        }
        None => {}
    }
    match name {
        Name::RunStarted => ("Started", BLUE),
        Name::RunCompleted => ("Completed", "good"),
        Name::RunFailed => ("Failed", "danger"),
        Name::RunDeviated => ("Deviated", "danger"),
        Name::ValidateStarted => ("Validating", BLUE),
        Name::ValidateFailed => ("Not valid", "danger"),
        Name::ValidateCompleted => ("Valid", "good"),
        Name::DiscoveryStarted => ("Discovering", BLUE),
        Name::DiscoveryFailed => ("Nothing discovered", "danger"),
        Name::DiscoveryCompleted => ("Discovered", "good"),
        Name::InitStarted => ("Beginning an experiment", BLUE),
        Name::InitFailed => ("No experiment was written", "danger"),
        Name::InitCompleted => ("Written", "good"),
    }
}

fn of_run(summary: &Summary) -> Vec<Value> {
    let mut fields = Vec::new();
    let mut say = |title: &str, text: String| {
        if !text.is_empty() {
            fields.push(field(title, &text));
        }
    };
    if let Some(title) = &summary.hypothesis {
        say(&format!("Steady state: {title}"), steady(summary));
    }
    say("What deviated", unmet(summary));
    say("Failed activities", listed(&summary.failed));
    say("Failed rollbacks", listed(&summary.failed_rollbacks));
    say("Error", summary.broke.clone().unwrap_or_default());
    if summary.status == Status::Interrupted {
        say("Interrupted by", summary.stopped_by.clone().unwrap_or_default());
    }
    if !summary.still_changed.is_empty() {
        let mut text = summary.still_changed.join("\n");
        let _ = write!(text, "\n`chaos recover {}` puts it back", summary.run);
        say("Still changed", text);
    }
    fields
}

fn steady(summary: &Summary) -> String {
    let word = |state: &State| if state.met { "met" } else { "not met" };
    let mut parts = Vec::new();
    parts.extend(summary.before.as_ref().map(|state| format!("before: {}", word(state))));
    let During { rounds, unmet, first: _ } = &summary.during;
    if *rounds > 0 {
        parts.push(format!("during: {} of {rounds} times met", rounds - unmet));
    }
    parts.extend(summary.after.as_ref().map(|state| format!("after: {}", word(state))));
    parts.join(", ")
}

fn unmet(summary: &Summary) -> String {
    let of = |state: &Option<State>| state.as_ref().and_then(|state| state.unmet.clone());
    let all = [
        ("before", of(&summary.before)),
        ("during", summary.during.first.clone()),
        ("after", of(&summary.after)),
    ];
    let lines = all.into_iter().filter_map(|(when, unmet)| Some((when, unmet?)));
    let lines: Vec<String> =
        lines.map(|(when, it)| format!("`{}` {} ({when} the method)", it.probe, it.why)).collect();
    lines.join("\n")
}

fn listed(failures: &Failures) -> String {
    let mut lines: Vec<String> =
        failures.first.iter().map(|(name, why)| format!("`{name}`: {why}")).collect();
    if failures.more > 0 {
        lines.push(format!("and {} more", failures.more));
    }
    lines.join("\n")
}

/// The Toolkit's exception without Python around it.
fn plain(error: &str) -> &str {
    let inner = error.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.map_or(error, |inner| inner.trim_matches(['\'', '"'])).trim()
}

fn field(title: &str, value: &str) -> Value {
    Value::Object(object([("title", escaped(title).into()), ("value", escaped(value).into())]))
}

/// The three characters that mean something to Slack: with them a text could call a whole channel.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
