//! Tables of what declarations become, after the recorded cases `cfg-*` and `sec-*`.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use super::*;
use expect_test::{Expect, expect};
use proptest::prelude::*;

fn environment(name: &str) -> Option<String> {
    let value = match name {
        "S" | "RAW" => "text",
        "I" => "42",
        "FL" => "4.5",
        "YES" => "yes",
        "FALSE" => "FALSE",
        "ZERO" => "0",
        "NO" => "No",
        "J" => r#"{"a": [1, 2.5, null]}"#,
        "PROBE" => r#"{"type": "probe", "name": "dyn"}"#,
        "BAD" => "{",
        "EMPTY" => "",
        "TOKEN" => "envtok",
        _ => return None,
    };
    Some(value.to_owned())
}

fn json(text: &str) -> Value {
    Value::from_json(serde_json::from_str(text).unwrap())
}

fn object(text: &str) -> Object {
    json(text).as_object().unwrap().clone()
}

fn told(errors: &[ResolveError]) -> String {
    errors.iter().map(|error| format!("{}: {error}\n", error.path())).collect()
}

/// A configuration with overrides, as Python shows the result.
fn check(declared: &str, overrides: &str, wanted: Expect) {
    let got = match configuration(Some(&json(declared)), &object(overrides), &environment) {
        Ok(configuration) => {
            let shown = configuration.entries.iter().map(|(name, entry)| match entry {
                Entry::Value(value) => format!("{name} = {}\n", crate::python::repr_of(value)),
                Entry::Probe(probe) => format!("{name} = probe {}\n", crate::python::repr_of(probe)),
            });
            shown.collect()
        }
        Err(errors) => told(&errors),
    };
    wanted.assert_eq(&got);
}

#[test]
fn what_is_no_declaration_is_itself() {
    check(
        r#"{"i": 3, "f": 2.5, "n": null, "o": {"k": "${i}"}, "t": {"type": "file", "path": "x.txt"},
            "a": {"type": "action", "name": "dyn"}, "s": "${i}"}"#,
        "{}",
        expect![[r#"
            i = 3
            f = 2.5
            n = None
            o = {'k': '${i}'}
            t = {'type': 'file', 'path': 'x.txt'}
            a = {'type': 'action', 'name': 'dyn'}
            s = '${i}'
        "#]],
    );
}

#[test]
fn every_env_var_type() {
    check(
        r#"{"s": {"type": "env", "key": "S"}, "s2": {"type": "env", "key": "S", "env_var_type": "string"},
            "i": {"type": "env", "key": "I", "env_var_type": "int"},
            "i2": {"type": "env", "key": "I", "env_var_type": "integer"},
            "f": {"type": "env", "key": "FL", "env_var_type": "float"},
            "f2": {"type": "env", "key": "I", "env_var_type": "number"},
            "by": {"type": "env", "key": "RAW", "env_var_type": "bytes"},
            "bt": {"type": "env", "key": "YES", "env_var_type": "bool"},
            "bf": {"type": "env", "key": "FALSE", "env_var_type": "bool"},
            "b0": {"type": "env", "key": "ZERO", "env_var_type": "bool"},
            "bn": {"type": "env", "key": "NO", "env_var_type": "bool"},
            "bx": {"type": "env", "key": "EMPTY", "env_var_type": "bool"},
            "j": {"type": "env", "key": "J", "env_var_type": "json"},
            "je": {"type": "env", "key": "EMPTY", "env_var_type": "json"}}"#,
        "{}",
        expect![[r#"
            s = 'text'
            s2 = 'text'
            i = 42
            i2 = 42
            f = 4.5
            f2 = 42.0
            by = b'text'
            bt = True
            bf = False
            b0 = False
            bn = False
            bx = True
            j = {'a': [1, 2.5, None]}
            je = ''
        "#]],
    );
}

#[test]
fn defaults_are_converted_too_and_an_empty_variable_is_set() {
    check(
        r#"{"empty": {"type": "env", "key": "EMPTY", "default": "unused"},
            "null": {"type": "env", "key": "GONE", "default": null},
            "int": {"type": "env", "key": "GONE", "default": "7", "env_var_type": "int"},
            "bool": {"type": "env", "key": "GONE", "default": true, "env_var_type": "bool"},
            "json": {"type": "env", "key": "GONE", "default": [1], "env_var_type": "json"},
            "plain": {"type": "env", "key": "GONE", "default": 7, "env_var_type": null}}"#,
        "{}",
        expect![[r#"
            empty = ''
            null = None
            int = 7
            bool = True
            json = [1]
            plain = 7
        "#]],
    );
}

#[test]
fn every_problem_is_told() {
    check(
        r#"{"v": {"type": "env", "key": "GONE"},
            "null": {"type": "env", "key": "NOPE1", "default": null, "env_var_type": "int"},
            "int": {"type": "env", "key": "S", "env_var_type": "int"},
            "type": {"type": "env", "key": "S", "env_var_type": "list"},
            "bool": {"type": "env", "key": "GONE", "default": 1, "env_var_type": "bool"},
            "key": {"type": "env"}}"#,
        "{}",
        expect![[r#"
            configuration.v: Configuration makes reference to an environment key that does not exist: GONE
            configuration.null: configuration `null`, from the environment variable `NOPE1`: int() argument must be a string, a bytes-like object or a real number, not 'NoneType'
            configuration.int: configuration `int`, from the environment variable `S`: invalid literal for int() with base 10: 'text'
            configuration.type: configuration `type`, from the environment variable `S`: variable type can only be: bool, str, int, float, bytes or json
            configuration.bool: configuration `bool`, from the environment variable `GONE`: 'int' object has no attribute 'lower'
            configuration.key: `configuration.key` is of type `env`, so it needs a `key` with the name of an environment variable
        "#]],
    );
    check(
        "null",
        "{}",
        expect![[r#"
            configuration: `configuration` must be an object, not NoneType
        "#]],
    );
    assert_eq!(configuration(None, &Object::default(), &environment), Ok(Configuration::default()));
}

#[test]
fn overrides_stand_in_for_declared_names_before_anything_is_resolved() {
    check(
        r#"{"v": "static", "gone": {"type": "env", "key": "GONE"}, "p": {"type": "probe", "name": "dyn"}, "w": 1}"#,
        r#"{"v": {"type": "env", "key": "I", "env_var_type": "int"}, "gone": "cli", "p": 7, "undeclared": 1}"#,
        expect![[r#"
            v = 42
            gone = 'cli'
            p = 7
            w = 1
        "#]],
    );
}

#[test]
fn probes_stay_in_their_place() {
    check(
        r#"{"a": 1, "p": {"type": "probe", "name": "dyn"}, "q": {"type": "env", "key": "PROBE", "env_var_type": "json"},
            "b": 2}"#,
        "{}",
        expect![[r#"
            a = 1
            p = probe {'type': 'probe', 'name': 'dyn'}
            q = probe {'type': 'probe', 'name': 'dyn'}
            b = 2
        "#]],
    );
}

#[test]
fn what_a_probe_gives() {
    fn check(provider: &str, output: &str, wanted: Option<&str>) {
        let probe = json(&format!(r#"{{"type": "probe", "provider": {{"type": "{provider}"}}}}"#));
        assert_eq!(probed(&probe, json(output)), wanted.map(json), "{provider} {output}");
    }
    check("python", r#"[1, {"a": 2}]"#, Some(r#"[1, {"a": 2}]"#));
    check("process", r#"{"status": 0, "stdout": "  padded\n\n"}"#, Some(r#""padded""#));
    check("process", r#"{"status": 1, "stdout": "padded"}"#, None);
    check("http", r#"{"status": 404, "body": "status 404"}"#, Some(r#""status 404""#));
    check("http", r#"{"status": 204}"#, Some("null"));
}

/// Secrets with overrides, as Python shows them; a secret in Vault is fetched as its path.
fn check_secrets(declared: &str, overrides: &str, wanted: Expect) {
    let resolved = secrets(Some(&json(declared)), &object(overrides), &environment);
    let filled =
        resolved.and_then(|secrets| secrets.fill(|request| request.declaration.get("path").cloned()));
    let got = match filled {
        Ok(secrets) => crate::python::repr_of(&secrets.into()),
        Err(errors) => told(&errors),
    };
    wanted.assert_eq(&got);
}

#[test]
fn secrets_by_target() {
    check_secrets(
        r#"{"t": {"tok": {"type": "env", "key": "TOKEN"}, "other": 1, "deep": {"x": {"type": "env", "key": "I"}}},
            "u": {"f": {"type": "file", "path": "x"}}, "flat": {"type": "env", "key": "TOKEN"}, "plain": "flat"}"#,
        "{}",
        expect![
            "{'t': {'tok': 'envtok', 'other': 1, 'deep': {'x': '42'}}, 'u': {'f': {'type': 'file', 'path': 'x'}}, 'flat': 'envtok', 'plain': 'flat'}"
        ],
    );
    check_secrets(
        r#"{"t": {"tok": {"type": "env", "key": "GONE"}, "o": {"deep": {"type": "env"}}}}"#,
        "{}",
        expect![[r#"
            secrets.t.tok: Secrets make reference to an environment key that does not exist: GONE
            secrets.t.o.deep: `secrets.t.o.deep` is of type `env`, so it needs a `key` with the name of an environment variable
        "#]],
    );
    check_secrets(
        "null",
        "{}",
        expect![[r#"
            secrets: `secrets` must be an object, not NoneType
        "#]],
    );
    assert_eq!(flat_secrets(&object(r#"{"t": {"x": 1}, "flat": "x", "env": {"type": "env"}}"#)), ["flat"]);
}

#[test]
fn secrets_in_vault_are_requested() {
    let declared = r#"{"t": {"one": {"type": "vault", "path": "foo/bar", "key": "n"}, "k": 1}, "top": {"type": "vault"}}"#;
    let requests = secrets(Some(&json(declared)), &Object::default(), &environment).unwrap();
    let names: Vec<String> = requests.requests().iter().map(|request| request.at.join(".")).collect();
    assert_eq!(names, ["t.one", "top"]);
    check_secrets(
        r#"{"t": {"one": {"type": "vault", "path": "foo/bar"}, "k": 1}}"#,
        "{}",
        expect!["{'t': {'one': 'foo/bar', 'k': 1}}"],
    );
    check_secrets(
        r#"{"t": {"one": {"type": "vault"}}}"#,
        "{}",
        expect![[r#"
            secrets.t.one: secret `t.one` is in Vault, and was not fetched from there
        "#]],
    );
}

#[test]
fn an_override_replaces_a_declared_target_whole() {
    check_secrets(
        r#"{"t": {"tok": "orig", "keep": {"type": "env", "key": "GONE"}}, "flat": "kept", "u": {"x": 1}}"#,
        r#"{"t": {"tok": {"type": "env", "key": "TOKEN"}}, "flat": "ignored", "n": {"tok": "new"}, "u": null}"#,
        expect!["{'t': {'tok': {'type': 'env', 'key': 'TOKEN'}}, 'flat': 'kept', 'u': {'x': 1}}"],
    );
}

#[test]
fn secrets_of_a_provider_are_merged_from_left_to_right() {
    let secrets = object(r#"{"t": {"a": 1, "b": 1}, "u": {"b": 2}, "flat": "x"}"#);
    let check = |targets: &[&str], wanted: &str| {
        assert_eq!(merged_secrets(&secrets, targets.iter().copied()), object(wanted), "{targets:?}");
    };
    check(&["t", "u"], r#"{"a": 1, "b": 2}"#);
    check(&["u", "t"], r#"{"b": 1, "a": 1}"#);
    check(&["nope", "flat", "u"], r#"{"b": 2}"#);
    check(&[], "{}");
}

#[test]
fn vars() {
    fn check(argument: &str, wanted: Result<(&str, Value), &str>) {
        let wanted = wanted.map(|(name, value)| (name.to_owned(), value)).map_err(str::to_owned);
        assert_eq!(parse_var(argument), wanted, "{argument}");
    }
    check("v=cli", Ok(("v", "cli".into())));
    check("w=", Ok(("w", "".into())));
    check("f=a=b:c", Ok(("f", "a=b:c".into())));
    check("a:b:str=hey", Ok(("a:b", "hey".into())));
    check("a:int=3", Ok(("a", 3.into())));
    check("b:float=2", Ok(("b", 2.0.into())));
    check("g:number=1e2", Ok(("g", 100.0.into())));
    check("d:bool=no", Ok(("d", false.into())));
    check("e:json=[1,{\"k\":null}]", Ok(("e", json("[1,{\"k\":null}]"))));
    check("r:bytes=é", Ok(("r", Value::Bytes("é".into()))));
    check("v", Err("not enough values to unpack (expected 2, got 1)"));
    check("a:list=1", Err("variable type can only be: bool, str, int, float, bytes or json"));
    check("a:=1", Err("variable type can only be: bool, str, int, float, bytes or json"));
    check("a:int=one", Err("invalid literal for int() with base 10: 'one'"));
    check("a:float=often", Err("could not convert string to float: 'often'"));
}

#[test]
fn var_files() {
    fn check(text: &str, document: Option<&str>, wanted: Expect) {
        let got = match read_var_file(text, document.map(json).as_ref()) {
            Ok(VarFile::Environment(variables)) => format!("{variables:?}"),
            Ok(VarFile::Overrides(Overrides { configuration, secrets })) => format!(
                "configuration {}, secrets {}",
                crate::python::repr_of(&configuration.into()),
                crate::python::repr_of(&secrets.into())
            ),
            Err(error) => error.to_string(),
        };
        wanted.assert_eq(&got);
    }
    check(
        "# comment\n\nMY_VALUE=from dotenv\r\n  EXTRA=\"quoted\"=x  \nEMPTY=\n",
        None,
        expect![[r#"[("MY_VALUE", "from dotenv"), ("EXTRA", "\"quoted\"=x"), ("EMPTY", "")]"#]],
    );
    check("A=1\nMY_VALUE\n", None, expect!["line 2 is not of the form NAME=VALUE"]);
    check("=x", None, expect!["line 1 is not of the form NAME=VALUE"]);
    check("{}\n", Some("{}"), expect!["line 1 is not of the form NAME=VALUE"]);
    check("# nothing\n", Some("null"), expect!["[]"]);
    check("…", Some(r#"{"configuration": {"v": 1}}"#), expect!["configuration {'v': 1}, secrets {}"]);
    check(
        "…",
        Some(r#"{"secrets": {"t": {"k": 1}}, "x": 1}"#),
        expect!["configuration {}, secrets {'t': {'k': 1}}"],
    );
    check("…", Some("[1]"), expect!["the document must be an object, not list"]);
    check("…", Some(r#"{"secrets": null}"#), expect!["secrets must be an object, not NoneType"]);
}

#[test]
fn later_overrides_win() {
    let mut overrides = Overrides::default();
    for (name, value) in [("a", 1), ("b", 1), ("a", 2)] {
        overrides.add(Overrides {
            configuration: Object::from_iter([(name.to_owned(), value.into())]),
            secrets: Object::default(),
        });
    }
    assert_eq!(overrides.configuration, object(r#"{"a": 2, "b": 1}"#));
}

#[test]
fn secrets_are_not_shown() {
    let declared = json(r#"{"t": {"tok": "hush", "vault": {"type": "vault"}}}"#);
    let secrets = secrets(Some(&declared), &Object::default(), &environment).unwrap();
    let overrides = Overrides { secrets: object(r#"{"t": {"tok": "hush"}}"#), ..Overrides::default() };
    assert!(!format!("{secrets:?} {overrides:?}").contains("hush"));
}

proptest! {
    #[test]
    fn any_text_is_taken(text in "\\PC*|[a-c:=#\n {]*") {
        let _ = (parse_var(&text), parse_env_lines(&text));
        for kind in ["int", "float", "bytes", "bool", "json", "list"] {
            let _ = convert(Some(&kind.into()), text.clone().into());
        }
    }
}
