//! What is discovered of an extension that is built in, without the extension in Python and with it.

use crate::folder::{Done, Folder};
use expect_test::expect;
use serde_json::Value;

/// The activities of `discovery.json`, each as a line of what is told of its signature; `*` before those that are built in.
fn signatures(folder: &Folder) -> String {
    let discovery: Value = serde_json::from_str(&folder.read("discovery.json")).unwrap();
    let mut lines = String::new();
    for activity in discovery["activities"].as_array().unwrap() {
        let text = |key: &str| activity[key].as_str().unwrap();
        let arguments: Vec<String> = activity["arguments"]
            .as_array()
            .unwrap()
            .iter()
            .map(|argument| {
                let default = argument.get("default").map(|default| format!(" = {default}"));
                format!(
                    "{}: {}{}",
                    argument["name"].as_str().unwrap(),
                    argument["type"].as_str().unwrap(),
                    default.unwrap_or_default()
                )
            })
            .collect();
        let returned = activity.get("return_type").map(|kind| format!(" -> {}", kind.as_str().unwrap()));
        let mark = if activity.get("native").is_some() { "*" } else { "" };
        lines += &format!(
            "{mark}{} {}.{}({}){}\n",
            text("type"),
            text("mod"),
            text("name"),
            arguments.join(", "),
            returned.unwrap_or_default()
        );
    }
    lines
}

/// As the plugin 0.39.0 declares them, but for two whose annotation there says less than is so: what `terminate_pods` returns
/// (nothing is said) and `all_microservices_healthy` (a tuple).
#[test]
fn built_in_functions_have_the_defaults_and_types_of_the_toolkit() {
    let folder = Folder::new();
    assert_eq!(folder.chaos("--native-only discover chaostoolkit-kubernetes").code, 0);
    expect![[r#"
        *action chaosk8s.actions.delete_pods(name: string = null, ns: string = "default", label_selector: string = null, secrets: mapping = null) -> list
        *action chaosk8s.actions.scale_deployment(name: string, replicas: integer, ns: string = "default", secrets: mapping = null)
        *action chaosk8s.actions.start_microservice(spec_path: string, ns: string = "default", secrets: mapping = null)
        *action chaosk8s.deployment.actions.scale_deployment(name: string, replicas: integer, ns: string = "default", secrets: mapping = null)
        *action chaosk8s.pod.actions.delete_pods(name: string = null, ns: string = "default", label_selector: string = null, secrets: mapping = null) -> list
        *action chaosk8s.pod.actions.terminate_pods(label_selector: string = null, name_pattern: string = null, all: boolean = false, rand: boolean = false, mode: string = "fixed", qty: integer = 1, grace_period: integer = -1, ns: string = "default", order: string = "alphabetic", secrets: mapping = null) -> list
        *probe chaosk8s.pod.probes.all_pods_healthy(ns: string = "default", raise_on_any_unhealthy: boolean = true, secrets: mapping = null) -> boolean
        *probe chaosk8s.pod.probes.count_min_pods(label_selector: string, phase: string = "Running", min_count: integer = 2, ns: string = "default", secrets: mapping = null) -> boolean
        *probe chaosk8s.pod.probes.count_pods(label_selector: string, phase: string = null, ns: string = "default", secrets: mapping = null) -> integer
        *probe chaosk8s.pod.probes.pod_is_not_available(name: string, ns: string = "default", label_selector: string = "name in ({name})", raise_on_is_available: boolean = true, secrets: mapping = null) -> boolean
        *probe chaosk8s.pod.probes.pods_in_conditions(label_selector: string, conditions: list, ns: string = "default", raise_on_invalid_conditions: boolean = true, secrets: mapping = null) -> boolean
        *probe chaosk8s.pod.probes.pods_in_phase(label_selector: string, phase: string = "Running", ns: string = "default", raise_on_invalid_phase: boolean = true, secrets: mapping = null) -> boolean
        *probe chaosk8s.pod.probes.pods_not_in_phase(label_selector: string, phase: string = "Running", ns: string = "default", raise_on_in_phase: boolean = true, secrets: mapping = null) -> boolean
        *probe chaosk8s.pod.probes.read_pod_logs(name: string = null, last: object = null, ns: string = "default", from_previous: boolean = false, label_selector: string = "name in ({name})", container_name: string = null, secrets: mapping = null) -> mapping
        *probe chaosk8s.pod.probes.should_be_found_in_logs(pattern: string, all_containers: boolean = true, value: mapping = null, secrets: mapping = null) -> boolean
        *probe chaosk8s.probes.all_microservices_healthy(ns: string = "default", secrets: mapping = null) -> boolean
        *probe chaosk8s.probes.all_pods_healthy(ns: string = "default", raise_on_any_unhealthy: boolean = true, secrets: mapping = null) -> boolean
        *probe chaosk8s.probes.pod_is_not_available(name: string, ns: string = "default", label_selector: string = "name in ({name})", raise_on_is_available: boolean = true, secrets: mapping = null) -> boolean
        *probe chaosk8s.probes.read_microservices_logs(name: string = null, last: object = null, ns: string = "default", from_previous: boolean = false, label_selector: string = "name in ({name})", container_name: string = null, secrets: mapping = null) -> mapping
        *probe chaosk8s.probes.read_pod_logs(name: string = null, last: object = null, ns: string = "default", from_previous: boolean = false, label_selector: string = "name in ({name})", container_name: string = null, secrets: mapping = null) -> mapping
    "#]].assert_eq(&signatures(&folder));
}

/// A folder in which Python finds a `chaostoolkit-kubernetes` of this source.
fn installed(source: &str) -> Folder {
    Folder::new()
        .with("python/chaosk8s/__init__.py", source)
        .with(
            "python/chaostoolkit_kubernetes-0.40.0.dist-info/METADATA",
            "Metadata-Version: 2.1\nName: chaostoolkit-kubernetes\nVersion: 0.40.0\n",
        )
        .with("python/chaostoolkit_kubernetes-0.40.0.dist-info/top_level.txt", "chaosk8s\n")
}

fn discovered(folder: &Folder, line: &str) -> Done {
    folder.done(folder.command(line).env("PYTHONPATH", folder.path("python")))
}

const SOURCE: &str = r#"
def discover(discover_system):
    def activity(kind, name, mod):
        return {"type": kind, "name": name, "mod": mod, "doc": None, "arguments": [{"name": "ns", "default": "default", "type": "string"}]}
    return {"target": "kubernetes", "extension": {"name": "chaostoolkit-kubernetes", "version": "0.40.0"}, "system": discover_system,
            "activities": [activity("action", "scale_deployment", "chaosk8s.deployment.actions"),
                           activity("action", "drain_nodes", "chaosk8s.node.actions"),
                           activity("action", "create_deployment", "chaosk8s.deployment.actions")]}
"#;

#[test]
fn an_installed_extension_adds_what_is_not_built_in() {
    let folder = installed(SOURCE);
    discovered(&folder, "discover --no-system-info chaostoolkit_kubernetes").check(expect![[r#"
        stderr:
        [INFO] Discovery outcome saved in ./discovery.json
        exit: 0
    "#]]);
    let found = signatures(&folder);
    let of_nodes_and_deployments: Vec<&str> =
        found.lines().filter(|line| line.contains(".node.") || line.contains(".deployment.")).collect();
    expect![[r#"
        action chaosk8s.deployment.actions.create_deployment(ns: string = "default")
        *action chaosk8s.deployment.actions.scale_deployment(name: string, replicas: integer, ns: string = "default", secrets: mapping = null)
        action chaosk8s.node.actions.drain_nodes(ns: string = "default")"#]].assert_eq(&of_nodes_and_deployments.join("\n"));
    assert_eq!((found.lines().count(), found.matches('*').count()), (22, 20));
    let discovery: Value = serde_json::from_str(&folder.read("discovery.json")).unwrap();
    assert_eq!(
        (discovery["extension"]["version"].as_str(), &discovery["system"]),
        (Some("0.40.0"), &Value::Bool(false))
    );
}

#[test]
fn modules_that_python_is_asked_for_are_described_by_python() {
    let folder = installed(SOURCE);
    let line = "--prefer-python chaosk8s.deployment.actions discover chaostoolkit-kubernetes";
    assert_eq!(discovered(&folder, line).code, 0);
    let found = signatures(&folder);
    assert!(
        found.contains("\naction chaosk8s.deployment.actions.scale_deployment(ns: string = \"default\")\n"),
        "{found}"
    );
    assert!(found.contains("\n*action chaosk8s.pod.actions.terminate_pods("), "{found}");
}

/// An extension that cannot be asked takes nothing away; nor does a Python that is not there.
#[test]
fn what_is_built_in_is_listed_whatever_python_says() {
    let native = "--native-only";
    let mut said = String::new();
    for (options, source) in [
        (native, SOURCE),
        ("--python /nowhere/python3", SOURCE),
        ("", "raise ImportError(\"no kubernetes\")"),
        ("", "def discover(discover_system): raise ValueError(\"no\")"),
        ("", "def discover(discover_system): return None"),
        ("", "def discover(discover_system): return {\"activities\": 7}"),
    ] {
        let folder = installed(source);
        let done = discovered(&folder, &format!("{options} discover chaostoolkit-kubernetes"));
        assert_eq!((done.code, signatures(&folder).matches('*').count()), (0, 20), "{options} {source}");
        said += &done.stderr;
    }
    expect![[r#"
        [INFO] Discovery outcome saved in ./discovery.json
        [WARNING] only what is built in of chaostoolkit-kubernetes is listed: there is no program `/nowhere/python3` (as --python or the settings name it)
        [INFO] Discovery outcome saved in ./discovery.json
        [WARNING] only what is built in of chaostoolkit-kubernetes is listed: could not load Python module 'chaosk8s': no kubernetes
        [INFO] Discovery outcome saved in ./discovery.json
        [WARNING] only what is built in of chaostoolkit-kubernetes is listed: ValueError: no
        [INFO] Discovery outcome saved in ./discovery.json
        [WARNING] only what is built in of chaostoolkit-kubernetes is listed: its discovery has no activities
        [INFO] Discovery outcome saved in ./discovery.json
        [WARNING] only what is built in of chaostoolkit-kubernetes is listed: its discovery has no activities
        [INFO] Discovery outcome saved in ./discovery.json
    "#]].assert_eq(&said);
}
