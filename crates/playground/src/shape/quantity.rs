//! Amounts as Kubernetes writes them: `100m`, `1Gi`, `1.5` becomes `1500m`.
//!
//! Invariant: a canonical amount is worth what was given (rounded up to a billionth), keeps its kind of suffix (binary,
//! decimal, exponent), has no fraction, and has the largest suffix that allows that.

/// A billionth is the least that can be said.
const NANO: i128 = 1_000_000_000;
const DECIMAL: [(&str, i32); 10] =
    [("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)];
const BINARY: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Decimal,
    Binary,
    Exponent,
}

/// The amount as a server answers it; `None` for what is no amount, or is beyond what is worked with here.
pub fn canonical(text: &str) -> Option<String> {
    let (negative, unsigned) = match text.strip_prefix(['+', '-']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    };
    let end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
    let (number, suffix) = unsigned.split_at(end);
    let (nanos, form) = worth(number, suffix)?;
    let sign = if negative && nanos != 0 { "-" } else { "" };
    if form == Form::Binary && nanos >= 1024 * NANO {
        let (mut amount, mut unit) = (nanos, 0);
        while unit + 1 < BINARY.len() && amount % (1024 * NANO) == 0 {
            amount /= 1024;
            unit += 1;
        }
        if amount % NANO == 0 {
            return Some(format!("{sign}{}{}", amount / NANO, BINARY[unit]));
        }
    }
    if nanos == 0 {
        return Some("0".to_owned());
    }
    let (mut amount, mut exponent) = (nanos, -9);
    while amount % 1000 == 0 && exponent < 18 {
        amount /= 1000;
        exponent += 3;
    }
    if form == Form::Exponent {
        let power = if exponent == 0 { String::new() } else { format!("e{exponent}") };
        return Some(format!("{sign}{amount}{power}"));
    }
    let (suffix, _) = DECIMAL.iter().find(|(_, power)| *power == exponent)?;
    Some(format!("{sign}{amount}{suffix}"))
}

/// Billionths, without a sign.
fn worth(number: &str, suffix: &str) -> Option<(i128, Form)> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits: String = [whole, fraction].concat();
    if digits.is_empty() || digits.len() > 24 {
        return None;
    }
    let digits: i128 = digits.parse().ok()?;
    let places = i32::try_from(fraction.len()).ok()?;
    if let Some(unit) = BINARY.iter().skip(1).position(|known| *known == suffix) {
        let scaled = digits.checked_mul(NANO)?.checked_mul(1 << (10 * (unit + 1)))?;
        return Some((rounded(scaled, 10_i128.checked_pow(places.unsigned_abs())?), Form::Binary));
    }
    let (power, form) = match DECIMAL.iter().find(|(known, _)| *known == suffix) {
        Some((_, power)) => (*power, Form::Decimal),
        None => (suffix.strip_prefix(['e', 'E'])?.parse::<i32>().ok()?, Form::Exponent),
    };
    let power = power.checked_add(9)?.checked_sub(places)?;
    let by = 10_i128.checked_pow(power.unsigned_abs())?;
    Some((if power >= 0 { digits.checked_mul(by)? } else { rounded(digits, by) }, form))
}

/// Divided, and rounded away from nothing.
fn rounded(amount: i128, by: i128) -> i128 {
    amount / by + i128::from(amount % by != 0)
}

#[cfg(test)]
mod tests {
    use super::canonical;

    #[test]
    fn amounts_are_written_as_a_server_writes_them() {
        for (given, expected) in [
            ("0", "0"),
            ("0.0", "0"),
            ("1", "1"),
            ("1000", "1k"),
            ("1024", "1024"),
            ("0.1", "100m"),
            ("1.5", "1500m"),
            ("1500m", "1500m"),
            ("1000m", "1"),
            ("0.0000000001", "1n"),
            ("1024Mi", "1Gi"),
            ("1000Mi", "1000Mi"),
            ("1.5Gi", "1536Mi"),
            ("0.5Ki", "512"),
            ("1023", "1023"),
            ("1Ki", "1Ki"),
            ("2048Ki", "2Mi"),
            ("100M", "100M"),
            ("1000000", "1M"),
            ("1e3", "1e3"),
            ("12e5", "1200e3"),
            ("-1", "-1"),
            ("-1.5", "-1500m"),
            ("+2", "2"),
            ("8Ei", "8Ei"),
            (".5", "500m"),
            ("5.", "5"),
            ("010", "10"),
        ] {
            assert_eq!(canonical(given).as_deref(), Some(expected), "{given}");
        }
        for given in ["", "m", "1x", "1.2.3", "e3"] {
            assert_eq!(canonical(given), None, "{given}");
        }
    }
}
