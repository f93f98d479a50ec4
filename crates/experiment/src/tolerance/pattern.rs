//! `type: regex`: a pattern that is found somewhere in a text.

use super::{Judgement, Unjudgeable, brief, met_or, targeted};
use crate::python::{Exception, Regex, type_name};
use crate::substitute::{Scope, substitute};
use crate::{Object, Value};

pub(super) fn judge(tolerance: &Object, output: &Value, scope: &Scope) -> Result<Judgement, Unjudgeable> {
    let pattern = substitute(tolerance.get("pattern").unwrap_or(&Value::Null), scope);
    let Value::Text(pattern) = &pattern else {
        return Err(Exception::type_error("first argument must be string or compiled pattern").into());
    };
    let regex = Regex::new(pattern).map_err(|error| error.as_exception(pattern))?;
    let text = match targeted(tolerance, output)? {
        Value::Text(text) => text,
        Value::Bytes(_) => {
            return Err(Exception::type_error("cannot use a string pattern on a bytes-like object").into());
        }
        other => {
            let kind = type_name(other);
            let text = format!("expected string or bytes-like object, got '{kind}'");
            return Err(Exception::type_error(text).into());
        }
    };
    let found = regex.search(text)?;
    Ok(met_or(found, || format!("`{pattern}` is not found in {}", brief(&Value::from(text.as_str())))))
}
