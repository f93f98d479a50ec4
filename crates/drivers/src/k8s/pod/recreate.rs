//! Creates a deleted Pod again that nobody else would replace.
//!
//! Invariant: a name that exists is left alone, be it the old Pod that was never deleted or a new one. What comes back is a
//! new Pod with the old manifest: what the server or the scheduler had put into it is taken out, so that it is decided anew.

use crate::k8s::cluster::error::Refusal;
use crate::k8s::cluster::target::{PODS, Target};
use crate::k8s::cluster::{CallError, Cluster, ClusterRef, MANAGER};
use crate::k8s::object;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use squall_engine::{Failure, Look, Restore, Undo};
use squall_experiment::event::Reverted;
use std::time::Duration;

/// Where the service account's token is mounted; its volume is put in by the server, under a new name each time.
const TOKEN_MOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// How long to wait, beyond its own grace period, for the old Pod to go.
const PATIENCE: Duration = Duration::from_secs(60);

/// The undo of deleting a Pod without a controller.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RecreatePod {
    cluster: ClusterRef,
    namespace: String,
    name: String,
    /// Of the Pod that was deleted.
    uid: Option<String>,
    manifest: Json,
}

impl RecreatePod {
    pub(crate) fn new(cluster: ClusterRef, namespace: &str, pod: &Json) -> RecreatePod {
        RecreatePod {
            cluster,
            namespace: namespace.to_owned(),
            name: object::name(pod).to_owned(),
            uid: object::uid(pod).map(str::to_owned),
            manifest: manifest(pod),
        }
    }

    fn target(&self) -> Target {
        PODS.within(&self.namespace).named(&self.name)
    }

    /// Whether the Pod is there to stay.
    fn stays(now: &Json) -> bool {
        !object::is_terminating(now)
    }
}

impl Undo for RecreatePod {
    const KIND: &'static str = "k8s.pod.recreate";

    fn key(&self) -> String {
        existence(&self.target(), &self.cluster)
    }

    fn describe(&self) -> String {
        format!("create Pod {}/{} again", self.namespace, self.name)
    }

    async fn is_back(&self, cx: &Look) -> Result<bool, Failure> {
        let cluster = Cluster::again(&self.cluster, cx)?;
        Ok(cluster.find(cx, &self.target()).await?.is_some_and(|now| RecreatePod::stays(&now)))
    }

    async fn revert(&self, cx: &Restore) -> Result<Reverted, Failure> {
        let cluster = Cluster::again(&self.cluster, cx)?;
        let target = self.target();
        let created = create_once_gone(&cluster, cx, cx, &target, MANAGER, &self.manifest, PATIENCE).await;
        match created {
            Ok(Created::New) => Ok(Reverted::PutBack),
            Ok(Created::Exists(_)) => Ok(Reverted::AlreadyBack),
            // Its namespace is gone, or going: nothing can be created in it any more.
            Err(CallError::Refused(refusal)) if refusal.is_without_namespace() => Ok(Reverted::TargetGone),
            Err(error) => Err(error.into()),
        }
    }
}

/// What changes that create or delete an object have in common, so that of several in one run only the first is undone.
pub(crate) fn existence(target: &Target, cluster: &ClusterRef) -> String {
    format!("k8s existence of {target} at {cluster}")
}

/// What came of creating an object.
pub(crate) enum Created {
    /// It is there now.
    New,
    /// The name is taken, says this refusal.
    Exists(Box<Refusal>),
}

/// Creates an object, waiting for a namesake that is being deleted to go.
pub(crate) async fn create_once_gone(
    cluster: &Cluster,
    cx: &Look,
    permit: &impl squall_engine::Permit,
    target: &Target,
    manager: &str,
    manifest: &Json,
    patience: Duration,
) -> Result<Created, CallError> {
    let started = cx.now();
    let mut pause = Duration::from_millis(100);
    loop {
        let refusal = match cluster.create(cx, permit, &target.collection(), manager, manifest).await {
            Ok(_) => return Ok(Created::New),
            Err(CallError::Refused(refusal)) if refusal.is_taken() => refusal,
            Err(error) => return Err(error),
        };
        let grace = match cluster.find(cx, target).await? {
            Some(now) if !object::is_terminating(&now) => return Ok(Created::Exists(refusal)),
            Some(now) => now["metadata"]["deletionGracePeriodSeconds"].as_u64().unwrap_or(0),
            // It went between the two requests.
            None => 0,
        };
        let waited = Duration::try_from(cx.now().duration_since(started)).unwrap_or_default();
        if waited > patience + Duration::from_secs(grace) {
            return Err(CallError::Refused(refusal));
        }
        cx.sleep(pause).await?;
        pause = (pause * 2).min(Duration::from_secs(1));
    }
}

/// The Pod as somebody could have written it: without what the server, the scheduler and the kubelet add, and without what a
/// server refuses in a new Pod.
fn manifest(pod: &Json) -> Json {
    let mut metadata = json!({});
    for key in ["name", "namespace", "labels", "annotations", "ownerReferences", "finalizers"] {
        if !pod["metadata"][key].is_null() {
            metadata[key] = pod["metadata"][key].clone();
        }
    }
    let mut spec = pod["spec"].clone();
    if let Some(spec) = spec.as_object_mut() {
        // Computed from the priority class and the runtime class, and refused when they compute differently.
        for key in ["nodeName", "priority", "preemptionPolicy", "overhead", "ephemeralContainers"] {
            spec.remove(key);
        }
    }
    let injected: Vec<String> = ["initContainers", "containers"]
        .iter()
        .flat_map(|containers| spec[*containers].as_array().into_iter().flatten())
        .flat_map(|container| container["volumeMounts"].as_array().into_iter().flatten())
        .filter(|mount| mount["mountPath"] == TOKEN_MOUNT)
        .filter_map(|mount| mount["name"].as_str())
        .filter(|volume| volume.starts_with("kube-api-access-") || volume.contains("-token-"))
        .map(str::to_owned)
        .collect();
    for containers in ["initContainers", "containers"] {
        for container in spec.get_mut(containers).and_then(Json::as_array_mut).into_iter().flatten() {
            retain(container.get_mut("volumeMounts"), &injected);
        }
    }
    retain(spec.get_mut("volumes"), &injected);
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
}

/// Without the entries of these names.
fn retain(named: Option<&mut Json>, without: &[String]) {
    if let Some(list) = named.and_then(Json::as_array_mut) {
        list.retain(|entry| !without.iter().any(|name| entry["name"] == name.as_str()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_what_somebody_could_have_written() {
        let pod = json!({
            "metadata": {
                "name": "p", "namespace": "n", "uid": "u", "resourceVersion": "5", "creationTimestamp": "t",
                "managedFields": [{}], "labels": {"a": "b"}, "deletionTimestamp": null, "generation": 1
            },
            "spec": {
                "nodeName": "node", "priority": 0, "restartPolicy": "Always",
                "containers": [{"name": "c", "image": "x", "volumeMounts": [
                    {"name": "kube-api-access-x7k2p", "mountPath": TOKEN_MOUNT},
                    {"name": "data", "mountPath": "/data"}
                ]}],
                "volumes": [{"name": "kube-api-access-x7k2p", "projected": {}}, {"name": "data", "emptyDir": {}}]
            },
            "status": {"phase": "Running"}
        });
        assert_eq!(
            manifest(&pod),
            json!({
                "apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": "p", "namespace": "n", "labels": {"a": "b"}},
                "spec": {
                    "restartPolicy": "Always",
                    "containers": [{"name": "c", "image": "x", "volumeMounts": [{"name": "data", "mountPath": "/data"}]}],
                    "volumes": [{"name": "data", "emptyDir": {}}]
                }
            })
        );
        // What was not there is not put in.
        let bare = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c"}]}});
        assert_eq!(manifest(&bare)["spec"], bare["spec"]);
    }
}
