//! Values to text, as Python's `json.dumps` does it.
//!
//! Invariant: works without recursion, since a value that an extension returned may be of any depth.

use crate::Value;
use crate::value::Object;
use std::fmt::{self, Write};

/// The options of `json.dumps` that the Toolkit uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Spaces per level, each member on its own line; `None` puts everything on one line, with a space after `,` and `:`.
    pub indent: Option<usize>,
    /// Write every character beyond ASCII as `\u` and four hexadecimal digits, two of them for what one cannot hold.
    pub ascii: bool,
}

impl Style {
    /// `json.dumps(value)`: one line, ASCII only.
    pub const LINE: Style = Style { indent: None, ascii: true };
    /// As the journal is written: two spaces, characters as they are, no final newline.
    pub const JOURNAL: Style = Style { indent: Some(2), ascii: false };
}

/// The text of a value.
pub fn to_string(value: &Value, style: &Style) -> String {
    let mut text = String::new();
    write(value, style, &mut text).expect("a String takes any text");
    text
}

/// Writes a value. Dates become ISO text, bytes become text (lossily).
pub fn write(value: &Value, style: &Style, out: &mut impl Write) -> fmt::Result {
    write_within(value, style, 0, out)
}

/// Writes a value that stands `outside` levels deep in a document: each of its lines but the first begins that far to the right.
pub fn write_within(value: &Value, style: &Style, outside: usize, out: &mut impl Write) -> fmt::Result {
    let mut open: Vec<Rest<'_>> = Vec::new();
    let mut next = Some(value);
    loop {
        if let Some(value) = next.take() {
            match value {
                Value::Null => out.write_str("null")?,
                Value::Bool(flag) => write!(out, "{flag}")?,
                Value::Int(number) => write!(out, "{number}")?,
                Value::Big(digits) => out.write_str(digits)?,
                Value::Float(number) if number.is_nan() => out.write_str("NaN")?,
                Value::Float(f64::INFINITY) => out.write_str("Infinity")?,
                Value::Float(f64::NEG_INFINITY) => out.write_str("-Infinity")?,
                Value::Float(number) => out.write_str(&float_repr(*number))?,
                Value::Text(text) | Value::Date(text) => string(text, style.ascii, out)?,
                Value::Bytes(bytes) => string(&String::from_utf8_lossy(bytes), style.ascii, out)?,
                Value::List(items) if items.is_empty() => out.write_str("[]")?,
                Value::Object(object) if object.is_empty() => out.write_str("{}")?,
                Value::List(items) => {
                    out.write_char('[')?;
                    open.push(Rest { of: Members::List(items.iter()), begun: false });
                }
                Value::Object(object) => {
                    out.write_char('{')?;
                    open.push(Rest { of: Members::Object(object.iter()), begun: false });
                }
            }
        }
        let depth = open.len();
        let Some(rest) = open.last_mut() else { return Ok(()) };
        let (key, close) = match &mut rest.of {
            Members::List(items) => {
                next = items.next();
                (None, ']')
            }
            Members::Object(members) => {
                let member = members.next();
                next = member.map(|(_, value)| value);
                (member.map(|(key, _)| key), '}')
            }
        };
        if next.is_none() {
            break_line(style, outside + depth - 1, out)?;
            out.write_char(close)?;
            open.pop();
            continue;
        }
        if std::mem::replace(&mut rest.begun, true) {
            out.write_str(if style.indent.is_some() { "," } else { ", " })?;
        }
        break_line(style, outside + depth, out)?;
        if let Some(key) = key {
            string(key, style.ascii, out)?;
            out.write_str(": ")?;
        }
    }
}

/// A list or object whose begin was written.
struct Rest<'a> {
    of: Members<'a>,
    begun: bool,
}
enum Members<'a> {
    List(std::slice::Iter<'a, Value>),
    Object(<&'a Object as IntoIterator>::IntoIter),
}

fn break_line(style: &Style, depth: usize, out: &mut impl Write) -> fmt::Result {
    match style.indent {
        Some(indent) => {
            out.write_char('\n')?;
            let mut missing = indent * depth;
            while missing > 0 {
                // Padding by `fmt` writes each space on its own.
                let some = missing.min(SPACES.len());
                out.write_str(&SPACES[..some])?;
                missing -= some;
            }
            Ok(())
        }
        None => Ok(()),
    }
}

const SPACES: &str = "                                ";

fn string(text: &str, ascii: bool, out: &mut impl Write) -> fmt::Result {
    out.write_char('"')?;
    // Most texts are written as they are, which bytes tell sooner than characters.
    let is_plain = |byte: u8| byte >= b' ' && byte != b'"' && byte != b'\\' && !(ascii && byte >= 0x7f);
    if text.bytes().all(is_plain) {
        out.write_str(text)?;
        return out.write_char('"');
    }
    let mut plain = 0;
    for (at, character) in text.char_indices() {
        let escape = match character {
            '"' => "\\\"",
            '\\' => "\\\\",
            '\n' => "\\n",
            '\r' => "\\r",
            '\t' => "\\t",
            '\u{8}' => "\\b",
            '\u{c}' => "\\f",
            '\0'..='\u{1f}' => "",
            '\u{7f}'.. if ascii => "",
            _ => continue,
        };
        out.write_str(&text[plain..at])?;
        plain = at + character.len_utf8();
        if escape.is_empty() {
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
        } else {
            out.write_str(escape)?;
        }
    }
    out.write_str(&text[plain..])?;
    out.write_char('"')
}

/// Python's `repr` of a float: the shortest digits that read back as the same number, `1e-07`, `1e+16`, `2.0`, `nan`.
pub fn float_repr(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let shortest = format!("{number:e}");
    let (digits, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    match exponent.parse::<i32>() {
        Ok(-4..16) => {
            // The same digits; only a whole number lacks its `.0`.
            let text = number.to_string();
            if text.contains('.') { text } else { text + ".0" }
        }
        Ok(exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
        }
        Err(_) => shortest,
    }
}
