//! Host names beyond ASCII, in the form in which the domain name system has them (RFC 3492).
//!
//! Not here: the mapping of look-alikes and compatibility characters; names are put in lower case and nothing else.

const BASE: u32 = 36;
const T_MIN: u32 = 1;
const T_MAX: u32 = 26;
const LONGEST_LABEL: usize = 63;

/// `münchen.de` → `xn--mnchen-3ya.de`; `None` when a label is empty, too long or holds what no name may hold.
pub(super) fn to_ascii(host: &str) -> Option<String> {
    let lower = host.to_lowercase();
    let rooted = lower.strip_suffix('.').unwrap_or(&lower);
    let labels: Option<Vec<String>> =
        rooted.split(['.', '\u{3002}', '\u{ff0e}', '\u{ff61}']).map(label).collect();
    labels.map(|labels| labels.join("."))
}

fn label(label: &str) -> Option<String> {
    let fits =
        |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_' || (!c.is_ascii() && c.is_alphanumeric());
    // Combining marks are letters of their scripts, though not alphanumeric; only blanks and signs are kept out.
    if label.is_empty()
        || label.chars().any(|c| !fits(c) && (c.is_ascii() || c.is_whitespace() || c.is_control()))
    {
        return None;
    }
    let ascii = if label.is_ascii() { label.to_owned() } else { format!("xn--{}", punycode(label)?) };
    (ascii.len() <= LONGEST_LABEL).then_some(ascii)
}

fn punycode(label: &str) -> Option<String> {
    let code_points: Vec<u32> = label.chars().map(u32::from).collect();
    let mut out: String = label.chars().filter(char::is_ascii).collect();
    let basic = u32::try_from(out.len()).ok()?;
    if basic > 0 {
        out.push('-');
    }
    let (mut n, mut delta, mut bias, mut handled) = (128u32, 0u32, 72u32, basic);
    while (handled as usize) < code_points.len() {
        let next = code_points.iter().copied().filter(|c| *c >= n).min()?;
        delta = delta.checked_add((next - n).checked_mul(handled + 1)?)?;
        n = next;
        for &c in &code_points {
            if c < n {
                delta = delta.checked_add(1)?;
            }
            if c == n {
                let mut q = delta;
                for k in (BASE..).step_by(BASE as usize) {
                    let t = k.saturating_sub(bias).clamp(T_MIN, T_MAX);
                    if q < t {
                        break;
                    }
                    out.push(digit(t + (q - t) % (BASE - t)));
                    q = (q - t) / (BASE - t);
                }
                out.push(digit(q));
                bias = adapt(delta, handled + 1, handled == basic);
                delta = 0;
                handled += 1;
            }
        }
        delta += 1;
        n += 1;
    }
    Some(out)
}

fn digit(value: u32) -> char {
    char::from_digit(value, 36).map_or('0', |_| {
        // Punycode counts the letters first, then the digits.
        let value = u8::try_from(value).unwrap_or_default();
        char::from(if value < 26 { b'a' + value } else { b'0' + value - 26 })
    })
}

fn adapt(delta: u32, points: u32, first: bool) -> u32 {
    let mut delta = if first { delta / 700 } else { delta / 2 };
    delta += delta / points;
    let mut k = 0;
    while delta > (BASE - T_MIN) * T_MAX / 2 {
        delta /= BASE - T_MIN;
        k += BASE;
    }
    k + (BASE - T_MIN + 1) * delta / (delta + 38)
}
