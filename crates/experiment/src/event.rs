//! What happens in a run: the closed set of events, which the engine writes and everything else reads.
//!
//! Invariant: an event says what happened, never how it is shown; the console's lines, the journal and every report are
//! functions of a run's records alone. The log of a run is one JSON object a line, oldest first.
//!
//! Compatibility: `RunStarted::format` is [`FORMAT`]. A reader meets only logs of its own or an older format; a newer one
//! is refused by the reader with a message. Fields are added with `#[serde(default)]`, never renamed.

mod read;
mod words;

pub use read::{HEAD, Sought, event_of};
pub use words::*;

use crate::Value;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The format of the event log that this version writes.
pub const FORMAT: u32 = 1;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The run begins; configuration and secrets are known.
    RunStarted {
        /// Its name.
        run: RunId,
        /// [`FORMAT`] of the writer.
        format: u32,
        /// Version of the program.
        version: String,
        /// Seed of every random choice.
        seed: u64,
        /// Process id, for `chaos recover` to say who is still at it.
        pid: u32,
        /// Host name.
        node: String,
        /// As Python's `platform.platform()`.
        platform: String,
        /// The experiment's file or URL as given.
        source: String,
        /// The experiment as loaded, its title filled in, `dry` set.
        experiment: Value,
        /// The dry mode, if any.
        dry: Option<String>,
        /// Where its journal is to be, as an absolute path; `None` if that is not known or may not be told.
        #[serde(default)]
        journal: Option<String>,
    },
    /// Which strategies hold, as words for the log.
    StrategiesChosen {
        /// `default`, `before-method-only`, …, `continuous`.
        hypothesis: String,
        /// `default`, `always`, `never`, `deviated`.
        rollbacks: String,
    },
    /// There is no hypothesis.
    NoHypothesis,
    /// Strategy `skip`.
    HypothesisSkipped,
    /// The continuous hypothesis begins.
    ContinuousStarted {
        /// Seconds between two rounds.
        #[serde(with = "crate::value::float")]
        every: f64,
    },
    /// The continuous hypothesis ended.
    ContinuousEnded,
    /// `--fail-fast`: the method ends here.
    FailedFast {
        /// Percentage of rounds that deviated so far.
        #[serde(with = "crate::value::float")]
        deviated: f64,
    },
    /// The hypothesis is looked at.
    HypothesisStarted {
        /// When.
        phase: Phase,
        /// Its title as the log shows it.
        title: String,
    },
    /// A tolerance was held against a probe's output.
    ToleranceChecked {
        /// The probe.
        activity: ActivityId,
        /// Within it?
        met: bool,
        /// The tolerance as the log shows it.
        tolerance: String,
    },
    /// The hypothesis was looked at.
    HypothesisEnded {
        /// When.
        phase: Phase,
        /// Were all probes within tolerance?
        met: bool,
        /// The first probe that was not.
        #[serde(default)]
        probe: Option<String>,
        /// Whether that probe failed, rather than giving another value.
        #[serde(default)]
        failed: bool,
        /// Whether controls have the last word: what they leave of it is told after them.
        #[serde(default)]
        controlled: bool,
    },
    /// The method begins.
    MethodStarted {
        /// Number of its activities.
        activities: usize,
    },
    /// The method ended, background activities included.
    MethodEnded,
    /// Whether the rollbacks are played, and why.
    RollbacksDecided {
        /// The decision.
        choice: RollbackChoice,
    },
    /// The rollbacks begin.
    RollbacksStarted {
        /// Number of them.
        activities: usize,
    },
    /// A rollback is next.
    RollbackNext {
        /// Its name as the log shows it.
        name: String,
    },
    /// The rollbacks ended.
    RollbacksEnded,
    /// A pause begins.
    PauseStarted {
        /// On which side of the activity.
        side: Side,
        /// Its length as the log shows it.
        shown: String,
        /// Its length in seconds, 0 when it is not waited for.
        #[serde(with = "crate::value::float")]
        seconds: f64,
    },
    /// An activity begins.
    ActivityStarted {
        /// Its number.
        id: ActivityId,
        /// Where it is played.
        place: Place,
        /// As declared, patterns not filled in.
        activity: Value,
        /// Whether others go on meanwhile.
        background: bool,
    },
    /// An activity ended.
    ActivityEnded {
        /// Its number.
        id: ActivityId,
        /// How.
        #[serde(flatten)]
        ending: Ending,
    },
    /// The run cannot go on: the Toolkit's unexpected error.
    Broke {
        /// What happened, as `Class: text`.
        message: String,
        /// Where it happened.
        place: Place,
    },
    /// A change is about to be made, and this is how it is undone. On disk before the change.
    Armed {
        /// Its number.
        undo: UndoId,
        /// The activity that makes it.
        by: Option<ActivityId>,
        /// Which code undoes it.
        kind: String,
        /// What is changed: of several undos with one key only the oldest is played.
        key: String,
        /// For people: `scale Deployment shop/cart back to 3`.
        describe: String,
        /// What the code needs.
        with: serde_json::Value,
    },
    /// A change is about to be made that heals by itself.
    Heals {
        /// The activity that makes it.
        by: Option<ActivityId>,
        /// What is changed: `Pod shop/cart-1`.
        what: String,
        /// What heals it: `its ReplicaSet`.
        healer: String,
    },
    /// An undo is done with.
    Restored {
        /// Its number.
        undo: UndoId,
        /// What came of it.
        outcome: Reverted,
    },
    /// An undo did not work; it stays open.
    NotRestored {
        /// Its number.
        undo: UndoId,
        /// Why.
        message: String,
        /// What to do about it.
        #[serde(default)]
        hint: Option<String>,
    },
    /// Changes that the run leaves in place, as its author wrote it.
    LeftBehind {
        /// Descriptions of their undos.
        undos: Vec<String>,
    },
    /// Somebody wants it to stop.
    StopRequested {
        /// `SIGINT`, `SIGTERM`, `SIGUSR1`, `SIGUSR2`, or another word for why.
        signal: String,
        /// 1: stop and restore; 2: restore once, briefly; 3: exit.
        degree: u8,
    },
    /// A control is called.
    ControlCalled {
        /// Its name.
        control: String,
        /// Around what.
        around: Around,
        /// On which side.
        side: Side,
    },
    /// A function of a control failed; the run goes on.
    ControlFailed {
        /// Its name.
        control: String,
        /// The function: `before_activity_control`, `configure_control`, …
        function: String,
        /// Why, as `Class: text`.
        message: String,
    },
    /// A control ended the run.
    ControlInterrupted {
        /// Its name.
        control: String,
        /// Around what it was called.
        around: Around,
        /// On which side.
        side: Side,
        /// Its reason.
        message: String,
    },
    /// A control changed the experiment.
    ExperimentChanged {
        /// What it is from now on.
        experiment: Value,
    },
    /// A control changed the record of an activity.
    RecordChanged {
        /// The activity.
        id: ActivityId,
        /// The record as the journal shows it.
        record: Value,
    },
    /// A control changed what a look at the steady state came to.
    StateChanged {
        /// Which look.
        phase: Phase,
        /// Whether the steady state is met.
        met: bool,
        /// All other members of the state, but its probes: an object, or null for none. `steady_state_met` and `probes` are among
        /// them if they are neither `true` or `false`, nor a list.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        members: Value,
        /// Which of `steady_state_met` and `probes` are gone.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        removed: Vec<String>,
    },
    /// A control changed a list of records: it appended, removed, replaced or moved some.
    RunsChanged {
        /// The list: of the look that ended last, of the method, or of the rollbacks.
        place: Place,
        /// What it holds from now on; activities that begin later follow.
        runs: Vec<Listed>,
    },
    /// A control changed the journal of the run that ended.
    JournalChanged {
        /// The members that it added or replaced.
        members: Value,
        /// The names of those that it removed.
        #[serde(default)]
        removed: Vec<String>,
    },
    /// A line for the log which no other event stands for.
    Noted {
        /// How serious.
        level: Level,
        /// The line.
        text: String,
    },
    /// The run ended.
    RunEnded {
        /// How.
        status: Status,
        /// Whether a weakness was found.
        deviated: bool,
    },
    /// The journal of the whole run is in a file. What follows is of a recovery.
    JournalWritten {
        /// Its absolute path.
        path: String,
        /// Whether nothing was in place any more that somebody may want to put back, so that nobody needs to read this log.
        #[serde(default)]
        settled: bool,
    },
}

/// An event and its time: one line of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// When it happened, UTC, to the microsecond.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn seconds_without_a_number_are_read_again() {
        let read = |text: &str| match serde_json::from_str::<Event>(text).unwrap() {
            Event::ContinuousStarted { every } => every.to_string(),
            other => format!("{other:?}"),
        };
        for every in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 4.155357885681745e-173, 2.0] {
            let text = serde_json::to_string(&Event::ContinuousStarted { every }).unwrap();
            assert_eq!(read(&text), every.to_string(), "{text}");
        }
        // What was written before: plain numbers, and `null` for what JSON has no word for.
        assert_eq!(read(r#"{"event":"continuous-started","every":1}"#), "1");
        assert_eq!(read(r#"{"event":"continuous-started","every":0.5}"#), "0.5");
        assert_eq!(read(r#"{"event":"continuous-started","every":null}"#), "NaN");
    }
}
