//! What runs leave behind, and putting it back.

use crate::cluster::{Cluster, Mood};
use crate::folder::Folder;
use expect_test::expect;
use serde_json::json;

#[test]
fn there_is_nothing_to_recover() {
    let folder = Folder::new();
    folder.chaos("recover").check(expect![[r#"
        stdout:
        Nothing is left behind.
        exit: 0
    "#]]);
    folder.chaos("recover --format json").check(expect![[r#"
        stdout:
        []
        exit: 0
    "#]]);
    folder.chaos("recover --all").check(expect![[r#"
        stderr:
        [INFO] Nothing is left behind
        exit: 0
    "#]]);
    folder.chaos("recover nothing").check(expect![[r#"
        stderr:
        [ERROR] there is no run `nothing`; `chaos recover` lists the runs that left something behind
        exit: 1
    "#]]);
}

/// Scales a Deployment down and waits.
const SCALE: &str = r#"
title: without a cart
description: nobody can buy anything
method:
  - type: action
    name: scale-down
    pauses: {after: "${wait}"}
    provider:
      type: python
      module: chaosk8s.deployment.actions
      func: scale_deployment
      arguments: {name: cart, ns: shop, replicas: 0}
configuration: {wait: 0}
"#;

fn shop() -> (Folder, Cluster) {
    let cluster = Cluster::new();
    let folder = Folder::new().with("scale.yaml", SCALE).with(".kube/config", &cluster.kubeconfig());
    (folder, cluster)
}

#[test]
fn what_an_author_leaves_behind_is_said_listed_and_put_back() {
    let (folder, cluster) = shop();
    folder.chaos("run scale.yaml").check(expect![[r#"
        stderr:
        [INFO] Validating the experiment's syntax
        [INFO] Experiment looks valid
        [INFO] Running experiment: without a cart
        [INFO] Steady-state strategy: default
        [INFO] Rollbacks strategy: default
        [INFO] No steady state hypothesis defined. That's ok, just exploring.
        [INFO] Playing your experiment's method now...
        [INFO] Action: scale-down
        [INFO] Let's rollback...
        [INFO] No declared rollbacks, let's move on.
        [WARNING] What this run changed is still in place. `chaos recover RUN` puts it back: scale Deployment shop/cart back to 3
        [INFO] Experiment ended with status: completed
        exit: 0
    "#]]);
    assert_eq!(cluster.replicas(), 0);
    folder.chaos("recover").check(expect![[r#"
        stdout:
        RUN  WHEN, completed
          experiment: without a cart (scale.yaml)
          to put back: scale Deployment shop/cart back to 3
          chaos recover RUN

        `chaos recover RUN` sees to what one of them left, `chaos recover --all` to everything.
        exit: 0
    "#]]);
    cluster.edit("paused", json!(true));
    folder.chaos("recover --all").check(expect![[r#"
        stderr:
        [INFO] put back: scale Deployment shop/cart back to 3
        [INFO] 1 change was seen to, nothing is left behind
        exit: 0
    "#]]);
    assert_eq!((cluster.replicas(), cluster.field("paused")), (3, json!(true)));
    folder.chaos("recover --all").check(expect![[r#"
        stderr:
        [INFO] Nothing is left behind
        exit: 0
    "#]]);
}

#[test]
fn undo_always_puts_back_at_the_end() {
    let (folder, cluster) = shop();
    folder.chaos("run --undo always scale.yaml").check(expect![[r#"
        stderr:
        [INFO] Validating the experiment's syntax
        [INFO] Experiment looks valid
        [INFO] Running experiment: without a cart
        [INFO] Steady-state strategy: default
        [INFO] Rollbacks strategy: default
        [INFO] No steady state hypothesis defined. That's ok, just exploring.
        [INFO] Playing your experiment's method now...
        [INFO] Action: scale-down
        [INFO] Let's rollback...
        [INFO] No declared rollbacks, let's move on.
        [INFO] Experiment ended with status: completed
        exit: 0
    "#]]);
    assert_eq!(cluster.replicas(), 3);
}

#[test]
fn a_killed_run_is_put_back_by_name() {
    let (folder, cluster) = shop();
    let running = folder.start("run --var wait:int=60 scale.yaml", "Pausing after activity");
    assert_eq!(cluster.replicas(), 0);
    let run = folder.only_run();
    folder.chaos(&format!("recover {run}")).check(expect![[r#"
        stderr:
        [ERROR] run RUN was not touched, for it is still going on as process PID, or another `chaos recover` is at it; wait for it, or stop it (Ctrl-C, or SIGTERM): it puts back what it changed itself
        [ERROR] not everything could be put back: 1 left
        exit: 1
    "#]]);
    let listed = folder.chaos("recover").stdout;
    assert!(listed.contains("it puts this back itself") && !listed.contains("chaos recover"), "{listed}");
    running.signal("KILL");
    let _ = running.end();
    let listed = folder.chaos("recover --format json");
    let mut listed: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap();
    listed[0]["pid"] = json!("PID");
    expect![[r#"
        [
          {
            "run": "RUN",
            "started": "TIME",
            "title": "without a cart",
            "source": "scale.yaml",
            "status": null,
            "going_on": false,
            "pid": "PID",
            "left_behind": [
              "scale Deployment shop/cart back to 3"
            ],
            "journal_to_write": "DIR/journal.json",
            "log": "DIR/.local/state/chaos/runs/RUN/events.jsonl",
            "damaged": null
          }
        ]"#]]
    .assert_eq(&serde_json::to_string_pretty(&listed).unwrap());

    cluster.is_in(Mood::HangsUp);
    let done = folder.chaos(&format!("recover {}", &run[..10]));
    assert_eq!(done.code, 1);
    assert!(
        done.stderr.contains("could not put back: scale Deployment shop/cart back to 3"),
        "{}",
        done.stderr
    );
    let again = "(scale Deployment shop/cart back to 3); once the cause is gone: chaos recover RUN";
    assert!(done.stderr.trim_end().ends_with(again), "{}", done.stderr);
    cluster.is_in(Mood::Answers);
    folder.chaos(&format!("recover {}", &run[..10])).check(expect![[r#"
        stderr:
        [INFO] put back: scale Deployment shop/cart back to 3
        [INFO] 1 change was seen to, nothing is left behind
        exit: 0
    "#]]);
    assert_eq!(cluster.replicas(), 3);
    folder.chaos(&format!("recover {run}")).check(expect![[r#"
        stderr:
        [INFO] Nothing is left behind
        exit: 0
    "#]]);
}

#[test]
fn a_signal_puts_everything_back() {
    for signal in ["TERM", "INT", "USR1", "USR2"] {
        let (folder, cluster) = shop();
        let running = folder.start("run --var wait:int=60 scale.yaml", "Pausing after activity");
        running.signal(signal);
        assert_eq!(running.end().code, 1);
        assert_eq!(cluster.replicas(), 3, "{signal}");
        assert_eq!(folder.chaos("recover").stdout, "Nothing is left behind.\n");
    }
}

/// Whatever the size from which on the log takes no more, nobody dies of it, and nothing stays changed unsaid.
#[test]
fn a_log_that_may_not_grow_stops_the_run() {
    let (folder, cluster) = shop();
    for blocks in 1..=8 {
        let limited = folder.command("");
        let program = limited.get_program().to_owned();
        let line = "ulimit -f $1; exec \"$0\" --no-log-file run --journal-path /dev/null scale.yaml";
        let mut shell = std::process::Command::new("/bin/sh");
        shell.args(["-c", line]).arg(program).arg(blocks.to_string());
        shell.envs(limited.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let done = folder.done(shell.current_dir(folder.path("")).stdin(std::process::Stdio::null()));
        assert_ne!(done.code, -1, "{blocks}: {}", done.stderr);
        let lost = done.stderr.contains("could not write the event log");
        assert!(lost || done.code == 0, "{blocks}: {}", done.stderr);
        assert!(
            cluster.replicas() == 3 || done.stderr.contains("is still in place"),
            "{blocks}: {}",
            done.stderr
        );
        assert_eq!(folder.chaos("recover --all").code, 0);
        assert_eq!(cluster.replicas(), 3);
    }
}

#[test]
fn the_next_run_knows_of_it() {
    let (folder, _cluster) = shop();
    let _ = folder.chaos("run scale.yaml");
    let _ = folder.chaos("--log-file next.log run scale.yaml");
    let log = folder.mask(&folder.read("next.log"));
    assert!(
        log.contains("the earlier run RUN left something behind; `chaos recover RUN` does this: scale"),
        "{log}"
    );
}

/// Of runs that left nothing only the last line is looked at, so that a thousand of them cost nothing.
#[test]
fn a_log_says_at_its_end_whether_anybody_needs_to_read_it() {
    let end = |settled| {
        let end =
            r#"{"at":"2026-01-01T00:00:00Z","event":"journal-written","path":"/journal.json","settled":"#;
        let log = ".local/state/chaos/runs/20260101-000000-deadbe/events.jsonl";
        let folder = Folder::new().with(log, &format!("garbage\n{end}{settled}}}\n"));
        folder.chaos("recover").stdout
    };
    assert_eq!(end(true), "Nothing is left behind.\n");
    assert!(end(false).contains("cannot be read"), "{}", end(false));
    let (folder, _cluster) = shop();
    let said = |folder: &Folder| {
        let runs = folder.path(".local/state/chaos/runs");
        let run = std::fs::read_dir(runs).unwrap().next().unwrap().unwrap().path();
        let log = std::fs::read_to_string(run.join("events.jsonl")).unwrap();
        let settled = |said| log.ends_with(&format!("\"settled\":{said}}}\n"));
        assert!(settled(true) || settled(false), "{log}");
        settled(true)
    };
    let _ = folder.chaos("run scale.yaml");
    assert!(!said(&folder));
    let (folder, _cluster) = shop();
    let _ = folder.chaos("run --undo always scale.yaml");
    assert!(said(&folder));
}

#[test]
fn a_third_signal_ends_it_at_once_and_says_what_restores() {
    let (folder, cluster) = shop();
    let mut running = folder.start("--verbose run --var wait:int=60 scale.yaml", "Pausing after activity");
    cluster.is_in(Mood::IsSilent);
    for (signal, said) in [("INT", "stopping: nothing more"), ("TERM", "stopping: what was changed")] {
        running.signal(signal);
        running.wait_for(said);
    }
    running.signal("INT");
    let done = running.end();
    assert_eq!(done.code, 1);
    let last = done.stderr.lines().last().unwrap_or_default();
    expect![
        "[CRITICAL] stopped at once by a third signal; `chaos recover RUN` puts back what is still changed"
    ]
    .assert_eq(last);
    cluster.is_in(Mood::Answers);
    assert_eq!(folder.chaos("recover --all").code, 0);
    assert_eq!(cluster.replicas(), 3);
}

#[test]
fn a_log_that_cannot_be_read_is_said_and_left_alone() {
    let log = ".local/state/chaos/runs/20260101-000000-deadbe/events.jsonl";
    let folder = Folder::new().with(log, "garbage\n");
    folder.chaos("recover").check(expect![[r#"
        stdout:
        RUN, unreadable
          its log DIR/.local/state/chaos/runs/RUN/events.jsonl cannot be read: line 1 is not a record that this version can read: expected value at line 1 column 1
          remove its folder once nothing of it matters any more

        `chaos recover RUN` sees to what one of them left, `chaos recover --all` to everything.
        exit: 0
    "#]]);
    folder.chaos("recover --all").check(expect![[r#"
        stderr:
        [ERROR] the event log DIR/.local/state/chaos/runs/RUN/events.jsonl: line 1 is not a record that this version can read: expected value at line 1 column 1; what it said is lost
        [ERROR] not everything could be put back: 1 left
        exit: 1
    "#]]);
}
