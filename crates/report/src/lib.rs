//! Events into something a person reads: the console and the log file, the Toolkit's journal, what is wrong with a document.
//!
//! Invariant: every report of a run is a function of its records alone (`squall_experiment::event`), so a run that is
//! going on and one that was read back from its log are shown by the same code.
//!
//! [`toolkit`] makes the lines of a run, [`log`] writes lines, to a [`console`] that waits for no reader, [`live`] keeps a status below them on a terminal, [`journal`]
//! writes `journal.json`, [`diagnostics`] draws what is wrong with a document, [`advice`] says more to a person, [`notify`] tells others;
//! [`redact`] takes secrets out of what all of them are given.
//!
//! Absent on purpose: the engine, drivers, clusters, settings, exit codes. Nothing here reads an environment variable or
//! decides whether something is a terminal: cli says so.

pub mod advice;
pub mod console;
pub mod diagnostics;
pub mod journal;
pub mod line;
pub mod live;
pub mod log;
pub mod notify;
pub mod redact;
#[cfg(test)]
mod story;
mod time;
pub mod toolkit;
