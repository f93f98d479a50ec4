//! What becomes of changes that are still in place: they are put back, or said to be left.
//!
//! Invariant: an undo is closed in the log only after its target was seen or made as before; one that could not be played
//! stays open, for `chaos recover`.

use crate::ledger::OpenUndo;
use crate::spec::Catalog;
use crate::stage::Stage;
use crate::undo::ErasedUndo;
use squall_experiment::event::{Event, Level, Reverted};
use std::time::Duration;

/// How long one undo may take when nobody is in a hurry.
const GRACE: Duration = Duration::from_secs(60);
/// How long one undo may take once a second stop was requested.
const BRIEF: Duration = Duration::from_secs(5);
/// How long a look at whether a change is still in place may take.
const LOOK: Duration = Duration::from_secs(10);

/// What came of the changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Settled {
    /// Left in place, as the author wanted.
    pub(crate) left: usize,
    /// Should have been put back, and could not be.
    pub(crate) failed: usize,
}

/// Whether a change is still in place, as far as is known.
pub(crate) async fn is_something_changed(stage: &Stage, catalog: Catalog) -> bool {
    let _looking = stage.begin().close();
    for undo in stage.story.open_undos().await {
        if !is_back(stage, catalog, &undo).await {
            return true;
        }
    }
    false
}

/// Puts back what is still changed, or says what is left.
pub(crate) async fn settle(stage: &Stage, catalog: Catalog, put_back: bool) -> Settled {
    let _settling = stage.begin().close();
    let open = stage.story.open_undos().await;
    if put_back {
        return Settled { left: 0, failed: restore_all(stage, catalog, open).await };
    }
    let mut left = Vec::new();
    for undo in open {
        if is_back(stage, catalog, &undo).await {
            stage.story.tell(Event::Restored { undo: undo.id, outcome: Reverted::AlreadyBack });
        } else {
            left.push(undo.describe);
        }
    }
    let count = left.len();
    if count > 0 {
        stage.story.tell(Event::LeftBehind { undos: left });
    }
    Settled { left: count, failed: 0 }
}

/// Whether what an undo is for is known to be as before. What is not known to be back is not: better one warning too many.
async fn is_back(stage: &Stage, catalog: Catalog, undo: &OpenUndo) -> bool {
    let Ok(loaded) = load(catalog, undo) else { return false };
    let restore = stage.restore();
    matches!(tokio::time::timeout(LOOK, loaded.is_back(&restore)).await, Ok(Ok(true)))
}

/// Plays undos, youngest first; returns how many could not be.
pub(crate) async fn restore_all(stage: &Stage, catalog: Catalog, open: Vec<OpenUndo>) -> usize {
    let mut failed = 0;
    for undo in open.into_iter().rev() {
        let outcome = match load(catalog, &undo) {
            Ok(loaded) => restore(stage, loaded.as_ref()).await,
            Err(message) => Err((message, None)),
        };
        match outcome {
            Ok(outcome) => {
                // On disk, or a later recovery plays it again, which is harmless but not nice.
                if let Err(error) = stage.story.write_down(Event::Restored { undo: undo.id, outcome }).await {
                    let text = format!("done, but it could not be written down ({error}): {}", undo.describe);
                    stage.story.tell(Event::Noted { level: Level::Error, text });
                }
            }
            Err((message, hint)) => {
                failed += 1;
                stage.story.tell(Event::NotRestored { undo: undo.id, message, hint });
            }
        }
    }
    failed
}

fn load(catalog: Catalog, undo: &OpenUndo) -> Result<Box<dyn ErasedUndo>, String> {
    let entry = catalog.undos.iter().find(|entry| entry.kind == undo.kind).ok_or_else(|| {
        format!(
            "this version cannot undo `{}`; use the version that made the change, or a newer one",
            undo.kind
        )
    })?;
    (entry.load)(undo.with.clone())
        .map_err(|error| format!("the log's undo `{}` cannot be read: {error}", undo.kind))
}

async fn restore(stage: &Stage, undo: &dyn ErasedUndo) -> Result<Reverted, (String, Option<String>)> {
    let restore = stage.restore();
    let hurry = stage.stopper.listen(2);
    let limit = async {
        tokio::select! {
            () = tokio::time::sleep(GRACE) => {}
            () = async { hurry.requested().await; tokio::time::sleep(BRIEF).await } => {}
        }
    };
    tokio::select! {
        reverted = undo.revert(&restore) => {
            reverted.map_err(|failure| (failure.what, failure.hint))
        }
        () = limit => Err((format!("{} took too long", undo.describe()), None)),
    }
}
