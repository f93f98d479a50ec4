//! What people meet when something is wrong with a file, a folder or the machine: one line, with the next step.

use crate::folder::Folder;
use expect_test::expect;

const FINE: &str = r#"{"title": "t", "description": "d", "method": []}"#;

#[test]
fn sources_that_cannot_be_loaded() {
    let folder = Folder::new()
        .with("broken.yaml", "title: [unclosed\n")
        .with("broken.json", "{\"title\": }")
        .with("list.json", "[1]")
        .with("empty.yaml", "")
        .with("latin1.json", "")
        .with("e.txt", FINE)
        .with("folder/e.json", FINE);
    std::fs::write(folder.path("latin1.json"), b"{\"title\": \"caf\xe9\"}").unwrap();
    let said: String = [
        "gone.yaml",
        "broken.yaml",
        "broken.json",
        "list.json",
        "empty.yaml",
        "latin1.json",
        "e.txt",
        "folder",
        "ftp://127.0.0.1/e.json",
    ]
    .map(|source| {
        let done = folder.chaos(&format!("run {source}"));
        assert_eq!((done.code, done.stdout.as_str()), (1, ""), "{source}");
        done.stderr
    })
    .concat();
    expect![[r#"
        [ERROR] Path "gone.yaml" does not exist.
        [ERROR] Failed parsing YAML experiment: unclosed bracket '[' at line 1, column 8
        [ERROR] Failed parsing JSON experiment: Expecting value at line 1, column 11
        [INFO] Validating the experiment's syntax
        [ERROR] the experiment: expected an object, found a list
        [INFO] Validating the experiment's syntax
        [ERROR] an empty experiment is not an experiment
        [ERROR] Failed parsing JSON experiment: byte 0xe9 is not UTF-8 at line 1, column 15
        [ERROR] could not load e.txt: only files with json, yaml or yml extensions are supported
        [ERROR] could not load folder, a folder: only files with json, yaml or yml extensions are supported
        [ERROR] 'ftp' is not a supported source scheme.
    "#]]
    .assert_eq(&said);
}

#[test]
fn places_that_cannot_be_written() {
    let folder = Folder::new().with("e.json", FINE).with("file", "");
    let said: String = [
        "--log-file gone/chaos.log run e.json",
        "--change-dir gone run e.json",
        "run --journal-path gone/journal.json e.json",
        "run --journal-path . e.json",
    ]
    .map(|line| {
        let done = folder.chaos(line);
        assert_eq!((done.code, done.stdout.as_str()), (1, ""), "{line}");
        done.stderr
    })
    .concat();
    expect![[r#"
        Error: could not open the log file gone/chaos.log: No such file or directory (os error 2); --log-file PATH takes another, --no-log-file none
        [WARNING] Moving to gone
        [ERROR] could not change to the folder gone: No such file or directory (os error 2)
        [INFO] Validating the experiment's syntax
        [INFO] Experiment looks valid
        [ERROR] could not write the journal gone/journal.json: No such file or directory (os error 2), so nothing was started; --journal-path PATH takes another place
        [INFO] Validating the experiment's syntax
        [INFO] Experiment looks valid
        [ERROR] could not write the journal .: Is a directory (os error 21), so nothing was started; --journal-path PATH takes another place
    "#]].assert_eq(&said);

    let mut command = folder.command("run e.json");
    folder.done(command.env("CHAOS_STATE_DIR", folder.path("file"))).check(expect![[r#"
        stderr:
        [INFO] Validating the experiment's syntax
        [INFO] Experiment looks valid
        [ERROR] could not create the event log in DIR/file/runs/RUN: Not a directory (os error 20); without it nothing could be put back, so nothing was started; set CHAOS_STATE_DIR to a folder that can be written
        exit: 1
    "#]]);
    let mut command = folder.command("run e.json");
    folder.done(command.env_remove("HOME")).check(expect![[r#"
        stderr:
        [INFO] Validating the experiment's syntax
        [INFO] Experiment looks valid
        [ERROR] there is no folder to remember runs in, for HOME is not set; set CHAOS_STATE_DIR to a folder that can be written
        exit: 1
    "#]]);
}

#[test]
fn a_full_disk() {
    let folder = Folder::new().with("e.json", FINE);
    let mut command = folder.command("info core");
    folder.done(command.stdout(std::fs::File::create("/dev/full").unwrap())).check(expect![[r#"
        stderr:
        [ERROR] could not write to standard output: No space left on device (os error 28)
        exit: 1
    "#]]);
    folder.chaos("--log-file /dev/full run --journal-path /dev/full e.json").check(expect![[r#"
        stderr:
        [WARNING] could not write the log file /dev/full: No space left on device (os error 28); going on without it
        [INFO] Validating the experiment's syntax
        [INFO] Experiment looks valid
        [INFO] Running experiment: t
        [INFO] Steady-state strategy: default
        [INFO] Rollbacks strategy: default
        [INFO] No steady state hypothesis defined. That's ok, just exploring.
        [INFO] Playing your experiment's method now...
        [INFO] No declared activities, let's move on.
        [INFO] Let's rollback...
        [INFO] No declared rollbacks, let's move on.
        [INFO] Experiment ended with status: completed
        [ERROR] could not write the journal /dev/full: No space left on device (os error 28); everything that happened is in DIR/.local/state/chaos/runs/RUN/events.jsonl
        exit: 1
    "#]]);
}

#[test]
fn settings_that_cannot_be_used() {
    let said: String = ["- a list\n", "runtime:\n", "runtime: {rollbacks: 1}\n", "a: [\n"]
        .map(|settings| {
            let folder = Folder::new().with("e.json", FINE).with(".chaostoolkit/settings.yaml", settings);
            let done = folder.chaos("run e.json");
            format!("{}{}exit {}\n", settings, done.stderr, done.code)
        })
        .concat();
    expect![[r#"
        - a list
        [ERROR] the settings file DIR/.chaostoolkit/settings.yaml must hold an object, not a list
        exit 1
        runtime:
        [INFO] Validating the experiment's syntax
        [INFO] Experiment looks valid
        [ERROR] `runtime` in the settings must be an object, not null
        exit 1
        runtime: {rollbacks: 1}
        [INFO] Validating the experiment's syntax
        [INFO] Experiment looks valid
        [ERROR] `runtime.rollbacks` in the settings must be an object, not a number
        exit 1
        a: [
        [ERROR] Failed parsing YAML settings: unclosed bracket '[' at line 1, column 4
        [INFO] Validating the experiment's syntax
        [INFO] Experiment looks valid
        [INFO] Running experiment: t
        [INFO] Steady-state strategy: default
        [INFO] Rollbacks strategy: default
        [INFO] No steady state hypothesis defined. That's ok, just exploring.
        [INFO] Playing your experiment's method now...
        [INFO] No declared activities, let's move on.
        [INFO] Let's rollback...
        [INFO] No declared rollbacks, let's move on.
        [INFO] Experiment ended with status: completed
        exit 0
    "#]]
    .assert_eq(&said);
}

#[test]
fn values_that_cannot_be_resolved() {
    let missing = r#"{"title": "t", "description": "d", "method": [],
        "configuration": {"a": {"type": "env", "key": "NOT_SET"}}, "secrets": {"s": {"t": {"type": "env", "key": "NOR_THIS"}}}}"#;
    let folder =
        Folder::new().with("e.json", missing).with("bad.yaml", "a: [").with("bad.env", "no assignment");
    let said: String = [
        "run e.json",
        "run --no-validation e.json",
        "run --no-validation --var-file bad.yaml --var a=1 e.json",
        "run --var-file bad.env e.json",
    ]
    .map(|line| {
        let done = folder.chaos(line);
        assert_eq!(done.code, 1, "{line}");
        done.stderr
    })
    .concat();
    expect![[r#"
        [INFO] Validating the experiment's syntax
        [ERROR] Configuration makes reference to an environment key that does not exist: NOT_SET
        [ERROR] Configuration makes reference to an environment key that does not exist: NOT_SET
        [ERROR] Failed to parse variable file 'bad.yaml': unclosed bracket '[' at line 1, column 4
        [ERROR] Secrets make reference to an environment key that does not exist: NOR_THIS
        [ERROR] could not use the var file bad.env: line 1 is not of the form NAME=VALUE
    "#]]
    .assert_eq(&said);
}
