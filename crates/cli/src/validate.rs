//! `chaos validate`, and the validation that `chaos run` begins with.
//!
//! Invariant: on a pipe the console has the Toolkit's lines and nothing else: what it warns about, and the first error. Every
//! complaint is in the log file at DEBUG, is drawn on a terminal, and is what `--format` prints on stdout.

mod machine;

use crate::arguments::{FailOn, Validate, ValidateFormat};
use crate::problem::Problem;
use crate::session::Session;
use crate::source::Fetching;
use crate::{exit, source, stdout, vault};
use machine::Machine;
use squall_experiment::Value;
use squall_experiment::check::check;
use squall_experiment::diagnostic::{Diagnostic, Severity};
use squall_experiment::draft::Draft;
use squall_experiment::resolve::Overrides;
use squall_report::diagnostics::{Look, Source, json, line, sarif, text};
use squall_report::line::Line;
use squall_report::notify::Name;
use std::io::Write as _;

/// `chaos validate`; the exit code.
pub(crate) fn validate(arguments: &Validate, session: &Session) -> Result<u8, Problem> {
    let settings = session.settings()?;
    let settings = settings.as_ref().and_then(Value::as_object);
    let fetching = Fetching { no_verify_tls: arguments.no_verify_tls, settings };
    if let Some(settings) = settings {
        session.notices.open(settings, "validate", session);
    }
    let draft = read(&arguments.source, fetching, arguments.format, session)?;
    session.hide(&draft.document, &Overrides::default());
    session.notices.experiment(Name::ValidateStarted, &draft.document);
    let nothing = Overrides::default();
    let complaints = checked(&draft, &arguments.source, arguments.format, &nothing, session)?;
    if let Some(first) = complaints.iter().find(|complaint| is_error(complaint)) {
        session.notices.invalid(&draft.document, first);
        return Ok(exit::FAILED);
    }
    let limit = match arguments.fail_on {
        FailOn::Error => Severity::Error,
        FailOn::Warning => Severity::Warning,
        FailOn::Hint => Severity::Hint,
    };
    if let Some(worst) = complaints.iter().min_by_key(|complaint| complaint.severity)
        && worst.severity <= limit
    {
        session.notices.invalid(&draft.document, worst);
        session.say(Line::error(format!("--fail-on: {}", line(worst, &source::shown(&arguments.source)))));
        return Ok(exit::FAILED);
    }
    session.notices.experiment(Name::ValidateCompleted, &draft.document);
    session.say(Line::info("experiment syntax and semantic look valid"));
    Ok(exit::FINE)
}

/// Reads the experiment for a run; on a terminal a syntax error is drawn.
pub(crate) fn draft(source: &str, fetching: Fetching<'_>, session: &Session) -> Result<Draft, Problem> {
    read(source, fetching, None, session)
}

/// Whether the experiment can be run; says what is wrong with it.
pub(crate) fn is_valid(
    draft: &Draft,
    source: &str,
    overrides: &Overrides,
    session: &Session,
) -> Result<bool, Problem> {
    Ok(!checked(draft, source, None, overrides, session)?.iter().any(is_error))
}

fn read(
    source: &str,
    fetching: Fetching<'_>,
    format: Option<ValidateFormat>,
    session: &Session,
) -> Result<Draft, Problem> {
    let settings = fetching.settings.map(|settings| Value::Object(settings.clone()));
    settings.map_or(Ok(()), |settings| session.python.refuses(&settings))?;
    let name = source::shown(source);
    let name = name.as_str();
    let draft = source::read(source, fetching, session).inspect_err(|problem| {
        // That it could not be drawn matters less than what is wrong.
        let _ = match problem.syntax.as_deref() {
            Some((complaint, text)) => {
                let text = session.redactor.torn(text);
                draw(std::slice::from_ref(complaint), &Source { name, text: &text }, format, session)
            }
            // People have the ERROR line; a program gets a document whatever happened.
            None if matches!(format, Some(ValidateFormat::Json | ValidateFormat::Sarif)) => {
                draw(&[unreadable(problem)], &Source { name, text: "" }, format, session)
            }
            None => Ok(()),
        };
    })?;
    session.python.refuses(&draft.document)?;
    Ok(draft)
}

/// Says what is wrong with it, and returns it.
fn checked(
    draft: &Draft,
    source: &str,
    format: Option<ValidateFormat>,
    overrides: &Overrides,
    session: &Session,
) -> Result<Vec<Diagnostic>, Problem> {
    let name = source::shown(source);
    session.say(Line::info("Validating the experiment's syntax"));
    let complaints = check(draft, &Machine::new(session)).into_iter();
    let mut complaints: Vec<_> = complaints.map(|complaint| session.redactor.complaint(complaint)).collect();
    // As the Toolkit does, secrets are really read; of an experiment that cannot be run they are nobody's business.
    if !complaints.iter().any(is_error)
        && let Err(problem) = vault::can_be_read(&draft.document, overrides, session)
    {
        complaints.push(Diagnostic {
            rule: "bad-secret".to_owned(),
            path: "secrets".to_owned(),
            ..unreadable(&problem)
        });
    }
    let text = session.redactor.draft(draft);
    draw(&complaints, &Source { name: &name, text: &text }, format, session)?;
    for complaint in &complaints {
        session.say(Line::debug(line(complaint, &name)));
    }
    for line in toolkit_lines(&complaints) {
        session.say(line);
    }
    if !complaints.iter().any(is_error) {
        session.say(Line::info("Experiment looks valid"));
    }
    Ok(complaints)
}

fn is_error(complaint: &Diagnostic) -> bool {
    complaint.severity == Severity::Error
}

/// The complaint that there is nothing to complain about.
fn unreadable(problem: &Problem) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        rule: "unreadable".to_owned(),
        message: problem.to_string(),
        hint: None,
        path: String::new(),
        span: None,
    }
}

/// Shows complaints where they are wanted: on stdout in the format that was asked for, else on a terminal.
fn draw(
    complaints: &[Diagnostic],
    source: &Source<'_>,
    format: Option<ValidateFormat>,
    session: &Session,
) -> Result<(), Problem> {
    let drawn = match format {
        None if session.screen.terminal => {
            let look = Look { colours: session.screen.colours, width: session.screen.width() };
            let drawn = text(complaints, source, &look);
            // Whoever looked went away; the exit code still tells.
            let _ = session.screen.console().write_all(drawn.as_bytes());
            return Ok(());
        }
        None => return Ok(()),
        Some(ValidateFormat::Text) if complaints.is_empty() => format!("{}: valid\n", source.name),
        Some(ValidateFormat::Text) => {
            text(complaints, source, &Look { colours: stdout::has_colours(), width: None })
        }
        Some(ValidateFormat::Json) => json(complaints, source),
        Some(ValidateFormat::Sarif) => sarif(complaints, source, env!("CARGO_PKG_VERSION")),
    };
    stdout::print(&drawn)
}

/// The Toolkit's lines about an experiment: warnings up to the first error, and that.
fn toolkit_lines(complaints: &[Diagnostic]) -> Vec<Line> {
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
