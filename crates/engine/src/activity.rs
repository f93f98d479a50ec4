//! What an action or a probe is, and what it may do while it runs.
//!
//! Invariant: a [`Probe`] gets a [`Look`], with which nothing can be changed; an [`Action`] gets an [`Act`], which can
//! [`arm`](Act::arm) an undo and so obtain the permit that changing calls demand. Time, randomness, the environment and
//! the stop come through the context, so that a run can be replayed and stopped.

use crate::environment::{Environment, Handles};
use crate::failure::{Failure, Stop};
use crate::handover::Step;
use crate::stop::Stopping;
use crate::story::Story;
use crate::undo::{Armed, Undo};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use squall_experiment::event::{ActivityId, Event, Level, Reverted, UndoId};
use squall_experiment::{Object, Value};
use std::any::Any;
use std::future::Future;
use std::ops::Deref;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Looks at a system and cannot change it.
///
/// # Must
/// - wait only through [`Look::sleep`] and [`Look::until`], so that a stop is heard.
pub trait Probe: Send + Sync + 'static {
    /// What is known of it beforehand.
    const SPEC: crate::spec::Spec;
    /// Its arguments; unknown ones are refused by `#[serde(deny_unknown_fields)]`.
    type Args: DeserializeOwned + JsonSchema + Send + Sync;
    /// What it sees.
    type Seen: Serialize + Send + 'static;
    /// Looks.
    fn look(args: &Self::Args, cx: &Look) -> impl Future<Output = Result<Self::Seen, Stop>> + Send;
}

/// Changes a system.
///
/// # Must
/// - read, then [`arm`](Act::arm), then change, then return what was done; never drop a request half-way.
pub trait Action: Send + Sync + 'static {
    /// What is known of it beforehand.
    const SPEC: crate::spec::Spec;
    /// Its arguments; unknown ones are refused by `#[serde(deny_unknown_fields)]`.
    type Args: DeserializeOwned + JsonSchema + Send + Sync;
    /// What it did.
    type Did: Serialize + Send + 'static;
    /// Acts.
    fn act(args: &Self::Args, cx: &Act) -> impl Future<Output = Result<Self::Did, Stop>> + Send;
}

/// What a probe may do: read time, randomness, environment, secrets; hear a stop; write a line to the log.
#[derive(Clone)]
pub struct Look {
    pub(crate) story: Story,
    pub(crate) stopping: Stopping,
    pub(crate) environment: Arc<Environment>,
    pub(crate) handles: Arc<Handles>,
    pub(crate) rng: Arc<Mutex<ChaCha8Rng>>,
    pub(crate) configuration: Arc<Object>,
    pub(crate) secrets: Arc<Object>,
    pub(crate) activity: Option<ActivityId>,
    pub(crate) declared: Declared,
    /// Of a probe whose entry [inherits](crate::spec::Spec::inherits).
    pub(crate) step: Option<Arc<Step>>,
}

/// What is said of an activity where it is declared.
#[derive(Clone, Debug, Default)]
pub(crate) struct Declared {
    pub(crate) name: String,
    pub(crate) is_probe: bool,
}

impl Look {
    /// Now, UTC; follows tokio's clock, so paused tests see paused time.
    pub fn now(&self) -> Timestamp {
        self.story.now()
    }

    /// Waits, unless a stop comes first.
    ///
    /// # Errors
    /// [`Stop::Cancelled`] when the run is being stopped.
    pub async fn sleep(&self, time: Duration) -> Result<(), Stop> {
        self.until(tokio::time::sleep(time)).await
    }

    /// Awaits something that may be dropped at any moment (a read, a wait), unless a stop comes first.
    ///
    /// # Errors
    /// [`Stop::Cancelled`] when the run is being stopped.
    pub async fn until<T>(&self, work: impl Future<Output = T>) -> Result<T, Stop> {
        tokio::select! {
            biased;
            () = self.stopping.clone().requested() => Err(Stop::Cancelled),
            done = work => Ok(done),
        }
    }

    /// Completes once what was asked to end because of a stop has had its time for it, which further requests shorten.
    pub async fn grace(&self) {
        self.stopping.clone().grace().await;
    }

    /// The name of the activity.
    pub fn name(&self) -> &str {
        &self.declared.name
    }

    /// Whether the activity is declared as a probe, which changes nothing even if what serves it could.
    pub fn is_probe(&self) -> bool {
        self.declared.is_probe
    }

    /// Whether the run is being stopped.
    pub fn is_stopping(&self) -> bool {
        self.stopping.is_requested()
    }

    /// `amount` distinct indices below `of`, uniformly drawn, in random order; all of them when there are fewer. Follows the
    /// run's seed.
    pub fn draw(&self, amount: usize, of: usize) -> Vec<usize> {
        use rand::seq::index::sample;
        let mut rng = self.rng.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut drawn = sample(&mut *rng, of, amount.min(of)).into_vec();
        // `sample` promises a uniform set; a shuffle makes its order uniform too.
        use rand::seq::SliceRandom;
        drawn.shuffle(&mut *rng);
        drawn
    }

    /// A variable of the environment.
    pub fn env(&self, name: &str) -> Option<&str> {
        self.environment.get(name)
    }

    /// The whole environment.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// The experiment's configuration.
    pub fn configuration(&self) -> &Object {
        &self.configuration
    }

    /// The secrets that the activity's provider asked for, merged.
    pub fn secrets(&self) -> &Object {
        &self.secrets
    }

    /// What cli handed in for drivers to share: a pool of clients, a catalogue of certificates.
    ///
    /// # Errors
    /// A bug of ours, when it was not handed in.
    pub fn handle<T: Send + Sync + 'static>(&self) -> Result<&T, Failure> {
        self.handles.get()
    }

    /// Takes what the probe before this one left, if that was its like and nothing else was done or waited for meanwhile.
    /// Whoever [inherits](crate::spec::Spec::inherits) takes it before anything else, and closes it if it has no use for it.
    pub fn inherit<T: Send + 'static>(&self) -> Option<T> {
        let inherited = self.step.as_ref()?.inherited()?;
        inherited.downcast().ok().map(|inherited| *inherited)
    }

    /// Leaves something to the probe that follows this one at once. If something else does, or if anything was under way
    /// beside this one, it is closed.
    pub fn leave<T: Send + 'static>(&self, what: T) {
        if let Some(step) = &self.step {
            step.leave(Box::new(what));
        }
    }

    /// A line for the log which no event stands for.
    pub fn note(&self, level: Level, text: impl Into<String>) {
        self.story.tell(Event::Noted { level, text: text.into() });
    }
}

/// What an action may do: everything a probe may, and arm undos.
pub struct Act {
    pub(crate) look: Look,
}

impl Deref for Act {
    type Target = Look;
    fn deref(&self) -> &Look {
        &self.look
    }
}

impl Act {
    /// Writes how a change is undone, waits until it is on disk, and gives the permit for the change.
    ///
    /// # Errors
    /// When a stop was requested, or when the log cannot be written: then nothing may be changed.
    pub async fn arm<U: Undo>(&self, undo: U) -> Result<Armed<'_>, Stop> {
        if self.is_stopping() {
            return Err(Stop::Cancelled);
        }
        let with = serde_json::to_value(&undo).map_err(|error| {
            Failure::new(squall_experiment::event::Blame::Bug, format!("an undo cannot be written: {error}"))
        })?;
        let id = self.story.next_undo();
        let event = Event::Armed {
            undo: id,
            by: self.activity,
            kind: U::KIND.to_owned(),
            key: undo.key(),
            describe: undo.describe(),
            with,
        };
        self.on_disk(event, Some(id)).await
    }

    /// Writes that a change heals by itself (`what`: `Pod shop/cart-1`, `healer`: `its ReplicaSet`), and gives the permit.
    ///
    /// # Errors
    /// As [`Act::arm`].
    pub async fn arm_healed(&self, what: String, healer: String) -> Result<Armed<'_>, Stop> {
        if self.is_stopping() {
            return Err(Stop::Cancelled);
        }
        self.on_disk(Event::Heals { by: self.activity, what, healer }, None).await
    }

    /// Says that the change was certainly not made, as when the system refused it, so that its undo is done with. An undo that
    /// stays open would be played instead of that of a later change of the same thing.
    pub fn disarm(&self, armed: Armed<'_>) {
        if let Some(undo) = armed.undo {
            self.story.tell(Event::Restored { undo, outcome: Reverted::AlreadyBack });
        }
    }

    async fn on_disk(&self, event: Event, undo: Option<UndoId>) -> Result<Armed<'_>, Stop> {
        self.story.write_down(event).await.map_err(|error| {
            Failure::environment(format!("could not write the event log, so nothing was changed: {error}"))
                .hint("free some space, or set CHAOS_STATE_DIR to a folder that can be written")
        })?;
        Ok(Armed { undo, _of: std::marker::PhantomData })
    }
}

/// A probe with its arguments, its type forgotten.
pub trait ErasedProbe: Send + Sync {
    /// [`Probe::look`].
    fn look<'a>(&'a self, cx: &'a Look) -> BoxFuture<'a, Result<Value, Stop>>;
}

/// An action with its arguments, its type forgotten.
pub trait ErasedAction: Send + Sync {
    /// [`Action::act`].
    fn act<'a>(&'a self, cx: &'a Act) -> BoxFuture<'a, Result<Value, Stop>>;
}

pub(crate) struct BoundProbe<P: Probe>(pub(crate) P::Args);
pub(crate) struct BoundAction<A: Action>(pub(crate) A::Args);

impl<P: Probe> ErasedProbe for BoundProbe<P> {
    fn look<'a>(&'a self, cx: &'a Look) -> BoxFuture<'a, Result<Value, Stop>> {
        Box::pin(
            async move { output(P::look(&self.0, cx).await?).inspect(|seen| as_described(&P::SPEC, seen)) },
        )
    }
}
impl<A: Action> ErasedAction for BoundAction<A> {
    fn act<'a>(&'a self, cx: &'a Act) -> BoxFuture<'a, Result<Value, Stop>> {
        Box::pin(async move { output(A::act(&self.0, cx).await?).inspect(|did| as_described(&A::SPEC, did)) })
    }
}

/// Every test of an entry holds what its `SPEC` says of its output against the output.
fn as_described(spec: &crate::spec::Spec, output: &Value) {
    let returns = spec.nature.returns;
    debug_assert!(returns.admits(output), "{} says that it returns {returns:?}", spec.name);
}

/// How deeply an output may nest, tags included: as deeply as an experiment.
const MAX_DEPTH: usize = squall_experiment::draft::MAX_LOGGED;

/// What an activity returned, as a value of the journal. A [`Value`] comes through unchanged.
fn output<T: Serialize + 'static>(what: T) -> Result<Value, Stop> {
    // What is a value already need not become one; of an HTTP call's output that is half of what there is to do.
    let mut what = Some(what);
    if let Some(value) = (&mut what as &mut dyn Any).downcast_mut::<Option<Value>>().and_then(Option::take) {
        return bounded(value);
    }
    let output: Value = serde_json::to_value(what).and_then(serde_json::from_value).map_err(|error| {
        let what = format!("the output cannot be written: {error}");
        Stop::Failed(Failure::new(squall_experiment::event::Blame::Bug, what))
    })?;
    bounded(output)
}

/// The output, if it does not nest too deeply.
pub(crate) fn bounded(output: Value) -> Result<Value, Stop> {
    if output.depth() > MAX_DEPTH {
        // The reader of a log stops at 128 levels, and a log that cannot be read back restores nothing.
        let what = format!("the output nests more than {MAX_DEPTH} levels deep");
        return Err(Failure::target(what).into());
    }
    Ok(output)
}
