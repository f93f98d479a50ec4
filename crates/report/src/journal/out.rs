//! JSON, indented or on one line, that is written piece by piece, and in one with values that are written whole.

use squall_experiment::Value;
use squall_experiment::json::{self, Style};
use std::fmt;
use std::io::{self, Write};

pub(super) struct Out<'a, W> {
    to: &'a mut W,
    /// All on one line.
    line: bool,
    /// For each object or list that is open, whether it is still empty.
    open: Vec<bool>,
}

impl<'a, W: Write> Out<'a, W> {
    pub(super) fn new(to: &'a mut W) -> Out<'a, W> {
        Out { to, line: false, open: Vec::new() }
    }

    /// As [`Out::new`], all on one line and in ASCII.
    pub(super) fn on_one_line(to: &'a mut W) -> Out<'a, W> {
        Out { line: true, ..Out::new(to) }
    }

    pub(super) fn open(&mut self, bracket: char) -> io::Result<()> {
        self.open.push(true);
        write!(self.to, "{bracket}")
    }

    pub(super) fn close(&mut self, bracket: char) -> io::Result<()> {
        let empty = self.open.pop().unwrap_or(true);
        if !empty && !self.line {
            new_line(self.to, self.open.len())?;
        }
        write!(self.to, "{bracket}")
    }

    /// What follows is the next item of a list.
    pub(super) fn item(&mut self) -> io::Result<()> {
        let depth = self.open.len();
        let first = self.open.last_mut().is_none_or(|empty| std::mem::replace(empty, false));
        match (self.line, first) {
            (true, true) => Ok(()),
            (true, false) => self.to.write_all(b", "),
            (false, true) => new_line(self.to, depth),
            (false, false) => {
                self.to.write_all(b",")?;
                new_line(self.to, depth)
            }
        }
    }

    /// What follows is the value of this key, which needs no escapes.
    pub(super) fn key(&mut self, key: &str) -> io::Result<()> {
        self.item()?;
        write!(self.to, "\"{key}\": ")
    }

    /// A member whose key may be any text.
    pub(super) fn named(&mut self, key: &str, value: &Value) -> io::Result<()> {
        self.item()?;
        self.value(&key.into())?;
        write!(self.to, ": ")?;
        self.value(value)
    }

    pub(super) fn value(&mut self, value: &Value) -> io::Result<()> {
        let mut text = Text { to: &mut *self.to, error: None };
        let style = if self.line { Style::LINE } else { Style::JOURNAL };
        let written = json::write_within(value, &style, self.open.len(), &mut text);
        match (text.error, written) {
            (Some(error), _) => Err(error),
            (None, written) => written.map_err(io::Error::other),
        }
    }

    pub(super) fn member(&mut self, key: &str, value: &Value) -> io::Result<()> {
        self.key(key)?;
        self.value(value)
    }
}

/// Begins a line. Padding by `fmt` would write each space on its own.
fn new_line(to: &mut impl Write, depth: usize) -> io::Result<()> {
    to.write_all(b"\n")?;
    (0..depth).try_for_each(|_| to.write_all(b"  "))
}

/// Takes text, and keeps the error that `fmt` has no place for.
struct Text<'a, W> {
    to: &'a mut W,
    error: Option<io::Error>,
}

impl<W: Write> fmt::Write for Text<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.to.write_all(text.as_bytes()).map_err(|error| {
            self.error = Some(error);
            fmt::Error
        })
    }
}
