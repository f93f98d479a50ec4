//! A document that was read: what it says, and where each part of it was written.
//!
//! Invariant: a draft is no deeper than [`MAX_DEPTH`], so whatever walks it may recurse; who makes one sees to it.
//!
//! Not here: how bytes become one ([`crate::load`]), what the document means ([`crate::check`]).

mod spans;

pub use spans::Spans;

use crate::Value;
use crate::diagnostic::{Diagnostic, Severity, Span};

/// How many lists and objects may lie in each other. Python reads a few hundred; our event log is read back by a JSON
/// reader that stops at 128, and a run whose log cannot be read cannot be restored.
pub const MAX_DEPTH: usize = 100;

/// How deeply a value's form in the event log may nest ([`Value::depth`]), with room for the record around it: what the reader
/// of the log can read.
pub const MAX_LOGGED: usize = 110;

/// A document that was read but not yet checked.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// What it says.
    pub document: Value,
    /// Where it says so, in bytes, lines and columns of `source`.
    pub spans: Spans,
    /// Hints about keys that were given twice; the last one counts, as in the Toolkit.
    pub duplicates: Vec<Diagnostic>,
    /// The text, for excerpts.
    pub source: String,
}

/// A text that is not what its format asks for. Its display is the message and the place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} at line {}, column {}", span.line, span.column)]
pub struct SyntaxError {
    /// What is wrong, in the words of Python's readers where that is cheap.
    pub message: String,
    /// Where.
    pub span: Span,
}

impl SyntaxError {
    pub(crate) fn at(text: &str, start: usize, end: usize, message: impl Into<String>) -> SyntaxError {
        let mut places = Places::new(text);
        SyntaxError { message: message.into(), span: places.span(start, end) }
    }

    /// The same as a diagnostic.
    pub fn complaint(&self) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            rule: "syntax".to_owned(),
            message: self.message.clone(),
            hint: self.hint().map(str::to_owned),
            path: String::new(),
            span: Some(self.span),
        }
    }

    /// What to do, where the reader's words do not say it.
    fn hint(&self) -> Option<&'static str> {
        if self.message.contains("'\\t'") {
            Some("YAML is indented with spaces")
        } else if self.message.starts_with("mapping values are not allowed") {
            Some("a text that contains a colon and a blank needs quotes; otherwise look at the indentation")
        } else {
            None
        }
    }

    /// The text that Python's `JSONDecodeError` has for this: `Expecting value: line 1 column 1 (char 0)`.
    pub fn as_python(&self, source: &str) -> String {
        let before = source.get(..self.span.start).unwrap_or(source).chars().count();
        format!("{}: line {} column {} (char {before})", self.message, self.span.line, self.span.column)
    }
}

/// Turns byte offsets into lines and columns. Offsets that grow cost the text's length altogether.
pub(crate) struct Places<'a> {
    text: &'a str,
    at: usize,
    line: u32,
    column: u32,
}

impl<'a> Places<'a> {
    pub(crate) fn new(text: &'a str) -> Places<'a> {
        Places { text, at: 0, line: 1, column: 1 }
    }

    /// The span of `start..end`. An offset inside a character stands for the character after it.
    pub(crate) fn span(&mut self, start: usize, end: usize) -> Span {
        if start < self.at {
            *self = Places::new(self.text);
        }
        let rest = self.text.get(self.at..).unwrap_or_default();
        let mut taken = 0;
        for character in rest.chars() {
            if self.at + taken >= start {
                break;
            }
            taken += character.len_utf8();
            if character == '\n' {
                self.line = self.line.saturating_add(1);
                self.column = 1;
            } else {
                self.column = self.column.saturating_add(1);
            }
        }
        self.at += taken;
        Span { line: self.line, column: self.column, start, end }
    }
}

/// A hint about a key that was given before; only the first hundred are told.
pub(crate) fn duplicate(
    into: &mut Vec<Diagnostic>,
    path: impl FnOnce() -> String,
    key: &str,
    first: Span,
    again: Span,
) {
    if into.len() < 100 {
        into.push(Diagnostic {
            severity: Severity::Hint,
            rule: "duplicate-key".to_owned(),
            message: format!("the key `{key}` is given twice; the one in line {} is ignored", first.line),
            hint: Some("remove one of the two".to_owned()),
            path: path(),
            span: Some(again),
        });
    }
}
