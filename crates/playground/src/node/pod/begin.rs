//! How a Pod's containers begin: what they share is made, then init containers run one by one, then all others.
//!
//! Invariant: every start is a life of its own, whose number is in all that is told of it, so that news of an earlier life
//! change nothing. What cannot start waits with the reason that a kubelet gives.
//! Not here: what ends them (`end`), who hears of it (`pod`).

use super::super::environment::{Place, arguments, environment};
use super::super::probe::{self, Kind, Prober};
use super::super::slot::{Run, State};
use super::super::volumes;
use super::{Event, Hook, Worker};
use crate::controllers::events::Level;
use crate::controllers::object::{name, namespace, uid};
use crate::dns::PodNames;
use crate::program::{Container, of_image};
use crate::times;
use futures_util::FutureExt as _;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The exit code of what SIGKILL ended, and of what ended itself by a defect.
const KILLED: i32 = 137;
const ABORTED: i32 = 134;

impl Worker {
    /// Makes what containers share, and starts them.
    pub(super) fn begin(&mut self) {
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
    pub(super) fn advance(&mut self) {
        if let Some(next) = self.slots.iter().position(|slot| slot.init && !slot.done()) {
            return self.start(next);
        }
        for slot in 0..self.slots.len() {
            if !self.slots[slot].init && !self.slots[slot].ran() {
                self.start(slot);
            }
        }
    }

    pub(super) fn start(&mut self, at: usize) {
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

    /// The hook that comes with a start; a container for which it fails ends.
    pub(super) fn started(&mut self, at: usize) {
        let hook = self.slots[at].manifest["lifecycle"]["postStart"].clone();
        let (life, tell) = (self.slots[at].life, self.tell.clone());
        let Some(caller) = self.caller(at).filter(|_| hook.is_object()) else { return };
        self.tasks.spawn(async move {
            if caller.check(&hook, times::POST_START).await.is_err() {
                let _ = tell.send(Event::HookFailed { slot: at, life, hook: Hook::PostStart });
            }
        });
    }

    pub(super) fn probe(&mut self, at: usize, kinds: &[Kind]) {
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
    pub(super) fn no_image(&mut self, at: usize) {
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
    pub(super) fn wait(&mut self, at: usize, reason: &'static str, message: String, wait: Duration) {
        let slot = &mut self.slots[at];
        if let Some(before) = slot.ended().cloned() {
            slot.last = Some(before);
        }
        slot.state = State::Waiting { reason, message };
        let life = slot.life;
        self.after(wait, Event::Due { slot: at, life });
    }
}
