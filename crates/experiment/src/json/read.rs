//! Text to values, as Python's `json.loads` does it, with the words and the places of its errors.

use crate::diagnostic::{Diagnostic, Span};
use crate::draft::{Draft, MAX_DEPTH, Places, Spans, SyntaxError, duplicate};
use crate::value::{Object, Value};

/// Python's own words, and users grep for them; the four letters stand for hexadecimal digits, nothing is to be done here.
const ESCAPE: &str = "Invalid \\uXXXX escape";

/// Reads a document and notes where its parts are. Half of a surrogate pair (`\ud800`) becomes U+FFFD.
pub fn parse(source: String) -> Result<Draft, SyntaxError> {
    let notes = Notes { places: Places::new(&source), spans: Spans::default(), duplicates: Vec::new() };
    let (document, notes) = Reader { text: &source, at: 0, depth: 0, notes: Some(notes) }.document()?;
    let (spans, duplicates) = notes.map(|notes| (notes.spans, notes.duplicates)).unwrap_or_default();
    Ok(Draft { document, spans, duplicates, source })
}

/// Reads a value, such as the body of a response, without noting places.
pub fn value(text: &str) -> Result<Value, SyntaxError> {
    Reader { text, at: 0, depth: 0, notes: None }.document().map(|(value, _)| value)
}

struct Notes<'a> {
    places: Places<'a>,
    spans: Spans,
    duplicates: Vec<Diagnostic>,
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    notes: Option<Notes<'a>>,
}

/// A value's own place in its parent.
#[derive(Default)]
struct Member<'a> {
    name: Option<&'a str>,
    key: Span,
}

type Read<T> = Result<T, SyntaxError>;

impl<'a> Reader<'a> {
    fn document(mut self) -> Read<(Value, Option<Notes<'a>>)> {
        if self.text.starts_with('\u{feff}') {
            return self.fail(0, "Unexpected UTF-8 BOM (decode using utf-8-sig)");
        }
        self.blanks();
        let value = self.value(Member::default())?;
        self.blanks();
        if self.at < self.text.len() {
            return self.fail(self.at, "Extra data");
        }
        Ok((value, self.notes))
    }

    fn value(&mut self, member: Member<'_>) -> Read<Value> {
        let start = self.at;
        let node = self.notes.as_mut().map(|notes| {
            let place = notes.places.span(start, start);
            notes.spans.open(member.name, member.key, place)
        });
        let value = match self.peek() {
            Some(b'"') => self.string().map(Value::Text),
            Some(b'{') => self.nested(|reader| reader.object(node)),
            Some(b'[') => self.nested(Reader::list),
            _ => self.word(),
        }?;
        if let (Some(notes), Some(node)) = (&mut self.notes, node) {
            notes.spans.close(node, self.at);
        }
        Ok(value)
    }

    /// Lists and objects recurse, so their depth is bounded.
    fn nested(&mut self, read: impl FnOnce(&mut Self) -> Read<Value>) -> Read<Value> {
        if self.depth == MAX_DEPTH {
            return self
                .fail(self.at, format!("lists and objects are nested deeper than {MAX_DEPTH} levels"));
        }
        self.depth += 1;
        self.at += 1;
        self.blanks();
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn list(&mut self) -> Read<Value> {
        let mut items = Vec::new();
        if !self.eat(b']') {
            loop {
                items.push(self.value(Member::default())?);
                self.blanks();
                if self.eat(b']') {
                    break;
                }
                self.comma()?;
            }
        }
        if self.notes.is_some() {
            items.shrink_to_fit();
        }
        Ok(Value::List(items))
    }

    fn object(&mut self, node: Option<usize>) -> Read<Value> {
        let mut object = Object::default();
        let mut keys: Vec<Span> = Vec::new();
        if !self.eat(b'}') {
            loop {
                let start = self.at;
                if self.peek() != Some(b'"') {
                    return self.fail(start, "Expecting property name enclosed in double quotes");
                }
                let name = self.string()?;
                let key = match &mut self.notes {
                    Some(notes) => notes.places.span(start, self.at),
                    None => Span::default(),
                };
                self.blanks();
                if !self.eat(b':') {
                    return self.fail(self.at, "Expecting ':' delimiter");
                }
                self.blanks();
                let value = self.value(Member { name: Some(&name), key })?;
                let (index, before) = object.insert_full(name, value);
                match (before, &mut self.notes, node) {
                    (Some(_), Some(notes), Some(node)) => {
                        let name = object.get_index(index).map_or("", |(name, _)| name);
                        let path = || notes.spans.path_to(node, name);
                        duplicate(&mut notes.duplicates, path, name, keys[index], key);
                        keys[index] = key;
                    }
                    (None, ..) => keys.push(key),
                    (Some(_), ..) => {}
                }
                self.blanks();
                if self.eat(b'}') {
                    break;
                }
                self.comma()?;
            }
        }
        // A document is kept as long as its run, and the room that small objects have for growing is half of what they take.
        if self.notes.is_some() {
            object.shrink_to_fit();
        }
        Ok(Value::Object(object))
    }

    fn comma(&mut self) -> Read<()> {
        if !self.eat(b',') {
            return self.fail(self.at, "Expecting ',' delimiter");
        }
        self.blanks();
        Ok(())
    }

    /// `null` and its like, and numbers.
    fn word(&mut self) -> Read<Value> {
        let rest = &self.text[self.at..];
        for (word, value) in [
            ("null", Value::Null),
            ("true", Value::Bool(true)),
            ("false", Value::Bool(false)),
            ("NaN", Value::Float(f64::NAN)),
            ("Infinity", Value::Float(f64::INFINITY)),
            ("-Infinity", Value::Float(f64::NEG_INFINITY)),
        ] {
            if rest.starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        let sign = usize::from(rest.starts_with('-'));
        let whole = match rest.as_bytes().get(sign) {
            Some(b'0') => sign + 1,
            Some(b'1'..=b'9') => digits(rest, sign),
            _ => return self.fail(self.at, "Expecting value"),
        };
        let fraction = match digits(rest, whole + 1) {
            end if rest[whole..].starts_with('.') && end > whole + 1 => end,
            _ => whole,
        };
        let end = exponent(rest, fraction);
        self.at += end;
        if end > whole {
            // Cannot fail after the match above; what is out of range becomes infinite here, as in Python.
            return Ok(Value::Float(rest[..end].parse().unwrap_or(f64::NAN)));
        }
        Ok(match &rest[..end] {
            "-0" => Value::Int(0),
            text => text.parse().map_or_else(|_| Value::Big(text.to_owned()), Value::Int),
        })
    }

    fn string(&mut self) -> Read<String> {
        let begin = self.at;
        let bytes = self.text.as_bytes();
        let mut text = String::new();
        let mut at = begin + 1;
        loop {
            let plain = at;
            while bytes.get(at).is_some_and(|byte| !matches!(byte, b'"' | b'\\' | 0..0x20)) {
                at += 1;
            }
            text.push_str(&self.text[plain..at]);
            match bytes.get(at) {
                None => return self.fail(begin, "Unterminated string starting at"),
                Some(b'"') => break,
                Some(b'\\') => {}
                Some(_) => return self.fail(at, "Invalid control character at"),
            }
            let plain = match bytes.get(at + 1) {
                None => return self.fail(begin, "Unterminated string starting at"),
                Some(b'u') => {
                    let Some(mut unit) = hex(bytes, at + 2) else {
                        return self.fail(at + 1, ESCAPE);
                    };
                    at += 6;
                    if (0xd800..0xdc00).contains(&unit) && bytes[at..].starts_with(b"\\u") {
                        let Some(low) = hex(bytes, at + 2) else {
                            return self.fail(at + 1, ESCAPE);
                        };
                        if (0xdc00..0xe000).contains(&low) {
                            unit = 0x10000 + ((unit - 0xd800) << 10 | (low - 0xdc00));
                            at += 6;
                        }
                    }
                    text.push(char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER));
                    continue;
                }
                Some(b'n') => '\n',
                Some(b'r') => '\r',
                Some(b't') => '\t',
                Some(b'b') => '\u{8}',
                Some(b'f') => '\u{c}',
                Some(plain @ (b'"' | b'\\' | b'/')) => char::from(*plain),
                Some(_) => return self.fail(at, "Invalid \\escape"),
            };
            text.push(plain);
            at += 2;
        }
        self.at = at + 1;
        Ok(text)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn fail<T>(&self, at: usize, message: impl Into<String>) -> Read<T> {
        Err(SyntaxError::at(self.text, at, at, message))
    }
}

/// The end of the digits that begin at `from`.
fn digits(text: &str, from: usize) -> usize {
    let digits = text.as_bytes().get(from..).unwrap_or_default();
    from + digits.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// The end of the exponent that begins at `from`, if there is one.
fn exponent(text: &str, from: usize) -> usize {
    let bytes = text.as_bytes().get(from..).unwrap_or_default();
    let sign = match bytes {
        [b'e' | b'E', b'+' | b'-', ..] => 2,
        [b'e' | b'E', ..] => 1,
        _ => return from,
    };
    match digits(text, from + sign) {
        end if end > from + sign => end,
        _ => from,
    }
}

fn hex(bytes: &[u8], from: usize) -> Option<u32> {
    bytes
        .get(from..from + 4)?
        .iter()
        .try_fold(0, |unit, byte| Some(unit << 4 | char::from(*byte).to_digit(16)?))
}
