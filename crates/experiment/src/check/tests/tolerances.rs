//! Tolerances that cannot be met by what their probes return: of each pair of probe and tolerance what is said, if anything.

use super::complaints;
use expect_test::{Expect, expect};

/// What is said about a tolerance of a probe: a provider type, a function of the gate, or something unknown.
fn check(probe: &str, tolerances: &[&str], expect: Expect) {
    let provider = match probe {
        "http" => "type: http, url: 'http://x'".to_owned(),
        "process" => "type: process, path: echo".to_owned(),
        "unknown" => "type: python, module: zoo.actions, func: feed".to_owned(),
        func => format!("type: python, module: gate, func: {func}"),
    };
    let mut lines = String::new();
    for tolerance in tolerances {
        let yaml = format!(
            "title: t\ndescription: d\nconfiguration: {{wanted: 1}}\nmethod: []\nsteady-state-hypothesis:\n  title: h\n  \
             probes: [{{type: probe, name: p, provider: {{{provider}}}, tolerance: {tolerance}}}]\n"
        );
        let said = complaints(&yaml);
        lines += &format!("{tolerance}\n");
        for complaint in said {
            let at = complaint.path.rsplit("tolerance").next().unwrap_or_default();
            let help = complaint.hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
            lines += &format!(
                "    {}[{}] {}{help}\n",
                complaint.rule,
                at.trim_start_matches('.'),
                complaint.message
            );
        }
    }
    expect.assert_eq(&lines);
}

#[test]
fn of_http_calls() {
    check(
        "http",
        &[
            "true",
            "'200'",
            "200",
            "99",
            "1000",
            "[200, 299]",
            "[200, 404]",
            "['200', a]",
            "{type: range, range: [1, 2]}",
            "{type: range, target: status, range: [299, 200]}",
            "{type: regex, pattern: a}",
            "{type: regex, target: body, pattern: a}",
            "{type: regex, target: headers, pattern: a}",
            "{type: regex, target: bdoy, pattern: a}",
            "{type: jsonpath, path: $.body.a}",
            "{type: jsonpath, path: $.stauts}",
            "{type: jsonpath, path: '$[\"text\"]'}",
            "{type: jsonpath, path: $.text, count: 0}",
            "{type: jsonpath, path: $.text, expect: []}",
            "{type: jsonpath, target: body, path: $.text}",
            "{type: jsonpath, target: body, path: $.text, count: '1'}",
            "'${wanted}'",
        ],
        expect![[r#"
            true
                doubtful-tolerance[] the probe returns an object of `status`, `headers` and `body`, which is never `true` (a number is held against the `status`: `tolerance: 200`)
            '200'
                doubtful-tolerance[] the probe returns an object of `status`, `headers` and `body`, which is never `"200"` (for a part of it write `{type: regex, target: body, pattern: …}`; a number is held against the `status`)
            200
            99
                doubtful-tolerance[] no status is `99`: they are between 100 and 999
            1000
                doubtful-tolerance[] no status is `1000`: they are between 100 and 999
            [200, 299]
                doubtful-tolerance[] a list names the statuses that are allowed: 200 and 299, none between them (write `{type: range, target: status, range: [200, 299]}`)
            [200, 404]
            ['200', a]
                doubtful-tolerance[] none of `"200"` and `"a"` can be the `status`
            {type: range, range: [1, 2]}
                doubtful-tolerance[] a range holds numbers, and the probe returns an object of `status`, `headers` and `body` (choose a part of it: `target: status` or `target: body`)
            {type: range, target: status, range: [299, 200]}
                doubtful-tolerance[range] nothing is between `299` and `200` (the lower bound comes first: `[200, 299]`)
            {type: regex, pattern: a}
                doubtful-tolerance[] a regex is searched in text, and the probe returns an object of `status`, `headers` and `body` (choose a part of it: `target: body`)
            {type: regex, target: body, pattern: a}
            {type: regex, target: headers, pattern: a}
                doubtful-tolerance[target] a regex is searched in text, and `headers` is an object (choose a part of it: `target: body`)
            {type: regex, target: bdoy, pattern: a}
                doubtful-tolerance[target] the probe's output has no `bdoy`, so `target` chooses nothing (did you mean `body`?)
            {type: jsonpath, path: $.body.a}
            {type: jsonpath, path: $.stauts}
                doubtful-tolerance[path] the probe's output has no `stauts`, so the path finds nothing (did you mean `status`?)
            {type: jsonpath, path: '$["text"]'}
                doubtful-tolerance[path] the probe's output has no `text`, so the path finds nothing (it has `status`, `headers` and `body`; `target` chooses one)
            {type: jsonpath, path: $.text, count: 0}
            {type: jsonpath, path: $.text, expect: []}
            {type: jsonpath, target: body, path: $.text}
            {type: jsonpath, target: body, path: $.text, count: '1'}
                doubtful-tolerance[count] `count` is compared with a number, and is `"1"` (write a number without quotes)
            '${wanted}'
        "#]],
    );
}

#[test]
fn of_processes() {
    check(
        "process",
        &[
            "true",
            "0",
            "-9",
            "256",
            "'done'",
            "[0, 1]",
            "[1, 0]",
            "[256]",
            "{type: regex, target: stdout, pattern: a}",
            "{type: regex, pattern: a}",
            "{type: range, target: stdout, range: [1, 2]}",
            "{type: range, target: stderr, range: [2, 1]}",
            "{type: jsonpath, path: $.a}",
            "{type: jsonpath, target: stdout, path: $.a}",
            "{type: jsonpath, path: '$..a'}",
        ],
        expect![[r#"
            true
                doubtful-tolerance[] the probe returns an object of `status`, `stdout` and `stderr`, which is never `true` (a number is held against the `status`: `tolerance: 0`)
            0
            -9
            256
                doubtful-tolerance[] no status is `256`: they are between -64 and 255
            'done'
                doubtful-tolerance[] the probe returns an object of `status`, `stdout` and `stderr`, which is never `"done"` (for a part of it write `{type: regex, target: stdout, pattern: …}`; a number is held against the `status`)
            [0, 1]
            [1, 0]
            [256]
                doubtful-tolerance[] `256` cannot be the `status`
            {type: regex, target: stdout, pattern: a}
            {type: regex, pattern: a}
                doubtful-tolerance[] a regex is searched in text, and the probe returns an object of `status`, `stdout` and `stderr` (choose a part of it: `target: stdout` or `target: stderr`)
            {type: range, target: stdout, range: [1, 2]}
            {type: range, target: stderr, range: [2, 1]}
                doubtful-tolerance[range] nothing is between `2` and `1` (the lower bound comes first: `[1, 2]`)
            {type: jsonpath, path: $.a}
                doubtful-tolerance[path] the probe's output has no `a`, so the path finds nothing (it has `status`, `stdout` and `stderr`; `target` chooses one)
            {type: jsonpath, target: stdout, path: $.a}
            {type: jsonpath, path: '$..a'}
        "#]],
    );
}

#[test]
fn of_numbers() {
    check(
        "count",
        &[
            "1",
            "-1",
            "true",
            "'3'",
            "[1, 3]",
            "[3, 1]",
            "[-3, -1]",
            "['1', '3']",
            "[1, 2, 3]",
            "[a, b, c]",
            "{type: range, range: [1, 3]}",
            "{type: range, target: status, range: [1, 3]}",
            "{type: regex, pattern: a}",
        ],
        expect![[r#"
            1
            -1
                doubtful-tolerance[] the probe returns a number, which is never `-1`
            true
                doubtful-tolerance[] the probe returns a number: `true` is met by 1 alone
            '3'
                doubtful-tolerance[] the probe returns a number, which is never `"3"` (write it without quotes)
            [1, 3]
            [3, 1]
                doubtful-tolerance[] nothing is between `3` and `1` (the lower bound comes first: `[1, 3]`)
            [-3, -1]
                doubtful-tolerance[] the probe returns a number, which is never between `-3` and `-1`
            ['1', '3']
                doubtful-tolerance[] a bound is `"1"`, which cannot be compared with a number
            [1, 2, 3]
            [a, b, c]
                doubtful-tolerance[] the probe returns a number, which is none of `"a"`, `"b"` and `"c"`
            {type: range, range: [1, 3]}
            {type: range, target: status, range: [1, 3]}
                doubtful-tolerance[target] the probe returns a number, which has no parts, so nothing is its `status` (leave `target` out)
            {type: regex, pattern: a}
                doubtful-tolerance[] a regex is searched in text, and the probe returns a number
        "#]],
    );
}

#[test]
fn of_booleans() {
    check(
        "is_open",
        &["true", "0", "1", "2", "'true'", "'yes'", "[0, 1]", "[2, 3]", "{type: regex, pattern: a}"],
        expect![[r#"
            true
            0
            1
            2
                doubtful-tolerance[] the probe returns a boolean, which is never `2` (write `true` or `false`)
            'true'
                doubtful-tolerance[] the probe returns a boolean, which is never `"true"` (write it without quotes)
            'yes'
                doubtful-tolerance[] the probe returns a boolean, which is never `"yes"` (write `true` or `false`)
            [0, 1]
            [2, 3]
                doubtful-tolerance[] the probe returns a boolean, which is never between `2` and `3`
            {type: regex, pattern: a}
                doubtful-tolerance[] a regex is searched in text, and the probe returns a boolean
        "#]],
    );
}

#[test]
fn of_text() {
    check(
        "sign",
        &[
            "open",
            "1",
            "[a, z]",
            "[1, 2]",
            "[open, shut, ajar]",
            "{type: regex, pattern: a}",
            "{type: jsonpath, path: $.a}",
        ],
        expect![[r#"
            open
            1
                doubtful-tolerance[] the probe returns text, which is never `1`
            [a, z]
            [1, 2]
                doubtful-tolerance[] a bound is `1`, which cannot be compared with text
            [open, shut, ajar]
            {type: regex, pattern: a}
            {type: jsonpath, path: $.a}
        "#]],
    );
}

#[test]
fn of_objects() {
    check(
        "names",
        &[
            "1",
            "{type: regex, target: web, pattern: a}",
            "{type: regex, pattern: a}",
            "{type: jsonpath, path: $.a}",
        ],
        expect![[r#"
            1
                doubtful-tolerance[] the probe returns an object, which is never `1`
            {type: regex, target: web, pattern: a}
            {type: regex, pattern: a}
                doubtful-tolerance[] a regex is searched in text, and the probe returns an object
            {type: jsonpath, path: $.a}
        "#]],
    );
}

#[test]
fn of_lists() {
    check(
        "list",
        &["3", "[a, b]", "{type: range, range: [1, 3]}", "{type: jsonpath, path: '$[0]'}"],
        expect![[r#"
            3
                doubtful-tolerance[] the probe returns a list, which is never `3`
            [a, b]
            {type: range, range: [1, 3]}
                doubtful-tolerance[] a range holds numbers, and the probe returns a list
            {type: jsonpath, path: '$[0]'}
        "#]],
    );
}

#[test]
fn of_what_is_not_known() {
    check(
        "unknown",
        &["true", "1", "[3, 1]", "{type: range, range: [3, 1]}", "{type: range, range: [1, 3]}"],
        expect![[r#"
            true
            1
            [3, 1]
            {type: range, range: [3, 1]}
                doubtful-tolerance[range] nothing is between `3` and `1` (the lower bound comes first: `[1, 3]`)
            {type: range, range: [1, 3]}
        "#]],
    );
}

/// A probe by reference returns what the referenced one returns, and its own tolerance counts.
#[test]
fn of_references() {
    let probes = "[{type: probe, name: p, provider: {type: process, path: echo}, tolerance: 0}, {ref: p, tolerance: true}]";
    let yaml = format!(
        "title: t\ndescription: d\nmethod: []\nsteady-state-hypothesis: {{title: h, probes: {probes}}}\n"
    );
    expect![[r#"
        4:143 hint[doubtful-tolerance] steady-state-hypothesis.probes[1].tolerance: the probe returns an object of `status`, `stdout` and `stderr`, which is never `true` (a number is held against the `status`: `tolerance: 0`)
    "#]].assert_eq(&super::shown(&complaints(&yaml)));
}
