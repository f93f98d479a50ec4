//! Numbers out of text as Python's `int()`, `float()` and `decimal.Decimal()` read them, and decimals to compare.
//!
//! Python takes blanks around a number, single underscores between digits, and the decimal digits of any script.

use super::{Exception, quoted, type_name};
use crate::Value;
use std::cmp::Ordering;

/// What Python's `int()` gives.
pub fn int_of(value: &Value) -> Result<Value, Exception> {
    match value {
        Value::Bool(flag) => Ok(Value::Int(i64::from(*flag))),
        Value::Int(_) | Value::Big(_) => Ok(value.clone()),
        Value::Float(number) => truncated(*number),
        Value::Text(text) => int_of_text(text).ok_or_else(|| {
            Exception::value_error(format!("invalid literal for int() with base 10: {}", quoted(text)))
        }),
        Value::Bytes(bytes) => std::str::from_utf8(bytes).ok().and_then(int_of_text).ok_or_else(|| {
            Exception::value_error(format!(
                "invalid literal for int() with base 10: {}",
                super::repr_of(value)
            ))
        }),
        Value::Null | Value::Date(_) | Value::List(_) | Value::Object(_) => {
            Err(Exception::type_error(format!(
                "int() argument must be a string, a bytes-like object or a real number, not '{}'",
                type_name(value)
            )))
        }
    }
}

fn truncated(number: f64) -> Result<Value, Exception> {
    if number.is_nan() {
        return Err(Exception::value_error("cannot convert float NaN to integer"));
    }
    if number.is_infinite() {
        return Err(Exception {
            class: "OverflowError",
            text: "cannot convert float infinity to integer".to_owned(),
        });
    }
    Ok(integer(&format!("{:.0}", number.trunc())))
}

/// An integer of any size from its decimal digits with an optional minus sign.
fn integer(digits: &str) -> Value {
    let (minus, bare) = match digits.strip_prefix('-') {
        Some(bare) => ("-", bare),
        None => ("", digits),
    };
    let bare = bare.trim_start_matches('0');
    let digits = if bare.is_empty() { "0".to_owned() } else { format!("{minus}{bare}") };
    digits.parse().map_or(Value::Big(digits), Value::Int)
}

fn int_of_text(text: &str) -> Option<Value> {
    let text = plain_digits(text.trim_matches(is_blank));
    let (minus, digits) = signed(&text);
    let digits = without_underscores(digits)?;
    let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    all_digits.then(|| integer(&format!("{}{digits}", if minus { "-" } else { "" })))
}

/// What Python's `float()` gives.
pub fn float_of(value: &Value) -> Result<f64, Exception> {
    let cannot =
        |shown: String| Exception::value_error(format!("could not convert string to float: {shown}"));
    match value {
        Value::Bool(flag) => Ok(f64::from(u8::from(*flag))),
        #[expect(clippy::cast_precision_loss, reason = "float() of a large int rounds as well")]
        Value::Int(number) => Ok(*number as f64),
        Value::Big(digits) => match digits.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(number),
            _ => Err(Exception {
                class: "OverflowError",
                text: "int too large to convert to float".to_owned(),
            }),
        },
        Value::Float(number) => Ok(*number),
        Value::Text(text) => float_of_text(text).ok_or_else(|| cannot(quoted(text))),
        Value::Bytes(bytes) => std::str::from_utf8(bytes)
            .ok()
            .and_then(float_of_text)
            .ok_or_else(|| cannot(super::repr_of(value))),
        Value::Null | Value::Date(_) | Value::List(_) | Value::Object(_) => Err(Exception::type_error(
            format!("float() argument must be a string or a real number, not '{}'", type_name(value)),
        )),
    }
}

fn float_of_text(text: &str) -> Option<f64> {
    let text = plain_digits(text.trim_matches(is_blank));
    let (minus, bare) = signed(&text);
    let number = match bare.to_ascii_lowercase().as_str() {
        "inf" | "infinity" => f64::INFINITY,
        "nan" => f64::NAN,
        bare => {
            let bare = without_underscores(bare)?;
            // Rust also reads words and a leading sign, which are dealt with above.
            let begins = bare.starts_with(|c: char| c.is_ascii_digit() || c == '.');
            begins.then_some(())?;
            bare.parse().ok()?
        }
    };
    Some(if minus { -number } else { number })
}

fn signed(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

/// Underscores are allowed between two digits only.
fn without_underscores(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let well_placed = bytes.iter().enumerate().all(|(at, byte)| {
        *byte != b'_'
            || (at > 0 && bytes[at - 1].is_ascii_digit() && bytes.get(at + 1).is_some_and(u8::is_ascii_digit))
    });
    well_placed.then(|| text.replace('_', ""))
}

/// What Python strips: white space, and the four separators of ASCII.
pub(crate) fn is_blank(c: char) -> bool {
    c.is_whitespace() || ('\x1c'..='\x1f').contains(&c)
}

/// The decimal digits of every script as ASCII digits; the rest unchanged.
fn plain_digits(text: &str) -> std::borrow::Cow<'_, str> {
    if text.is_ascii() {
        return text.into();
    }
    text.chars().map(|c| digit_of(c).unwrap_or(c)).collect::<String>().into()
}

/// A decimal digit of any script as its ASCII digit. Each script has its ten digits in a row, so the zeros are listed
/// (Unicode 14, as in Python 3.11; the mathematical digits are five such rows on end).
fn digit_of(c: char) -> Option<char> {
    const ZEROS: [u32; 62] = [
        0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50,
        0xed0, 0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40,
        0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10, 0x104a0, 0x10d30, 0x11066,
        0x110f0, 0x11136, 0x111d0, 0x112f0, 0x11450, 0x114d0, 0x11650, 0x116c0, 0x11730, 0x118e0, 0x11950,
        0x11c50, 0x11d50, 0x11da0, 0x16a60, 0x16ac0, 0x16b50, 0x1d7ce, 0x1e140, 0x1e2f0, 0x1e950, 0x1fbf0,
        0x30,
    ];
    let code = u32::from(c);
    if (0x1d7ce..=0x1d7ff).contains(&code) {
        return char::from_digit((code - 0x1d7ce) % 10, 10);
    }
    let zero = ZEROS.iter().find(|zero| (**zero..**zero + 10).contains(&code))?;
    char::from_digit(code - zero, 10)
}

/// A decimal number of any size and precision, for comparisons.
///
/// A float counts as the shortest decimal text that reads back as it, which is what its author wrote: `0.3` in a document
/// equals the text `0.3`.
#[derive(Clone, Debug)]
pub struct Decimal {
    /// -1, 0 or 1.
    sign: i8,
    /// Significant digits without leading or trailing zeros; empty for zero.
    digits: String,
    /// The power of ten of the place before the first digit: 0.5 has 0, 5 has 1. `i64::MAX` for infinity.
    magnitude: i64,
}

/// Why a value is no decimal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoDecimal {
    /// Text that is no number.
    NotNumeric,
    /// Not a number at all: Python raises this.
    Raises(Exception),
}

impl Decimal {
    /// What Python's `Decimal()` makes of a value. `NaN` cannot be compared, so it raises.
    pub fn of(value: &Value) -> Result<Decimal, NoDecimal> {
        match value {
            Value::Bool(flag) => Ok(Decimal::of_digits(false, if *flag { "1" } else { "" }, 1)),
            Value::Int(number) => Decimal::of_text(&number.to_string()),
            Value::Big(digits) => Decimal::of_text(digits),
            Value::Float(number) if number.is_nan() => Err(NoDecimal::Raises(Self::invalid())),
            Value::Float(number) => Decimal::of_text(&crate::json::float_repr(*number)),
            Value::Text(text) => Decimal::of_text(text),
            Value::List(_) => {
                Err(NoDecimal::Raises(Exception::value_error("argument must be a sequence of length 3")))
            }
            Value::Null | Value::Bytes(_) | Value::Date(_) | Value::Object(_) => {
                Err(NoDecimal::Raises(Exception::type_error(format!(
                    "conversion from {} to Decimal is not supported",
                    type_name(value)
                ))))
            }
        }
    }

    fn invalid() -> Exception {
        Exception {
            class: "decimal.InvalidOperation",
            text: "[<class 'decimal.InvalidOperation'>]".to_owned(),
        }
    }

    fn of_text(text: &str) -> Result<Decimal, NoDecimal> {
        // Decimal drops every underscore, wherever it stands.
        let text = plain_digits(text.trim_matches(is_blank)).replace('_', "");
        let (minus, bare) = signed(&text);
        let bare = bare.to_ascii_lowercase();
        if matches!(bare.as_str(), "inf" | "infinity") {
            let sign = if minus { -1 } else { 1 };
            return Ok(Decimal { sign, digits: "1".to_owned(), magnitude: i64::MAX });
        }
        let payload = bare.strip_prefix("snan").or_else(|| bare.strip_prefix("nan"));
        if payload.is_some_and(|payload| payload.bytes().all(|byte| byte.is_ascii_digit())) {
            return Err(NoDecimal::Raises(Self::invalid()));
        }
        let (number, exponent) = match bare.split_once('e') {
            Some((number, exponent)) => (number, exponent_of(exponent).ok_or(NoDecimal::NotNumeric)?),
            None => (bare.as_str(), 0),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let digits = format!("{whole}{fraction}");
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NoDecimal::NotNumeric);
        }
        let magnitude = i64::try_from(whole.len()).unwrap_or(i64::MAX).saturating_add(exponent);
        Ok(Decimal::of_digits(minus, &digits, magnitude))
    }

    fn of_digits(minus: bool, digits: &str, magnitude: i64) -> Decimal {
        let significant = digits.trim_start_matches('0');
        let zeros = i64::try_from(digits.len() - significant.len()).unwrap_or(i64::MAX);
        let significant = significant.trim_end_matches('0');
        if significant.is_empty() {
            return Decimal { sign: 0, digits: String::new(), magnitude: 0 };
        }
        // Only infinity has the largest magnitude.
        let magnitude = magnitude.saturating_sub(zeros).min(i64::MAX - 1);
        Decimal { sign: if minus { -1 } else { 1 }, digits: significant.to_owned(), magnitude }
    }
}

/// An exponent of any length; beyond 64 bits it counts as enormous.
fn exponent_of(text: &str) -> Option<i64> {
    let (minus, digits) = signed(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // Far from the ends of i64, so that sums stay in order.
    let size = digits.parse::<i64>().unwrap_or(i64::MAX).min(i64::MAX / 4);
    Some(if minus { -size } else { size })
}

impl Ord for Decimal {
    fn cmp(&self, other: &Decimal) -> Ordering {
        self.sign.cmp(&other.sign).then_with(|| {
            let size = (self.magnitude, &self.digits).cmp(&(other.magnitude, &other.digits));
            if self.sign < 0 { size.reverse() } else { size }
        })
    }
}
impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Decimal) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl PartialEq for Decimal {
    fn eq(&self, other: &Decimal) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Decimal {}
