//! Pods and their templates: containers, probes, volumes, and what of a Pod may change.
//!
//! Invariant: complaints come in the order of the fields as the server goes through them.

use super::container::container;
use super::{Causes, list, meta, quoted, text};
use serde_json::{Value as Json, json};
use std::collections::HashSet;

/// A Pod, new or changed.
pub(super) fn pod(found: &mut Causes, object: &Json, old: Option<&Json>) {
    spec(found, "spec", &object["spec"], None);
    if let Some(old) = old {
        changed(found, object, old);
    }
}

/// What may change of a Pod: images, the deadline, and tolerations that are added.
fn changed(found: &mut Causes, object: &Json, old: &Json) {
    let (was, is) = (&old["spec"], &object["spec"]);
    for name in ["containers", "initContainers"] {
        if list(&was[name]).len() != list(&is[name]).len() {
            found.forbidden(&format!("spec.{name}"), "pod updates may not add or remove containers");
            return;
        }
    }
    let mut same = is.clone();
    for name in ["containers", "initContainers"] {
        for (index, one) in list(&was[name]).iter().enumerate() {
            if let Some(image) = one.get("image") {
                same[name][index]["image"] = image.clone();
            }
        }
    }
    for name in ["activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds"] {
        let kept = match name {
            "tolerations" => {
                let is: HashSet<&Json> = list(&is[name]).iter().collect();
                list(&was[name]).iter().all(|one| is.contains(one))
            }
            "activeDeadlineSeconds" => match (was[name].as_i64(), is[name].as_i64()) {
                (Some(was), Some(is)) => is <= was,
                (Some(_), None) => false,
                (None, _) => true,
            },
            // It may only be mended: from less than nothing to one.
            _ => {
                was[name] != is[name] && was[name].as_i64().is_some_and(|was| was < 0) && is[name] == json!(1)
            }
        };
        if kept {
            match was.get(name) {
                Some(value) => same[name] = value.clone(),
                None => drop(same.as_object_mut().map(|map| map.shift_remove(name))),
            }
        }
    }
    // A Pod that waits behind gates may lose them.
    if same != *was {
        found.forbidden("spec", "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)");
    }
}

/// A template; a policy of restarts is given where only one is allowed.
pub(super) fn template(found: &mut Causes, field: &str, template: &Json, restart: Option<&str>) {
    meta::labels(found, &format!("{field}.labels"), &template["metadata"]["labels"]);
    spec(found, &format!("{field}.spec"), &template["spec"], restart);
}

fn spec(found: &mut Causes, field: &str, spec: &Json, restart: Option<&str>) {
    let at = |name: &str| format!("{field}.{name}");
    volumes(found, &at("volumes"), &spec["volumes"]);
    let volumes: HashSet<&str> = list(&spec["volumes"]).iter().map(|volume| text(&volume["name"])).collect();
    let host_network = spec["hostNetwork"] == true;
    if list(&spec["containers"]).is_empty() {
        found.required(&at("containers"), "");
    }
    let mut names: HashSet<&str> = HashSet::new();
    for (place, init) in [("containers", false), ("initContainers", true)] {
        for (index, one) in list(&spec[place]).iter().enumerate() {
            let field = format!("{field}.{place}[{index}]");
            let name = text(&one["name"]);
            if name.is_empty() {
                found.required(&format!("{field}.name"), "");
            } else {
                let shown = format!("{name:?}");
                meta::label(name).iter().for_each(|why| found.invalid(&format!("{field}.name"), &shown, why));
                if names.contains(name) {
                    found.duplicate(&format!("{field}.name"), &shown);
                }
            }
            names.insert(name);
            container(found, &field, one, &volumes, host_network);
            if init && text(&one["restartPolicy"]) != "Always" {
                for probe in ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] {
                    if !one[probe].is_null() {
                        found.forbidden(
                            &format!("{field}.{probe}"),
                            "may not be set for init containers without restartPolicy=Always",
                        );
                    }
                }
            }
        }
    }
    match restart {
        Some(only) if text(&spec["restartPolicy"]) != only && !list(&spec["containers"]).is_empty() => {
            found.unsupported(&at("restartPolicy"), &quoted(&spec["restartPolicy"]), &[only]);
        }
        Some(_) => {}
        None => found.one_of(&at("restartPolicy"), &spec["restartPolicy"], &["Always", "OnFailure", "Never"]),
    }
    let dns = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
    found.one_of(&at("dnsPolicy"), &spec["dnsPolicy"], &dns);
    meta::labels(found, &at("nodeSelector"), &spec["nodeSelector"]);
    for name in ["runAsUser", "runAsGroup", "fsGroup"] {
        let value = &spec["securityContext"][name];
        if value.as_i64().is_some_and(|id| !(0..=2_147_483_647).contains(&id)) {
            found.invalid(
                &at(&format!("securityContext.{name}")),
                &value.to_string(),
                "must be between 0 and 2147483647, inclusive",
            );
        }
    }
    spreading(found, field, spec);
    for name in ["serviceAccountName", "nodeName"] {
        let value = text(&spec[name]);
        if !value.is_empty() {
            meta::subdomain(value)
                .iter()
                .for_each(|why| found.invalid(&at(name), &format!("{value:?}"), why));
        }
    }
    let deadline = &spec["activeDeadlineSeconds"];
    if deadline.as_i64().is_some_and(|seconds| !(1..=2_147_483_647).contains(&seconds)) {
        found.invalid(
            &at("activeDeadlineSeconds"),
            &deadline.to_string(),
            "must be between 1 and 2147483647, inclusive",
        );
    }
    for name in ["hostname", "subdomain"] {
        let value = text(&spec[name]);
        if !value.is_empty() {
            meta::label(value).iter().for_each(|why| found.invalid(&at(name), &format!("{value:?}"), why));
        }
    }
    tolerations(found, &at("tolerations"), &spec["tolerations"]);
}

fn spreading(found: &mut Causes, field: &str, spec: &Json) {
    for name in ["podAffinity", "podAntiAffinity"] {
        let required = &spec["affinity"][name]["requiredDuringSchedulingIgnoredDuringExecution"];
        for (index, term) in list(required).iter().enumerate() {
            let field = format!(
                "{field}.affinity.{name}.requiredDuringSchedulingIgnoredDuringExecution[{index}].topologyKey"
            );
            let key = text(&term["topologyKey"]);
            if key.is_empty() {
                found.required(&field, "can not be empty");
            }
            meta::qualified(key).iter().for_each(|why| found.invalid(&field, &format!("{key:?}"), why));
        }
    }
    for (index, one) in list(&spec["topologySpreadConstraints"]).iter().enumerate() {
        let at = |name: &str| format!("{field}.topologySpreadConstraints[{index}].{name}");
        if one["maxSkew"].as_i64().unwrap_or_default() <= 0 {
            found.invalid(&at("maxSkew"), &one["maxSkew"].to_string(), "must be greater than zero");
        }
        if text(&one["topologyKey"]).is_empty() {
            found.required(&at("topologyKey"), "can not be empty");
        }
        let action = text(&one["whenUnsatisfiable"]);
        if !matches!(action, "DoNotSchedule" | "ScheduleAnyway") {
            found.unsupported(
                &at("whenUnsatisfiable"),
                &format!("{action:?}"),
                &["DoNotSchedule", "ScheduleAnyway"],
            );
        }
    }
}

fn tolerations(found: &mut Causes, field: &str, tolerations: &Json) {
    for (index, one) in list(tolerations).iter().enumerate() {
        let field = format!("{field}[{index}]");
        let (key, operator) = (text(&one["key"]), text(&one["operator"]));
        if !key.is_empty() {
            meta::qualified(key)
                .iter()
                .for_each(|why| found.invalid(&format!("{field}.key"), &format!("{key:?}"), why));
        } else if operator != "Exists" {
            let why =
                "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
            found.invalid(&format!("{field}.operator"), &format!("{operator:?}"), why);
        }
        if !one["tolerationSeconds"].is_null() && text(&one["effect"]) != "NoExecute" {
            let why = "effect must be 'NoExecute' when `tolerationSeconds` is set";
            found.invalid(&format!("{field}.effect"), &quoted(&one["effect"]), why);
        }
        match operator {
            "Equal" | "" => {
                let value = text(&one["value"]);
                let shown = format!("{value:?}");
                meta::label_value(value)
                    .iter()
                    .for_each(|why| found.invalid(&format!("{field}.operator"), &shown, why));
            }
            "Exists" if !text(&one["value"]).is_empty() => {
                let seconds = match one["tolerationSeconds"].as_i64() {
                    None => "(*int64)(nil)".to_owned(),
                    Some(seconds) => seconds.to_string(),
                };
                let shown = format!(
                    "core.Toleration{{Key:{key:?}, Operator:\"Exists\", Value:{}, Effect:{}, TolerationSeconds:{seconds}}}",
                    quoted(&one["value"]),
                    quoted(&one["effect"])
                );
                found.invalid(
                    &format!("{field}.operator"),
                    &shown,
                    "value must be empty when `operator` is 'Exists'",
                );
            }
            "Exists" => {}
            _ => found.unsupported(
                &format!("{field}.operator"),
                &format!("{operator:?}"),
                &["Equal", "Exists"],
            ),
        }
        let effect = text(&one["effect"]);
        if !effect.is_empty() && !["NoSchedule", "PreferNoSchedule", "NoExecute"].contains(&effect) {
            let all = ["NoExecute", "NoSchedule", "PreferNoSchedule"];
            found.unsupported(&format!("{field}.effect"), &format!("{effect:?}"), &all);
        }
    }
}

fn volumes(found: &mut Causes, field: &str, volumes: &Json) {
    let mut names = HashSet::new();
    for (index, volume) in list(volumes).iter().enumerate() {
        let field = format!("{field}[{index}]");
        let mut sources: Vec<&str> = volume
            .as_object()
            .into_iter()
            .flatten()
            .map(|(key, _)| key.as_str())
            .filter(|key| *key != "name")
            .collect();
        // The server looks at the kinds of source in an order of its own, in which these two come first.
        sources.sort_by_key(|source| match *source {
            "emptyDir" => 0,
            "hostPath" => 1,
            _ => 2,
        });
        for more in sources.iter().skip(1) {
            found.forbidden(&format!("{field}.{more}"), "may not specify more than 1 volume type");
        }
        if let Some(source) = sources.first() {
            let needs: &[&str] = match *source {
                "hostPath" => &["path"],
                "secret" => &["secretName"],
                "configMap" => &["name"],
                "persistentVolumeClaim" => &["claimName"],
                _ => &[],
            };
            for need in needs.iter().filter(|need| text(&volume[*source][**need]).is_empty()) {
                found.required(&format!("{field}.{source}.{need}"), "");
            }
        }
        let name = text(&volume["name"]);
        let (at, shown) = (format!("{field}.name"), format!("{name:?}"));
        if name.is_empty() {
            found.required(&at, "");
        } else {
            meta::label(name).iter().for_each(|why| found.invalid(&at, &shown, why));
            if names.contains(name) {
                found.duplicate(&at, &shown);
            }
        }
        names.insert(name);
    }
}
