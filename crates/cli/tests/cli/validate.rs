//! `chaos validate`: the Toolkit's lines on a pipe, every complaint with `--format`, and in the log file.

use crate::folder::Folder;
use expect_test::expect;

const FINE: &str = r#"{"title": "t", "description": "d", "method": []}"#;

/// Four mistakes; the Toolkit stops at the first of those that it knows.
const MISTAKEN: &str = "\
title: shop
description: what if a Pod goes?
configuration: {namespace: shop}
method:
  - type: action
    name: kill
    provider:
      type: python
      module: chaosk8s.pod.actions
      func: terminate_pods
      arguments: {label_selecto: app=web, ns: '${namespce}'}
  - {ref: kil}
rollback: []
";

#[test]
fn a_valid_experiment() {
    let folder = Folder::new().with("e.json", FINE);
    folder.chaos("validate e.json").check(expect![[r#"
        stderr:
        [INFO] Validating the experiment's syntax
        [INFO] Experiment looks valid
        [INFO] experiment syntax and semantic look valid
        exit: 0
    "#]]);
    folder.chaos("validate --format text e.json").check(expect![[r#"
        stdout:
        e.json: valid
        stderr:
        [INFO] Validating the experiment's syntax
        [INFO] Experiment looks valid
        [INFO] experiment syntax and semantic look valid
        exit: 0
    "#]]);
}

#[test]
fn a_pipe_has_the_first_error_and_the_log_file_all() {
    let folder = Folder::new().with("e.yaml", MISTAKEN);
    folder.chaos("validate e.yaml").check(expect![[r#"
        stderr:
        [INFO] Validating the experiment's syntax
        [ERROR] argument 'label_selecto' is not part of the function signature in activity 'terminate_pods'
        exit: 1
    "#]]);
    let log = folder.mask(&folder.read("chaostoolkit.log"));
    let complaints: String =
        log.lines().filter(|line| line.contains("e.yaml:")).map(|line| format!("{line}\n")).collect();
    expect![[r#"
        [DEBUG] e.yaml:11:19: error[unknown-argument]: argument 'label_selecto' is not part of the function signature in activity 'terminate_pods'; did you mean `label_selector`?
        [DEBUG] e.yaml:12:11: error[bad-ref]: referenced activity 'kil' could not be found in the experiment; did you mean `kill`?
        [DEBUG] e.yaml:11:47: hint[undeclared-variable]: nothing declares `namespce`, so `${namespce}` stays as it is; did you mean `${namespace}`?
        [DEBUG] e.yaml:13:1: hint[unknown-key]: the key `rollback` is not read here; did you mean `rollbacks`?
    "#]].assert_eq(&complaints);
}

#[test]
fn every_complaint_as_text() {
    let folder = Folder::new().with("e.yaml", MISTAKEN);
    folder.chaos("--no-log-file validate --format text e.yaml").check(expect![[r#"
        stdout:
        error[unknown-argument]: argument 'label_selecto' is not part of the function signature in activity 'terminate_pods'
          --> e.yaml:11:19
           |
        11 |       arguments: {label_selecto: app=web, ns: '${namespce}'}
           |                   ^^^^^^^^^^^^^ method[0].provider.arguments.label_selecto
           |
           = help: did you mean `label_selector`?

        hint[undeclared-variable]: nothing declares `namespce`, so `${namespce}` stays as it is
          --> e.yaml:11:47
           |
        11 |       arguments: {label_selecto: app=web, ns: '${namespce}'}
           |                                               ^^^^^^^^^^^^^ method[0].provider.arguments.ns
           |
           = help: did you mean `${namespace}`?

        error[bad-ref]: referenced activity 'kil' could not be found in the experiment
          --> e.yaml:12:11
           |
        12 |   - {ref: kil}
           |           ^^^ method[1].ref
           |
           = help: did you mean `kill`?

        hint[unknown-key]: the key `rollback` is not read here
          --> e.yaml:13:1
           |
        13 | rollback: []
           | ^^^^^^^^ rollback
           |
           = help: did you mean `rollbacks`?

        e.yaml: 2 errors, 2 hints
        stderr:
        [INFO] Validating the experiment's syntax
        [ERROR] argument 'label_selecto' is not part of the function signature in activity 'terminate_pods'
        exit: 1
    "#]]);
}

#[test]
fn complaints_for_programs() {
    let folder = Folder::new().with("e.json", r#"{"title": "t", "descripton": "d", "method": []}"#);
    folder.chaos("validate --format json e.json").check(expect![[r#"
        stdout:
        {
          "format": 1,
          "source": "e.json",
          "valid": false,
          "errors": 1,
          "warnings": 0,
          "hints": 1,
          "diagnostics": [
            {
              "severity": "error",
              "rule": "missing-description",
              "message": "experiment requires a description",
              "hint": null,
              "path": "description",
              "line": 1,
              "column": 1,
              "end_line": 1,
              "end_column": 48
            },
            {
              "severity": "hint",
              "rule": "unknown-key",
              "message": "the key `descripton` is not read here",
              "hint": "did you mean `description`?",
              "path": "descripton",
              "line": 1,
              "column": 16,
              "end_line": 1,
              "end_column": 28
            }
          ]
        }
        stderr:
        [INFO] Validating the experiment's syntax
        [ERROR] experiment requires a description
        exit: 1
    "#]]);
    let sarif = folder.chaos("validate --format sarif e.json");
    assert_eq!(sarif.code, 1);
    let sarif: serde_json::Value = serde_json::from_str(&sarif.stdout).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let rules: Vec<&str> = results.iter().map(|result| result["ruleId"].as_str().unwrap()).collect();
    expect!["missing-description, unknown-key"].assert_eq(&rules.join(", "));
}

#[test]
fn a_syntax_error_is_a_complaint_too() {
    let folder = Folder::new().with("e.yaml", "title: t\n  method: [b\n");
    folder.chaos("validate e.yaml").check(expect![[r#"
        stderr:
        [ERROR] Failed parsing YAML experiment: mapping values are not allowed in this context at line 2, column 9
        exit: 1
    "#]]);
    folder.chaos("validate --format text e.yaml").check(expect![[r#"
        stdout:
        error[syntax]: mapping values are not allowed in this context
         --> e.yaml:2:9
          |
        2 |   method: [b
          |         ^
          |
          = help: a text that contains a colon and a blank needs quotes; otherwise look at the indentation

        e.yaml: 1 error
        stderr:
        [ERROR] Failed parsing YAML experiment: mapping values are not allowed in this context at line 2, column 9
        exit: 1
    "#]]);
}

/// What this machine has: programs on PATH, variables, functions of the catalogue.
#[test]
fn the_machine_is_looked_at() {
    let process =
        |path: &str| format!("{{type: action, name: a, provider: {{type: process, path: '{path}'}}}}");
    let folder = Folder::new()
        .with("plain.txt", "no program")
        .with(
            "e.yaml",
            &format!(
                "title: t\ndescription: d\nconfiguration: {{a: {{type: env, key: HOME}}, b: {{type: env, key: NOWHERE}}}}\nmethod: [{}, {}, {}, {}]\n",
                process("sh"),
                process("/bin/sh"),
                process("./plain.txt"),
                process("no-such-program")
            ),
        );
    folder.chaos("validate --format text e.yaml").check(expect![[r#"
        stdout:
        error[missing-variable]: Configuration makes reference to an environment key that does not exist: NOWHERE
         --> e.yaml:3:47
          |
        3 | configuration: {a: {type: env, key: HOME}, b: {type: env, key: NOWHERE}}
          |                                               ^^^^^^^^^^^^^^^^^^^^^^^^^ configuration.b
          |
          = help: set it, or give the configuration a `default`

        error[process-path]: path './plain.txt' cannot be found, in activity 'a'
         --> e.yaml:4:199
          |
        4 | ...ion, name: a, provider: {type: process, path: './plain.txt'}}, {type: action, name: a, provider: {type: process, path: 'no-such-pr...
          |                                                  ^^^^^^^^^^^^^ method[2].provider.path
          |
          = help: there is no such file from here, or it may not be executed

        error[process-path]: path 'no-such-program' cannot be found, in activity 'a'
         --> e.yaml:4:272
          |
        4 | ...n, name: a, provider: {type: process, path: 'no-such-program'}}]
          |                                                ^^^^^^^^^^^^^^^^^ method[3].provider.path
          |
          = help: it is in no folder of PATH

        e.yaml: 3 errors
        stderr:
        [INFO] Validating the experiment's syntax
        [ERROR] Configuration makes reference to an environment key that does not exist: NOWHERE
        exit: 1
    "#]]);
}

#[test]
fn run_validates_first() {
    let folder = Folder::new().with("e.yaml", MISTAKEN);
    folder.chaos("run e.yaml").check(expect![[r#"
        stderr:
        [INFO] Validating the experiment's syntax
        [ERROR] argument 'label_selecto' is not part of the function signature in activity 'terminate_pods'
        exit: 1
    "#]]);
    assert!(!folder.path("journal.json").exists());
    assert!(!folder.path(".local").exists(), "nothing was begun");
}

#[test]
fn a_program_gets_a_document_about_what_cannot_be_read() {
    let folder = Folder::new();
    let done = folder.chaos("validate --format json gone.yaml");
    let document: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!((done.code, &document["valid"]), (1, &serde_json::json!(false)));
    assert_eq!(document["diagnostics"][0]["rule"], "unreadable");
    assert_eq!(document["diagnostics"][0]["message"], "Path \"gone.yaml\" does not exist.");
    let done = folder.chaos("validate --format sarif gone.yaml");
    let document: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(document["runs"][0]["results"][0]["ruleId"], "unreadable");
    assert_eq!(folder.chaos("validate --format text gone.yaml").stdout, "");
}

#[test]
fn a_tab_gets_a_hint() {
    let folder = Folder::new().with("e.yaml", "title: t\nmethod:\n\t- a\n");
    let said = folder.chaos("validate --format text e.yaml").stdout;
    assert!(said.contains("YAML is indented with spaces"), "{said}");
}

#[test]
fn hints_leave_it_valid() {
    let folder = Folder::new().with("e.yaml", "title: t\ndescription: d\nmethod: []\nrollback: []\n");
    let said = folder.chaos("validate --format text e.yaml").stdout;
    assert!(said.ends_with("\ne.yaml: valid, 1 hint\n"), "{said}");
}

#[test]
fn hints_fail_where_that_is_asked_for() {
    let folder = Folder::new().with("e.yaml", "title: t\ndescription: d\nmethod: []\nrollback: []\n");
    folder.chaos("validate --fail-on hint e.yaml").check(expect![[r#"
        stderr:
        [INFO] Validating the experiment's syntax
        [INFO] Experiment looks valid
        [ERROR] --fail-on: e.yaml:4:1: hint[unknown-key]: the key `rollback` is not read here; did you mean `rollbacks`?
        exit: 1
    "#]]);
    assert_eq!(folder.chaos("validate --fail-on warning e.yaml").code, 0);
    assert_eq!(folder.chaos("validate e.yaml").code, 0);
}
