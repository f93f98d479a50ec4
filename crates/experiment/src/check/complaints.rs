//! Collecting complaints: the Toolkit's in its order, and our own hints after them.

use super::rules::Rule;
use crate::Value;
use crate::diagnostic::{Diagnostic, Severity};
use crate::draft::Spans;

/// What was found so far.
pub(super) struct Complaints<'a> {
    spans: &'a Spans,
    found: Vec<Diagnostic>,
    hints: Vec<Diagnostic>,
    /// Nothing is worse than a hint: for what the Toolkit does not check.
    only_hints: bool,
}

/// A complaint in the making.
#[must_use]
pub(super) struct Complaint {
    severity: Severity,
    rule: Rule,
    path: String,
    message: String,
    hint: Option<String>,
    at_key: bool,
}

impl Complaint {
    fn new(severity: Severity, rule: Rule, path: impl Into<String>, message: impl Into<String>) -> Complaint {
        let (path, message) = (path.into(), message.into());
        Complaint { severity, rule, path, message, hint: None, at_key: false }
    }

    pub(super) fn error(rule: Rule, path: impl Into<String>, message: impl Into<String>) -> Complaint {
        Complaint::new(Severity::Error, rule, path, message)
    }

    pub(super) fn warning(rule: Rule, path: impl Into<String>, message: impl Into<String>) -> Complaint {
        Complaint::new(Severity::Warning, rule, path, message)
    }

    pub(super) fn hint(rule: Rule, path: impl Into<String>, message: impl Into<String>) -> Complaint {
        Complaint::new(Severity::Hint, rule, path, message)
    }

    /// A value that is not what its key asks for: `method: expected a list, found text`.
    pub(super) fn wrong_type(path: &str, expected: &str, found: &Value) -> Complaint {
        let place = if path.is_empty() { "the experiment" } else { path };
        let message = format!("{place}: expected {expected}, found {}", kind(found));
        Complaint::error(Rule::WrongType, path, message)
    }

    /// Of any severity, no worse than a hint.
    pub(super) fn mild(mut self) -> Complaint {
        self.severity = Severity::Hint;
        self
    }

    pub(super) fn help(mut self, hint: impl Into<Option<String>>) -> Complaint {
        self.hint = hint.into();
        self
    }

    /// It is about the key, not about its value.
    pub(super) fn at_key(mut self) -> Complaint {
        self.at_key = true;
        self
    }
}

impl<'a> Complaints<'a> {
    pub(super) fn new(spans: &'a Spans) -> Complaints<'a> {
        Complaints { spans, found: Vec::new(), hints: Vec::new(), only_hints: false }
    }

    pub(super) fn say(&mut self, complaint: Complaint) {
        let Complaint { severity, rule, path, message, hint, at_key } = complaint;
        let span = if at_key { self.spans.key(&path) } else { None }.or_else(|| self.spans.nearest(&path));
        let severity = if self.only_hints { Severity::Hint } else { severity };
        let list = if severity == Severity::Hint { &mut self.hints } else { &mut self.found };
        list.push(Diagnostic { severity, rule: rule.name().to_owned(), message, hint, path, span });
    }

    /// Whether complaints are hints only, from now on; gives back what held before.
    pub(super) fn only_hints(&mut self, only: bool) -> bool {
        std::mem::replace(&mut self.only_hints, only)
    }

    /// Errors and warnings in the Toolkit's order, then all hints in the order of the document.
    pub(super) fn finish(mut self, duplicates: &[Diagnostic]) -> Vec<Diagnostic> {
        self.hints.extend_from_slice(duplicates);
        self.hints.sort_by_key(|hint| hint.span.map(|span| span.start));
        self.found.append(&mut self.hints);
        self.found
    }
}

/// The kind of a value, for people who write JSON or YAML.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Int(_) | Value::Big(_) => "an integer",
        Value::Float(_) => "a number",
        Value::Text(_) => "text",
        Value::Bytes(_) => "bytes",
        Value::Date(_) => "a date",
        Value::List(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The path of a member.
pub(super) fn member(path: &str, key: &str) -> String {
    // Made for everything that is checked, complaint or not, so it is put together by hand.
    let mut member = String::with_capacity(path.len() + 1 + key.len());
    if !path.is_empty() {
        member.push_str(path);
        member.push('.');
    }
    member.push_str(key);
    member
}

/// The path of an item.
pub(super) fn item(path: &str, index: usize) -> String {
    let index = index.to_string();
    let mut item = String::with_capacity(path.len() + 2 + index.len());
    item.push_str(path);
    item.push('[');
    item.push_str(&index);
    item.push(']');
    item
}

/// The nearest of some names, if one is near enough to be meant.
pub(super) fn nearest<'n>(name: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let length = name.chars().count();
    // Of a name with one or two letters every other one would be near.
    let close = names.into_iter().filter_map(|candidate| {
        let distance = if candidate.eq_ignore_ascii_case(name) {
            0
        } else {
            strsim::damerau_levenshtein(name, candidate)
        };
        let limit = length.max(candidate.chars().count()) / 3;
        (candidate != name && distance <= limit).then_some((distance, candidate))
    });
    close.min().map(|(_, candidate)| candidate)
}

/// "did you mean `x`?" for the nearest of some names.
pub(super) fn did_you_mean<'n>(name: &str, names: impl IntoIterator<Item = &'n str>) -> Option<String> {
    nearest(name, names).map(|candidate| format!("did you mean `{candidate}`?"))
}

/// Some names in a sentence: `a, b and c`.
pub(super) fn joined(names: &[String], word: &str) -> String {
    match names {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} {word} {last}", first.join(", ")),
    }
}
