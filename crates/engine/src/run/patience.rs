//! How long a run that was asked to stop still waits for its controls.
//!
//! Invariant: after a stop, all that is waited for together takes no longer than [`PATIENCE`] before changes are put back, and
//! no longer than that once more afterwards, however many controls there are. Without a stop nobody is hurried.

use crate::stage::Stage;
use std::cell::Cell;
use std::future::Future;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// How long controls may take in all once a stop was requested.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// What is left of it. What is waited for at the same time is counted once.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    used: Cell<Duration>,
    waiting: Cell<usize>,
    since: Cell<Option<Instant>>,
}

/// Why something was not waited for to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// A stop was requested, one more if there had been some.
    Stopped,
    /// It went on for too long after a stop.
    Spent,
}

impl Patience {
    /// Changes have been put back: what comes now keeps nobody from anything.
    pub(crate) fn renew(&self) {
        self.used.set(Duration::ZERO);
        self.since.set(self.since.get().map(|_| Instant::now()));
    }

    /// Whether nothing that belongs to controls is begun any more.
    pub(crate) fn is_spent(&self, stage: &Stage) -> bool {
        stage.stopper.degree() > 0 && self.left().is_zero()
    }

    /// Waits for `work`, until the stop that makes `degree` or until patience is spent.
    pub(crate) async fn until<T>(
        &self,
        stage: &Stage,
        degree: u8,
        work: impl Future<Output = T>,
    ) -> Result<T, Cut> {
        let spent = async {
            stage.stopper.listen(1).requested().await;
            let waiting = Waiting::begin(self);
            sleep_until(waiting.since + self.left()).await;
        };
        tokio::select! {
            biased;
            () = stage.stopper.listen(degree).requested() => Err(Cut::Stopped),
            done = work => Ok(done),
            () = spent => Err(Cut::Spent),
        }
    }

    /// What was left when the waiting began that goes on now, if any does.
    fn left(&self) -> Duration {
        PATIENCE.saturating_sub(self.used.get())
    }
}

/// Somebody who waits after a stop.
struct Waiting<'a> {
    patience: &'a Patience,
    since: Instant,
}

impl Waiting<'_> {
    fn begin(patience: &Patience) -> Waiting<'_> {
        let since = patience.since.get().unwrap_or_else(Instant::now);
        patience.since.set(Some(since));
        patience.waiting.set(patience.waiting.get() + 1);
        Waiting { patience, since }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let patience = self.patience;
        patience.waiting.set(patience.waiting.get() - 1);
        if patience.waiting.get() == 0
            && let Some(since) = patience.since.take()
        {
            patience.used.set(patience.used.get() + since.elapsed());
        }
    }
}
