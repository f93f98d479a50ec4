//! `type: jsonpath`: what a path finds in an output.

use super::{Judgement, Unjudgeable, brief, targeted};
use crate::jsonpath::JsonPath;
use crate::python::{Exception, equals, json_of, type_name};
use crate::substitute::{Scope, substitute};
use crate::{Object, Value};
use std::borrow::Cow;

pub(super) fn judge(tolerance: &Object, output: &Value, scope: &Scope) -> Result<Judgement, Unjudgeable> {
    let path = substitute(tolerance.get("path").unwrap_or(&Value::Null), scope);
    let Value::Text(path) = &path else {
        let kind = type_name(&path);
        return Err(Exception::type_error(format!("a JSON path must be text, not '{kind}'")).into());
    };
    let parsed = JsonPath::parse(path)
        .map_err(|why| Exception::value_error(format!("JSON path {path} is invalid: {why}")))?;
    let document = document(targeted(tolerance, output)?)?;
    Ok(verdict(tolerance, path, parsed.find(&document)?, scope))
}

/// Text that is JSON is read as such; other text is a document of its own.
fn document(found: &Value) -> Result<Cow<'_, Value>, Exception> {
    let text = match found {
        Value::Text(text) => text.as_str(),
        Value::Bytes(bytes) => std::str::from_utf8(bytes).map_err(|error| Exception {
            class: "UnicodeDecodeError",
            text: format!("'utf-8' codec can't decode bytes: {error}"),
        })?,
        other => return Ok(Cow::Borrowed(other)),
    };
    Ok(Cow::Owned(json_of(text).unwrap_or_else(|_| Value::from(text))))
}

/// `expect` decides if it is there, else `count`, else whether anything was found.
fn verdict(tolerance: &Object, path: &str, found: Vec<Value>, scope: &Scope) -> Judgement {
    let (met, wanted) = if let Some(expect) = tolerance.get("expect") {
        let expect = substitute(expect, scope);
        let wanted = if matches!(expect, Value::List(_)) { expect } else { Value::List(vec![expect]) };
        (equals(&Value::List(found.clone()), &wanted), format!(" instead of {}", brief(&wanted)))
    } else if let Some(count) = tolerance.get("count").filter(|count| !count.is_null()) {
        let number = Value::Int(i64::try_from(found.len()).unwrap_or(i64::MAX));
        let why = format!(": {} value(s) instead of {}", found.len(), brief(count));
        (equals(&number, count), why)
    } else {
        (!found.is_empty(), String::new())
    };
    match (met, found.is_empty()) {
        (true, _) => Judgement::Met,
        (false, true) => Judgement::Missed(format!("`{path}` finds nothing{wanted}")),
        (false, false) => Judgement::Missed(format!("`{path}` finds {}{wanted}", brief(&Value::List(found)))),
    }
}
