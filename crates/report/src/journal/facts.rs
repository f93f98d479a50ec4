//! What the journal has to know before it can write its first line: all of a run but its activities' outputs.

use super::NoJournal;
use super::judged::Judged;
use jiff::Timestamp;
use squall_experiment::event::{
    ActivityId, Around, Ending, Event, Listed, Phase, Place, Record, Side, Status,
};
use squall_experiment::{Object, Value};
use std::collections::BTreeMap;

/// A run, small enough to keep.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) platform: String,
    pub(super) node: String,
    pub(super) experiment: Value,
    pub(super) started: Timestamp,
    pub(super) ended: Timestamp,
    pub(super) status: Status,
    pub(super) deviated: bool,
    pub(super) before: Option<State>,
    pub(super) after: Option<State>,
    pub(super) during: Vec<State>,
    /// In the order of their starts, as are the rollbacks.
    pub(super) method: Vec<Listed>,
    pub(super) rollbacks: Vec<Listed>,
    pub(super) activities: BTreeMap<ActivityId, Activity>,
    /// What judging left in the experiment.
    pub(super) judged: Judged,
    /// Members that a control added or replaced, in its order.
    pub(super) changed: Object,
    /// Members that a control removed.
    pub(super) removed: Vec<String>,
    /// The look that ended last.
    looked: Option<Phase>,
    /// Probes of the rounds that go on: of the hypothesis before or after the method, and of the continuous one.
    open: [Vec<ActivityId>; 3],
}

/// What the hypothesis came to.
#[derive(Debug)]
pub(super) struct State {
    pub(super) met: bool,
    pub(super) probes: Vec<Listed>,
    /// What else a control made of it.
    members: Object,
    removed: Vec<String>,
}

impl State {
    /// Its members in their order; `None` stands for the list of records.
    pub(super) fn members(&self) -> Vec<(&str, Option<Value>)> {
        let own = [("steady_state_met", Some(Value::Bool(self.met))), ("probes", None)];
        let own = own.into_iter().filter(|(key, _)| !self.removed.iter().any(|removed| removed == key));
        let own = own.map(|(key, value)| (key, self.members.get(key).cloned().or(value)));
        let mut members: Vec<_> = own.collect();
        for (key, value) in &self.members {
            if !members.iter().any(|(known, _)| known == key) {
                members.push((key, Some(value.clone())));
            }
        }
        members
    }
}

/// An activity without what it was and gave.
#[derive(Debug)]
pub(super) struct Activity {
    place: Place,
    background: bool,
    pub(super) started: Timestamp,
    pub(super) ended: Option<Timestamp>,
    /// Whether there is a record of its end.
    pub(super) ends: bool,
    /// Whether it was really judged.
    pub(super) judged: bool,
    /// How often a control changed its record.
    pub(super) changes: usize,
    /// Only in the hypothesis.
    pub(super) tolerance_met: Option<bool>,
}

impl Facts {
    /// Reads all records; `None` when no run begins in them.
    pub(super) fn gather(
        records: impl Iterator<Item = Result<Record, NoJournal>>,
    ) -> Result<Option<Facts>, NoJournal> {
        let mut facts: Option<Facts> = None;
        let mut over = false;
        for record in records {
            let Record { at, event } = record?;
            match (&mut facts, event) {
                (None, Event::RunStarted { node, platform, experiment, .. }) => {
                    facts = Some(Facts::begin(at, node, platform, experiment));
                }
                (Some(facts), event) if !over => {
                    over = matches!(event, Event::RunEnded { .. } | Event::JournalWritten { .. });
                    facts.take(at, event);
                }
                // Controls have the last word.
                (Some(facts), Event::JournalChanged { members, removed }) => {
                    facts.journal_changed(members, removed);
                }
                (Some(facts), Event::ExperimentChanged { experiment }) => facts.experiment = experiment,
                (Some(facts), Event::RecordChanged { id, record }) => facts.record_changed(id, &record),
                (Some(facts), Event::StateChanged { phase, met, members, removed }) => {
                    facts.state_changed(phase, met, members, removed);
                }
                (Some(facts), Event::RunsChanged { place, runs }) => facts.runs_changed(place, runs),
                // Nothing of a run that did not begin is shown; what follows its end is of a recovery.
                (None | Some(_), _) => {}
            }
        }
        Ok(facts)
    }

    pub(super) fn begin(started: Timestamp, node: String, platform: String, experiment: Value) -> Facts {
        Facts {
            platform,
            node,
            experiment,
            started,
            ended: started,
            // Until its end says otherwise: a killed run has none.
            status: Status::Interrupted,
            deviated: false,
            before: None,
            after: None,
            during: Vec::new(),
            method: Vec::new(),
            rollbacks: Vec::new(),
            activities: BTreeMap::new(),
            judged: Judged::default(),
            changed: Object::default(),
            removed: Vec::new(),
            looked: None,
            open: Default::default(),
        }
    }

    pub(super) fn take(&mut self, at: Timestamp, event: Event) {
        match event {
            // A killed run ended with its last act, however late somebody restored what it left, or took notes of that.
            Event::Restored { .. }
            | Event::NotRestored { .. }
            | Event::Noted { .. }
            | Event::JournalWritten { .. } => return,
            Event::ActivityStarted { id, place, activity, background } => {
                // Where nothing is played, nothing is judged.
                let dry = self.experiment.get("dry").and_then(Value::as_text);
                if matches!(place, Place::Hypothesis(_)) && !matches!(dry, Some("probes" | "activities")) {
                    self.judged.started(id, &activity);
                }
                match place {
                    Place::Method => self.method.push(Listed::Played(id)),
                    Place::Rollbacks => self.rollbacks.push(Listed::Played(id)),
                    Place::Hypothesis(phase) => self.open[round(phase)].push(id),
                }
                let activity = Activity {
                    place,
                    background,
                    started: at,
                    ended: None,
                    ends: false,
                    judged: false,
                    changes: 0,
                    tolerance_met: None,
                };
                self.activities.insert(id, activity);
            }
            Event::ToleranceChecked { activity, met, tolerance: _ } => {
                self.judged.checked(activity);
                if let Some(activity) = self.activities.get_mut(&activity) {
                    activity.tolerance_met = Some(met);
                    activity.judged = true;
                }
            }
            Event::ActivityEnded { id, ending } => {
                self.judged.ended(id, &ending);
                if let Some(activity) = self.activities.get_mut(&id) {
                    activity.end(at, &ending);
                }
            }
            Event::Broke { message: _, place } => self.broke(at, place),
            Event::HypothesisStarted { phase, title: _ } => self.open[round(phase)].clear(),
            Event::HypothesisEnded { phase, met, probe: _, failed: _, controlled: _ } => {
                let probes = std::mem::take(&mut self.open[round(phase)]);
                let probes = probes.into_iter().map(Listed::Played).collect();
                let state = State { met, probes, members: Object::default(), removed: Vec::new() };
                // A killed run did not live to say so.
                self.deviated |= phase == Phase::After && !met;
                self.looked = Some(phase);
                match phase {
                    Phase::Before => self.before = Some(state),
                    Phase::During => self.during.push(state),
                    Phase::After => self.after = Some(state),
                }
            }
            Event::RunEnded { status, deviated } => {
                self.status = status;
                self.deviated = deviated;
            }
            Event::ExperimentChanged { experiment } => self.experiment = experiment,
            Event::RecordChanged { id, record } => self.record_changed(id, &record),
            Event::StateChanged { phase, met, members, removed } => {
                self.state_changed(phase, met, members, removed);
            }
            Event::RunsChanged { place, runs } => self.runs_changed(place, runs),
            Event::JournalChanged { members, removed } => self.journal_changed(members, removed),
            // A look that a control ended afterwards came to nothing.
            Event::ControlInterrupted { around: Around::Hypothesis, side: Side::After, .. } => {
                match self.looked {
                    Some(Phase::Before) => self.before = None,
                    Some(Phase::During) => drop(self.during.pop()),
                    Some(Phase::After) => self.after = None,
                    None => {}
                }
            }
            Event::ControlCalled { .. }
            | Event::ControlFailed { .. }
            | Event::ControlInterrupted { .. }
            | Event::RunStarted { .. }
            | Event::StrategiesChosen { .. }
            | Event::NoHypothesis
            | Event::HypothesisSkipped
            | Event::ContinuousStarted { .. }
            | Event::ContinuousEnded
            | Event::FailedFast { .. }
            | Event::MethodStarted { .. }
            | Event::MethodEnded
            | Event::RollbacksDecided { .. }
            | Event::RollbacksStarted { .. }
            | Event::RollbackNext { .. }
            | Event::RollbacksEnded
            | Event::PauseStarted { .. }
            | Event::Armed { .. }
            | Event::Heals { .. }
            | Event::LeftBehind { .. }
            | Event::StopRequested { .. } => {}
        }
        self.ended = at;
    }

    fn state(&mut self, phase: Phase) -> Option<&mut State> {
        match phase {
            Phase::Before => self.before.as_mut(),
            Phase::During => self.during.last_mut(),
            Phase::After => self.after.as_mut(),
        }
    }

    /// What a control makes of a record holds until its tolerance is judged; what it makes of it afterwards holds.
    fn record_changed(&mut self, id: ActivityId, record: &Value) {
        if let Some(activity) = self.activities.get_mut(&id) {
            activity.changes += 1;
            if activity.judged {
                activity.tolerance_met = None;
            } else if let Some(met) = record.get("tolerance_met").and_then(Value::as_bool) {
                activity.tolerance_met = Some(met);
            }
        }
    }

    fn state_changed(&mut self, phase: Phase, met: bool, members: Value, removed: Vec<String>) {
        let Some(state) = self.state(phase) else { return };
        state.met = met;
        state.members = match members {
            Value::Object(members) => members,
            _ => Object::default(),
        };
        state.removed = removed;
    }

    fn runs_changed(&mut self, place: Place, runs: Vec<Listed>) {
        match place {
            Place::Method => self.method = runs,
            Place::Rollbacks => self.rollbacks = runs,
            Place::Hypothesis(phase) => {
                if let Some(state) = self.state(phase) {
                    state.probes = runs;
                }
            }
        }
    }

    fn journal_changed(&mut self, members: Value, removed: Vec<String>) {
        self.changed.retain(|name, _| !removed.contains(name));
        if let Value::Object(members) = members {
            self.removed.retain(|name| !members.contains_key(name));
            self.changed.extend(members);
        }
        self.removed.extend(removed);
    }

    /// An error that is no failure ends the foreground activity in which it happened, if that began at all.
    fn broke(&mut self, at: Timestamp, place: Place) {
        let in_hand = |activity: &&mut Activity| activity.place == place && !activity.background;
        let last = self.activities.values_mut().rev().find(in_hand);
        if let Some(activity) = last
            && activity.ended.is_none()
        {
            activity.ended = Some(at);
        }
    }
}

impl Activity {
    fn end(&mut self, at: Timestamp, ending: &Ending) {
        self.ended = Some(at);
        self.ends = true;
        if let Place::Hypothesis(_) = self.place {
            // A failed probe is never within its tolerance; one that nobody judges (a dry mode) always is.
            let unjudged = match ending {
                Ending::Succeeded { .. } => Some(true),
                Ending::Failed { .. } => Some(false),
                Ending::Interrupted => None,
            };
            self.tolerance_met = self.tolerance_met.or(unjudged);
        }
    }
}

fn round(phase: Phase) -> usize {
    match phase {
        Phase::Before => 0,
        Phase::During => 1,
        Phase::After => 2,
    }
}
