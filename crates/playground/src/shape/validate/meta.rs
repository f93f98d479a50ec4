//! Names, labels, annotations, owners: what every object has, and the rules of words.
//!
//! Invariant: each rule says in its sentence what is allowed, with an example and the pattern, as the server does.

use super::{Causes, IMMUTABLE, list, text};
use crate::resource::Resource;
use serde_json::Value as Json;

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const LABEL_1035: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const NAME_PART: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const QUALIFIED: &str = "a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
const CONFIG_KEY: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
const ENV_NAME: &str = "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit (e.g. 'my.env-name',  or 'MY_ENV.NAME',  or 'MyEnvName1', regex used for validation is '[-._a-zA-Z][-._a-zA-Z0-9]*')";

/// How many bytes all annotations of an object may have.
const ANNOTATIONS: usize = 256 << 10;

fn too_long(text: &str, most: usize) -> Option<String> {
    (text.len() > most).then(|| format!("must be no more than {most} characters"))
}

/// Begins and ends with a letter or digit, and has nothing but `inner` besides between them.
fn word(text: &str, alphanumeric: fn(char) -> bool, inner: &str) -> bool {
    text.starts_with(alphanumeric)
        && text.ends_with(alphanumeric)
        && text.chars().all(|c| alphanumeric(c) || inner.contains(c))
}

fn lower(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit()
}

fn either(c: char) -> bool {
    c.is_ascii_alphanumeric()
}

/// `shop`, `example.com`.
pub(super) fn subdomain(text: &str) -> Vec<String> {
    let wrong = !text.split('.').all(|part| word(part, lower, "-"));
    too_long(text, 253).into_iter().chain(wrong.then(|| SUBDOMAIN.to_owned())).collect()
}

/// `shop`, `1-shop`.
pub(super) fn label(text: &str) -> Vec<String> {
    let wrong = !word(text, lower, "-");
    too_long(text, 63).into_iter().chain(wrong.then(|| LABEL.to_owned())).collect()
}

fn label_1035(text: &str) -> Vec<String> {
    let wrong = !word(text, lower, "-") || !text.starts_with(|c: char| c.is_ascii_lowercase());
    too_long(text, 63).into_iter().chain(wrong.then(|| LABEL_1035.to_owned())).collect()
}

/// The value of a label.
pub(super) fn label_value(text: &str) -> Vec<String> {
    let wrong = !text.is_empty() && !word(text, either, "-_.");
    too_long(text, 63).into_iter().chain(wrong.then(|| LABEL_VALUE.to_owned())).collect()
}

/// The key of a label: `app`, `example.com/app`.
pub(super) fn qualified(text: &str) -> Vec<String> {
    let parts: Vec<&str> = text.split('/').collect();
    let (prefix, name) = match parts.as_slice() {
        [name] => (None, *name),
        [prefix, name] => (Some(*prefix), *name),
        _ => return vec![QUALIFIED.to_owned()],
    };
    let mut wrong = Vec::new();
    if let Some(prefix) = prefix {
        if prefix.is_empty() {
            wrong.push("prefix part must be non-empty".to_owned());
        } else {
            wrong.extend(subdomain(prefix).into_iter().map(|why| format!("prefix part {why}")));
        }
    }
    if name.is_empty() {
        wrong.push("name part must be non-empty".to_owned());
    }
    wrong.extend(too_long(name, 63).map(|why| format!("name part {why}")));
    if !word(name, either, "-_.") {
        wrong.push(NAME_PART.to_owned());
    }
    wrong
}

/// The key of a ConfigMap or Secret.
pub(super) fn config_key(text: &str) -> Vec<String> {
    let wrong = text.is_empty() || !text.chars().all(|c| either(c) || "-_.".contains(c));
    too_long(text, 253).into_iter().chain(wrong.then(|| CONFIG_KEY.to_owned())).collect()
}

/// The name of an environment variable.
pub(super) fn env_name(text: &str) -> Vec<String> {
    let wrong = text.starts_with(|c: char| c.is_ascii_digit())
        || !text.chars().all(|c| either(c) || "-_.".contains(c));
    wrong.then(|| ENV_NAME.to_owned()).into_iter().collect()
}

/// The name of a port.
pub(super) fn port_name(text: &str) -> Vec<String> {
    let mut wrong: Vec<String> = too_long(text, 15).into_iter().collect();
    if !text.chars().all(|c| lower(c) || c == '-') {
        wrong.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)".to_owned());
    }
    if !text.chars().any(|c| c.is_ascii_lowercase()) {
        wrong.push("must contain at least one letter (a-z)".to_owned());
    }
    if text.contains("--") {
        wrong.push("must not contain consecutive hyphens".to_owned());
    }
    if text.starts_with('-') || text.ends_with('-') {
        wrong.push("must not begin or end with a hyphen".to_owned());
    }
    wrong
}

/// Labels, wherever they are.
pub(super) fn labels(found: &mut Causes, field: &str, labels: &Json) {
    for (key, value) in labels.as_object().into_iter().flatten() {
        qualified(key).iter().for_each(|why| found.invalid(field, &format!("{key:?}"), why));
        let value = text(value);
        label_value(value).iter().for_each(|why| found.invalid(field, &format!("{value:?}"), why));
    }
}

fn name_rule(kind: &str) -> fn(&str) -> Vec<String> {
    match kind {
        "Service" => label_1035,
        "Namespace" => label,
        "Role" | "ClusterRole" | "RoleBinding" | "ClusterRoleBinding" => path_segment,
        _ => subdomain,
    }
}

fn path_segment(text: &str) -> Vec<String> {
    if matches!(text, "." | "..") {
        return vec![format!("may not be '{text}'")];
    }
    let has = ["/", "%"].into_iter().filter(|bad| text.contains(bad));
    has.map(|bad| format!("may not contain '{bad}'")).collect()
}

/// What every object has.
pub(super) fn metadata(found: &mut Causes, resource: &Resource, object: &Json, old: Option<&Json>) {
    let metadata = &object["metadata"];
    let rule = name_rule(resource.kind);
    let generate = text(&metadata["generateName"]);
    if !generate.is_empty() {
        // What follows is a suffix of the server's; a hyphen before it is as good as a letter.
        let probe = if generate.ends_with('-') { format!("{generate}a") } else { generate.to_owned() };
        rule(&probe)
            .iter()
            .for_each(|why| found.invalid("metadata.generateName", &format!("{generate:?}"), why));
    }
    match text(&metadata["name"]) {
        "" => found.required("metadata.name", "name or generateName is required"),
        name => rule(name).iter().for_each(|why| found.invalid("metadata.name", &format!("{name:?}"), why)),
    }
    labels(found, "metadata.labels", &metadata["labels"]);
    let mut length = 0;
    for (key, value) in metadata["annotations"].as_object().into_iter().flatten() {
        length += key.len() + text(value).len();
        let shown = format!("{key:?}");
        qualified(&key.to_lowercase())
            .iter()
            .for_each(|why| found.invalid("metadata.annotations", &shown, why));
    }
    found.too_long("metadata.annotations", length, ANNOTATIONS);
    let owners = list(&metadata["ownerReferences"]);
    for owner in owners {
        for (field, why) in [
            ("apiVersion", "version must not be empty"),
            ("kind", "kind must not be empty"),
            ("name", "name must not be empty"),
            ("uid", "uid must not be empty"),
        ] {
            if text(&owner[field]).is_empty() {
                found.invalid(&format!("metadata.ownerReferences.{field}"), "\"\"", why);
            }
        }
    }
    let mut controllers = owners.iter().filter(|owner| owner["controller"] == true);
    if let (Some(one), Some(other)) = (controllers.next(), controllers.next()) {
        let why = format!(
            "Only one reference can have Controller set to true. Found \"true\" in references for {} and {}",
            text(&one["name"]),
            text(&other["name"])
        );
        found.invalid("metadata.ownerReferences", "[]v1.OwnerReference", &why);
    }
    for (index, finalizer) in list(&metadata["finalizers"]).iter().enumerate() {
        let finalizer = text(finalizer);
        let field = format!("metadata.finalizers[{index}]");
        let shown = format!("{finalizer:?}");
        qualified(finalizer).iter().for_each(|why| found.invalid(&field, &shown, why));
        let standard = ["foregroundDeletion", "orphan", "kubernetes"].contains(&finalizer);
        if !finalizer.contains('/') && !standard {
            found.invalid(
                &field,
                &shown,
                "name is neither a standard finalizer name nor is it fully qualified",
            );
        }
    }
    let Some(old) = old.map(|old| &old["metadata"]) else { return };
    for field in ["name", "namespace", "uid", "creationTimestamp"] {
        let (was, is) = (&old[field], &metadata[field]);
        if !is.is_null() && was != is {
            found.invalid(&format!("metadata.{field}"), &super::quoted(is), IMMUTABLE);
        }
    }
}
