//! Runs an experiment from its first look at the steady state to the last word of its log.
//!
//! Invariant: whatever ends a run, short of a kill, goes through `settle`: changes that are still in place are put back, or
//! said to be left, and no control keeps it from that for long (`patience`). The order of stages is the Toolkit's.

mod activities;
mod cast;
mod hypothesis;
mod patience;
mod play;
mod settle;

use crate::control::{Controls, Subject};
use crate::environment::{Environment, Handles};
use crate::failure::Stop;
use crate::foreign::Foreign;
use crate::options::{Options, RollbackStrategy};
use crate::spec::Catalog;
use crate::stage::Stage;
use crate::stop::{Signal, Stopper};
use crate::story::{Clock, Observer, Story, Told, Veil};
use activities::{Course, play_all};
use cast::{Cast, Interrupted};
use hypothesis::{Continuous, Looked};
use squall_experiment::document::Experiment;
use squall_experiment::event::{
    Around, Event, FORMAT, Level, Phase, Place, RollbackChoice, RunId, Side, Status,
};
use squall_experiment::resolve;
use squall_experiment::substitute::{Scope, substitute};
use squall_experiment::{Object, Value};
use std::cell::Cell;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub(crate) use settle::restore_all;

/// What is to be run.
#[derive(Debug)]
pub struct Request {
    /// The experiment, as loaded.
    pub experiment: Experiment,
    /// Its configuration, resolved but for the probes in it.
    pub configuration: resolve::Configuration,
    /// Its secrets: targets to names to values.
    pub secrets: Object,
    /// How.
    pub options: Options,
    /// Its file or URL as given.
    pub source: String,
    /// Where its journal is to be, as an absolute path, for a recovery to know it.
    pub journal: Option<String>,
    /// The name of the run, under which its log was created.
    pub run: RunId,
    /// Who runs it.
    pub program: Program,
}

/// Who runs an experiment, for the journal.
#[derive(Clone, Debug, Default)]
pub struct Program {
    /// Version of the program.
    pub version: String,
    /// Host name.
    pub node: String,
    /// As Python's `platform.platform()`.
    pub platform: String,
}

/// What a run is given by its process.
pub struct World {
    /// Everything that can be done and undone.
    pub catalog: Catalog,
    /// Variables.
    pub environment: Environment,
    /// What drivers share.
    pub handles: Handles,
    /// The time.
    pub clock: Clock,
    /// Requests to stop.
    pub signals: mpsc::UnboundedReceiver<Signal>,
    /// Who sees every record as it happens.
    pub observers: Vec<Observer>,
    /// What takes secrets out of the records.
    pub veil: Option<Arc<dyn Veil>>,
    /// What is called around everything, if anything is.
    pub controls: Option<Arc<dyn Controls>>,
    /// What serves the functions that the catalogue does not have.
    pub foreign: Option<Arc<dyn Foreign>>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The journal's word.
    pub status: Status,
    /// Whether a weakness was found.
    pub deviated: bool,
    /// Changes that are still in place because the author left them so.
    pub left: usize,
    /// Changes that should have been put back and could not be.
    pub not_restored: usize,
    /// A control of the experiment could not be cleaned up.
    pub unclean: bool,
}

/// Runs an experiment; its log has been created and is empty.
pub async fn run(mut request: Request, log: crate::log::EventLog, world: World) -> (Ended, Told) {
    let World { catalog, environment, handles, clock, signals, observers, veil, controls, foreign } = world;
    let stopper = Stopper::default();
    let (story, dispatcher) = Story::new(log, clock, stopper.clone(), observers);
    let dispatcher = dispatcher.behind(veil.clone());
    let stage = Stage::new(story, stopper, Arc::new(environment), Arc::new(handles), request.options.seed)
        .with(foreign);
    let conducted = async {
        let ended = tokio::select! {
            biased;
            () = listen(&stage, signals) => unreachable!("listening never ends"),
            ended = conduct(&mut request, &stage, catalog, veil.as_deref(), controls.as_deref()) => ended,
        };
        stage.story.close();
        ended
    };
    let (ended, told) = tokio::join!(conducted, dispatcher.run());
    (ended, told)
}

/// Turns signals into requests to stop, for ever.
pub(crate) async fn listen(stage: &Stage, mut signals: mpsc::UnboundedReceiver<Signal>) {
    while let Some(signal) = signals.recv().await {
        stage.request_stop(signal);
    }
    std::future::pending().await
}

async fn conduct(
    request: &mut Request,
    stage: &Stage,
    catalog: Catalog,
    veil: Option<&dyn Veil>,
    controls: Option<&dyn Controls>,
) -> Ended {
    let scope = configure(request, stage, catalog).await;
    // Taken and not copied: it may be large, and the record of the run's start needs a copy already.
    let mut experiment = std::mem::take(&mut request.experiment);
    let options = &request.options;
    if let Some(veil) = veil {
        veil.configured(&scope.configuration);
    }
    if let Some(title) = experiment.document.get_mut("title") {
        *title = substitute(title, &scope);
    }
    let dry = options.dry.map(|dry| dry.word().to_owned());
    experiment.document.insert("dry".to_owned(), dry.clone().map_or(Value::Null, Value::Text));
    let document = Value::Object(experiment.document.clone());
    let mut cast = Cast::new(catalog, experiment, scope, options);
    let tell = |event| stage.story.tell(event);
    tell(Event::RunStarted {
        run: request.run.clone(),
        format: FORMAT,
        version: request.program.version.clone(),
        seed: options.seed,
        pid: std::process::id(),
        node: request.program.node.clone(),
        platform: request.program.platform.clone(),
        source: request.source.clone(),
        experiment: document,
        dry,
        journal: request.journal.clone(),
    });
    cast.direct(controls, veil, stage).await;
    tell(Event::StrategiesChosen {
        hypothesis: options.hypothesis.word().to_owned(),
        rollbacks: options.rollbacks.word().to_owned(),
    });
    let mut verdict = Verdict::default();
    steady_state_and_method(&cast, stage, &mut verdict).await;
    if cast.is_interrupted() {
        verdict.status = Some(Status::Interrupted);
    }
    verdict.heed(stage);
    rollbacks(&cast, stage, &mut verdict).await;
    let mut status = verdict.heed(stage);
    let mut settled = settle::settle(stage, catalog, options.undo.puts_back(status)).await;
    if verdict.heed(stage) != status {
        // The request came while it was looked at what is left: that is not left any more.
        status = verdict.heed(stage);
        settled = settle::settle(stage, catalog, options.undo.puts_back(status)).await;
    }
    cast.has_settled();
    tell(Event::RunEnded { status, deviated: verdict.deviated });
    let (left, not_restored) = (settled.left, settled.failed);
    let ended = Ended { status, deviated: verdict.deviated, left, not_restored, unclean: false };
    farewell(&cast, stage, ended).await
}

/// Calls the controls that want to see how the run ended, and cleans up after all of them.
async fn farewell(cast: &Cast<'_>, stage: &Stage, mut ended: Ended) -> Ended {
    if let Ok(changes) = cast.turn(stage, Around::Experiment, Side::After, Subject::Run).await
        && let Some((members, _)) = changes.journal
    {
        if let Some(word) = members.get("status") {
            // A word that is none of the four is no success.
            ended.status = word.as_text().and_then(Status::named).unwrap_or(Status::Failed);
        }
        if let Some(deviated) = members.get("deviated") {
            ended.deviated = deviated.is_truthy();
        }
    }
    ended.unclean = !cast.dismiss(stage).await;
    cast.told(stage).await;
    ended
}

/// What is known of a run so far.
#[derive(Debug, Default)]
struct Verdict {
    /// `None` as long as nothing speaks against `completed`.
    status: Option<Status>,
    deviated: bool,
    /// Rollbacks are played although it failed: the hypothesis was not met before the method, or an activity was strict.
    rolls_back: bool,
    /// It failed only because a look during the method deviated.
    failed_fast: bool,
}

impl Verdict {
    /// The status as it is now: whatever the stages made of it, a run that was asked to stop was not completed.
    fn heed(&mut self, stage: &Stage) -> Status {
        if let Some(reason) = stage.stopper.reason() {
            self.status.get_or_insert(match reason {
                Signal::LogLost => Status::Aborted,
                Signal::Interrupt
                | Signal::Terminate
                | Signal::HangUp
                | Signal::User1
                | Signal::User2
                | Signal::Exit(_) => Status::Interrupted,
            });
        }
        self.status.unwrap_or(Status::Completed)
    }
}

/// Runs the probes of the configuration, in their turn: each sees the names before it, and all secrets.
async fn configure(request: &Request, stage: &Stage, catalog: Catalog) -> Scope {
    let options = Options { dry: None, ..request.options.clone() };
    let scope = Scope { configuration: Object::default(), secrets: request.secrets.clone() };
    // What a probe of it gives does not depend on the experiment around it, which may be large.
    let cast = Cast::new(catalog, Experiment::default(), scope, &options);
    let mut failed = false;
    for (name, entry) in &request.configuration.entries {
        let value = match entry {
            resolve::Entry::Value(value) => Some(value.clone()),
            resolve::Entry::Probe(probe) => match play::perform(&cast, stage, probe, None, false).await {
                Ok(output) => resolve::probed(probe, output),
                Err(Stop::Cancelled) => None,
                Err(Stop::Failed(failure) | Stop::Fatal(failure)) => {
                    let text = format!("configuration `{name}` has no value: {}", failure.classed());
                    stage.story.tell(Event::Noted { level: Level::Debug, text });
                    failed = true;
                    None
                }
            },
        };
        if let Some(value) = value {
            cast.configured(name.clone(), value);
        }
    }
    if failed {
        let text = "Some of the dynamic configuration failed to be loaded.\
                    Please review the log file for understanding what happened.";
        stage.story.tell(Event::Noted { level: Level::Warning, text: text.to_owned() });
    }
    cast.into_scope()
}

async fn steady_state_and_method(cast: &Cast<'_>, stage: &Stage, verdict: &mut Verdict) {
    let strategy = cast.options.hypothesis;
    let has_hypothesis = cast.experiment().hypothesis().is_some();
    if !has_hypothesis {
        stage.story.tell(Event::NoHypothesis);
    } else if strategy == crate::options::HypothesisStrategy::Skip {
        stage.story.tell(Event::HypothesisSkipped);
    }
    if cast.turn(stage, Around::Experiment, Side::Before, Subject::Run).await.is_err() {
        return;
    }
    if has_hypothesis && strategy.before() {
        match hypothesis::look(cast, stage, Phase::Before).await {
            Looked::Met => {}
            Looked::Interrupted => return,
            Looked::NotMet | Looked::Failed | Looked::Broke => {
                verdict.status = Some(Status::Failed);
                verdict.rolls_back = true;
                return;
            }
        }
    }
    let over = CancellationToken::new();
    let looks = Cell::new(Continuous::default());
    let continuous = async {
        if has_hypothesis && strategy.during() {
            hypothesis::look_continuously(cast, stage, &over, &looks).await;
        }
    };
    let method = async {
        let leave = || looks.get() != Continuous::Bears || cast.is_interrupted();
        let course = method(cast, stage, leave).await;
        over.cancel();
        course
    };
    let ((), course) = tokio::join!(continuous, method);
    match course {
        Course::Ended => {}
        // Without strictness the run would have gone on to its rollbacks, so it does with it.
        Course::Failed => {
            verdict.status = Some(Status::Failed);
            verdict.rolls_back = true;
        }
        Course::Interrupted if looks.get() != Continuous::Bears => {}
        Course::Interrupted => return,
        Course::Broke(failure) => {
            stage.story.tell(Event::Broke { message: failure.classed(), place: Place::Method });
            if let Some(hint) = failure.hint {
                stage.story.tell(Event::Noted { level: Level::Debug, text: format!("hint: {hint}") });
            }
            verdict.status = Some(Status::Aborted);
            return;
        }
    }
    match looks.get() {
        Continuous::Bears => {}
        // A strict failure holds whatever the last look says.
        Continuous::FailedFast if verdict.status.is_none() => {
            verdict.status = Some(Status::Failed);
            verdict.failed_fast = true;
        }
        Continuous::FailedFast => {}
        Continuous::Broke => {
            verdict.status = Some(Status::Aborted);
            return;
        }
    }
    if has_hypothesis && strategy.after() {
        match hypothesis::look(cast, stage, Phase::After).await {
            Looked::Met | Looked::Interrupted => {}
            Looked::NotMet => {
                verdict.deviated = true;
                // As in the Toolkit, where the last look has the last word: the run went to its end and found a weakness.
                if verdict.failed_fast {
                    verdict.status = None;
                }
            }
            Looked::Failed | Looked::Broke => {
                verdict.deviated = true;
                verdict.status = Some(Status::Failed);
            }
        }
    }
}

async fn method(cast: &Cast<'_>, stage: &Stage, leave: impl Fn() -> bool) -> Course {
    stage.story.tell(Event::MethodStarted { activities: cast.experiment().method().len() });
    cast.told(stage).await;
    let before = cast.turn(stage, Around::Method, Side::Before, Subject::Method).await;
    let course = match before {
        Ok(_) => play_all(cast, stage, Place::Method, leave).await,
        Err(Interrupted) => Course::Interrupted,
    };
    let after = cast.turn(stage, Around::Method, Side::After, Subject::Method).await;
    stage.story.tell(Event::MethodEnded);
    cast.told(stage).await;
    after.map_or(Course::Interrupted, |_| course)
}

async fn rollbacks(cast: &Cast<'_>, stage: &Stage, verdict: &mut Verdict) {
    let mut choice = choose(&cast.options.rollbacks, verdict, stage.stopper.skips_rollbacks());
    if choice == RollbackChoice::Silent && is_needed(cast, stage).await {
        choice = RollbackChoice::StillChanged;
    }
    let played = match choice {
        RollbackChoice::Played
        | RollbackChoice::Always
        | RollbackChoice::Deviated
        | RollbackChoice::StillChanged => true,
        RollbackChoice::Never | RollbackChoice::NotDeviated | RollbackChoice::Silent => false,
    };
    stage.story.tell(Event::RollbacksDecided { choice });
    if !played {
        return;
    }
    stage.story.tell(Event::RollbacksStarted { activities: cast.experiment().rollbacks().len() });
    let stage = stage.hearing_new_stops();
    cast.goes_on();
    let before = cast.turn(&stage, Around::Rollback, Side::Before, Subject::Rollbacks).await;
    let course = match before {
        Ok(_) => play_all(cast, &stage, Place::Rollbacks, || cast.is_interrupted()).await,
        Err(Interrupted) => Course::Interrupted,
    };
    let after = cast.turn(&stage, Around::Rollback, Side::After, Subject::Rollbacks).await;
    match after.map_or(Course::Interrupted, |_| course) {
        Course::Ended => {}
        Course::Interrupted => verdict.status = Some(Status::Interrupted),
        // It has been told. A run that could not play its rollbacks did not do what was asked.
        Course::Broke(_) | Course::Failed => {
            verdict.status.get_or_insert(Status::Failed);
        }
    }
    stage.story.tell(Event::RollbacksEnded);
}

/// Whether rollbacks that the default strategy would not play are played nevertheless: there are some, nobody said otherwise, and
/// something is still changed. Who asks twice to stop is in a hurry: the ledger alone puts back then.
async fn is_needed(cast: &Cast<'_>, stage: &Stage) -> bool {
    let asked_for = cast.options.rollbacks == RollbackStrategy::Unnamed && !stage.stopper.skips_rollbacks();
    if !asked_for || cast.experiment().rollbacks().is_empty() {
        return false;
    }
    tokio::select! {
        biased;
        () = stage.stopper.listen(2).requested() => false,
        changed = settle::is_something_changed(stage, cast.catalog) => changed,
    }
}

/// Whether the rollbacks are played.
fn choose(strategy: &RollbackStrategy, verdict: &Verdict, skipped: bool) -> RollbackChoice {
    if skipped {
        return RollbackChoice::Silent;
    }
    match strategy {
        RollbackStrategy::Unnamed | RollbackStrategy::Default => match verdict.status {
            None | Some(Status::Completed | Status::Aborted) => RollbackChoice::Played,
            Some(Status::Failed) if verdict.rolls_back => RollbackChoice::Played,
            Some(Status::Failed | Status::Interrupted) => RollbackChoice::Silent,
        },
        RollbackStrategy::Always => RollbackChoice::Always,
        RollbackStrategy::Never => RollbackChoice::Never,
        RollbackStrategy::Deviated if verdict.deviated => RollbackChoice::Deviated,
        RollbackStrategy::Deviated => RollbackChoice::NotDeviated,
        RollbackStrategy::Unknown(_) => RollbackChoice::Silent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rollbacks_follow_the_strategy_and_the_verdict() {
        use RollbackChoice as C;
        let table = [
            ("default", None, false, C::Played),
            ("default", None, true, C::Played),
            ("default", Some(Status::Failed), true, C::Silent),
            ("default", Some(Status::Aborted), false, C::Played),
            ("default", Some(Status::Interrupted), false, C::Silent),
            ("always", Some(Status::Interrupted), false, C::Always),
            ("never", None, true, C::Never),
            ("deviated", None, false, C::NotDeviated),
            ("deviated", Some(Status::Failed), true, C::Deviated),
            ("deviated", Some(Status::Aborted), false, C::NotDeviated),
            ("sometimes", None, false, C::Silent),
        ];
        for (word, status, deviated, expected) in table {
            let verdict = Verdict { status, deviated, ..Verdict::default() };
            assert_eq!(
                choose(&RollbackStrategy::named(word), &verdict, false),
                expected,
                "{word} {status:?}"
            );
            assert_eq!(choose(&RollbackStrategy::named(word), &verdict, true), C::Silent);
        }
        let gate = Verdict { status: Some(Status::Failed), rolls_back: true, ..Verdict::default() };
        assert_eq!(choose(&RollbackStrategy::Default, &gate, false), C::Played);
    }
}
