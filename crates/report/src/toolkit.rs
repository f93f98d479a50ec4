//! The Toolkit's lines of a run, in its words (typing errors included: people grep for them), made of events alone.
//!
//! Invariant: at INFO and above these are the lines that the Toolkit prints, in its order, and three WARNINGs of ours: that
//! rollbacks are played because something is still changed; what is still changed when the run is over, and the command that
//! puts it back; the program that a stop had to kill.
//!
//! Not here: lines that come before a run (loading, validation) and how a line is written.

mod activity;
mod restore;

use crate::line::Line;
use restore::Undos;
use squall_experiment::event::{Around, Event, Phase, Place, Record, RollbackChoice, Side, Status};
use squall_experiment::{Value, python};

/// Makes the lines of a run, one record after the other.
#[derive(Debug, Default)]
pub struct Toolkit {
    undos: Undos,
    /// A signal is answered differently while rollbacks are played.
    rolling_back: bool,
}

impl Toolkit {
    /// For a run from its first record on.
    pub fn new() -> Toolkit {
        Toolkit::default()
    }

    /// For a person: what was put back, and that nothing is left behind, is INFO, which it never is on a pipe.
    #[must_use]
    pub fn for_a_person(mut self, person: bool) -> Toolkit {
        self.undos.told = person;
        self
    }

    /// What this record adds to the log.
    pub fn lines(&mut self, record: &Record) -> Vec<Line> {
        match &record.event {
            Event::RunStarted { run, seed, version, experiment, dry, .. } => {
                self.undos.begin(run);
                let title = python::str_of(experiment.get("title").unwrap_or(&Value::Null));
                let mut lines = vec![
                    Line::info(format!("Running experiment: {title}")),
                    Line::debug(format!("run {run}, seed {seed}, version {version}")),
                ];
                lines.extend(
                    dry.iter().map(|dry| Line::warning(format!("Running experiment with dry {dry}"))),
                );
                lines
            }
            Event::StrategiesChosen { hypothesis, rollbacks } => vec![
                Line::info(format!("Steady-state strategy: {hypothesis}")),
                Line::info(format!("Rollbacks strategy: {rollbacks}")),
            ],
            Event::NoHypothesis => {
                vec![Line::info("No steady state hypothesis defined. That's ok, just exploring.")]
            }
            Event::HypothesisSkipped => vec![Line::info("Skipping Steady-State Hypothesis as requested")],
            Event::ContinuousStarted { every } => {
                let every = python::str_of(&Value::Float(*every));
                vec![Line::info(format!(
                    "Executing the steady-state hypothesis continuously every {every} seconds"
                ))]
            }
            Event::ContinuousEnded => vec![Line::info("Continuous steady state hypothesis terminated")],
            Event::FailedFast { deviated } => vec![Line::info(format!(
                "Terminating immediately the experiment after {deviated:.1}% hypothesis deviated"
            ))],
            Event::HypothesisStarted { phase, title } => hypothesis_started(*phase, title),
            Event::ToleranceChecked { activity: _, met, tolerance } => vec![
                Line::debug(format!("allowed tolerance is {tolerance}")),
                Line::debug(if *met { "  => within tolerance" } else { "  => not within tolerance" }),
            ],
            Event::HypothesisEnded { phase, met, probe, failed, controlled } => {
                let mut lines = looked(*met, *failed);
                if !met && !controlled {
                    let (level, text) = phase.unmet(probe.as_deref().unwrap_or("None"));
                    lines.push(Line::new(level, text));
                }
                lines
            }
            Event::MethodStarted { activities } => {
                let empty = (*activities == 0).then(|| Line::info("No declared activities, let's move on."));
                let mut lines = vec![Line::info("Playing your experiment's method now...")];
                lines.extend(empty);
                lines
            }
            Event::MethodEnded => vec![Line::debug("The method has ended")],
            Event::RollbacksDecided { choice } => rollbacks_decided(choice),
            Event::RollbacksStarted { activities } => {
                self.rolling_back = true;
                let empty = (*activities == 0).then(|| Line::info("No declared rollbacks, let's move on."));
                let mut lines = vec![Line::info("Let's rollback...")];
                lines.extend(empty);
                lines
            }
            Event::RollbackNext { name } => vec![Line::info(format!("Rollback: {name}"))],
            Event::RollbacksEnded => {
                self.rolling_back = false;
                vec![Line::debug("The rollbacks have ended")]
            }
            Event::PauseStarted { side, shown, seconds: _ } => activity::pause(*side, shown),
            Event::ActivityStarted { id: _, place: _, activity, background } => {
                activity::begun(activity, *background)
            }
            Event::ActivityEnded { id: _, ending } => activity::ended(ending),
            Event::Broke { message, place } => broke(message, *place),
            Event::Armed { undo, describe, .. } => self.undos.armed(*undo, describe),
            Event::Heals { by: _, what, healer } => {
                vec![Line::debug(format!("about to change {what}, which {healer} heals"))]
            }
            Event::Restored { undo, outcome } => self.undos.restored(*undo, *outcome),
            Event::NotRestored { undo, message, hint } => {
                self.undos.not_restored(*undo, message, hint.as_deref())
            }
            Event::LeftBehind { undos } => self.undos.left_behind(undos),
            Event::StopRequested { signal, degree } => self.stop(signal, *degree),
            Event::ControlCalled { control, around, side } => {
                let text = format!("Applying {}-control '{control}' on '{}'", side.word(), around.word());
                vec![Line::debug(text)]
            }
            Event::ControlFailed { control, function, message } => {
                self.control_failed(control, function, message)
            }
            Event::ControlInterrupted { control, around, side, message } => {
                control_interrupted(control, *around, *side, message)
            }
            Event::ExperimentChanged { .. } => vec![Line::debug("a control changed the experiment")],
            Event::RecordChanged { .. } => vec![Line::debug("a control changed a record")],
            Event::StateChanged { met, .. } => {
                let what = if *met { "" } else { " not" };
                vec![Line::debug(format!("a control says that the steady state is{what} met"))]
            }
            Event::RunsChanged { .. } => vec![Line::debug("a control changed a list of records")],
            Event::JournalChanged { .. } => vec![Line::debug("a control changed the journal")],
            Event::Noted { level, text } => vec![Line::new(*level, text.clone())],
            Event::JournalWritten { .. } => Vec::new(),
            Event::RunEnded { status, deviated } => {
                let mut lines = self.undos.ended();
                lines.extend(run_ended(*status, *deviated));
                lines
            }
        }
    }

    /// The Toolkit says so at DEBUG only, where nobody looks; a person is told.
    fn control_failed(&self, control: &str, function: &str, message: &str) -> Vec<Line> {
        let text = match function {
            "configure_control" => {
                format!("Control initialization '{control}' failed. It will not be registered.")
            }
            "cleanup_control" => format!("Control cleanup '{control}' failed"),
            before if before.starts_with("before_") => format!("Before-control '{control}' failed"),
            _ => format!("After-control '{control}' failed"),
        };
        let mut lines = vec![Line::debug(text).traceback(message)];
        if self.undos.told {
            lines.push(Line::warning(format!("control '{control}': {function} failed: {message}")));
        }
        lines
    }

    fn stop(&self, signal: &str, degree: u8) -> Vec<Line> {
        let leaving = "Received an exit signal.Terminating now without running the remaining rollbacks.";
        let mut lines = match signal {
            "SIGTERM" | "SIGHUP" => vec![
                Line::warning(format!("Caught {signal} signal, interrupting experiment now")),
                Line::critical(format!("{signal} signal received")),
            ],
            "SIGINT" | "SIGUSR1" | "SIGUSR2" if self.rolling_back => vec![Line::warning(leaving)],
            "SIGINT" => vec![Line::warning("Received a termination signal (Ctrl-C)...")],
            "SIGUSR1" => vec![Line::warning("Received the exit signal: 20")],
            "SIGUSR2" => vec![
                Line::warning("Received the exit signal: 30"),
                Line::warning("Ignoring rollbacks as per signal"),
            ],
            exit if exit.starts_with("exit ") && self.rolling_back => vec![Line::warning(leaving)],
            exit if exit.starts_with("exit ") => {
                vec![Line::warning(format!("Received the exit signal: {}", &exit["exit ".len()..]))]
            }
            // An ERROR has said already that the event log cannot be written.
            "log-lost" => Vec::new(),
            other => vec![Line::critical(other)],
        };
        lines.push(Line::debug(match degree {
            0 | 1 => "stopping: nothing more is changed, what was changed is put back",
            2 => "stopping: what was changed is put back once, briefly",
            _ => "stopping: at once",
        }));
        lines
    }
}

fn hypothesis_started(phase: Phase, title: &str) -> Vec<Line> {
    let when = match phase {
        Phase::Before => "before the method",
        Phase::During => "during the method",
        Phase::After => "after the method",
    };
    vec![
        Line::debug(format!("Running steady-state hypothesis {when}")),
        Line::info(format!("Steady state hypothesis: {title}")),
    ]
}

/// What the log says of a look before any control has its word.
fn looked(met: bool, failed: bool) -> Vec<Line> {
    if met {
        vec![Line::info("Steady state hypothesis is met!")]
    } else if failed {
        vec![Line::warning("Probe terminated unexpectedly, so its tolerance could not be validated")]
    } else {
        Vec::new()
    }
}

fn rollbacks_decided(choice: &RollbackChoice) -> Vec<Line> {
    let text = match choice {
        RollbackChoice::Played | RollbackChoice::Silent => return Vec::new(),
        RollbackChoice::Always => "Rollbacks were explicitly requested to be played",
        RollbackChoice::Never => "Rollbacks were explicitly requested to not be played",
        RollbackChoice::Deviated => "Rollbacks will be played only because the experiment deviated",
        RollbackChoice::StillChanged => {
            "Rollbacks will be played because something that the experiment changed is still so"
        }
        RollbackChoice::NotDeviated => {
            "Rollbacks were explicitely requested to be played only if the experiment deviated. \
             Since this is not the case, we will not play them."
        }
    };
    vec![Line::warning(text)]
}

fn control_interrupted(control: &str, around: Around, side: Side, message: &str) -> Vec<Line> {
    let word = match side {
        Side::Before => "Before",
        Side::After => "After",
    };
    let mut lines =
        vec![Line::debug(format!("{word}-control '{control}' interrupted the execution")).traceback(message)];
    // After the run there is nothing left to interrupt.
    if (around, side) != (Around::Experiment, Side::After) {
        lines.push(Line::critical(message));
    }
    lines
}

/// An error that is no activity's failure; `message` is `Class: text`.
fn broke(message: &str, place: Place) -> Vec<Line> {
    let text = message.split_once(": ").map_or(message, |(_, text)| text);
    match place {
        Place::Method => vec![
            Line::critical("Experiment ran into an un expected fatal error, aborting now.")
                .traceback(message),
        ],
        Place::Hypothesis(Phase::During) => vec![Line::critical(text)],
        // The Toolkit crashes here; the run goes on to its end, as after a failed activity.
        Place::Hypothesis(Phase::Before | Phase::After) | Place::Rollbacks => {
            vec![Line::error(format!("  => failed: {message}"))]
        }
    }
}

fn run_ended(status: Status, deviated: bool) -> Vec<Line> {
    let word = if deviated { "deviated" } else { status.word() };
    let mut lines = vec![Line::info(format!("Experiment ended with status: {word}"))];
    if deviated {
        lines.push(Line::info("The steady-state has deviated, a weakness may have been discovered"));
    }
    lines
}

#[cfg(test)]
mod tests;
