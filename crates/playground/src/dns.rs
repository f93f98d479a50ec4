//! The cluster's DNS, as one Pod asks it.
//!
//! Invariant: an answer is what the API's objects say at that moment; nothing is remembered, so nothing is stale. Names are
//! tried as a Pod's `resolv.conf` would have them tried: in its namespace, in `svc.cluster.local`, in `cluster.local`, as they
//! are. Nothing outside the cluster is ever resolved.

use crate::api::Api;
use crate::program::Resolver;
use crate::resource::{Resource, find};
use serde_json::Value as Json;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// How many names an ExternalName may lead through.
const CHAIN: usize = 8;
/// The zone of the cluster.
const ZONE: &str = "cluster.local";

/// The DNS of a Pod.
#[derive(Clone, Debug)]
pub struct PodNames {
    api: Api,
    namespace: String,
    ip: IpAddr,
    hostname: String,
}

impl PodNames {
    /// The names as a Pod in a namespace sees them; `localhost` and its own name are its own address.
    pub fn new(api: Api, namespace: &str, ip: IpAddr, hostname: &str) -> PodNames {
        PodNames { api, namespace: namespace.to_owned(), ip, hostname: hostname.to_owned() }
    }
}

impl Resolver for PodNames {
    fn resolve(&self, name: &str) -> Vec<IpAddr> {
        if let Ok(ip) = name.parse::<IpAddr>() {
            // Containers of a Pod reach each other at the loopback address that every Pod has for itself.
            return vec![if ip == IpAddr::V4(Ipv4Addr::LOCALHOST) { self.ip } else { ip }];
        }
        if name == "localhost" || name == self.hostname {
            return vec![self.ip];
        }
        let name = name.to_ascii_lowercase();
        let tries = match name.strip_suffix('.') {
            Some(absolute) => vec![absolute.to_owned()],
            None => vec![
                format!("{name}.{}.svc.{ZONE}", self.namespace),
                format!("{name}.svc.{ZONE}"),
                format!("{name}.{ZONE}"),
                name,
            ],
        };
        tries
            .iter()
            .map(|name| absolute(&self.api, name, CHAIN))
            .find(|found| !found.is_empty())
            .unwrap_or_default()
    }
}

/// The addresses of a whole name.
fn absolute(api: &Api, name: &str, chain: usize) -> Vec<IpAddr> {
    let Some(name) = name.strip_suffix(ZONE).and_then(|name| name.strip_suffix('.')) else {
        return Vec::new();
    };
    let labels: Vec<&str> = name.split('.').collect();
    match labels[..] {
        [service, namespace, "svc"] => of_service(api, namespace, service, None, chain),
        [host, service, namespace, "svc"] => of_service(api, namespace, service, Some(host), chain),
        [address, _, "pod"] => address.replace('-', ".").parse().into_iter().collect(),
        _ => Vec::new(),
    }
}

fn of_service(api: &Api, namespace: &str, service: &str, host: Option<&str>, chain: usize) -> Vec<IpAddr> {
    let object = |plural: &str| -> Option<Arc<Json>> {
        let resource: &'static Resource = find("", plural)?;
        api.get(resource, namespace, service).ok()
    };
    let Some(spec) = object("services") else { return Vec::new() };
    let spec = &spec["spec"];
    if spec["type"] == "ExternalName" {
        let name = spec["externalName"].as_str().unwrap_or_default().trim_end_matches('.');
        return match chain.checked_sub(1) {
            Some(chain) => absolute(api, name, chain),
            None => Vec::new(),
        };
    }
    let address = spec["clusterIP"].as_str().unwrap_or_default();
    if address != "None" && host.is_none() {
        return address.parse().into_iter().collect();
    }
    let Some(endpoints) = object("endpoints") else { return Vec::new() };
    let wanted = |address: &&Json| {
        let dashed = address["ip"].as_str().unwrap_or_default().replace('.', "-");
        host.is_none_or(|host| address["hostname"] == host || dashed == host)
    };
    let subsets = endpoints["subsets"].as_array().into_iter().flatten();
    subsets
        .flat_map(|subset| subset["addresses"].as_array().into_iter().flatten())
        .filter(wanted)
        .filter_map(|address| address["ip"].as_str()?.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use crate::api::{Clock, Write};
    use crate::store::Store;
    use serde_json::json;

    #[tokio::test(start_paused = true)]
    async fn names_as_pods_resolve_them() {
        let api = Api::new(Arc::new(Store::default()), Clock::starting(jiff::Timestamp::UNIX_EPOCH));
        let create = |plural: &str, namespace: &str, object: Json| {
            api.create(find("", plural).unwrap(), namespace, object, &Write::default()).unwrap();
        };
        for namespace in ["shop", "other"] {
            let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
            create("namespaces", "", object);
        }
        let service = |name: &str, spec: Json| json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec});
        let ports = json!([{"port": 80}]);
        create("services", "shop", service("web", json!({"clusterIP": "127.0.224.7", "ports": ports})));
        create("services", "other", service("db", json!({"clusterIP": "None", "ports": ports})));
        let alias = json!({"type": "ExternalName", "externalName": "web.shop.svc.cluster.local"});
        create("services", "other", service("alias", alias));
        let loops = json!({"type": "ExternalName", "externalName": "loops.other.svc.cluster.local"});
        create("services", "other", service("loops", loops));
        let addresses = json!([{"ip": "127.0.1.1", "hostname": "db-0"}, {"ip": "127.0.1.2"}]);
        create(
            "endpoints",
            "other",
            json!({"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "db"},
                   "subsets": [{"addresses": addresses, "ports": [{"port": 80}]}]}),
        );
        let pod = PodNames::new(api.clone(), "shop", IpAddr::V4(Ipv4Addr::new(127, 0, 1, 9)), "me");
        let check = |name: &str, expected: &[&str]| {
            let found: Vec<String> = pod.resolve(name).iter().map(ToString::to_string).collect();
            assert_eq!(found, expected, "{name}");
        };
        check("web", &["127.0.224.7"]);
        check("WEB.shop", &["127.0.224.7"]);
        check("web.shop.svc", &["127.0.224.7"]);
        check("web.shop.svc.cluster.local", &["127.0.224.7"]);
        check("web.shop.svc.cluster.local.", &["127.0.224.7"]);
        check("web.", &[]);
        check("db", &[]);
        check("db.other", &["127.0.1.1", "127.0.1.2"]);
        check("db-0.db.other", &["127.0.1.1"]);
        check("127-0-1-2.db.other.svc.cluster.local", &["127.0.1.2"]);
        check("127-0-1-5.other.pod.cluster.local", &["127.0.1.5"]);
        check("alias.other", &["127.0.224.7"]);
        check("loops.other", &[]);
        check("localhost", &["127.0.1.9"]);
        check("127.0.0.1", &["127.0.1.9"]);
        check("me", &["127.0.1.9"]);
        check("127.0.3.3", &["127.0.3.3"]);
        check("example.com", &[]);
    }
}
