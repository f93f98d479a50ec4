//! Times as the journal shows them.

use jiff::Timestamp;

/// `2026-11-20T09:13:01.174051+00:00`: always with six digits, so that one format string reads them all.
pub(crate) fn iso(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%6f+00:00").to_string()
}

/// Seconds from one time to another, never negative.
pub(crate) fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    let micros = to.as_microsecond().saturating_sub(from.as_microsecond()).max(0);
    // Exact up to 2^53 microseconds, which are 285 years.
    micros as f64 / 1e6
}
