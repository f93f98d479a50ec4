//! Runs against a toy system, under paused time: what ends a run, what is put back, what a crash leaves.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod controls;
mod crash;
mod runs;
mod safety;
mod system;
