//! Functions that no catalogue has: what serves them comes in from outside.
//!
//! Invariant: the engine knows nothing of the language they are written in. A call ends in time whatever the function does:
//! who serves it hears a stop through the call's [`Look`]. Not here: which modules are foreign ([`crate::spec::Catalog`]).

use crate::activity::Look;
use crate::failure::Stop;
use crate::stop::Signal;
use futures_util::future::BoxFuture;
use squall_experiment::{Object, Value};

/// What a function is called with.
pub struct Call<'a> {
    /// Its module: `company.chaos.actions`.
    pub module: &'a str,
    /// Its name.
    pub func: &'a str,
    /// Its arguments by name, patterns filled in.
    pub arguments: &'a Object,
    /// The secrets that the provider asks for, merged; `None` if it asks for none.
    pub secrets: Option<&'a Object>,
    /// Whether others may be playing meanwhile: in the background, or while the method runs.
    pub beside: bool,
    /// The activity's name, for messages.
    pub activity: &'a str,
    /// The whole configuration, the stop, and where notes go.
    pub look: &'a Look,
}

/// Why a function returned nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unreturned {
    /// It failed, broke, or was stopped.
    Stop(Stop),
    /// It asks for the end of the run, as that signal would.
    Exit(Signal),
}

impl From<Stop> for Unreturned {
    fn from(stop: Stop) -> Unreturned {
        Unreturned::Stop(stop)
    }
}

/// What serves foreign functions; cli hands it in.
///
/// # Must
/// End every call soon after a stop is heard, and leave nothing of it behind.
pub trait Foreign: Send + Sync {
    /// Whether functions of this module are foreign although the catalogue has them.
    fn prefers(&self, module: &str) -> bool;

    /// Calls a function; what it returned.
    fn call<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Value, Unreturned>>;
}
