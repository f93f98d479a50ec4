//! Nodes: a kubelet for each within the process, and what makes the addresses of Services lead somewhere.
//!
//! Invariant: a kubelet is a client of the API like any other: it learns of its Pods by watching and tells of them by writing
//! their status. One task dispatches for all nodes, one task lives for each Pod, and all of them end with their owner.
//!
//! Not here: which node a Pod runs on (the scheduler), whether a node counts as lost (the node controller).

mod addresses;
mod environment;
mod pod;
mod probe;
mod proxy;
mod register;
mod slot;
mod status;
#[cfg(test)]
mod tests;
mod volumes;

use crate::api::Api;
use crate::controllers::Metrics;
use crate::controllers::events::Recorder;
use crate::controllers::kinds::{CLAIMS, PODS};
use crate::controllers::object::{text, uid};
use crate::net::Net;
use crate::program::Program;
use crate::store::{ChangeKind, Watch};
use crate::times;
use addresses::Addresses;
pub use addresses::PodRange;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use volumes::Volumes;

/// What nodes are made of.
#[derive(Clone)]
pub struct Config {
    /// Their names.
    pub nodes: Vec<String>,
    /// What Pods and nodes have for addresses.
    pub range: PodRange,
    /// The network.
    pub net: Net,
    /// What containers can run.
    pub programs: Vec<Arc<dyn Program>>,
    /// The folder in which what claims and host paths hold is kept; in memory only, if `None`.
    pub volumes: Option<PathBuf>,
    /// Where the nodes tell what their Pods use.
    pub metrics: Metrics,
    /// Ends the nodes, and all that runs on them.
    pub stop: CancellationToken,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("nodes", &self.nodes)
            .field("range", &self.range)
            .finish_non_exhaustive()
    }
}

/// Starts the nodes; the owner of what is returned awaits their end.
pub fn run(api: Api, config: Config) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let stop = config.stop.clone();
    let addresses = (0..config.nodes.len()).map(|index| config.range.node(index)).collect();
    let proxy = proxy::run(api.clone(), config.net.clone(), addresses);
    tasks.spawn(async move {
        tokio::select! {
            () = stop.cancelled() => {}
            () = proxy => {}
        }
    });
    let stop = config.stop.clone();
    register::retire(&api, &config.nodes);
    let mut fleet = Fleet::new(api, config);
    tasks.spawn(async move {
        tokio::select! {
            () = stop.cancelled() => {}
            () = fleet.run() => {}
        }
        fleet.workers.shutdown().await;
    });
    tasks
}

/// What all nodes share.
pub(crate) struct Shared {
    pub(crate) api: Api,
    pub(crate) net: Net,
    pub(crate) programs: Vec<Arc<dyn Program>>,
    pub(crate) metrics: Metrics,
    pub(crate) addresses: Addresses,
    pub(crate) volumes: Volumes,
}

/// One node.
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) ip: IpAddr,
    pub(crate) events: Recorder,
    pub(crate) shared: Arc<Shared>,
}

struct Fleet {
    shared: Arc<Shared>,
    nodes: BTreeMap<String, Arc<Node>>,
    /// By UID: where a Pod's worker hears of its latest state; `None` when the Pod is gone from the API.
    pods: BTreeMap<String, watch::Sender<Option<Arc<Json>>>>,
    workers: JoinSet<()>,
}

impl Fleet {
    fn new(api: Api, config: Config) -> Fleet {
        let events = Recorder::new(api.clone(), "kubelet");
        let volumes = Volumes::new(config.volumes, &api.list(CLAIMS, None).0);
        let shared = Arc::new(Shared {
            api,
            net: config.net,
            programs: config.programs,
            metrics: config.metrics,
            addresses: Addresses::new(config.range),
            volumes,
        });
        let node = |(index, name): (usize, &String)| {
            let node = Node {
                name: name.clone(),
                ip: config.range.node(index),
                events: events.on(name),
                shared: shared.clone(),
            };
            (name.clone(), Arc::new(node))
        };
        let nodes = config.nodes.iter().enumerate().map(node).collect();
        Fleet { shared, nodes, pods: BTreeMap::new(), workers: JoinSet::new() }
    }

    async fn run(&mut self) {
        for node in self.nodes.values() {
            register::register(node);
        }
        let mut beat = interval(times::LEASE_PERIOD);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut watch = self.start();
        loop {
            tokio::select! {
                change = watch.next() => match change {
                    Ok(change) => match change.kind {
                        ChangeKind::Added | ChangeKind::Modified => self.tell(&change.object),
                        ChangeKind::Deleted => self.gone(uid(&change.object)),
                    },
                    // Too slow, and changes are forgotten: begin again from what is.
                    Err(_) => watch = self.start(),
                },
                _ = beat.tick() => self.nodes.values().for_each(|node| register::beat(node)),
                Some(_) = self.workers.join_next() => {}
            }
        }
    }

    /// Takes up all Pods that there are, and watches from there.
    fn start(&mut self) -> Watch {
        loop {
            let (pods, revision) = self.shared.api.list(PODS, None);
            let there: BTreeSet<&str> = pods.iter().map(|pod| uid(pod)).collect();
            let lost: Vec<String> =
                self.pods.keys().filter(|known| !there.contains(known.as_str())).cloned().collect();
            lost.iter().for_each(|lost| self.gone(lost));
            pods.iter().for_each(|pod| self.tell(pod));
            if let Ok(watch) = self.shared.api.watch(PODS, None, revision) {
                return watch;
            }
        }
    }

    fn tell(&mut self, pod: &Arc<Json>) {
        let Some(node) = self.nodes.get(text(pod, "/spec/nodeName")) else { return };
        if let Some(worker) = self.pods.get(uid(pod)) {
            worker.send_replace(Some(pod.clone()));
            return;
        }
        let (tell, told) = watch::channel(Some(pod.clone()));
        self.pods.insert(uid(pod).to_owned(), tell);
        self.workers.spawn(pod::run(node.clone(), pod.clone(), told));
    }

    fn gone(&mut self, pod: &str) {
        if let Some(worker) = self.pods.remove(pod) {
            worker.send_replace(None);
        }
        self.shared.api.logs().forget(pod);
    }
}
