//! Bytes for whoever reads along, who may be slow, or never read at all.
//!
//! Invariant: writing to a [`Console`] never waits. What the reader does not take at once is kept, in order, and a thread hands it
//! on; without a slow reader there is no thread. Of a reader that takes nothing at all [`KEPT`] bytes are kept, and what does
//! not fit is refused whole, with `WouldBlock`, so that the caller can say so later.
//!
//! Not here: what is written, and how long the end of the process waits for a reader.

pub mod outlet;

use outlet::Outlet;
use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// How many bytes are kept for a reader that is behind.
pub const KEPT: usize = 16 << 20;

/// Where bytes go; clones are the same one.
#[derive(Clone)]
pub struct Console(Arc<Shared>);

struct Shared {
    outlet: Box<dyn Outlet>,
    state: Mutex<State>,
    more: Condvar,
}

/// Nobody waits for the reader while holding this.
#[derive(Default)]
struct State {
    /// What is to be handed on, without what the thread has in hand.
    queue: VecDeque<Vec<u8>>,
    /// How many bytes were accepted and not handed on.
    pending: usize,
    has_thread: bool,
    /// Why nothing can be written any more.
    gone: Option<io::ErrorKind>,
}

impl Console {
    /// One that writes there.
    pub fn new(outlet: impl Outlet + 'static) -> Console {
        let (outlet, state, more) = (Box::new(outlet), Mutex::default(), Condvar::new());
        Console(Arc::new(Shared { outlet, state, more }))
    }

    /// How many bytes the reader has yet to take; none if it went away.
    pub fn pending(&self) -> usize {
        self.0.state().pending
    }

    /// Accepts all of it or nothing.
    fn put(&self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.0.state();
        if let Some(kind) = state.gone {
            return Err(kind.into());
        }
        let mut rest = bytes;
        while state.pending == 0 && !rest.is_empty() {
            match self.0.outlet.try_write(rest) {
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => {
                    state.gone = Some(error.kind());
                    return Err(error);
                }
            }
        }
        if rest.is_empty() {
            return Ok(());
        }
        // What was begun is finished, however much it is.
        if state.pending + rest.len() > KEPT && rest.len() == bytes.len() {
            return Err(io::Error::new(io::ErrorKind::WouldBlock, "nobody takes what is written to it"));
        }
        state.queue.push_back(rest.to_owned());
        state.pending += rest.len();
        if !state.has_thread {
            let shared = self.0.clone();
            // Without a thread now, the next line tries again.
            let made = thread::Builder::new().name("console".into()).spawn(move || shared.hand_on());
            state.has_thread = made.is_ok();
        }
        drop(state);
        self.0.more.notify_one();
        Ok(())
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands on what is kept, until the reader is gone.
    fn hand_on(&self) {
        loop {
            let mut state = self.state();
            let bytes = loop {
                match state.queue.pop_front() {
                    Some(bytes) => break bytes,
                    None => state = self.more.wait(state).unwrap_or_else(PoisonError::into_inner),
                }
            };
            drop(state);
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                match self.outlet.write(rest) {
                    Ok(written) => {
                        rest = rest.get(written..).unwrap_or_default();
                        self.state().pending -= written;
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => {
                        let gone = Some(error.kind());
                        *self.state() = State { gone, has_thread: true, ..State::default() };
                        return;
                    }
                }
            }
        }
    }
}

impl Write for Console {
    /// Never waits, and never writes a part.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.put(bytes).map(|()| bytes.len())
    }
    /// Does not wait either: `WouldBlock` while the reader is behind.
    fn flush(&mut self) -> io::Result<()> {
        match self.pending() {
            0 => Ok(()),
            _ => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

#[cfg(test)]
mod tests;
