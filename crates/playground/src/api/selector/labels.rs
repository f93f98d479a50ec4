//! Label selectors as text: `app=web,tier in (a,b),!old`.
//!
//! Invariant: read token by token as a real server does, so that its complaint about what is wrong is the same.

use super::Requirement;
use crate::api::Status;
use crate::shape::validate::{label_key_complaints, label_value_complaints};

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Sign(&'static str),
    End,
}

impl Token {
    fn text(&self) -> &str {
        match self {
            Token::Word(word) => word,
            Token::Sign(sign) => sign,
            Token::End => "",
        }
    }
}

/// Longest first, so that `==` is not two of `=`.
const SIGNS: [&str; 9] = ["==", "!=", "=", "!", ",", "(", ")", ">", "<"];

fn tokens(text: &str) -> Vec<Token> {
    let (mut found, mut rest) = (Vec::new(), text.trim_start());
    while !rest.is_empty() {
        if let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
            found.push(Token::Sign(sign));
            rest = rest[sign.len()..].trim_start();
            continue;
        }
        let special = |c: char| c.is_whitespace() || "=!,()><".contains(c);
        let end = rest.find(special).unwrap_or(rest.len());
        found.push(Token::Word(rest[..end].to_owned()));
        rest = rest[end..].trim_start();
    }
    found
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

/// The requirements of a selector; none for an empty one.
pub(super) fn parse(text: &str) -> Result<Vec<Requirement>, Status> {
    let mut parser = Parser { tokens: tokens(text), at: 0 };
    parser.all().map_err(Status::bad_request)
}

impl Parser {
    fn peek(&self) -> Token {
        self.tokens.get(self.at).cloned().unwrap_or(Token::End)
    }

    fn next(&mut self) -> Token {
        let token = self.peek();
        self.at += 1;
        token
    }

    fn all(&mut self) -> Result<Vec<Requirement>, String> {
        let mut requirements = Vec::new();
        loop {
            match self.peek() {
                Token::Word(_) | Token::Sign("!") => {
                    let one = self.requirement();
                    requirements.push(one.map_err(|why| format!("unable to parse requirement: {why}"))?);
                    match self.next() {
                        Token::End => return Ok(requirements),
                        Token::Sign(",") => match self.peek() {
                            Token::Word(_) | Token::Sign("!") => {}
                            other => {
                                return Err(format!(
                                    "found '{}', expected: identifier after ','",
                                    other.text()
                                ));
                            }
                        },
                        other => {
                            return Err(format!(
                                "found '{}', expected: ',' or 'end of string'",
                                other.text()
                            ));
                        }
                    }
                }
                Token::End => return Ok(requirements),
                other @ Token::Sign(_) => {
                    return Err(format!(
                        "found '{}', expected: !, identifier, or 'end of string'",
                        other.text()
                    ));
                }
            }
        }
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let absent = self.peek() == Token::Sign("!");
        if absent {
            self.at += 1;
        }
        let key = match self.next() {
            Token::Word(key) => key,
            other => return Err(format!("found '{}', expected: identifier", other.text())),
        };
        if let Some(why) = label_key_complaints(&key).first() {
            return Err(format!("<nil>: Invalid value: {key:?}: {why}"));
        }
        if absent {
            return Ok(Requirement::Absent(key));
        }
        let operator = match self.peek() {
            Token::End | Token::Sign(",") => return Ok(Requirement::Exists(key)),
            operator => operator,
        };
        self.at += 1;
        match operator.text() {
            sign @ ("=" | "==" | "!=" | ">" | "<") => {
                let value = match self.peek() {
                    Token::Word(value) => {
                        self.at += 1;
                        value
                    }
                    Token::End | Token::Sign(",") => String::new(),
                    other => return Err(format!("found '{}', expected: identifier", other.text())),
                };
                self.compared(key, sign, value)
            }
            word @ ("in" | "notin") => {
                let values = self.values()?;
                for (index, value) in values.iter().enumerate() {
                    valid(&key, index, value)?;
                }
                Ok(if word == "in" { Requirement::In(key, values) } else { Requirement::NotIn(key, values) })
            }
            other => Err(format!("found '{other}', expected: in, notin, =, ==, !=, gt, lt")),
        }
    }

    fn compared(&self, key: String, sign: &str, value: String) -> Result<Requirement, String> {
        if matches!(sign, ">" | "<") {
            let Ok(bound) = value.parse() else {
                return Err(format!(
                    "values[0]: Invalid value: {value:?}: for 'Gt', 'Lt' operators, the value must be an integer"
                ));
            };
            return Ok(if sign == ">" {
                Requirement::Above(key, bound)
            } else {
                Requirement::Below(key, bound)
            });
        }
        valid(&key, 0, &value)?;
        let values = vec![value];
        Ok(if sign == "!=" { Requirement::NotIn(key, values) } else { Requirement::In(key, values) })
    }

    fn values(&mut self) -> Result<Vec<String>, String> {
        match self.next() {
            Token::Sign("(") => {}
            other => return Err(format!("found '{}' expected: '('", other.text())),
        }
        let mut values = Vec::new();
        loop {
            match self.next() {
                Token::Word(word) => {
                    values.push(word);
                    match self.next() {
                        Token::Sign(",") if self.peek() == Token::Sign(")") => values.push(String::new()),
                        Token::Sign(",") => {}
                        Token::Sign(")") => return Ok(values),
                        other => return Err(format!("found '{}', expected: ',' or ')'", other.text())),
                    }
                }
                // Nothing between two signs is the empty value.
                Token::Sign(",") => values.push(String::new()),
                Token::Sign(")") => {
                    if values.is_empty() {
                        values.push(String::new());
                    }
                    return Ok(values);
                }
                other => return Err(format!("found '{}', expected: ',', ')' or identifier", other.text())),
            }
        }
    }
}

fn valid(key: &str, index: usize, value: &str) -> Result<(), String> {
    match label_value_complaints(value).first() {
        Some(why) => Err(format!("values[{index}][{key}]: Invalid value: {value:?}: {why}")),
        None => Ok(()),
    }
}
