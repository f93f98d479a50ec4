//! What is wrong with a document, drawn: for people with the place in the text, for programs as JSON, for code-scanning
//! services as SARIF.
//!
//! Invariant: all three say the same complaints in the same order, that of their places in the document; a complaint whose
//! place is not in the text (the text changed, the place is not known) is still said.
//!
//! Not here: what is wrong, and whether that is an error.

mod excerpt;
mod fingerprint;
mod place;
mod sarif;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use excerpt::Excerpt;
use place::{Page, Region};
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
    let page = Page::new(source.text);
    let mut all = String::new();
    for diagnostic in ordered(diagnostics) {
        let region = diagnostic.span.and_then(|span| page.region(&span));
        let excerpt = region.as_ref().map(|region| Excerpt::of(region, look.width));
        all += &drawn(diagnostic, region.as_ref().zip(excerpt.as_ref()), source.name, &renderer);
        all += "\n\n";
    }
    let valid = if counts(diagnostics)[0] == 0 { "valid, " } else { "" };
    all + source.name + ": " + valid + &counted(diagnostics) + "\n"
}

/// One complaint, with its place if that is in the text.
fn drawn(
    diagnostic: &Diagnostic,
    place: Option<(&Region<'_>, &Excerpt<'_>)>,
    name: &str,
    renderer: &Renderer,
) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Hint => Level::NOTE.with_name("hint"),
    };
    let title = level.clone().primary_title(&diagnostic.message).id(&diagnostic.rule);
    let label = (!diagnostic.path.is_empty()).then_some(diagnostic.path.as_str());
    let hint = diagnostic.hint.as_deref().map(|hint| Level::HELP.message(hint));
    let Some((region, excerpt)) = place else {
        let path = label.map(|path| Level::NOTE.no_name().message(format!("in {path}")));
        return renderer.render(&[Group::with_title(title).elements(path).elements(hint)]);
    };
    let mark = AnnotationKind::Primary.span(excerpt.mark.clone()).label(label);
    let line = Snippet::source(&*excerpt.text).line_start(region.line).annotation(mark);
    if excerpt.is_whole {
        return renderer.render(&[Group::with_title(title).element(line.path(name)).elements(hint)]);
    }
    // The renderer counts columns from the beginning of what it is given, so the place is said apart.
    let place = Origin::path(name).line(region.line).char_column(region.column);
    let mut head = renderer.render(&[Group::with_title(title).element(place)]);
    // There it knows of no number of a line, which it makes room for elsewhere.
    let indent = region.line.to_string().len();
    head.insert_str(head.rfind('\n').map_or(0, |at| at + 1), &" ".repeat(indent));
    head + "\n" + &renderer.render(&[Group::with_level(level).element(line).elements(hint)])
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
    let page = Page::new(source.text);
    let items: Vec<_> = ordered(diagnostics)
        .into_iter()
        .map(|diagnostic| {
            let region = diagnostic.span.and_then(|span| page.region(&span));
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
