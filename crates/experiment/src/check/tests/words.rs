//! What was probably meant: near words, other tools' words, values out of what a schema allows.

use super::{check, check_activity};
use expect_test::{Expect, expect};

/// Checks the arguments of a function.
fn arguments(func: &str, given: &str, expect: Expect) {
    let provider = format!("{{type: python, module: zoo.actions, func: {func}, arguments: {{{given}}}}}");
    check_activity(&format!("{{type: action, name: a, provider: {provider}}}"), expect);
}

#[test]
fn arguments_by_their_schema() {
    arguments(
        "free",
        "cage: lion, amount: -1",
        expect![[r#"
        3:124 hint[argument-type] method[0].provider.arguments.amount: method[0].provider.arguments.amount: expected at least 0, found -1
    "#]],
    );
    arguments(
        "free",
        "cage: lion, amount: 9.5",
        expect![[r#"
        3:124 hint[argument-type] method[0].provider.arguments.amount: method[0].provider.arguments.amount: expected an integer, found a number
    "#]],
    );
    arguments(
        "free",
        "cage: lion, amount: 10",
        expect![[r#"
        3:124 hint[argument-type] method[0].provider.arguments.amount: method[0].provider.arguments.amount: expected at most 9, found 10
    "#]],
    );
    arguments(
        "free",
        "cage: true, mode: LOUD",
        expect![[r#"
        3:110 hint[argument-type] method[0].provider.arguments.cage: method[0].provider.arguments.cage: expected text, found a boolean (put it in quotes)
        3:122 hint[argument-type] method[0].provider.arguments.mode: method[0].provider.arguments.mode: expected one of quiet, loud, found `LOUD` (did you mean `loud`?)
    "#]],
    );
    arguments(
        "free",
        "cage: lion, amount: '${x}', mode: ''",
        expect![[r#"
            3:124 hint[undeclared-variable] method[0].provider.arguments.amount: nothing declares `x`, so `${x}` stays as it is
            3:138 hint[argument-type] method[0].provider.arguments.mode: method[0].provider.arguments.mode: expected one of quiet, loud, found ``
        "#]],
    );
    arguments(
        "visit",
        "crowd: [ada, {name: ben, adult: true}, {name: '${x}'}]",
        expect![[r#"
        3:113 hint[argument-type] method[0].provider.arguments.crowd[0]: method[0].provider.arguments.crowd[0]: expected an object, found text
        3:137 hint[argument-type] method[0].provider.arguments.crowd[1].adult: method[0].provider.arguments.crowd[1].adult: expected text, found a boolean (put it in quotes)
        3:151 hint[undeclared-variable] method[0].provider.arguments.crowd[2].name: nothing declares `x`, so `${x}` stays as it is
    "#]],
    );
    arguments(
        "visit",
        "namespace: zoo",
        expect![[r#"
        3:105 error[unknown-argument] method[0].provider.arguments.namespace: argument 'namespace' is not part of the function signature in activity 'visit' (`visit` takes `crowd` and `ns`)
    "#]],
    );
    arguments(
        "visit",
        "crowd: [], ns: a, more: b",
        expect![[r#"
        3:123 error[unknown-argument] method[0].provider.arguments.more: argument 'more' is not part of the function signature in activity 'visit'
    "#]],
    );
}

#[test]
fn other_words() {
    check(
        "method: []\nhypothesis: {}\nvars: {}\nsteps: []",
        expect![[r#"
        4:1 hint[unknown-key] hypothesis: the key `hypothesis` is not read here (did you mean `steady-state-hypothesis`?)
        5:1 hint[unknown-key] vars: the key `vars` is not read here (did you mean `configuration`?)
        6:1 hint[unknown-key] steps: the key `steps` is not read here
    "#]],
    );
    check_activity(
        "{type: action, name: a, wait: 3, expected: 0, provider: {type: process, path: echo, args: [a], command: b}}",
        expect![[r#"
            3:34 hint[unknown-key] method[0].wait: the key `wait` is not read here (did you mean `pauses`?)
            3:43 hint[unknown-key] method[0].expected: the key `expected` is not read here (did you mean `tolerance`?)
            3:94 hint[unknown-key] method[0].provider.args: the key `args` is not read here (did you mean `arguments`?)
            3:105 hint[unknown-key] method[0].provider.command: the key `command` is not read here
        "#]],
    );
    check_activity(
        "{type: probe, name: a, provider: {type: http, url: 'http://x', verify: false, retries: 3, body: {}}}",
        expect![[r#"
            3:73 hint[unknown-key] method[0].provider.verify: the key `verify` is not read here (did you mean `verify_tls`?)
            3:88 hint[unknown-key] method[0].provider.retries: the key `retries` is not read here (did you mean `max_retries`?)
            3:100 hint[unknown-key] method[0].provider.body: the key `body` is not read here (did you mean `arguments`?)
        "#]],
    );
}

#[test]
fn methods_of_http() {
    for (method, expect) in [
        (
            "PSOT",
            expect![[r#"
            3:82 hint[http-method] method[0].provider.method: `PSOT` is no usual method of HTTP (did you mean `POST`?)
        "#]],
        ),
        (
            "delet",
            expect![[r#"
            3:82 hint[http-method] method[0].provider.method: `DELET` is no usual method of HTTP (did you mean `DELETE`?)
        "#]],
        ),
        ("post", expect![""]),
        ("PROPFIND", expect![""]),
    ] {
        check_activity(
            &format!(
                "{{type: action, name: a, provider: {{type: http, url: 'http://x', method: {method}}}}}"
            ),
            expect,
        );
    }
}

#[test]
fn bodies_that_are_no_json() {
    let post = |header: &str, rest: &str, expect: Expect| {
        let provider = format!("{{type: http, url: 'http://x', headers: {{{header}}}, {rest}}}");
        check_activity(&format!("{{type: action, name: a, provider: {provider}}}"), expect);
    };
    post(
        "content-type: application/json",
        "method: POST, arguments: {a: 1}",
        expect![[r#"
        3:98 hint[json-body] method[0].provider.headers.content-type: the arguments are sent as a form, not as JSON (JSON is sent with exactly the header `Content-Type: application/json`)
    "#]],
    );
    post(
        "Content-Type: application/json; charset=utf-8",
        "method: put, arguments: {a: 1}",
        expect![[r#"
        3:98 hint[json-body] method[0].provider.headers.Content-Type: the arguments are sent as a form, not as JSON (JSON is sent with exactly the header `Content-Type: application/json`)
    "#]],
    );
    post("Content-Type: application/json", "method: POST, arguments: {a: 1}", expect![""]);
    post("content-type: text/plain", "method: POST, arguments: {a: 1}", expect![""]);
    post("content-type: application/json", "arguments: {a: 1}", expect![""]);
    post("content-type: application/json", "method: POST, arguments: '{}'", expect![""]);
}
