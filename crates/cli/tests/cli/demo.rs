//! `chaos demo`, as a stranger runs it.

use crate::folder::Folder;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;

#[test]
fn the_demo_finds_a_weakness_and_sees_it_mended() {
    let folder = Folder::new();
    fs::create_dir(folder.path("tmp")).unwrap();
    let mut command = folder.command("demo");
    // What a demo that was killed left.
    fs::create_dir(folder.path("tmp/chaos-demo-left")).unwrap();
    fs::write(folder.path("tmp/chaos-demo-left/lock"), "").unwrap();
    // A run must not see whose cluster and whose proxy this is.
    command
        .env("TMPDIR", folder.path("tmp"))
        .env("KUBECONFIG", "nobodys")
        .env("HTTP_PROXY", "http://127.0.0.1:1");
    let done = folder.done(&mut command);
    assert_eq!(done.code, 0, "{}\n{}", done.stdout, done.stderr);
    assert!(done.stderr.contains("Experiment ended with status: deviated"), "{}", done.stderr);
    assert!(done.stderr.contains("Experiment ended with status: completed"), "{}", done.stderr);
    assert!(done.stdout.contains("were turned away (HTTP 50"), "{}", done.stdout);
    assert!(done.stdout.contains("customers were answered."), "{}", done.stdout);
    assert!(done.stdout.contains("   customers ##########  10 of 10 answered"), "{}", done.stdout);
    assert!(done.stdout.contains("in demo-journals:"), "{}", done.stdout);
    assert!(!done.stdout.contains('\u{1b}'), "{}", done.stdout);
    for (journal, deviated) in [("1-one-replica", true), ("2-two-replicas", false)] {
        let journal: serde_json::Value =
            serde_json::from_str(&folder.read(&format!("demo-journals/{journal}.json"))).unwrap();
        assert_eq!(journal["deviated"], deviated, "{journal}");
    }
    assert_eq!(names(&folder, ""), ["demo-journals", "tmp"]);
    assert_eq!(names(&folder, "tmp"), [""; 0]);
}

#[test]
fn a_signal_at_any_moment_leaves_nothing_behind() {
    // While the cluster starts, while the shop does, while its experiment runs.
    for (until, after) in [("1. ", false), ("2. ", false), ("chaos run", true)] {
        let folder = Folder::new();
        fs::create_dir(folder.path("tmp")).unwrap();
        let mut command = folder.command("demo");
        let command = command.env("TMPDIR", folder.path("tmp")).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.contains(until) {
            line.clear();
            assert_ne!(said.read_line(&mut line).unwrap(), 0, "it ended before `{until}`");
        }
        if after {
            let mut errors = BufReader::new(child.stderr.as_mut().unwrap());
            while !line.contains("Pausing after activity") {
                line.clear();
                assert_ne!(errors.read_line(&mut line).unwrap(), 0, "the run ended");
            }
        }
        let pid = Pid::from_child(&child);
        kill_process(pid, Signal::TERM).unwrap();
        let mut rest = String::new();
        said.read_to_string(&mut rest).unwrap();
        // Both ends of the pipe are closed only when no process of it is left.
        let mut errors = String::new();
        child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(1), "{rest}\n{errors}");
        assert!(rest.contains("Interrupted"), "{rest}\n{errors}");
        assert_eq!(names(&folder, "tmp"), [""; 0]);
        let journals = if after { vec!["demo-journals", "tmp"] } else { vec!["tmp"] };
        assert_eq!(names(&folder, ""), journals);
    }
}

fn names(folder: &Folder, of: &str) -> Vec<String> {
    let entries = fs::read_dir(folder.path(of)).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
