//! `--var` and `--var-file`: values that stand in for what the experiment declares.

use super::convert;
use crate::python::type_name;
use crate::{Object, Value};
use std::fmt;

/// What the command line gives in place of declared configuration and secrets. Later ones win, and `--var` wins over files.
#[derive(Clone, Default, PartialEq)]
pub struct Overrides {
    /// Names to raw values, which may be declarations.
    pub configuration: Object,
    /// Targets to final values.
    pub secrets: Object,
}

impl Overrides {
    /// Adds what a var file holds.
    pub fn add(&mut self, later: Overrides) {
        self.configuration.extend(later.configuration);
        self.secrets.extend(later.secrets);
    }
}

/// Secrets are never shown.
impl fmt::Debug for Overrides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Overrides")
            .field("configuration", &self.configuration)
            .field("secrets", &format_args!("{} target(s), ***", self.secrets.len()))
            .finish()
    }
}

/// Reads `NAME[:TYPE]=VALUE`. The error is the reason that follows `Invalid value for '--var': `.
pub fn parse_var(argument: &str) -> Result<(String, Value), String> {
    let Some((name, value)) = argument.split_once('=') else {
        return Err("not enough values to unpack (expected 2, got 1)".to_owned());
    };
    let (name, kind) = match name.rsplit_once(':') {
        Some((name, kind)) => (name, Some(Value::from(kind))),
        None => (name, None),
    };
    let value = convert(kind.as_ref(), Value::from(value)).map_err(|error| error.text)?;
    Ok((name.to_owned(), value))
}

/// What a var file holds.
#[derive(Clone, Debug, PartialEq)]
pub enum VarFile {
    /// Values for configuration and secrets.
    Overrides(Overrides),
    /// Variables to be added to the environment.
    Environment(Vec<(String, String)>),
}

/// Why a var file cannot be used. The file's name is the caller's to tell.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadVarFile {
    /// A line of a file of variables without `=`, or without a name before it. The line may hold a secret, so only its
    /// number is told.
    #[error("line {number} is not of the form NAME=VALUE")]
    Line {
        /// The first line is 1.
        number: usize,
    },
    /// A document that is no object, or one of its two sections.
    #[error("{part} must be an object, not {found}")]
    NotAnObject {
        /// `the document`, `configuration` or `secrets`.
        part: &'static str,
        /// Python's name of the type that it has.
        found: &'static str,
    },
}

/// Makes sense of a var file: its text, and what that says if it was read as JSON or YAML (`None` for any other extension).
/// A document that is empty in some way counts as lines of variables, as in the Toolkit.
pub fn read_var_file(text: &str, document: Option<&Value>) -> Result<VarFile, BadVarFile> {
    let Some(document) = document.filter(|document| document.is_truthy()) else {
        return parse_env_lines(text).map(VarFile::Environment);
    };
    let part = |part: &'static str, value: Option<&Value>| match value {
        None => Ok(Object::default()),
        Some(Value::Object(object)) => Ok(object.clone()),
        Some(other) => Err(BadVarFile::NotAnObject { part, found: type_name(other) }),
    };
    let sections = part("the document", Some(document))?;
    Ok(VarFile::Overrides(Overrides {
        configuration: part("configuration", sections.get("configuration"))?,
        secrets: part("secrets", sections.get("secrets"))?,
    }))
}

/// Reads lines of `NAME=VALUE`: blanks around a line, blank lines and lines that begin with `#` do not count; values are
/// taken literally, quotes and all.
pub fn parse_env_lines(text: &str) -> Result<Vec<(String, String)>, BadVarFile> {
    let lines =
        text.split('\n').enumerate().map(|(at, line)| (at + 1, line.trim_matches(crate::python::is_blank)));
    lines
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(number, line)| match line.split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
            _ => Err(BadVarFile::Line { number }),
        })
        .collect()
}
