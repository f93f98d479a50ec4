//! The log, shared by a command and those who watch its run.
//!
//! Invariant: whoever panics while writing leaves a log that the others can go on writing to.

use squall_report::log::Log;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The log; clones are the same one.
pub(crate) type SharedLog = Arc<Mutex<Log>>;

/// Takes the log. What a panic left in it can still be written.
pub(crate) fn lock(log: &SharedLog) -> MutexGuard<'_, Log> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}
