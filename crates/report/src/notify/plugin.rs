//! The message of the Toolkit's Slack plugin, `chaosslack.notification`, for those whose settings name it.
//!
//! Invariant: texts, colours and the order of attachments and fields are the plugin's; text is escaped as Slack asks for.

use super::message::escaped;
use super::summary::{Failures, State};
use super::{Notice, Payload, object};
use squall_experiment::python::str_of;
use squall_experiment::{Object, Value};

const BLUE: &str = "#439FE0";
const ICON: &str = "https://avatars1.githubusercontent.com/u/32068152?s=16&v=4";

/// The message, without its channel.
pub(super) fn message(notice: &Notice<'_>) -> Object {
    let main = ("", BLUE, main(notice));
    let steady = match notice.payload {
        Payload::Document(document) => {
            ("Steady State", BLUE, document.as_object().map(hypothesis).unwrap_or_default())
        }
        Payload::Run(ran) => {
            let summary = &ran.summary;
            let mut fields = vec![field("Hypothesis", summary.hypothesis.as_deref().unwrap_or("N/A"), false)];
            state("Before", summary.before.as_ref(), &mut fields);
            state("After", summary.after.as_ref(), &mut fields);
            let unmet = |state: &Option<State>| state.as_ref().is_some_and(|state| !state.met);
            let colour = match (unmet(&summary.before), unmet(&summary.after)) {
                (_, true) => "danger",
                (true, false) => "warning",
                (false, false) => BLUE,
            };
            ("Steady State", colour, fields)
        }
    };
    let (activities, rollbacks) = match notice.payload {
        Payload::Document(_) => (Vec::new(), Vec::new()),
        Payload::Run(ran) => (failures(&ran.summary.failed), failures(&ran.summary.failed_rollbacks)),
    };
    let all = [
        main,
        steady,
        ("Failed Activities", "danger", activities),
        ("Failed Rollbacks", "danger", rollbacks),
    ];
    let mut attachments: Vec<Value> = all
        .into_iter()
        .filter(|(_, _, fields)| !fields.is_empty())
        .map(|(text, colour, fields)| {
            let mut attachment = Object::default();
            if !text.is_empty() {
                attachment.insert("text".to_owned(), text.into());
            }
            attachment.insert("fields".to_owned(), Value::List(fields));
            attachment.insert("color".to_owned(), colour.into());
            Value::Object(attachment)
        })
        .collect();
    if let Some(Value::Object(last)) = attachments.last_mut() {
        last.insert("ts".to_owned(), Value::Float(notice.at.as_microsecond() as f64 / 1e6));
        last.insert("footer_icon".to_owned(), ICON.into());
        last.insert("footer".to_owned(), "Chaos Toolkit".into());
    }
    object([("text", "New Chaos Experiment Event".into()), ("attachments", Value::List(attachments))])
}

fn main(notice: &Notice<'_>) -> Vec<Value> {
    let mut fields =
        vec![field("Source", notice.name.phase(), true), field("Event", notice.name.word(), true)];
    fields.extend(notice.title().map(|title| field("Experiment", &title, false)));
    fields
}

fn hypothesis(document: &Object) -> Vec<Value> {
    let hypothesis = document.get("steady-state-hypothesis").filter(|it| it.is_truthy());
    let title = hypothesis.map(|it| it.get("title").map_or_else(|| "None".to_owned(), str_of));
    vec![field("Hypothesis", title.as_deref().unwrap_or("N/A"), false)]
}

fn state(title: &str, state: Option<&State>, fields: &mut Vec<Value>) {
    let Some(state) = state else { return };
    fields.push(field(title, if state.met { "ok" } else { "not met" }, false));
    if !state.met {
        fields.push(field("Tolerance Output", &block(&state.output), false));
    }
}

fn failures(failures: &Failures) -> Vec<Value> {
    let line = |why: &str| block(&format!("chaoslib.exceptions.ActivityFailed: {why}"));
    failures.first.iter().map(|(name, why)| field(name, &line(why), false)).collect()
}

fn block(text: &str) -> String {
    format!("```{text}```")
}

fn field(title: &str, value: &str, short: bool) -> Value {
    Value::Object(object([
        ("title", escaped(title).into()),
        ("value", escaped(value).into()),
        ("short", Value::Bool(short)),
    ]))
}
