//! The exit codes, and which end of a run has which.

use squall_engine::run::Ended;
use squall_experiment::event::Status;

/// The run completed and nothing deviated; or there was nothing to complain of.
pub(crate) const FINE: u8 = 0;
/// A weakness was found; or the run failed, was aborted or interrupted; or something could not be put back; or we could not
/// do what was asked.
pub(crate) const FAILED: u8 = 1;
/// The command line was wrong.
pub(crate) const USAGE: u8 = 2;

/// The exit code of a run.
pub(crate) fn of(ended: Ended) -> u8 {
    let Ended { status, deviated, left: _, not_restored, unclean } = ended;
    match (status, deviated, not_restored) {
        _ if unclean => FAILED,
        (Status::Completed, false, 0) => FINE,
        (Status::Completed, false, 1..) => FAILED,
        (Status::Completed, true, _) => FAILED,
        (Status::Failed | Status::Aborted | Status::Interrupted, _, _) => FAILED,
    }
}
