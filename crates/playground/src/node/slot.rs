//! One container of a Pod, through all its lives.
//!
//! Invariant: what a life leaves behind is kept until the next one has ended: `lastState` and the back-off come from it.

use crate::controllers::object::text;
use crate::program::{Container, Program};
use crate::times;
use serde_json::Value as Json;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A container of the manifest and what became of it.
pub(super) struct Slot {
    pub(super) manifest: Json,
    pub(super) init: bool,
    pub(super) state: State,
    /// How its life before ended.
    pub(super) last: Option<Ended>,
    pub(super) restarts: u64,
    pub(super) ready: bool,
    pub(super) started: bool,
    /// Counts lives, so that news of an older one is known as such.
    pub(super) life: u64,
    pub(super) run: Option<Run>,
    /// Ends in a row that wait longer and longer.
    failures: u32,
}

/// What a container does.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum State {
    /// For something that has a name.
    Waiting { reason: &'static str, message: String },
    /// Since then, under this id.
    Running { since: String, id: String },
    /// No more.
    Ended(Ended),
}

/// How a life ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ended {
    pub(super) code: i32,
    pub(super) reason: &'static str,
    pub(super) since: String,
    pub(super) until: String,
    pub(super) id: String,
}

/// What runs.
pub(super) struct Run {
    pub(super) program: Arc<dyn Program>,
    pub(super) container: Container,
    pub(super) kill: CancellationToken,
    pub(super) began: Instant,
    pub(super) probes: Vec<AbortHandle>,
    /// Whether it was told to end.
    pub(super) stopping: bool,
}

impl Slot {
    pub(super) fn new(manifest: &Json, init: bool) -> Slot {
        Slot {
            manifest: manifest.clone(),
            init,
            state: State::Waiting {
                reason: if init { "PodInitializing" } else { "ContainerCreating" },
                message: String::new(),
            },
            last: None,
            restarts: 0,
            ready: false,
            started: false,
            life: 0,
            run: None,
            failures: 0,
        }
    }

    pub(super) fn name(&self) -> &str {
        text(&self.manifest, "/name")
    }

    pub(super) fn image(&self) -> &str {
        text(&self.manifest, "/image")
    }

    /// Whether it ran at all.
    pub(super) fn ran(&self) -> bool {
        self.last.is_some() || matches!(self.state, State::Running { .. } | State::Ended(_))
    }

    /// How its latest life ended, if it is over.
    pub(super) fn ended(&self) -> Option<&Ended> {
        match &self.state {
            State::Ended(ended) => Some(ended),
            State::Waiting { .. } => self.last.as_ref(),
            State::Running { .. } => None,
        }
    }

    /// Whether it is an init container that has done its work.
    pub(super) fn done(&self) -> bool {
        self.init && matches!(&self.state, State::Ended(ended) if ended.code == 0)
    }

    /// How long the next start has to wait, after a life that lasted so long.
    pub(super) fn backoff(&mut self, lasted: Duration) -> Duration {
        if lasted >= times::RESTART_FORGOTTEN {
            self.failures = 0;
        }
        let wait = match self.failures.checked_sub(1) {
            None => Duration::ZERO,
            Some(doubled) => {
                times::RESTART_BACKOFF.saturating_mul(1 << doubled.min(16)).min(times::RESTART_BACKOFF_MAX)
            }
        };
        self.failures += 1;
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn restarts_wait_longer_and_longer() {
        let mut slot = Slot::new(&json!({"name": "a"}), false);
        let mut waits = |lives: &[u64]| -> Vec<u64> {
            lives.iter().map(|lasted| slot.backoff(Duration::from_secs(*lasted)).as_secs()).collect()
        };
        assert_eq!(waits(&[1, 1, 1, 1, 1, 1, 1, 1]), [0, 10, 20, 40, 80, 160, 300, 300]);
        assert_eq!(waits(&[599, 600, 1]), [300, 0, 10]);
    }
}
