//! Notifications: from what happens to the channels of the settings.
//!
//! Invariant: nothing that a channel does delays or fails a run. What is to be sent is put into a short queue of its channel, and
//! a thread beside the run sends it; when the command is over, whatever is still queued has [`FAREWELL`] to leave.
//!
//! Not here: which notices there are, what is in them and who wants them (`report::notify`).

mod caller;
mod courier;

use crate::machine;
use crate::session::Session;
use crate::shared_log::{SharedLog, lock};
use caller::{Call, Caller};
use courier::Courier;
use jiff::Timestamp;
use squall_experiment::diagnostic::Diagnostic;
use squall_experiment::event::{Record, Sought};
use squall_experiment::{Object, Value};
use squall_report::line::Line;
use squall_report::notify::{self, Channel, Message, Name, Notice, Payload, Ran, channels};
use squall_report::redact::Redactor;
use std::fmt::Display;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

/// How long the end of a command waits for what is not sent yet.
const FAREWELL: Duration = Duration::from_secs(10);

/// How many notices may wait for a channel; a command has three at most.
const QUEUE: usize = 16;

/// How many channels in Python share a queue of that length each.
const PLUGINS: usize = 16;

/// Tells the channels; nobody, until it is opened. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Notices(Arc<Mutex<Option<Desk>>>);

struct Desk {
    redactor: Redactor,
    channels: Vec<(Channel, Queue)>,
    /// Closed when everything was sent or given up.
    done: oneshot::Receiver<()>,
    /// Whether a failure of one of them is a WARNING.
    loud: bool,
    log: SharedLog,
}

/// What waits to be sent.
enum Queue {
    Letters(mpsc::Sender<courier::Letter>),
    /// Channels in Python have one together.
    Calls(mpsc::Sender<Call>),
}

impl Notices {
    /// Opens the channels of the settings for a command of this phase.
    pub(crate) fn open(&self, settings: &Object, phase: &str, session: &Session) {
        let environment = |name: &str| session.environment.get(name).map(str::to_owned);
        let (channels, complaints) = channels(settings, phase, &environment);
        for complaint in complaints {
            let loud = complaint.lost || session.screen.terminal;
            session.say(if loud { Line::warning(complaint.text) } else { Line::debug(complaint.text) });
        }
        if channels.is_empty() {
            return;
        }
        match desk(channels, session) {
            Ok(desk) => *self.desk() = Some(desk),
            Err(error) => session.say(Line::warning(format!("no notification is sent: {error}"))),
        }
    }

    /// Tells of an experiment.
    pub(crate) fn experiment(&self, name: Name, experiment: &Value) {
        self.document(name, experiment, None);
    }

    /// Tells that an experiment is not valid.
    pub(crate) fn invalid(&self, experiment: &Value, complaint: &Diagnostic) {
        self.document(Name::ValidateFailed, experiment, Some(notify::invalid(complaint)));
    }

    /// Tells of whatever else there is to tell.
    pub(crate) fn document(&self, name: Name, document: &Value, error: Option<String>) {
        if let Some(desk) = self.desk().as_ref() {
            let mut document = desk.redactor.experiment(document.clone());
            notify::spell(&mut document);
            let error = error.map(|error| desk.redactor.clean(error));
            desk.tell(&Notice { name, at: Timestamp::now(), payload: Payload::Document(&document), error });
        }
    }

    /// Tells how a run ended; `source` gives its records, from the first on each time it is called.
    pub(crate) fn ran<R, E>(&self, source: impl Fn(Sought) -> Result<R, E>)
    where
        R: Iterator<Item = Result<Record, E>>,
        E: Display,
    {
        let guard = self.desk();
        let Some(desk) = guard.as_ref() else { return };
        let with_journal = desk.channels.iter().any(|(channel, _)| channel.wants_journal());
        match Ran::gather(source, &desk.redactor, with_journal) {
            Ok(ran) => {
                for name in ran.names() {
                    let (at, payload) = (Timestamp::now(), Payload::Run(&ran));
                    desk.tell(&Notice { name, at, payload, error: None });
                }
            }
            Err(error) => say(&desk.log, Line::debug(format!("no notification of the run's end: {error}"))),
        }
    }

    /// Waits for what is not sent yet, briefly; a signal ends the waiting.
    pub(crate) fn farewell(&self) {
        let Some(Desk { channels, done, loud, log, .. }) = self.desk().take() else { return };
        // Without their senders the queues end.
        drop(channels);
        let Ok(runtime) = machine::runtime() else { return };
        let waited = runtime.block_on(async {
            tokio::select! {
                _ = done => true,
                () = tokio::time::sleep(FAREWELL) => false,
                () = stopped() => false,
            }
        });
        if !waited {
            let text = "notifications that were not delivered by now are given up";
            say(&log, if loud { Line::warning(text) } else { Line::debug(text) });
        }
    }

    fn desk(&self) -> MutexGuard<'_, Option<Desk>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    fn tell(&self, notice: &Notice<'_>) {
        for (channel, queue) in &self.channels {
            let Some(message) = channel.message(notice) else { continue };
            let name = notice.name;
            let queued = match (queue, message) {
                (Queue::Letters(queue), Message::Request(delivery)) => {
                    queue.try_send(courier::Letter { name, delivery }).is_ok()
                }
                (Queue::Calls(queue), Message::Plugin(plugin)) => {
                    queue.try_send(Call { label: channel.label().to_owned(), name, plugin }).is_ok()
                }
                // A channel's queue is of its kind.
                (Queue::Letters(_) | Queue::Calls(_), _) => false,
            };
            if !queued {
                let text =
                    format!("{}: {} is not sent, for too much waits", channel.label(), notice.name.word());
                say(&self.log, Line::debug(text));
            }
        }
    }
}

/// Starts the thread that sends.
fn desk(channels: Vec<Channel>, session: &Session) -> io::Result<Desk> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (finished, done) = oneshot::channel();
    let mut couriers = JoinSet::new();
    // Where the Toolkit says nothing, a pipe hears nothing either.
    let is_loud = |channel: &Channel| session.screen.terminal || !channel.is_of_the_toolkit();
    let any_loud = channels.iter().any(is_loud);
    let mut calls = None;
    let channels = channels.into_iter().map(|channel| {
        if channel.is_python() {
            let queue = calls.get_or_insert_with(|| {
                let (queue, calls) = mpsc::channel(QUEUE * PLUGINS);
                let loud = session.screen.terminal;
                let caller = Caller { bridge: session.new_bridge(), log: session.log.clone(), loud };
                couriers.spawn_on(caller.serve(calls), runtime.handle());
                queue
            });
            return (channel, Queue::Calls(queue.clone()));
        }
        let (queue, letters) = mpsc::channel(QUEUE);
        let courier = Courier {
            label: channel.label().to_owned(),
            environment: session.environment.clone(),
            log: session.log.clone(),
            loud: is_loud(&channel),
        };
        couriers.spawn_on(courier.serve(letters), runtime.handle());
        (channel, Queue::Letters(queue))
    });
    let channels = channels.collect();
    drop(calls);
    thread::Builder::new().name("notifications".to_owned()).spawn(move || {
        runtime.block_on(async { while couriers.join_next().await.is_some() {} });
        // Nobody may wait any more.
        let _ = finished.send(());
    })?;
    let redactor = session.redactor.clone();
    Ok(Desk { redactor, channels, done, loud: any_loud, log: session.log.clone() })
}

/// Returns when somebody wants the process to end.
async fn stopped() {
    let (Ok(mut interrupt), Ok(mut terminate), Ok(mut hang_up)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()), signal(SignalKind::hangup()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
    }
}

fn say(log: &SharedLog, line: Line) {
    lock(log).line(&line, Timestamp::now());
}
