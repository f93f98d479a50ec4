//! OpenAPI v3: which operations there are, and that they know field validation, which `kubectl apply` asks before it starts.

use super::discovery;
use crate::resource::Resource;
use serde_json::{Map, Value as Json, json};

/// The list of documents.
pub(super) fn index() -> Json {
    let mut paths = Map::new();
    for group in discovery::groups() {
        for version in discovery::versions(group) {
            let path = root(group, version);
            let url = format!("/openapi/v3{path}?hash={}", env!("CARGO_PKG_VERSION"));
            paths.insert(path.trim_start_matches('/').to_owned(), json!({"serverRelativeURL": url}));
        }
    }
    json!({"paths": paths})
}

/// The document of a group and version.
pub(super) fn document(group: &str, version: &str) -> Option<Json> {
    if !discovery::versions(group).contains(&version) {
        return None;
    }
    let mut paths = Map::new();
    for resource in discovery::resources(group, version) {
        let scope = if resource.namespaced { "/namespaces/{namespace}" } else { "" };
        let many = format!("{}{scope}/{}", root(group, version), resource.plural);
        let operation = |verb: &str| operation(resource, version, verb);
        paths.insert(
            format!("{many}/{{name}}"),
            json!({
                "get": operation("get"), "put": operation("put"), "patch": operation("patch"),
                "delete": operation("delete"),
            }),
        );
        paths.insert(
            many,
            json!({"get": operation("list"), "post": operation("post"), "delete": operation("deletecollection")}),
        );
    }
    Some(json!({
        "openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "v1.33.0"}, "paths": paths,
        "components": {"schemas": {}},
    }))
}

fn root(group: &str, version: &str) -> String {
    if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") }
}

fn operation(resource: &Resource, version: &str, verb: &str) -> Json {
    let query = |name: &str, kind: &str| json!({"name": name, "in": "query", "schema": {"type": kind, "uniqueItems": true}});
    let mut parameters = Vec::new();
    if matches!(verb, "post" | "put" | "patch") {
        parameters = vec![
            query("dryRun", "string"),
            query("fieldManager", "string"),
            query("fieldValidation", "string"),
        ];
    }
    if verb == "patch" {
        parameters.push(query("force", "boolean"));
    }
    json!({
        "x-kubernetes-action": verb,
        "x-kubernetes-group-version-kind": {"group": resource.group, "version": version, "kind": resource.kind},
        "parameters": parameters,
        "responses": {"200": {"description": "OK"}},
    })
}
