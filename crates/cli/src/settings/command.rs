//! `chaos settings`: reading and changing the settings file.
//!
//! Invariant: a file that cannot be written whole stays as it was. A missing file or key ends with 1 and, on a pipe, no word,
//! as scripts around the Toolkit expect; a terminal and the log file say why.

use super::key;
use super::yaml::{self, Layout};
use super::{Read, read};
use crate::arguments::{Settings, SettingsCommand};
use crate::problem::Problem;
use crate::session::Session;
use crate::{exit, stdout};
use squall_experiment::json::{self, Style};
use squall_experiment::{Value, python};
use squall_report::line::Line;
use std::fs;
use std::path::Path;

/// Does it; the exit code.
pub(crate) fn settings(arguments: &Settings, session: &Session) -> Result<u8, Problem> {
    let path = session.settings_path.as_path();
    let mut settings = match read(path)? {
        Read::Settings(settings) => settings,
        Read::Missing => {
            return Ok(missing(session, format!("there is no settings file {}", path.display())));
        }
        Read::Malformed(detail) => {
            return Err(Problem::new(format!("Failed parsing YAML settings: {detail}")));
        }
    };
    let no_key = |key: &str| Ok(missing(session, format!("there is no key {key} in {}", path.display())));
    match &arguments.command {
        SettingsCommand::Show { format } => {
            stdout::print(&shown(&settings, format))?;
        }
        SettingsCommand::Get { key, format } => match key::find(&settings, &key::steps(key)) {
            Some(value) => stdout::print(&shown(value, format))?,
            None => return no_key(key),
        },
        SettingsCommand::Set { key, value } => {
            let value = json::value(value).map_err(|error| {
                Problem::new(format!("the value is not JSON: {error}")).hint("quote text: '\"text\"'")
            })?;
            match key::find_mut(&mut settings, &key::steps(key)) {
                Some(place) => *place = value,
                None => return no_key(key),
            }
            write(path, &settings)?;
        }
        SettingsCommand::Remove { key } => {
            if !key::remove(&mut settings, &key::steps(key)) {
                return no_key(key);
            }
            write(path, &settings)?;
        }
    }
    Ok(exit::FINE)
}

fn missing(session: &Session, what: String) -> u8 {
    session.say(if session.screen.terminal { Line::error(what) } else { Line::debug(what) });
    exit::FAILED
}

fn shown(value: &Value, format: &str) -> String {
    let text = match format {
        "json" => json::to_string(value, &Style { indent: Some(2), ascii: true }),
        "string" => python::str_of(value),
        _ => yaml::document(value, Layout::SETTINGS),
    };
    text + "\n"
}

/// Writes beside the file first, so that a full disk cannot cost the settings.
fn write(path: &Path, settings: &Value) -> Result<(), Problem> {
    let beside = path.with_extension("yaml.new");
    let written = fs::write(&beside, yaml::document(settings, Layout::SETTINGS))
        .and_then(|()| fs::rename(&beside, path));
    written.map_err(|error| {
        let _ = fs::remove_file(&beside);
        Problem::new(format!(
            "could not write the settings file {}: {error}; it stays as it was",
            path.display()
        ))
    })
}
