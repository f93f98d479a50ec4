//! The examples of the repository do what the README says.

use crate::folder::Folder;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// From the repository's root, but with state, log and journal in a folder of the test's own. `start.sh` needs the
/// environment as it is to find the compiler.
fn run(folder: &Folder, options: &str) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chaos"));
    command.args(["--no-log-file", "--settings", "none.yaml", "run", "--journal-path"]);
    command.arg(folder.path("journal.json")).args(options.split_whitespace());
    let output = command
        .arg("examples/first/experiment.yaml")
        .current_dir(root())
        .env("CHAOS_STATE_DIR", folder.path("state"))
        .env("NO_PROXY", "127.0.0.1")
        .output()
        .unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn the_first_experiment_finds_a_weakness() {
    let folder = Folder::new();
    let (code, said) = run(&folder, "");
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("Steady state probe 'shop-answers' is not in the given tolerance"), "{said}");
    assert!(said.contains("a weakness may have been discovered"), "{said}");
    let journal: serde_json::Value = serde_json::from_str(&folder.read("journal.json")).unwrap();
    let after = &journal["steady_states"]["after"]["probes"][0]["output"];
    assert_eq!(after["status"], 500, "{after}");
}

#[test]
fn the_shop_that_reconnects_survives() {
    let folder = Folder::new();
    let (code, said) = run(&folder, "--var reconnects=yes");
    assert_eq!(code, 0, "{said}");
}

#[test]
fn every_example_is_valid() {
    let folder = Folder::new();
    for example in
        ["first/experiment", "kubernetes/terminate-pod", "kubernetes/scale-to-zero", "demo/experiment"]
    {
        let path = root().join(format!("examples/{example}.yaml"));
        let mut command = folder.command("validate --format json");
        let done = folder.done(command.arg(path).env("INGRESS_HOST", "127.0.0.1"));
        assert_eq!(done.code, 0, "{example}: {}", done.stderr);
        let said: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
        assert_eq!(said["diagnostics"].as_array().map(Vec::len), Some(0), "{said}");
    }
}
