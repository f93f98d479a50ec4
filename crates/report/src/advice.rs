//! What a person at a terminal is told about a failed activity beyond the Toolkit's line: where it happened, whether
//! anything was changed, and what to do about it.
//!
//! Not here: the Toolkit's lines ([`crate::toolkit`]), which say the same in the log file.

use squall_experiment::event::{ActivityId, Ending, Event, Phase, Place, Record, RunId};
use squall_experiment::{Value, python};
use std::collections::{BTreeMap, BTreeSet};

/// Follows a run and gives advice.
#[derive(Debug, Default)]
pub struct Advice {
    run: Option<RunId>,
    /// How many activities the method and the rollbacks have.
    declared: BTreeMap<&'static str, usize>,
    /// How many of each place began.
    begun: BTreeMap<&'static str, usize>,
    /// Where each activity that goes on is.
    running: BTreeMap<ActivityId, String>,
    /// Activities that changed something.
    changed: BTreeSet<ActivityId>,
}

impl Advice {
    /// For a run from its first record on.
    pub fn new() -> Advice {
        Advice::default()
    }

    /// What this record makes worth saying, a line each. An activity that failed without a hint gets no advice: its line
    /// says what there is to say.
    pub fn lines(&mut self, record: &Record) -> Vec<String> {
        match &record.event {
            Event::RunStarted { run, .. } => self.run = Some(run.clone()),
            Event::MethodStarted { activities } => {
                self.declared.insert("method", *activities);
            }
            Event::RollbacksStarted { activities } => {
                self.declared.insert("rollbacks", *activities);
            }
            Event::ActivityStarted { id, place, activity, .. } => {
                let at = self.place(*place, activity);
                self.running.insert(*id, at);
            }
            Event::Armed { by: Some(by), .. } | Event::Heals { by: Some(by), .. } => {
                self.changed.insert(*by);
            }
            Event::ActivityEnded { id, ending } => {
                let at = self.running.remove(id).unwrap_or_default();
                if let Ending::Failed { hint: Some(hint), .. } = ending {
                    let run = self.run.as_ref().map(|run| format!(", run {run}")).unwrap_or_default();
                    let changed = match self.changed.contains(id) {
                        true => "it may have changed something",
                        false => "nothing was changed",
                    };
                    return vec![format!("  in:   {at}{run} ({changed})"), format!("  hint: {hint}")];
                }
            }
            _ => {}
        }
        Vec::new()
    }

    /// `action 2 of 3 of the method, `cut the cable``.
    fn place(&mut self, place: Place, activity: &Value) -> String {
        let word = |key| activity.get(key).map_or_else(|| "None".to_owned(), python::str_of);
        let (kind, name) = (word("type"), word("name"));
        let (place, shown) = match place {
            Place::Hypothesis(Phase::Before) => return format!("{kind} `{name}`, before the method"),
            Place::Hypothesis(Phase::During) => return format!("{kind} `{name}`, during the method"),
            Place::Hypothesis(Phase::After) => return format!("{kind} `{name}`, after the method"),
            Place::Method => ("method", "the method"),
            Place::Rollbacks => ("rollbacks", "the rollbacks"),
        };
        let number = self.begun.entry(place).or_default();
        *number += 1;
        let of = self.declared.get(place).copied().unwrap_or_default();
        format!("{kind} {number} of {of} of {shown}, `{name}`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use jiff::Timestamp;
    use squall_experiment::event::{Blame, UndoId};

    fn check(events: Vec<Event>, expected: Expect) {
        let mut advice = Advice::new();
        let lines: Vec<String> = events
            .into_iter()
            .flat_map(|event| advice.lines(&Record { at: Timestamp::UNIX_EPOCH, event }))
            // An expectation that is indented as a whole loses that.
            .map(|line| format!("|{line}"))
            .collect();
        expected.assert_eq(&lines.join("\n"));
    }

    fn started(id: u64, place: Place, name: &str) -> Event {
        let activity = [("type".to_owned(), "action".into()), ("name".to_owned(), name.into())];
        let activity = Value::Object(activity.into_iter().collect());
        Event::ActivityStarted { id: ActivityId(id), place, activity, background: false }
    }
    fn failed(id: u64, hint: Option<&str>) -> Event {
        let hint = hint.map(str::to_owned);
        let ending =
            Ending::Failed { message: "no".to_owned(), blame: Blame::Target, hint, traceback: Vec::new() };
        Event::ActivityEnded { id: ActivityId(id), ending }
    }

    #[test]
    fn says_where_and_what_next() {
        check(
            vec![
                Event::MethodStarted { activities: 2 },
                started(0, Place::Method, "first"),
                failed(0, None),
                started(1, Place::Method, "second"),
                Event::Armed {
                    undo: UndoId(0),
                    by: Some(ActivityId(1)),
                    kind: "k".to_owned(),
                    key: "k".to_owned(),
                    describe: "d".to_owned(),
                    with: serde_json::Value::Null,
                },
                failed(1, Some("grant it")),
                started(2, Place::Hypothesis(Phase::After), "steady"),
                failed(2, Some("look there")),
            ],
            expect![[r#"
                |  in:   action 2 of 2 of the method, `second` (it may have changed something)
                |  hint: grant it
                |  in:   action `steady`, after the method (nothing was changed)
                |  hint: look there"#]],
        );
    }
}
