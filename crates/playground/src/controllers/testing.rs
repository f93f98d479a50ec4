//! A cluster for the controllers' tests: the real API and controllers, and nodes that only say what a kubelet would say.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use super::kinds::{DEPLOYMENTS, EVENTS, LEASES, NODES, PODS, REPLICA_SETS};
use super::object::{annotation, condition, int, list, name, namespace, terminating, text};
use super::{Handles, Metrics, run};
use crate::api::{Api, Clock, Delete, Write};
use crate::resource::{Resource, of_kind};
use crate::store::{ChangeKind, Store};
use crate::times::{CONTAINER_START, LEASE_PERIOD, POD_GONE};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

pub(crate) struct Cluster {
    pub(crate) api: Api,
    pub(crate) metrics: Metrics,
    /// Nodes that tell nothing any more.
    pub(crate) dead: Arc<Mutex<BTreeSet<String>>>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
    kubelets: JoinSet<()>,
}

impl Cluster {
    /// A cluster with so many nodes, `node-0` and so on, and the namespace `n`.
    pub(crate) async fn with_nodes(count: usize) -> Cluster {
        let clock = Clock::starting("2026-11-20T09:00:00Z".parse().unwrap());
        let api = Api::new(Arc::new(Store::default()), clock);
        let (metrics, stop) = (Metrics::default(), CancellationToken::new());
        let handles =
            Handles { metrics: metrics.clone(), root_ca: "PEM".to_owned(), stop: stop.clone(), seed: 7 };
        let tasks = run(api.clone(), handles);
        let dead = Arc::<Mutex<BTreeSet<String>>>::default();
        let mut kubelets = JoinSet::new();
        kubelets.spawn(kubelet(api.clone(), dead.clone()));
        let cluster = Cluster { api, metrics, dead, stop, tasks, kubelets };
        for index in 0..count {
            cluster.node(index);
        }
        cluster.put(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}}));
        cluster.pass(0).await;
        cluster
    }

    fn node(&self, index: usize) {
        let name = format!("node-{index}");
        self.put(json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
            "status": {
                "allocatable": {"cpu": "8", "memory": "16Gi", "pods": "110"},
                "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-20T09:00:00Z"}],
            },
        }));
    }

    /// Lets milliseconds pass, and everybody come to rest.
    pub(crate) async fn pass(&self, milliseconds: u64) {
        // The smallest step of tokio's clock beyond: whoever is woken at the end is done before this returns.
        sleep(Duration::from_millis(milliseconds + 1)).await;
    }

    pub(crate) fn put(&self, object: Json) -> Arc<Json> {
        let resource = kind(&object);
        let (namespace, name) = (space(resource), name(&object).to_owned());
        let write = Write::by("kubectl");
        match self.api.get(resource, namespace, &name) {
            Ok(_) => self.api.update(resource, namespace, &name, object, &write).unwrap(),
            Err(_) => self.api.create(resource, namespace, object, &write).unwrap(),
        }
    }

    pub(crate) fn get(&self, resource: &'static Resource, name: &str) -> Arc<Json> {
        self.api.get(resource, space(resource), name).unwrap()
    }

    pub(crate) fn all(&self, resource: &'static Resource) -> Vec<Arc<Json>> {
        self.api.list(resource, resource.namespaced.then_some("n")).0
    }

    /// Changes an object as somebody with kubectl would.
    pub(crate) fn change(&self, resource: &'static Resource, name: &str, change: impl Fn(&mut Json)) {
        self.change_at(resource, name, None, change);
    }

    pub(crate) fn change_at(
        &self,
        resource: &'static Resource,
        name: &str,
        subresource: Option<&'static str>,
        change: impl Fn(&mut Json),
    ) {
        let write = Write { subresource, ..Write::by("kubectl") };
        let changed = |object: &Json| {
            let mut object = object.clone();
            change(&mut object);
            Ok(object)
        };
        self.api.revise(resource, space(resource), name, &write, changed).unwrap();
    }

    pub(crate) fn delete(&self, resource: &'static Resource, name: &str, propagation: Option<&str>) {
        let delete = Delete { propagation: propagation.map(str::to_owned), ..Delete::default() };
        self.api.delete(resource, space(resource), name, &delete).unwrap();
    }

    /// `reason xCOUNT: message` of every event about objects of a kind, the oldest first.
    pub(crate) fn events(&self, kind: &str) -> Vec<String> {
        let mut events = self.api.list(EVENTS, None).0;
        events.retain(|event| event["involvedObject"]["kind"] == kind);
        events.sort_by_key(|event| text(event, "/metadata/resourceVersion").parse::<u64>().unwrap());
        let line = |event: &Arc<Json>| {
            let count = int(event, "/count").unwrap_or(1);
            format!("{} x{count}: {}", text(event, "/reason"), text(event, "/message"))
        };
        events.iter().map(line).collect()
    }

    /// One line for a Deployment: counts and conditions; one for each of its ReplicaSets.
    pub(crate) fn rollout(&self, deployment: &str) -> String {
        let object = self.get(DEPLOYMENTS, deployment);
        let status = |field: &str| int(&object, &format!("/status/{field}")).unwrap_or(0);
        let mut lines = vec![format!(
            "revision {}: {} replicas, {} updated, {} ready, {} available, {} unavailable; {}",
            annotation(&object, "deployment.kubernetes.io/revision"),
            status("replicas"),
            status("updatedReplicas"),
            status("readyReplicas"),
            status("availableReplicas"),
            status("unavailableReplicas"),
            conditions(&object),
        )];
        let mut sets = self.all(REPLICA_SETS);
        sets.sort_by_key(|set| revision(set));
        for set in sets {
            let count = |field: &str| int(&set, field).unwrap_or(0);
            lines.push(format!(
                "  {}: {} of {}, {} ready",
                revision(&set),
                count("/status/replicas"),
                count("/spec/replicas"),
                count("/status/readyReplicas")
            ));
        }
        lines.join("\n")
    }

    pub(crate) fn pods_on(&self, node: &str) -> usize {
        self.all(PODS).iter().filter(|pod| text(pod, "/spec/nodeName") == node).count()
    }

    /// Ends everything and waits for it: a task that panicked fails the test.
    pub(crate) async fn end(mut self) {
        self.stop.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
        self.kubelets.shutdown().await;
    }
}

fn revision(set: &Json) -> u32 {
    annotation(set, "deployment.kubernetes.io/revision").parse().unwrap_or(0)
}

/// `Available=True(MinimumReplicasAvailable) …`
pub(crate) fn conditions(object: &Json) -> String {
    let shown = |condition: &Json| {
        let field = |name: &str| condition[name].as_str().unwrap_or_default().to_owned();
        format!("{}={}({})", field("type"), field("status"), field("reason"))
    };
    list(object, "/status/conditions").iter().map(shown).collect::<Vec<_>>().join(" ")
}

fn kind(object: &Json) -> &'static Resource {
    let (group, _) = text(object, "/apiVersion").rsplit_once('/').unwrap_or_default();
    of_kind(group, text(object, "/kind")).unwrap()
}

fn space(resource: &Resource) -> &'static str {
    if resource.namespaced { "n" } else { "" }
}

/// A Deployment of one container, with the defaults that the server gives it.
pub(crate) fn deployment(name: &str, replicas: i64, image: &str) -> Json {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {
            "replicas": replicas, "selector": {"matchLabels": {"app": name}}, "progressDeadlineSeconds": 600,
            "revisionHistoryLimit": 10,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "c", "image": image, "resources": {
                    "requests": {"cpu": "100m", "memory": "20Mi"}}}], "terminationGracePeriodSeconds": 30},
            },
        },
    })
}

/// What is to be said of which Pod, and when.
type Due = BTreeMap<(Instant, String, String), &'static str>;

fn hear(pod: &Json, before: Option<&Json>, kind: ChangeKind, due: &mut Due) {
    let now = Instant::now();
    let key = |after| (now + after, namespace(pod).to_owned(), name(pod).to_owned());
    let bound = |pod: &Json| !text(pod, "/spec/nodeName").is_empty();
    if kind == ChangeKind::Deleted || !bound(pod) {
        return;
    }
    if terminating(pod) && !before.is_some_and(terminating) {
        due.insert(key(POD_GONE), "end");
    } else if !before.is_some_and(bound) {
        due.insert(key(CONTAINER_START), "start");
    }
}

/// What all the kubelets together would say of their nodes and Pods. A Pod annotated `test/unready` never gets Ready; one
/// annotated `test/exit` ends with that code a second after its start.
async fn kubelet(api: Api, dead: Arc<Mutex<BTreeSet<String>>>) {
    let mut watch = api.watch(PODS, None, 0).unwrap();
    let mut due = Due::new();
    let mut beat = Instant::now();
    let mut addresses = 0_u32;
    loop {
        let next = due.first_key_value().map_or(beat, |((at, ..), _)| (*at).min(beat));
        tokio::select! {
            change = watch.next() => match change {
                Ok(change) => hear(&change.object, change.before.as_deref(), change.kind, &mut due),
                Err(_) => {
                    let (pods, revision) = api.list(PODS, None);
                    watch = api.watch(PODS, None, revision).unwrap();
                    pods.iter().for_each(|pod| hear(pod, None, ChangeKind::Added, &mut due));
                }
            },
            () = sleep_until(next) => {}
        }
        if Instant::now() >= beat {
            beat += LEASE_PERIOD;
            for node in api.list(NODES, None).0 {
                if dead.lock().unwrap().contains(name(&node)) {
                    continue;
                }
                let lease =
                    json!({"metadata": {"name": name(&node)}, "spec": {"renewTime": api.clock().stamp()}});
                let there = api.get(LEASES, "kube-node-lease", name(&node)).is_ok();
                let write = Write::by("kubelet");
                let _ = if there {
                    api.update(LEASES, "kube-node-lease", name(&node), lease, &write)
                } else {
                    api.create(LEASES, "kube-node-lease", lease, &write)
                };
            }
        }
        while let Some(entry) = due.first_entry() {
            if entry.key().0 > Instant::now() {
                break;
            }
            let ((_, namespace, pod_name), what) = entry.remove_entry();
            let Ok(pod) = api.get(PODS, &namespace, &pod_name) else { continue };
            if dead.lock().unwrap().contains(text(&pod, "/spec/nodeName")) {
                continue;
            }
            if what == "end" {
                let delete = Delete { grace_period: Some(0), ..Delete::default() };
                let _ = api.delete(PODS, &namespace, &pod_name, &delete);
                continue;
            }
            addresses += 1;
            let exit = annotation(&pod, "test/exit");
            let phase = match (what, exit) {
                ("exit", "0") => "Succeeded",
                ("exit", _) => "Failed",
                _ => "Running",
            };
            if what == "start" && !exit.is_empty() {
                let at = Instant::now() + Duration::from_secs(1);
                due.insert((at, namespace.clone(), pod_name.clone()), "exit");
            }
            let ready = what == "start" && annotation(&pod, "test/unready").is_empty();
            let stamp = api.clock().stamp();
            let scheduled = condition(&pod, "PodScheduled").cloned();
            let status = json!({
                "phase": phase, "podIP": format!("127.1.0.{addresses}"), "startTime": stamp,
                "conditions": [
                    {"type": "Ready", "status": if ready { "True" } else { "False" }, "lastTransitionTime": stamp},
                    scheduled,
                ],
            });
            let write = Write::status_by("kubelet");
            let _ = api.revise(PODS, &namespace, &pod_name, &write, |pod| {
                let mut pod = pod.clone();
                pod["status"] = status.clone();
                Ok(pod)
            });
        }
    }
}
