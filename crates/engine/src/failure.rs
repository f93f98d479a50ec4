//! Why something could not be done, and whose fault it is.
//!
//! Invariant: a finding about the system under test is an outcome, not a failure; a failure means that we could not do what
//! the experiment asked, and it always says whose fault that is.

use squall_experiment::event::Blame;
use std::borrow::Cow;
use std::fmt;

/// The class under which the Toolkit's own failures appear in journals and logs.
pub const ACTIVITY_FAILED: &str = "chaoslib.exceptions.ActivityFailed";

/// Why an activity could not do its work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Whose fault.
    pub blame: Blame,
    /// What could not be done: a lower-case fragment without full stop, or the Toolkit's text.
    pub what: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The Python class under which the Toolkit shows it, [`ACTIVITY_FAILED`] unless it was no deliberate failure there; empty
    /// if it shows none.
    pub class: Cow<'static, str>,
    /// Where a foreign function raised it: the lines of its traceback without the last, which says what was raised.
    pub traceback: Vec<String>,
}

impl Failure {
    /// A failure that is `blame`'s fault.
    pub fn new(blame: Blame, what: impl Into<String>) -> Failure {
        Failure {
            blame,
            what: what.into(),
            hint: None,
            class: Cow::Borrowed(ACTIVITY_FAILED),
            traceback: Vec::new(),
        }
    }
    /// The system under test is at fault, or at least not as the experiment needs it.
    pub fn target(what: impl Into<String>) -> Failure {
        Failure::new(Blame::Target, what)
    }
    /// The experiment, as it is written, cannot work.
    pub fn experiment(what: impl Into<String>) -> Failure {
        Failure::new(Blame::Experiment, what)
    }
    /// The machine or its settings are at fault.
    pub fn environment(what: impl Into<String>) -> Failure {
        Failure::new(Blame::Environment, what)
    }
    /// The way in which we act on the system is at fault.
    pub fn driver(what: impl Into<String>) -> Failure {
        Failure::new(Blame::Driver, what)
    }
    /// With what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Failure {
        self.hint = Some(hint.into());
        self
    }
    /// Under the class by which the Toolkit shows it, such as `TypeError`.
    #[must_use]
    pub fn class(mut self, class: impl Into<Cow<'static, str>>) -> Failure {
        self.class = class.into();
        self
    }
    /// `Class: what`, as the Toolkit shows the failures of Python functions.
    pub fn classed(&self) -> String {
        match &*self.class {
            "" => self.what.clone(),
            class => format!("{class}: {}", self.what),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}
impl std::error::Error for Failure {}

/// Why an activity ended without an output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// Somebody stopped the run; whatever was armed is put back by the ledger.
    Cancelled,
    /// It failed; the run goes on.
    Failed(Failure),
    /// The run cannot go on (the Toolkit's unexpected error): its class and text are in the failure.
    Fatal(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Stop {
        Stop::Failed(failure)
    }
}
