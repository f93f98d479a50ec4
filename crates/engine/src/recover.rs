//! Putting back what earlier runs left behind, from their logs alone.
//!
//! Invariant: a run that is still going on is never touched (it holds the lock of its log); restoring twice is harmless,
//! because what was put back is written to the same log.

use crate::environment::{Environment, Handles};
use crate::failure::Failure;
use crate::ledger::{Ledger, OpenUndo};
use crate::log::{self, EventLog, Resumed};
use crate::run::{listen, restore_all};
use crate::spec::Catalog;
use crate::stage::Stage;
use crate::stop::{Signal, Stopper};
use crate::story::{Clock, Observer, Story};
use jiff::Timestamp;
use squall_experiment::event::{Event, Level, Record, RunId, Status};
use squall_experiment::python;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::mpsc;

/// An earlier run, as its log tells it.
#[derive(Clone, Debug)]
pub struct EarlierRun {
    /// Its name.
    pub run: RunId,
    /// Its log.
    pub path: PathBuf,
    /// When it began.
    pub started: Option<Timestamp>,
    /// Title of its experiment.
    pub title: String,
    /// The experiment's file or URL as it was given.
    pub source: String,
    /// Process id.
    pub pid: Option<u32>,
    /// How it ended; `None` if it was killed, or is still going on.
    pub ended: Option<Status>,
    /// Whether it is still going on.
    pub going_on: bool,
    /// Where its journal was to be.
    pub journal: Option<PathBuf>,
    /// Where its journal is, or was once.
    pub journal_written: Option<PathBuf>,
    /// What it changed that was not put back.
    pub open: Vec<OpenUndo>,
    /// Why its log cannot be read to its end.
    pub damaged: Option<String>,
}

impl EarlierRun {
    /// Whether it was to have a journal, and never got one.
    pub fn lacks_journal(&self) -> bool {
        !self.going_on && self.journal.is_some() && self.journal_written.is_none()
    }
}

/// The runs whose logs are in `state`, oldest first.
///
/// # Errors
/// The folder cannot be read; that there is none is no error.
pub fn runs(state: &Path) -> io::Result<Vec<EarlierRun>> {
    Ok(logs(state)?.into_iter().map(|(run, path)| look(run, path)).collect())
}

/// Those of the newest `limit` of them that may have left something, oldest first: all but those whose logs say at their ends
/// that there is nothing. Of these no more than the last line is read.
///
/// # Errors
/// As [`runs`].
pub fn unsettled(state: &Path, limit: usize) -> io::Result<Vec<EarlierRun>> {
    let logs = logs(state)?;
    let older = logs.len().saturating_sub(limit);
    let newest = logs.into_iter().skip(older);
    Ok(newest.filter(|(_, path)| !is_settled(path)).map(|(run, path)| look(run, path)).collect())
}

/// Whether a log ends with the word that nothing is left. One that cannot be read is for [`look`] to complain of.
fn is_settled(path: &Path) -> bool {
    let last = log::last(path).ok().flatten();
    matches!(last, Some(Record { event: Event::JournalWritten { settled: true, .. }, .. }))
}

/// The logs in `state`, in the order of their runs' names, which is that of their beginnings.
fn logs(state: &Path) -> io::Result<Vec<(RunId, PathBuf)>> {
    let entries = match fs::read_dir(state.join("runs")) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry?;
        let path = entry.path().join(log::FILE);
        if path.is_file() {
            names.push((RunId(entry.file_name().to_string_lossy().into_owned()), path));
        }
    }
    names.sort();
    Ok(names)
}

fn look(run: RunId, path: PathBuf) -> EarlierRun {
    let mut earlier = EarlierRun {
        run,
        started: None,
        title: String::new(),
        source: String::new(),
        pid: None,
        ended: None,
        going_on: log::is_held(&path),
        journal: None,
        journal_written: None,
        open: Vec::new(),
        damaged: None,
        path,
    };
    let mut ledger = Ledger::default();
    match log::changes(&earlier.path) {
        Ok(records) => {
            for record in records {
                match record {
                    Ok(record) => {
                        match &record.event {
                            Event::RunStarted { experiment, source, pid, journal, .. } => {
                                earlier.journal = journal.as_ref().map(PathBuf::from);
                                earlier.started = Some(record.at);
                                earlier.title =
                                    experiment.get("title").map(python::str_of).unwrap_or_default();
                                earlier.source.clone_from(source);
                                earlier.pid = Some(*pid);
                            }
                            Event::RunEnded { status, .. } => earlier.ended = Some(*status),
                            Event::JournalWritten { path, .. } => {
                                earlier.journal_written = Some(PathBuf::from(path));
                            }
                            _ => {}
                        }
                        ledger.take(&record.event);
                    }
                    Err(damaged) => drop(earlier.damaged.get_or_insert(damaged.to_string())),
                }
            }
        }
        Err(error) => earlier.damaged = Some(error.to_string()),
    }
    earlier.open = ledger.open();
    earlier
}

/// Puts back what the run with the log at `path` left behind, and writes that to its log. The observers see what comes of
/// each undo. Returns how many undos there were, and how many could not be played; a damaged line counts as one of these, for
/// it may have been an undo.
///
/// # Errors
/// The log cannot be opened, or its run is still going on.
pub async fn recover(
    path: &Path,
    catalog: Catalog,
    environment: Environment,
    handles: Handles,
    clock: Clock,
    signals: mpsc::UnboundedReceiver<Signal>,
    observers: Vec<Observer>,
) -> Result<(usize, usize), Failure> {
    let Resumed { log, records, damaged } = EventLog::resume(path)?;
    let ledger = Ledger::of(records.iter().map(|record| &record.event));
    let open = ledger.open();
    let count = open.len();
    let lost =
        damaged.map(|damaged| format!("the event log {}: {damaged}; what it said is lost", path.display()));
    if count == 0 {
        return lost.map_or(Ok((0, 0)), |lost| Err(Failure::environment(lost)));
    }
    let stopper = Stopper::default();
    let (story, dispatcher) = Story::resumed(log, ledger, clock, stopper.clone(), observers);
    let stage = Stage::new(story, stopper, Arc::new(environment), Arc::new(handles), 0);
    let restored = async {
        let failed = tokio::select! {
            biased;
            () = listen(&stage, signals) => unreachable!("listening never ends"),
            failed = restore_all(&stage, catalog, open) => failed,
        };
        if let Some(text) = lost.clone() {
            stage.story.tell(Event::Noted { level: Level::Error, text });
        }
        stage.story.close();
        failed
    };
    let damages = usize::from(lost.is_some());
    let (failed, _told) = tokio::join!(restored, dispatcher.run());
    Ok((count, failed + damages))
}
