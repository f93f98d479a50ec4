//! RFC 7386: what is in the patch replaces what is there, null removes, objects are merged.

use serde_json::{Map, Value as Json};

/// The value after the patch.
pub(super) fn patch(current: &Json, patch: &Json) -> Json {
    let Json::Object(changes) = patch else { return patch.clone() };
    let mut map = match current {
        Json::Object(map) => map.clone(),
        _ => Map::new(),
    };
    for (key, change) in changes {
        if change.is_null() {
            map.shift_remove(key);
        } else {
            let merged = self::patch(map.get(key).unwrap_or(&Json::Null), change);
            map.insert(key.clone(), merged);
        }
    }
    Json::Object(map)
}
