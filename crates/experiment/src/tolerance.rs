//! Says whether what a probe found is within its tolerance, as Python would.
//!
//! Invariant: judging is a function of the tolerance, the output and the scope; nothing is run here. A tolerance that is
//! itself a probe is handed back as [`Judgement::Ask`]. What makes Python raise an exception is [`Unjudgeable`], never a
//! panic, and a regular expression or path that takes too long is given up.
//!
//! Not here: whether the activity inside a `probe` tolerance is valid ([`crate::check`] knows activities).

mod complaint;
mod path;
mod pattern;
mod range;
#[cfg(test)]
mod tests;

pub use complaint::complaint;

use crate::python::{Exception, Order, compare, equals, repr_of, str_of};
use crate::substitute::{Scope, substitute, substitute_text};
use crate::{Object, Value};
use std::borrow::Cow;

/// What came of holding an output against its tolerance.
#[derive(Clone, Debug, PartialEq)]
pub enum Judgement {
    /// Within tolerance.
    Met,
    /// Out of tolerance, and why in a few words: `7 is above 5`.
    Missed(String),
    /// The tolerance is this activity, its `arguments.value` set to the output: it is met if the activity succeeds with an
    /// output that Python takes for true. The Toolkit leaves the activity with that value in the experiment.
    Ask(Value),
}

/// The tolerance cannot be held against this output: what Python would raise, such as
/// `TypeError: '<=' not supported between instances of 'str' and 'int'`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unjudgeable(pub Exception);

impl From<Exception> for Unjudgeable {
    fn from(exception: Exception) -> Unjudgeable {
        Unjudgeable(exception)
    }
}

/// Holds a probe's output against its tolerance. A tolerance that is text is substituted first and then counts by what it
/// became.
pub fn within(tolerance: &Value, output: &Value, scope: &Scope) -> Result<Judgement, Unjudgeable> {
    let tolerance = effective(tolerance, scope);
    match &*tolerance {
        Value::Bool(_) | Value::Text(_) => equal("", output, &tolerance),
        Value::Int(_) | Value::Big(_) => match output.get("status") {
            Some(status) => equal("status ", status, &tolerance),
            None => equal("", output, &tolerance),
        },
        Value::List(items) => list(items, output),
        Value::Object(object) => typed(object, output, scope),
        Value::Null | Value::Float(_) | Value::Bytes(_) | Value::Date(_) => {
            Ok(Judgement::Missed(format!("nothing is within a tolerance of {}", repr_of(&tolerance))))
        }
    }
}

/// The text of the tolerance in the line `allowed tolerance is …`.
pub fn shown(tolerance: &Value, scope: &Scope) -> String {
    str_of(&effective(tolerance, scope))
}

/// The line that the Toolkit's log has about a pattern or path with its names replaced.
pub fn applied(tolerance: &Value, scope: &Scope) -> Option<String> {
    let tolerance = effective(tolerance, scope);
    let key = |key| substitute(tolerance.get(key).unwrap_or(&Value::Null), scope);
    match tolerance.get("type").and_then(Value::as_text) {
        Some("regex") => Some(format!("Applied pattern is: {}", str_of(&key("pattern")))),
        Some("jsonpath") => Some(format!("Applied jsonpath is: {}", str_of(&key("path")))),
        _ => None,
    }
}

fn effective<'a>(tolerance: &'a Value, scope: &Scope) -> Cow<'a, Value> {
    match tolerance {
        Value::Text(text) => Cow::Owned(substitute_text(text, scope)),
        other => Cow::Borrowed(other),
    }
}

fn equal(what: &str, found: &Value, wanted: &Value) -> Result<Judgement, Unjudgeable> {
    Ok(met_or(equals(found, wanted), || format!("{what}{} is not {}", brief(found), brief(wanted))))
}

fn met_or(met: bool, why: impl FnOnce() -> String) -> Judgement {
    if met { Judgement::Met } else { Judgement::Missed(why()) }
}

/// A list of two is a pair of bounds, unless the output has a status; any other list holds the values that are allowed.
fn list(items: &[Value], output: &Value) -> Result<Judgement, Unjudgeable> {
    let one_of = |what: &str, found: &Value| {
        let met = items.iter().any(|item| equals(found, item));
        met_or(met, || format!("{what}{} is not one of {}", brief(found), brief(&items.to_vec().into())))
    };
    if let Some(status) = output.get("status") {
        return Ok(one_of("status ", status));
    }
    let [low, high] = items else {
        return Ok(one_of("", output));
    };
    if !compare(low, Order::AtMost, output)? {
        return Ok(Judgement::Missed(format!("{} is below {}", brief(output), brief(low))));
    }
    let met = compare(output, Order::AtMost, high)?;
    Ok(met_or(met, || format!("{} is above {}", brief(output), brief(high))))
}

fn typed(tolerance: &Object, output: &Value, scope: &Scope) -> Result<Judgement, Unjudgeable> {
    match tolerance.get("type").and_then(Value::as_text) {
        Some("probe") => ask(tolerance, output),
        Some("regex") => pattern::judge(tolerance, output, scope),
        Some("jsonpath") => path::judge(tolerance, output, scope),
        Some("range") => range::judge(tolerance, output),
        _ => {
            let kind = tolerance.get("type").map_or_else(|| "None".to_owned(), str_of);
            Ok(Judgement::Missed(format!("a tolerance of type '{kind}' is unsupported")))
        }
    }
}

fn ask(tolerance: &Object, output: &Value) -> Result<Judgement, Unjudgeable> {
    let missing = |key: &str| Exception { class: "KeyError", text: format!("'{key}'") };
    let mut activity = tolerance.clone();
    let provider = match activity.get_mut("provider") {
        Some(Value::Object(provider)) => provider,
        Some(other) => return Err(not_a_mapping(other).into()),
        None => return Err(missing("provider").into()),
    };
    match provider.get_mut("arguments") {
        Some(Value::Object(arguments)) => {
            arguments.insert("value".to_owned(), output.clone());
        }
        Some(other) => return Err(not_a_mapping(other).into()),
        None => return Err(missing("arguments").into()),
    }
    Ok(Judgement::Ask(Value::Object(activity)))
}

/// What Python raises when a key is looked up in, or put into, something that has none.
fn not_a_mapping(value: &Value) -> Exception {
    let kind = crate::python::type_name(value);
    Exception::type_error(match value {
        Value::List(_) => "list indices must be integers or slices, not str".to_owned(),
        _ => format!("'{kind}' object does not support item assignment"),
    })
}

/// The part of the output that `target` names: the whole of it without `target`, or if it has no such key.
fn targeted<'a>(tolerance: &Object, output: &'a Value) -> Result<&'a Value, Exception> {
    let Some(target) = tolerance.get("target").filter(|target| target.is_truthy()) else {
        return Ok(output);
    };
    let Value::Object(object) = output else {
        return Err(Exception::no_attribute(output, "get"));
    };
    match target {
        Value::Text(key) => Ok(object.get(key).unwrap_or(output)),
        Value::List(_) | Value::Object(_) => {
            let kind = crate::python::type_name(target);
            Err(Exception::type_error(format!("unhashable type: '{kind}'")))
        }
        _ => Ok(output),
    }
}

/// A value in a sentence: as Python's `repr()`, cut when it is long.
fn brief(value: &Value) -> String {
    const LONGEST: usize = 100;
    let shown = repr_of(value);
    match shown.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &shown[..end]),
        None => shown,
    }
}
