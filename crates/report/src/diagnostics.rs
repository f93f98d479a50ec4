//! What is wrong with a document, drawn: for people with the place in the text, for programs as JSON, for code-scanning
//! services as SARIF.
//!
//! Invariant: all three say the same complaints in the same order, that of their places in the document; a complaint whose
//! place is not in the text (the text changed, the place is not known) is still said.
//!
//! Not here: what is wrong, and whether that is an error.

mod fingerprint;
mod place;
mod sarif;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use place::Region;
pub use sarif::sarif;
use serde_json::json;
use squall_experiment::diagnostic::{Diagnostic, Severity};

/// The version of the object that [`json()`] gives.
pub const FORMAT: u32 = 1;

/// The document that is complained about.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// Its file or URL as given.
    pub name: &'a str,
    /// Its text.
    pub text: &'a str,
}

/// How complaints are drawn for people.
#[derive(Clone, Copy, Debug, Default)]
pub struct Look {
    /// With colours.
    pub colours: bool,
    /// Columns of the terminal, if it is one.
    pub width: Option<usize>,
}

/// For people: each complaint with its line of the document, and a last line that counts them (`e.yaml: valid, 1 hint`). Empty
/// without complaints.
pub fn text(diagnostics: &[Diagnostic], source: &Source<'_>, look: &Look) -> String {
    if diagnostics.is_empty() {
        return String::new();
    }
    let renderer = if look.colours { Renderer::styled() } else { Renderer::plain() };
    let renderer = match look.width {
        Some(width) => renderer.term_width(width),
        None => renderer,
    };
    let mut drawn = String::new();
    for diagnostic in ordered(diagnostics) {
        drawn += &renderer.render(&[drawing(diagnostic, source)]);
        drawn += "\n\n";
    }
    let valid = if counts(diagnostics)[0] == 0 { "valid, " } else { "" };
    drawn + source.name + ": " + valid + &counted(diagnostics) + "\n"
}

fn drawing<'a>(diagnostic: &'a Diagnostic, source: &Source<'a>) -> Group<'a> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Hint => Level::NOTE.with_name("hint"),
    };
    let mut group = Group::with_title(level.primary_title(&diagnostic.message).id(&diagnostic.rule));
    let label = (!diagnostic.path.is_empty()).then_some(diagnostic.path.as_str());
    match diagnostic.span.and_then(|span| Region::of(&span, source.text)) {
        Some(region) => {
            let mark = AnnotationKind::Primary.span(region.in_line).label(label);
            let line = Snippet::source(region.line_text).line_start(region.line).path(source.name);
            group = group.element(line.annotation(mark));
        }
        None => group = group.elements(label.map(|path| Level::NOTE.no_name().message(format!("in {path}")))),
    }
    group.elements(diagnostic.hint.as_deref().map(|hint| Level::HELP.message(hint)))
}

/// On one line, for a log: `experiment.yaml:12:7: error[unknown-key]: message; hint`.
pub fn line(diagnostic: &Diagnostic, source_name: &str) -> String {
    let place = diagnostic.span.map(|span| format!(":{}:{}", span.line, span.column)).unwrap_or_default();
    let hint = diagnostic.hint.as_deref().map(|hint| format!("; {hint}")).unwrap_or_default();
    format!(
        "{source_name}{place}: {}[{}]: {}{hint}",
        word(diagnostic.severity),
        diagnostic.rule,
        diagnostic.message
    )
}

/// For programs: one object, indented.
///
/// `format` ([`FORMAT`]), `source`, `valid` (no errors), `errors`, `warnings`, `hints` (their numbers), and `diagnostics`: a list
/// of `severity` (`error`, `warning`, `hint`), `rule`, `message`, `hint` (text or null), `path` (`method[0].provider`, empty for
/// the whole document), and `line`, `column`, `end_line`, `end_column`: from 1, columns in characters, the end exclusive; all
/// four null where the place is not known. Keys may be added, the others stay as they are.
pub fn json(diagnostics: &[Diagnostic], source: &Source<'_>) -> String {
    let [errors, warnings, hints] = counts(diagnostics);
    let items: Vec<_> = ordered(diagnostics)
        .into_iter()
        .map(|diagnostic| {
            let region = diagnostic.span.and_then(|span| Region::of(&span, source.text));
            let region = region.as_ref();
            json!({
                "severity": word(diagnostic.severity),
                "rule": diagnostic.rule,
                "message": diagnostic.message,
                "hint": diagnostic.hint,
                "path": diagnostic.path,
                "line": region.map(|region| region.line),
                "column": region.map(|region| region.column),
                "end_line": region.map(|region| region.end_line),
                "end_column": region.map(|region| region.end_column),
            })
        })
        .collect();
    let all = json!({
        "format": FORMAT,
        "source": source.name,
        "valid": errors == 0,
        "errors": errors,
        "warnings": warnings,
        "hints": hints,
        "diagnostics": items,
    });
    format!("{all:#}\n")
}

/// `2 errors, 1 hint`.
fn counted(diagnostics: &[Diagnostic]) -> String {
    let counted: Vec<String> = counts(diagnostics)
        .into_iter()
        .zip(["error", "warning", "hint"])
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}{}", if count == 1 { "" } else { "s" }))
        .collect();
    counted.join(", ")
}

/// Errors, warnings, hints.
fn counts(diagnostics: &[Diagnostic]) -> [usize; 3] {
    [Severity::Error, Severity::Warning, Severity::Hint]
        .map(|severity| diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count())
}

/// In the order of their places; those without one come first, for they concern the whole document.
fn ordered(diagnostics: &[Diagnostic]) -> Vec<&Diagnostic> {
    let mut ordered: Vec<&Diagnostic> = diagnostics.iter().collect();
    ordered.sort_by_key(|diagnostic| diagnostic.span.map(|span| (span.line, span.column)));
    ordered
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Hint => "hint",
    }
}

#[cfg(test)]
mod tests;
