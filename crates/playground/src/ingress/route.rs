//! Which endpoints a request goes to.
//!
//! Invariant: hosts before wildcards before rules without a host; within them exact paths before prefixes, longer ones
//! before shorter ones; among equals the older ingress wins.

use super::CLASS;
use crate::api::Api;
use crate::resource::find;
use serde_json::Value as Json;
use std::cmp::Reverse;
use std::net::SocketAddr;

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Backend {
    /// No rule fits.
    None,
    /// To one of these; none of them, if nobody is ready.
    Endpoints(Vec<SocketAddr>),
}

/// Whether an ingress is ours to serve: of our class, or of none.
pub(super) fn ours(ingress: &Json) -> bool {
    let annotation = &ingress["metadata"]["annotations"]["kubernetes.io/ingress.class"];
    let class = ingress["spec"]["ingressClassName"].as_str().or(annotation.as_str());
    class.is_none_or(|class| class == CLASS)
}

/// Decides by what the cluster's objects are now. `host` may have a port.
pub(super) fn route(api: &Api, host: &str, path: &str) -> Backend {
    let Some(ingresses) = find("networking.k8s.io", "ingresses") else { return Backend::None };
    let ingresses = api.list(ingresses, None).0;
    let ingresses: Vec<&Json> = ingresses.iter().map(AsRef::as_ref).filter(|object| ours(object)).collect();
    match choose(&ingresses, host, path) {
        Some((namespace, service)) => Backend::Endpoints(endpoints(api, namespace, service)),
        None => Backend::None,
    }
}

/// How well a rule fits: host, whether exactly, length of its path; then the older one's time.
type Rank<'a> = ((u8, bool, usize), Reverse<&'a str>);

/// The namespace and `backend.service` of the best rule.
fn choose<'a>(ingresses: &[&'a Json], host: &str, path: &str) -> Option<(&'a str, &'a Json)> {
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host).to_ascii_lowercase();
    let mut best: Option<(Rank, &str, &Json)> = None;
    for ingress in ingresses {
        let namespace = ingress["metadata"]["namespace"].as_str().unwrap_or_default();
        let created = ingress["metadata"]["creationTimestamp"].as_str().unwrap_or_default();
        let mut consider = |rank: (u8, bool, usize), service: &'a Json| {
            let rank = (rank, Reverse(created));
            if service.is_object() && best.as_ref().is_none_or(|(known, ..)| rank > *known) {
                best = Some((rank, namespace, service));
            }
        };
        consider((0, false, 0), &ingress["spec"]["defaultBackend"]["service"]);
        for rule in ingress["spec"]["rules"].as_array().into_iter().flatten() {
            let Some(of_host) = fits_host(rule["host"].as_str().unwrap_or_default(), &host) else { continue };
            for rule in rule["http"]["paths"].as_array().into_iter().flatten() {
                let wanted = rule["path"].as_str().filter(|wanted| !wanted.is_empty()).unwrap_or("/");
                let exact = rule["pathType"] == "Exact";
                // nginx takes `ImplementationSpecific` for a prefix.
                if if exact { wanted == path } else { has_prefix(path, wanted) } {
                    consider((of_host, exact, wanted.len()), &rule["backend"]["service"]);
                }
            }
        }
    }
    best.map(|(_, namespace, service)| (namespace, service))
}

/// How well a rule's host fits: 3 by name, 2 by wildcard, 1 without one.
fn fits_host(rule: &str, host: &str) -> Option<u8> {
    if rule.is_empty() {
        return Some(1);
    }
    if let Some(domain) = rule.strip_prefix("*.") {
        let (label, rest) = host.split_once('.')?;
        return (!label.is_empty() && rest == domain).then_some(2);
    }
    (rule == host).then_some(3)
}

/// Whether a path begins with whole elements of another: `/a/b` with `/a` and `/a/`, `/ab` not.
fn has_prefix(path: &str, prefix: &str) -> bool {
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The ready endpoints of a Service's port, by number or name.
fn endpoints(api: &Api, namespace: &str, backend: &Json) -> Vec<SocketAddr> {
    let name = backend["name"].as_str().unwrap_or_default();
    let get = |plural: &str| find("", plural).and_then(|kind| api.get(kind, namespace, name).ok());
    let (Some(service), Some(endpoints)) = (get("services"), get("endpoints")) else { return Vec::new() };
    let wanted = &backend["port"];
    let mut ports = service["spec"]["ports"].as_array().into_iter().flatten();
    let Some(port) = ports.find(|port| {
        port["port"] == wanted["number"] || (wanted["name"].is_string() && port["name"] == wanted["name"])
    }) else {
        return Vec::new();
    };
    addresses(&endpoints, port)
}

/// The ready addresses behind one port of a Service, which endpoints know by its name.
pub(crate) fn addresses(endpoints: &Json, port: &Json) -> Vec<SocketAddr> {
    let mut found = Vec::new();
    for subset in endpoints["subsets"].as_array().into_iter().flatten() {
        let mut ports = subset["ports"].as_array().into_iter().flatten();
        let number = ports
            .find(|known| {
                known["name"].as_str().unwrap_or_default() == port["name"].as_str().unwrap_or_default()
            })
            .and_then(|known| known["port"].as_u64())
            .and_then(|number| u16::try_from(number).ok());
        let ips = subset["addresses"].as_array().into_iter().flatten();
        let ips = ips.filter_map(|address| address["ip"].as_str()?.parse().ok());
        found.extend(
            number.into_iter().flat_map(|number| ips.clone().map(move |ip| SocketAddr::new(ip, number))),
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rules_are_chosen_by_host_then_path() {
        let path = |path: &str, kind: &str, service: &str| json!({"path": path, "pathType": kind, "backend": {"service": {"name": service}}});
        let shop = json!({"metadata": {"namespace": "n", "creationTimestamp": "2026-01-01T00:00:00Z"}, "spec": {
        "defaultBackend": {"service": {"name": "default"}},
        "rules": [
            {"host": "shop.acme.com", "http": {"paths": [
                path("/", "ImplementationSpecific", "front"), path("/cart", "Prefix", "cart"),
                path("/cart", "Exact", "cart-exact"), path("/cart/old/", "Prefix", "old"),
            ]}},
            {"host": "*.acme.com", "http": {"paths": [path("/", "Prefix", "any")]}},
        ]}});
        let younger = json!({"metadata": {"namespace": "m", "creationTimestamp": "2026-02-01T00:00:00Z"}, "spec": {
            "rules": [{"host": "shop.acme.com", "http": {"paths": [path("/", "Prefix", "younger")]}}]}});
        let check = |host: &str, path: &str, expected: &str| {
            let chosen = choose(&[&shop, &younger], host, path);
            assert_eq!(
                chosen.map(|(_, service)| service["name"].clone()),
                Some(json!(expected)),
                "{host}{path}"
            );
        };
        check("shop.acme.com", "/", "front");
        check("Shop.Acme.com:8080", "/carts", "front");
        check("shop.acme.com", "/cart", "cart-exact");
        check("shop.acme.com", "/cart/", "cart");
        check("shop.acme.com", "/cart/1", "cart");
        check("shop.acme.com", "/cart/old", "old");
        check("x.acme.com", "/", "any");
        check("a.x.acme.com", "/", "default");
        check("other.org", "/", "default");
        assert_eq!(choose(&[&younger], "other.org", "/"), None);
    }

    #[test]
    fn ingresses_of_other_classes_are_not_ours() {
        let check = |ingress: Json, expected: bool| assert_eq!(ours(&ingress), expected, "{ingress}");
        check(json!({"spec": {"ingressClassName": "nginx"}}), true);
        check(json!({"spec": {"ingressClassName": "traefik"}}), false);
        check(json!({"metadata": {"annotations": {"kubernetes.io/ingress.class": "istio"}}}), false);
        check(json!({"spec": {}}), true);
    }
}
