//! What validation binds against: the names of parameters, and which are required, are those of the Toolkit's functions.

use schemars::SchemaGenerator;
use squall_drivers::CATALOG;
use squall_engine::spec::{Lookup, Shape};
use squall_experiment::load::{Format, load};
use std::collections::BTreeSet;

/// Each function and its parameters, `!` after those that are required, as the plugin 0.39.0 declares them.
const SIGNATURES: &[(&str, &str)] = &[
    ("chaosk8s.actions.delete_pods", "name ns label_selector"),
    ("chaosk8s.actions.scale_deployment", "name! replicas! ns"),
    ("chaosk8s.actions.start_microservice", "spec_path! ns"),
    ("chaosk8s.deployment.actions.scale_deployment", "name! replicas! ns"),
    ("chaosk8s.pod.actions.delete_pods", "name ns label_selector"),
    (
        "chaosk8s.pod.actions.terminate_pods",
        "label_selector name_pattern all rand mode qty grace_period ns order",
    ),
    ("chaosk8s.pod.probes.all_pods_healthy", "ns raise_on_any_unhealthy"),
    ("chaosk8s.pod.probes.count_min_pods", "label_selector! phase min_count ns"),
    ("chaosk8s.pod.probes.count_pods", "label_selector! phase ns"),
    ("chaosk8s.pod.probes.pod_is_not_available", "name! ns label_selector raise_on_is_available"),
    ("chaosk8s.pod.probes.pods_in_conditions", "label_selector! conditions! ns raise_on_invalid_conditions"),
    ("chaosk8s.pod.probes.pods_in_phase", "label_selector! phase ns raise_on_invalid_phase"),
    ("chaosk8s.pod.probes.pods_not_in_phase", "label_selector! phase ns raise_on_in_phase"),
    ("chaosk8s.pod.probes.read_pod_logs", "name last ns from_previous label_selector container_name"),
    ("chaosk8s.pod.probes.should_be_found_in_logs", "pattern! all_containers value"),
    ("chaosk8s.probes.all_microservices_healthy", "ns"),
    ("chaosk8s.probes.all_pods_healthy", "ns raise_on_any_unhealthy"),
    ("chaosk8s.probes.pod_is_not_available", "name! ns label_selector raise_on_is_available"),
    ("chaosk8s.probes.read_microservices_logs", "name last ns from_previous label_selector container_name"),
    ("chaosk8s.probes.read_pod_logs", "name last ns from_previous label_selector container_name"),
];

#[test]
fn parameters_are_those_of_the_toolkit() {
    for (function, parameters) in SIGNATURES {
        let (module, name) = function.rsplit_once('.').unwrap();
        let Lookup::Found(entry) = CATALOG.function(module, name) else { panic!("there is no {function}") };
        let mut generator = SchemaGenerator::default();
        let schema = (entry.schema)(&mut generator).to_value();
        let definitions = serde_json::to_value(generator.definitions()).unwrap();
        let schema = match schema["$ref"].as_str() {
            Some(path) => definitions[path.rsplit('/').next().unwrap()].clone(),
            None => schema,
        };
        let required: BTreeSet<&str> =
            schema["required"].as_array().into_iter().flatten().map(|name| name.as_str().unwrap()).collect();
        let ours: BTreeSet<String> = schema["properties"]
            .as_object()
            .unwrap()
            .keys()
            .map(|name| if required.contains(name.as_str()) { format!("{name}!") } else { name.clone() })
            .collect();
        let theirs: BTreeSet<String> = parameters.split(' ').map(str::to_owned).collect();
        assert_eq!(ours, theirs, "{function}");
    }
    let aliases = CATALOG
        .entries
        .iter()
        .flat_map(|entry| entry.spec.aliases)
        .filter(|name| name.starts_with("chaosk8s."));
    assert_eq!(aliases.count(), SIGNATURES.len(), "each alias is in the table");
}

/// `chaos discover`, `chaos init` and `chaos schema` show the schema's; a type that cannot be written has none there.
#[test]
fn defaults_are_in_the_schemas() {
    for entry in CATALOG.entries.iter().filter(|entry| entry.spec.shape == Shape::Function) {
        for parameter in entry.parameters() {
            let shown = parameter.schema.get("default");
            assert_eq!(shown.is_none(), parameter.required, "{} of {}", parameter.name, entry.spec.name);
        }
    }
}

#[test]
fn examples_can_be_used() {
    for entry in CATALOG.entries.iter().filter(|entry| entry.spec.shape == Shape::Function) {
        let example = load(entry.spec.example.as_bytes(), Format::Yaml).unwrap().document;
        assert!((entry.bind)(example.to_json()).is_ok(), "{}", entry.spec.name);
        assert!(!entry.spec.summary.is_empty() && !entry.spec.docs.is_empty(), "{}", entry.spec.name);
    }
}
