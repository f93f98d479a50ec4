//! What every command works with: the log, the environment, the settings file.
//!
//! Invariant: the process's environment is read here, once, and nowhere else (but by a program of the demo in its container,
//! which is no command).

use crate::arguments::{Global, LogFormat};
use crate::foreign::Python;
use crate::notify::Notices;
use crate::problem::Problem;
use crate::screen::Screen;
use crate::settings::{self, Read};
use crate::shared_log::{SharedLog, lock};
use crate::signals::before::Before;
use jiff::Timestamp;
use squall_engine::Environment;
use squall_experiment::Value;
use squall_experiment::event::Level;
use squall_experiment::resolve::Overrides;
use squall_report::line::Line;
use squall_report::log::{Format, Log, Options};
use squall_report::redact::Redactor;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// Commands that write no log file: the demo leaves nothing but its journals, and the others print or write what never changes, be
/// it in a shell's start-up file.
const LOGLESS: &[&str] = &["demo", "schema", "completions", "man"];

/// The token with which experiments are fetched from a server.
pub(crate) const LOADER_TOKEN: &str = "CHAOSTOOLKIT_LOADER_AUTH_BEARER_TOKEN";

/// What a command works with.
pub(crate) struct Session {
    /// Console and log file.
    pub(crate) log: SharedLog,
    /// The process's variables, with the additions of `.env` variable files.
    pub(crate) environment: Environment,
    /// The settings file.
    pub(crate) settings_path: PathBuf,
    /// What the console is: our own diagnostics appear only on a terminal.
    pub(crate) screen: Screen,
    /// Who wants to be told.
    pub(crate) notices: Notices,
    /// What nobody is to be told.
    pub(crate) redactor: Redactor,
    /// The way to extensions in Python.
    pub(crate) python: Python,
    /// The time until a run begins.
    pub(crate) before: Before,
}

impl Session {
    /// Opens the log.
    pub(crate) fn open(global: Global, word: &str) -> Result<Session, Problem> {
        let environment = Environment::new(
            std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
        );
        let for_people = global.log_format == LogFormat::String;
        let screen = Screen::new(for_people, word == "run", environment.get("TERM"));
        let options = |file| Options {
            verbose: global.verbose,
            format: match global.log_format {
                LogFormat::String => Format::Text,
                LogFormat::Json => Format::Json,
            },
            colours: screen.colours,
            file,
            file_level: level(&global.log_file_level),
            zone: jiff::tz::TimeZone::system(),
            process: std::process::id(),
            context: uuid::Uuid::new_v4().to_string(),
        };
        let file = (!global.no_log_file && !LOGLESS.contains(&word)).then_some(global.log_file);
        let (log, unlogged) = match Log::new(options(file), screen.console()) {
            Ok(log) => (log, None),
            // Putting back what was broken must not wait for a log file.
            Err(error) if word == "recover" => {
                let log = Log::new(options(None), screen.console());
                (log.map_err(|error| Problem::new(error.to_string()))?, Some(error.to_string()))
            }
            Err(error) => {
                return Err(
                    Problem::new(error.to_string()).hint("--log-file PATH takes another, --no-log-file none")
                );
            }
        };
        let settings_path = settings::path(global.settings, environment.get("HOME"));
        let python = Python::new(global.python, global.prefer_python, global.native_only);
        let redactor = Redactor::default();
        if let Some(token) = environment.get(LOADER_TOKEN) {
            redactor.add(&Value::from(token));
        }
        let log = Arc::new(Mutex::new(log.hiding(redactor.clone())));
        let notices = Notices::default();
        let session = Session {
            log,
            environment,
            settings_path,
            screen,
            notices,
            redactor,
            python,
            before: Before::default(),
        };
        session.say(Line::debug("#".repeat(79)));
        session.say(Line::debug(format!("Running command '{word}'")));
        if let Some(error) = unlogged {
            session.say(Line::warning(format!("{error}; going on without a log file")));
        }
        Ok(session)
    }

    /// Moves to another folder; the log file stays where it is.
    pub(crate) fn move_to(&self, folder: &Path) -> Result<(), Problem> {
        self.say(Line::warning(format!("Moving to {}", folder.display())));
        std::env::set_current_dir(folder).map_err(|error| {
            Problem::new(format!("could not change to the folder {}: {error}", folder.display()))
        })
    }

    /// Writes a line to console and log file.
    pub(crate) fn say(&self, line: Line) {
        lock(&self.log).line(&line, Timestamp::now());
    }

    /// The settings; `None` if there is no file that can be read.
    pub(crate) fn settings(&self) -> Result<Option<Value>, Problem> {
        let path = self.settings_path.display();
        match settings::read(&self.settings_path)? {
            Read::Settings(settings) => {
                self.say(Line::debug(format!("Using settings file '{path}'")));
                settings.as_object().into_iter().for_each(|settings| self.redactor.settings(settings));
                settings.as_object().into_iter().for_each(|settings| self.python.settings(settings));
                Ok(Some(settings))
            }
            Read::Missing => {
                let text = format!("The Chaos Toolkit settings file could not be found at '{path}'.");
                self.say(Line::debug(text));
                Ok(None)
            }
            Read::Malformed(detail) => {
                self.say(Line::error(format!("Failed parsing YAML settings: {detail}")));
                Ok(None)
            }
        }
    }

    /// Makes known what must not be told: what the experiment declares, and what is given in its place.
    pub(crate) fn hide(&self, experiment: &Value, overrides: &Overrides) {
        self.redactor.declare(experiment, &|name| self.environment.get(name).map(str::to_owned));
        self.redactor.configured(&overrides.configuration);
        self.redactor.add(&Value::Object(overrides.secrets.clone()));
    }

    /// The folder in which runs are remembered.
    pub(crate) fn state(&self) -> Result<PathBuf, Problem> {
        let set = |name| self.environment.get(name).filter(|value| !value.is_empty());
        if std::env::var_os("CHAOS_STATE_DIR").is_some_and(|folder| folder.to_str().is_none()) {
            // Another folder in its place would hide what is written there from `chaos recover`.
            return Err(
                Problem::new("CHAOS_STATE_DIR is not valid UTF-8").hint("set it to a folder whose name is")
            );
        }
        if let Some(folder) = set("CHAOS_STATE_DIR") {
            return Ok(PathBuf::from(folder));
        }
        if let Some(folder) = set("XDG_STATE_HOME") {
            return Ok(Path::new(folder).join("chaos"));
        }
        match set("HOME") {
            Some(home) => Ok(Path::new(home).join(".local").join("state").join("chaos")),
            None => Err(Problem::new("there is no folder to remember runs in, for HOME is not set")
                .hint("set CHAOS_STATE_DIR to a folder that can be written")),
        }
    }
}

fn level(word: &str) -> Level {
    match word {
        "error" => Level::Error,
        "warning" => Level::Warning,
        "info" => Level::Info,
        _ => Level::Debug,
    }
}
