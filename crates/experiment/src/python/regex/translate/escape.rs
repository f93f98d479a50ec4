//! Backslashes and sets of characters.

use super::{Flags, Item, Reader, Result, Token, literal};
use crate::python::quoted;
use crate::python::regex::RegexError;

impl Reader {
    pub(super) fn escape(&mut self, token: Token, flags: Flags) -> Result<Item> {
        let c = token.escaped.unwrap_or(token.c);
        if let Some(class) = category(c, flags.ascii) {
            return Ok(Item::atom(format!("[{class}]")));
        }
        match c {
            'A' => return Ok(Item::place(r"\A")),
            'Z' => return Ok(Item::place(r"\z")),
            'b' if flags.ascii => return Ok(Item::place(ASCII_BOUNDARY)),
            'B' if flags.ascii => return Ok(Item::place(format!(r"(?!\A\z)(?!{ASCII_BOUNDARY})"))),
            'b' => return Ok(Item::place(r"\b")),
            // Python finds it nowhere in an empty text.
            'B' => return Ok(Item::place(r"(?!\A\z)\B")),
            '1'..='9' => {}
            _ => return self.character(c, false).map(Item::of_character),
        }
        let mut digits = String::from(c);
        if let Some(next) = self.next().filter(char::is_ascii_digit) {
            self.take()?;
            digits.push(next);
            let octal = |c: char| ('0'..='7').contains(&c);
            if octal(c)
                && octal(next)
                && let Some(third) = self.next().filter(|third| octal(*third))
            {
                self.take()?;
                digits.push(third);
                return self.octal(&digits).map(Item::of_character);
            }
        }
        let group: usize = digits.parse().unwrap_or(usize::MAX);
        if group >= self.groups.len() {
            return self.back(digits.len(), format!("invalid group reference {group}"));
        }
        self.reference(group, digits.len() + 1)
    }

    fn octal(&self, digits: &str) -> Result<u32> {
        match u32::from_str_radix(digits, 8) {
            Ok(code) if code <= 0o377 => Ok(code),
            _ => {
                let message = format!("octal escape value \\{digits} outside of range 0-0o377");
                self.back(digits.len() + 1, message)
            }
        }
    }

    /// The code of an escaped character that stands for one character.
    fn character(&mut self, c: char, in_set: bool) -> Result<u32> {
        let octal = |c: char| ('0'..='7').contains(&c);
        let wanted = match c {
            'a' => return Ok(7),
            'f' => return Ok(12),
            'n' => return Ok(10),
            'r' => return Ok(13),
            't' => return Ok(9),
            'v' => return Ok(11),
            'b' if in_set => return Ok(8),
            'x' => 2,
            'u' => 4,
            'U' => 8,
            'N' => return self.named_character(),
            '0'..='7' if in_set || c == '0' => {
                let digits = format!("{c}{}", self.take_while(2, octal)?);
                return self.octal(&digits);
            }
            _ if c.is_ascii_alphanumeric() => return self.back(2, format!("bad escape \\{c}")),
            _ => return Ok(u32::from(c)),
        };
        let digits = self.take_while(wanted, |c| c.is_ascii_hexdigit())?;
        if digits.len() != wanted {
            return self.back(digits.len() + 2, format!("incomplete escape \\{c}{digits}"));
        }
        match u32::from_str_radix(&digits, 16) {
            Ok(code) if code <= 0x0010_ffff => Ok(code),
            _ => self.back(digits.len() + 2, format!("bad escape \\{c}{digits}")),
        }
    }

    fn named_character(&mut self) -> Result<u32> {
        if !self.matches('{')? {
            return self.back(0, "missing {");
        }
        let name = self.until('}', "character name")?;
        self.back(name.chars().count() + 4, format!("undefined character name {}", quoted(&name)))
    }

    /// What follows `[`.
    pub(super) fn set(&mut self, start: usize, flags: Flags) -> Result<Item> {
        let unterminated = || RegexError::at(start, "unterminated character set");
        let negated = self.matches('^')?;
        let (mut code, mut empty) = (String::new(), true);
        loop {
            let this = self.take()?.ok_or_else(unterminated)?;
            if this.is(']') && !empty {
                break;
            }
            empty = false;
            let from = self.member(this, flags)?;
            if !self.matches('-')? {
                code += &from.code();
                continue;
            }
            let that = self.take()?.ok_or_else(unterminated)?;
            if that.is(']') {
                code += &from.code();
                code += r"\x2d";
                break;
            }
            let to = self.member(that, flags)?;
            match (from, to) {
                (Member::Character(from), Member::Character(to)) if from <= to => code += &span(from, to),
                _ => {
                    let range = format!("{this}-{that}");
                    return self.back(range.chars().count(), format!("bad character range {range}"));
                }
            }
        }
        Ok(Item::atom(match (code.is_empty(), negated) {
            (true, true) => r"[\s\S]".to_owned(),
            (true, false) => r"[^\s\S]".to_owned(),
            (false, true) => format!("[^{code}]"),
            (false, false) => format!("[{code}]"),
        }))
    }

    fn member(&mut self, token: Token, flags: Flags) -> Result<Member> {
        let Some(c) = token.escaped else {
            return Ok(Member::Character(u32::from(token.c)));
        };
        match category(c, flags.ascii) {
            Some(class) => Ok(Member::Category(class)),
            None => self.character(c, true).map(Member::Character),
        }
    }
}

impl Item {
    fn of_character(code: u32) -> Item {
        // Half of a surrogate pair is never found: our texts have none.
        char::from_u32(code).map_or_else(|| Item::atom(r"[^\s\S]"), |c| Item::atom(literal(c)))
    }
}

enum Member {
    Character(u32),
    Category(&'static str),
}

impl Member {
    fn code(&self) -> String {
        match self {
            Member::Character(code) => span(*code, *code),
            Member::Category(class) => (*class).to_owned(),
        }
    }
}

/// A range within a set, without the surrogates, which are no characters of ours.
fn span(from: u32, to: u32) -> String {
    let part = |from: u32, to: u32| match from.cmp(&to) {
        std::cmp::Ordering::Less => format!(r"\x{{{from:x}}}-\x{{{to:x}}}"),
        std::cmp::Ordering::Equal => format!(r"\x{{{from:x}}}"),
        std::cmp::Ordering::Greater => String::new(),
    };
    if to < 0xd800 || from > 0xdfff {
        return part(from, to);
    }
    // An empty part has its ends the wrong way round.
    let below = if from < 0xd800 { part(from, 0xd7ff) } else { String::new() };
    let above = if to > 0xdfff { part(0xe000, to) } else { String::new() };
    below + &above
}

const ASCII_BOUNDARY: &str = "(?:(?<=[0-9A-Za-z_])(?![0-9A-Za-z_])|(?<![0-9A-Za-z_])(?=[0-9A-Za-z_]))";

/// What `\d` and its like stand for, to be written within a set.
fn category(c: char, ascii: bool) -> Option<&'static str> {
    Some(match (c, ascii) {
        ('d', false) => r"\d",
        ('D', false) => r"\D",
        ('s', false) => r"\s\x1c-\x1f",
        ('S', false) => r"[^\s\x1c-\x1f]",
        ('w', false) => r"\p{L}\p{N}_",
        ('W', false) => r"[^\p{L}\p{N}_]",
        ('d', true) => "0-9",
        ('D', true) => "[^0-9]",
        ('s', true) => r"\x20\t\n\r\x0b\x0c",
        ('S', true) => r"[^\x20\t\n\r\x0b\x0c]",
        ('w', true) => "0-9A-Za-z_",
        ('W', true) => "[^0-9A-Za-z_]",
        _ => return None,
    })
}
