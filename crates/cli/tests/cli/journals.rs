//! A journal however a run ends: asked to stop, and killed.

use crate::cluster::{Cluster, Mood};
use crate::folder::Folder;
use expect_test::expect;
use serde_json::{Value, json};
use std::fs;
use std::time::{Duration, Instant};

/// Waits in each way in which a run can.
const WAITS: &str = r#"
title: waits
description: for a signal
steady-state-hypothesis:
  title: all is well
  probes:
    - {type: probe, name: looks, tolerance: 0, provider: {type: process, path: "true"}}
method:
  - {type: action, name: said, provider: {type: process, path: echo, arguments: hello}}
  - {type: action, name: beside, background: true, provider: {type: process, path: sleep, arguments: "60"}}
  - {type: action, name: hangs, provider: {type: process, path: sh, arguments: [-c, "trap '' TERM INT; echo; sleep 60"]}}
"#;

const RUN: &str = "run e.yaml";
const WAITING: &str = "Action: hangs";

fn journal(folder: &Folder, name: &str) -> Value {
    serde_json::from_str(&folder.read(name)).unwrap()
}

/// What a journal says of an experiment's activities, in a few words.
fn told(journal: &Value) -> Value {
    let records = |of: &Value| -> Vec<Value> {
        let all = of.as_array().unwrap().iter();
        all.map(|record| {
            json!([record["activity"]["name"], record.get("status"), record.get("end").is_some()])
        })
        .collect()
    };
    let before = &journal["steady_states"]["before"];
    json!({"status": journal["status"], "deviated": journal["deviated"], "before": before.get("steady_state_met"),
        "run": records(&journal["run"]), "rollbacks": records(&journal["rollbacks"])})
}

#[test]
fn a_killed_run_gets_its_journal_from_its_log() {
    let folder = Folder::new().with("e.yaml", WAITS);
    let running = folder.start(RUN, WAITING);
    running.signal("KILL");
    let _ = running.end();
    assert!(!folder.path("journal.json").exists());
    folder.chaos("recover").check(expect![[r#"
        stdout:
        RUN  WHEN, killed
          experiment: waits (e.yaml)
          journal to write: DIR/journal.json
          chaos recover RUN

        `chaos recover RUN` sees to what one of them left, `chaos recover --all` to everything.
        exit: 0
    "#]]);
    folder.chaos(&format!("recover {}", folder.only_run())).check(expect![[r#"
        stderr:
        [INFO] the journal of run RUN is in DIR/journal.json
        [WARNING] the program `sleep` of `beside` was running when run RUN was killed; if it still is, end it
        [WARNING] the program `sh` of `hangs` was running when run RUN was killed; if it still is, end it
        [INFO] Nothing is left behind
        exit: 0
    "#]]);
    let first = folder.read("journal.json");
    expect![[r#"{"status":"interrupted","deviated":false,"before":true,"run":[["said","succeeded",true],["beside",null,false],["hangs",null,false]],"rollbacks":[]}"#]]
        .assert_eq(&told(&journal(&folder, "journal.json")).to_string());
    for line in ["recover --all", &format!("recover {}", folder.only_run())] {
        folder.chaos(line).check(expect![[r#"
            stderr:
            [INFO] Nothing is left behind
            exit: 0
        "#]]);
    }
    assert_eq!(folder.read("journal.json"), first);
    assert_eq!(folder.chaos("recover").stdout, "Nothing is left behind.\n");
    // On demand it is written again, and is the same.
    assert_eq!(folder.chaos(&format!("recover {} --journal-path other.json", folder.only_run())).code, 0);
    assert_eq!(folder.read("other.json"), first);
}

#[test]
fn a_late_journal_takes_nobodys_place() {
    for (there, said) in [
        ("later", "DIR/journal.json holds the journal of a later run"),
        ("notes", "DIR/journal.json holds something else than a journal"),
        ("folder", "DIR/journal.json is no file"),
    ] {
        let folder =
            Folder::new().with("e.yaml", WAITS).with("short.yaml", "{title: t, description: d, method: []}");
        let running = folder.start(RUN, WAITING);
        let run = folder.only_run();
        running.signal("KILL");
        let _ = running.end();
        match there {
            "later" => assert_eq!(folder.chaos("run short.yaml").code, 0),
            "notes" => fs::write(folder.path("journal.json"), "my notes\n").unwrap(),
            _ => fs::create_dir(folder.path("journal.json")).unwrap(),
        }
        let before = fs::read(folder.path("journal.json")).ok();
        let done = folder.chaos("recover --all");
        assert_eq!(done.code, 0, "{}", done.stderr);
        let own = format!(".local/state/chaos/runs/{run}/journal.json");
        let lines: Vec<&str> = done.stderr.lines().collect();
        assert_eq!(lines[0], format!("[WARNING] {said}; the journal went to the folder of its run"));
        assert_eq!(
            lines[1],
            "[INFO] the journal of run RUN is in DIR/.local/state/chaos/runs/RUN/journal.json"
        );
        assert_eq!(journal(&folder, &own)["experiment"]["title"], "waits");
        assert_eq!(fs::read(folder.path("journal.json")).ok(), before);
        assert_eq!(folder.chaos("recover").stdout, "Nothing is left behind.\n");
    }
}

#[test]
fn an_earlier_runs_journal_gives_way() {
    let folder =
        Folder::new().with("e.yaml", WAITS).with("short.yaml", "{title: t, description: d, method: []}");
    assert_eq!(folder.chaos("run short.yaml").code, 0);
    let running = folder.start(RUN, WAITING);
    running.signal("KILL");
    let _ = running.end();
    assert_eq!(folder.chaos("recover --all").code, 0);
    assert_eq!(journal(&folder, "journal.json")["experiment"]["title"], "waits");
}

#[test]
fn a_run_that_was_killed_before_it_began_has_no_journal() {
    let folder = Folder::new().with(".local/state/chaos/runs/20260101-000000-deadbe/events.jsonl", "");
    assert_eq!(folder.chaos("recover").stdout, "Nothing is left behind.\n");
    folder.chaos("recover 20260101").check(expect![[r#"
        stderr:
        [INFO] run RUN was killed before it began: it changed nothing, and there is nothing to write a journal of
        [INFO] Nothing is left behind
        exit: 0
    "#]]);
}

/// Restoring waits for a server that never answers; the journal does not.
#[test]
fn a_stopped_run_has_its_journal_before_it_restores() {
    let experiment = WAITS.replace(
        "  - {type: action, name: hangs",
        "  - type: action
    name: scale-down
    provider: {type: python, module: chaosk8s.deployment.actions, func: scale_deployment, arguments: {name: cart, ns: shop, replicas: 0}}
  - {type: action, name: hangs",
    );
    let cluster = Cluster::new();
    let folder = Folder::new().with("e.yaml", &experiment).with(".kube/config", &cluster.kubeconfig());
    let mut running = folder.start("--verbose run --rollback-strategy never e.yaml", WAITING);
    cluster.is_in(Mood::IsSilent);
    running.signal("TERM");
    let signalled = Instant::now();
    running.wait_for("SIGTERM signal received");
    assert_eq!(journal(&folder, "journal.json")["status"], "interrupted");
    running.wait_for("Rollbacks were explicitly requested to not be played");
    let done = told(&journal(&folder, "journal.json"));
    expect![[r#"{"status":"interrupted","deviated":false,"before":true,"run":[["said","succeeded",true],["beside",null,false],["scale-down","succeeded",true],["hangs",null,true]],"rollbacks":[]}"#]]
        .assert_eq(&done.to_string());
    assert!(signalled.elapsed() < Duration::from_secs(30), "it waited for the server");
    // Impatience changes nothing about it.
    running.signal("KILL");
    let _ = running.end();
    assert_eq!(told(&journal(&folder, "journal.json")), done);
    cluster.is_in(Mood::Answers);
    assert_eq!(folder.chaos("recover --all").code, 0);
    assert_eq!((cluster.replicas(), told(&journal(&folder, "journal.json"))), (3, done));
}
