//! A list of activities: the method, and the rollbacks. Foreground ones one after the other, background ones beside them.
//!
//! Invariant: when this returns, nothing that it started is still going on.

use super::cast::{Cast, Cue};
use super::play::{Played, play, referenced};
use crate::failure::Failure;
use crate::stage::Stage;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use squall_experiment::event::{Event, Level, Place};
use squall_experiment::{document, python};
use std::cell::Cell;
use std::task::Poll;

/// How a list of activities came out.
#[derive(Debug, PartialEq)]
pub(crate) enum Course {
    /// All of them were played.
    Ended,
    /// One failed that was not to; of the method those after it were left out, of rollbacks none.
    Failed,
    /// A stop, or `leave`, ended it.
    Interrupted,
    /// An error that is no activity's failure ended it; of rollbacks the others were played nevertheless.
    Broke(Failure),
}

/// Plays the activities of a place, those too that a control adds meanwhile; before each, `leave` says whether the rest is
/// left out.
pub(crate) async fn play_all(
    cast: &Cast<'_>,
    stage: &Stage,
    place: Place,
    leave: impl Fn() -> bool,
) -> Course {
    let strictly_failed = Cell::new(false);
    let play = async |cue: Cue| {
        let played = play(cast, stage, &cue).await;
        let failed = match played {
            Played::Failed(_) => true,
            // In the foreground it is worse than a failure, and told as such.
            Played::Broke(..) => document::is_background(cue.entry()),
            Played::Succeeded(..) | Played::Interrupted => false,
        };
        if failed && is_strict(cast, &cue) {
            strictly_failed.set(true);
            tell_strictness(stage, &cue);
        }
        played
    };
    let mut background = FuturesUnordered::new();
    let mut course = Course::Ended;
    let mut broken = None;
    for index in 0.. {
        if strictly_failed.get() && place == Place::Method {
            break;
        }
        let Some(cue) = Cue::at(cast, place, index) else { break };
        if leave() || stage.stopping().is_requested() {
            course = Course::Interrupted;
            break;
        }
        if place == Place::Rollbacks {
            let name = document::name(cue.entry()).map_or_else(|| "None".to_owned(), python::str_of);
            stage.story.tell(Event::RollbackNext { name });
        }
        if document::is_background(cue.entry()) {
            background.push(play(cue));
            // It starts now, not when the next foreground activity first waits.
            if let Poll::Ready(Some(played)) = futures_util::poll!(background.next()) {
                aside(stage, played);
            }
            continue;
        }
        let foreground = play(cue);
        tokio::pin!(foreground);
        let played = loop {
            tokio::select! {
                biased;
                played = &mut foreground => break played,
                Some(played) = background.next() => aside(stage, played),
            }
        };
        match (played, place) {
            (Played::Succeeded(..) | Played::Failed(_), _) => {}
            (Played::Interrupted, _) => {
                course = Course::Interrupted;
                break;
            }
            // A rollback that breaks must not keep the others from being played.
            (Played::Broke(_, failure), Place::Rollbacks) => {
                failed_aside(stage, &failure);
                broken.get_or_insert(failure);
            }
            (Played::Broke(_, failure), _) => {
                course = Course::Broke(failure);
                break;
            }
        }
    }
    while let Some(played) = background.next().await {
        aside(stage, played);
    }
    if course == Course::Ended && stage.stopping().is_requested() {
        course = Course::Interrupted;
    }
    match broken {
        Some(failure) if course == Course::Ended => Course::Broke(failure),
        _ if course == Course::Ended && strictly_failed.get() => Course::Failed,
        _ => course,
    }
}

/// Whether the failure of what an entry means is the run's: it says so itself, or the activity that it refers to, or the run.
fn is_strict(cast: &Cast<'_>, cue: &Cue) -> bool {
    let entry = cue.entry();
    let means = match entry.get("strict") {
        Some(_) => entry,
        None => referenced(cue).map_or(entry, |(activity, _)| activity),
    };
    cast.options.is_strict(means)
}

fn tell_strictness(stage: &Stage, cue: &Cue) {
    let entry = cue.entry();
    let name = document::name(entry).or_else(|| entry.get("ref")).map_or_else(String::new, python::str_of);
    let rest = match cue.place {
        Place::Method => "; what comes after it in the method is left out",
        Place::Rollbacks | Place::Hypothesis(_) => "",
    };
    let text = format!("'{name}' is strict, so its failure fails this experiment{rest}");
    stage.story.tell(Event::Noted { level: Level::Critical, text });
}

/// What a background activity came to; its failure has been told.
fn aside(stage: &Stage, played: Played) {
    match played {
        Played::Succeeded(..) | Played::Failed(_) | Played::Interrupted => {}
        Played::Broke(_, failure) => failed_aside(stage, &failure),
    }
}

fn failed_aside(stage: &Stage, failure: &Failure) {
    let text = format!("  => failed: {}", failure.classed());
    stage.story.tell(Event::Noted { level: Level::Error, text });
}
