//! Cluster addresses and node ports of Services.
//!
//! Invariant: no two Services share one; what a Service has, it keeps.

use super::{Api, Status};
use crate::resource::Resource;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::{MutexGuard, PoisonError};

/// The ports of every node that Services may be reached at.
const NODE_PORTS: std::ops::RangeInclusive<u64> = 30_000..=32_767;

/// The addresses that Services get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceRange {
    /// The first one.
    pub first: Ipv4Addr,
    /// How many there are from there on.
    pub count: u32,
}

impl Default for ServiceRange {
    fn default() -> ServiceRange {
        ServiceRange { first: Ipv4Addr::new(127, 0, 224, 1), count: 8190 }
    }
}

impl Api {
    /// Nobody else chooses addresses while this is held. `None` for what has none.
    pub(super) fn lock_addresses(&self, resource: &Resource) -> Option<MutexGuard<'_, ()>> {
        (resource.key == "/services").then(|| self.allocating.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Gives a Service what it lacks: a cluster address, node ports.
    pub(super) fn allocate(&self, resource: &'static Resource, service: &mut Json) -> Result<(), Status> {
        if resource.key != "/services" || service["spec"]["type"] == "ExternalName" {
            return Ok(());
        }
        if !service["spec"].is_object() {
            return Ok(());
        }
        let uid = service["metadata"]["uid"].clone();
        let (mut addresses, mut ports) = (BTreeSet::new(), BTreeSet::new());
        for other in self.list(resource, None).0.iter().filter(|other| other["metadata"]["uid"] != uid) {
            addresses.extend(other["spec"]["clusterIP"].as_str().and_then(|ip| ip.parse::<Ipv4Addr>().ok()));
            let taken = other["spec"]["ports"].as_array().into_iter().flatten();
            ports.extend(taken.filter_map(|port| port["nodePort"].as_u64()));
        }
        let name = service["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        if service["spec"]["clusterIP"].as_str().unwrap_or_default().is_empty() {
            let first = u32::from(self.services.first);
            let free = (0..self.services.count).map(|n| Ipv4Addr::from(first.saturating_add(n)));
            let Some(free) = { free }.find(|ip| !addresses.contains(ip)) else {
                let message = "failed to allocate a serviceIP: range is full";
                return Err(Status::about(500, "InternalError", resource, &name, message));
            };
            service["spec"]["clusterIP"] = free.to_string().into();
        } else if let Some(ip) =
            service["spec"]["clusterIP"].as_str().and_then(|ip| ip.parse::<Ipv4Addr>().ok())
            && addresses.contains(&ip)
        {
            let message = format!(
                "Invalid value: \"{ip}\": failed to allocate IP {ip}: provided IP is already allocated"
            );
            let cause =
                json!({"reason": "FieldValueInvalid", "message": message, "field": "spec.clusterIPs"});
            return Err(Status::invalid(resource, &name, vec![cause]));
        }
        service["spec"]["clusterIPs"] = json!([service["spec"]["clusterIP"]]);
        let exposed = matches!(service["spec"]["type"].as_str(), Some("NodePort" | "LoadBalancer"));
        for port in service["spec"]["ports"].as_array_mut().into_iter().flatten() {
            if exposed && port.is_object() && port["nodePort"].as_u64().unwrap_or(0) == 0 {
                let Some(free) = NODE_PORTS.into_iter().find(|port| !ports.contains(port)) else {
                    let message = "failed to allocate a nodePort: range is full";
                    return Err(Status::about(500, "InternalError", resource, &name, message));
                };
                port["nodePort"] = free.into();
            }
            ports.extend(port["nodePort"].as_u64());
        }
        Ok(())
    }
}
