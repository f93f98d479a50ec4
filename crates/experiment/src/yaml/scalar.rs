//! What a scalar means: PyYAML's implicit types, and the values of explicit ones.
//!
//! Invariant: pure functions of a text; [`implicit`] accepts exactly what PyYAML's patterns accept.

use super::tag::Tag;
use crate::Value;

/// The type of a plain scalar without a tag.
pub(super) fn implicit(text: &str) -> Tag {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Tag::Null,
        "<<" => Tag::Merge,
        "=" => Tag::Other(Tag::VALUE.to_owned()),
        "yes" | "Yes" | "YES" | "no" | "No" | "NO" | "true" | "True" | "TRUE" | "false" | "False"
        | "FALSE" | "on" | "On" | "ON" | "off" | "Off" | "OFF" => Tag::Bool,
        _ if is_float(text) => Tag::Float,
        _ if is_int(text) => Tag::Int,
        _ if is_timestamp(text) => Tag::Timestamp,
        _ => Tag::Str,
    }
}

/// The value of a scalar, or what is wrong with it.
pub(super) fn construct(tag: &Tag, text: &str) -> Result<Value, String> {
    match tag {
        Tag::Null => Ok(Value::Null),
        Tag::Str => Ok(Value::from(text)),
        Tag::Bool => match text.to_lowercase().as_str() {
            "yes" | "true" | "on" => Ok(Value::Bool(true)),
            "no" | "false" | "off" => Ok(Value::Bool(false)),
            _ => Err(format!("`{}` is not a boolean", excerpt(text))),
        },
        Tag::Int => int(text).ok_or_else(|| format!("`{}` is not an integer", excerpt(text))),
        Tag::Float => float(text)
            .map(Value::Float)
            .ok_or_else(|| format!("could not convert string to float: '{text}'")),
        Tag::Timestamp => timestamp(text).map(Value::Date),
        Tag::Binary => base64(text).map(Value::Bytes),
        Tag::Merge => Err(unknown("tag:yaml.org,2002:merge")),
        Tag::Other(uri) => Err(unknown(uri)),
        Tag::Seq | Tag::Map | Tag::Set | Tag::Omap | Tag::Pairs => Err("found a scalar node".to_owned()),
    }
}

/// As much of a text as a message needs.
fn excerpt(text: &str) -> &str {
    text.char_indices().nth(60).map_or(text, |(end, _)| &text[..end])
}

pub(super) fn unknown(uri: &str) -> String {
    format!("could not determine a constructor for the tag '{uri}'")
}

/// The rest of a text, from which its parts are taken one by one.
#[derive(Clone, Copy)]
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn eat(&mut self, byte: u8) -> bool {
        self.one(|first| first == byte)
    }

    fn one(&mut self, is: impl Fn(u8) -> bool) -> bool {
        let there = self.0.first().is_some_and(|first| is(*first));
        self.0 = &self.0[usize::from(there)..];
        there
    }

    fn many(&mut self, is: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.0.iter().position(|byte| !is(*byte)).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at(end);
        self.0 = rest;
        taken
    }

    /// A number of `least..=2` digits, or the four of a year.
    fn number(&mut self, least: usize, most: usize) -> Option<i64> {
        let digits = self.0.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
        let (taken, rest) = self.0.split_at(digits);
        self.0 = rest;
        let number = taken.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0'));
        (digits >= least).then_some(number)
    }

    fn sign(&mut self) -> bool {
        self.one(|byte| matches!(byte, b'+' | b'-'))
    }
}

fn digit_or_line(byte: u8) -> bool {
    byte.is_ascii_digit() || byte == b'_'
}

/// One or more of `:5`, `:30`.
fn sixties(rest: &mut Rest<'_>) -> bool {
    let mut some = false;
    while rest.eat(b':') {
        // One digit, or two of which the first is below 6; a third one fits nothing that may follow.
        let two = matches!(rest.0, [b'0'..=b'5', b'0'..=b'9', ..]);
        if !rest.one(|byte| byte.is_ascii_digit()) {
            return false;
        }
        some = true;
        if two {
            rest.one(|byte| byte.is_ascii_digit());
        }
    }
    some
}

fn is_float(text: &str) -> bool {
    let mut rest = Rest(text.as_bytes());
    let signed = rest.sign();
    if matches!(rest.0, b".inf" | b".Inf" | b".INF") {
        return true;
    }
    if !signed && matches!(rest.0, b".nan" | b".NaN" | b".NAN") {
        return true;
    }
    if rest.0.first().is_some_and(u8::is_ascii_digit) {
        rest.many(digit_or_line);
        let plain = rest.0.first() == Some(&b'.');
        if !plain && !sixties(&mut rest) {
            return false;
        }
        if !rest.eat(b'.') {
            return false;
        }
        rest.many(digit_or_line);
        return rest.0.is_empty() || plain && is_exponent(rest);
    }
    if signed || !rest.eat(b'.') || !rest.one(|byte| byte.is_ascii_digit()) {
        return false;
    }
    rest.many(digit_or_line);
    rest.0.is_empty() || is_exponent(rest)
}

/// An exponent needs its sign: `1.0e3` is text.
fn is_exponent(mut rest: Rest<'_>) -> bool {
    rest.one(|byte| matches!(byte, b'e' | b'E'))
        && rest.sign()
        && !rest.many(|byte| byte.is_ascii_digit()).is_empty()
        && rest.0.is_empty()
}

fn is_int(text: &str) -> bool {
    let mut rest = Rest(text.as_bytes());
    rest.sign();
    let all = |bytes: &[u8], is: fn(u8) -> bool| !bytes.is_empty() && bytes.iter().all(|byte| is(*byte));
    match rest.0 {
        [b'0'] => true,
        [b'0', b'b', digits @ ..] => all(digits, |byte| matches!(byte, b'0' | b'1' | b'_')),
        [b'0', b'x', digits @ ..] => all(digits, |byte| byte.is_ascii_hexdigit() || byte == b'_'),
        [b'0', digits @ ..] => all(digits, |byte| matches!(byte, b'0'..=b'7' | b'_')),
        [b'1'..=b'9', ..] => {
            rest.many(digit_or_line);
            rest.0.is_empty() || sixties(&mut rest) && rest.0.is_empty()
        }
        _ => false,
    }
}

/// The short form has all its digits; the long one may leave out zeros.
fn is_timestamp(text: &str) -> bool {
    let short = text.len() == 10;
    match Moment::read(text) {
        Some(Moment { time: Some(_), .. }) => true,
        Some(Moment { time: None, .. }) => short,
        None => false,
    }
}

/// Python's `int()` with PyYAML's prefixes.
fn int(text: &str) -> Option<Value> {
    let text = text.trim().replace('_', "");
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(&text)),
    };
    let mut number = Natural::default();
    if let Some(digits) = digits.strip_prefix("0b") {
        number.digits(digits, 2)?;
    } else if let Some(digits) = digits.strip_prefix("0x") {
        number.digits(digits, 16)?;
    } else if digits.len() > 1 && digits.starts_with('0') {
        number.digits(digits.strip_prefix("0o").unwrap_or(digits), 8)?;
    } else {
        for (index, part) in digits.split(':').enumerate() {
            if index == 0 {
                number.digits(part, 10)?;
            } else {
                let part = part.parse::<u32>().ok()?;
                number.times_plus(60, part);
            }
        }
    }
    let digits = number.to_string();
    let text = if negative && digits != "0" { format!("-{digits}") } else { digits };
    Some(text.parse().map_or_else(|_| Value::Big(text), Value::Int))
}

/// A number of any size: its digits to the base of 10⁹, the lowest first.
#[derive(Default)]
struct Natural(Vec<u32>);

impl Natural {
    const BASE: u64 = 1_000_000_000;

    fn times_plus(&mut self, factor: u32, plus: u32) {
        let mut carry = u64::from(plus);
        for digit in &mut self.0 {
            carry += u64::from(*digit) * u64::from(factor);
            *digit = u32::try_from(carry % Self::BASE).unwrap_or_default();
            carry /= Self::BASE;
        }
        while carry > 0 {
            self.0.push(u32::try_from(carry % Self::BASE).unwrap_or_default());
            carry /= Self::BASE;
        }
    }

    /// Appends digits, several at a time.
    fn digits(&mut self, digits: &str, radix: u32) -> Option<()> {
        let digits = digits.as_bytes();
        // Python refuses to convert longer ones; the work grows with the square of the length.
        if digits.is_empty() || digits.len() > 16_384 {
            return None;
        }
        for chunk in digits.chunks(7) {
            let mut number = 0;
            let mut factor = 1;
            for digit in chunk {
                number = number * radix + char::from(*digit).to_digit(radix)?;
                factor *= radix;
            }
            self.times_plus(factor, number);
        }
        Some(())
    }
}

impl std::fmt::Display for Natural {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut digits = self.0.iter().rev();
        write!(f, "{}", digits.next().unwrap_or(&0))?;
        digits.try_for_each(|digit| write!(f, "{digit:09}"))
    }
}

/// Python's `float()` with PyYAML's spellings.
fn float(text: &str) -> Option<f64> {
    let text = text.replace('_', "").to_lowercase();
    let (sign, number) = match text.strip_prefix('-') {
        Some(number) => (-1.0, number),
        None => (1.0, text.strip_prefix('+').unwrap_or(&text)),
    };
    let number = match number {
        ".inf" => f64::INFINITY,
        ".nan" => return Some(f64::NAN),
        _ if number.contains(':') => {
            let mut base = 1.0;
            let mut sum = 0.0;
            for part in number.rsplit(':') {
                sum += part.trim().parse::<f64>().ok()? * base;
                base *= 60.0;
            }
            sum
        }
        _ => number.trim().parse().ok()?,
    };
    Some(sign * number)
}

/// A date, and perhaps a time of the day.
struct Moment<'a> {
    date: [i64; 3],
    time: Option<Time<'a>>,
}
struct Time<'a> {
    /// Hour, minute, second.
    clock: [i64; 3],
    fraction: &'a [u8],
    /// Minutes east of Greenwich.
    zone: Option<i64>,
}

impl<'a> Moment<'a> {
    fn read(text: &'a str) -> Option<Moment<'a>> {
        let blank = |byte| matches!(byte, b' ' | b'\t');
        let mut rest = Rest(text.as_bytes());
        let year = rest.number(4, 4)?;
        let month = rest.eat(b'-').then(|| rest.number(1, 2))??;
        let day = rest.eat(b'-').then(|| rest.number(1, 2))??;
        let date = [year, month, day];
        if rest.0.is_empty() {
            return Some(Moment { date, time: None });
        }
        if !rest.one(|byte| matches!(byte, b'T' | b't')) && rest.many(blank).is_empty() {
            return None;
        }
        let hour = rest.number(1, 2)?;
        let minute = rest.eat(b':').then(|| rest.number(2, 2))??;
        let second = rest.eat(b':').then(|| rest.number(2, 2))??;
        let fraction = if rest.eat(b'.') { rest.many(|byte| byte.is_ascii_digit()) } else { &[] };
        let mut time = Time { clock: [hour, minute, second], fraction, zone: None };
        if !rest.0.is_empty() {
            rest.many(blank);
            let west = rest.0.first() == Some(&b'-');
            if rest.eat(b'Z') {
                time.zone = Some(0);
            } else if rest.sign() {
                let hours = rest.number(1, 2)?;
                let minutes = if rest.eat(b':') { rest.number(2, 2)? } else { 0 };
                let east = hours * 60 + minutes;
                time.zone = Some(if west { -east } else { east });
            } else {
                return None;
            }
        }
        rest.0.is_empty().then_some(Moment { date, time: Some(time) })
    }
}

/// The `isoformat()` of the Python object that PyYAML builds.
fn timestamp(text: &str) -> Result<String, String> {
    let Some(Moment { date: [year, month, day], time }) = Moment::read(text) else {
        return Err(format!("`{}` is not a timestamp", excerpt(text)));
    };
    let within = |number: i64, most: i64, what: &str| {
        if number <= most { Ok(()) } else { Err(format!("{what} must be in 0..{most}")) }
    };
    let days = match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return Err("month must be in 1..12".to_owned()),
    };
    if year == 0 {
        return Err("year 0 is out of range".to_owned());
    }
    if !(1..=days).contains(&day) {
        return Err("day is out of range for month".to_owned());
    }
    let mut iso = format!("{year:04}-{month:02}-{day:02}");
    let Some(Time { clock: [hour, minute, second], fraction, zone }) = time else { return Ok(iso) };
    within(hour, 23, "hour")?;
    within(minute, 59, "minute")?;
    within(second, 59, "second")?;
    iso += &format!("T{hour:02}:{minute:02}:{second:02}");
    let micros: String =
        (0..6).map(|index| fraction.get(index).map_or('0', |digit| char::from(*digit))).collect();
    if micros != "000000" {
        iso += &format!(".{micros}");
    }
    if let Some(zone) = zone {
        let east = zone.abs();
        if east >= 24 * 60 {
            return Err("the offset from UTC must be less than a day".to_owned());
        }
        let sign = if zone < 0 { '-' } else { '+' };
        iso += &format!("{sign}{:02}:{:02}", east / 60, east % 60);
    }
    Ok(iso)
}

/// Python's `base64.decodebytes`, which passes over what is not of the alphabet.
fn base64(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count, mut pads) = (0u32, 0usize, 0usize);
    if !text.is_ascii() {
        return Err("failed to convert base64 data into ascii".to_owned());
    }
    for character in text.bytes() {
        let six = match character {
            b'A'..=b'Z' => character - b'A',
            b'a'..=b'z' => character - b'a' + 26,
            b'0'..=b'9' => character - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => {
                pads += 1;
                if count >= 2 && count + pads >= 4 {
                    count = 0;
                    break;
                }
                continue;
            }
            _ => continue,
        };
        pads = 0;
        bits = bits << 6 | u32::from(six);
        count = (count + 1) % 4;
        match count {
            2 => bytes.push((bits >> 4) as u8),
            3 => bytes.push((bits >> 2) as u8),
            0 => bytes.push(bits as u8),
            _ => {}
        }
    }
    if count == 0 { Ok(bytes) } else { Err("failed to decode base64 data: Incorrect padding".to_owned()) }
}
