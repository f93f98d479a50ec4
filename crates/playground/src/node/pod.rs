//! One Pod on its node, from its binding to its end: the part of a kubelet that is per Pod.
//!
//! Invariant: one task owns the Pod's state and is the only one that writes its status; programs, probes and timers run in
//! its task set and only send it events, so none of them outlives the Pod. A Pod that leaves the API ends at once; one whose
//! deletion has begun leaves the API here, when all that ran is over.

mod begin;
mod end;

use super::Node;
use super::addresses::Leased;
use super::probe::{Caller, Found, Kind};
use super::slot::{Slot, State};
use super::status::{View, status};
use crate::api::Write;
use crate::controllers::Usage;
use crate::controllers::events::Level;
use crate::controllers::kinds::PODS;
use crate::controllers::object::{ended, int, list, name, namespace, set, text, uid};
use crate::program::Volume;
use crate::times;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

/// A hook of a container's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hook {
    PostStart,
    PreStop,
}

/// What a Pod's worker hears.
#[derive(Clone, Debug)]
pub(super) enum Event {
    /// Volumes and network can be made, containers can start.
    Begin,
    /// A container's program ended.
    Exited { slot: usize, life: u64, code: i32 },
    /// A container that waited may start.
    Due { slot: usize, life: u64 },
    /// A probe was made.
    Probed { slot: usize, life: u64, found: Found },
    /// A container that got SIGTERM had its time.
    Kill { slot: usize, life: u64 },
    /// The Pod may leave the API, if nothing runs any more.
    Leave,
    /// The status could not be written.
    Again,
    /// A hook of a container's life failed.
    HookFailed { slot: usize, life: u64, hook: Hook },
    /// The Pod's time to be active may be over.
    Overdue,
}

/// Runs a Pod until it is gone from the API.
pub(super) async fn run(node: Arc<Node>, pod: Arc<Json>, mut latest: watch::Receiver<Option<Arc<Json>>>) {
    if ended(&pod) {
        // It ended in the playground's life before.
        while latest.changed().await.is_ok() && latest.borrow().is_some() {}
        return;
    }
    let (tell, mut events) = mpsc::unbounded_channel();
    let mut worker = Worker::new(node, pod, tell);
    worker.after(times::CONTAINER_START, Event::Begin);
    worker.observe();
    worker.publish();
    let mut sample = interval(times::METRICS_PERIOD);
    sample.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            changed = latest.changed() => {
                let next = latest.borrow_and_update().clone();
                match next {
                    Some(pod) if changed.is_ok() => worker.pod = pod,
                    _ => break,
                }
                worker.observe();
            }
            Some(event) = events.recv() => {
                worker.hear(event);
                // What else happened by now is told in the same write.
                while let Ok(event) = events.try_recv() {
                    worker.hear(event);
                }
                worker.publish();
            }
            Some(_) = worker.tasks.join_next() => {}
            _ = sample.tick() => worker.measure(),
        }
    }
    worker.node.shared.metrics.set(namespace(&worker.pod), name(&worker.pod), None);
    worker.tasks.shutdown().await;
}

struct Worker {
    node: Arc<Node>,
    pod: Arc<Json>,
    slots: Vec<Slot>,
    volumes: BTreeMap<String, Arc<Volume>>,
    address: Option<Leased>,
    since: String,
    /// Whether something was heard that the status does not tell yet.
    news: bool,
    /// The status as it was last written.
    written: Option<Arc<Json>>,
    /// When its deletion was seen, and the end of its grace.
    deleting: Option<(Instant, Instant)>,
    /// Its latest `activeDeadlineSeconds`, and whether they are over.
    deadline: Option<i64>,
    overdue: bool,
    tell: mpsc::UnboundedSender<Event>,
    tasks: JoinSet<()>,
    lives: u64,
}

impl Worker {
    fn new(node: Arc<Node>, pod: Arc<Json>, tell: mpsc::UnboundedSender<Event>) -> Worker {
        let manifests = |field: &str, init: bool| -> Vec<Slot> {
            list(&pod, field).iter().map(|manifest| Slot::new(manifest, init)).collect()
        };
        let mut slots = manifests("/spec/initContainers", true);
        let waits_for_init = !slots.is_empty();
        slots.extend(manifests("/spec/containers", false));
        for slot in slots.iter_mut().filter(|slot| !slot.init && waits_for_init) {
            slot.state = State::Waiting { reason: "PodInitializing", message: String::new() };
        }
        // A Pod that ran in the playground's life before starts again, as after the loss of its node's power.
        for known in list(&pod, "/status/containerStatuses") {
            let restarts = known["restartCount"].as_u64().unwrap_or(0);
            let ran = u64::from(known["containerID"].is_string());
            for slot in slots.iter_mut().filter(|slot| known["name"] == slot.name()) {
                slot.restarts = restarts + ran;
            }
        }
        let stamp = node.shared.api.clock().stamp();
        let since = match text(&pod, "/status/startTime") {
            "" => stamp,
            known => known.to_owned(),
        };
        Worker {
            node,
            pod,
            slots,
            volumes: BTreeMap::new(),
            address: None,
            since,
            news: true,
            written: None,
            deleting: None,
            deadline: None,
            overdue: false,
            tell,
            tasks: JoinSet::new(),
            lives: 0,
        }
    }

    fn after(&mut self, wait: Duration, event: Event) {
        let tell = self.tell.clone();
        self.tasks.spawn(async move {
            sleep(wait).await;
            // The worker is there as long as its tasks are.
            let _ = tell.send(event);
        });
    }

    fn ip(&self) -> Option<IpAddr> {
        if self.pod["spec"]["hostNetwork"] == true {
            return Some(self.node.ip);
        }
        self.address.as_ref().map(Leased::ip)
    }

    /// Sees whether the Pod's deletion has begun, or was hastened, and how long it may be active.
    fn observe(&mut self) {
        let deadline = int(&self.pod, "/spec/activeDeadlineSeconds");
        if deadline.is_some() && deadline != self.deadline {
            self.deadline = deadline;
            self.after(self.active_for(), Event::Overdue);
        }
        if text(&self.pod, "/metadata/deletionTimestamp").is_empty() {
            return;
        }
        let now = Instant::now();
        let grace = int(&self.pod, "/metadata/deletionGracePeriodSeconds").unwrap_or(30);
        let grace = times::written(grace);
        let first = self.deleting.is_none();
        let (seen, end) = self.deleting.unwrap_or((now, now + grace));
        // A second deletion with a shorter grace hastens the first.
        let end = end.min(now + grace);
        if !first && self.deleting == Some((seen, end)) {
            return;
        }
        self.deleting = Some((seen, end));
        for slot in 0..self.slots.len() {
            if self.slots[slot].run.is_none() {
                continue;
            }
            if first {
                let message = format!("Stopping container {}", self.slots[slot].name());
                self.say(slot, Level::Normal, "Killing", &message);
            }
            self.stop(slot, end - now);
        }
        if first {
            self.after(times::POD_GONE, Event::Leave);
        }
    }

    /// What calls a container that runs.
    fn caller(&self, at: usize) -> Option<Caller> {
        let slot = &self.slots[at];
        let run = slot.run.as_ref()?;
        Some(Caller {
            node: self.node.clone(),
            program: run.program.clone(),
            container: run.container.clone(),
            manifest: slot.manifest.clone(),
        })
    }

    fn hear(&mut self, event: Event) {
        // Most probes find what the ones before found.
        self.news |= !matches!(event, Event::Probed { .. });
        match event {
            Event::Begin => self.begin(),
            Event::Exited { slot, life, code } if self.slots[slot].life == life => self.exited(slot, code),
            Event::Due { slot, life } if self.slots[slot].life == life => self.start(slot),
            Event::Probed { slot, life, found } if self.slots[slot].life == life => self.probed(slot, found),
            Event::Kill { slot, life } if self.slots[slot].life == life => {
                if let Some(run) = &self.slots[slot].run {
                    run.kill.cancel();
                }
            }
            Event::Leave => self.leave(),
            Event::Again => {}
            Event::Overdue => self.overdue(),
            Event::HookFailed { slot, life, hook } if self.slots[slot].life == life => match hook {
                Hook::PreStop => self.say(slot, Level::Warning, "FailedPreStopHook", "PreStopHook failed"),
                Hook::PostStart => {
                    self.say(slot, Level::Warning, "FailedPostStartHook", "PostStartHook failed");
                    self.say(slot, Level::Normal, "Killing", "FailedPostStartHook");
                    self.stop(slot, self.grace());
                }
            },
            // News of an earlier life.
            Event::Exited { .. }
            | Event::Due { .. }
            | Event::Probed { .. }
            | Event::Kill { .. }
            | Event::HookFailed { .. } => {}
        }
    }

    fn probed(&mut self, at: usize, found: Found) {
        if self.slots[at].run.is_none() {
            return;
        }
        if let Some(failure) = &found.failure {
            let message = format!("{} probe failed: {failure}", found.kind.label());
            self.say(at, Level::Warning, "Unhealthy", &message);
        }
        let slot = &mut self.slots[at];
        let before = (slot.ready, slot.started);
        match (found.kind, found.verdict) {
            (Kind::Readiness, Some(ready)) => slot.ready = ready,
            (Kind::Startup, Some(true)) => {
                slot.started = true;
                slot.ready = !slot.manifest["readinessProbe"].is_object();
                self.probe(at, &[Kind::Liveness, Kind::Readiness]);
            }
            (Kind::Startup | Kind::Liveness, Some(false)) if self.deleting.is_none() => {
                let what = found.kind.label().to_lowercase();
                let message = format!("Container {} failed {what} probe, will be restarted", slot.name());
                if let Some(run) = &mut slot.run {
                    run.probes.drain(..).for_each(|probe| probe.abort());
                }
                self.say(at, Level::Normal, "Killing", &message);
                let own = int(&self.slots[at].manifest[found.kind.field()], "/terminationGracePeriodSeconds");
                self.stop(at, own.map_or_else(|| self.grace(), times::written));
            }
            _ => {}
        }
        self.news |= before != (self.slots[at].ready, self.slots[at].started);
    }

    /// Writes the status, if it is another one than before.
    fn publish(&mut self) {
        // While the end of a deletion is near, its watchers need no news of containers that ended.
        let held_back = self.deleting.is_some_and(|(seen, _)| seen.elapsed() < times::POD_GONE);
        if held_back {
            return;
        }
        let stands = self.written.as_ref().is_some_and(|written| written["status"] == self.pod["status"]);
        if stands && !self.news {
            return;
        }
        let now = self.node.shared.api.clock().stamp();
        let (name, namespace) = (name(&self.pod), namespace(&self.pod));
        let written =
            self.node.shared.api.revise(PODS, namespace, name, &Write::status_by("kubelet"), |pod| {
                let mut next = pod.clone();
                if uid(pod) == uid(&self.pod) {
                    let view = View {
                        pod: &self.pod,
                        slots: &self.slots,
                        overdue: self.overdue,
                        ip: self.ip(),
                        host_ip: self.node.ip,
                        since: &self.since,
                        now: &now,
                    };
                    set(&mut next, &["status"], status(&view, &pod["status"]));
                }
                Ok(next)
            });
        self.news = false;
        match written {
            Ok(written) => self.written = Some(written),
            // A Pod that is gone is told of by the watch.
            Err(status) if status.code == 404 => {}
            Err(_) => {
                self.after(times::STATUS_AGAIN, Event::Again);
            }
        }
    }

    /// Tells what the Pod uses.
    fn measure(&self) {
        let mut usage = Usage::default();
        for run in self.slots.iter().filter_map(|slot| slot.run.as_ref()) {
            let (figures, requests) =
                (run.program.figures(), run.container.in_flight.load(Ordering::Relaxed));
            usage.millicores += figures.idle_millicores + figures.millicores_per_request * requests;
            usage.bytes += (figures.idle_mebibytes + figures.mebibytes_per_request * requests) << 20;
        }
        let running = self.slots.iter().any(|slot| slot.run.is_some());
        self.node.shared.metrics.set(namespace(&self.pod), name(&self.pod), running.then_some(usage));
    }

    fn say(&self, at: usize, level: Level, reason: &str, message: &str) {
        let kind = if self.slots[at].init { "initContainers" } else { "containers" };
        let field = format!("spec.{kind}{{{}}}", self.slots[at].name());
        self.node.events.event_at(("v1", "Pod"), &self.pod, Some(&field), level, reason, message);
    }

    fn say_of_pod(&self, level: Level, reason: &str, message: &str) {
        self.node.events.event(("v1", "Pod"), &self.pod, level, reason, message);
    }
}
