//! What an API server knows of the shape of objects: patches, owners of fields, defaults, validation, versions, tables.
//!
//! Job: pure functions over JSON objects. Invariant: nothing here reads or waits for anything; the time is a parameter.
//! The order in which [`crate::api`] uses them on a write: [`decode::check`] of what was sent, or [`patch::apply`] and
//! [`decode::after_patch`]; [`version::from_version`]; [`defaults::defaults`], [`validate::validate`], [`patch::manage`];
//! and on the way out [`version::to_version`] and [`table::table`].

pub mod decode;
pub mod defaults;
pub mod fields;
mod members;
pub mod patch;
pub mod quantity;
pub mod schema;
pub mod table;
pub mod validate;
pub mod version;

#[cfg(test)]
mod tests;

use crate::api::Status;
use crate::resource::Resource;
use serde_json::{Value as Json, json};

/// One thing that is wrong with an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// `FieldValueInvalid`, `FieldValueRequired`, `FieldValueForbidden`, `FieldValueNotSupported`, `FieldValueDuplicate`.
    pub reason: &'static str,
    /// `spec.replicas`.
    pub field: String,
    /// `Invalid value: -1: must be greater than or equal to 0`.
    pub message: String,
}

/// The answer to an object that is not valid: 422, with every cause.
pub fn invalid(resource: &Resource, name: &str, causes: &[Cause]) -> Status {
    let qualified = if resource.group.is_empty() {
        resource.kind.to_owned()
    } else {
        format!("{}.{}", resource.kind, resource.group)
    };
    let all: Vec<String> = causes.iter().map(|cause| format!("{}: {}", cause.field, cause.message)).collect();
    let what = match all.as_slice() {
        [one] => one.clone(),
        // The server counts equal complaints once in its sentence.
        many => {
            let mut once: Vec<&String> = Vec::new();
            for each in many {
                if !once.contains(&each) {
                    once.push(each);
                }
            }
            match once.as_slice() {
                [one] => (*one).clone(),
                several => {
                    format!("[{}]", several.iter().map(|one| one.as_str()).collect::<Vec<_>>().join(", "))
                }
            }
        }
    };
    let mut details = json!({"name": name});
    if name.is_empty() {
        details = json!({});
    }
    if !resource.group.is_empty() {
        details["group"] = resource.group.into();
    }
    details["kind"] = resource.kind.into();
    details["causes"] = causes.iter().map(cause_json).collect();
    Status {
        code: 422,
        reason: "Invalid",
        message: format!("{qualified} \"{name}\" is invalid: {what}"),
        details,
    }
}

fn cause_json(cause: &Cause) -> Json {
    json!({"reason": cause.reason, "message": cause.message, "field": cause.field})
}

/// 400, with a sentence and nothing else.
pub fn bad_request(message: impl Into<String>) -> Status {
    Status { code: 400, reason: "BadRequest", message: message.into(), details: Json::Null }
}

/// 500, as the server answers when an error has no status of its own; it has no reason.
fn internal(message: impl Into<String>) -> Status {
    Status { code: 500, reason: "", message: message.into(), details: Json::Null }
}

/// A value as Go's `%v` prints what was decoded from JSON: `map[a:1 b:[x y]]`.
fn go(value: &Json) -> String {
    match value {
        Json::Null => "<nil>".to_owned(),
        Json::String(text) => text.clone(),
        Json::Bool(_) | Json::Number(_) => value.to_string(),
        Json::Array(items) => format!("[{}]", items.iter().map(go).collect::<Vec<_>>().join(" ")),
        Json::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            let members: Vec<String> =
                keys.iter().map(|key| format!("{key}:{}", go(&map[key.as_str()]))).collect();
            format!("map[{}]", members.join(" "))
        }
    }
}
