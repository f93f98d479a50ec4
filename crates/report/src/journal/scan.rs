//! Reads chosen activities out of records, in a given order, keeping as little as that order allows.

use super::NoJournal;
use squall_experiment::Value;
use squall_experiment::event::{ActivityId, Ending, Event, Record};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

/// An activity as it was declared, and how it ended.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) activity: Value,
    pub(super) ending: Option<Ending>,
    /// The record that a control made of it.
    pub(super) record: Option<Value>,
    changes: usize,
}

impl Entry {
    pub(super) fn begun(activity: Value) -> Entry {
        Entry { activity, ending: None, record: None, changes: 0 }
    }
}

pub(super) struct Scan<R> {
    records: R,
    wanted: BTreeSet<ActivityId>,
    read: BTreeMap<ActivityId, Entry>,
}

impl<R: Iterator<Item = Result<Record, NoJournal>>> Scan<R> {
    /// Those that are not wanted are not kept.
    pub(super) fn new(records: R, wanted: BTreeSet<ActivityId>) -> Scan<R> {
        Scan { records, wanted, read: BTreeMap::new() }
    }

    /// Reads on until this activity has ended, or has begun if it `ends` nowhere, and was changed this often.
    pub(super) fn take(
        &mut self,
        id: ActivityId,
        ends: bool,
        changes: usize,
    ) -> Result<Option<Entry>, NoJournal> {
        loop {
            let done = |entry: &Entry| (entry.ending.is_some() || !ends) && entry.changes >= changes;
            if self.read.get(&id).is_some_and(done) {
                break;
            }
            let Some(record) = self.records.next() else { break };
            match record?.event {
                Event::ActivityStarted { id, activity, .. } if self.wanted.contains(&id) => {
                    self.read.insert(id, Entry::begun(activity));
                }
                Event::ActivityEnded { id, ending } => {
                    if let Some(entry) = self.read.get_mut(&id) {
                        entry.ending = Some(ending);
                    }
                }
                Event::RecordChanged { id, record } => {
                    if let Some(entry) = self.read.get_mut(&id) {
                        entry.record = Some(record);
                        entry.changes += 1;
                    }
                }
                _ => {}
            }
        }
        // Its end may still come if it was given without one; nobody waits for that.
        self.wanted.remove(&id);
        Ok(self.read.remove(&id))
    }
}

/// The records of a source, whatever its errors are.
pub(super) fn read<R, E>(source: Result<R, E>) -> impl Iterator<Item = Result<Record, NoJournal>>
where
    R: Iterator<Item = Result<Record, E>>,
    E: Display,
{
    let unreadable = |error: E| NoJournal::Records(error.to_string());
    let (records, error) = match source {
        Ok(records) => (Some(records), None),
        Err(error) => (None, Some(Err(unreadable(error)))),
    };
    error.into_iter().chain(records.into_iter().flatten().map(move |record| record.map_err(unreadable)))
}
