//! OpenAPI v3: which operations there are, and that they know field validation, which `kubectl apply` asks before it starts;
//! and the types of what is served, for `kubectl explain`.
//!
//! Not here: descriptions. What a field is for is told by Kubernetes' own documentation.

use super::discovery;
use crate::resource::Resource;
use crate::shape::schema::{self, Field, Topology, Type};
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;

const QUANTITY: &str = "io.k8s.apimachinery.pkg.api.resource.Quantity";
const INT_OR_STRING: &str = "io.k8s.apimachinery.pkg.util.intstr.IntOrString";

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
    let mut types = BTreeMap::new();
    for resource in discovery::resources(group, version) {
        if let Some(root) = schema::root(resource, version) {
            describe(root, &mut types);
            let kind = json!({"group": resource.group, "version": version, "kind": resource.kind});
            if let Some(described) = types.get_mut(&full_name(root)) {
                described["x-kubernetes-group-version-kind"] = json!([kind]);
            }
        }
        paths.extend(paths_of(resource, version, |verb| operation(resource, version, verb)));
    }
    Some(json!({
        "openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "v1.33.0"}, "paths": paths,
        "components": {"schemas": types},
    }))
}

/// The paths of a resource, of one object and of all, with an operation for each verb.
pub(super) fn paths_of(
    resource: &Resource,
    version: &str,
    operation: impl Fn(&str) -> Json,
) -> [(String, Json); 2] {
    let scope = if resource.namespaced { "/namespaces/{namespace}" } else { "" };
    let many = format!("{}{scope}/{}", root(resource.group, version), resource.plural);
    let of_one = json!({
        "get": operation("get"), "put": operation("put"), "patch": operation("patch"),
        "delete": operation("delete"),
    });
    let of_all =
        json!({"get": operation("list"), "post": operation("post"), "delete": operation("deletecollection")});
    [(format!("{many}/{{name}}"), of_one), (many, of_all)]
}

pub(super) fn root(group: &str, version: &str) -> String {
    if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") }
}

/// An operation: which verb of which kind it is, and what can be said in its query.
pub(super) fn operation(resource: &Resource, version: &str, verb: &str) -> Json {
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

/// A type as real servers call it: `io.k8s.api.core.v1.PodSpec`.
fn full_name(name: &str) -> String {
    match name.strip_prefix("meta.") {
        Some(name) => format!("io.k8s.apimachinery.pkg.apis.meta.{name}"),
        None => format!("io.k8s.api.{name}"),
    }
}

/// Adds a type, and every type that it is made of.
fn describe(name: &'static str, types: &mut BTreeMap<String, Json>) {
    let full = full_name(name);
    if types.contains_key(&full) {
        return;
    }
    types.insert(full.clone(), json!({"type": "object"}));
    let Some(fields) = schema::fields(name) else { return };
    let fields: BTreeMap<&str, &Field> = fields.iter().map(|(name, field)| (*name, field)).collect();
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for (name, field) in fields {
        let mut property = kind(&field.kind, types);
        if matches!(field.kind, Type::List(_)) {
            let list = match &field.topology {
                Topology::Keyed(keys) => {
                    property["x-kubernetes-list-map-keys"] = json!(keys);
                    "map"
                }
                Topology::Set => "set",
                Topology::Atomic | Topology::Granular => "atomic",
            };
            property["x-kubernetes-list-type"] = list.into();
        }
        if let Some(merge) = field.merge {
            property["x-kubernetes-patch-strategy"] =
                if field.retain { "merge,retainKeys" } else { "merge" }.into();
            if let Some(key) = merge {
                property["x-kubernetes-patch-merge-key"] = key.into();
            }
        }
        if field.required {
            required.push(name);
        }
        properties.insert(name.to_owned(), property);
    }
    let mut described = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        described["required"] = json!(required);
    }
    types.insert(full, described);
}

fn kind(of: &Type, types: &mut BTreeMap<String, Json>) -> Json {
    match of {
        Type::String => json!({"type": "string"}),
        Type::Quantity => named(QUANTITY, json!(["string", "number"]), types),
        Type::Bytes => json!({"type": "string", "format": "byte"}),
        Type::Int32 => json!({"type": "integer", "format": "int32"}),
        Type::Int64 => json!({"type": "integer", "format": "int64"}),
        Type::Float => json!({"type": "number", "format": "double"}),
        Type::Bool => json!({"type": "boolean"}),
        Type::Time | Type::MicroTime => json!({"type": "string", "format": "date-time"}),
        Type::IntOrString => named(INT_OR_STRING, json!(["integer", "string"]), types),
        Type::Any => json!({"type": "object"}),
        Type::List(item) => json!({"type": "array", "items": kind(item, types)}),
        Type::Map(value) => json!({"type": "object", "additionalProperties": kind(value, types)}),
        Type::Object(name) => {
            describe(name, types);
            json!({"allOf": [{"$ref": format!("#/components/schemas/{}", full_name(name))}]})
        }
    }
}

/// A type that has a name and is one of some simple ones.
fn named(name: &str, any: Json, types: &mut BTreeMap<String, Json>) -> Json {
    types.entry(name.to_owned()).or_insert_with(|| {
        let one_of = any.as_array().into_iter().flatten().map(|kind| json!({"type": kind}));
        let mut described = json!({"oneOf": one_of.collect::<Vec<_>>()});
        if name == INT_OR_STRING {
            described["format"] = "int-or-string".into();
        }
        described
    });
    json!({"allOf": [{"$ref": format!("#/components/schemas/{name}")}]})
}
