//! The way to extensions in Python: which interpreter, and what becomes of what they log.
//!
//! Invariant: nothing of Python is looked for, let alone started, before a document asks for something that is not built in.
//! Not here: the bridge itself (`drivers::python`).

use crate::session::{Session, SharedLog, lock};
use jiff::Timestamp;
use squall_drivers::python::{Bridge, Ears, Logged, Program, Trouble};
use squall_engine::Environment;
use squall_experiment::Value;
use squall_experiment::check::{Known, Parameter};
use squall_experiment::event::Level;
use squall_experiment::python::str_of;
use squall_report::line::Line;
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// What is known of the interpreter beforehand, and the bridge to it.
pub(crate) struct Python {
    flag: Option<PathBuf>,
    setting: OnceLock<PathBuf>,
    bridge: OnceLock<Arc<Bridge>>,
}

impl Python {
    /// As the command line says.
    pub(crate) fn new(flag: Option<PathBuf>) -> Python {
        Python { flag, setting: OnceLock::new(), bridge: OnceLock::new() }
    }

    /// What the settings file says under `python`. Only the first word counts, and only before the bridge is asked for.
    pub(crate) fn settings(&self, path: &str) {
        // It is the same file however often it is read.
        let _ = self.setting.set(PathBuf::from(path));
    }
}

impl Session {
    /// The bridge, on which nothing is started before it is asked for something.
    pub(crate) fn bridge(&self) -> Arc<Bridge> {
        let bridge = self.python.bridge.get_or_init(|| {
            let program = program(&self.python, &self.environment);
            Arc::new(Bridge::new(program, Arc::new(Listener(self.log.clone()))))
        });
        bridge.clone()
    }

    /// The interpreter that would be started.
    pub(crate) fn interpreter(&self) -> Result<Program, Trouble> {
        program(&self.python, &self.environment)
    }

    /// What Python knows of a function, for validation: its module is really imported.
    pub(crate) fn signature(&self, module: &str, func: &str) -> Known {
        let body = [("module", module), ("func", func)];
        let body = body.map(|(key, value)| (key.to_owned(), Value::from(value))).into();
        match self.bridge().ask_blocking("signature", body) {
            Ok(answer) => known(&answer),
            Err(trouble) => Known::Unimportable(trouble.to_string()),
        }
    }
}

/// What the bridge says of a function.
fn known(answer: &Value) -> Known {
    let text = |key: &str| answer.get(key).map(str_of).unwrap_or_default();
    let list = |key: &str| answer.get(key).and_then(Value::as_list).unwrap_or_default();
    match answer.get("known").and_then(Value::as_text) {
        Some("module") => Known::NoFunction(list("functions").iter().map(str_of).collect()),
        Some("signature") => {
            let mut parameters = Vec::new();
            let mut open = false;
            for parameter in list("parameters") {
                let name = parameter.get("name").map(str_of).unwrap_or_default();
                let required = parameter.get("required").is_some_and(Value::is_truthy);
                match parameter.get("kind").and_then(Value::as_text) {
                    Some("VAR_KEYWORD") => open = true,
                    Some("VAR_POSITIONAL") => {}
                    Some("POSITIONAL_ONLY") if required => {
                        return Known::Uncallable(format!("'{name}' can only be given by position"));
                    }
                    Some("POSITIONAL_ONLY") => {}
                    _ => parameters.push(Parameter { name, required, schema: serde_json::Value::Bool(true) }),
                }
            }
            if open { Known::Open(parameters) } else { Known::Signature(parameters) }
        }
        Some("unreadable") => Known::Uncallable(text("why")),
        _ => Known::Unimportable(text("why")),
    }
}

/// The interpreter that is to be started.
fn program(python: &Python, environment: &Environment) -> Result<Program, Trouble> {
    let path = environment.get("PATH");
    let named = python.flag.as_ref().or(python.setting.get());
    let found = match named {
        Some(named) => {
            let name = named.to_string_lossy();
            squall_drivers::process::found(&name, path).ok_or_else(|| {
                Trouble::NoPython(format!(
                    "there is no program `{name}` (as --python or the settings name it)"
                ))
            })?
        }
        None => installed(environment).ok_or_else(|| {
            let what = "there is no python3 on PATH: install Python 3.8 or later, or name one with --python";
            Trouble::NoPython(what.to_owned())
        })?,
    };
    let variables = environment.added().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Ok(Program { path: PathBuf::from(found), variables })
}

/// The Python of the virtual environment that is active, or the first of the `PATH`.
fn installed(environment: &Environment) -> Option<String> {
    let path = environment.get("PATH");
    let active = environment.get("VIRTUAL_ENV").filter(|folder| !folder.is_empty()).and_then(|folder| {
        let program = Path::new(folder).join("bin").join("python");
        squall_drivers::process::found(&program.to_string_lossy(), path)
    });
    active
        .or_else(|| squall_drivers::process::found("python3", path))
        .or_else(|| squall_drivers::process::found("python", path))
}

/// Turns what extensions log into lines of the log.
struct Listener(SharedLog);

impl Ears for Listener {
    fn logged(&self, record: Logged) {
        let line = Line {
            level: match record.level.as_str() {
                "DEBUG" => Level::Debug,
                "INFO" => Level::Info,
                "WARNING" => Level::Warning,
                "ERROR" => Level::Error,
                "CRITICAL" => Level::Critical,
                // A level of their own.
                _ => Level::Info,
            },
            message: record.text,
            traceback: record.traceback,
            module: Cow::Owned(record.module),
            number: record.line,
        };
        lock(&self.0).line(&line, Timestamp::now());
    }

    fn signalled(&self, signal: &str) {
        let signal = match signal {
            "SIGUSR1" => rustix::process::Signal::USR1,
            "SIGUSR2" => rustix::process::Signal::USR2,
            _ => return,
        };
        // They take the way of every other signal to us.
        let _ = rustix::process::kill_process(rustix::process::getpid(), signal);
    }
}
