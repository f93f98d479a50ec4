//! Text to a path.

use super::{Comparison, Condition, Function, Operand, Path, Selector, Start, Step};
use crate::python::{Order, float_of, int_of};
use crate::{Object, Value};

/// How deep parentheses, brackets and paths may lie in each other.
const MAX_DEPTH: usize = 50;

type Result<T> = std::result::Result<T, String>;

pub(super) fn parse(text: &str) -> Result<Path> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0 };
    if parser.next() != &Token::Sign("$") {
        return parser.unexpected();
    }
    let path = parser.path()?;
    match parser.next() {
        Token::End => Ok(path),
        _ => parser.unexpected(),
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Sign(&'static str),
    Word(String),
    Text(String),
    /// A number as it is written.
    Number(String),
    End,
}

/// Signs and words with a meaning of their own, longer ones before their beginnings.
const SIGNS: [&str; 20] =
    ["..", "!=", "<=", ">=", "$", "@", ".", "*", "=", "<", ">", "{", "}", "[", "]", ":", ",", "(", ")", "?"];
const WORDS: [&str; 6] = ["and", "or", "not", "true", "false", "null"];

/// The tokens and where they begin, ended by [`Token::End`].
fn tokens(text: &str) -> Result<Vec<(Token, usize)>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    let mut at = 0;
    loop {
        let blanks = rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
        (rest, at) = (&rest[blanks..], at + blanks);
        let Some(first) = rest.chars().next() else {
            tokens.push((Token::End, at));
            return Ok(tokens);
        };
        let (token, length) = match first {
            '"' => {
                let length = quoted(rest)
                    .ok_or_else(|| format!("a text without end, or with a bad escape, at {at}"))?;
                (Token::Text(rest[1..length - 1].to_owned()), length)
            }
            '-' | '0'..='9' if number(rest) > 0 => {
                let length = number(rest);
                (Token::Number(rest[..length].to_owned()), length)
            }
            'a'..='z' | 'A'..='Z' | '_' => {
                let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
                let word = &rest[..end.unwrap_or(rest.len())];
                let reserved = WORDS.iter().find(|reserved| **reserved == word);
                (reserved.map_or_else(|| Token::Word(word.to_owned()), |word| Token::Sign(word)), word.len())
            }
            _ => match SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
                Some(sign) => (Token::Sign(sign), sign.len()),
                None => return Err(format!("'{first}' at {at}")),
            },
        };
        tokens.push((token, at));
        at += rest[..length].chars().count();
        rest = &rest[length..];
    }
}

/// The length of a text in double quotes. Escapes must be JSON's, but they are not replaced.
fn quoted(text: &str) -> Option<usize> {
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some(at + 1),
            '\\' => match chars.next()?.1 {
                '"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't' => {}
                'u' => {
                    for _ in 0..4 {
                        chars.next().filter(|(_, c)| c.is_ascii_hexdigit())?;
                    }
                }
                _ => return None,
            },
            '\0'..='\x1f' => return None,
            _ => {}
        }
    }
    None
}

/// The length of the JSON number that a text begins with, 0 if there is none.
fn number(text: &str) -> usize {
    let digits = |text: &str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let whole = |text: &str| if text.starts_with('0') { 1 } else { digits(text) };
    let mut length = usize::from(text.starts_with('-'));
    match whole(&text[length..]) {
        0 => return 0,
        whole => length += whole,
    }
    if let Some(fraction) = text[length..].strip_prefix('.')
        && digits(fraction) > 0
    {
        length += 1 + digits(fraction);
    }
    if let Some(exponent) = text[length..].strip_prefix(['e', 'E']) {
        let bare = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if whole(bare) > 0 {
            length += 1 + (exponent.len() - bare.len()) + whole(bare);
        }
    }
    length
}

struct Parser {
    tokens: Vec<(Token, usize)>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn next(&self) -> &Token {
        self.tokens.get(self.at).map_or(&Token::End, |(token, _)| token)
    }

    fn unexpected<T>(&self) -> Result<T> {
        let at = self.tokens.get(self.at).map_or(0, |(_, at)| *at);
        Err(match self.next() {
            Token::End => "it ends too early".to_owned(),
            Token::Sign(text) => format!("'{text}' at {at}"),
            Token::Word(text) | Token::Text(text) | Token::Number(text) => format!("'{text}' at {at}"),
        })
    }

    fn sign(&mut self, wanted: &str) -> bool {
        let met = matches!(self.next(), Token::Sign(sign) if *sign == wanted);
        self.at += usize::from(met);
        met
    }

    fn expect(&mut self, wanted: &str) -> Result<()> {
        if self.sign(wanted) { Ok(()) } else { self.unexpected() }
    }

    fn deeper<T>(&mut self, inner: impl FnOnce(&mut Parser) -> Result<T>) -> Result<T> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("it is nested too deeply".to_owned());
        }
        let result = inner(self);
        self.depth -= 1;
        result
    }

    /// From `$` or `@` on.
    fn path(&mut self) -> Result<Path> {
        let from = if self.sign("$") {
            Start::Document
        } else {
            self.expect("@")?;
            Start::Here
        };
        let mut steps = Vec::new();
        loop {
            let descends = self.sign("..");
            let selectors = if descends && self.next() != &Token::Sign("[") || self.sign(".") {
                vec![self.bareword()?]
            } else if self.sign("[") {
                let selectors = self.separated("]", |parser| parser.deeper(Parser::selector))?;
                if selectors.is_empty() {
                    self.at -= 1;
                    return self.unexpected();
                }
                selectors
            } else {
                return Ok(Path { from, steps });
            };
            steps.push(Step { descends, selectors });
        }
    }

    /// Items separated by commas, up to a sign, which is taken too.
    fn separated<T>(&mut self, end: &str, item: impl Fn(&mut Parser) -> Result<T>) -> Result<Vec<T>> {
        let mut items = Vec::new();
        if self.sign(end) {
            return Ok(items);
        }
        loop {
            items.push(item(self)?);
            if !self.sign(",") {
                self.expect(end)?;
                return Ok(items);
            }
        }
    }

    /// What may follow a dot.
    fn bareword(&mut self) -> Result<Selector> {
        if self.sign("*") {
            return Ok(Selector::Any);
        }
        let Token::Word(word) = self.next().clone() else {
            return self.unexpected();
        };
        self.at += 1;
        if self.next() == &Token::Sign("(") { self.call(&word) } else { Ok(Selector::Key(word)) }
    }

    fn call(&mut self, name: &str) -> Result<Selector> {
        let function = match name {
            "charAt" => Function::CharAt,
            "entries" => Function::Entries,
            "keys" => Function::Keys,
            "length" => Function::Length,
            "substring" => Function::Substring,
            "values" => Function::Values,
            _ => return Err(format!("there is no function '{name}'")),
        };
        self.expect("(")?;
        let arguments = self.separated(")", |parser| parser.deeper(Parser::operand))?;
        Ok(Selector::Call(function, arguments))
    }

    /// What may stand in brackets.
    fn selector(&mut self) -> Result<Selector> {
        match self.next().clone() {
            Token::Text(key) => {
                self.at += 1;
                Ok(Selector::Key(key))
            }
            Token::Number(_) => {
                let index = self.integer()?;
                if self.next() == &Token::Sign(":") {
                    self.slice(Some(index))
                } else {
                    Ok(Selector::Index(index))
                }
            }
            Token::Word(word) => {
                self.at += 1;
                self.call(&word)
            }
            Token::Sign(":") => self.slice(None),
            Token::Sign("$" | "@") => self.path().map(Selector::Found),
            Token::Sign("*") => {
                self.at += 1;
                Ok(Selector::Any)
            }
            Token::Sign("?") => {
                self.at += 1;
                self.expect("(")?;
                let condition = self.condition()?;
                self.expect(")")?;
                Ok(Selector::Filter(condition))
            }
            Token::Sign(_) | Token::End => self.unexpected(),
        }
    }

    fn slice(&mut self, from: Option<i64>) -> Result<Selector> {
        self.expect(":")?;
        let to = self.optional_integer()?;
        let step = if self.sign(":") { self.optional_integer()? } else { None };
        Ok(Selector::Slice { from, to, step })
    }

    fn optional_integer(&mut self) -> Result<Option<i64>> {
        match self.next() {
            Token::Number(_) => self.integer().map(Some),
            _ => Ok(None),
        }
    }

    fn integer(&mut self) -> Result<i64> {
        match self.next() {
            Token::Number(text) => match int_of(&Value::from(text.as_str())) {
                Ok(Value::Int(number)) => {
                    self.at += 1;
                    Ok(number)
                }
                Ok(Value::Big(digits)) => {
                    let number = if digits.starts_with('-') { i64::MIN } else { i64::MAX };
                    self.at += 1;
                    Ok(number)
                }
                _ => self.unexpected(),
            },
            _ => self.unexpected(),
        }
    }

    /// `or` binds closer than `and`.
    fn condition(&mut self) -> Result<Condition> {
        self.deeper(|parser| {
            let mut all = vec![parser.alternatives()?];
            while parser.sign("and") {
                all.push(parser.alternatives()?);
            }
            Ok(if all.len() == 1 { all.remove(0) } else { Condition::All(all) })
        })
    }

    fn alternatives(&mut self) -> Result<Condition> {
        let mut any = vec![self.negation()?];
        while self.sign("or") {
            any.push(self.negation()?);
        }
        Ok(if any.len() == 1 { any.remove(0) } else { Condition::Any(any) })
    }

    fn negation(&mut self) -> Result<Condition> {
        let mut negated = false;
        while self.sign("not") {
            negated = !negated;
        }
        let condition = if self.sign("(") {
            let inner = self.condition()?;
            self.expect(")")?;
            inner
        } else {
            self.comparison()?
        };
        Ok(if negated { Condition::Not(Box::new(condition)) } else { condition })
    }

    fn comparison(&mut self) -> Result<Condition> {
        let left = self.operand()?;
        let comparison = match self.next() {
            Token::Sign("=") => Comparison::Equal,
            Token::Sign("!=") => Comparison::Unequal,
            Token::Sign("<") => Comparison::Ordered(Order::Below),
            Token::Sign("<=") => Comparison::Ordered(Order::AtMost),
            Token::Sign(">") => Comparison::Ordered(Order::Above),
            Token::Sign(">=") => Comparison::Ordered(Order::AtLeast),
            _ => return Ok(Condition::Some(left)),
        };
        self.at += 1;
        Ok(Condition::Compare(left, comparison, self.operand()?))
    }

    fn operand(&mut self) -> Result<Operand> {
        match self.next() {
            Token::Sign("$" | "@") => self.path().map(Operand::Path),
            _ => self.value().map(Operand::Value),
        }
    }

    /// A value as in JSON, except that escapes in texts are not replaced.
    fn value(&mut self) -> Result<Value> {
        let value = match self.next().clone() {
            Token::Text(text) => Value::Text(text),
            Token::Number(text) => {
                let is_float = text.contains(['.', 'e', 'E']);
                let text = Value::from(text);
                let number = if is_float { float_of(&text).map(Value::Float) } else { int_of(&text) };
                number.map_err(|error| error.text)?
            }
            Token::Sign("true") => Value::Bool(true),
            Token::Sign("false") => Value::Bool(false),
            Token::Sign("null") => Value::Null,
            Token::Sign("[") => {
                self.at += 1;
                return self.separated("]", |parser| parser.deeper(Parser::value)).map(Value::List);
            }
            Token::Sign("{") => {
                self.at += 1;
                let pairs = self.separated("}", |parser| {
                    let Token::Text(key) = parser.next().clone() else {
                        return parser.unexpected();
                    };
                    parser.at += 1;
                    parser.expect(":")?;
                    Ok((key, parser.deeper(Parser::value)?))
                })?;
                return Ok(Value::Object(pairs.into_iter().collect::<Object>()));
            }
            Token::Sign(_) | Token::Word(_) | Token::End => return self.unexpected(),
        };
        self.at += 1;
        Ok(value)
    }
}
