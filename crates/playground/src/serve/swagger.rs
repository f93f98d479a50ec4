//! OpenAPI v2 at `/openapi/v2`: which operations there are, and what they know; as JSON, or in the protobuf that kubectl
//! until 1.27 demands before an apply.
//!
//! Invariant: the two forms say the same. Not here: types; who asks for them today reads OpenAPI v3.

use super::discovery;
use super::openapi::{operation, paths_of};
use crate::resource::Resource;
use serde_json::{Map, Value as Json, json};

/// The protobuf's media type, as answers name it.
pub(super) const PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
/// What a patch may be.
const PATCHES: &[&str] = &[
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
];

/// The document as JSON.
pub(super) fn document() -> Json {
    let mut paths = Map::new();
    for group in discovery::groups() {
        for version in discovery::versions(group) {
            for resource in discovery::resources(group, version) {
                describe(resource, version, &mut paths);
            }
        }
    }
    json!({
        "swagger": "2.0", "info": {"title": "Kubernetes", "version": "v1.33.0"}, "paths": paths, "definitions": {},
    })
}

/// The document as protobuf.
pub(super) fn protobuf() -> Vec<u8> {
    let document = document();
    let (mut bytes, mut info, mut paths) = (Vec::new(), Vec::new(), Vec::new());
    put_text(1, &document["swagger"], &mut bytes);
    put_text(1, &document["info"]["title"], &mut info);
    put_text(2, &document["info"]["version"], &mut info);
    put(2, &info, &mut bytes);
    for (path, verbs) in document["paths"].as_object().into_iter().flatten() {
        let (mut item, mut named) = (Vec::new(), Vec::new());
        for (number, verb) in [(2, "get"), (3, "put"), (4, "post"), (5, "delete"), (8, "patch")] {
            if let Some(operation) = verbs.get(verb) {
                put(number, &encoded(operation), &mut item);
            }
        }
        put(1, path.as_bytes(), &mut named);
        put(2, &item, &mut named);
        put(2, &named, &mut paths);
    }
    put(8, &paths, &mut bytes);
    bytes
}

fn describe(resource: &Resource, version: &str, paths: &mut Map<String, Json>) {
    let operation = |verb: &str| {
        let mut operation = operation(resource, version, verb);
        for parameter in operation["parameters"].as_array_mut().into_iter().flatten() {
            // Here the type stands beside the name, in v3 in a schema.
            let kind = parameter["schema"]["type"].take();
            *parameter = json!({"name": parameter["name"], "in": "query", "type": kind, "uniqueItems": true});
        }
        if verb == "patch" {
            operation["consumes"] = json!(PATCHES);
        }
        operation
    };
    paths.extend(paths_of(resource, version, operation));
}

/// An operation.
fn encoded(operation: &Json) -> Vec<u8> {
    let mut bytes = Vec::new();
    for kind in operation["consumes"].as_array().into_iter().flatten() {
        put_text(7, kind, &mut bytes);
    }
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let mut query = Vec::new();
        put_text(2, &parameter["in"], &mut query);
        put_text(4, &parameter["name"], &mut query);
        put_text(6, &parameter["type"], &mut query);
        // It is a parameter, not a reference to one; not that of a body, but of a query.
        let nested = [3, 2, 1].iter().fold(query, |inner, number| {
            let mut outer = Vec::new();
            put(*number, &inner, &mut outer);
            outer
        });
        put(8, &nested, &mut bytes);
    }
    let (mut ok, mut named, mut responses) = (Vec::new(), Vec::new(), Vec::new());
    put_text(1, &operation["responses"]["200"]["description"], &mut ok);
    put(1, b"200", &mut named);
    let mut value = Vec::new();
    put(1, &ok, &mut value);
    put(2, &value, &mut named);
    put(1, &named, &mut responses);
    put(9, &responses, &mut bytes);
    for (name, value) in
        operation.as_object().into_iter().flatten().filter(|(name, _)| name.starts_with("x-"))
    {
        let (mut any, mut named) = (Vec::new(), Vec::new());
        // It is read as YAML, and JSON is that.
        put(2, value.as_str().map_or(value.to_string(), str::to_owned).as_bytes(), &mut any);
        put(1, name.as_bytes(), &mut named);
        put(2, &any, &mut named);
        put(13, &named, &mut bytes);
    }
    bytes
}

fn put_text(number: u64, text: &Json, into: &mut Vec<u8>) {
    put(number, text.as_str().unwrap_or_default().as_bytes(), into);
}

/// A field that has a length: text or message.
fn put(number: u64, content: &[u8], into: &mut Vec<u8>) {
    varint(number << 3 | 2, into);
    varint(content.len() as u64, into);
    into.extend_from_slice(content);
}

fn varint(mut number: u64, into: &mut Vec<u8>) {
    while number >= 0x80 {
        into.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    into.push(number as u8);
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    /// The fields of a message that have this number.
    fn fields(mut bytes: &[u8], wanted: u64) -> Vec<&[u8]> {
        fn number(bytes: &mut &[u8]) -> u64 {
            let length = bytes.iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
            let (head, rest) = bytes.split_at(length);
            *bytes = rest;
            head.iter().rev().fold(0, |sum, byte| sum << 7 | u64::from(byte & 0x7f))
        }
        let mut found = Vec::new();
        while !bytes.is_empty() {
            let key = number(&mut bytes);
            assert_eq!(key & 7, 2, "only texts and messages are written");
            let length = usize::try_from(number(&mut bytes)).unwrap();
            let (content, rest) = bytes.split_at(length);
            bytes = rest;
            if key >> 3 == wanted {
                found.push(content);
            }
        }
        found
    }

    /// What kubectl looks for: the parameters of the PATCH of each kind.
    #[test]
    fn both_forms_name_the_same_parameters() {
        let (json, bytes) = (document(), protobuf());
        let one = |bytes, path: &[u64]| path.iter().fold(bytes, |bytes, number| fields(bytes, *number)[0]);
        let paths = fields(one(&bytes, &[8]), 2);
        assert_eq!(paths.len(), json["paths"].as_object().unwrap().len());
        let mut patched = 0;
        for path in paths {
            let name = std::str::from_utf8(one(path, &[1])).unwrap();
            let Some(patch) = fields(one(path, &[2]), 8).first().copied() else { continue };
            patched += 1;
            let described = &json["paths"][name]["patch"];
            let names: Vec<&[u8]> =
                fields(patch, 8).into_iter().map(|parameter| one(parameter, &[1, 2, 3, 4])).collect();
            let expected: Vec<&[u8]> = described["parameters"]
                .as_array()
                .unwrap()
                .iter()
                .map(|parameter| parameter["name"].as_str().unwrap().as_bytes())
                .collect();
            assert_eq!(names, expected, "{name}");
            assert!(names.contains(&b"fieldValidation".as_slice()), "{name}");
            let kind = fields(patch, 13)
                .into_iter()
                .find(|extension| one(extension, &[1]) == b"x-kubernetes-group-version-kind")
                .unwrap();
            let kind: Json = serde_json::from_slice(one(kind, &[2, 2])).unwrap();
            assert_eq!(kind, described["x-kubernetes-group-version-kind"], "{name}");
        }
        assert!(patched > 20, "{patched} kinds");
    }
}
