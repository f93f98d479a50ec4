//! The server's way to say no: `Status` objects, worded as a real server words them.
//!
//! Invariant: texts that clients match on (kubectl, client libraries, people's scripts) live here, once each.

use crate::resource::Resource;
use crate::store::{Expired, Refused};
use serde_json::{Value as Json, json};
use std::collections::HashSet;

/// A refusal: what a real server sends with a code of 400 or more.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// The HTTP code.
    pub code: u16,
    /// `NotFound`, `AlreadyExists`, `Conflict`, `Invalid`, …
    pub reason: &'static str,
    /// For people.
    pub message: String,
    /// `name`, `group`, `kind`, `causes`, `retryAfterSeconds`.
    pub details: Json,
}

impl Status {
    /// As the object that is sent.
    pub fn to_json(&self) -> Json {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message,
        });
        if !self.reason.is_empty() {
            status["reason"] = self.reason.into();
        }
        if !self.details.is_null() {
            status["details"] = self.details.clone();
        }
        status["code"] = self.code.into();
        status
    }

    /// Without details.
    pub fn plain(code: u16, reason: &'static str, message: impl Into<String>) -> Status {
        Status { code, reason, message: message.into(), details: Json::Null }
    }

    /// The request itself is wrong.
    pub fn bad_request(message: impl Into<String>) -> Status {
        Status::plain(400, "BadRequest", message)
    }

    /// The token is unknown, or there is none.
    pub fn unauthorized() -> Status {
        Status::plain(401, "Unauthorized", "Unauthorized")
    }

    /// There is no such path, as opposed to no such object.
    pub fn no_such_path() -> Status {
        Status {
            details: json!({}),
            ..Status::plain(404, "NotFound", "the server could not find the requested resource")
        }
    }

    /// The path exists, the method does not.
    pub fn method_not_allowed() -> Status {
        let message = "the server does not allow this method on the requested resource";
        Status { details: json!({}), ..Status::plain(405, "MethodNotAllowed", message) }
    }

    /// There is no such object.
    pub fn not_found(resource: &Resource, name: &str) -> Status {
        let message = format!("{} \"{name}\" not found", qualified(resource));
        Status::about(404, "NotFound", resource, name, message)
    }

    /// An optimistic write lost, for a reason that follows the colon.
    pub fn conflict(resource: &Resource, name: &str, why: &str) -> Status {
        let message = format!("Operation cannot be fulfilled on {} \"{name}\": {why}", qualified(resource));
        Status::about(409, "Conflict", resource, name, message)
    }

    /// It is not allowed, for a reason that follows the colon.
    pub fn forbidden(resource: &Resource, name: &str, why: &str) -> Status {
        let message = format!("{} \"{name}\" is forbidden: {why}", qualified(resource));
        Status::about(403, "Forbidden", resource, name, message)
    }

    /// An object is not valid. Causes have `reason`, `message` and `field`.
    pub fn invalid(resource: &Resource, name: &str, causes: Vec<Json>) -> Status {
        Status::invalid_kind(resource.group, resource.kind, name, causes)
    }

    /// As [`Status::invalid`], for what is not stored: `ListOptions`.
    pub fn invalid_kind(group: &str, kind: &str, name: &str, causes: Vec<Json>) -> Status {
        let text = |cause: &Json| {
            let field = cause["field"].as_str().unwrap_or_default();
            format!("{field}: {}", cause["message"].as_str().unwrap_or_default())
        };
        let mut seen = HashSet::new();
        let texts: Vec<String> = causes.iter().map(text).filter(|text| seen.insert(text.clone())).collect();
        let said = if texts.len() == 1 { texts.concat() } else { format!("[{}]", texts.join(", ")) };
        let shown = if group.is_empty() { kind.to_owned() } else { format!("{kind}.{group}") };
        let mut details = json!({});
        if !name.is_empty() {
            details["name"] = name.into();
        }
        if !group.is_empty() {
            details["group"] = group.into();
        }
        details["kind"] = kind.into();
        details["causes"] = causes.into();
        Status { details, ..Status::plain(422, "Invalid", format!("{shown} \"{name}\" is invalid: {said}")) }
    }

    /// About an object.
    pub fn about(
        code: u16,
        reason: &'static str,
        resource: &Resource,
        name: &str,
        message: impl Into<String>,
    ) -> Status {
        let mut details = json!({});
        if !name.is_empty() {
            details["name"] = name.into();
        }
        if !resource.group.is_empty() {
            details["group"] = resource.group.into();
        }
        details["kind"] = resource.plural.into();
        Status { code, reason, message: message.into(), details }
    }

    /// With one more cause.
    #[must_use]
    pub fn cause(mut self, reason: &str, message: impl Into<String>, field: &str) -> Status {
        let mut cause = json!({"reason": reason, "message": message.into()});
        if !field.is_empty() {
            cause["field"] = field.into();
        }
        if self.details.is_null() {
            self.details = json!({});
        }
        match self.details.get_mut("causes").and_then(Json::as_array_mut) {
            Some(causes) => causes.push(cause),
            None => self.details["causes"] = json!([cause]),
        }
        self
    }

    /// With the advice to come back.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Status {
        if self.details.is_null() {
            self.details = json!({});
        }
        self.details["retryAfterSeconds"] = seconds.into();
        self
    }

    pub(crate) fn refused(refused: Refused, resource: &Resource, name: &str) -> Status {
        match refused {
            Refused::Missing => Status::not_found(resource, name),
            Refused::Exists => {
                let message = format!("{} \"{name}\" already exists", qualified(resource));
                Status::about(409, "AlreadyExists", resource, name, message)
            }
            Refused::NotKept => {
                Status::plain(500, "InternalError", format!("Internal error occurred: {refused}"))
            }
            Refused::Conflict => Status::conflict(
                resource,
                name,
                "the object has been modified; please apply your changes to the latest version and try again",
            ),
        }
    }

    /// A list or watch asked for a revision that cannot be had: 410 for what is forgotten, 504 for what is to come.
    pub(crate) fn expired(expired: Expired, current: u64) -> Status {
        if expired.asked <= current {
            return Status::plain(410, "Expired", expired.to_string());
        }
        let message = format!("Timeout: Too large resource version: {}, current: {current}", expired.asked);
        Status::plain(504, "Timeout", message)
            .cause("ResourceVersionTooLarge", "Too large resource version", "")
            .retry_after(1)
    }
}

/// `deployments.apps`, `pods`.
pub(crate) fn qualified(resource: &Resource) -> String {
    if resource.group.is_empty() {
        resource.plural.to_owned()
    } else {
        format!("{}.{}", resource.plural, resource.group)
    }
}

/// `Deployment.apps`, `Pod`.
pub(crate) fn qualified_kind(resource: &Resource) -> String {
    if resource.group.is_empty() {
        resource.kind.to_owned()
    } else {
        format!("{}.{}", resource.kind, resource.group)
    }
}
