//! Namespaces: what each has from the start, and how it ends.
//!
//! Invariant: a namespace that is deleted is gone when everything in it is, and not before.

use super::kinds::{CONFIG_MAPS, NAMESPACES, SERVICE_ACCOUNTS};
use super::object::{list, name, terminating, unset};
use super::{Context, Controller, Queue};
use crate::api::Status;
use crate::resource::RESOURCES;
use crate::store::{Change, ChangeKind, Key};
use serde_json::json;
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
        let mut left = 0;
        let mut refused = None;
        for resource in RESOURCES.iter().filter(|resource| resource.namespaced) {
            for object in cx.api.list(resource, Some(&key.name)).0 {
                if !terminating(&object)
                    && let Err(status) = cx.delete(resource, &object)
                {
                    refused = Some(status);
                }
            }
            left += cx.api.list(resource, Some(&key.name)).0.len();
        }
        if let Some(status) = refused {
            return Err(status);
        }
        // While something is left, its end wakes us.
        if left == 0 && !list(&namespace, "/spec/finalizers").is_empty() {
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
