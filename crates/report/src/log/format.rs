//! The two forms of a line.

use super::Options;
use crate::line::Line;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;
use squall_experiment::event::Level;

/// `[2026-11-20 09:13:01 INFO] message`, with `[module:number]` before the message when `origin`. What follows a newline is
/// indented by four spaces, so that every line that begins with `[` begins a record.
pub(super) fn text(line: &Line, at: Timestamp, zone: &TimeZone, origin: bool, colours: bool) -> String {
    use std::fmt::Write as _;
    let time = at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string();
    let (colour, end) = if colours { (colour(line.level), "\x1b[39m") } else { ("", "") };
    let mut text = format!("{colour}[{time} {}]", word(line.level));
    if origin {
        // Writing to a String cannot fail.
        let _ = write!(text, " [{}:{}]", line.module, line.number);
    }
    text.push_str(end);
    text.push(' ');
    text.push_str(&line.message.replace('\n', "\n    "));
    if let Some(traceback) = &line.traceback {
        text.push_str("\n    ");
        text.push_str(&traceback.replace('\n', "\n    "));
    }
    text.push('\n');
    text
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
