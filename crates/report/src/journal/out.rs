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
        let mut indented = Indented { to: &mut *self.to, depth: self.open.len(), error: None };
        let style = if self.line { Style::LINE } else { Style::JOURNAL };
        let written = json::write(value, &style, &mut indented);
        match (indented.error, written) {
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

/// Indents every line but the first. In JSON a newline is never part of a text, which has it escaped.
struct Indented<'a, W> {
    to: &'a mut W,
    depth: usize,
    error: Option<io::Error>,
}

impl<W: Write> Indented<'_, W> {
    fn put(&mut self, text: &str) -> io::Result<()> {
        // Most pieces are short, and few of them end a line.
        if !text.as_bytes().contains(&b'\n') {
            return self.to.write_all(text.as_bytes());
        }
        let mut lines = text.split('\n');
        self.to.write_all(lines.next().unwrap_or_default().as_bytes())?;
        for line in lines {
            new_line(self.to, self.depth)?;
            self.to.write_all(line.as_bytes())?;
        }
        Ok(())
    }
}

impl<W: Write> fmt::Write for Indented<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.put(text).map_err(|error| {
            self.error = Some(error);
            fmt::Error
        })
    }
}
