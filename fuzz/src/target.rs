//! What is fuzzed: an experiment's way from bytes to the judgement of its tolerances, and what has to hold on it.
//!
//! Beyond "no panic": what is loaded and written as JSON, or into an event log, reads back the same; a complaint says where,
//! and that place lies in the document and in its source; substitution leaves alone what has no `$`.

use crate::knowledge::{Machine, variable};
use squall_experiment::check::check;
use squall_experiment::diagnostic::{Diagnostic, Severity, Span};
use squall_experiment::document::Experiment;
use squall_experiment::draft::{Draft, MAX_DEPTH};
use squall_experiment::json::{self, Style};
use squall_experiment::load::{Format, load};
use squall_experiment::resolve::{self, Overrides, VarFile};
use squall_experiment::substitute::{Scope, substitute};
use squall_experiment::tolerance::{self, Judgement};
use squall_experiment::{Object, Value};

/// The format that the first byte of an input stands for.
pub(crate) fn format(first: u8) -> Format {
    if first & 1 == 0 { Format::Json } else { Format::Yaml }
}

/// Plays one input: its first byte chooses the format and whether there are overrides, the rest is the document. True if it
/// was a document.
pub(crate) fn play(input: &[u8], machine: &Machine) -> bool {
    let Some((first, text)) = input.split_first() else { return false };
    let format = format(*first);
    let draft = match load(text, format) {
        Ok(draft) => draft,
        Err(error) => {
            complaint_has_its_place(&error.complaint(), text);
            error.as_python(&String::from_utf8_lossy(text));
            return false;
        }
    };
    assert!(nesting(&draft.document) <= MAX_DEPTH, "deeper than promised");
    for diagnostic in check(&draft, machine) {
        has_its_place(&diagnostic, &draft, format);
    }
    written_reads_back(&draft.document, format);
    let scope = resolved(&draft, first & 2 != 0);
    let substituted = substitute(&draft.document, &scope);
    if !has_dollar(&draft.document) {
        assert!(same(&substituted, &draft.document), "substitution changed what has no $");
    }
    judged(&draft.document, &scope);
    if let Some(experiment) = Experiment::new(draft.document) {
        looked_at(&experiment);
    }
    true
}

/// A text that could not be read.
fn complaint_has_its_place(complaint: &Diagnostic, text: &[u8]) {
    let span = complaint.span.expect("a syntax error has a place");
    // UTF-16 becomes longer; a blank may be put in for the parser's sake, a hundred times.
    let longest = if text.starts_with(&[0xff, 0xfe]) || text.starts_with(&[0xfe, 0xff]) {
        text.len() * 2 + 100
    } else {
        text.len() + 100
    };
    assert!(span.start <= span.end, "a span that ends before it begins: {complaint:?}");
    assert!(span.end <= longest, "a place beyond the text: {complaint:?}");
    assert!(span.line >= 1 && span.column >= 1, "lines and columns begin with 1: {complaint:?}");
    assert!(!complaint.message.is_empty());
}

/// A complaint about a document: its span lies in the source, its path begins in the document.
fn has_its_place(complaint: &Diagnostic, draft: &Draft, format: Format) {
    let yaml = format == Format::Yaml;
    let Diagnostic { severity, path, span, .. } = complaint;
    let source = &draft.source;
    let Some(Span { line, column, start, end }) = *span else {
        assert!(*severity != Severity::Error, "an error without a place: {complaint:?}");
        return;
    };
    assert!(start <= end && end <= source.len(), "a span outside of the source: {complaint:?}");
    let before = source.get(..start).unwrap_or_else(|| panic!("a span within a character: {complaint:?}"));
    assert!(source.is_char_boundary(end), "a span that ends within a character: {complaint:?}");
    // In YAML a carriage return alone ends a line too, and a byte order mark between tokens has no width, as in PyYAML.
    let ends: &[char] = if yaml { &['\n', '\r'] } else { &['\n'] };
    let lines = before.replace("\r\n", "\n").matches(ends).count() + 1;
    let last = before.rsplit(ends).next().unwrap_or_default();
    let marks = if yaml { last.matches('\u{feff}').count() } else { 0 };
    let most = last.chars().count() + 1;
    let columns = most - marks..=most;
    assert!(
        line as usize == lines && columns.contains(&(column as usize)),
        "not in line {lines}, column {columns:?}: {complaint:?}"
    );
    // What is missing has no place, but what lacks it does.
    let cuts = path.char_indices().filter(|(_, c)| matches!(c, '.' | '[')).map(|(at, _)| at);
    let known = path.is_empty()
        || !path.contains(['.', '['])
        || cuts.chain([path.len()]).any(|cut| draft.spans.value(&path[..cut]).is_some());
    assert!(known, "a path that is not in the document: {complaint:?}");
}

/// Written as JSON, as the journal and as the event log have it, and read again.
fn written_reads_back(document: &Value, format: Format) {
    let wanted = if format == Format::Json { document.clone() } else { plain(document) };
    for style in [Style::LINE, Style::JOURNAL] {
        let text = json::to_string(document, &style);
        let draft = json::parse(text).expect("what was written can be read");
        assert!(same(&draft.document, &wanted), "read back as {:?}", draft.document);
    }
    let line = serde_json::to_string(document).expect("any value can be written");
    let back: Value = serde_json::from_str(&line).expect("what was logged can be read");
    assert!(same(&back, document), "logged as {line}, read back as {back:?}");
}

/// Configuration and secrets, with overrides that the document itself holds.
fn resolved(draft: &Draft, overridden: bool) -> Scope {
    let document = &draft.document;
    let mut overrides = Overrides::default();
    if overridden {
        if let Ok(VarFile::Overrides(file)) = resolve::read_var_file(&draft.source, Some(document)) {
            overrides.add(file);
        }
        for (name, value) in document.as_object().into_iter().flatten() {
            if let Value::Text(text) = value
                && let Ok((name, value)) = resolve::parse_var(&format!("{name}={text}"))
            {
                overrides.configuration.insert(name, value);
            }
        }
        drop(resolve::parse_env_lines(&draft.source));
    }
    let mut scope = Scope::default();
    match resolve::configuration(document.get("configuration"), &overrides.configuration, &variable) {
        Ok(configuration) => {
            for (name, entry) in &configuration.entries {
                let value = match entry {
                    resolve::Entry::Value(value) => Some(value.clone()),
                    resolve::Entry::Probe(probe) => {
                        let probe = substitute(probe, &scope);
                        outputs().into_iter().rev().find_map(|output| resolve::probed(&probe, output))
                    }
                };
                scope.configuration.extend(value.map(|value| (name.clone(), value)));
            }
        }
        Err(errors) => errors.iter().for_each(|error| {
            assert!(!error.to_string().is_empty() && !error.path().is_empty());
        }),
    }
    match resolve::secrets(document.get("secrets"), &overrides.secrets, &variable) {
        Ok(secrets) => {
            let mut turn = 0;
            let filled = secrets.fill(|request| {
                turn += 1;
                (turn % 5 != 0).then(|| Value::Object(request.declaration.clone()))
            });
            scope.secrets = filled.unwrap_or_default();
        }
        Err(errors) => errors.iter().for_each(|error| {
            assert!(!error.to_string().is_empty() && !error.path().is_empty());
        }),
    }
    scope
}

/// What probes may give.
fn outputs() -> Vec<Value> {
    let object = |pairs: &[(&str, Value)]| -> Value {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect::<Object>().into()
    };
    vec![
        Value::Null,
        5.into(),
        "it is 5, \u{e9}\n".into(),
        Value::Float(f64::NAN),
        vec![1.into(), "a".into(), object(&[("name", "x".into())])].into(),
        object(&[("status", 200.into()), ("body", "{\"a\": [1, 2]}".into())]),
        object(&[
            ("status", 0.into()),
            ("stdout", "4.5\n".into()),
            ("items", vec![1.into(), 2.into()].into()),
        ]),
    ]
}

/// Every tolerance, wherever it is, against a few outputs.
fn judged(document: &Value, scope: &Scope) {
    let mut tolerances = Vec::new();
    collect(document, &mut tolerances);
    for tolerance in tolerances.into_iter().take(8) {
        drop(tolerance::complaint(tolerance));
        tolerance::shown(tolerance, scope);
        tolerance::applied(tolerance, scope);
        for output in outputs() {
            match tolerance::within(tolerance, &output, scope) {
                Ok(Judgement::Met) => {}
                Ok(Judgement::Missed(why)) => assert!(!why.is_empty(), "missed for no reason"),
                Ok(Judgement::Ask(activity)) => {
                    let value = activity.get("provider").and_then(|it| it.get("arguments")?.get("value"));
                    assert!(value.is_some_and(|value| same(value, &output)), "asks about another output");
                }
                Err(why) => assert!(!why.to_string().is_empty()),
            }
        }
    }
}

fn collect<'a>(value: &'a Value, into: &mut Vec<&'a Value>) {
    match value {
        Value::List(items) => items.iter().for_each(|item| collect(item, into)),
        Value::Object(object) => {
            for (key, item) in object {
                if key == "tolerance" {
                    into.push(item);
                }
                collect(item, into);
            }
        }
        _ => {}
    }
}

fn looked_at(experiment: &Experiment) {
    for activity in experiment.method().iter().chain(experiment.rollbacks()) {
        if let Some(name) = squall_experiment::document::name(activity).and_then(Value::as_text) {
            experiment.referenced(name);
        }
        squall_experiment::document::is_background(activity);
    }
    experiment.runtime_strategy("hypothesis");
    if let Some(Value::Object(secrets)) = experiment.document.get("secrets") {
        resolve::flat_secrets(secrets);
        resolve::merged_secrets(secrets, secrets.keys().map(String::as_str));
    }
}

fn has_dollar(value: &Value) -> bool {
    match value {
        Value::Text(text) => text.contains('$'),
        Value::List(items) => items.iter().any(has_dollar),
        Value::Object(object) => object.values().any(has_dollar),
        _ => false,
    }
}

fn nesting(value: &Value) -> usize {
    match value {
        Value::List(items) => 1 + items.iter().map(nesting).max().unwrap_or(0),
        Value::Object(object) => 1 + object.values().map(nesting).max().unwrap_or(0),
        _ => 0,
    }
}

/// What JSON can hold of a value: dates and bytes as text.
fn plain(value: &Value) -> Value {
    match value {
        Value::Date(text) => Value::Text(text.clone()),
        Value::Bytes(bytes) => Value::Text(String::from_utf8_lossy(bytes).into_owned()),
        Value::List(items) => Value::List(items.iter().map(plain).collect()),
        Value::Object(object) => {
            object.iter().map(|(key, value)| (key.clone(), plain(value))).collect::<Object>().into()
        }
        other => other.clone(),
    }
}

/// Equal, with the keys in the same order; `NaN` is the same as `NaN`, and `-0.0` not as `0.0`.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Float(a), Value::Float(b)) => a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan(),
        (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|((k, a), (l, b))| k == l && same(a, b))
        }
        _ => a == b,
    }
}
