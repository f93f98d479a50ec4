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

    /// Hints about the names in the arguments of a process. A shell may know what we do not, so only near misses count.
    pub(super) fn shell_variables(&mut self, path: &str, value: Option<&Value>) {
        match value {
            Some(Value::List(items)) => {
                for (index, value) in items.iter().enumerate() {
                    self.variables(&item(path, index), Some(value), true);
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

/// Whether substitution would look for it.
fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_')
}
