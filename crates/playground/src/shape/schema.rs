//! What is known of every type that is served: its fields, and how lists and maps within it are merged.
//!
//! Invariant: facts only. They come from `schema.txt`, which `tools/extract-schema.py` writes from a real server's OpenAPI
//! and from the sources of `k8s-openapi`; nothing here is typed in by hand.
//!
//! The format: a type is a line at the margin (`!` before it: as a field it is atomic), its fields are the indented lines
//! that follow: name, type, flags. Types are `s` string, `y` bytes, `i` int32, `l` int64, `n` float, `b` boolean, `q`
//! quantity, `t` and `u` times (seconds, microseconds), `x` integer or string, `*` anything, `[T]`, `{T}` (a map), or the
//! name of a type. Flags: `required`; `atomic`; for lists `map=KEYS` or `set` (else atomic) in server-side apply, `merge` or
//! `merge=KEY` (else replaced) in a strategic merge patch; `retain` is `retainKeys`.

use crate::resource::Resource;
use std::collections::HashMap;
use std::sync::LazyLock;

/// The type of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// A string.
    String,
    /// Bytes, in base64.
    Bytes,
    /// A whole number of 32 bits.
    Int32,
    /// A whole number of 64 bits.
    Int64,
    /// Any number.
    Float,
    /// True or false.
    Bool,
    /// `100m`, `2Gi`.
    Quantity,
    /// A time in whole seconds.
    Time,
    /// A time in microseconds.
    MicroTime,
    /// A number, or a string such as `25%` or the name of a port.
    IntOrString,
    /// Whatever it is, it is not looked into.
    Any,
    /// A list.
    List(Box<Type>),
    /// A map from strings.
    Map(Box<Type>),
    /// A type with fields: `core.v1.PodSpec`.
    Object(&'static str),
}

/// How server-side apply sees a list or a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Topology {
    /// One owner for all of it.
    Atomic,
    /// Each item is owned by itself, and is known by these fields.
    Keyed(Vec<&'static str>),
    /// Each value is owned by itself.
    Set,
    /// Each member is owned by itself.
    Granular,
}

/// A field of a type.
#[derive(Clone, Debug)]
pub struct Field {
    /// What it holds.
    pub kind: Type,
    /// How server-side apply sees it.
    pub topology: Topology,
    /// Whether a strategic merge patch merges the list instead of replacing it, and by which field of its items.
    pub merge: Option<Option<&'static str>>,
    /// Whether a strategic merge patch may come with `$retainKeys`.
    pub retain: bool,
    /// Whether an object without it is not well formed, as the documentation of the type has it.
    pub required: bool,
}

impl Type {
    fn parse(text: &'static str) -> Type {
        if let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            return Type::List(Box::new(Type::parse(inner)));
        }
        if let Some(inner) = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            return Type::Map(Box::new(Type::parse(inner)));
        }
        match text {
            "s" => Type::String,
            "y" => Type::Bytes,
            "i" => Type::Int32,
            "l" => Type::Int64,
            "n" => Type::Float,
            "b" => Type::Bool,
            "q" => Type::Quantity,
            "t" => Type::Time,
            "u" => Type::MicroTime,
            "x" => Type::IntOrString,
            "*" => Type::Any,
            name => Type::Object(name),
        }
    }
}

/// The fields of a type, by their JSON names.
pub type Fields = HashMap<&'static str, Field>;

static TYPES: LazyLock<HashMap<&'static str, Fields>> = LazyLock::new(|| read(include_str!("schema.txt")));

fn read(text: &'static str) -> HashMap<&'static str, Fields> {
    let atomic: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix('!')).collect();
    let mut types: HashMap<&'static str, Fields> = HashMap::new();
    let mut current = "";
    for line in text.lines() {
        let Some(line) = line.strip_prefix(' ') else {
            current = line.trim_start_matches('!');
            types.insert(current, Fields::new());
            continue;
        };
        let mut words = line.split(' ');
        let (Some(name), Some(kind)) = (words.next(), words.next()) else { continue };
        let mut field = Field {
            kind: Type::parse(kind),
            topology: Topology::Granular,
            merge: None,
            retain: false,
            required: false,
        };
        if matches!(field.kind, Type::List(_))
            || matches!(&field.kind, Type::Object(name) if atomic.contains(name))
        {
            field.topology = Topology::Atomic;
        }
        for flag in words {
            match flag.split_once('=').unwrap_or((flag, "")) {
                ("required", _) => field.required = true,
                ("atomic", _) => field.topology = Topology::Atomic,
                ("set", _) => field.topology = Topology::Set,
                ("map", keys) => field.topology = Topology::Keyed(keys.split(',').collect()),
                ("merge", "") => field.merge = Some(None),
                ("merge", key) => field.merge = Some(Some(key)),
                ("retain", _) => field.retain = true,
                _ => {}
            }
        }
        types.entry(current).or_default().insert(name, field);
    }
    types
}

/// The fields of a type: `core.v1.PodSpec`. Every object has `apiVersion`, `kind` and `metadata`.
pub fn fields(name: &str) -> Option<&'static Fields> {
    TYPES.get(name)
}

/// The name of a resource's type in one of its versions; `None` for a version that is not served.
pub fn root(resource: &Resource, version: &str) -> Option<&'static str> {
    let group = match resource.group.split('.').next() {
        Some("") | None => "core",
        Some(first) => first,
    };
    TYPES.get_key_value(format!("{group}.{}.{}", version, resource.kind).as_str()).map(|(name, _)| *name)
}

/// What an object says its version is: `v1` of `apps/v1`.
pub fn version_of(api_version: &str) -> &str {
    api_version.rsplit('/').next().unwrap_or(api_version)
}

/// A resource's version as objects say it: `apps/v1`.
pub fn api_version(resource: &Resource, version: &str) -> String {
    if resource.group.is_empty() { version.to_owned() } else { format!("{}/{version}", resource.group) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::RESOURCES;

    #[test]
    fn every_version_that_is_served_has_its_type_and_every_name_leads_somewhere() {
        for resource in RESOURCES {
            for version in resource.versions {
                assert!(root(resource, version).is_some(), "{} {version}", resource.kind);
            }
        }
        fn inner(kind: &Type) -> Option<&'static str> {
            match kind {
                Type::List(item) | Type::Map(item) => inner(item),
                Type::Object(name) => Some(name),
                _ => None,
            }
        }
        for (name, fields) in TYPES.iter() {
            for (field, it) in fields {
                assert!(inner(&it.kind).is_none_or(|to| TYPES.contains_key(to)), "{name}.{field}");
                if let (Topology::Keyed(keys), Type::List(item)) = (&it.topology, &it.kind) {
                    let item =
                        inner(item).and_then(|name| TYPES.get(name)).expect("a keyed list has objects");
                    assert!(keys.iter().all(|key| item.contains_key(key)), "{name}.{field}");
                }
            }
        }
    }
}
