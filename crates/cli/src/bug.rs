//! What is said when we panic, which is always a bug of ours.
//!
//! Invariant: nobody sees a backtrace instead of a sentence, and the sentence goes to console and log file.

use crate::screen::Screen;
use crate::shared_log::SharedLog;
use jiff::Timestamp;
use squall_report::line::Line;
use std::io::Write as _;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};

/// From here on a panic is one CRITICAL line.
pub(crate) fn announce_in(log: SharedLog, screen: Screen) {
    panic::set_hook(Box::new(move |info| {
        let line = Line::critical(sentence(info));
        match log.try_lock() {
            Ok(mut log) => log.line(&line, Timestamp::now()),
            Err(_) => {
                // Whoever holds the log panicked.
                let _ = screen.raw().write_all(format!("{}\n", line.message).as_bytes());
            }
        }
    }));
}

fn sentence(info: &PanicHookInfo<'_>) -> String {
    let what = info.payload_as_str().unwrap_or("something that is no text");
    let place = info.location().map(|at| format!(" at {}:{}", at.file(), at.line())).unwrap_or_default();
    format!(
        "this is a bug of ours, in chaos {}: {what}{place}; please report it with the log file, and see \
         `chaos recover` for what may be left behind",
        env!("CARGO_PKG_VERSION")
    )
}

/// What `work` comes to; `None` if it panicked, which has been said.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    panic::catch_unwind(AssertUnwindSafe(work)).ok()
}
