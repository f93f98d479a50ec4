//! Writing the journal.

use crate::problem::Problem;
use squall_engine::log;
use squall_experiment::event::Record;
use squall_report::journal;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

/// Whether the journal can be written at the end, found out before anything is changed.
pub(super) fn can_be_written(path: &Path) -> Result<(), Problem> {
    if path.symlink_metadata().is_ok_and(|there| there.file_type().is_fifo()) {
        // Opening it would wait for a reader, and closing it would send that one away before the journal comes.
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

/// The records of a run, as often as somebody asks: what its log holds, then what the disk did not take any more.
pub(super) fn records<'a>(
    log: &'a Path,
    unwritten: &'a [Record],
) -> impl Fn() -> io::Result<Box<dyn Iterator<Item = io::Result<Record>> + 'a>> {
    move || {
        let unwritten = unwritten.iter().cloned().map(Ok);
        Ok(Box::new(log::read(log)?.map(|record| record.map_err(io::Error::other)).chain(unwritten)))
    }
}

/// Writes the journal of a run: what its log holds, then what the disk did not take any more.
pub(super) fn write(path: &Path, log: &Path, unwritten: &[Record]) -> Result<(), Problem> {
    journal::write_file(records(log, unwritten), path).map_err(|error| {
        Problem::new(error.to_string()).hint(format!("everything that happened is in {}", log.display()))
    })
}
