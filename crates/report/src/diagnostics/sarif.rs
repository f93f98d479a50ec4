//! SARIF 2.1.0, which code-scanning services and editors read.
//!
//! Invariant: what GitHub's code scanning and GitLab ask for is always there: help for each rule, a region for each result (the
//! beginning of the document where the place is not known), a fingerprint by which a complaint is known again, and a category of
//! its own for each document, so that the logs of several can be uploaded for one commit.

use super::fingerprint::fingerprints;
use super::place::{Page, Region};
use super::{Source, ordered, word};
use serde_json::{Value, json};
use squall_experiment::check;
use squall_experiment::diagnostic::{Diagnostic, Severity};
use std::collections::BTreeMap;

/// For code-scanning services: a SARIF 2.1.0 log with one run, whose tool is `chaos` of this `version`. Columns are UTF-16
/// units, as the services count them.
pub fn sarif(diagnostics: &[Diagnostic], source: &Source<'_>, version: &str) -> String {
    // Of a rule with complaints of several severities the worst counts; each result has its own.
    let mut severities: BTreeMap<&str, Severity> = BTreeMap::new();
    for diagnostic in diagnostics {
        let worst = severities.entry(&diagnostic.rule).or_insert(diagnostic.severity);
        *worst = diagnostic.severity.min(*worst);
    }
    let rules: Vec<Value> = severities.iter().map(|(rule, severity)| described(rule, *severity)).collect();
    let lines = fingerprints(source.text);
    let page = Page::new(source.text);
    let results: Vec<Value> = ordered(diagnostics)
        .into_iter()
        .map(|diagnostic| {
            let index = severities.keys().position(|rule| *rule == diagnostic.rule);
            let hint = diagnostic.hint.as_deref().map(|hint| format!("\n{hint}")).unwrap_or_default();
            let region = diagnostic.span.and_then(|span| page.region(&span));
            let line = region.as_ref().map_or(1, |region| region.line);
            let mut result = json!({
                "ruleId": diagnostic.rule,
                "ruleIndex": index,
                "level": level(diagnostic.severity),
                "message": {"text": format!("{}{hint}", diagnostic.message)},
                "locations": [location(diagnostic, region.as_ref(), source)],
            });
            if let Some(line) = lines.get(line - 1) {
                result["partialFingerprints"] = json!({"primaryLocationLineHash": line});
            }
            result
        })
        .collect();
    let could_be_read = !severities.contains_key("unreadable");
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "chaos", "version": version, "rules": rules}},
            "automationDetails": {"id": format!("chaos-validate/{}/", uri(source.name))},
            "invocations": [{"executionSuccessful": could_be_read}],
            "columnKind": "utf16CodeUnits",
            "results": results,
        }],
    });
    format!("{log:#}\n")
}

/// A rule that something broke.
fn described(rule: &str, severity: Severity) -> Value {
    let says = says(rule);
    let meaning = match severity {
        Severity::Error => "Until it is mended, the experiment is not run.",
        Severity::Warning => "The experiment can be run; the Chaos Toolkit warns about it too.",
        Severity::Hint => "The experiment can be run, but this is probably not what was meant.",
    };
    json!({
        "id": rule,
        "name": rule,
        "shortDescription": {"text": says},
        "fullDescription": {"text": says},
        "help": {
            "text": format!("{says} {meaning}"),
            "markdown": format!("{says}\n\n{meaning} `chaos validate FILE` shows every complaint with its place."),
        },
        "defaultConfiguration": {"level": level(severity)},
        "properties": {
            "tags": ["chaos-engineering", word(severity)],
            "precision": "high",
            "problem.severity": match severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Hint => "recommendation",
            },
        },
    })
}

fn location(diagnostic: &Diagnostic, region: Option<&Region<'_>>, source: &Source<'_>) -> Value {
    let region = match region {
        Some(region) => json!({
            "startLine": region.line,
            "startColumn": region.utf16.start,
            "endLine": region.end_line,
            "endColumn": region.utf16.end,
        }),
        None => json!({"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 1}),
    };
    let mut location = json!({
        "physicalLocation": {"artifactLocation": {"uri": uri(source.name)}, "region": region},
    });
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

/// A URL as it is; a path as a URI reference, a relative one without a `./`, so that one file has one name.
fn uri(name: &str) -> String {
    if name.starts_with("http://") || name.starts_with("https://") {
        return name.to_owned();
    }
    let mut path = name;
    while let Some(rest) = path.strip_prefix("./") {
        path = rest.trim_start_matches('/');
    }
    let mut uri = if path.starts_with('/') { "file://".to_owned() } else { String::new() };
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => {
                uri.push(byte as char)
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}
