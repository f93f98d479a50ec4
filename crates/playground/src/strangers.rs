//! Connections of a server that have not shown yet that they are of use, and give way to new ones.
//!
//! Invariant: whoever has shown it is never displaced. What shows it is the server's to say: a token, a whole request.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::task::AbortHandle;

/// Those that were let into the process and have not shown anything, the oldest first.
#[derive(Debug)]
pub(crate) struct Strangers {
    /// How many connections there are at most.
    connections: usize,
    oldest_first: VecDeque<(AbortHandle, Arc<AtomicBool>)>,
}

impl Strangers {
    /// None yet, of a server that holds so many connections at once.
    pub(crate) fn new(connections: usize) -> Strangers {
        Strangers { connections, oldest_first: VecDeque::new() }
    }

    /// One more, which is a stranger until it is `known`.
    pub(crate) fn add(&mut self, connection: AbortHandle, known: Arc<AtomicBool>) {
        if self.oldest_first.len() >= 2 * self.connections {
            self.oldest_first.retain(|(connection, known)| is_stranger(connection, known));
        }
        self.oldest_first.push_back((connection, known));
    }

    /// Ends the oldest; whether there was one.
    pub(crate) fn displace(&mut self) -> bool {
        while let Some((connection, known)) = self.oldest_first.pop_front() {
            if is_stranger(&connection, &known) {
                connection.abort();
                return true;
            }
        }
        false
    }
}

fn is_stranger(connection: &AbortHandle, known: &AtomicBool) -> bool {
    !connection.is_finished() && !known.load(Ordering::Relaxed)
}
