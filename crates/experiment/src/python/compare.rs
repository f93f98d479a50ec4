//! Python's `==` and `<=` of values.

use super::{Exception, is_timestamp, type_name};
use crate::Value;
use std::cmp::Ordering;

/// Python's `==`: numbers and booleans by amount (`1 == 1.0 == true`), text never equals a number.
pub fn equals(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Null, Value::Null) => true,
        (Value::Text(a), Value::Text(b)) => a == b,
        (Value::Bytes(a), Value::Bytes(b)) => a == b,
        (Value::Date(a), Value::Date(b)) => a == b || dates(a, b).is_ok_and(Ordering::is_eq),
        (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equals(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| equals(a, b)))
        }
        _ => numbers(a, b).is_some_and(|order| order == Some(Ordering::Equal)),
    }
}

/// An ordering operator of Python.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `>`
    Above,
    /// `>=`
    AtLeast,
}

impl Order {
    fn symbol(self) -> &'static str {
        match self {
            Order::Below => "<",
            Order::AtMost => "<=",
            Order::Above => ">",
            Order::AtLeast => ">=",
        }
    }

    fn holds(self, order: Ordering) -> bool {
        match self {
            Order::Below => order.is_lt(),
            Order::AtMost => order.is_le(),
            Order::Above => order.is_gt(),
            Order::AtLeast => order.is_ge(),
        }
    }
}

/// `a <= b` and its like: numbers with numbers, text with text, bytes, dates, lists item by item; anything else is a
/// `TypeError`. Nothing compares with `NaN`.
pub fn compare(a: &Value, operator: Order, b: &Value) -> Result<bool, Exception> {
    if let Some(order) = numbers(a, b) {
        return Ok(order.is_some_and(|order| operator.holds(order)));
    }
    match (a, b) {
        (Value::Text(a), Value::Text(b)) => Ok(operator.holds(a.cmp(b))),
        (Value::Bytes(a), Value::Bytes(b)) => Ok(operator.holds(a.cmp(b))),
        (Value::Date(a), Value::Date(b)) => dates(a, b).map(|order| operator.holds(order)),
        (Value::List(a), Value::List(b)) => match a.iter().zip(b).find(|(a, b)| !equals(a, b)) {
            Some((a, b)) => compare(a, operator, b),
            None => Ok(operator.holds(a.len().cmp(&b.len()))),
        },
        _ => Err(Exception::type_error(format!(
            "'{}' not supported between instances of '{}' and '{}'",
            operator.symbol(),
            type_name(a),
            type_name(b)
        ))),
    }
}

/// How two numbers compare: `None` if one is not a number, `Some(None)` if one is `NaN`.
fn numbers(a: &Value, b: &Value) -> Option<Option<Ordering>> {
    Some(match (Number::of(a)?, Number::of(b)?) {
        (Number::Int(a), Number::Int(b)) => Some(a.cmp(&b)),
        (Number::Float(a), Number::Float(b)) => a.partial_cmp(&b),
        (Number::Big(a), Number::Big(b)) => Some(big_digits(a, b)),
        (Number::Int(_), Number::Big(b)) => Some(big_sign(b).reverse()),
        (Number::Big(a), Number::Int(_)) => Some(big_sign(a)),
        (Number::Int(a), Number::Float(b)) => int_float(a, b),
        (Number::Float(a), Number::Int(b)) => int_float(b, a).map(Ordering::reverse),
        (Number::Big(a), Number::Float(b)) => big_float(a, b),
        (Number::Float(a), Number::Big(b)) => big_float(b, a).map(Ordering::reverse),
    })
}

enum Number<'a> {
    Int(i64),
    Big(&'a str),
    Float(f64),
}

impl Number<'_> {
    fn of(value: &Value) -> Option<Number<'_>> {
        match value {
            Value::Bool(flag) => Some(Number::Int(i64::from(*flag))),
            Value::Int(number) => Some(Number::Int(*number)),
            Value::Big(digits) => Some(Number::Big(digits)),
            Value::Float(number) => Some(Number::Float(*number)),
            Value::Null
            | Value::Text(_)
            | Value::Bytes(_)
            | Value::Date(_)
            | Value::List(_)
            | Value::Object(_) => None,
        }
    }
}

/// An integer beyond 64 bits, compared with any number that is not.
fn big_sign(big: &str) -> Ordering {
    if big.starts_with('-') { Ordering::Less } else { Ordering::Greater }
}

fn big_digits(a: &str, b: &str) -> Ordering {
    let size = |a: &str, b: &str| (a.len(), a).cmp(&(b.len(), b));
    match (a.strip_prefix('-'), b.strip_prefix('-')) {
        (Some(a), Some(b)) => size(a, b).reverse(),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => size(a, b),
    }
}

/// Exactly, as Python does: no rounding of the integer to a float.
fn int_float(a: i64, b: f64) -> Option<Ordering> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0; // 2^63
    if b.is_nan() {
        return None;
    }
    if b >= LIMIT {
        return Some(Ordering::Less);
    }
    if b < -LIMIT {
        return Some(Ordering::Greater);
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "b lies within i64 and its fraction is looked at next"
    )]
    let whole = b.trunc() as i64;
    Some(a.cmp(&whole).then_with(|| 0.0_f64.partial_cmp(&b.fract()).unwrap_or(Ordering::Equal)))
}

fn big_float(a: &str, b: f64) -> Option<Ordering> {
    if b.is_nan() {
        return None;
    }
    if b.is_infinite() || b.abs() < 9.0e18 {
        return Some(if b.is_infinite() && b > 0.0 {
            Ordering::Less
        } else if b.is_infinite() {
            Ordering::Greater
        } else {
            big_sign(a)
        });
    }
    // A float of this size is an integer, and Rust prints all of its digits.
    Some(big_digits(a, &format!("{b:.0}")))
}

/// Days with days, timestamps with timestamps, both with or both without an offset.
fn dates(a: &str, b: &str) -> Result<Ordering, Exception> {
    match (is_timestamp(a), is_timestamp(b)) {
        (false, false) => Ok(a.cmp(b)),
        (true, true) => match (instant(a), instant(b)) {
            (Some(a), Some(b)) => Ok(a.cmp(&b)),
            (None, None) => Ok(a.cmp(b)),
            _ => Err(Exception::type_error("can't compare offset-naive and offset-aware datetimes")),
        },
        _ => Err(Exception::type_error("can't compare datetime.datetime to datetime.date")),
    }
}

/// The moment of a timestamp that has an offset.
fn instant(text: &str) -> Option<jiff::Timestamp> {
    text.parse().ok()
}
