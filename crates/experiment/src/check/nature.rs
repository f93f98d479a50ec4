//! What validation knows of a function beyond its parameters.
//!
//! Invariant: it is knowledge for hints only; nothing that is missing here is held against an experiment.

use crate::Value;

/// What is known of a function, or of a provider, beyond its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nature {
    /// What it returns when it succeeds.
    pub returns: Returns,
    /// Whether it ends before what it caused can be seen from outside.
    pub lags: bool,
    /// Whether its change stays until somebody puts it back; nothing in the system heals it.
    pub stays: bool,
    /// The arguments which together name the one object that it acts on; empty if it chooses otherwise.
    pub target: &'static [&'static str],
}

impl Nature {
    /// Nothing is known.
    pub const UNKNOWN: Nature = Nature { returns: Returns::Anything, lags: false, stays: false, target: &[] };

    /// Only what it returns is known.
    pub const fn returning(returns: Returns) -> Nature {
        Nature { returns, ..Nature::UNKNOWN }
    }
}

/// The type of an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returns {
    /// It is not known.
    Anything,
    /// Null.
    Nothing,
    /// True or false.
    Boolean,
    /// A whole number between two bounds, both included.
    Integer(i64, i64),
    /// Text.
    Text,
    /// A list.
    List,
    /// An object with exactly these keys.
    Object(&'static [(&'static str, Returns)]),
    /// An object whose keys are not known beforehand.
    Map,
}

impl Returns {
    /// A number of things.
    pub const COUNT: Returns = Returns::Integer(0, i64::MAX);
    /// What the provider `process` returns. A program ended by signal n has status -n.
    pub const PROCESS: Returns = Returns::Object(&[
        ("status", Returns::Integer(-64, 255)),
        ("stdout", Returns::Text),
        ("stderr", Returns::Text),
    ]);
    /// What the provider `http` returns. Some servers go beyond 599.
    pub const HTTP: Returns = Returns::Object(&[
        ("status", Returns::Integer(100, 999)),
        ("headers", Returns::Map),
        ("body", Returns::Anything),
    ]);

    /// Whether a value is of this type.
    pub fn admits(self, value: &Value) -> bool {
        match (self, value) {
            (Returns::Anything, _)
            | (Returns::Nothing, Value::Null)
            | (Returns::Boolean, Value::Bool(_))
            | (Returns::Text, Value::Text(_))
            | (Returns::List, Value::List(_))
            | (Returns::Map, Value::Object(_)) => true,
            (Returns::Integer(low, high), Value::Int(number)) => (low..=high).contains(number),
            (Returns::Object(parts), Value::Object(object)) => {
                parts.len() == object.len()
                    && parts
                        .iter()
                        .all(|(name, part)| object.get(*name).is_some_and(|value| part.admits(value)))
            }
            _ => false,
        }
    }

    /// The type of a part of it, if it is an object that has that part.
    pub(super) fn part(self, key: &str) -> Option<Returns> {
        self.parts().iter().find(|(name, _)| *name == key).map(|(_, part)| *part)
    }

    pub(super) fn parts(self) -> &'static [(&'static str, Returns)] {
        match self {
            Returns::Object(parts) => parts,
            _ => &[],
        }
    }

    /// For people: `an object of status, stdout and stderr`.
    pub(super) fn words(self) -> String {
        match self {
            Returns::Anything => "something".to_owned(),
            Returns::Nothing => "nothing".to_owned(),
            Returns::Boolean => "a boolean".to_owned(),
            Returns::Integer(..) => "a number".to_owned(),
            Returns::Text => "text".to_owned(),
            Returns::List => "a list".to_owned(),
            Returns::Map => "an object".to_owned(),
            Returns::Object(parts) => {
                let names: Vec<String> = parts.iter().map(|(name, _)| format!("`{name}`")).collect();
                format!("an object of {}", super::complaints::joined(&names, "and"))
            }
        }
    }
}
