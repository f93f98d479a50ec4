//! Whose journal lies at a path already, so that a late one does not take the place of a better one.
//!
//! Invariant: nothing is written, and little is held: a journal is read line by line, which its shape allows.

use super::{Facts, NoJournal, scan};
use crate::time;
use squall_experiment::event::{Record, Sought};
use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader};
use std::path::Path;

/// What is at the path of a run's journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum There {
    /// Nothing.
    Nothing,
    /// An earlier run's journal, which that of this run would have taken the place of.
    Earlier,
    /// This run's journal, of no more than its records tell.
    Same,
    /// This run's journal, of more than its records tell: its disk took no more of them.
    Fuller,
    /// A later run's journal.
    Later,
    /// A file that is no journal, or not a whole one.
    NoJournal,
    /// No file at all: a folder, a pipe, a terminal.
    NoFile,
}

/// Says what is at `path`, seen from the run whose records `source` gives.
///
/// # Errors
/// The records cannot be read or hold no run, or what is there cannot be read.
pub fn there<R, E>(source: impl Fn(Sought) -> Result<R, E>, path: &Path) -> Result<There, NoJournal>
where
    R: Iterator<Item = Result<Record, E>>,
    E: fmt::Display,
{
    let at_path = |error: io::Error| NoJournal::Write { path: Some(path.to_owned()), error };
    match fs::metadata(path) {
        Ok(there) if !there.is_file() => return Ok(There::NoFile),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(There::Nothing),
        Err(error) => return Err(at_path(error)),
    }
    let Some(Ends { node, start, end }) = Ends::read(path).map_err(at_path)? else {
        return Ok(There::NoJournal);
    };
    let facts = Facts::gather(scan::read(source(Sought::All)))?.ok_or(NoJournal::NoRun)?;
    let (started, ended) = (time::iso(facts.started), time::iso(facts.ended));
    // Times of one form and zone are in the order of their letters.
    Ok(if start > started || (start == started && node != facts.node) {
        There::Later
    } else if start < started {
        There::Earlier
    } else if end > ended {
        There::Fuller
    } else {
        There::Same
    })
}

/// What tells one run's journal from another's.
#[derive(Debug)]
struct Ends {
    node: String,
    start: String,
    end: String,
}

impl Ends {
    /// Reads them where the Toolkit's journals and ours have them: each on a line of its own, two blanks deep.
    fn read(path: &Path) -> io::Result<Option<Ends>> {
        let (mut node, mut start, mut end) = (None, None, None);
        let mut lines = BufReader::new(File::open(path)?).split(b'\n');
        let mut last = match lines.next().transpose()? {
            Some(line) if line == b"{" => line,
            Some(_) | None => return Ok(None),
        };
        for line in lines {
            let line = line?;
            let member = |key: &str| -> Option<String> {
                let value =
                    line.strip_prefix(b"  \"")?.strip_prefix(key.as_bytes())?.strip_prefix(b"\": ")?;
                serde_json::from_slice(value.strip_suffix(b",").unwrap_or(value)).ok()
            };
            node = node.or_else(|| member("node"));
            start = start.or_else(|| member("start"));
            end = end.or_else(|| member("end"));
            last = line;
        }
        // One that broke off half-way has no last brace.
        let whole = last == b"}";
        Ok(match (node, start, end) {
            (Some(node), Some(start), Some(end)) if whole => Some(Ends { node, start, end }),
            _ => None,
        })
    }
}
