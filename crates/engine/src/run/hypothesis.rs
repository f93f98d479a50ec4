//! Looking at the steady state: before, during and after the method.
//!
//! Invariant: the first probe that fails or is out of tolerance ends the look; a tolerance that cannot be held against an
//! output is a failed probe, not the end of the run.

use super::cast::{Cast, Cue, Interrupted};
use super::play::{Played, perform, play};
use crate::control::Subject;
use crate::failure::Stop;
use crate::stage::Stage;
use squall_experiment::event::{ActivityId, Around, Event, Level, Phase, Place, Side};
use squall_experiment::tolerance::{self, Judgement};
use squall_experiment::{Value, python};
use std::time::Duration;

/// What a look came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Looked {
    /// Every probe within its tolerance.
    Met,
    /// A probe gave another value.
    NotMet,
    /// A probe failed.
    Failed,
    /// A stop was requested meanwhile.
    Interrupted,
    /// An error that is no probe's failure, while the method runs; it has been told. At other times it is a failed probe.
    Broke,
}

/// Looks once, between the controls of its turn.
pub(crate) async fn look(cast: &Cast<'_>, stage: &Stage, phase: Phase) -> Looked {
    let experiment = cast.experiment();
    let Some(hypothesis) = experiment.hypothesis() else { return Looked::Met };
    let title = hypothesis.title.map_or_else(|| "None".to_owned(), python::str_of);
    stage.story.tell(Event::HypothesisStarted { phase, title });
    let end = |unmet: Option<&Unmet>, controlled| {
        let (met, failed) = (unmet.is_none(), unmet.is_some_and(|unmet| unmet.failed));
        let probe = unmet.map(|unmet| unmet.probe.clone());
        stage.story.tell(Event::HypothesisEnded { phase, met, probe, failed, controlled });
    };
    if !cast.is_controlled() {
        let (looked, unmet) = probe(cast, stage, phase).await;
        if looked.is_over() {
            end(unmet.as_ref(), false);
        }
        return looked;
    }
    cast.told(stage).await;
    let subject = Subject::Hypothesis(phase);
    let before = cast.turn(stage, Around::Hypothesis, Side::Before, subject).await;
    let (looked, unmet) = match before {
        Ok(_) => probe(cast, stage, phase).await,
        Err(Interrupted) => (Looked::Interrupted, None),
    };
    if looked.is_over() {
        end(unmet.as_ref(), true);
        cast.told(stage).await;
    }
    let looked = match cast.turn(stage, Around::Hypothesis, Side::After, subject).await {
        Ok(changes) => {
            let said = changes.looks.iter().rev().find(|(of, _)| *of == phase).map(|(_, look)| look.met);
            match (looked, said) {
                (Looked::NotMet | Looked::Failed, Some(true)) => Looked::Met,
                (Looked::Met, Some(false)) => Looked::NotMet,
                (looked, _) => looked,
            }
        }
        Err(Interrupted) => Looked::Interrupted,
    };
    if matches!(looked, Looked::NotMet | Looked::Failed) {
        // Of what a control says alone, the last probe is named, as in the Toolkit.
        let last = || hypothesis.probes.last().map(|probe| shown_name(cast, probe));
        let probe = unmet.map(|unmet| unmet.probe).or_else(last);
        let (level, text) = phase.unmet(probe.as_deref().unwrap_or("None"));
        stage.story.tell(Event::Noted { level, text });
    }
    looked
}

impl Looked {
    /// Whether it went to its end, and so has a result.
    fn is_over(self) -> bool {
        match self {
            Looked::Met | Looked::NotMet | Looked::Failed => true,
            Looked::Interrupted | Looked::Broke => false,
        }
    }
}

/// The probe that was not within tolerance.
struct Unmet {
    probe: String,
    failed: bool,
}

/// Asks one probe after the other.
async fn probe(cast: &Cast<'_>, stage: &Stage, phase: Phase) -> (Looked, Option<Unmet>) {
    for index in 0.. {
        let Some(cue) = Cue::at(cast, Place::Hypothesis(phase), index) else { break };
        let probe = cue.entry();
        let looked = match play(cast, stage, &cue).await {
            Played::Succeeded(id, output) => judge(cast, stage, probe, (phase, id), &output).await,
            Played::Failed(id) => {
                tell_judgement(cast, stage, probe, id, false);
                Looked::Failed
            }
            Played::Interrupted => Looked::Interrupted,
            Played::Broke(_, failure) if phase == Phase::During => broke(stage, failure.classed()),
            Played::Broke(id, failure) => {
                if let Some(id) = id {
                    tell_judgement(cast, stage, probe, id, false);
                }
                let text = format!("  => failed: {}", failure.classed());
                stage.story.tell(Event::Noted { level: Level::Error, text });
                Looked::Failed
            }
        };
        match looked {
            Looked::Met => {}
            Looked::Interrupted | Looked::Broke => return (looked, None),
            Looked::NotMet | Looked::Failed => {
                let probe = shown_name(cast, probe);
                return (looked, Some(Unmet { probe, failed: looked == Looked::Failed }));
            }
        }
    }
    (Looked::Met, None)
}

/// The name of a probe, through its `ref`.
fn shown_name(cast: &Cast<'_>, probe: &Value) -> String {
    let experiment = cast.experiment();
    let referenced = probe.get("ref").and_then(Value::as_text).and_then(|name| experiment.referenced(name));
    referenced.unwrap_or(probe).get("name").map_or_else(|| "None".to_owned(), python::str_of)
}

/// Holds a probe's tolerance against its output.
async fn judge(
    cast: &Cast<'_>,
    stage: &Stage,
    probe: &Value,
    (phase, id): (Phase, ActivityId),
    output: &Value,
) -> Looked {
    if cast.options.ignores_tolerance(probe) {
        tell_judgement(cast, stage, probe, id, true);
        return Looked::Met;
    }
    let tolerance = probe.get("tolerance").unwrap_or(&Value::Null);
    if let Some(text) = tolerance::applied(tolerance, &cast.scope()) {
        stage.story.tell(Event::Noted { level: Level::Debug, text });
    }
    let looked = match tolerance::within(tolerance, output, &cast.scope()) {
        Ok(Judgement::Met) => Looked::Met,
        Ok(Judgement::Missed(why)) => {
            stage.story.tell(Event::Noted { level: Level::Debug, text: why });
            Looked::NotMet
        }
        Ok(Judgement::Ask(judge)) => match perform(cast, stage, &judge, None, phase == Phase::During).await {
            Ok(verdict) if verdict.is_truthy() => Looked::Met,
            Ok(_) => Looked::NotMet,
            Err(Stop::Cancelled) => return Looked::Interrupted,
            Err(Stop::Failed(failure) | Stop::Fatal(failure)) => {
                let text = format!("the tolerance's probe failed: {}", failure.classed());
                stage.story.tell(Event::Noted { level: Level::Debug, text });
                Looked::NotMet
            }
        },
        Err(unjudgeable) if phase == Phase::During => return broke(stage, unjudgeable.to_string()),
        Err(unjudgeable) => {
            let text = format!("  => failed: {unjudgeable}");
            stage.story.tell(Event::Noted { level: Level::Error, text });
            Looked::Failed
        }
    };
    tell_judgement(cast, stage, probe, id, looked == Looked::Met);
    looked
}

/// An error for which nobody would wait to hear until the method has ended.
fn broke(stage: &Stage, message: String) -> Looked {
    stage.story.tell(Event::Broke { message, place: Place::Hypothesis(Phase::During) });
    Looked::Broke
}

fn tell_judgement(cast: &Cast<'_>, stage: &Stage, probe: &Value, activity: ActivityId, met: bool) {
    let tolerance = probe
        .get("tolerance")
        .map_or_else(|| "None".to_owned(), |tolerance| tolerance::shown(tolerance, &cast.scope()));
    stage.story.tell(Event::ToleranceChecked { activity, met, tolerance });
}

/// What the continuous hypothesis came to, so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Continuous {
    /// Nothing that ends the method.
    #[default]
    Bears,
    /// A look deviated, and the run is to fail fast.
    FailedFast,
    /// A look met an error that is no probe's failure.
    Broke,
}

/// Looks again and again until `over` says that the method ended; what ends the method before is told through `came_to`.
pub(crate) async fn look_continuously(
    cast: &Cast<'_>,
    stage: &Stage,
    over: &tokio_util::sync::CancellationToken,
    came_to: &std::cell::Cell<Continuous>,
) {
    let every = cast.options.frequency;
    stage.story.tell(Event::ContinuousStarted { every });
    // More seconds than a duration holds are for ever, fewer than none are none.
    let beyond = if every > 0.0 { Duration::MAX } else { Duration::ZERO };
    let pause = Duration::try_from_secs_f64(every).unwrap_or(beyond);
    let (mut looks, mut deviations) = (0.0, 0.0);
    loop {
        match look(cast, stage, Phase::During).await {
            Looked::Met => looks += 1.0,
            Looked::Interrupted => break,
            Looked::Broke => {
                came_to.set(Continuous::Broke);
                break;
            }
            Looked::NotMet | Looked::Failed => {
                looks += 1.0;
                deviations += 1.0;
                if cast.options.fails_fast(deviations, looks) {
                    stage.story.tell(Event::FailedFast { deviated: deviations * 100.0 / looks });
                    came_to.set(Continuous::FailedFast);
                    break;
                }
            }
        }
        // Even without a pause, others must get their turn between two looks.
        tokio::task::yield_now().await;
        tokio::select! {
            biased;
            () = over.cancelled() => break,
            () = stage.stopping().requested() => break,
            () = tokio::time::sleep(pause) => {}
        }
    }
    stage.story.tell(Event::ContinuousEnded);
}
