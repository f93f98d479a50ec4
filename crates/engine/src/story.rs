//! The one order of a run's events: activities send, one dispatcher writes them to the log and shows them to observers.
//!
//! Invariant: what an observer sees and what the file holds are the same records in the same order; a record that was
//! acknowledged by [`Story::write_down`] is on disk. Both are covered by the run's [`Veil`] first.
//!
//! Records that were told before the dispatcher got its turn are written with one call and shown at once. Whoever tells waits
//! for something right after, so the dispatcher's turn comes before the process sleeps: a record is in the system's hands, where
//! `kill -9` leaves it, as soon as there is nothing else to do.

use crate::ledger::{Ledger, OpenUndo};
use crate::log::EventLog;
use crate::stop::{Signal, Stopper};
use jiff::{SignedDuration, Timestamp};
use squall_experiment::Object;
use squall_experiment::event::{ActivityId, Event, Level, Record, UndoId};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// What cli hands in to see records as they happen: in order, together those that were told together.
pub type Observer = Box<dyn FnMut(&[Record]) + Send>;

/// The most records that are written with one call; their outputs are in memory meanwhile.
const TOGETHER: usize = 64;

/// What cli hands in to take secrets out of a run's records, before they are written or anybody sees them.
///
/// # Must
/// Leave what the ledger goes by as it is: numbers of undos, their `kind`, `key` and `with`.
pub trait Veil: Send + Sync {
    /// The configuration came to these values, of which some may be secrets.
    fn configured(&self, configuration: &Object);
    /// The secrets came to these values.
    fn secrets(&self, secrets: &Object);
    /// The record as it may be told.
    fn cover(&self, record: Record) -> Record;
}

/// The wall clock at the start of a run, moved on by tokio's clock, which tests can pause and nobody can set back.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    wall: Timestamp,
    started: Instant,
}

impl Clock {
    /// A clock that says `wall` now.
    pub fn starting(wall: Timestamp) -> Clock {
        Clock { wall, started: Instant::now() }
    }
    /// Now, to the microsecond.
    pub fn now(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.started.elapsed()).unwrap_or(SignedDuration::MAX);
        let now = self.wall.saturating_add(passed).unwrap_or(Timestamp::MAX);
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }
}

/// The sending side: cheap to clone, given to everything that runs.
#[derive(Clone)]
pub struct Story {
    to: mpsc::UnboundedSender<Message>,
    clock: Clock,
    activities: Arc<AtomicU64>,
    undos: Arc<AtomicU64>,
}

enum Message {
    Tell(Record),
    WriteDown(Record, oneshot::Sender<Result<(), String>>),
    Open(oneshot::Sender<Vec<OpenUndo>>),
    CaughtUp(oneshot::Sender<()>),
    Close,
}

impl Story {
    /// A story and the dispatcher that has to be run for it.
    pub fn new(
        log: EventLog,
        clock: Clock,
        stopper: Stopper,
        observers: Vec<Observer>,
    ) -> (Story, Dispatcher) {
        Story::resumed(log, Ledger::default(), clock, stopper, observers)
    }

    /// The same for a log that already holds records, from which `ledger` was made.
    pub fn resumed(
        log: EventLog,
        ledger: Ledger,
        clock: Clock,
        stopper: Stopper,
        observers: Vec<Observer>,
    ) -> (Story, Dispatcher) {
        let (to, from) = mpsc::unbounded_channel();
        let undos = Arc::new(AtomicU64::new(ledger.next_id()));
        let story = Story { to, clock, activities: Arc::default(), undos };
        (story, Dispatcher { from, log, ledger, observers, stopper, unwritten: Vec::new(), veil: None })
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The number of the next activity.
    pub fn next_activity(&self) -> ActivityId {
        ActivityId(self.activities.fetch_add(1, Ordering::Relaxed))
    }

    /// The number of the next undo.
    pub fn next_undo(&self) -> UndoId {
        UndoId(self.undos.fetch_add(1, Ordering::Relaxed))
    }

    /// Sends an event on its way.
    pub fn tell(&self, event: Event) {
        // The dispatcher outlives every teller; if it is gone, the process is on its way out.
        let _ = self.to.send(Message::Tell(self.record(event)));
    }

    /// Sends an event and waits until it is on disk.
    ///
    /// # Errors
    /// Why it is not on disk.
    pub async fn write_down(&self, event: Event) -> Result<(), String> {
        let (ack, written) = oneshot::channel();
        let _ = self.to.send(Message::WriteDown(self.record(event), ack));
        written.await.unwrap_or_else(|_| Err("the log is closed".to_owned()))
    }

    /// The undos that are open now, oldest first.
    pub async fn open_undos(&self) -> Vec<OpenUndo> {
        let (ask, answer) = oneshot::channel();
        let _ = self.to.send(Message::Open(ask));
        answer.await.unwrap_or_default()
    }

    /// Waits until observers have seen everything that was told so far.
    pub async fn caught_up(&self) {
        let (ask, answer) = oneshot::channel();
        let _ = self.to.send(Message::CaughtUp(ask));
        // Nobody answers when the story is over, and then there is nothing to wait for.
        let _ = answer.await;
    }

    /// Ends the story: the dispatcher finishes with what was told before.
    pub fn close(&self) {
        let _ = self.to.send(Message::Close);
    }

    fn record(&self, event: Event) -> Record {
        Record { at: self.clock.now(), event }
    }
}

/// The receiving side: the one owner of the log, the ledger and the observers.
pub struct Dispatcher {
    from: mpsc::UnboundedReceiver<Message>,
    log: EventLog,
    ledger: Ledger,
    observers: Vec<Observer>,
    stopper: Stopper,
    unwritten: Vec<Record>,
    veil: Option<Arc<dyn Veil>>,
}

/// What is left when everything was told.
pub struct Told {
    /// The log, closed for writing once this is dropped.
    pub log: EventLog,
    /// Records that could not be written, in order: a full disk. They belong behind those of the log.
    pub unwritten: Vec<Record>,
    /// How many changes are still in place.
    pub open: usize,
}

impl Dispatcher {
    /// Records are covered before they are written.
    #[must_use]
    pub fn behind(mut self, veil: Option<Arc<dyn Veil>>) -> Dispatcher {
        self.veil = veil;
        self
    }

    /// Works until the story is closed, or the last [`Story`] is gone.
    pub async fn run(mut self) -> Told {
        let mut told = Vec::new();
        'told: while let Some(message) = self.from.recv().await {
            let mut next = Some(message);
            while let Some(message) = next {
                match message {
                    Message::Tell(record) => {
                        told.push(self.covered(record));
                        if told.len() == TOGETHER {
                            self.take_all(&mut told);
                        }
                    }
                    Message::WriteDown(record, ack) => {
                        self.take_all(&mut told);
                        let record = self.covered(record);
                        let written = self.take(record, true);
                        let _ = ack.send(written);
                    }
                    Message::Close => break 'told,
                    Message::CaughtUp(answer) => {
                        self.take_all(&mut told);
                        let _ = answer.send(());
                    }
                    Message::Open(answer) => {
                        self.take_all(&mut told);
                        let _ = answer.send(self.ledger.open());
                    }
                }
                next = self.from.try_recv().ok();
            }
            self.take_all(&mut told);
        }
        self.take_all(&mut told);
        Told { log: self.log, unwritten: self.unwritten, open: self.ledger.open().len() }
    }

    fn covered(&self, record: Record) -> Record {
        match &self.veil {
            Some(veil) => veil.cover(record),
            None => record,
        }
    }

    /// Takes records that are no changes.
    fn take_all(&mut self, told: &mut Vec<Record>) {
        let mut records = std::mem::take(told);
        let written = self.log.append_all(&records);
        let rest = records.split_off(written);
        for record in &records {
            self.ledger.take(&record.event);
        }
        self.show(&records);
        for record in rest {
            // Reported once; an event that is not a change may go unwritten.
            let _ = self.take(record, false);
        }
        records.clear();
        *told = records;
    }

    fn take(&mut self, record: Record, sync: bool) -> Result<(), String> {
        let written = self.log.append(&record, sync).map_err(|error| error.to_string());
        if let Err(error) = &written {
            let first = self.unwritten.is_empty();
            self.unwritten.push(record.clone());
            if first {
                self.stopper.request(Signal::LogLost);
                let text =
                    format!("could not write the event log {}: {error}; stopping", self.log.path().display());
                self.show(&[Record { at: record.at, event: Event::Noted { level: Level::Error, text } }]);
            }
            if sync {
                // What could not be armed will not be changed, so it did not happen.
                return written;
            }
        }
        self.ledger.take(&record.event);
        self.show(&[record]);
        written
    }

    fn show(&mut self, records: &[Record]) {
        if records.is_empty() {
            return;
        }
        for observer in &mut self.observers {
            observer(records);
        }
    }
}
