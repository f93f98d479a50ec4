//! The rules of the kinds that lead requests to Pods: Services, Endpoints, Ingresses, NetworkPolicies.
//!
//! Invariant: as in the rest of validation, the order and the words are the server's.

use super::{Causes, IMMUTABLE, go_strings, list, meta, quoted, text, workload};
use serde_json::{Value as Json, json};
use std::collections::HashSet;

/// A Service.
pub(super) fn service(found: &mut Causes, object: &Json, old: Option<&Json>) {
    let spec = &object["spec"];
    let kind = text(&spec["type"]);
    let headless = spec["clusterIP"] == "None";
    if list(&spec["ports"]).is_empty() && !headless && kind != "ExternalName" {
        found.required("spec.ports", "");
    }
    if headless && matches!(kind, "NodePort" | "LoadBalancer") {
        found.invalid(
            "spec.clusterIPs[0]",
            "\"None\"",
            &format!("may not be set to 'None' for {kind} services"),
        );
    }
    if kind == "ExternalName" {
        let name = text(&spec["externalName"]).trim_end_matches('.');
        if name.is_empty() {
            found.required("spec.externalName", "");
        } else {
            meta::subdomain(name)
                .iter()
                .for_each(|why| found.invalid("spec.externalName", &format!("{name:?}"), why));
        }
    }
    service_ports(found, spec, kind);
    meta::labels(found, "spec.selector", &spec["selector"]);
    let affinity = text(&spec["sessionAffinity"]);
    if affinity.is_empty() {
        found.required("spec.sessionAffinity", "");
    } else if !matches!(affinity, "ClientIP" | "None") {
        found.unsupported("spec.sessionAffinity", &format!("{affinity:?}"), &["ClientIP", "None"]);
    }
    let address = text(&spec["clusterIP"]);
    if !address.is_empty() && !headless && address.parse::<std::net::IpAddr>().is_err() {
        found.invalid(
            "spec.clusterIPs[0]",
            &format!("{address:?}"),
            "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
        );
    }
    let kinds = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
    if kind.is_empty() {
        found.required("spec.type", "");
    } else if !kinds.contains(&kind) {
        found.unsupported("spec.type", &format!("{kind:?}"), &kinds);
    }
    for (index, port) in list(&spec["ports"]).iter().enumerate().filter(|_| kind == "ClusterIP") {
        if port["nodePort"].as_i64().is_some_and(|port| port != 0) {
            found.forbidden(
                &format!("spec.ports[{index}].nodePort"),
                "may not be used when `type` is 'ClusterIP'",
            );
        }
    }
    let Some(was) = old.map(|old| text(&old["spec"]["clusterIP"])).filter(|was| !was.is_empty()) else {
        return;
    };
    if kind == "ExternalName" || was == address {
        return;
    }
    if address.is_empty() {
        found.invalid("spec.clusterIPs[0]", "[]string(nil)", "primary clusterIP can not be unset");
    } else {
        found.invalid("spec.clusterIPs[0]", &go_strings(&[json!(address)]), "may not change once set");
    }
}

fn service_ports(found: &mut Causes, spec: &Json, kind: &str) {
    let ports = list(&spec["ports"]);
    let (mut names, mut numbers): (HashSet<&str>, HashSet<(&Json, &Json)>) = (HashSet::new(), HashSet::new());
    for (index, port) in ports.iter().enumerate() {
        let at = |name: &str| format!("spec.ports[{index}].{name}");
        let name = text(&port["name"]);
        if name.is_empty() && ports.len() > 1 {
            found.required(&at("name"), "");
        } else if !name.is_empty() {
            let shown = format!("{name:?}");
            meta::label(name).iter().for_each(|why| found.invalid(&at("name"), &shown, why));
            if !names.insert(name) {
                found.duplicate(&at("name"), &shown);
            }
        }
        found.port(&at("port"), &port["port"]);
        found.one_of(&at("protocol"), &port["protocol"], &["SCTP", "TCP", "UDP"]);
        if kind != "ExternalName" {
            found.port_or_name(&at("targetPort"), &port["targetPort"]);
        }
    }
    for (index, port) in ports.iter().enumerate() {
        let key = (&port["protocol"], &port["port"]);
        if !numbers.insert(key) {
            let shown = format!(
                "core.ServicePort{{Name:\"\", Protocol:{}, AppProtocol:(*string)(nil), Port:{}, TargetPort:intstr.IntOrString{{Type:0, IntVal:0, StrVal:\"\"}}, NodePort:0}}",
                quoted(key.0),
                key.1
            );
            found.duplicate(&format!("spec.ports[{index}]"), &shown);
        }
    }
}

fn address(found: &mut Causes, field: &str, value: &Json) {
    match text(value).parse::<std::net::IpAddr>() {
        Err(_) => {
            found.invalid(
                field,
                &quoted(value),
                "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
            );
        }
        Ok(ip) if ip.is_unspecified() => {
            found.invalid(field, &quoted(value), "may not be unspecified (0.0.0.0 or ::)")
        }
        Ok(ip) if ip.is_loopback() => {
            found.invalid(field, &quoted(value), "may not be in the loopback range (127.0.0.0/8, ::1/128)")
        }
        Ok(_) => {}
    }
}

/// Endpoints. Addresses of the loopback are let through: the cluster's own Pods live there.
pub(super) fn endpoints(found: &mut Causes, object: &Json) {
    for (index, subset) in list(&object["subsets"]).iter().enumerate() {
        let field = format!("subsets[{index}]");
        if list(&subset["addresses"]).is_empty() && list(&subset["notReadyAddresses"]).is_empty() {
            found.required(&field, "must specify `addresses` or `notReadyAddresses`");
        }
        for part in ["addresses", "notReadyAddresses"] {
            for (at, one) in list(&subset[part]).iter().enumerate() {
                if !text(&one["ip"]).starts_with("127.") {
                    address(found, &format!("{field}.{part}[{at}].ip"), &one["ip"]);
                }
            }
        }
        for (at, port) in list(&subset["ports"]).iter().enumerate() {
            let field = format!("{field}.ports[{at}]");
            if list(&subset["ports"]).len() > 1 && text(&port["name"]).is_empty() {
                found.required(&format!("{field}.name"), "");
            }
            found.port(&format!("{field}.port"), &port["port"]);
        }
    }
}

/// An EndpointSlice.
pub(super) fn endpoint_slice(found: &mut Causes, object: &Json, old: Option<&Json>) {
    let kinds = ["FQDN", "IPv4", "IPv6"];
    let kind = text(&object["addressType"]);
    if kind.is_empty() {
        found.required("addressType", "");
    } else if !kinds.contains(&kind) {
        found.unsupported("addressType", &format!("{kind:?}"), &kinds);
    }
    for (index, one) in list(&object["endpoints"]).iter().enumerate() {
        if list(&one["addresses"]).is_empty() {
            found.required(&format!("endpoints[{index}].addresses"), "must contain at least 1 address");
        }
    }
    if old.is_some_and(|old| old["addressType"] != object["addressType"]) {
        found.invalid("addressType", &quoted(&object["addressType"]), IMMUTABLE);
    }
}

/// An Ingress.
pub(super) fn ingress(found: &mut Causes, object: &Json) {
    let spec = &object["spec"];
    if spec["defaultBackend"].is_null() && list(&spec["rules"]).is_empty() {
        let why = "either `defaultBackend` or `rules` must be specified";
        found.invalid("spec", "[]networking.IngressRule(nil)", why);
    }
    if !spec["defaultBackend"].is_null() {
        backend(found, "spec.defaultBackend", &spec["defaultBackend"]);
    }
    for (index, rule) in list(&spec["rules"]).iter().enumerate() {
        let field = format!("spec.rules[{index}]");
        let host = text(&rule["host"]);
        if !host.is_empty() {
            let shown = format!("{host:?}");
            if host.parse::<std::net::IpAddr>().is_ok() {
                found.invalid(&format!("{field}.host"), &shown, "must be a DNS name, not an IP address");
            } else {
                let name = host.strip_prefix("*.").unwrap_or(host);
                meta::subdomain(name)
                    .iter()
                    .for_each(|why| found.invalid(&format!("{field}.host"), &shown, why));
            }
        }
        if !rule["http"].is_object() {
            continue;
        }
        if list(&rule["http"]["paths"]).is_empty() {
            found.required(&format!("{field}.http.paths"), "");
        }
        for (at, path) in list(&rule["http"]["paths"]).iter().enumerate() {
            let field = format!("{field}.http.paths[{at}]");
            let (kind, place) = (text(&path["pathType"]), text(&path["path"]));
            match kind {
                "" => found.required(&format!("{field}.pathType"), "pathType must be specified"),
                "Exact" | "Prefix" if !place.starts_with('/') => {
                    found.invalid(
                        &format!("{field}.path"),
                        &format!("{place:?}"),
                        "must be an absolute path",
                    );
                }
                "Exact" | "Prefix" | "ImplementationSpecific" => {}
                _ => {
                    let kinds = ["Exact", "ImplementationSpecific", "Prefix"];
                    found.unsupported(&format!("{field}.pathType"), &format!("{kind:?}"), &kinds);
                }
            }
            backend(found, &format!("{field}.backend"), &path["backend"]);
        }
    }
}

fn backend(found: &mut Causes, field: &str, backend: &Json) {
    let service = &backend["service"];
    if service.is_null() && backend["resource"].is_null() {
        found.invalid(field, "\"\"", "resource or service backend is required");
        return;
    }
    if service.is_null() {
        return;
    }
    let name = text(&service["name"]);
    if name.is_empty() {
        found.required(&format!("{field}.service.name"), "");
    }
    let (number, named) = (&service["port"]["number"], text(&service["port"]["name"]));
    if number.as_i64().unwrap_or_default() == 0 && named.is_empty() {
        found.required(field, "port name or number is required");
    } else if !named.is_empty() {
        let shown = format!("{named:?}");
        meta::port_name(named)
            .iter()
            .for_each(|why| found.invalid(&format!("{field}.service.port.name"), &shown, why));
    } else {
        found.port(&format!("{field}.service.port.number"), number);
    }
}

/// A NetworkPolicy.
pub(super) fn network_policy(found: &mut Causes, object: &Json) {
    workload::selector(found, "spec.podSelector", &object["spec"]["podSelector"]);
    for way in ["ingress", "egress"] {
        for (rule, each) in list(&object["spec"][way]).iter().enumerate() {
            for (index, port) in list(&each["ports"]).iter().enumerate() {
                if !port["port"].is_null() {
                    found.port_or_name(&format!("spec.{way}[{rule}].ports[{index}].port"), &port["port"]);
                }
            }
        }
    }
    for (index, kind) in list(&object["spec"]["policyTypes"]).iter().enumerate() {
        if !["Ingress", "Egress"].contains(&text(kind)) {
            found.unsupported(&format!("spec.policyTypes[{index}]"), &quoted(kind), &["Ingress", "Egress"]);
        }
    }
}
