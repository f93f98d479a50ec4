//! RFC 6902: a list of operations.
//!
//! Invariant: all or nothing. The server says no more than that it rejected the request, so neither do the errors here.

use super::super::bad_request;
use super::kind_of;
use crate::api::Status;
use serde_json::{Value as Json, json};

/// The object after all operations.
pub(super) fn patch(current: &Json, body: &Json) -> Result<Json, Status> {
    let Some(operations) = body.as_array() else {
        let kind = kind_of(body);
        return Err(bad_request(format!(
            "json: cannot unmarshal {kind} into Go value of type jsonpatch.Patch"
        )));
    };
    let mut object = current.clone();
    for operation in operations {
        if !operation.is_object() {
            let kind = kind_of(operation);
            return Err(bad_request(format!(
                "json: cannot unmarshal {kind} into Go value of type jsonpatch.Operation"
            )));
        }
        perform(&mut object, operation).ok_or_else(rejected)?;
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

fn perform(object: &mut Json, operation: &Json) -> Option<()> {
    let path = operation.get("path")?.as_str()?;
    let value = || operation.get("value").cloned().unwrap_or(Json::Null);
    let from = || operation.get("from").and_then(Json::as_str);
    match operation.get("op")?.as_str()? {
        "add" => add(object, path, value()),
        "remove" => remove(object, path).map(drop),
        "replace" => {
            *object.pointer_mut(path)? = value();
            Some(())
        }
        "move" => {
            let moved = remove(object, from()?)?;
            add(object, path, moved)
        }
        "copy" => {
            let copied = object.pointer(from()?)?.clone();
            add(object, path, copied)
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
