//! What becomes of the changes that a method makes: whether the hypothesis can see them, and whether something puts them back.
//!
//! Invariant: only hints, and only about functions whose nature is known. What may do anything (a process, a foreign function, a
//! control) is taken to do what is needed.

use super::complaints::{Complaint, did_you_mean, item, member};
use super::rules::Rule;
use super::{Checker, Known, Nature};
use crate::python::str_of;
use crate::{Object, Value};

const HYPOTHESIS: &str = "steady-state-hypothesis";

impl<'a> Checker<'a> {
    pub(super) fn effects(&mut self, experiment: &'a Object) {
        let list = |key: &str| experiment.get(key).and_then(Value::as_list).unwrap_or_default();
        let (method, rollbacks) = (list("method"), list("rollbacks"));
        let undo = experiment.get("runtime").and_then(|runtime| runtime.get("undo"));
        if undo.and_then(Value::as_text) != Some("always") {
            self.lasting_change(method, rollbacks);
        }
        self.idle_rollbacks(method, rollbacks);
        self.hurried_hypothesis(experiment, method);
    }

    /// A hint about the first change that nothing takes back when the run completes.
    fn lasting_change(&mut self, method: &[Value], rollbacks: &[Value]) {
        if !rollbacks.is_empty() {
            return;
        }
        let stays = |activity: &Value| self.nature(activity).is_some_and(|nature| nature.stays);
        if let Some(index) = method.iter().position(stays) {
            let message = "nothing puts this change back after a run that completes";
            let help = "add a rollback, or run with `--undo always`".to_owned();
            self.say(Complaint::hint(Rule::LastingChange, item("method", index), message).help(help));
        }
    }

    /// Hints about rollbacks that put nothing back.
    fn idle_rollbacks(&mut self, method: &[Value], rollbacks: &[Value]) {
        let is = |activity: &Value, kind: &str| {
            self.played(activity).get("type").and_then(Value::as_text) == Some(kind)
        };
        let looks = |activity: &Value| is(activity, "probe");
        let actions: Vec<&Value> = method.iter().filter(|activity| is(activity, "action")).collect();
        if !rollbacks.is_empty() && rollbacks.iter().all(looks) && !actions.is_empty() {
            let message = "every rollback is a probe, which only looks: nothing is put back";
            let help = "what changes something is of type `action`".to_owned();
            return self.say(Complaint::hint(Rule::IdleRollback, "rollbacks", message).help(help).at_key());
        }
        let natures: Option<Vec<Nature>> = actions.iter().map(|action| self.changing(action)).collect();
        // One that may do anything may also do what is put back here.
        if natures.is_none() {
            return;
        }
        for (index, rollback) in rollbacks.iter().enumerate() {
            let Some(complaint) = self.misses(&item("rollbacks", index), rollback, &actions) else {
                continue;
            };
            self.say(complaint);
        }
    }

    /// The nature of an action, unless it may do anything.
    fn changing(&self, action: &Value) -> Option<Nature> {
        let kind = self.played(action).get("provider")?.get("type")?.as_text()?;
        if kind == "python" { self.nature(action) } else { None }
    }

    /// A hint about a rollback that does what the method does, but to something else.
    fn misses(&self, path: &str, rollback: &Value, actions: &[&Value]) -> Option<Complaint> {
        let target = self.nature(rollback)?.target;
        let function = |activity: &Value| {
            self.played(activity).get("provider").and_then(|provider| provider.get("func")).map(str_of)
        };
        let same: Vec<&&Value> =
            actions.iter().filter(|action| function(action) == function(rollback)).collect();
        if target.is_empty() || same.is_empty() {
            return None;
        }
        let object = |activity: &Value| -> Option<Vec<String>> {
            target.iter().map(|argument| self.argument_of(activity, argument)).collect()
        };
        let mine = object(rollback)?;
        let theirs: Vec<Vec<String>> =
            same.into_iter().map(|action| object(action)).collect::<Option<_>>()?;
        if theirs.contains(&mine) {
            return None;
        }
        // The argument in which they differ, the first one if they differ in several.
        let which =
            (0..target.len()).find(|at| theirs.iter().all(|other| other[*at] != mine[*at])).unwrap_or(0);
        let message =
            format!("the method changes `{}`, not `{}`", theirs[0].join("` in `"), mine.join("` in `"));
        let others = theirs.iter().map(|other| other[which].as_str());
        let at = member(&member(path, "provider.arguments"), target[which]);
        Some(Complaint::hint(Rule::IdleRollback, at, message).help(did_you_mean(&mine[which], others)))
    }

    /// An argument as a function gets it, the default included; `None` if that is not known beforehand.
    fn argument_of(&self, activity: &Value, name: &str) -> Option<String> {
        let provider = self.played(activity).get("provider")?;
        let given = provider.get("arguments").and_then(|arguments| arguments.get(name));
        if let Some(given) = given {
            let text = str_of(given);
            return (!text.contains('$')).then_some(text);
        }
        let text = |key| provider.get(key).and_then(Value::as_text);
        let Known::Signature(parameters) = self.knowledge.function(text("module")?, text("func")?) else {
            return None;
        };
        let parameter = parameters.into_iter().find(|parameter| parameter.name == name)?;
        parameter.schema.get("default")?.as_str().map(str::to_owned)
    }

    /// A hint about an action whose effect cannot be seen yet when the hypothesis is checked.
    fn hurried_hypothesis(&mut self, experiment: &'a Object, method: &[Value]) {
        let strategy = experiment
            .get("runtime")
            .and_then(|runtime| runtime.get("hypothesis"))
            .and_then(|hypothesis| hypothesis.get("strategy"))
            .map_or_else(|| "default".to_owned(), str_of);
        if !matches!(strategy.as_str(), "default" | "after-method-only") {
            return;
        }
        // Controls can wait, wherever they stand.
        if experiment.iter().any(|(key, value)| super::variables::has_controls(key, value)) {
            return;
        }
        let probes = experiment.get(HYPOTHESIS).and_then(|hypothesis| hypothesis.get("probes"));
        let probes = probes.and_then(Value::as_list).unwrap_or_default();
        let waits_first = probes.first().is_none_or(|probe| self.pauses_of(probe, "before"));
        if waits_first || !probes.iter().all(|probe| self.is_prompt(probe)) {
            return;
        }
        for (index, activity) in method.iter().enumerate().rev() {
            let in_background = activity.get("background").is_some_and(Value::is_truthy);
            if in_background || self.pauses_of(activity, "after") || !self.is_native(activity) {
                return;
            }
            if self.nature(activity).is_some_and(|nature| nature.lags) {
                let message = "the hypothesis is checked right after this, when its effect may not show yet";
                let help = "give it time: `pauses: {after: 2}`, or as long as the effect takes".to_owned();
                let complaint = Complaint::hint(Rule::HurriedHypothesis, item("method", index), message);
                return self.say(complaint.help(help));
            }
            let looks = self.played(activity).get("type").and_then(Value::as_text) == Some("probe");
            if !looks || self.pauses_of(activity, "before") {
                return;
            }
        }
    }

    /// Whether there is a pause on that side of an activity.
    fn pauses_of(&self, activity: &Value, side: &str) -> bool {
        let pauses = self.played(activity).get("pauses");
        pauses.and_then(|pauses| pauses.get(side)).is_some_and(Value::is_truthy)
    }

    /// Whether it is a function that we know.
    fn is_native(&self, activity: &Value) -> bool {
        self.changing(activity).is_some()
    }

    /// Whether a probe answers at once, and does not wait for what it looks for.
    fn is_prompt(&self, probe: &Value) -> bool {
        let Some(provider) = self.played(probe).get("provider") else { return false };
        match provider.get("type").and_then(Value::as_text) {
            Some("http") => !provider.get("max_retries").is_some_and(Value::is_truthy),
            Some("python") => self.is_native(probe),
            _ => false,
        }
    }
}
