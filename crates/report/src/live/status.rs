//! What goes on in a run, in a few short lines.

use jiff::Timestamp;
use squall_experiment::event::{ActivityId, Event, Phase, Place, Record, UndoId};
use squall_experiment::{Value, python};
use std::collections::{BTreeMap, BTreeSet};

/// The most lines that are shown.
const HEIGHT: usize = 6;

/// What goes on, from the records so far.
#[derive(Debug, Default)]
pub struct Status {
    started: Option<Timestamp>,
    stage: Option<Stage>,
    running: BTreeMap<ActivityId, Running>,
    /// When each of them ends.
    pauses: Vec<Timestamp>,
    changes: BTreeSet<UndoId>,
    stopping: bool,
}

#[derive(Debug)]
enum Stage {
    Hypothesis(Phase),
    Activities { what: &'static str, begun: usize, of: usize },
}

#[derive(Debug)]
struct Running {
    label: String,
    since: Timestamp,
}

impl Status {
    /// One record further.
    pub fn take(&mut self, record: &Record) {
        let at = record.at;
        match &record.event {
            Event::RunStarted { .. } => *self = Status { started: Some(at), ..Status::default() },
            Event::RunEnded { .. } => *self = Status::default(),
            // The continuous hypothesis is looked at beside the method.
            Event::HypothesisStarted { phase: Phase::During, .. } => {}
            Event::HypothesisStarted { phase, .. } => self.stage = Some(Stage::Hypothesis(*phase)),
            Event::MethodStarted { activities } => self.begin("method", *activities),
            Event::RollbacksStarted { activities } => self.begin("rollbacks", *activities),
            Event::ActivityStarted { id, place, activity, background } => {
                if let (Place::Method | Place::Rollbacks, Some(Stage::Activities { begun, .. })) =
                    (place, &mut self.stage)
                {
                    *begun += 1;
                }
                let name = python::str_of(activity.get("name").unwrap_or(&Value::Null));
                let label = if *background { format!("{name} [in background]") } else { name };
                self.running.insert(*id, Running { label, since: at });
            }
            Event::ActivityEnded { id, .. } => {
                self.running.remove(id);
            }
            Event::PauseStarted { seconds, .. } => {
                let micros = (seconds * 1e6).clamp(0.0, 1e15) as i64;
                let ends = Timestamp::from_microsecond(at.as_microsecond().saturating_add(micros));
                self.pauses.retain(|ends| *ends > at);
                self.pauses.extend(ends);
            }
            Event::StopRequested { .. } => {
                self.stopping = true;
                self.pauses.clear();
            }
            Event::Armed { undo, .. } => {
                self.changes.insert(*undo);
            }
            Event::Restored { undo, .. } => {
                self.changes.remove(undo);
            }
            Event::MethodEnded | Event::RollbacksEnded => self.stage = None,
            Event::StrategiesChosen { .. }
            | Event::NoHypothesis
            | Event::HypothesisSkipped
            | Event::ContinuousStarted { .. }
            | Event::ContinuousEnded
            | Event::FailedFast { .. }
            | Event::ToleranceChecked { .. }
            | Event::HypothesisEnded { .. }
            | Event::RollbacksDecided { .. }
            | Event::RollbackNext { .. }
            | Event::Broke { .. }
            | Event::Heals { .. }
            | Event::NotRestored { .. }
            | Event::LeftBehind { .. }
            | Event::ControlCalled { .. }
            | Event::ControlFailed { .. }
            | Event::ControlInterrupted { .. }
            | Event::ExperimentChanged { .. }
            | Event::RecordChanged { .. }
            | Event::StateChanged { .. }
            | Event::RunsChanged { .. }
            | Event::JournalChanged { .. }
            | Event::Noted { .. }
            | Event::JournalWritten { .. } => {}
        }
    }

    fn begin(&mut self, what: &'static str, of: usize) {
        self.stage = Some(Stage::Activities { what, begun: 0, of });
    }

    /// What to show `now`, each line shorter than `width` columns; nothing before a run and after it.
    pub fn lines(&self, now: Timestamp, width: usize) -> Vec<String> {
        let Some(started) = self.started else { return Vec::new() };
        let mut lines = vec![self.headline(started, now)];
        lines.extend(self.pauses.iter().filter(|ends| **ends > now).map(|ends| {
            // A pause that is shown has at least one second to go.
            format!("  pause, {} left", clock(micros(now, *ends).div_ceil(1_000_000)))
        }));
        lines.extend(self.running.values().map(|running| {
            format!("  {}, {}", running.label, clock(micros(running.since, now) / 1_000_000))
        }));
        if lines.len() > HEIGHT {
            let hidden = lines.len() - (HEIGHT - 1);
            lines.truncate(HEIGHT - 1);
            lines.push(format!("  and {hidden} more"));
        }
        lines.iter().map(|line| fit(line, width)).collect()
    }

    fn headline(&self, started: Timestamp, now: Timestamp) -> String {
        let mut parts = Vec::new();
        if self.stopping {
            parts.push("stopping".to_owned());
        }
        parts.extend(self.stage.as_ref().map(|stage| match stage {
            Stage::Hypothesis(Phase::After) => "steady state after the method".to_owned(),
            Stage::Hypothesis(Phase::Before | Phase::During) => "steady state before the method".to_owned(),
            Stage::Activities { what, begun, of } => format!("{what} {begun} of {of}"),
        }));
        parts.push(clock(micros(started, now) / 1_000_000));
        match self.changes.len() {
            0 => {}
            1 => parts.push("1 change in place".to_owned()),
            more => parts.push(format!("{more} changes in place")),
        }
        parts.join(", ")
    }
}

/// Microseconds from one time to another, none if the clock was set back.
fn micros(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.as_microsecond().saturating_sub(from.as_microsecond())).unwrap_or(0)
}

/// `7s`, `3m05s`, `2h00m`.
fn clock(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

/// Cut so that it cannot wrap, or erasing it would miss a line. Whatever is not ASCII counts as two columns, since some of it is;
/// what would move the cursor is shown as `?`.
fn fit(line: &str, width: usize) -> String {
    let columns = |character: char| if character.is_ascii() { 1 } else { 2 };
    let room = width.saturating_sub(1);
    let clean = || line.chars().map(|character| if character.is_control() { '?' } else { character });
    if clean().map(columns).sum::<usize>() <= room {
        return clean().collect();
    }
    let mut left = room.saturating_sub(3);
    let cut = clean().take_while(|character| {
        let fits = columns(*character) <= left;
        left = left.saturating_sub(columns(*character));
        fits
    });
    let mut cut: String = cut.collect();
    cut.extend(std::iter::repeat_n('.', room.min(3)));
    cut
}
