//! The gist of a run: what one wants to know of it without reading its journal.
//!
//! Invariant: a function of the run's records, read once; of outputs only those are kept that a message may need, and short.

use crate::journal::{NoJournal, records};
use crate::time;
use jiff::Timestamp;
use squall_experiment::Value;
use squall_experiment::event::{ActivityId, Ending, Event, Phase, Place, Record, Reverted, Status, UndoId};
use squall_experiment::python::str_of;
use std::collections::BTreeMap;
use std::fmt::Display;

/// How much of an output is told, in characters.
const MOST: usize = 1000;

/// How many failures are told of each list.
const MOST_FAILURES: usize = 10;

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Its name, which `chaos recover` takes.
    pub run: String,
    /// The machine on which it ran.
    pub node: String,
    /// The experiment's title.
    pub title: String,
    /// The hypothesis' title, if there is one.
    pub hypothesis: Option<String>,
    /// How it ended.
    pub status: Status,
    /// Whether a weakness was found.
    pub deviated: bool,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// The steady state before the method.
    pub before: Option<State>,
    /// The steady state after it.
    pub after: Option<State>,
    /// While it ran.
    pub during: During,
    /// Activities of the method that failed.
    pub failed: Failures,
    /// Rollbacks that failed.
    pub failed_rollbacks: Failures,
    /// The error that ended it.
    pub broke: Option<String>,
    /// What somebody asked it to stop with.
    pub stopped_by: Option<String>,
    /// Changes that are still there: how each would be undone.
    pub still_changed: Vec<String>,
}

/// The steady state at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Were all probes within tolerance?
    pub met: bool,
    /// What the last probe gave, in Python's words; only if it was not.
    pub output: String,
    /// Which probe was not, and why.
    pub unmet: Option<Unmet>,
}

/// A probe that was not within tolerance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet {
    /// Its name.
    pub probe: String,
    /// `gave 503, not 200`, `failed: …`.
    pub why: String,
}

/// The rounds of a continuous hypothesis.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct During {
    /// How many there were.
    pub rounds: usize,
    /// How many of them were not met.
    pub unmet: usize,
    /// The first of those.
    pub first: Option<Unmet>,
}

/// Activities that failed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    /// Name and reason of the first ones.
    pub first: Vec<(String, String)>,
    /// How many there are beyond.
    pub more: usize,
}

impl Failures {
    fn add(&mut self, name: String, why: &str) {
        if self.first.len() < MOST_FAILURES {
            self.first.push((name, cut(why.to_owned())));
        } else {
            self.more += 1;
        }
    }
}

/// What a round of the hypothesis has seen so far.
#[derive(Default)]
struct Round {
    last: Option<Probe>,
    tolerance: String,
}

struct Probe {
    name: String,
    ending: Ending,
}

struct Fold {
    summary: Summary,
    started: Timestamp,
    /// Those that go on.
    activities: BTreeMap<ActivityId, (Place, String)>,
    before: Round,
    during: Round,
    after: Round,
    undos: BTreeMap<UndoId, String>,
    not_restored: bool,
    over: bool,
}

impl Summary {
    /// Reads all records; `None` when no run begins in them.
    pub(super) fn gather<R, E>(source: Result<R, E>) -> Result<Option<Summary>, NoJournal>
    where
        R: Iterator<Item = Result<Record, E>>,
        E: Display,
    {
        let mut fold: Option<Fold> = None;
        for record in records(source) {
            let Record { at, event } = record?;
            match (&mut fold, event) {
                (None, Event::RunStarted { run, node, experiment, .. }) => {
                    fold = Some(Fold::begin(at, run.0, node, &experiment));
                }
                (Some(fold), event) if !fold.over => fold.take(at, event),
                // The one thing that comes after the end and is of the run.
                (Some(fold), Event::JournalChanged { members, .. }) => fold.changed(&members),
                // What follows its end is of a recovery.
                (None | Some(_), _) => {}
            }
        }
        Ok(fold.map(Fold::end))
    }
}

impl Fold {
    fn begin(started: Timestamp, run: String, node: String, experiment: &Value) -> Fold {
        let title = |of: Option<&Value>| of.and_then(|of| of.get("title")).map(str_of);
        let hypothesis = experiment.get("steady-state-hypothesis").filter(|it| it.is_truthy());
        let summary = Summary {
            run,
            node,
            title: title(Some(experiment)).unwrap_or_default(),
            hypothesis: title(hypothesis),
            // Until its end says otherwise.
            status: Status::Interrupted,
            deviated: false,
            seconds: 0.0,
            before: None,
            after: None,
            during: During::default(),
            failed: Failures::default(),
            failed_rollbacks: Failures::default(),
            broke: None,
            stopped_by: None,
            still_changed: Vec::new(),
        };
        Fold {
            summary,
            started,
            activities: BTreeMap::new(),
            before: Round::default(),
            during: Round::default(),
            after: Round::default(),
            undos: BTreeMap::new(),
            not_restored: false,
            over: false,
        }
    }

    fn round(&mut self, phase: Phase) -> &mut Round {
        match phase {
            Phase::Before => &mut self.before,
            Phase::During => &mut self.during,
            Phase::After => &mut self.after,
        }
    }

    /// A control changed the journal of the run that ended.
    fn changed(&mut self, members: &Value) {
        if let Some(word) = members.get("status") {
            self.summary.status = word.as_text().and_then(Status::named).unwrap_or(Status::Failed);
        }
        if let Some(deviated) = members.get("deviated") {
            self.summary.deviated = deviated.is_truthy();
        }
    }

    fn take(&mut self, at: Timestamp, event: Event) {
        match event {
            Event::ActivityStarted { id, place, activity, .. } => {
                let name = activity.get("name").map(str_of).unwrap_or_default();
                self.activities.insert(id, (place, name));
            }
            Event::ActivityEnded { id, ending } => self.ended(id, ending),
            Event::HypothesisStarted { phase, .. } => *self.round(phase) = Round::default(),
            Event::ToleranceChecked { met: false, tolerance, .. } => {
                // It is of the round that goes on; two at once are of the same probes.
                for round in [&mut self.before, &mut self.during, &mut self.after] {
                    round.tolerance.clone_from(&tolerance);
                }
            }
            Event::HypothesisEnded { phase, met, probe, failed: _, controlled: _ } => {
                let state = std::mem::take(self.round(phase)).state(met, probe);
                match phase {
                    Phase::Before => self.summary.before = Some(state),
                    Phase::After => self.summary.after = Some(state),
                    Phase::During => {
                        let during = &mut self.summary.during;
                        during.rounds += 1;
                        if !met {
                            during.unmet += 1;
                            during.first = during.first.take().or(state.unmet);
                        }
                    }
                }
            }
            Event::Broke { message, .. } => {
                self.summary.broke.get_or_insert(cut(message));
            }
            Event::StopRequested { signal, .. } => {
                self.summary.stopped_by.get_or_insert(signal);
            }
            Event::Armed { undo, describe, .. } => {
                self.undos.insert(undo, describe);
            }
            Event::Restored {
                undo,
                outcome: Reverted::PutBack | Reverted::AlreadyBack | Reverted::TargetGone,
            } => {
                self.undos.remove(&undo);
            }
            Event::NotRestored { .. } => self.not_restored = true,
            Event::LeftBehind { undos } => self.summary.still_changed.extend(undos),
            Event::RunEnded { status, deviated } => {
                self.summary.status = status;
                self.summary.deviated = deviated;
                self.over = true;
            }
            Event::RunStarted { .. }
            | Event::StrategiesChosen { .. }
            | Event::NoHypothesis
            | Event::HypothesisSkipped
            | Event::ContinuousStarted { .. }
            | Event::ContinuousEnded
            | Event::FailedFast { .. }
            | Event::ToleranceChecked { met: true, .. }
            | Event::MethodStarted { .. }
            | Event::MethodEnded
            | Event::RollbacksDecided { .. }
            | Event::RollbacksStarted { .. }
            | Event::RollbackNext { .. }
            | Event::RollbacksEnded
            | Event::PauseStarted { .. }
            | Event::Heals { .. }
            | Event::ControlCalled { .. }
            | Event::ControlFailed { .. }
            | Event::ExperimentChanged { .. }
            | Event::RecordChanged { .. }
            | Event::RunsChanged { .. }
            | Event::JournalChanged { .. }
            | Event::Noted { .. }
            | Event::JournalWritten { .. } => {}
            Event::StateChanged { phase, met, .. } => {
                let state = match phase {
                    Phase::Before => self.summary.before.as_mut(),
                    Phase::After => self.summary.after.as_mut(),
                    Phase::During => None,
                };
                if let Some(state) = state {
                    state.met = met;
                }
            }
            Event::ControlInterrupted { message, .. } => {
                self.summary.stopped_by.get_or_insert(cut(message));
            }
        }
        self.summary.seconds = time::seconds(self.started, at);
    }

    fn ended(&mut self, id: ActivityId, ending: Ending) {
        let Some((place, name)) = self.activities.remove(&id) else { return };
        match (place, &ending) {
            (Place::Hypothesis(phase), _) => self.round(phase).last = Some(Probe { name, ending }),
            (Place::Method, Ending::Failed { message, .. }) => self.summary.failed.add(name, message),
            (Place::Rollbacks, Ending::Failed { message, .. }) => {
                self.summary.failed_rollbacks.add(name, message)
            }
            (Place::Method | Place::Rollbacks, Ending::Succeeded { .. } | Ending::Interrupted) => {}
        }
    }

    fn end(self) -> Summary {
        let mut summary = self.summary;
        // What a run that ends by itself leaves is its author's will, and told by the event that says so.
        if self.not_restored || !self.over {
            summary.still_changed.extend(self.undos.into_values());
        }
        summary
    }
}

impl Round {
    fn state(self, met: bool, probe: Option<String>) -> State {
        if met {
            return State { met, output: String::new(), unmet: None };
        }
        let (output, why, last) = match self.last {
            Some(Probe { name, ending: Ending::Succeeded { output } }) => {
                (cut(str_of(&output)), format!("gave {}, not {}", told(&output), cut(self.tolerance)), name)
            }
            Some(Probe { name, ending: Ending::Failed { message, .. } }) => {
                let output = format!("chaoslib.exceptions.ActivityFailed: {message}");
                (cut(output.trim().to_owned()), format!("failed: {}", cut(message)), name)
            }
            Some(Probe { name, ending: Ending::Interrupted }) => {
                ("None".to_owned(), "did not end".to_owned(), name)
            }
            None => ("None".to_owned(), "was not looked at".to_owned(), String::new()),
        };
        State { met, output, unmet: Some(Unmet { probe: probe.unwrap_or(last), why }) }
    }
}

/// An output for people: of an HTTP call or a process the status, else the value.
fn told(output: &Value) -> String {
    match output.get("status") {
        Some(status @ Value::Int(_)) if output.get("body").is_some() || output.get("stdout").is_some() => {
            format!("status {}", str_of(status))
        }
        _ => {
            let text = str_of(output);
            let short: String = text.chars().take(200).collect();
            if short.len() < text.len() { format!("{short}…") } else { text }
        }
    }
}

fn cut(text: String) -> String {
    match text.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}
