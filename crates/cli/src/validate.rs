//! `chaos validate`, and the validation that `chaos run` begins with.
//!
//! Invariant: on a pipe the console has the Toolkit's lines and nothing else: what it warns about, and the first error. Every
//! complaint is in the log file at DEBUG.

mod machine;

use crate::arguments::Validate;
use crate::problem::Problem;
use crate::session::Session;
use crate::{exit, source};
use machine::Machine;
use squall_experiment::check::check;
use squall_experiment::diagnostic::{Diagnostic, Severity};
use squall_experiment::load::Draft;
use squall_report::line::Line;

/// `chaos validate`; the exit code.
pub(crate) fn validate(arguments: &Validate, session: &Session) -> Result<u8, Problem> {
    let draft = source::read(&arguments.source)?;
    if !is_valid(&draft, &arguments.source, session) {
        return Ok(exit::FAILED);
    }
    session.say(Line::info("experiment syntax and semantic look valid"));
    Ok(exit::FINE)
}

/// Whether the experiment can be run; says what is wrong with it.
pub(crate) fn is_valid(draft: &Draft, source: &str, session: &Session) -> bool {
    session.say(Line::info("Validating the experiment's syntax"));
    let complaints = check(draft, &Machine::new(&session.environment));
    for complaint in &complaints {
        session.say(Line::debug(described(complaint, source)));
    }
    for line in lines(&complaints) {
        session.say(line);
    }
    let valid = complaints.iter().all(|complaint| complaint.severity != Severity::Error);
    if valid {
        session.say(Line::info("Experiment looks valid"));
    }
    valid
}

/// The Toolkit's lines about an experiment: warnings up to the first error, and that.
fn lines(complaints: &[Diagnostic]) -> Vec<Line> {
    let mut lines = Vec::new();
    for complaint in complaints {
        match complaint.severity {
            Severity::Hint => {}
            Severity::Warning => lines.push(Line::warning(&complaint.message)),
            Severity::Error => {
                lines.push(Line::error(&complaint.message));
                break;
            }
        }
    }
    lines
}

/// A complaint on one line, for the log file: `shop.yaml:7:9: error[bad-ref] …; did you mean `cart`?`
fn described(complaint: &Diagnostic, source: &str) -> String {
    let Diagnostic { severity, rule, message, hint, path, span } = complaint;
    let place = span.map(|span| format!("{}:{}:", span.line, span.column)).unwrap_or_default();
    let severity = match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Hint => "hint",
    };
    let at = if path.is_empty() { String::new() } else { format!(" (at {path})") };
    let hint = hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
    format!("{source}:{place} {severity}[{rule}] {message}{hint}{at}")
}
