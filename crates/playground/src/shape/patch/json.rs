//! RFC 6902: a list of operations.
//!
//! Invariant: all or nothing. The server says no more than that it rejected the request, so neither do the errors here.

use super::super::bad_request;
use super::kind_of;
use crate::api::Status;
use serde_json::{Value as Json, json};

/// As many operations as a server takes.
const MOST_OPERATIONS: usize = 10_000;
/// Bytes that all `copy` operations of a patch may copy: a few of them double an object each.
const MOST_COPIED: usize = 3 * 1024 * 1024;
/// How deep an object may become. What is read is bounded, but operations can nest without end what they have built.
const DEEPEST: usize = 256;

/// The object after all operations.
pub(super) fn patch(current: &Json, body: &Json) -> Result<Json, Status> {
    let Some(operations) = body.as_array() else {
        let kind = kind_of(body);
        return Err(bad_request(format!(
            "json: cannot unmarshal {kind} into Go value of type jsonpatch.Patch"
        )));
    };
    if operations.len() > MOST_OPERATIONS {
        let got = operations.len();
        return Err(Status {
            code: 413,
            reason: "RequestEntityTooLarge",
            message: format!(
                "The allowed maximum operations in a JSON patch is {MOST_OPERATIONS}, got {got}"
            ),
            details: json!({}),
        });
    }
    let mut object = current.clone();
    let mut copied = 0;
    for operation in operations {
        if !operation.is_object() {
            let kind = kind_of(operation);
            return Err(bad_request(format!(
                "json: cannot unmarshal {kind} into Go value of type jsonpatch.Operation"
            )));
        }
        perform(&mut object, operation, &mut copied).ok_or_else(rejected)?;
    }
    Ok(object)
}

fn rejected() -> Status {
    Status {
        code: 422,
        reason: "Invalid",
        message: "the server rejected our request due to an error in our request".to_owned(),
        details: json!({}),
    }
}

fn perform(object: &mut Json, operation: &Json, copied: &mut usize) -> Option<()> {
    let path = operation.get("path")?.as_str()?;
    let value = || operation.get("value").cloned().unwrap_or(Json::Null);
    let from = || operation.get("from").and_then(Json::as_str);
    match operation.get("op")?.as_str()? {
        "add" => add(object, path, value()),
        "remove" => remove(object, path).map(drop),
        "replace" => {
            let value = bounded(path, value())?;
            *object.pointer_mut(path)? = value;
            Some(())
        }
        "move" => {
            let moved = remove(object, from()?)?;
            add(object, path, moved)
        }
        "copy" => {
            let value = object.pointer(from()?)?.clone();
            *copied += value.to_string().len();
            if *copied > MOST_COPIED {
                return None;
            }
            add(object, path, value)
        }
        "test" => {
            // A member that is not there equals null.
            let found = object.pointer(path).unwrap_or(&Json::Null);
            (*found == value()).then_some(())
        }
        _ => None,
    }
}

fn split(path: &str) -> Option<(&str, String)> {
    let (parent, last) = path.rsplit_once('/')?;
    Some((parent, last.replace("~1", "/").replace("~0", "~")))
}

fn add(object: &mut Json, path: &str, value: Json) -> Option<()> {
    if path.is_empty() {
        *object = value;
        return Some(());
    }
    let value = bounded(path, value)?;
    let (parent, last) = split(path)?;
    match object.pointer_mut(parent)? {
        Json::Object(map) => {
            map.insert(last, value);
        }
        Json::Array(items) if last == "-" => items.push(value),
        Json::Array(items) => {
            let index = last.parse().ok().filter(|index| *index <= items.len())?;
            items.insert(index, value);
        }
        _ => return None,
    }
    Some(())
}

fn remove(object: &mut Json, path: &str) -> Option<Json> {
    let (parent, last) = split(path)?;
    match object.pointer_mut(parent)? {
        Json::Object(map) => map.shift_remove(&last),
        Json::Array(items) => {
            let index = last.parse().ok().filter(|index| *index < items.len())?;
            Some(items.remove(index))
        }
        _ => None,
    }
}

/// The value, if it is not too deep for its place.
fn bounded(path: &str, value: Json) -> Option<Json> {
    (path.matches('/').count() + depth(&value) <= DEEPEST).then_some(value)
}

fn depth(value: &Json) -> usize {
    let deepest = match value {
        Json::Object(map) => map.values().map(depth).max(),
        Json::Array(items) => items.iter().map(depth).max(),
        _ => return 0,
    };
    1 + deepest.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_cannot_make_an_object_huge_or_bottomless() {
        let big = json!({"a": "x".repeat(1024 * 1024)});
        let doubling: Json =
            (0..8).map(|n| json!({"op": "copy", "from": "", "path": format!("/c{n}")})).collect();
        assert_eq!(patch(&big, &doubling).map_err(|status| status.code), Err(422));
        let nesting: Json = (0..300)
            .flat_map(|_| {
                [
                    json!({"op": "move", "from": "/a", "path": "/b"}),
                    json!({"op": "add", "path": "/a", "value": {}}),
                    json!({"op": "move", "from": "/b", "path": "/a/a"}),
                ]
            })
            .collect();
        assert_eq!(patch(&json!({"a": {}}), &nesting).map_err(|status| status.code), Err(422));
        let many: Json =
            (0..=MOST_OPERATIONS).map(|_| json!({"op": "test", "path": "/a", "value": 1})).collect();
        assert_eq!(patch(&json!({"a": 1}), &many).map_err(|status| status.code), Err(413));
    }
}
