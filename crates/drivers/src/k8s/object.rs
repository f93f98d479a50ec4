//! Kubernetes objects as raw JSON: where the few things stand that we look at.
//!
//! Invariant: nothing here fails; what is absent or of another type reads as absent, for servers send what they like.

use serde_json::Value as Json;

/// `metadata.name`, empty when there is none.
pub(crate) fn name(object: &Json) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

/// `metadata.uid`.
pub(crate) fn uid(object: &Json) -> Option<&str> {
    object["metadata"]["uid"].as_str()
}

/// Whether it is being deleted.
pub(crate) fn is_terminating(object: &Json) -> bool {
    !object["metadata"]["deletionTimestamp"].is_null()
}

/// The owner that would replace it: the reference with `controller: true`.
pub(crate) fn controller(object: &Json) -> Option<&Json> {
    object["metadata"]["ownerReferences"].as_array()?.iter().find(|owner| owner["controller"] == true)
}

/// `status.phase`.
pub(crate) fn phase(pod: &Json) -> Option<&str> {
    pod["status"]["phase"].as_str()
}

/// Whether the server notes this manager among those that have written it.
pub(crate) fn is_managed_by(object: &Json, manager: &str) -> bool {
    let managers = object["metadata"]["managedFields"].as_array();
    managers.into_iter().flatten().any(|entry| entry["manager"] == manager)
}
