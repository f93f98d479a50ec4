//! What the interpreter sends, read into types.

use super::Logged;
use squall_experiment::{Object, Value, json};

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Trouble {
    /// There is no interpreter to be had.
    #[error("{0}")]
    NoPython(String),
    /// It ended, or had to be ended, before it answered.
    #[error("{0}")]
    Gone(String),
    /// Something was raised.
    #[error("{}", .0.shown)]
    Raised(Box<Raised>),
}

/// An exception.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Raised {
    /// Its class with its module, built-in ones without.
    pub class: String,
    /// Its text.
    pub message: String,
    /// As the Toolkit shows it: usually `class: message`.
    pub shown: String,
    /// What it means for the run.
    pub kind: Kind,
    /// The status of a `SystemExit`.
    pub code: Option<i64>,
    /// Its traceback, each line with its newline.
    pub traceback: Vec<String>,
}

/// What an exception means for the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Kind {
    /// The function failed.
    #[default]
    Failed,
    /// The run cannot go on as it is written: there is no such function.
    Fatal,
    /// A control asks for the end of the run.
    Interrupt,
    /// `SystemExit`.
    Exit,
    /// `KeyboardInterrupt`.
    Keyboard,
}

/// A line that came from the interpreter.
pub(super) enum Message {
    Answer(u64, Result<Value, Trouble>),
    Log(Logged),
    Signal(String),
}

/// Reads a line; `None` if the bridge's own sources did not write it.
pub(super) fn read(line: &str) -> Option<Message> {
    let mut message = match json::value(line) {
        Ok(Value::Object(message)) => message,
        Ok(_) => return None,
        Err(error) => return unreadable(line, &error.to_string()),
    };
    if let Some(Value::Object(log)) = message.get("log") {
        return Some(Message::Log(logged(log)));
    }
    if let Some(Value::Text(signal)) = message.get("signal") {
        return Some(Message::Signal(signal.clone()));
    }
    let Some(Value::Int(number)) = message.get("id") else { return None };
    let number = u64::try_from(*number).ok()?;
    if let Some(value) = message.swap_remove("ok") {
        return Some(Message::Answer(number, Ok(value)));
    }
    let Some(Value::Object(error)) = message.get("error") else { return None };
    Some(Message::Answer(number, Err(Trouble::Raised(Box::new(raised(error))))))
}

/// An answer that begins as the bridge's sources write it, and then has a value that our reader refuses: one of great depth.
fn unreadable(line: &str, why: &str) -> Option<Message> {
    let (number, rest) = line.strip_prefix("{\"id\": ")?.split_once(',')?;
    let number = number.parse().ok()?;
    if !(rest.starts_with(" \"ok\": ") && line.ends_with("}\n")) {
        return None;
    }
    let shown = format!("what it returned cannot be kept: {why}");
    Some(Message::Answer(number, Err(Trouble::Raised(Box::new(Raised { shown, ..Raised::default() })))))
}

fn text(of: &Object, key: &str) -> String {
    of.get(key).and_then(Value::as_text).unwrap_or_default().to_owned()
}

fn logged(log: &Object) -> Logged {
    let line = match log.get("line") {
        Some(Value::Int(line)) => u32::try_from(*line).unwrap_or_default(),
        _ => 0,
    };
    let traceback = log.get("exc").and_then(Value::as_text).map(str::to_owned);
    Logged {
        level: text(log, "level"),
        text: text(log, "text"),
        module: text(log, "module"),
        line,
        traceback,
    }
}

fn raised(error: &Object) -> Raised {
    let lines = error.get("traceback").and_then(Value::as_list).unwrap_or_default();
    Raised {
        class: text(error, "class"),
        message: text(error, "message"),
        shown: text(error, "shown"),
        kind: match error.get("kind").and_then(Value::as_text) {
            Some("fatal") => Kind::Fatal,
            Some("interrupt") => Kind::Interrupt,
            Some("exit") => Kind::Exit,
            Some("keyboard") => Kind::Keyboard,
            _ => Kind::Failed,
        },
        code: match error.get("code") {
            Some(Value::Int(code)) => Some(*code),
            _ => None,
        },
        traceback: lines.iter().filter_map(Value::as_text).map(str::to_owned).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(line: &str, expected: &Expect) {
        let shown = match read(&format!("{line}\n")) {
            None => "nothing of ours".to_owned(),
            Some(Message::Answer(number, Ok(value))) => {
                format!("{number}: {}", squall_experiment::python::str_of(&value))
            }
            Some(Message::Answer(number, Err(Trouble::Raised(raised)))) => {
                format!("{number} raised {:?} {:?}: {}", raised.kind, raised.code, raised.shown)
            }
            Some(Message::Answer(number, Err(trouble))) => format!("{number}: {trouble}"),
            Some(Message::Log(log)) => format!("{} {}:{} {}", log.level, log.module, log.line, log.text),
            Some(Message::Signal(signal)) => signal,
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn lines_are_what_the_bridge_sends_or_nothing() {
        check(
            r#"{"id": 3, "ok": [NaN, 123456789012345678901234567890]}"#,
            &expect!["3: [nan, 123456789012345678901234567890]"],
        );
        check(
            r#"{"id": 4, "error": {"class": "E", "message": "m", "shown": "E: m", "kind": "exit", "code": 7}}"#,
            &expect!["4 raised Exit Some(7): E: m"],
        );
        check(
            r#"{"log": {"level": "INFO", "text": "hello", "module": "mine", "line": 12, "exc": null}}"#,
            &expect!["INFO mine:12 hello"],
        );
        check(r#"{"signal": "SIGUSR1"}"#, &expect!["SIGUSR1"]);
        for garbage in
            ["garbage", "", "[]", "{}", r#"{"id": -1, "ok": 1}"#, r#"{"id": 1"#, r#"{"id": 1, "ok": 1} x"#]
        {
            check(garbage, &expect!["nothing of ours"]);
        }
    }

    #[test]
    fn a_value_that_nests_too_deeply_is_an_answer() {
        let line = format!("{{\"id\": 5, \"ok\": {}{}}}\n", "[".repeat(5000), "]".repeat(5000));
        let Some(Message::Answer(5, Err(Trouble::Raised(raised)))) = read(&line) else { panic!("no answer") };
        assert!(raised.shown.starts_with("what it returned cannot be kept: "), "{}", raised.shown);
    }
}
