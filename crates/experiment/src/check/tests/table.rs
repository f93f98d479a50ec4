//! What each rule says about the experiment itself, its activities, their providers and the hypothesis, and where.

use super::{check, check_activity, complaints, shown};
use expect_test::{Expect, expect};

#[test]
fn the_experiment_itself() {
    let whole = |yaml: &str, expect: Expect| expect.assert_eq(&shown(&complaints(yaml)));
    whole(
        "",
        expect![[r#"
        1:1 error[empty-experiment] : an empty experiment is not an experiment
    "#]],
    );
    whole(
        "{}",
        expect![[r#"
        1:1 error[empty-experiment] : an empty experiment is not an experiment
    "#]],
    );
    whole(
        "[]",
        expect![[r#"
        1:1 error[empty-experiment] : an empty experiment is not an experiment
    "#]],
    );
    whole(
        "- a",
        expect![[r#"
        1:1 error[wrong-type] : the experiment: expected an object, found a list
    "#]],
    );
    whole(
        "just text",
        expect![[r#"
        1:1 error[wrong-type] : the experiment: expected an object, found text
    "#]],
    );
    whole(
        "titel: t",
        expect![[r#"
        1:1 error[missing-title] title: experiment requires a title
        1:1 error[missing-description] description: experiment requires a description
        1:1 error[missing-method] : an experiment requires a method, which can be empty for only checking steady state hypothesis 
        1:1 hint[unknown-key] titel: the key `titel` is not read here (did you mean `title`?)
    "#]],
    );
    whole("title: 42\ndescription: d\nmethod: []", expect![""]);
    check(
        "method: {}",
        expect![[r#"
        3:9 error[wrong-type] method: method: expected a list of activities, found an object
    "#]],
    );
    check(
        "method: do it",
        expect![[r#"
        3:9 error[wrong-type] method: method: expected a list of activities, found text
    "#]],
    );
    check(
        "method:",
        expect![[r#"
        3:7 error[wrong-type] method: method: expected a list of activities, found null
    "#]],
    );
    check(
        "method: []\nrollbacks: {}",
        expect![[r#"
        4:12 hint[wrong-type] rollbacks: rollbacks: expected a list of activities, found an object
    "#]],
    );
    check(
        "method: []\nrollbacks: {a: 1}",
        expect![[r#"
        4:12 error[wrong-type] rollbacks: rollbacks: expected a list of activities, found an object
    "#]],
    );
    check("method: []\nx-note: kept\nversion: 1", expect![""]);
    check(
        "method: []\nmethod: []\nrollback: []",
        expect![[r#"
        4:1 hint[duplicate-key] method: the key `method` is given twice; the one in line 3 is ignored (remove one of the two)
        5:1 hint[unknown-key] rollback: the key `rollback` is not read here (did you mean `rollbacks`?)
    "#]],
    );
}

#[test]
fn tags_and_extensions() {
    check(
        "method: []\ntags: [a, '', 3]",
        expect![[r#"
        4:11 error[bad-tags] tags[1]: experiment tags must be a non-empty string
        4:15 error[bad-tags] tags[2]: experiment tags must be a non-empty string
    "#]],
    );
    check(
        "method: []\ntags: abc",
        expect![[r#"
        4:7 hint[wrong-type] tags: tags: expected a list of texts, found text
    "#]],
    );
    check(
        "method: []\ntags: 3",
        expect![[r#"
        4:7 error[wrong-type] tags: tags: expected a list of texts, found an integer
    "#]],
    );
    check(
        "method: []\ntags: {a: b}",
        expect![[r#"
        4:7 hint[wrong-type] tags: tags: expected a list of texts, found an object
    "#]],
    );
    check(
        "method: []\nextensions: [{name: ' '}, {}, text, {name: 3}]",
        expect![[r#"
        4:14 error[nameless-extension] extensions[0]: All extensions require a non-empty name
        4:27 error[nameless-extension] extensions[1]: All extensions require a non-empty name
        4:31 error[wrong-type] extensions[2]: extensions[2]: expected an object, found text
        4:44 error[wrong-type] extensions[3].name: extensions[3].name: expected text, found an integer
    "#]],
    );
}

#[test]
fn activities() {
    check_activity(
        "{}",
        expect![[r#"
        3:10 error[empty-activity] method[0]: empty activity is no activity
    "#]],
    );
    check_activity(
        "do it",
        expect![[r#"
        3:10 error[wrong-type] method[0]: method[0]: expected an object, found text
    "#]],
    );
    check_activity(
        "{name: a}",
        expect![[r#"
        3:10 error[activity-type] method[0]: an activity must have a type
        3:10 error[activity-provider] method[0]: an activity requires a provider
    "#]],
    );
    check_activity(
        "{type: prob, name: a, provider: {type: proces}}",
        expect![[r#"
        3:17 error[activity-type] method[0].type: 'prob' is not a supported activity type (did you mean `probe`?)
        3:49 error[provider-type] method[0].provider.type: unknown provider type 'proces' (did you mean `process`?)
    "#]],
    );
    check_activity(
        "{type: [x], name: [a], provider: text}",
        expect![[r#"
        3:17 error[activity-type] method[0].type: '['x']' is not a supported activity type (`probe` looks at the system, `action` changes it)
        3:28 error[wrong-type] method[0].name: method[0].name: expected text, found a list
        3:43 error[wrong-type] method[0].provider: method[0].provider: expected an object, found text
    "#]],
    );
    check_activity(
        "{type: action, name: a, provider: {path: echo}}",
        expect![[r#"
        3:44 error[provider-type] method[0].provider: a provider must have a type
    "#]],
    );
    check_activity(
        "{type: action, name: a, tiemout: 3, path: echo, provider: {type: process, path: echo}}",
        expect![[r#"
            3:34 hint[unknown-key] method[0].tiemout: the key `tiemout` is not read here (did you mean `timeout`?)
            3:46 hint[unknown-key] method[0].path: the key `path` is not read here (it belongs in `provider`)
        "#]],
    );
    check_activity(
        "{type: action, name: a, timeout: '3', provider: {type: process, path: echo}}",
        expect![[r#"
            3:43 error[activity-timeout] method[0].timeout: activity timeout must be a number
        "#]],
    );
    check_activity(
        "{type: action, name: a, timeout: 3, provider: {type: process, path: echo}}",
        expect![[r#"
        3:34 hint[ignored-key] method[0].timeout: the timeout of an activity has no effect (a `timeout` inside `provider` has one, for `process` and `http`)
    "#]],
    );
    check_activity(
        "{type: action, name: a, background: yes please, pauses: {before: soon, after: -1, afer: 1}, provider: {type: process, path: echo}}",
        expect![[r#"
            3:75 error[activity-pause] method[0].pauses.before: activity before pause must be a number or a pattern to a variable from the configuration or secrets
            3:46 error[activity-background] method[0].background: activity background must be a boolean
            3:88 hint[activity-pause] method[0].pauses.after: a pause cannot be negative: the run will be aborted here
            3:92 hint[unknown-key] method[0].pauses.afer: the key `afer` is not read here
        "#]],
    );
    check_activity(
        "{type: action, name: a, pauses: , provider: {type: process, path: echo}}",
        expect![[r#"
        3:40 hint[wrong-type] method[0].pauses: method[0].pauses: expected an object with `before` and `after`, found null
    "#]],
    );
    check_activity(
        "{type: action, name: a, pauses: 3, provider: {type: process, path: echo}}",
        expect![[r#"
        3:42 error[wrong-type] method[0].pauses: method[0].pauses: expected an object with `before` and `after`, found an integer
    "#]],
    );
}

#[test]
fn references() {
    let rest =
        "rollbacks: [{ref: b}, {ref: c}, {type: action, name: c, provider: {type: process, path: echo}}]";
    let method = "method: [{type: action, name: beta, provider: {type: process, path: echo}}, {ref: bet, pauses: {after: 1}}, {ref: c}, {ref: 3}]";
    check(
        &format!("{method}\n{rest}"),
        expect![[r#"
        3:83 error[bad-ref] method[1].ref: referenced activity 'bet' could not be found in the experiment (did you mean `beta`?)
        3:115 error[bad-ref] method[2].ref: referenced activity 'c' could not be found in the experiment (a rollback cannot be referenced: repeat it here)
        3:125 error[bad-ref] method[3].ref: reference to activity must be non-empty strings
        3:88 hint[ignored-key] method[1].pauses: the key `pauses` has no effect beside `ref`: those of the referenced activity hold
        4:19 hint[dangling-ref] rollbacks[0].ref: no activity of the method or of the hypothesis is named 'b'
        4:29 hint[dangling-ref] rollbacks[1].ref: no activity of the method or of the hypothesis is named 'c' (a rollback cannot be referenced: repeat it here)
    "#]],
    );
}

#[test]
fn processes() {
    check_activity(
        "{type: action, name: a, provider: {type: process}}",
        expect![[r#"
        3:44 error[process-path] method[0].provider: a process activity must have a path
    "#]],
    );
    check_activity(
        "{type: action, name: a, provider: {type: process, path: echo hello}}",
        expect![[r#"
        3:66 error[process-path] method[0].provider.path: path 'echo hello' cannot be found, in activity 'a' (`path` is the program alone: move what follows to `arguments`)
    "#]],
    );
    check_activity(
        "{type: action, name: a, provider: {type: process, path: ./nope, argument: x}}",
        expect![[r#"
            3:66 error[process-path] method[0].provider.path: path './nope' cannot be found, in activity 'a' (there is no such file from here, or it may not be executed)
            3:74 hint[unknown-key] method[0].provider.argument: the key `argument` is not read here (did you mean `arguments`?)
        "#]],
    );
    check_activity(
        "{type: action, name: a, provider: {type: process, path: ~/x}}",
        expect![[r#"
        3:66 error[process-path] method[0].provider.path: path '~/x' cannot be found, in activity 'a' (`~` is not expanded when an experiment is validated: write the whole path)
    "#]],
    );
    check_activity(
        "{type: action, name: a, provider: {type: process, path: 3, arguments: 3, timeout: x}}",
        expect![[r#"
            3:66 error[wrong-type] method[0].provider.path: method[0].provider.path: expected text, found an integer
            3:80 hint[wrong-type] method[0].provider.arguments: method[0].provider.arguments: expected a list, or one text for the shell, found an integer
            3:92 hint[wrong-type] method[0].provider.timeout: method[0].provider.timeout: expected a number of seconds, found text
        "#]],
    );
    let twice = "{type: action, name: a, provider: {type: process, path: echo, arguments: {a: 1}}}";
    check_activity(
        &format!("{twice}, {twice}"),
        expect![[r#"
        3:83 warning[deprecated] method[0].provider.arguments: Process arguments should now be a list to keep the ordering of the arguments. Dictionary arguments are deprecated for process activities.
        3:166 hint[deprecated] method[1].provider.arguments: Process arguments should now be a list to keep the ordering of the arguments. Dictionary arguments are deprecated for process activities.
    "#]],
    );
}

#[test]
fn http() {
    check_activity(
        "{type: probe, name: a, provider: {type: http}}",
        expect![[r#"
        3:43 error[http-url] method[0].provider: a HTTP activity must have a URL
    "#]],
    );
    check_activity(
        "{type: probe, name: a, provider: {type: http, url: 'http://x', headers: [a], method: 3, timeout: [1], verify: no}}",
        expect![[r#"
            3:82 error[http-headers] method[0].provider.headers: a HTTP activities expect headers as a mapping (expected an object, found a list)
            3:95 hint[wrong-type] method[0].provider.method: method[0].provider.method: expected text, found an integer
            3:107 hint[wrong-type] method[0].provider.timeout: method[0].provider.timeout: expected two numbers of seconds, to connect and to read
            3:112 hint[unknown-key] method[0].provider.verify: the key `verify` is not read here (did you mean `verify_tls`?)
        "#]],
    );
    check_activity(
        "{type: probe, name: a, provider: {type: http, url: 'http://x', headers: {a: 1}}}",
        expect![[r#"
            3:86 hint[wrong-type] method[0].provider.headers.a: method[0].provider.headers.a: expected text, found an integer (put it in quotes: as it is, no request can be made)
        "#]],
    );
    let url = |url: &str, expect: Expect| {
        check_activity(&format!("{{type: probe, name: a, provider: {{type: http, url: '{url}'}}}}"), expect);
    };
    url(
        "127.0.0.1:${port}/x",
        expect![[r#"
            3:61 hint[cannot-work] method[0].provider.url: the URL begins with neither `http://` nor `https://`, so no request can be made (did you mean `http://127.0.0.1:${port}/x`?)
            3:61 hint[undeclared-variable] method[0].provider.url: nothing declares `port`, so `${port}` stays as it is
        "#]],
    );
    url(
        "localhost/x",
        expect![[r#"
            3:61 hint[cannot-work] method[0].provider.url: the URL begins with neither `http://` nor `https://`, so no request can be made (did you mean `http://localhost/x`?)
        "#]],
    );
    url(
        "ftp://h/x",
        expect![[r#"
            3:61 hint[cannot-work] method[0].provider.url: the URL begins with neither `http://` nor `https://`, so no request can be made
        "#]],
    );
    url(" HTTPS://h/x", expect![""]);
    check(
        "configuration: {port: 80, text: '80'}\nmethod: [{type: probe, name: a, provider: {type: http, url: 'http://x', headers: {a: '${port}', b: '${text}', c: 'x ${port}'}}}]",
        expect![[r#"
            4:86 hint[cannot-work] method[0].provider.headers.a: a header is text, and the configuration `port` is an integer, so no request can be made (put quotes around the value in the configuration)
        "#]],
    );
    let keep_alive = |value: &str, expect: Expect| {
        let provider = format!("{{type: http, url: 'http://x', keep_alive: {value}}}");
        check_activity(&format!("{{type: probe, name: a, provider: {provider}}}"), expect);
    };
    keep_alive("true", expect![""]);
    keep_alive("null", expect![""]);
    keep_alive(
        "5",
        expect![[r#"
        3:85 hint[wrong-type] method[0].provider.keep_alive: method[0].provider.keep_alive: expected true or false, found an integer
    "#]],
    );
    keep_alive(
        "'true'",
        expect![[r#"
        3:85 hint[wrong-type] method[0].provider.keep_alive: method[0].provider.keep_alive: expected true or false, found text
    "#]],
    );
    keep_alive(
        "'${nowhere}'",
        expect![[r#"
        3:85 hint[undeclared-variable] method[0].provider.keep_alive: nothing declares `nowhere`, so `${nowhere}` stays as it is
    "#]],
    );
}

#[test]
fn functions() {
    let function = |rest: &str, expect: Expect| {
        check_activity(&format!("{{type: action, name: a, provider: {{type: python, {rest}}}}}"), expect);
    };
    function(
        "func: free",
        expect![[r#"
        3:44 error[python-module] method[0].provider: a Python activity must have a module path
    "#]],
    );
    function(
        "module: zoo.actions",
        expect![[r#"
        3:44 error[python-function] method[0].provider: a Python activity must have a function name
    "#]],
    );
    function(
        "module: 3, func: free",
        expect![[r#"
        3:67 error[wrong-type] method[0].provider.module: method[0].provider.module: expected text, found an integer
    "#]],
    );
    function(
        "module: zoo.action, func: free",
        expect![[r#"
        3:67 error[python-module] method[0].provider.module: could not find Python module 'zoo.action' in activity 'a' (did you mean `zoo.actions`?)
    "#]],
    );
    function(
        "module: zoo.probes, func: free",
        expect![[r#"
        3:67 error[python-module] method[0].provider.module: could not find Python module 'zoo.probes' in activity 'a' (of `zoo` this version has `zoo.actions`)
    "#]],
    );
    for module in ["fooo.actions", "zoo.pod.actions", "chaosk8s.node.actions", "chaosaws.ec2.actions"] {
        let yaml = format!(
            "title: t\ndescription: d\nmethod: [{{type: action, name: a, provider: {{type: python, module: {module}, func: free}}}}]"
        );
        let said = shown(&complaints(&yaml));
        assert!(!said.contains("did you mean"), "{said}");
        assert_eq!(
            said.contains("(neither built in nor installed for the Python that was found; `chaos info extensions` lists what is)"),
            module.starts_with("chaos")
        );
    }
    function(
        "module: chaosgarden.actions, func: free",
        expect![[r#"
            3:67 error[python-module] method[0].provider.module: could not find Python module 'chaosgarden.actions' in activity 'a' (neither built in nor installed for the Python that was found: `pip install` its package there, or name another with `--python`)
        "#]],
    );
    function(
        "module: zoo.actions, func: fre",
        expect![[r#"
        3:86 error[python-function] method[0].provider.func: The python module 'zoo.actions' does not expose a function called 'fre' in action 'a' (did you mean `free`?)
    "#]],
    );
    function(
        "module: zoo.actions, func: escape",
        expect![[r#"
            3:86 error[python-function] method[0].provider.func: The python module 'zoo.actions' does not expose a function called 'escape' in action 'a' (`zoo.actions` has `feed`, `free`, `visit` here)
        "#]],
    );
    function(
        "module: zoo.actions, func: free",
        expect![[r#"
        3:44 error[missing-argument] method[0].provider: required argument 'cage' is missing from activity 'free'
    "#]],
    );
    function(
        "module: zoo.actions, func: free, arguments: [a]",
        expect![[r#"
        3:103 error[wrong-type] method[0].provider.arguments: method[0].provider.arguments: expected an object, found a list
    "#]],
    );
    function(
        "module: zoo.actions, func: free, arguments: {cgae: lion}",
        expect![[r#"
        3:103 error[missing-argument] method[0].provider.arguments: required argument 'cage' is missing from activity 'free' (is `cgae` meant to be it?)
        3:104 error[unknown-argument] method[0].provider.arguments.cgae: argument 'cgae' is not part of the function signature in activity 'free' (did you mean `cage`?)
    "#]],
    );
    function(
        "module: zoo.actions, func: free, arguments: {cage: lion, amont: 3, secrets: }",
        expect![[r#"
        3:116 error[unknown-argument] method[0].provider.arguments.amont: argument 'amont' is not part of the function signature in activity 'free' (did you mean `amount`?)
    "#]],
    );
    function(
        "module: zoo.actions, func: free, arguments: {cage: 3, amount: '3', mode: laud}",
        expect![[r#"
            3:110 hint[argument-type] method[0].provider.arguments.cage: method[0].provider.arguments.cage: expected text, found an integer (put it in quotes)
            3:121 hint[argument-type] method[0].provider.arguments.amount: method[0].provider.arguments.amount: expected an integer, found text (write it without quotes)
            3:132 hint[argument-type] method[0].provider.arguments.mode: method[0].provider.arguments.mode: expected one of quiet, loud, found `laud` (did you mean `loud`?)
        "#]],
    );
    function("module: zoo.actions, func: free, arguments: {cage: lion, amount: 3.0, mode: }", expect![""]);
    function(
        "module: zoo.actions, func: feed, secrets: [zoo, 3]",
        expect![[r#"
        3:102 hint[unknown-secret] method[0].provider.secrets[0]: the experiment declares no secrets named `zoo`
        3:107 hint[wrong-type] method[0].provider.secrets[1]: method[0].provider.secrets[1]: expected the name of a secret, found an integer
    "#]],
    );
    function(
        "module: zoo.actions, func: feed, secrets: zoo",
        expect![[r#"
        3:101 hint[wrong-type] method[0].provider.secrets: method[0].provider.secrets: expected a list of names of secrets, found text
    "#]],
    );
}

#[test]
fn hypotheses() {
    let probe = |rest: &str, expect: Expect| {
        let probe = format!("{{type: probe, name: p, provider: {{type: process, path: 'true'}}, {rest}}}");
        check(&format!("method: []\nsteady-state-hypothesis: {{title: h, probes: [{probe}]}}"), expect);
    };
    check(
        "method: []\nsteady-state-hypothesis:",
        expect![[r#"
        4:24 error[wrong-type] steady-state-hypothesis: steady-state-hypothesis: expected an object, found null
    "#]],
    );
    check(
        "method: []\nsteady-state-hypothesis: {probe: []}",
        expect![[r#"
        4:26 error[missing-title] steady-state-hypothesis: hypothesis requires a title
        4:27 hint[unknown-key] steady-state-hypothesis.probe: the key `probe` is not read here (did you mean `probes`?)
    "#]],
    );
    check(
        "method: []\nsteady-state-hypothesis: {title: h, probes: }",
        expect![[r#"
        4:43 error[wrong-type] steady-state-hypothesis.probes: steady-state-hypothesis.probes: expected a list of probes, found null
    "#]],
    );
    check(
        "method: []\nsteady-state-hypothesis: {title: h, probes: [{ref: x}, {}, text]}",
        expect![[r#"
        4:46 error[bad-tolerance] steady-state-hypothesis.probes[0]: hypothesis probe must have a tolerance entry
        4:56 error[empty-activity] steady-state-hypothesis.probes[1]: empty activity is no activity
        4:60 error[wrong-type] steady-state-hypothesis.probes[2]: steady-state-hypothesis.probes[2]: expected an object, found text
        4:52 hint[dangling-ref] steady-state-hypothesis.probes[0].ref: no activity of the method or of the hypothesis is named 'x'
    "#]],
    );
    probe(
        "tolerence: 3",
        expect![[r#"
        4:46 error[bad-tolerance] steady-state-hypothesis.probes[0]: hypothesis probe must have a tolerance entry
        4:110 hint[unknown-key] steady-state-hypothesis.probes[0].tolerence: the key `tolerence` is not read here (did you mean `tolerance`?)
    "#]],
    );
    probe(
        "tolerance: 1.5",
        expect![[r#"
        4:121 error[bad-tolerance] steady-state-hypothesis.probes[0].tolerance: hypothesis probe tolerance must either be an integer, a string, a boolean or a pair of values for boundaries. It can also be a dictionary which is a probe activity definition that takes an argument called `value` with the value of the probe itself to be validated
    "#]],
    );
    probe(
        "tolerance: {type: rage, range: [1, 2]}",
        expect![[r#"
            4:128 error[bad-tolerance] steady-state-hypothesis.probes[0].tolerance.type: hypothesis probe tolerance type 'rage' is unsupported (did you mean `range`?)
        "#]],
    );
    probe(
        "tolerance: {type: range, range: [1], tagret: status}",
        expect![[r#"
            4:142 error[bad-tolerance] steady-state-hypothesis.probes[0].tolerance.range: hypothesis range sequence must be made of two values
            4:147 hint[unknown-key] steady-state-hypothesis.probes[0].tolerance.tagret: the key `tagret` is not read here (did you mean `target`?)
        "#]],
    );
    probe(
        "tolerance: {type: regex, pattern: '(', target: stdout}",
        expect![[r#"
            4:144 error[bad-tolerance] steady-state-hypothesis.probes[0].tolerance.pattern: hypothesis probe tolerance pattern ( seems invalid: missing ), unterminated subpattern
        "#]],
    );
    probe(
        "tolerance: {type: jsonpath, path: '$.a[?(@.b == 1)]', expected: [1]}",
        expect![[r#"
            4:144 error[bad-tolerance] steady-state-hypothesis.probes[0].tolerance.path: hypothesis probe tolerance JSON path $.a[?(@.b == 1)] is invalid (values are compared with a single `=`)
            4:164 hint[unknown-key] steady-state-hypothesis.probes[0].tolerance.expected: the key `expected` is not read here (did you mean `expect`?)
        "#]],
    );
    probe(
        "tolerance: {type: probe, name: t}",
        expect![[r#"
        4:121 error[activity-provider] steady-state-hypothesis.probes[0].tolerance: an activity requires a provider
    "#]],
    );
    probe(
        "tolerance: '${nope}'",
        expect![[r#"
        4:121 hint[undeclared-variable] steady-state-hypothesis.probes[0].tolerance: nothing declares `nope`, so `${nope}` stays as it is
    "#]],
    );
}
