//! What is wrong with a text that is not JSON, in the words of Go, which clients of Kubernetes know.
//!
//! Not here: reading JSON. This looks only at what could not be read, to say where it went wrong.

/// `invalid character 'x' looking for beginning of value`, `unexpected end of JSON input`.
pub(super) fn complaint(text: &[u8]) -> String {
    let mut scan = Scan { text, at: 0, depth: 0 };
    let found = scan.value("looking for beginning of value").and_then(|()| match scan.peek() {
        None => Err(Wrong::Other),
        Some(byte) => Err(Wrong::Byte(byte, "after top-level value".to_owned())),
    });
    match found {
        Err(Wrong::Byte(byte, place)) => format!("invalid character {} {place}", quoted(byte)),
        Err(Wrong::End) => "unexpected end of JSON input".to_owned(),
        Ok(()) | Err(Wrong::Other) => "exceeded max depth".to_owned(),
    }
}

/// What a body begins with, as a server shows it beside its complaint.
pub(super) fn summary(text: &[u8]) -> String {
    const MOST: usize = 30;
    let more = if text.len() > MOST { " ..." } else { "" };
    let start = text.get(..MOST).unwrap_or(text);
    match text.first() {
        None => "<empty>".to_owned(),
        Some(b'{') => format!("{}{more}", String::from_utf8_lossy(start)),
        Some(_) => format!("{}{more}", start.iter().map(|byte| format!("{byte:02x}")).collect::<String>()),
    }
}

enum Wrong {
    Byte(u8, String),
    End,
    /// Nothing that Go's scanner would mind.
    Other,
}

struct Scan<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
}

/// Go gives up at this depth.
const DEEPEST: usize = 10_000;

impl Scan<'_> {
    /// The next byte that is not blank.
    fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.text.get(self.at) {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    fn take(&mut self) -> Result<u8, Wrong> {
        let byte = self.text.get(self.at).copied().ok_or(Wrong::End)?;
        self.at += 1;
        Ok(byte)
    }

    fn refuse(byte: Option<u8>, place: &str) -> Result<(), Wrong> {
        Err(byte.map_or(Wrong::End, |byte| Wrong::Byte(byte, place.to_owned())))
    }

    fn value(&mut self, place: &str) -> Result<(), Wrong> {
        let first = self.peek();
        match first {
            Some(b'{') => self.members(),
            Some(b'[') => self.items(),
            Some(b'"') => self.string(),
            Some(b't') => self.literal("true"),
            Some(b'f') => self.literal("false"),
            Some(b'n') => self.literal("null"),
            Some(b'-' | b'0'..=b'9') => self.number(),
            other => Self::refuse(other, place),
        }
    }

    fn deeper(&mut self) -> Result<(), Wrong> {
        self.at += 1;
        self.depth += 1;
        // The stack is ours: what serde refuses for its depth is not followed either.
        if self.depth > DEEPEST.min(256) { Err(Wrong::Other) } else { Ok(()) }
    }

    fn members(&mut self) -> Result<(), Wrong> {
        self.deeper()?;
        let mut first = true;
        loop {
            match self.peek() {
                Some(b'}') if first => break,
                Some(b'"') => self.string()?,
                other => return Self::refuse(other, "looking for beginning of object key string"),
            }
            first = false;
            match self.peek() {
                Some(b':') => self.at += 1,
                other => return Self::refuse(other, "after object key"),
            }
            self.value("looking for beginning of value")?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                other => return Self::refuse(other, "after object key:value pair"),
            }
        }
        self.at += 1;
        self.depth -= 1;
        Ok(())
    }

    fn items(&mut self) -> Result<(), Wrong> {
        self.deeper()?;
        if self.peek() != Some(b']') {
            loop {
                self.value("looking for beginning of value")?;
                match self.peek() {
                    Some(b',') => self.at += 1,
                    Some(b']') => break,
                    other => return Self::refuse(other, "after array element"),
                }
            }
        }
        self.at += 1;
        self.depth -= 1;
        Ok(())
    }

    fn string(&mut self) -> Result<(), Wrong> {
        self.at += 1;
        loop {
            match self.take()? {
                b'"' => return Ok(()),
                b'\\' => match self.take()? {
                    b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"' => {}
                    b'u' => {
                        for _ in 0..4 {
                            let digit = self.take()?;
                            if !digit.is_ascii_hexdigit() {
                                return Self::refuse(Some(digit), "in \\u hexadecimal character escape");
                            }
                        }
                    }
                    other => return Self::refuse(Some(other), "in string escape code"),
                },
                control if control < 0x20 => return Self::refuse(Some(control), "in string literal"),
                _ => {}
            }
        }
    }

    fn literal(&mut self, word: &str) -> Result<(), Wrong> {
        self.at += 1;
        for expected in word.bytes().skip(1) {
            let byte = self.take()?;
            if byte != expected {
                let place = format!("in literal {word} (expecting {})", quoted(expected));
                return Self::refuse(Some(byte), &place);
            }
        }
        Ok(())
    }

    fn digits(&mut self) {
        while self.text.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
    }

    fn digit(&mut self, place: &str) -> Result<(), Wrong> {
        match self.take()? {
            b'0'..=b'9' => {
                self.digits();
                Ok(())
            }
            other => Self::refuse(Some(other), place),
        }
    }

    fn number(&mut self) -> Result<(), Wrong> {
        if self.text.get(self.at) == Some(&b'-') {
            self.at += 1;
        }
        match self.take()? {
            b'0' => {}
            b'1'..=b'9' => self.digits(),
            other => return Self::refuse(Some(other), "in numeric literal"),
        }
        if self.text.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digit("after decimal point in numeric literal")?;
        }
        if let Some(b'e' | b'E') = self.text.get(self.at) {
            self.at += 1;
            if let Some(b'+' | b'-') = self.text.get(self.at) {
                self.at += 1;
            }
            self.digit("in exponent of numeric literal")?;
        }
        Ok(())
    }
}

/// A byte as Go quotes it.
fn quoted(byte: u8) -> String {
    match byte {
        b'\'' => "'\\''".to_owned(),
        b'"' => "'\"'".to_owned(),
        b'\\' => "'\\\\'".to_owned(),
        b'\n' => "'\\n'".to_owned(),
        b'\r' => "'\\r'".to_owned(),
        b'\t' => "'\\t'".to_owned(),
        0x20..=0x7e | 0xa1..=0xac | 0xae..=0xff => format!("'{}'", char::from(byte)),
        0x80..=0xa0 | 0xad => format!("'\\u{byte:04x}'"),
        other => format!("'\\x{other:02x}'"),
    }
}

#[cfg(test)]
mod tests {
    use super::{complaint, summary};

    #[test]
    fn what_is_no_json_is_complained_about_as_go_does() {
        for (text, expected) in [
            ("", "unexpected end of JSON input"),
            ("  ", "unexpected end of JSON input"),
            ("{", "unexpected end of JSON input"),
            ("{nonsense", "invalid character 'n' looking for beginning of object key string"),
            ("{\"a\" 1}", "invalid character '1' after object key"),
            ("{\"a\":}", "invalid character '}' looking for beginning of value"),
            ("{\"a\":1 \"b\":2}", "invalid character '\"' after object key:value pair"),
            ("{\"a\":1,}", "invalid character '}' looking for beginning of object key string"),
            ("[1 2]", "invalid character '2' after array element"),
            ("[1,]", "invalid character ']' looking for beginning of value"),
            ("{} x", "invalid character 'x' after top-level value"),
            ("tru", "unexpected end of JSON input"),
            ("trux", "invalid character 'x' in literal true (expecting 'e')"),
            ("-x", "invalid character 'x' in numeric literal"),
            ("1.x", "invalid character 'x' after decimal point in numeric literal"),
            ("1ex", "invalid character 'x' in exponent of numeric literal"),
            ("\"\\q\"", "invalid character 'q' in string escape code"),
            ("\"\\u12g4\"", "invalid character 'g' in \\u hexadecimal character escape"),
            ("\"a\nb\"", "invalid character '\\n' in string literal"),
            ("'a'", "invalid character '\\'' looking for beginning of value"),
            ("\u{7f}", "invalid character '\\x7f' looking for beginning of value"),
        ] {
            assert_eq!(complaint(text.as_bytes()), expected, "{text}");
        }
        let deep = "[".repeat(100_000);
        assert_eq!(complaint(deep.as_bytes()), "exceeded max depth");
    }

    #[test]
    fn the_beginning_is_shown() {
        for (text, expected) in [
            ("", "<empty>"),
            ("{x", "{x"),
            ("{234567890123456789012345678901", "{23456789012345678901234567890 ..."),
            ("ab", "6162"),
        ] {
            assert_eq!(summary(text.as_bytes()), expected, "{text}");
        }
    }
}
