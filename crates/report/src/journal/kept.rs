//! A run that goes on, kept in memory for those who look at it meanwhile: what a control is shown.
//!
//! Invariant: what is shown of a run now is what its journal would hold if it ended now.

use super::facts::{Facts, State};
use super::scan::Entry;
use super::{line, run_record};
use squall_experiment::event::{ActivityId, Event, Listed, Phase, Place, Record};
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

    /// The list of records of the method, of the rollbacks, or of the last look of a phase that ended.
    pub fn listed(&self, place: Place) -> &[Listed] {
        let Some(facts) = &self.facts else { return &[] };
        match place {
            Place::Method => &facts.method,
            Place::Rollbacks => &facts.rollbacks,
            Place::Hypothesis(phase) => self.state(phase).map_or(&[], |state| &state.probes),
        }
    }

    /// The same with the records themselves.
    pub fn runs(&self, place: Place) -> Value {
        let run = |run: &Listed| match run {
            Listed::Played(id) => self.record(*id).map(Value::Object),
            Listed::Added(value) => Some(value.clone()),
        };
        Value::List(self.listed(place).iter().filter_map(run).collect())
    }

    /// What the last look of this phase came to; null before one ended.
    pub fn look(&self, phase: Phase) -> Value {
        let Some(state) = self.state(phase) else { return Value::Null };
        let records = || self.runs(Place::Hypothesis(phase));
        let members = state.members().into_iter();
        Value::Object(members.map(|(key, value)| (key.to_owned(), value.unwrap_or_else(records))).collect())
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
