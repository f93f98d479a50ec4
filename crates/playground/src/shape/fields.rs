//! Sets of fields, as `managedFields` holds them (`fieldsV1`), and what differs between two objects in these terms.
//!
//! Invariant: a set is kept in the form it is sent in: a member is a path of elements `f:NAME`, `k:{KEYS}`, `v:VALUE`.
//! Which lists are keyed, which are sets, and what is atomic comes from [`super::schema`]; here is nothing of any kind.

use super::schema::{self, Field, Topology, Type};
use serde_json::{Map, Value as Json};
use std::collections::{BTreeMap, HashSet};

/// A set of paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Set(BTreeMap<String, Node>);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Node {
    member: bool,
    below: Set,
}

/// The way to a field: its elements from the root.
pub type Path = Vec<String>;

impl Set {
    /// From `fieldsV1`.
    pub fn from_json(json: &Json) -> Set {
        let mut set = Set::default();
        for (element, below) in json.as_object().into_iter().flatten().filter(|(element, _)| *element != ".")
        {
            let member = below.as_object().is_none_or(|map| map.is_empty() || map.contains_key("."));
            set.0.insert(element.clone(), Node { member, below: Set::from_json(below) });
        }
        set
    }

    /// As `fieldsV1`.
    pub fn to_json(&self) -> Json {
        let mut map = Map::new();
        for (element, node) in &self.0 {
            let mut below = node.below.to_json();
            if let (true, Json::Object(inner)) = (node.member && !node.below.is_empty(), &mut below) {
                inner.shift_insert(0, ".".to_owned(), Json::Object(Map::new()));
            }
            map.insert(element.clone(), below);
        }
        Json::Object(map)
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Puts a path in.
    pub fn insert(&mut self, path: &[String]) {
        if let Some((first, rest)) = path.split_first() {
            let node = self.0.entry(first.clone()).or_default();
            if rest.is_empty() {
                node.member = true;
            } else {
                node.below.insert(rest);
            }
        }
    }

    /// What is in either.
    pub fn union(&self, other: &Set) -> Set {
        let mut all = self.clone();
        for (element, node) in &other.0 {
            let mine = all.0.entry(element.clone()).or_default();
            mine.member |= node.member;
            mine.below = mine.below.union(&node.below);
        }
        all
    }

    fn combine(&self, other: &Set, keep: fn(bool, bool) -> bool) -> Set {
        let none = Node::default();
        let mut out = Set::default();
        for (element, node) in &self.0 {
            let theirs = other.0.get(element).unwrap_or(&none);
            let below = node.below.combine(&theirs.below, keep);
            let member = node.member && keep(true, theirs.member);
            if member || !below.is_empty() {
                out.0.insert(element.clone(), Node { member, below });
            }
        }
        out
    }

    /// What is in both.
    pub fn intersection(&self, other: &Set) -> Set {
        self.combine(other, |_, theirs| theirs)
    }

    /// What is in this one only.
    pub fn difference(&self, other: &Set) -> Set {
        self.combine(other, |_, theirs| !theirs)
    }

    /// What is in this one, but neither in the other nor below anything in it.
    pub fn outside(&self, other: &Set) -> Set {
        let mut out = Set::default();
        for (element, node) in &self.0 {
            let Some(theirs) = other.0.get(element) else {
                out.0.insert(element.clone(), node.clone());
                continue;
            };
            if theirs.member {
                continue;
            }
            let below = node.below.outside(&theirs.below);
            if node.member || !below.is_empty() {
                out.0.insert(element.clone(), Node { member: node.member, below });
            }
        }
        out
    }

    /// Every path, in the order that a server lists them: the members of a level, then what is below each.
    pub fn paths(&self) -> Vec<Path> {
        fn walk(set: &Set, at: &mut Path, out: &mut Vec<Path>) {
            for (element, node) in set.0.iter().filter(|(_, node)| node.member) {
                debug_assert!(node.member);
                at.push(element.clone());
                out.push(at.clone());
                at.pop();
            }
            for (element, node) in &set.0 {
                at.push(element.clone());
                walk(&node.below, at, out);
                at.pop();
            }
        }
        let mut out = Vec::new();
        walk(self, &mut Vec::new(), &mut out);
        out
    }

    /// Adds what is within the maps and lists that are in the set as a whole, though their parts have owners of their own.
    pub fn spread(&mut self, kind: &'static str, object: &Json) {
        spread(self, Shape::Members(&Type::Object(kind)), object);
    }

    /// Whether this path or anything below it is in the set.
    pub fn touches(&self, path: &[String]) -> bool {
        let Some((first, rest)) = path.split_first() else { return true };
        self.0.get(first).is_some_and(|node| rest.is_empty() || node.below.touches(rest))
    }

    /// Whether this very path is in the set.
    pub fn has(&self, path: &[String]) -> bool {
        match path {
            [] => false,
            [last] => self.0.get(last).is_some_and(|node| node.member),
            [first, rest @ ..] => self.0.get(first).is_some_and(|node| node.below.has(rest)),
        }
    }

    /// Forgets a path and all below it.
    pub fn forget(&mut self, path: &[&str]) {
        let Some((first, rest)) = path.split_first() else { return };
        if rest.is_empty() {
            self.0.remove(*first);
            return;
        }
        let Some(node) = self.0.get_mut(*first) else { return };
        node.below.forget(rest);
        if !node.member && node.below.is_empty() {
            self.0.remove(*first);
        }
    }
}

/// A path as the server prints it: `.spec.containers[name="main"].image`.
pub fn print(path: &[String]) -> String {
    let mut out = String::new();
    for element in path {
        match element.split_at_checked(2) {
            Some(("f:", name)) => {
                out.push('.');
                out.push_str(name);
            }
            Some(("v:", value)) => out.push_str(&format!("[={value}]")),
            Some(("k:", keys)) => {
                let keys: Map<String, Json> = serde_json::from_str(keys).unwrap_or_default();
                out.push_str(&print_keys(&keys));
            }
            _ => out.push_str(&format!("[{element}]")),
        }
    }
    out
}

/// `[name="main"]`.
pub fn print_keys(keys: &Map<String, Json>) -> String {
    let keys: Vec<String> = keys.iter().map(|(key, value)| format!("{key}={value}")).collect();
    format!("[{}]", keys.join(","))
}

/// What a value of a field is in these terms.
#[derive(Clone, Copy, Debug)]
pub enum Shape<'a> {
    /// One leaf, whatever is within.
    Leaf,
    /// The members of an object: fields, or the keys of a map.
    Members(&'a Type),
    /// The items of a keyed list.
    Keyed(&'a Type, &'a [&'static str]),
    /// The values of a set.
    Values,
}

/// How a field's value is seen.
pub fn shape<'a>(kind: &'a Type, topology: &'a Topology) -> Shape<'a> {
    match (kind, topology) {
        (_, Topology::Atomic) => Shape::Leaf,
        (Type::List(item), Topology::Keyed(keys)) => Shape::Keyed(item, keys),
        (Type::List(_), Topology::Set) => Shape::Values,
        (Type::Object(_) | Type::Map(_), _) => Shape::Members(kind),
        _ => Shape::Leaf,
    }
}

/// The type of a member, and how it is seen; `None` for a field that the type does not have.
pub fn member<'a>(of: &'a Type, name: &str) -> Option<(&'a Type, &'a Topology)> {
    match of {
        Type::Object(kind) => {
            schema::fields(kind)?.get(name).map(|Field { kind, topology, .. }| (kind, topology))
        }
        Type::Map(value) => Some((value, &Topology::Granular)),
        _ => None,
    }
}

/// The element of an item of a keyed list; the key that is missing, if one is. `protocol` is `TCP` where it is not said.
///
/// # Errors
/// The key that the item does not have.
pub fn item_element(item: &Json, keys: &[&'static str]) -> Result<String, &'static str> {
    let mut found = BTreeMap::new();
    for key in keys {
        match (item.get(*key), *key) {
            (Some(value), _) if !value.is_null() => found.insert(*key, value.clone()),
            (_, "protocol") => found.insert(*key, "TCP".into()),
            (_, missing) => return Err(missing),
        };
    }
    Ok(format!("k:{}", serde_json::to_string(&found).unwrap_or_default()))
}

/// The fields of what somebody applied: leaves, items of lists, keys of maps.
pub fn applied(kind: &'static str, object: &Json) -> Set {
    fn walk(value: &Json, shape: Shape<'_>, at: &mut Path, out: &mut Set) {
        match (shape, value) {
            (Shape::Members(of), Json::Object(map)) => {
                for (key, value) in map {
                    let Some((kind, topology)) = member(of, key) else { continue };
                    at.push(format!("f:{key}"));
                    walk(value, self::shape(kind, topology), at, out);
                    let empty = value.is_null() || value.as_object().is_some_and(Map::is_empty);
                    if empty || matches!(of, Type::Map(_)) {
                        out.insert(at);
                    }
                    at.pop();
                }
            }
            (Shape::Keyed(item, keys), Json::Array(items)) => {
                for value in items {
                    let Ok(element) = item_element(value, keys) else { continue };
                    at.push(element);
                    walk(value, self::shape(item, &Topology::Granular), at, out);
                    out.insert(at);
                    at.pop();
                }
            }
            (Shape::Values, Json::Array(items)) => {
                for value in items {
                    at.push(format!("v:{value}"));
                    out.insert(at);
                    at.pop();
                }
            }
            _ => out.insert(at),
        }
    }
    let mut out = Set::default();
    walk(object, Shape::Members(&Type::Object(kind)), &mut Vec::new(), &mut out);
    out
}

/// The parts of a value that have an owner each: elements, how they are seen, values.
fn parts<'a>(shape: Shape<'a>, value: &'a Json) -> Vec<(String, Shape<'a>, &'a Json)> {
    match (shape, value) {
        (Shape::Members(of), Json::Object(map)) => {
            let known = map.iter().filter_map(|(key, value)| Some((key, member(of, key)?, value)));
            known
                .map(|(key, (kind, topology), value)| {
                    (format!("f:{key}"), self::shape(kind, topology), value)
                })
                .collect()
        }
        (Shape::Keyed(item, keys), Json::Array(items)) => {
            let keyed = items.iter().filter_map(|value| Some((item_element(value, keys).ok()?, value)));
            keyed.map(|(element, value)| (element, self::shape(item, &Topology::Granular), value)).collect()
        }
        (Shape::Values, Json::Array(items)) => {
            items.iter().map(|value| (format!("v:{value}"), Shape::Leaf, value)).collect()
        }
        _ => Vec::new(),
    }
}

fn spread(set: &mut Set, shape: Shape<'_>, value: &Json) {
    for (element, shape, value) in parts(shape, value) {
        let Some(node) = set.0.get_mut(&element) else { continue };
        if node.member && node.below.is_empty() {
            for (element, _, _) in parts(shape, value) {
                node.below.0.insert(element, Node { member: true, below: Set::default() });
            }
        }
        spread(&mut node.below, shape, value);
    }
}

/// What differs between two objects.
#[derive(Clone, Debug, Default)]
pub struct Difference {
    /// What is only in the newer.
    pub added: Set,
    /// Leaves that have another value.
    pub modified: Set,
    /// What is only in the older.
    pub removed: Set,
}

/// Members that the server's own types always have, so that they are never "added": they are not owned as a whole.
const ALWAYS: &[&[&str]] = &[
    &["f:metadata"],
    &["f:spec"],
    &["f:status"],
    &["f:spec", "f:strategy"],
    &["f:spec", "f:template"],
    &["f:spec", "f:template", "f:metadata"],
    &["f:spec", "f:template", "f:spec"],
    &["f:spec", "f:template", "f:spec", "f:containers"],
    &["f:spec", "f:containers"],
    &["f:spec", "f:scaleTargetRef"],
    &["f:spec", "f:resources"],
    &["f:status", "f:loadBalancer"],
    &["f:status", "f:daemonEndpoints"],
    &["f:status", "f:daemonEndpoints", "f:kubeletEndpoint"],
    &["f:status", "f:nodeInfo"],
    &["f:source"],
    &["f:involvedObject"],
];

fn always(path: &[String]) -> bool {
    ALWAYS
        .iter()
        .any(|known| known.len() == path.len() && known.iter().zip(path).all(|(one, other)| one == other))
}

/// What differs between two objects of a type.
pub fn compare(kind: &'static str, old: &Json, new: &Json) -> Difference {
    let mut out = Difference::default();
    Comparison { out: &mut out }.members(&Type::Object(kind), Some(old), Some(new), &mut Vec::new());
    out
}

struct Comparison<'a> {
    out: &'a mut Difference,
}

impl Comparison<'_> {
    fn value(&mut self, shape: Shape<'_>, old: Option<&Json>, new: Option<&Json>, at: &mut Path) {
        let old = old.filter(|value| !value.is_null());
        let new = new.filter(|value| !value.is_null());
        if old == new {
            return;
        }
        let blank = |value: Option<&Json>| match value {
            None => true,
            Some(Json::Object(map)) => map.is_empty(),
            Some(Json::Array(items)) => items.is_empty(),
            Some(_) => false,
        };
        if always(at) && blank(old) && blank(new) {
            return;
        }
        match shape {
            Shape::Leaf => {}
            _ if blank(old) && blank(new) => {}
            Shape::Members(of) => self.members(of, old, new, at),
            Shape::Keyed(item, keys) => self.items(item, keys, old, new, at),
            Shape::Values => self.values(old, new, at),
        }
        let whole = matches!(shape, Shape::Leaf) || (blank(old) && blank(new));
        match (old, new) {
            (None, Some(_)) if !always(at) || whole => self.out.added.insert(at),
            (Some(_), None) if !always(at) || whole => self.out.removed.insert(at),
            (Some(_), Some(_)) if whole => self.out.modified.insert(at),
            _ => {}
        }
    }

    fn members(&mut self, of: &Type, old: Option<&Json>, new: Option<&Json>, at: &mut Path) {
        let empty = Map::new();
        let old = old.and_then(Json::as_object).unwrap_or(&empty);
        let new = new.and_then(Json::as_object).unwrap_or(&empty);
        for key in old.keys().chain(new.keys().filter(|key| !old.contains_key(*key))) {
            let Some((kind, topology)) = member(of, key) else { continue };
            at.push(format!("f:{key}"));
            self.value(self::shape(kind, topology), old.get(key), new.get(key), at);
            at.pop();
        }
    }

    fn items(
        &mut self,
        item: &Type,
        keys: &[&'static str],
        old: Option<&Json>,
        new: Option<&Json>,
        at: &mut Path,
    ) {
        fn index<'a>(list: Option<&'a Json>, keys: &[&'static str]) -> BTreeMap<String, &'a Json> {
            let items = list.and_then(Json::as_array).into_iter().flatten();
            items.filter_map(|item| Some((item_element(item, keys).ok()?, item))).collect()
        }
        let (old, new) = (index(old, keys), index(new, keys));
        for element in old.keys().chain(new.keys().filter(|element| !old.contains_key(*element))) {
            at.push(element.clone());
            self.value(
                self::shape(item, &Topology::Granular),
                old.get(element).copied(),
                new.get(element).copied(),
                at,
            );
            at.pop();
        }
    }

    fn values(&mut self, old: Option<&Json>, new: Option<&Json>, at: &mut Path) {
        fn all(list: Option<&Json>) -> &[Json] {
            list.and_then(Json::as_array).map_or(&[], Vec::as_slice)
        }
        let (old, new) = (all(old), all(new));
        for (these, others, into) in [(old, new, &mut self.out.removed), (new, old, &mut self.out.added)] {
            let others: HashSet<&Json> = others.iter().collect();
            for value in these.iter().filter(|value| !others.contains(value)) {
                at.push(format!("v:{value}"));
                into.insert(at);
                at.pop();
            }
        }
    }
}
