//! Everything that can be done, one line each.

use squall_engine::spec::{Catalog, Entry, UndoEntry, action};

/// The catalogue.
pub static CATALOG: Catalog = Catalog { entries: ENTRIES, undos: UNDOS };

static ENTRIES: &[Entry] = &[action::<crate::process::Process>()];

static UNDOS: &[UndoEntry] = &[];
