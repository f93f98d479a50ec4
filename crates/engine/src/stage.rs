//! Where activities are played: what all of them share, from which each gets its own context.
//!
//! Invariant: contexts are made here and nowhere else, so nothing acts outside a story with a log.

use crate::activity::{Act, Declared, Look};
use crate::environment::{Environment, Handles};
use crate::failure::Stop;
use crate::foreign::Foreign;
use crate::handover::{Handover, Step};
use crate::spec::Bound;
use crate::stop::{Signal, Stopper, Stopping};
use crate::story::Story;
use crate::undo::Restore;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use squall_experiment::event::{ActivityId, Event};
use squall_experiment::{Object, Value};
use std::sync::{Arc, Mutex};

/// What the activities of a run share.
#[derive(Clone)]
pub struct Stage {
    /// Where everything is told.
    pub story: Story,
    /// What stops it.
    pub stopper: Stopper,
    environment: Arc<Environment>,
    handles: Arc<Handles>,
    rng: Arc<Mutex<ChaCha8Rng>>,
    foreign: Option<Arc<dyn Foreign>>,
    handover: Arc<Handover>,
    /// From which degree of stopping on its activities stop.
    hears: u8,
}

impl Stage {
    /// A stage whose random choices follow `seed`.
    pub fn new(
        story: Story,
        stopper: Stopper,
        environment: Arc<Environment>,
        handles: Arc<Handles>,
        seed: u64,
    ) -> Stage {
        let rng = Arc::new(Mutex::new(ChaCha8Rng::seed_from_u64(seed)));
        let handover = Arc::default();
        Stage { story, stopper, environment, handles, rng, foreign: None, handover, hears: 1 }
    }

    /// The same stage, on which somebody serves the functions that no catalogue has.
    #[must_use]
    pub fn with(mut self, foreign: Option<Arc<dyn Foreign>>) -> Stage {
        self.foreign = foreign;
        self
    }

    /// Who serves the functions that no catalogue has.
    pub(crate) fn foreign(&self) -> Option<&dyn Foreign> {
        self.foreign.as_deref()
    }

    /// Something begins that may change the system, or waits. What was left to it is its own, to take or to close.
    pub(crate) fn begin(&self) -> Step {
        self.handover.begin()
    }

    /// The same stage for activities that go on through the stops that were requested so far: rollbacks.
    #[must_use]
    pub fn hearing_new_stops(&self) -> Stage {
        Stage { hears: self.stopper.degree().saturating_add(1), ..self.clone() }
    }

    /// What its activities hear.
    pub fn stopping(&self) -> Stopping {
        self.stopper.listen(self.hears)
    }

    /// Asks everything to stop, once more, and tells so; returns the degree that this makes.
    pub fn request_stop(&self, signal: Signal) -> u8 {
        // Told before it is heard, so that the log has cause and effect in order.
        let degree = self.stopper.degree().saturating_add(1);
        self.story.tell(Event::StopRequested { signal: signal.word().into_owned(), degree });
        self.stopper.request(signal)
    }

    /// The context of one activity: `secrets` are those that it asked for, merged.
    pub fn look(&self, configuration: Arc<Object>, secrets: Object, activity: Option<ActivityId>) -> Look {
        Look {
            story: self.story.clone(),
            stopping: self.stopping(),
            environment: self.environment.clone(),
            handles: self.handles.clone(),
            rng: self.rng.clone(),
            configuration,
            secrets: Arc::new(secrets),
            activity,
            declared: Declared::default(),
            step: None,
        }
    }

    /// Plays an activity to its end.
    ///
    /// # Errors
    /// Why it has no output.
    pub async fn play(&self, bound: &Bound, look: Look) -> Result<Value, Stop> {
        match bound {
            Bound::Probe(probe) => probe.look(&look).await,
            Bound::Action(action) => action.act(&Act { look }).await,
        }
    }

    /// The context of an undo. It goes on through the first two requests to stop.
    pub fn restore(&self) -> Restore {
        let mut look = self.look(Arc::default(), Object::default(), None);
        look.stopping = self.stopper.listen(3);
        Restore { look }
    }
}
