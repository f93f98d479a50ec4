//! Arguments of a call as a query or as the body of a form, exactly as Python's `requests` encodes them.

use super::url::form_encode;
use squall_experiment::Value;
use squall_experiment::python::{Exception, str_of, type_name};

/// `a=1&b=x+y`; text is taken as it is, a number is its text.
pub(super) fn encode(arguments: &Value) -> Result<String, Exception> {
    let mut out = String::new();
    match arguments {
        Value::Text(text) => return Ok(text.clone()),
        Value::Object(object) => {
            for (name, value) in object {
                pairs(&mut out, name, value);
            }
        }
        Value::List(items) => {
            for item in items {
                let (name, value) = pair(item)?;
                pairs(&mut out, &name, &value);
            }
        }
        Value::Null => {}
        number => return Ok(str_of(number)),
    }
    Ok(out)
}

/// An item of a list as name and value.
fn pair(item: &Value) -> Result<(String, Value), Exception> {
    let parts = match item {
        Value::List(parts) => parts.clone(),
        Value::Text(text) => text.chars().map(|c| Value::Text(c.to_string())).collect(),
        Value::Object(object) => object.keys().map(|key| Value::Text(key.clone())).collect(),
        other => {
            return Err(Exception::type_error(format!(
                "cannot unpack non-iterable {} object",
                type_name(other)
            )));
        }
    };
    match parts.as_slice() {
        [name, value] => Ok((str_of(name), value.clone())),
        [_, _, _, ..] => Err(Exception::value_error("too many values to unpack (expected 2)")),
        few => Err(Exception::value_error(format!(
            "not enough values to unpack (expected 2, got {})",
            few.len()
        ))),
    }
}

/// A name with each of its values: lists repeat it, null is left out, of an object its keys count.
fn pairs(out: &mut String, name: &str, value: &Value) {
    let mut each = |value: &Value| match value {
        Value::Null => {}
        // One level deeper, the encoder itself takes a list apart.
        Value::List(items) => items.iter().for_each(|item| push(out, name, &str_of(item))),
        Value::Object(object) => object.keys().for_each(|key| push(out, name, key)),
        one => push(out, name, &str_of(one)),
    };
    match value {
        Value::List(items) => items.iter().for_each(each),
        Value::Object(object) => object.keys().for_each(|key| push(out, name, key)),
        one => each(one),
    }
}

fn push(out: &mut String, name: &str, value: &str) {
    if !out.is_empty() {
        out.push('&');
    }
    form_encode(out, name);
    out.push('=');
    form_encode(out, value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Recorded from `requests` 2.34.
    #[test]
    fn as_requests_does_it() {
        for (arguments, expected) in [
            (
                json!({"a": 1, "b": "x y", "c": [1, 2], "d": null, "t": true, "e": "é✓", "f": 1.5, "g": [], "h": "",
                    "i": {"k": 1, "l": 2}, "j": [null, 1], "k": [[1, 2], {"z": 1}]}),
                "a=1&b=x+y&c=1&c=2&t=True&e=%C3%A9%E2%9C%93&f=1.5&h=&i=k&i=l&j=1&k=1&k=2&k=z",
            ),
            (json!({"a b": "~-._!*'()\n"}), "a+b=~-._%21%2A%27%28%29%0A"),
            (json!("a=1&b=x y"), "a=1&b=x y"),
            (json!([["a", 1], ["b", [2, 3]]]), "a=1&b=2&b=3"),
            (json!(["ab", "cd"]), "a=b&c=d"),
            (json!(null), ""),
            (json!([]), ""),
            (json!(5), "5"),
            (json!(true), "True"),
            (json!([1]), "TypeError: cannot unpack non-iterable int object"),
            (json!([["a"]]), "ValueError: not enough values to unpack (expected 2, got 1)"),
            (json!(["abc"]), "ValueError: too many values to unpack (expected 2)"),
        ] {
            let told = encode(&Value::from_json(arguments.clone())).unwrap_or_else(|error| error.to_string());
            assert_eq!(told, expected, "{arguments}");
        }
    }
}
