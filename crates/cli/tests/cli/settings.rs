//! The settings file, and what is installed.

use crate::folder::Folder;
use expect_test::expect;

const SETTINGS: &str = "# mine\nlist: [{n: 1, name: a}]\nruntime:\n  rollbacks: {strategy: always}\n";

#[test]
fn a_value_is_read_changed_and_removed() {
    let folder = Folder::new().with(".chaostoolkit/settings.yaml", SETTINGS);
    folder.chaos("settings get list[0].name").check(expect![[r#"
        stdout:
        a
        ...
        exit: 0
    "#]]);
    folder.chaos("settings get --format json runtime").check(expect![[r#"
        stdout:
        {
          "rollbacks": {
            "strategy": "always"
          }
        }
        exit: 0
    "#]]);
    folder.chaos("settings get nope").check(expect![[r#"
        exit: 1
    "#]]);
    folder.chaos(r#"settings set runtime.rollbacks.strategy "never""#).check(expect![[r#"
        exit: 0
    "#]]);
    folder.chaos("settings remove list[0]").check(expect![[r#"
        exit: 0
    "#]]);
    folder.chaos("settings set list no").check(expect![[r#"
        stderr:
        [ERROR] the value is not JSON: Expecting value at line 1, column 1; quote text: '"text"'
        exit: 1
    "#]]);
    folder.chaos("settings show").check(expect![[r#"
        stdout:
        list: []
        runtime:
          rollbacks:
            strategy: never
        exit: 0
    "#]]);
    expect![[r#"
        list: []
        runtime:
          rollbacks:
            strategy: never
    "#]]
    .assert_eq(&folder.read(".chaostoolkit/settings.yaml"));
}

#[test]
fn what_is_installed() {
    let folder = Folder::new().with(".chaostoolkit/settings.yaml", SETTINGS);
    folder.chaos("info core").check(expect![[r#"
        stdout:
        NAME                VERSION
        CLI                 VERSION
        Core library        1.44.0
        exit: 0
    "#]]);
    folder.chaos("info settings").check(expect![[r#"
        stdout:
        # mine
        list: [{n: 1, name: a}]
        runtime:
          rollbacks: {strategy: always}
        exit: 0
    "#]]);
    folder.chaos("info extensions").check(expect![[r#"
        stdout:
        NAME                                    VERSION   LICENSE                       DESCRIPTION
        chaostoolkit-kubernetes                 0.39.0    Apache-2.0                    Kubernetes (built in)
        exit: 0
    "#]]);
    folder.chaos("--settings other.yaml info settings").check(expect![[r#"
        stdout:
        No settings file found at other.yaml
        exit: 0
    "#]]);
}
