//! One container: its ports, variables, handlers, probes and resources.
//!
//! Invariant: complaints come in the order of the fields as the server goes through them.

use super::super::decode::quantity;
use super::{Causes, list, meta, quoted, text};
use serde_json::Value as Json;
use std::collections::HashSet;

pub(super) fn container(
    found: &mut Causes,
    field: &str,
    one: &Json,
    volumes: &HashSet<&str>,
    host_network: bool,
) {
    let at = |name: &str| format!("{field}.{name}");
    let image = text(&one["image"]);
    if image.is_empty() {
        found.required(&at("image"), "");
    } else if image.trim() != image {
        found.invalid(&at("image"), &format!("{image:?}"), "must not have leading or trailing whitespace");
    }
    for hook in ["postStart", "preStop"] {
        let handler_of = &one["lifecycle"][hook];
        if handler_of.is_object() {
            handler(found, &at(&format!("lifecycle.{hook}")), handler_of);
        }
    }
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        probe(found, &at(name), &one[name], name != "readinessProbe");
    }
    let policy = text(&one["terminationMessagePolicy"]);
    if !matches!(policy, "File" | "FallbackToLogsOnError") {
        let why = "must be 'File' or 'FallbackToLogsOnError'";
        found.invalid(&at("terminationMessagePolicy"), &format!("{policy:?}"), why);
    }
    ports(found, field, &one["ports"], host_network);
    for (index, variable) in list(&one["env"]).iter().enumerate() {
        environment(found, &format!("{field}.env[{index}]"), variable);
    }
    let mut paths = HashSet::new();
    for (index, mount) in list(&one["volumeMounts"]).iter().enumerate() {
        let at = |name: &str| format!("{field}.volumeMounts[{index}].{name}");
        let (name, path) = (text(&mount["name"]), text(&mount["mountPath"]));
        if name.is_empty() {
            found.required(&at("name"), "");
        } else if !volumes.contains(name) {
            found.missing(&at("name"), name);
        }
        if path.is_empty() {
            found.required(&at("mountPath"), "");
        } else if paths.contains(path) {
            found.invalid(&at("mountPath"), &format!("{path:?}"), "must be unique");
        }
        paths.insert(path);
    }
    found.one_of(&at("imagePullPolicy"), &one["imagePullPolicy"], &["Always", "IfNotPresent", "Never"]);
    resources(found, &at("resources"), &one["resources"]);
}

fn ports(found: &mut Causes, field: &str, ports: &Json, host_network: bool) {
    let mut names = HashSet::new();
    for (index, port) in list(ports).iter().enumerate() {
        let at = |name: &str| format!("{field}.ports[{index}].{name}");
        let name = text(&port["name"]);
        if !name.is_empty() {
            let (wrong, shown) = (meta::port_name(name), format!("{name:?}"));
            if wrong.is_empty() && names.contains(name) {
                found.duplicate(&at("name"), &shown);
            }
            wrong.iter().for_each(|why| found.invalid(&at("name"), &shown, why));
            names.insert(name);
        }
        let number = &port["containerPort"];
        match number.as_i64() {
            None | Some(0) => found.required(&at("containerPort"), ""),
            Some(_) => found.port(&at("containerPort"), number),
        }
        if port["hostPort"].as_i64().is_some_and(|port| port != 0) {
            found.port(&at("hostPort"), &port["hostPort"]);
            if host_network && port["hostPort"] != *number {
                found.invalid(
                    &at("containerPort"),
                    &number.to_string(),
                    "must match `hostPort` when `hostNetwork` is true",
                );
            }
        }
        found.one_of(&at("protocol"), &port["protocol"], &["SCTP", "TCP", "UDP"]);
    }
}

fn environment(found: &mut Causes, field: &str, variable: &Json) {
    let name = text(&variable["name"]);
    if name.is_empty() {
        found.required(&format!("{field}.name"), "");
    } else {
        meta::env_name(name)
            .iter()
            .for_each(|why| found.invalid(&format!("{field}.name"), &format!("{name:?}"), why));
    }
    let Some(from) = variable["valueFrom"].as_object() else { return };
    let field = format!("{field}.valueFrom");
    if !text(&variable["value"]).is_empty() {
        found.invalid(&field, "\"\"", "may not be specified when `value` is not empty");
    } else if from.is_empty() {
        let why = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`";
        found.invalid(&field, "\"\"", why);
    } else if from.len() > 1 {
        found.invalid(&field, "\"\"", "may not have more than one field specified at a time");
    }
    if let Some(path) = from.get("fieldRef").map(|of| text(&of["fieldPath"])) {
        let (of, bracket) = path.split_once('[').unwrap_or((path, ""));
        let keyed = matches!(of, "metadata.labels" | "metadata.annotations") && !bracket.is_empty();
        let plain = [
            "metadata.name",
            "metadata.namespace",
            "metadata.uid",
            "spec.nodeName",
            "spec.serviceAccountName",
            "status.hostIP",
            "status.hostIPs",
            "status.podIP",
            "status.podIPs",
        ];
        let field = format!("{field}.fieldRef.fieldPath");
        if path.is_empty() {
            found.required(&field, "");
        } else if !keyed && !plain.contains(&path) {
            let why = format!("error converting fieldPath: field label not supported: {path}");
            found.invalid(&field, &format!("{path:?}"), &why);
        }
    }
    for source in ["configMapKeyRef", "secretKeyRef"] {
        let Some(of) = from.get(source) else { continue };
        let field = format!("{field}.{source}");
        let (name, key) = (text(&of["name"]), text(&of["key"]));
        meta::subdomain(name)
            .iter()
            .for_each(|why| found.invalid(&format!("{field}.name"), &format!("{name:?}"), why));
        if key.is_empty() {
            found.required(&format!("{field}.key"), "");
        } else {
            meta::config_key(key)
                .iter()
                .for_each(|why| found.invalid(&format!("{field}.key"), &format!("{key:?}"), why));
        }
    }
}

fn handler(found: &mut Causes, field: &str, handler: &Json) {
    let mut first = true;
    for kind in ["exec", "httpGet", "tcpSocket", "grpc", "sleep"] {
        let it = &handler[kind];
        if it.is_null() {
            continue;
        }
        let field = format!("{field}.{kind}");
        if !std::mem::take(&mut first) {
            found.forbidden(&field, "may not specify more than 1 handler type");
            continue;
        }
        match kind {
            "exec" if list(&it["command"]).is_empty() => found.required(&format!("{field}.command"), ""),
            "httpGet" => {
                if text(&it["path"]).is_empty() {
                    found.required(&format!("{field}.path"), "");
                }
                found.port_or_name(&format!("{field}.port"), &it["port"]);
                let scheme = text(&it["scheme"]);
                if !matches!(scheme, "HTTP" | "HTTPS") {
                    found.unsupported(&format!("{field}.scheme"), &format!("{scheme:?}"), &["HTTP", "HTTPS"]);
                }
            }
            "tcpSocket" => found.port_or_name(&format!("{field}.port"), &it["port"]),
            "grpc" => found.port(&format!("{field}.port"), &it["port"]),
            _ => {}
        }
    }
    if first {
        found.required(field, "must specify a handler type");
    }
}

fn probe(found: &mut Causes, field: &str, probe: &Json, once: bool) {
    if probe.is_null() {
        return;
    }
    handler(found, field, probe);
    for name in
        ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"]
    {
        found.not_negative(&format!("{field}.{name}"), &probe[name]);
    }
    let successes = &probe["successThreshold"];
    if once && successes.as_i64().is_some_and(|times| times != 1) {
        found.invalid(&format!("{field}.successThreshold"), &successes.to_string(), "must be 1");
    }
}

/// A quantity's worth, to be compared; thousandths of the unit.
fn worth(value: &str) -> Option<f64> {
    if !quantity(value) {
        return None;
    }
    let end = value.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(value.len());
    let number: f64 = value[..end].parse().ok()?;
    let scale = match &value[end..] {
        "" => 1.0,
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "E" => 1e18,
        "Ki" => 1024.0,
        "Mi" => 1024.0_f64.powi(2),
        "Gi" => 1024.0_f64.powi(3),
        "Ti" => 1024.0_f64.powi(4),
        "Pi" => 1024.0_f64.powi(5),
        "Ei" => 1024.0_f64.powi(6),
        exponent => 10_f64.powi(exponent[1..].parse().ok()?),
    };
    Some(number * scale)
}

fn resources(found: &mut Causes, field: &str, resources: &Json) {
    for part in ["limits", "requests"] {
        for (name, amount) in resources[part].as_object().into_iter().flatten() {
            let (at, shown) = (format!("{field}.{part}[{name}]"), format!("{name:?}"));
            let standard = ["cpu", "memory", "ephemeral-storage"].contains(&name.as_str())
                || name.starts_with("hugepages-");
            if !standard && !name.contains('/') {
                found.invalid(&at, &shown, "must be a standard resource type or fully qualified");
                found.invalid(&at, &shown, "must be a standard resource for containers");
            } else if !standard {
                meta::qualified(name).iter().for_each(|why| found.invalid(&at, &shown, why));
            }
            if worth(text(amount)).is_some_and(|amount| amount < 0.0) {
                found.invalid(&at, &quoted(amount), super::NOT_NEGATIVE);
            }
        }
    }
    for (name, request) in resources["requests"].as_object().into_iter().flatten() {
        let limit = text(&resources["limits"][name.as_str()]);
        if matches!((worth(text(request)), worth(limit)), (Some(wanted), Some(most)) if wanted > most) {
            let why = format!("must be less than or equal to {name} limit of {limit}");
            found.invalid(&format!("{field}.requests"), &quoted(request), &why);
        }
    }
}

/// Whether a quantity is more than nothing.
pub(super) fn positive(value: &Json) -> bool {
    worth(text(value)).is_some_and(|worth| worth > 0.0)
}
