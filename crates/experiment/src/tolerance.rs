//! Whether a probe's output is within its tolerance.
//!
//! Interim: equality and process status only, until the judge's own module replaces this file whole.

use crate::substitute::Scope;
use crate::{Value, python};

/// What a tolerance says of an output.
pub enum Judgement {
    /// Within tolerance.
    Met,
    /// Out of tolerance, and why.
    Missed(String),
    /// The tolerance is this activity.
    Ask(Value),
}

/// The tolerance cannot be held against this output.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unjudgeable(pub String);

/// Holds a tolerance against an output.
pub fn within(tolerance: &Value, output: &Value, _scope: &Scope) -> Result<Judgement, Unjudgeable> {
    match tolerance {
        Value::Object(_) | Value::List(_) => {
            Err(Unjudgeable("this tolerance is not supported yet".to_owned()))
        }
        other if python::equals(other, output.get("status").unwrap_or(output)) => Ok(Judgement::Met),
        other => {
            Ok(Judgement::Missed(format!("{} is not {}", python::repr_of(output), python::repr_of(other))))
        }
    }
}

/// The tolerance as the log shows it.
pub fn shown(tolerance: &Value, _scope: &Scope) -> String {
    python::str_of(tolerance)
}
