//! Documents that complaints are drawn in, without their secrets.
//!
//! Invariant: places stay the same, so each byte of a secret becomes a `*`, and lines stay lines. What is secret is told by where it
//! stands: however it is quoted, escaped or folded, however short it is, and also if the document cannot be read to its end.

use super::cover::{apart, replaced};
use super::{Redactor, default_of_probe, is_declaration, is_secret, is_telling};
use squall_experiment::draft::Draft;
use squall_experiment::{Object, Value};
use std::ops::Range;

impl Redactor {
    /// The text of a document.
    pub fn draft(&self, draft: &Draft) -> String {
        let mut paths = Vec::new();
        if let Some(secrets) = draft.document.get("secrets") {
            gather(secrets, "secrets".to_owned(), &mut paths);
        }
        if let Some(Value::Object(configuration)) = draft.document.get("configuration") {
            telling(configuration, "configuration", &mut paths);
        }
        let places = paths.iter().filter_map(|path| draft.spans.nearest(path));
        let mut places: Vec<_> = places.map(|span| span.start..span.end).collect();
        // Of what is there twice only the last has a place of its own.
        if draft
            .duplicates
            .iter()
            .any(|twice| ["secrets", "configuration"].iter().any(|section| twice.path.starts_with(section)))
        {
            places.extend(told(&draft.source));
        }
        self.starred(&draft.source, places)
    }

    /// The text of a document that could not be read.
    pub fn torn(&self, text: &str) -> String {
        self.starred(text, told(text))
    }

    fn starred(&self, text: &str, mut places: Vec<Range<usize>>) -> String {
        places.extend(self.known().places(text));
        apart(&mut places);
        let star = |byte| if matches!(byte, b'\n' | b'\r') { char::from(byte) } else { '*' };
        replaced(text, &places, |secret| secret.bytes().map(star).collect())
    }
}

/// The paths of the values of a section.
fn gather(value: &Value, path: String, paths: &mut Vec<String>) {
    match value {
        Value::Object(object) if is_declaration(object) => {
            object.get("default").into_iter().for_each(|default| {
                gather(default, format!("{path}.default"), paths);
            });
        }
        Value::Object(object) => {
            object.iter().for_each(|(name, value)| gather(value, format!("{path}.{name}"), paths));
        }
        Value::List(items) => {
            let items = items.iter().enumerate();
            items.for_each(|(index, value)| gather(value, format!("{path}[{index}]"), paths));
        }
        Value::Null => {}
        _ => paths.push(path),
    }
}

/// The paths of what has a name that tells.
fn telling(configuration: &Object, at: &str, paths: &mut Vec<String>) {
    for (name, value) in configuration {
        let path = format!("{at}.{name}");
        match value {
            value if is_secret(name, value) => gather(value, path, paths),
            Value::Object(object) if !is_declaration(object) => {
                if let Some(default) = default_of_probe(name, object) {
                    gather(default, format!("{path}.default"), paths);
                }
                telling(object, &path, paths);
            }
            Value::Int(_) | Value::Big(_) if is_telling(name) => paths.push(path),
            _ => {}
        }
    }
}

/// What may be secret in a text of which nobody knows the structure: the rest of a line behind a name that tells, and whatever
/// follows the name `secrets`.
fn told(text: &str) -> Vec<Range<usize>> {
    let mut places = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        for (colon, _) in line.match_indices(':') {
            let before = line[..colon].trim_end();
            let before = before.trim_end_matches(['"', '\'']);
            let begin = before.rfind([' ', '\t', '{', ',', '"', '\'', '?', '-']).map_or(0, |at| at + 1);
            let name = &before[begin..];
            if name == "secrets" {
                places.push(start + colon + 1..text.len());
                return places;
            }
            if is_telling(name) {
                places.push(start + colon + 1..start + line.len());
                break;
            }
        }
        start += line.len();
    }
    places
}
