//! Holds a draft against what an experiment has to be, and tells every complaint at once.
//!
//! Invariant: errors and warnings come in the order of the Toolkit's checks and with its texts, so that the first error is the
//! one at which the Toolkit stops, and what comes before it is what the Toolkit warns about. Where the Toolkit crashes on a
//! value of the wrong type, or would as soon as it runs, there is a [`Severity::Error`](crate::diagnostic::Severity) too. What
//! it can run is never an error here: what we know better is a hint. One mistake makes one complaint. Nothing here panics on
//! any document.
//!
//! Not here: reading the document ([`crate::load`]), drawing complaints (`report`), the machine (a [`Knowledge`] is handed in).

mod activity;
mod arguments;
mod complaints;
mod controls;
mod effects;
mod fit;
mod flow;
mod hypothesis;
mod keys;
mod nature;
mod provider;
mod rules;
mod sections;
#[cfg(test)]
mod tests;
mod variables;

pub use nature::{Nature, Returns};
pub use rules::{RULES, RuleDoc};

use crate::diagnostic::Diagnostic;
use crate::draft::Draft;
use crate::{Object, Value};
use complaints::{Complaint, Complaints, did_you_mean, item, member};
use rules::Rule;
use std::collections::BTreeMap;

/// What validation asks of the world.
pub trait Knowledge {
    /// The value of an environment variable, if it is set.
    fn env(&self, name: &str) -> Option<String>;
    /// Whether a shell would find this program: on `PATH`, or by a path with a slash. `~` is not expanded.
    fn program(&self, path: &str) -> bool;
    /// What is known of a function.
    fn function(&self, module: &str, func: &str) -> Known;
    /// What is known of a function beyond its parameters. Of foreign functions that is nothing.
    fn nature(&self, _module: &str, _func: &str) -> Option<Nature> {
        None
    }
    /// What is known of a control whose provider is of this module. By default that its module is known.
    fn control(&self, module: &str, control: &Object) -> KnownControl {
        let _ = control;
        match self.function(module, "") {
            Known::NoModule(_) => KnownControl::NoModule(Vec::new()),
            _ => KnownControl::Foreign,
        }
    }
}

/// What is known of a control.
#[derive(Clone, Debug, PartialEq)]
pub enum KnownControl {
    /// Nothing, not even its module. The modules of controls that are known, for a suggestion.
    NoModule(Vec<String>),
    /// Its parameters in the order of their declaration.
    Signature(Vec<Parameter>),
    /// There it is.
    Foreign,
    /// Its module does not accept the declaration, and says why.
    Refused(String),
}

/// What is known of a function.
#[derive(Clone, Debug, PartialEq)]
pub enum Known {
    /// Nothing, not even its module. The modules that are known, for a suggestion.
    NoModule(Vec<String>),
    /// Its module has no such function. Those that it has.
    NoFunction(Vec<String>),
    /// Its parameters in the order of their declaration.
    Signature(Vec<Parameter>),
    /// The same of a function that takes any other argument, too.
    Open(Vec<Parameter>),
    /// Its module is none of those that are known, and could not be had.
    Unimportable {
        /// Those that are known, for a suggestion.
        modules: Vec<String>,
        /// Why not.
        why: String,
    },
    /// It is there and cannot be called with arguments by name: why.
    Uncallable(String),
}

/// A parameter of a function.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Whether there is no default.
    pub required: bool,
    /// Its JSON schema.
    pub schema: serde_json::Value,
}

/// Every complaint about an experiment. It is valid if none of them is an error.
pub fn check(draft: &Draft, knowledge: &dyn Knowledge) -> Vec<Diagnostic> {
    let said = Complaints::new(&draft.spans);
    let mut checker = Checker {
        document: &draft.document,
        knowledge,
        said,
        names: variables::Names::Unknown,
        named: named(&draft.document),
    };
    checker.experiment();
    checker.said.finish(&draft.duplicates)
}

/// The text of the Toolkit when the method is absent; it ends with a space.
const NO_METHOD: &str =
    "an experiment requires a method, which can be empty for only checking steady state hypothesis ";

const TOP_KEYS: &[&str] = &[
    "title",
    "description",
    "tags",
    "contributions",
    "extensions",
    "configuration",
    "secrets",
    "controls",
    "runtime",
    "steady-state-hypothesis",
    "method",
    "rollbacks",
    "dry",
    "version",
];

struct Checker<'a> {
    document: &'a Value,
    knowledge: &'a dyn Knowledge,
    said: Complaints<'a>,
    /// What `${name}` may stand for.
    names: variables::Names,
    /// What a `ref` can point to.
    named: BTreeMap<&'a str, Named<'a>>,
}

/// The activities of the method and of the hypothesis that have one name.
struct Named<'a> {
    /// The one that a `ref` means: the last.
    meant: &'a Value,
    /// How many there are.
    number: usize,
    /// Whether one of them is another than the one before it.
    differ: bool,
}

fn named(document: &Value) -> BTreeMap<&str, Named<'_>> {
    let mut all: BTreeMap<&str, Named<'_>> = BTreeMap::new();
    let probes = document.get("steady-state-hypothesis").and_then(|hypothesis| hypothesis.get("probes"));
    let lists = [document.get("method"), probes].into_iter().flatten();
    for activity in lists.filter_map(Value::as_list).flatten() {
        let Some(name) = activity.get("name").and_then(Value::as_text) else { continue };
        let known = all.entry(name).or_insert(Named { meant: activity, number: 0, differ: false });
        known.differ |= known.meant != activity;
        known.number += 1;
        known.meant = activity;
    }
    all
}

impl<'a> Checker<'a> {
    fn experiment(&mut self) {
        if !self.document.is_truthy() {
            let empty = "an empty experiment is not an experiment";
            return self.say(Complaint::error(Rule::EmptyExperiment, "", empty));
        }
        let Value::Object(experiment) = self.document else {
            return self.say(Complaint::wrong_type("", "an object", self.document));
        };
        self.names = variables::Names::of(experiment);
        self.keys("", experiment, TOP_KEYS, &[]);
        for (key, rule, complaint) in [
            ("title", Rule::Title, "experiment requires a title"),
            ("description", Rule::Description, "experiment requires a description"),
        ] {
            match experiment.get(key).filter(|value| value.is_truthy()) {
                Some(value) => self.plain_text(key, value),
                None => self.say(Complaint::error(rule, key, complaint)),
            }
        }
        self.text_variables("title", experiment.get("title"));
        self.tags(experiment.get("tags"));
        if let Some(contributions) = experiment.get("contributions")
            && contributions.as_object().is_none()
        {
            self.say(Complaint::wrong_type("contributions", "an object", contributions).mild());
        }
        self.extensions(experiment.get("extensions"));
        self.configuration(experiment.get("configuration"));
        self.secrets(experiment.get("secrets"));
        self.hypothesis(experiment.get("steady-state-hypothesis"));
        self.method(experiment);
        self.rollbacks(experiment.get("rollbacks"));
        self.deprecations(experiment);
        self.all_controls(experiment);
        self.runtime(experiment.get("runtime"));
        self.dry(experiment.get("dry"));
        self.unused_secrets(experiment);
        self.literal_variables(experiment);
        self.flow(experiment);
        self.effects(experiment);
    }

    fn method(&mut self, experiment: &'a Object) {
        let activities = match experiment.get("method") {
            None => return self.say(Complaint::error(Rule::Method, "", NO_METHOD)),
            Some(Value::List(activities)) => activities,
            Some(other) => return self.say(Complaint::wrong_type("method", "a list of activities", other)),
        };
        for (index, activity) in activities.iter().enumerate() {
            let path = item("method", index);
            self.activity(&path, activity);
            if let Some(name) = reference(activity)
                && !self.named.contains_key(name)
            {
                let message = format!("referenced activity '{name}' could not be found in the experiment");
                let help = self.help_for_ref(name);
                self.say(Complaint::error(Rule::Ref, member(&path, "ref"), message).help(help));
            }
        }
    }

    fn rollbacks(&mut self, rollbacks: Option<&'a Value>) {
        let Some(rollbacks) = rollbacks else { return };
        for (path, activity) in self.items("rollbacks", rollbacks, "a list of activities") {
            self.activity(&path, activity);
            self.dangling(&path, activity);
        }
    }

    /// A `ref` which the Toolkit does not look up before it is played.
    fn dangling(&mut self, path: &str, activity: &Value) {
        if let Some(name) = reference(activity)
            && !self.named.contains_key(name)
        {
            let message = format!("no activity of the method or of the hypothesis is named '{name}'");
            let help = self.help_for_ref(name);
            self.say(Complaint::hint(Rule::DanglingRef, member(path, "ref"), message).help(help));
        }
    }

    fn help_for_ref(&self, name: &str) -> Option<String> {
        let rollbacks = self.document.get("rollbacks").and_then(Value::as_list).unwrap_or_default();
        if rollbacks.iter().any(|activity| activity.get("name").and_then(Value::as_text) == Some(name)) {
            return Some("a rollback cannot be referenced: repeat it here".to_owned());
        }
        did_you_mean(name, self.named.keys().copied())
    }

    /// The activity that is played: the one that a `ref` points to, if there is one.
    fn played<'v>(&self, activity: &'v Value) -> &'v Value
    where
        'a: 'v,
    {
        let meant = reference(activity).and_then(|name| self.named.get(name));
        meant.map_or(activity, |named| named.meant)
    }

    /// What is known of what an activity does; `None` for what can do anything.
    fn nature(&self, activity: &Value) -> Option<Nature> {
        let provider = self.played(activity).get("provider")?;
        let text = |key| provider.get(key).and_then(Value::as_text);
        match text("type")? {
            "python" => self.knowledge.nature(text("module")?, text("func")?),
            "process" => Some(Nature::returning(Returns::PROCESS)),
            "http" => Some(Nature::returning(Returns::HTTP)),
            _ => None,
        }
    }

    /// A hint about what should be text and is none at all; numbers, booleans and dates are shown as text.
    fn plain_text(&mut self, path: &str, value: &Value) {
        if matches!(value, Value::List(_) | Value::Object(_)) {
            self.say(Complaint::wrong_type(path, "text", value).mild());
        }
    }

    /// The items of what should be a list. An object or text without content is accepted, as the Toolkit goes through it
    /// without finding anything.
    fn items<'v>(&mut self, path: &str, value: &'v Value, expected: &str) -> Vec<(String, &'v Value)> {
        let complaint = Complaint::wrong_type(path, expected, value);
        match value {
            Value::List(items) => {
                return items.iter().enumerate().map(|(index, value)| (item(path, index), value)).collect();
            }
            Value::Object(_) | Value::Text(_) if !value.is_truthy() => self.say(complaint.mild()),
            _ => self.say(complaint),
        }
        Vec::new()
    }

    fn say(&mut self, complaint: Complaint) {
        self.said.say(complaint);
    }
}

/// What an activity refers to, if that is a reference as it should be.
fn reference(activity: &Value) -> Option<&str> {
    activity.get("ref")?.as_text().filter(|name| !name.is_empty())
}

/// Whether the key is there and Python would take its value for true.
fn truthy(object: &Object, key: &str) -> bool {
    object.get(key).is_some_and(Value::is_truthy)
}
