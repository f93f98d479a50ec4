//! Times in the past as people write them: `10 minutes`, `2 hours ago`, `yesterday`, a date.
//!
//! A small part of what the Toolkit's date reader takes, the part that makes sense for "since when".

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// The whole seconds since that time, negative if it is to come; none if it cannot be understood.
pub(crate) fn seconds_since(text: &str, now: Timestamp) -> Option<i64> {
    let text = text.trim().to_lowercase();
    if let Some(span) = span(&text) {
        // The Toolkit looks at the clock twice, so whole seconds come out one short.
        let passed = span.as_secs() - i64::from(span > SignedDuration::ZERO && span.subsec_nanos() == 0);
        return Some(passed);
    }
    let local = |time: DateTime| time.to_zoned(TimeZone::system()).ok().map(|zoned| zoned.timestamp());
    let at = match text.as_str() {
        "now" | "today" => return Some(0),
        "yesterday" => now.checked_sub(SignedDuration::from_hours(24)).ok()?,
        _ => text
            .to_uppercase()
            .parse::<Timestamp>()
            .ok()
            .or_else(|| local(text.to_uppercase().parse().ok()?))
            .or_else(|| local(text.parse::<Date>().ok()?.to_datetime(jiff::civil::Time::midnight())))?,
    };
    Some(now.duration_since(at).as_secs())
}

/// `1 hour 30 minutes`, `5m`, `an hour ago`, `in 2 minutes` (negative).
fn span(text: &str) -> Option<SignedDuration> {
    let (text, ahead) = match text.strip_prefix("in ") {
        Some(rest) => (rest, true),
        None => (text.strip_suffix(" ago").unwrap_or(text), false),
    };
    // "5m" reads as "5 m".
    let mut spaced = String::new();
    let mut before = ' ';
    for character in text.chars() {
        if before.is_ascii_digit() && character.is_alphabetic() {
            spaced.push(' ');
        }
        spaced.push(character);
        before = character;
    }
    let mut words = spaced.split([' ', ',']).filter(|word| !word.is_empty() && *word != "and").peekable();
    words.peek()?;
    let mut total = 0.0;
    while let Some(number) = words.next() {
        let number: f64 = match number {
            "a" | "an" | "one" => 1.0,
            number => number.parse().ok()?,
        };
        let unit = match words.next()?.trim_end_matches('.') {
            "s" | "sec" | "secs" | "second" | "seconds" => 1,
            "m" | "min" | "mins" | "minute" | "minutes" => 60,
            "h" | "hr" | "hrs" | "hour" | "hours" => 3600,
            "d" | "day" | "days" => 86_400,
            "w" | "week" | "weeks" => 604_800,
            _ => return None,
        };
        total += number * f64::from(unit);
    }
    let span = SignedDuration::try_from_secs_f64(total).ok()?;
    Some(if ahead { -span } else { span })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap_or_default();
        for (text, seconds) in [
            ("10 minutes", Some(599)),
            ("10 minutes ago", Some(599)),
            ("an hour ago", Some(3599)),
            ("5m", Some(299)),
            ("1 hour 30 minutes", Some(5399)),
            ("1h, 30s", Some(3629)),
            ("0 seconds", Some(0)),
            ("now", Some(0)),
            ("yesterday", Some(86_400)),
            ("2026-11-20T11:59:00Z", Some(60)),
            ("in 2 minutes", Some(-120)),
            ("rubbish", None),
            ("10 parsecs", None),
            ("10", None),
            ("", None),
        ] {
            assert_eq!(seconds_since(text, now), seconds, "{text}");
        }
    }
}
