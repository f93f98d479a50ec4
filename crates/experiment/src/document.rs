//! An experiment as a document: typed ways to look at what its author wrote, which stays as it is for the journal.
//!
//! Invariant: looking never fails on a document of the wrong shape; what is not there or not of its type is simply absent
//! here, for [`crate::check`] has complained about it, or the author asked for `--no-validation`.

use crate::{Object, Value};

/// An experiment as loaded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Experiment {
    /// The whole document, keys in their order.
    pub document: Object,
}

impl Experiment {
    /// The experiment in a document, if that is an object at all.
    pub fn new(document: Value) -> Option<Experiment> {
        match document {
            Value::Object(document) => Some(Experiment { document }),
            _ => None,
        }
    }

    /// Its hypothesis, if there is one with probes.
    pub fn hypothesis(&self) -> Option<Hypothesis<'_>> {
        let hypothesis = self.document.get("steady-state-hypothesis")?.as_object()?;
        let probes = hypothesis.get("probes")?.as_list()?;
        (!probes.is_empty()).then_some(Hypothesis { title: hypothesis.get("title"), probes })
    }

    /// The activities of its method.
    pub fn method(&self) -> &[Value] {
        self.document.get("method").and_then(Value::as_list).unwrap_or_default()
    }

    /// Its rollbacks.
    pub fn rollbacks(&self) -> &[Value] {
        self.document.get("rollbacks").and_then(Value::as_list).unwrap_or_default()
    }

    /// The strategy that its `runtime` names for `what` (`hypothesis`, `rollbacks`). `None` without a (truthy) `runtime`;
    /// `Some(None)` when there is one that does not name it, which resets the strategy to the default.
    pub fn runtime_strategy(&self, what: &str) -> Option<Option<&Value>> {
        let runtime = self.document.get("runtime").filter(|runtime| runtime.is_truthy())?;
        Some(runtime.get(what).and_then(|section| section.get("strategy")))
    }

    /// The activity that a `ref` means: the last one of that name among the hypothesis' probes, else among the method's.
    pub fn referenced(&self, name: &str) -> Option<&Value> {
        let named = |activities: &'_ [Value]| {
            activities
                .iter()
                .rposition(|activity| activity.get("name").and_then(Value::as_text) == Some(name))
        };
        let probes = self.hypothesis().map(|hypothesis| hypothesis.probes).unwrap_or_default();
        named(probes).map(|at| &probes[at]).or_else(|| named(self.method()).map(|at| &self.method()[at]))
    }
}

/// A hypothesis that has probes.
#[derive(Clone, Copy, Debug)]
pub struct Hypothesis<'a> {
    /// Its title.
    pub title: Option<&'a Value>,
    /// Its probes, at least one.
    pub probes: &'a [Value],
}

/// The name of an activity, if it has one.
pub fn name(activity: &Value) -> Option<&Value> {
    activity.get("name")
}

/// Whether an activity is to run in the background.
pub fn is_background(activity: &Value) -> bool {
    activity.get("background").is_some_and(Value::is_truthy)
}
