//! The format of an experiment as a JSON Schema (draft 2020-12), for editors and other programs.
//!
//! Invariant: a document that validation has nothing to say about is valid by it. The schema is as strict as validation's errors
//! and hints together, as far as a schema can be: what it cannot see (the environment, where a `ref` leads) it lets pass.

use crate::check::Parameter;
use serde_json::{Map, Value as Json, json};

/// A function that a Python activity can name.
#[derive(Clone, Debug)]
pub struct Function {
    /// `chaosk8s.pod.actions`.
    pub module: String,
    /// `terminate_pods`.
    pub func: String,
    /// What it does, in a line.
    pub summary: String,
    /// Its arguments.
    pub parameters: Vec<Parameter>,
}

/// The schema, with the arguments of these functions.
pub fn schema(functions: &[Function]) -> Json {
    let mut schema = document();
    schema["$defs"] = definitions(functions);
    schema
}

fn document() -> Json {
    closed(json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Experiment",
        "description": "An experiment of the Chaos Toolkit, as Squall runs it.",
        "type": "object",
        "required": ["title", "description", "method"],
        "properties": {
            "title": {"$ref": "#/$defs/text", "description": "What is believed of the system, as a question or a statement."},
            "description": {"$ref": "#/$defs/text", "description": "Why this is worth knowing, and what is done."},
            "version": {"description": "Of the experiment's format; not read."},
            "dry": {
                "description": "What a run leaves out unless `chaos run --dry` says otherwise; true is activities.",
                "enum": ["probes", "actions", "activities", "pause", true, false, null],
            },
            "tags": {"description": "Words to find it by.", "type": "array", "items": {"type": "string", "minLength": 1}},
            "contributions": {
                "description": "What the experiment contributes to (reliability, security, …), and how much.",
                "type": "object",
            },
            "extensions": {
                "description": "What others keep in an experiment; each has a name.",
                "type": "array",
                "items": {
                    "type": "object", "required": ["name"],
                    "properties": {"name": {"type": "string", "pattern": "\\S"}},
                },
            },
            "configuration": {
                "description": "Values that `${name}` stands for elsewhere in the experiment.",
                "type": "object",
                "additionalProperties": {"$ref": "#/$defs/configuration"},
            },
            "secrets": {
                "description": "Groups of secrets, named by the `secrets` of providers.",
                "type": "object",
                "additionalProperties": {"type": "object", "additionalProperties": {"$ref": "#/$defs/secret"}},
            },
            "controls": {"$ref": "#/$defs/controls"},
            "runtime": closed(json!({
                "description": "How it is run unless the command line says otherwise.",
                "type": ["object", "null"],
                "properties": {
                    "hypothesis": hypothesis_strategy(),
                    "rollbacks": strategy(
                        "When the rollbacks are played.",
                        &["default", "always", "never", "deviated"],
                    ),
                    "undo": {
                        "description": "When what was changed is put back at the end: auto, after a run that failed, was aborted or interrupted.",
                        "enum": ["auto", "always", null],
                    },
                    "strict": {
                        "description": "Whether a failed activity of the method or of the rollbacks fails the run; false unless set.",
                        "type": ["boolean", "null"],
                    },
                },
            })),
            "steady-state-hypothesis": closed(json!({
                "description": "What the system looks like when all is well: looked at before and after the method.",
                "type": "object",
                "required": ["title"],
                "properties": {
                    "title": {"$ref": "#/$defs/text"},
                    "description": {},
                    "controls": {"$ref": "#/$defs/controls"},
                    "probes": {"type": "array", "items": {"$ref": "#/$defs/hypothesis-probe"}},
                },
            })),
            "method": {
                "description": "What is done to the system, and looked at meanwhile, in this order. It may be empty.",
                "type": "array",
                "items": {"$ref": "#/$defs/activity"},
            },
            "rollbacks": {
                "description": "What is done at the end to have the system as it was.",
                "type": "array",
                "items": {"$ref": "#/$defs/activity"},
            },
        },
    }))
}

fn definitions(functions: &[Function]) -> Json {
    let mut definitions = json!({
        "text": {"type": ["string", "number", "boolean"], "not": {"enum": ["", 0, false]}},
        "placeholder": {
            "description": "`${name}` of a configuration or a secret.",
            "type": "string",
            "pattern": "\\$",
        },
        "seconds": {
            "anyOf": [{"type": ["number", "null"], "minimum": 0}, {"$ref": "#/$defs/placeholder"}],
        },
        "configuration": {
            "description": "A value, or where it comes from: an environment variable (`type: env`) or a probe (`type: probe`).",
            "if": of_type("env"),
            "then": closed(json!({
                "required": ["key"],
                "properties": {
                    "type": {},
                    "key": {"description": "The environment variable.", "type": "string"},
                    "default": {"description": "If the variable is not set."},
                    "env_var_type": {
                        "description": "What its text is converted to.",
                        "enum": ["str", "string", "int", "integer", "float", "number", "bool", "bytes", "json"],
                    },
                    "description": {},
                },
            })),
        },
        "secret": {
            "description": "A value, or where it comes from: an environment variable (`type: env`) or Vault (`type: vault`).",
            "allOf": [
                {
                    "if": of_type("env"),
                    "then": closed(json!({
                        "required": ["key"],
                        "properties": {"type": {}, "key": {"type": "string"}, "description": {}},
                    })),
                },
                {
                    "if": of_type("vault"),
                    "then": closed(json!({
                        "required": ["path"],
                        "properties": {"type": {}, "path": {"type": "string"}, "key": {}, "description": {}},
                    })),
                },
            ],
        },
        "controls": {
            "description": "Code that is called before and after.",
            "type": "array",
            "items": closed(json!({
                "type": "object",
                "properties": {
                    "name": {},
                    "description": {},
                    "ref": {"description": "The name of a control that is declared elsewhere."},
                    "scope": {"enum": ["before", "after", null, ""]},
                    "automatic": {"type": "boolean"},
                    "provider": closed(json!({
                        "type": "object",
                        "required": ["module"],
                        "properties": {
                            "type": {"const": "python"},
                            "module": {"type": "string", "minLength": 1},
                            "arguments": {},
                            "secrets": {},
                        },
                    })),
                },
                "if": {"required": ["ref"]},
                "else": {"required": ["name", "provider"]},
            })),
        },
        "activity": closed(json!({
            "type": "object",
            "minProperties": 1,
            "properties": {
                "type": {
                    "description": "A probe looks at the system, an action changes it.",
                    "enum": ["probe", "action"],
                },
                "name": {"$ref": "#/$defs/text"},
                "description": {},
                "provider": {"$ref": "#/$defs/provider"},
                "tolerance": {"description": "What the probe's output must be; in the hypothesis."},
                "background": {"description": "Whether the next activity begins at once.", "type": "boolean"},
                "pauses": closed(json!({
                    "description": "Seconds to wait.",
                    "type": "object",
                    "properties": {"before": {"$ref": "#/$defs/seconds"}, "after": {"$ref": "#/$defs/seconds"}},
                })),
                "timeout": {"description": "No effect here; the one of the provider has.", "deprecated": true},
                "dry": {
                    "description": "Whether it is left out (true) or executed (false) whatever the dry mode of the run.",
                    "type": ["boolean", "null"],
                },
                "strict": {
                    "description": "Whether its failure fails the run (in the method and among the rollbacks), whatever the run says.",
                    "type": ["boolean", "null"],
                },
                "controls": {"$ref": "#/$defs/controls"},
                "ref": {
                    "description": "The name of an activity that is played here again.",
                    "type": ["string", "null"],
                    "minLength": 1,
                },
            },
            "if": {"required": ["ref"], "properties": {"ref": {"type": "string"}}},
            "else": {"required": ["type", "name", "provider"]},
        })),
        "hypothesis-probe": {
            "allOf": [{"$ref": "#/$defs/activity"}],
            "required": ["tolerance"],
            "properties": {"tolerance": {"$ref": "#/$defs/tolerance"}},
        },
        "tolerance": {
            "description": "A value, a list of values, or an object with a `type`: regex, jsonpath, range, probe.",
            "if": {"type": "object"},
            "then": {
                "required": ["type"],
                "properties": {"type": {"enum": ["probe", "regex", "jsonpath", "range"]}},
                "allOf": [
                    kind_of_tolerance("regex", "pattern", json!({"pattern": {"type": "string"}})),
                    kind_of_tolerance("jsonpath", "path", json!({
                        "path": {"type": "string"}, "count": {}, "expect": {},
                    })),
                    kind_of_tolerance("range", "range", json!({
                        "range": {"type": "array", "minItems": 2, "maxItems": 2},
                    })),
                    {"if": of_type("probe"), "then": {"$ref": "#/$defs/activity"}},
                ],
            },
        },
        "provider": {
            "type": "object",
            "required": ["type"],
            "properties": {"type": {"enum": ["python", "process", "http"]}},
            "allOf": [
                {"if": of_type("python"), "then": python(functions)},
                {"if": of_type("process"), "then": closed(json!({
                    "required": ["path"],
                    "properties": {
                        "type": {},
                        "path": {"description": "The program alone.", "type": "string", "minLength": 1},
                        "arguments": {
                            "description": "A list, or one text for the shell.",
                            "type": ["array", "string", "object", "null"],
                        },
                        "timeout": {"$ref": "#/$defs/seconds"},
                        "secrets": {"$ref": "#/$defs/targets"},
                    },
                }))},
                {"if": of_type("http"), "then": closed(json!({
                    "required": ["url"],
                    "properties": {
                        "type": {},
                        "url": {"type": "string", "minLength": 1},
                        "method": {"description": "GET unless set.", "type": "string"},
                        "headers": {"type": ["object", "null"], "additionalProperties": {"type": ["string", "null"]}},
                        "arguments": {"description": "The query of a GET, the body of the others."},
                        "timeout": {
                            "description": "Seconds, or two: to connect and to read.",
                            "anyOf": [
                                {"$ref": "#/$defs/seconds"},
                                {
                                    "type": "array", "minItems": 2, "maxItems": 2,
                                    "items": {"$ref": "#/$defs/seconds"},
                                },
                            ],
                        },
                        "verify_tls": {"description": "Whether the server's certificate is verified; true unless set."},
                        "max_retries": {"description": "How often a failed connection is tried again; 0 unless set."},
                        "keep_alive": {
                            "description": "`true`: the connection is left open for the next such call, for a second at most. `false`: each call opens one of its own. Unless set, a probe shares one only with those that follow it at once.",
                            "anyOf": [{"type": ["boolean", "null"]}, {"$ref": "#/$defs/placeholder"}],
                        },
                        "secrets": {"$ref": "#/$defs/targets"},
                    },
                }))},
            ],
        },
        "targets": {
            "description": "Names of groups of the experiment's secrets.",
            "type": ["array", "null"],
            "items": {"type": "string"},
        },
    });
    for function in functions {
        definitions[name(function)] = arguments(function);
    }
    definitions
}

/// An object that has no other keys than those of its `properties`, but the author's own (`x-…`).
fn closed(mut schema: Json) -> Json {
    schema["patternProperties"] = json!({"^x-": {}});
    schema["additionalProperties"] = false.into();
    schema
}

fn of_type(kind: &str) -> Json {
    json!({"type": "object", "required": ["type"], "properties": {"type": {"const": kind}}})
}

fn strategy(description: &str, words: &[&str]) -> Json {
    closed(json!({
        "description": description,
        "type": "object",
        "properties": {"strategy": {"enum": words}},
    }))
}

fn hypothesis_strategy() -> Json {
    let mut section = strategy(
        "When the hypothesis is looked at.",
        &["default", "before-method-only", "after-method-only", "during-method-only", "continuously", "skip"],
    );
    section["properties"]["fail_fast"] = json!({
        "description": "Whether a hypothesis that is looked at during the method ends it when it is not met.",
        "type": ["boolean", "null"],
    });
    section["properties"]["fail_fast_ratio"] = json!({
        "description": "The share of the looks that must not have been met for that; 0, the first, unless set.",
        "type": ["number", "null"], "minimum": 0, "maximum": 1,
    });
    section
}

fn kind_of_tolerance(kind: &str, required: &str, own: Json) -> Json {
    let mut properties = json!({"type": {}, "name": {}, "target": {}});
    for (name, schema) in own.as_object().into_iter().flatten() {
        properties[name] = schema.clone();
    }
    json!({"if": of_type(kind), "then": closed(json!({"required": [required], "properties": properties}))})
}

/// The provider of a function: any module may be named, for extensions are code of others; those that are built in are known.
fn python(functions: &[Function]) -> Json {
    let mut modules: Vec<&str> = functions.iter().map(|function| function.module.as_str()).collect();
    modules.dedup();
    let mut cases: Vec<Json> = modules
        .iter()
        .map(|module| {
            let of_module = functions.iter().filter(|function| function.module == *module);
            let known: Vec<Json> = of_module
                .map(|function| json!({"const": function.func, "description": function.summary}))
                .collect();
            json!({
                "if": {"required": ["module"], "properties": {"module": {"const": module}}},
                "then": {"properties": {"func": {"anyOf": known}}},
            })
        })
        .collect();
    cases.extend(functions.iter().map(|function| {
        let needs = function.parameters.iter().any(|parameter| parameter.required);
        let required = if needs { json!(["arguments"]) } else { json!([]) };
        json!({
            "if": {
                "required": ["module", "func"],
                "properties": {"module": {"const": function.module}, "func": {"const": function.func}},
            },
            "then": {
                "required": required,
                "properties": {"arguments": {"$ref": format!("#/$defs/{}", name(function))}},
            },
        })
    }));
    closed(json!({
        "required": ["module", "func"],
        "properties": {
            "type": {},
            "module": {"anyOf": [{"enum": modules}, {"type": "string", "minLength": 1}]},
            "func": {"type": "string", "minLength": 1},
            "arguments": {},
            "secrets": {"$ref": "#/$defs/targets"},
        },
        "allOf": cases,
    }))
}

fn name(function: &Function) -> String {
    format!("{}.{}", function.module, function.func)
}

/// The arguments of a function: each as its schema says, or with a placeholder; what has a default may be null.
fn arguments(function: &Function) -> Json {
    let mut properties = Map::new();
    for injected in ["configuration", "secrets"] {
        properties.insert(injected.to_owned(), json!({}));
    }
    for parameter in &function.parameters {
        let mut schema = parameter.schema.clone();
        // What is said of the whole argument, not of one of its forms.
        let whole: Vec<(&str, Json)> = ["description", "default"]
            .into_iter()
            .filter_map(|key| Some((key, schema.as_object_mut()?.remove(key)?)))
            .collect();
        let mut choices = vec![schema, json!({"$ref": "#/$defs/placeholder"})];
        if !parameter.required {
            choices.push(json!({"type": "null"}));
        }
        let mut property = json!({"anyOf": choices});
        for (key, said) in whole {
            property[key] = said;
        }
        properties.insert(parameter.name.clone(), property);
    }
    let required: Vec<&str> = function
        .parameters
        .iter()
        .filter(|parameter| parameter.required)
        .map(|parameter| parameter.name.as_str())
        .collect();
    json!({
        "description": function.summary,
        "type": "object",
        "required": required,
        "properties": properties,
        "additionalProperties": false,
    })
}
