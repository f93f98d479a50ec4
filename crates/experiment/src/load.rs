//! Bytes to a [`Draft`]: the document as the Toolkit would read it, and where each part of it was written.
//!
//! Invariant: a draft is no deeper than [`MAX_DEPTH`], so whatever walks it may recurse. Nothing here panics on what a
//! file holds: what cannot be read is a [`SyntaxError`] with its place.
//!
//! Not here: the dialects themselves ([`crate::json`], [`crate::yaml`]), what the document means ([`crate::check`]), files
//! and URLs (the caller reads them).

mod spans;

pub use spans::Spans;

use crate::diagnostic::{Diagnostic, Severity, Span};
use crate::{Value, json, yaml};
use std::path::Path;

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

/// The two formats of experiments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Python's JSON.
    Json,
    /// PyYAML's YAML 1.1.
    Yaml,
}

/// The file's name does not tell a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("only files with json, yaml or yml extensions are supported")]
pub struct UnknownFormat;

impl Format {
    /// By the extension, which must be in lower case, as the Toolkit asks for.
    pub fn of(path: &Path) -> Result<Format, UnknownFormat> {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("json") => Ok(Format::Json),
            Some("yaml" | "yml") => Ok(Format::Yaml),
            _ => Err(UnknownFormat),
        }
    }
}

/// Reads a document.
pub fn load(bytes: &[u8], format: Format) -> Result<Draft, SyntaxError> {
    let text = match format {
        Format::Yaml => utf16(bytes).map_or_else(|| utf8(bytes), Ok)?,
        Format::Json => utf8(bytes)?,
    };
    let draft = match format {
        Format::Json => json::parse(text),
        Format::Yaml => yaml::parse(text),
    }?;
    if draft.document.depth() > MAX_LOGGED {
        // Objects that look like our tags are wrapped in the event log, so each counts twice.
        let message = format!("lists and objects are nested deeper than {MAX_DEPTH} levels in the event log");
        return Err(SyntaxError::at(&draft.source, 0, 0, message));
    }
    Ok(draft)
}

fn utf8(bytes: &[u8]) -> Result<String, SyntaxError> {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|error| {
        let (good, bad) = bytes.split_at(error.valid_up_to());
        let good = String::from_utf8_lossy(good);
        let byte = bad.first().copied().unwrap_or_default();
        SyntaxError::at(&good, good.len(), good.len(), format!("byte 0x{byte:02x} is not UTF-8"))
    })
}

/// PyYAML also reads UTF-16, if a byte order mark says so.
fn utf16(bytes: &[u8]) -> Option<String> {
    let (units, little) = match bytes {
        [0xff, 0xfe, units @ ..] => (units, true),
        [0xfe, 0xff, units @ ..] => (units, false),
        _ => return None,
    };
    let unit = |pair| if little { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) };
    let units = units.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    Some(char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
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
