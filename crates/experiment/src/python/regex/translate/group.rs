//! What follows `(`: groups, assertions, conditions, comments, flags.

use super::{Flags, Item, Kind, MAX_DEPTH, Reader, Result, Token, Width};
use crate::python::quoted;
use crate::python::regex::RegexError;

impl Reader {
    /// What follows `(`. `None` if it adds nothing: a comment, or global flags.
    pub(super) fn group(&mut self, start: usize, flags: &mut Flags, first: bool) -> Result<Option<Item>> {
        if !self.matches('?')? {
            return self.capture(start, *flags, None).map(Some);
        }
        let Some(Token { c, escaped }) = self.take()? else {
            return self.back(0, "unexpected end of pattern");
        };
        match (c, escaped) {
            ('P', None) => self.python_extension(start, *flags).map(Some),
            (':', None) => self.enclosed(start, "(?:", *flags).map(Some),
            ('>', None) => self.enclosed(start, "(?>", *flags).map(Some),
            ('#', None) => loop {
                match self.take()? {
                    None => return Err(RegexError::at(start, "missing ), unterminated comment")),
                    Some(token) if token.is(')') => return Ok(None),
                    Some(_) => {}
                }
            },
            ('=', None) => self.look(start, "(?=", *flags).map(Some),
            ('!', None) => self.look(start, "(?!", *flags).map(Some),
            ('<', None) => self.look_behind(start, *flags).map(Some),
            ('(', None) => self.condition(start, *flags).map(Some),
            ('a' | 'i' | 'L' | 'm' | 's' | 'x' | 'u' | '-', None) => {
                let Some((on, off)) = self.flags(c)? else {
                    if !first {
                        return Err(RegexError::at(start, "global flags not at the start of the expression"));
                    }
                    *flags = self.global;
                    return Ok(None);
                };
                let mut inner = *flags;
                on.chars().for_each(|flag| inner.set(flag, true));
                off.chars().for_each(|flag| inner.set(flag, false));
                let opening = match (on.contains('i'), off.contains('i')) {
                    (true, _) => "(?i:",
                    (_, true) => "(?-i:",
                    _ => "(?:",
                };
                self.enclosed(start, opening, inner).map(Some)
            }
            _ => {
                let shown = Token { c, escaped }.to_string();
                self.back(shown.chars().count() + 1, format!("unknown extension ?{shown}"))
            }
        }
    }

    fn closing(&mut self, start: usize) -> Result<()> {
        if self.matches(')')? {
            return Ok(());
        }
        Err(RegexError::at(start, "missing ), unterminated subpattern"))
    }

    fn enclosed(&mut self, start: usize, opening: &str, flags: Flags) -> Result<Item> {
        let (code, width) = self.alternatives(flags, false)?;
        self.closing(start)?;
        Ok(Item { code: format!("{opening}{code})"), width, kind: Kind::Atom })
    }

    fn capture(&mut self, start: usize, flags: Flags, name: Option<String>) -> Result<Item> {
        let group = self.groups.len();
        if let Some(name) = name {
            let length = name.chars().count();
            if let Some(other) = self.names.get(&name) {
                let name = quoted(&name);
                return self.back(
                    length + 1,
                    format!("redefinition of group name {name} as group {group}; was group {other}"),
                );
            }
            self.names.insert(name, group);
        }
        self.groups.push(None);
        let item = self.enclosed(start, "(", flags)?;
        self.groups[group] = Some(item.width);
        Ok(item)
    }

    fn python_extension(&mut self, start: usize, flags: Flags) -> Result<Item> {
        if self.matches('<')? {
            let name = self.name('>')?;
            return self.capture(start, flags, Some(name));
        }
        if self.matches('=')? {
            let name = self.name(')')?;
            let length = name.chars().count();
            let Some(group) = self.names.get(&name).copied() else {
                return self.back(length + 1, format!("unknown group name {}", quoted(&name)));
            };
            return self.reference(group, length + 1);
        }
        match self.take()? {
            None => self.back(0, "unexpected end of pattern"),
            Some(token) => {
                let shown = token.to_string();
                self.back(shown.chars().count() + 2, format!("unknown extension ?P{shown}"))
            }
        }
    }

    /// A name that ends with `end`, which is taken too.
    fn name(&mut self, end: char) -> Result<String> {
        let name = self.until(end, "group name")?;
        if !is_identifier(&name) {
            return self
                .back(name.chars().count() + 1, format!("bad character in group name {}", quoted(&name)));
        }
        Ok(name)
    }

    pub(super) fn until(&mut self, end: char, what: &str) -> Result<String> {
        let mut text = String::new();
        loop {
            match self.take()? {
                None if text.is_empty() => return self.back(0, format!("missing {what}")),
                None => {
                    return self.back(text.chars().count(), format!("missing {end}, unterminated name"));
                }
                Some(token) if token.is(end) && text.is_empty() => {
                    return self.back(1, format!("missing {what}"));
                }
                Some(token) if token.is(end) => return Ok(text),
                Some(token) => text.push_str(&token.to_string()),
            }
        }
    }

    /// A back reference to a group, written with so many characters.
    pub(super) fn reference(&mut self, group: usize, length: usize) -> Result<Item> {
        let Some(Some(width)) = self.groups.get(group).copied() else {
            return self.back(length, "cannot refer to an open group");
        };
        self.known_before_look_behind(group)?;
        Ok(Item { code: format!("(?:\\{group})"), width, kind: Kind::Atom })
    }

    fn known_before_look_behind(&self, group: usize) -> Result<()> {
        let Some(before) = self.behind else {
            return Ok(());
        };
        if !matches!(self.groups.get(group), Some(Some(_))) {
            return self.back(0, "cannot refer to an open group");
        }
        if group >= before {
            return self.back(0, "cannot refer to group defined in the same lookbehind subpattern");
        }
        Ok(())
    }

    fn look(&mut self, start: usize, opening: &str, flags: Flags) -> Result<Item> {
        let item = self.enclosed(start, opening, flags)?;
        Ok(Item { width: Width::default(), ..item })
    }

    fn look_behind(&mut self, start: usize, flags: Flags) -> Result<Item> {
        let Some(token) = self.take()? else {
            return self.back(0, "unexpected end of pattern");
        };
        if !(token.is('=') || token.is('!')) {
            let shown = token.to_string();
            return self.back(shown.chars().count() + 2, format!("unknown extension ?<{shown}"));
        }
        let outer = self.behind;
        self.behind = outer.or(Some(self.groups.len()));
        let inside = self.alternatives(flags, false);
        self.behind = outer;
        let (code, width) = inside?;
        self.closing(start)?;
        self.variable_behind |= width.least != width.most;
        let code = format!("(?<{}{code})", token.c);
        Ok(Item { code, width: Width::default(), kind: Kind::Atom })
    }

    fn condition(&mut self, start: usize, flags: Flags) -> Result<Item> {
        let name = self.until(')', "group name")?;
        let length = name.chars().count();
        let group = if is_identifier(&name) {
            match self.names.get(&name) {
                Some(group) => *group,
                None => return self.back(length + 1, format!("unknown group name {}", quoted(&name))),
            }
        } else {
            let number = name.bytes().all(|byte| byte.is_ascii_digit()).then(|| name.parse::<usize>());
            let group = match number {
                None => {
                    return self.back(length + 1, format!("bad character in group name {}", quoted(&name)));
                }
                Some(Ok(0)) => return self.back(length + 1, "bad group number"),
                Some(Ok(group)) if group < 100_000 => group,
                Some(_) => return self.back(length + 1, format!("invalid group reference {name}")),
            };
            let position = self.at.saturating_sub(length + 1);
            self.references.entry(group).or_insert(position);
            group
        };
        self.known_before_look_behind(group)?;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(RegexError::nowhere("the pattern is nested too deeply"));
        }
        let (mut code, mut width) = self.sequence(flags, false, false)?;
        if self.matches('|')? {
            let (other, other_width) = self.sequence(flags, false, false)?;
            if self.next() == Some('|') {
                return self.back(0, "conditional backref with more than two branches");
            }
            code = format!("{code}|{other}");
            width = width.or(other_width);
        } else {
            width.least = 0;
        }
        self.depth -= 1;
        self.closing(start)?;
        Ok(Item { code: format!("(?({group}){code})"), width, kind: Kind::Atom })
    }

    /// Flags from `flag` on: those that are turned on and off in the group that follows, or `None` for global ones.
    fn flags(&mut self, flag: char) -> Result<Option<(String, String)>> {
        const MISSING: &str = "missing -, : or )";
        let (mut on, mut off) = (String::new(), String::new());
        let mut token = Token { c: flag, escaped: None };
        if flag != '-' {
            loop {
                if token.c == 'L' {
                    return self.back(0, "bad inline flags: cannot use 'L' flag with a str pattern");
                }
                on.push(token.c);
                if on.contains('a') && on.contains('u') {
                    return self.back(0, "bad inline flags: flags 'a', 'u' and 'L' are incompatible");
                }
                token = match self.take()? {
                    None => return self.back(0, MISSING),
                    Some(token) => token,
                };
                if token.is(')') || token.is('-') || token.is(':') {
                    break;
                }
                self.must_be_flag(token, MISSING)?;
            }
        }
        if token.is(')') {
            on.chars().for_each(|flag| self.global.set(flag, true));
            return Ok(None);
        }
        if token.is('-') {
            token = match self.take()? {
                None => return self.back(0, "missing flag"),
                Some(token) => token,
            };
            self.must_be_flag(token, "missing flag")?;
            loop {
                if matches!(token.c, 'a' | 'u' | 'L') {
                    return self.back(0, "bad inline flags: cannot turn off flags 'a', 'u' and 'L'");
                }
                off.push(token.c);
                token = match self.take()? {
                    None => return self.back(0, "missing :"),
                    Some(token) => token,
                };
                if token.is(':') {
                    break;
                }
                self.must_be_flag(token, "missing :")?;
            }
        }
        if on.chars().any(|flag| off.contains(flag)) {
            return self.back(1, "bad inline flags: flag turned on and off");
        }
        Ok(Some((on, off)))
    }

    fn must_be_flag(&self, token: Token, otherwise: &str) -> Result<()> {
        if token.escaped.is_none() && "aiLmsux".contains(token.c) {
            return Ok(());
        }
        let letter = token.escaped.is_none() && token.c.is_alphabetic();
        let length = token.to_string().chars().count();
        self.back(length, if letter { "unknown flag" } else { otherwise })
    }
}

/// Python's `str.isidentifier()`, near enough.
fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && chars.all(|c| c.is_alphanumeric() || c == '_')
}
