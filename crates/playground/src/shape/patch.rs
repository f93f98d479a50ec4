//! Patches of all four kinds, and who owns which field after a write.
//!
//! Invariant: a patch is applied in the version that the caller speaks, to the object as that version shows it; whoever
//! calls decodes, defaults and validates the result. Only server-side apply sets `managedFields` itself; every other
//! write passes through [`manage`] once the object is as it is going to be stored.

mod json;
mod merge;
mod own;
mod strategic;

use super::schema::{self, Type};
use super::{bad_request, internal};
use crate::api::{Patch, Status};
use crate::resource::Resource;
use serde_json::{Map, Value as Json, json};

pub use own::manage;

/// Who writes, and how.
#[derive(Clone, Copy, Debug)]
pub struct Writer<'a> {
    /// The field manager: `kubectl-edit`.
    pub manager: &'a str,
    /// The version that it speaks: `v1`.
    pub version: &'a str,
    /// The subresource that it writes, if one.
    pub subresource: Option<&'a str>,
    /// Now, as objects carry it.
    pub time: &'a str,
}

/// The object that a patch makes of the current one; only server-side apply makes one out of nothing.
///
/// # Errors
/// 400 for a patch that is not one, 404 is the caller's, 409 when a server-side apply conflicts, 422 when the patch cannot
/// be applied to this object, and 500 where a real server has no better code.
pub fn apply(
    kind: Patch,
    resource: &Resource,
    writer: &Writer<'_>,
    current: Option<&Json>,
    body: &Json,
) -> Result<Json, Status> {
    let empty = json!({"apiVersion": schema::api_version(resource, writer.version), "kind": resource.kind, "metadata": {}});
    let current = current.unwrap_or(&empty);
    match kind {
        Patch::Json => json::patch(current, body),
        Patch::Merge => {
            if !body.is_object() {
                return Err(not_an_object(body));
            }
            Ok(merge::patch(current, body))
        }
        Patch::Strategic => {
            let Some(patch) = body.as_object() else {
                return Err(bad_request(format!(
                    "json: cannot unmarshal {} into Go value of type map[string]interface {{}}",
                    kind_of(body)
                )));
            };
            let kind = schema::root(resource, writer.version).map_or(Type::Any, Type::Object);
            let original = current.as_object().cloned().unwrap_or_default();
            let patched = strategic::map(original, patch, &kind, body)?;
            Ok(Json::Object(patched))
        }
        Patch::Apply { force } => own::apply(resource, writer, current, body, force),
    }
}

fn not_an_object(body: &Json) -> Status {
    if body.is_array() {
        let what = "couldn't get version/kind; json parse error: json: cannot unmarshal array into Go value of type struct { APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }";
        return unusable(&body.to_string(), what);
    }
    internal("Invalid JSON Patch")
}

/// The answer to a patch after which there is no object: 422, without a name.
pub fn unusable(patched: &str, why: &str) -> Status {
    let message = format!("Invalid value: {patched:?}: {why}");
    Status {
        code: 422,
        reason: "Invalid",
        message: format!(" \"\" is invalid: patch: {message}"),
        details: json!({"causes": [{"reason": "FieldValueInvalid", "message": message, "field": "patch"}]}),
    }
}

/// What Go's decoder calls a value.
pub(super) fn kind_of(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "bool",
        Json::Number(_) => "number",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    }
}

/// Drops members that are null, at every depth of objects; an object does not hold nulls.
fn without_nulls(value: &mut Json) {
    if let Json::Object(map) = value {
        map.retain(|_, value| !value.is_null());
        map.values_mut().for_each(without_nulls);
    }
}

fn object_of(value: &Json) -> Result<&Map<String, Json>, Status> {
    value.as_object().ok_or_else(|| {
        bad_request(format!(
            "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {} into Go value of type map[string]interface {{}}",
            kind_of(value)
        ))
    })
}
