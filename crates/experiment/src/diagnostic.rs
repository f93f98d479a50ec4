//! What is wrong with a document, and where.
//!
//! Invariant: a diagnostic is data; drawing it (text, JSON, SARIF, with a source excerpt) is `report`'s work. Its `message`
//! is the Toolkit's own text where the Toolkit has one.

use serde::{Deserialize, Serialize};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The experiment cannot run.
    Error,
    /// The Toolkit warns about it too (a deprecation).
    Warning,
    /// The Toolkit says nothing, but it is probably not what the author meant.
    Hint,
}

/// A place in the source text. Lines and columns begin with 1; columns count characters; `start..end` are byte offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Span {
    /// Line of the first character.
    pub line: u32,
    /// Column of the first character.
    pub column: u32,
    /// Byte offset of the first character.
    pub start: usize,
    /// Byte offset after the last character.
    pub end: usize,
}

/// One complaint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// A stable kebab-case name of the rule, such as `unknown-key`.
    pub rule: String,
    /// What is wrong: the Toolkit's text where it has one.
    pub message: String,
    /// What to do, such as "did you mean `tolerance`?".
    pub hint: Option<String>,
    /// Where in the document: `method[0].provider.path`; empty for the whole document.
    pub path: String,
    /// Where in the source text, if the loader knows.
    pub span: Option<Span>,
}
