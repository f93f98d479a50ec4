//! Reads a pattern as Python's `re` does and writes it in the syntax of `fancy-regex`.
//!
//! The order of the checks is Python's, so that a pattern with several mistakes is refused for the same one. Literals are
//! written as escapes, so nothing in the output means more than it should.

mod escape;
mod group;

use super::RegexError;
use std::collections::BTreeMap;
use std::fmt::Write as _;

type Result<T> = std::result::Result<T, RegexError>;

/// Python stops a little deeper, with a `RecursionError`.
const MAX_DEPTH: usize = 60;
/// Python's `MAXREPEAT`: as good as no upper bound.
const UNBOUNDED: u64 = 4_294_967_295;

pub(super) fn translate(pattern: &str) -> Result<String> {
    let mut reader = Reader {
        chars: pattern.chars().collect(),
        at: 0,
        groups: vec![Some(Width::default())],
        names: BTreeMap::new(),
        global: Flags::default(),
        references: BTreeMap::new(),
        behind: None,
        variable_behind: false,
        depth: 0,
    };
    reader.backslash_at_end()?;
    let (code, _) = reader.alternatives(Flags::default(), true)?;
    if reader.next().is_some() {
        return Err(RegexError::at(reader.at, "unbalanced parenthesis"));
    }
    for (group, position) in &reader.references {
        if *group >= reader.groups.len() {
            return Err(RegexError::at(*position, format!("invalid group reference {group}")));
        }
    }
    if reader.variable_behind {
        return Err(RegexError::nowhere("look-behind requires fixed-width pattern"));
    }
    Ok(if reader.global.ignore_case { format!("(?i){code}") } else { code })
}

/// How many characters something matches, at least and at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Width {
    least: u64,
    most: u64,
}

impl Width {
    const ONE: Width = Width { least: 1, most: 1 };

    fn then(self, next: Width) -> Width {
        let sum = |a: u64, b: u64| a.saturating_add(b).min(UNBOUNDED);
        Width { least: sum(self.least, next.least), most: sum(self.most, next.most) }
    }

    fn or(self, other: Width) -> Width {
        Width { least: self.least.min(other.least), most: self.most.max(other.most) }
    }

    fn times(self, least: u64, most: u64) -> Width {
        let product = |a: u64, b: u64| a.saturating_mul(b).min(UNBOUNDED);
        Width { least: product(self.least, least), most: product(self.most, most) }
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Flags {
    ignore_case: bool,
    multi_line: bool,
    dot_all: bool,
    verbose: bool,
    ascii: bool,
}

impl Flags {
    fn set(&mut self, flag: char, on: bool) {
        match flag {
            'i' => self.ignore_case = on,
            'm' => self.multi_line = on,
            's' => self.dot_all = on,
            'x' => self.verbose = on,
            'a' => self.ascii = on,
            'u' => self.ascii = false,
            _ => {}
        }
    }
}

/// What an item is to a quantifier after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// One character or one group.
    Atom,
    /// A place, such as `^`: cannot be repeated.
    Place,
    /// Already repeated.
    Repeat,
}

struct Item {
    code: String,
    width: Width,
    kind: Kind,
}

impl Item {
    fn atom(code: impl Into<String>) -> Item {
        Item { code: code.into(), width: Width::ONE, kind: Kind::Atom }
    }

    fn place(code: impl Into<String>) -> Item {
        Item { code: code.into(), width: Width::default(), kind: Kind::Place }
    }
}

struct Reader {
    chars: Vec<char>,
    at: usize,
    /// The width of each group; `None` while it is open. Group 0 is the whole pattern.
    groups: Vec<Option<Width>>,
    names: BTreeMap<String, usize>,
    global: Flags,
    /// Groups that conditions ask for, which may come later, and where.
    references: BTreeMap<usize, usize>,
    /// Inside a look-behind: how many groups there were before it.
    behind: Option<usize>,
    variable_behind: bool,
    depth: usize,
}

impl Reader {
    fn next(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    /// Takes a token: a character, or a backslash with the character after it.
    fn take(&mut self) -> Result<Option<Token>> {
        let Some(c) = self.next() else {
            return Ok(None);
        };
        self.at += 1;
        let escaped = if c == '\\' { self.next() } else { None };
        self.at += usize::from(escaped.is_some());
        self.backslash_at_end()?;
        Ok(Some(Token { c, escaped }))
    }

    /// Python looks one token ahead, and this one is no token.
    fn backslash_at_end(&self) -> Result<()> {
        if self.at + 1 == self.chars.len() && self.next() == Some('\\') {
            return Err(RegexError::at(self.at, "bad escape (end of pattern)"));
        }
        Ok(())
    }

    fn matches(&mut self, wanted: char) -> Result<bool> {
        if self.next() == Some(wanted) {
            self.take()?;
            return Ok(true);
        }
        Ok(false)
    }

    fn take_while(&mut self, most: usize, wanted: impl Fn(char) -> bool) -> Result<String> {
        let mut taken = String::new();
        while taken.len() < most
            && let Some(c) = self.next().filter(|c| wanted(*c))
        {
            taken.push(c);
            self.take()?;
        }
        Ok(taken)
    }

    /// An error whose place is so many characters before the next one.
    fn back<T>(&self, characters: usize, message: impl Into<String>) -> Result<T> {
        Err(RegexError::at(self.at.saturating_sub(characters), message))
    }

    fn alternatives(&mut self, flags: Flags, top: bool) -> Result<(String, Width)> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(RegexError::nowhere("the pattern is nested too deeply"));
        }
        let (mut code, mut width) = (String::new(), None::<Width>);
        loop {
            let flags = if top { self.global } else { flags };
            let (next, next_width) = self.sequence(flags, top, top && width.is_none())?;
            code.push_str(&next);
            width = Some(width.map_or(next_width, |width| width.or(next_width)));
            if !self.matches('|')? {
                break;
            }
            code.push('|');
        }
        self.depth -= 1;
        Ok((code, width.unwrap_or_default()))
    }

    /// One alternative. Global flags may only stand at the beginning of the `first`.
    fn sequence(&mut self, mut flags: Flags, top: bool, first: bool) -> Result<(String, Width)> {
        let mut items: Vec<Item> = Vec::new();
        while let Some(c) = self.next() {
            if matches!(c, '|' | ')') {
                break;
            }
            let start = self.at;
            let Some(token) = self.take()? else { break };
            if flags.verbose && token.escaped.is_none() {
                if matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c') {
                    continue;
                }
                if c == '#' {
                    while self.take()?.is_some_and(|token| token.c != '\n') {}
                    continue;
                }
            }
            match c {
                '\\' => items.push(self.escape(token, flags)?),
                '[' => items.push(self.set(start, flags)?),
                '*' | '+' | '?' | '{' => {
                    let item = self.repeat(c, start, items.pop(), &mut items)?;
                    items.push(item);
                }
                '.' => items.push(Item::atom(if flags.dot_all { "(?s:.)" } else { "." })),
                '^' => items.push(Item::place(if flags.multi_line { "(?m:^)" } else { r"\A" })),
                '$' => items.push(Item::place(self.dollar(flags, top))),
                '(' => match self.group(start, &mut flags, first && items.is_empty())? {
                    Some(item) => items.push(item),
                    None => continue,
                },
                _ => items.push(Item::atom(literal(c))),
            }
        }
        let width = items.iter().fold(Width::default(), |width, item| width.then(item.width));
        Ok((items.into_iter().map(|item| item.code).collect(), width))
    }

    /// The end, or before a newline at the end. Where nothing can follow, the newline may as well be matched, which spares
    /// the search from backtracking: only whether something is found is ever asked.
    fn dollar(&self, flags: Flags, top: bool) -> &'static str {
        let last = matches!(self.next(), None | Some('|'));
        match (flags.multi_line, top && last) {
            (true, _) => "(?m:$)",
            (false, true) => r"\n?\z",
            (false, false) => r"(?=\n?\z)",
        }
    }

    fn repeat(
        &mut self,
        sign: char,
        start: usize,
        item: Option<Item>,
        items: &mut Vec<Item>,
    ) -> Result<Item> {
        let bounds = match sign {
            '?' => Some((0, 1)),
            '*' => Some((0, UNBOUNDED)),
            '+' => Some((1, UNBOUNDED)),
            _ => self.counts()?,
        };
        let Some((least, most)) = bounds else {
            // A brace that is no quantifier stands for itself.
            items.extend(item);
            return Ok(Item::atom(literal(sign)));
        };
        let Some(item) = item.filter(|item| item.kind != Kind::Place) else {
            return Err(RegexError::at(start, "nothing to repeat"));
        };
        if item.kind == Kind::Repeat {
            return Err(RegexError::at(start, "multiple repeat"));
        }
        if item.width.most == 0 {
            // The engine does not repeat what has no width, and once is as good as often.
            let code = if least > 0 { item.code } else { format!("(?:{}|)", item.code) };
            let _ = self.matches('?')? || self.matches('+')?;
            return Ok(Item { code, kind: Kind::Repeat, ..item });
        }
        let mut code = item.code;
        // Writing to a String cannot fail.
        let _ = match (least, most) {
            (0, 1) => write!(code, "?"),
            (0, UNBOUNDED) => write!(code, "*"),
            (1, UNBOUNDED) => write!(code, "+"),
            (_, UNBOUNDED) => write!(code, "{{{least},}}"),
            _ => write!(code, "{{{least},{most}}}"),
        };
        if self.matches('?')? {
            code.push('?');
        } else if self.matches('+')? {
            code = format!("(?>{code})");
        }
        Ok(Item { code, width: item.width.times(least, most), kind: Kind::Repeat })
    }

    /// The counts after `{`, or none if this is no quantifier.
    fn counts(&mut self) -> Result<Option<(u64, u64)>> {
        let start = self.at;
        if self.next() == Some('}') {
            return Ok(None);
        }
        let digits = |c: char| c.is_ascii_digit();
        let low = self.take_while(usize::MAX, digits)?;
        let high = if self.matches(',')? { self.take_while(usize::MAX, digits)? } else { low.clone() };
        if !self.matches('}')? {
            self.at = start;
            return Ok(None);
        }
        let count = |digits: &str, absent: u64| match digits {
            "" => Ok(absent),
            digits => digits
                .parse::<u64>()
                .ok()
                .filter(|count| *count < UNBOUNDED)
                .ok_or_else(|| RegexError::nowhere("the repetition number is too large")),
        };
        let (least, most) = (count(&low, 0)?, count(&high, UNBOUNDED)?);
        if most < least {
            return Err(RegexError::at(start, "min repeat greater than max repeat"));
        }
        Ok(Some((least, most)))
    }
}

#[derive(Clone, Copy)]
struct Token {
    c: char,
    /// The character after it, if it is a backslash.
    escaped: Option<char>,
}

impl Token {
    fn is(self, c: char) -> bool {
        self.escaped.is_none() && self.c == c
    }
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.c, self.escaped.map(String::from).unwrap_or_default())
    }
}

fn literal(c: char) -> String {
    if c.is_ascii_alphanumeric() || c == '_' {
        return c.to_string();
    }
    format!(r"\x{{{:x}}}", u32::from(c))
}
