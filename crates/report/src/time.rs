//! Times as the journal shows them.

use jiff::Timestamp;

/// `2026-11-20T09:13:01.174051+00:00`: always with six digits, so that one format string reads them all.
pub(crate) fn iso(at: Timestamp) -> String {
    // Asked for twice an activity: a format string would be read each time. Years that Python does not know jiff prints otherwise.
    match format!("{at:.6}") {
        text if text.starts_with('-') => at.strftime("%Y-%m-%dT%H:%M:%S.%6f+00:00").to_string(),
        text => text.trim_end_matches('Z').to_owned() + "+00:00",
    }
}

/// Seconds from one time to another, never negative.
pub(crate) fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    let micros = to.as_microsecond().saturating_sub(from.as_microsecond()).max(0);
    // Exact up to 2^53 microseconds, which are 285 years.
    micros as f64 / 1e6
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn times_have_six_digits_behind_the_point() {
        for (at, expected) in [
            ("2026-11-20T09:13:01.174051Z", "2026-11-20T09:13:01.174051+00:00"),
            ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000000+00:00"),
            ("0007-12-31T23:59:59.000001999Z", "0007-12-31T23:59:59.000001+00:00"),
            ("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.500000+00:00"),
            ("-000044-03-15T00:00:00Z", "-044-03-15T00:00:00.000000+00:00"),
        ] {
            let at: Timestamp = at.parse().unwrap();
            assert_eq!(iso(at), expected);
            assert_eq!(iso(at), at.strftime("%Y-%m-%dT%H:%M:%S.%6f+00:00").to_string());
        }
    }
}
