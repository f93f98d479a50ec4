//! Who stands behind a Service: its Endpoints, and the same as EndpointSlices.
//!
//! Invariant: what is Ready is listed, what is not Ready is listed apart, and a Pod whose deletion began is in neither list
//! (in slices it says that it is terminating). Changes of many Pods that come in a burst are written together.

use super::kinds::{ENDPOINTS, NODES, PODS, SERVICES, SLICES};
use super::object::{
    ended, has_labels, label, list, name, namespace, ready, reference, set, terminating, text, uid,
};
use super::{Context, Controller, Queue};
use crate::api::Status;
use crate::store::{Change, ChangeKind, Key};
use crate::times::ENDPOINTS_BATCH;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Endpoints in a slice.
const SLICE: usize = 100;
const SERVICE_NAME: &str = "kubernetes.io/service-name";
const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
const WRITTEN_BY: &str = "endpoints.kubernetes.io/managed-by";
const CHANGED: &str = "endpoints.kubernetes.io/last-change-trigger-time";

#[derive(Default)]
pub(crate) struct Endpoints {
    /// The selectors of Services, by namespace and name.
    selectors: BTreeMap<Key, Json>,
    /// When a Service's endpoints were last written, and how many slices they filled.
    written: BTreeMap<Key, (Instant, u32)>,
}

impl Controller for Endpoints {
    fn observe(&mut self, change: &Change, queue: &mut Queue) {
        if change.key.resource == SERVICES.key {
            if change.kind == ChangeKind::Deleted {
                self.selectors.remove(&change.key);
                self.written.remove(&change.key);
            } else {
                self.selectors.insert(change.key.clone(), change.object["spec"]["selector"].clone());
            }
            queue.add(change.key.clone());
        } else if change.key.resource == PODS.key {
            // What is not seen in endpoints does not change them.
            let seen = |pod: &Json| (ready(pod), terminating(pod), ended(pod));
            if let Some(before) = &change.before
                && change.kind == ChangeKind::Modified
                && seen(before) == seen(&change.object)
                && text(before, "/status/podIP") == text(&change.object, "/status/podIP")
                && before["metadata"]["labels"] == change.object["metadata"]["labels"]
            {
                return;
            }
            let from = Key { resource: SERVICES.key, name: String::new(), ..change.key.clone() };
            let services = self.selectors.range(from..);
            for (service, selector) in services.take_while(|(key, _)| key.namespace == change.key.namespace) {
                let selected = [Some(&change.object), change.before.as_ref()];
                let selected = selected.into_iter().flatten().any(|pod| matches(selector, pod));
                if selected {
                    queue.add(service.clone());
                }
            }
        } else if change.key.resource == ENDPOINTS.key {
            // What we wrote may be left from a Service that went unseen.
            let ours = change.before.is_none() && label(&change.object, WRITTEN_BY) == "endpoint-controller";
            if change.kind == ChangeKind::Deleted || ours {
                queue.add(Key { resource: SERVICES.key, ..change.key.clone() });
            }
        } else if change.key.resource == SLICES.key && change.kind == ChangeKind::Deleted {
            queue.add_named(SERVICES, namespace(&change.object), label(&change.object, SERVICE_NAME));
        }
    }

    fn reconcile(&mut self, cx: &mut Context, key: &Key) -> Result<Option<Duration>, Status> {
        let Ok(service) = cx.api.get(SERVICES, &key.namespace, &key.name) else {
            if let Ok(endpoints) = cx.api.get(ENDPOINTS, &key.namespace, &key.name)
                && !annotated_by_leader(&endpoints)
            {
                cx.delete(ENDPOINTS, &endpoints)?;
            }
            return Ok(None);
        };
        let selector = &service["spec"]["selector"];
        if selector.as_object().is_none_or(serde_json::Map::is_empty)
            || text(&service, "/spec/type") == "ExternalName"
            || terminating(&service)
        {
            return Ok(None);
        }
        // Few Pods are written at once, so that nobody is sent to one that goes.
        if let Some((at, slices)) = self.written.get(key)
            && let Some(rest) = ENDPOINTS_BATCH.saturating_mul(*slices).checked_sub(at.elapsed())
            && !rest.is_zero()
        {
            return Ok(Some(rest));
        }
        let mut pods = cx.api.list(PODS, Some(&key.namespace)).0;
        pods.retain(|pod| matches(selector, pod) && listed(pod));
        let wrote = write_endpoints(cx, &service, &pods)?;
        if write_slices(cx, &service, &pods)? || wrote {
            let slices = u32::try_from(pods.len() / SLICE).unwrap_or(u32::MAX);
            self.written.insert(key.clone(), (Instant::now(), slices));
        }
        Ok(None)
    }

    fn forget(&mut self) {
        self.selectors.clear();
    }
}

fn annotated_by_leader(endpoints: &Json) -> bool {
    !endpoints["metadata"]["annotations"]["control-plane.alpha.kubernetes.io/leader"].is_null()
}

fn matches(selector: &Json, pod: &Json) -> bool {
    selector.as_object().is_some_and(|selector| !selector.is_empty())
        && has_labels(selector, &pod["metadata"]["labels"])
}

/// Whether a Pod has anything to list: an address, and it has not ended for good.
fn listed(pod: &Json) -> bool {
    let over = match text(pod, "/spec/restartPolicy") {
        "Never" => ended(pod),
        "OnFailure" => text(pod, "/status/phase") == "Succeeded",
        _ => false,
    };
    !over && !text(pod, "/status/podIP").is_empty()
}

/// The ports of a Service on a Pod: a name is looked up in its containers, and left out if it is not there.
fn ports(service: &Json, pod: &Json) -> Vec<Json> {
    let mut ports = Vec::new();
    for port in list(service, "/spec/ports") {
        let protocol = port["protocol"].as_str().unwrap_or("TCP");
        let target = if port["targetPort"].is_null() { &port["port"] } else { &port["targetPort"] };
        let number = match target {
            Json::String(wanted) => list(pod, "/spec/containers")
                .iter()
                .flat_map(|container| list(container, "/ports"))
                .find(|candidate| {
                    candidate["name"] == *wanted
                        && candidate["protocol"].as_str().unwrap_or("TCP") == protocol
                })
                .map(|found| found["containerPort"].clone()),
            number => Some(number.clone()),
        };
        let Some(number) = number else { continue };
        let mut listed = json!({});
        if let Some(name) = port["name"].as_str().filter(|name| !name.is_empty()) {
            listed["name"] = name.into();
        }
        listed["port"] = number;
        listed["protocol"] = protocol.into();
        if !port["appProtocol"].is_null() {
            listed["appProtocol"] = port["appProtocol"].clone();
        }
        ports.push(listed);
    }
    ports
}

fn target(pod: &Json) -> Json {
    json!({"kind": "Pod", "namespace": namespace(pod), "name": name(pod), "uid": uid(pod)})
}

fn headless(service: &Json) -> bool {
    text(service, "/spec/clusterIP") == "None"
}

fn publishes_all(service: &Json) -> bool {
    service["spec"]["publishNotReadyAddresses"] == true
}

/// The addresses of endpoints in the order that they are listed in.
type Addresses = BTreeMap<Vec<u8>, Json>;

fn write_endpoints(cx: &Context, service: &Json, pods: &[Arc<Json>]) -> Result<bool, Status> {
    let mut groups: BTreeMap<String, (Vec<Json>, Addresses, Addresses)> = BTreeMap::new();
    for pod in pods.iter().filter(|pod| !terminating(pod) || publishes_all(service)) {
        let ports = ports(service, pod);
        if ports.is_empty() && !(headless(service) && list(service, "/spec/ports").is_empty()) {
            continue;
        }
        let ip = text(pod, "/status/podIP");
        let mut address = json!({"ip": ip});
        let host = text(pod, "/spec/hostname");
        if !host.is_empty() && text(pod, "/spec/subdomain") == name(service) {
            address["hostname"] = host.into();
        }
        address["nodeName"] = pod["spec"]["nodeName"].clone();
        address["targetRef"] = target(pod);
        let group = groups.entry(Json::from(ports.clone()).to_string()).or_default();
        group.0 = ports;
        let addresses = if ready(pod) || publishes_all(service) { &mut group.1 } else { &mut group.2 };
        addresses.insert(order(ip, pod), address);
    }
    let subsets: Vec<Json> = groups
        .into_values()
        .map(|(ports, ready, unready)| {
            let mut subset = json!({});
            for (field, addresses) in [("addresses", ready), ("notReadyAddresses", unready)] {
                if !addresses.is_empty() {
                    subset[field] = addresses.into_values().collect();
                }
            }
            if !ports.is_empty() {
                subset["ports"] = ports.into();
            }
            subset
        })
        .collect();
    let mut labels = service["metadata"]["labels"].clone();
    if headless(service) {
        set(&mut labels, &["service.kubernetes.io/headless"], "");
    }
    set(&mut labels, &[WRITTEN_BY], "endpoint-controller");
    let stamp = cx.stamp();
    let fill = |endpoints: &mut Json| {
        let same = endpoints["metadata"]["labels"] == labels
            && list(endpoints, "/subsets") == subsets.as_slice()
            && !uid(endpoints).is_empty();
        if same {
            return;
        }
        set(endpoints, &["metadata", "labels"], labels.clone());
        set(endpoints, &["metadata", "annotations", CHANGED], stamp.as_str());
        if subsets.is_empty() {
            super::object::unset(endpoints, &["subsets"]);
        } else {
            set(endpoints, &["subsets"], subsets.clone());
        }
    };
    match cx.api.get(ENDPOINTS, namespace(service), name(service)) {
        Ok(endpoints) => {
            let edited = cx.edit(ENDPOINTS, &endpoints, None, fill)?;
            Ok(!Arc::ptr_eq(&edited, &endpoints))
        }
        Err(_) => {
            let mut endpoints = json!({
                "apiVersion": "v1", "kind": "Endpoints",
                "metadata": {"name": name(service), "namespace": namespace(service)},
            });
            fill(&mut endpoints);
            cx.create(ENDPOINTS, namespace(service), endpoints)?;
            Ok(true)
        }
    }
}

/// By address as a number, then by Pod.
fn order(ip: &str, pod: &Json) -> Vec<u8> {
    let mut key = match ip.parse() {
        Ok(std::net::IpAddr::V4(ip)) => ip.octets().to_vec(),
        Ok(std::net::IpAddr::V6(ip)) => ip.octets().to_vec(),
        Err(_) => ip.as_bytes().to_vec(),
    };
    key.extend(uid(pod).bytes());
    key
}

fn write_slices(cx: &mut Context, service: &Json, pods: &[Arc<Json>]) -> Result<bool, Status> {
    let mut groups: BTreeMap<String, (Json, Addresses)> = BTreeMap::new();
    for pod in pods {
        let mut ports = ports(service, pod);
        for port in &mut ports {
            if port["name"].is_null() {
                port["name"] = "".into();
            }
        }
        let serving = ready(pod);
        let mut endpoint = json!({
            "addresses": [text(pod, "/status/podIP")],
            "conditions": {
                "ready": (serving && !terminating(pod)) || publishes_all(service),
                "serving": serving, "terminating": terminating(pod),
            },
            "targetRef": target(pod),
            "nodeName": pod["spec"]["nodeName"].clone(),
        });
        let host = text(pod, "/spec/hostname");
        if !host.is_empty() && text(pod, "/spec/subdomain") == name(service) {
            endpoint["hostname"] = host.into();
        }
        if let Ok(node) = cx.api.get(NODES, "", text(pod, "/spec/nodeName")) {
            let zone = label(&node, "topology.kubernetes.io/zone");
            if !zone.is_empty() {
                endpoint["zone"] = zone.into();
            }
        }
        let ports = Json::from(ports);
        let group = groups.entry(ports.to_string()).or_insert((ports, Addresses::new()));
        group.1.insert(order(text(pod, "/status/podIP"), pod), endpoint);
    }
    let mut wanted: Vec<(Json, Vec<Json>)> = Vec::new();
    for (ports, endpoints) in groups.into_values() {
        let endpoints: Vec<Json> = endpoints.into_values().collect();
        wanted.extend(endpoints.chunks(SLICE).map(|chunk| (ports.clone(), chunk.to_vec())));
    }
    if wanted.is_empty() {
        // A Service without Pods has one slice that says so.
        wanted.push((Json::Null, Vec::new()));
    }
    let mut labels = service["metadata"]["labels"].clone();
    set(&mut labels, &[SERVICE_NAME], name(service));
    set(&mut labels, &[MANAGED_BY], "endpointslice-controller.k8s.io");
    if headless(service) {
        set(&mut labels, &["service.kubernetes.io/headless"], "");
    }
    let stamp = cx.stamp();
    let mut wrote = false;
    let mut there = cx.api.list(SLICES, Some(namespace(service))).0;
    there.retain(|slice| {
        label(slice, SERVICE_NAME) == name(service)
            && label(slice, MANAGED_BY) == "endpointslice-controller.k8s.io"
            && !terminating(slice)
    });
    let mut there = there.into_iter();
    for (ports, endpoints) in wanted {
        let fill = |slice: &mut Json| {
            let same = slice["metadata"]["labels"] == labels
                && list(slice, "/endpoints") == endpoints.as_slice()
                && (slice["ports"] == ports || list(slice, "/ports").is_empty() && ports.is_null())
                && !uid(slice).is_empty();
            if same {
                return;
            }
            set(slice, &["metadata", "labels"], labels.clone());
            if !endpoints.is_empty() {
                set(slice, &["metadata", "annotations", CHANGED], stamp.as_str());
            }
            set(slice, &["endpoints"], endpoints.clone());
            set(slice, &["ports"], ports.clone());
        };
        match there.next() {
            Some(slice) => wrote |= !Arc::ptr_eq(&cx.edit(SLICES, &slice, None, fill)?, &slice),
            None => {
                let prefix = format!("{}-", name(service));
                let mut slice = json!({
                    "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
                    "metadata": {
                        "name": format!("{prefix}{}", cx.suffix()), "generateName": prefix,
                        "namespace": namespace(service), "ownerReferences": [reference("v1", "Service", service)],
                    },
                    "addressType": "IPv4",
                });
                fill(&mut slice);
                cx.create(SLICES, namespace(service), slice)?;
                wrote = true;
            }
        }
    }
    for slice in there {
        cx.delete(SLICES, &slice)?;
        wrote = true;
    }
    Ok(wrote)
}

#[cfg(test)]
mod tests;
