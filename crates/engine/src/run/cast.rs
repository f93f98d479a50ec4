//! What the stages of a run share: the experiment and its values as they are now, and the controls that may change them.
//!
//! Invariant: what a control changes holds from its return on, and is told before anything that follows from it.

use crate::control::{self, Call, Changes, Controls, Hook, Subject, Unhooked, applying, arguments, declared};
use crate::failure::Failure;
use crate::options::Options;
use crate::run::patience::{Cut, PATIENCE, Patience};
use crate::spec::Catalog;
use crate::stage::Stage;
use crate::story::Veil;
use squall_experiment::document::Experiment;
use squall_experiment::event::{Around, Event, Level, Phase, Place, Side};
use squall_experiment::substitute::{Scope, substitute};
use squall_experiment::{Object, Value};
use std::cell::{Cell, RefCell};
use std::sync::Arc;

/// What the stages of a run share.
pub(crate) struct Cast<'a> {
    pub(crate) catalog: Catalog,
    pub(crate) options: &'a Options,
    experiment: RefCell<Arc<Experiment>>,
    scope: RefCell<Arc<Scope>>,
    controls: Option<Directed<'a>>,
    interrupted: Cell<bool>,
    patience: Patience,
}

/// The controls of a run.
struct Directed<'a> {
    controls: &'a dyn Controls,
    globals: Vec<Value>,
    veil: Option<&'a dyn Veil>,
    plays: Cell<u64>,
}

/// A turn came to no good end: a control, or a stop, ended the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interrupted;

impl<'a> Cast<'a> {
    pub(crate) fn new(
        catalog: Catalog,
        experiment: Experiment,
        scope: Scope,
        options: &'a Options,
    ) -> Cast<'a> {
        Cast {
            catalog,
            options,
            experiment: RefCell::new(Arc::new(experiment)),
            scope: RefCell::new(Arc::new(scope)),
            controls: None,
            interrupted: Cell::new(false),
            patience: Patience::default(),
        }
    }

    /// The experiment as it is now.
    pub(crate) fn experiment(&self) -> Arc<Experiment> {
        self.experiment.borrow().clone()
    }

    /// Configuration and secrets as they are now.
    pub(crate) fn scope(&self) -> Arc<Scope> {
        self.scope.borrow().clone()
    }

    /// One more value of the configuration.
    pub(crate) fn configured(&self, name: String, value: Value) {
        Arc::make_mut(&mut self.scope.borrow_mut()).configuration.insert(name, value);
    }

    pub(crate) fn into_scope(self) -> Scope {
        Arc::unwrap_or_clone(self.scope.into_inner())
    }

    /// The rollbacks are played even if a control ended the method; one may end them, too.
    pub(crate) fn goes_on(&self) {
        self.interrupted.set(false);
    }

    /// Whether a control ended the run.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.interrupted.get()
    }

    /// Changes were put back, or said to be left: controls have time again.
    pub(crate) fn has_settled(&self) {
        self.patience.renew();
    }

    /// Whether anything is called around what happens.
    pub(crate) fn is_controlled(&self) -> bool {
        self.controls.is_some()
    }

    /// What calls around one activity have in common.
    pub(crate) fn next_play(&self) -> u64 {
        self.controls.as_ref().map_or(0, |directed| directed.plays.replace(directed.plays.get() + 1))
    }

    /// Configures the controls of a run; those that hold for every experiment and cannot be configured are left out.
    pub(crate) async fn direct(
        &mut self,
        controls: Option<&'a dyn Controls>,
        veil: Option<&'a dyn Veil>,
        stage: &Stage,
    ) {
        let Some(controls) = controls else { return };
        let globals = controls.globals();
        if globals.is_empty() && declared(&self.experiment().document).is_empty() {
            return;
        }
        self.controls = Some(Directed { controls, globals: Vec::new(), veil, plays: Cell::new(0) });
        let mut configured = Vec::new();
        for control in globals {
            if let Value::Object(object) = &control
                && self.aside(stage, object, Hook::Configure { global: true }).await
            {
                configured.push(control);
            }
        }
        note(stage, "Initializing controls");
        let experiment = self.experiment();
        for control in declared(&experiment.document) {
            self.aside(stage, control, Hook::Configure { global: false }).await;
        }
        if let Some(directed) = &mut self.controls {
            directed.globals = configured;
        }
    }

    /// Cleans up after the controls of a run; whether those of the experiment let it.
    pub(crate) async fn dismiss(&self, stage: &Stage) -> bool {
        let Some(directed) = &self.controls else { return true };
        note(stage, "Cleaning up controls");
        let mut clean = true;
        let experiment = self.experiment();
        for control in declared(&experiment.document) {
            clean &= self.aside(stage, control, Hook::Cleanup).await;
        }
        for control in directed.globals.iter().filter_map(Value::as_object) {
            self.aside(stage, control, Hook::Cleanup).await;
        }
        clean
    }

    /// Calls what belongs to no turn; whether it worked.
    async fn aside(&self, stage: &Stage, control: &Object, hook: Hook) -> bool {
        let name = control::name(control);
        if self.patience.is_spent(stage) {
            note(stage, format!("The {} of control '{name}' is not called any more", hook.function()));
            return false;
        }
        note(
            stage,
            match hook {
                Hook::Configure { global: true } => format!("Initializing global control '{name}'"),
                Hook::Configure { global: false } => format!("Initializing control '{name}'"),
                Hook::Cleanup | Hook::Turn(..) => format!("Cleaning up control '{name}'"),
            },
        );
        let arguments = arguments(control);
        match self.call(stage, control, hook, &arguments, Subject::Run).await {
            Some(Ok(changes)) => {
                self.take(stage, changes);
                true
            }
            Some(Err(unhooked)) => {
                let message = match unhooked {
                    Unhooked::Failed(failure) => failure.classed(),
                    Unhooked::Interrupted(message) => message,
                    Unhooked::Exit(signal) => {
                        stage.request_stop(signal);
                        signal.word().into_owned()
                    }
                };
                let function = hook.function().to_owned();
                stage.story.tell(Event::ControlFailed { control: name, function, message });
                false
            }
            None => false,
        }
    }

    /// Calls what applies at a turn. What of its subject was changed comes back; of an activity that ended the record.
    pub(crate) async fn turn(
        &self,
        stage: &Stage,
        around: Around,
        side: Side,
        subject: Subject<'_>,
    ) -> Result<Changes, Interrupted> {
        let mut sum = Changes::default();
        let Some(directed) = &self.controls else { return Ok(sum) };
        let experiment = self.experiment();
        let document = &experiment.document;
        let holder = match subject {
            Subject::Hypothesis(_) => document.get("steady-state-hypothesis"),
            Subject::Activity { activity, .. } => Some(activity),
            Subject::Source(..) | Subject::Run | Subject::Method | Subject::Rollbacks => None,
        };
        let applying = applying(around, side, &directed.globals, Some(document), holder);
        if applying.is_empty() {
            note(stage, format!("No controls to apply on '{}'", around.word()));
        }
        for control in applying {
            let name = control::name(control);
            if self.patience.is_spent(stage) {
                let function = Hook::Turn(around, side).function();
                note(stage, format!("The {function} of control '{name}' is not called any more"));
                continue;
            }
            stage.story.tell(Event::ControlCalled { control: name.clone(), around, side });
            let scope = self.scope();
            let mut arguments = arguments(control);
            if !scope.is_empty() {
                arguments = substitute(&arguments, &scope);
            }
            let hook = Hook::Turn(around, side);
            let activity = sum.activity.clone();
            let subject = match (&activity, subject) {
                (Some(activity), Subject::Activity { play, activity: _, at, record }) => {
                    Subject::Activity { play, activity, at, record }
                }
                _ => subject,
            };
            match self.call(stage, control, hook, &arguments, subject).await {
                Some(Ok(changes)) => {
                    let taken = self.take(stage, changes);
                    sum.activity = taken.activity.or(sum.activity);
                    sum.looks.extend(taken.looks);
                    sum.records.extend(taken.records);
                    if let Some((members, removed)) = taken.journal {
                        let (all, gone) = sum.journal.get_or_insert_default();
                        all.extend(members);
                        gone.extend(removed);
                    }
                }
                Some(Err(Unhooked::Failed(failure))) => {
                    let (function, message) = (hook.function().to_owned(), failure.classed());
                    stage.story.tell(Event::ControlFailed { control: name, function, message });
                    if let Some(hint) = failure.hint {
                        note(stage, format!("hint: {hint}"));
                    }
                }
                Some(Err(Unhooked::Interrupted(message))) => {
                    stage.story.tell(Event::ControlInterrupted { control: name, around, side, message });
                    // The run is over by then.
                    if (around, side) != (Around::Experiment, Side::After) {
                        self.interrupted.set(true);
                    }
                    return Err(Interrupted);
                }
                Some(Err(Unhooked::Exit(signal))) => {
                    stage.request_stop(signal);
                    return Err(Interrupted);
                }
                None => return Err(Interrupted),
            }
        }
        Ok(sum)
    }

    /// Calls a control; `None` if a stop came meanwhile.
    async fn call(
        &self,
        stage: &Stage,
        control: &Object,
        hook: Hook,
        arguments: &Value,
        subject: Subject<'_>,
    ) -> Option<Result<Changes, Unhooked>> {
        let controls = self.controls.as_ref()?.controls;
        let _called = stage.begin().close();
        // Whoever gathers records for controls has seen all that were told.
        stage.story.caught_up().await;
        let (experiment, scope) = (self.experiment(), self.scope());
        let now = stage.story.now();
        let call =
            Call { control, hook, arguments, subject, experiment: Some(&experiment), scope: &scope, now };
        // What comes after a stop is still called, but not for long; one more ends that at once.
        let degree = stage.stopper.degree().saturating_add(1);
        let mut called = match self.patience.until(stage, degree, controls.call(call)).await {
            Ok(called) => called,
            Err(Cut::Stopped) => return None,
            Err(Cut::Spent) => Err(Unhooked::Failed(spent())),
        };
        if let Ok(changes) = &mut called
            && let Some(trouble) = changes.trouble.take()
        {
            self.take(stage, std::mem::take(changes));
            called = Err(trouble);
        }
        Some(called)
    }

    /// Waits until whoever is told of events knows what was told so far. A first stop lets that go on for a while.
    pub(crate) async fn told(&self, stage: &Stage) {
        let Some(directed) = &self.controls else { return };
        let _told = stage.begin().close();
        stage.story.caught_up().await;
        if self.patience.is_spent(stage) {
            return;
        }
        let degree = stage.stopper.degree().saturating_add(1).max(2);
        if let Err(Cut::Spent) = self.patience.until(stage, degree, directed.controls.told()).await {
            let text = format!("an event handler of a control did not return: {}", spent().what);
            stage.story.tell(Event::Noted { level: Level::Warning, text });
        }
    }

    /// Makes what a control changed hold, and tells it.
    fn take(&self, stage: &Stage, changes: Changes) -> Changes {
        #[rustfmt::skip]
        let Changes {
            activity, experiment, configuration, secrets, records, looks, runs, journal, trouble: _,
        } = changes;
        // First: the experiment that is told next may hold the same secrets.
        if configuration.is_some() || secrets.is_some() {
            let old = self.scope();
            let configuration = configuration.unwrap_or_else(|| old.configuration.clone());
            let secrets = secrets.unwrap_or_else(|| old.secrets.clone());
            if let Some(veil) = self.controls.as_ref().and_then(|directed| directed.veil) {
                veil.configured(&configuration);
                veil.secrets(&secrets);
            }
            self.scope.replace(Arc::new(Scope { configuration, secrets }));
        }
        if let Some(Value::Object(document)) = &experiment {
            stage.story.tell(Event::ExperimentChanged { experiment: Value::Object(document.clone()) });
            self.experiment.replace(Arc::new(Experiment { document: document.clone() }));
        }
        for (id, record) in &records {
            stage.story.tell(Event::RecordChanged { id: *id, record: Value::Object(record.clone()) });
        }
        for (phase, look) in &looks {
            let (phase, met, removed) = (*phase, look.met, look.removed.clone());
            let members = Some(&look.members).filter(|members| !members.is_empty());
            let members = members.map_or(Value::Null, |members| members.clone().into());
            stage.story.tell(Event::StateChanged { phase, met, members, removed });
        }
        for (place, runs) in runs {
            stage.story.tell(Event::RunsChanged { place, runs });
        }
        if let Some((members, removed)) = &journal {
            let (members, removed) = (Value::Object(members.clone()), removed.clone());
            stage.story.tell(Event::JournalChanged { members, removed });
        }
        Changes { activity, records, looks, journal, ..Changes::default() }
    }
}

/// An entry of a list of activities, in the experiment as it was when its turn came.
pub(crate) struct Cue {
    experiment: Arc<Experiment>,
    pub(crate) place: Place,
    pub(crate) index: usize,
}

impl Cue {
    /// The entry at this place of a list, if the list is that long.
    pub(crate) fn at(cast: &Cast<'_>, place: Place, index: usize) -> Option<Cue> {
        let experiment = cast.experiment();
        (index < entries(&experiment, place).len()).then_some(Cue { experiment, place, index })
    }

    /// What it says.
    pub(crate) fn entry(&self) -> &Value {
        &entries(&self.experiment, self.place)[self.index]
    }

    /// The activity that it refers to, and where that stands.
    pub(crate) fn referenced(&self, name: &str) -> Option<(&Value, (Place, usize))> {
        let activity = self.experiment.referenced(name)?;
        let places = [Place::Hypothesis(Phase::Before), Place::Method];
        places.into_iter().find_map(|place| {
            let index =
                entries(&self.experiment, place).iter().position(|entry| std::ptr::eq(entry, activity))?;
            Some((activity, (place, index)))
        })
    }
}

/// The activities of a place.
pub(crate) fn entries(experiment: &Experiment, place: Place) -> &[Value] {
    match place {
        Place::Hypothesis(_) => {
            experiment.hypothesis().map(|hypothesis| hypothesis.probes).unwrap_or_default()
        }
        Place::Method => experiment.method(),
        Place::Rollbacks => experiment.rollbacks(),
    }
}

/// Why a control is not waited for.
fn spent() -> Failure {
    let seconds = PATIENCE.as_secs();
    let what = format!("a run that is stopped waits {seconds} s for its controls in all, and these are over");
    Failure::experiment(what)
}

fn note(stage: &Stage, text: impl Into<String>) {
    stage.story.tell(Event::Noted { level: Level::Debug, text: text.into() });
}
