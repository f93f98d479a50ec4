//! SARIF 2.1.0, which code-scanning services and editors read.

use super::place::Region;
use super::{Source, ordered};
use serde_json::{Value, json};
use squall_experiment::check;
use squall_experiment::diagnostic::{Diagnostic, Severity};
use std::collections::BTreeMap;

/// For code-scanning services: a SARIF 2.1.0 log with one run, whose tool is `chaos` of this `version`.
pub fn sarif(diagnostics: &[Diagnostic], source: &Source<'_>, version: &str) -> String {
    let severities: BTreeMap<&str, Severity> =
        diagnostics.iter().map(|diagnostic| (diagnostic.rule.as_str(), diagnostic.severity)).collect();
    let rules: Vec<Value> = severities
        .iter()
        .map(|(rule, severity)| {
            json!({
                "id": rule,
                "shortDescription": {"text": says(rule)},
                "defaultConfiguration": {"level": level(*severity)},
            })
        })
        .collect();
    let results: Vec<Value> = ordered(diagnostics)
        .into_iter()
        .map(|diagnostic| {
            let index = severities.keys().position(|rule| *rule == diagnostic.rule);
            let hint = diagnostic.hint.as_deref().map(|hint| format!("\n{hint}")).unwrap_or_default();
            json!({
                "ruleId": diagnostic.rule,
                "ruleIndex": index,
                "level": level(diagnostic.severity),
                "message": {"text": format!("{}{hint}", diagnostic.message)},
                "locations": [location(diagnostic, source)],
            })
        })
        .collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "chaos", "version": version, "rules": rules}},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    format!("{log:#}\n")
}

fn location(diagnostic: &Diagnostic, source: &Source<'_>) -> Value {
    let mut physical = json!({"artifactLocation": {"uri": uri(source.name)}});
    if let Some(region) = diagnostic.span.and_then(|span| Region::of(&span, source.text)) {
        physical["region"] = json!({
            "startLine": region.line,
            "startColumn": region.column,
            "endLine": region.end_line,
            "endColumn": region.end_column,
        });
    }
    let mut location = json!({"physicalLocation": physical});
    if !diagnostic.path.is_empty() {
        location["logicalLocations"] = json!([{"fullyQualifiedName": diagnostic.path}]);
    }
    location
}

/// What a rule asks for; its name if nobody says that (a rule of a later version, a document that is no experiment).
fn says(rule: &str) -> String {
    let known = check::RULES.iter().find(|known| known.name == rule);
    known.map_or_else(|| rule.replace('-', " "), |known| known.says.to_owned())
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Hint => "note",
    }
}

/// A URL as it is; a path as a URI reference.
fn uri(name: &str) -> String {
    if name.starts_with("http://") || name.starts_with("https://") {
        return name.to_owned();
    }
    let mut uri = if name.starts_with('/') { "file://".to_owned() } else { String::new() };
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => {
                uri.push(byte as char)
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}
