//! The console: standard error, and on a terminal a live status below the log lines.
//!
//! Invariant: on a pipe nothing but log lines is written, and no reader holds us up.

use jiff::Timestamp;
use squall_engine::story::Observer;
use squall_report::advice::Advice;
use squall_report::console::Console;
use squall_report::console::outlet::Descriptor;
use squall_report::live::Live;
use std::convert::Infallible;
use std::io::{self, IsTerminal as _, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How often the status is looked at. Nothing is drawn when it has not changed.
const TICK: Duration = Duration::from_millis(100);

/// The console.
#[derive(Clone)]
pub(crate) struct Screen {
    /// Whether somebody looks at it.
    pub(crate) terminal: bool,
    /// Whether it may have colours.
    pub(crate) colours: bool,
    console: Console,
    live: Option<Live>,
    stopped: Arc<AtomicBool>,
}

impl Screen {
    /// Standard error. What is not `for_people` is treated as a pipe; without `live` there is no status.
    pub(crate) fn new(for_people: bool, live: bool, term: Option<&str>) -> Screen {
        let terminal = for_people && io::stderr().is_terminal();
        let colours = anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never;
        let moves = terminal && term.is_some_and(|term| !term.is_empty() && term != "dumb");
        let console = Console::new(Descriptor::new(io::stderr()));
        let live = (live && moves).then(|| Live::new(Box::new(console.clone()), colours));
        Screen { terminal, colours, console, live, stopped: Arc::default() }
    }

    /// Where lines are written to.
    pub(crate) fn console(&self) -> Box<dyn Write + Send> {
        match &self.live {
            Some(live) => live.console(),
            None => Box::new(self.console.clone()),
        }
    }

    /// Where something is written to whatever holds the status.
    pub(crate) fn raw(&self) -> impl Write {
        self.console.clone()
    }

    /// How many bytes nobody has read yet.
    pub(crate) fn pending(&self) -> usize {
        self.console.pending()
    }

    /// What is set when somebody wants us to end.
    pub(crate) fn stopped(&self) -> Arc<AtomicBool> {
        self.stopped.clone()
    }

    /// Whether somebody wanted us to end.
    pub(crate) fn was_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Its width in columns, if it is a terminal.
    pub(crate) fn width(&self) -> Option<usize> {
        let size = rustix::termios::tcgetwinsize(io::stderr()).ok()?;
        self.terminal.then_some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
    }

    /// Those who show a run to a person beyond its log lines.
    pub(crate) fn observers(&self) -> Vec<Observer> {
        let mut observers: Vec<Observer> = Vec::new();
        if self.terminal {
            let mut advice = Advice::new();
            let mut console = self.console();
            observers.push(Box::new(move |records| {
                for line in records.iter().flat_map(|record| advice.lines(record)) {
                    // A terminal that is gone needs no advice.
                    let _ = console.write_all(format!("{line}\n").as_bytes());
                }
            }));
        }
        if let Some(live) = self.live.clone() {
            observers.push(Box::new(move |records| records.iter().for_each(|record| live.observe(record))));
        }
        observers
    }

    /// Keeps the status up to date, for ever.
    pub(crate) async fn keep_drawing(&self) -> Infallible {
        let Some(live) = &self.live else { return std::future::pending().await };
        let mut ticks = tokio::time::interval(TICK);
        loop {
            ticks.tick().await;
            live.tick(Timestamp::now(), self.width().unwrap_or(80));
        }
    }

    /// Takes the status off the screen.
    pub(crate) fn finish(&self) {
        if let Some(live) = &self.live {
            live.finish();
        }
    }
}
