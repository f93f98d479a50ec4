//! What is hidden, and what must not be.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use super::*;
use expect_test::{Expect, expect};
use serde_json::json;
use squall_experiment::event::{ActivityId, Event, Listed, Phase, Place, Record};
use squall_experiment::json::{self, Style};

fn object(json: serde_json::Value) -> Object {
    match Value::from_json(json) {
        Value::Object(object) => object,
        other => Object::from_iter([("value".to_owned(), other)]),
    }
}

fn check(secrets: serde_json::Value, told: serde_json::Value, expected: Expect) {
    let redactor = Redactor::default();
    redactor.add(&Value::from_json(secrets));
    let told = Value::from_json(told);
    let hidden = redactor.value(told);
    expected.assert_eq(&json::to_string(&hidden, &Style::LINE));
    assert_eq!(redactor.value(hidden.clone()), hidden, "hiding twice changes nothing");
}

#[test]
fn texts_are_found_anywhere_and_short_values_only_where_they_are_all() {
    check(
        json!({"a": "s3cr3t-of-ours", "b": "of-ours", "c": "abc", "d": 4711, "e": "80", "f": 471_100, "g": true, "h": "http"}),
        json!({"key s3cr3t-of-ours": "x-s3cr3t-of-ours, of-ours", "short": "abc", "port": [4711, "4711", "port 4711", 471_100, "n 471100", 80],
            "on": true, "provider": {"type": "http"}}),
        expect![[
            r#"{"key ***": "x-***, ***", "short": "abc", "port": ["***", "***", "port 4711", "***", "n ***", 80], "on": true, "provider": {"type": "http"}}"#
        ]],
    );
}

#[test]
fn other_ways_to_write_it_are_found_too() {
    check(
        json!("pa'ss \"wörd\"/1"),
        json!([
            "\"pa'ss \\\"wörd\\\"/1\"",
            "pa'ss \\\"w\\u00f6rd\\\"/1",
            "?q=pa%27ss%20%22w%C3%B6rd%22%2F1&",
            "pa%27ss+%22w%C3%B6rd%22%2F1"
        ]),
        expect![[r#"["\"***\"", "***", "?q=***&", "***"]"#]],
    );
    check(
        json!("-----BEGIN KEY-----\nMIIEpAIBAAKCAQEA1\n-----END KEY-----\n"),
        json!("read -----BEGIN KEY-----\nMIIEpAIBAAKCAQEA1\n-----END KEY----- or MIIEpAIBAAKCAQEA1"),
        expect![[r#""read *** or ***""#]],
    );
}

#[test]
fn what_writers_escape_is_undone() {
    let redactor = Redactor::default();
    let secrets = ["wJalrXUtnFEMI/K7MDENG+bPxRfiCY", "a&b<c>'d\"e\\f=", "grün und ✓ 😀", "line\nof two"];
    redactor.add(&Value::from_json(json!(secrets)));
    for told in [
        // urllib's quote and quote_plus, requests, lower-case digits, what was escaped twice, and part by part.
        "wJalrXUtnFEMI/K7MDENG%2BbPxRfiCY",
        "wJalrXUtnFEMI%2FK7MDENG%2BbPxRfiCY",
        "wJalrXUtnFEMI%2fK7MDENG%2bbPxRfiCY",
        "wJalrXUtnFEMI%252FK7MDENG%252BbPxRfiCY",
        "wJalrXUtnFEMI%2fK7MDENG+bPxRfiCY",
        "wJalrXUtnFEMI\\/K7MDENG+bPxRfiCY",
        "a%26b%3Cc%3E%27d%22e%5Cf%3D",
        "a%26b%3cc%3e'd%22e%5cf=",
        "gr%C3%BCn%20und%20%E2%9C%93%20%F0%9F%98%80",
        "gr%c3%bcn+und+%e2%9c%93+%f0%9f%98%80",
        // Go's JSON, JSON within JSON, and in a URL.
        r#"a\u0026b\u003cc\u003e'd\"e\\f="#,
        r#"a&b<c>'d\\\"e\\\\f="#,
        r#"a%26b%3Cc%3E'd%5C%22e%5C%5Cf="#,
        r"gr\u00fcn und \u2713 \ud83d\ude00",
        r"gr\\u00fcn und \\u2713 \\ud83d\\ude00",
        r"line\nof two",
        r"line\\nof two",
        // Python's ascii and its bytes.
        r"gr\xfcn und \u2713 \U0001f600",
        r"gr\xc3\xbcn und \xe2\x9c\x93 \xf0\x9f\x98\x80",
        // Pages.
        "a&amp;b&lt;c&gt;&#39;d&quot;e\\f=",
        "a&amp;b&lt;c&gt;&#x27;d&#34;e\\f=",
        "gr&#252;n und &#x2713; &#128512;",
    ] {
        assert_eq!(redactor.clean(format!("x{told}y")), "x***y", "{told}");
        let drawn = format!("x{}y", "*".repeat(told.len()));
        assert_eq!(redactor.torn(&format!("x{told}y")), drawn, "{told}");
    }
    // Malformed, cut off, and what is no secret stay as they are.
    for told in ["100 % + %2 %zz \\u00 \\ud83d x \\ &x; &#1; & \\", "%ff%C3 \\xff\\xc3é", "a&amp;b %41 \\n"]
    {
        assert_eq!(redactor.clean(told.to_owned()), told);
    }
}

#[test]
fn nothing_is_left_of_secrets_that_overlap() {
    check(
        json!(["abcdefghij-KLMNOP", "KLMNOP-qrstuv", "ababa", "KLMNOP"]),
        json!(["abcdefghij-KLMNOP-qrstuv!", "x abababa x", "KLMNOPKLMNOP", {"abcdefghij-KLMNOP-qrstuv": 1}]),
        expect![[r#"["***!", "x *** x", "******", {"***": 1}]"#]],
    );
}

#[test]
fn names_tell() {
    let telling =
        ["api_token", "DB_PASSWORD", "vault_role_secret", "authorization", "apiKey", "client-secret"];
    let silent = ["port", "vault_secrets_mount_point", "token_path", "secret_name", "password_file", "keys"];
    assert!(telling.iter().all(|name| is_telling(name)));
    assert!(!silent.iter().any(|name| is_telling(name)));
}

#[test]
fn settings_hold_secrets_at_any_depth() {
    let redactor = Redactor::default();
    redactor.settings(&object(json!({
        "auths": {"example.com": {"type": "bearer", "value": "for-the-server"}},
        "notifications": [{"type": "slack", "webhook": "https://hooks.example/T0/x", "headers": {"Authorization": "Key of-a-header"}}],
        "controls": {"c": {"provider": {"arguments": {"api_token": "of-a-control", "channel": "chaos"}}}},
    })));
    let text = "for-the-server https://hooks.example/T0/x Key of-a-header of-a-control chaos slack";
    assert_eq!(redactor.clean(text.to_owned()), "*** *** *** *** chaos slack");
}

#[test]
fn places_in_a_document_stay() {
    let redactor = Redactor::default();
    redactor.add(&Value::from("gehéim"));
    assert_eq!(redactor.torn("a: gehéim\nb: 1"), "a: *******\nb: 1");
}

#[test]
fn configurations_tell_at_any_depth() {
    let experiment = json!({"configuration": {
        "db": {"password": "of-the-database", "user": "jane-of-the-shop"},
        "credentials": {"key": "of-the-cloud"},
        "api_token": {"type": "env", "key": "TOKEN_OF_THE_API"},
        "token_probe": {"type": "probe", "provider": {"type": "process", "path": "/bin/of-a-probe"}},
        "secret_pin": 471_100,
        "probed_token": {"type": "probe", "default": "of-a-default", "provider": {"type": "process", "path": "x"}},
    }});
    let redactor = Redactor::default();
    redactor.declare(&Value::from_json(experiment.clone()), &|_| Some("of-the-environment".to_owned()));
    let hidden = redactor.experiment(Value::from_json(experiment));
    expect![[r#"{"configuration": {"db": {"password": "***", "user": "jane-of-the-shop"}, "credentials": {"key": "***"}, "api_token": {"type": "env", "key": "TOKEN_OF_THE_API"}, "token_probe": {"type": "probe", "provider": {"type": "process", "path": "/bin/of-a-probe"}}, "secret_pin": "***", "probed_token": {"type": "probe", "default": "***", "provider": {"type": "process", "path": "x"}}}}"#]]
        .assert_eq(&json::to_string(&hidden, &Style::LINE));
    let text = "of-the-database of-the-cloud of-the-environment jane-of-the-shop 471100 of-a-default";
    assert_eq!(redactor.clean(text.to_owned()), "*** *** *** jane-of-the-shop *** ***");
}

#[test]
fn a_document_is_drawn_without_its_secrets() {
    use squall_experiment::load::{Format, load};
    for (format, source, drawn) in [
        (
            Format::Yaml,
            "secrets: {a: {b: 'it''s-HUNTER', c: xy}}\nz: xy",
            "secrets: {a: {b: **************, c: **}}\nz: xy",
        ),
        (
            Format::Json,
            r#"{"secrets": {"a": {"b": "HUN\u0054ER", "c": 1}}}"#,
            r#"{"secrets": {"a": {"b": *************, "c": *}}}"#,
        ),
        (
            Format::Yaml,
            "secrets:\n  a:\n    b: \"HUN\n      TER\"\nz: 1",
            "secrets:\n  a:\n    b: ****\n**********\nz: 1",
        ),
        (
            Format::Yaml,
            "secrets: {a: {type: env, key: K, default: xy}}",
            "secrets: {a: {type: env, key: K, default: **}}",
        ),
        (
            Format::Yaml,
            "configuration: {api_token: 'a''b', port: 80}",
            "configuration: {api_token: ******, port: 80}",
        ),
        (Format::Yaml, "secrets: {a: HUN, a: xy}\nz: 1", "secrets:****************\n****"),
    ] {
        let draft = load(source.as_bytes(), format).unwrap();
        assert_eq!(Redactor::default().draft(&draft), drawn, "{source}");
    }
    for (source, drawn) in [
        (
            "title: t\nsecrets: {a: {b: HUNTER, c: ]}}\nz: 1",
            "title: t\nsecrets:***********************\n****",
        ),
        (r#"{"x": 1, "secrets": {"a": HUN}"#, r#"{"x": 1, "secrets":***********"#),
        (
            "configuration:\n  api_token: HUN TER\n  port: ]",
            "configuration:\n  api_token:********\n  port: ]",
        ),
    ] {
        assert_eq!(Redactor::default().torn(source), drawn);
    }
}

#[test]
fn what_controls_add_is_hidden_too() {
    let redactor = Redactor::default();
    redactor.add(&"s3cr3t-of-ours".into());
    let value = || Value::from_json(json!({"note": "it is s3cr3t-of-ours"}));
    let place = Place::Hypothesis(Phase::Before);
    let runs = vec![Listed::Played(ActivityId(0)), Listed::Added(value())];
    for event in [
        Event::StateChanged { phase: Phase::Before, met: true, members: value(), removed: Vec::new() },
        Event::RunsChanged { place, runs },
    ] {
        let told = redactor.record(Record { at: jiff::Timestamp::UNIX_EPOCH, event });
        let told = serde_json::to_string(&told).unwrap();
        assert!(told.contains("it is ***") && !told.contains("s3cr3t"), "{told}");
    }
}
