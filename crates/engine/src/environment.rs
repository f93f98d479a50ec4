//! What a run is given by the process it runs in: variables, and the handles that drivers share.
//!
//! Invariant: only cli fills these in; engine and drivers never read the process's environment themselves.

use crate::failure::Failure;
use squall_experiment::event::Blame;
use std::any::{Any, TypeId, type_name};
use std::collections::BTreeMap;

/// The environment variables of a run: the process's own, with the additions of `.env` variable files.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    inherited: BTreeMap<String, String>,
    added: BTreeMap<String, String>,
}

impl Environment {
    /// From name and value of each variable. Those that are not Unicode are not seen here (child processes inherit them).
    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> Environment {
        Environment { inherited: variables.into_iter().collect(), added: BTreeMap::new() }
    }

    /// Adds or replaces a variable, for ourselves and for child processes.
    pub fn add(&mut self, name: String, value: String) {
        self.added.insert(name, value);
    }

    /// A variable's value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.added.get(name).or_else(|| self.inherited.get(name)).map(String::as_str)
    }

    /// What child processes get beyond what they inherit.
    pub fn added(&self) -> impl Iterator<Item = (&str, &str)> {
        self.added.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// What drivers share across the activities of a run, by type.
#[derive(Default)]
pub struct Handles(BTreeMap<TypeId, Box<dyn Any + Send + Sync>>);

impl Handles {
    /// With one more.
    #[must_use]
    pub fn with<T: Send + Sync + 'static>(mut self, handle: T) -> Handles {
        self.0.insert(TypeId::of::<T>(), Box::new(handle));
        self
    }

    /// The handle of type `T`.
    ///
    /// # Errors
    /// A bug of ours, when cli did not hand it in.
    pub fn get<T: Send + Sync + 'static>(&self) -> Result<&T, Failure> {
        self.0
            .get(&TypeId::of::<T>())
            .and_then(|handle| handle.downcast_ref())
            .ok_or_else(|| Failure::new(Blame::Bug, format!("no {} was handed in", type_name::<T>())))
    }
}
