//! A Pod's status as a kubelet writes it.
//!
//! Invariant: nothing here acts: the same containers make the same status. What others wrote into it (conditions that are
//! not the kubelet's) stays.

use super::slot::{Ended, Slot, State};
use crate::controllers::object::{list, set, set_condition, text};
use serde_json::{Map, Value as Json, json};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::IpAddr;

/// What is said of a Pod that ran too long.
pub(super) const OVERDUE: &str = "Pod was active on the node longer than the specified deadline";

/// What a status is made from.
pub(super) struct View<'a> {
    pub(super) pod: &'a Json,
    pub(super) slots: &'a [Slot],
    /// Whether its deadline is over.
    pub(super) overdue: bool,
    /// Once the Pod has a place to run in.
    pub(super) ip: Option<IpAddr>,
    pub(super) host_ip: IpAddr,
    pub(super) since: &'a str,
    pub(super) now: &'a str,
}

/// The status that a Pod has, given the one that it had.
pub(super) fn status(view: &View<'_>, before: &Json) -> Json {
    let phase = phase(view);
    let mut status = json!({"phase": phase, "conditions": conditions(view, before, phase)});
    let mut put = |field: &str, value: Json| set(&mut status, &[field], value);
    for field in ["message", "reason", "nominatedNodeName"] {
        if let Some(kept) = before.get(field) {
            put(field, kept.clone());
        }
    }
    if view.overdue {
        put("reason", "DeadlineExceeded".into());
        put("message", OVERDUE.into());
    }
    put("hostIP", view.host_ip.to_string().into());
    put("hostIPs", json!([{"ip": view.host_ip.to_string()}]));
    if let Some(ip) = view.ip {
        put("podIP", ip.to_string().into());
        put("podIPs", json!([{"ip": ip.to_string()}]));
    }
    put("startTime", view.since.into());
    let of = |init: bool| -> Vec<Json> {
        view.slots.iter().filter(|slot| slot.init == init).map(container).collect()
    };
    let init = of(true);
    if !init.is_empty() {
        put("initContainerStatuses", init.into());
    }
    let mut containers = of(false);
    containers.sort_by(|a, b| text(a, "/name").cmp(text(b, "/name")));
    put("containerStatuses", containers.into());
    put("qosClass", before.get("qosClass").cloned().unwrap_or_else(|| quality(view.pod).into()));
    status
}

/// The phase that the containers make.
fn phase(view: &View<'_>) -> &'static str {
    if view.overdue {
        return "Failed";
    }
    let policy = text(view.pod, "/spec/restartPolicy");
    let (mut waiting, mut running, mut stopped, mut failed) = (0, 0, 0, 0);
    for slot in view.slots.iter().filter(|slot| slot.init) {
        match slot.ended() {
            _ if slot.done() => {}
            Some(ended) if policy == "Never" && ended.code != 0 => return "Failed",
            _ => waiting += 1,
        }
    }
    for slot in view.slots.iter().filter(|slot| !slot.init) {
        match (&slot.state, slot.ended()) {
            (State::Running { .. }, _) => running += 1,
            (_, Some(ended)) => {
                stopped += 1;
                failed += i32::from(ended.code != 0);
            }
            (_, None) => waiting += 1,
        }
    }
    match (waiting, running, stopped) {
        (0, 0, 0) => "Pending",
        (0, 0, _) if policy == "Always" || policy.is_empty() => "Running",
        (0, 0, _) if failed == 0 => "Succeeded",
        (0, 0, _) if policy == "Never" => "Failed",
        (0, _, _) => "Running",
        _ => "Pending",
    }
}

fn conditions(view: &View<'_>, before: &Json, phase: &str) -> Vec<Json> {
    let names = |pick: &dyn Fn(&Slot) -> bool| -> Vec<String> {
        view.slots.iter().filter(|slot| pick(slot)).map(|slot| slot.name().to_owned()).collect()
    };
    let condition = |kind: &str, held: bool, why: Option<(&str, String)>| {
        let mut condition = json!({"type": kind, "status": if held { "True" } else { "False" }, "lastProbeTime": null, "lastTransitionTime": null});
        if let Some((reason, message)) = why {
            condition["reason"] = reason.into();
            if !message.is_empty() {
                condition["message"] = message.into();
            }
        }
        condition
    };
    let unready = names(&|slot| !slot.init && !slot.ready);
    let uninitialized = names(&|slot| slot.init && !slot.done());
    let why_unready = match phase {
        "Succeeded" => Some(("PodCompleted", String::new())),
        "Failed" => Some(("PodFailed", String::new())),
        _ if unready.is_empty() => None,
        _ => Some(("ContainersNotReady", format!("containers with unready status: [{}]", unready.join(" ")))),
    };
    let ready = why_unready.is_none();
    let why_uninitialized = match phase {
        "Succeeded" => Some(("PodCompleted", String::new())),
        _ if uninitialized.is_empty() => None,
        _ => Some((
            "ContainersNotInitialized",
            format!("containers with incomplete status: [{}]", uninitialized.join(" ")),
        )),
    };
    let mut conditions = list(before, "/conditions").to_vec();
    let now = view.now;
    for condition in [
        condition(
            "PodReadyToStartContainers",
            view.ip.is_some() && !matches!(phase, "Succeeded" | "Failed"),
            None,
        ),
        condition("Initialized", uninitialized.is_empty(), why_uninitialized),
        condition("Ready", ready, why_unready.clone()),
        condition("ContainersReady", ready, why_unready),
        condition("PodScheduled", true, None),
    ] {
        set_condition(&mut conditions, condition, now);
    }
    let order = ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"];
    conditions.sort_by_key(|condition| order.iter().position(|kind| condition["type"] == *kind));
    conditions
}

fn container(slot: &Slot) -> Json {
    let mut status = json!({
        "name": slot.name(),
        "state": state(&slot.state),
        "lastState": slot.last.as_ref().map_or_else(|| json!({}), terminated),
        // An init container counts as ready when it has done its work.
        "ready": if slot.init { slot.done() } else { slot.ready },
        "restartCount": slot.restarts,
        "image": image(slot.image()),
        "imageID": "",
    });
    let id = match &slot.state {
        State::Running { id, .. } => Some(id),
        State::Waiting { .. } => slot.last.as_ref().map(|ended| &ended.id),
        State::Ended(ended) => Some(&ended.id),
    };
    if let Some(id) = id {
        status["imageID"] = image_id(slot.image()).into();
        status["containerID"] = id.as_str().into();
    }
    status["started"] = slot.started.into();
    status
}

fn state(state: &State) -> Json {
    match state {
        State::Waiting { reason, message } => {
            let mut waiting = Map::from_iter([("reason".to_owned(), Json::from(*reason))]);
            if !message.is_empty() {
                waiting.insert("message".to_owned(), message.as_str().into());
            }
            json!({"waiting": waiting})
        }
        State::Running { since, .. } => json!({"running": {"startedAt": since}}),
        State::Ended(ended) => terminated(ended),
    }
}

fn terminated(ended: &Ended) -> Json {
    json!({"terminated": {
        "exitCode": ended.code, "reason": ended.reason,
        "startedAt": ended.since, "finishedAt": ended.until, "containerID": ended.id,
    }})
}

/// An image's name as a runtime reports it: with its registry and its tag.
fn image(name: &str) -> String {
    let (first, rest) = name.split_once('/').unwrap_or(("", name));
    let registry = first.contains(['.', ':']) || first == "localhost";
    let name = match (registry, first.is_empty()) {
        (true, _) => name.to_owned(),
        (false, true) => format!("docker.io/library/{rest}"),
        (false, false) => format!("docker.io/{name}"),
    };
    let tagged = name.contains('@') || name.rsplit('/').next().is_some_and(|last| last.contains(':'));
    if tagged { name } else { format!("{name}:latest") }
}

/// A digest that is always the same for an image.
fn image_id(name: &str) -> String {
    let name = image(name);
    let digest: String = (0..4_u8)
        .map(|part| {
            let mut hash = DefaultHasher::new();
            (part, &name).hash(&mut hash);
            format!("{:016x}", hash.finish())
        })
        .collect();
    let repository = name.split('@').next().unwrap_or(&name);
    let at = repository.rfind(':').filter(|at| !repository[*at..].contains('/')).unwrap_or(repository.len());
    format!("{}@sha256:{digest}", &repository[..at])
}

/// The class of quality of service that requests and limits make.
fn quality(pod: &Json) -> &'static str {
    let all = || list(pod, "/spec/initContainers").iter().chain(list(pod, "/spec/containers"));
    let part = |container: &Json, kind: &str, resource: &str| container["resources"][kind][resource].clone();
    let resources = ["cpu", "memory"];
    let guaranteed = |container: &Json| {
        resources.iter().all(|resource| {
            let (limit, request) =
                (part(container, "limits", resource), part(container, "requests", resource));
            !limit.is_null() && (request.is_null() || request == limit)
        })
    };
    let asks = |container: &Json| {
        let given = |kind: &str| resources.iter().any(|resource| !part(container, kind, resource).is_null());
        given("limits") || given("requests")
    };
    match (all().any(asks), all().all(guaranteed)) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_as_runtimes_report_them() {
        let check = |name: &str, expected: &str| assert_eq!(image(name), expected);
        check("nginx", "docker.io/library/nginx:latest");
        check("vfarcic/go-demo-8:0.0.1", "docker.io/vfarcic/go-demo-8:0.0.1");
        check("localhost:5000/x", "localhost:5000/x:latest");
        check("docker.io/bitnami/mongodb:4.0.3", "docker.io/bitnami/mongodb:4.0.3");
        assert!(image_id("localhost:5000/x").starts_with("localhost:5000/x@sha256:"));
    }

    #[test]
    fn phases() {
        let ended =
            |code| Ended { code, reason: "", since: String::new(), until: String::new(), id: String::new() };
        let check = |policy: &str, codes: &[Option<i32>], expected: &str| {
            let slots: Vec<Slot> = codes
                .iter()
                .map(|code| {
                    let mut slot = Slot::new(&json!({"name": "a"}), false);
                    slot.state = match code {
                        Some(code) => State::Ended(ended(*code)),
                        None => State::Running { since: String::new(), id: String::new() },
                    };
                    slot
                })
                .collect();
            let pod = json!({"spec": {"restartPolicy": policy}});
            let host_ip = std::net::Ipv4Addr::LOCALHOST.into();
            let view =
                View { pod: &pod, slots: &slots, overdue: false, ip: None, host_ip, since: "", now: "" };
            assert_eq!(phase(&view), expected, "{policy} {codes:?}");
        };
        check("Always", &[None], "Running");
        check("Always", &[Some(2)], "Running");
        check("Never", &[Some(0)], "Succeeded");
        check("Never", &[Some(0), Some(1)], "Failed");
        check("Never", &[Some(0), None], "Running");
        check("OnFailure", &[Some(1)], "Running");
        check("OnFailure", &[Some(0)], "Succeeded");
    }
}
