//! Keys that change nothing where they stand in the course of an experiment, and references that are not clear.
//!
//! Invariant: only hints.

use super::complaints::{Complaint, item, member};
use super::rules::Rule;
use super::{Checker, reference};
use crate::{Object, Value};

const PROBES: &str = "steady-state-hypothesis.probes";

impl<'a> Checker<'a> {
    pub(super) fn flow(&mut self, experiment: &'a Object) {
        let list = |value: Option<&'a Value>| value.and_then(Value::as_list).unwrap_or_default();
        let hypothesis = experiment.get("steady-state-hypothesis");
        let probes = list(hypothesis.and_then(|hypothesis| hypothesis.get("probes")));
        let (method, rollbacks) = (list(experiment.get("method")), list(experiment.get("rollbacks")));
        for (path, activities) in [("method", method), ("rollbacks", rollbacks)] {
            self.background(path, activities);
            for (index, activity) in activities.iter().enumerate() {
                self.without_effect(
                    &item(path, index),
                    activity,
                    "tolerance",
                    "only a probe of the hypothesis is judged",
                );
            }
        }
        for (index, probe) in probes.iter().enumerate() {
            if probe.get("background") == Some(&Value::Bool(true)) {
                let why = "the probes of the hypothesis are run one after the other";
                self.without_effect(&item(PROBES, index), probe, "background", why);
            }
        }
        for (path, activities) in [(PROBES, probes), ("method", method), ("rollbacks", rollbacks)] {
            self.ambiguous(path, activities);
        }
        let runtime = experiment.get("runtime").and_then(|runtime| runtime.get("hypothesis"));
        let strategy = runtime.and_then(|runtime| runtime.get("strategy"));
        if probes.is_empty() {
            self.idle_strategy(strategy);
        } else if strategy.is_none_or(|strategy| strategy.as_text().is_some_and(looks_outside)) {
            for key in ["fail_fast", "fail_fast_ratio"] {
                if runtime.and_then(|runtime| runtime.get(key)).is_some_and(Value::is_truthy) {
                    let message = format!("`{key}` has no effect: nothing looks while the method runs");
                    let help = "a `strategy` that does is `continuously`, or `during-method-only`".to_owned();
                    let at = member("runtime.hypothesis", key);
                    self.say(Complaint::hint(Rule::IgnoredKey, at, message).help(help).at_key());
                }
            }
        }
    }

    fn without_effect(&mut self, path: &str, activity: &Value, key: &str, why: &str) {
        if activity.get(key).is_some() {
            let message = format!("`{key}` decides nothing here: {why}");
            self.say(Complaint::hint(Rule::IgnoredKey, member(path, key), message).at_key());
        }
    }

    fn background(&mut self, path: &str, activities: &[Value]) {
        let in_background = |activity: &Value| activity.get("background") == Some(&Value::Bool(true));
        // Where there are several, the last one is written like the others.
        if let Some((last, before)) = activities.split_last()
            && in_background(last)
            && !before.iter().any(in_background)
        {
            let why = "nothing comes after it, so nothing runs beside it";
            self.without_effect(&item(path, before.len()), last, "background", why);
        }
        for (index, activity) in activities.iter().enumerate() {
            let pauses = activity.get("pauses").filter(|_| in_background(activity));
            if index + 1 < activities.len()
                && pauses.and_then(|pauses| pauses.get("after")).is_some_and(Value::is_truthy)
            {
                let at = member(&item(path, index), "pauses.after");
                let message =
                    "the next activity does not wait for this pause, for this one runs in the background";
                let help = "to begin the next one later, give that one `pauses: {before: …}`".to_owned();
                self.say(Complaint::hint(Rule::IgnoredKey, at, message).help(help).at_key());
            }
        }
    }

    /// Hints about references to a name that several activities have.
    fn ambiguous(&mut self, path: &str, activities: &[Value]) {
        for (index, activity) in activities.iter().enumerate() {
            let Some(name) = reference(activity) else { continue };
            if let Some(named) = self.named.get(name)
                && named.differ
            {
                let message =
                    format!("{} activities are named '{name}': the last one is meant", named.number);
                let help = "those of the hypothesis count as later than those of the method".to_owned();
                let at = member(&item(path, index), "ref");
                self.say(Complaint::hint(Rule::AmbiguousRef, at, message).help(help));
            }
        }
    }

    /// A hint about a time to check a hypothesis that there is not.
    fn idle_strategy(&mut self, strategy: Option<&Value>) {
        if let Some(strategy) = strategy.and_then(Value::as_text)
            && (looks_outside(strategy) || matches!(strategy, "during-method-only" | "continuously"))
            && strategy != "default"
        {
            let message = format!("`{strategy}` has no effect: the experiment has no hypothesis with probes");
            let at = "runtime.hypothesis.strategy";
            self.say(Complaint::hint(Rule::IgnoredKey, at, message).at_key());
        }
    }
}

/// Whether a strategy of the hypothesis checks it before or after the method alone.
fn looks_outside(strategy: &str) -> bool {
    matches!(strategy, "default" | "before-method-only" | "after-method-only")
}
