//! One Pod on its node, from its binding to its end: the part of a kubelet that is per Pod.
//!
//! Invariant: one task owns the Pod's state and is the only one that writes its status; programs, probes and timers run in
//! its task set and only send it events, so none of them outlives the Pod. A Pod that leaves the API ends at once; one whose
//! deletion has begun leaves the API here, when all that ran is over.

use super::addresses::Leased;
use super::environment::{Place, arguments, environment};
use super::probe::{Caller, Found, Kind, Prober};
use super::slot::{Ended, Run, Slot, State};
use super::status::{OVERDUE, View, status};
use super::{Node, probe, volumes};
use crate::api::{Delete, Write};
use crate::controllers::Usage;
use crate::controllers::events::Level;
use crate::controllers::kinds::PODS;
use crate::controllers::object::{ended, int, list, name, namespace, set, since, text, uid};
use crate::dns::PodNames;
use crate::program::{Container, Volume, of_image};
use crate::times;
use futures_util::FutureExt as _;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

/// The exit code of what SIGKILL ended, and of what ended itself by a defect.
const KILLED: i32 = 137;
const ABORTED: i32 = 134;

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
        let grace = Duration::from_secs(u64::try_from(grace).unwrap_or(0));
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

    /// How long the Pod may still be active.
    fn active_for(&self) -> Duration {
        let Some(deadline) = self.deadline.and_then(|seconds| u64::try_from(seconds).ok()) else {
            return Duration::MAX;
        };
        let active = since(&self.since, self.node.shared.api.clock().now()).unwrap_or_default();
        Duration::from_secs(deadline).saturating_sub(active)
    }

    /// Ends a Pod that was active too long: it has failed, and nothing of it starts again.
    fn overdue(&mut self) {
        let over = self.overdue || self.deleting.is_some() || ended(&self.pod);
        if over || self.deadline.is_none() || !self.active_for().is_zero() {
            return;
        }
        self.overdue = true;
        self.say_of_pod(Level::Normal, "DeadlineExceeded", OVERDUE);
        for slot in 0..self.slots.len() {
            if self.slots[slot].run.is_some() {
                let message = format!("Stopping container {}", self.slots[slot].name());
                self.say(slot, Level::Normal, "Killing", &message);
                self.stop(slot, self.grace());
            }
        }
    }

    /// What the manifest gives containers to end.
    fn grace(&self) -> Duration {
        let grace = int(&self.pod, "/spec/terminationGracePeriodSeconds").unwrap_or(30);
        Duration::from_secs(u64::try_from(grace).unwrap_or(0))
    }

    /// The hook that comes before its end, then SIGTERM; SIGKILL in a while.
    fn stop(&mut self, slot: usize, grace: Duration) {
        let (life, tell) = (self.slots[slot].life, self.tell.clone());
        let caller = self.caller(slot);
        let hook = self.slots[slot].manifest["lifecycle"]["preStop"].clone();
        let Some(run) = &mut self.slots[slot].run else { return };
        let (first, terminated) = (!run.stopping, run.container.terminated.clone());
        run.stopping = true;
        let Some(caller) = caller.filter(|_| first && hook.is_object() && !grace.is_zero()) else {
            if first || grace.is_zero() {
                terminated.cancel();
            }
            return self.after(grace, Event::Kill { slot, life });
        };
        self.tasks.spawn(async move {
            let began = Instant::now();
            // The worker is there as long as its tasks are.
            if caller.check(&hook, grace).await.is_err() {
                let _ = tell.send(Event::HookFailed { slot, life, hook: Hook::PreStop });
            }
            terminated.cancel();
            sleep(grace.saturating_sub(began.elapsed()).max(times::LAST_GRACE)).await;
            let _ = tell.send(Event::Kill { slot, life });
        });
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

    /// The hook that comes with a start; a container for which it fails ends.
    fn started(&mut self, at: usize) {
        let hook = self.slots[at].manifest["lifecycle"]["postStart"].clone();
        let (life, tell) = (self.slots[at].life, self.tell.clone());
        let Some(caller) = self.caller(at).filter(|_| hook.is_object()) else { return };
        self.tasks.spawn(async move {
            if caller.check(&hook, times::POST_START).await.is_err() {
                let _ = tell.send(Event::HookFailed { slot: at, life, hook: Hook::PostStart });
            }
        });
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

    /// Makes what containers share, and starts them.
    fn begin(&mut self) {
        if self.deleting.is_some() {
            return;
        }
        let shared = self.node.shared.clone();
        if self.address.is_none() && self.pod["spec"]["hostNetwork"] != true {
            self.address = shared.addresses.lease();
            if self.address.is_none() {
                let message = "Failed to create pod sandbox: no address is left in the playground's network";
                self.say_of_pod(Level::Warning, "FailedCreatePodSandBox", message);
                self.after(times::RESTART_BACKOFF, Event::Begin);
                return;
            }
        }
        let made = {
            let ip = self.ip().unwrap_or(self.node.ip);
            let place = Place { api: &shared.api, pod: &self.pod, pod_ip: ip, host_ip: self.node.ip };
            shared.volumes.of_pod(&place, &self.node.name)
        };
        match made {
            Ok(volumes) => {
                self.volumes = volumes;
                self.advance();
            }
            Err(message) => {
                self.say_of_pod(Level::Warning, "FailedMount", &message);
                self.after(times::CONTAINER_START, Event::Begin);
            }
        }
    }

    /// Starts what is next: an init container, or all others.
    fn advance(&mut self) {
        if let Some(next) = self.slots.iter().position(|slot| slot.init && !slot.done()) {
            return self.start(next);
        }
        for slot in 0..self.slots.len() {
            if !self.slots[slot].init && !self.slots[slot].ran() {
                self.start(slot);
            }
        }
    }

    fn start(&mut self, at: usize) {
        if self.deleting.is_some() || self.overdue || self.slots[at].run.is_some() {
            return;
        }
        self.lives += 1;
        self.slots[at].life = self.lives;
        let image = self.slots[at].image().to_owned();
        let shared = self.node.shared.clone();
        let Some(program) = of_image(&shared.programs, &image).cloned() else { return self.no_image(at) };
        let Some(ip) = self.ip() else { return };
        let manifest = self.slots[at].manifest.clone();
        let place = Place { api: &shared.api, pod: &self.pod, pod_ip: ip, host_ip: self.node.ip };
        let environment = match environment(&place, &manifest) {
            Ok(environment) => environment,
            Err(message) => {
                self.say(at, Level::Warning, "Failed", &format!("Error: {message}"));
                return self.wait(at, "CreateContainerConfigError", message, times::RESTART_BACKOFF);
            }
        };
        let mounted = match volumes::mounts(&manifest, &self.volumes, &environment) {
            Ok(mounted) => mounted,
            Err(message) => {
                self.say(at, Level::Warning, "Failed", &format!("Error: {message}"));
                return self.wait(at, "CreateContainerConfigError", message, times::RESTART_BACKOFF);
            }
        };
        let arguments = arguments(&manifest, &environment);
        let (clock, log) =
            (shared.api.clock(), shared.api.logs().begin(uid(&self.pod), self.slots[at].name()));
        let namespace = namespace(&self.pod);
        let container = Container {
            environment,
            arguments,
            ip,
            hostname: name(&self.pod).to_owned(),
            net: shared.net.clone(),
            names: Arc::new(PodNames::new(shared.api.clone(), namespace, ip, name(&self.pod))),
            log: Arc::new(move |line| log.write(clock.now(), line)),
            terminated: CancellationToken::new(),
            volumes: mounted,
            in_flight: Arc::default(),
        };
        let (kill, tell, life) = (CancellationToken::new(), self.tell.clone(), self.lives);
        let run = AssertUnwindSafe(program.run(container.clone())).catch_unwind();
        let killed = kill.clone();
        self.tasks.spawn(async move {
            // A panic in a program is that container's end, not the node's.
            let code = tokio::select! {
                code = run => code.unwrap_or(ABORTED),
                () = killed.cancelled() => KILLED,
            };
            // The worker is there as long as its tasks are.
            let _ = tell.send(Event::Exited { slot: at, life, code });
        });
        let called = self.slots[at].name().to_owned();
        let present = format!("Container image \"{image}\" already present on machine");
        self.say(at, Level::Normal, "Pulled", &present);
        self.say(at, Level::Normal, "Created", &format!("Created container: {called}"));
        self.say(at, Level::Normal, "Started", &format!("Started container {called}"));
        let slot = &mut self.slots[at];
        if let Some(before) = slot.ended().cloned() {
            slot.last = Some(before);
            slot.restarts += 1;
        }
        let serial = || uuid::Uuid::new_v4().simple().to_string();
        let id = format!("containerd://{}{}", serial(), serial());
        slot.state = State::Running { since: clock.stamp(), id };
        slot.started = !manifest["startupProbe"].is_object();
        slot.ready = slot.started && !manifest["readinessProbe"].is_object() && !slot.init;
        slot.run = Some(Run {
            program,
            container,
            kill,
            began: Instant::now(),
            probes: Vec::new(),
            stopping: false,
        });
        let started = slot.started;
        self.started(at);
        if started {
            self.probe(at, &[Kind::Liveness, Kind::Readiness]);
        } else {
            self.probe(at, &[Kind::Startup]);
        }
    }

    fn probe(&mut self, at: usize, kinds: &[Kind]) {
        for kind in Kind::ALL.into_iter().filter(|kind| kinds.contains(kind)) {
            let Some(caller) = self.caller(at) else { return };
            let slot = &mut self.slots[at];
            let Some(run) = slot.run.as_mut().filter(|_| slot.manifest[kind.field()].is_object()) else {
                continue;
            };
            let (life, started) = (slot.life, run.began);
            let prober = Prober { caller, kind, slot: at, life, started, tell: self.tell.clone() };
            run.probes.push(self.tasks.spawn(probe::run(prober)));
        }
    }

    /// Nothing runs an image: as if it could not be pulled.
    fn no_image(&mut self, at: usize) {
        let image = self.slots[at].image().to_owned();
        let mut known: Vec<&str> =
            self.node.shared.programs.iter().flat_map(|program| program.images()).copied().collect();
        known.sort_unstable();
        let why = format!(
            "failed to pull and unpack image \"{image}\": the playground pulls nothing; it can run {}",
            known.join(", ")
        );
        let wait = self.slots[at].backoff(Duration::ZERO);
        if wait.is_zero() {
            self.say(at, Level::Normal, "Pulling", &format!("Pulling image \"{image}\""));
            self.say(at, Level::Warning, "Failed", &format!("Failed to pull image \"{image}\": {why}"));
            self.say(at, Level::Warning, "Failed", "Error: ErrImagePull");
            return self.wait(at, "ErrImagePull", why, times::CONTAINER_START);
        }
        let message = format!("Back-off pulling image \"{image}\"");
        self.say(at, Level::Normal, "BackOff", &message);
        self.say(at, Level::Warning, "Failed", "Error: ImagePullBackOff");
        self.wait(at, "ImagePullBackOff", format!("{message}: ErrImagePull: {why}"), wait);
    }

    /// Lets a container wait before it is tried again.
    fn wait(&mut self, at: usize, reason: &'static str, message: String, wait: Duration) {
        let slot = &mut self.slots[at];
        if let Some(before) = slot.ended().cloned() {
            slot.last = Some(before);
        }
        slot.state = State::Waiting { reason, message };
        let life = slot.life;
        self.after(wait, Event::Due { slot: at, life });
    }

    fn exited(&mut self, at: usize, code: i32) {
        let stamp = self.node.shared.api.clock().stamp();
        let slot = &mut self.slots[at];
        let Some(run) = slot.run.take() else { return };
        run.probes.iter().for_each(tokio::task::AbortHandle::abort);
        let State::Running { since, id } = slot.state.clone() else { return };
        let reason = if code == 0 { "Completed" } else { "Error" };
        slot.state = State::Ended(Ended { code, reason, since, until: stamp, id });
        (slot.ready, slot.started) = (false, false);
        if let Some(log) = self.node.shared.api.logs().of(uid(&self.pod), slot.name(), false) {
            log.close();
        }
        if self.overdue && self.deleting.is_none() {
            return;
        }
        if self.deleting.is_some() {
            // The Pod leaves the API no earlier than usual.
            return self.leave();
        }
        if self.slots[at].done() {
            return self.advance();
        }
        let again = match text(&self.pod, "/spec/restartPolicy") {
            "Never" => false,
            "OnFailure" => code != 0,
            _ => true,
        };
        if !again {
            return;
        }
        let wait = self.slots[at].backoff(run.began.elapsed());
        // Its end is seen by whoever watches, even if it starts again at once.
        self.publish();
        if wait.is_zero() {
            return self.start(at);
        }
        let (called, of) = (self.slots[at].name(), &self.pod);
        let whole = format!("{}_{}({})", name(of), namespace(of), uid(of));
        let event = format!("Back-off restarting failed container {called} in pod {whole}");
        let message = format!("back-off {} restarting failed container={called} pod={whole}", span(wait));
        self.say(at, Level::Warning, "BackOff", &event);
        self.wait(at, "CrashLoopBackOff", message, wait);
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
                let own = own.and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs);
                self.stop(at, own.unwrap_or_else(|| self.grace()));
            }
            _ => {}
        }
        self.news |= before != (self.slots[at].ready, self.slots[at].started);
    }

    /// Takes the Pod out of the API, if it is time and nothing runs any more.
    fn leave(&mut self) {
        let Some((seen, _)) = self.deleting else { return };
        if seen.elapsed() < times::POD_GONE || self.slots.iter().any(|slot| slot.run.is_some()) {
            return;
        }
        self.publish();
        let delete =
            Delete { grace_period: Some(0), uid: Some(uid(&self.pod).to_owned()), ..Delete::default() };
        // That it is gone already is fine; that a finalizer holds it is for others to end.
        let _ = self.node.shared.api.delete(PODS, namespace(&self.pod), name(&self.pod), &delete);
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

/// A duration as Go writes whole seconds: `10s`, `1m20s`, `5m0s`.
fn span(duration: Duration) -> String {
    match (duration.as_secs() / 60, duration.as_secs() % 60) {
        (0, seconds) => format!("{seconds}s"),
        (minutes, seconds) => format!("{minutes}m{seconds}s"),
    }
}
