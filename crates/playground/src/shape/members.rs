//! Going into the parts of an object that may be there.
//!
//! Invariant: what is of another type than it should be is left as it is: validation complains about it.

use serde_json::{Map, Value as Json, json};

/// The members of an object.
pub(super) type Members = Map<String, Json>;

/// Puts a member where there is none, or null.
pub(super) fn set(map: &mut Members, name: &str, value: Json) {
    match map.get_mut(name) {
        None => {
            map.insert(name.to_owned(), value);
        }
        Some(was) if was.is_null() => *was = value,
        Some(_) => {}
    }
}

/// For an object that is there or, as a part that every object has, comes into being.
pub(super) fn within(map: &mut Members, name: &str, change: impl FnOnce(&mut Members)) {
    set(map, name, json!({}));
    if let Some(Json::Object(inner)) = map.get_mut(name) {
        change(inner);
    }
}

/// For each object of a list, if there is one.
pub(super) fn each(map: &mut Members, name: &str, mut change: impl FnMut(&mut Members)) {
    for item in map.get_mut(name).and_then(Json::as_array_mut).into_iter().flatten() {
        if let Json::Object(item) = item {
            change(item);
        }
    }
}

/// For an object, if it is there.
pub(super) fn if_there(map: &mut Members, name: &str, change: impl FnOnce(&mut Members)) {
    if let Some(Json::Object(inner)) = map.get_mut(name) {
        change(inner);
    }
}
