//! Signals: the first two go to the engine as requests to stop, the third ends the process.
//!
//! Invariant: from the moment [`Signals::new`] returns until the process ends, none of these signals kills it before it had
//! the chance to put back what it changed.

use crate::exit;
use crate::problem::Problem;
use crate::session::Session;
use squall_engine::stop::Signal;
use squall_experiment::event::RunId;
use squall_report::line::Line;
use std::convert::Infallible;
use std::io;
use tokio::signal::unix::{self, SignalKind};
use tokio::sync::mpsc;

/// The signals that a run answers.
pub(crate) struct Signals<'a> {
    run: RunId,
    /// The exit code after the third.
    third: u8,
    session: &'a Session,
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

impl<'a> Signals<'a> {
    /// Begins to catch them; `third` is the exit code after the third. Must be called within the runtime.
    pub(crate) fn new(
        run: &RunId,
        third: u8,
        session: &'a Session,
    ) -> Result<(Signals<'a>, mpsc::UnboundedReceiver<Signal>), Problem> {
        let (to, from) = mpsc::unbounded_channel();
        let made = || -> io::Result<Signals<'a>> {
            Ok(Signals {
                run: run.clone(),
                third,
                session,
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
        let made = made().map_err(|error| Problem::new(format!("could not listen for signals: {error}")))?;
        Ok((made, from))
    }

    /// Hands them on, for ever.
    pub(crate) async fn forward(mut self) -> Infallible {
        let mut degree = 0_u8;
        loop {
            let signal = tokio::select! {
                _ = self.interrupt.recv() => Signal::Interrupt,
                _ = self.terminate.recv() => Signal::Terminate,
                _ = heard(self.hang_up.as_mut()) => Signal::HangUp,
                _ = self.user1.recv() => Signal::User1,
                _ = self.user2.recv() => Signal::User2,
            };
            degree += 1;
            self.session.screen.stop();
            if degree == 3 {
                // Said if it goes at once: nobody waits for the console any more.
                self.session.say(Line::critical(format!(
                    "stopped at once by a third signal; `chaos recover {}` puts back what is still changed",
                    self.run
                )));
                std::process::exit(self.third.into());
            }
            // The run may just have ended; then nobody listens any more.
            let _ = self.to.send(signal);
        }
    }
}

/// The next signal of a kind that may not be listened to.
pub(crate) async fn heard(signal: Option<&mut unix::Signal>) -> Option<()> {
    match signal {
        Some(signal) => signal.recv().await,
        None => std::future::pending().await,
    }
}

/// Whether SIGHUP is ignored already, as `nohup` does it. Where `/proc` does not tell, it is not.
pub(crate) fn outlives_terminal() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}
