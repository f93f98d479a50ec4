//! One line for the console and the log file.

use squall_experiment::event::Level;
use std::borrow::Cow;
use std::panic::Location;

/// A line of the log, not formatted yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// How serious it is.
    pub level: Level,
    /// What is said; may have newlines.
    pub message: String,
    /// What Python would attach to it: `Traceback (most recent call last):` first, `Class: text` last.
    pub traceback: Option<String>,
    /// Where it comes from, as `[module:number]` shows it.
    pub module: Cow<'static, str>,
    /// The line in that module.
    pub number: u32,
}

impl Line {
    /// A line that comes from the caller.
    #[track_caller]
    pub fn new(level: Level, message: impl Into<String>) -> Line {
        let caller = Location::caller();
        Line {
            level,
            message: message.into(),
            traceback: None,
            module: Cow::Borrowed(module(caller.file())),
            number: caller.line(),
        }
    }

    /// For the log file and `--verbose`.
    #[track_caller]
    pub fn debug(message: impl Into<String>) -> Line {
        Line::new(Level::Debug, message)
    }
    /// The ordinary story.
    #[track_caller]
    pub fn info(message: impl Into<String>) -> Line {
        Line::new(Level::Info, message)
    }
    /// Something to look at.
    #[track_caller]
    pub fn warning(message: impl Into<String>) -> Line {
        Line::new(Level::Warning, message)
    }
    /// Something failed.
    #[track_caller]
    pub fn error(message: impl Into<String>) -> Line {
        Line::new(Level::Error, message)
    }
    /// The verdict.
    #[track_caller]
    pub fn critical(message: impl Into<String>) -> Line {
        Line::new(Level::Critical, message)
    }

    /// With the traceback of an exception, `what` being `Class: text`.
    #[must_use]
    pub fn traceback(mut self, what: &str) -> Line {
        self.traceback = Some(format!("{TRACEBACK}\n{what}"));
        self
    }
}

/// How every traceback of Python begins.
pub(crate) const TRACEBACK: &str = "Traceback (most recent call last):";

/// `crates/report/src/toolkit.rs` → `toolkit`.
fn module(file: &'static str) -> &'static str {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    name.strip_suffix(".rs").unwrap_or(name)
}
