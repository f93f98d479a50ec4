//! Scales a Deployment.
//!
//! What the user sees: the Deployment has so many replicas at once, on paper; nothing is waited for. It works by a patch of
//! `spec.replicas`, as the Toolkit does. The undo sets back that one field, by a JSON patch that tests what it replaces, so
//! nobody else's edit is lost; if somebody else has set another number meanwhile, that edit stays. Who set it is read from the
//! server's `managedFields`, where we are `chaos`. What it cannot do: keep an autoscaler
//! from scaling again, and, before Kubernetes 1.22, tell what `kubectl scale` set after us from what we set.

use crate::k8s::args::{Namespace, Number, Text};
use crate::k8s::cluster::target::{DEPLOYMENTS, Target};
use crate::k8s::cluster::{CallError, Cluster, ClusterRef, MANAGER, Patch};
use crate::k8s::object::{is_terminating, uid};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use squall_engine::{Act, Action, Failure, Look, Reach, Restore, Right, Spec, Stop, Undo};
use squall_experiment::check::{Nature, Returns};
use squall_experiment::event::{Level, Reverted};
use squall_experiment::python::str_of;

/// How often a patch is made anew because somebody else was quicker.
const TRIES: u32 = 5;

/// Which Deployment, and how many replicas.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    /// Its name.
    name: Text,
    /// How many replicas it shall have.
    #[schemars(extend("minimum" = 0))]
    replicas: Number,
    /// Its namespace.
    #[serde(default)]
    ns: Namespace,
}

/// Scales a Deployment.
pub(crate) struct Scale;

impl Action for Scale {
    const SPEC: Spec = Spec {
        name: "k8s.deployment.scale",
        aliases: &["chaosk8s.deployment.actions.scale_deployment", "chaosk8s.actions.scale_deployment"],
        summary: "Scale a Deployment",
        docs: "Sets `spec.replicas` of a Deployment and returns nothing. Put back, the Deployment has as many replicas as before, \
               unless somebody else has changed their number meanwhile; other fields are never touched.",
        example: "{name: web, replicas: 0, ns: shop}",
        rights: &[Right { verbs: &["get", "patch"], group: "apps", resource: "deployments" }],
        reach: Reach::Namespace,
        nature: Nature { returns: Returns::Nothing, lags: true, stays: true, target: &["name", "ns"] },
        ..Spec::DEFAULT
    };
    type Args = Args;
    type Did = ();

    async fn act(args: &Args, cx: &Act) -> Result<(), Stop> {
        let (name, ns) = (args.name.shown(), args.ns.name());
        let target = DEPLOYMENTS.within(&ns).named(&name);
        let failed = |error: CallError| match error {
            CallError::Refused(refusal) => {
                let what = format!(
                    "failed to scale '{name}' to {} replicas: {}",
                    str_of(&args.replicas.0),
                    refusal.text()
                );
                Stop::Failed(refusal.failure_as(what))
            }
            error => error.into(),
        };
        let cluster = Cluster::of(cx)?;
        let now = cluster.get(cx, &target).await.map_err(failed)?;
        let replicas = args.replicas.0.to_json();
        let undo = ScaleBack {
            cluster: cluster.reference().clone(),
            namespace: ns.clone(),
            name: name.clone(),
            uid: uid(&now).map(str::to_owned),
            was: replicas_of(&now),
            now: replicas.clone(),
        };
        let armed = cx.arm(undo).await?;
        let body = json!({"spec": {"replicas": replicas}});
        cluster.patch(cx, &armed, &target, Patch::Strategic, &body).await.map_err(failed)?;
        Ok(())
    }
}

/// The undo of setting `spec.replicas` of a Deployment.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ScaleBack {
    cluster: ClusterRef,
    namespace: String,
    name: String,
    uid: Option<String>,
    /// Before.
    was: i64,
    /// What we set.
    now: Json,
}

/// What is to be done about a Deployment.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// It is gone, or it is another Deployment of the same name.
    Gone,
    /// It has as many replicas as before.
    Back,
    /// Somebody else has set this number since.
    Theirs(i64),
    /// It has the number that we set: this one.
    Ours(i64),
}

impl ScaleBack {
    fn target(&self) -> Target {
        DEPLOYMENTS.within(&self.namespace).named(&self.name)
    }

    fn verdict(&self, deployment: Option<&Json>) -> Verdict {
        let Some(deployment) = deployment.filter(|its| !is_terminating(its)) else { return Verdict::Gone };
        if self.uid.as_deref().is_some_and(|uid_then| uid(deployment) != Some(uid_then)) {
            return Verdict::Gone;
        }
        let replicas = replicas_of(deployment);
        if replicas == self.was {
            Verdict::Back
        } else if self.now == replicas || was_set_by_us(deployment) {
            // A later action of this run may have set a third number, under the same key: that is ours too.
            Verdict::Ours(replicas)
        } else {
            Verdict::Theirs(replicas)
        }
    }
}

impl Undo for ScaleBack {
    const KIND: &'static str = "k8s.deployment.scale-back";

    fn key(&self) -> String {
        format!("k8s spec.replicas of {} at {}", self.target(), self.cluster)
    }

    fn describe(&self) -> String {
        format!("scale Deployment {}/{} back to {}", self.namespace, self.name, self.was)
    }

    async fn is_back(&self, cx: &Look) -> Result<bool, Failure> {
        let cluster = Cluster::again(&self.cluster, cx)?;
        let now = cluster.find(cx, &self.target()).await?;
        Ok(!matches!(self.verdict(now.as_ref()), Verdict::Ours(_)))
    }

    async fn revert(&self, cx: &Restore) -> Result<Reverted, Failure> {
        let cluster = Cluster::again(&self.cluster, cx)?;
        let target = self.target();
        let mut tried = 0;
        loop {
            let now = cluster.find(cx, &target).await?;
            let replicas = match self.verdict(now.as_ref()) {
                Verdict::Gone => return Ok(Reverted::TargetGone),
                Verdict::Back => return Ok(Reverted::AlreadyBack),
                Verdict::Theirs(replicas) => {
                    let text = format!(
                        "{target} has {replicas} replicas, neither the {} of before nor the {} that we had set: somebody else's edit, which stays",
                        self.was, self.now
                    );
                    cx.note(Level::Warning, text);
                    return Ok(Reverted::AlreadyBack);
                }
                Verdict::Ours(replicas) => replicas,
            };
            let mut patch = vec![
                json!({"op": "test", "path": "/spec/replicas", "value": replicas}),
                json!({"op": "replace", "path": "/spec/replicas", "value": self.was}),
            ];
            if let Some(uid) = &self.uid {
                patch.insert(0, json!({"op": "test", "path": "/metadata/uid", "value": uid}));
            }
            match cluster.patch(cx, cx, &target, Patch::Json, &Json::Array(patch)).await {
                Ok(after) if replicas_of(&after) == self.was => return Ok(Reverted::PutBack),
                // A webhook or a policy of the cluster has its own opinion.
                Ok(after) => {
                    let text = format!(
                        "the server took the patch, but {target} has {} replicas",
                        replicas_of(&after)
                    );
                    return Err(
                        Failure::target(text).hint("look for an admission webhook that sets spec.replicas")
                    );
                }
                Err(error) if error.is_missing() => return Ok(Reverted::TargetGone),
                // A test failed or another writer won: look again.
                Err(error) if matches!(error.status(), Some(409 | 422)) && tried < TRIES => tried += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// `spec.replicas`; a Deployment that does not say has one.
fn replicas_of(deployment: &Json) -> i64 {
    deployment["spec"]["replicas"].as_i64().unwrap_or(1)
}

/// Whether the server notes that we were the last to set the number of replicas.
fn was_set_by_us(deployment: &Json) -> bool {
    let managers = deployment["metadata"]["managedFields"].as_array();
    managers
        .into_iter()
        .flatten()
        .any(|entry| entry["manager"] == MANAGER && entry["fieldsV1"]["f:spec"]["f:replicas"].is_object())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn an_undo_knows_whose_number_it_sees() {
        let cluster = json!({"server": "https://a", "by": "in-cluster"});
        let undo: ScaleBack = serde_json::from_value(
            json!({"cluster": cluster, "namespace": "n", "name": "web", "uid": "u", "was": 3, "now": 0}),
        )
        .unwrap();
        let seen = |replicas: i64, manager: &str| {
            json!({"metadata": {"uid": "u", "managedFields": [
                {"manager": manager, "fieldsV1": {"f:spec": {"f:replicas": {}}}}
            ]}, "spec": {"replicas": replicas}})
        };
        assert_eq!(undo.verdict(None), Verdict::Gone);
        assert_eq!(
            undo.verdict(Some(&json!({"metadata": {"uid": "other"}, "spec": {"replicas": 0}}))),
            Verdict::Gone
        );
        assert_eq!(undo.verdict(Some(&seen(3, "kubectl"))), Verdict::Back);
        assert_eq!(undo.verdict(Some(&seen(0, "kubectl"))), Verdict::Ours(0));
        assert_eq!(undo.verdict(Some(&seen(1, "chaos"))), Verdict::Ours(1));
        assert_eq!(undo.verdict(Some(&seen(7, "kubectl"))), Verdict::Theirs(7));
    }
}
