//! A field of a provider that may hold anything: what is wrong with it is told when the activity runs, as in the Toolkit.
//!
//! Invariant: reading one never fails, and an absent field can be told from one that is `null`.

use serde::{Deserialize, Deserializer};
use squall_engine::failure::{Failure, Stop};
use squall_experiment::Value;
use squall_experiment::event::Blame;
use squall_experiment::python::Exception;

/// A field as it stands in the document.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Loose {
    /// The key is not there.
    #[default]
    Absent,
    /// What the key holds, `null` included.
    Given(Value),
}

impl Loose {
    /// What it holds, if the key is there.
    pub(crate) fn given(&self) -> Option<&Value> {
        match self {
            Loose::Absent => None,
            Loose::Given(value) => Some(value),
        }
    }

    /// What it holds, unless the key is absent or holds `null`.
    pub(crate) fn set(&self) -> Option<&Value> {
        self.given().filter(|value| !value.is_null())
    }
}

impl<'de> Deserialize<'de> for Loose {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Loose, D::Error> {
        // Plain JSON, in which no key is special.
        serde_json::Value::deserialize(from).map(|json| Loose::Given(Value::from_json(json)))
    }
}

/// What Python would have raised there, which the Toolkit does not expect: the run cannot go on.
pub(crate) fn unexpected(exception: Exception) -> Stop {
    Stop::Fatal(Failure::new(Blame::Experiment, exception.text).class(exception.class))
}
