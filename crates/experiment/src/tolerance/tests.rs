//! Tables of judgements and complaints, after the recorded cases `tol-*`, `jsonpath-*` and `val-tol-*`.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use super::*;
use crate::json;
use expect_test::{Expect, expect};
use proptest::prelude::*;

fn scope() -> Scope {
    let configuration = r#"{"want": 3, "word": "hel+o", "k": "c", "one": [1], "lo": 1, "hi": 5, "rx": {"type": "regex",
        "pattern": "^h"}, "nothing": null, "path": "$.k"}"#;
    let configuration = json::value(configuration).unwrap().as_object().unwrap().clone();
    Scope { configuration, secrets: Object::default() }
}

fn judged(tolerance: &str, output: &str) -> String {
    match within(&json::value(tolerance).unwrap(), &json::value(output).unwrap(), &scope()) {
        Ok(Judgement::Met) => "met".to_owned(),
        Ok(Judgement::Missed(why)) => format!("missed: {why}"),
        Ok(Judgement::Ask(activity)) => format!("ask: {}", json::to_string(&activity, &json::Style::LINE)),
        Err(unjudgeable) => unjudgeable.to_string(),
    }
}

/// Each line is a tolerance, `|`, an output; the judgement is put behind them.
fn check(lines: &str, wanted: Expect) {
    let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty()).map(|line| {
        let (tolerance, output) = line.split_once(" | ").unwrap();
        format!("{line} | {}\n", judged(tolerance, output))
    });
    wanted.assert_eq(&lines.collect::<String>());
}

#[test]
fn equality() {
    check(
        r#"
        true | true
        true | 1
        true | false
        true | "true"
        false | false
        3 | 3
        3 | 4
        3 | 3.0
        0 | null
        200 | {"status": 200, "x": 1}
        200 | {"status": 503}
        200 | {"code": 200}
        true | {"status": true}
        "3" | 3
        "up" | "down"
        "up" | "up"
        "a ${want}" | "a 3"
        "${want}" | 3
        "${rx}" | "hello"
        "${rx}" | "jello"
        "${nothing}" | null
        1.5 | 1.5
        null | null
        12345678901234567890 | 12345678901234567890
        "#,
        expect![[r#"
            true | true | met
            true | 1 | met
            true | false | missed: False is not True
            true | "true" | missed: 'true' is not True
            false | false | met
            3 | 3 | met
            3 | 4 | missed: 4 is not 3
            3 | 3.0 | met
            0 | null | missed: None is not 0
            200 | {"status": 200, "x": 1} | met
            200 | {"status": 503} | missed: status 503 is not 200
            200 | {"code": 200} | missed: {'code': 200} is not 200
            true | {"status": true} | missed: {'status': True} is not True
            "3" | 3 | missed: 3 is not '3'
            "up" | "down" | missed: 'down' is not 'up'
            "up" | "up" | met
            "a ${want}" | "a 3" | met
            "${want}" | 3 | met
            "${rx}" | "hello" | met
            "${rx}" | "jello" | missed: `^h` is not found in 'jello'
            "${nothing}" | null | missed: nothing is within a tolerance of None
            1.5 | 1.5 | missed: nothing is within a tolerance of 1.5
            null | null | missed: nothing is within a tolerance of None
            12345678901234567890 | 12345678901234567890 | met
        "#]],
    );
}

#[test]
fn lists() {
    check(
        r#"
        [1, 5] | 3
        [1, 5] | 5
        [1, 5] | 6
        [1, 5] | 0.5
        [1, 5] | true
        ["a", "m"] | "hello"
        ["a", "m"] | "z"
        [1, 5] | "3"
        [1, 5] | null
        [1, "x"] | 0
        [1, "x"] | 2
        ["${lo}", "${hi}"] | 3
        [[1, 2], [1, 4]] | [1, 3]
        [1, 5] | {}
        [1, 2, 3] | 2
        [1, 2, 3] | 4
        [1, "x", "y"] | true
        [] | 1
        [[1]] | [1]
        [200, 204] | {"status": 204}
        [200, 204] | {"status": 203}
        "#,
        expect![[r#"
            [1, 5] | 3 | met
            [1, 5] | 5 | met
            [1, 5] | 6 | missed: 6 is above 5
            [1, 5] | 0.5 | missed: 0.5 is below 1
            [1, 5] | true | met
            ["a", "m"] | "hello" | met
            ["a", "m"] | "z" | missed: 'z' is above 'm'
            [1, 5] | "3" | TypeError: '<=' not supported between instances of 'int' and 'str'
            [1, 5] | null | TypeError: '<=' not supported between instances of 'int' and 'NoneType'
            [1, "x"] | 0 | missed: 0 is below 1
            [1, "x"] | 2 | TypeError: '<=' not supported between instances of 'int' and 'str'
            ["${lo}", "${hi}"] | 3 | TypeError: '<=' not supported between instances of 'str' and 'int'
            [[1, 2], [1, 4]] | [1, 3] | met
            [1, 5] | {} | TypeError: '<=' not supported between instances of 'int' and 'dict'
            [1, 2, 3] | 2 | met
            [1, 2, 3] | 4 | missed: 4 is not one of [1, 2, 3]
            [1, "x", "y"] | true | met
            [] | 1 | missed: 1 is not one of []
            [[1]] | [1] | met
            [200, 204] | {"status": 204} | met
            [200, 204] | {"status": 203} | missed: status 203 is not one of [200, 204]
        "#]],
    );
}

#[test]
fn patterns() {
    check(
        r#"
        {"type": "regex", "pattern": "ell"} | "hello"
        {"type": "regex", "pattern": "^x"} | "hello"
        {"type": "regex", "pattern": "^${word}$"} | "hello"
        {"type": "regex", "pattern": "^\\w+$"} | "žluť"
        {"type": "regex", "pattern": "(?is)HELLO.\\d{2}$"} | "say hello\n12"
        {"type": "regex", "pattern": "(?i)HELLO.\\d{2}$"} | "say hello\n12"
        {"type": "regex", "target": "body", "pattern": "^hello$"} | {"status": 200, "body": "hello\n"}
        {"type": "regex", "target": "stderr", "pattern": "oops"} | {"status": 0, "stdout": "", "stderr": "oops\n"}
        {"type": "regex", "target": "", "pattern": "ell"} | "hello"
        {"type": "regex", "target": "stdout", "pattern": "wor"} | {"body": "hello world"}
        {"type": "regex", "target": "stdout", "pattern": "wor"} | "hello world"
        {"type": "regex", "target": ["stdout"], "pattern": "wor"} | {"stdout": "x"}
        {"type": "regex", "pattern": "ready"} | {"status": 0}
        {"type": "regex", "pattern": "3"} | 3
        {"type": "regex", "pattern": "*x"} | "x"
        {"type": "regex", "pattern": "${want}"} | "x"
        {"type": "regex"} | "x"
        "#,
        expect![[r#"
            {"type": "regex", "pattern": "ell"} | "hello" | met
            {"type": "regex", "pattern": "^x"} | "hello" | missed: `^x` is not found in 'hello'
            {"type": "regex", "pattern": "^${word}$"} | "hello" | met
            {"type": "regex", "pattern": "^\\w+$"} | "žluť" | met
            {"type": "regex", "pattern": "(?is)HELLO.\\d{2}$"} | "say hello\n12" | met
            {"type": "regex", "pattern": "(?i)HELLO.\\d{2}$"} | "say hello\n12" | missed: `(?i)HELLO.\d{2}$` is not found in 'say hello\n12'
            {"type": "regex", "target": "body", "pattern": "^hello$"} | {"status": 200, "body": "hello\n"} | met
            {"type": "regex", "target": "stderr", "pattern": "oops"} | {"status": 0, "stdout": "", "stderr": "oops\n"} | met
            {"type": "regex", "target": "", "pattern": "ell"} | "hello" | met
            {"type": "regex", "target": "stdout", "pattern": "wor"} | {"body": "hello world"} | TypeError: expected string or bytes-like object, got 'dict'
            {"type": "regex", "target": "stdout", "pattern": "wor"} | "hello world" | AttributeError: 'str' object has no attribute 'get'
            {"type": "regex", "target": ["stdout"], "pattern": "wor"} | {"stdout": "x"} | TypeError: unhashable type: 'list'
            {"type": "regex", "pattern": "ready"} | {"status": 0} | TypeError: expected string or bytes-like object, got 'dict'
            {"type": "regex", "pattern": "3"} | 3 | TypeError: expected string or bytes-like object, got 'int'
            {"type": "regex", "pattern": "*x"} | "x" | re.error: nothing to repeat at position 0
            {"type": "regex", "pattern": "${want}"} | "x" | TypeError: first argument must be string or compiled pattern
            {"type": "regex"} | "x" | TypeError: first argument must be string or compiled pattern
        "#]],
    );
}

#[test]
fn paths() {
    check(
        r#"
        {"type": "jsonpath", "path": "$.a"} | {"a": null}
        {"type": "jsonpath", "path": "$.b"} | {"a": 1}
        {"type": "jsonpath", "path": "$.a.${k}", "expect": "x"} | {"a": {"c": "x"}}
        {"type": "jsonpath", "path": "${path}", "expect": 5} | "{\"k\": 5}"
        {"type": "jsonpath", "path": "$.k", "expect": 5, "target": "body"} | {"body": "{\"k\": 5}", "status": 200}
        {"type": "jsonpath", "path": "$", "expect": 12} | "12"
        {"type": "jsonpath", "path": "$.k"} | "not json"
        {"type": "jsonpath", "path": "$", "expect": "not json"} | "not json"
        {"type": "jsonpath", "path": "$.a[*]", "count": 2} | {"a": [1, 2]}
        {"type": "jsonpath", "path": "$.a[*]", "count": 3} | {"a": [1, 2]}
        {"type": "jsonpath", "path": "$.a[7]", "count": 0} | {"a": [1, 2]}
        {"type": "jsonpath", "path": "$.a[*]", "count": null} | {"a": [1, 2]}
        {"type": "jsonpath", "path": "$.a[*]", "count": 99, "expect": [1, 2]} | {"a": [1, 2]}
        {"type": "jsonpath", "path": "$.a", "expect": [1, 2]} | {"a": [1, 2]}
        {"type": "jsonpath", "path": "$.a", "expect": [[1, 2]]} | {"a": [1, 2]}
        {"type": "jsonpath", "path": "$.a[0]", "expect": true} | {"a": [1, 2]}
        {"type": "jsonpath", "path": "$.a[0]", "expect": "${one}"} | {"a": [1, 2]}
        {"type": "jsonpath", "path": "$.nope", "expect": null} | {"a": 1}
        {"type": "jsonpath", "path": "$.a", "expect": null} | {"a": null}
        {"type": "jsonpath", "path": "$.a[0:1:0]"} | {"a": [1]}
        {"type": "jsonpath", "path": "$.a", "target": "body"} | "text"
        {"type": "jsonpath", "path": "$.["} | 1
        {"type": "jsonpath", "path": 3} | 1
        "#,
        expect![[r#"
            {"type": "jsonpath", "path": "$.a"} | {"a": null} | met
            {"type": "jsonpath", "path": "$.b"} | {"a": 1} | missed: `$.b` finds nothing
            {"type": "jsonpath", "path": "$.a.${k}", "expect": "x"} | {"a": {"c": "x"}} | met
            {"type": "jsonpath", "path": "${path}", "expect": 5} | "{\"k\": 5}" | met
            {"type": "jsonpath", "path": "$.k", "expect": 5, "target": "body"} | {"body": "{\"k\": 5}", "status": 200} | met
            {"type": "jsonpath", "path": "$", "expect": 12} | "12" | met
            {"type": "jsonpath", "path": "$.k"} | "not json" | missed: `$.k` finds nothing
            {"type": "jsonpath", "path": "$", "expect": "not json"} | "not json" | met
            {"type": "jsonpath", "path": "$.a[*]", "count": 2} | {"a": [1, 2]} | met
            {"type": "jsonpath", "path": "$.a[*]", "count": 3} | {"a": [1, 2]} | missed: `$.a[*]` finds [1, 2]: 2 value(s) instead of 3
            {"type": "jsonpath", "path": "$.a[7]", "count": 0} | {"a": [1, 2]} | met
            {"type": "jsonpath", "path": "$.a[*]", "count": null} | {"a": [1, 2]} | met
            {"type": "jsonpath", "path": "$.a[*]", "count": 99, "expect": [1, 2]} | {"a": [1, 2]} | met
            {"type": "jsonpath", "path": "$.a", "expect": [1, 2]} | {"a": [1, 2]} | missed: `$.a` finds [[1, 2]] instead of [1, 2]
            {"type": "jsonpath", "path": "$.a", "expect": [[1, 2]]} | {"a": [1, 2]} | met
            {"type": "jsonpath", "path": "$.a[0]", "expect": true} | {"a": [1, 2]} | met
            {"type": "jsonpath", "path": "$.a[0]", "expect": "${one}"} | {"a": [1, 2]} | met
            {"type": "jsonpath", "path": "$.nope", "expect": null} | {"a": 1} | missed: `$.nope` finds nothing instead of [None]
            {"type": "jsonpath", "path": "$.a", "expect": null} | {"a": null} | met
            {"type": "jsonpath", "path": "$.a[0:1:0]"} | {"a": [1]} | ValueError: range() arg 3 must not be zero
            {"type": "jsonpath", "path": "$.a", "target": "body"} | "text" | AttributeError: 'str' object has no attribute 'get'
            {"type": "jsonpath", "path": "$.["} | 1 | ValueError: JSON path $.[ is invalid: '[' at 2
            {"type": "jsonpath", "path": 3} | 1 | TypeError: a JSON path must be text, not 'int'
        "#]],
    );
}

#[test]
fn ranges() {
    check(
        r#"
        {"type": "range", "range": [1, 5]} | 3
        {"type": "range", "range": [1, 5]} | 5
        {"type": "range", "range": [1, 5]} | 5.0001
        {"type": "range", "range": [1, 5]} | -1
        {"type": "range", "range": [1, 5]} | "3.5"
        {"type": "range", "range": [1, 5]} | " 4\n"
        {"type": "range", "range": [1, 500]} | "1_0e1"
        {"type": "range", "range": [1, 5]} | "three"
        {"type": "range", "range": [1, 5]} | true
        {"type": "range", "range": [0.1, 0.3]} | 0.3
        {"type": "range", "range": [0.1, 0.3]} | "0.3"
        {"type": "range", "range": [0.1, 0.3]} | "0.30000000000000001"
        {"type": "range", "target": "stdout", "range": [5, 8]} | {"status": 0, "stdout": "7\n"}
        {"type": "range", "target": "nope", "range": [5, 8]} | {"status": 0}
        {"type": "range", "range": [1, 5]} | null
        {"type": "range", "range": [1, 5]} | [3]
        {"type": "range", "range": [1, 5]} | NaN
        {"type": "range", "range": [1, 5]} | Infinity
        {"type": "range", "range": [1]} | 3
        {"type": "range"} | 3
        {"type": "range", "range": ["x", 5]} | 3
        "#,
        expect![[r#"
            {"type": "range", "range": [1, 5]} | 3 | met
            {"type": "range", "range": [1, 5]} | 5 | met
            {"type": "range", "range": [1, 5]} | 5.0001 | missed: 5.0001 is above 5
            {"type": "range", "range": [1, 5]} | -1 | missed: -1 is below 1
            {"type": "range", "range": [1, 5]} | "3.5" | met
            {"type": "range", "range": [1, 5]} | " 4\n" | met
            {"type": "range", "range": [1, 500]} | "1_0e1" | met
            {"type": "range", "range": [1, 5]} | "three" | missed: 'three' is not a number
            {"type": "range", "range": [1, 5]} | true | met
            {"type": "range", "range": [0.1, 0.3]} | 0.3 | met
            {"type": "range", "range": [0.1, 0.3]} | "0.3" | met
            {"type": "range", "range": [0.1, 0.3]} | "0.30000000000000001" | missed: '0.30000000000000001' is above 0.3
            {"type": "range", "target": "stdout", "range": [5, 8]} | {"status": 0, "stdout": "7\n"} | met
            {"type": "range", "target": "nope", "range": [5, 8]} | {"status": 0} | TypeError: conversion from dict to Decimal is not supported
            {"type": "range", "range": [1, 5]} | null | TypeError: conversion from NoneType to Decimal is not supported
            {"type": "range", "range": [1, 5]} | [3] | ValueError: argument must be a sequence of length 3
            {"type": "range", "range": [1, 5]} | NaN | decimal.InvalidOperation: [<class 'decimal.InvalidOperation'>]
            {"type": "range", "range": [1, 5]} | Infinity | missed: inf is above 5
            {"type": "range", "range": [1]} | 3 | IndexError: list index out of range
            {"type": "range"} | 3 | TypeError: 'NoneType' object is not subscriptable
            {"type": "range", "range": ["x", 5]} | 3 | decimal.InvalidOperation: [<class 'decimal.ConversionSyntax'>]
        "#]],
    );
}

#[test]
fn other_types() {
    check(
        r#"
        {"type": "probe", "name": "judge", "provider": {"type": "python", "arguments": {"value": 0, "low": 1}}} | 9
        {"type": "probe", "provider": {"type": "http", "arguments": {}}} | {"a": "${want}"}
        {"type": "probe", "provider": {"type": "python"}} | 9
        {"type": "probe", "provider": {"type": "process", "arguments": ["x"]}} | 9
        {"type": "probe", "provider": {"type": "process", "arguments": "x"}} | 9
        {"type": "probe"} | 9
        {"type": "magic"} | 9
        {"a": 1} | {"a": 1}
        "#,
        expect![[r#"
            {"type": "probe", "name": "judge", "provider": {"type": "python", "arguments": {"value": 0, "low": 1}}} | 9 | ask: {"type": "probe", "name": "judge", "provider": {"type": "python", "arguments": {"value": 9, "low": 1}}}
            {"type": "probe", "provider": {"type": "http", "arguments": {}}} | {"a": "${want}"} | ask: {"type": "probe", "provider": {"type": "http", "arguments": {"value": {"a": "${want}"}}}}
            {"type": "probe", "provider": {"type": "python"}} | 9 | KeyError: 'arguments'
            {"type": "probe", "provider": {"type": "process", "arguments": ["x"]}} | 9 | TypeError: list indices must be integers or slices, not str
            {"type": "probe", "provider": {"type": "process", "arguments": "x"}} | 9 | TypeError: 'str' object does not support item assignment
            {"type": "probe"} | 9 | KeyError: 'provider'
            {"type": "magic"} | 9 | missed: a tolerance of type 'magic' is unsupported
            {"a": 1} | {"a": 1} | missed: a tolerance of type 'None' is unsupported
        "#]],
    );
}

#[test]
fn lines_of_the_log() {
    let shown = |tolerance: &str| shown(&json::value(tolerance).unwrap(), &scope());
    assert_eq!(shown("[1, \"x\"]"), "[1, 'x']");
    assert_eq!(shown("\"${rx}\""), "{'type': 'regex', 'pattern': '^h'}");
    assert_eq!(shown("true"), "True");
    let applied = |tolerance: &str| applied(&json::value(tolerance).unwrap(), &scope());
    assert_eq!(
        applied(r#"{"type": "regex", "pattern": "^${word}$"}"#).as_deref(),
        Some("Applied pattern is: ^hel+o$")
    );
    assert_eq!(
        applied(r#"{"type": "jsonpath", "path": "$.a.${k}"}"#).as_deref(),
        Some("Applied jsonpath is: $.a.c")
    );
    assert_eq!(applied("3"), None);
}

/// Each line is a tolerance; the complaint is put behind it.
fn check_complaints(lines: &str, wanted: Expect) {
    let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty()).map(|line| {
        let complaint = complaint(&json::value(line).unwrap());
        format!("{line} | {}\n", complaint.as_deref().unwrap_or("fine"))
    });
    wanted.assert_eq(&lines.collect::<String>());
}

#[test]
fn complaints() {
    check_complaints(
        r#"
        true
        3
        "x"
        [1]
        1.5
        null
        {"a": 1}
        {"type": "magic"}
        {"type": ["regex"]}
        {"type": "probe"}
        {"type": "regex"}
        {"type": "regex", "pattern": "${x}"}
        {"type": "regex", "pattern": 3}
        {"type": "regex", "pattern": null}
        {"type": "regex", "pattern": "*x"}
        {"type": "regex", "pattern": "(a"}
        {"type": "jsonpath"}
        {"type": "jsonpath", "path": " $.a "}
        {"type": "jsonpath", "path": "  "}
        {"type": "jsonpath", "path": 3}
        {"type": "jsonpath", "path": " $.a.${x}"}
        {"type": "jsonpath", "path": "$.items[?(@.n == \"two\")].v"}
        {"type": "range"}
        {"type": "range", "range": [1, 2.5]}
        {"type": "range", "range": [true, 2]}
        {"type": "range", "range": "1-2"}
        {"type": "range", "range": [1]}
        {"type": "range", "range": ["1", 2]}
        {"type": "range", "range": [1, null]}
        "#,
        expect![[r#"
            true | fine
            3 | fine
            "x" | fine
            [1] | fine
            1.5 | hypothesis probe tolerance must either be an integer, a string, a boolean or a pair of values for boundaries. It can also be a dictionary which is a probe activity definition that takes an argument called `value` with the value of the probe itself to be validated
            null | hypothesis probe tolerance must either be an integer, a string, a boolean or a pair of values for boundaries. It can also be a dictionary which is a probe activity definition that takes an argument called `value` with the value of the probe itself to be validated
            {"a": 1} | hypothesis probe tolerance type 'None' is unsupported
            {"type": "magic"} | hypothesis probe tolerance type 'magic' is unsupported
            {"type": ["regex"]} | hypothesis probe tolerance type '['regex']' is unsupported
            {"type": "probe"} | fine
            {"type": "regex"} | hypothesis regex probe tolerance must have a `pattern` key
            {"type": "regex", "pattern": "${x}"} | fine
            {"type": "regex", "pattern": 3} | hypothesis probe tolerance pattern 3 has an invalid type
            {"type": "regex", "pattern": null} | hypothesis probe tolerance pattern None has an invalid type
            {"type": "regex", "pattern": "*x"} | hypothesis probe tolerance pattern *x seems invalid: nothing to repeat
            {"type": "regex", "pattern": "(a"} | hypothesis probe tolerance pattern (a seems invalid: missing ), unterminated subpattern
            {"type": "jsonpath"} | hypothesis jsonpath probe tolerance must have a `path` key
            {"type": "jsonpath", "path": " $.a "} | fine
            {"type": "jsonpath", "path": "  "} | hypothesis probe tolerance JSON path cannot be empty
            {"type": "jsonpath", "path": 3} | hypothesis probe tolerance JSON path 3 has an invalid type
            {"type": "jsonpath", "path": " $.a.${x}"} | hypothesis probe tolerance JSON path $.a.${x} is invalid
            {"type": "jsonpath", "path": "$.items[?(@.n == \"two\")].v"} | hypothesis probe tolerance JSON path $.items[?(@.n == "two")].v is invalid
            {"type": "range"} | hypothesis range probe tolerance must have a `range` key
            {"type": "range", "range": [1, 2.5]} | fine
            {"type": "range", "range": [true, 2]} | fine
            {"type": "range", "range": "1-2"} | hypothesis range must be a sequence
            {"type": "range", "range": [1]} | hypothesis range sequence must be made of two values
            {"type": "range", "range": ["1", 2]} | hypothesis range lower boundary must be a number
            {"type": "range", "range": [1, null]} | hypothesis range upper boundary must be a number
        "#]],
    );
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        (-3_i64..3).prop_map(Value::Int),
        any::<f64>().prop_map(Value::Float),
        "[0-9.$a{}]{0,4}".prop_map(Value::Text),
        Just(Value::Bytes(vec![0xff])),
        Just(Value::Date("2020-02-29".to_owned())),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::List),
            proptest::collection::vec(("[a-c]|status|stdout", inner), 0..3)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn anything_is_judged(tolerance in any_value(), output in any_value()) {
        let _ = within(&tolerance, &output, &scope());
        let _ = (complaint(&tolerance), shown(&tolerance, &scope()), applied(&tolerance, &scope()));
        for kind in ["regex", "jsonpath", "range", "probe"] {
            for key in ["pattern", "path", "range", "provider"] {
                let members = [("type", kind.into()), (key, tolerance.clone()), ("target", "stdout".into())];
                let typed = Value::Object(members.map(|(key, value)| (key.to_owned(), value)).into_iter().collect());
                let _ = within(&typed, &output, &scope());
                let _ = complaint(&typed);
            }
        }
    }
}
