//! Reading and writing documents: against what Python makes of them (recorded, see python/record.py), the places of errors
//! and of values, and the bounds.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use expect_test::{Expect, expect};
use proptest::prelude::*;
use squall_experiment::draft::{Draft, MAX_DEPTH};
use squall_experiment::load::{Format, load};
use squall_experiment::{Object, Value, json, yaml};
use std::path::Path;

/// Holds `read` against every recorded line; `None` where only the refusal is to be the same.
fn check_recorded(lines: &str, read: impl Fn(&str) -> Result<Value, Option<String>>) {
    let mut wrong = Vec::new();
    for line in lines.lines() {
        let case = json::value(line).unwrap();
        let field = |name| case.get(name).and_then(Value::as_text);
        let text = field("in").unwrap();
        let ours = read(text).map(|value| json::to_string(&value, &json::Style::LINE));
        let same = match (&ours, field("out"), field("error")) {
            (Ok(ours), Some(theirs), _) => ours == theirs,
            (Err(Some(ours)), None, Some(theirs)) => ours == theirs,
            (Err(None), None, Some(_)) => true,
            _ => false,
        };
        if !same {
            wrong.push(format!("{line}\n  ours: {ours:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn json_is_read_and_refused_as_python_does() {
    check_recorded(include_str!("python/json.jsonl"), |text| {
        let value = json::value(text).map_err(|error| Some(error.as_python(text)));
        let draft = json::parse(text.to_owned()).map_err(|error| Some(error.as_python(text)));
        let written = |value| json::to_string(value, &json::Style::LINE);
        assert_eq!(
            value.as_ref().map(written),
            draft.as_ref().map(|draft| written(&draft.document)),
            "{text}"
        );
        value
    });
}

#[test]
fn yaml_is_read_as_pyyaml_does() {
    check_recorded(include_str!("python/pyyaml.jsonl"), |text| {
        yaml::parse(text.to_owned()).map(|draft| draft.document).map_err(|_| None)
    });
}

fn check_yaml(text: &str, expect: Expect) {
    expect.assert_eq(&match yaml::parse(text.to_owned()) {
        Ok(draft) => json::to_string(&draft.document, &json::Style::LINE),
        Err(error) => error.to_string(),
    });
}

/// Shows the error of each text.
fn check_errors(texts: &[&str], expect: Expect) {
    let show = |text: &&str| format!("{text:?}: {}\n", yaml::parse((*text).to_owned()).unwrap_err());
    expect.assert_eq(&texts.iter().map(show).collect::<String>());
}

#[test]
fn yaml_errors_have_a_place() {
    check_errors(
        &["a: 1\nb: *c\n", "a: &x 1\nb: &x 2\n", "a: {<<: 1}\n", "a: &b! c", "a: 1\n---\nb: 2\n"],
        expect![[r#"
            "a: 1\nb: *c\n": found undefined alias 'c' at line 2, column 4
            "a: &x 1\nb: &x 2\n": found duplicate anchor 'x' at line 2, column 4
            "a: {<<: 1}\n": expected a mapping or list of mappings for merging, but found scalar at line 1, column 9
            "a: &b! c": expected alphabetic or numeric character, but found '!' at line 1, column 4
            "a: 1\n---\nb: 2\n": expected a single document in the stream, but found another document at line 2, column 1
        "#]],
    );
    check_errors(
        &["- !foo a\n", "é: !!python/none x\n", "a: =\n", "- <<\n"],
        expect![[r#"
        "- !foo a\n": could not determine a constructor for the tag '!foo' at line 1, column 8
        "é: !!python/none x\n": could not determine a constructor for the tag 'tag:yaml.org,2002:python/none' at line 1, column 18
        "a: =\n": could not determine a constructor for the tag 'tag:yaml.org,2002:value' at line 1, column 4
        "- <<\n": could not determine a constructor for the tag 'tag:yaml.org,2002:merge' at line 1, column 3
    "#]],
    );
    check_errors(
        &["? [a]\n: b\n", "2020-01-01: b\n", "!!binary YQ==: b\n", ": a\n"],
        expect![[r#"
        "? [a]\n: b\n": found unhashable key at line 1, column 3
        "2020-01-01: b\n": keys must be str, int, float, bool or None, not date at line 1, column 1
        "!!binary YQ==: b\n": keys must be str, int, float, bool or None, not bytes at line 1, column 10
        ": a\n": expected a key, but found ':' at line 1, column 1
    "#]],
    );
    check_errors(
        &["a:\n\tb: c\n", "a:\tb\n", "a: \u{7}\n", "a: b\u{2028}c\n"],
        expect![[r#"
        "a:\n\tb: c\n": found character '\t' that cannot start any token at line 2, column 2
        "a:\tb\n": found character '\t' that cannot start any token at line 1, column 3
        "a: \u{7}\n": unacceptable character #x0007: special characters are not allowed at line 1, column 4
        "a: b\u{2028}c\n": line and paragraph separators are only supported in quoted and block scalars at line 1, column 5
    "#]],
    );
    check_errors(
        &["a: 2020-02-30\n", "!!int x", "!!bool maybe", "- 0x_", "!!str {}"],
        expect![[r#"
        "a: 2020-02-30\n": day is out of range for month at line 1, column 4
        "!!int x": `x` is not an integer at line 1, column 7
        "!!bool maybe": `maybe` is not a boolean at line 1, column 8
        "- 0x_": `0x_` is not an integer at line 1, column 3
        "!!str {}": expected a scalar node, but found mapping at line 1, column 7
    "#]],
    );
    check_errors(
        &["%YAML 2.0\n---\na\n", "[?a]\n", "a: [b\n", "a: 'b\n---\n'"],
        expect![[r#"
        "%YAML 2.0\n---\na\n": found incompatible YAML document (version 1.* is required) at line 1, column 1
        "[?a]\n": within [] and {} a text that begins with `?` needs quotes at line 1, column 2
        "a: [b\n": unclosed bracket '[' at line 1, column 4
        "a: 'b\n---\n'": invalid indentation in multiline quoted scalar at line 2, column 1
    "#]],
    );
}

#[test]
fn yaml_differs_from_pyyaml_where_it_says_so() {
    // Python has one member for keys that are equal as numbers.
    check_yaml("{1: a, true: b, 1.0: c}", expect![[r#"{"1": "a", "true": "b", "1.0": "c"}"#]]);
    // A set of Python cannot be written to a journal.
    check_yaml("!!set {b, a, b}", expect![[r#"["b", "a"]"#]]);
}

/// Neither the depth of the text, nor that which aliases and merges add, nor a circle, gets further than an error.
fn nested_tags(depth: usize) -> String {
    "{\"$object\": ".repeat(depth) + "1" + &"}".repeat(depth)
}

#[test]
fn nesting_and_aliases_are_bounded() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    for read in [json::parse, yaml::parse] {
        assert!(read(nested(MAX_DEPTH)).is_ok());
        let error = read(nested(MAX_DEPTH + 1)).unwrap_err();
        assert_eq!(error.message, "lists and objects are nested deeper than 100 levels");
        assert!(read("[".repeat(1_000_000)).is_err());
    }
    assert!(yaml::parse("- ".repeat(100_000)).is_err());
    // The event log wraps these, so a hundred of them would be two hundred levels.
    let wrapped = |depth: usize| load(nested_tags(depth).as_bytes(), Format::Json);
    assert!(wrapped(50).is_ok());
    assert_eq!(
        wrapped(60).unwrap_err().message,
        "lists and objects are nested deeper than 100 levels in the event log"
    );
    let lines = |first: &str, line: &dyn Fn(usize) -> String, count: usize| {
        let rest: Vec<String> = (1..count).map(line).collect();
        format!("{first}\n{}", rest.join("\n"))
    };
    let bomb = |index| {
        let before = index - 1;
        format!("a{index}: &a{index} [{}]", vec![format!("*a{before}"); 9].join(", "))
    };
    check_end(
        &lines("a0: &a0 [x, x]", &bomb, 12),
        expect!["aliases and merge keys make this document too large"],
    );
    let merges = |index| {
        let before = index - 1;
        format!("a{index}: &a{index} {{<<: [{}]}}", vec![format!("*a{before}"); 9].join(", "))
    };
    check_end(
        &lines("a0: &a0 {x: 1, y: 2}", &merges, 12),
        expect!["aliases and merge keys make this document too large"],
    );
    let texts = format!("- &a {}\n{}", "x".repeat(100_000), "- *a\n".repeat(2_000));
    check_end(&texts, expect!["aliases and merge keys make this document too large"]);
    let chain = |index| format!("a{index}: &a{index} [*a{}]", index - 1);
    check_end(
        &lines("a0: &a0 [x]", &chain, 200),
        expect!["lists and objects are nested deeper than 100 levels"],
    );
    let merge_chain = |index| format!("  a{index}: &a{index} {{<<: *a{}}}", index - 1);
    let merge_chain = lines("m:\n  a0: &a0 {x: 1}", &merge_chain, 200) + "\n  <<: *a199";
    check_end(&merge_chain, expect!["merge keys follow each other over more than 100 mappings"]);
    check_end("&a [*a]", expect!["found unconstructable recursive node"]);
    check_end("&a {b: {c: *a}}", expect!["found unconstructable recursive node"]);
}

fn check_end(text: &str, expect: Expect) {
    expect.assert_eq(&yaml::parse(text.to_owned()).unwrap_err().message);
}

/// Shows the places of `path`, and the hints about keys that are given twice.
fn check_places(draft: &Draft, paths: &[&str], expect: Expect) {
    let mut shown = String::new();
    for path in paths {
        let places = [draft.spans.key(path), draft.spans.value(path)].map(|span| {
            span.map(|span| {
                format!("{}:{} {:?}", span.line, span.column, &draft.source[span.start..span.end])
            })
        });
        shown += &format!(
            "{path}: {} = {}\n",
            places[0].as_deref().unwrap_or("-"),
            places[1].as_deref().unwrap_or("-")
        );
    }
    for hint in &draft.duplicates {
        let span = hint.span.unwrap();
        shown += &format!("{}:{} {}: {}\n", span.line, span.column, hint.path, hint.message);
    }
    expect.assert_eq(&shown);
}

#[test]
fn places_in_yaml() {
    let text = "title: é\nmethod:\n- name: a   # first\n  provider:\n    url: |\n      x\n    args: [1,\n      {k: v}]\n- &b\n  name: b\n- *b\n\nrest: {<<: *b, other: 2}\n";
    let draft = yaml::parse(text.to_owned()).unwrap();
    let paths = [
        "title",
        "method",
        "method[0].provider",
        "method[0].provider.url",
        "method[0].provider.args[1].k",
        "method[2].name",
        "rest",
        "rest.name",
    ];
    check_places(
        &draft,
        &paths,
        expect![[r#"
            title: 1:1 "title" = 1:8 "é"
            method: 2:1 "method" = 3:3 "name: a   # first\n  provider:\n    url: |\n      x\n    args: [1,\n      {k: v}]\n- &b\n  name: b"
            method[0].provider: 4:3 "provider" = 5:5 "url: |\n      x\n    args: [1,\n      {k: v}]"
            method[0].provider.url: 5:5 "url" = 6:7 "x"
            method[0].provider.args[1].k: 8:8 "k" = 8:11 "v"
            method[2].name: 10:3 "name" = 10:9 "b"
            rest: 13:1 "rest" = 13:7 "{<<: *b, other: 2}"
            rest.name: 10:3 "name" = 10:9 "b"
        "#]],
    );
}

#[test]
fn duplicate_keys_are_reported_once() {
    let yaml = "a: &a\n  b: 1\n  'b': 2\n  c: 3\n  b: 4\nx: *a\ny: {<<: *a, b: 5}\n";
    check_places(
        &yaml::parse(yaml.to_owned()).unwrap(),
        &["a.b", "y.b"],
        expect![[r#"
        a.b: 5:3 "b" = 5:6 "4"
        y.b: 7:13 "b" = 7:16 "5"
        3:3 a.b: the key `b` is given twice; the one in line 2 is ignored
        5:3 a.b: the key `b` is given twice; the one in line 3 is ignored
    "#]],
    );
    let json = "{\"l\": [0, {\"a\": 1,\n\"b\": {\"c\": 2, \"c\": 3},\n\"a\": 4}]}";
    check_places(
        &json::parse(json.to_owned()).unwrap(),
        &["l[1].a", "l[1].b.c"],
        expect![[r#"
        l[1].a: 3:1 "\"a\"" = 3:6 "4"
        l[1].b.c: 2:15 "\"c\"" = 2:20 "3"
        2:15 l[1].b.c: the key `c` is given twice; the one in line 2 is ignored
        3:1 l[1].a: the key `a` is given twice; the one in line 1 is ignored
    "#]],
    );
}

fn check_load(bytes: &[u8], format: Format, expect: Expect) {
    expect.assert_eq(&match load(bytes, format) {
        Ok(draft) => json::to_string(&draft.document, &json::Style { ascii: false, ..json::Style::LINE }),
        Err(error) => error.to_string(),
    });
}

#[test]
fn bytes_are_decoded_first() {
    check_load("{\"a\": \"é\"}".as_bytes(), Format::Json, expect![[r#"{"a": "é"}"#]]);
    check_load(
        "\u{feff}{}".as_bytes(),
        Format::Json,
        expect!["Unexpected UTF-8 BOM (decode using utf-8-sig) at line 1, column 1"],
    );
    check_load("\u{feff}a: é".as_bytes(), Format::Yaml, expect![[r#"{"a": "é"}"#]]);
    check_load(b"{\n \"\xff\"}", Format::Json, expect!["byte 0xff is not UTF-8 at line 2, column 3"]);
    check_load(b"a: \xc3", Format::Yaml, expect!["byte 0xc3 is not UTF-8 at line 1, column 4"]);
    check_load(b"\xff\xfea\0:\0 \0\xe9\0", Format::Yaml, expect![[r#"{"a": "é"}"#]]);
    check_load(b"\xfe\xff\0a\0:\0 \xd8\0", Format::Yaml, expect![[r#"{"a": "�"}"#]]);
    check_load(b"", Format::Yaml, expect!["null"]);
}

#[test]
fn the_extension_tells_the_format() {
    let format = |path: &str| Format::of(Path::new(path)).ok();
    assert_eq!(format("a/b.json"), Some(Format::Json));
    assert_eq!(format("b.x.yml"), Some(Format::Yaml));
    assert_eq!(format("b.yaml"), Some(Format::Yaml));
    for path in ["b.YAML", "b.Json", "json", ".json", "a.json/", "a.yaml/b", "", ".."] {
        let expected = if path == "a.json/" { Some(Format::Json) } else { None };
        assert_eq!(format(path), expected, "{path}");
    }
    expect!["only files with json, yaml or yml extensions are supported"]
        .assert_eq(&Format::of(Path::new("x")).unwrap_err().to_string());
}

#[test]
fn half_a_surrogate_pair_becomes_the_replacement_character() {
    let read = |text| json::value(text).unwrap();
    assert_eq!(read(r#""\ud800""#), Value::from("\u{fffd}"));
    assert_eq!(read(r#""\ud800\ud800\udc00x\udc00""#), Value::from("\u{fffd}\u{10000}x\u{fffd}"));
}

#[test]
fn the_journal_s_style() {
    let value = json::value(r#"{"a": [1, [], {}, {"b": "é\u0007"}], "c": 1e16, "d": {"e": null}}"#).unwrap();
    let Value::Object(mut object) = value else { panic!("an object was read") };
    object.insert("f".to_owned(), Value::Date("2020-02-29".to_owned()));
    object.insert("g".to_owned(), Value::Bytes(b"\xffx".to_vec()));
    expect![[r#"
        {
          "a": [
            1,
            [],
            {},
            {
              "b": "é\u0007"
            }
          ],
          "c": 1e+16,
          "d": {
            "e": null
          },
          "f": "2020-02-29",
          "g": "�x"
        }"#]]
    .assert_eq(&json::to_string(&Value::Object(object), &json::Style::JOURNAL));
}

/// Any value that JSON holds as it is.
fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        "-?[1-9][0-9]{20,30}".prop_map(Value::Big),
        any::<f64>()
            .prop_filter("NaN is not equal to itself", |number| !number.is_nan())
            .prop_map(Value::Float),
        any::<String>().prop_map(Value::Text),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let members = prop::collection::vec((any::<String>(), inner.clone()), 0..6);
        prop_oneof![
            prop::collection::vec(inner, 0..6).prop_map(Value::List),
            members.prop_map(|members| Value::Object(members.into_iter().collect::<Object>())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_again(value in any_value(), ascii: bool, indent in prop::option::of(0usize..5)) {
        let text = json::to_string(&value, &json::Style { indent, ascii });
        prop_assert!(!ascii || text.is_ascii());
        prop_assert_eq!(json::value(&text).unwrap(), value.clone());
        prop_assert_eq!(json::parse(text).unwrap().document, value);
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for format in [Format::Json, Format::Yaml] {
            let _ = load(&bytes, format);
        }
    }

    /// Texts of what means something to YAML; every place lies within the text.
    #[test]
    fn no_text_panics(text in r#"([ \n\t:\-,\[\]{}#&*!|>'"%@`?~=<0-9a-bé\\+._\r\u{85}\u{2028}\u{feff}]|: |\n  |- |<<|&a |\*a|!!set |😀){0,60}"#) {
        for read in [json::parse, yaml::parse] {
            match read(text.clone()) {
                Ok(draft) => {
                    let span = draft.spans.nearest("").unwrap_or_default();
                    prop_assert!(draft.source.get(span.start..span.end).is_some());
                }
                Err(error) => prop_assert!(error.span.line > 0 && error.span.column > 0),
            }
        }
    }
}
