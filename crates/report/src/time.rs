//! Times as the journal shows them.

use jiff::Timestamp;

/// `2026-11-20T09:13:01.174051+00:00`: always with six digits, so that one format string reads them all.
pub(crate) fn iso(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%6f+00:00").to_string()
}
