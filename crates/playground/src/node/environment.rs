//! The environment and arguments of a container, as its manifest, the Services and the API's objects make them.
//!
//! Invariant: what a manifest names must be there, unless it says that it is optional; the error is the kubelet's own.

use crate::api::Api;
use crate::controllers::kinds::{CONFIG_MAPS, SERVICES};
use crate::controllers::object::{list, milli, name, namespace, text};
use crate::resource::find;
use base64::Engine as _;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// A container's surroundings.
pub(super) struct Place<'a> {
    pub(super) api: &'a Api,
    pub(super) pod: &'a Json,
    pub(super) pod_ip: IpAddr,
    pub(super) host_ip: IpAddr,
}

/// The environment of a container.
///
/// # Errors
/// What the manifest names is not there.
pub(super) fn environment(place: &Place<'_>, container: &Json) -> Result<BTreeMap<String, String>, String> {
    let mut variables = BTreeMap::from([
        ("HOSTNAME".to_owned(), name(place.pod).to_owned()),
        ("PATH".to_owned(), "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned()),
    ]);
    if place.pod["spec"]["enableServiceLinks"] != false {
        services(place, &mut variables);
    }
    for source in list(container, "/envFrom") {
        let prefix = text(source, "/prefix");
        for (kind, of) in [("configMapRef", true), ("secretRef", false)] {
            let reference = &source[kind];
            if !reference.is_object() {
                continue;
            }
            let object = data(place, of, text(reference, "/name"));
            match object {
                Ok(data) => variables
                    .extend(data.into_iter().map(|(key, value)| (format!("{prefix}{key}"), utf8(value)))),
                Err(_) if reference["optional"] == true => {}
                Err(error) => return Err(error),
            }
        }
    }
    for variable in list(container, "/env") {
        let value = match &variable["valueFrom"] {
            Json::Object(_) => from(place, container, &variable["valueFrom"])?,
            _ => Some(expand(text(variable, "/value"), &variables)),
        };
        if let Some(value) = value {
            variables.insert(text(variable, "/name").to_owned(), value);
        }
    }
    Ok(variables)
}

/// `command` and `args` with the variables in them.
pub(super) fn arguments(container: &Json, variables: &BTreeMap<String, String>) -> Vec<String> {
    let words = list(container, "/command").iter().chain(list(container, "/args"));
    words.filter_map(Json::as_str).map(|word| expand(word, variables)).collect()
}

/// The contents of a ConfigMap or Secret.
///
/// # Errors
/// It is not there.
pub(super) fn data(
    place: &Place<'_>,
    config_map: bool,
    called: &str,
) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let kind = if config_map { Some(CONFIG_MAPS) } else { find("", "secrets") };
    let absent = || format!("{} \"{called}\" not found", if config_map { "configmap" } else { "secret" });
    let kind = kind.ok_or_else(absent)?;
    let object = place.api.get(kind, namespace(place.pod), called).map_err(|_| absent())?;
    let base64 = |value: &Json| {
        let text = value.as_str().unwrap_or_default();
        base64::engine::general_purpose::STANDARD.decode(text).unwrap_or_default()
    };
    let plain = |value: &Json| value.as_str().unwrap_or_default().as_bytes().to_vec();
    let part = |field: &str, decode: &dyn Fn(&Json) -> Vec<u8>| -> BTreeMap<String, Vec<u8>> {
        let entries = object[field].as_object().into_iter().flatten();
        entries.map(|(key, value)| (key.clone(), decode(value))).collect()
    };
    let mut data = if config_map { part("data", &plain) } else { part("data", &base64) };
    data.extend(part("binaryData", &base64));
    Ok(data)
}

pub(super) fn from(place: &Place<'_>, container: &Json, source: &Json) -> Result<Option<String>, String> {
    for (kind, config_map) in [("configMapKeyRef", true), ("secretKeyRef", false)] {
        let reference = &source[kind];
        if !reference.is_object() {
            continue;
        }
        let (called, key) = (text(reference, "/name"), text(reference, "/key"));
        let found = data(place, config_map, called).and_then(|mut data| {
            let what = if config_map { "ConfigMap" } else { "Secret" };
            let absent = || format!("couldn't find key {key} in {what} {}/{called}", namespace(place.pod));
            data.remove(key).map(utf8).ok_or_else(absent)
        });
        return match found {
            Err(_) if reference["optional"] == true => Ok(None),
            found => found.map(Some),
        };
    }
    if source["resourceFieldRef"].is_object() {
        let resource = text(&source["resourceFieldRef"], "/resource");
        let (kind, resource) = resource.split_once('.').unwrap_or((resource, ""));
        // What has no limit may use all that its node has.
        let whole = |resource: &str| if resource == "cpu" { "8" } else { "16777216Ki" }.into();
        let value = match &container["resources"][kind][resource] {
            Json::Null if kind == "limits" => whole(resource),
            Json::Null => Json::from(0),
            value => value.clone(),
        };
        let unit = match milli(&source["resourceFieldRef"]["divisor"]) {
            0 => 1000,
            unit => unit,
        };
        // Upwards, so that what is little is not nothing.
        return Ok(Some((milli(&value).saturating_add(unit - 1) / unit).to_string()));
    }
    let path = text(&source["fieldRef"], "/fieldPath");
    let pod = place.pod;
    let keyed = |map: &str| {
        let key = path.split_once("['").and_then(|(_, rest)| rest.strip_suffix("']")).unwrap_or_default();
        pod["metadata"][map][key].as_str().unwrap_or_default().to_owned()
    };
    let all = |map: &str| {
        let entries: BTreeMap<&String, &Json> =
            pod["metadata"][map].as_object().into_iter().flatten().collect();
        entries.into_iter().map(|(key, value)| format!("{key}={value}\n")).collect::<String>()
    };
    Ok(Some(match path {
        "metadata.labels" => all("labels"),
        "metadata.annotations" => all("annotations"),
        "status.podIP" | "status.podIPs" => place.pod_ip.to_string(),
        "status.hostIP" | "status.hostIPs" => place.host_ip.to_string(),
        "spec.serviceAccountName" if text(pod, "/spec/serviceAccountName").is_empty() => "default".to_owned(),
        path if path.starts_with("metadata.labels['") => keyed("labels"),
        path if path.starts_with("metadata.annotations['") => keyed("annotations"),
        path => text(pod, &format!("/{}", path.replace('.', "/"))).to_owned(),
    }))
}

/// The variables that tell of the namespace's Services, and of the API's.
fn services(place: &Place<'_>, variables: &mut BTreeMap<String, String>) {
    let in_namespace = place.api.list(SERVICES, Some(namespace(place.pod))).0;
    let kubernetes = place.api.get(SERVICES, "default", "kubernetes").ok();
    for service in kubernetes.iter().chain(&in_namespace) {
        let address = text(service, "/spec/clusterIP");
        if address.is_empty() || address == "None" {
            continue;
        }
        let prefix = name(service).to_uppercase().replace('-', "_");
        variables.insert(format!("{prefix}_SERVICE_HOST"), address.to_owned());
        for (index, port) in list(service, "/spec/ports").iter().enumerate() {
            let number = port["port"].as_i64().unwrap_or_default().to_string();
            let protocol = port["protocol"].as_str().unwrap_or("TCP");
            let url = format!("{}://{address}:{number}", protocol.to_lowercase());
            if index == 0 {
                variables.insert(format!("{prefix}_SERVICE_PORT"), number.clone());
                variables.insert(format!("{prefix}_PORT"), url.clone());
            }
            if let Some(name) = port["name"].as_str() {
                let name = name.to_uppercase().replace('-', "_");
                variables.insert(format!("{prefix}_SERVICE_PORT_{name}"), number.clone());
            }
            let prefix = format!("{prefix}_PORT_{number}_{protocol}");
            variables.insert(format!("{prefix}_PROTO"), protocol.to_lowercase());
            variables.insert(format!("{prefix}_PORT"), number);
            variables.insert(format!("{prefix}_ADDR"), address.to_owned());
            variables.insert(prefix, url);
        }
    }
}

/// Puts values in place of `$(NAME)`; `$$` is a dollar, and what is not known stays as it is.
pub(super) fn expand(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        rest = after;
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((name, after)) = rest.strip_prefix('(').and_then(|rest| rest.split_once(')'))
            && let Some(value) = variables.get(name)
        {
            out.push_str(value);
            rest = after;
        } else {
            out.push('$');
        }
    }
    out + rest
}

fn utf8(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use crate::api::{Clock, Write};
    use crate::store::Store;
    use serde_json::json;
    use std::net::Ipv4Addr;
    use std::sync::Arc;

    #[tokio::test(start_paused = true)]
    async fn variables_come_from_everywhere() {
        let api = Api::new(Arc::new(Store::default()), Clock::starting(jiff::Timestamp::UNIX_EPOCH));
        let create = |plural: &str, object: Json| {
            api.create(find("", plural).unwrap(), "default", object, &Write::default()).unwrap();
        };
        create("configmaps", json!({"metadata": {"name": "settings"}, "data": {"COLOR": "blue"}}));
        create("secrets", json!({"metadata": {"name": "keys"}, "data": {"TOKEN": "aHVzaA=="}}));
        let spec = json!({"clusterIP": "127.0.224.9", "ports": [{"port": 80, "name": "http"}]});
        create("services", json!({"metadata": {"name": "my-web"}, "spec": spec}));
        let pod = json!({"metadata": {"name": "p", "namespace": "default", "labels": {"app": "x"}}});
        let ip = |last| IpAddr::V4(Ipv4Addr::new(127, 0, 1, last));
        let place = Place { api: &api, pod: &pod, pod_ip: ip(1), host_ip: ip(2) };
        let container = json!({
            "envFrom": [{"prefix": "S_", "configMapRef": {"name": "settings"}}, {"secretRef": {"name": "no", "optional": true}}],
            "env": [
                {"name": "A", "value": "a"}, {"name": "B", "value": "$(A)-$(Z)-$$(A)"},
                {"name": "T", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "TOKEN"}}},
                {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
                {"name": "L", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}},
                {"name": "N", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            ],
            "command": ["run"], "args": ["--as=$(A)"],
        });
        let variables = environment(&place, &container).unwrap();
        for (name, value) in [
            ("S_COLOR", "blue"),
            ("B", "a-$(Z)-$(A)"),
            ("T", "hush"),
            ("IP", "127.0.1.1"),
            ("L", "x"),
            ("N", "p"),
            ("MY_WEB_SERVICE_HOST", "127.0.224.9"),
            ("MY_WEB_SERVICE_PORT_HTTP", "80"),
            ("MY_WEB_PORT_80_TCP_ADDR", "127.0.224.9"),
        ] {
            assert_eq!(variables.get(name).map(String::as_str), Some(value), "{name}");
        }
        assert_eq!(arguments(&container, &variables), ["run", "--as=a"]);
        let wrong = |source: Json| {
            environment(&place, &json!({"env": [{"name": "X", "valueFrom": source}]})).unwrap_err()
        };
        let key = |name: &str, key: &str| json!({"configMapKeyRef": {"name": name, "key": key}});
        assert_eq!(wrong(key("none", "k")), "configmap \"none\" not found");
        assert_eq!(wrong(key("settings", "k")), "couldn't find key k in ConfigMap default/settings");
    }
}
