//! Cluster addresses and node ports of Services.
//!
//! Invariant: no two Services share one; what a Service has, it keeps, as long as its cluster has the range that it is from.

use super::{Api, Status, key};
use crate::resource::{Resource, find};
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

impl ServiceRange {
    fn contains(self, address: Ipv4Addr) -> bool {
        u32::from(address).checked_sub(u32::from(self.first)).is_some_and(|offset| offset < self.count)
    }
}

impl Default for ServiceRange {
    fn default() -> ServiceRange {
        ServiceRange { first: Ipv4Addr::new(127, 0, 224, 1), count: 8190 }
    }
}

impl Api {
    /// Gives kept Services whose addresses are outside the range, which is somebody else's then, others of it.
    ///
    /// # Errors
    /// The range is full, or the store cannot write.
    pub(crate) fn move_services(&self) -> Result<(), Status> {
        let Some(services) = find("", "services") else { return Ok(()) };
        for service in self.list(services, None).0 {
            let address =
                service["spec"]["clusterIP"].as_str().and_then(|address| address.parse::<Ipv4Addr>().ok());
            if address.is_none_or(|address| self.services.contains(address)) {
                continue;
            }
            let mut moved = service.as_ref().clone();
            moved["spec"]["clusterIP"] = "".into();
            self.allocate(services, &mut moved)?;
            let text = |field: &str| service["metadata"][field].as_str().unwrap_or_default();
            self.store
                .update(&key(services, text("namespace"), text("name")), None, moved)
                .map_err(|refused| Status::refused(refused, services, text("name")))?;
        }
        Ok(())
    }

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
        for (index, port) in service["spec"]["ports"].as_array_mut().into_iter().flatten().enumerate() {
            if exposed && let Some(given @ 1..) = port["nodePort"].as_u64() {
                let why = if !NODE_PORTS.contains(&given) {
                    Some("provided port is not in the valid range. The range of valid ports is 30000-32767")
                } else {
                    ports.contains(&given).then_some("provided port is already allocated")
                };
                if let Some(why) = why {
                    let message = format!("Invalid value: {given}: {why}");
                    let field = format!("spec.ports[{index}].nodePort");
                    let cause = json!({"reason": "FieldValueInvalid", "message": message, "field": field});
                    return Err(Status::invalid(resource, &name, vec![cause]));
                }
            }
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;
    use crate::api::{Clock, Write};
    use crate::store::Store;
    use jiff::Timestamp;
    use std::sync::Arc;

    #[test]
    fn kept_services_move_into_the_range_that_there_is_now() {
        let (store, clock) = (Arc::new(Store::default()), Clock::starting(Timestamp::UNIX_EPOCH));
        let services = find("", "services").unwrap();
        let range = |network| ServiceRange { first: Ipv4Addr::new(127, network, 224, 1), count: 2 };
        let addresses = |api: &Api| -> Vec<Json> {
            let all = api.list(services, None).0;
            all.iter()
                .map(|service| json!([service["spec"]["clusterIP"], service["spec"]["clusterIPs"]]))
                .collect()
        };
        let api = Api::new(store.clone(), clock).with_services(range(7));
        for (name, address) in [("a", ""), ("b", ""), ("headless", "None")] {
            let spec = json!({"ports": [{"port": 80}], "clusterIP": address});
            api.create(
                services,
                "default",
                json!({"metadata": {"name": name}, "spec": spec}),
                &Write::by("test"),
            )
            .unwrap();
        }
        let before = addresses(&api);
        assert_eq!(before[0], json!(["127.7.224.1", ["127.7.224.1"]]));
        api.move_services().unwrap();
        assert_eq!(addresses(&api), before);
        let api = Api::new(store, clock).with_services(range(8));
        api.move_services().unwrap();
        let moved = ["127.8.224.1", "127.8.224.2", "None"].map(|address| json!([address, [address]]));
        assert_eq!(addresses(&api), moved);
    }
}
