//! The row of a Pod: what its containers say, put into one word.

use super::cells::{list, number, text};
use super::{age, since};
use jiff::Timestamp;
use serde_json::{Value as Json, json};

/// The cells of a Pod's row.
pub(super) fn cells(it: &Json, now: Timestamp) -> Vec<Json> {
    let (spec, status) = (&it["spec"], &it["status"]);
    let row = read(it);
    let total = list(&spec["containers"]).len() + row.sidecars;
    let restarts = match row.last {
        Some(last) if row.restarts > 0 => {
            format!("{} ({} ago)", row.restarts, age(now.duration_since(last).as_secs()))
        }
        _ => row.restarts.to_string(),
    };
    let or_none = |text: String| if text.is_empty() { json!("<none>") } else { json!(text) };
    let ip = status["podIPs"][0]["ip"].as_str().or(status["podIP"].as_str()).unwrap_or_default();
    let gates = list(&spec["readinessGates"]);
    let met =
        gates.iter().filter(|gate| holds(status, gate["conditionType"].as_str().unwrap_or_default())).count();
    let gates = if gates.is_empty() { json!("<none>") } else { json!(format!("{met}/{}", gates.len())) };
    vec![
        it["metadata"]["name"].clone(),
        json!(format!("{}/{total}", row.ready)),
        json!(row.reason),
        json!(restarts),
        json!(since(&it["metadata"]["creationTimestamp"], now)),
        or_none(ip.to_owned()),
        or_none(text(&spec["nodeName"])),
        or_none(text(&status["nominatedNodeName"])),
        gates,
    ]
}

fn holds(status: &Json, condition: &str) -> bool {
    list(&status["conditions"]).iter().any(|one| one["type"] == condition && one["status"] == "True")
}

#[derive(Default)]
struct Row {
    reason: String,
    ready: usize,
    sidecars: usize,
    restarts: i64,
    last: Option<Timestamp>,
}

fn read(it: &Json) -> Row {
    let (spec, status) = (&it["spec"], &it["status"]);
    let mut row = Row { reason: text(&status["phase"]), ..Row::default() };
    let said = text(&status["reason"]);
    if !said.is_empty() {
        row.reason.clone_from(&said);
    }
    let gated =
        |condition: &Json| condition["type"] == "PodScheduled" && condition["reason"] == "SchedulingGated";
    if list(&status["conditions"]).iter().any(gated) {
        row.reason = "SchedulingGated".to_owned();
    }
    let sidecar = |name: &Json| {
        list(&spec["initContainers"])
            .iter()
            .any(|one| one["name"] == *name && one["restartPolicy"] == "Always")
    };
    row.sidecars = list(&spec["initContainers"]).iter().filter(|one| sidecar(&one["name"])).count();
    let (initializing, sidecar_restarts) = initial(&mut row, spec, status, &sidecar);
    if !initializing || holds(status, "Initialized") {
        row.restarts = sidecar_restarts;
        let mut running = false;
        for one in list(&status["containerStatuses"]).iter().rev() {
            row.restarts += number(&one["restartCount"]);
            row.last = row.last.max(finished(one));
            let (waiting, ended) = (&one["state"]["waiting"], &one["state"]["terminated"]);
            if waiting["reason"].as_str().is_some_and(|reason| !reason.is_empty()) {
                row.reason = text(&waiting["reason"]);
            } else if ended.is_object() {
                row.reason = ending(ended);
            } else if one["ready"] == true && one["state"]["running"].is_object() {
                running = true;
                row.ready += 1;
            }
        }
        if row.reason == "Completed" && running {
            row.reason = if holds(status, "Ready") { "Running" } else { "NotReady" }.to_owned();
        }
    }
    if it["metadata"]["deletionTimestamp"].is_string() {
        if said == "NodeLost" {
            row.reason = "Unknown".to_owned();
        } else if !matches!(status["phase"].as_str(), Some("Succeeded" | "Failed")) {
            row.reason = "Terminating".to_owned();
        }
    }
    row
}

/// Looks at the init containers; whether one is still to finish, and the restarts of those that stay.
fn initial(row: &mut Row, spec: &Json, status: &Json, sidecar: &dyn Fn(&Json) -> bool) -> (bool, i64) {
    let mut sidecar_restarts = 0;
    for (index, one) in list(&status["initContainerStatuses"]).iter().enumerate() {
        row.restarts += number(&one["restartCount"]);
        row.last = row.last.max(finished(one));
        let stays = sidecar(&one["name"]);
        if stays {
            sidecar_restarts += number(&one["restartCount"]);
        }
        let (waiting, ended) = (&one["state"]["waiting"], &one["state"]["terminated"]);
        if ended.is_object() && number(&ended["exitCode"]) == 0 {
            continue;
        }
        if stays && one["started"] == true {
            row.ready += usize::from(one["ready"] == true);
            continue;
        }
        row.reason = if ended.is_object() {
            format!("Init:{}", ending(ended))
        } else {
            match waiting["reason"].as_str() {
                Some(reason) if !reason.is_empty() && reason != "PodInitializing" => format!("Init:{reason}"),
                _ => format!("Init:{index}/{}", list(&spec["initContainers"]).len()),
            }
        };
        return (true, sidecar_restarts);
    }
    (false, sidecar_restarts)
}

fn finished(one: &Json) -> Option<Timestamp> {
    one["lastState"]["terminated"]["finishedAt"].as_str()?.parse().ok()
}

fn ending(ended: &Json) -> String {
    match (ended["reason"].as_str(), number(&ended["signal"])) {
        (Some(reason), _) if !reason.is_empty() => reason.to_owned(),
        (_, 0) => format!("ExitCode:{}", number(&ended["exitCode"])),
        (_, signal) => format!("Signal:{signal}"),
    }
}
