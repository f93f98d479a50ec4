//! The event log of a run: `runs/RUN/events.jsonl`, one record a line, appended and never rewritten.
//!
//! Invariant: every complete line is a record; a torn last line (a crash, a full disk) is not one and is cut off before the
//! next append. While a run or a recovery is at it, it holds an exclusive lock, so that nobody restores under its feet.

mod read;

pub use read::{Changes, Damaged, changes, last, read};

use crate::failure::Failure;
use squall_experiment::event::{Record, RunId};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
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
    /// Lines on their way, empty in between.
    lines: Vec<u8>,
}

/// So much is written with one call, unless a single record is longer.
const AT_ONCE: usize = 64 << 10;

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
        // Outputs may hold secrets that nobody declared, undos the manifests of deleted objects: they are nobody else's business.
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
        Ok(EventLog { file, path, good: 0, torn: false, lines: Vec::new() })
    }

    /// Opens the log of an earlier run to add to it, and reads what it says about changes.
    ///
    /// # Errors
    /// There is none, it cannot be read, a newer version wrote it, or somebody is still at it.
    pub fn resume(path: &Path) -> Result<Resumed, Failure> {
        let blocked = |error: &dyn std::fmt::Display| {
            Failure::environment(format!("could not open the event log {}: {error}", path.display()))
        };
        let file = OpenOptions::new().append(true).read(true).open(path).map_err(|error| blocked(&error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(blocked(&"its run is still going on, or another `chaos recover` is at it")
                    .hint("wait for it, or stop that run first (Ctrl-C, or SIGTERM to its process): it puts its changes back itself"));
            }
            Err(TryLockError::Error(error)) => return Err(blocked(&error)),
        }
        let mut resumed = Resumed {
            log: EventLog { file, path: path.to_owned(), good: 0, torn: false, lines: Vec::new() },
            records: Vec::new(),
            damaged: None,
        };
        let mut lines = changes(path).map_err(|error| blocked(&error))?;
        for line in &mut lines {
            match line {
                Ok(record) => resumed.records.push(record),
                Err(damaged) if damaged.newer => return Err(blocked(&damaged)),
                // What the other lines say still counts: an undo that can be read must not wait for one that cannot.
                Err(damaged) => drop(resumed.damaged.get_or_insert(damaged)),
            }
        }
        resumed.log.good = lines.good;
        resumed.log.torn = resumed.log.file.metadata().map_err(|error| blocked(&error))?.len() > lines.good;
        Ok(resumed)
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
        self.line(record)?;
        self.write(sync)
    }

    /// Appends records with as few calls as may be; returns how many of them the log now ends with. If these are not all, the
    /// next one could not be written, and [`EventLog::append`] says why.
    pub fn append_all(&mut self, records: &[Record]) -> usize {
        let mut written = 0;
        for (index, record) in records.iter().enumerate() {
            let made = self.line(record).is_ok();
            if !made || index + 1 == records.len() || self.lines.len() >= AT_ONCE {
                if self.write(false).is_err() {
                    break;
                }
                written = index + usize::from(made);
            }
            if !made {
                break;
            }
        }
        written
    }

    /// Adds the line of a record to those on their way.
    fn line(&mut self, record: &Record) -> io::Result<()> {
        let before = self.lines.len();
        if let Err(error) = serde_json::to_writer(&mut self.lines, record) {
            self.lines.truncate(before);
            return Err(error.into());
        }
        self.lines.push(b'\n');
        Ok(())
    }

    /// Writes the lines on their way: all of them, or none.
    fn write(&mut self, sync: bool) -> io::Result<()> {
        let mut lines = std::mem::take(&mut self.lines);
        if self.torn {
            self.file.set_len(self.good)?;
            self.torn = false;
        }
        let written =
            self.file.write_all(&lines).and_then(|()| if sync { self.file.sync_data() } else { Ok(()) });
        match written {
            Ok(()) => self.good += lines.len() as u64,
            Err(_) => self.torn = self.file.set_len(self.good).is_err(),
        }
        lines.clear();
        // What one long output took is given back.
        lines.shrink_to(AT_ONCE);
        self.lines = lines;
        written
    }
}

/// Whether somebody is at a log: its run is going on, or it is being recovered.
pub fn is_held(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
}

/// What was read of a log that is added to.
#[derive(Debug)]
pub struct Resumed {
    /// The log.
    pub log: EventLog,
    /// What it says about changes, in order.
    pub records: Vec<Record>,
    /// The first line that cannot be read; what it said is lost.
    pub damaged: Option<Damaged>,
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use squall_experiment::event::{Event, Level, Sought};
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
        let records: Vec<_> = read(&path, Sought::All).unwrap().map(Result::unwrap).collect();
        assert_eq!(records, [noted("one"), noted("two")]);
        let resumed = EventLog::resume(&path).unwrap();
        assert_eq!((resumed.records, resumed.damaged), (Vec::new(), None), "nothing was changed");
    }

    #[test]
    fn records_that_come_together_are_all_there_or_cut_off_at_one() {
        let state = tempfile::tempdir().unwrap();
        let mut log = EventLog::create(state.path(), &RunId("r1".into())).unwrap();
        let path = log.path().to_owned();
        let long = "x".repeat(AT_ONCE);
        let together = [noted("one"), noted(&long), noted("three")];
        assert_eq!(log.append_all(&together), 3);
        assert_eq!(log.append_all(&[]), 0);
        // A file that takes nothing any more.
        log.file = OpenOptions::new().read(true).open(&path).unwrap();
        assert_eq!(log.append_all(&together), 0);
        assert!(log.append(&noted("four"), false).is_err());
        let records: Vec<_> = read(&path, Sought::All).unwrap().map(Result::unwrap).collect();
        assert_eq!(records, together);
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
        let resumed = EventLog::resume(&path).unwrap();
        assert_eq!(resumed.damaged.unwrap().line, 2);
        drop(resumed.log);
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
