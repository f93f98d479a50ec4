//! Stopping, in ordered degrees.
//!
//! First request: nothing more is injected, what was changed is put back, with grace. Second: it is put back once, briefly.
//! Third: the process ends and prints the command that restores. Invariant: a degree only ever rises, and the first reason
//! is remembered.

use std::borrow::Cow;
use std::time::Duration;
use tokio::sync::watch;

/// How long what is outside of us, and was asked to end, may take for it after the first request.
pub const GRACE: Duration = Duration::from_secs(3);
/// How long once a second one came.
pub const BRIEF: Duration = Duration::from_secs(1);

/// Why a run shall stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// SIGTERM: a person, an init system, an eviction.
    Terminate,
    /// SIGHUP: the terminal is gone. The Toolkit dies of it and leaves everything as it is.
    HangUp,
    /// SIGUSR1: the Toolkit's graceful exit, code 20.
    User1,
    /// SIGUSR2: the Toolkit's ungraceful exit, code 30: declared rollbacks are not played.
    User2,
    /// A foreign function left with this status, as `sys.exit` does it.
    Exit(i64),
    /// The event log cannot be written any more.
    LogLost,
}

impl Signal {
    /// Its word in the event log.
    pub fn word(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Signal::Interrupt => "SIGINT",
            Signal::Terminate => "SIGTERM",
            Signal::HangUp => "SIGHUP",
            Signal::User1 => "SIGUSR1",
            Signal::User2 => "SIGUSR2",
            Signal::Exit(status) => return Cow::Owned(format!("exit {status}")),
            Signal::LogLost => "log-lost",
        })
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Requests {
    degree: u8,
    first: Option<Signal>,
    skips_rollbacks: bool,
}

/// What a run hears: how urgently it shall stop.
#[derive(Clone, Debug)]
pub struct Stopping {
    requests: watch::Receiver<Requests>,
    /// From which degree on this listener stops.
    from: u8,
}

/// What asks a run to stop: cli's signal handler through the engine, or the engine itself.
#[derive(Clone, Debug)]
pub struct Stopper {
    requests: watch::Sender<Requests>,
}

impl Default for Stopper {
    fn default() -> Stopper {
        Stopper { requests: watch::Sender::new(Requests::default()) }
    }
}

impl Stopper {
    /// Asks once more; returns the degree that this makes.
    pub fn request(&self, signal: Signal) -> u8 {
        let mut degree = 0;
        self.requests.send_modify(|requests| {
            requests.degree = requests.degree.saturating_add(1);
            requests.first.get_or_insert(signal);
            requests.skips_rollbacks |= signal == Signal::User2;
            degree = requests.degree;
        });
        degree
    }

    /// How often it was requested.
    pub fn degree(&self) -> u8 {
        self.requests.borrow().degree
    }

    /// The first reason, if it was requested.
    pub fn reason(&self) -> Option<Signal> {
        self.requests.borrow().first
    }

    /// Whether declared rollbacks shall be left out, whatever their strategy.
    pub fn skips_rollbacks(&self) -> bool {
        self.requests.borrow().skips_rollbacks
    }

    /// What hears the request that makes `degree`, and every later one.
    pub fn listen(&self, degree: u8) -> Stopping {
        Stopping { requests: self.requests.subscribe(), from: degree }
    }
}

impl Stopping {
    /// Whether it was requested.
    pub fn is_requested(&self) -> bool {
        self.requests.borrow().degree >= self.from
    }

    /// Completes once it is requested.
    pub async fn requested(self) {
        let mut requests = self.requests;
        // An error means that nobody can ask any more.
        if requests.wait_for(|requests| requests.degree >= self.from).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Completes once what was asked to end now has had its time for it: [`GRACE`], but no more than [`BRIEF`] after a second
    /// request, and none after a third.
    pub async fn grace(self) {
        let requested = |from| Stopping { requests: self.requests.clone(), from }.requested();
        tokio::select! {
            () = tokio::time::sleep(GRACE) => {}
            () = async { requested(2).await; tokio::time::sleep(BRIEF).await } => {}
            () = requested(3) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::{Instant, sleep};

    /// Seconds that something has which is asked to end when the first of these requests comes, the others so many seconds
    /// later.
    async fn check(degree: u8, later: &[u64], expected: u64) {
        let stopper = Stopper::default();
        for _ in 0..degree {
            stopper.request(Signal::Terminate);
        }
        let asking = async {
            for seconds in later {
                sleep(Duration::from_secs(*seconds)).await;
                stopper.request(Signal::Interrupt);
            }
            std::future::pending::<()>().await;
        };
        let begun = Instant::now();
        tokio::select! {
            () = stopper.listen(1).grace() => {}
            () = asking => {}
        }
        assert_eq!(begun.elapsed().as_secs(), expected, "{degree}, {later:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_to_end_shrinks_with_every_request() {
        check(1, &[], 3).await;
        check(1, &[1], 2).await;
        check(1, &[2], 3).await;
        check(1, &[1, 0], 1).await;
        check(2, &[], 1).await;
        check(3, &[], 0).await;
    }
}
