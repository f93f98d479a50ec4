//! What validation may ask of a machine: the same answers always, those of the catalogue among them.
//!
//! The functions are those of the published schema (docs/experiment.schema.json), which a test of ours holds against the
//! catalogue; the drivers themselves need a Kubernetes client, which would take minutes to build.

use serde_json::Value as Json;
use squall_experiment::check::{Knowledge, Known, Parameter};
use std::collections::BTreeMap;

/// A machine with a few programs and variables, and the functions of the schema.
pub(crate) struct Machine {
    modules: BTreeMap<String, BTreeMap<String, Vec<Parameter>>>,
}

impl Machine {
    /// Reads the schema. Functions are its definitions with a dot in their names.
    pub(crate) fn new(schema: &str) -> Result<Machine, serde_json::Error> {
        let schema: Json = serde_json::from_str(schema)?;
        let mut modules: BTreeMap<String, BTreeMap<String, Vec<Parameter>>> = BTreeMap::new();
        for (name, arguments) in schema["$defs"].as_object().into_iter().flatten() {
            let Some((module, function)) = name.rsplit_once('.') else { continue };
            let required: Vec<&str> =
                arguments["required"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
            let properties = arguments["properties"].as_object().into_iter().flatten();
            let parameters = properties.map(|(name, schema)| Parameter {
                name: name.clone(),
                required: required.contains(&name.as_str()),
                schema: schema.clone(),
            });
            let parameters = parameters.collect();
            modules.entry(module.to_owned()).or_default().insert(function.to_owned(), parameters);
        }
        Ok(Machine { modules })
    }

    /// How many functions it knows.
    pub(crate) fn functions(&self) -> usize {
        self.modules.values().map(BTreeMap::len).sum()
    }

    /// Names for the dictionary.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let modules = self.modules.iter();
        modules.flat_map(|(module, functions)| {
            let functions = functions.iter().flat_map(|(name, parameters)| {
                parameters.iter().map(|parameter| parameter.name.as_str()).chain([name.as_str()])
            });
            functions.chain([module.as_str()])
        })
    }
}

/// A few variables, among them some that cannot be converted.
pub(crate) fn variable(name: &str) -> Option<String> {
    let value = match name {
        "HOME" => "/home/ada",
        "PORT" => "8080",
        "EMPTY" => "",
        "RATE" => "1e309",
        "BIG" => "123456789012345678901234567890",
        "JSON" => r#"{"type": "probe", "name": "p", "provider": {"type": "process", "path": "echo"}}"#,
        "LIST" => "a,b,,c",
        "DOLLARS" => "${port} $$ $",
        "TRUE" => "true",
        _ if name.len() % 5 == 1 => name,
        _ => return None,
    };
    Some(value.to_owned())
}

impl Knowledge for Machine {
    fn env(&self, name: &str) -> Option<String> {
        variable(name)
    }

    fn program(&self, path: &str) -> bool {
        ["echo", "true", "sh", "/bin/sh"].contains(&path) || path.len() % 7 == 1
    }

    fn function(&self, module: &str, func: &str) -> Known {
        match self.modules.get(module) {
            None => Known::NoModule(self.modules.keys().cloned().collect()),
            Some(functions) => match functions.get(func) {
                None => Known::NoFunction(functions.keys().cloned().collect()),
                Some(parameters) => Known::Signature(parameters.clone()),
            },
        }
    }
}
