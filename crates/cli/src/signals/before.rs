//! Signals while there is no run yet: what was asked for is given up, and somebody is told so.
//!
//! Invariant: until [`Before::is_over`] a signal ends the process, whatever keeps it waiting (a pipe, an interpreter, a person), with
//! one line and without leaving a process behind; what is ignored from the start stays so. While a file is written
//! ([`Before::writes`]) the first one waits for that.

use super::{ignored, say};
use crate::machine;
use crate::session::Session;
use crate::{exit, signals};
use squall_report::line::Line;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The time before a run, and that of commands that have none. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Before(Arc<AtomicU8>);

/// What a signal does: it ends the process; it waits, but for another one; it is somebody else's.
const ENDS: u8 = 0;
const WAITS: u8 = 1;
const OVER: u8 = 2;

impl Before {
    /// From now on signals are answered by somebody else, or end nothing any more.
    pub(crate) fn is_over(&self) {
        self.0.store(OVER, Ordering::SeqCst);
    }

    /// From now on a file is written, which is to be there whole.
    pub(crate) fn writes(&self) {
        self.0.store(WAITS, Ordering::SeqCst);
    }
}

/// Begins to answer signals. Where that cannot be, they end the process without a word.
pub(crate) fn answer(session: &Session, is_run: bool) {
    let Ok(runtime) = machine::runtime() else { return };
    let [interrupt, terminate, hang_up] = {
        let _within = runtime.enter();
        [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()]
            .map(|kind| if ignored(kind) { None } else { signal(kind).ok() })
    };
    let (before, log, screen) = (session.before.clone(), session.log.clone(), session.screen.clone());
    let answer = async move {
        let (word, code) = first(interrupt, terminate, hang_up, &before).await?;
        let when = if is_run { "before the run began" } else { "before it was done" };
        if screen.terminal {
            // What was typed, or asked, stands there.
            let _ = screen.raw().write_all(b"\n");
        }
        say(&log, Line::critical(format!("Aborted! {word} came {when}: nothing was changed")));
        signals::end(code)
    };
    // Without the thread a signal is not heard; the next one cannot be either.
    let _ = thread::Builder::new()
        .name("before".to_owned())
        .spawn(move || -> Option<std::convert::Infallible> { runtime.block_on(answer) });
}

/// The signal that ends the process, if one comes in time, and the exit code: as the Toolkit's, which is killed by all but SIGINT.
async fn first(
    mut interrupt: Option<Signal>,
    mut terminate: Option<Signal>,
    mut hang_up: Option<Signal>,
    before: &Before,
) -> Option<(&'static str, u8)> {
    loop {
        let came = tokio::select! {
            _ = signals::heard(interrupt.as_mut()) => ("SIGINT", exit::FAILED),
            _ = signals::heard(terminate.as_mut()) => ("SIGTERM", 128 + 15),
            _ = signals::heard(hang_up.as_mut()) => ("SIGHUP", 128 + 1),
        };
        match before.0.compare_exchange(WAITS, ENDS, Ordering::SeqCst, Ordering::SeqCst) {
            Ok(_) => {}
            Err(OVER) => return None,
            Err(_) => return Some(came),
        }
    }
}
