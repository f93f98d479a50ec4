//! What the server says about itself: groups, versions, resources, verbs; old-style and aggregated.
//!
//! Invariant: everything is computed from the table of resources; nothing is listed twice.

use crate::resource::{RESOURCES, Resource};
use serde_json::{Value as Json, json};

/// What this server says that it is.
pub(super) fn about() -> Json {
    json!({
        "major": "1", "minor": "33", "gitVersion": "v1.33.0", "gitCommit": "", "gitTreeState": "clean",
        "buildDate": "2025-04-23T13:35:51Z", "goVersion": "go1.24.2", "compiler": "gc", "platform": "linux/amd64",
    })
}

/// The groups that are served, in order; the core group is the empty one.
pub(super) fn groups() -> Vec<&'static str> {
    let mut groups: Vec<&'static str> = Vec::new();
    for resource in RESOURCES {
        if !groups.contains(&resource.group) {
            groups.push(resource.group);
        }
    }
    groups.push(ACCESS);
    groups
}

const ACCESS: &str = "authorization.k8s.io";

/// The versions of a group, the preferred one first.
pub(super) fn versions(group: &str) -> Vec<&'static str> {
    if group == ACCESS {
        return vec!["v1"];
    }
    let mut versions: Vec<&'static str> = Vec::new();
    for resource in RESOURCES.iter().filter(|resource| resource.group == group) {
        for version in resource.versions {
            if !versions.contains(version) {
                versions.push(version);
            }
        }
    }
    versions
}

/// The resources of a group and version.
pub(super) fn resources(group: &str, version: &str) -> Vec<&'static Resource> {
    RESOURCES
        .iter()
        .filter(|resource| resource.group == group && resource.versions.contains(&version))
        .collect()
}

/// `/api`.
pub(super) fn core(address: &str) -> Json {
    json!({
        "kind": "APIVersions", "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
    })
}

/// `/apis`.
pub(super) fn group_list() -> Json {
    let groups: Vec<Json> = groups().into_iter().filter(|group| !group.is_empty()).map(group_entry).collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

/// `/apis/GROUP`.
pub(super) fn group(group: &str) -> Option<Json> {
    if group.is_empty() || versions(group).is_empty() {
        return None;
    }
    let mut answer = json!({"kind": "APIGroup", "apiVersion": "v1"});
    for (field, value) in group_entry(group).as_object().into_iter().flatten() {
        answer[field] = value.clone();
    }
    Some(answer)
}

fn group_entry(group: &str) -> Json {
    let version = |version: &&str| json!({"groupVersion": format!("{group}/{version}"), "version": version});
    let versions: Vec<Json> = versions(group).iter().map(version).collect();
    json!({"name": group, "versions": versions, "preferredVersion": versions.first()})
}

/// A resource or subresource as discovery names it.
struct Entry {
    name: String,
    singular: &'static str,
    namespaced: bool,
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    verbs: &'static [&'static str],
    short: &'static [&'static str],
    all: bool,
}

const ALL_VERBS: &[&str] =
    &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

fn verbs(resource: &Resource) -> &'static [&'static str] {
    match resource.key {
        "/namespaces" => &["create", "delete", "get", "list", "patch", "update", "watch"],
        _ => ALL_VERBS,
    }
}

fn entries(group: &str, version: &str) -> Vec<Entry> {
    let blank = |name: String, kind: &'static str, verbs: &'static [&'static str], namespaced: bool| Entry {
        name,
        singular: "",
        namespaced,
        group: "",
        version: "",
        kind,
        verbs,
        short: &[],
        all: false,
    };
    let mut entries = Vec::new();
    if group == ACCESS && version == "v1" {
        let entry =
            blank("selfsubjectaccessreviews".to_owned(), "SelfSubjectAccessReview", &["create"], false);
        entries.push(Entry { singular: "selfsubjectaccessreview", ..entry });
    }
    if group.is_empty() {
        let entry = blank("bindings".to_owned(), "Binding", &["create"], true);
        entries.push(Entry { singular: "binding", ..entry });
    }
    for resource in resources(group, version) {
        let entry = blank(resource.plural.to_owned(), resource.kind, verbs(resource), resource.namespaced);
        let (singular, short, all) = (resource.singular, resource.short, resource.all);
        entries.push(Entry { singular, short, all, ..entry });
        for subresource in resource.subresources {
            let name = format!("{}/{subresource}", resource.plural);
            let entry = blank(name, resource.kind, &["get", "patch", "update"], resource.namespaced);
            entries.push(match *subresource {
                "scale" => Entry { group: "autoscaling", version: "v1", kind: "Scale", ..entry },
                "eviction" => {
                    Entry { group: "policy", version: "v1", kind: "Eviction", verbs: &["create"], ..entry }
                }
                "binding" => Entry { kind: "Binding", verbs: &["create"], ..entry },
                "log" => Entry { verbs: &["get"], ..entry },
                "finalize" => Entry { verbs: &["update"], ..entry },
                _ => entry,
            });
        }
    }
    entries
}

/// `/api/v1`, `/apis/GROUP/VERSION`.
pub(super) fn resource_list(group: &str, version: &str) -> Option<Json> {
    let entries = entries(group, version);
    if entries.is_empty() || !versions(group).contains(&version) {
        return None;
    }
    let resources: Vec<Json> = entries
        .iter()
        .map(|entry| {
            let mut item = json!({
                "name": entry.name, "singularName": entry.singular, "namespaced": entry.namespaced,
            });
            if !entry.version.is_empty() {
                item["group"] = entry.group.into();
                item["version"] = entry.version.into();
            }
            item["kind"] = entry.kind.into();
            item["verbs"] = json!(entry.verbs);
            if !entry.short.is_empty() {
                item["shortNames"] = json!(entry.short);
            }
            if entry.all {
                item["categories"] = json!(["all"]);
            }
            item
        })
        .collect();
    let group_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    Some(json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": resources,
    }))
}

/// `/api` or `/apis` as one document with all resources, of `apidiscovery.k8s.io/v2` or `v2beta1`.
pub(super) fn aggregated(core: bool, version: &str) -> Json {
    let groups: Vec<Json> = groups()
        .into_iter()
        .filter(|group| group.is_empty() == core)
        .map(|group| {
            let versions: Vec<Json> = versions(group)
                .into_iter()
                .map(|version| {
                    json!({
                        "version": version, "resources": aggregated_resources(group, version),
                        "freshness": "Current",
                    })
                })
                .collect();
            let metadata = if core {
                json!({"creationTimestamp": null})
            } else {
                json!({"name": group, "creationTimestamp": null})
            };
            json!({"metadata": metadata, "versions": versions})
        })
        .collect();
    json!({
        "kind": "APIGroupDiscoveryList", "apiVersion": format!("apidiscovery.k8s.io/{version}"),
        "metadata": {}, "items": groups,
    })
}

fn aggregated_resources(group: &str, version: &str) -> Vec<Json> {
    let mut resources: Vec<Json> = Vec::new();
    for entry in entries(group, version) {
        let kind = if entry.version.is_empty() {
            json!({"group": group, "version": version, "kind": entry.kind})
        } else {
            json!({"group": entry.group, "version": entry.version, "kind": entry.kind})
        };
        if let Some((_, subresource)) = entry.name.split_once('/') {
            let item = json!({"subresource": subresource, "responseKind": kind, "verbs": entry.verbs});
            if let Some(last) = resources.last_mut() {
                match last.get_mut("subresources").and_then(Json::as_array_mut) {
                    Some(list) => list.push(item),
                    None => last["subresources"] = json!([item]),
                }
            }
            continue;
        }
        let mut item = json!({
            "resource": entry.name, "responseKind": kind,
            "scope": if entry.namespaced { "Namespaced" } else { "Cluster" },
            "singularResource": entry.singular, "verbs": entry.verbs,
        });
        if !entry.short.is_empty() {
            item["shortNames"] = json!(entry.short);
        }
        if entry.all {
            item["categories"] = json!(["all"]);
        }
        resources.push(item);
    }
    resources
}

/// `/`.
pub(super) fn index() -> Json {
    let mut paths = vec!["/api".to_owned(), "/api/v1".to_owned(), "/apis".to_owned()];
    for group in groups().into_iter().filter(|group| !group.is_empty()) {
        paths.push(format!("/apis/{group}"));
        paths.extend(versions(group).iter().map(|version| format!("/apis/{group}/{version}")));
    }
    paths.extend(
        ["/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz", "/version"].map(str::to_owned),
    );
    json!({"paths": paths})
}
