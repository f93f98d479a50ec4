//! Reading a log: all of it, what activities gave, what is about changes, or its last word.
//!
//! Invariant: a torn last line is no record, whoever reads; no more of a log is held at once than one line.

use super::AT_ONCE;
use squall_experiment::event::{Event, FORMAT, HEAD, Record, Sought, event_of};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;

/// The records of a log file that are `sought`, one after the other, without holding them all. A torn last line ends it.
///
/// # Errors
/// It cannot be opened.
pub fn read(path: &Path, sought: Sought) -> io::Result<impl Iterator<Item = Result<Record, Damaged>>> {
    let mut lines = BufReader::new(File::open(path)?);
    let mut number = 0;
    let mut line = Vec::new();
    Ok(std::iter::from_fn(move || {
        loop {
            line.clear();
            // What one long line took is given back.
            line.shrink_to(AT_ONCE);
            number += 1;
            match lines.read_until(b'\n', &mut line) {
                Ok(_) if line.last() != Some(&b'\n') => return None,
                Ok(_) if event_of(&line).is_some_and(|event| !sought.includes(event)) => {}
                Ok(_) => return Some(record(&line, number, sought)),
                Err(error) => {
                    return Some(Err(Damaged { line: number, why: error.to_string(), newer: false }));
                }
            }
        }
    }))
}

/// The last record of a log, unless it is a long one or torn: no more than a few KB are read.
///
/// # Errors
/// It cannot be read.
pub fn last(path: &Path) -> io::Result<Option<Record>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LAST)))?;
    let mut tail = Vec::new();
    file.take(LAST).read_to_end(&mut tail)?;
    let Some(lines) = tail.strip_suffix(b"\n") else { return Ok(None) };
    let line = match lines.iter().rposition(|byte| *byte == b'\n') {
        Some(before) => &lines[before + 1..],
        None if length <= LAST => lines,
        None => return Ok(None),
    };
    Ok(Record::read(line).ok())
}

/// A path, however long, and what stands around it in a record.
const LAST: u64 = 32 << 10;

/// A line that is no record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} is not a record that this version can read: {why}")]
pub struct Damaged {
    /// Counted from 1.
    pub line: usize,
    /// What the reader says.
    pub why: String,
    /// Whether a newer version wrote it, so that nothing behind it can be trusted to be understood.
    pub newer: bool,
}

/// The events that tell what is changed and what is put back, and of which run. Others may be as long as an output.
const OF_CHANGES: [&str; 6] = ["run-started", "armed", "restored", "heals", "run-ended", "journal-written"];

/// What a log says about changes, without reading what else it holds. A torn last line ends it.
///
/// # Errors
/// It cannot be opened.
pub fn changes(path: &Path) -> io::Result<Changes> {
    Ok(Changes { lines: BufReader::new(File::open(path)?), number: 0, good: 0 })
}

/// The lines of a log that are about changes.
#[derive(Debug)]
pub struct Changes {
    lines: BufReader<File>,
    number: usize,
    /// Length of the complete lines so far.
    pub(super) good: u64,
}

impl Changes {
    /// The next complete line, if it is about a change, or cannot be told.
    fn line(&mut self) -> io::Result<Option<Result<Option<Record>, Damaged>>> {
        let mut line = Vec::new();
        self.number += 1;
        let mut length = (&mut self.lines).take(HEAD as u64).read_until(b'\n', &mut line)? as u64;
        if length == 0 {
            return Ok(None);
        }
        let about = event_of(&line).map(|event| OF_CHANGES.contains(&event));
        let mut complete = line.last() == Some(&b'\n');
        if !complete {
            let mut rest = Vec::new();
            length += match about {
                Some(false) => {
                    let (skipped, ended) = skip_line(&mut self.lines)?;
                    complete = ended;
                    skipped
                }
                Some(true) | None => {
                    let read = self.lines.read_until(b'\n', &mut rest)? as u64;
                    complete = rest.last() == Some(&b'\n');
                    read
                }
            };
            line.append(&mut rest);
        }
        if !complete {
            return Ok(None);
        }
        self.good += length;
        Ok(Some(match about {
            Some(false) => Ok(None),
            Some(true) | None => record(&line, self.number, Sought::All).map(Some),
        }))
    }
}

/// Skips the rest of a line without holding it: how long it was, and whether it ended.
fn skip_line(lines: &mut impl BufRead) -> io::Result<(u64, bool)> {
    let mut skipped = 0;
    loop {
        let bytes = lines.fill_buf()?;
        let (used, ended) = match bytes.iter().position(|byte| *byte == b'\n') {
            Some(end) => (end + 1, true),
            None => (bytes.len(), bytes.is_empty()),
        };
        let ended_here = ended && used > 0;
        lines.consume(used);
        skipped += used as u64;
        if ended {
            return Ok((skipped, ended_here));
        }
    }
}

impl Iterator for Changes {
    type Item = Result<Record, Damaged>;

    fn next(&mut self) -> Option<Result<Record, Damaged>> {
        loop {
            match self.line() {
                Ok(None) => return None,
                Ok(Some(Ok(None))) => {}
                Ok(Some(Ok(Some(record)))) => return Some(Ok(record)),
                Ok(Some(Err(damaged))) => return Some(Err(damaged)),
                Err(error) => {
                    return Some(Err(Damaged { line: self.number, why: error.to_string(), newer: true }));
                }
            }
        }
    }
}

fn record(line: &[u8], number: usize, sought: Sought) -> Result<Record, Damaged> {
    let record = Record::sought(line, sought).map_err(|error| Damaged {
        line: number,
        why: error.to_string(),
        newer: false,
    })?;
    if let Event::RunStarted { format, version, .. } = &record.event
        && *format > FORMAT
    {
        let why = format!(
            "it was written by version {version} in format {format}, this version reads up to {FORMAT}"
        );
        return Err(Damaged { line: number, why, newer: true });
    }
    Ok(record)
}
