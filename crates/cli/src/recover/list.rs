//! The list of what earlier runs left behind, for people and for programs.

use crate::arguments::ListFormat;
use crate::problem::Problem;
use crate::stdout;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use squall_engine::recover::EarlierRun;
use std::fmt::Write as _;

/// Prints the list.
pub(super) fn print(runs: &[&EarlierRun], format: ListFormat) -> Result<(), Problem> {
    stdout::print(&match format {
        ListFormat::Text => text(runs, Timestamp::now(), &TimeZone::system()),
        ListFormat::Json => json(runs),
    })
}

fn text(runs: &[&EarlierRun], now: Timestamp, zone: &TimeZone) -> String {
    if runs.is_empty() {
        return "Nothing is left behind.\n".to_owned();
    }
    let mut out = String::new();
    for run in runs {
        let when = run.started.map_or_else(String::new, |started| {
            let local = started.to_zoned(zone.clone());
            format!("  {} ({})", local.strftime("%Y-%m-%d %H:%M:%S"), ago(now.duration_since(started)))
        });
        let _ = writeln!(out, "{}{when}, {}", run.run, state(run));
        if !run.title.is_empty() {
            let _ = writeln!(out, "  experiment: {} ({})", run.title, run.source);
        }
        for undo in &run.open {
            let _ = writeln!(out, "  to put back: {}", undo.describe);
        }
        if let Some(journal) = run.journal.as_ref().filter(|_| run.lacks_journal()) {
            let _ = writeln!(out, "  journal to write: {}", journal.display());
        }
        if let Some(damaged) = &run.damaged {
            let log = run.path.display();
            let _ = writeln!(out, "  its log {log} cannot be read: {damaged}");
            let _ = writeln!(out, "  remove its folder once nothing of it matters any more");
        }
        if !run.going_on && (!run.open.is_empty() || run.lacks_journal()) {
            let _ = writeln!(out, "  chaos recover {}", run.run);
        }
        if run.going_on {
            let _ = writeln!(out, "  stopped (Ctrl-C, SIGTERM), it puts this back itself");
        }
        out.push('\n');
    }
    if runs.iter().any(|run| !run.going_on) {
        out.push_str(
            "`chaos recover RUN` sees to what one of them left, `chaos recover --all` to everything.\n",
        );
    }
    out
}

/// What is known of a run's end.
fn state(run: &EarlierRun) -> String {
    match (run.going_on, run.ended) {
        (false, None) if run.damaged.is_some() => "unreadable".to_owned(),
        (true, _) => {
            let process = run.pid.map(|pid| format!(", process {pid}")).unwrap_or_default();
            format!("still going on{process}")
        }
        (false, Some(status)) => status.word().to_owned(),
        (false, None) => "killed".to_owned(),
    }
}

fn ago(passed: SignedDuration) -> String {
    let seconds = passed.as_secs().max(0);
    match seconds {
        0..60 => format!("{seconds} s ago"),
        60..7_200 => format!("{} min ago", seconds / 60),
        7_200..172_800 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

/// A run in the list for programs.
#[derive(Serialize)]
struct Listed<'a> {
    run: &'a str,
    started: Option<Timestamp>,
    title: &'a str,
    source: &'a str,
    /// `completed`, `failed`, `aborted`, `interrupted`, or null for a run that was killed or is still going on.
    status: Option<&'static str>,
    going_on: bool,
    pid: Option<u32>,
    left_behind: Vec<&'a str>,
    /// Where a journal is still to be written, if one is.
    journal_to_write: Option<String>,
    log: String,
    damaged: Option<&'a str>,
}

fn json(runs: &[&EarlierRun]) -> String {
    let listed: Vec<Listed<'_>> = runs
        .iter()
        .map(|run| Listed {
            run: &run.run.0,
            started: run.started,
            title: &run.title,
            source: &run.source,
            status: run.ended.map(|status| status.word()),
            going_on: run.going_on,
            pid: run.pid,
            left_behind: run.open.iter().map(|undo| undo.describe.as_str()).collect(),
            journal_to_write: run
                .journal
                .as_ref()
                .filter(|_| run.lacks_journal())
                .map(|journal| journal.display().to_string()),
            log: run.path.display().to_string(),
            damaged: run.damaged.as_deref(),
        })
        .collect();
    let mut text = serde_json::to_string_pretty(&listed).unwrap_or_else(|_| "[]".to_owned());
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_ago() {
        for (seconds, expected) in [
            (-5, "0 s ago"),
            (59, "59 s ago"),
            (61, "1 min ago"),
            (7_300, "2 h ago"),
            (864_000, "10 days ago"),
        ] {
            assert_eq!(ago(SignedDuration::from_secs(seconds)), expected);
        }
    }
}
