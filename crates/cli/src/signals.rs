//! Signals: the first two go to the engine as requests to stop, the third ends the process.
//!
//! A run has a thread that listens, so that whatever keeps the others busy, and for however long, signals are heard until the
//! process ends. Once the run is over, a signal ends the process: at once when the journal is written, else after a moment
//! ([`LAST_MOMENT`]), or at once for whoever asks again.
//!
//! Invariant: from the moment they are caught until the run is over, none of these signals kills the process before it had
//! the chance to put back what it changed.

pub(crate) mod before;

use crate::exit;
use crate::machine;
use crate::problem::Problem;
use crate::session::Session;
use crate::shared_log::{SharedLog, lock};
use jiff::Timestamp;
use squall_engine::stop::Signal;
use squall_experiment::event::RunId;
use squall_report::line::Line;
use std::convert::Infallible;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, mpsc as channel};
use std::thread;
use std::time::Duration;
use tokio::signal::unix::{self, SignalKind};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// The signals that a run answers.
pub(crate) struct Signals {
    run: RunId,
    /// The exit code after the third.
    third: u8,
    log: SharedLog,
    progress: Arc<Progress>,
    /// The screen's, which is told that somebody wants us to end.
    stopped: Arc<AtomicBool>,
    to: mpsc::UnboundedSender<Signal>,
    interrupt: unix::Signal,
    terminate: unix::Signal,
    /// None if we were started to outlive the terminal.
    hang_up: Option<unix::Signal>,
    user1: unix::Signal,
    user2: unix::Signal,
    /// SIGXFSZ, which nobody waits for: that it is caught turns a log that reached `ulimit -f` from death into an error.
    _file_too_large: unix::Signal,
}

/// What whoever listens and the run tell each other.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// The exit code once everything that matters is done, above [`DONE`].
    done: AtomicU16,
}

const DONE: u16 = 1 << 8;

/// How long a journal may take to be written once somebody wants the process to end.
const LAST_MOMENT: Duration = Duration::from_secs(3);
/// How long the last line may take to be written, for what it is written to may be what hangs.
const LAST_LINE: Duration = Duration::from_millis(500);

impl Progress {
    /// The journal is written: from now on a signal ends the process with this code.
    pub(crate) fn is_done(&self, code: u8) {
        self.done.store(DONE | u16::from(code), Ordering::Release);
    }

    fn code(&self) -> Option<u8> {
        let done = self.done.load(Ordering::Acquire);
        (done & DONE != 0).then(|| done.to_le_bytes()[0])
    }
}

/// The variable in which who started a run names its own process, if the run must not outlive it. Not for people.
pub(crate) const ENDS_WITH: &str = "CHAOS_ENDS_WITH";

/// Sees to it that we are asked to stop (SIGTERM) when who started us dies, if it wished so. Where a system cannot do that, a
/// run ends by itself, only later.
pub(crate) fn end_with_parent(session: &Session) {
    let parent = session.environment.get(ENDS_WITH).and_then(|pid| pid.parse::<i32>().ok());
    let Some(parent) = parent else { return };
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM));
    // It may have died before.
    if rustix::process::getppid().is_none_or(|now| now.as_raw_nonzero().get() != parent) {
        std::process::exit(exit::FAILED.into());
    }
}

/// The number of SIGXFSZ, on Linux, macOS and the BSDs alike.
const FILE_TOO_LARGE: i32 = 25;

impl Signals {
    /// Begins to catch them; `third` is the exit code after the third. Must be called within the runtime.
    pub(crate) fn new(
        run: &RunId,
        third: u8,
        session: &Session,
    ) -> Result<(Signals, mpsc::UnboundedReceiver<Signal>), Problem> {
        let (to, from) = mpsc::unbounded_channel();
        let made = || -> io::Result<Signals> {
            Ok(Signals {
                run: run.clone(),
                third,
                log: session.log.clone(),
                progress: Arc::default(),
                stopped: session.screen.stopped(),
                to,
                interrupt: unix::signal(SignalKind::interrupt())?,
                terminate: unix::signal(SignalKind::terminate())?,
                hang_up: match outlives_terminal() {
                    true => None,
                    false => Some(unix::signal(SignalKind::hangup())?),
                },
                user1: unix::signal(SignalKind::user_defined1())?,
                user2: unix::signal(SignalKind::user_defined2())?,
                _file_too_large: unix::signal(SignalKind::from_raw(FILE_TOO_LARGE))?,
            })
        };
        Ok((made().map_err(|error| deaf(&error))?, from))
    }

    /// Begins to catch them in a thread of its own, until the process ends.
    pub(crate) fn listen(
        run: &RunId,
        third: u8,
        session: &Session,
    ) -> Result<(Arc<Progress>, mpsc::UnboundedReceiver<Signal>), Problem> {
        let runtime = machine::runtime()?;
        let (signals, from) = {
            let _within = runtime.enter();
            Signals::new(run, third, session)?
        };
        let progress = signals.progress.clone();
        thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || match runtime.block_on(signals.forward()) {})
            .map_err(|error| deaf(&error))?;
        Ok((progress, from))
    }

    /// Hands them on, for ever.
    pub(crate) async fn forward(mut self) -> Infallible {
        let mut degree = 0_u8;
        let mut last_moment = None;
        loop {
            let signal = tokio::select! {
                _ = self.interrupt.recv() => Signal::Interrupt,
                _ = self.terminate.recv() => Signal::Terminate,
                _ = heard(self.hang_up.as_mut()) => Signal::HangUp,
                _ = self.user1.recv() => Signal::User1,
                _ = self.user2.recv() => Signal::User2,
                () = over(last_moment) => self.leave_without_journal(),
            };
            if let Some(code) = self.progress.code() {
                end(code);
            }
            degree = degree.saturating_add(1);
            self.stopped.store(true, Ordering::Relaxed);
            if self.to.send(signal).is_err() {
                // The run is over, and nobody listens any more.
                if last_moment.is_some() {
                    self.leave_without_journal();
                }
                last_moment = Some(Instant::now() + LAST_MOMENT);
            } else if degree == 3 {
                self.leave(format!(
                    "stopped at once by a third signal; `chaos recover {}` puts back what is still changed",
                    self.run
                ));
            }
        }
    }

    fn leave_without_journal(&self) -> ! {
        if let Some(code) = self.progress.code() {
            end(code);
        }
        self.leave(format!(
            "stopped by a signal before the journal was written; `chaos recover {}` writes it",
            self.run
        ))
    }

    /// Ends the process, with a last line if that can be said.
    fn leave(&self, line: String) -> ! {
        say(&self.log, Line::critical(line));
        end(self.third)
    }
}

/// Says a last line, if that can be said in time.
fn say(log: &SharedLog, line: Line) {
    let log = log.clone();
    let (said, is_said) = channel::sync_channel(1);
    let spawned = thread::Builder::new().spawn(move || {
        lock(&log).line(&line, Timestamp::now());
        let _ = said.send(());
    });
    if spawned.is_ok() {
        let _ = is_said.recv_timeout(LAST_LINE);
    }
}

/// Ends the process at once, and with it the programs that it runs.
fn end(code: u8) -> ! {
    squall_drivers::children::kill_all();
    std::process::exit(code.into())
}

fn deaf(error: &io::Error) -> Problem {
    Problem::new(format!("could not listen for signals: {error}"))
}

/// Completes at that moment, if there is one.
async fn over(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// The next signal of a kind that may not be listened to.
pub(crate) async fn heard(signal: Option<&mut unix::Signal>) -> Option<()> {
    match signal {
        Some(signal) => signal.recv().await,
        None => std::future::pending().await,
    }
}

/// Whether SIGHUP is ignored already, as `nohup` does it.
pub(crate) fn outlives_terminal() -> bool {
    ignored(SignalKind::hangup())
}

/// Whether a signal is ignored. Where `/proc` does not tell, it is not.
fn ignored(signal: SignalKind) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask >> (signal.as_raw_value() - 1) & 1 == 1)
}
