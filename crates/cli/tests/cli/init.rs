//! From a discovery to an experiment that can be run.

use crate::folder::{Done, Folder};
use expect_test::expect;
use std::fs::File;

fn answered(folder: &Folder, line: &str, answers: &str) -> Done {
    std::fs::write(folder.path("answers"), answers).unwrap();
    folder.done(folder.command(line).stdin(File::open(folder.path("answers")).unwrap()))
}

#[test]
fn what_was_discovered_becomes_an_experiment() {
    let folder = Folder::new();
    folder.chaos("--native-only discover --no-install chaostoolkit_Kubernetes").check(expect![[r#"
        stderr:
        [INFO] Discovery outcome saved in ./discovery.json
        exit: 0
    "#]]);
    assert!(folder.read("discovery.json").contains("\"mod\": \"chaosk8s.pod.actions\""));
    let done = answered(
        &folder,
        "init --experiment-path e.yaml",
        "Lose a Pod\ny\nIt serves\n0\ny\n2\ny\nshop\n0\n\ny\n6\ny\n\nweb\n\ntrue\n\n\n\n\n\nn\nn\n",
    );
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
    assert!(done.stdout.ends_with("Experiment created and saved in 'e.yaml'\n"), "{}", done.stdout);
    let asked =
        done.stdout.split("Argument's value for ").skip(1).map(|rest| rest.split(": ").next().unwrap());
    let asked: Vec<&str> = asked.collect();
    expect![[r#"
        'name'
        'replicas'
        'ns' [default]
        'label_selector' []
        'name_pattern' []
        'all' [false]
        'rand' [false]
        'mode' [fixed]
        'qty' [1]
        'grace_period' [-1]
        'ns' [default]
        'order' [alphabetic]"#]]
    .assert_eq(&asked.join("\n"));
    expect![[r#"
        title: Lose a Pod
        description: N/A
        tags: []
        steady-state-hypothesis:
            title: It serves
            probes: []
        method:
        -   type: action
            name: scale_deployment
            provider:
                type: python
                module: chaosk8s.actions
                func: scale_deployment
                arguments:
                    name: shop
                    replicas: 0
                    ns: default
        -   type: action
            name: terminate_pods
            provider:
                type: python
                module: chaosk8s.pod.actions
                func: terminate_pods
                arguments:
                    label_selector: null
                    name_pattern: web
                    all: false
                    rand: true
                    mode: fixed
                    qty: 1
                    grace_period: -1
                    ns: default
                    order: alphabetic
    "#]]
    .assert_eq(&folder.read("e.yaml"));
    assert_eq!(folder.chaos("validate e.yaml").code, 0);
}

#[test]
fn packages_that_are_not_there() {
    let folder = Folder::new();
    folder.chaos("discover chaostoolkit-weather").check(expect![[r#"
        stderr:
        [CRITICAL] Package chaostoolkit-weather not found
        exit: 0
    "#]]);
    assert!(!folder.path("discovery.json").exists());
    assert!(folder.read("chaostoolkit.log").contains("built in are chaostoolkit-kubernetes"));
}

#[test]
fn nothing_is_written_of_half_an_experiment() {
    let folder = Folder::new().with("bad.json", "[]").with("worse.json", "{");
    let done = answered(&folder, "init", "t\n");
    assert_eq!((done.code, done.stderr.as_str()), (1, "Aborted!\n"));
    assert!(!folder.path("experiment.json").exists());
    let said = ["bad", "worse"]
        .map(|name| folder.chaos(&format!("init --discovery-path {name}.json")).stderr)
        .concat();
    expect![[r#"
        [ERROR] the discovery bad.json has no `activities`; `chaos discover PACKAGE` writes one
        [ERROR] the discovery worse.json is not JSON: Expecting property name enclosed in double quotes at line 1, column 2; `chaos discover PACKAGE` writes one
    "#]].assert_eq(&said);
    let done = answered(&folder, "init --experiment-path no/where.json", "t\nn\n");
    expect![[r#"
        [ERROR] could not write the experiment no/where.json: No such file or directory (os error 2); --experiment-path PATH takes another place
    "#]].assert_eq(&done.stderr);
}
