//! Values as YAML in PyYAML's block style: lists are not indented within objects.
//!
//! Invariant: what is written is read back as the same value; text is quoted unless the reader itself takes it for that
//! text. Not here: PyYAML's folding of long lines.

use squall_experiment::load::{Format, load};
use squall_experiment::{Object, Value, json, python};
use std::fmt::Write as _;

/// How a document is laid out.
#[derive(Clone, Copy)]
pub(crate) struct Layout {
    indent: usize,
    sorted: bool,
}

impl Layout {
    /// Keys sorted, two spaces.
    pub(super) const SETTINGS: Layout = Layout { indent: 2, sorted: true };
    /// Keys in their order, four spaces.
    pub(crate) const EXPERIMENT: Layout = Layout { indent: 4, sorted: false };

    /// What begins an item of a list.
    fn dash(self) -> String {
        format!("{:1$}", "-", self.indent)
    }
}

/// The whole document. A scalar is followed by the document's end mark, as PyYAML writes it.
pub(crate) fn document(value: &Value, layout: Layout) -> String {
    let mut out = String::new();
    match value {
        Value::Object(object) if !object.is_empty() => object_block(object, layout, 0, "", &mut out),
        Value::List(items) if !items.is_empty() => list_block(items, layout, 0, "", &mut out),
        Value::Object(_) | Value::List(_) => {
            let _ = writeln!(out, "{}", scalar(value));
        }
        _ => {
            let _ = writeln!(out, "{}\n...", scalar(value));
        }
    }
    out
}

/// `first` stands in for the indentation of the first line: the dash of a list's item.
fn object_block(object: &Object, layout: Layout, indent: usize, first: &str, out: &mut String) {
    let mut members: Vec<(&String, &Value)> = object.iter().collect();
    if layout.sorted {
        members.sort_by_key(|(key, _)| *key);
    }
    for (index, (key, value)) in members.into_iter().enumerate() {
        let lead = if index == 0 && !first.is_empty() { first.to_owned() } else { " ".repeat(indent) };
        let key = text(key);
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                let _ = writeln!(out, "{lead}{key}:");
                object_block(inner, layout, indent + layout.indent, "", out);
            }
            Value::List(items) if !items.is_empty() => {
                let _ = writeln!(out, "{lead}{key}:");
                list_block(items, layout, indent, "", out);
            }
            _ => {
                let _ = writeln!(out, "{lead}{key}: {}", scalar(value));
            }
        }
    }
}

fn list_block(items: &[Value], layout: Layout, indent: usize, first: &str, out: &mut String) {
    for (index, value) in items.iter().enumerate() {
        let lead = if index == 0 && !first.is_empty() { first.to_owned() } else { " ".repeat(indent) };
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                object_block(inner, layout, indent + layout.indent, &format!("{lead}{}", layout.dash()), out);
            }
            Value::List(inner) if !inner.is_empty() => {
                list_block(inner, layout, indent + layout.indent, &format!("{lead}{}", layout.dash()), out)
            }
            _ => {
                let _ = writeln!(out, "{lead}{}{}", layout.dash(), scalar(value));
            }
        }
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Int(_) | Value::Big(_) => python::str_of(value),
        Value::Float(number) if number.is_nan() => ".nan".to_owned(),
        Value::Float(f64::INFINITY) => ".inf".to_owned(),
        Value::Float(f64::NEG_INFINITY) => "-.inf".to_owned(),
        Value::Float(number) => {
            let text = json::float_repr(*number);
            // YAML 1.1 wants a point: `1e+16` would be text.
            match text.split_once('e') {
                Some((mantissa, exponent)) if !mantissa.contains('.') => format!("{mantissa}.0e{exponent}"),
                _ => text,
            }
        }
        Value::Text(content) => text(content),
        Value::Date(content) => content.clone(),
        Value::Bytes(bytes) => format!("!!binary {}", text(&String::from_utf8_lossy(bytes))),
        Value::List(_) => "[]".to_owned(),
        Value::Object(_) => "{}".to_owned(),
    }
}

fn text(content: &str) -> String {
    if content.chars().any(|c| c.is_control() || matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}'))
    {
        return json::to_string(&Value::from(content), &json::Style::JOURNAL);
    }
    let reads_as_itself = |document: String, expected: Value| {
        load(document.as_bytes(), Format::Yaml).is_ok_and(|draft| draft.document == expected)
    };
    let item = Value::List(vec![Value::from(content)]);
    let member = Value::Object([("k".to_owned(), Value::from(content))].into_iter().collect());
    let key = Value::Object([(content.to_owned(), Value::Int(1))].into_iter().collect());
    if reads_as_itself(format!("- {content}\n"), item)
        && reads_as_itself(format!("k: {content}\n"), member)
        && reads_as_itself(format!("{content}: 1\n"), key)
    {
        return content.to_owned();
    }
    format!("'{}'", content.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use expect_test::expect;

    #[test]
    fn written_as_pyyaml_does_and_read_back_as_the_same() {
        let json = r##"{"b": {"z": [], "list": [{"name": "a", "n": 1}, ["x", ["y"]], {}], "e": {}},
            "a": ["yes", "1", "it's", "a: b", "", " x", "line\nline", "café", "1:30", "~", "#c", "- d"],
            "f": [1.0, 1e16, NaN, -Infinity, null, true], "1": "numeric key"}"##;
        let value = json::value(json).unwrap();
        let written = document(&value, Layout::SETTINGS);
        expect![[r##"
            '1': numeric key
            a:
            - 'yes'
            - '1'
            - it's
            - 'a: b'
            - ''
            - ' x'
            - "line\nline"
            - café
            - '1:30'
            - '~'
            - '#c'
            - '- d'
            b:
              e: {}
              list:
              - n: 1
                name: a
              - - x
                - - y
              - {}
              z: []
            f:
            - 1.0
            - 1.0e+16
            - .nan
            - -.inf
            - null
            - true
        "##]]
        .assert_eq(&written);
        let method = r#"{"title": "t", "method": [{"type": "probe", "args": [1, {"b": 2}]}], "a": {"z": 1}}"#;
        expect![[r#"
            title: t
            method:
            -   type: probe
                args:
                -   1
                -   b: 2
            a:
                z: 1
        "#]]
        .assert_eq(&document(&json::value(method).unwrap(), Layout::EXPERIMENT));
        let back = load(written.as_bytes(), Format::Yaml).unwrap().document;
        assert_eq!(python::str_of(&back).len(), python::str_of(&value).len());
    }
}
