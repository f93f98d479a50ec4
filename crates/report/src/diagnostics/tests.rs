//! The three drawings of the same complaints.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use super::*;
use expect_test::expect;
use squall_experiment::diagnostic::Span;

const TEXT: &str = "title: été\nmethod:\n  - type: action\n    name: x\n    provdier:\n      type: process\n      path: ls\ntitle: again\n";

/// The place of the `nth` occurrence of `what`.
fn span(what: &str, nth: usize) -> Option<Span> {
    let (start, _) = TEXT.match_indices(what).nth(nth).unwrap();
    let before = &TEXT[..start];
    let line = before.matches('\n').count() as u32 + 1;
    let column = before.rsplit('\n').next().unwrap().chars().count() as u32 + 1;
    Some(Span { line, column, start, end: start + what.len() })
}

fn complaints() -> Vec<Diagnostic> {
    let complaint = |severity, rule: &str, message: &str, hint: Option<&str>, path: &str, span| Diagnostic {
        severity,
        rule: rule.into(),
        message: message.into(),
        hint: hint.map(str::to_owned),
        path: path.into(),
        span,
    };
    vec![
        complaint(
            Severity::Error,
            "no-provider",
            "an activity requires a provider",
            None,
            "method[0]",
            span("type: action\n    name: x\n    provdier:\n      type: process\n      path: ls", 0),
        ),
        complaint(
            Severity::Hint,
            "unknown-key",
            "unknown key `provdier`",
            Some("did you mean `provider`?"),
            "method[0].provdier",
            span("provdier", 0),
        ),
        complaint(Severity::Error, "no-description", "experiment requires a description", None, "", None),
        complaint(
            Severity::Warning,
            "duplicate-key",
            "`title` is there twice",
            None,
            "title",
            span("title", 1),
        ),
        complaint(Severity::Hint, "odd-title", "is this the title?", None, "title", span("été", 0)),
    ]
}

const SOURCE: Source<'_> = Source { name: "my experiment.yaml", text: TEXT };

#[test]
fn for_people() {
    expect![[r#"
        error[no-description]: experiment requires a description

        hint[odd-title]: is this the title?
         --> my experiment.yaml:1:8
          |
        1 | title: été
          |        ^^^ title

        error[no-provider]: an activity requires a provider
         --> my experiment.yaml:3:5
          |
        3 |   - type: action
          |     ^^^^^^^^^^^^ method[0]

        hint[unknown-key]: unknown key `provdier`
         --> my experiment.yaml:5:5
          |
        5 |     provdier:
          |     ^^^^^^^^ method[0].provdier
          |
          = help: did you mean `provider`?

        warning[duplicate-key]: `title` is there twice
         --> my experiment.yaml:8:1
          |
        8 | title: again
          | ^^^^^ title

        my experiment.yaml: 2 errors, 1 warning, 2 hints
    "#]]
    .assert_eq(&text(&complaints(), &SOURCE, &Look::default()));
    assert_eq!(text(&[], &SOURCE, &Look::default()), "");
    let coloured = text(&complaints()[2..3], &SOURCE, &Look { colours: true, width: Some(60) });
    expect![[r#"
        ESC[1mESC[91merror[no-description]ESC[0mESC[1m: experiment requires a descriptionESC[0m

        my experiment.yaml: 1 error
    "#]]
    .assert_eq(&coloured.replace('\x1b', "ESC"));
}

#[test]
fn for_a_log() {
    let lines: Vec<String> = complaints().iter().map(|complaint| line(complaint, "e.yaml")).collect();
    expect![[r#"
        e.yaml:3:5: error[no-provider]: an activity requires a provider
        e.yaml:5:5: hint[unknown-key]: unknown key `provdier`; did you mean `provider`?
        e.yaml: error[no-description]: experiment requires a description
        e.yaml:8:1: warning[duplicate-key]: `title` is there twice
        e.yaml:1:8: hint[odd-title]: is this the title?"#]]
    .assert_eq(&lines.join("\n"));
}

#[test]
fn for_programs() {
    expect![[r#"
        {
          "format": 1,
          "source": "my experiment.yaml",
          "valid": false,
          "errors": 1,
          "warnings": 0,
          "hints": 1,
          "diagnostics": [
            {
              "severity": "error",
              "rule": "no-description",
              "message": "experiment requires a description",
              "hint": null,
              "path": "",
              "line": null,
              "column": null,
              "end_line": null,
              "end_column": null
            },
            {
              "severity": "hint",
              "rule": "unknown-key",
              "message": "unknown key `provdier`",
              "hint": "did you mean `provider`?",
              "path": "method[0].provdier",
              "line": 5,
              "column": 5,
              "end_line": 5,
              "end_column": 13
            }
          ]
        }
    "#]]
    .assert_eq(&json(&complaints()[1..3], &SOURCE));
}

#[test]
fn for_services() {
    expect![[r#"
        {
          "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
          "version": "2.1.0",
          "runs": [
            {
              "tool": {
                "driver": {
                  "name": "chaos",
                  "version": "0.1.0",
                  "rules": [
                    {
                      "id": "no-description",
                      "shortDescription": {
                        "text": "no description"
                      },
                      "defaultConfiguration": {
                        "level": "error"
                      }
                    },
                    {
                      "id": "no-provider",
                      "shortDescription": {
                        "text": "no provider"
                      },
                      "defaultConfiguration": {
                        "level": "error"
                      }
                    },
                    {
                      "id": "unknown-key",
                      "shortDescription": {
                        "text": "A key is one that is read."
                      },
                      "defaultConfiguration": {
                        "level": "note"
                      }
                    }
                  ]
                }
              },
              "columnKind": "unicodeCodePoints",
              "results": [
                {
                  "ruleId": "no-description",
                  "ruleIndex": 0,
                  "level": "error",
                  "message": {
                    "text": "experiment requires a description"
                  },
                  "locations": [
                    {
                      "physicalLocation": {
                        "artifactLocation": {
                          "uri": "my%20experiment.yaml"
                        }
                      }
                    }
                  ]
                },
                {
                  "ruleId": "no-provider",
                  "ruleIndex": 1,
                  "level": "error",
                  "message": {
                    "text": "an activity requires a provider"
                  },
                  "locations": [
                    {
                      "physicalLocation": {
                        "artifactLocation": {
                          "uri": "my%20experiment.yaml"
                        },
                        "region": {
                          "startLine": 3,
                          "startColumn": 5,
                          "endLine": 7,
                          "endColumn": 15
                        }
                      },
                      "logicalLocations": [
                        {
                          "fullyQualifiedName": "method[0]"
                        }
                      ]
                    }
                  ]
                },
                {
                  "ruleId": "unknown-key",
                  "ruleIndex": 2,
                  "level": "note",
                  "message": {
                    "text": "unknown key `provdier`\ndid you mean `provider`?"
                  },
                  "locations": [
                    {
                      "physicalLocation": {
                        "artifactLocation": {
                          "uri": "my%20experiment.yaml"
                        },
                        "region": {
                          "startLine": 5,
                          "startColumn": 5,
                          "endLine": 5,
                          "endColumn": 13
                        }
                      },
                      "logicalLocations": [
                        {
                          "fullyQualifiedName": "method[0].provdier"
                        }
                      ]
                    }
                  ]
                }
              ]
            }
          ]
        }
    "#]]
    .assert_eq(&sarif(&complaints()[..3], &SOURCE, "0.1.0"));
}

#[test]
fn places_that_are_not_in_the_text() {
    let mut lost = complaints().remove(1);
    for (start, end) in [(TEXT.len() - 1, TEXT.len() + 5), (8, 9), (20, 19)] {
        lost.span = Some(Span { line: 9, column: 1, start, end });
        let text = text(&[lost.clone()], &SOURCE, &Look::default());
        assert!(text.contains("= in method[0].provdier"), "{start}..{end}: {text}");
    }
    // The end of the text, an empty place, and one at the end of a line, are in it.
    for (start, end) in [(TEXT.len(), TEXT.len()), (0, 0), (12, 12)] {
        lost.span = Some(Span { line: 1, column: 1, start, end });
        let text = text(&[lost.clone()], &SOURCE, &Look::default());
        assert!(text.contains(" | ^ method[0].provdier") || start == 12, "{start}..{end}: {text}");
        assert!(text.contains("^ method[0].provdier"), "{start}..{end}: {text}");
    }
    let uris = ["a b/ü.yaml", "/tmp/e.json", "https://example.com/e?x=1"];
    let uris = uris.map(|name| {
        let log: serde_json::Value =
            serde_json::from_str(&sarif(&complaints()[2..3], &Source { name, text: "" }, "0")).unwrap();
        log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
            .to_string()
    });
    assert_eq!(uris, ["\"a%20b/%C3%BC.yaml\"", "\"file:///tmp/e.json\"", "\"https://example.com/e?x=1\""]);
}
