//! The two forms of a line.

use super::Options;
use crate::line::Line;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;
use squall_experiment::event::Level;

/// `[2026-11-20 09:13:01 INFO] message`, with `[module:number]` before the message when `origin`. What follows a newline is
/// indented by four spaces, so that every line that begins with `[` begins a record. Added to `text`.
pub(super) fn text(line: &Line, time: &str, origin: bool, colours: bool, text: &mut String) {
    use std::fmt::Write as _;
    let (colour, end) = if colours { (colour(line.level), "\x1b[39m") } else { ("", "") };
    // Writing to a String cannot fail.
    let _ = write!(text, "{colour}[{time} {}]", word(line.level));
    if origin {
        let _ = write!(text, " [{}:{}]", line.module, line.number);
    }
    text.push_str(end);
    text.push(' ');
    for (number, part) in
        line.message.split('\n').chain(line.traceback.iter().flat_map(|text| text.split('\n'))).enumerate()
    {
        text.push_str(if number == 0 { "" } else { "\n    " });
        text.push_str(part);
    }
    text.push('\n');
}

/// Times as lines show them. Many lines are of the same second, of which the text is made once.
#[derive(Default)]
pub(super) struct Seconds {
    second: Option<i64>,
    text: String,
}

impl Seconds {
    pub(super) fn text(&mut self, at: Timestamp, zone: &TimeZone) -> &str {
        if self.second.replace(at.as_second()) != Some(at.as_second()) {
            self.text = at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string();
        }
        &self.text
    }
}

/// One JSON object with the keys of the Toolkit, in its order.
pub(super) fn json(line: &Line, at: Timestamp, options: &Options) -> String {
    let local = at.to_zoned(options.zone.clone()).strftime("%Y-%m-%d %H:%M:%S,%3f").to_string();
    let mut members = vec![
        ("process", Value::from(options.process)),
        ("asctime", Value::from(local)),
        ("levelname", Value::from(word(line.level))),
        ("module", Value::from(&*line.module)),
        ("lineno", Value::from(line.number)),
        ("message", Value::from(line.message.as_str())),
    ];
    members.extend(line.traceback.iter().map(|text| ("exc_info", Value::from(text.as_str()))));
    members.push(("context_id", Value::from(options.context.as_str())));
    members.push(("timestamp", Value::from(crate::time::iso(at))));
    // Python puts a space after `,` and `:`, and people's expressions expect it.
    let members: Vec<String> = members.iter().map(|(key, value)| format!("\"{key}\": {value}")).collect();
    format!("{{{}}}\n", members.join(", "))
}

fn word(level: Level) -> &'static str {
    match level {
        Level::Debug => "DEBUG",
        Level::Info => "INFO",
        Level::Warning => "WARNING",
        Level::Error => "ERROR",
        Level::Critical => "CRITICAL",
    }
}

fn colour(level: Level) -> &'static str {
    match level {
        Level::Debug => "\x1b[36m",
        Level::Info => "\x1b[32m",
        Level::Warning => "\x1b[33m",
        Level::Error | Level::Critical => "\x1b[31m",
    }
}
