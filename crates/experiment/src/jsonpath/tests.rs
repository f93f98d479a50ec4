//! Held against `jsonpath2` itself: its answers are recorded in `probes.txt`.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use super::*;
use crate::json;
use proptest::prelude::*;

/// What came of a path, as `probes.txt` writes it.
fn answer(path: &str, document: &Value) -> String {
    match JsonPath::parse(path).map(|path| path.find(document)) {
        Err(_) => "invalid".to_owned(),
        Ok(Err(exception)) => exception.to_string(),
        Ok(Ok(found)) => json::to_string(&Value::List(found), &json::Style { indent: None, ascii: false }),
    }
}

#[test]
fn answers_as_jsonpath2_does() {
    let mut lines = include_str!("probes.txt").lines().skip(1);
    let document = json::value(lines.next().unwrap()).unwrap();
    for line in lines {
        let (path, wanted) = line.split_once('\t').unwrap();
        assert_eq!(answer(path, &document), wanted, "{path}");
    }
}

#[test]
fn a_comparison_holds_for_any_pair() {
    // jsonpath2 looks only at the first match on the left if there is a path on the right.
    let document = json::value(r#"{"a": [1, 2], "b": [2, 3]}"#).unwrap();
    assert_eq!(answer("$[?(@.a[*] = @.b[*])].a[0]", &document), "[1]");
}

#[test]
fn complaints_say_where() {
    for (path, wanted) in [
        (r#"$.items[?(@.n == "two")].v"#, "'=' at 15"),
        ("$.a.", "it ends too early"),
        ("$.a.${k}", "'$' at 4"),
        ("a.b", "'a' at 0"),
        ("$[]", "']' at 2"),
        ("$.nope()", "there is no function 'nope'"),
        ("$['a']", "''' at 2"),
        ("$[\"a", "a text without end, or with a bad escape, at 2"),
    ] {
        assert_eq!(JsonPath::parse(path), Err(wanted.to_owned()), "{path}");
    }
}

#[test]
fn every_search_ends() {
    let mut deep = Value::Null;
    for _ in 0..90 {
        deep = vec![deep.clone(), deep].into();
        if json::to_string(&deep, &json::Style::LINE).len() > 100_000 {
            break;
        }
    }
    let wide = Value::List(vec![Value::Int(1); 1000]);
    let path = format!("$[?({})]", ["@[*] < $[*]"; 10].join(" or "));
    assert_eq!(answer("$[::-1]", &wide), "[]");
    assert!(answer("$..*..*..*..*..*", &deep).starts_with("RecursionError"));
    assert!(answer(&path, &wide).starts_with("RecursionError"));
    for (opening, closing) in [("[?(", ")]"), ("[$", "]"), ("[?(not (", "))]"), ("[?(@ = [", "])]")] {
        let path = format!("${}{}", opening.repeat(10_000), closing.repeat(10_000));
        assert_eq!(answer(&path, &wide), "invalid");
    }
    assert_eq!(answer("$[0:9223372036854775807:9223372036854775807]", &wide), "[1]");
    assert_eq!(answer("$[99999999999999999999:-99999999999999999999:-99999999999999999999]", &wide), "[1]");
    assert_eq!(answer("$[-99999999999999999999]", &wide), "[]");
}

proptest! {
    #[test]
    fn any_text_is_taken(text in r#"\$([.\[\]*?()@$=<>!:,"0-9a-c -]|and|or|not|length|\.\.|é){0,20}"#) {
        let document = json::value(r#"{"a": [1, {"b": "c"}], "b": {"a": [0]}}"#).unwrap();
        answer(&text, &document);
    }
}
