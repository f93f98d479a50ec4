//! Label and field selectors: which objects a list, a watch or a collection deletion means.
//!
//! Invariant: what cannot be read is refused with 400, never taken for "all".

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
}

impl Selector {
    /// Reads the query parameters `labelSelector` and `fieldSelector`.
    ///
    /// # Errors
    /// 400: malformed, or a field that the resource does not offer.
    pub fn parse(resource: &Resource, labels: &str, fields: &str) -> Result<Selector, Status> {
        let selector = Selector { labels: parse_labels(labels)?, fields: parse_fields(fields)? };
        for (field, ..) in &selector.fields {
            if !supports(resource, field) {
                return Err(Status::bad_request(format!("field label not supported: {field}")));
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
        match self {
            Requirement::In(key, values) => {
                label(key).is_some_and(|label| values.iter().any(|value| value == label))
            }
            Requirement::NotIn(key, values) => {
                label(key).is_none_or(|label| values.iter().all(|value| value != label))
            }
            Requirement::Exists(key) => label(key).is_some(),
            Requirement::Absent(key) => label(key).is_none(),
        }
    }
}

fn parse_labels(text: &str) -> Result<Vec<Requirement>, Status> {
    let mut requirements = Vec::new();
    for part in split(text) {
        let part = part.trim();
        if part.is_empty() {
            continue;
        }
        requirements.push(parse_label(part)?);
    }
    Ok(requirements)
}

/// Splits at the commas that are not between parentheses.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut from) = (Vec::new(), 0_i32, 0);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth <= 0 => {
                parts.push(&text[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[from..]);
    parts
}

fn parse_label(part: &str) -> Result<Requirement, Status> {
    let refuse = |why: String| Err(Status::bad_request(format!("unable to parse requirement: {why}")));
    if let Some(key) = part.strip_prefix('!') {
        return Ok(Requirement::Absent(label_key(key.trim())?));
    }
    for (operator, equal) in [("!=", false), ("==", true), ("=", true)] {
        if let Some((key, value)) = part.split_once(operator) {
            let (key, value) = (label_key(key.trim())?, value.trim());
            if !value.chars().all(label_char) || value.len() > 63 {
                return refuse(format!(
                    "values[0][{key}]: Invalid value: \"{value}\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
                ));
            }
            let values = vec![value.to_owned()];
            return Ok(if equal { Requirement::In(key, values) } else { Requirement::NotIn(key, values) });
        }
    }
    let Some((key, rest)) = part.split_once(char::is_whitespace) else {
        return Ok(Requirement::Exists(label_key(part)?));
    };
    let rest = rest.trim();
    let (set, inside) = match (rest.strip_prefix("notin"), rest.strip_prefix("in")) {
        (Some(set), _) => (set, false),
        (None, Some(set)) => (set, true),
        (None, None) => {
            let found = rest.split_whitespace().next().unwrap_or_default();
            return refuse(format!("found '{found}', expected: in, notin, =, ==, !=, gt, lt"));
        }
    };
    let set = set.trim();
    let Some(values) = set.strip_prefix('(').and_then(|set| set.strip_suffix(')')) else {
        return refuse(format!("found '{set}' expected: '('"));
    };
    let key = label_key(key.trim())?;
    let values = values.split(',').map(|value| value.trim().to_owned()).collect();
    Ok(if inside { Requirement::In(key, values) } else { Requirement::NotIn(key, values) })
}

fn label_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

fn label_key(key: &str) -> Result<String, Status> {
    let name = key.rsplit_once('/').map_or(key, |(_, name)| name);
    if name.is_empty() || !key.chars().all(|c| label_char(c) || c == '/') || name.len() > 63 {
        let text = format!(
            "unable to parse requirement: <nil>: Invalid value: \"{key}\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
        );
        return Err(Status::bad_request(text));
    }
    Ok(key.to_owned())
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
    let own: &[&str] = match resource.key {
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
    };
    field == "metadata.name"
        || (field == "metadata.namespace" && (resource.namespaced || resource.key != "/namespaces"))
        || own.contains(&field)
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
            "metadata": {"name": "a", "namespace": "n", "labels": {"app": "web", "x/tier": "db", "empty": ""}},
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
            ("=", "unable to parse requirement"),
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
