//! How long something took, for people.

/// `0.4 s`, `12 s`, `2 min 5 s`, `1 h 3 min`.
pub(super) fn shown(seconds: f64) -> String {
    if seconds < 9.95 {
        return format!("{seconds:.1} s");
    }
    // Saturates at what no run lasts.
    let whole = seconds.round() as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, 0) => format!("{minutes} min"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, 0, _) => format!("{hours} h"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn as_people_say_it() {
        for (seconds, expected) in [
            (0.04, "0.0 s"),
            (9.94, "9.9 s"),
            (9.96, "10 s"),
            (59.6, "1 min"),
            (125.0, "2 min 5 s"),
            (3600.0, "1 h"),
            (3785.0, "1 h 3 min"),
        ] {
            assert_eq!(shown(seconds), expected);
        }
    }
}
