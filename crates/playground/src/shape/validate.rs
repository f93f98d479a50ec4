//! What makes an object invalid, in the words and with the causes of a real server.
//!
//! Invariant: every complaint is collected, in the order of the server's own checks; objects are complete (defaults are
//! set) and in their preferred version. Not here: what needs other objects (quotas, service accounts, addresses in use).

mod container;
mod kinds;
mod meta;
mod network;
mod pod;
mod workload;

use super::Cause;
use crate::resource::Resource;
use serde_json::Value as Json;

/// Everything that is wrong with an object, new (`old` is `None`) or changed.
pub fn validate(resource: &Resource, object: &Json, old: Option<&Json>) -> Vec<Cause> {
    let mut found = Causes::default();
    meta::metadata(&mut found, resource, object, old);
    match resource.kind {
        "Pod" => pod::pod(&mut found, object, old),
        "Deployment" => workload::deployment(&mut found, object, old),
        "ReplicaSet" => workload::replica_set(&mut found, object, old),
        "Job" => workload::job(&mut found, object, old),
        "Service" => network::service(&mut found, object, old),
        "ConfigMap" => kinds::config_map(&mut found, object, old),
        "Secret" => kinds::secret(&mut found, object, old),
        "Endpoints" => network::endpoints(&mut found, object),
        "EndpointSlice" => network::endpoint_slice(&mut found, object, old),
        "HorizontalPodAutoscaler" => kinds::autoscaler(&mut found, object),
        "Ingress" => network::ingress(&mut found, object),
        "PodDisruptionBudget" => kinds::disruption_budget(&mut found, object),
        "Role" | "ClusterRole" => kinds::role(&mut found, object, resource.namespaced),
        "RoleBinding" | "ClusterRoleBinding" => kinds::binding(&mut found, object, old),
        "PersistentVolumeClaim" => kinds::claim(&mut found, object, old),
        "PersistentVolume" => kinds::volume(&mut found, object),
        "NetworkPolicy" => network::network_policy(&mut found, object),
        "Lease" => kinds::lease(&mut found, object),
        "Node" => kinds::node(&mut found, object),
        _ => {}
    }
    found.0
}

/// Everything that is wrong with a status that is written by itself.
pub fn validate_status(resource: &Resource, object: &Json) -> Vec<Cause> {
    let mut found = Causes::default();
    if resource.kind == "Deployment" {
        workload::deployment_status(&mut found, object);
    }
    found.0
}

/// Complaints as they are found.
#[derive(Default)]
struct Causes(Vec<Cause>);

impl Causes {
    fn push(&mut self, reason: &'static str, field: &str, message: String) {
        self.0.push(Cause { reason, field: field.to_owned(), message });
    }
    /// `value` is as the server prints it: a string in quotes, a number as it is.
    fn invalid(&mut self, field: &str, value: &str, why: &str) {
        self.push("FieldValueInvalid", field, format!("Invalid value: {value}: {why}"));
    }
    fn required(&mut self, field: &str, why: &str) {
        let why = if why.is_empty() { String::new() } else { format!(": {why}") };
        self.push("FieldValueRequired", field, format!("Required value{why}"));
    }
    fn forbidden(&mut self, field: &str, why: &str) {
        self.push("FieldValueForbidden", field, format!("Forbidden: {why}"));
    }
    /// Only the length is said: what is too long is too long to be shown.
    fn too_long(&mut self, field: &str, length: usize, most: usize) {
        if length > most {
            self.push("FieldValueTooLong", field, format!("Too long: may not be more than {most} bytes"));
        }
    }
    fn duplicate(&mut self, field: &str, value: &str) {
        self.push("FieldValueDuplicate", field, format!("Duplicate value: {value}"));
    }
    fn missing(&mut self, field: &str, value: &str) {
        self.push("FieldValueNotFound", field, format!("Not found: {value:?}"));
    }
    /// The supported values are listed in the order of the alphabet.
    fn unsupported(&mut self, field: &str, value: &str, supported: &[&str]) {
        let mut supported: Vec<String> = supported.iter().map(|one| format!("{one:?}")).collect();
        supported.sort();
        let supported = supported.join(", ");
        self.push(
            "FieldValueNotSupported",
            field,
            format!("Unsupported value: {value}: supported values: {supported}"),
        );
    }

    /// One of a few words.
    fn one_of(&mut self, field: &str, value: &Json, supported: &[&str]) {
        match value.as_str() {
            None | Some("") => self.required(field, ""),
            Some(word) if supported.contains(&word) => {}
            Some(word) => self.unsupported(field, &format!("{word:?}"), supported),
        }
    }

    fn not_negative(&mut self, field: &str, value: &Json) {
        if value.as_i64().is_some_and(|value| value < 0) {
            self.invalid(field, &value.to_string(), NOT_NEGATIVE);
        }
    }

    /// A port's number.
    fn port(&mut self, field: &str, value: &Json) {
        if !(1..=65535).contains(&value.as_i64().unwrap_or_default()) {
            self.invalid(field, &value.to_string(), "must be between 1 and 65535, inclusive");
        }
    }

    /// A port's number, or its name.
    fn port_or_name(&mut self, field: &str, value: &Json) {
        match value.as_str() {
            Some(name) => meta::port_name(name)
                .into_iter()
                .for_each(|why| self.invalid(field, &format!("{name:?}"), &why)),
            None => self.port(field, value),
        }
    }
}

/// What is wrong with the key of a label.
pub fn label_key_complaints(key: &str) -> Vec<String> {
    meta::qualified(key)
}

/// What is wrong with the value of a label.
pub fn label_value_complaints(value: &str) -> Vec<String> {
    meta::label_value(value)
}

const NOT_NEGATIVE: &str = "must be greater than or equal to 0";
const IMMUTABLE: &str = "field is immutable";

fn list(value: &Json) -> &[Json] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Json) -> &str {
    value.as_str().unwrap_or_default()
}

/// A string as Go quotes it.
fn quoted(value: &Json) -> String {
    format!("{:?}", text(value))
}

/// A map of strings as Go prints it: `map[string]string{"app":"d"}`.
fn go_map(value: &Json) -> String {
    match value.as_object() {
        None => "map[string]string(nil)".to_owned(),
        Some(map) => {
            let mut members: Vec<String> =
                map.iter().map(|(key, value)| format!("{key:?}:{:?}", text(value))).collect();
            members.sort();
            format!("map[string]string{{{}}}", members.join(", "))
        }
    }
}

/// A label selector as Go prints it.
fn go_selector(selector: &Json) -> String {
    let expressions = match selector["matchExpressions"].as_array() {
        None => "[]v1.LabelSelectorRequirement(nil)".to_owned(),
        Some(all) => {
            let all: Vec<String> = all
                .iter()
                .map(|one| {
                    let values = match one["values"].as_array() {
                        None => "[]string(nil)".to_owned(),
                        Some(values) => go_strings(values),
                    };
                    let (key, operator) = (quoted(&one["key"]), quoted(&one["operator"]));
                    format!("v1.LabelSelectorRequirement{{Key:{key}, Operator:{operator}, Values:{values}}}")
                })
                .collect();
            format!("[]v1.LabelSelectorRequirement{{{}}}", all.join(", "))
        }
    };
    format!(
        "v1.LabelSelector{{MatchLabels:{}, MatchExpressions:{expressions}}}",
        go_map(&selector["matchLabels"])
    )
}

fn go_strings(values: &[Json]) -> String {
    let values: Vec<String> = values.iter().map(quoted).collect();
    format!("[]string{{{}}}", values.join(", "))
}
