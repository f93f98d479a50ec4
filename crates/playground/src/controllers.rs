//! The control loops: what makes the cluster become what its objects say.
//!
//! Invariant: each controller looks at what is, never at what happened, and writes only through [`Api`]; one task runs them
//! all, in turn, so that the same changes lead to the same writes. A change only says whom to look at; a look
//! that finds nothing to do writes nothing, so all of them come to rest.
//!
//! Not here: running containers, which is the nodes' business; defaults and validation, which are the API's.

mod autoscale;
mod deployment;
mod disruption;
mod endpoints;
pub mod events;
mod garbage;
mod job;
pub(crate) mod kinds;
mod namespaces;
mod nodes;
pub(crate) mod object;
mod queue;
mod replicaset;
mod volumes;

#[cfg(test)]
pub(crate) mod testing;

use crate::api::{Api, Status, Write};
use crate::resource::{RESOURCES, Resource};
use crate::store::{Change, ChangeKind, Key, Watch};
use events::Recorder;
pub(crate) use queue::Queue;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// What the controllers are given beside the API.
#[derive(Clone, Debug)]
pub struct Handles {
    /// What Pods use, which autoscalers look at.
    pub metrics: Metrics,
    /// The certificate of the cluster's authority (PEM), which every namespace has a copy of.
    pub root_ca: String,
    /// Ends the controllers.
    pub stop: CancellationToken,
    /// What the suffixes of names are drawn from.
    pub seed: u64,
}

/// What a Pod uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Thousandths of a core.
    pub millicores: u64,
    /// Bytes of memory.
    pub bytes: u64,
}

/// What each Pod uses, filled by the nodes.
#[derive(Clone, Debug, Default)]
pub struct Metrics(Arc<Mutex<BTreeMap<(String, String), Usage>>>);

impl Metrics {
    /// A Pod uses so much now; `None` when it is gone.
    pub fn set(&self, namespace: &str, pod: &str, usage: Option<Usage>) {
        let mut pods = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (namespace.to_owned(), pod.to_owned());
        match usage {
            Some(usage) => pods.insert(key, usage),
            None => pods.remove(&key),
        };
    }

    /// What a Pod uses, if it is known.
    pub fn get(&self, namespace: &str, pod: &str) -> Option<Usage> {
        let pods = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pods.get(&(namespace.to_owned(), pod.to_owned())).copied()
    }
}

/// Runs the controllers and the scheduler until [`Handles::stop`]; the owner of what is returned awaits their end.
pub fn run(api: Api, handles: Handles) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(Manager::new(api, handles).run());
    tasks
}

/// A control loop.
pub(crate) trait Controller: Send {
    /// Told of every change: notes what it keeps in mind, and says what to look at.
    fn observe(&mut self, change: &Change, queue: &mut Queue);
    /// Looks at an object, and does what is missing. Returns how soon to look again, if nothing changes until then.
    ///
    /// # Errors
    /// What the API refused; it is tried again, later and later.
    fn reconcile(&mut self, cx: &mut Context, key: &Key) -> Result<Option<Duration>, Status>;
    /// Forgets what it kept in mind: everything is told anew.
    fn forget(&mut self) {}
}

/// What controllers have at hand.
pub(crate) struct Context {
    pub(crate) api: Api,
    pub(crate) metrics: Metrics,
    pub(crate) root_ca: String,
    pub(crate) events: Recorder,
    rng: ChaCha8Rng,
}

/// The characters of generated names: none that spell anything.
const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

impl Context {
    pub(crate) fn now(&self) -> jiff::Timestamp {
        self.api.clock().now()
    }

    pub(crate) fn stamp(&self) -> String {
        self.api.clock().stamp()
    }

    /// The five characters that a generated name ends with.
    pub(crate) fn suffix(&mut self) -> String {
        (0..5).map(|_| char::from(ALPHABET[self.rng.random_range(0..ALPHABET.len())])).collect()
    }

    pub(crate) fn create(
        &self,
        resource: &'static Resource,
        namespace: &str,
        object: Json,
    ) -> Result<Arc<Json>, Status> {
        self.api.create(resource, namespace, object, &write(None))
    }

    /// Changes an object as it is now; the write is left out if that changes nothing. `subresource` is `status` or another
    /// one, `None` for the object itself.
    pub(crate) fn edit(
        &self,
        resource: &'static Resource,
        object: &Json,
        subresource: Option<&'static str>,
        mut change: impl FnMut(&mut Json),
    ) -> Result<Arc<Json>, Status> {
        let (namespace, name) = (object::namespace(object), object::name(object));
        loop {
            let now = self.api.get(resource, namespace, name)?;
            if object::uid(&now) != object::uid(object) {
                return Err(Status::not_found(resource, name));
            }
            let mut changed = now.as_ref().clone();
            change(&mut changed);
            if changed == *now {
                return Ok(now);
            }
            match self.api.update(resource, namespace, name, changed, &write(subresource)) {
                // Another writer was quicker: look at what it made of the object.
                Err(status) if status.reason == "Conflict" => {}
                other => return other,
            }
        }
    }

    /// Begins to delete an object, if it is still this one.
    pub(crate) fn delete(&self, resource: &'static Resource, object: &Json) -> Result<(), Status> {
        self.delete_with(resource, object, None)
    }

    /// Begins to delete an object, if it is still this one, with a grace period in seconds. That it is gone is fine.
    pub(crate) fn delete_with(
        &self,
        resource: &'static Resource,
        object: &Json,
        grace_period: Option<u64>,
    ) -> Result<(), Status> {
        let delete = crate::api::Delete {
            grace_period,
            propagation: Some("Background".to_owned()),
            uid: Some(object::uid(object).to_owned()),
            ..crate::api::Delete::default()
        };
        match self.api.delete(resource, object::namespace(object), object::name(object), &delete) {
            Err(status) if status.reason != "NotFound" && status.reason != "Conflict" => Err(status),
            _ => Ok(()),
        }
    }
}

fn write(subresource: Option<&'static str>) -> Write {
    Write { manager: "kube-controller-manager".to_owned(), subresource, ..Write::default() }
}

struct Manager {
    cx: Context,
    stop: CancellationToken,
    controllers: Vec<Box<dyn Controller>>,
    queue: Queue,
}

impl Manager {
    fn new(api: Api, handles: Handles) -> Manager {
        let cx = Context {
            events: Recorder::new(api.clone(), "kube-controller-manager"),
            api,
            metrics: handles.metrics,
            root_ca: handles.root_ca,
            rng: ChaCha8Rng::seed_from_u64(handles.seed),
        };
        // Who reacts to a lost Pod comes first.
        let controllers: Vec<Box<dyn Controller>> = vec![
            Box::new(replicaset::ReplicaSets),
            Box::new(crate::scheduler::Scheduler::default()),
            Box::new(deployment::Deployments),
            Box::new(endpoints::Endpoints::default()),
            Box::new(job::Jobs),
            Box::new(disruption::Budgets),
            Box::new(volumes::Volumes),
            Box::new(autoscale::Autoscalers::default()),
            Box::new(namespaces::Namespaces),
            Box::new(nodes::Nodes::default()),
            Box::new(garbage::Garbage::default()),
        ];
        Manager { cx, stop: handles.stop, controllers, queue: Queue::default() }
    }

    async fn run(mut self) {
        let stop = self.stop.clone();
        // An await within is a place where nothing is half done.
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.work() => {}
        }
    }

    async fn work(&mut self) {
        let mut watch = self.start();
        loop {
            loop {
                match watch.next_now() {
                    Ok(Some(change)) => self.observe(&change),
                    Ok(None) => break,
                    // Too slow, and changes are forgotten: begin again from what is.
                    Err(_) => watch = self.start(),
                }
            }
            if let Some((of, key)) = self.queue.next() {
                self.reconcile(of, key);
                tokio::task::yield_now().await;
                continue;
            }
            let timer = self.queue.wakes();
            let timer = async {
                match timer {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                change = watch.next() => match change {
                    Ok(change) => self.observe(&change),
                    Err(_) => watch = self.start(),
                },
                () = timer => {}
            }
        }
    }

    /// Tells the controllers everything that there is, and watches from there.
    fn start(&mut self) -> Watch {
        for controller in &mut self.controllers {
            controller.forget();
        }
        loop {
            // Changes between this and the lists are told twice, which does no harm.
            let (_, revision) = self.cx.api.list(kinds::NAMESPACES, None);
            for resource in RESOURCES {
                for object in self.cx.api.list(resource, None).0 {
                    let key = crate::api::key(resource, object::namespace(&object), object::name(&object));
                    let kind = ChangeKind::Added;
                    self.observe(&Change { revision, kind, key, object, before: None });
                }
            }
            if let Ok(watch) = self.cx.api.watch_all(revision) {
                return watch;
            }
        }
    }

    fn observe(&mut self, change: &Change) {
        for (of, controller) in self.controllers.iter_mut().enumerate() {
            self.queue.turn_to(of);
            controller.observe(change, &mut self.queue);
        }
    }

    fn reconcile(&mut self, of: usize, key: Key) {
        let Some(controller) = self.controllers.get_mut(of) else { return };
        let began = Instant::now();
        // A defect met by one object is that object's trouble, not every controller's end.
        let looked = catch_unwind(AssertUnwindSafe(|| controller.reconcile(&mut self.cx, &key)));
        match looked {
            Ok(Ok(again)) => self.queue.done(of, key, began, again),
            Ok(Err(_)) | Err(_) => self.queue.failed(of, key),
        }
    }
}

#[cfg(test)]
mod tests;
