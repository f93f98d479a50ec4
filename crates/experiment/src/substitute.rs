//! Puts the values of configuration and secrets in the place of `${name}`.
//!
//! `${name}` or `$name`, a name being an ASCII letter or `_` and then ASCII letters, digits and `_`; `$$` is a `$`. A text
//! that is one whole `${name}` becomes the value itself, of whatever type; within a longer text a value appears as Python's
//! `str()`. What has no known name, or is no name, stays as it is. Results are not looked at again.
//!
//! Invariant: a value without any `$` comes back equal. Not here: where substitution applies (each caller knows), and the
//! rule that provider arguments are left alone when there is nothing to substitute from: ask [`Scope::is_empty`].

use crate::python::str_of;
use crate::{Object, Value};
use std::fmt;

/// What the names in an experiment stand for: the resolved configuration, and the resolved secrets by target.
#[derive(Clone, Default)]
pub struct Scope {
    /// The configuration: names to values.
    pub configuration: Object,
    /// The secrets: targets to objects of names and values.
    pub secrets: Object,
}

impl Scope {
    /// Neither configuration nor secrets: provider arguments then stay untouched, even a `$$`.
    pub fn is_empty(&self) -> bool {
        self.configuration.is_empty() && self.secrets.is_empty()
    }

    /// The value of a name: the configuration's, else that of the first target that has it.
    pub fn lookup(&self, name: &str) -> Option<&Value> {
        let within = |target: &Value| matches!(target, Value::Object(names) if names.contains_key(name));
        self.configuration
            .get(name)
            .or_else(|| self.secrets.values().find(|target| within(target))?.get(name))
    }
}

/// Secrets are never shown, only how many targets there are.
impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("configuration", &self.configuration)
            .field("secrets", &format_args!("{} target(s), ***", self.secrets.len()))
            .finish()
    }
}

/// The value with every known name replaced, in lists and in the values of objects too; keys are never substituted.
pub fn substitute(value: &Value, scope: &Scope) -> Value {
    match value {
        Value::Text(text) => substitute_text(text, scope),
        Value::List(items) => Value::List(items.iter().map(|item| substitute(item, scope)).collect()),
        Value::Object(object) => {
            Value::Object(object.iter().map(|(key, item)| (key.clone(), substitute(item, scope))).collect())
        }
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Big(_)
        | Value::Float(_)
        | Value::Bytes(_)
        | Value::Date(_) => value.clone(),
    }
}

/// One text with every known name replaced: a value of any type if the text is exactly one `${name}`.
pub fn substitute_text(text: &str, scope: &Scope) -> Value {
    if let Some((Piece::Braced(name), "")) = next_piece(text)
        && let Some(value) = scope.lookup(name)
    {
        return value.clone();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((piece, after)) = next_piece(rest) {
        let before = rest.len() - after.len();
        match piece {
            Piece::Plain(plain) => out.push_str(plain),
            Piece::Dollar => out.push('$'),
            Piece::Braced(name) | Piece::Named(name) => match scope.lookup(name) {
                Some(value) => out.push_str(&str_of(value)),
                None => out.push_str(&rest[..before]),
            },
        }
        rest = after;
    }
    Value::Text(out)
}

enum Piece<'a> {
    /// No pattern.
    Plain(&'a str),
    /// `$$`
    Dollar,
    /// `${name}`
    Braced(&'a str),
    /// `$name`
    Named(&'a str),
}

/// The first piece of a text and what follows it.
fn next_piece(text: &str) -> Option<(Piece<'_>, &str)> {
    if text.is_empty() {
        return None;
    }
    let Some(after) = text.strip_prefix('$') else {
        let (plain, rest) = text.split_at(text.find('$').unwrap_or(text.len()));
        return Some((Piece::Plain(plain), rest));
    };
    if let Some(rest) = after.strip_prefix('$') {
        return Some((Piece::Dollar, rest));
    }
    if let Some((name, rest)) = name(after) {
        return Some((Piece::Named(name), rest));
    }
    if let Some((name, rest)) = after.strip_prefix('{').and_then(name)
        && let Some(rest) = rest.strip_prefix('}')
    {
        return Some((Piece::Braced(name), rest));
    }
    Some((Piece::Plain("$"), after))
}

fn name(text: &str) -> Option<(&str, &str)> {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    if !text.starts_with(first) {
        return None;
    }
    let end = text.find(|c: char| !(first(c) || c.is_ascii_digit())).unwrap_or(text.len());
    Some(text.split_at(end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scope() -> Scope {
        let object = |pairs: &[(&str, Value)]| -> Object {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
        };
        Scope {
            configuration: object(&[
                ("v", 7.into()),
                ("b", true.into()),
                ("n", Value::Null),
                ("l", vec![1.into(), "a".into()].into()),
                ("o", object(&[("k", 1.0.into())]).into()),
                ("again", "${v}".into()),
                ("a-b", "dashed".into()),
                ("é", "accent".into()),
                ("_x1", "ok".into()),
                ("both", "configuration".into()),
            ]),
            secrets: object(&[
                ("flat", "not a target".into()),
                ("t", object(&[("k", "one".into()), ("both", "secret".into())]).into()),
                ("u", object(&[("k", "two".into()), ("only", "u".into())]).into()),
            ]),
        }
    }

    fn check(text: &str, wanted: impl Into<Value>) {
        assert_eq!(substitute_text(text, &scope()), wanted.into(), "{text}");
    }

    #[test]
    fn a_lone_braced_name_keeps_its_type() {
        check("${v}", 7);
        check("${b}", true);
        check("${n}", Value::Null);
        check("${l}", vec![1.into(), "a".into()]);
        check("${_x1}", "ok");
        check("${again}", "${v}");
    }

    #[test]
    fn within_a_text_values_become_text() {
        check("<${v}>", "<7>");
        check("${b}${v}", "True7");
        check("n=${n}", "n=None");
        check("x${l}", "x[1, 'a']");
        check("o=${o}", "o={'k': 1.0}");
        check("$v", "7");
        check("a $v b", "a 7 b");
        check("$v$v", "77");
        check("${v}\n", "7\n");
    }

    #[test]
    fn what_is_no_known_name_stays() {
        for text in [
            "${nope}", "a $nope", "cost $5", "${a-b}", "${o.k}", "${ v }", "${V}", "${é}", "${v", "${}", "$",
            "a$", "{v}", "$ v", "$é",
        ] {
            check(text, text);
        }
        check("a ${nope} ${v}", "a ${nope} 7");
        check("$v-b", "7-b");
    }

    #[test]
    fn doubled_dollars_collapse() {
        check("$$", "$");
        check("$$v", "$v");
        check("$$$v", "$7");
        check("$${v}", "${v}");
        check("$$$$", "$$");
    }

    #[test]
    fn configuration_comes_before_targets_in_order() {
        check("${k}", "one");
        check("${only}", "u");
        check("${both}", "configuration");
        check("${flat}", "${flat}");
        check("${t}", "${t}");
    }

    #[test]
    fn lists_and_values_of_objects_are_walked_but_not_keys() {
        let value: Value = Object::from_iter([
            ("${v}".to_owned(), vec!["${v}".into(), vec!["$v".into()].into(), 1.into()].into()),
            ("deep".to_owned(), Object::from_iter([("x".to_owned(), "${b}".into())]).into()),
        ])
        .into();
        let wanted: Value = Object::from_iter([
            ("${v}".to_owned(), vec![7.into(), vec!["7".into()].into(), 1.into()].into()),
            ("deep".to_owned(), Object::from_iter([("x".to_owned(), true.into())]).into()),
        ])
        .into();
        assert_eq!(substitute(&value, &scope()), wanted);
    }

    #[test]
    fn secrets_are_not_shown() {
        assert!(!format!("{:?}", scope()).contains("one"));
    }

    proptest! {
        #[test]
        fn without_a_dollar_nothing_changes(text in "[^$]*") {
            prop_assert_eq!(substitute_text(&text, &scope()), Value::Text(text));
        }

        #[test]
        fn any_text_is_taken(text in "[${}va_ é5]*") {
            substitute_text(&text, &scope());
            substitute_text(&text, &Scope::default());
        }
    }
}
