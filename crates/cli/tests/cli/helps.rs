//! `chaos schema`, `completions` and `man`: what editors, shells and `man` know of us.

use crate::folder::Folder;
use expect_test::expect_file;
use std::fs;

#[test]
fn the_published_schema_is_what_is_printed() {
    let folder = Folder::new();
    let done = folder.chaos("schema");
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
    expect_file!["../../../../docs/experiment.schema.json"].assert_eq(&done.stdout);
    let schema: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    let known = &schema["$defs"]["chaosk8s.pod.actions.terminate_pods"]["properties"];
    assert!(known["label_selector"]["anyOf"].is_array(), "{known}");
    assert_eq!(fs::read_dir(folder.path("")).unwrap().count(), 0, "it leaves something behind");
}

#[test]
fn shells_know_every_command_and_its_options() {
    let folder = Folder::new();
    for shell in ["bash", "zsh", "fish"] {
        let done = folder.chaos(&format!("completions {shell}"));
        assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{shell}");
        for word in ["run", "playground", "rollback-strategy", "no-verify-tls", "log-file-level"] {
            assert!(done.stdout.contains(word), "{shell} does not know {word}");
        }
    }
    assert_eq!(fs::read_dir(folder.path("")).unwrap().count(), 0, "it leaves something behind");
}

#[test]
fn the_manual_has_a_page_for_every_command() {
    let folder = Folder::new();
    let done = folder.chaos("man share/man1");
    assert_eq!((done.code, done.stdout.as_str(), done.stderr.as_str()), (0, "", ""));
    for page in
        ["chaos", "chaos-run", "chaos-recover", "chaos-settings-get", "chaos-playground-up", "chaos-man"]
    {
        let text = folder.read(&format!("share/man1/{page}.1"));
        assert!(text.contains(".SH NAME") && text.contains(".SH OPTIONS"), "{page}: {text}");
    }
    assert!(folder.read("share/man1/chaos-run.1").contains("rollback\\-strategy"));
    let denied = folder.chaos("man /proc/nowhere");
    assert_eq!(denied.code, 1);
    assert!(denied.stderr.contains("could not write the manual to /proc/nowhere"), "{}", denied.stderr);
}
