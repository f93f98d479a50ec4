//! `type: range`: a number, or text that is one, between two bounds, both included.

use super::{Judgement, Unjudgeable, brief, met_or, targeted};
use crate::python::{Decimal, Exception, NoDecimal, type_name};
use crate::{Object, Value};

pub(super) fn judge(tolerance: &Object, output: &Value) -> Result<Judgement, Unjudgeable> {
    let found = targeted(tolerance, output)?;
    let number = match Decimal::of(found) {
        Ok(number) => number,
        Err(NoDecimal::NotNumeric) => {
            return Ok(Judgement::Missed(format!("{} is not a number", brief(found))));
        }
        Err(NoDecimal::Raises(exception)) => return Err(exception.into()),
    };
    let (low, high) = bounds(tolerance)?;
    if number < decimal(low)? {
        return Ok(Judgement::Missed(format!("{} is below {}", brief(found), brief(low))));
    }
    Ok(met_or(number <= decimal(high)?, || format!("{} is above {}", brief(found), brief(high))))
}

fn bounds(tolerance: &Object) -> Result<(&Value, &Value), Exception> {
    match tolerance.get("range") {
        Some(Value::List(bounds)) => match bounds.as_slice() {
            [low, high, ..] => Ok((low, high)),
            _ => Err(Exception { class: "IndexError", text: "list index out of range".to_owned() }),
        },
        other => {
            let kind = type_name(other.unwrap_or(&Value::Null));
            Err(Exception::type_error(format!("'{kind}' object is not subscriptable")))
        }
    }
}

fn decimal(bound: &Value) -> Result<Decimal, Exception> {
    Decimal::of(bound).map_err(|why| match why {
        NoDecimal::Raises(exception) => exception,
        NoDecimal::NotNumeric => Exception {
            class: "decimal.InvalidOperation",
            text: "[<class 'decimal.ConversionSyntax'>]".to_owned(),
        },
    })
}
