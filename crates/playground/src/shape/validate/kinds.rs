//! The rules of the other kinds, each a function.
//!
//! Invariant: as in the rest of validation, the order and the words are the server's.

use super::{Causes, IMMUTABLE, go_strings, list, meta, pod, quoted, text, workload};
use serde_json::{Value as Json, json};

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
    let (mut names, mut numbers): (Vec<&str>, Vec<(&Json, &Json)>) = (Vec::new(), Vec::new());
    for (index, port) in ports.iter().enumerate() {
        let at = |name: &str| format!("spec.ports[{index}].{name}");
        let name = text(&port["name"]);
        if name.is_empty() && ports.len() > 1 {
            found.required(&at("name"), "");
        } else if !name.is_empty() {
            let shown = format!("{name:?}");
            meta::label(name).iter().for_each(|why| found.invalid(&at("name"), &shown, why));
            if names.contains(&name) {
                found.duplicate(&at("name"), &shown);
            }
            names.push(name);
        }
        found.port(&at("port"), &port["port"]);
        found.one_of(&at("protocol"), &port["protocol"], &["SCTP", "TCP", "UDP"]);
        if kind != "ExternalName" {
            found.port_or_name(&at("targetPort"), &port["targetPort"]);
        }
    }
    for (index, port) in ports.iter().enumerate() {
        let key = (&port["protocol"], &port["port"]);
        if numbers.contains(&key) {
            let shown = format!(
                "core.ServicePort{{Name:\"\", Protocol:{}, AppProtocol:(*string)(nil), Port:{}, TargetPort:intstr.IntOrString{{Type:0, IntVal:0, StrVal:\"\"}}, NodePort:0}}",
                quoted(key.0),
                key.1
            );
            found.duplicate(&format!("spec.ports[{index}]"), &shown);
        }
        numbers.push(key);
    }
}

fn frozen(found: &mut Causes, object: &Json, old: Option<&Json>, fields: &[&str]) {
    let Some(old) = old.filter(|old| old["immutable"] == true) else { return };
    let why = "field is immutable when `immutable` is set";
    if object["immutable"] != true {
        found.forbidden("immutable", why);
    }
    for field in fields.iter().filter(|field| object[**field] != old[**field]) {
        found.forbidden(field, why);
    }
}

/// How many bytes the values of a ConfigMap or Secret may have together.
const MOST_DATA: usize = 1 << 20;

/// A ConfigMap.
pub(super) fn config_map(found: &mut Causes, object: &Json, old: Option<&Json>) {
    frozen(found, object, old, &["data", "binaryData"]);
    let mut length = 0;
    for part in ["data", "binaryData"] {
        for (key, value) in object[part].as_object().into_iter().flatten() {
            length += if part == "data" { text(value).len() } else { decoded(text(value)) };
            let (field, shown) = (format!("{part}[{key}]"), format!("{key:?}"));
            meta::config_key(key).iter().for_each(|why| found.invalid(&field, &shown, why));
            if part == "data" && !object["binaryData"][key.as_str()].is_null() {
                found.invalid(&field, &shown, "duplicate of key present in binaryData");
            }
        }
    }
    // The object itself is what is too long, and a path of nothing is written so.
    found.too_long("[]", length, MOST_DATA);
}

/// How many bytes a text in base64 stands for.
fn decoded(text: &str) -> usize {
    text.trim_end_matches('=').len() * 3 / 4
}

/// A Secret.
pub(super) fn secret(found: &mut Causes, object: &Json, old: Option<&Json>) {
    if old.is_some_and(|old| old["type"] != object["type"]) {
        found.invalid("type", &quoted(&object["type"]), IMMUTABLE);
    }
    frozen(found, object, old, &["data"]);
    let mut length = 0;
    for (key, value) in object["data"].as_object().into_iter().flatten() {
        length += decoded(text(value));
        let shown = format!("{key:?}");
        meta::config_key(key).iter().for_each(|why| found.invalid(&format!("data[{key}]"), &shown, why));
    }
    found.too_long("data", length, MOST_DATA);
    let needs: &[&str] = match text(&object["type"]) {
        "kubernetes.io/tls" => &["tls.crt", "tls.key"],
        "kubernetes.io/dockerconfigjson" => &[".dockerconfigjson"],
        "kubernetes.io/dockercfg" => &[".dockercfg"],
        "kubernetes.io/ssh-auth" => &["ssh-privatekey"],
        "kubernetes.io/basic-auth" => {
            if object["data"]["username"].is_null() && object["data"]["password"].is_null() {
                found.required("data[username]", "");
                found.required("data[password]", "");
            }
            &[]
        }
        _ => &[],
    };
    for need in needs.iter().filter(|need| object["data"][**need].is_null()) {
        found.required(&format!("data[{need}]"), "");
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

/// An autoscaler, in the form of v2.
pub(super) fn autoscaler(found: &mut Causes, object: &Json) {
    let spec = &object["spec"];
    let target = &spec["scaleTargetRef"];
    let (least, most) = (&spec["minReplicas"], &spec["maxReplicas"]);
    if least.as_i64().is_some_and(|least| least < 1) {
        found.invalid("spec.minReplicas", &least.to_string(), "must be greater than or equal to 1");
    }
    let (low, high) = (least.as_i64().unwrap_or(1), most.as_i64().unwrap_or_default());
    if high < 1 {
        found.invalid("spec.maxReplicas", &high.to_string(), "must be greater than 0");
    }
    if high < low {
        found.invalid(
            "spec.maxReplicas",
            &high.to_string(),
            "must be greater than or equal to `minReplicas`",
        );
    }
    for name in ["kind", "name"] {
        if text(&target[name]).is_empty() {
            found.required(&format!("spec.scaleTargetRef.{name}"), "");
        }
    }
    if least.as_i64() == Some(0) {
        let why = "must specify at least one Object or External metric to support scaling to zero replicas";
        found.forbidden("spec.metrics", why);
    }
    for (index, metric) in list(&spec["metrics"]).iter().enumerate() {
        let field = format!("spec.metrics[{index}]");
        let kinds = ["ContainerResource", "External", "Object", "Pods", "Resource"];
        let kind = text(&metric["type"]);
        if kind.is_empty() {
            found.required(&format!("{field}.type"), "must specify a metric source type");
            continue;
        }
        if !kinds.contains(&kind) {
            found.unsupported(&format!("{field}.type"), &format!("{kind:?}"), &kinds);
            continue;
        }
        let source = kind[..1].to_lowercase() + &kind[1..];
        let field = format!("{field}.{source}");
        let it = &metric[source.as_str()];
        if it.is_null() {
            found.required(&field, "must populate information for the given metric source");
            continue;
        }
        let share = &it["target"]["averageUtilization"];
        if share.as_i64().is_some_and(|share| share < 1) {
            found.invalid(
                &format!("{field}.target.averageUtilization"),
                &share.to_string(),
                "must be greater than 0",
            );
        }
        if kind == "Resource" && share.is_null() && it["target"]["averageValue"].is_null() {
            let why = "must set either a target raw value or a target utilization";
            found.required(&format!("{field}.target.averageUtilization"), why);
        }
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

/// A PodDisruptionBudget.
pub(super) fn disruption_budget(found: &mut Causes, object: &Json) {
    let spec = &object["spec"];
    if !spec["minAvailable"].is_null() && !spec["maxUnavailable"].is_null() {
        found.invalid(
            "spec",
            "policy.PodDisruptionBudgetSpec",
            "minAvailable and maxUnavailable cannot be both set",
        );
    }
    for name in ["minAvailable", "maxUnavailable"] {
        workload::amount(found, &format!("spec.{name}"), &spec[name], true);
    }
    workload::selector(found, "spec.selector", &spec["selector"]);
}

/// A Role or ClusterRole.
pub(super) fn role(found: &mut Causes, object: &Json, namespaced: bool) {
    for (index, rule) in list(&object["rules"]).iter().enumerate() {
        let at = |name: &str| format!("rules[{index}].{name}");
        if list(&rule["verbs"]).is_empty() {
            found.required(&at("verbs"), "verbs must contain at least one value");
        }
        let urls = list(&rule["nonResourceURLs"]);
        if !urls.is_empty() {
            if namespaced {
                found.invalid(
                    &at("nonResourceURLs"),
                    &go_strings(urls),
                    "namespaced rules cannot apply to non-resource URLs",
                );
            }
            if ["apiGroups", "resources", "resourceNames"].iter().any(|name| !list(&rule[*name]).is_empty()) {
                let why = "rules cannot apply to both regular resources and non-resource URLs";
                found.invalid(&at("nonResourceURLs"), &go_strings(urls), why);
            }
            continue;
        }
        if list(&rule["apiGroups"]).is_empty() {
            found.required(&at("apiGroups"), "resource rules must supply at least one api group");
        }
        if list(&rule["resources"]).is_empty() {
            found.required(&at("resources"), "resource rules must supply at least one resource");
        }
    }
}

/// A RoleBinding or ClusterRoleBinding.
pub(super) fn binding(found: &mut Causes, object: &Json, old: Option<&Json>) {
    let role = &object["roleRef"];
    let namespaced = object["kind"] == "RoleBinding";
    if role["apiGroup"] != "rbac.authorization.k8s.io" {
        found.unsupported("roleRef.apiGroup", &quoted(&role["apiGroup"]), &["rbac.authorization.k8s.io"]);
    }
    let kinds: &[&str] = if namespaced { &["Role", "ClusterRole"] } else { &["ClusterRole"] };
    if !kinds.contains(&text(&role["kind"])) {
        found.unsupported("roleRef.kind", &quoted(&role["kind"]), kinds);
    }
    if text(&role["name"]).is_empty() {
        found.required("roleRef.name", "");
    }
    for (index, subject) in list(&object["subjects"]).iter().enumerate() {
        let at = |name: &str| format!("subjects[{index}].{name}");
        if text(&subject["name"]).is_empty() {
            found.required(&at("name"), "");
        }
        match text(&subject["kind"]) {
            "ServiceAccount" => {
                if text(&subject["namespace"]).is_empty() && !namespaced {
                    found.required(&at("namespace"), "");
                }
            }
            "User" | "Group" => {}
            _ => found.unsupported(
                &at("kind"),
                &quoted(&subject["kind"]),
                &["ServiceAccount", "User", "Group"],
            ),
        }
    }
    if old.is_some_and(|old| old["roleRef"] != *role) {
        let shown = format!(
            "rbac.RoleRef{{APIGroup:{}, Kind:{}, Name:{}}}",
            quoted(&role["apiGroup"]),
            quoted(&role["kind"]),
            quoted(&role["name"])
        );
        found.invalid("roleRef", &shown, "cannot change roleRef");
    }
}

const MODES: [&str; 4] = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];

fn modes(found: &mut Causes, modes: &Json) {
    for mode in list(modes).iter().filter(|mode| !MODES.contains(&text(mode))) {
        found.unsupported("spec.accessModes", &quoted(mode), &MODES);
    }
}

/// A PersistentVolumeClaim.
pub(super) fn claim(found: &mut Causes, object: &Json, old: Option<&Json>) {
    let spec = &object["spec"];
    if list(&spec["accessModes"]).is_empty() {
        found.required("spec.accessModes", "at least 1 access mode is required");
    }
    modes(found, &spec["accessModes"]);
    let size = &spec["resources"]["requests"]["storage"];
    if size.is_null() {
        found.required("spec.resources[storage]", "");
    } else if !pod::positive(size) {
        found.invalid("spec.resources[storage]", &quoted(size), "must be greater than zero");
    }
    let Some(old) = old.map(|old| &old["spec"]) else { return };
    let mut same = spec.clone();
    same["resources"] = old["resources"].clone();
    if old["volumeName"].is_null() {
        // Binding is the one thing that happens to it, and a class of its own if it named none.
        let class = old["storageClassName"].is_null().then_some("storageClassName");
        for field in ["volumeName"].into_iter().chain(class) {
            same.as_object_mut().map(|map| map.shift_remove(field));
        }
    }
    if same != *old {
        found.forbidden("spec", "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims");
    }
}

/// A PersistentVolume.
pub(super) fn volume(found: &mut Causes, object: &Json) {
    let spec = &object["spec"];
    if list(&spec["accessModes"]).is_empty() {
        found.required("spec.accessModes", "");
    }
    modes(found, &spec["accessModes"]);
    let capacity = spec["capacity"].as_object();
    if capacity.is_none_or(|capacity| capacity.is_empty()) {
        found.required("spec.capacity", "");
    }
    if spec["capacity"]["storage"].is_null() {
        found.unsupported("spec.capacity", "core.ResourceList(nil)", &["storage"]);
    }
    let others = [
        "capacity",
        "accessModes",
        "persistentVolumeReclaimPolicy",
        "volumeMode",
        "storageClassName",
        "claimRef",
        "nodeAffinity",
        "mountOptions",
        "volumeAttributesClassName",
    ];
    let sources =
        spec.as_object().into_iter().flatten().filter(|(name, _)| !others.contains(&name.as_str())).count();
    if sources == 0 {
        found.required("spec", "must specify a volume type");
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

/// A Lease.
pub(super) fn lease(found: &mut Causes, object: &Json) {
    let seconds = &object["spec"]["leaseDurationSeconds"];
    if seconds.as_i64().is_some_and(|seconds| seconds <= 0) {
        found.invalid("spec.leaseDurationSeconds", &seconds.to_string(), "must be greater than 0");
    }
    let changes = &object["spec"]["leaseTransitions"];
    if changes.as_i64().is_some_and(|changes| changes < 0) {
        found.invalid("spec.leaseTransitions", &changes.to_string(), super::NOT_NEGATIVE);
    }
}

/// A Node.
pub(super) fn node(found: &mut Causes, object: &Json) {
    for (index, taint) in list(&object["spec"]["taints"]).iter().enumerate() {
        let effects = ["NoExecute", "NoSchedule", "PreferNoSchedule"];
        let effect = text(&taint["effect"]);
        let field = format!("metadata.taints[{index}]");
        let key = text(&taint["key"]);
        meta::qualified(key)
            .iter()
            .for_each(|why| found.invalid(&format!("{field}.key"), &format!("{key:?}"), why));
        if effect.is_empty() {
            found.required(&format!("{field}.effect"), "");
        } else if !effects.contains(&effect) {
            found.unsupported(&format!("{field}.effect"), &format!("{effect:?}"), &effects);
        }
    }
}
