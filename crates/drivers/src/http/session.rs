//! What the calls of a run share.

use super::kept::Connections;
use std::sync::OnceLock;

/// Connections that calls leave open for others, and the file of logins. One a run: it is a handle that drivers share.
#[derive(Default)]
pub struct Session {
    pub(super) connections: Connections,
    netrc: OnceLock<Option<String>>,
}

impl Session {
    /// The file of logins, which the first call reads for all of them; `None` if there is none.
    pub(super) fn netrc(&self, read: impl FnOnce() -> Option<String>) -> Option<&str> {
        self.netrc.get_or_init(read).as_deref()
    }
}
