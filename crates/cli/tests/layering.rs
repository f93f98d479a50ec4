//! Which of our crates may know which, and what each must not know at all.
//!
//! Absences cannot be seen in code, so they are tables here, held against `cargo metadata`. A crate that is in no
//! table fails too: whoever adds a room says what it may see. Dependencies count whatever their kind, tests' included.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

/// Each crate of ours, and the crates of ours that it may depend on.
const ALLOWED: &[(&str, &[&str])] = &[
    ("squall-experiment", &[]),
    ("squall-engine", &["squall-experiment"]),
    ("squall-report", &["squall-experiment"]),
    ("squall-drivers", &["squall-engine", "squall-experiment"]),
    ("squall-playground", &[]),
    (
        "squall-cli",
        &["squall-drivers", "squall-engine", "squall-report", "squall-experiment", "squall-playground"],
    ),
];

/// Other people's crates that would bring in what a crate must not know.
const ABSENT: &[(&str, &[&str])] = &[
    // No I/O, no clock: bytes and values in, values out.
    ("squall-experiment", &["tokio", "rustix", "hyper", "kube", "clap"]),
    // Knows no Kubernetes, no HTTP, no terminal.
    ("squall-engine", &["kube", "k8s-openapi", "hyper", "http", "clap", "anstream", "anstyle"]),
    // Only events: no cluster, nothing that runs.
    ("squall-report", &["tokio", "kube", "k8s-openapi", "hyper", "clap"]),
    // Imitates Kubernetes from Kubernetes' behaviour: no client's types, no command line.
    ("squall-playground", &["kube", "k8s-openapi", "clap"]),
    // No command line, no wording of a terminal.
    ("squall-drivers", &["clap", "anstream", "anstyle", "annotate-snippets"]),
];

/// The workspace's crates with the names of their direct dependencies.
fn workspace() -> Vec<(String, BTreeSet<String>)> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let name = |package: &Value| package["name"].as_str().unwrap().to_owned();
    metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| {
            (name(package), package["dependencies"].as_array().unwrap().iter().map(name).collect())
        })
        .collect()
}

/// What stands for `name` in a table.
fn line<'t>(table: &[(&str, &'t [&'t str])], name: &str) -> Option<&'t [&'t str]> {
    table.iter().find(|(crate_name, _)| *crate_name == name).map(|(_, names)| *names)
}

#[test]
fn crates_know_only_what_they_may() {
    let crates = workspace();
    let ours: BTreeSet<&str> = crates.iter().map(|(name, _)| name.as_str()).collect();
    let mut complaints = Vec::new();
    for (name, dependencies) in &crates {
        let Some(allowed) = line(ALLOWED, name) else {
            complaints.push(format!("{name} has no line in ALLOWED"));
            continue;
        };
        for dependency in dependencies {
            if ours.contains(dependency.as_str()) && !allowed.contains(&dependency.as_str()) {
                complaints.push(format!("{name} must not know {dependency}"));
            }
        }
        for absent in line(ABSENT, name).unwrap_or_default() {
            if dependencies.contains(*absent) {
                complaints.push(format!("{name} must do without {absent}"));
            }
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}
