//! A run that goes on, kept in memory for those who look at it meanwhile: what a control is shown.
//!
//! Invariant: what is shown of a run now is what its journal would hold if it ended now.

use super::facts::{Facts, State};
use super::scan::Entry;
use super::{line, run_record};
use squall_experiment::event::{ActivityId, Event, Phase, Place, Record};
use squall_experiment::{Object, Value, json};
use std::collections::BTreeMap;
use std::io;

/// The records of a run so far.
#[derive(Debug, Default)]
pub struct Kept {
    records: Vec<Record>,
    facts: Option<Facts>,
    entries: BTreeMap<ActivityId, Entry>,
}

impl Kept {
    /// One more record.
    pub fn take(&mut self, record: &Record) {
        self.records.push(record.clone());
        let Record { at, event } = record.clone();
        match &event {
            Event::ActivityStarted { id, activity, .. } => {
                self.entries.insert(*id, Entry::begun(activity.clone()));
            }
            Event::ActivityEnded { id, ending } => {
                if let Some(entry) = self.entries.get_mut(id) {
                    entry.ending = Some(ending.clone());
                }
            }
            Event::RecordChanged { id, record } => {
                if let Some(entry) = self.entries.get_mut(id) {
                    entry.record = Some(record.clone());
                }
            }
            _ => {}
        }
        match (&mut self.facts, event) {
            (None, Event::RunStarted { node, platform, experiment, .. }) => {
                self.facts = Some(Facts::begin(at, node, platform, experiment));
            }
            (Some(facts), event) => facts.take(at, event),
            (None, _) => {}
        }
    }

    /// The record of an activity.
    pub fn record(&self, id: ActivityId) -> Option<Object> {
        let activity = self.facts.as_ref()?.activities.get(&id)?;
        let mut record = run_record(activity, self.entries.get(&id)?.clone());
        if !activity.judged {
            // That comes when it has been held against its tolerance.
            record.shift_remove("tolerance_met");
        }
        Some(record)
    }

    /// The activities that were begun in the method or among the rollbacks; those of a look at the steady state that ended.
    pub fn activities(&self, place: Place) -> Vec<ActivityId> {
        let Some(facts) = &self.facts else { return Vec::new() };
        match place {
            Place::Method => facts.method.clone(),
            Place::Rollbacks => facts.rollbacks.clone(),
            Place::Hypothesis(phase) => {
                self.state(phase).map(|state| state.probes.clone()).unwrap_or_default()
            }
        }
    }

    /// Whether the steady state was met at the last look of this phase.
    pub fn met(&self, phase: Phase) -> Option<bool> {
        self.state(phase).map(|state| state.met)
    }

    /// The whole journal.
    pub fn journal(&self) -> Value {
        let source = |_| Ok::<_, io::Error>(self.records.iter().cloned().map(Ok::<_, io::Error>));
        line(source).ok().and_then(|line| json::value(&line).ok()).unwrap_or(Value::Null)
    }

    fn state(&self, phase: Phase) -> Option<&State> {
        let facts = self.facts.as_ref()?;
        match phase {
            Phase::Before => facts.before.as_ref(),
            Phase::During => facts.during.last(),
            Phase::After => facts.after.as_ref(),
        }
    }
}
