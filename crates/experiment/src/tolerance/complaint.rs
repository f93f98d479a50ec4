//! What is wrong with a tolerance before anything is run, in the Toolkit's words.

use crate::Value;
use crate::jsonpath::JsonPath;
use crate::python::{Regex, str_of};

/// The first complaint about a tolerance, if there is one. Patterns and paths are looked at as they are written, before
/// `${}` is replaced. The activity inside a `probe` tolerance is not looked at.
pub fn complaint(tolerance: &Value) -> Option<String> {
    match tolerance {
        Value::Bool(_) | Value::Int(_) | Value::Big(_) | Value::List(_) | Value::Text(_) => None,
        Value::Object(_) => match tolerance.get("type").and_then(Value::as_text) {
            Some("probe") => None,
            Some("regex") => pattern(tolerance.get("pattern")),
            Some("jsonpath") => path(tolerance.get("path")),
            Some("range") => range(tolerance.get("range")),
            _ => {
                let kind = str_of(tolerance.get("type").unwrap_or(&Value::Null));
                Some(format!("hypothesis probe tolerance type '{kind}' is unsupported"))
            }
        },
        Value::Null | Value::Float(_) | Value::Bytes(_) | Value::Date(_) => Some(
            "hypothesis probe tolerance must either be an integer, a string, a boolean or a pair of values for \
             boundaries. It can also be a dictionary which is a probe activity definition that takes an argument called \
             `value` with the value of the probe itself to be validated"
                .to_owned(),
        ),
    }
}

fn pattern(pattern: Option<&Value>) -> Option<String> {
    let Some(pattern) = pattern else {
        return Some("hypothesis regex probe tolerance must have a `pattern` key".to_owned());
    };
    let Value::Text(text) = pattern else {
        return Some(format!("hypothesis probe tolerance pattern {} has an invalid type", str_of(pattern)));
    };
    let error = Regex::new(text).err()?;
    Some(format!("hypothesis probe tolerance pattern {text} seems invalid: {}", error.message))
}

fn path(path: Option<&Value>) -> Option<String> {
    let Some(path) = path else {
        return Some("hypothesis jsonpath probe tolerance must have a `path` key".to_owned());
    };
    let Value::Text(text) = path else {
        return Some(format!("hypothesis probe tolerance JSON path {} has an invalid type", str_of(path)));
    };
    let text = text.trim_matches(crate::python::is_blank);
    if text.is_empty() {
        return Some("hypothesis probe tolerance JSON path cannot be empty".to_owned());
    }
    JsonPath::parse(text).err()?;
    Some(format!("hypothesis probe tolerance JSON path {text} is invalid"))
}

fn range(range: Option<&Value>) -> Option<String> {
    let number =
        |value: &Value| matches!(value, Value::Bool(_) | Value::Int(_) | Value::Big(_) | Value::Float(_));
    let complaint = match range {
        None => "hypothesis range probe tolerance must have a `range` key",
        Some(Value::List(bounds)) => match bounds.as_slice() {
            [low, _] if !number(low) => "hypothesis range lower boundary must be a number",
            [_, high] if !number(high) => "hypothesis range upper boundary must be a number",
            [_, _] => return None,
            _ => "hypothesis range sequence must be made of two values",
        },
        Some(_) => "hypothesis range must be a sequence",
    };
    Some(complaint.to_owned())
}
