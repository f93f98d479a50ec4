//! Deployments, ReplicaSets, Jobs: replicas, selectors, templates.

use super::{Causes, IMMUTABLE, go_map, go_selector, list, meta, pod, quoted, text};
use serde_json::{Value as Json, json};

/// Whether a selector selects labels.
fn selects(selector: &Json, labels: &Json) -> bool {
    let equal =
        selector["matchLabels"].as_object().into_iter().flatten().all(|(key, value)| labels[key] == *value);
    let expressed = list(&selector["matchExpressions"]).iter().all(|one| {
        let value = &labels[text(&one["key"])];
        match text(&one["operator"]) {
            "In" => list(&one["values"]).contains(value),
            "NotIn" => value.is_null() || !list(&one["values"]).contains(value),
            "Exists" => !value.is_null(),
            "DoesNotExist" => value.is_null(),
            _ => false,
        }
    });
    equal && expressed
}

/// A label selector's own rules; whether it can be used.
pub(super) fn selector(found: &mut Causes, field: &str, selector: &Json) -> bool {
    let before = found.0.len();
    meta::labels(found, &format!("{field}.matchLabels"), &selector["matchLabels"]);
    for (index, one) in list(&selector["matchExpressions"]).iter().enumerate() {
        let field = format!("{field}.matchExpressions[{index}]");
        let values = list(&one["values"]);
        match text(&one["operator"]) {
            "In" | "NotIn" if values.is_empty() => {
                found.required(
                    &format!("{field}.values"),
                    "must be specified when `operator` is 'In' or 'NotIn'",
                );
            }
            "In" | "NotIn" => {}
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                found.forbidden(
                    &format!("{field}.values"),
                    "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
                );
            }
            "Exists" | "DoesNotExist" => {}
            _ => found.invalid(
                &format!("{field}.operator"),
                &quoted(&one["operator"]),
                "not a valid selector operator",
            ),
        }
        let key = text(&one["key"]);
        meta::qualified(key)
            .iter()
            .for_each(|why| found.invalid(&format!("{field}.key"), &format!("{key:?}"), why));
    }
    found.0.len() == before
}

/// What a Deployment and a ReplicaSet share: selector and template.
fn template(found: &mut Causes, kind: &str, spec: &Json) {
    let (chosen, template) = (&spec["selector"], &spec["template"]);
    if chosen.is_null() {
        found.required("spec.selector", "");
    } else {
        let usable = selector(found, "spec.selector", chosen);
        let blank = |field: &str| {
            chosen[field].as_object().is_none_or(|map| map.is_empty()) && list(&chosen[field]).is_empty()
        };
        if blank("matchLabels") && blank("matchExpressions") {
            found.invalid(
                "spec.selector",
                &go_selector(chosen),
                &format!("empty selector is invalid for {kind}"),
            );
        } else if !usable {
            let shown = go_selector(chosen);
            found.invalid("spec.selector", &shown, "invalid label selector");
            pod::template(found, "spec.template", template, Some("Always"));
            return;
        } else if !selects(chosen, &template["metadata"]["labels"]) {
            mismatch(found, template);
        }
    }
    if chosen.is_null() {
        mismatch(found, template);
    }
    pod::template(found, "spec.template", template, Some("Always"));
}

fn mismatch(found: &mut Causes, template: &Json) {
    let labels = &template["metadata"]["labels"];
    found.invalid(
        "spec.template.metadata.labels",
        &go_map(labels),
        "`selector` does not match template `labels`",
    );
}

fn immutable_selector(found: &mut Causes, spec: &Json, old: Option<&Json>) {
    if old.is_some_and(|old| old["spec"]["selector"] != spec["selector"]) {
        found.invalid("spec.selector", &go_selector(&spec["selector"]), IMMUTABLE);
    }
}

const PERCENT: &str = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";

/// An integer or a percentage, as Go prints it.
fn go_int_or_string(value: &Json) -> String {
    match value {
        Json::String(text) => format!("intstr.IntOrString{{Type:1, IntVal:0, StrVal:{text:?}}}"),
        other => format!(
            "intstr.IntOrString{{Type:0, IntVal:{}, StrVal:\"\"}}",
            other.as_i64().unwrap_or_default()
        ),
    }
}

/// Whether a text is a whole percentage.
fn percent(text: &str) -> Option<u64> {
    let digits = text.strip_suffix('%')?;
    digits.chars().all(|c| c.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// How many may be away, or be more: a number or a percentage.
pub(super) fn amount(found: &mut Causes, field: &str, value: &Json, at_most_all: bool) {
    match value {
        Json::String(text) => match percent(text) {
            None => found.invalid(field, &go_int_or_string(value), PERCENT),
            Some(101..) if at_most_all => {
                found.invalid(field, &go_int_or_string(value), "must not be greater than 100%")
            }
            Some(_) => {}
        },
        other => found.not_negative(field, other),
    }
}

fn zero(value: &Json) -> bool {
    value.as_i64() == Some(0) || value.as_str().and_then(percent) == Some(0)
}

/// A Deployment.
pub(super) fn deployment(found: &mut Causes, object: &Json, old: Option<&Json>) {
    let spec = &object["spec"];
    found.not_negative("spec.replicas", &spec["replicas"]);
    template(found, "deployment", spec);
    let (strategy, rolling) = (&spec["strategy"], &spec["strategy"]["rollingUpdate"]);
    match text(&strategy["type"]) {
        "Recreate" if !rolling.is_null() => {
            found.forbidden(
                "spec.strategy.rollingUpdate",
                "may not be specified when strategy `type` is 'Recreate'",
            );
        }
        "Recreate" => {}
        "RollingUpdate" => {
            let field = |name: &str| format!("spec.strategy.rollingUpdate.{name}");
            amount(found, &field("maxUnavailable"), &rolling["maxUnavailable"], false);
            amount(found, &field("maxSurge"), &rolling["maxSurge"], false);
            if zero(&rolling["maxUnavailable"]) && zero(&rolling["maxSurge"]) {
                let shown = go_int_or_string(&rolling["maxUnavailable"]);
                found.invalid(&field("maxUnavailable"), &shown, "may not be 0 when `maxSurge` is 0");
            }
            if rolling["maxUnavailable"].as_str().and_then(percent).is_some_and(|share| share > 100) {
                let shown = go_int_or_string(&rolling["maxUnavailable"]);
                found.invalid(&field("maxUnavailable"), &shown, "must not be greater than 100%");
            }
        }
        other => {
            let shown = format!(
                "apps.DeploymentStrategy{{Type:{other:?}, RollingUpdate:(*apps.RollingUpdateDeployment)(nil)}}"
            );
            found.unsupported("spec.strategy", &shown, &["Recreate", "RollingUpdate"]);
        }
    }
    found.not_negative("spec.minReadySeconds", &spec["minReadySeconds"]);
    found.not_negative("spec.revisionHistoryLimit", &spec["revisionHistoryLimit"]);
    let deadline = &spec["progressDeadlineSeconds"];
    found.not_negative("spec.progressDeadlineSeconds", deadline);
    let seconds = deadline.as_i64().unwrap_or_default();
    if !deadline.is_null() && seconds <= spec["minReadySeconds"].as_i64().unwrap_or_default() {
        found.invalid(
            "spec.progressDeadlineSeconds",
            &deadline.to_string(),
            "must be greater than minReadySeconds",
        );
    }
    immutable_selector(found, spec, old);
}

/// A ReplicaSet.
pub(super) fn replica_set(found: &mut Causes, object: &Json, old: Option<&Json>) {
    let spec = &object["spec"];
    found.not_negative("spec.replicas", &spec["replicas"]);
    found.not_negative("spec.minReadySeconds", &spec["minReadySeconds"]);
    template(found, "deployment", spec);
    immutable_selector(found, spec, old);
}

/// A Job.
/// The selector of a Job is the server's own, unless the Job says otherwise.
fn generated_selector(found: &mut Causes, job: &Json) {
    let (selector, labels) = (&job["spec"]["selector"], &job["spec"]["template"]["metadata"]["labels"]);
    let own = json!({"matchLabels": {"batch.kubernetes.io/controller-uid": job["metadata"]["uid"]}});
    if *selector != own {
        found.invalid("spec.selector", &go_selector(selector), "`selector` not auto-generated");
    }
    if !selects(selector, labels) {
        let why = "`selector` does not match template `labels`";
        found.invalid("spec.template.metadata.labels", &go_map(labels), why);
    }
}

/// What is counted in the status of a Deployment.
pub(super) fn deployment_status(found: &mut Causes, object: &Json) {
    let status = &object["status"];
    let count = |name: &str| status[name].as_i64().unwrap_or(0);
    let counted =
        ["replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "unavailableReplicas"];
    for name in ["observedGeneration"].into_iter().chain(counted) {
        found.not_negative(&format!("status.{name}"), &status[name]);
    }
    for (name, most) in [
        ("updatedReplicas", "replicas"),
        ("readyReplicas", "replicas"),
        ("availableReplicas", "replicas"),
        ("availableReplicas", "readyReplicas"),
    ] {
        if count(name) > count(most) {
            let why = format!(
                "cannot be greater than {}",
                if most == "replicas" { "status.replicas" } else { most }
            );
            found.invalid(&format!("status.{name}"), &count(name).to_string(), &why);
        }
    }
}

pub(super) fn job(found: &mut Causes, object: &Json, old: Option<&Json>) {
    let spec = &object["spec"];
    for name in
        ["parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished"]
    {
        found.not_negative(&format!("spec.{name}"), &spec[name]);
    }
    // Without an identity it has not come to its selector yet.
    if old.is_none() && spec["manualSelector"] != true && object["metadata"]["uid"].is_string() {
        generated_selector(found, object);
    }
    let before = found.0.len();
    pod::template(found, "spec.template", &spec["template"], None);
    let policy = text(&spec["template"]["spec"]["restartPolicy"]);
    if found.0.len() == before && !matches!(policy, "OnFailure" | "Never") {
        let field = "spec.template.spec.restartPolicy";
        if policy.is_empty() || policy == "Always" {
            found.required(field, "valid values: \"OnFailure\", \"Never\"");
        } else {
            found.unsupported(field, &format!("{policy:?}"), &["OnFailure", "Never"]);
        }
    }
    let Some(old) = old else { return };
    let (was, is) = (&old["spec"]["completions"], &spec["completions"]);
    if was != is {
        found.invalid("spec.completions", &is.to_string(), IMMUTABLE);
    }
    immutable_selector(found, spec, Some(old));
    if old["spec"]["template"] != spec["template"] {
        found.invalid("spec.template", "core.PodTemplateSpec", IMMUTABLE);
    }
}
