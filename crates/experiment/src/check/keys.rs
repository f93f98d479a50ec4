//! Keys that nothing reads: misspelt, or in the wrong place.

use super::Checker;
use super::complaints::{Complaint, did_you_mean, member};
use super::rules::Rule;
use crate::{Object, Value};

/// Words that other tools use, and the keys of the Toolkit for them.
const OTHER_WORDS: &[(&str, &str)] = &[
    ("actions", "method"),
    ("activities", "method"),
    ("args", "arguments"),
    ("body", "arguments"),
    ("cmd", "path"),
    ("command", "path"),
    ("config", "configuration"),
    ("data", "arguments"),
    ("delay", "pauses"),
    ("expect", "tolerance"),
    ("expected", "tolerance"),
    ("expected_status", "tolerance"),
    ("function", "func"),
    ("hypothesis", "steady-state-hypothesis"),
    ("insecure", "verify_tls"),
    ("json", "arguments"),
    ("params", "arguments"),
    ("retries", "max_retries"),
    ("sleep", "pauses"),
    ("steady-state", "steady-state-hypothesis"),
    ("steps", "method"),
    ("variables", "configuration"),
    ("vars", "configuration"),
    ("verify", "verify_tls"),
    ("wait", "pauses"),
];

impl Checker<'_> {
    /// Hints about keys that are not `known`. `elsewhere` tells for some keys where they belong. Keys that begin with `x-`
    /// are notes of the author's.
    pub(super) fn keys(&mut self, path: &str, object: &Object, known: &[&str], elsewhere: &[(&str, &str)]) {
        for key in object.keys().filter(|key| !known.contains(&key.as_str()) && !key.starts_with("x-")) {
            let help = match elsewhere.iter().find(|(misplaced, _)| misplaced == key) {
                Some((_, place)) => Some(format!("it belongs in {place}")),
                None => {
                    let free = || known.iter().copied().filter(|known| !object.contains_key(*known));
                    did_you_mean(key, free()).or_else(|| {
                        let (_, meant) = OTHER_WORDS.iter().find(|(word, _)| word == key)?;
                        free().find(|free| free == meant).map(|meant| format!("did you mean `{meant}`?"))
                    })
                }
            };
            let message = format!("the key `{key}` is not read here");
            self.say(Complaint::hint(Rule::UnknownKey, member(path, key), message).help(help).at_key());
        }
    }

    /// A hint about a switch of ours that is neither on nor off; the Toolkit does not read it.
    pub(super) fn switch(&mut self, path: &str, object: &Object, key: &str) {
        if let Some(value) = object.get(key)
            && !matches!(value, Value::Null | Value::Bool(_))
        {
            self.say(Complaint::wrong_type(&member(path, key), "true or false", value).mild());
        }
    }

    /// Hints about keys that have no effect here.
    pub(super) fn ignored(&mut self, path: &str, object: &Object, keys: &[&str], why: &str) {
        for key in keys.iter().filter(|key| object.contains_key(**key)) {
            let message = format!("the key `{key}` has no effect {why}");
            self.say(Complaint::hint(Rule::IgnoredKey, member(path, key), message).at_key());
        }
    }
}
