//! Walks a document along a path.

use super::{Comparison, Condition, Function, JsonPath, Operand, Path, Selector, Start, Step};
use crate::Value;
use crate::python::{Exception, compare, equals};
use std::cell::Cell;
use std::ops::ControlFlow::{self, Break, Continue};

/// How many values a search may look at.
const MAX_LOOKS: usize = 2_000_000;

impl JsonPath {
    /// Everything that the path finds in a document, in order. The error is what Python raises, or a search without end.
    pub fn find(&self, document: &Value) -> Result<Vec<Value>, Exception> {
        let search = Search { document, looks: Cell::new(0) };
        search.all(&self.path, document)
    }
}

/// Why a walk ends early.
enum Stop {
    /// Enough was found.
    Enough,
    /// It cannot go on.
    Failed(Exception),
}

type Flow = ControlFlow<Stop>;
/// Is told each value that is found.
type Found<'a> = &'a mut dyn FnMut(&Value) -> Flow;

struct Search<'a> {
    document: &'a Value,
    looks: Cell<usize>,
}

impl Search<'_> {
    fn all(&self, path: &Path, here: &Value) -> Result<Vec<Value>, Exception> {
        let mut all = Vec::new();
        let flow = self.path(path, here, &mut |found| {
            all.push(found.clone());
            Continue(())
        });
        match flow {
            Break(Stop::Failed(exception)) => Err(exception),
            Break(Stop::Enough) | Continue(()) => Ok(all),
        }
    }

    fn path(&self, path: &Path, here: &Value, found: Found<'_>) -> Flow {
        let start = match path.from {
            Start::Document => self.document,
            Start::Here => here,
        };
        self.steps(&path.steps, start, found)
    }

    fn steps(&self, steps: &[Step], here: &Value, found: Found<'_>) -> Flow {
        self.look()?;
        let Some((step, rest)) = steps.split_first() else {
            return found(here);
        };
        for selector in &step.selectors {
            self.select(selector, here, &mut |selected| self.steps(rest, selected, found))?;
        }
        if step.descends {
            each_child(here, |child| self.steps(steps, child, found))?;
        }
        Continue(())
    }

    fn look(&self) -> Flow {
        self.looks.set(self.looks.get() + 1);
        if self.looks.get() > MAX_LOOKS {
            return fail("RecursionError", "the JSON path takes too many steps through this document");
        }
        Continue(())
    }

    fn select(&self, selector: &Selector, here: &Value, found: Found<'_>) -> Flow {
        match selector {
            Selector::Key(key) => here.get(key).map_or(Continue(()), found),
            Selector::Index(index) => item(here, *index).map_or(Continue(()), found),
            Selector::Slice { from, to, step } => {
                let Value::List(items) = here else { return Continue(()) };
                self.slice(items, *from, *to, step.unwrap_or(1), found)
            }
            Selector::Any => each_child(here, found),
            Selector::Filter(condition) => {
                if self.holds(condition, here)? {
                    return found(here);
                }
                Continue(())
            }
            Selector::Found(path) => self.path(path, here, &mut |name| match name {
                Value::Text(key) => here.get(key).map_or(Continue(()), &mut *found),
                _ => index_of(name).and_then(|index| item(here, index)).map_or(Continue(()), &mut *found),
            }),
            Selector::Call(function, arguments) => self.call(*function, arguments, here, found),
        }
    }

    /// Unlike Python's own slices: without `from` it begins at the first item even when `step` is negative, and an index
    /// below zero that is passed on the way counts from the end.
    fn slice(
        &self,
        items: &[Value],
        from: Option<i64>,
        to: Option<i64>,
        step: i64,
        found: Found<'_>,
    ) -> Flow {
        if step == 0 {
            return fail("ValueError", "range() arg 3 must not be zero");
        }
        let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
        let from = match from {
            Some(from) if from < 0 => from.saturating_add(length).max(0),
            from => from.unwrap_or(0),
        };
        let to = match to {
            Some(to) if to < 0 => to.saturating_add(length),
            to => to.unwrap_or(length),
        };
        let mut index = from;
        while (step > 0 && index < to.min(length)) || (step < 0 && index > to.max(-length - 1)) {
            if let Some(item) = python_index(index, items.len()).and_then(|at| items.get(at)) {
                found(item)?;
            }
            // Beyond the last item nothing is found, so a walk down begins there.
            index = if step < 0 && index > length {
                let beyond = (index - length) / step.saturating_neg();
                index.saturating_add(step.saturating_mul(beyond.max(1)))
            } else {
                index.saturating_add(step)
            };
        }
        Continue(())
    }

    fn holds(&self, condition: &Condition, here: &Value) -> ControlFlow<Stop, bool> {
        Continue(match condition {
            Condition::All(conditions) => {
                for condition in conditions {
                    if !self.holds(condition, here)? {
                        return Continue(false);
                    }
                }
                true
            }
            Condition::Any(conditions) => {
                for condition in conditions {
                    if self.holds(condition, here)? {
                        return Continue(true);
                    }
                }
                false
            }
            Condition::Not(condition) => !self.holds(condition, here)?,
            Condition::Some(Operand::Value(value)) => value.is_truthy(),
            Condition::Some(Operand::Path(path)) => {
                found_enough(self.path(path, here, &mut |_| Break(Stop::Enough)))?
            }
            Condition::Compare(left, comparison, right) => {
                found_enough(self.operand(left, here, &mut |left| {
                    self.operand(right, here, &mut |right| match comparison.holds(left, right) {
                        true => Break(Stop::Enough),
                        false => Continue(()),
                    })
                }))?
            }
        })
    }

    fn operand(&self, operand: &Operand, here: &Value, found: Found<'_>) -> Flow {
        match operand {
            Operand::Path(path) => self.path(path, here, found),
            Operand::Value(value) => found(value),
        }
    }

    fn call(&self, function: Function, arguments: &[Operand], here: &Value, found: Found<'_>) -> Flow {
        match (function, here, arguments) {
            (Function::Entries, Value::Object(object), []) => {
                let pairs = object.iter().map(|(key, value)| vec![key.as_str().into(), value.clone()].into());
                found(&Value::List(pairs.collect()))
            }
            (Function::Entries, Value::List(items), []) => {
                let pairs = (0..).zip(items).map(|(at, value)| vec![Value::Int(at), value.clone()].into());
                found(&Value::List(pairs.collect()))
            }
            (Function::Keys, Value::Object(object), []) => {
                found(&Value::List(object.keys().map(|key| key.as_str().into()).collect()))
            }
            (Function::Keys, Value::List(items), []) => {
                found(&Value::List((0..).zip(items).map(|(at, _)| Value::Int(at)).collect()))
            }
            (Function::Values, Value::Object(object), []) => {
                found(&Value::List(object.values().cloned().collect()))
            }
            (Function::Values, Value::List(_), []) => found(here),
            (Function::Length, Value::List(items), []) => found(&length(items.len())),
            (Function::Length, Value::Text(text), []) => found(&length(text.chars().count())),
            (Function::CharAt, Value::Text(text), [at]) => self.operand(at, here, &mut |at| {
                let characters = text.chars().count();
                let at = index_of(at).and_then(|at| python_index(at, characters));
                match at.and_then(|at| text.chars().nth(at)) {
                    Some(c) => found(&Value::Text(c.to_string())),
                    None => Continue(()),
                }
            }),
            (Function::Substring, Value::Text(text), [from]) => {
                self.operand(from, here, &mut |from| match index_of(from) {
                    Some(from) => found(&substring(text, from, i64::MAX)),
                    None => Continue(()),
                })
            }
            (Function::Substring, Value::Text(text), [from, to]) => self.operand(from, here, &mut |from| {
                self.operand(to, here, &mut |to| match (index_of(from), index_of(to)) {
                    (Some(from), Some(to)) => found(&substring(text, from, to)),
                    _ => Continue(()),
                })
            }),
            _ => Continue(()),
        }
    }
}

impl Comparison {
    fn holds(self, left: &Value, right: &Value) -> bool {
        let number =
            |value: &Value| matches!(value, Value::Bool(_) | Value::Int(_) | Value::Big(_) | Value::Float(_));
        match self {
            Comparison::Equal => equals(left, right),
            Comparison::Unequal => !equals(left, right),
            Comparison::Ordered(order) => {
                number(left) && number(right) && compare(left, order, right).unwrap_or(false)
            }
        }
    }
}

fn fail<T>(class: &'static str, text: &str) -> ControlFlow<Stop, T> {
    Break(Stop::Failed(Exception { class, text: text.to_owned() }))
}

/// Whether a walk was ended by what it found.
fn found_enough(flow: Flow) -> ControlFlow<Stop, bool> {
    match flow {
        Break(Stop::Enough) => Continue(true),
        Break(failed) => Break(failed),
        Continue(()) => Continue(false),
    }
}

fn each_child(here: &Value, mut found: impl FnMut(&Value) -> Flow) -> Flow {
    match here {
        Value::List(items) => items.iter().try_for_each(&mut found),
        Value::Object(object) => object.values().try_for_each(&mut found),
        _ => Continue(()),
    }
}

fn length(length: usize) -> Value {
    Value::Int(i64::try_from(length).unwrap_or(i64::MAX))
}

/// The integer that Python takes a value for; booleans count.
fn index_of(value: &Value) -> Option<i64> {
    match value {
        Value::Bool(flag) => Some(i64::from(*flag)),
        Value::Int(number) => Some(*number),
        // Beyond any list or text.
        Value::Big(digits) => Some(if digits.starts_with('-') { i64::MIN } else { i64::MAX }),
        _ => None,
    }
}

fn item(here: &Value, index: i64) -> Option<&Value> {
    let items = here.as_list()?;
    items.get(python_index(index, items.len())?)
}

/// An index as Python counts, from the end if it is negative.
fn python_index(index: i64, length: usize) -> Option<usize> {
    let length = i64::try_from(length).ok()?;
    let at = if index < 0 { index.checked_add(length)? } else { index };
    usize::try_from(at).ok().filter(|_| at < length)
}

/// Python's `text[from:to]`.
fn substring(text: &str, from: i64, to: i64) -> Value {
    let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    let clamp = |at: i64| {
        let at = if at < 0 { at.saturating_add(length).max(0) } else { at.min(length) };
        usize::try_from(at).unwrap_or(0)
    };
    let (from, to) = (clamp(from), clamp(to));
    Value::Text(text.chars().skip(from).take(to.saturating_sub(from)).collect())
}
