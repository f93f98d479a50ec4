//! One object in the versions of its group: how fields are named and nested in each.
//!
//! Invariant: objects are stored in the preferred version (the first of [`Resource::versions`]); to another version and
//! back loses nothing that the other version can say, and what autoscaling/v1 cannot say it carries in annotations, as a
//! real server does.

mod autoscaling;

use super::members::{Members, each, if_there};
use super::schema;
use crate::resource::Resource;
use serde_json::{Value as Json, json};

/// An object of the preferred version as another version shows it. The preferred version's objects only pass through.
pub fn to_version(resource: &Resource, version: &str, mut object: Json) -> Json {
    if let (Some(map), true) = (object.as_object_mut(), resource.versions.first() != Some(&version)) {
        match (resource.kind, version) {
            ("HorizontalPodAutoscaler", "v1") => autoscaling::to_v1(map),
            ("HorizontalPodAutoscaler", "v2beta1") => autoscaling::to_v2beta1(map),
            ("Ingress", "v1beta1") => ingress_to_beta(map),
            ("EndpointSlice", "v1beta1") => slice_to_beta(map),
            _ => {}
        }
    }
    stamp(resource, version, &mut object);
    object
}

/// An object of any version as the preferred version has it.
pub fn from_version(resource: &Resource, version: &str, mut object: Json) -> Json {
    let preferred = resource.versions.first().copied().unwrap_or(version);
    if let (Some(map), true) = (object.as_object_mut(), preferred != version) {
        match (resource.kind, version) {
            ("HorizontalPodAutoscaler", "v1") => autoscaling::from_v1(map),
            ("HorizontalPodAutoscaler", "v2beta1") => autoscaling::from_v2beta1(map),
            ("Ingress", "v1beta1") => ingress_from_beta(map),
            ("EndpointSlice", "v1beta1") => slice_from_beta(map),
            _ => {}
        }
    }
    stamp(resource, preferred, &mut object);
    object
}

fn stamp(resource: &Resource, version: &str, object: &mut Json) {
    if let Some(map) = object.as_object_mut() {
        map.insert("apiVersion".to_owned(), schema::api_version(resource, version).into());
        map.insert("kind".to_owned(), resource.kind.into());
    }
}

fn rename(map: &mut Members, from: &str, to: &str) {
    if let Some(value) = map.shift_remove(from) {
        map.insert(to.to_owned(), value);
    }
}

fn backends(spec: &mut Members, change: fn(&mut Members)) {
    each(spec, "rules", |rule| {
        if_there(rule, "http", |http| each(http, "paths", |path| if_there(path, "backend", change)));
    });
}

fn ingress_to_beta(map: &mut Members) {
    fn backend(backend: &mut Members) {
        let Some(Json::Object(service)) = backend.shift_remove("service") else { return };
        if let Some(name) = service.get("name") {
            backend.insert("serviceName".to_owned(), name.clone());
        }
        let port = service.get("port").and_then(|port| port.get("number").or(port.get("name")));
        if let Some(port) = port {
            backend.insert("servicePort".to_owned(), port.clone());
        }
    }
    if_there(map, "spec", |spec| {
        rename(spec, "defaultBackend", "backend");
        if_there(spec, "backend", backend);
        backends(spec, backend);
    });
}

fn ingress_from_beta(map: &mut Members) {
    fn backend(backend: &mut Members) {
        let name = backend.shift_remove("serviceName");
        let port = match backend.shift_remove("servicePort") {
            Some(Json::String(name)) => Some(json!({"name": name})),
            Some(number) => Some(json!({"number": number})),
            None => None,
        };
        if name.is_some() || port.is_some() {
            let mut service = Members::new();
            service.insert("name".to_owned(), name.unwrap_or_else(|| json!("")));
            service.insert("port".to_owned(), port.unwrap_or_else(|| json!({})));
            backend.insert("service".to_owned(), Json::Object(service));
        }
    }
    if_there(map, "spec", |spec| {
        rename(spec, "backend", "defaultBackend");
        if_there(spec, "defaultBackend", backend);
        backends(spec, backend);
        // The older version has a default here, the newer one wants it said.
        each(spec, "rules", |rule| {
            if_there(rule, "http", |http| {
                each(http, "paths", |path| {
                    path.entry("pathType").or_insert_with(|| json!("ImplementationSpecific"));
                });
            });
        });
    });
}

const HOST: &str = "kubernetes.io/hostname";
const ZONE: &str = "topology.kubernetes.io/zone";

fn slice_to_beta(map: &mut Members) {
    each(map, "endpoints", |endpoint| {
        let mut topology = match endpoint.shift_remove("deprecatedTopology") {
            Some(Json::Object(topology)) => topology,
            _ => Members::new(),
        };
        if let Some(node) = endpoint.get("nodeName") {
            topology.insert(HOST.to_owned(), node.clone());
        }
        if let Some(zone) = endpoint.shift_remove("zone") {
            topology.insert(ZONE.to_owned(), zone);
        }
        if !topology.is_empty() {
            endpoint.insert("topology".to_owned(), Json::Object(topology));
        }
    });
}

fn slice_from_beta(map: &mut Members) {
    each(map, "endpoints", |endpoint| {
        let Some(Json::Object(mut topology)) = endpoint.shift_remove("topology") else { return };
        if let Some(node) = topology.shift_remove(HOST) {
            endpoint.entry("nodeName").or_insert(node);
        }
        if let Some(zone) = topology.shift_remove(ZONE) {
            endpoint.entry("zone").or_insert(zone);
        }
        if !topology.is_empty() {
            endpoint.insert("deprecatedTopology".to_owned(), Json::Object(topology));
        }
    });
}
