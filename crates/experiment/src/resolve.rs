//! From what an experiment declares to the values it runs with: configuration, secrets, `--var` and var files.
//!
//! Invariant: nothing here reads an environment or a file; the environment is a function that the caller hands in. What
//! needs the world is handed back as a request: probes of the configuration ([`Entry::Probe`]) and secrets in Vault
//! ([`VaultRequest`]). A value that was resolved is never resolved or substituted again.
//!
//! Every problem is told at once, the one that the Toolkit would stop at first.

mod convert;
mod overrides;
#[cfg(test)]
mod tests;

pub use convert::convert;
pub use overrides::{BadVarFile, Overrides, VarFile, parse_env_lines, parse_var, read_var_file};

use crate::python::{Exception, str_of, type_name};
use crate::{Object, Value};
use indexmap::IndexMap;
use std::sync::LazyLock;

/// The environment: the value of a variable, if it is set (an empty one is).
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Why a configuration or secret has no value. `Display` is one line; where the Toolkit has a text it is that.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// A whole section that is no object.
    #[error("`{section}` must be an object, not {found}")]
    NotAnObject {
        /// `configuration` or `secrets`.
        section: &'static str,
        /// Python's name of the type that it has.
        found: &'static str,
    },
    /// A variable that is not set, for a configuration without default.
    #[error("Configuration makes reference to an environment key that does not exist: {key}")]
    NoVariable {
        /// The configuration's name.
        name: String,
        /// The variable's name.
        key: String,
    },
    /// A variable that is not set, for a secret.
    #[error("Secrets make reference to an environment key that does not exist: {key}")]
    NoSecretVariable {
        /// Target and name, joined with dots.
        name: String,
        /// The variable's name.
        key: String,
    },
    /// `type: env` without the name of a variable.
    #[error("`{path}` is of type `env`, so it needs a `key` with the name of an environment variable")]
    NoKey {
        /// `configuration.NAME` or `secrets.TARGET.NAME`.
        path: String,
    },
    /// A value that cannot be turned to its `env_var_type`.
    #[error("configuration `{name}`, from the environment variable `{key}`: {reason}")]
    Unconvertible {
        /// The configuration's name.
        name: String,
        /// The variable's name.
        key: String,
        /// What Python says.
        reason: String,
    },
    /// A secret in Vault that nothing fetched.
    #[error("secret `{name}` is in Vault, and was not fetched from there")]
    NotFetched {
        /// Target and name, joined with dots.
        name: String,
    },
}

impl ResolveError {
    /// Where in the experiment: `configuration.port`, `secrets.shop.token`.
    pub fn path(&self) -> String {
        match self {
            ResolveError::NotAnObject { section, .. } => (*section).to_owned(),
            ResolveError::NoVariable { name, .. } | ResolveError::Unconvertible { name, .. } => {
                format!("configuration.{name}")
            }
            ResolveError::NoKey { path } => path.clone(),
            ResolveError::NoSecretVariable { name, .. } | ResolveError::NotFetched { name } => {
                format!("secrets.{name}")
            }
        }
    }
}

/// A configuration in document order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Configuration {
    /// Names to values, or to probes that have yet to give them.
    pub entries: IndexMap<String, Entry>,
}

/// What a name of the configuration stands for.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// This value.
    Value(Value),
    /// What this probe gives. It is to be run in its turn, and may use `${}` on the names before it and on all secrets; on
    /// an error its name is left out. See [`probed`].
    Probe(Value),
}

impl Configuration {
    /// The configuration as far as it is known without running a probe; Vault's settings are looked up here.
    pub fn known(&self) -> Object {
        let known = self.entries.iter().filter_map(|(name, entry)| match entry {
            Entry::Value(value) => Some((name.clone(), value.clone())),
            Entry::Probe(_) => None,
        });
        known.collect()
    }

    /// Whether anything has to be run.
    pub fn is_dynamic(&self) -> bool {
        self.entries.values().any(|entry| matches!(entry, Entry::Probe(_)))
    }
}

/// What the output of a configuration's probe makes its value: a process's standard output without the blanks around it, if
/// it ended with status 0; a response's body, whatever its status; anything else's output as it is. `None` leaves the name
/// out.
pub fn probed(probe: &Value, output: Value) -> Option<Value> {
    let provider = probe.get("provider").and_then(|provider| provider.get("type"));
    match provider.and_then(Value::as_text) {
        Some("process") => {
            let ended_well = output.get("status").is_some_and(|status| *status == Value::Int(0));
            let text = ended_well.then(|| output.get("stdout").map(str_of).unwrap_or_default())?;
            Some(Value::Text(text.trim_matches(crate::python::is_blank).to_owned()))
        }
        Some("http") => Some(output.get("body").cloned().unwrap_or_default()),
        _ => Some(output),
    }
}

/// Resolves the `configuration` of an experiment. `overrides` (see [`Overrides`]) stand in for declared names only, before
/// anything is resolved, so one may itself be an `env` object or a probe.
pub fn configuration(
    declared: Option<&Value>,
    overrides: &Object,
    environment: Environment<'_>,
) -> Result<Configuration, Vec<ResolveError>> {
    let mut configuration = Configuration::default();
    let mut errors = Vec::new();
    for (name, value) in section("configuration", declared)? {
        let value = overrides.get(name).unwrap_or(value);
        match configured(name, value, environment) {
            // A converted value counts too: JSON in a variable may describe a probe.
            Ok(value) if is_of_type(&value, "probe") => {
                configuration.entries.insert(name.clone(), Entry::Probe(value));
            }
            Ok(value) => {
                configuration.entries.insert(name.clone(), Entry::Value(value));
            }
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(configuration) } else { Err(errors) }
}

fn configured(name: &str, value: &Value, environment: Environment<'_>) -> Result<Value, ResolveError> {
    if !is_of_type(value, "env") {
        return Ok(value.clone());
    }
    let key = variable(value, || format!("configuration.{name}"))?;
    let raw = match (environment(key), value.get("default")) {
        (Some(text), _) => Value::Text(text),
        (None, Some(default)) => default.clone(),
        (None, None) => {
            return Err(ResolveError::NoVariable { name: name.to_owned(), key: key.to_owned() });
        }
    };
    convert(value.get("env_var_type"), raw).map_err(|Exception { text, .. }| ResolveError::Unconvertible {
        name: name.to_owned(),
        key: key.to_owned(),
        reason: text,
    })
}

/// Secrets of which some may still have to be fetched.
#[derive(Clone, Default)]
pub struct Secrets {
    values: Object,
    requests: Vec<VaultRequest>,
}

/// A secret that is kept in Vault.
#[derive(Clone, Debug, PartialEq)]
pub struct VaultRequest {
    /// The names that lead to it: target, name, and so on.
    pub at: Vec<String>,
    /// Its declaration, with `path` and maybe `key`.
    pub declaration: Object,
}

impl Secrets {
    /// What has to be fetched, in document order.
    pub fn requests(&self) -> &[VaultRequest] {
        &self.requests
    }

    /// Puts in what was fetched for each request, `None` if nothing was; targets to values if all are there.
    pub fn fill(
        mut self,
        mut fetch: impl FnMut(&VaultRequest) -> Option<Value>,
    ) -> Result<Object, Vec<ResolveError>> {
        let mut errors = Vec::new();
        for request in std::mem::take(&mut self.requests) {
            match fetch(&request) {
                Some(value) => put(&mut self.values, &request.at, value),
                None => errors.push(ResolveError::NotFetched { name: request.at.join(".") }),
            }
        }
        if errors.is_empty() { Ok(self.values) } else { Err(errors) }
    }
}

/// Secrets are never shown.
impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (targets, requests) = (self.values.len(), self.requests.len());
        write!(f, "Secrets({targets} target(s), {requests} to fetch, ***)")
    }
}

fn put(object: &mut Object, at: &[String], value: Value) {
    match at {
        [] => {}
        [name] => {
            object.insert(name.clone(), value);
        }
        [name, rest @ ..] => {
            if let Some(Value::Object(inner)) = object.get_mut(name) {
                put(inner, rest, value);
            }
        }
    }
}

/// Resolves the `secrets` of an experiment. An override replaces the whole of a target that is declared as an object, and is
/// taken as it is.
pub fn secrets(
    declared: Option<&Value>,
    overrides: &Object,
    environment: Environment<'_>,
) -> Result<Secrets, Vec<ResolveError>> {
    let declared = section("secrets", declared)?;
    let mut walk = SecretWalk { environment, at: Vec::new(), requests: Vec::new(), errors: Vec::new() };
    let values = walk.object(declared, Some(overrides));
    let SecretWalk { requests, errors, .. } = walk;
    if errors.is_empty() { Ok(Secrets { values, requests }) } else { Err(errors) }
}

struct SecretWalk<'a> {
    environment: Environment<'a>,
    at: Vec<String>,
    requests: Vec<VaultRequest>,
    errors: Vec<ResolveError>,
}

impl SecretWalk<'_> {
    fn object(&mut self, declared: &Object, overrides: Option<&Object>) -> Object {
        let mut values = Object::default();
        for (name, value) in declared {
            self.at.push(name.clone());
            let value = match (value, overrides.and_then(|overrides| overrides.get(name))) {
                (Value::Object(_), Some(value)) if !value.is_null() => value.clone(),
                (Value::Object(inner), _) => self.declaration(value, inner),
                _ => value.clone(),
            };
            values.insert(name.clone(), value);
            self.at.pop();
        }
        values
    }

    fn declaration(&mut self, value: &Value, inner: &Object) -> Value {
        if is_of_type(value, "vault") {
            self.requests.push(VaultRequest { at: self.at.clone(), declaration: inner.clone() });
            return Value::Null;
        }
        if !is_of_type(value, "env") {
            return Value::Object(self.object(inner, None));
        }
        let name = self.at.join(".");
        let found = variable(value, || format!("secrets.{name}")).and_then(|key| {
            (self.environment)(key)
                .ok_or_else(|| ResolveError::NoSecretVariable { name: name.clone(), key: key.to_owned() })
        });
        match found {
            Ok(text) => Value::Text(text),
            Err(error) => {
                self.errors.push(error);
                Value::Null
            }
        }
    }
}

/// What is wrong with secrets that would resolve: a value directly under `secrets`, where `${}` cannot find it (the Toolkit
/// crashes on it when it validates). The names of such secrets.
pub fn flat_secrets(declared: &Object) -> Vec<&str> {
    let flat = declared.iter().filter(|(_, value)| !matches!(value, Value::Object(_)));
    flat.map(|(name, _)| name.as_str()).collect()
}

/// What a provider's `secrets` list gives its function: the named targets merged from left to right. Unknown names are
/// skipped, and so is what is no target.
pub fn merged_secrets<'a>(secrets: &Object, targets: impl IntoIterator<Item = &'a str>) -> Object {
    let mut merged = Object::default();
    for target in targets {
        if let Some(Value::Object(names)) = secrets.get(target) {
            merged.extend(names.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
    }
    merged
}

/// The members of a section; none if it is absent.
fn section<'a>(name: &'static str, declared: Option<&'a Value>) -> Result<&'a Object, Vec<ResolveError>> {
    static EMPTY: LazyLock<Object> = LazyLock::new(Object::default);
    match declared {
        None => Ok(&EMPTY),
        Some(Value::Object(object)) => Ok(object),
        Some(other) => Err(vec![ResolveError::NotAnObject { section: name, found: type_name(other) }]),
    }
}

fn is_of_type(value: &Value, kind: &str) -> bool {
    value.get("type").and_then(Value::as_text) == Some(kind)
}

/// The name of the environment variable of a declaration.
fn variable(declaration: &Value, path: impl FnOnce() -> String) -> Result<&str, ResolveError> {
    let key = declaration.get("key").and_then(Value::as_text);
    key.ok_or_else(|| ResolveError::NoKey { path: path() })
}
