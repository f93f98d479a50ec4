//! The ways to write a text: with the escapes of URLs, of JSON and program text, of HTML.
//!
//! Invariant: every place in a reading leads back to a place in what was read, so that what is found in one can be hidden in the
//! other. An escape that is malformed stands for itself.
//!
//! Writers differ in what they escape (`/` and `+` in a URL, `&` in JSON, everything but ASCII), so escapes are undone rather
//! than guessed. Not here: what is looked for.

/// JSON within JSON within Python's `repr`.
const DEEPEST: usize = 3;

/// The longest name between `&` and `;`.
const LONGEST_NAME: usize = 8;

/// What is undone.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `%2f`.
    Percent,
    /// The same, with `+` for a blank.
    Form,
    /// `\"`, `\u0026`, `\/`; `\xf6` is a character.
    Backslash,
    /// The same, but `\xc3\xb6` are bytes.
    Bytes,
    /// `&quot;`, `&#39;`.
    Html,
    /// All of them, as in a URL with JSON in it.
    Any,
}

/// A text without its escapes.
pub(super) struct Reading {
    pub(super) text: String,
    /// Where each of its bytes comes from; and the end.
    starts: Vec<usize>,
}

impl Reading {
    /// The place in what was read.
    pub(super) fn origin(&self, at: usize) -> usize {
        self.starts.get(at).or(self.starts.last()).copied().unwrap_or_default()
    }
}

/// Shows every other way to read a text.
pub(super) fn readings(text: &str, mut show: impl FnMut(&Reading)) {
    let (percent, backslash, html) = (text.contains('%'), text.contains('\\'), text.contains('&'));
    for (kind, is_there) in [
        (Kind::Percent, percent),
        (Kind::Form, text.contains('+')),
        (Kind::Backslash, backslash),
        (Kind::Bytes, backslash && text.contains("\\x")),
        (Kind::Html, html),
        (Kind::Any, percent || backslash || html),
    ] {
        let mut read: Option<Reading> = None;
        for _ in 0..if is_there { DEEPEST } else { 0 } {
            let Some(mut next) = reading(read.as_ref().map_or(text, |read| &read.text), kind) else { break };
            if let Some(before) = &read {
                next.starts.iter_mut().for_each(|start| *start = before.origin(*start));
            }
            show(&next);
            read = Some(next);
        }
    }
}

/// What an escape stands for.
enum Piece {
    Char(char),
    Byte(u8),
}

/// The text with its outermost escapes undone; `None` without one.
fn reading(text: &str, kind: Kind) -> Option<Reading> {
    let mut read = Reading { text: String::with_capacity(text.len()), starts: Vec::new() };
    let (mut at, mut bytes, mut is_other) = (0, Vec::new(), false);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let found = escape(rest, kind);
        is_other |= found.is_some();
        if let Some((Piece::Byte(byte), length)) = found {
            bytes.push((byte, at));
            at += length;
            continue;
        }
        read.take(&mut bytes);
        if let Some((Piece::Char(char), length)) = found {
            read.text.push(char);
            read.starts.resize(read.text.len(), at);
            at += length;
        } else {
            let first = rest.chars().next().map_or(1, char::len_utf8);
            let plain = rest.get(first..).and_then(|rest| rest.find(['%', '+', '\\', '&']));
            let length = plain.map_or(rest.len(), |plain| first + plain);
            read.text.push_str(&rest[..length]);
            read.starts.extend(at..at + length);
            at += length;
        }
    }
    read.take(&mut bytes);
    read.starts.push(text.len());
    is_other.then_some(read)
}

impl Reading {
    /// Adds bytes that make characters together, and where each comes from.
    fn take(&mut self, bytes: &mut Vec<(u8, usize)>) {
        let mut starts = bytes.iter().map(|(_, at)| *at);
        let raw: Vec<u8> = bytes.iter().map(|(byte, _)| *byte).collect();
        for chunk in raw.utf8_chunks() {
            self.text.push_str(chunk.valid());
            self.starts.extend(starts.by_ref().take(chunk.valid().len()));
            if let Some(first) = starts.by_ref().take(chunk.invalid().len()).min() {
                self.text.push(char::REPLACEMENT_CHARACTER);
                self.starts.resize(self.text.len(), first);
            }
        }
        drop(starts);
        bytes.clear();
    }
}

/// The escape that a text begins with, and its length.
fn escape(text: &str, kind: Kind) -> Option<(Piece, usize)> {
    match (text.as_bytes().first()?, kind) {
        (b'%', Kind::Percent | Kind::Form | Kind::Any) => byte(text, 1),
        (b'+', Kind::Form) => Some((Piece::Char(' '), 1)),
        (b'\\', Kind::Backslash) => backslash(text, false),
        (b'\\', Kind::Bytes | Kind::Any) => backslash(text, true),
        (b'&', Kind::Html | Kind::Any) => entity(text),
        _ => None,
    }
}

fn backslash(text: &str, bytes: bool) -> Option<(Piece, usize)> {
    let char = |char| Some((Piece::Char(char), 2));
    match text.as_bytes().get(1)? {
        b'n' => char('\n'),
        b'r' => char('\r'),
        b't' => char('\t'),
        b'b' => char('\u{8}'),
        b'f' => char('\u{c}'),
        b'x' if bytes => byte(text, 2),
        b'x' => Some((Piece::Char(char::from_u32(hex(text, 2, 2)?)?), 4)),
        b'U' => Some((Piece::Char(char::from_u32(hex(text, 2, 8)?)?), 10)),
        b'u' => {
            let first = hex(text, 2, 4)?;
            if let Some(char) = char::from_u32(first) {
                return Some((Piece::Char(char), 6));
            }
            // Half of a character: JSON writes those beyond four digits as two.
            let second = text.get(6..8).filter(|next| *next == "\\u").and_then(|_| hex(text, 8, 4))?;
            let pair =
                char::decode_utf16([u16::try_from(first).ok()?, u16::try_from(second).ok()?]).next()?;
            Some((Piece::Char(pair.ok()?), 12))
        }
        other @ (b'"' | b'\'' | b'\\' | b'/') => char(char::from(*other)),
        _ => None,
    }
}

fn entity(text: &str) -> Option<(Piece, usize)> {
    let end = text.bytes().take(LONGEST_NAME + 2).position(|byte| byte == b';')?;
    let char = match text.get(1..end)? {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        number => {
            let number = number.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => hex(digits, 0, digits.len())?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    };
    Some((Piece::Char(char), end + 1))
}

fn byte(text: &str, at: usize) -> Option<(Piece, usize)> {
    Some((Piece::Byte(u8::try_from(hex(text, at, 2)?).ok()?), at + 2))
}

fn hex(text: &str, at: usize, digits: usize) -> Option<u32> {
    let digits = text.get(at..at + digits)?;
    let all = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    all.then(|| u32::from_str_radix(digits, 16).ok())?
}
