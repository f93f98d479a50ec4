//! Takes secrets out of whatever leaves a run: console, log file, event log, journal, notifications.
//!
//! Invariant: a secret is gone wherever it stands in a text: in outputs, errors, titles, names of keys; and also as JSON, Python, HTML
//! or a URL write it. What is too short or too common to be looked for in texts is gone where it is declared. What was hidden once
//! stays so: hiding twice changes nothing.
//!
//! Not here: a secret in another form (Base64, a hash), which nobody can tell from other text; and where secrets come from.

mod cover;
mod drawn;
mod escapes;
#[cfg(test)]
mod tests;

use squall_experiment::python::str_of;
use squall_experiment::{Object, Value};
use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

/// What stands in the place of a secret.
pub(crate) const MASK: &str = "***";

/// A shorter text would be found in the middle of ordinary words.
const SHORTEST: usize = 4;

/// Fewer digits would be found in the middle of times and sizes; they are hidden where a value is nothing else.
const SHORTEST_NUMBER: usize = 6;

/// A line of a longer secret (a key in PEM) is one too, from this length.
const SHORTEST_LINE: usize = 16;

/// What secrets sections hold beside what is secret; the words of which experiments and journals are made would be unreadable without
/// them.
const COMMON: &[&str] = &[
    "true",
    "false",
    "null",
    "none",
    "default",
    "localhost",
    "password",
    "token",
    "secret",
    "secrets",
    "bearer",
    "basic",
    "action",
    "activity",
    "arguments",
    "background",
    "body",
    "completed",
    "configuration",
    "description",
    "deviated",
    "duration",
    "experiment",
    "failed",
    "func",
    "headers",
    "http",
    "https",
    "hypothesis",
    "interrupted",
    "method",
    "module",
    "name",
    "output",
    "path",
    "pauses",
    "probe",
    "probes",
    "process",
    "provider",
    "python",
    "rollbacks",
    "start",
    "status",
    "stderr",
    "stdout",
    "steady-state-hypothesis",
    "succeeded",
    "title",
    "tolerance",
    "type",
    "vault",
];

/// How names say that they stand for a secret.
const TELLING: &[&str] =
    &["token", "password", "passwd", "secret", "credential", "apikey", "privatekey", "authorization"];

/// How such a name ends when it only says where the secret is, or something about it.
const ABOUT: &[&str] = &[
    "path", "file", "dir", "folder", "name", "point", "url", "uri", "addr", "address", "host", "type", "ttl",
    "version",
];

/// What must not be told. Clones are the same: what one learns, all know.
#[derive(Clone, Default)]
pub struct Redactor(Arc<RwLock<Known>>);

#[derive(Default)]
struct Known {
    /// What no value may be.
    exact: BTreeSet<String>,
    /// What no text may hold, however it is written.
    needles: Vec<String>,
}

/// Secrets are never shown.
impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redactor({} secret(s), ***)", self.known().exact.len())
    }
}

/// Whether a configuration or setting of this name holds a secret.
fn is_telling(name: &str) -> bool {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let plain = plain.to_ascii_lowercase();
    TELLING.iter().any(|word| plain.contains(word)) && !ABOUT.iter().any(|word| plain.ends_with(word))
}

/// Whether an object says where its value is, rather than being it.
fn is_declaration(object: &Object) -> bool {
    matches!(object.get("type"), Some(Value::Text(kind)) if matches!(kind.as_str(), "env" | "vault" | "file"))
}

/// Whether a member of the configuration is, holds, or leads to a secret by its name. A probe gives one only when it was run.
fn is_secret(name: &str, value: &Value) -> bool {
    match value {
        Value::Text(_) | Value::List(_) => is_telling(name),
        Value::Object(object) => {
            is_telling(name) && object.get("type").and_then(Value::as_text) != Some("probe")
        }
        _ => false,
    }
}

/// What a probe with a name that tells gives where it cannot be run.
fn default_of_probe<'a>(name: &str, object: &'a Object) -> Option<&'a Value> {
    let is_probe = object.get("type").and_then(Value::as_text) == Some("probe");
    object.get("default").filter(|_| is_probe && is_telling(name))
}

impl Redactor {
    fn known(&self) -> RwLockReadGuard<'_, Known> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn learn(&self, learn: impl FnOnce(&mut Known)) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        learn(&mut known);
    }

    /// Adds the secrets of an experiment: its plain ones, and those that it takes from the environment. So are configurations
    /// whose names tell.
    pub fn declare(&self, experiment: &Value, environment: &dyn Fn(&str) -> Option<String>) {
        self.learn(|known| {
            if let Some(secrets) = experiment.get("secrets") {
                known.declared(secrets, environment);
            }
            if let Some(Value::Object(configuration)) = experiment.get("configuration") {
                known.configured(configuration, environment);
            }
        });
    }

    /// Adds what is given in the place of configurations whose names tell, or what these came to.
    pub fn configured(&self, configuration: &Object) {
        self.learn(|known| known.configured(configuration, &|_| None));
    }

    /// Adds what a secrets section came to.
    pub fn secrets(&self, secrets: &Object) {
        self.learn(|known| secrets.values().for_each(|value| known.add(value)));
    }

    /// Adds every text and number of a value.
    pub fn add(&self, value: &Value) {
        self.learn(|known| known.add(value));
    }

    /// Adds the credentials of the settings: of servers, of the channels, and whatever else has a name that tells.
    pub fn settings(&self, settings: &Object) {
        self.learn(|known| {
            for auth in settings.get("auths").and_then(Value::as_object).into_iter().flat_map(Object::values)
            {
                auth.get("value").into_iter().for_each(|value| known.add(value));
            }
            known.set(settings);
        });
    }
}

impl Known {
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

    /// Adds what has a name that tells, at any depth; a whole number may be a pin.
    fn configured(&mut self, configuration: &Object, environment: &dyn Fn(&str) -> Option<String>) {
        for (name, value) in configuration {
            match value {
                value if is_secret(name, value) => self.declared(value, environment),
                Value::Object(object) if !is_declaration(object) => {
                    default_of_probe(name, object).into_iter().for_each(|default| self.add(default));
                    self.configured(object, environment);
                }
                Value::Int(_) | Value::Big(_) if is_telling(name) => self.add(value),
                _ => {}
            }
        }
    }

    fn set(&mut self, settings: &Object) {
        for (name, value) in settings {
            match value {
                Value::Object(object) => self.set(object),
                Value::List(items) => {
                    items.iter().filter_map(Value::as_object).for_each(|object| self.set(object));
                }
                _ if is_telling(name) || name == "webhook" => self.add(value),
                _ => {}
            }
        }
    }

    fn add(&mut self, value: &Value) {
        match value {
            Value::Object(object) => object.values().for_each(|value| self.add(value)),
            Value::List(items) => items.iter().for_each(|value| self.add(value)),
            Value::Null | Value::Bool(_) => {}
            Value::Text(text) => self.text(text),
            Value::Bytes(bytes) => self.text(&String::from_utf8_lossy(bytes)),
            Value::Int(_) | Value::Big(_) | Value::Float(_) | Value::Date(_) => self.text(&str_of(value)),
        }
    }

    fn text(&mut self, text: &str) {
        let text = text.trim();
        let lines = text.lines().map(str::trim).filter(|line| line.len() >= SHORTEST_LINE);
        for secret in [text].into_iter().chain(lines) {
            let common = COMMON.iter().any(|word| secret.eq_ignore_ascii_case(word));
            let length = secret.chars().count();
            if length < SHORTEST || common || !self.exact.insert(secret.to_owned()) {
                continue;
            }
            let is_number = secret.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-'));
            if !is_number || length >= SHORTEST_NUMBER {
                self.needles.push(secret.to_owned());
            }
        }
    }
}
