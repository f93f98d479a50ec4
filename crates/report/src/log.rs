//! Lines to the console and to the log file.
//!
//! Invariant: a line is written whole, those that come together with one call, and nothing that happens to the console or the file (a closed pipe, a full
//! disk) ends a run. No line holds a secret that its [`Redactor`] knows. The console is plain or JSON; the file is always plain, appended to, and names the module of each line.
//!
//! Not here: which lines there are, and whether the console is a terminal.

use crate::line::Line;
use crate::redact::Redactor;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use squall_experiment::event::Level;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

mod format;

use format::Seconds;

/// What the console shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Format {
    /// `[2026-11-20 09:13:01 INFO] message`.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// How to log.
#[derive(Clone, Debug)]
pub struct Options {
    /// The console shows DEBUG lines too, and where each comes from.
    pub verbose: bool,
    /// What the console shows.
    pub format: Format,
    /// Whether the console may have colours: a terminal, without `NO_COLOR`.
    pub colours: bool,
    /// The log file, if any.
    pub file: Option<PathBuf>,
    /// The least serious level of the file.
    pub file_level: Level,
    /// The zone of the times that are shown.
    pub zone: TimeZone,
    /// Process id, which JSON lines hold.
    pub process: u32,
    /// One random UUID per process, which JSON lines hold.
    pub context: String,
}

/// The log file cannot be opened.
#[derive(Debug)]
pub struct Unwritable {
    /// Which file.
    pub path: PathBuf,
    /// Why.
    pub error: io::Error,
}
impl std::fmt::Display for Unwritable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "could not open the log file {}: {}", self.path.display(), self.error)
    }
}
impl std::error::Error for Unwritable {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

/// Where lines go.
pub struct Log {
    options: Options,
    console: Option<Box<dyn Write + Send>>,
    file: Option<File>,
    redactor: Redactor,
    /// Lines for the console that were added and not written yet.
    shown: String,
    /// The same for the file.
    kept: String,
    seconds: Seconds,
    /// When the last line was said.
    last: Timestamp,
}

impl Log {
    /// Opens the log file, if one is wanted.
    ///
    /// # Errors
    /// It cannot be opened. Advice for the user: `--log-file PATH`, or `--no-log-file`.
    pub fn new(options: Options, console: Box<dyn Write + Send>) -> Result<Log, Unwritable> {
        let open = |path: &Path| {
            let opened = OpenOptions::new().append(true).create(true).open(path);
            opened.map_err(|error| Unwritable { path: path.to_owned(), error })
        };
        let file = options.file.as_deref().map(open).transpose()?;
        Ok(Log {
            options,
            console: Some(console),
            file,
            redactor: Redactor::default(),
            shown: String::new(),
            kept: String::new(),
            seconds: Seconds::default(),
            last: Timestamp::UNIX_EPOCH,
        })
    }

    /// Says no secret that this one knows, or learns later.
    #[must_use]
    pub fn hiding(mut self, redactor: Redactor) -> Log {
        self.redactor = redactor;
        self
    }

    /// Writes a line that was said `at` that time.
    pub fn line(&mut self, line: &Line, at: Timestamp) {
        self.add(line, at);
        self.flush();
    }

    /// Adds a line that goes out with the next [`Log::line`] or [`Log::flush`], so that many cost one call.
    pub fn add(&mut self, line: &Line, at: Timestamp) {
        self.last = at;
        let line = &self.redactor.line(line);
        self.show(line, at);
        self.keep(line, at);
    }

    /// Writes the lines that were added.
    pub fn flush(&mut self) {
        // Whoever read it went away; the run goes on, and its log file and journal say what happened.
        if let Some(console) = self.console.as_mut().filter(|_| !self.shown.is_empty())
            && console.write_all(self.shown.as_bytes()).and_then(|()| console.flush()).is_err()
        {
            self.console = None;
        }
        self.shown.clear();
        if let Some(file) = self.file.as_mut().filter(|_| !self.kept.is_empty())
            && let Err(error) = file.write_all(self.kept.as_bytes())
        {
            self.file = None;
            let path = self.options.file.as_deref().unwrap_or(Path::new("")).display();
            let text = format!("could not write the log file {path}: {error}; going on without it");
            self.kept.clear();
            self.show(&Line::warning(text), self.last);
            return self.flush();
        }
        self.kept.clear();
    }

    /// Writes a line of the caller, said now.
    #[track_caller]
    pub fn message(&mut self, level: Level, text: impl Into<String>) {
        self.line(&Line::new(level, text), Timestamp::now());
    }

    /// Whether a line of this level goes anywhere.
    pub fn wants(&self, level: Level) -> bool {
        level >= Level::Info
            || self.options.verbose
            || (self.file.is_some() && level >= self.options.file_level)
    }

    fn show(&mut self, line: &Line, at: Timestamp) {
        if line.level < Level::Info && !self.options.verbose {
            return;
        }
        if self.console.is_none() {
            return;
        }
        let options = &self.options;
        match options.format {
            Format::Text => {
                let second = self.seconds.text(at, &options.zone);
                format::text(line, second, options.verbose, options.colours, &mut self.shown);
            }
            Format::Json => self.shown.push_str(&format::json(line, at, options)),
        }
    }

    fn keep(&mut self, line: &Line, at: Timestamp) {
        if line.level < self.options.file_level || self.file.is_none() {
            return;
        }
        let second = self.seconds.text(at, &self.options.zone);
        format::text(line, second, true, false, &mut self.kept);
    }
}

#[cfg(test)]
mod tests;
