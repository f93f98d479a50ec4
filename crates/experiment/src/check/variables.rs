//! `${name}`: names that nothing declares.

use super::Checker;
use super::complaints::{Complaint, item, member, nearest};
use super::rules::Rule;
use crate::{Object, Value};
use std::collections::BTreeSet;

/// What `${name}` may stand for.
pub(super) enum Names {
    /// It cannot be known beforehand, so nothing is said.
    Unknown,
    /// These configurations and secrets.
    Declared(BTreeSet<String>),
}

impl Names {
    /// Of an experiment: its configuration, and what lies in the targets of its secrets.
    pub(super) fn of(experiment: &Object) -> Names {
        let mut names = BTreeSet::new();
        match experiment.get("configuration") {
            None => {}
            Some(Value::Object(configuration)) => names.extend(configuration.keys().cloned()),
            Some(_) => return Names::Unknown,
        }
        match experiment.get("secrets") {
            None => {}
            Some(Value::Object(targets)) => {
                for target in targets.values() {
                    match target {
                        // What Vault or a variable holds decides which names there are.
                        Value::Object(target)
                            if target.get("type").is_none_or(|kind| kind.as_text().is_none()) =>
                        {
                            names.extend(target.keys().cloned());
                        }
                        _ => return Names::Unknown,
                    }
                }
            }
            Some(_) => return Names::Unknown,
        }
        Names::Declared(names)
    }
}

impl<'a> Checker<'a> {
    /// Hints about targets of secrets that reach nothing. Forgetting to list one is how a function comes to another cluster
    /// than was meant. Controls and probes of the configuration get all secrets, so with any of those nothing is said.
    pub(super) fn unused_secrets(&mut self, experiment: &'a Object) {
        let Some(Value::Object(targets)) = experiment.get("secrets") else { return };
        let mut used = BTreeSet::new();
        for (key, value) in experiment {
            let gets_all = match key.as_str() {
                "secrets" => continue,
                "configuration" => value
                    .as_object()
                    .into_iter()
                    .flat_map(Object::values)
                    .any(|value| value.get("type").and_then(Value::as_text) == Some("probe")),
                _ => has_controls(key, value),
            };
            if gets_all {
                return;
            }
            collect(value, &mut used);
        }
        for (target, names) in targets {
            // Of what is no target, or comes from elsewhere as a whole, the names are not known.
            let Value::Object(names) = names else { continue };
            if names.get("type").is_some_and(|kind| kind.as_text().is_some()) {
                continue;
            }
            if !names.keys().chain([target]).any(|name| used.contains(name.as_str())) {
                let message = format!("nothing uses the secrets `{target}`");
                let help = format!("a function gets them if its `provider` has `secrets: [{target}]`");
                let path = member("secrets", target);
                self.say(Complaint::hint(Rule::UnusedSecret, path, message).help(help).at_key());
            }
        }
    }
}

/// Whether there is a `controls` with content, at any depth.
pub(super) fn has_controls(key: &str, value: &Value) -> bool {
    match value {
        _ if key == "controls" => value.is_truthy(),
        Value::List(items) => items.iter().any(|item| has_controls("", item)),
        Value::Object(object) => object.iter().any(|(key, value)| has_controls(key, value)),
        _ => false,
    }
}

impl Checker<'_> {
    /// Hints about the names in a text.
    pub(super) fn text_variables(&mut self, path: &str, value: Option<&Value>) {
        self.variables(path, value, false);
    }

    /// Hints about the names in a value, at any depth.
    pub(super) fn deep_variables(&mut self, path: &str, value: Option<&Value>) {
        match value {
            Some(Value::List(items)) => {
                for (index, value) in items.iter().enumerate() {
                    self.deep_variables(&item(path, index), Some(value));
                }
            }
            Some(Value::Object(object)) => {
                for (key, value) in object {
                    self.deep_variables(&member(path, key), Some(value));
                }
            }
            other => self.variables(path, other, false),
        }
    }

    /// Hints about the names in the arguments of a process. A shell may know what we do not, so in what reaches one only
    /// near misses count: in a text, which a shell runs, and in a list that names a shell.
    pub(super) fn process_variables(&mut self, path: &str, program: &str, value: Option<&Value>) {
        match value {
            Some(Value::List(items)) => {
                let shell = items.iter().filter_map(Value::as_text).chain([program]).any(is_shell);
                for (index, value) in items.iter().enumerate() {
                    self.variables(&item(path, index), Some(value), shell);
                }
            }
            Some(Value::Object(object)) => {
                for (key, value) in object {
                    self.variables(&member(path, key), Some(value), true);
                }
            }
            other => self.variables(path, other, true),
        }
    }

    fn variables(&mut self, path: &str, value: Option<&Value>, only_near: bool) {
        let (Some(Value::Text(text)), Names::Declared(names)) = (value, &self.names) else { return };
        let mut complaints = Vec::new();
        for name in references(text) {
            let declared = names.contains(name);
            if is_name(name) {
                let near = nearest(name, names.iter().map(String::as_str));
                if declared || (only_near && near.is_none()) {
                    continue;
                }
                let message = format!("nothing declares `{name}`, so `${{{name}}}` stays as it is");
                let help = near.map(|near| format!("did you mean `${{{near}}}`?"));
                complaints.push(Complaint::hint(Rule::Undeclared, path, message).help(help));
            } else if declared {
                let message = format!("`${{{name}}}` stays as it is, although `{name}` is declared");
                let help = "names that can be referenced have letters, digits and `_` only".to_owned();
                complaints.push(Complaint::hint(Rule::Undeclared, path, message).help(help));
            }
        }
        for complaint in complaints {
            self.say(complaint);
        }
    }
}

impl<'a> Checker<'a> {
    /// Hints about declared names where nothing is filled in.
    pub(super) fn literal_variables(&mut self, experiment: &'a Object) {
        self.literal("description", experiment.get("description"));
        self.literal("tags", experiment.get("tags"));
        self.literal("configuration", experiment.get("configuration"));
        self.literal("secrets", experiment.get("secrets"));
        let hypothesis = experiment.get("steady-state-hypothesis");
        for key in ["title", "description"] {
            let path = member("steady-state-hypothesis", key);
            self.literal(&path, hypothesis.and_then(|hypothesis| hypothesis.get(key)));
        }
        for (path, activities) in [
            ("steady-state-hypothesis.probes", hypothesis.and_then(|hypothesis| hypothesis.get("probes"))),
            ("method", experiment.get("method")),
            ("rollbacks", experiment.get("rollbacks")),
        ] {
            for (index, activity) in
                activities.and_then(Value::as_list).unwrap_or_default().iter().enumerate()
            {
                let path = item(path, index);
                self.literal(&member(&path, "name"), activity.get("name"));
                if let Some(allowed @ Value::List(_)) = activity.get("tolerance") {
                    self.literal(&member(&path, "tolerance"), Some(allowed));
                }
                for key in ["method", "verify_tls", "max_retries"] {
                    let value = activity.get("provider").and_then(|provider| provider.get(key));
                    self.literal(&member(&path, &format!("provider.{key}")), value);
                }
            }
        }
    }

    fn literal(&mut self, path: &str, value: Option<&Value>) {
        match value {
            Some(Value::List(items)) => {
                for (index, value) in items.iter().enumerate() {
                    self.literal(&item(path, index), Some(value));
                }
            }
            // Its arguments are filled in.
            Some(value @ Value::Object(_))
                if path.starts_with("configuration.")
                    && value.get("type").and_then(Value::as_text) == Some("probe") => {}
            Some(Value::Object(object)) => {
                for (key, value) in object {
                    self.literal(&member(path, key), Some(value));
                }
            }
            Some(Value::Text(text)) => {
                let Names::Declared(names) = &self.names else { return };
                if let Some(name) = references(text).find(|name| is_name(name) && names.contains(*name)) {
                    let message = format!("`${{{name}}}` stays as it is: nothing is filled in here");
                    self.say(Complaint::hint(Rule::Literal, path, message));
                }
            }
            _ => {}
        }
    }
}

/// The names in every `${…}` of an experiment that is filled in, whatever else it holds: in the title, and of activities in
/// arguments, URLs, headers, pauses and tolerances.
pub(super) fn filled_in(document: &Value) -> Vec<&str> {
    let hypothesis = document.get("steady-state-hypothesis");
    let lists = [
        hypothesis.and_then(|hypothesis| hypothesis.get("probes")),
        document.get("method"),
        document.get("rollbacks"),
    ];
    let mut found = Vec::new();
    document.get("title").into_iter().for_each(|title| names_in(title, &mut found));
    for activity in lists.into_iter().flatten().filter_map(Value::as_list).flatten() {
        let provider = activity.get("provider");
        let of_provider = ["arguments", "url", "headers"].map(|key| provider.and_then(|its| its.get(key)));
        let tolerance = activity.get("tolerance").filter(|tolerance| tolerance.as_text().is_some());
        for value in of_provider.into_iter().chain([activity.get("pauses"), tolerance]).flatten() {
            names_in(value, &mut found);
        }
    }
    found
}

fn names_in<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
    match value {
        Value::Text(text) => found.extend(references(text).filter(|name| is_name(name))),
        Value::List(items) => items.iter().for_each(|item| names_in(item, found)),
        Value::Object(object) => object.values().for_each(|value| names_in(value, found)),
        _ => {}
    }
}

/// Adds what a value names: the words after a `$`, with braces or without, and the targets that providers list.
fn collect<'v>(value: &'v Value, used: &mut BTreeSet<&'v str>) {
    match value {
        Value::Text(text) => {
            let words = text.split('$').skip(1).map(|rest| rest.strip_prefix('{').unwrap_or(rest));
            used.extend(words.map(|rest| {
                let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
                &rest[..end.unwrap_or(rest.len())]
            }));
        }
        Value::List(items) => items.iter().for_each(|item| collect(item, used)),
        Value::Object(object) => {
            for (key, value) in object {
                if key == "secrets" {
                    used.extend(value.as_list().unwrap_or_default().iter().filter_map(Value::as_text));
                }
                collect(value, used);
            }
        }
        _ => {}
    }
}

/// What stands in the `${…}` of a text; `$$` is an escaped `$`.
fn references(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let dollar = rest.find('$')?;
            rest = &rest[dollar + 1..];
            if let Some(after) = rest.strip_prefix('$') {
                rest = after;
            } else if let Some(inside) = rest.strip_prefix('{') {
                let end = inside.find('}')?;
                rest = &inside[end + 1..];
                return Some(&inside[..end]);
            }
        }
    })
}

/// Whether it runs what it is given, here or elsewhere, with variables of its own.
fn is_shell(program: &str) -> bool {
    let name = program.rsplit('/').next().unwrap_or(program);
    matches!(name, "sh" | "ash" | "bash" | "dash" | "fish" | "ksh" | "zsh" | "ssh" | "envsubst" | "make")
}

/// Whether substitution would look for it.
fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_')
}
