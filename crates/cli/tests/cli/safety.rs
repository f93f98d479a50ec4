//! Strict activities, own dry keys, shares of looks, and what the exit code tells.

use crate::cluster::Cluster;
use crate::folder::Folder;
use expect_test::expect;

/// A method whose second activity runs into its timeout.
const FAILING: &str = r#"
title: t
description: d
method:
  - {type: action, name: first, provider: {type: process, path: touch, arguments: [first]}}
  - {type: action, name: fails, provider: {type: process, path: sleep, arguments: "9", timeout: 0.05}}
  - {type: action, name: last, provider: {type: process, path: touch, arguments: [last]}}
rollbacks:
  - {type: action, name: back, provider: {type: process, path: rm, arguments: [first]}}
"#;

#[test]
fn a_strict_failure_fails_the_run() {
    let folder = Folder::new().with("e.yaml", FAILING);
    folder.chaos("run --strict --exit-codes detailed e.yaml").check(expect![[r#"
        stderr:
        [INFO] Validating the experiment's syntax
        [INFO] Experiment looks valid
        [INFO] Running experiment: t
        [INFO] Steady-state strategy: default
        [INFO] Rollbacks strategy: default
        [INFO] No steady state hypothesis defined. That's ok, just exploring.
        [INFO] Playing your experiment's method now...
        [INFO] Action: first
        [INFO] Action: fails
        [ERROR]   => failed: process activity took too long to complete
        [CRITICAL] 'fails' is strict, so its failure fails this experiment; what comes after it in the method is left out
        [INFO] Let's rollback...
        [INFO] Rollback: back
        [INFO] Action: back
        [INFO] Experiment ended with status: failed
        exit: 11
    "#]]);
    assert!(!folder.path("last").exists() && !folder.path("first").exists());
    let journal: serde_json::Value = serde_json::from_str(&folder.read("journal.json")).unwrap();
    assert_eq!(
        (journal["status"].as_str(), journal["run"].as_array().map(Vec::len)),
        (Some("failed"), Some(2))
    );
}

/// What decides: the command line, the experiment, the settings; an activity above all.
#[test]
fn strictness_comes_from_many_places() {
    let strict = FAILING.replace("title: t", "title: t\nruntime: {strict: true}");
    let settings = "runtime: {strict: true, exit_codes: detailed}";
    let lenient = |text: &str| text.replace("name: fails,", "name: fails, strict: false,");
    for (experiment, settings, line, code) in [
        (FAILING.to_owned(), "", "run e.yaml", 0),
        (FAILING.to_owned(), "", "run --strict e.yaml", 1),
        (strict.clone(), "", "run e.yaml", 1),
        (lenient(&strict), "", "run --strict e.yaml", 0),
        (FAILING.to_owned(), settings, "run e.yaml", 11),
        (FAILING.to_owned(), settings, "run --exit-codes toolkit e.yaml", 1),
        (FAILING.replace("title: t", "title: t\nruntime: {strict: false}"), settings, "run e.yaml", 0),
        (FAILING.replace("title: t", "title: t\nruntime: {hypothesis: {}}"), settings, "run e.yaml", 11),
        (FAILING.replace("name: fails,", "name: fails, strict: true,"), "", "run e.yaml", 1),
        (FAILING.to_owned(), "runtime: {strict: high}", "run --exit-codes detailed e.yaml", 21),
        (FAILING.to_owned(), "runtime: {exit_codes: many}", "run e.yaml", 1),
    ] {
        let folder = Folder::new().with("e.yaml", &experiment).with(".chaostoolkit/settings.yaml", settings);
        let done = folder.chaos(line);
        assert_eq!(done.code, code, "{line} {settings}\n{experiment}\n{}", done.stderr);
    }
}

#[test]
fn detailed_exit_codes() {
    let weak = "title: t\ndescription: d\nsteady-state-hypothesis:\n  title: h\n  probes:\n    - {type: probe, name: p, \
                tolerance: 0, provider: {type: process, path: test, arguments: [-f, data]}}\n";
    let removing = format!(
        "{weak}method:\n  - {{type: action, name: a, provider: {{type: process, path: rm, arguments: [data]}}}}\n"
    );
    let aborted = "title: t\ndescription: d\nmethod:\n  - {type: action, name: a, pauses: {before: -1}, \
                   provider: {type: process, path: \"true\"}}\n";
    for (experiment, options, code) in [
        ("title: t\ndescription: d\nmethod: []\n", "", 0),
        (removing.as_str(), "", 10),
        (removing.as_str(), "--dry actions", 0),
        (&removing.replace("[data]", "[nothing]").replace("-f, data", "-f, nothing"), "", 11),
        (aborted, "", 14),
        ("title: t\ndescription: d\n", "", 20),
        ("title: [\n", "", 20),
        ("just text\n", "--no-validation", 20),
        ("title: t\ndescription: d\nmethod: []\n", "--journal-path no/such/folder.json", 21),
        ("title: t\ndescription: d\nmethod: []\n", "--nonsense", 2),
    ] {
        let folder = Folder::new().with("e.yaml", experiment).with("data", "");
        let done = folder.chaos(&format!("run --exit-codes detailed {options} e.yaml"));
        assert_eq!(done.code, code, "{options}\n{experiment}\n{}", done.stderr);
        let folder = Folder::new().with("e.yaml", experiment).with("data", "");
        let toolkit = match code {
            0 | 13 => 0,
            2 => 2,
            _ => 1,
        };
        assert_eq!(folder.chaos(&format!("run {options} e.yaml")).code, toolkit, "{options}\n{experiment}");
    }
}

#[test]
fn an_interrupted_run_has_its_own_code() {
    let long = FAILING.replace("timeout: 0.05", "timeout: 60");
    let folder = Folder::new().with("e.yaml", &long);
    let running = folder.start("run --exit-codes detailed e.yaml", "Action: fails");
    running.signal("INT");
    assert_eq!(running.end().code, 15);
}

/// Scripts put back what they changed when they are told to end, and the run waits for them before its rollbacks.
#[test]
fn a_stop_lets_programs_clean_up() {
    let script = "trap \"sleep $2; rm $1\" EXIT\ntrap 'exit 1' TERM\ntouch $1\nsleep 9 & wait\n";
    let run = |name: &str, more: &str, seconds: f32| {
        format!(
            "  - {{type: action, name: {name}, {more}provider: {{type: process, path: sh, arguments: [trap.sh, {name}, {seconds}]}}}}\n"
        )
    };
    let experiment = format!(
        "title: t\ndescription: d\nmethod:\n{}{}rollbacks:\n{}",
        run("beside", "background: true, ", 0.0),
        run("here", "", 0.3),
        "  - {type: action, name: back, provider: {type: process, path: test, arguments: [\"!\", -f, here]}}\n"
    );
    let folder = Folder::new().with("e.yaml", &experiment).with("trap.sh", script);
    let running = folder.start("run --rollback-strategy always e.yaml", "Action: here");
    while !(folder.path("beside").exists() && folder.path("here").exists()) {
        std::thread::yield_now();
    }
    running.signal("TERM");
    let done = running.end();
    done.check(expect![[r#"
        stderr:
        [INFO] Validating the experiment's syntax
        [INFO] Experiment looks valid
        [INFO] Running experiment: t
        [INFO] Steady-state strategy: default
        [INFO] Rollbacks strategy: always
        [INFO] No steady state hypothesis defined. That's ok, just exploring.
        [INFO] Playing your experiment's method now...
        [INFO] Action: beside [in background]
        [INFO] Action: here
        [WARNING] Caught SIGTERM signal, interrupting experiment now
        [CRITICAL] SIGTERM signal received
        [WARNING] Rollbacks were explicitly requested to be played
        [INFO] Let's rollback...
        [INFO] Rollback: back
        [INFO] Action: back
        [INFO] Experiment ended with status: interrupted
        exit: 1
    "#]]);
    assert!(!folder.path("beside").exists() && !folder.path("here").exists());
}

#[test]
fn an_experiment_and_an_activity_say_what_is_dry() {
    let one = |own: &str, top: &str| {
        format!(
            "title: t\ndescription: d\n{top}\nmethod:\n  - {{type: action, name: a, {own}provider: {{type: process, path: \
             touch, arguments: [done]}}}}\n"
        )
    };
    for (own, top, options, done) in [
        ("", "", "", true),
        ("dry: true, ", "", "", false),
        ("dry: true, ", "", "--dry probes", false),
        ("dry: false, ", "", "--dry activities", true),
        ("", "dry: actions", "", false),
        ("", "dry: true", "", false),
        ("", "dry: everything", "", false),
        ("", "dry: false", "", true),
        ("", "dry: actions", "--dry probes", true),
        ("dry: false, ", "dry: actions", "", true),
    ] {
        let folder = Folder::new().with("e.yaml", &one(own, top));
        assert_eq!(folder.chaos(&format!("run {options} e.yaml")).code, 0);
        assert_eq!(folder.path("done").exists(), done, "{own} {top} {options}");
    }
}

#[test]
fn shares_of_checks_end_a_method() {
    let experiment = r#"
title: t
description: d
runtime: {hypothesis: {strategy: during-method-only}}
steady-state-hypothesis:
  title: h
  probes: [{type: probe, name: p, tolerance: 1, provider: {type: process, path: "true"}}]
method:
  - {type: action, name: a, pauses: {after: 0.2}, provider: {type: process, path: "true"}}
  - {type: action, name: b, provider: {type: process, path: "true"}}
"#;
    let ratio = |text: &str| experiment.replace("during-method-only", &format!("during-method-only, {text}"));
    for (experiment, options, code) in [
        (experiment.to_owned(), "", 0),
        (experiment.to_owned(), "--fail-fast", 1),
        (experiment.to_owned(), "--fail-fast-ratio 0.5", 1),
        (experiment.to_owned(), "--fail-fast-ratio 1.5", 2),
        (experiment.to_owned(), "--fail-fast-ratio most", 2),
        (ratio("fail_fast: true"), "", 1),
        (ratio("fail_fast_ratio: 1"), "", 1),
        (ratio("fail_fast: false, fail_fast_ratio: 1"), "", 0),
        (ratio("fail_fast: true, fail_fast_ratio: 2"), "", 1),
    ] {
        let folder = Folder::new().with("e.yaml", &experiment);
        let done = folder.chaos(&format!("run --hypothesis-frequency 0.1 {options} e.yaml"));
        assert_eq!(done.code, code, "{options}\n{experiment}\n{}", done.stderr);
    }
}

/// Scales a Deployment down, waits, and has a rollback that leaves a mark.
const SCALE: &str = r#"
title: without a cart
description: nobody can buy anything
configuration: {wait: 0}
method:
  - type: action
    name: scale-down
    OWN
    pauses: {after: "${wait}"}
    provider:
      type: python
      module: chaosk8s.deployment.actions
      func: scale_deployment
      arguments: {name: cart, ns: shop, replicas: 0}
rollbacks:
  - {type: action, name: mark, dry: false, provider: {type: process, path: touch, arguments: [mark]}}
"#;

fn shop(own: &str) -> (Folder, Cluster) {
    let cluster = Cluster::new();
    let folder = Folder::new().with("scale.yaml", &SCALE.replace("OWN", own));
    (folder.with(".kube/config", &cluster.kubeconfig()), cluster)
}

/// Not even a question reaches the cluster, and nothing is armed.
#[test]
fn a_dry_run_touches_no_cluster() {
    for (own, options, touched) in [
        ("", "--dry actions", false),
        ("", "--dry activities", false),
        ("dry: true", "", false),
        ("dry: true", "--dry probes", false),
        ("dry: false", "--dry actions", true),
    ] {
        let (folder, cluster) = shop(own);
        let done = folder.chaos(&format!("run {options} scale.yaml"));
        assert_eq!(done.code, 0, "{options}: {}", done.stderr);
        assert_eq!(cluster.requests() > 0, touched, "{own} {options}");
        assert_eq!(cluster.replicas(), if touched { 0 } else { 3 }, "{own} {options}");
        let log = folder.read(&format!(".local/state/chaos/runs/{}/events.jsonl", folder.only_run()));
        assert_eq!(log.contains("\"armed\""), touched, "{own} {options}\n{log}");
    }
}

#[test]
fn declared_rollbacks_are_played_while_something_is_changed() {
    let (folder, cluster) = shop("");
    let running = folder.start("run --var wait:int=60 scale.yaml", "Pausing after activity");
    running.signal("INT");
    running.end().check(expect![[r#"
        stderr:
        [INFO] Validating the experiment's syntax
        [INFO] Experiment looks valid
        [INFO] Running experiment: without a cart
        [INFO] Steady-state strategy: default
        [INFO] Rollbacks strategy: default
        [INFO] No steady state hypothesis defined. That's ok, just exploring.
        [INFO] Playing your experiment's method now...
        [INFO] Action: scale-down
        [INFO] Pausing after activity for 60s...
        [WARNING] Received a termination signal (Ctrl-C)...
        [WARNING] Rollbacks will be played because something that the experiment changed is still so
        [INFO] Let's rollback...
        [INFO] Rollback: mark
        [INFO] Action: mark
        [INFO] Experiment ended with status: interrupted
        exit: 1
    "#]]);
    assert_eq!((cluster.replicas(), folder.path("mark").exists()), (3, true));
    for (options, signal) in [
        ("--rollback-strategy default", "INT"),
        ("--rollback-strategy never", "TERM"),
        ("--rollback-strategy deviated", "TERM"),
        ("", "USR2"),
    ] {
        let (folder, cluster) = shop("");
        let line = format!("run --var wait:int=60 {options} scale.yaml");
        let running = folder.start(&line, "Pausing after activity");
        running.signal(signal);
        assert_eq!(running.end().code, 1);
        assert_eq!((cluster.replicas(), folder.path("mark").exists()), (3, false), "{options} {signal}");
    }
    for file in ["scale.yaml", ".chaostoolkit/settings.yaml"] {
        let named = "\nruntime: {rollbacks: {strategy: default}}\n";
        let (folder, cluster) = shop("");
        let text = if file == "scale.yaml" { folder.read(file) + named } else { named.to_owned() };
        let folder = folder.with(file, &text);
        let running = folder.start("run --var wait:int=60 scale.yaml", "Pausing after activity");
        running.signal("INT");
        assert_eq!(running.end().code, 1);
        assert_eq!((cluster.replicas(), folder.path("mark").exists()), (3, false), "{file}");
    }
}

#[test]
fn what_is_left_and_what_cannot_be_put_back_have_codes_of_their_own() {
    for (options, code) in [("", 13), ("--undo always", 0)] {
        let (folder, _cluster) = shop("");
        assert_eq!(folder.chaos(&format!("run --exit-codes detailed {options} scale.yaml")).code, code);
    }
    let (folder, cluster) = shop("");
    let line = "run --exit-codes detailed --rollback-strategy never --var wait:int=60 scale.yaml";
    let running = folder.start(line, "Pausing after activity");
    cluster.is_in(crate::cluster::Mood::HangsUp);
    running.signal("INT");
    assert_eq!(running.end().code, 12);
}
