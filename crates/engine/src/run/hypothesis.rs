//! Looking at the steady state: before, during and after the method.
//!
//! Invariant: the first probe that fails or is out of tolerance ends the look; a tolerance that cannot be held against an
//! output is a failed probe, not the end of the run.

use super::Cast;
use super::play::{Played, perform, play};
use crate::failure::Stop;
use crate::stage::Stage;
use squall_experiment::event::{ActivityId, Event, Level, Phase, Place};
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
}

/// Looks once.
pub(crate) async fn look(cast: &Cast<'_>, stage: &Stage, phase: Phase) -> Looked {
    let Some(hypothesis) = cast.experiment.hypothesis() else { return Looked::Met };
    let title = hypothesis.title.map_or_else(|| "None".to_owned(), python::str_of);
    stage.story.tell(Event::HypothesisStarted { phase, title });
    for probe in hypothesis.probes {
        let looked = match play(cast, stage, probe, Place::Hypothesis(phase)).await {
            Played::Succeeded(id, output) => judge(cast, stage, probe, id, &output).await,
            Played::Failed(id) => {
                tell_judgement(cast, stage, probe, id, false);
                Looked::Failed
            }
            Played::Interrupted => Looked::Interrupted,
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
            Looked::Interrupted => return Looked::Interrupted,
            Looked::NotMet | Looked::Failed => {
                let name = shown_name(cast, probe);
                let failed = looked == Looked::Failed;
                stage.story.tell(Event::HypothesisEnded { phase, met: false, probe: Some(name), failed });
                return looked;
            }
        }
    }
    stage.story.tell(Event::HypothesisEnded { phase, met: true, probe: None, failed: false });
    Looked::Met
}

/// The name of a probe, through its `ref`.
fn shown_name(cast: &Cast<'_>, probe: &Value) -> String {
    let referenced =
        probe.get("ref").and_then(Value::as_text).and_then(|name| cast.experiment.referenced(name));
    referenced.unwrap_or(probe).get("name").map_or_else(|| "None".to_owned(), python::str_of)
}

/// Holds a probe's tolerance against its output.
async fn judge(cast: &Cast<'_>, stage: &Stage, probe: &Value, id: ActivityId, output: &Value) -> Looked {
    if cast.options.dry.is_some_and(|dry| dry.ignores_tolerances()) {
        tell_judgement(cast, stage, probe, id, true);
        return Looked::Met;
    }
    let tolerance = probe.get("tolerance").unwrap_or(&Value::Null);
    if let Some(text) = tolerance::applied(tolerance, &cast.scope) {
        stage.story.tell(Event::Noted { level: Level::Debug, text });
    }
    let looked = match tolerance::within(tolerance, output, &cast.scope) {
        Ok(Judgement::Met) => Looked::Met,
        Ok(Judgement::Missed(why)) => {
            stage.story.tell(Event::Noted { level: Level::Debug, text: why });
            Looked::NotMet
        }
        Ok(Judgement::Ask(judge)) => match perform(cast, stage, &judge, None).await {
            Ok(verdict) if verdict.is_truthy() => Looked::Met,
            Ok(_) => Looked::NotMet,
            Err(Stop::Cancelled) => return Looked::Interrupted,
            Err(Stop::Failed(failure) | Stop::Fatal(failure)) => {
                let text = format!("the tolerance's probe failed: {}", failure.classed());
                stage.story.tell(Event::Noted { level: Level::Debug, text });
                Looked::NotMet
            }
        },
        Err(unjudgeable) => {
            let text = format!("  => failed: {unjudgeable}");
            stage.story.tell(Event::Noted { level: Level::Error, text });
            Looked::Failed
        }
    };
    tell_judgement(cast, stage, probe, id, looked == Looked::Met);
    looked
}

fn tell_judgement(cast: &Cast<'_>, stage: &Stage, probe: &Value, activity: ActivityId, met: bool) {
    let tolerance = probe
        .get("tolerance")
        .map_or_else(|| "None".to_owned(), |tolerance| tolerance::shown(tolerance, &cast.scope));
    stage.story.tell(Event::ToleranceChecked { activity, met, tolerance });
}

/// What the continuous hypothesis came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Continuous {
    /// It was looked at until the method ended.
    Ended,
    /// A look deviated, and the run is to fail fast.
    FailedFast,
}

/// Looks again and again until `over` says that the method ended.
pub(crate) async fn look_continuously(
    cast: &Cast<'_>,
    stage: &Stage,
    over: &tokio_util::sync::CancellationToken,
    failed_fast: &std::cell::Cell<bool>,
) -> Continuous {
    let every = cast.options.frequency;
    stage.story.tell(Event::ContinuousStarted { every });
    // More seconds than a duration holds are for ever, fewer than none are none.
    let beyond = if every > 0.0 { Duration::MAX } else { Duration::ZERO };
    let pause = Duration::try_from_secs_f64(every).unwrap_or(beyond);
    let (mut looks, mut deviations) = (0.0, 0.0);
    let ended = loop {
        match look(cast, stage, Phase::During).await {
            Looked::Met => looks += 1.0,
            Looked::Interrupted => break Continuous::Ended,
            Looked::NotMet | Looked::Failed => {
                looks += 1.0;
                deviations += 1.0;
                if cast.options.fail_fast {
                    stage.story.tell(Event::FailedFast { deviated: deviations * 100.0 / looks });
                    failed_fast.set(true);
                    break Continuous::FailedFast;
                }
            }
        }
        // Even without a pause, others must get their turn between two looks.
        tokio::task::yield_now().await;
        tokio::select! {
            biased;
            () = over.cancelled() => break Continuous::Ended,
            () = stage.stopping().requested() => break Continuous::Ended,
            () = tokio::time::sleep(pause) => {}
        }
    };
    stage.story.tell(Event::ContinuousEnded);
    ended
}
