//! `journal.json`, in the Toolkit's exact shape: keys, their order, its JSON dialect.
//!
//! Invariant: the journal is a function of a run's records, complete or not: a run that was killed gives a valid journal of
//! what it came to. Records are read several times rather than kept, so that of many large outputs only those are in
//! memory at once that ended before an activity that began earlier.
//!
//! Not here: when a journal is written, and whether a run without its end is still going on.

mod facts;
mod judged;
mod kept;
mod out;
mod scan;
mod there;

use crate::time;
use facts::{Activity, Facts, State};
use out::Out;
use scan::{Entry, Scan};
use squall_experiment::event::{ActivityId, Ending, Listed, Record, Sought};
use squall_experiment::{Object, Value};
use std::collections::BTreeSet;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

pub use kept::Kept;
pub use there::{There, there};

/// The version of the Toolkit's library whose journal this is.
pub const CHAOSLIB_VERSION: &str = "1.44.0";

/// The members of a journal.
const MEMBERS: [&str; 12] = [
    "chaoslib-version",
    "platform",
    "node",
    "experiment",
    "start",
    "status",
    "deviated",
    "steady_states",
    "run",
    "rollbacks",
    "end",
    "duration",
];

/// Why there is no journal.
#[derive(Debug)]
pub enum NoJournal {
    /// The records cannot be read.
    Records(String),
    /// There is no record of a run's start.
    NoRun,
    /// It cannot be written.
    Write {
        /// Where to, if to a file.
        path: Option<PathBuf>,
        /// Why not.
        error: io::Error,
    },
}
impl fmt::Display for NoJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoJournal::Records(why) => {
                write!(f, "could not write the journal: the event log cannot be read: {why}")
            }
            NoJournal::NoRun => f.write_str("could not write the journal: the event log holds no run"),
            NoJournal::Write { path: None, error } => write!(f, "could not write the journal: {error}"),
            NoJournal::Write { path: Some(path), error } => {
                write!(f, "could not write the journal {}: {error}", path.display())
            }
        }
    }
}
impl std::error::Error for NoJournal {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            NoJournal::Write { error, .. } => Some(error),
            NoJournal::Records(_) | NoJournal::NoRun => None,
        }
    }
}
impl From<io::Error> for NoJournal {
    fn from(error: io::Error) -> NoJournal {
        NoJournal::Write { path: None, error }
    }
}

/// Writes the journal of the run whose records `source` gives, from the first on each time it is called.
///
/// # Errors
/// The records cannot be read or hold no run, or `out` cannot be written.
pub fn write<R, E>(source: impl Fn(Sought) -> Result<R, E>, out: &mut impl Write) -> Result<(), NoJournal>
where
    R: Iterator<Item = Result<Record, E>>,
    E: fmt::Display,
{
    let facts = facts(&source)?;
    let mut buffered = BufWriter::with_capacity(64 * 1024, out);
    let mut journal = Journal { source, facts: &facts, out: Out::new(&mut buffered) };
    journal.write()?;
    buffered.flush()?;
    Ok(())
}

/// What has to be known of a run first. Of its outputs that is nothing, unless probes judge them.
fn facts<R, E>(source: &impl Fn(Sought) -> Result<R, E>) -> Result<Facts, NoJournal>
where
    R: Iterator<Item = Result<Record, E>>,
    E: fmt::Display,
{
    let gather = |sought| Facts::gather(scan::read(source(sought)))?.ok_or(NoJournal::NoRun);
    let facts = gather(Sought::Outline)?;
    if facts.judged.is_nothing() { Ok(facts) } else { gather(Sought::All) }
}

/// The same journal on one line of ASCII, as it is sent.
///
/// # Errors
/// The records cannot be read or hold no run.
pub(crate) fn line<R, E>(source: impl Fn(Sought) -> Result<R, E>) -> Result<String, NoJournal>
where
    R: Iterator<Item = Result<Record, E>>,
    E: fmt::Display,
{
    let facts = facts(&source)?;
    let mut line = Vec::new();
    Journal { source, facts: &facts, out: Out::on_one_line(&mut line) }.write()?;
    String::from_utf8(line).map_err(|error| io::Error::other(error).into())
}

/// The records of a source, whatever its errors are.
pub(crate) fn records<R, E>(source: Result<R, E>) -> impl Iterator<Item = Result<Record, NoJournal>>
where
    R: Iterator<Item = Result<Record, E>>,
    E: fmt::Display,
{
    scan::read(source)
}

/// Writes the journal to a file, over an older one. A regular file appears whole or not at all; what is no regular file
/// (`/dev/stdout`) is written to directly.
///
/// # Errors
/// As [`write()`]; an older file is then still there.
pub fn write_file<R, E>(source: impl Fn(Sought) -> Result<R, E>, path: &Path) -> Result<(), NoJournal>
where
    R: Iterator<Item = Result<Record, E>>,
    E: fmt::Display,
{
    let at_path = |error: io::Error| NoJournal::Write { path: Some(path.to_owned()), error };
    let named = |error: NoJournal| match error {
        NoJournal::Write { path: None, error } => at_path(error),
        other => other,
    };
    let old = fs::metadata(path).ok();
    if old.as_ref().is_some_and(|old| !old.is_file()) {
        let mut file = OpenOptions::new().write(true).open(path).map_err(at_path)?;
        return write(source, &mut file).map_err(named);
    }
    // A link stays a link: what it points to is written anew.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let Ok((draft, mut file)) = draft_beside(&target) else {
        // The folder takes no new file, but perhaps the old one can be written to; if not, this says why.
        let mut file = File::create(path).map_err(at_path)?;
        return write(source, &mut file).map_err(named);
    };
    let written = write(source, &mut file)
        .and_then(|()| Ok(file.sync_all()?))
        .and_then(|()| Ok(old.map_or(Ok(()), |old| file.set_permissions(old.permissions()))?))
        .and_then(|()| Ok(fs::rename(&draft, &target)?));
    if written.is_err() {
        // It may be gone already, and there is nothing to do about it otherwise.
        let _ = fs::remove_file(&draft);
    }
    written.map_err(named)
}

/// Removes what a process that was killed while it wrote the journal at `path` left beside it.
pub fn remove_draft(path: &Path, process: u32) {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if let Some(draft) = draft_of(&target, process) {
        // Most often there is none.
        let _ = fs::remove_file(draft);
    }
}

/// A new file in the folder of `target`.
fn draft_beside(target: &Path) -> io::Result<(PathBuf, File)> {
    let draft = draft_of(target, std::process::id()).ok_or(io::ErrorKind::InvalidInput)?;
    let file = File::create(&draft)?;
    Ok((draft, file))
}

/// Where a process writes a journal before it takes its name.
fn draft_of(target: &Path, process: u32) -> Option<PathBuf> {
    let name = target.file_name()?.to_string_lossy();
    Some(target.with_file_name(format!(".{name}.{process}.new")))
}

struct Journal<'a, S, W> {
    source: S,
    facts: &'a Facts,
    out: Out<'a, W>,
}

impl<S, R, E, W> Journal<'_, S, W>
where
    S: Fn(Sought) -> Result<R, E>,
    R: Iterator<Item = Result<Record, E>>,
    E: fmt::Display,
    W: Write,
{
    fn write(&mut self) -> Result<(), NoJournal> {
        let facts = self.facts;
        self.out.open('{')?;
        self.member("chaoslib-version", &CHAOSLIB_VERSION.into())?;
        self.member("platform", &facts.platform.as_str().into())?;
        self.member("node", &facts.node.as_str().into())?;
        let judged = facts.judged.experiment(&facts.experiment);
        self.member("experiment", judged.as_ref().unwrap_or(&facts.experiment))?;
        self.member("start", &time::iso(facts.started).into())?;
        self.member("status", &facts.status.word().into())?;
        self.member("deviated", &facts.deviated.into())?;
        if self.is_ours("steady_states")? {
            self.out.key("steady_states")?;
            self.out.open('{')?;
            self.out.key("before")?;
            self.states(facts.before.as_slice(), true)?;
            self.out.key("after")?;
            self.states(facts.after.as_slice(), true)?;
            self.out.key("during")?;
            self.states(&facts.during, false)?;
            self.out.close('}')?;
        }
        if self.is_ours("run")? {
            self.out.key("run")?;
            self.activities(&facts.method)?;
        }
        if self.is_ours("rollbacks")? {
            self.out.key("rollbacks")?;
            self.activities(&facts.rollbacks)?;
        }
        self.member("end", &time::iso(facts.ended).into())?;
        self.member("duration", &time::seconds(facts.started, facts.ended).into())?;
        for (key, value) in facts.changed.iter().filter(|(key, _)| !MEMBERS.contains(&key.as_str())) {
            self.out.named(key, value)?;
        }
        self.out.close('}')?;
        Ok(())
    }

    /// A member, unless a control made something else of it.
    fn member(&mut self, key: &str, value: &Value) -> io::Result<()> {
        if self.is_ours(key)? {
            self.out.member(key, value)?;
        }
        Ok(())
    }

    /// Whether a member is as the run made it; one that a control replaced is written in its place.
    fn is_ours(&mut self, key: &str) -> io::Result<bool> {
        let facts = self.facts;
        if let Some(value) = facts.changed.get(key) {
            self.out.member(key, value)?;
            return Ok(false);
        }
        Ok(!facts.removed.iter().any(|removed| removed == key))
    }

    /// A list of states, or the only one, or null.
    fn states(&mut self, states: &[State], only: bool) -> Result<(), NoJournal> {
        if only && states.is_empty() {
            return Ok(self.out.value(&Value::Null)?);
        }
        let mut scan = self.scan(played(states.iter().flat_map(|state| &state.probes)));
        if !only {
            self.out.open('[')?;
        }
        for state in states {
            if !only {
                self.out.item()?;
            }
            self.out.open('{')?;
            for (key, value) in state.members() {
                match value {
                    Some(value) => self.out.named(key, &value)?,
                    None => {
                        self.out.key("probes")?;
                        self.list(&state.probes, &mut scan)?;
                    }
                }
            }
            self.out.close('}')?;
        }
        if !only {
            self.out.close(']')?;
        }
        Ok(())
    }

    fn activities(&mut self, runs: &[Listed]) -> Result<(), NoJournal> {
        let mut scan = self.scan(played(runs));
        self.list(runs, &mut scan)
    }

    fn list(
        &mut self,
        runs: &[Listed],
        scan: &mut Scan<impl Iterator<Item = Result<Record, NoJournal>>>,
    ) -> Result<(), NoJournal> {
        self.out.open('[')?;
        for run in runs {
            match run {
                Listed::Played(id) => self.record(*id, scan)?,
                Listed::Added(value) => {
                    self.out.item()?;
                    self.out.value(value)?;
                }
            }
        }
        self.out.close(']')?;
        Ok(())
    }

    fn scan(
        &self,
        wanted: BTreeSet<ActivityId>,
    ) -> Scan<impl Iterator<Item = Result<Record, NoJournal>> + use<S, R, E, W>> {
        // Nothing is read for nothing.
        let records = (!wanted.is_empty()).then(|| scan::read((self.source)(Sought::Activities)));
        Scan::new(records.into_iter().flatten(), wanted)
    }

    fn record(
        &mut self,
        id: ActivityId,
        scan: &mut Scan<impl Iterator<Item = Result<Record, NoJournal>>>,
    ) -> Result<(), NoJournal> {
        let Some(activity) = self.facts.activities.get(&id) else { return Ok(()) };
        let Some(entry) = scan.take(id, activity.ends, activity.changes)? else { return Ok(()) };
        self.out.item()?;
        let mut record = run_record(activity, entry);
        if let Some(declared) = record.get_mut("activity")
            && let Some(judged) = self.facts.judged.probe(declared)
        {
            *declared = judged.clone();
        }
        self.out.value(&Value::Object(record))?;
        Ok(())
    }
}

/// The activities in a list of records.
fn played<'a>(runs: impl IntoIterator<Item = &'a Listed>) -> BTreeSet<ActivityId> {
    let id = |run: &Listed| match run {
        Listed::Played(id) => Some(*id),
        Listed::Added(_) => None,
    };
    runs.into_iter().filter_map(id).collect()
}

/// The record of an activity, as controls see it too.
fn run_record(activity: &Activity, entry: Entry) -> Object {
    let mut record = match entry.record {
        Some(Value::Object(record)) => record,
        Some(_) | None => told(activity, entry.activity, entry.ending),
    };
    if let Some(met) = activity.tolerance_met {
        record.shift_remove("tolerance_met");
        record.insert("tolerance_met".to_owned(), met.into());
    }
    record
}

/// What the run itself tells of an activity.
fn told(activity: &Activity, declared: Value, ending: Option<Ending>) -> Object {
    let mut record = Object::default();
    let mut member = |key: &str, value: Value| {
        record.insert(key.to_owned(), value);
    };
    member("activity", declared);
    let status = match &ending {
        Some(Ending::Succeeded { .. }) => Some("succeeded"),
        Some(Ending::Failed { .. }) => Some("failed"),
        Some(Ending::Interrupted) | None => None,
    };
    let (output, message) = match ending {
        Some(Ending::Succeeded { output }) => (output, None),
        Some(Ending::Failed { message, traceback, .. }) => (Value::Null, Some((message, traceback))),
        Some(Ending::Interrupted) | None => (Value::Null, None),
    };
    member("output", output);
    member("start", time::iso(activity.started).into());
    if let Some(status) = status {
        member("status", status.into());
    }
    if let Some((message, traceback)) = message {
        member("exception", exception(&message, traceback));
    }
    if let Some(ended) = activity.ended {
        member("end", time::iso(ended).into());
        member("duration", time::seconds(activity.started, ended).into());
    }
    record
}

/// The lines of a traceback as Python's `format_exception` gives them, each with its newline.
fn exception(message: &str, traceback: Vec<String>) -> Value {
    let first = format!("{}\n", crate::line::TRACEBACK);
    let last = format!("chaoslib.exceptions.ActivityFailed: {message}\n");
    let lines = std::iter::once(first).chain(traceback).chain([last]);
    Value::List(lines.map(Value::from).collect())
}

#[cfg(test)]
mod tests;
