//! Writing the journal: at the end, and a first time as soon as a run is asked to stop.
//!
//! Invariant: from a stop on there is a valid journal of this run, whatever restoring takes, and however impatient the one who
//! asked is.

use crate::problem::Problem;
use jiff::Timestamp;
use squall_engine::log::{self, EventLog};
use squall_engine::story::Observer;
use squall_experiment::event::{Event, Record, Sought};
use squall_report::journal;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

/// Whether the journal can be written at the end, found out before anything is changed.
pub(super) fn can_be_written(path: &Path) -> Result<(), Problem> {
    if path.symlink_metadata().is_ok_and(|there| there.file_type().is_fifo()) {
        // Opening it would wait for a reader, and closing it would send that one away before the journal comes.
        return Ok(());
    }
    if takes_a_file(path) {
        return Ok(());
    }
    // A link that leads nowhere yet is there, too: what is removed below would be the link.
    let existed = path.symlink_metadata().is_ok();
    OpenOptions::new().append(true).create(true).open(path).map_err(|error| {
        Problem::new(format!(
            "could not write the journal {}: {error}, so nothing was started",
            path.display()
        ))
        .hint("--journal-path PATH takes another place")
    })?;
    if !existed {
        // Made for the test only; a run that is killed shall not leave an empty journal.
        let _ = fs::remove_file(path);
    }
    Ok(())
}

/// Whether a journal that is not there yet can be made: found out with a file that has no name, so that a kill in this moment
/// leaves nothing. Not every file system has such files, and then this says no.
#[cfg(target_os = "linux")]
fn takes_a_file(path: &Path) -> bool {
    use rustix::fs::OFlags;
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let is_new = path.symlink_metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
    let folder = match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
        Some(folder) => folder,
        None => return false,
    };
    let unnamed = (OFlags::TMPFILE | OFlags::CLOEXEC).bits().cast_signed();
    is_new
        && !path.as_os_str().as_bytes().ends_with(b"/")
        && OpenOptions::new().write(true).custom_flags(unnamed).open(folder).is_ok()
}
#[cfg(not(target_os = "linux"))]
fn takes_a_file(_: &Path) -> bool {
    false
}

/// The records of a run that somebody looks for, as often as that: what its log holds, then what the disk did not take any more.
pub(crate) fn records<'a>(
    log: &'a Path,
    unwritten: &'a [Record],
) -> impl Fn(Sought) -> io::Result<Box<dyn Iterator<Item = io::Result<Record>> + 'a>> {
    move |sought| {
        let unwritten = unwritten.iter().cloned().map(Ok);
        Ok(Box::new(log::read(log, sought)?.map(|record| record.map_err(io::Error::other)).chain(unwritten)))
    }
}

/// Writes the journal of a run: what its log holds, then what the disk did not take any more.
pub(crate) fn write(path: &Path, log: &Path, unwritten: &[Record]) -> Result<(), Problem> {
    journal::write_file(records(log, unwritten), path).map_err(|error| {
        Problem::new(error.to_string()).hint(format!("everything that happened is in {}", log.display()))
    })
}

/// Writes down that the journal of the whole run is at `path`, so that no recovery writes it again, and whether the run is
/// `settled`: nothing is in place any more that a recovery could put back.
pub(crate) fn mark(log: &mut EventLog, path: &Path, settled: bool) {
    let event = Event::JournalWritten { path: path.to_string_lossy().into_owned(), settled };
    let now = Timestamp::now();
    let at = Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now);
    // Without this line a recovery writes the journal once more, which is harmless.
    let _ = log.append(&Record { at, event }, false);
}

/// Writes the journal as soon as the run is asked to stop, and again once its activities have stopped: what was changed is put
/// back only then, which a server that hangs can make long.
pub(super) fn at_stops(path: PathBuf, log: PathBuf) -> Observer {
    let mut asked = false;
    Box::new(move |records| {
        let mut now = false;
        for record in records {
            now |= match record.event {
                Event::StopRequested { .. } => {
                    asked = true;
                    true
                }
                Event::RollbacksDecided { .. } => asked,
                _ => false,
            };
        }
        if !now {
            return;
        }
        // What is no regular file takes one journal, the last.
        let takes_several = fs::metadata(&path)
            .map_or_else(|error| error.kind() == io::ErrorKind::NotFound, |there| there.is_file());
        if takes_several {
            // If it cannot be written now, that is said at the end.
            let _ = journal::write_file(self::records(&log, &[]), &path);
        }
    })
}
