//! Consoles that take nothing, or only later.

use crate::folder::Folder;
use std::fs;
use std::io::{self, PipeReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// More than a pipe holds is said before the program that waits begins.
const LOUD: &str = r#"
title: t
description: d
method:
  - {type: action, name: loud, provider: {type: process, path: sh, arguments: "-c 'yes | head -c 200000'"}}
  - {type: action, name: waits, provider: {type: process, path: sh, arguments: "-c 'touch began; exec sleep WAIT'"}}
rollbacks:
  - {type: action, name: back, provider: {type: process, path: sh, arguments: "-c 'touch BACK; exec sleep LAST'"}}
"#;

/// Runs it, and whoever reads what it says.
fn start(folder: &Folder, nonblocking: bool) -> (Child, PipeReader) {
    let (reader, writer) = io::pipe().unwrap();
    rustix::io::ioctl_fionbio(&writer, nonblocking).unwrap();
    let mut command = folder.command("--verbose run --rollback-strategy always e.yaml");
    (command.stdout(Stdio::null()).stderr(writer).spawn().unwrap(), reader)
}

fn loud(wait: &str, last: &str) -> Folder {
    Folder::new().with("e.yaml", &LOUD.replace("WAIT", wait).replace("LAST", last))
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args(["-s", name, &child.id().to_string()]).status().unwrap().success());
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let since = Instant::now();
    while !done() {
        assert!(since.elapsed() < Duration::from_secs(60), "{what}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn nobody_reads_and_a_stop_restores_and_ends() {
    let folder = loud("60", "0");
    let (mut child, _reader) = start(&folder, false);
    until("it began", || folder.path("began").exists());
    signal(&child, "TERM");
    until("it ended", || child.try_wait().unwrap().is_some());
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert!(folder.path("BACK").exists());
    let journal: serde_json::Value = serde_json::from_str(&folder.read("journal.json")).unwrap();
    assert_eq!(journal["status"], "interrupted");
    assert!(folder.read("chaostoolkit.log").contains("Experiment ended with status: interrupted"));
}

#[test]
fn nobody_reads_and_the_third_signal_ends_it() {
    let folder = loud("60", "60");
    let (mut child, _reader) = start(&folder, false);
    until("it began", || folder.path("began").exists());
    signal(&child, "INT");
    // Equal signals may become one, and one that was ignored from the start (HUP) may stay so.
    until("it ended", || {
        signal(&child, "TERM");
        child.try_wait().unwrap().is_some()
    });
}

/// Whether or not somebody with the same console has made it non-blocking.
#[test]
fn who_reads_late_gets_everything() {
    for nonblocking in [false, true] {
        let folder = loud("0", "0");
        let (mut child, mut reader) = start(&folder, nonblocking);
        until("it restored", || folder.path("BACK").exists());
        let mut said = String::new();
        reader.read_to_string(&mut said).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0));
        let kept = fs::read_to_string(folder.path("chaostoolkit.log")).unwrap();
        assert!(said.len() > 200_000 && said == kept, "{} of {} bytes", said.len(), kept.len());
    }
}

/// A log file that somebody is to read, and does not.
#[test]
fn nobody_reads_the_log_file() {
    let folder = loud("60", "0");
    assert!(Command::new("mkfifo").arg(folder.path("p")).status().unwrap().success());
    // Open for reading and writing, so that neither side waits for the other.
    let _reader = fs::File::options().read(true).write(true).open(folder.path("p")).unwrap();
    let mut command = folder.command("--log-file p run --rollback-strategy always e.yaml");
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("it began", || folder.path("began").exists());
    signal(&child, "TERM");
    until("it ended", || child.try_wait().unwrap().is_some());
    assert!(folder.path("BACK").exists());
}
