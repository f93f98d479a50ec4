//! Takes secrets out of whatever is sent.
//!
//! Invariant: a secret is gone wherever it stands in a text: in outputs, errors, titles, names of keys. What is too short or too
//! common to be looked for in texts is gone where it is declared.
//!
//! Not here: a secret in another form (Base64, percent-encoded), which nobody can tell from other text.

use squall_experiment::event::{Ending, Event, Record};
use squall_experiment::python::str_of;
use squall_experiment::{Object, Value};
use std::collections::BTreeSet;

/// What stands in the place of a secret.
const MASK: &str = "***";

/// A shorter text would be found in the middle of ordinary words.
const SHORTEST: usize = 4;

/// A line of a longer secret (a key in PEM) is one too, from this length.
const SHORTEST_LINE: usize = 16;

/// Words that secrets hold beside what is secret.
const COMMON: &[&str] = &["true", "false", "null", "none", "default"];

/// How names say that they stand for a secret.
const TELLING: &[&str] =
    &["token", "password", "passwd", "secret", "credential", "apikey", "privatekey", "authorization"];

/// What must not be told.
#[derive(Clone, Default)]
pub struct Redactor {
    secrets: BTreeSet<String>,
    /// The same, the longest first: one may be part of another.
    needles: Vec<String>,
}

/// Secrets are never shown.
impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redactor({} secret(s), ***)", self.secrets.len())
    }
}

/// Whether a configuration or setting of this name holds a secret.
pub(super) fn is_telling(name: &str) -> bool {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let plain = plain.to_ascii_lowercase();
    TELLING.iter().any(|word| plain.contains(word))
}

/// Whether an object says where its value is, rather than being it.
fn is_declaration(object: &Object) -> bool {
    matches!(object.get("type"), Some(Value::Text(kind)) if matches!(kind.as_str(), "env" | "vault" | "file"))
}

impl Redactor {
    /// Adds the secrets of an experiment: its plain ones, and those that it takes from the environment. So are configurations
    /// whose names tell.
    pub fn declare(&mut self, experiment: &Value, environment: &dyn Fn(&str) -> Option<String>) {
        if let Some(secrets) = experiment.get("secrets") {
            self.declared(secrets, environment);
        }
        for (name, value) in experiment.get("configuration").and_then(Value::as_object).into_iter().flatten()
        {
            let is_secret = match value {
                Value::Text(_) => is_telling(name),
                Value::Object(object) => is_declaration(object) && is_telling(name),
                _ => false,
            };
            if is_secret {
                self.declared(value, environment);
            }
        }
    }

    /// Adds what is given in the place of configurations whose names tell.
    pub fn overridden(&mut self, configuration: &Object) {
        for (_, value) in configuration.iter().filter(|(name, _)| is_telling(name)) {
            self.add(value);
        }
    }

    fn declared(&mut self, value: &Value, environment: &dyn Fn(&str) -> Option<String>) {
        match value {
            Value::Object(object) if is_declaration(object) => {
                let key = object.get("key").and_then(Value::as_text);
                if let Some(text) = key.and_then(environment) {
                    self.text(&text);
                }
                if let Some(default) = object.get("default") {
                    self.add(default);
                }
            }
            Value::Object(object) => object.values().for_each(|value| self.declared(value, environment)),
            Value::List(items) => items.iter().for_each(|value| self.declared(value, environment)),
            _ => self.add(value),
        }
    }

    /// Adds every text and number of a value.
    pub fn add(&mut self, value: &Value) {
        match value {
            Value::Object(object) => object.values().for_each(|value| self.add(value)),
            Value::List(items) => items.iter().for_each(|value| self.add(value)),
            Value::Null | Value::Bool(_) => {}
            Value::Text(text) => self.text(text),
            Value::Bytes(bytes) => self.text(&String::from_utf8_lossy(bytes)),
            Value::Int(_) | Value::Big(_) | Value::Float(_) | Value::Date(_) => self.text(&str_of(value)),
        }
    }

    /// Adds the credentials of the settings: of servers, and of the channels themselves.
    pub fn settings(&mut self, settings: &Object) {
        for auth in settings.get("auths").and_then(Value::as_object).into_iter().flat_map(Object::values) {
            auth.get("value").into_iter().for_each(|value| self.add(value));
        }
        for channel in settings.get("notifications").and_then(Value::as_list).into_iter().flatten() {
            let headers = channel.get("headers").and_then(Value::as_object);
            for (name, value) in channel.as_object().into_iter().chain(headers).flatten() {
                if is_telling(name) || name == "webhook" {
                    self.add(value);
                }
            }
        }
    }

    fn text(&mut self, text: &str) {
        let text = text.trim();
        let lines = text.lines().map(str::trim).filter(|line| line.len() >= SHORTEST_LINE);
        for secret in [text].into_iter().chain(lines) {
            let common = COMMON.iter().any(|word| secret.eq_ignore_ascii_case(word));
            if secret.chars().count() >= SHORTEST && !common && self.secrets.insert(secret.to_owned()) {
                self.needles.push(secret.to_owned());
            }
        }
        self.needles.sort_by_key(|needle| std::cmp::Reverse(needle.len()));
    }

    /// The text without secrets.
    pub fn clean(&self, text: String) -> String {
        self.needles.iter().fold(text, |text, secret| match text.contains(secret.as_str()) {
            true => text.replace(secret.as_str(), MASK),
            false => text,
        })
    }

    /// The value without secrets. What JSON has no number for (`NaN`) becomes a text, so that every receiver can read it.
    #[must_use]
    pub fn value(&self, value: Value) -> Value {
        match value {
            Value::Text(text) => Value::Text(self.clean(text)),
            Value::Date(text) => Value::Date(self.clean(text)),
            Value::Bytes(bytes) => Value::Text(self.clean(String::from_utf8_lossy(&bytes).into_owned())),
            Value::Float(number) if !number.is_finite() => Value::Text(str_of(&value)),
            Value::Int(_) | Value::Big(_) | Value::Float(_) => match self.secrets.contains(&str_of(&value)) {
                true => MASK.into(),
                false => value,
            },
            Value::List(items) => Value::List(items.into_iter().map(|item| self.value(item)).collect()),
            Value::Object(object) => Value::Object(
                object.into_iter().map(|(key, value)| (self.clean(key), self.value(value))).collect(),
            ),
            Value::Null | Value::Bool(_) => value,
        }
    }

    /// The experiment without secrets, those of its own section included, however short.
    #[must_use]
    pub fn experiment(&self, experiment: Value) -> Value {
        let mut experiment = self.value(experiment);
        if let Value::Object(object) = &mut experiment
            && let Some(secrets) = object.get_mut("secrets")
        {
            mask(secrets);
        }
        experiment
    }

    /// The record without secrets. Numbers, places and what undoes a change stay as they are; the last is never shown.
    #[must_use]
    pub fn record(&self, record: Record) -> Record {
        let Record { at, mut event } = record;
        let clean = |text: &mut String| *text = self.clean(std::mem::take(text));
        let maybe = |text: &mut Option<String>| *text = text.take().map(|text| self.clean(text));
        match &mut event {
            Event::RunStarted { experiment, source, .. } => {
                *experiment = self.experiment(std::mem::take(experiment));
                clean(source);
            }
            Event::HypothesisStarted { title: text, .. }
            | Event::RollbackNext { name: text }
            | Event::ToleranceChecked { tolerance: text, .. }
            | Event::Broke { message: text, .. }
            | Event::Armed { describe: text, .. }
            | Event::Heals { what: text, .. }
            | Event::Noted { text, .. } => clean(text),
            Event::HypothesisEnded { probe, .. } => maybe(probe),
            Event::ActivityStarted { activity, .. } => *activity = self.value(std::mem::take(activity)),
            Event::ActivityEnded { ending: Ending::Succeeded { output }, .. } => {
                *output = self.value(std::mem::take(output));
            }
            Event::ActivityEnded { ending: Ending::Failed { message, hint, .. }, .. }
            | Event::NotRestored { message, hint, .. } => {
                clean(message);
                maybe(hint);
            }
            Event::LeftBehind { undos } => undos.iter_mut().for_each(clean),
            Event::ActivityEnded { ending: Ending::Interrupted, .. }
            | Event::StrategiesChosen { .. }
            | Event::NoHypothesis
            | Event::HypothesisSkipped
            | Event::ContinuousStarted { .. }
            | Event::ContinuousEnded
            | Event::FailedFast { .. }
            | Event::MethodStarted { .. }
            | Event::MethodEnded
            | Event::RollbacksDecided { .. }
            | Event::RollbacksStarted { .. }
            | Event::RollbacksEnded
            | Event::PauseStarted { .. }
            | Event::Restored { .. }
            | Event::StopRequested { .. }
            | Event::RunEnded { .. } => {}
        }
        Record { at, event }
    }
}

/// Masks every value of a section; where a value comes from may be told.
fn mask(value: &mut Value) {
    match value {
        Value::Object(object) if is_declaration(object) => {
            object.get_mut("default").into_iter().for_each(mask);
        }
        Value::Object(object) => object.values_mut().for_each(mask),
        Value::List(items) => items.iter_mut().for_each(mask),
        Value::Null => {}
        other => *other = MASK.into(),
    }
}
