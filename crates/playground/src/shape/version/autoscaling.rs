//! Autoscalers: v2 (and v2beta2, which is the same), v2beta1 with its flatter metrics, v1 with one figure.
//!
//! Invariant: what v1 has no field for goes into annotations under `autoscaling.alpha.kubernetes.io/`, and comes back.

use crate::shape::members::{Members, each, if_there};
use serde_json::{Value as Json, json};

const METRICS: &str = "autoscaling.alpha.kubernetes.io/metrics";
const CURRENT: &str = "autoscaling.alpha.kubernetes.io/current-metrics";
const CONDITIONS: &str = "autoscaling.alpha.kubernetes.io/conditions";
const BEHAVIOR: &str = "autoscaling.alpha.kubernetes.io/behavior";

fn is_cpu(metric: &Json, part: &str) -> bool {
    metric["type"] == "Resource"
        && metric["resource"]["name"] == "cpu"
        && metric["resource"][part]["averageUtilization"].is_number()
}

fn annotate(map: &mut Members, name: &str, value: Json) {
    let metadata = map.entry("metadata").or_insert_with(|| json!({}));
    if metadata["annotations"].is_null() {
        metadata["annotations"] = json!({});
    }
    metadata["annotations"][name] = value.to_string().into();
}

fn annotation(map: &mut Members, name: &str) -> Option<Json> {
    let metadata = map.get_mut("metadata")?.as_object_mut()?;
    let annotations = metadata.get_mut("annotations")?.as_object_mut()?;
    let value = serde_json::from_str(annotations.shift_remove(name)?.as_str()?).ok();
    if annotations.is_empty() {
        metadata.shift_remove("annotations");
    }
    value
}

/// The same with the first letter of every key made large or small: behaviour is annotated under the names of Go's fields.
fn letters(value: Json, change: fn(&char) -> char) -> Json {
    match value {
        Json::Object(map) => map
            .into_iter()
            .map(|(key, value)| {
                let first = key.chars().next().map(|first| change(&first));
                (first.into_iter().chain(key.chars().skip(1)).collect(), letters(value, change))
            })
            .collect::<Members>()
            .into(),
        Json::Array(items) => items.into_iter().map(|item| letters(item, change)).collect(),
        other => other,
    }
}

/// v2 as v1.
pub(super) fn to_v1(map: &mut Members) {
    let take = |map: &mut Members, part: &str, name: &str| -> Option<Json> {
        map.get_mut(part)?.as_object_mut()?.shift_remove(name)
    };
    let list = |value: Option<Json>| match value {
        Some(Json::Array(items)) => items,
        _ => Vec::new(),
    };
    let mut metrics = list(take(map, "spec", "metrics"));
    if let Some(at) = metrics.iter().position(|metric| is_cpu(metric, "target")) {
        let share = metrics.remove(at)["resource"]["target"]["averageUtilization"].take();
        if_there(map, "spec", |spec| drop(spec.insert("targetCPUUtilizationPercentage".to_owned(), share)));
    }
    if !metrics.is_empty() {
        metrics.iter_mut().for_each(flat);
        annotate(map, METRICS, Json::Array(metrics));
    }
    let mut current = list(take(map, "status", "currentMetrics"));
    if let Some(metric) = current.iter().find(|metric| is_cpu(metric, "current")) {
        let share = metric["resource"]["current"]["averageUtilization"].clone();
        if_there(map, "status", |status| {
            drop(status.insert("currentCPUUtilizationPercentage".to_owned(), share))
        });
    }
    if !current.is_empty() {
        current.iter_mut().for_each(flat);
        annotate(map, CURRENT, Json::Array(current));
    }
    if let Some(conditions) = take(map, "status", "conditions") {
        annotate(map, CONDITIONS, conditions);
    }
    if let Some(behavior) = take(map, "spec", "behavior") {
        annotate(map, BEHAVIOR, letters(behavior, char::to_ascii_uppercase));
    }
}

/// v1 as v2.
pub(super) fn from_v1(map: &mut Members) {
    let share = map
        .get_mut("spec")
        .and_then(Json::as_object_mut)
        .and_then(|spec| spec.shift_remove("targetCPUUtilizationPercentage"));
    let mut metrics = match annotation(map, METRICS) {
        Some(Json::Array(metrics)) => metrics,
        _ => Vec::new(),
    };
    metrics.iter_mut().for_each(|metric| deep(metric, "target"));
    if let Some(share) = share.filter(|share| !share.is_null()) {
        let target = json!({"type": "Utilization", "averageUtilization": share});
        metrics.insert(0, json!({"type": "Resource", "resource": {"name": "cpu", "target": target}}));
    }
    let behavior = annotation(map, BEHAVIOR).map(|behavior| letters(behavior, char::to_ascii_lowercase));
    if_there(map, "spec", |spec| {
        if !metrics.is_empty() {
            spec.insert("metrics".to_owned(), Json::Array(metrics));
        }
        if let Some(behavior) = behavior {
            spec.insert("behavior".to_owned(), behavior);
        }
    });
    let (current, conditions) = (annotation(map, CURRENT), annotation(map, CONDITIONS));
    if_there(map, "status", |status| {
        status.shift_remove("currentCPUUtilizationPercentage");
        if let Some(Json::Array(mut current)) = current {
            current.iter_mut().for_each(|metric| deep(metric, "current"));
            status.insert("currentMetrics".to_owned(), Json::Array(current));
        }
        if let Some(conditions) = conditions {
            status.insert("conditions".to_owned(), conditions);
        }
    });
}

/// v2 as v2beta1.
pub(super) fn to_v2beta1(map: &mut Members) {
    let behavior =
        map.get_mut("spec").and_then(Json::as_object_mut).and_then(|spec| spec.shift_remove("behavior"));
    if let Some(behavior) = behavior {
        annotate(map, BEHAVIOR, letters(behavior, char::to_ascii_uppercase));
    }
    for (part, list) in [("spec", "metrics"), ("status", "currentMetrics")] {
        if_there(map, part, |part| {
            for metric in part.get_mut(list).and_then(Json::as_array_mut).into_iter().flatten() {
                flat(metric);
            }
        });
    }
}

/// v2beta1 as v2.
pub(super) fn from_v2beta1(map: &mut Members) {
    let behavior = annotation(map, BEHAVIOR).map(|behavior| letters(behavior, char::to_ascii_lowercase));
    if_there(map, "spec", |spec| {
        if let Some(behavior) = behavior {
            spec.insert("behavior".to_owned(), behavior);
        }
    });
    for (part, list, within_metric) in
        [("spec", "metrics", "target"), ("status", "currentMetrics", "current")]
    {
        if_there(map, part, |part| {
            each(part, list, |metric| {
                let mut whole = Json::Object(std::mem::take(metric));
                deep(&mut whole, within_metric);
                if let Json::Object(whole) = whole {
                    *metric = whole;
                }
            });
        });
    }
}

/// The names of figures, `target` and `current`, of the nested form and of the flat one, for a source of metrics.
fn names(source: &str, part: &str) -> [(&'static str, &'static str); 3] {
    match (source, part) {
        ("resource" | "containerResource", "target") => [
            ("averageUtilization", "targetAverageUtilization"),
            ("averageValue", "targetAverageValue"),
            ("", ""),
        ],
        ("resource" | "containerResource", _) => [
            ("averageUtilization", "currentAverageUtilization"),
            ("averageValue", "currentAverageValue"),
            ("", ""),
        ],
        ("pods", "target") => [("averageValue", "targetAverageValue"), ("", ""), ("", "")],
        ("pods", _) => [("averageValue", "currentAverageValue"), ("", ""), ("", "")],
        ("object", "target") => [("value", "targetValue"), ("averageValue", "averageValue"), ("", "")],
        ("object", _) => [("value", "currentValue"), ("averageValue", "averageValue"), ("", "")],
        (_, "target") => [("value", "targetValue"), ("averageValue", "targetAverageValue"), ("", "")],
        _ => [("value", "currentValue"), ("averageValue", "currentAverageValue"), ("", "")],
    }
}

fn source(metric: &Json) -> Option<&'static str> {
    ["resource", "containerResource", "pods", "object", "external"]
        .into_iter()
        .find(|source| metric[*source].is_object())
}

/// A metric of v2 in the flat form.
fn flat(metric: &mut Json) {
    let Some(source) = source(metric) else { return };
    let Some(inner) = metric[source].as_object_mut() else { return };
    for part in ["target", "current"] {
        let Some(figures) = inner.shift_remove(part) else { continue };
        for (nested, flat) in names(source, part).into_iter().filter(|(nested, _)| !nested.is_empty()) {
            if let Some(figure) = figures.get(nested) {
                inner.insert(flat.to_owned(), figure.clone());
            }
        }
    }
    if let Some(Json::Object(named)) = inner.shift_remove("metric") {
        for (from, to) in [
            ("name", "metricName"),
            ("selector", if source == "external" { "metricSelector" } else { "selector" }),
        ] {
            if let Some(value) = named.get(from) {
                inner.insert(to.to_owned(), value.clone());
            }
        }
    }
    if let Some(object) = inner.shift_remove("describedObject") {
        inner.insert("target".to_owned(), object);
    }
}

/// A metric of the flat form as v2 has it; `part` is `target` or `current`.
fn deep(metric: &mut Json, part: &str) {
    let Some(source) = source(metric) else { return };
    let Some(inner) = metric[source].as_object_mut() else { return };
    if source == "object"
        && let Some(object) = inner.shift_remove("target")
    {
        inner.insert("describedObject".to_owned(), object);
    }
    let mut figures = Members::new();
    for (nested, flat) in names(source, part).into_iter().filter(|(nested, _)| !nested.is_empty()) {
        if let Some(figure) = inner.shift_remove(flat) {
            figures.insert(nested.to_owned(), figure);
        }
    }
    if part == "target" {
        let kind = if figures.contains_key("averageUtilization") {
            "Utilization"
        } else if figures.contains_key("averageValue") {
            "AverageValue"
        } else {
            "Value"
        };
        figures.shift_insert(0, "type".to_owned(), kind.into());
    }
    if let Some(name) = inner.shift_remove("metricName") {
        let mut named = Members::new();
        named.insert("name".to_owned(), name);
        for selector in ["selector", "metricSelector"] {
            if let Some(value) = inner.shift_remove(selector) {
                named.insert("selector".to_owned(), value);
            }
        }
        inner.insert("metric".to_owned(), Json::Object(named));
    }
    inner.insert(part.to_owned(), Json::Object(figures));
}
