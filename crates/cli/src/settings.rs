//! The settings file: reading it, and what a run takes from it.
//!
//! Invariant: nothing in it is substituted; keys that nobody here knows are kept for others.

pub(crate) mod command;
mod key;
pub(crate) mod yaml;

use crate::problem::{Problem, kind};
use squall_experiment::load::{Format, load};
use squall_experiment::{Object, Value};
use std::io;
use std::path::{Path, PathBuf};

/// What reading the file came to.
#[derive(Debug)]
pub(crate) enum Read {
    /// What it holds, usually an object; an empty file is an empty object.
    Settings(Value),
    /// There is no file.
    Missing,
    /// It is no YAML; the detail.
    Malformed(String),
}

/// The file's path: as given, or in the home folder.
pub(crate) fn path(given: Option<PathBuf>, home: Option<&str>) -> PathBuf {
    match (given, home) {
        (Some(path), Some(home)) => match path.strip_prefix("~") {
            Ok(rest) => Path::new(home).join(rest),
            Err(_) => path,
        },
        (Some(path), None) => path,
        (None, home) => Path::new(home.unwrap_or("~")).join(".chaostoolkit").join("settings.yaml"),
    }
}

/// Reads the file.
pub(crate) fn read(path: &Path) -> Result<Read, Problem> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Read::Missing);
        }
        Err(error) => {
            return Err(Problem::new(format!(
                "could not read the settings file {}: {error}",
                path.display()
            ))
            .hint("--settings PATH takes another"));
        }
    };
    Ok(match load(&bytes, Format::Yaml) {
        Ok(draft) if draft.document.is_null() => Read::Settings(Value::Object(Object::default())),
        Ok(draft) => Read::Settings(draft.document),
        Err(error) => Read::Malformed(error.to_string()),
    })
}

/// Settings as a run needs them: an object.
pub(crate) fn as_object(settings: Value, path: &Path) -> Result<Object, Problem> {
    match settings {
        Value::Object(object) => Ok(object),
        other => Err(Problem::new(format!(
            "the settings file {} must hold an object, not {}",
            path.display(),
            kind(&other)
        ))),
    }
}

/// The controls that hold for every experiment, by their names.
pub(crate) fn controls(settings: &Object) -> Result<impl Iterator<Item = (&String, &Value)>, Problem> {
    match settings.get("controls") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(controls)) => Ok(Some(controls)),
        Some(other) => {
            Err(Problem::new(format!("`controls` in the settings must be an object, not {}", kind(other))))
        }
    }
    .map(|controls| controls.into_iter().flatten())
}

/// `runtime.{of}.strategy`, if it is given.
pub(crate) fn strategy<'a>(settings: &'a Object, of: &str) -> Result<Option<&'a Value>, Problem> {
    let wrong = |path: String, value: &Value| {
        Problem::new(format!("`{path}` in the settings must be an object, not {}", kind(value)))
    };
    let runtime = match settings.get("runtime") {
        None => return Ok(None),
        Some(Value::Object(runtime)) => runtime,
        Some(other) => return Err(wrong("runtime".to_owned(), other)),
    };
    match runtime.get(of) {
        None => Ok(None),
        Some(Value::Object(section)) => Ok(section.get("strategy")),
        Some(other) => Err(wrong(format!("runtime.{of}"), other)),
    }
}
