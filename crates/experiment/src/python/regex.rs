//! Python's regular expressions.
//!
//! A pattern is read as Python 3.11's `re` reads it, with its errors and their places, and written anew for the engine that
//! runs it: `$` also stands before a final newline, `\w` is what `str.isalnum()` takes and `_`, `\Z` is the very end.
//! Invariant: a search that backtracks too much ends in an error, it never hangs.
//!
//! Beyond reach: `\N{NAME}`; `\b` beside numerals that are no digits (`²`) and combining marks; with `(?a)` and `(?i)` together letters beyond ASCII fold too; a repetition that makes the
//! compiled pattern enormous is refused.

mod translate;

use super::Exception;

/// How many steps back a search may take before it is given up.
const BACKTRACK_LIMIT: usize = 2_000_000;

/// A compiled pattern.
#[derive(Clone, Debug)]
pub struct Regex {
    compiled: fancy_regex::Regex,
}

/// What is wrong with a pattern. `message` is `msg` of Python's `re.error`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RegexError {
    /// Such as `nothing to repeat`.
    pub message: String,
    /// The character of the pattern where it is, from 0, if it has a place.
    pub position: Option<usize>,
}

impl RegexError {
    fn at(position: usize, message: impl Into<String>) -> RegexError {
        RegexError { message: message.into(), position: Some(position) }
    }

    fn nowhere(message: impl Into<String>) -> RegexError {
        RegexError { message: message.into(), position: None }
    }

    /// The exception of compiling `pattern`: `re.error: nothing to repeat at position 0`, with line and column if the
    /// pattern has several lines.
    pub fn as_exception(&self, pattern: &str) -> Exception {
        let mut text = self.message.clone();
        if let Some(position) = self.position {
            text += &format!(" at position {position}");
            if pattern.contains('\n') {
                let before: Vec<char> = pattern.chars().take(position).collect();
                let line = before.iter().filter(|c| **c == '\n').count() + 1;
                let column = before.iter().rev().take_while(|c| **c != '\n').count() + 1;
                text += &format!(" (line {line}, column {column})");
            }
        }
        Exception { class: "re.error", text }
    }
}

impl Regex {
    /// Compiles a pattern in Python's syntax.
    pub fn new(pattern: &str) -> Result<Regex, RegexError> {
        let translated = translate::translate(pattern)?;
        let built = fancy_regex::RegexBuilder::new(&translated).backtrack_limit(BACKTRACK_LIMIT).build();
        let compiled = built.map_err(|error| RegexError::nowhere(format!("cannot be compiled: {error}")))?;
        Ok(Regex { compiled })
    }

    /// Whether the pattern matches anywhere in the text. The error is a search that took too long.
    pub fn search(&self, text: &str) -> Result<bool, Exception> {
        self.compiled.is_match(text).map_err(|_| Exception {
            class: "re.error",
            text: "the pattern backtracks too much on this text".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests;
