//! How a Pod's containers end, and the Pod: hooks, SIGTERM, SIGKILL, restarts, deadlines, and leaving the API.
//!
//! Invariant: a container that was told to end is gone when its grace is over; nothing starts again in a Pod that is being
//! deleted or was active too long; a Pod leaves the API only when nothing of it runs.
//! Not here: how containers begin (`begin`).

use super::super::slot::{Ended, State};
use super::super::status::OVERDUE;
use super::{Event, Hook, Worker};
use crate::api::Delete;
use crate::controllers::events::Level;
use crate::controllers::kinds::PODS;
use crate::controllers::object::{ended, int, name, namespace, since, text, uid};
use crate::times;
use std::time::Duration;
use tokio::time::{Instant, sleep};

impl Worker {
    /// How long the Pod may still be active.
    pub(super) fn active_for(&self) -> Duration {
        let Some(deadline) = self.deadline else {
            return Duration::MAX;
        };
        let active = since(&self.since, self.node.shared.api.clock().now()).unwrap_or_default();
        times::written(deadline).saturating_sub(active)
    }

    /// Ends a Pod that was active too long: it has failed, and nothing of it starts again.
    pub(super) fn overdue(&mut self) {
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
    pub(super) fn grace(&self) -> Duration {
        let grace = int(&self.pod, "/spec/terminationGracePeriodSeconds").unwrap_or(30);
        times::written(grace)
    }

    /// The hook that comes before its end, then SIGTERM; SIGKILL in a while.
    pub(super) fn stop(&mut self, slot: usize, grace: Duration) {
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

    pub(super) fn exited(&mut self, at: usize, code: i32) {
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

    /// Takes the Pod out of the API, if it is time and nothing runs any more.
    pub(super) fn leave(&mut self) {
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
}

/// A duration as Go writes whole seconds: `10s`, `1m20s`, `5m0s`.
fn span(duration: Duration) -> String {
    match (duration.as_secs() / 60, duration.as_secs() % 60) {
        (0, seconds) => format!("{seconds}s"),
        (minutes, seconds) => format!("{minutes}m{seconds}s"),
    }
}
