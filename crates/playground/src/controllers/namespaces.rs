//! Namespaces: what each has from the start, and how it ends.
//!
//! Invariant: a namespace that is deleted is gone when everything in it is, and not before.

use super::kinds::{CONFIG_MAPS, NAMESPACES, SERVICE_ACCOUNTS};
use super::object::{list, members, name, set_condition, terminating, unset};
use super::{Context, Controller, Queue};
use crate::api::Status;
use crate::resource::RESOURCES;
use crate::store::{Change, ChangeKind, Key};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::time::Duration;

const ROOT_CA: &str = "kube-root-ca.crt";

pub(crate) struct Namespaces;

impl Controller for Namespaces {
    fn observe(&mut self, change: &Change, queue: &mut Queue) {
        if change.key.resource == NAMESPACES.key {
            queue.add(change.key.clone());
        } else if change.kind == ChangeKind::Deleted && !change.key.namespace.is_empty() {
            queue.add_named(NAMESPACES, "", &change.key.namespace);
        }
    }

    fn reconcile(&mut self, cx: &mut Context, key: &Key) -> Result<Option<Duration>, Status> {
        let Ok(namespace) = cx.api.get(NAMESPACES, "", &key.name) else { return Ok(None) };
        if !terminating(&namespace) {
            return furnish(cx, &key.name).map(|()| None);
        }
        let mut left: BTreeMap<String, usize> = BTreeMap::new();
        let mut held: BTreeMap<String, usize> = BTreeMap::new();
        let mut refused = None;
        for resource in RESOURCES.iter().filter(|resource| resource.namespaced) {
            for object in cx.api.list(resource, Some(&key.name)).0 {
                if !terminating(&object)
                    && let Err(status) = cx.delete(resource, &object)
                {
                    refused = Some(status);
                }
            }
            for object in cx.api.list(resource, Some(&key.name)).0 {
                *left.entry(format!("{}.{}", resource.plural, resource.group)).or_default() += 1;
                for finalizer in list(&object, "/metadata/finalizers").iter().filter_map(Json::as_str) {
                    *held.entry(finalizer.to_owned()).or_default() += 1;
                }
            }
        }
        if let Some(status) = refused {
            return Err(status);
        }
        tell(cx, &namespace, &left, &held)?;
        // While something is left, its end wakes us.
        if left.is_empty() && !list(&namespace, "/spec/finalizers").is_empty() {
            let result = cx.edit(NAMESPACES, &namespace, Some("finalize"), |namespace| {
                unset(namespace, &["spec", "finalizers"]);
            });
            if let Err(status) = result
                && status.reason != "NotFound"
            {
                return Err(status);
            }
        }
        Ok(None)
    }
}

/// Says in the status what a namespace that is to go still waits for.
fn tell(
    cx: &Context,
    namespace: &Json,
    left: &BTreeMap<String, usize>,
    held: &BTreeMap<String, usize>,
) -> Result<(), Status> {
    let counted = |all: &BTreeMap<String, usize>, how: &str| {
        all.iter()
            .map(|(what, count)| format!("{what} {how} {count} resource instances"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let condition = |kind: &str, there: bool, reason: &str, message: String| json!({"type": kind, "status": if there { "True" } else { "False" }, "reason": reason, "message": message});
    let remaining = if left.is_empty() {
        condition(
            "NamespaceContentRemaining",
            false,
            "ContentRemoved",
            "All content successfully removed".to_owned(),
        )
    } else {
        let message = format!("Some resources are remaining: {}", counted(left, "has"));
        condition("NamespaceContentRemaining", true, "SomeResourcesRemain", message)
    };
    let finalizers = if held.is_empty() {
        let message = "All content-preserving finalizers finished".to_owned();
        condition("NamespaceFinalizersRemaining", false, "ContentHasNoFinalizers", message)
    } else {
        let message =
            format!("Some content in the namespace has finalizers remaining: {}", counted(held, "in"));
        condition("NamespaceFinalizersRemaining", true, "SomeFinalizersRemain", message)
    };
    let discovered = "All resources successfully discovered".to_owned();
    let parsed = "All legacy kube types successfully parsed".to_owned();
    let deleted = "All content successfully deleted, may be waiting on finalization".to_owned();
    let all = [
        condition("NamespaceDeletionDiscoveryFailure", false, "ResourcesDiscovered", discovered),
        condition("NamespaceDeletionGroupVersionParsingFailure", false, "ParsedGroupVersions", parsed),
        condition("NamespaceDeletionContentFailure", false, "ContentDeleted", deleted),
        remaining,
        finalizers,
    ];
    let now = cx.stamp();
    let result = cx.edit(NAMESPACES, namespace, Some("status"), |namespace| {
        let conditions = members(namespace, &["status"]).entry("conditions").or_insert(json!([]));
        if let Some(conditions) = conditions.as_array_mut() {
            for condition in &all {
                set_condition(conditions, condition.clone(), &now);
            }
        }
    });
    match result {
        Err(status) if status.reason != "NotFound" => Err(status),
        _ => Ok(()),
    }
}

/// A service account, and the certificate to trust the API by.
fn furnish(cx: &Context, namespace: &str) -> Result<(), Status> {
    let account = json!({
        "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": namespace},
    });
    let authority = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {
            "name": ROOT_CA, "namespace": namespace,
            "annotations": {"kubernetes.io/description":
                "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints \
                 such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across \
                 distributions of Kubernetes clusters."},
        },
        "data": {"ca.crt": cx.root_ca},
    });
    for (resource, object) in [(SERVICE_ACCOUNTS, account), (CONFIG_MAPS, authority)] {
        if cx.api.get(resource, namespace, name(&object)).is_ok() {
            continue;
        }
        match cx.create(resource, namespace, object) {
            Err(status) if status.reason != "AlreadyExists" => return Err(status),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
