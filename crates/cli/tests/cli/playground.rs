//! How `chaos playground up` ends, and how `--detach` tells its own playground from another of its name.

use crate::folder::Folder;
use std::process::Stdio;

const NAMED: &str = ".local/state/chaos/playgrounds/default";

#[test]
fn a_lost_terminal_ends_a_playground_in_order() {
    // Whoever runs the tests may do so under `nohup`, which children inherit.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap_or("0");
    let ignored = u64::from_str_radix(ignored.trim(), 16).unwrap() & 1 == 1;
    let folder = Folder::new();
    let running = folder.start("--no-log-file playground up", "Ctrl-C ends it");
    running.signal(if ignored { "TERM" } else { "HUP" });
    let done = running.end();
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert!(done.stderr.ends_with("The playground has ended\n"), "{}", done.stderr);
    for name in ["kubeconfig", "pid", "ingress"] {
        assert!(!folder.path(NAMED).join(name).exists(), "{name} is left");
    }
}

#[test]
fn of_two_detached_at_once_one_runs_and_the_other_says_so() {
    let folder = Folder::new();
    let start = || {
        let mut command = folder.command("--no-log-file playground up --detach");
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let both = [start(), start()].map(|child| child.wait_with_output().unwrap());
    let down = folder.chaos("--no-log-file playground down");
    assert_eq!(down.code, 0, "{}", down.stderr);
    let mut codes = both.each_ref().map(|done| done.status.code());
    codes.sort_unstable();
    assert_eq!(codes, [Some(0), Some(1)]);
    for done in &both {
        let (stdout, stderr) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        if done.status.success() {
            assert!(stdout.starts_with("export KUBECONFIG="), "{stdout}");
        } else {
            assert_eq!(stderr.matches("ERROR]").count(), 1, "{stderr}");
            assert!(stderr.contains("ERROR] a playground named default runs already; end it"), "{stderr}");
        }
    }
}
