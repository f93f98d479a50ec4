//! The graph to values, as PyYAML's safe constructor makes them.
//!
//! Invariant: every node that is built is paid for out of an allowance, and the depth is bounded; so aliases that multiply
//! or contain themselves end in an error.

use super::compose::{Graph, Kind};
use super::scalar;
use super::tag::Tag;
use crate::diagnostic::{Diagnostic, Span};
use crate::draft::{MAX_DEPTH, Spans, SyntaxError, duplicate};
use crate::json;
use crate::value::{Object, Value};
use indexmap::IndexMap;
use std::borrow::Cow;

/// What a node costs beside its text, about the memory it takes.
const NODE: usize = 64;
/// What aliases may add to a document.
const ALLOWANCE: usize = 16 << 20;

type Built<T> = Result<T, SyntaxError>;

pub(super) fn construct(graph: Graph<'_>, length: usize) -> Built<(Value, Spans, Vec<Diagnostic>)> {
    let notes = graph.iter().map(|_| Notes::default()).collect();
    let left = length.saturating_mul(2 * NODE).saturating_add(ALLOWANCE);
    let mut constructor =
        Constructor { graph, notes, left, depth: 0, spans: Spans::default(), duplicates: Vec::new() };
    if constructor.graph.is_empty() {
        // Nothing is written, but what is said about that needs a place.
        let place = Span { line: 1, column: 1, start: 0, end: 0 };
        let document = constructor.spans.open(None, Span::default(), place);
        constructor.spans.close(document, length);
        return Ok((Value::Null, constructor.spans, Vec::new()));
    }
    let document = constructor.value(0, None, Span::default())?;
    Ok((document, constructor.spans, constructor.duplicates))
}

struct Constructor<'a> {
    graph: Graph<'a>,
    notes: Vec<Notes>,
    /// What is left of the allowance.
    left: usize,
    depth: usize,
    spans: Spans,
    duplicates: Vec<Diagnostic>,
}

/// What is known of a node by now.
#[derive(Clone, Copy, Default)]
struct Notes {
    /// It is being built.
    open: bool,
    /// How many of its pairs came by merging; they are the first ones.
    merged: usize,
    /// Its equal keys were reported.
    reported: bool,
}

impl Constructor<'_> {
    fn value(&mut self, node: usize, name: Option<&str>, key: Span) -> Built<Value> {
        let span = self.graph[node].span;
        self.pay(node, NODE)?;
        let place = self.spans.open(name, key, span);
        let value = match &self.graph[node].kind {
            Kind::Scalar(_) => self.scalar(node),
            Kind::Sequence(_) | Kind::Mapping(_) => self.collection(node, place),
        }?;
        self.spans.close(place, span.end);
        Ok(value)
    }

    fn scalar(&mut self, node: usize) -> Built<Value> {
        let length = match &self.graph[node].kind {
            Kind::Scalar(text) => text.len(),
            Kind::Sequence(_) | Kind::Mapping(_) => 0,
        };
        self.pay(node, length)?;
        let Kind::Scalar(text) = &self.graph[node].kind else {
            return self.fail(node, "found unhashable key");
        };
        match &self.graph[node].tag {
            Tag::Seq => self.fail(node, "expected a sequence node, but found scalar"),
            Tag::Map | Tag::Set => self.fail(node, "expected a mapping node, but found scalar"),
            Tag::Omap | Tag::Pairs => self.fail(node, "expected a sequence, but found scalar"),
            tag => match scalar::construct(tag, text) {
                Ok(value) => Ok(value),
                Err(message) => self.fail(node, message),
            },
        }
    }

    /// Builds a sequence or a mapping, which may be within itself or too deep.
    fn collection(&mut self, node: usize, place: usize) -> Built<Value> {
        if std::mem::replace(&mut self.notes[node].open, true) {
            return self.fail(node, "found unconstructable recursive node");
        }
        if self.depth == MAX_DEPTH {
            return self.fail(node, format!("lists and objects are nested deeper than {MAX_DEPTH} levels"));
        }
        self.depth += 1;
        let found = self.graph[node].kind.word();
        let value = match (&self.graph[node].tag, &self.graph[node].kind) {
            (Tag::Seq, Kind::Sequence(items)) => {
                let items = items.clone();
                self.list(&items)
            }
            (Tag::Map, Kind::Mapping(_)) => self.object(node, place),
            (Tag::Set, Kind::Mapping(_)) => self.set(node),
            (Tag::Omap | Tag::Pairs, Kind::Sequence(items)) => {
                let items = items.clone();
                self.pairs(&items)
            }
            (Tag::Omap | Tag::Pairs, _) => self.fail(node, format!("expected a sequence, but found {found}")),
            (Tag::Seq, _) => self.fail(node, format!("expected a sequence node, but found {found}")),
            (Tag::Map | Tag::Set, _) => {
                self.fail(node, format!("expected a mapping node, but found {found}"))
            }
            (Tag::Other(uri), _) => self.fail(node, scalar::unknown(uri)),
            _ => self.fail(node, format!("expected a scalar node, but found {found}")),
        }?;
        self.depth -= 1;
        self.notes[node].open = false;
        Ok(value)
    }

    fn list(&mut self, items: &[usize]) -> Built<Value> {
        let items = items.iter().map(|item| self.value(*item, None, Span::default()));
        items.collect::<Built<_>>().map(Value::List)
    }

    fn object(&mut self, node: usize, place: usize) -> Built<Value> {
        let pairs = self.flattened(node, 0)?;
        let Notes { merged, reported, .. } = self.notes[node];
        let mut object =
            Object::with_capacity_and_hasher(pairs.len(), foldhash::fast::RandomState::default());
        // Where each key was written in this very mapping, in the object's order.
        let mut keys: Vec<Option<Span>> = Vec::with_capacity(pairs.len());
        for (index, (key_node, value)) in pairs.into_iter().enumerate() {
            let key = self.key(key_node)?;
            let span = self.graph[key_node].span;
            let value = self.value(value, Some(&key), span)?;
            let own = (index >= merged).then_some(span);
            let (at, before) = object.insert_full(key.into_owned(), value);
            if before.is_none() {
                keys.push(own);
            } else if let (Some(first), false) = (std::mem::replace(&mut keys[at], own), reported) {
                let name = object.get_index(at).map_or("", |(name, _)| name);
                let path = || self.spans.path_to(place, name);
                duplicate(&mut self.duplicates, path, name, first, span);
            }
        }
        self.notes[node].reported = true;
        Ok(Value::Object(object))
    }

    /// A set is the list of its members: JSON has nothing better.
    fn set(&mut self, node: usize) -> Built<Value> {
        let mut members = IndexMap::new();
        for (key, _) in self.flattened(node, 0)? {
            let value = self.scalar(key)?;
            let name = json::to_string(&value, &json::Style::LINE);
            if !members.contains_key(&name) {
                let place = self.spans.open(None, Span::default(), self.graph[key].span);
                self.spans.close(place, self.graph[key].span.end);
                members.insert(name, value);
            }
        }
        Ok(Value::List(members.into_values().collect()))
    }

    /// `!!omap` and `!!pairs`: a list of pairs.
    fn pairs(&mut self, items: &[usize]) -> Built<Value> {
        let mut pairs = Vec::with_capacity(items.len());
        for item in items {
            let span = self.graph[*item].span;
            let pair = match &self.graph[*item].kind {
                Kind::Mapping(pairs) => match pairs.as_slice() {
                    [(key, value)] => [*key, *value],
                    pairs => {
                        let message =
                            format!("expected a single mapping item, but found {} items", pairs.len());
                        return self.fail(*item, message);
                    }
                },
                other => {
                    let message = format!("expected a mapping of length 1, but found {}", other.word());
                    return self.fail(*item, message);
                }
            };
            let place = self.spans.open(None, Span::default(), span);
            pairs.push(self.list(&pair)?);
            self.spans.close(place, span.end);
        }
        Ok(Value::List(pairs))
    }

    /// The key as `json.dumps` would write it.
    fn key(&mut self, node: usize) -> Built<Cow<'static, str>> {
        if let (Tag::Other(uri), Kind::Scalar(text)) = (&self.graph[node].tag, &self.graph[node].kind)
            && uri == Tag::VALUE
        {
            return Ok(Cow::Owned(text.clone().into_owned()));
        }
        self.pay(node, NODE)?;
        let value = self.scalar(node)?;
        let kind = match value {
            Value::Text(text) => return Ok(Cow::Owned(text)),
            Value::Date(text) if text.contains('T') => "datetime",
            Value::Date(_) => "date",
            Value::Bytes(_) => "bytes",
            Value::Null
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Big(_)
            | Value::Float(_)
            | Value::List(_)
            | Value::Object(_) => return Ok(Cow::Owned(json::to_string(&value, &json::Style::LINE))),
        };
        self.fail(node, format!("keys must be str, int, float, bool or None, not {kind}"))
    }

    /// The pairs of a mapping, those that `<<` brings in first: what comes later overrides what came before.
    fn flattened(&mut self, node: usize, depth: usize) -> Built<Vec<(usize, usize)>> {
        let Kind::Mapping(pairs) = &self.graph[node].kind else { return Ok(Vec::new()) };
        let is_merge = |key: usize| self.graph[key].tag == Tag::Merge;
        if !pairs.iter().any(|(key, _)| is_merge(*key)) {
            return Ok(pairs.clone());
        }
        if depth == MAX_DEPTH {
            return self
                .fail(node, format!("merge keys follow each other over more than {MAX_DEPTH} mappings"));
        }
        let (merges, own): (Vec<_>, Vec<_>) = pairs.iter().copied().partition(|(key, _)| is_merge(*key));
        // Taken out first, so that a mapping which merges itself comes to an end.
        self.graph[node].kind = Kind::Mapping(own.clone());
        let mut all = Vec::new();
        for (_, value) in merges {
            let parts = match &self.graph[value].kind {
                Kind::Mapping(_) => vec![value],
                Kind::Sequence(parts) => parts.iter().rev().copied().collect(),
                Kind::Scalar(_) => {
                    return self
                        .fail(value, "expected a mapping or list of mappings for merging, but found scalar");
                }
            };
            for part in parts {
                if !matches!(self.graph[part].kind, Kind::Mapping(_)) {
                    let found = self.graph[part].kind.word();
                    return self.fail(part, format!("expected a mapping for merging, but found {found}"));
                }
                let pairs = self.flattened(part, depth + 1)?;
                self.pay(part, NODE.saturating_mul(pairs.len() + 1))?;
                all.extend(pairs);
            }
        }
        self.notes[node].merged = all.len();
        all.extend(own);
        self.graph[node].kind = Kind::Mapping(all.clone());
        Ok(all)
    }

    fn pay(&mut self, node: usize, cost: usize) -> Built<()> {
        match self.left.checked_sub(cost) {
            Some(left) => self.left = left,
            None => return self.fail(node, "aliases and merge keys make this document too large"),
        }
        Ok(())
    }

    fn fail<T>(&self, node: usize, message: impl Into<String>) -> Built<T> {
        Err(SyntaxError { message: message.into(), span: self.graph[node].span })
    }
}
