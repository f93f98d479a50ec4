//! Why a command could not do what was asked, said in one line.

use squall_engine::Failure;
use squall_experiment::Value;
use squall_experiment::diagnostic::Diagnostic;
use std::fmt;

/// What is wrong, and what to do about it. Its display is one ERROR line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    what: String,
    hint: Option<String>,
    /// What it is in the document that could not be read, and that document's text.
    pub(crate) syntax: Option<Box<(Diagnostic, String)>>,
    /// Whether it is the experiment's.
    experiments: bool,
}

impl Problem {
    /// A problem in our words or in the Toolkit's.
    pub(crate) fn new(what: impl Into<String>) -> Problem {
        Problem { what: what.into(), hint: None, syntax: None, experiments: false }
    }

    /// The experiment's, not of the world around it.
    #[must_use]
    pub(crate) fn of_the_experiment(mut self) -> Problem {
        self.experiments = true;
        self
    }

    /// Whether it is the experiment's, as far as is known: one that cannot be read is.
    pub(crate) fn is_experiments(&self) -> bool {
        self.experiments || self.syntax.is_some()
    }

    /// With what to do next.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Problem {
        self.hint = Some(hint.into());
        self
    }

    /// With its place in the document that could not be read.
    #[must_use]
    pub(crate) fn syntax(mut self, complaint: Diagnostic, text: String) -> Problem {
        self.syntax = Some(Box::new((complaint, text)));
        self
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Problem {
        Problem { what: failure.what, hint: failure.hint, syntax: None, experiments: false }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.hint {
            Some(hint) => write!(f, "{}; {hint}", self.what),
            None => f.write_str(&self.what),
        }
    }
}
impl std::error::Error for Problem {}

/// What a value is, for people.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Int(_) | Value::Big(_) | Value::Float(_) => "a number",
        Value::Text(_) => "text",
        Value::Bytes(_) => "bytes",
        Value::Date(_) => "a date",
        Value::List(_) => "a list",
        Value::Object(_) => "an object",
    }
}
