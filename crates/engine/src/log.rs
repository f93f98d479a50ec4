//! The event log of a run: `runs/RUN/events.jsonl`, one record a line, appended and never rewritten.
//!
//! Invariant: every complete line is a record; a torn last line (a crash, a full disk) is not one and is cut off before the
//! next append. While a run or a recovery is at it, it holds an exclusive lock, so that nobody restores under its feet.

use crate::failure::Failure;
use serde::Deserialize as _;
use squall_experiment::event::{Event, FORMAT, Record, RunId};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// The name of the log within the folder of its run.
pub const FILE: &str = "events.jsonl";

/// A log that we may append to.
#[derive(Debug)]
pub struct EventLog {
    file: File,
    path: PathBuf,
    /// Length of everything that was written whole.
    good: u64,
    torn: bool,
}

impl EventLog {
    /// Makes the folder `runs/RUN` in `state` and an empty log in it, locked.
    ///
    /// # Errors
    /// The folder cannot be made or written.
    pub fn create(state: &Path, run: &RunId) -> Result<EventLog, Failure> {
        let folder = state.join("runs").join(&run.0);
        let blocked = |error: io::Error| {
            Failure::environment(format!(
                "could not create the event log in {}: {error}; without it nothing could be put back, so nothing was started",
                folder.display()
            ))
            .hint("set CHAOS_STATE_DIR to a folder that can be written")
        };
        // Outputs and manifests of deleted objects may hold secrets: they are nobody else's business.
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(blocked)?;
        let path = folder.join(FILE);
        let file = OpenOptions::new()
            .create_new(true)
            .append(true)
            .read(true)
            .mode(0o600)
            .open(&path)
            .map_err(blocked)?;
        file.lock().map_err(blocked)?;
        // The name must survive a power cut too, or the log would be a file that nobody finds.
        sync_folder(&folder).and_then(|()| sync_folder(&state.join("runs"))).map_err(blocked)?;
        Ok(EventLog { file, path, good: 0, torn: false })
    }

    /// Opens the log of an earlier run to add to it, and reads what it holds.
    ///
    /// # Errors
    /// There is none, it cannot be read, a record in it is damaged, or somebody is still at it.
    pub fn resume(path: &Path) -> Result<(EventLog, Vec<Record>), Failure> {
        let blocked = |error: &dyn std::fmt::Display| {
            Failure::environment(format!("could not open the event log {}: {error}", path.display()))
        };
        let mut file =
            OpenOptions::new().append(true).read(true).open(path).map_err(|error| blocked(&error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(blocked(&"its run is still going on, or another `chaos recover` is at it")
                    .hint("wait for it, or stop that run first (Ctrl-C, or SIGTERM to its process): it puts its changes back itself"));
            }
            Err(TryLockError::Error(error)) => return Err(blocked(&error)),
        }
        file.seek(SeekFrom::Start(0)).map_err(|error| blocked(&error))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(|error| blocked(&error))?;
        let good = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let torn = good < bytes.len();
        let records = records(&bytes[..good]).collect::<Result<_, _>>().map_err(|error| blocked(&error))?;
        Ok((EventLog { file, path: path.to_owned(), good: good as u64, torn }, records))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends a record; with `sync`, returns only when it is on disk.
    ///
    /// # Errors
    /// It could not be written; the log then ends with the record before.
    pub fn append(&mut self, record: &Record, sync: bool) -> io::Result<()> {
        if self.torn {
            self.file.set_len(self.good)?;
            self.torn = false;
        }
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        let written =
            self.file.write_all(&line).and_then(|()| if sync { self.file.sync_data() } else { Ok(()) });
        match written {
            Ok(()) => {
                self.good += line.len() as u64;
                Ok(())
            }
            Err(error) => {
                self.torn = self.file.set_len(self.good).is_err();
                Err(error)
            }
        }
    }
}

/// Whether somebody is at a log: its run is going on, or it is being recovered.
pub fn is_held(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// The records of a log file, one after the other, without holding them all. A torn last line ends it.
///
/// # Errors
/// It cannot be opened.
pub fn read(path: &Path) -> io::Result<impl Iterator<Item = Result<Record, Damaged>>> {
    let mut lines = BufReader::new(File::open(path)?);
    let mut number = 0;
    Ok(std::iter::from_fn(move || {
        let mut line = Vec::new();
        number += 1;
        match lines.read_until(b'\n', &mut line) {
            Ok(_) if line.last() == Some(&b'\n') => Some(record(&line, number)),
            Ok(_) => None,
            Err(error) => Some(Err(Damaged { line: number, why: error.to_string() })),
        }
    }))
}

/// A line that is no record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} is not a record that this version can read: {why}")]
pub struct Damaged {
    /// Counted from 1.
    pub line: usize,
    /// What the reader says.
    pub why: String,
}

fn records(bytes: &[u8]) -> impl Iterator<Item = Result<Record, Damaged>> {
    bytes.split_inclusive(|byte| *byte == b'\n').enumerate().map(|(index, line)| record(line, index + 1))
}

fn record(line: &[u8], number: usize) -> Result<Record, Damaged> {
    // Outputs may nest deeply; serde_json's own limit would make a log unreadable that was written without complaint.
    let mut reader = serde_json::Deserializer::from_slice(line);
    let record =
        Record::deserialize(&mut reader).map_err(|error| Damaged { line: number, why: error.to_string() })?;
    if let Event::RunStarted { format, version, .. } = &record.event
        && *format > FORMAT
    {
        let why = format!(
            "it was written by version {version} in format {format}, this version reads up to {FORMAT}"
        );
        return Err(Damaged { line: number, why });
    }
    Ok(record)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use squall_experiment::event::Level;
    use std::os::unix::fs::PermissionsExt as _;

    fn noted(text: &str) -> Record {
        let event = Event::Noted { level: Level::Info, text: text.to_owned() };
        Record { at: "2026-11-20T09:00:00Z".parse().unwrap(), event }
    }

    #[test]
    fn a_log_is_private_locked_and_reads_back() {
        let state = tempfile::tempdir().unwrap();
        let mut log = EventLog::create(state.path(), &RunId("r1".into())).unwrap();
        let path = log.path().to_owned();
        log.append(&noted("one"), false).unwrap();
        log.append(&noted("two"), true).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert!(is_held(&path));
        assert!(EventLog::resume(&path).unwrap_err().what.contains("still going on"));
        assert!(EventLog::create(state.path(), &RunId("r1".into())).is_err(), "a log is never overwritten");
        drop(log);
        assert!(!is_held(&path));
        let (_log, records) = EventLog::resume(&path).unwrap();
        assert_eq!(records, [noted("one"), noted("two")]);
    }

    #[test]
    fn a_damaged_line_is_named() {
        let state = tempfile::tempdir().unwrap();
        let mut log = EventLog::create(state.path(), &RunId("r1".into())).unwrap();
        let path = log.path().to_owned();
        log.append(&noted("one"), false).unwrap();
        drop(log);
        let mut text = fs::read_to_string(&path).unwrap();
        text.push_str("{\"at\": 7}\n");
        fs::write(&path, &text).unwrap();
        assert!(EventLog::resume(&path).unwrap_err().what.contains("line 2"));
        let newer = text.replace("\"at\": 7", "\"at\":\"2026-11-20T09:00:00Z\",\"event\":\"run-started\",\"run\":\"r\",\"format\":99,\"version\":\"9.0.0\",\"seed\":1,\"pid\":1,\"node\":\"\",\"platform\":\"\",\"source\":\"\",\"experiment\":{},\"dry\":null");
        fs::write(&path, newer).unwrap();
        let error = EventLog::resume(&path).unwrap_err().what;
        assert!(error.contains("version 9.0.0 in format 99"), "{error}");
    }

    #[test]
    fn a_log_that_cannot_be_made_says_what_to_do() {
        let failure = EventLog::create(Path::new("/dev/null/x"), &RunId("r1".into())).unwrap_err();
        assert!(failure.what.contains("nothing was started"), "{failure}");
        assert!(failure.hint.unwrap().contains("CHAOS_STATE_DIR"));
    }
}
