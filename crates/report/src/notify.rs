//! Notifications: what is told to whom when a command begins and ends.
//!
//! Invariant: what a channel is sent is a function of the experiment or of a run's records, and all of it has passed through a
//! [`Redactor`]; nothing here opens a connection, waits or reads a clock. A [`Message`] says what to send and how to read the
//! answer, or which Python module to call; cli does it.
//!
//! Not here: queues and retries.

mod channel;
mod delivery;
mod duration;
mod message;
mod plugin;
mod summary;
#[cfg(test)]
mod tests;

pub use channel::{Channel, Complaint, channels};
pub use delivery::{Answer, Delivery, Message, Plugin, Tls};
pub use summary::Summary;

use crate::journal::{self, NoJournal};
use crate::redact::Redactor;
use jiff::Timestamp;
use squall_experiment::diagnostic::Diagnostic;
use squall_experiment::event::{Ending, Event, Record, Sought, Status};
use squall_experiment::json::{self, Style};
use squall_experiment::python::{quoted, str_of};
use squall_experiment::{Object, Value};
use std::fmt::Display;

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident $word:literal $phase:literal)*) => {
        /// What can be told: the Toolkit's event names.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Name { $($(#[$doc])* $name),* }

        impl Name {
            /// All of them.
            pub const ALL: &[Name] = &[$(Name::$name),*];

            /// As settings and payloads have it.
            pub fn word(self) -> &'static str {
                match self { $(Name::$name => $word),* }
            }

            /// The command, in the Toolkit's word.
            pub fn phase(self) -> &'static str {
                match self { $(Name::$name => $phase),* }
            }
        }
    };
}

names! {
    /// The experiment was loaded.
    RunStarted "run-started" "run"
    /// The run went to its end, whether a weakness was found or not.
    RunCompleted "run-completed" "run"
    /// It did not.
    RunFailed "run-failed" "run"
    /// A weakness was found; follows one of the two.
    RunDeviated "run-deviated" "run"
    /// Validation begins.
    ValidateStarted "validate-started" "validate"
    /// The experiment is not valid.
    ValidateFailed "validate-failed" "validate"
    /// The experiment is valid.
    ValidateCompleted "validate-completed" "validate"
    /// Discovery begins.
    DiscoveryStarted "discovery-started" "discovery"
    /// Nothing was discovered.
    DiscoveryFailed "discovery-failed" "discovery"
    /// Something was discovered.
    DiscoveryCompleted "discovery-completed" "discovery"
    /// A new experiment is begun.
    InitStarted "init-started" "init"
    /// It was not written.
    InitFailed "init-failed" "init"
    /// It was written.
    InitCompleted "init-completed" "init"
}

/// Something to tell.
#[derive(Clone, Debug)]
pub struct Notice<'a> {
    /// What happened.
    pub name: Name,
    /// When it is told.
    pub at: Timestamp,
    /// What it is about.
    pub payload: Payload<'a>,
    /// What went wrong, in the Toolkit's words.
    pub error: Option<String>,
}

/// What a notice is about.
#[derive(Clone, Copy, Debug)]
pub enum Payload<'a> {
    /// A document, redacted.
    Document(&'a Value),
    /// A run that ended.
    Run(&'a Ran),
}

/// A run that ended, redacted.
#[derive(Clone, Debug)]
pub struct Ran {
    /// Its journal on one line; empty if nobody wants it.
    journal: String,
    /// The gist of it.
    pub summary: Summary,
}

impl Ran {
    /// Reads the records that `source` gives, from the first on each time it is called.
    ///
    /// # Errors
    /// They cannot be read, or hold no run.
    pub fn gather<R, E>(
        source: impl Fn(Sought) -> Result<R, E>,
        redactor: &Redactor,
        with_journal: bool,
    ) -> Result<Ran, NoJournal>
    where
        R: Iterator<Item = Result<Record, E>>,
        E: Display,
    {
        let redacted = |sought| {
            source(sought).map(|records| records.map(|record| record.map(|it| sendable(redactor.record(it)))))
        };
        let journal = if with_journal { journal::line(redacted)? } else { String::new() };
        let summary = Summary::gather(redacted(Sought::All))?.ok_or(NoJournal::NoRun)?;
        Ok(Ran { journal, summary })
    }

    /// What is told of it, in this order.
    pub fn names(&self) -> impl Iterator<Item = Name> + use<> {
        let end = match self.summary.status {
            Status::Completed => Name::RunCompleted,
            Status::Failed | Status::Aborted | Status::Interrupted => Name::RunFailed,
        };
        [end].into_iter().chain(self.summary.deviated.then_some(Name::RunDeviated))
    }
}

/// The record as every receiver can read it: what JSON has no number for (`NaN`) is a text.
fn sendable(mut record: Record) -> Record {
    match &mut record.event {
        Event::RunStarted { experiment: value, .. }
        | Event::ActivityStarted { activity: value, .. }
        | Event::ActivityEnded { ending: Ending::Succeeded { output: value }, .. } => spell(value),
        _ => {}
    }
    record
}

/// Writes numbers that JSON does not have as texts.
pub fn spell(value: &mut Value) {
    match value {
        Value::Float(number) if !number.is_finite() => *value = Value::Text(str_of(value)),
        Value::List(items) => items.iter_mut().for_each(spell),
        Value::Object(object) => object.values_mut().for_each(spell),
        _ => {}
    }
}

impl Notice<'_> {
    /// The event as the Toolkit sends it.
    fn body(&self) -> String {
        let mut body = format!("{{\"name\": \"{}\", \"payload\": ", self.name.word());
        match self.payload {
            Payload::Document(document) => body.push_str(&json::to_string(document, &Style::LINE)),
            Payload::Run(ran) => body.push_str(&ran.journal),
        }
        body.push_str(&format!(", \"phase\": \"{}\", \"ts\": {}", self.name.phase(), self.seconds()));
        if let Some(error) = &self.error {
            body.push_str(", \"error\": ");
            body.push_str(&json::to_string(&error.as_str().into(), &Style::LINE));
        }
        body.push('}');
        body
    }

    /// Seconds since 1970, as Python writes them.
    fn seconds(&self) -> String {
        json::float_repr(self.at.as_microsecond() as f64 / 1e6)
    }

    /// The experiment's title.
    fn title(&self) -> Option<String> {
        match self.payload {
            Payload::Run(ran) => Some(ran.summary.title.clone()),
            Payload::Document(document) => match document.get("title") {
                Some(title) if title.is_truthy() => Some(squall_experiment::python::str_of(title)),
                _ => None,
            },
        }
    }
}

/// The `error` of a validation that failed: the Toolkit's exception about its first complaint.
pub fn invalid(complaint: &Diagnostic) -> String {
    let class = match complaint.rule.as_str() {
        "bad-control" | "control-module" => "InvalidControl",
        "empty-activity" | "bad-ref" | "dangling-ref" | "provider-type" | "bad-tolerance"
        | "missing-argument" | "unknown-argument" | "argument-type" => "InvalidActivity",
        rule if ["activity-", "python-", "process-", "http-"].iter().any(|part| rule.starts_with(part)) => {
            "InvalidActivity"
        }
        _ => "InvalidExperiment",
    };
    format!("An exception was raised: {class}({})", quoted(&complaint.message))
}

/// An object of these members.
fn object<const N: usize>(members: [(&str, Value); N]) -> Object {
    members.map(|(name, value)| (name.to_owned(), value)).into_iter().collect()
}
