//! What is on the screen, as a terminal shows it.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use super::*;
use crate::story::{Story, exited, process, with};
use expect_test::{Expect, expect};
use jiff::SignedDuration;
use serde_json::json;
use squall_experiment::event::{Ending, Event, Phase, Place, Reverted, Side, Status as Ended, UndoId};

const METHOD: Place = Place::Method;

/// The status `seconds` after the last record.
fn lines(story: &Story, seconds: i64, width: usize) -> Vec<String> {
    let mut status = Status::default();
    story.records.iter().for_each(|record| status.take(record));
    let now = story.records.last().unwrap().at + SignedDuration::from_secs(seconds);
    status.lines(now, width)
}

fn check(story: Story, seconds: i64, expected: Expect) {
    expected.assert_eq(&lines(&story, seconds, 80).join("\n"));
}

fn bg() -> serde_json::Value {
    with(process("action", "load", "siege", &[]), "background", json!(true))
}

fn armed() -> Event {
    Event::Armed {
        undo: UndoId(0),
        by: None,
        kind: "scale".into(),
        key: "k".into(),
        describe: "d".into(),
        with: json!(null),
    }
}

#[test]
fn what_goes_on() {
    check(Story::empty().tell(Event::NoHypothesis), 0, expect![""]);
    check(
        Story::of(json!({}))
            .hypothesis(Phase::Before)
            .begin(Place::Hypothesis(Phase::Before), process("probe", "p", "", &[])),
        61,
        expect![[r#"
            steady state before the method, 1m01s
              p, 1m01s"#]],
    );
    let method = || {
        Story::of(json!({}))
            .exploring(3)
            .begin(METHOD, bg())
            .tell(armed())
            .begin(METHOD, process("action", "scale cart to zero", "", &[]))
    };
    check(
        method(),
        3,
        expect![[r#"
            method 2 of 3, 3s, 1 change in place
              load [in background], 3s
              scale cart to zero, 3s"#]],
    );
    let pausing = || method().end(0, exited(0, "")).pause(Side::After, "10.5");
    check(
        pausing(),
        3,
        expect![[r#"
            method 2 of 3, 3s, 1 change in place
              pause, 8s left
              load [in background], 3s"#]],
    );
    check(
        pausing(),
        11,
        expect![[r#"
            method 2 of 3, 11s, 1 change in place
              load [in background], 11s"#]],
    );
    let stopping = Event::StopRequested { signal: "SIGINT".into(), degree: 1 };
    check(
        pausing().tell(stopping).end(1, Ending::Interrupted).tell(Event::MethodEnded),
        4000,
        expect!["stopping, 1h06m, 1 change in place"],
    );
    check(
        method()
            .tell(Event::MethodEnded)
            .tell(Event::RollbacksStarted { activities: 1 })
            .tell(Event::Restored { undo: UndoId(0), outcome: Reverted::PutBack }),
        -5,
        expect![[r#"
            rollbacks 0 of 1, 0s
              load [in background], 0s
              scale cart to zero, 0s"#]],
    );
    check(method().ended(Ended::Completed, false), 0, expect![""]);
}

#[test]
fn it_stays_small() {
    let many = (0..9).fold(Story::of(json!({})).exploring(9), |story, _| story.begin(METHOD, bg()));
    check(
        many,
        0,
        expect![[r#"
            method 9 of 9, 0s
              load [in background], 0s
              load [in background], 0s
              load [in background], 0s
              load [in background], 0s
              and 5 more"#]],
    );
    let story = Story::of(json!({})).begin(METHOD, process("action", "über\n\x1b[2Jlangsam 遅い", "", &[]));
    for (width, expected) in [
        (80, "  über??[2Jlangsam 遅い, 0s"),
        (27, "  über??[2Jlangsam 遅..."),
        (9, "  üb..."),
        (3, ".."),
        (0, ""),
    ] {
        assert_eq!(lines(&story, 0, width)[1], expected, "{width}");
    }
}

/// A terminal that understands what we send, and nothing else.
#[derive(Clone, Default)]
struct Terminal(Arc<Mutex<(Vec<String>, usize)>>);
impl Write for Terminal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut guard = self.0.lock().unwrap();
        let (rows, row) = &mut *guard;
        let mut text = std::str::from_utf8(bytes).unwrap();
        while let Some(character) = text.chars().next() {
            if rows.len() <= *row {
                rows.push(String::new());
            }
            if let Some(rest) = text.strip_prefix("\r\x1b[") {
                let (up, rest) = match rest.strip_prefix('J') {
                    Some(rest) => (0, rest),
                    None => rest.split_once("A\x1b[J").map(|(up, rest)| (up.parse().unwrap(), rest)).unwrap(),
                };
                *row -= up;
                rows.truncate(*row);
                text = rest;
                continue;
            }
            if character == '\n' {
                *row += 1;
            } else {
                assert!(!character.is_control() || character == '\x1b', "{text:?}");
                rows[*row].push(character);
            }
            text = &text[character.len_utf8()..];
        }
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
impl Terminal {
    fn shows(&self, expected: &str) {
        let text = self.0.lock().unwrap().0.join("\n").replace('\x1b', "ESC");
        assert_eq!(text.trim_end_matches('\n'), expected);
    }
}

#[test]
fn the_log_stays_above_and_whole() {
    let terminal = Terminal::default();
    let live = Live::new(Box::new(terminal.clone()), false);
    let mut log = live.console();
    let story = Story::of(json!({})).exploring(1).begin(METHOD, bg());
    let start = story.records[0].at;
    let second = |seconds| start + SignedDuration::from_secs(seconds);
    live.tick(second(0), 80);
    terminal.shows("");
    log.write_all(b"first\n").unwrap();
    story.records.iter().for_each(|record| live.observe(record));
    terminal.shows("first");
    live.tick(second(1), 80);
    terminal.shows("first\nmethod 1 of 1, 1s\n  load [in background], 0s");
    live.tick(second(2), 80);
    terminal.shows("first\nmethod 1 of 1, 2s\n  load [in background], 1s");
    log.write_all(b"second\n").unwrap();
    terminal.shows("first\nsecond");
    live.tick(second(2), 80);
    terminal.shows("first\nsecond\nmethod 1 of 1, 2s\n  load [in background], 1s");
    live.finish();
    terminal.shows("first\nsecond");
    live.tick(second(3), 80);
    log.write_all(b"third\n").unwrap();
    terminal.shows("first\nsecond\nthird");
}

/// One that was halted has not shown what it was sent so far.
#[test]
fn a_halted_terminal_is_not_drawn_on() {
    struct Halted(Terminal, Arc<Mutex<bool>>);
    impl Write for Halted {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            if *self.1.lock().unwrap() { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
        }
    }
    let (terminal, halted) = (Terminal::default(), Arc::new(Mutex::new(false)));
    let live = Live::new(Box::new(Halted(terminal.clone(), halted.clone())), false);
    let story = Story::of(json!({})).exploring(1).begin(METHOD, bg());
    story.records.iter().for_each(|record| live.observe(record));
    let second = |seconds| story.records[0].at + SignedDuration::from_secs(seconds);
    for (is_halted, seconds, shown) in [
        (false, 1, "method 1 of 1, 1s\n  load [in background], 0s"),
        (true, 2, "method 1 of 1, 1s\n  load [in background], 0s"),
        (false, 3, "method 1 of 1, 3s\n  load [in background], 2s"),
    ] {
        *halted.lock().unwrap() = is_halted;
        live.tick(second(seconds), 80);
        terminal.shows(shown);
    }
    live.finish();
    terminal.shows("");
}

#[test]
fn colours_only_if_wanted() {
    let terminal = Terminal::default();
    let live = Live::new(Box::new(terminal.clone()), true);
    let story = Story::of(json!({}));
    live.observe(&story.records[0]);
    live.tick(story.records[0].at, 80);
    terminal.shows("ESC[2m0sESC[0m");
}
