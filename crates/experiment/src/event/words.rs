//! The words that events are made of: names, phases, outcomes.
//!
//! Invariant: what is written of them in a log is never renamed.

use crate::Value;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The name of a run, unique on the machine: what `chaos recover` takes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub String);
impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The number of an activity within its run, in the order of their starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ActivityId(pub u64);

/// The number of an undo within its run, in the order of arming.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UndoId(pub u64);

/// When the steady state is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Before the method.
    Before,
    /// While the method runs.
    During,
    /// After the method.
    After,
}

impl Phase {
    /// What the log says of a look that was not met: because of this probe.
    pub fn unmet(self, probe: &str) -> (Level, String) {
        match self {
            Phase::Before | Phase::After => (
                Level::Critical,
                format!(
                    "Steady state probe '{probe}' is not in the given tolerance so failing this experiment"
                ),
            ),
            Phase::During => (
                Level::Warning,
                format!("Continuous steady state probe '{probe}' is not in the given tolerance"),
            ),
        }
    }
}

/// Where in the experiment an activity is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// In the hypothesis.
    Hypothesis(Phase),
    /// In the method.
    Method,
    /// Among the rollbacks.
    Rollbacks,
}

/// How a run ended; the Toolkit's four words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It went to its end.
    Completed,
    /// The hypothesis was not met beforehand, or one of its probes failed.
    Failed,
    /// The method met an error that is no activity's failure.
    Aborted,
    /// A signal or a control ended it.
    Interrupted,
}
impl Status {
    /// By the journal's word.
    pub fn named(word: &str) -> Option<Status> {
        [Status::Completed, Status::Failed, Status::Aborted, Status::Interrupted]
            .into_iter()
            .find(|status| status.word() == word)
    }
    /// The journal's word.
    pub fn word(self) -> &'static str {
        match self {
            Status::Completed => "completed",
            Status::Failed => "failed",
            Status::Aborted => "aborted",
            Status::Interrupted => "interrupted",
        }
    }
}

/// How serious a line of the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// For the log file and `--verbose`.
    Debug,
    /// The ordinary story.
    Info,
    /// Something to look at.
    Warning,
    /// Something failed.
    Error,
    /// The verdict.
    Critical,
}

/// On which side of an activity a pause lies, on which side of something a control is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Before it.
    Before,
    /// After it.
    After,
}

/// What controls are called around.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Around {
    /// The experiment is loaded.
    Loader,
    /// The whole run.
    Experiment,
    /// One look at the steady state.
    Hypothesis,
    /// The method.
    Method,
    /// The rollbacks.
    Rollback,
    /// One activity.
    Activity,
}

impl Around {
    /// The Toolkit's word for it.
    pub fn word(self) -> &'static str {
        match self {
            Around::Loader => "loader",
            Around::Experiment => "experiment",
            Around::Hypothesis => "hypothesis",
            Around::Method => "method",
            Around::Rollback => "rollback",
            Around::Activity => "activity",
        }
    }
}

impl Side {
    /// The Toolkit's word for it.
    pub fn word(self) -> &'static str {
        match self {
            Side::Before => "before",
            Side::After => "after",
        }
    }
}

/// Whose fault a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Blame {
    /// The system under test.
    Target,
    /// The way in which we act on it.
    Driver,
    /// The machine or the settings that we run with.
    Environment,
    /// The experiment as written.
    Experiment,
    /// Ourselves.
    Bug,
}

/// What stands in a list of records.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Listed {
    /// The record of this activity.
    Played(ActivityId),
    /// What a control put there.
    Added(Value),
}

/// How an activity ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ended", rename_all = "lowercase")]
pub enum Ending {
    /// With an output.
    Succeeded {
        /// What it returned.
        output: Value,
    },
    /// With a failure that the run survives.
    Failed {
        /// The text after `=> failed: `.
        message: String,
        /// Whose fault.
        blame: Blame,
        /// What to do about it.
        #[serde(default)]
        hint: Option<String>,
        /// Where a foreign function raised it, as Python shows the frames, outermost first; each ends with its newline.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        traceback: Vec<String>,
    },
    /// By a stop, or by an error that is no activity's failure; the journal gives it no status.
    Interrupted,
}

/// What restoring one change came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reverted {
    /// It is as before, by our doing.
    PutBack,
    /// It was as before already.
    AlreadyBack,
    /// What was changed does not exist any more.
    TargetGone,
}

/// Which rollbacks are played.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RollbackChoice {
    /// The default strategy says so.
    Played,
    /// Strategy `always`.
    Always,
    /// Strategy `never`.
    Never,
    /// Strategy `deviated`, and it did.
    Deviated,
    /// Strategy `deviated`, and it did not.
    NotDeviated,
    /// Nobody named a strategy, the default one would not play them after this status, but something is still changed.
    StillChanged,
    /// The default strategy does not play them after this status, or the strategy is unknown.
    Silent,
}
