//! Changes to a document's tree, and ways to write it: what a reader of bytes alone would hardly ever let through.

use crate::rng::Rng;
use squall_experiment::json::{self, Style, float_repr};
use squall_experiment::load::Format;
use squall_experiment::{Object, Value};

/// Makes one change somewhere in `tree`, with parts of `other` and words of the dictionary.
pub(crate) fn change(tree: &mut Value, other: &Value, words: &[String], rng: &mut Rng) {
    let target = rng.below(size(tree));
    let donor = nth(other, &mut rng.below(size(other)));
    let Some(node) = nth_mut(tree, &mut { target }) else { return };
    match (rng.below(9), node) {
        (0..3, node) => *node = donor.cloned().unwrap_or_default(),
        (3, Value::Object(object)) if !object.is_empty() => {
            object.shift_remove_index(rng.below(object.len()));
        }
        (3, Value::List(items)) if !items.is_empty() => {
            items.remove(rng.below(items.len()));
        }
        (4 | 5, Value::Object(object)) => {
            let value = if rng.one_in(2) { donor.cloned().unwrap_or_default() } else { scalar(words, rng) };
            object.insert(rng.of(words).clone(), value);
        }
        (4, Value::List(items)) if !items.is_empty() => {
            let item = items[rng.below(items.len())].clone();
            items.insert(rng.below(items.len() + 1), item);
        }
        (5, Value::List(items)) => items.push(donor.cloned().unwrap_or_default()),
        // Another name for a member, its value stays.
        (6, Value::Object(object)) if !object.is_empty() => {
            let at = rng.below(object.len());
            let name = rng.of(words).clone();
            let renamed = object.iter().enumerate().map(|(index, (key, value))| {
                (if index == at { name.clone() } else { key.clone() }, value.clone())
            });
            *object = renamed.collect();
        }
        (7, node) => {
            let inner = std::mem::take(node);
            *node = if rng.one_in(2) {
                Value::List(vec![inner])
            } else {
                Value::Object(Object::from_iter([(rng.of(words).clone(), inner)]))
            };
        }
        (_, Value::Text(text)) => {
            let mut at = rng.below(text.len() + 1);
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            if rng.one_in(3) { text.truncate(at) } else { text.insert_str(at, rng.of::<String>(words)) }
        }
        (_, node) => *node = scalar(words, rng),
    }
}

fn scalar(words: &[String], rng: &mut Rng) -> Value {
    match rng.below(12) {
        0 => Value::Null,
        1 => Value::Bool(rng.one_in(2)),
        2 => Value::Int(*rng.of(&[0, 1, -1, 200, i64::MAX, i64::MIN, 1 << 53])),
        3 => Value::Big("9".repeat(20 + rng.below(400))),
        4 => Value::Float(*rng.of(&[
            0.0,
            -0.0,
            0.1,
            1e16,
            1e-7,
            f64::NAN,
            f64::INFINITY,
            f64::MAX,
            f64::MIN_POSITIVE,
        ])),
        5 => Value::Float(f64::from_bits(rng.next())),
        6 => Value::List(Vec::new()),
        7 => Value::Object(Object::default()),
        8 => Value::Text(format!("${{{}}}", rng.of::<String>(words))),
        _ => Value::Text(rng.of(words).clone()),
    }
}

fn size(value: &Value) -> usize {
    1 + match value {
        Value::List(items) => items.iter().map(size).sum(),
        Value::Object(object) => object.values().map(size).sum::<usize>(),
        _ => 0,
    }
}

fn nth<'a>(value: &'a Value, left: &mut usize) -> Option<&'a Value> {
    if *left == 0 {
        return Some(value);
    }
    *left -= 1;
    match value {
        Value::List(items) => items.iter().find_map(|item| nth(item, left)),
        Value::Object(object) => object.values().find_map(|item| nth(item, left)),
        _ => None,
    }
}

fn nth_mut<'a>(value: &'a mut Value, left: &mut usize) -> Option<&'a mut Value> {
    if *left == 0 {
        return Some(value);
    }
    *left -= 1;
    match value {
        Value::List(items) => items.iter_mut().find_map(|item| nth_mut(item, left)),
        Value::Object(object) => object.values_mut().find_map(|item| nth_mut(item, left)),
        _ => None,
    }
}

/// The text of a tree in one of the ways to write it.
pub(crate) fn write(tree: &Value, format: Format, rng: &mut Rng) -> String {
    match format {
        Format::Json => json::to_string(tree, rng.of(&[Style::LINE, Style::JOURNAL])),
        Format::Yaml => {
            let mut out = String::new();
            let mut anchors = 0;
            if rng.one_in(20) {
                out.push_str("%YAML 1.1\n---\n");
            }
            yaml(tree, 0, rng.one_in(4), &mut anchors, rng, &mut out);
            out.push('\n');
            out
        }
    }
}

/// YAML in block or flow style, with an anchor, an alias or a tag now and then.
fn yaml(value: &Value, indent: usize, flow: bool, anchors: &mut usize, rng: &mut Rng, out: &mut String) {
    if rng.one_in(60) && *anchors > 0 {
        return out.push_str(&format!(" *a{} ", rng.below(*anchors)));
    }
    if rng.one_in(60) {
        out.push_str(&format!(" &a{anchors} "));
        *anchors += 1;
    }
    if rng.one_in(80) {
        out.push_str(rng.of::<&str>(&[
            " !!str ",
            " !!int ",
            " !!float ",
            " !!binary ",
            " !!set ",
            " !!omap ",
            " !!pairs ",
            " !!timestamp ",
            " !!merge ",
            " !x ",
            " ! ",
            " !!map ",
            " !!seq ",
        ]));
    }
    let flow = flow || rng.one_in(12);
    match value {
        Value::List(items) if flow => {
            out.push('[');
            for item in items {
                yaml(item, indent, true, anchors, rng, out);
                out.push_str(", ");
            }
            out.push(']');
        }
        Value::Object(object) if flow => {
            out.push('{');
            for (key, item) in object {
                scalar_text(&Value::Text(key.clone()), rng, out);
                out.push_str(": ");
                yaml(item, indent, true, anchors, rng, out);
                out.push_str(", ");
            }
            out.push('}');
        }
        Value::List(items) if !items.is_empty() => {
            for item in items {
                out.push_str(&format!("\n{:indent$}- ", ""));
                yaml(item, indent + 2, false, anchors, rng, out);
            }
        }
        Value::Object(object) if !object.is_empty() => {
            for (key, item) in object {
                out.push_str(&format!("\n{:indent$}", ""));
                if rng.one_in(80) {
                    out.push_str("? ");
                }
                if rng.one_in(100) {
                    out.push_str("<<");
                } else {
                    scalar_text(&Value::Text(key.clone()), rng, out);
                }
                out.push_str(": ");
                yaml(item, indent + 2, false, anchors, rng, out);
            }
        }
        Value::Text(text) if rng.one_in(10) => {
            out.push_str(rng.of::<&str>(&["|", ">", "|-", ">+", "|2"]));
            for line in text.split('\n') {
                out.push_str(&format!("\n{:1$}{line}", "", indent + 2));
            }
        }
        other => scalar_text(other, rng, out),
    }
    if rng.one_in(100) {
        out.push_str(" # comment");
    }
}

fn scalar_text(value: &Value, rng: &mut Rng, out: &mut String) {
    match value {
        Value::Text(text) => match rng.below(3) {
            0 => out.push_str(text),
            1 => out.push_str(&format!("'{}'", text.replace('\'', "''"))),
            _ => out.push_str(&json::to_string(value, &Style::LINE)),
        },
        Value::Float(number) if number.is_finite() => out.push_str(&float_repr(*number)),
        Value::Float(number) => out.push_str(if number.is_nan() { ".nan" } else { "-.inf" }),
        Value::Date(text) => out.push_str(text),
        other => out.push_str(&json::to_string(other, &Style::LINE)),
    }
}
