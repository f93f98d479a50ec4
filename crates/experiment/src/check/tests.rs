//! Tables over small documents, the recorded cases, and every type at every place.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use super::{Knowledge, Known, Nature, Parameter, RULES, Returns};
use crate::diagnostic::{Diagnostic, Severity};
use crate::draft::Draft;
use crate::load::{Format, load};
use crate::{Object, Value};
use expect_test::{Expect, expect, expect_file};
use proptest::prelude::*;
use serde_json::json;

mod course;
mod sections;
mod table;
mod tolerances;
mod words;

/// Name, whether it is required, and schema.
type Argument = (&'static str, bool, serde_json::Value);

/// A machine with a few programs and functions.
struct Machine;

impl Knowledge for Machine {
    fn env(&self, name: &str) -> Option<String> {
        match name {
            "HOME" => Some("/home/ada".to_owned()),
            "PORT" => Some("8080".to_owned()),
            _ => None,
        }
    }

    fn program(&self, path: &str) -> bool {
        ["echo", "true", "cat", "sh", "sleep", "/bin/sh"].contains(&path)
    }

    fn function(&self, module: &str, func: &str) -> Known {
        let crowd =
            json!({"type": "array", "items": {"type": "object", "additionalProperties": {"type": "string"}}});
        let functions: &[(&str, &[Argument])] = match module {
            "os" => &[("getenv", &[("key", true, json!({})), ("default", false, json!({}))])],
            "helper" => &[
                ("give", &[("value", true, json!({}))]),
                ("kind", &[("value", true, json!({}))]),
                ("validator", &[("value", true, json!({}))]),
            ],
            "zoo.actions" => &[
                (
                    "free",
                    &[
                        ("cage", true, json!({"type": "string"})),
                        (
                            "amount",
                            false,
                            json!({"type": "integer", "default": 1, "minimum": 0, "maximum": 9}),
                        ),
                        ("mode", false, json!({"type": ["string", "null"], "enum": ["quiet", "loud", null]})),
                    ],
                ),
                ("feed", &[]),
                ("visit", &[("crowd", false, crowd), ("ns", false, json!({"type": "string"}))]),
            ],
            "gate" => &[
                ("count", &[]),
                ("is_open", &[]),
                ("names", &[]),
                ("sign", &[]),
                ("list", &[]),
                ("scare", &[]),
                (
                    "shut",
                    &[
                        ("name", true, json!({"type": "string"})),
                        ("ns", false, json!({"type": "string", "default": "default"})),
                    ],
                ),
            ],
            _ => return Known::NoModule(vec!["os".into(), "helper".into(), "zoo.actions".into()]),
        };
        match functions.iter().find(|(name, _)| *name == func) {
            None => Known::NoFunction(functions.iter().map(|(name, _)| (*name).to_owned()).collect()),
            Some((_, parameters)) => {
                let parameters = parameters.iter().map(|(name, required, schema)| Parameter {
                    name: (*name).to_owned(),
                    required: *required,
                    schema: schema.clone(),
                });
                Known::Signature(parameters.collect())
            }
        }
    }

    fn nature(&self, module: &str, func: &str) -> Option<Nature> {
        let returns = match (module, func) {
            ("gate", "count") => Returns::COUNT,
            ("gate", "is_open") => Returns::Boolean,
            ("gate", "names") => Returns::Map,
            ("gate", "sign") => Returns::Text,
            ("gate", "list") => Returns::List,
            ("gate", "scare") => return Some(Nature { lags: true, ..Nature::UNKNOWN }),
            ("gate", "shut") => {
                return Some(Nature { lags: true, stays: true, target: &["name", "ns"], ..Nature::UNKNOWN });
            }
            _ => return None,
        };
        Some(Nature::returning(returns))
    }
}

fn complaints(yaml: &str) -> Vec<Diagnostic> {
    let draft = load(yaml.as_bytes(), Format::Yaml).unwrap();
    super::check(&draft, &Machine)
}

fn of_value(document: Value) -> Vec<Diagnostic> {
    super::check(&Draft { document, ..Draft::default() }, &Machine)
}

/// One line for each complaint.
fn shown(complaints: &[Diagnostic]) -> String {
    let mut out = String::new();
    for Diagnostic { severity, rule, message, hint, path, span } in complaints {
        assert!(RULES.iter().any(|known| known.name == *rule), "{rule} is not described");
        let severity = format!("{severity:?}").to_lowercase();
        let place = span.map(|span| format!("{}:{}", span.line, span.column)).unwrap_or_default();
        let hint = hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
        out.push_str(&format!("{place} {severity}[{rule}] {path}: {message}{hint}\n"));
    }
    out
}

/// Checks a document that begins with a title and a description.
fn check(rest: &str, expect: Expect) {
    expect.assert_eq(&shown(&complaints(&format!("title: t\ndescription: d\n{rest}"))));
}

/// Checks one activity, the only one of a method.
fn check_activity(flow: &str, expect: Expect) {
    check(&format!("method: [{flow}]\n"), expect);
}

/// The lines which the Toolkit prints: warnings up to the first error, and that.
fn toolkit_lines(complaints: &[Diagnostic]) -> Vec<String> {
    let mut lines = Vec::new();
    for complaint in complaints {
        match complaint.severity {
            Severity::Hint => {}
            Severity::Warning => lines.push(format!("WARNING {}", complaint.message)),
            Severity::Error => {
                lines.push(format!("ERROR {}", complaint.message));
                break;
            }
        }
    }
    lines
}

/// What the Toolkit was seen to say about the recorded experiments. Where it crashed, there must be an error.
#[test]
fn recorded_cases_say_what_the_toolkit_says() {
    let recorded = crate::json::parse(include_str!("recorded.json").to_owned()).unwrap();
    let mut wrong = String::new();
    for case in recorded.document.as_list().unwrap() {
        let name = case.get("case").unwrap().as_text().unwrap();
        let said: Vec<&str> =
            case.get("says").unwrap().as_list().unwrap().iter().filter_map(Value::as_text).collect();
        let found = of_value(case.get("experiment").unwrap().clone());
        let lines = toolkit_lines(&found);
        let as_recorded = match case.get("crash") {
            None => lines == said,
            Some(_) => lines.last().is_some_and(|line| line.starts_with("ERROR")),
        };
        if !as_recorded {
            wrong.push_str(&format!("{name}\n  is   {lines:?}\n  want {said:?}\n"));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// An experiment that uses every key.
const SAMPLE: &str = r#"
title: Animals escape
description: What if a cage is open?
tags: [zoo, "2020"]
contributions: {reliability: high}
extensions: [{name: ext, level: 1}]
configuration:
  port: {type: env, key: PORT, env_var_type: int}
  name: lion
  when: {type: probe, name: clock, provider: {type: process, path: echo, arguments: [now]}}
secrets:
  zoo: {token: {type: env, key: HOME}, word: swordfish}
controls: [{name: c, scope: before, automatic: true, provider: {type: python, module: helper}}]
runtime: {hypothesis: {strategy: default}, rollbacks: {strategy: always}}
steady-state-hypothesis:
  title: All are in
  controls: []
  probes:
    - {type: probe, name: counted, tolerance: {type: range, target: status, range: [1, 5]}, provider: {type: http, url: "http://zoo/${port}", method: GET, headers: {a: b}, timeout: [1, 2], arguments: {q: 1}}}
    - {type: probe, name: quiet, tolerance: [0, 1], provider: {type: process, path: cat, timeout: 3, arguments: x}}
    - {ref: free, tolerance: {type: regex, target: stdout, pattern: "a.c"}}
method:
  - {type: action, name: free, background: false, pauses: {before: 1, after: "${port}"}, provider: {type: python, module: zoo.actions, func: free, secrets: [zoo], arguments: {cage: "${name}", amount: 2, mode: loud}}}
  - {ref: counted}
rollbacks:
  - {type: action, name: close, controls: [], provider: {type: process, path: echo, arguments: [a, "1"]}}
"#;

#[test]
fn the_sample_is_valid() {
    expect![""].assert_eq(&shown(&complaints(SAMPLE)));
}

/// The paths of all values inside a value, each as the steps that lead there.
fn places(value: &Value, at: &mut Vec<Step>, into: &mut Vec<Vec<Step>>) {
    into.push(at.clone());
    let children: Vec<(Step, &Value)> = match value {
        Value::List(items) => items.iter().enumerate().map(|(i, item)| (Step::Item(i), item)).collect(),
        Value::Object(object) => object.iter().map(|(key, item)| (Step::Key(key.clone()), item)).collect(),
        _ => Vec::new(),
    };
    for (step, child) in children {
        at.push(step);
        places(child, at, into);
        at.pop();
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Item(usize),
    Key(String),
}

fn at<'v>(value: &'v mut Value, path: &[Step]) -> &'v mut Value {
    path.iter().fold(value, |value, step| match (value, step) {
        (Value::List(items), Step::Item(index)) => &mut items[*index],
        (Value::Object(object), Step::Key(key)) => object.get_mut(key).unwrap(),
        (value, _) => value,
    })
}

fn sample() -> Value {
    load(SAMPLE.as_bytes(), Format::Yaml).unwrap().document
}

/// Any value, a few levels deep, with the keys that mean something.
fn anything() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "",
        " ",
        "type",
        "probe",
        "action",
        "python",
        "process",
        "http",
        "env",
        "vault",
        "regex",
        "jsonpath",
        "range",
        "key",
        "ref",
        "free",
        "name",
        "path",
        "echo",
        "${port}",
        "${",
        "$",
        "${a-b}",
        "[",
        "*",
        "provider",
        "tolerance",
        "é",
        "default",
        "int",
        "json",
        "pattern",
        "module",
        "func",
        "arguments",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        any::<f64>().prop_map(Value::Float),
        Just(Value::Big("123456789012345678901234567890".to_owned())),
        Just(Value::Date("2020-02-29".to_owned())),
        Just(Value::Bytes(vec![0, 255])),
        word.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
            prop::collection::vec((word.clone(), inner), 0..5).prop_map(|members| {
                let members = members.into_iter().map(|(key, value)| (key.to_owned(), value));
                Value::Object(members.collect::<Object>())
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn anything_anywhere_is_checked_without_a_panic(which in any::<prop::sample::Index>(), new in anything()) {
        let mut document = sample();
        let mut all = Vec::new();
        places(&document, &mut Vec::new(), &mut all);
        *at(&mut document, which.get::<Vec<Step>>(&all)) = new;
        of_value(document);
    }

    #[test]
    fn a_document_of_anything_is_checked_without_a_panic(document in anything()) {
        of_value(document);
    }
}

#[test]
fn no_rule_has_two_descriptions() {
    for (index, rule) in RULES.iter().enumerate() {
        assert!(RULES[..index].iter().all(|earlier| earlier.name != rule.name), "{}", rule.name);
        assert!(rule.says.ends_with('.'));
    }
}

/// The page about the rules is made of their table.
#[test]
fn the_rules_are_documented() {
    let mut rules: Vec<_> = RULES.iter().collect();
    rules.sort_by_key(|rule| rule.name);
    let rows: String = rules.iter().map(|rule| format!("| `{}` | {} |\n", rule.name, rule.says)).collect();
    let page = format!("{RULES_PAGE}\n| rule | what it asks for |\n|---|---|\n{rows}");
    expect_file!["../../../../docs/validation.md"].assert_eq(&page);
}

const RULES_PAGE: &str = "\
# Validation

`chaos run` validates before it begins, `chaos validate` does nothing else. On a pipe both say what the Chaos Toolkit says: its
warnings, and the first error. On a terminal, in the log file (at DEBUG) and with `chaos validate --format text|json|sarif` there is
every complaint, with its place and, where one is near, a suggestion.

An **error** keeps the experiment from being run: the Toolkit refuses it too, or crashes on it. A **warning** is one of the
Toolkit's. A **hint** is about what the Toolkit accepts in silence and is probably not what was meant: it never keeps anything
from being run. Keys that begin with `x-` are the author's own. `chaos validate --fail-on warning` or `hint` makes the exit code 1 for
them too.

SARIF is for code hosts: upload the file that `chaos validate --format sarif FILE` prints, one for each experiment; paths are shown as
they were given, so give them relative to the root of the repository.

What can be seen at one place of a document is a JSON Schema too, as strict as errors and hints together: `chaos schema` prints it,
[experiment.schema.json](experiment.schema.json) is it. Editors with the YAML language server check and complete an experiment that
begins with `# yaml-language-server: $schema=PATH/experiment.schema.json`.

This table is written by a test (`UPDATE_EXPECT=1 cargo test` writes it anew).
";

/// Every type at every place of the sample: which of them are refused, hinted at, accepted. The file is the documentation of
/// what a wrong type leads to; a place where a type is accepted that its meaning does not allow is a place that the Toolkit
/// does not look at.
#[test]
fn every_type_at_every_place() {
    let types = [
        ("null", Value::Null),
        ("boolean", Value::Bool(true)),
        ("integer", Value::Int(7)),
        ("number", Value::Float(1.5)),
        ("text", Value::from("sometext")),
        ("list", Value::List(vec![Value::Int(7)])),
        ("object", Value::Object([("unheard-of".to_owned(), Value::Int(7))].into_iter().collect())),
    ];
    let mut all = Vec::new();
    places(&sample(), &mut Vec::new(), &mut all);
    let mut out = String::new();
    for place in all {
        let mut verdicts = [("refused", Vec::new()), ("hinted at", Vec::new()), ("accepted", Vec::new())];
        for (name, new) in &types {
            let mut document = sample();
            *at(&mut document, &place) = new.clone();
            let found = of_value(document);
            let verdict = match found.iter().map(|complaint| complaint.severity).min() {
                Some(Severity::Error) => 0,
                Some(_) => 1,
                None => 2,
            };
            verdicts[verdict].1.push(*name);
        }
        let steps: Vec<String> = place
            .iter()
            .map(|step| match step {
                Step::Item(index) => format!("[{index}]"),
                Step::Key(key) => format!(".{key}"),
            })
            .collect();
        out.push_str(&format!("{}\n", steps.concat().trim_start_matches('.')));
        for (verdict, types) in verdicts.iter().filter(|(_, types)| !types.is_empty()) {
            out.push_str(&format!("    {verdict}: {}\n", types.join(", ")));
        }
    }
    expect_file!["tests/wrong_types.txt"].assert_eq(&out);
}
