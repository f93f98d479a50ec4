//! Objects in the versions of their kind: stored in the preferred one, shown in the one that is asked for.

use crate::resource::Resource;
use serde_json::Value as Json;

/// A stored object as one of its versions shows it.
pub(crate) fn to_version(resource: &Resource, version: &str, object: &Json) -> Json {
    let mut object = object.clone();
    object["apiVersion"] = resource.api_version(version).into();
    object
}

/// An object of one of its versions, as it is stored.
pub(crate) fn from_version(resource: &Resource, _version: &str, mut object: Json) -> Json {
    object["apiVersion"] = resource.api_version(resource.versions[0]).into();
    object
}
