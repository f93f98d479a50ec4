//! Kubernetes' strategic merge patch: objects are merged, and lists too where their items have a key.
//!
//! Invariant: which lists merge, and by what, is in [`super::schema`]; directives (`$patch`, `$retainKeys`,
//! `$setElementOrder/…`, `$deleteFromPrimitiveList/…`) never reach the object.

use super::super::schema::{self, Field, Type};
use super::super::{bad_request, go, internal};
use super::{kind_of, unusable};
use crate::api::Status;
use serde_json::{Map, Value as Json};

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
        let listed = |name: &str| keys.iter().any(|key| key.as_str() == Some(name));
        if patch.iter().any(|(name, value)| !name.starts_with('$') && !value.is_null() && !listed(name)) {
            return Err(bad_request("invalid patch format of retainKeys"));
        }
        original.retain(|name, _| listed(name));
    }
    for (name, change) in patch {
        if let Some(list) = name.strip_prefix(DELETE) {
            if let (Some(Json::Array(items)), Json::Array(gone)) = (original.get_mut(list), change) {
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
        let mut merged = was.clone();
        for value in change {
            if !merged.contains(value) {
                merged.push(value.clone());
            }
        }
        return Ok(sort(merged, order.map_or(change, Vec::as_slice), &was, None));
    };
    let replaces = |item: &Json| item.get(PATCH).and_then(Json::as_str) == Some("replace");
    if change.iter().any(replaces) {
        return items(&change.iter().filter(|item| !replaces(item)).cloned().collect::<Vec<_>>());
    }
    let mut merged = was.clone();
    for item in change {
        let Some(patch) = item.as_object() else {
            return Err(internal(format!("expected an object, found {}", kind_of(item))));
        };
        let Some(wanted) = patch.get(key).filter(|value| !value.is_null()) else {
            return Err(internal(format!("map: {} does not contain declared merge key: {key}", go(item))));
        };
        let found = merged.iter().position(|item| item.get(key) == Some(wanted));
        if patch.get(PATCH).and_then(Json::as_str) == Some("delete") {
            merged.retain(|item| item.get(key) != Some(wanted));
            continue;
        }
        let original = match found {
            Some(at) => merged[at].as_object().cloned().unwrap_or_default(),
            None => Members::new(),
        };
        let item = Json::Object(map(original, patch, item_kind, root)?);
        match found {
            Some(at) => merged[at] = item,
            None => merged.push(item),
        }
    }
    Ok(sort(merged, order.map_or(change, Vec::as_slice), &was, Some(key)))
}

/// Items that `order` names come in its order, the others stay where they were in relation to them.
fn sort(merged: Vec<Json>, order: &[Json], was: &[Json], key: Option<&'static str>) -> Vec<Json> {
    let same = |one: &Json, other: &Json| match key {
        Some(key) => one.get(key) == other.get(key),
        None => one == other,
    };
    let place = |list: &[Json], item: &Json| list.iter().position(|other| same(other, item));
    let (mut named, others): (Vec<Json>, Vec<Json>) =
        merged.into_iter().partition(|item| place(order, item).is_some());
    named.sort_by_key(|item| place(order, item));
    let (mut named, mut others) = (named.into_iter().peekable(), others.into_iter().peekable());
    let mut sorted = Vec::new();
    loop {
        let first = match (named.peek(), others.peek()) {
            (None, None) => return sorted,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (Some(one), Some(other)) => {
                // What the patch brings comes before what it does not name, unless the list was in another order.
                !matches!((place(was, one), place(was, other)), (Some(one), Some(other)) if one > other)
            }
        };
        sorted.extend(if first { named.next() } else { others.next() });
    }
}
