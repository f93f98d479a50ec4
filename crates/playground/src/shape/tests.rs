//! What a real API server answered, replayed: `testdata/*.json`, written by `tools/record-*.py` against Kubernetes 1.20.
//!
//! Invariant: each known difference is named here with its reason; anything else that differs is a failure.

use super::*;
use crate::api::Patch;
use crate::resource::{self, Resource};
use patch::Writer;
use serde_json::{Value as Json, json};

fn recorded(text: &str) -> Vec<Json> {
    serde_json::from_str(text).expect("recorded answers are JSON")
}

fn resource_of(case: &Json) -> &'static Resource {
    let text = |key: &str| case[key].as_str().expect("a case names its resource");
    resource::find(text("group"), text("plural")).expect("a resource that is served")
}

/// Leaves out what only a server can know, or what came after 1.20 or went since.
fn comparable(object: &Json) -> Json {
    let mut object = object.clone();
    if let Some(metadata) = object["metadata"].as_object_mut() {
        for set_by_server in
            ["uid", "resourceVersion", "creationTimestamp", "generation", "selfLink", "namespace"]
        {
            metadata.shift_remove(set_by_server);
        }
        for entry in metadata.get_mut("managedFields").and_then(Json::as_array_mut).into_iter().flatten() {
            if let Some(entry) = entry.as_object_mut() {
                entry.shift_remove("time");
            }
        }
        // Entries of the same second are in the order of their managers, and the seconds are not ours.
        if let Some(Json::Array(entries)) = metadata.get_mut("managedFields") {
            entries.sort_by_key(|entry| (entry["manager"].to_string(), entry["operation"].to_string()));
        }
    }
    let kind = object["kind"].as_str().unwrap_or_default().to_owned();
    if let Some(spec) = object["spec"].as_object_mut() {
        let since: &[&str] = match kind.as_str() {
            "Service" => &[
                "internalTrafficPolicy",
                "ipFamilies",
                "ipFamilyPolicy",
                "allocateLoadBalancerNodePorts",
                "clusterIP",
                "clusterIPs",
            ],
            "Job" => &["completionMode", "suspend", "podReplacementPolicy", "selector"],
            _ => &[],
        };
        since.iter().for_each(|name| drop(spec.shift_remove(*name)));
    }
    object
}

fn differences(path: &str, real: &Json, ours: &Json, out: &mut Vec<String>) {
    match (real, ours) {
        (Json::Object(real), Json::Object(ours)) => {
            for key in real.keys().chain(ours.keys().filter(|key| !real.contains_key(*key))) {
                let none = Json::Null;
                let (real, ours) = (real.get(key).unwrap_or(&none), ours.get(key).unwrap_or(&none));
                differences(&format!("{path}.{key}"), real, ours, out);
            }
        }
        (Json::Array(real), Json::Array(ours)) if real.len() == ours.len() => {
            for (index, (real, ours)) in real.iter().zip(ours).enumerate() {
                differences(&format!("{path}[{index}]"), real, ours, out);
            }
        }
        (real, ours) if real == ours => {}
        (real, ours) => out.push(format!("{path}: the real server has {real}, we have {ours}")),
    }
}

/// Whether two refusals are the same but for what is known to differ: a decoder's words of 1.20 (today's are other), the
/// order of keys in an object that is quoted, the address of a Go value.
fn says_the_same(real: &Json, ours: &Json) -> bool {
    let text = |of: &Json| of["message"].as_str().unwrap_or_default().to_owned();
    let (theirs, mine) = (text(real), text(ours));
    if real["code"] != ours["code"] || theirs.is_empty() {
        return false;
    }
    let quotes_object = theirs.contains("Invalid value: \"{") && mine.contains("Invalid value: \"{");
    let typed = theirs.contains("failed to create typed patch object");
    // Long ones are not kept in full.
    let cut = quotes_object && real["details"].is_null();
    cut || theirs.contains("error found in #")
        || (quotes_object && theirs.rsplit("}\": ").next() == mine.rsplit("}\": ").next())
        || (typed && theirs.contains("got *value") && mine.contains("got string"))
        || (typed && theirs.rsplit(": ").next().map(|end| mine.ends_with(end)).unwrap_or_default())
}

/// What is refused by those who know more than the shape of one object.
const BY_THE_API: &[&str] = &[
    "is invalid: spec",
    "is invalid: [spec",
    "is invalid: metadata",
    "the name of the object",
    "Operation cannot be fulfilled",
    "is forbidden: error looking up service account",
];

/// Differences that are meant: which step of which case, and why.
const PATCHES_THAT_DIFFER: &[(&str, &[usize], &str)] = &[
    ("json-errors", &[1, 6, 8], "today's servers refuse what RFC 6902 does not allow; 1.20 did not"),
    ("strategic-containers", &[12, 13], ATOMIC),
    ("strategic-service", &[3], ATOMIC),
    (
        "apply-deployment",
        &[0, 13],
        "an empty object that is applied is owned, which 1.20 forgot; and nodeSelector is atomic",
    ),
    ("apply-deployment", &[4], "1.20 names the list and its item's field twice"),
    ("apply-deployment", &[7], "an item without its key is refused at once today"),
    ("apply-service", &[0, 4], "a port without protocol is TCP; 1.20 refused it"),
    ("apply-service", &[5], ATOMIC),
    ("apply-errors", &[9], "1.20 prints addresses"),
];
const ATOMIC: &str = "selectors and nodeSelector are atomic since 1.23";

#[test]
fn patches_are_what_a_real_server_makes_of_them() {
    let mut wrong = Vec::new();
    let mut step = 0;
    let mut last = String::new();
    for case in recorded(include_str!("../../testdata/patches.json")) {
        let name = case["case"].as_str().expect("a name").to_owned();
        step = if name == last { step + 1 } else { 0 };
        last.clone_from(&name);
        if PATCHES_THAT_DIFFER.iter().any(|(case, at, _)| *case == name && at.contains(&step)) {
            continue;
        }
        let message = case["answer"]["message"].as_str().unwrap_or_default();
        if BY_THE_API.iter().any(|said| message.contains(said)) {
            continue;
        }
        let resource = resource_of(&case);
        let version = resource.versions[0];
        let mut before = case["before"].clone();
        if before.is_object() {
            defaults::defaults(resource, &mut before);
        }
        let current = Some(&before).filter(|before| before.is_object());
        let manager = case["manager"].as_str().unwrap_or_default();
        let writer = Writer { manager, version, subresource: None, time: "2026-11-20T21:00:00Z" };
        let kind = match case["kind"].as_str().expect("a kind") {
            "json" => Some(Patch::Json),
            "merge" => Some(Patch::Merge),
            "strategic" => Some(Patch::Strategic),
            "apply" => Some(Patch::Apply { force: false }),
            "force" => Some(Patch::Apply { force: true }),
            _ => None,
        };
        let patched = match kind {
            None => Ok(case["body"].clone()),
            Some(kind) => patch::apply(kind, resource, &writer, current, &case["body"]),
        };
        let checked = patched.and_then(|mut object| {
            decode::after_patch(resource, version, &mut object)?;
            defaults::defaults(resource, &mut object);
            Ok(object)
        });
        let ours = match checked {
            Ok(mut object) => {
                if !matches!(kind, Some(Patch::Apply { .. })) {
                    patch::manage(resource, &writer, current, &mut object);
                }
                json!({"code": 200, "object": comparable(&object)})
            }
            Err(status) => json!({"code": status.code, "message": status.message, "details": status.details}),
        };
        let code = case["code"].as_u64().unwrap_or_default();
        let real = if code < 300 {
            json!({"code": 200, "object": comparable(&case["answer"])})
        } else {
            json!({"code": code, "message": case["answer"]["message"], "details": case["answer"]["details"]})
        };
        if says_the_same(&real, &ours) {
            continue;
        }
        let mut differ = Vec::new();
        differences("", &real, &ours, &mut differ);
        for each in differ {
            wrong.push(format!(
                "{name}[{step}] {} {}\n    {each}",
                case["kind"],
                case["body"].to_string().chars().take(200).collect::<String>()
            ));
        }
    }
    assert!(wrong.is_empty(), "{} differences\n{}", wrong.len(), wrong.join("\n"));
}
