//! What controllers read and write in objects: names, owners, labels, conditions, Pods' states, quantities.
//!
//! Invariant: nothing here panics on an object, whatever a user wrote into it: what is missing or of another type reads as
//! nothing.

use crate::store::{Change, ChangeKind};
use crate::times;
use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// What is within an object, as a JSON pointer without escapes names it. It allocates nothing, since it is what looks at a
/// thousand Pods spend their time with.
pub(crate) fn at<'a>(object: &'a Json, pointer: &str) -> Option<&'a Json> {
    pointer.split('/').skip(1).try_fold(object, |object, step| match object {
        Json::Object(members) => members.get(step),
        Json::Array(elements) => elements.get(step.parse::<usize>().ok()?),
        _ => None,
    })
}

/// A text within an object; empty if there is none.
pub(crate) fn text<'a>(object: &'a Json, pointer: &str) -> &'a str {
    at(object, pointer).and_then(Json::as_str).unwrap_or_default()
}

/// A whole number within an object.
pub(crate) fn int(object: &Json, pointer: &str) -> Option<i64> {
    at(object, pointer).and_then(Json::as_i64)
}

/// The elements of a list within an object.
pub(crate) fn list<'a>(object: &'a Json, pointer: &str) -> &'a [Json] {
    at(object, pointer).and_then(Json::as_array).map_or(&[], Vec::as_slice)
}

pub(crate) fn name(object: &Json) -> &str {
    text(object, "/metadata/name")
}

pub(crate) fn namespace(object: &Json) -> &str {
    text(object, "/metadata/namespace")
}

pub(crate) fn uid(object: &Json) -> &str {
    text(object, "/metadata/uid")
}

/// Whether its deletion has begun.
pub(crate) fn terminating(object: &Json) -> bool {
    !text(object, "/metadata/deletionTimestamp").is_empty()
}

pub(crate) fn generation(object: &Json) -> i64 {
    int(object, "/metadata/generation").unwrap_or(1)
}

pub(crate) fn label<'a>(object: &'a Json, key: &str) -> &'a str {
    object["metadata"]["labels"][key].as_str().unwrap_or_default()
}

pub(crate) fn annotation<'a>(object: &'a Json, key: &str) -> &'a str {
    object["metadata"]["annotations"][key].as_str().unwrap_or_default()
}

/// The members of a field, which becomes an object if it is none.
pub(crate) fn members<'a>(object: &'a mut Json, path: &[&str]) -> &'a mut Map<String, Json> {
    let mut at = object;
    for step in path {
        if !at.is_object() {
            *at = json!({});
        }
        at = &mut at[*step];
    }
    if !at.is_object() {
        *at = json!({});
    }
    at.as_object_mut().expect("it was just made an object")
}

/// Sets a field, whatever its parents were.
pub(crate) fn set(object: &mut Json, path: &[&str], value: impl Into<Json>) {
    if let [parents @ .., last] = path {
        members(object, parents).insert((*last).to_owned(), value.into());
    }
}

/// Removes a field.
pub(crate) fn unset(object: &mut Json, path: &[&str]) {
    if let [parents @ .., last] = path {
        let pointer: String = parents.iter().map(|step| format!("/{step}")).collect();
        if let Some(parent) = object.pointer_mut(&pointer).and_then(Json::as_object_mut) {
            parent.shift_remove(*last);
        }
    }
}

/// A counter of a status, which leaves out what is zero.
pub(crate) fn count(status: &mut Map<String, Json>, name: &str, value: i64) {
    if value == 0 {
        status.shift_remove(name);
    } else {
        status.insert(name.to_owned(), value.into());
    }
}

/// The reference to the controller that owns an object.
pub(crate) fn controller(object: &Json) -> Option<&Json> {
    list(object, "/metadata/ownerReferences").iter().find(|owner| owner["controller"] == true)
}

/// Whether an object is controlled by the one with this UID.
pub(crate) fn owned_by(object: &Json, owner: &str) -> bool {
    controller(object).is_some_and(|reference| reference["uid"] == owner)
}

/// A reference to a controlling owner.
pub(crate) fn reference(api_version: &str, kind: &str, owner: &Json) -> Json {
    json!({
        "apiVersion": api_version, "kind": kind, "name": name(owner), "uid": uid(owner),
        "controller": true, "blockOwnerDeletion": true,
    })
}

/// Whether labels match a `LabelSelector`; an absent one matches nothing, an empty one everything.
pub(crate) fn selects(selector: &Json, labels: &Json) -> bool {
    if !selector.is_object() {
        return false;
    }
    let value = |key: &str| labels[key].as_str();
    let listed = |requirement: &Json, key: &str| {
        value(key).is_some_and(|have| list(requirement, "/values").iter().any(|want| want == have))
    };
    has_labels(&selector["matchLabels"], labels)
        && list(selector, "/matchExpressions").iter().all(|requirement| {
            let key = text(requirement, "/key");
            match text(requirement, "/operator") {
                "In" => listed(requirement, key),
                "NotIn" => !listed(requirement, key),
                "Exists" => value(key).is_some(),
                "DoesNotExist" => value(key).is_none(),
                _ => false,
            }
        })
}

/// Whether labels have all of some labels.
pub(crate) fn has_labels(wanted: &Json, labels: &Json) -> bool {
    wanted.as_object().is_none_or(|wanted| wanted.iter().all(|(key, value)| labels[key.as_str()] == *value))
}

/// A condition of an object's status.
pub(crate) fn condition<'a>(object: &'a Json, kind: &str) -> Option<&'a Json> {
    list(object, "/status/conditions").iter().find(|condition| condition["type"] == kind)
}

/// Sets a condition among conditions: its transition is now only if its status changes. Whether anything changed.
pub(crate) fn set_condition(conditions: &mut Vec<Json>, mut condition: Json, now: &str) -> bool {
    let at = conditions.iter().position(|known| known["type"] == condition["type"]);
    let known = at.map(|at| &conditions[at]);
    let since = known
        .filter(|known| known["status"] == condition["status"])
        .and_then(|known| known["lastTransitionTime"].as_str())
        .unwrap_or(now)
        .to_owned();
    set(&mut condition, &["lastTransitionTime"], since);
    if known == Some(&condition) {
        return false;
    }
    match at {
        Some(at) => conditions[at] = condition,
        None => conditions.push(condition),
    }
    true
}

/// When a time stamp was.
pub(crate) fn time(stamp: &str) -> Option<Timestamp> {
    stamp.parse().ok()
}

/// How long ago a time stamp was; nothing if it is still to come or none.
pub(crate) fn since(stamp: &str, now: Timestamp) -> Option<Duration> {
    Duration::try_from(now.duration_since(time(stamp)?)).ok()
}

/// Whether a Pod has neither ended nor begun to be deleted.
pub(crate) fn active(pod: &Json) -> bool {
    !ended(pod) && !terminating(pod)
}

/// Whether a Pod has ended.
pub(crate) fn ended(pod: &Json) -> bool {
    matches!(text(pod, "/status/phase"), "Succeeded" | "Failed")
}

/// Whether a Pod is Ready.
pub(crate) fn ready(pod: &Json) -> bool {
    condition(pod, "Ready").is_some_and(|ready| ready["status"] == "True")
}

/// What a change of a Pod is to those who count Pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// It came, went, began to go, ended, or belongs to others now.
    Standing,
    /// It became Ready, or is so no more.
    Readiness,
    /// Nothing that they count.
    Nothing,
}

pub(crate) fn news(change: &Change) -> News {
    let after = change.object.as_ref();
    let before = change.before.as_deref().filter(|_| change.kind == ChangeKind::Modified);
    let Some(before) = before else { return News::Standing };
    let kept = |field: &str| before["metadata"][field] == after["metadata"][field];
    let stands = |pod: &Json| (ended(pod), terminating(pod));
    if stands(before) != stands(after) || !kept("labels") || !kept("ownerReferences") {
        return News::Standing;
    }
    let (was, is) = (condition(before, "Ready"), condition(after, "Ready"));
    let same = |field: &str| was.map(|was| &was[field]) == is.map(|is| &is[field]);
    if same("status") && same("lastTransitionTime") { News::Nothing } else { News::Readiness }
}

/// Whether a Pod has been Ready for some seconds; else how long that is still to come, if it is Ready.
pub(crate) fn available(pod: &Json, seconds: i64, now: Timestamp) -> Result<(), Option<Duration>> {
    let Some(condition) = condition(pod, "Ready").filter(|ready| ready["status"] == "True") else {
        return Err(None);
    };
    let needed = times::written(seconds);
    if needed.is_zero() {
        return Ok(());
    }
    let so_far = since(text(condition, "/lastTransitionTime"), now).unwrap_or_default();
    match needed.checked_sub(so_far) {
        None | Some(Duration::ZERO) => Ok(()),
        Some(rest) => Err(Some(rest)),
    }
}

/// What the containers of a Pod request of a resource (`cpu` in thousandths of a core, others in units).
pub(crate) fn requests(pod: &Json, resource: &str) -> i64 {
    let of = |container: &Json| {
        let resources = &container["resources"];
        let asked = [&resources["requests"][resource], &resources["limits"][resource]];
        let asked = asked.into_iter().find(|quantity| !quantity.is_null());
        asked.map_or(0, |asked| amount(asked, resource))
    };
    let running: i64 = list(pod, "/spec/containers").iter().map(of).fold(0, i64::saturating_add);
    let starting = list(pod, "/spec/initContainers").iter().map(of).max().unwrap_or(0);
    running.max(starting)
}

/// A quantity of a resource: `cpu` in thousandths of a core, others in units.
pub(crate) fn amount(quantity: &Json, resource: &str) -> i64 {
    if resource == "cpu" { milli(quantity) } else { milli(quantity).saturating_add(999) / 1000 }
}

/// A quantity in thousandths: `100m` is 100, `2` is 2000, `1Ki` is 1,024,000. What is none is 0.
pub(crate) fn milli(quantity: &Json) -> i64 {
    let text = match quantity {
        Json::String(text) => text.clone(),
        Json::Number(number) => number.to_string(),
        _ => return 0,
    };
    let digits = text.find(|c: char| !c.is_ascii_digit() && !"+-.".contains(c)).unwrap_or(text.len());
    let (number, suffix) = text.split_at(digits);
    let factor = match suffix {
        "n" => 1e-6,
        "u" => 1e-3,
        "m" => 1.0,
        "" => 1e3,
        "k" => 1e6,
        "M" => 1e9,
        "G" => 1e12,
        "T" => 1e15,
        "P" => 1e18,
        "E" => 1e21,
        "Ki" => 1e3 * 1024.0,
        "Mi" => 1e3 * 1024f64.powi(2),
        "Gi" => 1e3 * 1024f64.powi(3),
        "Ti" => 1e3 * 1024f64.powi(4),
        "Pi" => 1e3 * 1024f64.powi(5),
        "Ei" => 1e3 * 1024f64.powi(6),
        exponent => match exponent.strip_prefix(['e', 'E']).and_then(|exponent| exponent.parse().ok()) {
            Some(exponent) => 1e3 * 10f64.powi(exponent),
            None => return 0,
        },
    };
    // A cast from floating point saturates, which is what a quantity beyond all bounds should do.
    number.parse::<f64>().map_or(0, |number| (number * factor).ceil() as i64)
}

/// A number or a percentage of a total, as `maxSurge` gives it.
pub(crate) fn part(value: &Json, total: i64, round_up: bool) -> Option<i64> {
    if let Some(number) = value.as_i64() {
        return Some(number);
    }
    let percent: i64 = value.as_str()?.strip_suffix('%')?.parse().ok()?;
    let product = percent.checked_mul(total)?;
    Some(if round_up { product.checked_add(99)? / 100 } else { product / 100 })
}

/// An object without its nulls and empty parts, so that what is left out compares equal to what is empty.
pub(crate) fn without_empty(value: &Json) -> Json {
    let empty = |value: &Json| match value {
        Json::Null => true,
        Json::Object(members) => members.is_empty(),
        Json::Array(elements) => elements.is_empty(),
        _ => false,
    };
    match value {
        Json::Object(members) => {
            let mut kept: BTreeMap<&String, Json> = BTreeMap::new();
            for (key, value) in members {
                let value = without_empty(value);
                if !empty(&value) {
                    kept.insert(key, value);
                }
            }
            Json::Object(kept.into_iter().map(|(key, value)| (key.clone(), value)).collect())
        }
        Json::Array(elements) => elements.iter().map(without_empty).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities() {
        let check = |text: &str, expected: i64| assert_eq!(milli(&Json::from(text)), expected, "{text}");
        check("100m", 100);
        check("2", 2000);
        check("0.5", 500);
        check("1Ki", 1_024_000);
        check("1e3", 1_000_000);
        check("200n", 1);
        check("nonsense", 0);
        check("9Ei", i64::MAX);
    }

    #[test]
    fn parts_of_a_total() {
        assert_eq!(part(&json!("25%"), 3, true), Some(1));
        assert_eq!(part(&json!("25%"), 3, false), Some(0));
        assert_eq!(part(&json!(2), 3, false), Some(2));
        assert_eq!(part(&json!("x"), 3, false), None);
    }

    #[test]
    fn selectors() {
        let labels = json!({"app": "web", "tier": "front"});
        let check =
            |selector: Json, expected| assert_eq!(selects(&selector, &labels), expected, "{selector}");
        check(json!({}), true);
        check(Json::Null, false);
        check(json!({"matchLabels": {"app": "web"}}), true);
        check(json!({"matchLabels": {"app": "db"}}), false);
        check(json!({"matchExpressions": [{"key": "app", "operator": "In", "values": ["web"]}]}), true);
        check(json!({"matchExpressions": [{"key": "x", "operator": "NotIn", "values": ["web"]}]}), true);
        check(json!({"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}), false);
    }
}
