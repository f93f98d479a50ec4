//! Label and field selectors: which objects a list, a watch or a collection deletion means.
//!
//! Invariant: what cannot be read is refused with 400, never taken for "all".

mod labels;

use super::Status;
use crate::resource::Resource;
use serde_json::Value as Json;

/// A label selector and a field selector; the default selects everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    labels: Vec<Requirement>,
    fields: Vec<(String, bool, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Requirement {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Absent(String),
    /// A whole number greater than this.
    Above(String, i64),
    /// A whole number less than this.
    Below(String, i64),
}

impl Selector {
    /// Reads the query parameters `labelSelector` and `fieldSelector`.
    ///
    /// # Errors
    /// 400: malformed, or a field that the resource does not offer.
    pub fn parse(resource: &Resource, labels: &str, fields: &str) -> Result<Selector, Status> {
        let selector = Selector { labels: labels::parse(labels)?, fields: parse_fields(fields)? };
        for (field, ..) in &selector.fields {
            if !supports(resource, field) {
                return Err(Status::bad_request(if selects_own(resource) {
                    format!("field label not supported: {field}")
                } else {
                    format!(
                        "\"{field}\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
                    )
                }));
            }
        }
        Ok(selector)
    }

    /// Whether everything is selected.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// Whether the object is selected.
    pub fn selects(&self, object: &Json) -> bool {
        self.labels.iter().all(|requirement| requirement.holds(&object["metadata"]["labels"]))
            && self.fields.iter().all(|(field, equal, value)| (field_of(object, field) == *value) == *equal)
    }
}

/// Whether the labels of an object fit a selector as objects carry it (`matchLabels`, `matchExpressions`).
/// An absent selector fits nothing, an empty one everything.
pub fn fits(selector: &Json, labels: &Json) -> bool {
    let Some(selector) = selector.as_object() else { return false };
    let equal = selector.get("matchLabels").and_then(Json::as_object);
    let equal = equal.is_none_or(|wanted| wanted.iter().all(|(key, value)| labels.get(key) == Some(value)));
    let expressions = selector.get("matchExpressions").and_then(Json::as_array);
    equal
        && expressions.is_none_or(|expressions| {
            expressions.iter().all(|expression| {
                let key = expression["key"].as_str().unwrap_or_default().to_owned();
                let values = expression["values"].as_array().into_iter().flatten();
                let values = values.filter_map(|value| value.as_str().map(str::to_owned)).collect();
                match expression["operator"].as_str() {
                    Some("In") => Requirement::In(key, values).holds(labels),
                    Some("NotIn") => Requirement::NotIn(key, values).holds(labels),
                    Some("Exists") => Requirement::Exists(key).holds(labels),
                    Some("DoesNotExist") => Requirement::Absent(key).holds(labels),
                    _ => false,
                }
            })
        })
}

impl Requirement {
    fn holds(&self, labels: &Json) -> bool {
        let label = |key: &str| labels.get(key).and_then(Json::as_str);
        let number = |label: Option<&str>| label.and_then(|label| label.parse::<i64>().ok());
        match self {
            Requirement::In(key, values) => {
                label(key).is_some_and(|label| values.iter().any(|value| value == label))
            }
            Requirement::NotIn(key, values) => {
                label(key).is_none_or(|label| values.iter().all(|value| value != label))
            }
            Requirement::Exists(key) => label(key).is_some(),
            Requirement::Absent(key) => label(key).is_none(),
            Requirement::Above(key, bound) => number(label(key)).is_some_and(|number| number > *bound),
            Requirement::Below(key, bound) => number(label(key)).is_some_and(|number| number < *bound),
        }
    }
}

fn parse_fields(text: &str) -> Result<Vec<(String, bool, String)>, Status> {
    let mut fields = Vec::new();
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let found = [("!=", false), ("==", true), ("=", true)].into_iter().find_map(|(operator, equal)| {
            part.split_once(operator).map(|(field, value)| (field.to_owned(), equal, value.to_owned()))
        });
        let Some(found) = found else {
            let text = format!("invalid selector: '{text}'; can't understand '{part}'");
            return Err(Status::bad_request(text));
        };
        fields.push(found);
    }
    Ok(fields)
}

fn supports(resource: &Resource, field: &str) -> bool {
    field == "metadata.name"
        || (field == "metadata.namespace" && (resource.namespaced || resource.key != "/namespaces"))
        || own_fields(resource).contains(&field)
}

/// Whether a kind has fields of its own to select by; those that have not share one complaint.
fn selects_own(resource: &Resource) -> bool {
    !own_fields(resource).is_empty()
}

fn own_fields(resource: &Resource) -> &'static [&'static str] {
    match resource.key {
        "/pods" => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.podIPs",
            "status.nominatedNodeName",
        ],
        "/events" => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        "/secrets" => &["type"],
        "/namespaces" => &["status.phase"],
        "/nodes" => &["spec.unschedulable"],
        "/services" => &["spec.clusterIP", "spec.type"],
        "apps/replicasets" => &["status.replicas"],
        "batch/jobs" => &["status.successful"],
        _ => &[],
    }
}

/// A field as selectors compare it: as text, with the defaults that a real server compares.
fn field_of(object: &Json, field: &str) -> String {
    let mut value = object;
    match field {
        "source" => value = &object["source"]["component"],
        "status.successful" => value = &object["status"]["succeeded"],
        _ => {
            for part in field.split('.') {
                value = &value[part];
            }
        }
    }
    match value {
        Json::String(text) => text.clone(),
        Json::Bool(_) | Json::Number(_) => value.to_string(),
        _ if matches!(field, "spec.unschedulable" | "spec.hostNetwork") => "false".to_owned(),
        _ if matches!(field, "status.replicas" | "status.successful") => "0".to_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::find;
    use serde_json::json;

    fn check(labels: &str, fields: &str, expected: &str) {
        let pod = json!({
            "metadata": {"name": "a", "namespace": "n", "labels": {"app": "web", "x/tier": "db", "empty": "", "n": "4"}},
            "spec": {"nodeName": "m"}, "status": {"phase": "Running"},
        });
        let got = match Selector::parse(find("", "pods").expect("pods are served"), labels, fields) {
            Ok(selector) => selector.selects(&pod).to_string(),
            Err(status) => status.message,
        };
        assert!(got.starts_with(expected), "{labels} {fields}: {got}");
    }

    #[test]
    fn selectors_are_read_as_a_server_reads_them() {
        for (labels, expected) in [
            ("", "true"),
            ("app=web", "true"),
            ("app == web", "true"),
            ("app!=web", "false"),
            ("other!=web", "true"),
            ("app in (api, web),x/tier", "true"),
            ("app notin (api,web)", "false"),
            ("!app", "false"),
            ("!nothing,empty=", "true"),
            ("a b", "unable to parse requirement: found 'b'"),
            ("app in web", "unable to parse requirement: found 'web' expected: '('"),
            ("a$=b", "unable to parse requirement: <nil>: Invalid value: \"a$\""),
            ("=", "found '=', expected: !, identifier, or 'end of string'"),
            ("n>3,n<5", "true"),
            ("n>4", "false"),
            ("app<5", "false"),
            (
                "n>x",
                "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an integer",
            ),
            ("a===b", "unable to parse requirement: found '=', expected: identifier"),
            ("a in (b", "unable to parse requirement: found '', expected: ',' or ')'"),
            ("a=b c", "found 'c', expected: ',' or 'end of string'"),
            ("a=b,", "found '', expected: identifier after ','"),
        ] {
            check(labels, "", expected);
        }
        for (fields, expected) in [
            ("metadata.name=a,status.phase!=Pending", "true"),
            ("spec.nodeName=other", "false"),
            ("spec.hostNetwork=false", "true"),
            ("foo=bar", "field label not supported: foo"),
            ("foo", "invalid selector: 'foo'; can't understand 'foo'"),
        ] {
            check("", fields, expected);
        }
    }

    #[test]
    fn selectors_of_objects() {
        let labels = json!({"app": "web"});
        assert!(fits(&json!({}), &labels));
        assert!(!fits(&Json::Null, &labels));
        assert!(fits(&json!({"matchLabels": {"app": "web"}}), &labels));
        let expression = |operator: &str| json!({"matchExpressions": [{"key": "app", "operator": operator, "values": ["api"]}]});
        assert!(!fits(&expression("In"), &labels));
        assert!(fits(&expression("NotIn"), &labels));
        assert!(fits(&expression("Exists"), &labels));
    }
}
