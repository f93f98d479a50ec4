//! Kubernetes' strategic merge patch: objects are merged, and lists too where their items have a key.
//!
//! Invariant: which lists merge, and by what, is in [`super::schema`]; directives (`$patch`, `$retainKeys`,
//! `$setElementOrder/…`, `$deleteFromPrimitiveList/…`) never reach the object. Long lists take no longer than their items do.

use super::super::schema::{self, Field, Type};
use super::super::{bad_request, go, internal};
use super::{kind_of, unusable};
use crate::api::Status;
use serde_json::{Map, Value as Json};
use std::collections::{HashMap, HashSet};

type Members = Map<String, Json>;

const PATCH: &str = "$patch";
const RETAIN: &str = "$retainKeys";
const ORDER: &str = "$setElementOrder/";
const DELETE: &str = "$deleteFromPrimitiveList/";

/// An object after the patch of a map; `root` is the whole patch, for complaints.
pub(super) fn map(
    mut original: Members,
    patch: &Members,
    kind: &Type,
    root: &Json,
) -> Result<Members, Status> {
    match patch.get(PATCH).and_then(Json::as_str) {
        None | Some("merge") => {}
        Some("replace") => {
            return Ok(patch
                .iter()
                .filter(|(key, _)| *key != PATCH)
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect());
        }
        Some("delete") => return Ok(Members::new()),
        Some(other) => {
            let what = go(&Json::Object(patch.clone()));
            return Err(internal(format!("unknown patch type: {other} in map: {what}")));
        }
    }
    if let Some(keys) = patch.get(RETAIN) {
        let keys = keys.as_array().ok_or_else(|| bad_request("invalid patch format of retainKeys"))?;
        let keys: HashSet<&str> = keys.iter().filter_map(Json::as_str).collect();
        let listed = |name: &str| keys.contains(name);
        if patch.iter().any(|(name, value)| !name.starts_with('$') && !value.is_null() && !listed(name)) {
            return Err(bad_request("invalid patch format of retainKeys"));
        }
        original.retain(|name, _| listed(name));
    }
    for (name, change) in patch {
        if let Some(list) = name.strip_prefix(DELETE) {
            if let (Some(Json::Array(items)), Json::Array(gone)) = (original.get_mut(list), change) {
                let gone: HashSet<&Json> = gone.iter().collect();
                items.retain(|item| !gone.contains(item));
            }
            continue;
        }
        if name.starts_with('$') {
            continue;
        }
        if change.is_null() {
            original.shift_remove(name);
            continue;
        }
        let field = field(kind, name);
        let inner = field.map_or(&Type::Any, |(kind, _)| kind);
        check(inner, change, root)?;
        let merged = match (original.get(name), change) {
            (Some(Json::Object(was)), Json::Object(change)) => {
                Json::Object(map(was.clone(), change, inner, root)?)
            }
            (was, Json::Array(change)) => {
                let was = was.and_then(Json::as_array).cloned().unwrap_or_default();
                let order = patch.get(&format!("{ORDER}{name}")).and_then(Json::as_array);
                Json::Array(list(was, change, inner, field.and_then(|(_, merge)| merge), order, root)?)
            }
            (_, change) => bare(change, inner, root)?,
        };
        original.insert(name.clone(), merged);
    }
    for (name, order) in patch {
        // An order may come for a list that the patch does not otherwise touch.
        let Some(name) = name.strip_prefix(ORDER).filter(|name| !patch.contains_key(*name)) else { continue };
        let Some((_, Some(key))) = field(kind, name) else { continue };
        if let (Some(Json::Array(items)), Json::Array(order)) = (original.get(name), order) {
            let sorted = sort(items.clone(), order, items, key);
            original.insert(name.to_owned(), Json::Array(sorted));
        }
    }
    Ok(original)
}

/// A field's type, and by what it merges if it is a list that does.
fn field<'a>(kind: &'a Type, name: &str) -> Option<(&'a Type, Option<Option<&'static str>>)> {
    match kind {
        Type::Object(kind) => schema::fields(kind)?.get(name).map(|Field { kind, merge, .. }| (kind, *merge)),
        Type::Map(value) => Some((value, None)),
        _ => None,
    }
}

/// Refuses a patch whose values cannot be what the type wants, in the words of the converter that would have to.
fn check(kind: &Type, change: &Json, root: &Json) -> Result<(), Status> {
    let why = match (kind, change) {
        (Type::List(_), Json::String(_)) => "cannot restore slice from string".to_owned(),
        (Type::List(_), Json::Object(_)) => "cannot restore slice from map".to_owned(),
        (Type::Object(_), Json::Array(_)) => "cannot restore struct from: slice".to_owned(),
        (Type::Object(_), Json::String(_)) => "cannot restore struct from: string".to_owned(),
        (Type::Map(_), Json::Array(_)) => "cannot restore map from slice".to_owned(),
        (Type::Map(_), Json::String(_)) => "cannot restore map from string".to_owned(),
        (Type::Int32, Json::String(_)) => "unrecognized type: int32".to_owned(),
        (Type::Int64, Json::String(_)) => "unrecognized type: int64".to_owned(),
        (Type::Bool, Json::String(_)) => "unrecognized type: bool".to_owned(),
        (Type::String, Json::Number(_) | Json::Bool(_)) => "unrecognized type: string".to_owned(),
        _ => return Ok(()),
    };
    Err(unusable(&go(root), &why))
}

/// A value of the patch where nothing was before: without directives and nulls.
fn bare(value: &Json, kind: &Type, root: &Json) -> Result<Json, Status> {
    match value {
        Json::Object(change) => Ok(Json::Object(map(Members::new(), change, kind, root)?)),
        other => Ok(other.clone()),
    }
}

fn list(
    was: Vec<Json>,
    change: &[Json],
    kind: &Type,
    merge: Option<Option<&'static str>>,
    order: Option<&Vec<Json>>,
    root: &Json,
) -> Result<Vec<Json>, Status> {
    let item_kind = match kind {
        Type::List(item) => item,
        _ => &Type::Any,
    };
    let items = |change: &[Json]| {
        change.iter().map(|item| bare(item, item_kind, root)).collect::<Result<Vec<_>, _>>()
    };
    let Some(key) = merge else { return items(change) };
    let Some(key) = key else {
        let mut seen: HashSet<&Json> = was.iter().collect();
        let new: Vec<Json> = change.iter().filter(|value| seen.insert(value)).cloned().collect();
        let merged = was.iter().cloned().chain(new).collect();
        return Ok(sort(merged, order.map_or(change, Vec::as_slice), &was, None));
    };
    let replaces = |item: &Json| item.get(PATCH).and_then(Json::as_str) == Some("replace");
    if change.iter().any(replaces) {
        return items(&change.iter().filter(|item| !replaces(item)).cloned().collect::<Vec<_>>());
    }
    // What is deleted leaves a gap, so that the others stay where they are known to be.
    let mut merged: Vec<Option<Json>> = was.iter().cloned().map(Some).collect();
    let mut places: HashMap<&Json, Vec<usize>> = HashMap::new();
    for (at, item) in was.iter().enumerate() {
        if let Some(value) = item.get(key) {
            places.entry(value).or_default().push(at);
        }
    }
    for item in change {
        let Some(patch) = item.as_object() else {
            return Err(internal(format!("expected an object, found {}", kind_of(item))));
        };
        let Some(wanted) = patch.get(key).filter(|value| !value.is_null()) else {
            return Err(internal(format!("map: {} does not contain declared merge key: {key}", go(item))));
        };
        if patch.get(PATCH).and_then(Json::as_str) == Some("delete") {
            places.remove(wanted).into_iter().flatten().for_each(|at| merged[at] = None);
            continue;
        }
        let at = match places.get(wanted) {
            Some(at) => at[0],
            None => {
                places.insert(wanted, vec![merged.len()]);
                merged.push(Some(Json::Object(Members::new())));
                merged.len() - 1
            }
        };
        let Some(Json::Object(original)) = merged[at].take() else { continue };
        merged[at] = Some(Json::Object(map(original, patch, item_kind, root)?));
    }
    let merged = merged.into_iter().flatten().collect();
    Ok(sort(merged, order.map_or(change, Vec::as_slice), &was, Some(key)))
}

/// Items that `order` names come in its order, the others stay where they were in relation to them.
fn sort(merged: Vec<Json>, order: &[Json], was: &[Json], key: Option<&'static str>) -> Vec<Json> {
    let (order, was) = (Places::of(order, key), Places::of(was, key));
    let placed = merged.into_iter().map(|item| (order.place(&item), was.place(&item), item));
    let (mut named, others): (Vec<_>, Vec<_>) = placed.partition(|(order, ..)| order.is_some());
    named.sort_by_key(|(order, ..)| *order);
    let (mut named, mut others) = (named.into_iter().peekable(), others.into_iter().peekable());
    let mut sorted = Vec::new();
    loop {
        let first = match (named.peek(), others.peek()) {
            (None, None) => return sorted,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            // What the patch brings comes before what it does not name, unless the list was in another order.
            (Some((_, one, _)), Some((_, other, _))) => {
                !matches!((one, other), (Some(one), Some(other)) if one > other)
            }
        };
        let next = if first { named.next() } else { others.next() };
        sorted.extend(next.map(|(.., item)| item));
    }
}

/// Where the items of a list are, by their keys, or by themselves.
struct Places<'a> {
    key: Option<&'static str>,
    /// By what an item is known; the first of several.
    first: HashMap<Option<&'a Json>, usize>,
}

impl<'a> Places<'a> {
    fn of(list: &'a [Json], key: Option<&'static str>) -> Self {
        let mut first = HashMap::new();
        for (at, item) in list.iter().enumerate() {
            first.entry(Self::known(item, key)).or_insert(at);
        }
        Places { key, first }
    }

    fn known<'b>(item: &'b Json, key: Option<&'static str>) -> Option<&'b Json> {
        key.map_or(Some(item), |key| item.get(key))
    }

    fn place(&self, item: &Json) -> Option<usize> {
        self.first.get(&Self::known(item, self.key)).copied()
    }
}
