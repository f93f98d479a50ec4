//! JSON paths in the dialect of the Toolkit's `jsonpath2` library, which is neither RFC 9535 nor any other.
//!
//! `$.name`, `$..name`, `.*`, `["quoted"]` (double quotes; what is between them is taken literally), `[0]`, `[-1]`,
//! `[from:to:step]`, unions `[0, "a"]`, `[$.other.path]`, calls such as `.length()`, and filters `[?(…)]`. A filter tests
//! the value that it stands behind, not the members of it: `$.items[*][?(@.v > 1)]`. In filters `=` compares, `or` binds
//! closer than `and`, order is for numbers only, and a path alone asks whether it finds anything.
//!
//! Invariant: matches come in document order, a value before what is in it. Parsing and finding end on every input: paths
//! nested too deeply and searches that take too many steps are refused.

mod find;
mod parse;
#[cfg(test)]
mod tests;

use crate::Value;
use crate::python::Order;

/// A path that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonPath {
    path: Path,
}

impl JsonPath {
    /// Reads a path. The error says what was met where: `'=' at 15`, counting characters from 0.
    pub fn parse(text: &str) -> Result<JsonPath, String> {
        parse::parse(text).map(|path| JsonPath { path })
    }
}

/// Where a path begins and the steps it takes.
#[derive(Clone, Debug, PartialEq)]
struct Path {
    from: Start,
    steps: Vec<Step>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    /// `$`
    Document,
    /// `@`
    Here,
}

/// One step: what its selectors select, in turn, and with `..` the same within everything inside.
#[derive(Clone, Debug, PartialEq)]
struct Step {
    descends: bool,
    selectors: Vec<Selector>,
}

#[derive(Clone, Debug, PartialEq)]
enum Selector {
    /// `.name`, `["name"]`
    Key(String),
    /// `[3]`, `[-1]`
    Index(i64),
    /// `[from:to:step]`
    Slice { from: Option<i64>, to: Option<i64>, step: Option<i64> },
    /// `.*`, `[*]`
    Any,
    /// `[?(…)]`: the value itself, if the condition holds.
    Filter(Condition),
    /// `[$.a.b]`: the key or index that the path finds.
    Found(Path),
    /// `.length()`
    Call(Function, Vec<Operand>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Function {
    CharAt,
    Entries,
    Keys,
    Length,
    Substring,
    Values,
}

#[derive(Clone, Debug, PartialEq)]
enum Operand {
    Path(Path),
    Value(Value),
}

#[derive(Clone, Debug, PartialEq)]
enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    /// The operand finds something, or is a value that Python takes for true.
    Some(Operand),
    /// Holds for any pair of what the two find.
    Compare(Operand, Comparison, Operand),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    Unequal,
    Ordered(Order),
}
