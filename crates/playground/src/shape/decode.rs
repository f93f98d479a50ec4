//! Decoding, as a server that has types does it: what is of another type, and what no type knows.
//!
//! Invariant: a complaint about a type is a refusal; a field that is not known is a warning, or a refusal when the client
//! asks for strict validation. A field that is not known is dropped either way.

use super::patch::{kind_of, unusable};
use super::quantity::canonical;
use super::schema::{self, Type};
use crate::api::Status;
use crate::resource::Resource;
use serde_json::Value as Json;

/// How many fields that are not known are named of one object; as many as a Kubernetes API server names.
const UNKNOWN: usize = 100;

/// What `fieldValidation` asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unknown {
    /// Nobody is told.
    Ignore,
    /// The client is told, in a header for each.
    #[default]
    Warn,
    /// The object is refused.
    Strict,
}

/// Checks the types of an object that was sent, and drops what is not known of it. Returns the warnings:
/// `unknown field "spec.replicsa"`.
///
/// # Errors
/// 400, in the words of a server's decoder.
pub fn check(
    resource: &Resource,
    version: &str,
    object: &mut Json,
    unknown: Unknown,
) -> Result<Vec<String>, Status> {
    let refuse = |why: &str| {
        let kind = resource.kind;
        super::bad_request(format!("{kind} in version {version:?} cannot be handled as a {kind}: {why}"))
    };
    let found = walk(resource, version, object).map_err(|why| refuse(&why))?;
    if unknown == Unknown::Strict && !found.is_empty() {
        return Err(refuse(&format!("strict decoding error: {}", found.join(", "))));
    }
    Ok(if unknown == Unknown::Warn { found } else { Vec::new() })
}

/// The same for what a patch made; returns what is not known of it.
///
/// # Errors
/// 422 about `patch`.
pub fn after_patch(resource: &Resource, version: &str, object: &mut Json) -> Result<Vec<String>, Status> {
    let said = object["kind"].as_str().unwrap_or_default();
    if said != resource.kind {
        let group = if resource.group.is_empty() { "core" } else { resource.group };
        let kind = resource.kind;
        return Err(unusable(
            &object.to_string(),
            &format!("converting ({version}.{said}) to ({group}.{kind}): unknown conversion"),
        ));
    }
    walk(resource, version, object).map_err(|why| unusable(&object.to_string(), &why))
}

fn walk(resource: &Resource, version: &str, object: &mut Json) -> Result<Vec<String>, String> {
    let Some(root) = schema::root(resource, version) else { return Ok(Vec::new()) };
    let mut unknown = Vec::new();
    let place = Place { holder: resource.kind, path: String::new(), go: String::new() };
    value(&Type::Object(root), object, &place, &mut unknown)?;
    unknown.sort();
    Ok(unknown)
}

/// Where a value is: the Go type that holds it, its path as strict decoding prints it, and as type errors do.
struct Place<'a> {
    holder: &'a str,
    path: String,
    go: String,
}

const QUANTITY: &str =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

fn value(kind: &Type, it: &mut Json, place: &Place<'_>, unknown: &mut Vec<String>) -> Result<(), String> {
    if it.is_null() {
        return Ok(());
    }
    let wrong = |it: &Json, what: String| {
        let mut found = kind_of(it).to_owned();
        if let (Json::Number(number), Type::Int32 | Type::Int64) = (it, kind) {
            found = format!("number {number}");
        }
        let into = if place.go.is_empty() {
            format!("value of type {what}")
        } else {
            format!("struct field {}.{} of type {what}", place.holder, place.go)
        };
        Err(format!("json: cannot unmarshal {found} into Go {into}"))
    };
    match (kind, &mut *it) {
        (Type::Object(name), Json::Object(map)) => {
            let Some(fields) = schema::fields(name) else { return Ok(()) };
            let holder = name.rsplit('.').next().unwrap_or(name);
            // Every object has these two, whether or not its type lists them.
            let in_every = |key: &str| place.path.is_empty() && matches!(key, "apiVersion" | "kind");
            for (key, inner) in map.iter_mut() {
                let path = if place.path.is_empty() { key.clone() } else { format!("{}.{key}", place.path) };
                if in_every(key) {
                    continue;
                }
                let Some(field) = fields.get(key.as_str()) else {
                    if unknown.len() < UNKNOWN {
                        unknown.push(format!("unknown field {path:?}"));
                    }
                    continue;
                };
                let go = if place.go.is_empty() { key.clone() } else { format!("{}.{key}", place.go) };
                value(&field.kind, inner, &Place { holder, path, go }, unknown)?;
            }
            map.retain(|key, value| match fields.get(key.as_str()) {
                Some(field) => !left_out(&field.kind, field.required, key, value),
                None => in_every(key),
            });
            Ok(())
        }
        (Type::Map(of), Json::Object(map)) => {
            for (key, inner) in map.iter_mut() {
                let path = format!("{}.{key}", place.path);
                if inner.is_null() && **of == Type::String {
                    *inner = Json::String(String::new());
                }
                value(of, inner, &Place { holder: place.holder, path, go: place.go.clone() }, unknown)?;
            }
            Ok(())
        }
        (Type::List(of), Json::Array(items)) => {
            for (index, inner) in items.iter_mut().enumerate() {
                let path = format!("{}[{index}]", place.path);
                value(of, inner, &Place { holder: place.holder, path, go: place.go.clone() }, unknown)?;
            }
            Ok(())
        }
        (Type::Int32, Json::Number(number)) if number.as_i64().is_some_and(|n| i32::try_from(n).is_ok()) => {
            Ok(())
        }
        (Type::Int64, Json::Number(number)) if number.is_i64() => Ok(()),
        (Type::Float, Json::Number(_)) | (Type::Bool, Json::Bool(_)) | (Type::String, Json::String(_)) => {
            Ok(())
        }
        (Type::Any, _) => Ok(()),
        (Type::IntOrString, Json::String(_)) => Ok(()),
        (Type::IntOrString, Json::Number(number)) if number.is_i64() => Ok(()),
        (Type::IntOrString, other) => {
            Err(format!("json: cannot unmarshal {} into Go value of type int32", kind_of(other)))
        }
        (Type::Quantity, Json::String(text)) if quantity(text) => {
            if let Some(canonical) = canonical(text) {
                *it = Json::String(canonical);
            }
            Ok(())
        }
        (Type::Quantity, Json::Number(number)) => {
            // A bare number is a quantity.
            let text = number.to_string();
            *it = Json::String(canonical(&text).unwrap_or(text));
            Ok(())
        }
        (Type::Quantity, _) => Err(QUANTITY.to_owned()),
        (Type::Bytes, Json::String(text)) => {
            use base64::Engine as _;
            match base64::engine::general_purpose::STANDARD.decode(text.as_bytes()) {
                Ok(_) => Ok(()),
                Err(base64::DecodeError::InvalidByte(at, _)) => {
                    Err(format!("illegal base64 data at input byte {at}"))
                }
                Err(_) => Err(format!(
                    "illegal base64 data at input byte {}",
                    text.len().saturating_sub(text.len() % 4)
                )),
            }
        }
        (Type::Time | Type::MicroTime, Json::String(text)) => match text.parse::<jiff::Timestamp>() {
            Ok(_) => Ok(()),
            Err(_) => Err(format!(
                "parsing time {:?} as \"2006-01-02T15:04:05Z07:00\": cannot parse {text:?} as \"2006\"",
                format!("\"{text}\"")
            )),
        },
        (kind, other) => wrong(other, go_type(kind)),
    }
}

/// Whether a typed server leaves a value out, as it says no more than its absence.
fn left_out(kind: &Type, required: bool, name: &str, value: &Json) -> bool {
    const ZEROES: &[&str] = &[
        "hostNetwork",
        "hostPID",
        "hostIPC",
        "paused",
        "readOnly",
        "stdin",
        "stdinOnce",
        "tty",
        "unschedulable",
        "publishNotReadyAddresses",
        "minReadySeconds",
        "initialDelaySeconds",
        "nodePort",
        "hostPort",
        "value",
        "nodeName",
        "serviceAccountName",
        "serviceAccount",
        "hostname",
        "subdomain",
        "priorityClassName",
        "clusterIP",
        "loadBalancerIP",
        "externalName",
        "subPath",
        "workingDir",
        "namespace",
        "generateName",
        "count",
    ];
    match value {
        Json::Null => true,
        // An empty one is a wish: that nobody owns anything.
        Json::Array(_) if name == "managedFields" => false,
        Json::Array(items) => matches!(kind, Type::List(_)) && items.is_empty() && !required,
        Json::Object(map) => matches!(kind, Type::Map(_)) && map.is_empty() && !required,
        Json::Bool(false) => ZEROES.contains(&name),
        Json::Number(number) => number.as_i64() == Some(0) && ZEROES.contains(&name),
        Json::String(text) => text.is_empty() && ZEROES.contains(&name),
        Json::Bool(true) => false,
    }
}

/// Whether a text is a quantity: a number, then a suffix of the binary, decimal or exponent kind.
pub(super) fn quantity(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
    let (number, suffix) = unsigned.split_at(end);
    let digits = number.chars().any(|c| c.is_ascii_digit()) && number.matches('.').count() <= 1;
    let known = ["", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"]
        .contains(&suffix);
    let exponent = suffix.strip_prefix(['e', 'E']).is_some_and(|exponent| exponent.parse::<i32>().is_ok());
    digits && (known || exponent)
}

/// A type as Go names it.
fn go_type(kind: &Type) -> String {
    match kind {
        Type::String => "string".to_owned(),
        Type::Bytes => "[]uint8".to_owned(),
        Type::Int32 => "int32".to_owned(),
        Type::Int64 => "int64".to_owned(),
        Type::Float => "float64".to_owned(),
        Type::Bool => "bool".to_owned(),
        Type::Quantity => "resource.Quantity".to_owned(),
        Type::Time => "time.Time".to_owned(),
        Type::MicroTime => "time.Time".to_owned(),
        Type::IntOrString => "intstr.IntOrString".to_owned(),
        Type::Any => "interface {}".to_owned(),
        Type::List(item) => format!("[]{}", go_type(item)),
        Type::Map(item) => format!("map[string]{}", go_type(item)),
        Type::Object(name) => {
            let mut parts = name.rsplit('.');
            let (kind, version) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            format!("{version}.{kind}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource;
    use expect_test::{Expect, expect};
    use serde_json::json;

    fn check(object: Json, unknown: Unknown, says: Expect) {
        let resource = resource::of_kind("apps", "Deployment").expect("it is served");
        let mut object = object;
        let said = match super::check(resource, "v1", &mut object, unknown) {
            Ok(warnings) => format!("{warnings:?} {object}"),
            Err(status) => format!("{} {}", status.code, status.message),
        };
        says.assert_eq(&said);
    }

    #[test]
    fn what_is_not_known_is_dropped_and_told_or_refused() {
        let object = json!({"kind": "Deployment", "spec": {"replicsa": 3, "template": {"spec": {"containers": [{"img": "x"}]}}}});
        check(
            object.clone(),
            Unknown::Warn,
            expect![[
                r#"["unknown field \"spec.replicsa\"", "unknown field \"spec.template.spec.containers[0].img\""] {"kind":"Deployment","spec":{"template":{"spec":{"containers":[{}]}}}}"#
            ]],
        );
        check(
            object.clone(),
            Unknown::Strict,
            expect![[
                r#"400 Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: unknown field "spec.replicsa", unknown field "spec.template.spec.containers[0].img""#
            ]],
        );
        check(
            object,
            Unknown::Ignore,
            expect![[r#"[] {"kind":"Deployment","spec":{"template":{"spec":{"containers":[{}]}}}}"#]],
        );
    }

    #[test]
    fn what_is_of_another_type_is_refused_in_the_words_of_todays_decoder() {
        let of = |spec: Json| json!({"kind": "Deployment", "spec": spec});
        let container = |container: Json| of(json!({"template": {"spec": {"containers": [container]}}}));
        for (object, says) in [
            (
                of(json!({"replicas": "three"})),
                expect![
                    "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32"
                ],
            ),
            (
                of(json!({"replicas": 1.5})),
                expect![
                    "json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32"
                ],
            ),
            (
                of(json!({"paused": "yes"})),
                expect![
                    "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.paused of type bool"
                ],
            ),
            (
                of(json!({"selector": []})),
                expect![
                    "json: cannot unmarshal array into Go struct field DeploymentSpec.spec.selector of type v1.LabelSelector"
                ],
            ),
            (
                json!({"kind": "Deployment", "metadata": {"labels": {"a": 1}}}),
                expect![
                    "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string"
                ],
            ),
            (
                container(json!({"command": "sh"})),
                expect![
                    "json: cannot unmarshal string into Go struct field Container.spec.template.spec.containers.command of type []string"
                ],
            ),
            (
                container(json!({"env": {"A": "b"}})),
                expect![
                    "json: cannot unmarshal object into Go struct field Container.spec.template.spec.containers.env of type []v1.EnvVar"
                ],
            ),
            (
                container(json!({"resources": {"limits": {"cpu": "1X"}}})),
                expect![
                    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
                ],
            ),
        ] {
            let resource = resource::of_kind("apps", "Deployment").expect("it is served");
            let mut object = object;
            let status = super::check(resource, "v1", &mut object, Unknown::Warn).expect_err("it is refused");
            let prefix = "Deployment in version \"v1\" cannot be handled as a Deployment: ";
            says.assert_eq(status.message.strip_prefix(prefix).expect("the server's prefix"));
        }
    }

    #[test]
    fn quantities_have_a_number_and_a_known_suffix() {
        for (text, good) in [
            ("1", true),
            ("100m", true),
            ("1.5Gi", true),
            ("-1", true),
            (".5", true),
            ("1e3", true),
            ("1E", true),
            ("+2k", true),
            ("", false),
            ("Gi", false),
            ("1X", false),
            ("1 Gi", false),
            ("1.2.3", false),
            ("0x1", false),
        ] {
            assert_eq!(quantity(text), good, "{text:?}");
        }
    }
}
