//! `chaos recover`: what earlier runs left behind, putting it back, and the journals that they owe.
//!
//! Invariant: a run that is still going on is never touched, and restoring twice is harmless (the engine sees to both). The
//! list goes to stdout, what is done to the log.

mod journal;
mod list;

use crate::arguments::Recover;
use crate::problem::Problem;
use crate::session::Session;
use crate::shared_log::{SharedLog, lock};
use crate::signals::Signals;
use crate::{exit, machine};
use jiff::Timestamp;
use squall_engine::recover::{self, EarlierRun};
use squall_engine::story::{Clock, Observer};
use squall_experiment::event::{Event, Reverted, RunId, UndoId};
use squall_report::line::Line;
use std::collections::BTreeMap;
use std::path::Path;

/// How many of the latest runs `chaos run` looks through for something that was left behind.
const LATEST: usize = 1000;

/// Lists or restores; the exit code.
pub(crate) fn recover(arguments: &Recover, session: &Session) -> Result<u8, Problem> {
    let state = session.state()?;
    let runs = match &arguments.run {
        Some(_) => recover::runs(&state),
        None => recover::unsettled(&state, usize::MAX),
    };
    let runs = runs.map_err(|error| unreadable(&state, &error))?;
    match &arguments.run {
        Some(name) => restore(vec![named(&runs, name)?], arguments.journal_path.as_deref(), &state, session),
        None if arguments.all => {
            // Later changes first: an earlier run knows the state before all of them.
            restore(runs.iter().rev().filter(|run| has_something(run)).collect(), None, &state, session)
        }
        None => {
            let left: Vec<&EarlierRun> = runs.iter().filter(|run| has_something(run)).collect();
            list::print(&left, arguments.format)?;
            Ok(exit::FINE)
        }
    }
}

/// Says in the log, on a terminal as a warning, that an earlier run left something behind.
pub(crate) fn mention(session: &Session, state: &Path) {
    // A folder that cannot be read is told when the new run's log is made.
    let runs = recover::unsettled(state, LATEST).unwrap_or_default();
    for run in runs.iter().filter(|run| !run.open.is_empty() && !run.going_on) {
        let text = format!(
            "the earlier run {} left something behind; `chaos recover {}` does this: {}",
            run.run,
            run.run,
            descriptions(run)
        );
        session.say(if session.screen.terminal { Line::warning(text) } else { Line::debug(text) });
    }
}

/// Says what a run that broke off left behind.
pub(crate) fn say_left(session: &Session, state: &Path, run: &RunId) {
    let runs = recover::unsettled(state, usize::MAX).unwrap_or_default();
    for run in runs.iter().filter(|earlier| earlier.run == *run && !earlier.open.is_empty()) {
        session.say(Line::warning(format!(
            "What this run changed is still in place. `chaos recover {}` puts it back: {}",
            run.run,
            descriptions(run)
        )));
    }
}

fn descriptions(run: &EarlierRun) -> String {
    run.open.iter().map(|undo| undo.describe.as_str()).collect::<Vec<_>>().join("; ")
}

fn unreadable(state: &Path, error: &std::io::Error) -> Problem {
    Problem::new(format!("could not read the runs in {}: {error}", state.display()))
}

/// Whether there is anything to say about a run.
fn has_something(run: &EarlierRun) -> bool {
    !run.open.is_empty() || run.damaged.is_some() || run.lacks_journal()
}

/// The run of this name, or the only one whose name begins or ends with it, of those first that left something.
fn named<'a>(runs: &'a [EarlierRun], name: &str) -> Result<&'a EarlierRun, Problem> {
    if let Some(run) = runs.iter().find(|run| run.run.0 == name) {
        return Ok(run);
    }
    let is_like = |run: &&EarlierRun| run.run.0.starts_with(name) || run.run.0.ends_with(name);
    let mut like: Vec<&EarlierRun> = runs.iter().filter(is_like).collect();
    if like.iter().any(|run| has_something(run)) {
        like.retain(|run| has_something(run));
    }
    match like[..] {
        [run] => Ok(run),
        [] => Err(Problem::new(format!("there is no run `{name}`"))
            .hint("`chaos recover` lists the runs that left something behind")),
        [one, other, ..] => Err(Problem::new(format!(
            "`{name}` may mean {} or {}, among others; give more of the name",
            one.run, other.run
        ))),
    }
}

fn restore(
    runs: Vec<&EarlierRun>,
    journal: Option<&Path>,
    state: &Path,
    session: &Session,
) -> Result<u8, Problem> {
    let mut open = 0;
    let mut failed = 0;
    let mut unwritten = false;
    let runtime = machine::runtime()?;
    for run in &runs {
        if run.going_on {
            // After a kill the process of that number may be anybody's by now, so this does not say to end it.
            let process = run.pid.map(|pid| format!(" as process {pid}")).unwrap_or_default();
            session.say(Line::error(format!(
                "run {} was not touched, for it is still going on{process}, or another `chaos recover` is at it; \
                 wait for it, or stop it (Ctrl-C, or SIGTERM): it puts back what it changed itself",
                run.run
            )));
            failed += run.open.len();
            unwritten |= journal.is_some();
            continue;
        }
        // Before restoring, for that may take long. Without a journal, what was changed is put back nevertheless.
        if let Err(problem) = journal::write(run, journal, session) {
            session.say(Line::error(problem.to_string()));
            unwritten = true;
        }
        match runtime.block_on(restore_one(run, session)) {
            Ok((count, not_restored)) => {
                open += count;
                failed += not_restored;
            }
            Err(problem) => {
                session.say(Line::error(problem.to_string()));
                failed += run.open.len().max(1);
            }
        }
    }
    if failed > 0 {
        let left = remaining(&runs, state);
        session.say(Line::error(format!("not everything could be put back: {failed} left{left}")));
        return Ok(exit::FAILED);
    }
    session.say(Line::info(match open {
        0 => "Nothing is left behind".to_owned(),
        1 => "1 change was seen to, nothing is left behind".to_owned(),
        many => format!("{many} changes were seen to, nothing is left behind"),
    }));
    Ok(if unwritten { exit::FAILED } else { exit::FINE })
}

/// What is left of these runs once they were tried, and what to type again.
fn remaining(tried: &[&EarlierRun], state: &Path) -> String {
    let mut now = recover::runs(state).unwrap_or_default();
    now.retain(|run| !run.going_on && !run.open.is_empty() && tried.iter().any(|tried| tried.run == run.run));
    let left = now.iter().map(descriptions).collect::<Vec<_>>().join("; ");
    match &now[..] {
        [] => String::new(),
        [run] => format!(" ({left}); once the cause is gone: chaos recover {}", run.run),
        _ => format!(" ({left}); once the cause is gone: chaos recover --all"),
    }
}

async fn restore_one(run: &EarlierRun, session: &Session) -> Result<(usize, usize), Problem> {
    let (signals, heard) = Signals::new(&run.run, exit::FAILED, session)?;
    let restored = recover::recover(
        &run.path,
        squall_drivers::CATALOG,
        session.environment.clone(),
        machine::handles(),
        Clock::starting(Timestamp::now()),
        heard,
        vec![narrator(run, session.log.clone())],
    );
    tokio::select! {
        restored = restored => Ok(restored?),
        never = signals.forward() => match never {},
    }
}

/// Says what came of each undo.
fn narrator(run: &EarlierRun, log: SharedLog) -> Observer {
    let described: BTreeMap<UndoId, String> =
        run.open.iter().map(|undo| (undo.id, undo.describe.clone())).collect();
    let describe = move |undo: &UndoId| described.get(undo).cloned().unwrap_or_default();
    let line = move |event: &Event| {
        Some(match event {
            Event::Restored { undo, outcome } => Line::info(match outcome {
                Reverted::PutBack => format!("put back: {}", describe(undo)),
                Reverted::AlreadyBack => format!("was back already: {}", describe(undo)),
                Reverted::TargetGone => {
                    format!("nothing to put back, the target is gone: {}", describe(undo))
                }
            }),
            Event::NotRestored { undo, message, hint } => {
                let hint = hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
                Line::error(format!("could not put back: {}: {message}{hint}", describe(undo)))
            }
            Event::Noted { level, text } => Line::new(*level, text.clone()),
            _ => return None,
        })
    };
    Box::new(move |records| {
        for record in records {
            if let Some(line) = line(&record.event) {
                lock(&log).line(&line, record.at);
            }
        }
    })
}
