//! Who may be created: what admission refuses, whatever the object says of itself.
//!
//! Invariant: only looks; what is refused is 403 in the words of a real server, and stands on what the store holds now.

use super::{Api, Status};
use crate::resource::{Resource, find};
use serde_json::Value as Json;

/// The Pods that a node takes.
pub(crate) const PODS_OF_NODE: u16 = 110;

/// The Pods that a cluster takes, if its nodes take no more: who asks for a billion of them is to be told, not obeyed.
const PODS: usize = 5_000;

impl Api {
    /// Refuses a Pod whose service account is not there. The default one is on its way in every namespace.
    pub(super) fn account(
        &self,
        resource: &Resource,
        namespace: &str,
        name: &str,
        pod: &Json,
    ) -> Result<(), Status> {
        let account = pod["spec"]["serviceAccountName"].as_str().unwrap_or("default");
        if resource.key != "/pods" || matches!(account, "" | "default") {
            return Ok(());
        }
        let Some(accounts) = find("", "serviceaccounts") else { return Ok(()) };
        self.get(accounts, namespace, account).map(drop).map_err(|_| {
            let why = format!("error looking up service account {namespace}/{account}: serviceaccount \"{account}\" not found");
            Status::forbidden(resource, known_as(pod, name), &why)
        })
    }

    /// Refuses a Pod beyond [`PODS`], or beyond what the nodes take if that is more, as a quota does.
    pub(super) fn room(&self, resource: &Resource, name: &str, pod: &Json) -> Result<(), Status> {
        if resource.key != "/pods" {
            return Ok(());
        }
        let used = self.store.count(resource.key);
        let limit = PODS.max(self.store.count("/nodes") * usize::from(PODS_OF_NODE));
        if used < limit {
            return Ok(());
        }
        let why = format!(
            "exceeded quota: playground, requested: pods=1, used: pods={used}, limited: pods={limit}"
        );
        Err(Status::forbidden(resource, known_as(pod, name), &why))
    }

    /// Refuses what is to be created in a namespace that is not there, or is going.
    pub(super) fn open_namespace(
        &self,
        resource: &Resource,
        namespace: &str,
        name: &str,
    ) -> Result<(), Status> {
        let Some(namespaces) = find("", "namespaces").filter(|_| resource.namespaced) else { return Ok(()) };
        let found = self.get(namespaces, "", namespace)?;
        if found["metadata"]["deletionTimestamp"].is_null() {
            return Ok(());
        }
        let why =
            format!("unable to create new content in namespace {namespace} because it is being terminated");
        let cause = format!("namespace {namespace} is being terminated");
        Err(Status::forbidden(resource, name, &why).cause(
            "NamespaceTerminating",
            cause,
            "metadata.namespace",
        ))
    }
}

/// How admission names an object: who asked for a generated name is told of the prefix, for admission comes before generation.
fn known_as<'a>(object: &'a Json, name: &'a str) -> &'a str {
    object["metadata"]["generateName"].as_str().filter(|prefix| name.starts_with(prefix)).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;
    use crate::api::{Clock, Delete, Write, key};
    use crate::store::Store;
    use jiff::Timestamp;
    use serde_json::json;
    use std::sync::Arc;

    #[test]
    fn pods_beyond_those_that_nodes_take_are_refused_until_one_goes() {
        let store = Arc::new(Store::default());
        let api = Api::new(store.clone(), Clock::starting(Timestamp::UNIX_EPOCH));
        let pods = find("", "pods").unwrap();
        let pod = json!({"metadata": {"generateName": "web-"}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
        let make = || api.create(pods, "default", pod.clone(), &Write::by("test"));
        let put =
            |resource, name: &str| store.create(key(resource, "", name), json!({"metadata": {}})).unwrap();
        for n in 1..PODS {
            put(pods, &n.to_string());
        }
        let last = make().unwrap();
        // One more was kept from a time of more nodes.
        put(pods, "kept");
        let refused = make().unwrap_err();
        let says = "pods \"web-\" is forbidden: exceeded quota: playground, requested: pods=1, used: pods=5001, limited: pods=5000";
        assert_eq!((refused.code, refused.message.as_str()), (403, says));
        let name = last["metadata"]["name"].as_str().unwrap();
        api.delete(pods, "default", name, &Delete { grace_period: Some(0), ..Delete::default() }).unwrap();
        assert_eq!(make().unwrap_err().code, 403);
        store.delete(&key(pods, "", "kept"), None).unwrap();
        make().unwrap();
        assert_eq!(make().unwrap_err().code, 403);
        for n in 0..46 {
            put(find("", "nodes").unwrap(), &n.to_string());
        }
        make().unwrap();
    }
}
