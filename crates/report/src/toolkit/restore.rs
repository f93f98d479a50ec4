//! The lines about what was changed: what puts it back, what came of that, and what is still in place at the end.

use crate::line::Line;
use squall_experiment::event::{Reverted, RunId, UndoId};
use std::collections::BTreeMap;

/// The changes of a run as far as its lines need them.
#[derive(Debug, Default)]
pub(super) struct Undos {
    run: Option<RunId>,
    described: BTreeMap<UndoId, String>,
    /// Those that did not work, and why.
    broken: BTreeMap<UndoId, String>,
    /// Whether somebody is told of what was put back.
    pub(super) told: bool,
    /// How many changes were put back.
    put_back: usize,
}

impl Undos {
    pub(super) fn begin(&mut self, run: &RunId) {
        self.run = Some(run.clone());
    }

    pub(super) fn armed(&mut self, undo: UndoId, describe: &str) -> Vec<Line> {
        self.described.insert(undo, describe.to_owned());
        vec![Line::debug(format!("about to change something; to put it back: {describe}"))]
    }

    pub(super) fn restored(&mut self, undo: UndoId, outcome: Reverted) -> Vec<Line> {
        self.broken.remove(&undo);
        let what = self.described.remove(&undo).unwrap_or_else(|| format!("change {}", undo.0));
        let line = if self.told { Line::info } else { Line::debug };
        vec![match outcome {
            Reverted::PutBack => {
                self.put_back += 1;
                line(format!("put back: {what}"))
            }
            // What the rollbacks did is told already.
            Reverted::AlreadyBack => Line::debug(format!("was back already: {what}")),
            Reverted::TargetGone => line(format!("nothing to put back, the target is gone: {what}")),
        }]
    }

    pub(super) fn not_restored(&mut self, undo: UndoId, message: &str, hint: Option<&str>) -> Vec<Line> {
        let mut why = message.to_owned();
        if let Some(hint) = hint {
            why.push_str("; hint: ");
            why.push_str(hint);
        }
        let line = Line::debug(format!("could not put back: {}: {why}", self.describe(undo)));
        self.broken.insert(undo, why);
        vec![line]
    }

    /// The one WARNING of ours: `left` are the descriptions of what the run leaves in place.
    pub(super) fn left_behind(&mut self, left: &[String]) -> Vec<Line> {
        let mut broken = std::mem::take(&mut self.broken);
        let mut items = Vec::new();
        for item in left {
            let known = broken.keys().copied().find(|undo| self.described.get(undo) == Some(item));
            items.push(match known.and_then(|undo| broken.remove(&undo)) {
                Some(why) => format!("{item} (tried, but {why})"),
                None => item.clone(),
            });
        }
        items.extend(broken.iter().map(|(undo, why)| format!("{} (tried, but {why})", self.describe(*undo))));
        if items.is_empty() {
            return Vec::new();
        }
        let run = self.run.as_ref().map_or("--all", |run| run.0.as_str());
        vec![Line::warning(format!(
            "What this run changed is still in place. `chaos recover {run}` puts it back: {}",
            items.join("; ")
        ))]
    }

    /// At the end of a run: the same WARNING if it has not spoken yet of what could not be restored, else, for somebody who
    /// is told, that everything is as it was.
    pub(super) fn ended(&mut self) -> Vec<Line> {
        let lines = self.left_behind(&[]);
        // What is described still is neither back nor gone.
        if !self.told || !lines.is_empty() || !self.described.is_empty() {
            return lines;
        }
        match self.put_back {
            0 => lines,
            1 => vec![Line::info("1 change put back, nothing is left behind")],
            many => vec![Line::info(format!("{many} changes put back, nothing is left behind"))],
        }
    }

    fn describe(&self, undo: UndoId) -> String {
        self.described.get(&undo).cloned().unwrap_or_else(|| format!("change {}", undo.0))
    }
}
