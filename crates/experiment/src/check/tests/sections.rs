//! What each rule says about configuration, secrets, controls, strategies and switches, and where.

use super::{check, check_activity, complaints};
use expect_test::expect;

#[test]
fn configuration_and_secrets() {
    check(
        "method: []\nconfiguration: {a: {type: env, key: NOPE}, b: {type: env, key: NO, default: 1}}",
        expect![[r#"
            4:20 error[missing-variable] configuration.a: Configuration makes reference to an environment key that does not exist: NOPE (set it, or give the configuration a `default`)
            4:47 error[bad-configuration] configuration.b: `configuration.b` is of type `env`, so it needs a `key` with the name of an environment variable
        "#]],
    );
    check(
        "method: []\nconfiguration: {a: {type: env}, b: {type: env, key: HOME, env_var_type: int}}",
        expect![[r#"
            4:20 error[bad-configuration] configuration.a: `configuration.a` is of type `env`, so it needs a `key` with the name of an environment variable
            4:36 error[bad-configuration] configuration.b: configuration `b`, from the environment variable `HOME`: invalid literal for int() with base 10: '/home/ada'
        "#]],
    );
    check(
        "method: []\nconfiguration: {a: {type: env, key: HOME, env_var_typ: int}}",
        expect![[r#"
        4:43 hint[unknown-key] configuration.a.env_var_typ: the key `env_var_typ` is not read here (did you mean `env_var_type`?)
    "#]],
    );
    check(
        "method: []\nconfiguration: []",
        expect![[r#"
        4:16 error[wrong-type] configuration: configuration: expected an object, found a list
    "#]],
    );
    check(
        "method: []\nsecrets: {a: {b: {type: env, key: NOPE}, c: {type: env}}}",
        expect![[r#"
            4:18 error[missing-variable] secrets.a.b: Secrets make reference to an environment key that does not exist: NOPE
            4:45 error[bad-secret] secrets.a.c: `secrets.a.c` is of type `env`, so it needs a `key` with the name of an environment variable
            4:11 hint[unused-secret] secrets.a: nothing uses the secrets `a` (a function gets them if its `provider` has `secrets: [a]`)
        "#]],
    );
    check(
        "method: []\nsecrets: {a: {b: {type: env, key: HOME, default: x}}}",
        expect![[r#"
            4:11 hint[unused-secret] secrets.a: nothing uses the secrets `a` (a function gets them if its `provider` has `secrets: [a]`)
            4:41 hint[unknown-key] secrets.a.b.default: the key `default` is not read here (it belongs in the configuration: secrets have no default)
        "#]],
    );
    check(
        "method: []\nsecrets: {token: flat}",
        expect![[r#"
            4:18 error[wrong-type] secrets.token: secrets.token: expected an object, found text (secrets lie in targets: `secrets: {TARGET: {NAME: VALUE}}`)
        "#]],
    );
    check(
        "method: []\nsecrets: {a: {b: {type: vault, key: k}, c: {type: vault, path: p}}}",
        expect![[r#"
            4:18 warning[bad-secret] secrets.a.b: Missing Vault secret path for '{'type': 'vault', 'key': 'k'}'
            4:18 warning[deprecated] secrets.a.b: Vault secrets must now specify the `path` property. The `key` property is now a key of a Vault secret rather than the actual path. For instance: {'my-key': {'type': 'vault', 'key': 'foo'}} now becomes: {'my-key': {'type': 'vault', 'path': 'foo'}}
            4:11 hint[unused-secret] secrets.a: nothing uses the secrets `a` (a function gets them if its `provider` has `secrets: [a]`)
        "#]],
    );
    check(
        "method: []\nconfiguration: {a: {type: probe, provider: {type: process, path: nope}}}",
        expect![[r#"
            4:66 hint[process-path] configuration.a.provider.path: path 'nope' cannot be found, in activity '' (it is in no folder of PATH)
        "#]],
    );
}

#[test]
fn variables() {
    let known = "configuration: {host: h, a-b: 1}\nsecrets: {t: {token: x}}\n";
    check(
        &format!(
            "{known}method: [{{type: probe, name: a, provider: {{type: http, url: '${{hots}}/$${{x}}/${{token}}', headers: {{a: '${{a-b}} ${{}}'}}, arguments: {{q: ['${{nope}}', '${{host', '$host']}}}}}}]"
        ),
        expect![[r#"
            5:61 hint[undeclared-variable] method[0].provider.url: nothing declares `hots`, so `${hots}` stays as it is (did you mean `${host}`?)
            5:100 hint[undeclared-variable] method[0].provider.headers.a: `${a-b}` stays as it is, although `a-b` is declared (names that can be referenced have letters, digits and `_` only)
            5:131 hint[undeclared-variable] method[0].provider.arguments.q[0]: nothing declares `nope`, so `${nope}` stays as it is
        "#]],
    );
    check(
        &format!(
            "{known}method: [{{type: probe, name: a, provider: {{type: process, path: sh, arguments: [-c, '${{HOME}} ${{tokn}}']}}}}]"
        ),
        expect![[r#"
            4:11 hint[unused-secret] secrets.t: nothing uses the secrets `t` (a function gets them if its `provider` has `secrets: [t]`)
            5:85 hint[undeclared-variable] method[0].provider.arguments[1]: nothing declares `tokn`, so `${tokn}` stays as it is (did you mean `${token}`?)
        "#]],
    );
    let process = |provider: &str| {
        complaints(&format!(
            "title: t\ndescription: d\nmethod: [{{type: probe, name: a, provider: {{type: process, {provider}}}}}]"
        ))
    };
    for (provider, hints) in [
        ("path: echo, arguments: [a, '${nope}']", 1),
        ("path: echo, arguments: 'a ${nope}'", 0),
        ("path: echo, arguments: [bash, -c, '${nope}']", 0),
    ] {
        assert_eq!(process(provider).len(), hints, "{provider}");
    }
    check(
        "secrets: {t: {type: vault}}\nmethod: [{type: probe, name: a, provider: {type: http, url: '${x}'}}]",
        expect![[r#"
            3:14 warning[bad-secret] secrets.t: Missing Vault secret path for '{'type': 'vault'}'
        "#]],
    );
}

#[test]
fn secrets_that_lie_in_no_target() {
    let echo = |text: &str| {
        format!(
            "method: [{{type: probe, name: a, provider: {{type: process, path: echo, arguments: ['{text}']}}}}]"
        )
    };
    let flat = "{token: {type: env, key: HOME}}";
    check(
        &format!("secrets: {flat}\n{}", echo("${token}")),
        expect![[r#"
        3:11 error[bad-secret] secrets.token: the secret `token` lies in no target, so `${token}` cannot be looked up (put it in a target: `secrets: {TARGET: {token: …}}`)
    "#]],
    );
    // Where nothing is filled in, or everything is found before, it is no error: the Toolkit runs that.
    check(
        &format!("secrets: {flat}\n{}", echo("plain")),
        expect![[r#"
        3:11 hint[bad-secret] secrets.token: the secret `token` lies in no target, so no `${token}` finds it (put it in a target: `secrets: {TARGET: {token: …}}`)
    "#]],
    );
    check(
        &format!("configuration: {{x: 1}}\nsecrets: {flat}\n{}", echo("${x} $${token}")),
        expect![[r#"
        4:11 hint[bad-secret] secrets.token: the secret `token` lies in no target, so no `${token}` finds it (put it in a target: `secrets: {TARGET: {token: …}}`)
    "#]],
    );
    // Targets whose names look like parts of a declaration.
    for legal in
        ["{type: {token: t}}", "{env: {type: {a: b}, token: t}}", "{t: {token: {type: env, key: HOME}}}"]
    {
        check(&format!("secrets: {legal}\n{}", echo("${token}")), expect![""]);
    }
}

#[test]
fn secrets_that_nothing_uses() {
    let secrets =
        "secrets: {cluster: {CONTEXT: prod}, app: {token: t, word: w}, listed: {a: b}, more: {b: c}}";
    let function = "{type: action, name: a, provider: {type: python, module: zoo.actions, func: feed, secrets: [listed]}}";
    let process = "{type: probe, name: b, provider: {type: process, path: echo, arguments: '${token} $b'}}";
    check(
        &format!("{secrets}\nmethod: [{function}, {process}]"),
        expect![[r#"
        3:11 hint[unused-secret] secrets.cluster: nothing uses the secrets `cluster` (a function gets them if its `provider` has `secrets: [cluster]`)
    "#]],
    );
    check(
        &format!("{secrets}\nmethod: []\ncontrols: [{{name: c, provider: {{type: python, module: os}}}}]"),
        expect![""],
    );
}

#[test]
fn controls() {
    check(
        "method: []\ncontrols:",
        expect![[r#"
        4:9 error[wrong-type] controls: controls: expected a list of controls, found null
    "#]],
    );
    check(
        "method: []\ncontrols: {}",
        expect![[r#"
        4:11 hint[wrong-type] controls: controls: expected a list of controls, found an object
    "#]],
    );
    check(
        "method: []\ncontrols: [text, {}, {name: c}, {name: c, provider: }, {ref: d}]",
        expect![[r#"
            4:12 error[bad-control] controls[0]: A control must have a `name` property (expected an object, found text)
            4:18 error[bad-control] controls[1]: A control must have a `name` property
            4:22 error[bad-control] controls[2]: Control 'c' must have a `provider` property
            4:51 error[wrong-type] controls[3].provider: controls[3].provider: expected an object, found null
            4:62 error[bad-control] controls[4].ref: Control reference 'd' declaration cannot be found
        "#]],
    );
    check(
        "method: []\ncontrols: [{name: c, scope: during, provider: {type: python}}, {name: d, provider: {type: python, module: chaosgarden.control}}]",
        expect![[r#"
            4:29 error[bad-control] controls[0].scope: Control 'c' scope property must be 'before' or 'after' only
            4:47 error[bad-control] controls[0].provider: Control 'c' must have a module path
            4:107 warning[control-module] controls[1].provider.module: Could not find Python module 'chaosgarden.control' in control 'd'. Did you install the Python module? The experiment will carry on running nonetheless. (the run goes on without it)
        "#]],
    );
    check_activity(
        "{type: action, name: a, provider: {type: process, path: echo}, controls: [{nam: c, scop: before}]}",
        expect![[r#"
            3:84 error[bad-control] method[0].controls[0]: A control must have a `name` property
            3:85 hint[unknown-key] method[0].controls[0].nam: the key `nam` is not read here (did you mean `name`?)
            3:93 hint[unknown-key] method[0].controls[0].scop: the key `scop` is not read here (did you mean `scope`?)
        "#]],
    );
}

#[test]
fn switches_of_an_activity() {
    check_activity(
        "{ref: a, strict: 1, dry: true}, {type: probe, name: a, dry: often, strict: false, provider: {type: http, url: x}}",
        expect![[r#"
            3:27 hint[wrong-type] method[0].strict: method[0].strict: expected true or false, found an integer
            3:30 hint[ignored-key] method[0].dry: the key `dry` has no effect beside `ref`: those of the referenced activity hold
            3:70 hint[wrong-type] method[1].dry: method[1].dry: expected true or false, found text
            3:120 hint[cannot-work] method[1].provider.url: the URL begins with neither `http://` nor `https://`, so no request can be made (did you mean `http://x`?)
        "#]],
    );
}

#[test]
fn strategies() {
    check(
        "method: []\nruntime: {hypothesis: {strategy: continuosly}, rollbacks: {strategy: sometimes}, rollback: {}}",
        expect![[r#"
            4:34 hint[unknown-strategy] runtime.hypothesis.strategy: there is no hypothesis strategy 'continuosly' (did you mean `continuously`?)
            4:70 hint[unknown-strategy] runtime.rollbacks.strategy: there is no rollbacks strategy 'sometimes' (there are default, always, never, deviated)
            4:82 hint[unknown-key] runtime.rollback: the key `rollback` is not read here
        "#]],
    );
    check(
        "method: []\ndry: actions\nruntime: {strict: true, undo: always, hypothesis: {fail_fast: true, fail_fast_ratio: 0.5}}",
        expect![[""]],
    );
    check(
        "method: []\ndry: all\nruntime: {strict: high, undo: never, hypothesis: {fail_fast: 1, fail_fast_ratio: 50}}",
        expect![[r#"
            4:6 hint[unknown-strategy] dry: there is no dry mode 'all': nothing is executed (there are probes, actions, activities, pause)
            5:19 hint[wrong-type] runtime.strict: runtime.strict: expected true or false, found text
            5:31 hint[unknown-strategy] runtime.undo: changes cannot be undone 'never' (there are auto, always)
            5:62 hint[wrong-type] runtime.hypothesis.fail_fast: runtime.hypothesis.fail_fast: expected true or false, found an integer
            5:82 hint[unknown-strategy] runtime.hypothesis.fail_fast_ratio: the share of checks that end the method is from 0 (the first) to 1 (all of them)
        "#]],
    );
    check(
        "method: []\nruntime: 3",
        expect![[r#"
        4:10 error[wrong-type] runtime: runtime: expected an object, found an integer
    "#]],
    );
    check(
        "method: []\nruntime: {rollbacks: always}",
        expect![[r#"
        4:22 error[wrong-type] runtime.rollbacks: runtime.rollbacks: expected an object, found text
    "#]],
    );
}
