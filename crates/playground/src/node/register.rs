//! A node's object and its sign of life.
//!
//! Invariant: a node is registered once, when it starts; one that somebody deletes stays deleted, as a kubelet would leave it.

use super::Node;
use crate::api::{Api, Delete, PODS_OF_NODE, Write};
use crate::controllers::kinds::{LEASES, NODES};
use crate::controllers::object::{list, set, since, text, uid};
use crate::times;
use serde_json::{Value as Json, json};

/// Who writes.
const KUBELET: &str = "kubelet";
/// Where leases of nodes are.
const LEASE_NAMESPACE: &str = "kube-node-lease";

/// What a node of the playground runs on, and no node that somebody else made.
const SYSTEM: &str = "Squall playground";

/// Deletes the nodes that an earlier life of the playground had and this one does not: nobody would run their Pods, nor end them.
pub(super) fn retire(api: &Api, nodes: &[String]) {
    for node in api.list(NODES, None).0 {
        let name = text(&node, "/metadata/name");
        if text(&node, "/status/nodeInfo/osImage") == SYSTEM && !nodes.iter().any(|known| known == name) {
            // One with a finalizer goes when that does.
            let _ = api.delete(NODES, "", name, &Delete::default());
        }
    }
}

/// Registers a node, or tells of one that is registered already.
pub(super) fn register(node: &Node) {
    let stamp = node.shared.api.clock().stamp();
    let object = json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": node.name, "labels": {
            "beta.kubernetes.io/arch": "amd64", "beta.kubernetes.io/os": "linux",
            "kubernetes.io/arch": "amd64", "kubernetes.io/hostname": node.name, "kubernetes.io/os": "linux",
        }, "annotations": {
            "node.alpha.kubernetes.io/ttl": "0", "volumes.kubernetes.io/controller-managed-attach-detach": "true",
        }},
        "spec": {},
        "status": status(node, &stamp),
    });
    let api = &node.shared.api;
    match api.create(NODES, "", object, &Write::by(KUBELET)) {
        Ok(created) => {
            node.events.event(
                ("v1", "Node"),
                &created,
                crate::controllers::events::Level::Normal,
                "Starting",
                "Starting kubelet.",
            );
        }
        // It was kept from the playground's life before.
        Err(_) => live(node, &stamp),
    }
    beat(node);
}

/// Shows that a node lives: its lease, and now and then its conditions, at once if somebody doubted them.
pub(super) fn beat(node: &Node) {
    let api = &node.shared.api;
    let Ok(object) = api.get(NODES, "", &node.name) else { return };
    let seconds = times::NODE_GRACE.as_secs();
    let spec = json!({
        "holderIdentity": node.name, "leaseDurationSeconds": seconds,
        "renewTime": api.clock().now().strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string(),
    });
    let renewed = api.revise(LEASES, LEASE_NAMESPACE, &node.name, &Write::by(KUBELET), |lease| {
        let mut lease = lease.clone();
        set(&mut lease, &["spec"], spec.clone());
        Ok(lease)
    });
    if renewed.is_err() {
        let owner = json!({"apiVersion": "v1", "kind": "Node", "name": node.name, "uid": uid(&object)});
        let lease = json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"name": node.name, "namespace": LEASE_NAMESPACE, "ownerReferences": [owner]},
            "spec": spec,
        });
        // If it cannot be made now, it is made at the next beat.
        let _ = api.create(LEASES, LEASE_NAMESPACE, lease, &Write::by(KUBELET));
    }
    let told = |condition: &&Json| condition["type"] == "Ready" && condition["status"] == "True";
    let told = list(&object, "/status/conditions").iter().find(told);
    let told = told.and_then(|ready| since(text(ready, "/lastHeartbeatTime"), api.clock().now()));
    if told.is_none_or(|ago| ago >= times::NODE_STATUS_PERIOD) {
        live(node, &api.clock().stamp());
    }
}

/// Writes the status of a node that lives.
fn live(node: &Node, stamp: &str) {
    // A node that is gone stays so.
    let _ = node.shared.api.revise(NODES, "", &node.name, &Write::status_by(KUBELET), |object| {
        let mut object = object.clone();
        let before = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let mut status = status(node, stamp);
        // It is the same machine as before.
        if object["status"]["nodeInfo"].is_object() {
            set(&mut status, &["nodeInfo"], object["status"]["nodeInfo"].clone());
        }
        for condition in status["conditions"].as_array_mut().into_iter().flatten() {
            let known = before.iter().find(|known| known["type"] == condition["type"]);
            if let Some(known) = known.filter(|known| known["status"] == condition["status"]) {
                condition["lastTransitionTime"] = known["lastTransitionTime"].clone();
            }
        }
        set(&mut object, &["status"], status);
        Ok(object)
    });
}

fn status(node: &Node, stamp: &str) -> Json {
    let condition = |kind: &str, status: &str, reason: &str, message: &str| {
        json!({
            "type": kind, "status": status, "lastHeartbeatTime": stamp, "lastTransitionTime": stamp,
            "reason": reason, "message": message,
        })
    };
    let resources = json!({
        "cpu": "8", "ephemeral-storage": "104857600Ki", "hugepages-1Gi": "0", "hugepages-2Mi": "0",
        "memory": "16777216Ki", "pods": PODS_OF_NODE.to_string(),
    });
    let serial = uuid::Uuid::new_v4();
    json!({
        "capacity": resources, "allocatable": resources,
        "conditions": [
            condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
            condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
            condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
            condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
        ],
        "addresses": [
            {"type": "InternalIP", "address": node.ip.to_string()},
            {"type": "Hostname", "address": node.name},
        ],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
        "nodeInfo": {
            "machineID": serial.simple().to_string(), "systemUUID": serial.to_string(), "bootID": serial.to_string(),
            "kernelVersion": "6.1.0", "osImage": SYSTEM, "containerRuntimeVersion": "playground://1.0.0",
            "kubeletVersion": "v1.33.0", "kubeProxyVersion": "", "operatingSystem": "linux", "architecture": "amd64",
        },
        "images": [],
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;
    use crate::api::Clock;
    use crate::controllers::object::name;
    use crate::store::Store;
    use std::sync::Arc;

    #[test]
    fn nodes_that_nobody_runs_any_more_are_deleted() {
        let clock = Clock::starting("2026-11-20T09:00:00Z".parse().unwrap());
        let api = Api::new(Arc::new(Store::default()), clock);
        for (name, system) in [("playground-0", SYSTEM), ("playground-1", SYSTEM), ("edge", "Linux")] {
            let object = json!({
                "apiVersion": "v1", "kind": "Node", "metadata": {"name": name},
                "status": {"nodeInfo": {"osImage": system}},
            });
            api.create(NODES, "", object, &Write::by("test")).unwrap();
        }
        retire(&api, &["playground-0".to_owned()]);
        let left: Vec<String> = api.list(NODES, None).0.iter().map(|node| name(node).to_owned()).collect();
        assert_eq!(left, ["edge", "playground-0"]);
    }
}
