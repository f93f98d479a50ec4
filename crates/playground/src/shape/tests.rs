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
    ("apply-errors", &[6], "said twice in 1.20"),
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
            let causes = validate::validate(resource, &object, current);
            if causes.is_empty() {
                Ok(object)
            } else {
                Err(invalid(resource, object["metadata"]["name"].as_str().unwrap_or_default(), &causes))
            }
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

#[test]
fn what_kubectl_applied_itself_is_no_conflict_when_the_server_applies_for_it() {
    let maps = resource::find("", "configmaps").expect("a resource");
    let noted =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": {"a": "1"}});
    let mut live = noted.clone();
    live["data"]["b"] = "1".into();
    live["metadata"]["uid"] = "u".into();
    live["metadata"]["annotations"] =
        json!({"kubectl.kubernetes.io/last-applied-configuration": noted.to_string()});
    let time = "2026-11-20T21:00:00Z";
    let by = |manager| Writer { manager, version: "v1", subresource: None, time };
    patch::manage(maps, &by("kubectl-client-side-apply"), None, &mut live);
    let apply = |manager, key: &str| {
        let mut body = noted.clone();
        body["data"] = json!({key: "2"});
        patch::apply(Patch::Apply { force: false }, maps, &by(manager), Some(&live), &body)
    };
    let upgraded = apply("kubectl", "a").expect("kubectl's own field");
    assert_eq!(upgraded["data"], json!({"a": "2", "b": "1"}));
    let now =
        upgraded["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"].as_str();
    assert!(now.is_some_and(|now| now.contains("\"a\":\"2\"")), "{now:?}");
    assert_eq!(apply("kubectl", "b").expect_err("not noted").code, 409);
    assert_eq!(apply("other", "a").expect_err("not kubectl").code, 409);
}

/// Messages that are worded otherwise on purpose, by what the real one says.
const CREATES_THAT_DIFFER: &[(&str, &str)] = &[
    ("error found in #", "the decoder of 1.20; today's is another"),
    ("Precondition failed: UID", "the store's"),
    ("is forbidden: ", "an admission plugin's"),
    ("to cpu limit", "today the limit is named"),
    ("must not be set for init containers", "today init containers may have probes, if they stay"),
    ("data[%s]", "a slip of 1.20"),
    ("(*intstr.IntOrString)(0x", "an address is printed"),
    (
        "spec.activeDeadlineSeconds: Invalid value: -1: must be greater",
        "ttlSecondsAfterFinished was not looked at in 1.20",
    ),
    ("`selector` not auto-generated", "a Job's selector is the API's, who knows the UID"),
    ("Unsupported value: \"Frob\": supported values: \"ReadOnlyMany\"", "there is one more mode today"),
    ("must be a valid IP address", "said twice in 1.20"),
    ("may not be in the loopback range", "the cluster's own Pods live there"),
    ("pod updates may not change fields", "today one more may change"),
    ("spec is immutable after creation except", "today one more may change"),
    ("spec.template: Invalid value: core.PodTemplateSpec", "the whole template is printed"),
];

/// Fields that the real server's answer has and ours not, or otherwise, and why.
const FIELDS_THAT_DIFFER: &[(&str, &str, &str)] = &[
    ("HorizontalPodAutoscaler", ".spec.metrics", "1.20 stores v1, and so puts cpu last"),
    ("HorizontalPodAutoscaler", ".status.", "lists that are null are left out"),
    ("PersistentVolumeClaim", ".metadata.finalizers", "nothing protects claims in use yet"),
    ("PersistentVolume", ".metadata.finalizers", "nothing protects volumes in use yet"),
    ("Job", ".metadata.labels", "a Job's labels went to its Pods alone"),
    ("Job", ".spec.template.metadata.labels", "a Job's labels are the API's, who knows the UID"),
    ("Pod", ".spec.volumes", "a token is not mounted"),
    ("Pod", ".spec.containers[0].volumeMounts", "a token is not mounted"),
    ("Service", ".spec.ports[0].nodePort", "the API's choice"),
    ("EndpointSlice", ".endpoints[0].nodeName", "v1beta1 has it since 1.21"),
];

#[test]
fn creates_and_updates_are_completed_and_refused_as_by_a_real_server() {
    let mut wrong = Vec::new();
    let (mut same, mut differing) = (0, 0);
    for case in recorded(include_str!("../../testdata/creates.json")) {
        let resource = resource_of(&case);
        let version = case["version"].as_str().expect("a version");
        let code = case["code"].as_u64().unwrap_or_default();
        let message = case["answer"]["message"].as_str().unwrap_or_default();
        let (real, ours) = (case["answer"].clone(), made_of(&case, resource, version));
        let what = case["body"].to_string().chars().take(400).collect::<String>();
        let mut differ = Vec::new();
        match ours {
            Ok(object) if code < 300 => {
                differences("", &without_owners(&real), &without_owners(&object), &mut differ);
                differ.retain(|each| {
                    !FIELDS_THAT_DIFFER
                        .iter()
                        .any(|(kind, at, _)| *kind == resource.kind && each.starts_with(at))
                });
            }
            Ok(_) => {
                let known = CREATES_THAT_DIFFER
                    .iter()
                    .any(|(said, _)| message.contains(said) && *said != "error found in #");
                differing += usize::from(known);
                if !known {
                    differ.push(format!("the real server says {code} {message}, we take it"));
                }
            }
            Err(status) if code < 300 => differ.push(format!("we say {} {}", status.code, status.message)),
            Err(status) => {
                let known = CREATES_THAT_DIFFER.iter().any(|(said, _)| message.contains(said));
                if !known && (u64::from(status.code) != code || today(&status.message) != today(message)) {
                    differ.push(format!(
                        "{code} {}\n    {} {}",
                        today(message),
                        status.code,
                        today(&status.message)
                    ));
                }
            }
        }
        if differ.is_empty() {
            same += 1;
        }
        wrong.extend(differ.into_iter().map(|each| format!("{} {what}\n    {each}", resource.kind)));
    }
    assert!(
        wrong.is_empty(),
        "{} differences; {same} are the same, {differing} differ as known\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

fn made_of(case: &Json, resource: &Resource, version: &str) -> Result<Json, Status> {
    let ready = |object: &Json| {
        let mut object = version::from_version(resource, version, object.clone());
        defaults::defaults(resource, &mut object);
        object
    };
    let mut body = case["body"].clone();
    decode::check(resource, version, &mut body, decode::Unknown::Warn)?;
    let object = ready(&body);
    let mut old = case["old"].clone();
    decode::check(resource, version, &mut old, decode::Unknown::Warn)?;
    let old = Some(&old).filter(|old| old.is_object()).map(ready);
    let causes = validate::validate(resource, &object, old.as_ref());
    if !causes.is_empty() {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        return Err(invalid(resource, name, &causes));
    }
    let mut shown = version::to_version(resource, version, object);
    decode::after_patch(resource, version, &mut shown)?;
    Ok(shown)
}

/// What a server sets beside the defaults is left out, and who owns what.
fn without_owners(object: &Json) -> Json {
    let mut object = comparable(object);
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.shift_remove("managedFields");
    }
    object
}

/// What 1.20 says, in the words of today, where only these differ.
fn today(message: &str) -> String {
    let mut text = message.to_owned();
    for (was, is) in [
        ("Ingress.extensions", "Ingress.networking.k8s.io"),
        ("NetworkPolicy.extensions", "NetworkPolicy.networking.k8s.io"),
    ] {
        text = text.replace(was, is);
    }
    // Lists of supported values are sorted since 1.29.
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("supported values: ") {
        let (before, after) = rest.split_at(at + "supported values: ".len());
        let end = after.find(|c: char| !(c.is_alphanumeric() || "\", ".contains(c))).unwrap_or(after.len());
        let end = after[..end].rfind('"').map_or(end, |last| last + 1);
        let mut values: Vec<&str> = after[..end].split(", ").collect();
        values.sort_unstable();
        out.push_str(before);
        out.push_str(&values.join(", "));
        rest = &after[end..];
    }
    out + rest
}

/// Cells and columns that are otherwise today, and why.
const TABLES_THAT_DIFFER: &[(&str, &str, &str)] = &[
    ("", "Age", "the server's clock"),
    ("Pod", "Restarts", "text today: it says how long ago; the number is compared"),
    ("HorizontalPodAutoscaler", "Targets", "today the resource is named; the figures are compared"),
    ("ServiceAccount", "Secrets", "an account has no secrets since 1.24"),
];

#[test]
fn tables_are_a_real_servers() {
    let mut wrong = Vec::new();
    let now = "2026-11-20T21:00:00Z".parse().expect("a time");
    for case in recorded(include_str!("../../testdata/tables.json"))
        .into_iter()
        .filter(|case| case["table"].is_string())
    {
        let resource = resource_of(&case);
        let objects: Vec<Json> = case["objects"].as_array().cloned().unwrap_or_default();
        let objects: Vec<_> = objects.into_iter().map(std::sync::Arc::new).collect();
        let table = table::table(resource, &objects, now, table::Include::None);
        let ours = table["columnDefinitions"].as_array().cloned().unwrap_or_default();
        let theirs = case["columns"].as_array().cloned().unwrap_or_default();
        for (at, column) in theirs.iter().enumerate() {
            let name = column[0].as_str().unwrap_or_default();
            let known = TABLES_THAT_DIFFER
                .iter()
                .any(|(kind, column, _)| (kind.is_empty() || *kind == resource.kind) && *column == name);
            let mine = json!([ours[at]["name"], ours[at]["type"], ours[at]["format"], ours[at]["priority"]]);
            if mine != *column && !known {
                wrong.push(format!(
                    "{}: the real server has the column {column}, we have {mine}",
                    resource.kind
                ));
            }
            for (row, cells) in case["cells"].as_array().into_iter().flatten().enumerate() {
                let (real, mine) = (&cells[at], &table["rows"][row]["cells"][at]);
                let plain = |cell: &Json| {
                    let text = cell.as_str().map_or(cell.to_string(), str::to_owned);
                    match name {
                        "Age" | "Secrets" => String::new(),
                        "Restarts" => text.split(' ').next().unwrap_or_default().to_owned(),
                        _ => text.replace("cpu: ", "").replace("memory: ", ""),
                    }
                };
                if if known { plain(real) != plain(mine) } else { real != mine } {
                    wrong.push(format!(
                        "{} {}: {name}: the real server has {real}, we have {mine}",
                        resource.kind, cells[0]
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn versions_are_converted_as_by_a_real_server() {
    let mut wrong = Vec::new();
    for case in recorded(include_str!("../../testdata/tables.json"))
        .into_iter()
        .filter(|case| case["versions"].is_string())
    {
        let resource = resource_of(&case);
        let lists = case["lists"].as_object().expect("lists by version");
        // v2beta2 has the fields of v2, which 1.20 does not serve.
        let stored = if resource.kind == "Ingress" { &lists["v1"] } else { &lists["v2beta2"] };
        for (version, theirs) in lists {
            for (index, real) in theirs.as_array().into_iter().flatten().enumerate() {
                let mut ours = version::to_version(resource, version, stored[index].clone());
                let mut real = real.clone();
                for object in [&mut ours, &mut real] {
                    decode::check(resource, version, object, decode::Unknown::Warn)
                        .expect("what a server says is well formed");
                    if let Some(status) = object["status"].as_object_mut() {
                        // The controller writes between one list and the next.
                        status.clear();
                    }
                    object["metadata"] = json!({"name": object["metadata"]["name"], "annotations": unfold(&object["metadata"]["annotations"])});
                    object["apiVersion"] = version.as_str().into();
                    object["kind"] = resource.kind.into();
                }
                let mut differ = Vec::new();
                differences("", &real, &ours, &mut differ);
                let name = real["metadata"]["name"].clone();
                wrong.extend(
                    differ.into_iter().map(|each| format!("{} {name} {version}: {each}", resource.kind)),
                );
                let back = version::from_version(
                    resource,
                    version,
                    version::to_version(resource, version, stored[index].clone()),
                );
                let mut differ = Vec::new();
                differences("", &stored[index]["spec"], &back["spec"], &mut differ);
                wrong.extend(
                    differ
                        .into_iter()
                        .map(|each| format!("{} {name} {version} and back: {each}", resource.kind)),
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Annotations that hold JSON, as what they hold; those that tell of the controller's work are left out.
fn unfold(annotations: &Json) -> Json {
    let kept =
        annotations.as_object().into_iter().flatten().filter(|(name, _)| !name.ends_with("/conditions"));
    kept.map(|(name, value)| {
        let inner = value.as_str().and_then(|text| serde_json::from_str(text).ok());
        (name.clone(), inner.unwrap_or_else(|| value.clone()))
    })
    .collect::<serde_json::Map<_, _>>()
    .into()
}

#[test]
fn what_lacks_everything_is_completed_too() {
    for resource in resource::RESOURCES {
        for bare in
            [json!({}), json!({"metadata": {}}), json!({"spec": {}}), json!({"metadata": null, "spec": null})]
        {
            let mut object = bare;
            defaults::defaults(resource, &mut object);
            assert!(object.is_object(), "{}", resource.kind);
        }
    }
}
