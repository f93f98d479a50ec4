//! The end of the process, which waits for readers of the console that are behind, but not for ever.
//!
//! Invariant: a reader that goes on reading gets every line; one that takes nothing holds us up for [`PATIENCE`], after a stop for
//! [`STOPPED`] at most, and a signal ends the wait on the spot.

use crate::machine;
use crate::screen::Screen;
use crate::shared_log::{SharedLog, lock};
use crate::signals::{heard, outlives_terminal};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep};

/// How long a reader may take nothing, of the few kB that a pipe waits for before it says that somebody reads.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long all of it may take after a stop.
const STOPPED: Duration = Duration::from_secs(2);
/// How often we look.
const LOOK: Duration = Duration::from_millis(10);

/// Waits until everything that was said is read.
pub(crate) fn wait(log: &SharedLog, screen: &Screen) {
    let pending = || screen.pending() + lock(log).pending();
    if pending() == 0 {
        return;
    }
    // Without a runtime nobody can be waited for.
    let Ok(runtime) = machine::runtime() else { return };
    runtime.block_on(async {
        tokio::select! {
            () = read(pending, screen.was_stopped()) => {}
            () = any_signal() => return,
        }
        // How many lines there was no room for.
        lock(log).flush();
    });
}

async fn read(pending: impl Fn() -> usize, stopped: bool) {
    let patience = if stopped { STOPPED } else { PATIENCE };
    let (mut left, mut since) = (pending(), Instant::now());
    while left > 0 && since.elapsed() < patience {
        sleep(LOOK).await;
        let now = pending();
        if now < left && !stopped {
            since = Instant::now();
        }
        left = now;
    }
}

/// Any of those that stop a run; one that cannot be caught does not come.
async fn any_signal() {
    let caught = |kind| signal(kind).ok();
    let mut interrupt = caught(SignalKind::interrupt());
    let mut terminate = caught(SignalKind::terminate());
    let mut hang_up = if outlives_terminal() { None } else { caught(SignalKind::hangup()) };
    tokio::select! {
        _ = heard(interrupt.as_mut()) => {}
        _ = heard(terminate.as_mut()) => {}
        _ = heard(hang_up.as_mut()) => {}
    }
}
