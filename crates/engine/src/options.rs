//! How an experiment is to be run: strategies, dry modes, what becomes of changes that are still in place.
//!
//! Invariant: every choice is an enum that is matched without a default arm, so a new strategy breaks every place that must
//! think about it.

use squall_experiment::Value;
use squall_experiment::event::Status;

/// At which moments the steady state is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum HypothesisStrategy {
    /// Before and after the method.
    #[default]
    Default,
    /// Before it only.
    BeforeMethodOnly,
    /// After it only.
    AfterMethodOnly,
    /// While it runs only.
    DuringMethodOnly,
    /// Before, during and after.
    Continuously,
    /// Never.
    Skip,
}

impl HypothesisStrategy {
    /// The strategy of this name, the old misspelling `continously` included.
    pub fn named(word: &str) -> Option<HypothesisStrategy> {
        Some(match word {
            "default" => HypothesisStrategy::Default,
            "before-method-only" => HypothesisStrategy::BeforeMethodOnly,
            "after-method-only" => HypothesisStrategy::AfterMethodOnly,
            "during-method-only" => HypothesisStrategy::DuringMethodOnly,
            "continuously" | "continously" => HypothesisStrategy::Continuously,
            "skip" => HypothesisStrategy::Skip,
            _ => return None,
        })
    }

    /// The word that the log shows, which is not always the name.
    pub fn word(self) -> &'static str {
        match self {
            HypothesisStrategy::Default => "default",
            HypothesisStrategy::BeforeMethodOnly => "before-method-only",
            HypothesisStrategy::AfterMethodOnly => "after-method-only",
            HypothesisStrategy::DuringMethodOnly => "during-method-only",
            HypothesisStrategy::Continuously => "continuous",
            HypothesisStrategy::Skip => "skip",
        }
    }

    pub(crate) fn before(self) -> bool {
        use HypothesisStrategy as S;
        match self {
            S::Default | S::BeforeMethodOnly | S::Continuously => true,
            S::AfterMethodOnly | S::DuringMethodOnly | S::Skip => false,
        }
    }

    pub(crate) fn during(self) -> bool {
        use HypothesisStrategy as S;
        match self {
            S::DuringMethodOnly | S::Continuously => true,
            S::Default | S::BeforeMethodOnly | S::AfterMethodOnly | S::Skip => false,
        }
    }

    pub(crate) fn after(self) -> bool {
        use HypothesisStrategy as S;
        match self {
            S::Default | S::AfterMethodOnly | S::Continuously => true,
            S::BeforeMethodOnly | S::DuringMethodOnly | S::Skip => false,
        }
    }
}

/// When declared rollbacks are played.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum RollbackStrategy {
    /// Nobody named one: as [`RollbackStrategy::Default`], and also whenever something that was changed is still so.
    #[default]
    Unnamed,
    /// The Toolkit's: not after an interruption; nor after a failure, unless the hypothesis was not met beforehand.
    Default,
    /// Whatever happened.
    Always,
    /// Under no circumstances.
    Never,
    /// Only if a weakness was found.
    Deviated,
    /// A word that means nothing: they are not played, as in the Toolkit.
    Unknown(String),
}

impl RollbackStrategy {
    /// The strategy of this name.
    pub fn named(word: &str) -> RollbackStrategy {
        match word {
            "default" => RollbackStrategy::Default,
            "always" => RollbackStrategy::Always,
            "never" => RollbackStrategy::Never,
            "deviated" => RollbackStrategy::Deviated,
            other => RollbackStrategy::Unknown(other.to_owned()),
        }
    }

    /// The word that the log shows.
    pub fn word(&self) -> &str {
        match self {
            RollbackStrategy::Unnamed | RollbackStrategy::Default => "default",
            RollbackStrategy::Always => "always",
            RollbackStrategy::Never => "never",
            RollbackStrategy::Deviated => "deviated",
            RollbackStrategy::Unknown(word) => word,
        }
    }
}

/// What a dry run leaves out, of the activities that do not say `dry` themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dry {
    /// Probes are not executed.
    Probes,
    /// Actions are not executed.
    Actions,
    /// Nothing is executed.
    Activities,
    /// Pauses are not waited for.
    Pause,
}

impl Dry {
    /// The mode of this name.
    pub fn named(word: &str) -> Option<Dry> {
        Some(match word {
            "probes" => Dry::Probes,
            "actions" => Dry::Actions,
            "activities" => Dry::Activities,
            "pause" => Dry::Pause,
            _ => return None,
        })
    }

    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Dry::Probes => "probes",
            Dry::Actions => "actions",
            Dry::Activities => "activities",
            Dry::Pause => "pause",
        }
    }

    fn leaves_out(self, activity: &Value) -> bool {
        let kind = activity.get("type").and_then(Value::as_text);
        match self {
            Dry::Probes => kind == Some("probe"),
            Dry::Actions => kind == Some("action"),
            Dry::Activities => true,
            Dry::Pause => false,
        }
    }

    fn ignores_tolerances(self) -> bool {
        match self {
            Dry::Probes | Dry::Activities => true,
            Dry::Actions | Dry::Pause => false,
        }
    }
}

/// What becomes of changes that are still in place when a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum UndoPolicy {
    /// They are put back after `failed`, `aborted` and `interrupted`; otherwise they stay, with a warning.
    #[default]
    Auto,
    /// They are always put back.
    Always,
}

impl UndoPolicy {
    pub(crate) fn puts_back(self, status: Status) -> bool {
        match (self, status) {
            (UndoPolicy::Always, _) => true,
            (UndoPolicy::Auto, Status::Failed | Status::Aborted | Status::Interrupted) => true,
            (UndoPolicy::Auto, Status::Completed) => false,
        }
    }
}

/// How an experiment is to be run.
#[derive(Clone, Debug)]
pub struct Options {
    /// When the steady state is looked at.
    pub hypothesis: HypothesisStrategy,
    /// Seconds between two looks while the method runs.
    pub frequency: f64,
    /// The share (0 to 1) of the looks meanwhile that must have deviated for one that deviates to end the method; `None`: none
    /// ends it.
    pub fail_fast: Option<f64>,
    /// Whether the failure of an activity of the method or of the rollbacks fails the run, unless the activity says otherwise.
    pub strict: bool,
    /// When declared rollbacks are played.
    pub rollbacks: RollbackStrategy,
    /// What is left out.
    pub dry: Option<Dry>,
    /// What becomes of changes that are still in place.
    pub undo: UndoPolicy,
    /// Seed of every random choice.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            hypothesis: HypothesisStrategy::default(),
            frequency: 1.0,
            fail_fast: None,
            strict: false,
            rollbacks: RollbackStrategy::default(),
            dry: None,
            undo: UndoPolicy::default(),
            seed: 0,
        }
    }
}

impl Options {
    /// Whether `activity` is not executed: its own `dry` decides, else the mode of the run.
    pub(crate) fn leaves_out(&self, activity: &Value) -> bool {
        match own(activity, "dry") {
            Some(dry) => dry,
            None => self.dry.is_some_and(|mode| mode.leaves_out(activity)),
        }
    }

    /// Whether the pauses of `activity` are not waited for.
    pub(crate) fn leaves_out_pauses(&self, activity: &Value) -> bool {
        self.dry == Some(Dry::Pause) || self.leaves_out(activity)
    }

    /// Whether the tolerance of `probe` counts as met without a look.
    pub(crate) fn ignores_tolerance(&self, probe: &Value) -> bool {
        self.dry.is_some_and(Dry::ignores_tolerances) || own(probe, "dry") == Some(true)
    }

    /// Whether the run fails if `activity` does: its own `strict` decides, else that of the run.
    pub(crate) fn is_strict(&self, activity: &Value) -> bool {
        own(activity, "strict").unwrap_or(self.strict)
    }

    /// Whether a continuous hypothesis ends the method now that `deviated` of its `looks` did, the last one among them.
    pub(crate) fn fails_fast(&self, deviated: f64, looks: f64) -> bool {
        self.fail_fast.is_some_and(|share| deviated / looks >= share)
    }
}

/// What an activity says itself; `null` says nothing.
fn own(activity: &Value, key: &str) -> Option<bool> {
    activity.get(key).filter(|value| !value.is_null()).map(Value::is_truthy)
}
