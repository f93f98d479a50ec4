//! Whether a tolerance can be met by what its probe returns.
//!
//! Invariant: only hints, and only where no output could meet the tolerance, or where it certainly means something else than it
//! seems to; what is filled in later (`${…}`) and what is not known are given the benefit of the doubt.

use super::complaints::{did_you_mean, joined, member};
use super::nature::Returns;
use crate::Value;

/// Why a tolerance cannot be met, or what it really means.
pub(super) struct Doubt {
    /// The key of the tolerance that is meant; empty for the whole.
    pub(super) key: &'static str,
    pub(super) message: String,
    pub(super) help: Option<String>,
}

impl Doubt {
    fn new(message: String) -> Option<Doubt> {
        Some(Doubt { key: "", message, help: None })
    }

    fn at(key: &'static str, message: String) -> Option<Doubt> {
        Some(Doubt { key, message, help: None })
    }

    fn with(self, help: impl Into<Option<String>>) -> Doubt {
        Doubt { help: help.into(), ..self }
    }

    /// The path of what is meant.
    pub(super) fn path(&self, tolerance: &str) -> String {
        if self.key.is_empty() { tolerance.to_owned() } else { member(tolerance, self.key) }
    }
}

/// What is doubtful about a tolerance of a legal kind.
pub(super) fn doubt(tolerance: &Value, returns: Returns) -> Option<Doubt> {
    match tolerance {
        Value::List(items) => list(items, returns),
        Value::Object(_) => {
            let kind = tolerance.get("type").and_then(Value::as_text)?;
            match kind {
                "range" => range(tolerance).or_else(|| part(tolerance, returns, kind)),
                "regex" => part(tolerance, returns, kind),
                "jsonpath" => count(tolerance).or_else(|| path(tolerance, returns)),
                _ => None,
            }
        }
        value => scalar(value, returns),
    }
}

fn scalar(wanted: &Value, returns: Returns) -> Option<Doubt> {
    if can_equal(wanted, compared(wanted, returns)) {
        return None;
    }
    let shown = repr(wanted);
    let message = match (wanted, compared(wanted, returns)) {
        (Value::Int(_), Returns::Integer(low, high)) if returns.part("status").is_some() => {
            format!("no status is {shown}: they are between {low} and {high}")
        }
        (Value::Bool(one), Returns::Integer(..)) => {
            format!("the probe returns a number: {shown} is met by {} alone", u8::from(*one))
        }
        (_, Returns::Integer(..)) => format!("the probe returns a number, which is never {shown}"),
        (_, other) => format!("the probe returns {}, which is never {shown}", other.words()),
    };
    let by_status = "a number is held against the `status`";
    let help = match (wanted, returns) {
        (Value::Bool(_), returns) if returns.part("status").is_some() => {
            Some(format!("{by_status}: {}", usual(returns)))
        }
        (Value::Text(_), returns) if returns.part("status").is_some() => {
            let text = if returns.part("stdout").is_some() { "stdout" } else { "body" };
            Some(format!("for a part of it write `{{type: regex, target: {text}, pattern: …}}`; {by_status}"))
        }
        (Value::Text(text), Returns::Integer(..)) if text.parse::<i64>().is_ok() => {
            Some("write it without quotes".to_owned())
        }
        (Value::Text(text), Returns::Boolean) if matches!(text.to_lowercase().as_str(), "true" | "false") => {
            Some("write it without quotes".to_owned())
        }
        (_, Returns::Boolean) => Some("write `true` or `false`".to_owned()),
        _ => None,
    };
    Some(Doubt::new(message)?.with(help))
}

/// What a tolerance that is no object is compared with: numbers look at the `status`, if there is one.
fn compared(wanted: &Value, returns: Returns) -> Returns {
    match wanted {
        Value::Int(_) | Value::Big(_) | Value::List(_) => returns.part("status").unwrap_or(returns),
        _ => returns,
    }
}

fn usual(returns: Returns) -> String {
    let number = if returns.part("stdout").is_some() { 0 } else { 200 };
    format!("`tolerance: {number}`")
}

/// Whether some output of this type equals a value, as Python compares: `true` is 1.
fn can_equal(wanted: &Value, returns: Returns) -> bool {
    match returns {
        Returns::Anything => true,
        Returns::Nothing => wanted.is_null(),
        Returns::Boolean => {
            matches!(wanted, Value::Bool(_) | Value::Int(0 | 1))
                || is_filled(wanted)
                || is_whole(wanted, 0, 1)
        }
        Returns::Integer(low, high) => is_filled(wanted) || is_whole(wanted, low, high),
        Returns::Text => matches!(wanted, Value::Text(_)),
        Returns::List => matches!(wanted, Value::List(_)) || is_filled(wanted),
        Returns::Object(_) | Returns::Map => matches!(wanted, Value::Object(_)) || is_filled(wanted),
    }
}

/// Whether it may become something else before it counts.
fn is_filled(value: &Value) -> bool {
    value.as_text().is_some_and(|text| text.contains('$'))
}

fn is_whole(value: &Value, low: i64, high: i64) -> bool {
    match value {
        Value::Int(number) => (low..=high).contains(number),
        Value::Float(number) => number.fract() == 0.0 && *number >= low as f64 && *number <= high as f64,
        Value::Big(_) => true,
        _ => false,
    }
}

/// Of two items the bounds, unless there is a status; else the values that are allowed.
fn list(items: &[Value], returns: Returns) -> Option<Doubt> {
    if let Some(status) = returns.part("status") {
        if let [Value::Int(low), Value::Int(high)] = items
            && returns == Returns::HTTP
            && low % 100 == 0
            && high - low == 99
        {
            let message =
                format!("a list names the statuses that are allowed: {low} and {high}, none between them");
            let help = format!("write `{{type: range, target: status, range: [{low}, {high}]}}`");
            return Some(Doubt::new(message)?.with(help));
        }
        if items.iter().any(|item| can_equal(item, status)) {
            return None;
        }
        return match items {
            [only] => Doubt::new(format!("{} cannot be the `status`", repr(only))),
            _ => Doubt::new(format!("none of {} can be the `status`", named(items))),
        };
    }
    match (items, returns) {
        ([low, high], Returns::Boolean | Returns::Integer(..)) => {
            let (least, most) = match returns {
                Returns::Integer(least, most) => (least as f64, most as f64),
                _ => (0.0, 1.0),
            };
            let (Some(lower), Some(upper)) = (number(low), number(high)) else {
                let text = [low, high].into_iter().find(|bound| number(bound).is_none())?;
                let message =
                    format!("a bound is {}, which cannot be compared with {}", repr(text), returns.words());
                return Doubt::new(message);
            };
            if lower > upper {
                return nothing_between(low, high, "");
            }
            if upper < least || lower > most {
                let message = format!(
                    "the probe returns {}, which is never between {} and {}",
                    returns.words(),
                    repr(low),
                    repr(high)
                );
                return Doubt::new(message);
            }
            None
        }
        ([low, high], Returns::Text) => {
            let bound = [low, high].into_iter().find(|bound| bound.as_text().is_none())?;
            Doubt::new(format!("a bound is {}, which cannot be compared with text", repr(bound)))
        }
        (_, Returns::Boolean | Returns::Integer(..) | Returns::Text)
            if !items.iter().any(|item| can_equal(item, returns)) =>
        {
            Doubt::new(format!("the probe returns {}, which is none of {}", returns.words(), named(items)))
        }
        _ => None,
    }
}

/// `range` whose bounds are the wrong way round.
fn range(tolerance: &Value) -> Option<Doubt> {
    let [low, high] = tolerance.get("range")?.as_list()? else { return None };
    if number(low)? > number(high)? { nothing_between(low, high, "range") } else { None }
}

fn nothing_between(low: &Value, high: &Value, key: &'static str) -> Option<Doubt> {
    let message = format!("nothing is between {} and {}", repr(low), repr(high));
    Some(Doubt::at(key, message)?.with(format!(
        "the lower bound comes first: `[{}, {}]`",
        high.to_json(),
        low.to_json()
    )))
}

/// The part of the output that a `range` or `regex` looks at.
fn part(tolerance: &Value, returns: Returns, kind: &str) -> Option<Doubt> {
    let target = match target(tolerance, returns) {
        Ok(target) => target,
        Err(doubt) => return doubt,
    };
    let fits = |part: Returns| match kind {
        "regex" => matches!(part, Returns::Anything | Returns::Text),
        _ => !matches!(part, Returns::Nothing | Returns::List | Returns::Object(_) | Returns::Map),
    };
    if fits(target) {
        return None;
    }
    let wants = if kind == "regex" { "a regex is searched in text" } else { "a range holds numbers" };
    let names: Vec<String> = returns
        .parts()
        .iter()
        .filter(|(_, part)| fits(*part))
        .map(|(name, _)| format!("`target: {name}`"))
        .collect();
    let help = (!names.is_empty()).then(|| format!("choose a part of it: {}", joined(&names, "or")));
    let (key, what) = match tolerance.get("target").and_then(Value::as_text) {
        Some(key) => ("target", format!("`{key}` is {}", target.words())),
        None => ("", format!("the probe returns {}", target.words())),
    };
    Some(Doubt::at(key, format!("{wants}, and {what}"))?.with(help))
}

/// The type of what `target` chooses, or what is doubtful about it.
fn target(tolerance: &Value, returns: Returns) -> Result<Returns, Option<Doubt>> {
    let Some(key) = tolerance.get("target").filter(|target| target.is_truthy()) else { return Ok(returns) };
    let Some(key) = key.as_text() else { return Ok(Returns::Anything) };
    match returns {
        Returns::Anything | Returns::Map => Ok(Returns::Anything),
        Returns::Object(parts) => returns.part(key).ok_or_else(|| {
            let names: Vec<String> = parts.iter().map(|(name, _)| format!("`{name}`")).collect();
            let message = format!("the probe's output has no `{key}`, so `target` chooses nothing");
            let near = did_you_mean(key, parts.iter().map(|(name, _)| *name));
            let help = near.unwrap_or_else(|| format!("it has {}", joined(&names, "and")));
            Doubt::at("target", message).map(|doubt| doubt.with(help))
        }),
        other => {
            let message =
                format!("the probe returns {}, which has no parts, so nothing is its `{key}`", other.words());
            Err(Doubt::at("target", message).map(|doubt| doubt.with("leave `target` out".to_owned())))
        }
    }
}

/// How many values a path shall find is held against a number.
fn count(tolerance: &Value) -> Option<Doubt> {
    if tolerance.get("expect").is_some() {
        return None;
    }
    let count = tolerance.get("count")?;
    if number(count).is_some() || count.is_null() {
        return None;
    }
    let message = format!("`count` is compared with a number, and is {}", repr(count));
    let help = if is_filled(count) { "nothing is filled in there" } else { "write a number without quotes" };
    Some(Doubt::at("count", message)?.with(help.to_owned()))
}

/// A path whose first step leads nowhere.
fn path(tolerance: &Value, returns: Returns) -> Option<Doubt> {
    let target = match target(tolerance, returns) {
        Ok(target) => target,
        Err(doubt) => return doubt,
    };
    // To find nothing may be what is wanted.
    let wants_nothing = match tolerance.get("expect") {
        Some(expect) => expect.as_list().is_some_and(<[Value]>::is_empty),
        None => tolerance.get("count").and_then(number) == Some(0.0),
    };
    let first = first_step(tolerance.get("path")?.as_text()?)?;
    let parts = target.parts();
    if parts.is_empty() || target.part(first).is_some() || wants_nothing {
        return None;
    }
    let names: Vec<String> = parts.iter().map(|(name, _)| format!("`{name}`")).collect();
    let message = format!("the probe's output has no `{first}`, so the path finds nothing");
    let near = did_you_mean(first, parts.iter().map(|(name, _)| *name));
    let help = near.unwrap_or_else(|| format!("it has {}; `target` chooses one", joined(&names, "and")));
    Some(Doubt::at("path", message)?.with(help))
}

/// The key in `$.key…` or `$['key']…`.
fn first_step(path: &str) -> Option<&str> {
    let rest = path.strip_prefix('$')?;
    if let Some(quoted) = rest.strip_prefix("['").or_else(|| rest.strip_prefix("[\"")) {
        let end = quoted.find(['\'', '"'])?;
        return quoted[end + 1..].starts_with(']').then_some(&quoted[..end]);
    }
    let name = rest.strip_prefix('.')?;
    let end = name.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(name.len());
    (end > 0).then_some(&name[..end])
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        Value::Bool(one) => Some(f64::from(u8::from(*one))),
        _ => None,
    }
}

/// As it stands in a document, cut when it is long.
fn repr(value: &Value) -> String {
    const LONGEST: usize = 40;
    let shown = value.to_json().to_string();
    match shown.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("`{}…`", &shown[..end]),
        None => format!("`{shown}`"),
    }
}

fn named(items: &[Value]) -> String {
    joined(&items.iter().map(repr).collect::<Vec<_>>(), "and")
}
