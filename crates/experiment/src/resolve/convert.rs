//! `env_var_type` and the type of a `--var`.

use crate::Value;
use crate::python::{Exception, float_of, int_of};

/// Turns a value to the type that `env_var_type` names; without one it stays as it is. Text comes from the environment or
/// the command line, other values are defaults.
pub fn convert(kind: Option<&Value>, value: Value) -> Result<Value, Exception> {
    let kind = match kind {
        None | Some(Value::Null) => return Ok(value),
        Some(kind) => kind.as_text(),
    };
    match kind {
        Some("str" | "string") => Ok(value),
        Some("int" | "integer") => int_of(&value),
        Some("float" | "number") => float_of(&value).map(Value::Float),
        Some("bytes") => match value {
            Value::Text(text) => Ok(Value::Bytes(text.into_bytes())),
            other => Err(Exception::no_attribute(&other, "encode")),
        },
        Some("bool") => match &value {
            Value::Bool(_) => Ok(value),
            Value::Text(text) => {
                Ok(Value::Bool(!matches!(text.to_lowercase().as_str(), "false" | "0" | "no")))
            }
            other => Err(Exception::no_attribute(other, "lower")),
        },
        Some("json") => match value {
            Value::Text(text) if !text.is_empty() => crate::python::json_of(&text),
            other => Ok(other),
        },
        _ => Err(Exception::value_error("variable type can only be: bool, str, int, float, bytes or json")),
    }
}
