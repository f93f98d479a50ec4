//! Runs of experiments on the machine itself.

use crate::folder::Folder;
use expect_test::expect;

/// A hypothesis on a file, which the method removes.
const WEAK: &str = r#"
title: the file survives
description: it does not
configuration:
  file: data.txt
steady-state-hypothesis:
  title: the file is there
  probes:
    - type: probe
      name: file-exists
      tolerance: 0
      provider: {type: process, path: test, arguments: [-f, "${file}"]}
method:
  - type: action
    name: remove-file
    provider: {type: process, path: rm, arguments: ["${file}"]}
rollbacks:
  - type: action
    name: write-file
    provider: {type: process, path: touch, arguments: ["${file}"]}
"#;

/// A link that leads nowhere yet stays one, and the reader of a pipe is not sent away by the look whether it can be written.
#[test]
fn the_journal_goes_through_links_and_pipes() {
    let folder = Folder::new().with("weak.yaml", WEAK).with("data.txt", "");
    std::os::unix::fs::symlink("target.json", folder.path("link.json")).unwrap();
    let _ = folder.chaos("run --journal-path link.json weak.yaml");
    assert!(folder.path("link.json").is_symlink());
    assert!(folder.read("target.json").contains("chaoslib-version"));
    assert!(std::process::Command::new("mkfifo").arg(folder.path("pipe")).status().unwrap().success());
    let pipe = folder.path("pipe");
    let reader = std::thread::spawn(move || std::fs::read_to_string(pipe).unwrap());
    let _ = folder.chaos("run --journal-path pipe weak.yaml");
    assert!(reader.join().unwrap().contains("chaoslib-version"));
}

#[test]
fn a_weakness_is_found() {
    let folder = Folder::new().with("weak.yaml", WEAK).with("data.txt", "");
    folder.chaos("run weak.yaml").check(expect![[r#"
        stderr:
        [INFO] Validating the experiment's syntax
        [INFO] Experiment looks valid
        [INFO] Running experiment: the file survives
        [INFO] Steady-state strategy: default
        [INFO] Rollbacks strategy: default
        [INFO] Steady state hypothesis: the file is there
        [INFO] Probe: file-exists
        [INFO] Steady state hypothesis is met!
        [INFO] Playing your experiment's method now...
        [INFO] Action: remove-file
        [INFO] Steady state hypothesis: the file is there
        [INFO] Probe: file-exists
        [CRITICAL] Steady state probe 'file-exists' is not in the given tolerance so failing this experiment
        [INFO] Let's rollback...
        [INFO] Rollback: write-file
        [INFO] Action: write-file
        [INFO] Experiment ended with status: deviated
        [INFO] The steady-state has deviated, a weakness may have been discovered
        exit: 1
    "#]]);
    assert!(folder.path("data.txt").exists(), "the rollback was played");
    let journal: serde_json::Value = serde_json::from_str(&folder.read("journal.json")).unwrap();
    assert_eq!(journal["status"], "completed");
    assert_eq!(journal["deviated"], true);
    assert_eq!(journal["run"][0]["status"], "succeeded");
    assert_eq!(journal["rollbacks"][0]["activity"]["name"], "write-file");
}

/// The lines are those of chaostoolkit 1.19.0 (its share in percent, which depends on the pace, is left out).
#[test]
fn after_failing_fast_what_is_still_broken_is_a_weakness() {
    // The action waits until a look saw what it did.
    let experiment = r#"
title: t
description: d
steady-state-hypothesis:
  title: h
  probes:
    - type: probe
      name: p
      tolerance: {type: jsonpath, path: $.status, expect: [0]}
      provider: {type: process, path: sh, arguments: [-c, "if [ -e flag ]; then touch seen; exit 1; fi"]}
method:
  - type: action
    name: break
    provider: {type: process, path: sh, arguments: [-c, "touch flag; until [ -e seen ]; do sleep 0.01; done"]}
rollbacks:
  - type: action
    name: rm
    provider: {type: process, path: rm, arguments: [flag]}
"#;
    for (strategy, lines, status, deviated) in [
        (
            "continuously",
            "[CRITICAL] Steady state probe 'p' is not in the given tolerance so failing this experiment
             [INFO] Let's rollback...
             [INFO] Rollback: rm
             [INFO] Action: rm
             [INFO] Experiment ended with status: deviated
             [INFO] The steady-state has deviated, a weakness may have been discovered",
            "completed",
            true,
        ),
        ("during-method-only", "[INFO] Experiment ended with status: failed", "failed", false),
    ] {
        let folder = Folder::new().with("e.yaml", experiment);
        let line =
            format!("run --hypothesis-strategy {strategy} --fail-fast --hypothesis-frequency 0.02 e.yaml");
        let done = folder.chaos(&line);
        assert_eq!(done.code, 1, "{strategy}");
        let (_, rest) = done.stderr.split_once("Terminating immediately the experiment after").unwrap();
        let seen =
            rest.lines().skip(1).map(str::trim).filter(|line| !line.contains("teady state hypothesis"));
        let seen: Vec<_> = seen.filter(|line| *line != "[INFO] Probe: p").collect();
        let expected: Vec<_> = lines.lines().map(str::trim).collect();
        assert_eq!(seen, expected, "{strategy}: {}", done.stderr);
        assert_eq!(folder.path("flag").exists(), !deviated, "{strategy}: whether the rollback was played");
        let journal: serde_json::Value = serde_json::from_str(&folder.read("journal.json")).unwrap();
        assert_eq!(
            (&journal["status"], &journal["deviated"]),
            (&status.into(), &deviated.into()),
            "{strategy}"
        );
    }
}

#[test]
fn a_steady_state_that_is_not_met_fails_the_run() {
    let folder = Folder::new().with("weak.yaml", WEAK);
    folder.chaos("run --rollback-strategy never --var file=other.txt weak.yaml").check(expect![[r#"
        stderr:
        [INFO] Validating the experiment's syntax
        [INFO] Experiment looks valid
        [INFO] Running experiment: the file survives
        [INFO] Steady-state strategy: default
        [INFO] Rollbacks strategy: never
        [INFO] Steady state hypothesis: the file is there
        [INFO] Probe: file-exists
        [CRITICAL] Steady state probe 'file-exists' is not in the given tolerance so failing this experiment
        [WARNING] Rollbacks were explicitly requested to not be played
        [INFO] Experiment ended with status: failed
        exit: 1
    "#]]);
}

#[test]
fn the_log_file_says_more_than_the_console() {
    let folder = Folder::new().with("weak.yaml", WEAK).with("data.txt", "");
    let done = folder.chaos("--log-file more.log run --seed 7 --journal-path out.json weak.yaml");
    assert_eq!(done.code, 1);
    assert!(folder.path("out.json").exists() && !folder.path("journal.json").exists());
    expect![[r#"
        [DEBUG] ###############################################################################
        [DEBUG] Running command 'run'
        [DEBUG] The Chaos Toolkit settings file could not be found at 'DIR/.chaostoolkit/settings.yaml'.
        [INFO] Validating the experiment's syntax
        [INFO] Experiment looks valid
        [DEBUG] Loading configuration...
        [DEBUG] Loading secrets...
        [DEBUG] Done loading secrets
        [INFO] Running experiment: the file survives
        [DEBUG] run RUN, seed 7, version VERSION
        [INFO] Steady-state strategy: default
        [INFO] Rollbacks strategy: default
        [DEBUG] Running steady-state hypothesis before the method
        [INFO] Steady state hypothesis: the file is there
        [INFO] Probe: file-exists
        [DEBUG] Running: ['/usr/bin/test', '-f', 'data.txt']
        [DEBUG]   => succeeded with '{'status': 0, 'stdout': '', 'stderr': ''}'
        [DEBUG] allowed tolerance is 0
        [DEBUG]   => within tolerance
        [INFO] Steady state hypothesis is met!
        [INFO] Playing your experiment's method now...
        [INFO] Action: remove-file
        [DEBUG] Running: ['/usr/bin/rm', 'data.txt']
        [DEBUG]   => succeeded with '{'status': 0, 'stdout': '', 'stderr': ''}'
        [DEBUG] The method has ended
        [DEBUG] Running steady-state hypothesis after the method
        [INFO] Steady state hypothesis: the file is there
        [INFO] Probe: file-exists
        [DEBUG] Running: ['/usr/bin/test', '-f', 'data.txt']
        [DEBUG]   => succeeded with '{'status': 1, 'stdout': '', 'stderr': ''}'
        [DEBUG] status 1 is not 0
        [DEBUG] allowed tolerance is 0
        [DEBUG]   => not within tolerance
        [CRITICAL] Steady state probe 'file-exists' is not in the given tolerance so failing this experiment
        [INFO] Let's rollback...
        [INFO] Rollback: write-file
        [INFO] Action: write-file
        [DEBUG] Running: ['/usr/bin/touch', 'data.txt']
        [DEBUG]   => succeeded with '{'status': 0, 'stdout': '', 'stderr': ''}'
        [DEBUG] The rollbacks have ended
        [INFO] Experiment ended with status: deviated
        [INFO] The steady-state has deviated, a weakness may have been discovered
    "#]]
    .assert_eq(&folder.mask(&folder.read("more.log")));
}

#[test]
fn strategies_from_the_settings_and_the_experiment() {
    let experiment =
        |runtime: &str| format!("{{\"title\": \"t\", \"description\": \"d\", \"method\": [] {runtime}}}");
    let settings = "runtime: {rollbacks: {strategy: always}, hypothesis: {strategy: skip}}";
    for (runtime, options, hypothesis, rollbacks) in [
        ("", "", "skip", "always"),
        (r#", "runtime": {"rollbacks": {"strategy": "never"}}"#, "", "default", "never"),
        (r#", "runtime": {}"#, "", "skip", "always"),
        ("", "--rollback-strategy deviated --hypothesis-strategy continuously", "continuous", "deviated"),
    ] {
        let folder =
            Folder::new().with(".chaostoolkit/settings.yaml", settings).with("e.json", &experiment(runtime));
        let done = folder.chaos(&format!("run {options} e.json"));
        assert_eq!(done.code, 0, "{}", done.stderr);
        for line in
            [format!("Steady-state strategy: {hypothesis}"), format!("Rollbacks strategy: {rollbacks}")]
        {
            assert!(done.stderr.contains(&line), "{line} is not in {}", done.stderr);
        }
    }
}

#[test]
fn a_signal_interrupts_and_the_journal_says_so() {
    let slow = r#"{"title": "slow", "description": "d", "method": [
        {"type": "action", "name": "wait", "provider": {"type": "process", "path": "sleep", "arguments": ["60"]}}]}"#;
    for (signal, said) in
        [("TERM", "SIGTERM signal received"), ("INT", "Ctrl-C"), ("USR1", "exit signal: 20")]
    {
        let folder = Folder::new().with("slow.json", slow);
        let running = folder.start("run slow.json", "Action: wait");
        running.signal(signal);
        let done = running.end();
        assert_eq!(done.code, 1);
        assert!(done.stderr.contains(said), "{}", done.stderr);
        let journal: serde_json::Value = serde_json::from_str(&folder.read("journal.json")).unwrap();
        assert_eq!(journal["status"], "interrupted");
    }
}

#[test]
fn a_lost_terminal_interrupts_unless_that_was_to_be_ignored() {
    let slow = r#"{"title": "slow", "description": "d", "method": [
        {"type": "action", "name": "wait", "provider": {"type": "process", "path": "sleep", "arguments": ["60"]}}]}"#;
    // Whoever runs the tests may do so under `nohup`, which children inherit.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap_or("0");
    let ignored = u64::from_str_radix(ignored.trim(), 16).unwrap() & 1 == 1;
    let folder = Folder::new().with("slow.json", slow);
    let running = folder.start("run slow.json", "Action: wait");
    running.signal("HUP");
    if ignored {
        running.signal("TERM");
    }
    let done = running.end();
    assert_eq!(done.code, 1);
    assert_eq!(done.stderr.contains("SIGHUP signal received"), !ignored, "{}", done.stderr);
}
