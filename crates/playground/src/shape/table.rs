//! Tables: objects as kubectl prints them.
//!
//! Invariant: columns, their order, and what stands in a cell are a real server's (of 1.33), so that kubectl shows the same;
//! a column of priority 1 is for `-o wide`. Ages are computed here, from the time that is given.

mod cells;
mod pod;

use crate::resource::Resource;
use jiff::Timestamp;
use serde_json::{Value as Json, json};
use std::sync::Arc;

/// What of an object goes with its row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Include {
    /// Nothing.
    None,
    /// Its metadata: what kubectl needs.
    #[default]
    Metadata,
    /// All of it.
    Object,
}

/// The table of some objects, without a revision; the caller puts it into `metadata`.
pub fn table(resource: &Resource, objects: &[Arc<Json>], now: Timestamp, include: Include) -> Json {
    let columns = columns(resource.kind);
    let definitions: Vec<Json> = columns
        .iter()
        .map(|column| {
            let (name, priority) = column.strip_prefix('+').map_or((*column, 0), |name| (name, 1));
            let (name, kind) = name.strip_suffix('#').map_or((name, "string"), |name| (name, "integer"));
            let kind = if name == "Created At" { "date" } else { kind };
            let format = if name == "Name" { "name" } else { "" };
            json!({"name": name, "type": kind, "format": format, "description": "", "priority": priority})
        })
        .collect();
    let rows: Vec<Json> = objects
        .iter()
        .map(|object| {
            let cells = cells::cells(resource.kind, object, now);
            let object = match include {
                Include::None => Json::Null,
                Include::Metadata => json!({
                    "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"],
                }),
                Include::Object => (**object).clone(),
            };
            json!({"cells": cells, "object": object})
        })
        .collect();
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {},
        "columnDefinitions": definitions, "rows": rows,
    })
}

/// The columns of a kind: `+` is for wide tables, `#` a number.
fn columns(kind: &str) -> &'static [&'static str] {
    match kind {
        "Pod" => &[
            "Name",
            "Ready",
            "Status",
            "Restarts",
            "Age",
            "+IP",
            "+Node",
            "+Nominated Node",
            "+Readiness Gates",
        ],
        "Deployment" => {
            &["Name", "Ready", "Up-to-date", "Available", "Age", "+Containers", "+Images", "+Selector"]
        }
        "ReplicaSet" => {
            &["Name", "Desired#", "Current#", "Ready#", "Age", "+Containers", "+Images", "+Selector"]
        }
        "Service" => &["Name", "Type", "Cluster-IP", "External-IP", "Port(s)", "Age", "+Selector"],
        "Endpoints" => &["Name", "Endpoints", "Age"],
        "EndpointSlice" => &["Name", "AddressType", "Ports", "Endpoints", "Age"],
        "Node" => &[
            "Name",
            "Status",
            "Roles",
            "Age",
            "Version",
            "+Internal-IP",
            "+External-IP",
            "+OS-Image",
            "+Kernel-Version",
            "+Container-Runtime",
        ],
        "HorizontalPodAutoscaler" => {
            &["Name", "Reference", "Targets", "MinPods", "MaxPods", "Replicas", "Age"]
        }
        "Ingress" => &["Name", "Class", "Hosts", "Address", "Ports", "Age"],
        "IngressClass" => &["Name", "Controller", "Parameters", "Age"],
        "NetworkPolicy" => &["Name", "Pod-Selector", "Age"],
        "PersistentVolumeClaim" => &[
            "Name",
            "Status",
            "Volume",
            "Capacity",
            "Access Modes",
            "StorageClass",
            "VolumeAttributesClass",
            "Age",
            "+VolumeMode",
        ],
        "PersistentVolume" => &[
            "Name",
            "Capacity",
            "Access Modes",
            "Reclaim Policy",
            "Status",
            "Claim",
            "StorageClass",
            "VolumeAttributesClass",
            "Reason",
            "Age",
            "+VolumeMode",
        ],
        "Job" => &["Name", "Status", "Completions", "Duration", "Age", "+Containers", "+Images", "+Selector"],
        "Namespace" => &["Name", "Status", "Age"],
        "ConfigMap" => &["Name", "Data", "Age"],
        "Secret" => &["Name", "Type", "Data", "Age"],
        "ServiceAccount" => &["Name", "Secrets", "Age"],
        "PodDisruptionBudget" => &["Name", "Min Available", "Max Unavailable", "Allowed Disruptions#", "Age"],
        "Lease" => &["Name", "Holder", "Age"],
        "RoleBinding" | "ClusterRoleBinding" => {
            &["Name", "Role", "Age", "+Users", "+Groups", "+ServiceAccounts"]
        }
        "Role" | "ClusterRole" => &["Name", "Created At"],
        "Event" => &[
            "Last Seen",
            "Type",
            "Reason",
            "Object",
            "+Subobject",
            "+Source",
            "Message",
            "+First Seen",
            "+Count",
            "+Name",
        ],
        _ => &["Name", "Age"],
    }
}

/// How long ago something was, in two units at most: `90s`, `5m30s`, `3h`, `2d4h`.
pub fn age(seconds: i64) -> String {
    let both = |large: i64, unit: &str, small: i64, rest: &str| {
        if small == 0 { format!("{large}{unit}") } else { format!("{large}{unit}{small}{rest}") }
    };
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    match seconds {
        ..-1 => "<invalid>".to_owned(),
        -1 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        120..600 => both(minutes, "m", seconds % 60, "s"),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => both(hours, "h", minutes % 60, "m"),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => both(days, "d", hours % 24, "h"),
        691_200..63_072_000 => format!("{days}d"),
        63_072_000..252_288_000 => both(days / 365, "y", days % 365, "d"),
        _ => format!("{}y", days / 365),
    }
}

/// The time since a stamp; `<unknown>` when there is none.
fn since(stamp: &Json, now: Timestamp) -> String {
    match stamp.as_str().and_then(|stamp| stamp.parse::<Timestamp>().ok()) {
        Some(then) => age(now.duration_since(then).as_secs()),
        None => "<unknown>".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource;

    #[test]
    fn ages_have_two_units_while_the_second_says_something() {
        for (seconds, text) in [
            (-5, "<invalid>"),
            (-1, "0s"),
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (150, "2m30s"),
            (599, "9m59s"),
            (600, "10m"),
            (10_799, "179m"),
            (10_800, "3h"),
            (11_000, "3h3m"),
            (28_800, "8h"),
            (172_799, "47h"),
            (172_800, "2d"),
            (180_000, "2d2h"),
            (691_200, "8d"),
            (63_072_000, "2y"),
            (63_158_400, "2y1d"),
            (300_000_000, "9y"),
        ] {
            assert_eq!(age(seconds), text, "{seconds} s");
        }
    }

    #[test]
    fn every_row_has_a_cell_for_every_column() {
        let now = "2026-11-20T09:00:00Z".parse().expect("a time");
        for resource in resource::RESOURCES {
            let object =
                Arc::new(json!({"metadata": {"name": "x", "creationTimestamp": "2026-11-20T08:59:00Z"}}));
            let table = table(resource, &[object], now, Include::None);
            let columns = table["columnDefinitions"].as_array().map(Vec::len);
            assert_eq!(table["rows"][0]["cells"].as_array().map(Vec::len), columns, "{}", resource.kind);
        }
    }
}
