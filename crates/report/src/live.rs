//! A few lines below the log on a terminal: what goes on now, for how long, and how long a pause still is.
//!
//! Invariant: whoever writes to [`Live::console`] finds the status erased, so log lines stay in order and whole; after
//! [`Live::finish`] nothing of it is left on the screen. A terminal that takes nothing (Ctrl-S) gets no more of it until it does. What is shown is a function of records and the time ([`status`]).
//!
//! Not here: whether there is a terminal (without one, or on a dumb one, nobody makes a [`Live`]), its width, and when it is
//! time to look again.

pub mod status;

use jiff::Timestamp;
use squall_experiment::event::Record;
use status::Status;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The status of a run on a terminal; clones are the same one.
#[derive(Clone)]
pub struct Live(Arc<Mutex<Screen>>);

struct Screen {
    console: Box<dyn Write + Send>,
    colours: bool,
    status: Status,
    /// What is on the screen below the log.
    drawn: Vec<String>,
    over: bool,
}

impl Live {
    /// On this console, which is a terminal that understands ANSI's cursor movements. `flush` tells whether it is behind, and does not wait.
    pub fn new(console: Box<dyn Write + Send>, colours: bool) -> Live {
        Live(Arc::new(Mutex::new(Screen {
            console,
            colours,
            status: Status::default(),
            drawn: Vec::new(),
            over: false,
        })))
    }

    /// Where log lines are written to, above the status.
    pub fn console(&self) -> Box<dyn Write + Send> {
        Box::new(Above(self.clone()))
    }

    /// One record further. Nothing is drawn before the next [`Live::tick`].
    pub fn observe(&self, record: &Record) {
        self.screen().status.take(record);
    }

    /// Draws what goes on `now` on a terminal of `width` columns, if that looks other than before.
    pub fn tick(&self, now: Timestamp, width: usize) {
        let mut screen = self.screen();
        if screen.over {
            return;
        }
        let lines = screen.status.lines(now, width);
        if lines == screen.drawn {
            return;
        }
        // A terminal that is behind has no use for how it was meanwhile.
        if screen.console.flush().is_err() {
            return;
        }
        // One write, so that nobody sees the empty screen between.
        let text = erase(screen.drawn.len()) + &draw(&lines, screen.colours);
        if screen.put(&text) {
            screen.drawn = lines;
        }
    }

    /// Takes the status off the screen for good.
    pub fn finish(&self) {
        let mut screen = self.screen();
        screen.clear();
        screen.over = true;
    }

    fn screen(&self) -> MutexGuard<'_, Screen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Screen {
    fn clear(&mut self) {
        if !self.drawn.is_empty() && self.put(&erase(self.drawn.len())) {
            self.drawn.clear();
        }
    }

    /// Whether there was room for it.
    fn put(&mut self, text: &str) -> bool {
        match self.console.write_all(text.as_bytes()) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => false,
            Err(_) => {
                // The terminal is gone; the log finds that out by itself.
                self.over = true;
                true
            }
        }
    }
}

/// The console as the log sees it.
struct Above(Live);
impl Write for Above {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut screen = self.0.screen();
        screen.clear();
        screen.console.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.0.screen().console.flush()
    }
}

/// Moves to the beginning of the first of these lines, on the last of which the cursor is, and erases all below.
fn erase(lines: usize) -> String {
    match lines {
        0 => String::new(),
        1 => "\r\x1b[J".to_owned(),
        more => format!("\r\x1b[{}A\x1b[J", more - 1),
    }
}

fn draw(lines: &[String], colours: bool) -> String {
    let (dim, plain) = if colours && !lines.is_empty() { ("\x1b[2m", "\x1b[0m") } else { ("", "") };
    format!("{dim}{}{plain}", lines.join("\n"))
}

#[cfg(test)]
mod tests;
