//! Commands that extensions in Python add to the command line: packages announce them as entry points of the group
//! `chaostoolkit.cli_plugins`.
//!
//! Invariant: Python is started only for a word that is none of our commands; if no extension has it either, the usage error is the
//! one that was due. The command has the terminal's streams, its exit code is ours, and nothing of ours runs beside it.

use crate::arguments::{Global, Told};
use crate::session::Session;
use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// Becomes the command, if `told` is about a word that might be one; returns if there is no Python to ask.
pub(crate) fn become_it(told: &Told, line: &[OsString]) {
    let Some(word) = told.unknown_command() else { return };
    // The first place where what stands before the word are whole options of ours.
    let places = line.iter().enumerate().skip(1).filter(|(_, it)| *it == word);
    let found = places.into_iter().find_map(|(index, _)| {
        let before = line.get(..index)?.iter().cloned().chain(["schema".into()]);
        Some((Global::read(before).ok()?.0, line.get(index + 1..)?))
    });
    let Some((mut global, rest)) = found else { return };
    let folder = global.change_dir.clone();
    global.no_log_file = true;
    let Ok(session) = Session::open(global, word) else { return };
    // What they say of the interpreter counts; whether they can be read is the command's business.
    let _ = session.settings();
    let Ok(program) = session.interpreter() else { return };
    let mut command = Command::new(program.path);
    command.arg("-c").arg(squall_drivers::python::COMMAND);
    command.arg(word).arg(&session.settings_path).arg(told.text()).args(rest);
    command.envs(program.variables);
    if let Some(folder) = folder {
        command.current_dir(folder);
    }
    // If it cannot be started, the word is one that nobody knows.
    let _ = command.exec();
}
