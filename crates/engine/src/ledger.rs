//! The undo ledger: which changes are in place, as the events tell it.
//!
//! Invariant: it is a function of the events alone, so a run and a recovery in another process agree. Of several open undos
//! with one key only the oldest is to be played, for only it knows the state before all of them; the others are done with
//! when it is.

use squall_experiment::event::{Event, UndoId};

/// An undo that was armed and is not done with.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenUndo {
    /// Its number.
    pub id: UndoId,
    /// Younger undos with the same key, which are done with when this one is.
    pub covers: Vec<UndoId>,
    /// Which code undoes it.
    pub kind: String,
    /// What was changed.
    pub key: String,
    /// For people.
    pub describe: String,
    /// What the code needs.
    pub with: serde_json::Value,
}

/// The undos of a run.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    open: Vec<OpenUndo>,
    next: u64,
}

impl Ledger {
    /// The ledger after these events.
    pub fn of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Ledger {
        let mut ledger = Ledger::default();
        for event in events {
            ledger.take(event);
        }
        ledger
    }

    /// One event further.
    pub fn take(&mut self, event: &Event) {
        match event {
            Event::Armed { undo, kind, key, describe, with, .. } => {
                self.next = self.next.max(undo.0 + 1);
                if let Some(older) = self.open.iter_mut().find(|open| open.key == *key) {
                    older.covers.push(*undo);
                } else {
                    self.open.push(OpenUndo {
                        id: *undo,
                        covers: Vec::new(),
                        kind: kind.clone(),
                        key: key.clone(),
                        describe: describe.clone(),
                        with: with.clone(),
                    });
                }
            }
            Event::Restored { undo, .. } => self.open.retain(|open| open.id != *undo),
            _ => {}
        }
    }

    /// The open undos, oldest first. They are restored in reverse.
    pub fn open(&self) -> Vec<OpenUndo> {
        self.open.clone()
    }

    /// The number that the next undo of this run may have.
    pub fn next_id(&self) -> u64 {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use squall_experiment::event::Reverted;

    fn armed(undo: u64, key: &str) -> Event {
        Event::Armed {
            undo: UndoId(undo),
            by: None,
            kind: "k".into(),
            key: key.into(),
            describe: format!("{key} as before {undo}"),
            with: serde_json::json!(undo),
        }
    }
    fn restored(undo: u64) -> Event {
        Event::Restored { undo: UndoId(undo), outcome: Reverted::PutBack }
    }

    fn check(events: &[Event], expected: &[(u64, &[u64])]) {
        let open = Ledger::of(events).open();
        let open: Vec<(u64, Vec<u64>)> =
            open.iter().map(|o| (o.id.0, o.covers.iter().map(|c| c.0).collect())).collect();
        let expected: Vec<(u64, Vec<u64>)> = expected.iter().map(|(id, c)| (*id, c.to_vec())).collect();
        assert_eq!(open, expected);
    }

    #[test]
    fn only_the_oldest_of_a_key_is_played() {
        check(&[], &[]);
        check(&[armed(0, "a"), armed(1, "b")], &[(0, &[]), (1, &[])]);
        check(&[armed(0, "a"), armed(1, "b"), armed(2, "a")], &[(0, &[2]), (1, &[])]);
        check(&[armed(0, "a"), armed(1, "a"), restored(0)], &[]);
        check(&[armed(0, "a"), restored(0), armed(1, "a")], &[(1, &[])]);
        check(&[restored(7)], &[]);
    }
}
