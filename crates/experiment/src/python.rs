//! Python's view of a [`Value`]: its text forms, its comparisons, its numbers, its regular expressions.
//!
//! The Toolkit's documents mean what Python makes of them: a number inside a text appears as `str()` shows it, a tolerance
//! of `1` accepts `true`, and messages quote values as `repr()` does. Invariant: everything here is a function of its
//! arguments, never panics and recurses no deeper than the value does.
//!
//! Not here: reading and writing JSON and YAML.

mod compare;
mod number;
pub mod regex;
#[cfg(test)]
mod tests;

pub use compare::{Order, compare, equals};
pub(crate) use number::is_blank;
pub use number::{Decimal, NoDecimal, float_of, int_of};
pub use regex::Regex;

use crate::Value;
use crate::json::{self, float_repr};
use std::fmt::Write as _;
use std::sync::LazyLock;

/// An exception that Python would have raised: its class and its text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{class}: {text}")]
pub struct Exception {
    /// The class as a traceback shows it, such as `TypeError` or `re.error`.
    pub class: &'static str,
    /// What `str()` of the exception gives.
    pub text: String,
}

impl Exception {
    /// A `TypeError`.
    pub fn type_error(text: impl Into<String>) -> Exception {
        Exception { class: "TypeError", text: text.into() }
    }

    /// A `ValueError`.
    pub fn value_error(text: impl Into<String>) -> Exception {
        Exception { class: "ValueError", text: text.into() }
    }

    /// The `AttributeError` of asking `value` for a method that only objects have.
    pub fn no_attribute(value: &Value, attribute: &str) -> Exception {
        Exception {
            class: "AttributeError",
            text: format!("'{}' object has no attribute '{attribute}'", type_name(value)),
        }
    }
}

/// The name of the value's Python type as error messages give it: `int`, `NoneType`, `datetime.date`.
pub fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "NoneType",
        Value::Bool(_) => "bool",
        Value::Int(_) | Value::Big(_) => "int",
        Value::Float(_) => "float",
        Value::Text(_) => "str",
        Value::Bytes(_) => "bytes",
        Value::Date(text) if is_timestamp(text) => "datetime.datetime",
        Value::Date(_) => "datetime.date",
        Value::List(_) => "list",
        Value::Object(_) => "dict",
    }
}

/// What Python's `str()` gives: text as it is, everything else as in `print()`.
pub fn str_of(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Date(text) if is_timestamp(text) => text.replacen('T', " ", 1),
        Value::Date(text) => text.clone(),
        other => repr_of(other),
    }
}

/// What Python's `repr()` gives: `None`, `[1, 'a']`, `{'k': 1.0}`, `b'raw'`.
pub fn repr_of(value: &Value) -> String {
    let mut out = String::new();
    write_repr(&mut out, value);
    out
}

fn write_repr(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("None"),
        Value::Bool(true) => out.push_str("True"),
        Value::Bool(false) => out.push_str("False"),
        Value::Int(number) => out.push_str(&number.to_string()),
        Value::Big(digits) => out.push_str(digits),
        Value::Float(number) => out.push_str(&float_repr(*number)),
        Value::Text(text) => write_quoted(out, text),
        Value::Bytes(bytes) => write_bytes(out, bytes),
        Value::Date(text) => write_date(out, text),
        Value::List(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push_str(", ");
                }
                write_repr(out, item);
            }
            out.push(']');
        }
        Value::Object(object) => {
            out.push('{');
            for (at, (key, item)) in object.iter().enumerate() {
                if at > 0 {
                    out.push_str(", ");
                }
                write_quoted(out, key);
                out.push_str(": ");
                write_repr(out, item);
            }
            out.push('}');
        }
    }
}

/// `repr()` of a text: single quotes unless only those occur in it; what cannot be printed is escaped.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    write_quoted(&mut out, text);
    out
}

fn write_quoted(out: &mut String, text: &str) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if c == quote => {
                out.push('\\');
                out.push(c);
            }
            ' '..='~' => out.push(c),
            _ if is_printable(c) => out.push(c),
            _ => write_escape(out, u32::from(c)),
        }
    }
    out.push(quote);
}

fn write_escape(out: &mut String, code: u32) {
    // Writing to a String cannot fail.
    let _ = match code {
        0..=0xff => write!(out, "\\x{code:02x}"),
        0x100..=0xffff => write!(out, "\\u{code:04x}"),
        _ => write!(out, "\\U{code:08x}"),
    };
}

/// Whether Python's `str.isprintable()` holds for a character beyond ASCII's printable ones.
fn is_printable(c: char) -> bool {
    static UNPRINTABLE: LazyLock<Option<fancy_regex::Regex>> =
        LazyLock::new(|| fancy_regex::Regex::new(r"[\p{C}\p{Z}]").ok());
    let mut buffer = [0; 4];
    let text = c.encode_utf8(&mut buffer);
    UNPRINTABLE.as_ref().is_none_or(|unprintable| !unprintable.is_match(text).unwrap_or(false))
}

fn write_bytes(out: &mut String, bytes: &[u8]) {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { b'"' } else { b'\'' };
    out.push('b');
    out.push(char::from(quote));
    for &byte in bytes {
        match byte {
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            _ if byte == quote => {
                out.push('\\');
                out.push(char::from(byte));
            }
            b' '..=b'~' => out.push(char::from(byte)),
            _ => write_escape(out, u32::from(byte)),
        }
    }
    out.push(char::from(quote));
}

/// Whether the ISO text of a [`Value::Date`] is a timestamp rather than a day.
fn is_timestamp(text: &str) -> bool {
    text.contains('T')
}

/// `datetime.date(2020, 2, 29)` and the like. A text that is no date is shown as text.
fn write_date(out: &mut String, text: &str) {
    match date_repr(text) {
        Some(repr) => out.push_str(&repr),
        None => write_quoted(out, text),
    }
}

fn date_repr(text: &str) -> Option<String> {
    let Some((day, rest)) = text.split_once('T') else {
        let [year, month, day] = numbers(text, '-')?;
        return Some(format!("datetime.date({year}, {month}, {day})"));
    };
    let [year, month, day] = numbers(day, '-')?;
    let (clock, offset) = match rest.find(['+', '-']) {
        Some(at) => (&rest[..at], Some(&rest[at..])),
        None => (rest, None),
    };
    let (clock, micros) = match clock.split_once('.') {
        Some((clock, fraction)) => (clock, format!("{fraction:0<6}").get(..6)?.parse::<u32>().ok()?),
        None => (clock, 0),
    };
    let [hour, minute, second] = numbers(clock, ':')?;
    let mut repr = format!("datetime.datetime({year}, {month}, {day}, {hour}, {minute}");
    let _ = match (second, micros) {
        (0, 0) => Ok(()),
        (_, 0) => write!(repr, ", {second}"),
        _ => write!(repr, ", {second}, {micros}"),
    };
    if let Some(offset) = offset {
        let _ = write!(repr, ", tzinfo={}", zone_repr(offset)?);
    }
    repr.push(')');
    Some(repr)
}

/// `+02:00` as Python shows it: days and a non-negative number of seconds.
fn zone_repr(offset: &str) -> Option<String> {
    let (sign, clock) = offset.split_at_checked(1)?;
    let mut parts = clock.split(':').map(|part| part.parse::<i64>().ok());
    let (hours, minutes) = (parts.next()??, parts.next()??);
    let seconds = (hours * 60 + minutes) * 60 * if sign == "-" { -1 } else { 1 };
    Some(match seconds {
        0 => "datetime.timezone.utc".to_owned(),
        1.. => format!("datetime.timezone(datetime.timedelta(seconds={seconds}))"),
        _ => {
            let (days, seconds) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
            match seconds {
                0 => format!("datetime.timezone(datetime.timedelta(days={days}))"),
                _ => format!("datetime.timezone(datetime.timedelta(days={days}, seconds={seconds}))"),
            }
        }
    })
}

fn numbers(text: &str, separator: char) -> Option<[u32; 3]> {
    let mut parts = text.split(separator).map(|part| part.parse().ok());
    let three = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(three)
}

/// What Python's `json.loads()` gives.
pub(crate) fn json_of(text: &str) -> Result<Value, Exception> {
    let class = "json.decoder.JSONDecodeError";
    json::value(text).map_err(|error| Exception { class, text: error.as_python(text) })
}
