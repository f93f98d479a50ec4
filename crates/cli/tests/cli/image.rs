//! `chaos playground image`, and the command under the names of the programs in it.

use crate::folder::Folder;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::process::Stdio;

#[test]
fn an_archive_is_written() {
    let folder = Folder::new();
    let done = folder.chaos("--no-log-file playground image demo.tar --tag repeater=registry.example/r:2");
    assert_eq!(done.code, 0, "{}", done.stderr);
    let images =
        "vfarcic/go-demo-8:0.0.1, bitnami/mongodb:4.0.3, vfarcic/repeater:0.0.1, registry.example/r:2";
    assert!(done.stderr.contains(&format!("demo.tar holds {images}")), "{}", done.stderr);
    let program = std::fs::metadata(env!("CARGO_BIN_EXE_chaos")).unwrap().len();
    assert!(std::fs::metadata(folder.path("demo.tar")).unwrap().len() > program);
    for (tag, code, text) in [
        ("mongod=db", 2, "needs a name and a tag"),
        ("db:1", 2, "PROGRAM=IMAGE"),
        ("redis=db:1", 1, "there is no program 'redis'"),
    ] {
        let done = folder.chaos(&format!("--no-log-file playground image other.tar --tag {tag}"));
        assert_eq!((done.code, done.stderr.contains(text)), (code, true), "{tag}: {}", done.stderr);
    }
    let done = folder.chaos("--no-log-file playground image none/demo.tar");
    assert_eq!(
        (done.code, done.stderr.contains("could not write none/demo.tar")),
        (1, true),
        "{}",
        done.stderr
    );
}

#[test]
fn a_name_chooses_the_program() {
    let folder = Folder::new();
    let mut command = folder.command("");
    command.arg0("/bin/mongo").args(["--eval", "db.adminCommand('ping')"]);
    let done = folder.done(&mut command);
    assert!(done.stdout.starts_with("MongoDB shell version v4.0.3"), "{}{}", done.stdout, done.stderr);

    let mut command = folder.command("");
    let command = command.arg0("go-demo-8").env("DB", "nobody.invalid").stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "Starting the application");
    assert_eq!(lines.next().unwrap().unwrap(), "Configuring DB nobody.invalid");
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143), "SIGTERM ends it");
    assert!(lines.next().is_none());
}
