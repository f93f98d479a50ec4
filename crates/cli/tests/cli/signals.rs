//! Signals before there is a run, and at its very end: one line, and nothing is left behind.

use crate::folder::{Done, Folder};
use expect_test::{Expect, expect};
use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

fn start(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args(["-s", name, &child.id().to_string()]).status().unwrap().success());
}

fn end(folder: &Folder, child: Child) -> Done {
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| folder.mask(&String::from_utf8_lossy(bytes));
    Done {
        code: output.status.code().unwrap_or(-1),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    }
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let since = Instant::now();
    while !done() {
        assert!(since.elapsed() < Duration::from_secs(20), "{what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Whether the process is gone whose number is in that file; one that nobody reaps is.
fn is_gone(folder: &Folder, file: &str) -> bool {
    let shown = Command::new("ps").args(["-o", "stat=", "-p", folder.read(file).trim()]).output().unwrap();
    shown.stdout.is_empty() || shown.stdout.starts_with(b"Z")
}

fn with_pipe(name: &str) -> Folder {
    let folder = Folder::new();
    assert!(Command::new("mkfifo").arg(folder.path(name)).status().unwrap().success());
    folder
}

/// While the experiment is read from a pipe that nobody writes to.
#[test]
fn before_the_experiment_is_read() {
    let check = |line: &str, name: &str, expected: Expect| {
        let folder = with_pipe("e.yaml");
        let child = start(&mut folder.command(line));
        // Whoever reads it is there once this is open.
        let writer = OpenOptions::new().write(true).open(folder.path("e.yaml")).unwrap();
        signal(&child, name);
        end(&folder, child).check(expected);
        drop(writer);
        assert!(!folder.path("journal.json").exists());
        assert!(!folder.path(".local/state/chaos/runs").exists());
    };
    check(
        "run e.yaml",
        "INT",
        expect![[r#"
            stderr:
            [CRITICAL] Aborted! SIGINT came before the run began: nothing was changed
            exit: 1
        "#]],
    );
    check(
        "run e.yaml",
        "TERM",
        expect![[r#"
            stderr:
            [CRITICAL] Aborted! SIGTERM came before the run began: nothing was changed
            exit: 143
        "#]],
    );
    check(
        "--no-log-file validate e.yaml",
        "INT",
        expect![[r#"
            stderr:
            [CRITICAL] Aborted! SIGINT came before it was done: nothing was changed
            exit: 1
        "#]],
    );
}

#[test]
fn while_a_question_is_asked() {
    let folder = Folder::new();
    let mut child = start(folder.command("init --experiment-path e.json").stdin(Stdio::piped()));
    let mut asked = [0];
    child.stdout.as_mut().unwrap().read_exact(&mut asked).unwrap();
    // An input that ended would be an end of its own.
    let input = child.stdin.take();
    signal(&child, "INT");
    let done = end(&folder, child);
    drop(input);
    assert_eq!(done.code, 1);
    assert_eq!(done.stderr, "[CRITICAL] Aborted! SIGINT came before it was done: nothing was changed\n");
    assert!(!folder.path("e.json").exists());
}

/// What is asked for a module, and what that has started.
#[test]
fn while_an_interpreter_is_asked() {
    let experiment = "{title: t, description: d, method: [{type: action, name: a, \
                      provider: {type: python, module: mine, func: f}}]}";
    let slow = "#!/bin/sh\nsleep 600 & echo $! > child\necho $$ > itself\ntouch asked\nwait\n";
    let folder = Folder::new().with("e.yaml", experiment).with("slow", slow);
    assert!(Command::new("chmod").arg("+x").arg(folder.path("slow")).status().unwrap().success());
    for (line, name) in [("run e.yaml", "TERM"), ("validate e.yaml", "INT")] {
        let line = format!("--python {} {line}", folder.path("slow").display());
        let mut child = start(&mut folder.command(&line));
        until("it is asked", || folder.path("asked").exists() || child.try_wait().unwrap().is_some());
        signal(&child, name);
        let done = end(&folder, child);
        assert!(done.stderr.contains("[CRITICAL] Aborted! SIG"), "{}", done.stderr);
        until("they are gone", || is_gone(&folder, "itself") && is_gone(&folder, "child"));
        std::fs::remove_file(folder.path("asked")).unwrap();
    }
}

#[test]
fn a_third_signal_kills_the_programs() {
    let experiment = "{title: t, description: d, method: [{type: action, name: a, provider: {type: process, \
                      path: sh, arguments: [-c, \"trap '' TERM; echo $$ > pid; exec sleep 600\"]}}]}";
    let folder = Folder::new().with("e.yaml", experiment);
    let mut child = start(folder.command("run e.yaml").stderr(Stdio::null()));
    until("it began", || folder.path("pid").exists() && !folder.read("pid").is_empty());
    signal(&child, "INT");
    // Equal signals may become one.
    until("it ended", || {
        signal(&child, "TERM");
        child.try_wait().unwrap().is_some()
    });
    until("the program is gone", || is_gone(&folder, "pid"));
}

/// A log file that nobody reads holds nothing up.
#[test]
fn a_pipe_as_log_file_needs_a_reader() {
    let folder = with_pipe("p").with("e.yaml", "{title: t, description: d, method: []}");
    folder.chaos("--log-file p run e.yaml").check(expect![[r#"
        stderr:
        Error: could not open the log file p: nobody reads it; start its reader first; --log-file PATH takes another, --no-log-file none
        exit: 1
    "#]]);
    folder.chaos("--log-file p recover --all").check(expect![[r#"
        stderr:
        [WARNING] could not open the log file p: nobody reads it; start its reader first; going on without a log file
        [INFO] Nothing is left behind
        exit: 0
    "#]]);
    // Open for reading and writing, so that this one does not wait for the other.
    let reader = File::options().read(true).write(true).open(folder.path("p")).unwrap();
    assert_eq!(folder.chaos("--log-file p run e.yaml").code, 0);
    drop(reader);
}
