//! Lines to the console and to the log file.
//!
//! Invariant: a line is written whole, those that come together with one call, and nothing that happens to the console or the file (a closed pipe, a full
//! disk) ends a run. A log file that is no regular file (a FIFO) is written to as a [`Console`], so that no reader of it holds us up. No line holds a secret that its [`Redactor`] knows. The console is plain or JSON; the file is always plain, appended to, and names the module of each line.
//!
//! Not here: which lines there are, and whether the console is a terminal.

use crate::console::Console;
use crate::console::outlet::Descriptor;
use crate::line::Line;
use crate::redact::Redactor;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use rustix::fs::OFlags;
use rustix::io::Errno;
use squall_experiment::event::Level;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
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
    /// How many lines the console had no room for since it last took one.
    left_out: usize,
    file: Option<Box<dyn Write + Send>>,
    /// The file, if it is one that is read by somebody.
    pipe: Option<Console>,
    redactor: Redactor,
    /// Lines for the console that were added and not written yet.
    shown: String,
    /// How many those are.
    lines: usize,
    /// The same for the file.
    kept: String,
    seconds: Seconds,
    /// When the last line was said.
    last: Timestamp,
}

impl Log {
    /// Opens the log file, if one is wanted. A console that has no room answers `WouldBlock` to the whole of a write, and is tried again
    /// with the next lines.
    ///
    /// # Errors
    /// It cannot be opened. Advice for the user: `--log-file PATH`, or `--no-log-file`.
    pub fn new(options: Options, console: Box<dyn Write + Send>) -> Result<Log, Unwritable> {
        let mut file: Option<Box<dyn Write + Send>> = None;
        let mut pipe = None;
        if let Some(path) = &options.file {
            // Opening a FIFO would wait for a reader.
            let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
            let mut how = OpenOptions::new();
            how.append(true).create(true).custom_flags(flags.bits().cast_signed());
            let opened =
                how.open(path).map_err(|error| Unwritable { path: path.clone(), error: told(error) })?;
            if opened.metadata().is_ok_and(|it| it.is_file()) {
                file = Some(Box::new(opened));
            } else {
                let made = Console::new(Descriptor::new(opened));
                pipe = Some(made.clone());
                file = Some(Box::new(made));
            }
        }
        Ok(Log {
            options,
            console: Some(console),
            left_out: 0,
            file,
            pipe,
            redactor: Redactor::default(),
            shown: String::new(),
            lines: 0,
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
        self.flush_console();
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

    fn flush_console(&mut self) {
        let lines = std::mem::take(&mut self.lines);
        let mut shown = std::mem::take(&mut self.shown);
        if self.left_out > 0 {
            let kept = if self.file.is_some() { "; the log file has them" } else { "" };
            let text =
                format!("{} lines are left out here, for nobody read for too long{kept}", self.left_out);
            self.show(&Line::warning(text), self.last);
            self.lines = 0;
            shown = std::mem::take(&mut self.shown) + &shown;
        }
        if let Some(console) = self.console.as_mut().filter(|_| !shown.is_empty()) {
            match console.write_all(shown.as_bytes()) {
                Ok(()) => self.left_out = 0,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.left_out += lines,
                // Whoever read it went away; the run goes on, and its log file and journal say what happened.
                Err(_) => self.console = None,
            }
        }
        shown.clear();
        self.shown = shown;
    }

    /// How many bytes a log file that is read by somebody has yet to take.
    pub fn pending(&self) -> usize {
        self.pipe.as_ref().map_or(0, Console::pending)
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
        self.lines += 1;
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

/// What a FIFO that nobody reads says is not understood.
fn told(error: io::Error) -> io::Error {
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::NXIO) => io::Error::new(error.kind(), "nobody reads it; start its reader first"),
        _ => error,
    }
}

#[cfg(test)]
mod tests;
