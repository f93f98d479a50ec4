//! Server-side apply, and the owners of fields (`managedFields`) of every write.
//!
//! Invariant: a field that somebody else owns is never changed by an apply without `force`; a field that was applied and is
//! not any more goes, unless somebody else owns it too.
//! Not here: conversion of owned fields between versions of a kind; their paths are taken to be the same.

use super::super::fields::{self, Path, Set, Shape};
use super::super::schema::{self, Topology, Type};
use super::super::{bad_request, internal, invalid};
use super::{Writer, object_of, without_nulls};
use crate::api::Status;
use crate::resource::Resource;
use serde_json::{Map, Value as Json, json};
use std::collections::{HashMap, HashSet};

/// Where kubectl's client-side apply notes what it applied.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// One entry of `managedFields`.
#[derive(Clone, Debug, PartialEq)]
struct Owner {
    manager: String,
    applies: bool,
    api_version: String,
    subresource: Option<String>,
    time: String,
    set: Set,
}

fn owners(object: &Json) -> Vec<Owner> {
    let text = |entry: &Json, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    let entries = object["metadata"]["managedFields"].as_array().into_iter().flatten();
    entries
        .map(|entry| Owner {
            manager: text(entry, "manager"),
            applies: entry["operation"] == "Apply",
            api_version: text(entry, "apiVersion"),
            subresource: entry["subresource"].as_str().map(str::to_owned),
            time: text(entry, "time"),
            set: Set::from_json(&entry["fieldsV1"]),
        })
        .collect()
}

fn write_owners(object: &mut Json, mut owners: Vec<Owner>) {
    owners.retain(|owner| !owner.set.is_empty());
    owners.sort_by(|one, other| {
        let order = |owner: &Owner| {
            (
                !owner.applies,
                owner.time.clone(),
                owner.manager.clone(),
                owner.api_version.clone(),
                owner.subresource.clone(),
            )
        };
        order(one).cmp(&order(other))
    });
    let Some(metadata) = object["metadata"].as_object_mut() else { return };
    if owners.is_empty() {
        metadata.shift_remove("managedFields");
        return;
    }
    let entries = owners.into_iter().map(|owner| {
        let operation = if owner.applies { "Apply" } else { "Update" };
        let mut entry = json!({
            "manager": owner.manager, "operation": operation, "apiVersion": owner.api_version, "time": owner.time,
            "fieldsType": "FieldsV1", "fieldsV1": owner.set.to_json(),
        });
        if let Some(subresource) = owner.subresource {
            entry["subresource"] = subresource.into();
        }
        entry
    });
    metadata.insert("managedFields".to_owned(), entries.collect());
}

/// What nobody owns: what the server sets.
fn strip(set: &mut Set) {
    for path in [["f:apiVersion"].as_slice(), &["f:kind"]] {
        set.forget(path);
    }
    for name in [
        "name",
        "generateName",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "clusterName",
        "generation",
        "managedFields",
        "resourceVersion",
    ] {
        set.forget(&["f:metadata", &format!("f:{name}")]);
    }
}

/// Notes in a new object who owns what, after a create (`old` is `None`), an update, or any patch but an apply.
///
/// A client that sends `managedFields: []` clears them; otherwise what it sends of them is not looked at.
pub fn manage(resource: &Resource, writer: &Writer<'_>, old: Option<&Json>, new: &mut Json) {
    let Some(kind) = schema::root(resource, writer.version) else { return };
    let cleared = old.is_some() && new["metadata"]["managedFields"] == json!([]);
    let mut all = old.map(owners).unwrap_or_default();
    if cleared || (old.is_some() && all.is_empty()) {
        // An object whose owners are not tracked stays so until somebody applies to it.
        write_owners(new, Vec::new());
        return;
    }
    for owner in &mut all {
        owner.set.spread(kind, old.unwrap_or(&Json::Null));
    }
    let empty = json!({});
    let mut difference = fields::compare(kind, old.unwrap_or(&empty), new);
    for set in [&mut difference.added, &mut difference.modified, &mut difference.removed] {
        strip(set);
    }
    let changed = difference.added.union(&difference.modified);
    let api_version = schema::api_version(resource, writer.version);
    let is_me = |owner: &Owner| {
        !owner.applies
            && owner.manager == writer.manager
            && owner.api_version == api_version
            && owner.subresource.as_deref() == writer.subresource
    };
    for owner in &mut all {
        owner.set = owner.set.outside(&difference.removed);
        if !is_me(owner) {
            owner.set = owner.set.difference(&changed);
        }
    }
    let time = writer.time.to_owned();
    match all.iter_mut().find(|owner| is_me(owner)) {
        Some(owner) => {
            let set = owner.set.union(&changed);
            if set != owner.set || !difference.removed.is_empty() {
                owner.time = time;
            }
            owner.set = set;
        }
        None => all.push(Owner {
            manager: writer.manager.to_owned(),
            applies: false,
            api_version,
            subresource: writer.subresource.map(str::to_owned),
            time,
            set: changed,
        }),
    }
    write_owners(new, all);
}

/// Server-side apply.
pub(super) fn apply(
    resource: &Resource,
    writer: &Writer<'_>,
    current: &Json,
    body: &Json,
    force: bool,
) -> Result<Json, Status> {
    if writer.manager.is_empty() {
        let cause = super::super::Cause {
            reason: "FieldValueRequired",
            field: "fieldManager".to_owned(),
            message: "Required value: is required for apply patch".to_owned(),
        };
        let mut status = invalid(resource, "", &[cause]);
        status.message =
            "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch".into();
        status.details["group"] = "meta.k8s.io".into();
        status.details["kind"] = "PatchOptions".into();
        return Err(status);
    }
    let api_version = schema::api_version(resource, writer.version);
    object_of(body)?;
    if body["metadata"]["managedFields"].as_array().is_some_and(|fields| !fields.is_empty()) {
        return Err(bad_request("metadata.managedFields must be nil"));
    }
    let said = body["apiVersion"].as_str().unwrap_or_default();
    if said != api_version {
        return Err(bad_request(format!(
            "Incorrect version specified in apply patch. Specified patch version: {said}, expected: {api_version}"
        )));
    }
    let Some(kind) = schema::root(resource, writer.version) else {
        return Err(internal(format!("no type for {api_version}")));
    };
    let mut config = body.clone();
    without_nulls(&mut config);
    well_formed(&Type::Object(kind), &config, &mut Vec::new()).map_err(|why| {
        let namespace =
            current["metadata"]["namespace"].as_str().or(config["metadata"]["namespace"].as_str());
        let name = config["metadata"]["name"].as_str().unwrap_or_default();
        internal(format!(
            "failed to create typed patch object ({}/{name}; {api_version}, Kind={}): {why}",
            namespace.unwrap_or_default(),
            resource.kind
        ))
    })?;

    let mut all = owners(current);
    for owner in &mut all {
        owner.set.spread(kind, current);
    }
    let known = current["metadata"]["uid"].is_string();
    if all.is_empty() && known {
        // What was there before anybody applied belongs to somebody who cannot be named.
        let mut set = fields::compare(kind, &json!({}), current).added;
        strip(&mut set);
        let time = current["metadata"]["creationTimestamp"].as_str().unwrap_or(writer.time).to_owned();
        let manager = "before-first-apply".to_owned();
        all.push(Owner {
            manager,
            applies: false,
            api_version: api_version.clone(),
            subresource: None,
            time,
            set,
        });
    }
    let is_me = |owner: &Owner| {
        owner.applies && owner.manager == writer.manager && owner.subresource.as_deref() == writer.subresource
    };
    let last = all.iter().find(|owner| is_me(owner)).cloned();
    let mut set = fields::applied(kind, &config);
    strip(&mut set);

    let mut merged = merge(Shape::Members(&Type::Object(kind)), current, &config);
    if let Some(last) = &last {
        let others =
            all.iter().filter(|owner| !is_me(owner)).fold(set.clone(), |all, owner| all.union(&owner.set));
        remove(Shape::Members(&Type::Object(kind)), &mut merged, &last.set, &others, &mut Vec::new());
    }

    let difference = fields::compare(kind, current, &merged);
    let changed = difference.added.union(&difference.modified);
    let mut conflicts: Vec<(&Owner, Vec<Path>)> = Vec::new();
    for owner in all.iter().filter(|owner| !is_me(owner)) {
        let paths = owner.set.intersection(&changed).paths();
        if !paths.is_empty() {
            conflicts.push((owner, paths));
        }
    }
    if !force && writer.manager == "kubectl" && !conflicts.is_empty() {
        // What kubectl applied on its own side is still kubectl's, whoever is said to own it.
        let before = applied_by_client(kind, current);
        for (_, paths) in &mut conflicts {
            paths.retain(|path| !before.has(path));
        }
        conflicts.retain(|(_, paths)| !paths.is_empty());
    }
    if !force && !conflicts.is_empty() {
        return Err(conflict(conflicts));
    }
    for owner in all.iter_mut().filter(|owner| !is_me(owner)) {
        owner.set = owner.set.difference(&changed).outside(&difference.removed);
    }
    let unchanged = last.as_ref().filter(|last| last.set == set && last.api_version == api_version);
    let time = unchanged.map_or(writer.time, |last| &last.time).to_owned();
    all.retain(|owner| !is_me(owner));
    all.push(Owner {
        manager: writer.manager.to_owned(),
        applies: true,
        api_version,
        subresource: writer.subresource.map(str::to_owned),
        time,
        set,
    });
    write_owners(&mut merged, all);
    if writer.manager == "kubectl"
        && let Some(noted) =
            merged.pointer_mut(&format!("/metadata/annotations/{}", LAST_APPLIED.replace('/', "~1")))
    {
        // A client-side apply may follow, and compares with it.
        *noted = format!("{body}\n").into();
    }
    Ok(merged)
}

/// The fields of the manifest that a client-side apply noted in an annotation.
fn applied_by_client(kind: &'static str, current: &Json) -> Set {
    let noted = &current["metadata"]["annotations"][LAST_APPLIED];
    let manifest = noted.as_str().and_then(|noted| serde_json::from_str(noted).ok());
    manifest.map_or_else(Set::default, |manifest: Json| fields::applied(kind, &manifest))
}

/// 409, naming for every owner the fields that are its own.
fn conflict(mut conflicts: Vec<(&Owner, Vec<Path>)>) -> Status {
    let who = |owner: &Owner| {
        let mut who = format!("{:?}", owner.manager);
        if let Some(subresource) = &owner.subresource {
            who.push_str(&format!(" with subresource {subresource:?}"));
        }
        if !owner.applies {
            who.push_str(&format!(" using {}", owner.api_version));
        }
        who
    };
    conflicts.sort_by_key(|(owner, _)| who(owner));
    let mut causes = Vec::new();
    for (owner, paths) in &conflicts {
        for path in paths {
            causes.push(json!({
                "reason": "FieldManagerConflict",
                "message": format!("conflict with {}", who(owner)),
                "field": fields::print(path),
            }));
        }
    }
    let what = if let ([(owner, _)], [cause]) = (conflicts.as_slice(), causes.as_slice()) {
        format!("conflict with {}: {}", who(owner), cause["field"].as_str().unwrap_or_default())
    } else {
        let each = conflicts.iter().map(|(owner, paths)| {
            let lines: Vec<String> =
                paths.iter().map(|path| format!("\n- {}", fields::print(path))).collect();
            format!("conflicts with {}:{}", who(owner), lines.concat())
        });
        each.collect::<Vec<_>>().join("\n")
    };
    let plural = if causes.len() == 1 { "" } else { "s" };
    Status {
        code: 409,
        reason: "Conflict",
        message: format!("Apply failed with {} conflict{plural}: {what}", causes.len()),
        details: json!({"causes": causes}),
    }
}

/// Whether what is applied is of its type; the complaint is the server's.
fn well_formed(kind: &Type, value: &Json, at: &mut Path) -> Result<(), String> {
    let complain = |at: &Path, what: &str| Err(format!("{}: {what}", fields::print(at)));
    match (kind, value) {
        (_, Json::Null) | (Type::Any | Type::IntOrString | Type::Quantity, _) => Ok(()),
        (Type::Object(_) | Type::Map(_), Json::Object(map)) => {
            for (name, value) in map {
                if at.is_empty() && matches!(name.as_str(), "apiVersion" | "kind") {
                    continue;
                }
                at.push(format!("f:{name}"));
                let Some((kind, topology)) = fields::member(kind, name) else {
                    return complain(at, "field not declared in schema");
                };
                if let (Topology::Keyed(keys), Json::Array(items)) = (topology, value) {
                    keyed(keys, items, at)?;
                }
                well_formed(kind, value, at)?;
                at.pop();
            }
            Ok(())
        }
        (Type::Object(_) | Type::Map(_), other) => {
            complain(at, &format!("expected map, got &{{{}}}", super::super::go(other)))
        }
        (Type::List(item), Json::Array(items)) => {
            for (index, value) in items.iter().enumerate() {
                at.push(index.to_string());
                well_formed(item, value, at)?;
                at.pop();
            }
            Ok(())
        }
        (Type::List(_), other) => {
            complain(at, &format!("expected list, got &{{{}}}", super::super::go(other)))
        }
        (Type::Int32 | Type::Int64 | Type::Float, Json::Number(_))
        | (Type::Bool, Json::Bool(_))
        | (Type::String | Type::Bytes | Type::Time | Type::MicroTime, Json::String(_)) => Ok(()),
        (Type::Int32 | Type::Int64 | Type::Float, other) => {
            complain(at, &format!("expected numeric (int or float), got {}", go_type(other)))
        }
        (Type::Bool, other) => complain(at, &format!("expected boolean, got {}", go_type(other))),
        (_, other) => complain(
            at,
            &format!("expected string, got &value.valueUnstructured{{Value:{}}}", super::super::go(other)),
        ),
    }
}

fn go_type(value: &Json) -> &'static str {
    match value {
        Json::String(_) => "string",
        Json::Bool(_) => "bool",
        Json::Number(number) if number.is_f64() => "float64",
        Json::Number(_) => "int64",
        Json::Array(_) => "[]interface {}",
        Json::Object(_) => "map[string]interface {}",
        Json::Null => "nil",
    }
}

fn keyed(keys: &[&'static str], items: &[Json], at: &Path) -> Result<(), String> {
    let mut seen = HashSet::new();
    for (index, item) in items.iter().enumerate() {
        let element = fields::item_element(item, keys).map_err(|missing| {
            format!(
                "{}: element {index}: associative list with keys has an element that omits key field {missing:?} (and doesn't have default value)",
                fields::print(at)
            )
        })?;
        if !seen.insert(element.clone()) {
            let which = fields::print(&[element]);
            return Err(format!("{}: duplicate entries for key {which}", fields::print(at)));
        }
    }
    Ok(())
}

/// The live value with what is applied over it.
fn merge(shape: Shape<'_>, live: &Json, config: &Json) -> Json {
    match (shape, live, config) {
        (Shape::Members(of), Json::Object(live), Json::Object(config)) => {
            let mut out = live.clone();
            for (name, value) in config {
                let shape = fields::member(of, name)
                    .map_or(Shape::Leaf, |(kind, topology)| fields::shape(kind, topology));
                let merged = live.get(name).map_or_else(|| value.clone(), |live| merge(shape, live, value));
                out.insert(name.clone(), merged);
            }
            Json::Object(out)
        }
        (Shape::Keyed(item, keys), Json::Array(live), Json::Array(config)) => {
            let mut out = live.clone();
            let mut places = HashMap::new();
            for (index, item) in live.iter().enumerate() {
                places.entry(fields::item_element(item, keys)).or_insert(index);
            }
            for value in config {
                match places.get(&fields::item_element(value, keys)) {
                    Some(&at) => out[at] = merge(fields::shape(item, &Topology::Granular), &live[at], value),
                    None => out.push(value.clone()),
                }
            }
            Json::Array(out)
        }
        (Shape::Values, Json::Array(live), Json::Array(config)) => {
            let mut out = live.clone();
            let live: HashSet<&Json> = live.iter().collect();
            out.extend(config.iter().filter(|value| !live.contains(value)).cloned());
            Json::Array(out)
        }
        (_, _, config) => config.clone(),
    }
}

/// Takes out what was applied last and that nobody owns now; true if the value itself is to go.
fn remove(shape: Shape<'_>, value: &mut Json, last: &Set, owned: &Set, at: &mut Path) -> bool {
    if !at.is_empty() && last.has(at) && !owned.touches(at) {
        return true;
    }
    if !at.is_empty() && !last.touches(at) {
        return false;
    }
    let before = size(value);
    match (shape, &mut *value) {
        (Shape::Members(of), Json::Object(map)) => {
            let mut gone = HashSet::new();
            for (name, value) in map.iter_mut() {
                let Some((kind, topology)) = fields::member(of, name) else { continue };
                at.push(format!("f:{name}"));
                if remove(fields::shape(kind, topology), value, last, owned, at) {
                    gone.insert(name.clone());
                }
                at.pop();
            }
            map.retain(|name, _| !gone.contains(name));
        }
        (Shape::Keyed(item, keys), Json::Array(items)) => items.retain_mut(|value| {
            let Ok(element) = fields::item_element(value, keys) else { return true };
            at.push(element);
            let gone = remove(fields::shape(item, &Topology::Granular), value, last, owned, at);
            at.pop();
            !gone
        }),
        (Shape::Values, Json::Array(items)) => items.retain(|value| {
            at.push(format!("v:{value}"));
            let gone = last.has(at) && !owned.touches(at);
            at.pop();
            !gone
        }),
        _ => {}
    }
    // What has become empty by that is nothing any more.
    before > 0 && size(value) == 0 && !owned.has(at)
}

fn size(value: &Json) -> usize {
    value.as_object().map(Map::len).or_else(|| value.as_array().map(Vec::len)).unwrap_or_default()
}
