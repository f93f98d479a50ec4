//! Reads a line of the event log.
//!
//! Invariant: a record is what serde makes of its line, by whichever way it was read. Events that hold what an author or a system
//! wrote may be long, and many; they are read straight from the text. Serde, which looks for an event's name among its fields,
//! would make copies of all of them first.

use super::{ActivityId, Blame, Ending, Event, Place, Record, RunId};
use crate::Value;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

/// How much of a line tells its event: its time and its name.
pub const HEAD: usize = 96;

/// Which records a reader looks for. It may be given others too; what nobody looks for need not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sought {
    /// All of them.
    All,
    /// All of them, but of activities of the method and the rollbacks not what they were, and of none what it gave: there
    /// may be `null` instead.
    Outline,
    /// What activities were and gave.
    Activities,
}

impl Sought {
    /// Whether an event of this name is looked for.
    pub fn includes(self, event: &str) -> bool {
        match self {
            Sought::All | Sought::Outline => true,
            Sought::Activities => {
                matches!(event, "activity-started" | "activity-ended" | "record-changed")
            }
        }
    }
}

/// The name of the event on a line, if its head is as we write it. Of the line its first [`HEAD`] bytes suffice.
pub fn event_of(line: &[u8]) -> Option<&str> {
    // Asked of every line, and more than once: bytes will do, no text has to be made of them.
    let rest = line.get(..line.len().min(HEAD))?.strip_prefix(b"{\"at\":\"")?;
    let at = rest.iter().position(|byte| *byte == b'"')?;
    let event = rest[at..].strip_prefix(b"\",\"event\":\"")?;
    let event = &event[..event.iter().position(|byte| *byte == b'"')?];
    let is_plain = event.iter().all(|byte| byte.is_ascii_lowercase() || *byte == b'-');
    std::str::from_utf8(event).ok().filter(|_| is_plain)
}

impl Record {
    /// The record on a line.
    ///
    /// # Errors
    /// The line is no record.
    pub fn read(line: &[u8]) -> serde_json::Result<Record> {
        Record::sought(line, Sought::All)
    }

    /// As much of the record on a line as is `sought`. What is not sought may be broken.
    ///
    /// # Errors
    /// The line is no record.
    pub fn sought(line: &[u8], sought: Sought) -> serde_json::Result<Record> {
        let outline = match sought {
            Sought::Outline => outline(line),
            Sought::All | Sought::Activities => None,
        };
        match outline.or_else(|| straight(line)) {
            Some(record) => Ok(record),
            // What is wrong with a line is said in the same words, whatever it holds.
            None => Record::deserialize(&mut serde_json::Deserializer::from_slice(line)),
        }
    }
}

/// The record on a line without what is not read of it for an [outline](Sought::Outline), if there is such a thing.
fn outline(line: &[u8]) -> Option<Record> {
    match event_of(line)? {
        "activity-started" => {
            let Started { at, id, place, background } = serde_json::from_slice(line).ok()?;
            let activity = Value::Null;
            let event = Event::ActivityStarted { id, place, activity, background };
            (!matches!(place, Place::Hypothesis(_))).then_some(Record { at, event })
        }
        "activity-ended" => {
            let Finished { at, id, ended } = serde_json::from_slice(line).ok()?;
            let event = Event::ActivityEnded { id, ending: Ending::Succeeded { output: Value::Null } };
            matches!(ended, Ended::Succeeded).then_some(Record { at, event })
        }
        _ => None,
    }
}

#[derive(Deserialize)]
struct Started {
    at: Timestamp,
    id: ActivityId,
    place: Place,
    background: bool,
}

#[derive(Deserialize)]
struct Finished {
    at: Timestamp,
    id: ActivityId,
    ended: Ended,
}

/// The record on a line of an event that may be long.
fn straight(line: &[u8]) -> Option<Record> {
    match event_of(line)? {
        "run-started" => {
            #[rustfmt::skip]
            let RunStarted {
                at, run, format, version, seed, pid, node, platform, source, experiment, dry, journal,
            } = serde_json::from_slice(line).ok()?;
            #[rustfmt::skip]
            let event = Event::RunStarted {
                run, format, version, seed, pid, node, platform, source, experiment, dry, journal,
            };
            Some(Record { at, event })
        }
        "activity-started" => {
            let ActivityStarted { at, id, place, activity, background } =
                serde_json::from_slice(line).ok()?;
            Some(Record { at, event: Event::ActivityStarted { id, place, activity, background } })
        }
        "activity-ended" => {
            let ActivityEnded { at, id, ended, output, message, blame, hint, traceback } =
                serde_json::from_slice(line).ok()?;
            let ending = match ended {
                Ended::Succeeded => Ending::Succeeded { output: output? },
                Ended::Failed => Ending::Failed { message: message?, blame: blame?, hint, traceback },
                Ended::Interrupted => Ending::Interrupted,
            };
            Some(Record { at, event: Event::ActivityEnded { id, ending } })
        }
        _ => None,
    }
}

#[derive(Deserialize)]
struct RunStarted {
    at: Timestamp,
    run: RunId,
    format: u32,
    version: String,
    seed: u64,
    pid: u32,
    node: String,
    platform: String,
    source: String,
    experiment: Value,
    dry: Option<String>,
    journal: Option<String>,
}

#[derive(Deserialize)]
struct ActivityStarted {
    at: Timestamp,
    id: ActivityId,
    place: Place,
    activity: Value,
    background: bool,
}

#[derive(Deserialize)]
struct ActivityEnded {
    at: Timestamp,
    id: ActivityId,
    ended: Ended,
    #[serde(default, deserialize_with = "there")]
    output: Option<Value>,
    message: Option<String>,
    blame: Option<Blame>,
    hint: Option<String>,
    #[serde(default)]
    traceback: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Ended {
    Succeeded,
    Failed,
    Interrupted,
}

/// A value that is there is one even if it is `null`.
fn there<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    /// Read as serde does it, and straight if `is_straight`.
    fn check(line: &str, is_straight: bool) {
        let by_serde = serde_json::from_str::<Record>(line).map_err(|error| error.to_string());
        assert_eq!(straight(line.as_bytes()), by_serde.clone().ok().filter(|_| is_straight), "{line}");
        assert_eq!(Record::read(line.as_bytes()).map_err(|error| error.to_string()), by_serde, "{line}");
        if let Ok(record) = by_serde {
            let written = serde_json::to_vec(&record).unwrap();
            assert_eq!(Record::read(&written).unwrap(), record, "{line}");
        }
    }

    fn event(rest: &str) -> String {
        format!("{{\"at\":\"2026-11-20T09:00:00.5Z\",\"event\":\"{rest}}}")
    }

    #[test]
    fn long_events_are_what_serde_makes_of_them() {
        let run = r#"run-started","run":"r","format":1,"version":"1","seed":1,"pid":2,"node":"n","platform":"p","source":"s","experiment":{"a":[1.5,{"$int":"99999999999999999999"}]}"#;
        for rest in [
            run,
            &format!(r#"{run},"dry":null,"journal":null"#),
            &format!(r#"{run},"dry":"probes","journal":"/j","later":{{"x":1}}"#),
            r#"activity-started","id":7,"place":"method","activity":{"name":"\u00e9\n"},"background":false"#,
            r#"activity-started","id":7,"place":{"hypothesis":"before"},"activity":null,"background":true"#,
            r#"activity-ended","id":7,"ended":"succeeded","output":null"#,
            r#"activity-ended","id":7,"ended":"succeeded","output":{"$object":{"$int":"x"}}"#,
            r#"activity-ended","id":7,"ended":"failed","message":"m","blame":"target","hint":null"#,
            r#"activity-ended","id":7,"ended":"failed","message":"m","blame":"bug""#,
            r#"activity-ended","id":7,"ended":"interrupted""#,
        ] {
            check(&event(rest), true);
        }
    }

    #[test]
    fn an_outline_leaves_out_what_may_be_long() {
        let full = |rest: &str| Record::read(event(rest).as_bytes()).unwrap();
        let outline = |rest: &str| Record::sought(event(rest).as_bytes(), Sought::Outline).unwrap();
        let started = |place: &str, activity: &str| {
            format!(r#"activity-started","id":7,"place":{place},"activity":{activity},"background":true"#)
        };
        let ended = |output: &str| format!(r#"activity-ended","id":7,"ended":"succeeded","output":{output}"#);
        let long = r#"{"name":"x","place":"rollbacks","ended":["\"}"]}"#;
        for place in [r#""method""#, r#""rollbacks""#] {
            assert_eq!(outline(&started(place, long)), full(&started(place, "null")));
        }
        assert_eq!(outline(&ended(long)), full(&ended("null")));
        for rest in [
            &started(r#"{"hypothesis":"during"}"#, long),
            r#"activity-ended","id":7,"ended":"failed","message":"m","blame":"target","hint":null"#,
            r#"activity-ended","id":7,"ended":"interrupted""#,
            r#"method-ended""#,
        ] {
            assert_eq!(outline(rest), full(rest), "{rest}");
        }
    }

    #[test]
    fn what_is_not_as_we_write_it_is_left_to_serde() {
        for rest in [
            r#"method-ended""#,
            r#"no-such-event""#,
            r#"activity-ended","id":7,"ended":"succeeded""#,
            r#"activity-ended","id":7,"ended":"failed","message":"m""#,
            r#"activity-ended","id":7,"ended":"well""#,
            r#"activity-started","id":"7","place":"method","activity":1,"background":false"#,
        ] {
            check(&event(rest), false);
        }
        check(
            r#"{"event":"activity-ended","at":"2026-11-20T09:00:00Z","id":7,"ended":"interrupted"}"#,
            false,
        );
        check("{\"at\": 7}", false);
        check("", false);
    }
}
