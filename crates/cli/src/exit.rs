//! The exit codes, and which end of a command has which.
//!
//! Invariant: every end of a run is in [`End`], and [`Codes::of`] is the only place that gives one its code. The table of
//! docs/compatibility.md is held against it.

use squall_engine::run::Ended;
use squall_experiment::event::Status;

/// The run completed and nothing deviated; or there was nothing to complain of.
pub(crate) const FINE: u8 = 0;
/// A weakness was found; or the run failed, was aborted or interrupted; or something could not be put back; or we could not
/// do what was asked. With detailed codes: a bug of ours.
pub(crate) const FAILED: u8 = 1;
/// The command line was wrong.
pub(crate) const USAGE: u8 = 2;

/// The codes of `--exit-codes detailed`, beside those above.
mod detailed {
    /// A weakness was found.
    pub(super) const DEVIATED: u8 = 10;
    /// The steady state was not there beforehand, or a probe of it or a strict activity failed.
    pub(super) const FAILED: u8 = 11;
    /// Something should have been put back, and could not be: it is still changed.
    pub(super) const NOT_RESTORED: u8 = 12;
    /// The run completed, and its author left something changed.
    pub(super) const LEFT_BEHIND: u8 = 13;
    /// The method met an error that is no activity's failure.
    pub(super) const ABORTED: u8 = 14;
    /// A signal or a control ended it.
    pub(super) const INTERRUPTED: u8 = 15;
    /// The run completed, and a control of the experiment could not clean up.
    pub(super) const UNCLEAN: u8 = 16;
    /// There was no run: the experiment is not valid.
    pub(super) const INVALID: u8 = 20;
    /// There was no run, or its journal could not be written: settings, files, servers, the machine.
    pub(super) const HINDERED: u8 = 21;
}

/// How a `chaos run` ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// There was a run.
    Ran(Ended),
    /// A third signal ended it at once; what it changed may be so still.
    Cut,
    /// The experiment is not valid.
    Invalid,
    /// Something that the experiment cannot help: settings, files, servers, the machine.
    Hindered,
    /// A bug of ours.
    Bug,
}

/// Which codes tell how a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum Codes {
    /// The Toolkit's.
    #[default]
    Toolkit,
    /// One for each end.
    Detailed,
}

impl Codes {
    /// The exit code of a run. What is still changed and should not be matters most, for somebody has to see to it.
    pub(crate) fn of(self, end: End) -> u8 {
        match (self, end) {
            (Codes::Toolkit, End::Ran(ended)) => of(ended),
            (Codes::Toolkit, End::Cut | End::Invalid | End::Hindered | End::Bug) => FAILED,
            (Codes::Detailed, End::Ran(Ended { status, deviated, left, not_restored, unclean })) => {
                match (status, deviated, left, not_restored) {
                    (_, _, _, 1..) => detailed::NOT_RESTORED,
                    // The log says `deviated` in both cases.
                    (Status::Completed | Status::Failed, true, _, 0) => detailed::DEVIATED,
                    (Status::Completed, false, _, 0) if unclean => detailed::UNCLEAN,
                    (Status::Completed, false, 0, 0) => FINE,
                    (Status::Completed, false, 1.., 0) => detailed::LEFT_BEHIND,
                    (Status::Failed, false, _, 0) => detailed::FAILED,
                    (Status::Aborted, _, _, 0) => detailed::ABORTED,
                    (Status::Interrupted, _, _, 0) => detailed::INTERRUPTED,
                }
            }
            (Codes::Detailed, End::Cut) => detailed::NOT_RESTORED,
            (Codes::Detailed, End::Invalid) => detailed::INVALID,
            (Codes::Detailed, End::Hindered) => detailed::HINDERED,
            (Codes::Detailed, End::Bug) => FAILED,
        }
    }
}

/// The Toolkit's exit code of a run.
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

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = include_str!("../../../docs/compatibility.md");

    fn ran(status: Status, deviated: bool, left: usize, not_restored: usize) -> End {
        End::Ran(Ended { status, deviated, left, not_restored, unclean: false })
    }

    #[test]
    fn every_end_has_its_codes() {
        use Status as S;
        let unclean =
            Ended { status: S::Completed, deviated: false, left: 1, not_restored: 0, unclean: true };
        for (end, toolkit, detailed) in [
            (ran(S::Completed, false, 0, 0), 0, 0),
            (ran(S::Completed, true, 0, 0), 1, 10),
            (ran(S::Failed, true, 0, 0), 1, 10),
            (ran(S::Failed, false, 0, 0), 1, 11),
            (ran(S::Completed, false, 0, 1), 1, 12),
            (ran(S::Interrupted, false, 0, 1), 1, 12),
            (End::Cut, 1, 12),
            (End::Ran(unclean), 1, 16),
            (End::Ran(Ended { deviated: true, ..unclean }), 1, 10),
            (ran(S::Completed, false, 2, 0), 0, 13),
            (ran(S::Completed, true, 2, 0), 1, 10),
            (ran(S::Aborted, false, 0, 0), 1, 14),
            (ran(S::Interrupted, false, 0, 0), 1, 15),
            (ran(S::Interrupted, true, 0, 0), 1, 15),
            (End::Invalid, 1, 20),
            (End::Hindered, 1, 21),
            (End::Bug, 1, 1),
        ] {
            assert_eq!((Codes::Toolkit.of(end), Codes::Detailed.of(end)), (toolkit, detailed), "{end:?}");
            let row = format!("\n| {detailed} | {toolkit} | ");
            assert!(TABLE.contains(&row), "docs/compatibility.md has no row that begins with {row:?}");
        }
    }
}
