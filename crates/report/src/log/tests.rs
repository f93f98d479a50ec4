//! The forms of lines, and what happens when they cannot be written.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use super::*;
use expect_test::{Expect, expect};
use std::sync::{Arc, Mutex};

/// A console that can be looked at, and that may be a closed pipe.
#[derive(Clone, Default)]
struct Console(Arc<Mutex<Vec<u8>>>, bool);
impl Write for Console {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.1 {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
impl Console {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap().replace('\x1b', "ESC")
    }
}

fn options() -> Options {
    Options {
        verbose: false,
        format: Format::Text,
        colours: false,
        file: None,
        file_level: Level::Debug,
        zone: TimeZone::fixed(jiff::tz::offset(2)),
        process: 4242,
        context: "3c8fd3d8-b971-42d0-88cb-f461bf360abd".into(),
    }
}

fn line(level: Level, message: &str) -> Line {
    Line { level, message: message.into(), traceback: None, module: "run".into(), number: 471 }
}

fn some_lines() -> Vec<Line> {
    vec![
        line(Level::Debug, "allowed tolerance is 0"),
        line(Level::Info, "Probe: \"alive\" ✓\nand two"),
        line(Level::Warning, "\nfirst is empty"),
        line(Level::Critical, "Experiment ran into an un expected fatal error, aborting now.")
            .traceback("KeyError: 'a\nb'"),
    ]
}

fn write(options: Options, console: &Console) {
    let mut log = Log::new(options, Box::new(console.clone())).unwrap();
    for line in some_lines() {
        log.line(&line, Timestamp::from_microsecond(1_795_165_981_043_746).unwrap());
    }
}

fn check(options: Options, expected: Expect) {
    let console = Console::default();
    write(options, &console);
    expected.assert_eq(&console.text());
}

#[test]
fn text() {
    check(
        options(),
        expect![[r#"
            [2026-11-20 11:13:01 INFO] Probe: "alive" ✓
                and two
            [2026-11-20 11:13:01 WARNING] 
                first is empty
            [2026-11-20 11:13:01 CRITICAL] Experiment ran into an un expected fatal error, aborting now.
                Traceback (most recent call last):
                KeyError: 'a
                b'
        "#]],
    );
    check(
        Options { verbose: true, colours: true, ..options() },
        expect![[r#"
            ESC[36m[2026-11-20 11:13:01 DEBUG] [run:471]ESC[39m allowed tolerance is 0
            ESC[32m[2026-11-20 11:13:01 INFO] [run:471]ESC[39m Probe: "alive" ✓
                and two
            ESC[33m[2026-11-20 11:13:01 WARNING] [run:471]ESC[39m 
                first is empty
            ESC[31m[2026-11-20 11:13:01 CRITICAL] [run:471]ESC[39m Experiment ran into an un expected fatal error, aborting now.
                Traceback (most recent call last):
                KeyError: 'a
                b'
        "#]],
    );
}

#[test]
fn json() {
    check(
        Options { format: Format::Json, colours: true, ..options() },
        expect![[r#"
            {"process": 4242, "asctime": "2026-11-20 11:13:01,043", "levelname": "INFO", "module": "run", "lineno": 471, "message": "Probe: \"alive\" ✓\nand two", "context_id": "3c8fd3d8-b971-42d0-88cb-f461bf360abd", "timestamp": "2026-11-20T09:13:01.043746+00:00"}
            {"process": 4242, "asctime": "2026-11-20 11:13:01,043", "levelname": "WARNING", "module": "run", "lineno": 471, "message": "\nfirst is empty", "context_id": "3c8fd3d8-b971-42d0-88cb-f461bf360abd", "timestamp": "2026-11-20T09:13:01.043746+00:00"}
            {"process": 4242, "asctime": "2026-11-20 11:13:01,043", "levelname": "CRITICAL", "module": "run", "lineno": 471, "message": "Experiment ran into an un expected fatal error, aborting now.", "exc_info": "Traceback (most recent call last):\nKeyError: 'a\nb'", "context_id": "3c8fd3d8-b971-42d0-88cb-f461bf360abd", "timestamp": "2026-11-20T09:13:01.043746+00:00"}
        "#]],
    );
}

#[test]
fn the_file_is_appended_to_whatever_becomes_of_the_console() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chaostoolkit.log");
    std::fs::write(&path, "earlier\n").unwrap();
    let gone = Console(Arc::default(), true);
    let file = Some(path.clone());
    write(Options { file: file.clone(), format: Format::Json, colours: true, ..options() }, &gone);
    write(Options { file, file_level: Level::Critical, ..options() }, &gone);
    expect![[r#"
        earlier
        [2026-11-20 11:13:01 DEBUG] [run:471] allowed tolerance is 0
        [2026-11-20 11:13:01 INFO] [run:471] Probe: "alive" ✓
            and two
        [2026-11-20 11:13:01 WARNING] [run:471] 
            first is empty
        [2026-11-20 11:13:01 CRITICAL] [run:471] Experiment ran into an un expected fatal error, aborting now.
            Traceback (most recent call last):
            KeyError: 'a
            b'
        [2026-11-20 11:13:01 CRITICAL] [run:471] Experiment ran into an un expected fatal error, aborting now.
            Traceback (most recent call last):
            KeyError: 'a
            b'
    "#]]
    .assert_eq(&std::fs::read_to_string(&path).unwrap());
}

#[test]
fn a_file_that_cannot_be_opened_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("no/such/folder.log");
    let Err(error) = Log::new(Options { file: Some(path), ..options() }, Box::new(io::sink())) else {
        panic!("opened")
    };
    let text = error.to_string().replace(&folder.path().display().to_string(), "FOLDER");
    expect!["could not open the log file FOLDER/no/such/folder.log: No such file or directory (os error 2)"]
        .assert_eq(&text);
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_said_once() {
    let console = Console::default();
    write(Options { file: Some("/dev/full".into()), file_level: Level::Info, ..options() }, &console);
    let said: Vec<String> =
        console.text().lines().map(str::to_owned).filter(|l| l.contains("/dev/full")).collect();
    expect![[r#"
        [
            "[2026-11-20 11:13:01 WARNING] could not write the log file /dev/full: No space left on device (os error 28); going on without it",
        ]
    "#]]
    .assert_debug_eq(&said);
}

#[test]
fn lines_without_room_are_counted() {
    /// Has room for so many writes, then for none, then again.
    struct Small(Console, Vec<bool>);
    impl Write for Small {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            match self.1.pop() {
                Some(false) => Err(io::ErrorKind::WouldBlock.into()),
                _ => self.0.write(bytes),
            }
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let console = Console::default();
    let small = Small(console.clone(), vec![true, false, false, true]);
    let mut log = Log::new(options(), Box::new(small)).unwrap();
    let at = Timestamp::from_microsecond(1_795_165_981_043_746).unwrap();
    for text in ["one", "two", "three\nand more", "four", "five"] {
        log.line(&line(Level::Info, text), at);
    }
    expect![[r#"
        [2026-11-20 11:13:01 INFO] one
        [2026-11-20 11:13:01 WARNING] 2 lines are left out here, for nobody read for too long
        [2026-11-20 11:13:01 INFO] four
        [2026-11-20 11:13:01 INFO] five
    "#]]
    .assert_eq(&console.text());
}
