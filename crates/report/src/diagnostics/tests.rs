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
                      "name": "no-description",
                      "shortDescription": {
                        "text": "no description"
                      },
                      "fullDescription": {
                        "text": "no description"
                      },
                      "help": {
                        "text": "no description Until it is mended, the experiment is not run.",
                        "markdown": "no description\n\nUntil it is mended, the experiment is not run. `chaos validate FILE` shows every complaint with its place."
                      },
                      "defaultConfiguration": {
                        "level": "error"
                      },
                      "properties": {
                        "tags": [
                          "chaos-engineering",
                          "error"
                        ],
                        "precision": "high",
                        "problem.severity": "error"
                      }
                    },
                    {
                      "id": "no-provider",
                      "name": "no-provider",
                      "shortDescription": {
                        "text": "no provider"
                      },
                      "fullDescription": {
                        "text": "no provider"
                      },
                      "help": {
                        "text": "no provider Until it is mended, the experiment is not run.",
                        "markdown": "no provider\n\nUntil it is mended, the experiment is not run. `chaos validate FILE` shows every complaint with its place."
                      },
                      "defaultConfiguration": {
                        "level": "error"
                      },
                      "properties": {
                        "tags": [
                          "chaos-engineering",
                          "error"
                        ],
                        "precision": "high",
                        "problem.severity": "error"
                      }
                    },
                    {
                      "id": "unknown-key",
                      "name": "unknown-key",
                      "shortDescription": {
                        "text": "A key is one that is read."
                      },
                      "fullDescription": {
                        "text": "A key is one that is read."
                      },
                      "help": {
                        "text": "A key is one that is read. The experiment can be run, but this is probably not what was meant.",
                        "markdown": "A key is one that is read.\n\nThe experiment can be run, but this is probably not what was meant. `chaos validate FILE` shows every complaint with its place."
                      },
                      "defaultConfiguration": {
                        "level": "note"
                      },
                      "properties": {
                        "tags": [
                          "chaos-engineering",
                          "hint"
                        ],
                        "precision": "high",
                        "problem.severity": "recommendation"
                      }
                    }
                  ]
                }
              },
              "automationDetails": {
                "id": "chaos-validate/my%20experiment.yaml/"
              },
              "invocations": [
                {
                  "executionSuccessful": true
                }
              ],
              "columnKind": "utf16CodeUnits",
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
                        },
                        "region": {
                          "startLine": 1,
                          "startColumn": 1,
                          "endLine": 1,
                          "endColumn": 1
                        }
                      }
                    }
                  ],
                  "partialFingerprints": {
                    "primaryLocationLineHash": "246d5bb299e7e1e0:1"
                  }
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
                  ],
                  "partialFingerprints": {
                    "primaryLocationLineHash": "90e5a2206c27805b:1"
                  }
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
                  ],
                  "partialFingerprints": {
                    "primaryLocationLineHash": "c42e219adbd4ef71:1"
                  }
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

/// What GitHub's code scanning documents as required, of whatever is complained about.
#[test]
fn code_scanning_finds_what_it_asks_for() {
    let text = "a: \u{1F980}b\n";
    let mut beyond = complaints().remove(0);
    beyond.span = Some(Span { line: 1, column: 5, start: 7, end: 8 });
    let mut all = complaints();
    all.push(beyond);
    let log: serde_json::Value =
        serde_json::from_str(&sarif(&all, &Source { name: "./e.yaml", text }, "0")).unwrap();
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    for rule in rules {
        for key in ["/id", "/shortDescription/text", "/fullDescription/text", "/help/text", "/help/markdown"]
        {
            assert!(rule.pointer(key).is_some_and(|text| text.is_string()), "{key} of {rule}");
        }
    }
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), all.len());
    for result in results {
        let index = result["ruleIndex"].as_u64().unwrap() as usize;
        assert_eq!(result["ruleId"], rules[index]["id"]);
        assert!(["error", "warning", "note"].contains(&result["level"].as_str().unwrap()), "{result}");
        assert!(result["message"]["text"].is_string(), "{result}");
        assert!(result["partialFingerprints"]["primaryLocationLineHash"].is_string(), "{result}");
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "e.yaml");
        for key in ["startLine", "startColumn", "endLine", "endColumn"] {
            assert!(place["region"][key].as_u64().is_some_and(|number| number > 0), "{key} of {result}");
        }
    }
    let columns = |result: &serde_json::Value| {
        let region = &result["locations"][0]["physicalLocation"]["region"];
        (region["startColumn"].as_u64(), region["endColumn"].as_u64())
    };
    assert!(results.iter().any(|result| columns(result) == (Some(6), Some(7))), "UTF-16 units: {results:?}");
    assert_eq!(run["columnKind"], "utf16CodeUnits");
    assert_eq!(run["invocations"][0]["executionSuccessful"], true);
    assert_eq!(run["automationDetails"]["id"], "chaos-validate/e.yaml/");
}

/// A document of one line, with a complaint about each activity and one about a key of it.
fn one_line(activities: usize) -> (String, Vec<Diagnostic>) {
    let mut text = String::from(r#"{"title": "été", "method": ["#);
    let mut all = Vec::new();
    let mut column = text.chars().count() + 1;
    for index in 0..activities {
        let activity = format!(r#"{{"type": "probe", "name": "p{index}", "provdier": {{"path": "/é"}}}}, "#);
        let complaint = |path: String, before: usize, length: usize| Diagnostic {
            severity: Severity::Hint,
            rule: "unknown-key".to_owned(),
            message: "the key is not read here".to_owned(),
            hint: Some("did you mean `provider`?".to_owned()),
            path,
            span: Some(Span {
                line: 1,
                column: (column + before) as u32,
                start: text.len() + before,
                end: text.len() + before + length,
            }),
        };
        let key = activity.find("\"provdier\"").unwrap();
        all.push(complaint(format!("method[{index}]"), 0, activity.len() - 2));
        all.push(complaint(format!("method[{index}].provdier"), key, 10));
        column += activity.chars().count();
        text += &activity;
    }
    (text + "]}", all)
}

/// Where a line is too long to be read for every complaint, the drawing is the same.
#[test]
fn of_a_long_line_the_same_part_is_shown() {
    let (text, mut all) = one_line(200);
    let method = text.find('[').unwrap();
    let list = Span { line: 1, column: 27, start: method, end: text.len() - 1 };
    all.push(Diagnostic { span: Some(list), path: "method".to_owned(), ..all[0].clone() });
    let end = Span { line: 1, column: text.chars().count() as u32 + 1, start: text.len(), end: text.len() };
    all.push(Diagnostic { span: Some(end), path: "end".to_owned(), ..all[0].clone() });
    let page = Page::new(&text);
    let some = all.iter().take(8).chain(all.iter().skip(198).take(8)).chain(all.iter().rev().take(8));
    for complaint in some {
        let region = page.region(&complaint.span.unwrap()).unwrap();
        for (width, colours) in [(None, false), (Some(60), false), (Some(231), true), (Some(8), false)] {
            let renderer = if colours { Renderer::styled() } else { Renderer::plain() };
            let renderer = renderer.term_width(width.unwrap_or(140));
            let part = Excerpt::of(&region, width);
            let (text, mark) = (region.line_text.into(), region.in_line.clone());
            let whole = Excerpt { text, mark, is_whole: true };
            assert!(part.text.len() < 1500, "{} of {complaint:?}", part.text.len());
            let [part, whole] =
                [&part, &whole].map(|shown| drawn(complaint, Some((&region, shown)), "e.json", &renderer));
            assert_eq!(part, whole, "{width:?} columns, {complaint:?}");
        }
    }
}

/// With a number of complaints that would take minutes if each of them had to read its line.
#[test]
fn thousands_of_complaints_on_one_line() {
    let (document, all) = one_line(10_000);
    let source = Source { name: "e.json", text: &document };
    let last = &all[19_999];
    let column = last.span.unwrap().column as usize;
    // Drawing takes long where nothing is optimized.
    let drawn = text(&all[18_000..], &source, &Look::default());
    expect![[r#"
        hint[unknown-key]: the key is not read here
         --> e.json:1:COLUMN
          |
        1 | ...ath": "/é"}}, {"type": "probe", "name": "p9999", "provdier": {"path": "/é"}}, ]}
          |                                                     ^^^^^^^^^^ method[9999].provdier
          |
          = help: did you mean `provider`?

        e.json: valid, 2000 hints
    "#]]
    .assert_eq(&drawn[drawn.rfind("hint[").unwrap()..].replace(&column.to_string(), "COLUMN"));
    let listed: serde_json::Value = serde_json::from_str(&json(&all, &source)).unwrap();
    let listed = &listed["diagnostics"][19_999];
    assert_eq!((&listed["column"], &listed["end_column"]), (&column.into(), &(column + 10).into()));
    let log: serde_json::Value = serde_json::from_str(&sarif(&all, &source, "0")).unwrap();
    let region = &log["runs"][0]["results"][19_999]["locations"][0]["physicalLocation"]["region"];
    assert_eq!((&region["startColumn"], &region["endColumn"]), (&column.into(), &(column + 10).into()));
}

/// A long line may be anywhere in its document, and its end may be far from the mark.
#[test]
fn a_long_line_below_others() {
    let document = format!("{}x: {}", "a: b\n".repeat(99), "é".repeat(5000));
    let span = Span { line: 100, column: 4001, start: 495 + 3 + 2 * 3997, end: 495 + 3 + 2 * 4000 };
    let complaint = Diagnostic { span: Some(span), hint: None, ..complaints().remove(1) };
    expect![[r#"
        hint[unknown-key]: unknown key `provdier`
           --> e.yaml:100:4001
            |
        100 | ...éééééééééééééééé...
            |         ^^^ method[0].provdier

        e.yaml: valid, 1 hint
    "#]]
    .assert_eq(&text(
        &[complaint],
        &Source { name: "e.yaml", text: &document },
        &Look { colours: false, width: Some(28) },
    ));
}
