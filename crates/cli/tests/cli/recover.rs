//! What runs leave behind, and putting it back.

use crate::folder::Folder;
use expect_test::expect;

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
