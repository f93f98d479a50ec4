//! When a request is made again, and how long we wait before.
//!
//! Invariant: at most four tries, and all waits together are bounded; a server that asks for more time than that is
//! believed and given up. Jitter comes from the clock, not from the run's random numbers, so that a slow server does not
//! change which Pods are chosen.

use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};
use squall_engine::Look;
use std::time::Duration;

const TRIES: u32 = 4;
const FIRST: Duration = Duration::from_millis(200);
/// All waits of one request.
const BUDGET: Duration = Duration::from_secs(30);

/// Whether making a request twice can do harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// It cannot.
    Harmless,
    /// It can, so only when the server certainly did nothing.
    Untouched,
}

/// Counts the tries of one request.
#[derive(Debug)]
pub(crate) struct Pace {
    tried: u32,
    left: Duration,
}
impl Default for Pace {
    fn default() -> Pace {
        Pace { tried: 1, left: BUDGET }
    }
}

impl Pace {
    /// How long to wait before the next try, if there is to be one. `asked` is what the server asks for.
    pub(crate) fn next(&mut self, cx: &Look, asked: Option<Duration>) -> Option<Duration> {
        if self.tried >= TRIES {
            return None;
        }
        let step = FIRST * 2_u32.pow(self.tried - 1);
        let wait = step + jitter(cx, step / 2);
        let wait = asked.map_or(wait, |asked| asked.max(wait));
        self.left = self.left.checked_sub(wait)?;
        self.tried += 1;
        Some(wait)
    }

    /// The same after an answer with this status.
    pub(crate) fn after(
        &mut self,
        cx: &Look,
        status: &StatusCode,
        headers: &HeaderMap,
        repeat: Repeat,
    ) -> Option<Duration> {
        let asked = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let asked = asked.map(Duration::from_secs);
        let again = match status.as_u16() {
            429 => true,
            // With a Retry-After the server says that it did not take the request.
            500 | 502 | 503 | 504 => repeat == Repeat::Harmless || asked.is_some(),
            _ => false,
        };
        if again { self.next(cx, asked) } else { None }
    }
}

/// Up to `most`, by the clock's finest digits.
fn jitter(cx: &Look, most: Duration) -> Duration {
    let fraction = cx.now().subsec_microsecond().unsigned_abs() % 1000;
    most * fraction / 1000
}
