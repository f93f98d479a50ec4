//! Help, version and usage errors. `docs/cli.md` is what the help says.

use crate::folder::Folder;
use expect_test::{expect, expect_file};
use std::fmt::Write as _;

const COMMANDS: &[&str] = &[
    "",
    "run",
    "validate",
    "recover",
    "discover",
    "init",
    "info",
    "settings",
    "settings show",
    "settings get",
    "settings set",
    "settings remove",
    "playground",
    "playground up",
    "playground status",
    "playground down",
    "playground env",
    "playground image",
    "demo",
    "schema",
    "completions",
    "man",
];

/// What no command's help has room for.
const STATE: &str = "
What a run changed, and how that is put back, is kept in a folder: `CHAOS_STATE_DIR` if that is set, else `XDG_STATE_HOME/chaos`,
else `~/.local/state/chaos`. `chaos recover` knows of the runs that are kept there, and of no others. A run in a container needs a
volume there, or what would put its changes back is gone with the container. The folders of runs are not pruned yet: one whose run
left nothing behind may be removed.
";

#[test]
fn the_documentation_is_the_help() {
    let folder = Folder::new();
    let mut page = String::from(
        "# The command line\n\nThis page is what `--help` prints; a test keeps it so (`UPDATE_EXPECT=1 cargo test` writes it anew).\n",
    );
    page += STATE;
    for command in COMMANDS {
        let help = folder.chaos(&format!("{command} --help"));
        assert_eq!((help.code, help.stderr.as_str()), (0, ""), "{command}");
        let name = format!("chaos {command}");
        write!(page, "\n## {}\n\n```text\n{}```\n", name.trim(), help.stdout).unwrap();
    }
    expect_file!["../../../../docs/cli.md"].assert_eq(&page);
}

#[test]
fn the_version_is_one_line() {
    let folder = Folder::new();
    folder.chaos("--version").check(expect![[r#"
        stdout:
        chaos, version VERSION
        exit: 0
    "#]]);
    assert!(!folder.path("chaostoolkit.log").exists());
}

#[test]
fn usage_errors_in_the_toolkits_words() {
    let folder = Folder::new();
    let said: String = [
        "run",
        "run a b",
        "run --nope e.json",
        "run --dry all e.json",
        "run --dry",
        "run --fail-fast=yes e.json",
        "run --hypothesis-frequency often e.json",
        "run --hypothesis-strategy skip e.json",
        "run --var x e.json",
        "run --var x:list=1 e.json",
        "run --var-file gone.json e.json",
        "run --seed many e.json",
        "run --journal e.json",
        "--log-format xml run e.json",
        "--dri run",
        "rnu e.json",
        "discover",
        "info weather",
        "settings forget",
        "settings get",
    ]
    .map(|line| {
        let done = folder.chaos(line);
        assert_eq!((done.code, done.stdout.as_str()), (2, ""), "{line}");
        format!(
            "chaos {line}\n    {}\n",
            done.stderr.trim_end().replace('\n', "\n    ").replace("\n    \n", "\n\n")
        )
    })
    .concat();
    expect![[r#"
        chaos run
            Usage: chaos run [OPTIONS] SOURCE
            Try 'chaos run --help' for help.

            Error: Missing argument 'SOURCE'.
        chaos run a b
            Usage: chaos run [OPTIONS] SOURCE
            Try 'chaos run --help' for help.

            Error: Got unexpected extra argument (b)
        chaos run --nope e.json
            Usage: chaos run [OPTIONS] SOURCE
            Try 'chaos run --help' for help.

            Error: No such option '--nope'.
        chaos run --dry all e.json
            Usage: chaos run [OPTIONS] SOURCE
            Try 'chaos run --help' for help.

            Error: Invalid value for '--dry': 'all' is not one of 'probes', 'actions', 'activities', 'pause'.
        chaos run --dry
            Usage: chaos run [OPTIONS] SOURCE
            Try 'chaos run --help' for help.

            Error: Option '--dry' requires an argument.
        chaos run --fail-fast=yes e.json
            Usage: chaos run [OPTIONS] SOURCE
            Try 'chaos run --help' for help.

            Error: Option '--fail-fast' does not take a value.
        chaos run --hypothesis-frequency often e.json
            Usage: chaos run [OPTIONS] SOURCE
            Try 'chaos run --help' for help.

            Error: Invalid value for '--hypothesis-frequency': 'often' is not a valid float.
        chaos run --hypothesis-strategy skip e.json
            Usage: chaos run [OPTIONS] SOURCE
            Try 'chaos run --help' for help.

            Error: Invalid value for '--hypothesis-strategy': 'skip' is not one of 'default', 'before-method-only', 'after-method-only', 'during-method-only', 'continuously', 'continously'.
        chaos run --var x e.json
            Usage: chaos run [OPTIONS] SOURCE
            Try 'chaos run --help' for help.

            Error: Invalid value for '--var': not enough values to unpack (expected 2, got 1)
        chaos run --var x:list=1 e.json
            Usage: chaos run [OPTIONS] SOURCE
            Try 'chaos run --help' for help.

            Error: Invalid value for '--var': variable type can only be: bool, str, int, float, bytes or json
        chaos run --var-file gone.json e.json
            Usage: chaos run [OPTIONS] SOURCE
            Try 'chaos run --help' for help.

            Error: Invalid value for '--var-file': Path 'gone.json' does not exist.
        chaos run --seed many e.json
            Usage: chaos run [OPTIONS] SOURCE
            Try 'chaos run --help' for help.

            Error: Invalid value for '--seed': invalid digit found in string
        chaos run --journal e.json
            Usage: chaos run [OPTIONS] SOURCE
            Try 'chaos run --help' for help.

            Error: No such option '--journal'. Did you mean '--journal-path'?
        chaos --log-format xml run e.json
            Usage: chaos [OPTIONS] COMMAND [ARGS]...
            Try 'chaos --help' for help.

            Error: Invalid value for '--log-format': 'xml' is not one of 'string', 'json'.
        chaos --dri run
            Usage: chaos [OPTIONS] COMMAND [ARGS]...
            Try 'chaos --help' for help.

            Error: No such option '--dri'.
        chaos rnu e.json
            Usage: chaos [OPTIONS] COMMAND [ARGS]...
            Try 'chaos --help' for help.

            Error: No such command 'rnu'.
        chaos discover
            Usage: chaos discover [OPTIONS] PACKAGE
            Try 'chaos discover --help' for help.

            Error: Missing argument 'PACKAGE'.
        chaos info weather
            Usage: chaos info [OPTIONS] TARGET
            Try 'chaos info --help' for help.

            Error: Invalid value for 'TARGET': 'weather' is not one of 'core', 'settings', 'extensions'.
        chaos settings forget
            Usage: chaos settings [OPTIONS] COMMAND [ARGS]...
            Try 'chaos settings --help' for help.

            Error: No such command 'forget'.
        chaos settings get
            Usage: chaos settings get [OPTIONS] KEY
            Try 'chaos settings get --help' for help.

            Error: Missing argument 'KEY'.
    "#]].assert_eq(&said);
}

#[test]
fn without_a_command_there_is_help_on_stderr() {
    let folder = Folder::new();
    for line in ["", "settings"] {
        let done = folder.chaos(line);
        assert_eq!((done.code, done.stdout.as_str()), (2, ""));
        assert!(done.stderr.contains("Usage: chaos"), "{}", done.stderr);
    }
}

#[test]
fn the_log_file_is_there_once_the_command_is_known() {
    let folder = Folder::new();
    let _ = folder.chaos("run --nope");
    expect![[r#"
        [DEBUG] ###############################################################################
        [DEBUG] Running command 'run'
    "#]]
    .assert_eq(&folder.mask(&folder.read("chaostoolkit.log")));
}
