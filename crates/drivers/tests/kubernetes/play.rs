//! Plays functions of the catalogue and their undos, with a log in a temporary folder.

use jiff::Timestamp;
use serde_json::Value as Json;
use squall_drivers::CATALOG;
use squall_drivers::k8s::Clusters;
use squall_engine::ledger::Ledger;
use squall_engine::log::EventLog;
use squall_engine::spec::Lookup;
use squall_engine::stage::Stage;
use squall_engine::stop::Stopper;
use squall_engine::story::{Clock, Story};
use squall_engine::{Environment, Failure, Handles, Stop};
use squall_experiment::Value;
use squall_experiment::event::{Event, Record, Reverted, RunId};
use std::sync::{Arc, Mutex};

/// What a test has in hand while it plays.
pub(crate) struct Scene {
    pub(crate) stage: Stage,
    records: Arc<Mutex<Vec<Event>>>,
}

/// Plays a scene: `act` gets it, and the log is written until that is done.
pub(crate) async fn scene<T>(
    clusters: Clusters,
    env: &[(&str, &str)],
    act: impl AsyncFnOnce(&Scene) -> T,
) -> T {
    let folder = tempfile::tempdir().unwrap();
    let log = EventLog::create(folder.path(), &RunId("test".to_owned())).unwrap();
    let records = Arc::new(Mutex::new(Vec::new()));
    let keep = records.clone();
    let observer = Box::new(move |records: &[Record]| {
        keep.lock().unwrap().extend(records.iter().map(|record| record.event.clone()));
    });
    let stopper = Stopper::default();
    let start: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
    let (story, dispatcher) = Story::new(log, Clock::starting(start), stopper.clone(), vec![observer]);
    let environment = Environment::new(env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
    let handles = Arc::new(Handles::default().with(clusters));
    let stage = Stage::new(story, stopper, Arc::new(environment), handles, 7);
    let scene = Scene { stage, records };
    let acting = async move {
        let done = act(&scene).await;
        drop(scene);
        done
    };
    let (done, _) = tokio::join!(acting, dispatcher.run());
    done
}

impl Scene {
    /// Plays the function of this name.
    pub(crate) async fn play(&self, call: &str, arguments: &Json, secrets: &Json) -> Result<Json, Stop> {
        let (module, func) = call.rsplit_once('.').unwrap();
        let Lookup::Found(entry) = CATALOG.function(module, func) else { panic!("there is no {call}") };
        let bound = (entry.bind)(arguments.clone()).unwrap();
        let secrets = Value::from_json(secrets.clone());
        let secrets = secrets.as_object().cloned().unwrap_or_default();
        let look = self.stage.look(Arc::default(), secrets, None);
        self.stage.play(&bound, look).await.map(|value| value.to_json())
    }

    /// The same, as a line: the output as JSON, or class and text of the failure.
    pub(crate) async fn told(&self, call: &str, arguments: Json) -> String {
        told(&self.play(call, &arguments, &Json::Null).await)
    }

    /// What happened so far.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.records.lock().unwrap().clone()
    }

    /// Plays the open undos as the ledger gives them, the last one first, as read back from the log; their words.
    pub(crate) async fn revert(&self) -> Vec<Result<Reverted, Failure>> {
        self.revert_all(&self.events()).await
    }

    /// The same for the events of another run.
    pub(crate) async fn revert_all(&self, events: &[Event]) -> Vec<Result<Reverted, Failure>> {
        let mut outcomes = Vec::new();
        for open in Ledger::of(events).open().into_iter().rev() {
            let entry = CATALOG.undos.iter().find(|entry| entry.kind == open.kind).unwrap();
            let undo = (entry.load)(open.with).unwrap();
            assert_eq!((undo.key(), undo.describe()), (open.key, open.describe));
            let restore = self.stage.restore();
            let before = undo.is_back(&restore).await;
            let outcome = undo.revert(&restore).await;
            if let (Ok(back), Ok(outcome @ (Reverted::PutBack | Reverted::AlreadyBack))) = (&before, &outcome)
            {
                assert_eq!(
                    *back,
                    *outcome != Reverted::PutBack,
                    "is_back and revert disagree about {}",
                    undo.describe()
                );
            }
            outcomes.push(outcome);
        }
        outcomes
    }
}

/// An output as JSON, or class and text of a failure.
pub(crate) fn told(ended: &Result<Json, Stop>) -> String {
    match ended {
        Ok(value) => value.to_string(),
        Err(Stop::Cancelled) => "cancelled".to_owned(),
        Err(Stop::Failed(failure)) => failure.classed(),
        Err(Stop::Fatal(failure)) => format!("fatal: {}", failure.classed()),
    }
}

/// Lets time pass, paused time that is, for what happens beside what is played.
#[expect(clippy::disallowed_methods, reason = "the world around a run hears no stop")]
pub(crate) async fn pass(time: std::time::Duration) {
    tokio::time::sleep(time).await;
}
