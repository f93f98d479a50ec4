//! What the calls of a run share.

use super::kept::Connections;
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// Connections that calls leave open for others, and the file of logins. One a run: it is a handle that drivers share.
#[derive(Default)]
pub struct Session {
    pub(super) connections: Connections,
    netrc: OnceLock<Option<String>>,
    fickle: Mutex<BTreeSet<(String, u16)>>,
}

impl Session {
    /// The file of logins, which the first call reads for all of them; `None` if there is none.
    pub(super) fn netrc(&self, read: impl FnOnce() -> Option<String>) -> Option<&str> {
        self.netrc.get_or_init(read).as_deref()
    }

    /// A server ended a connection that it had let stand, so that a call had to be made again. That may be its habit, or the
    /// fault that is looked for: nobody shall be spared it twice.
    pub(super) fn let_down_by(&self, host: &str, port: u16) {
        self.fickle().insert((host.to_owned(), port));
    }

    /// Whether a server lets connections stand that it says it does, as far as is known.
    pub(super) fn trusts(&self, (host, port): (&str, u16)) -> bool {
        !self.fickle().iter().any(|(known, its)| (known.as_str(), *its) == (host, port))
    }

    fn fickle(&self) -> MutexGuard<'_, BTreeSet<(String, u16)>> {
        self.fickle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
