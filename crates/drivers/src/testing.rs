//! Plays one activity of the catalogue for a test: a provider object in, its output or its failure out, as text.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use crate::CATALOG;
use crate::http::Session;
use jiff::Timestamp;
use squall_engine::log::EventLog;
use squall_engine::stage::Stage;
use squall_engine::stop::Stopper;
use squall_engine::story::{Clock, Story};
use squall_engine::{Bound, Environment, Failure, Handles, Stop};
use squall_experiment::event::{Event, RunId};
use squall_experiment::{Object, Value};
use std::future::Future;
use std::sync::{Arc, Mutex};

/// What came of it, and what was noted meanwhile.
pub(crate) struct Played {
    /// The output, or why there is none.
    pub(crate) ended: Result<Value, Stop>,
    /// The texts that were noted, in order.
    pub(crate) noted: Vec<String>,
}

impl Played {
    /// The output as JSON, `failed: …`, `unexpected: Class: …` or `cancelled`.
    pub(crate) fn told(&self) -> String {
        match &self.ended {
            Ok(value) => value.to_json().to_string(),
            Err(Stop::Cancelled) => "cancelled".to_owned(),
            Err(Stop::Failed(Failure { what, .. })) => format!("failed: {what}"),
            Err(Stop::Fatal(failure)) => format!("unexpected: {}", failure.classed()),
        }
    }
}

/// Plays `provider` (whose `type` says what it is) with these variables.
pub(crate) async fn play(provider: serde_json::Value, variables: &[(&str, &str)]) -> Played {
    play_until(provider, variables, std::future::pending()).await
}

/// The same, as an activity of a run that shares these handles.
pub(crate) async fn play_sharing(provider: serde_json::Value, handles: &Arc<Handles>) -> Played {
    played(provider, &[], handles.clone(), std::future::pending()).await
}

/// The same, stopped as soon as `stop` completes.
pub(crate) async fn play_until(
    provider: serde_json::Value,
    variables: &[(&str, &str)],
    stop: impl Future<Output = ()>,
) -> Played {
    let handles = Handles::default().with(Session::default());
    played(provider, variables, Arc::new(handles), stop).await
}

async fn played(
    provider: serde_json::Value,
    variables: &[(&str, &str)],
    handles: Arc<Handles>,
    stop: impl Future<Output = ()>,
) -> Played {
    let folder = tempfile::tempdir().unwrap();
    let log = EventLog::create(folder.path(), &RunId("test".to_owned())).unwrap();
    let noted = Arc::new(Mutex::new(Vec::new()));
    let keep = noted.clone();
    let observer = Box::new(move |records: &[squall_experiment::event::Record]| {
        for record in records {
            if let Event::Noted { text, .. } = &record.event {
                keep.lock().unwrap().push(text.clone());
            }
        }
    });
    let stopper = Stopper::default();
    let (story, dispatcher) =
        Story::new(log, Clock::starting(Timestamp::UNIX_EPOCH), stopper.clone(), vec![observer]);
    let environment = Environment::new(variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
    let stage = Stage::new(story, stopper.clone(), Arc::new(environment), handles, 7);
    let kind = provider["type"].as_str().unwrap();
    let bound: Bound = (CATALOG.provider(kind).unwrap().bind)(provider.clone()).unwrap();
    let playing = async move {
        let look = stage.look(Arc::default(), Object::default(), None);
        stage.play(&bound, look).await
    };
    let stopping = async {
        stop.await;
        stopper.request(squall_engine::stop::Signal::Interrupt);
        std::future::pending::<()>().await;
    };
    let playing = async {
        tokio::select! {
            ended = playing => ended,
            () = stopping => unreachable!("it never completes"),
        }
    };
    let (ended, _) = tokio::join!(playing, dispatcher.run());
    let noted = noted.lock().unwrap().clone();
    Played { ended, noted }
}
