//! The journal of a run that was killed, or could not write it: written late, from its event log.
//!
//! Invariant: a better journal never gives way: one of a later run, one that holds more than the log, a file that is no
//! journal. Then this one goes into the folder of its run. Secrets were taken out of the log when it was written.

use crate::problem::Problem;
use crate::run::journal::{mark, records};
use crate::session::Session;
use squall_engine::log::{self, EventLog};
use squall_engine::recover::EarlierRun;
use squall_experiment::event::{Event, Sought};
use squall_experiment::python::str_of;
use squall_report::journal::{self, There};
use squall_report::line::Line;
use std::collections::BTreeMap;
use std::path::{self, Path, PathBuf};

/// The name of a journal in the folder of its run.
const FILE: &str = "journal.json";

/// Writes the journal of `run` if it has none, or to where somebody wants it; says so.
pub(super) fn write(run: &EarlierRun, wanted: Option<&Path>, session: &Session) -> Result<(), Problem> {
    if run.damaged.is_some() && run.started.is_none() && wanted.is_none() {
        // Of what run it is a log cannot even be told, and whoever restores says so.
        return Ok(());
    }
    if run.started.is_none() && run.damaged.is_none() {
        session.say(Line::info(format!(
            "run {} was killed before it began: it changed nothing, and there is nothing to write a journal of",
            run.run
        )));
        return Ok(());
    }
    // What an older version ended has one, although the log does not say where.
    let has_one = run.journal_written.is_some() || (run.journal.is_none() && run.ended.is_some());
    if has_one && wanted.is_none() {
        return Ok(());
    }
    // The lock keeps another recovery from writing the same file.
    let mut log = EventLog::resume(&run.path)?.log;
    let written = match wanted {
        Some(wanted) => {
            to(run, wanted)?;
            wanted.to_owned()
        }
        None => to_its_place(run, session)?,
    };
    session.say(Line::info(format!("the journal of run {} is in {}", run.run, written.display())));
    let settled = run.open.is_empty() && run.damaged.is_none();
    mark(&mut log, &path::absolute(&written).unwrap_or(written), settled);
    if !has_one && run.ended.is_none() {
        for (name, program) in programs_going_on(run) {
            session.say(Line::warning(format!(
                "the program `{program}` of `{name}` was running when run {} was killed; if it still is, end it",
                run.run
            )));
        }
    }
    Ok(())
}

/// The process activities that had not ended when the run was killed, and their programs: those outlive it, and nobody knows
/// what they do.
fn programs_going_on(run: &EarlierRun) -> Vec<(String, String)> {
    let mut going_on = BTreeMap::new();
    for record in log::read(&run.path, Sought::Activities).into_iter().flatten().map_while(Result::ok) {
        match record.event {
            Event::ActivityStarted { id, activity, .. } => {
                let of = |key| activity.get("provider").and_then(|provider| provider.get(key)).map(str_of);
                if of("type").as_deref() == Some("process") {
                    let name = activity.get("name").map(str_of).unwrap_or_default();
                    going_on.insert(id, (name, of("path").unwrap_or_default()));
                }
            }
            Event::ActivityEnded { id, .. } => drop(going_on.remove(&id)),
            _ => {}
        }
    }
    going_on.into_values().collect()
}

/// Where the run was to write it, or else into its own folder; where that was.
fn to_its_place(run: &EarlierRun, session: &Session) -> Result<PathBuf, Problem> {
    let why = match &run.journal {
        None => None,
        Some(place) => {
            let shown = place.display();
            match journal::there(records(&run.path, &[]), place) {
                Ok(There::Fuller) => return Ok(place.clone()),
                Ok(There::Nothing | There::Earlier | There::Same) => match to(run, place) {
                    Ok(()) => return Ok(place.clone()),
                    Err(problem) => Some(problem.to_string()),
                },
                Ok(There::Later) => Some(format!("{shown} holds the journal of a later run")),
                Ok(There::NoJournal) => Some(format!("{shown} holds something else than a journal")),
                Ok(There::NoFile) => Some(format!("{shown} is no file")),
                Err(error) => Some(error.to_string()),
            }
        }
    };
    let own = run.path.with_file_name(FILE);
    to(run, &own)?;
    if let Some(why) = why {
        session.say(Line::warning(format!("{why}; the journal went to the folder of its run")));
    }
    Ok(own)
}

fn to(run: &EarlierRun, place: &Path) -> Result<(), Problem> {
    if let Some(process) = run.pid {
        journal::remove_draft(place, process);
    }
    crate::run::journal::write(place, &run.path, &[])
}
