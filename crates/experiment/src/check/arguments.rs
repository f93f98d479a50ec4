//! The arguments of a function, held against its parameters.

use super::complaints::{Complaint, did_you_mean, item, joined, kind, member};
use super::rules::Rule;
use super::{Checker, Parameter};
use crate::{Object, Value};
use serde_json::Value as Json;

/// Handed to every function that asks for them; naming one among the arguments has no effect.
const INJECTED: &[&str] = &["configuration", "secrets"];

impl Checker<'_> {
    pub(super) fn arguments(
        &mut self,
        path: &str,
        func: &str,
        given: &Object,
        parameters: &[Parameter],
        open: bool,
    ) {
        for parameter in parameters.iter().filter(|parameter| parameter.required) {
            let name = &parameter.name;
            if !given.contains_key(name) && !INJECTED.contains(&name.as_str()) {
                let message = format!("required argument '{name}' is missing from activity '{func}'");
                let unknown = given.keys().filter(|key| parameters.iter().all(|known| known.name != **key));
                let help = super::complaints::nearest(name, unknown.map(String::as_str))
                    .map(|misspelt| format!("is `{misspelt}` meant to be it?"));
                self.say(Complaint::error(Rule::MissingArgument, path, message).help(help));
            }
        }
        for (name, value) in given {
            let at = member(path, name);
            match parameters.iter().find(|parameter| parameter.name == *name) {
                // Python's usual default, whatever the schema says.
                Some(parameter) if value.is_null() && !parameter.required => {}
                Some(parameter) => self.argument(at, value, &parameter.schema),
                None if open || INJECTED.contains(&name.as_str()) => {}
                None => {
                    let message = format!(
                        "argument '{name}' is not part of the function signature in activity '{func}'"
                    );
                    let free: Vec<&str> = parameters
                        .iter()
                        .map(|parameter| parameter.name.as_str())
                        .filter(|free| !given.contains_key(*free) && !INJECTED.contains(free))
                        .collect();
                    let help = did_you_mean(name, free.iter().copied()).or_else(|| others(func, &free));
                    self.say(Complaint::error(Rule::UnknownArgument, at, message).help(help).at_key());
                }
            }
        }
    }

    /// Hints about values without a placeholder that can certainly not be what the schema asks for, at any depth: types, a
    /// list of words, bounds of numbers.
    fn argument(&mut self, path: String, value: &Value, schema: &Json) {
        if value.as_text().is_some_and(|text| text.contains('$')) {
            return;
        }
        let types: Vec<&str> = match schema.get("type") {
            Some(Json::String(one)) => vec![one],
            Some(Json::Array(several)) => several.iter().filter_map(Json::as_str).collect(),
            _ => return,
        };
        if !types.iter().any(|wanted| fits(value, wanted)) {
            let wanted: Vec<&str> =
                types.iter().filter(|wanted| **wanted != "null").map(|wanted| words(wanted)).collect();
            let message = format!("{path}: expected {}, found {}", wanted.join(" or "), kind(value));
            let help = quotes(value, &types).map(str::to_owned);
            return self.say(Complaint::hint(Rule::ArgumentType, path, message).help(help));
        }
        match value {
            Value::Text(text) => self.word(path, text, schema),
            Value::Int(number) => self.bounds(path, *number as f64, schema),
            Value::Float(number) => self.bounds(path, *number, schema),
            Value::List(items) => {
                for (index, value) in items.iter().enumerate() {
                    self.argument(item(&path, index), value, &schema["items"]);
                }
            }
            Value::Object(members) => {
                for (name, value) in members {
                    let own = schema["properties"].get(name).unwrap_or(&schema["additionalProperties"]);
                    self.argument(member(&path, name), value, own);
                }
            }
            _ => {}
        }
    }

    fn word(&mut self, path: String, text: &str, schema: &Json) {
        let Some(Json::Array(allowed)) = schema.get("enum") else { return };
        let allowed: Vec<&str> = allowed.iter().filter_map(Json::as_str).collect();
        if !allowed.contains(&text) {
            let words: Vec<&str> = allowed.iter().copied().filter(|word| !word.is_empty()).collect();
            let message = format!("{path}: expected one of {}, found `{text}`", words.join(", "));
            let help = did_you_mean(text, allowed);
            self.say(Complaint::hint(Rule::ArgumentType, path, message).help(help));
        }
    }

    fn bounds(&mut self, path: String, number: f64, schema: &Json) {
        let bound = |key: &str| schema.get(key).and_then(Json::as_f64);
        let wrong = match (bound("minimum"), bound("maximum")) {
            (Some(least), _) if number < least => format!("at least {least}"),
            (_, Some(most)) if number > most => format!("at most {most}"),
            _ => return,
        };
        let message = format!("{path}: expected {wrong}, found {number}");
        self.say(Complaint::hint(Rule::ArgumentType, path, message));
    }
}

/// The arguments that an unknown one may have been meant to be.
fn others(func: &str, free: &[&str]) -> Option<String> {
    let names: Vec<String> = free.iter().map(|name| format!("`{name}`")).collect();
    (!names.is_empty()).then(|| format!("`{func}` takes {}", joined(&names, "and")))
}

/// What to do when only the quotes are wrong.
fn quotes(value: &Value, types: &[&str]) -> Option<&'static str> {
    match value {
        Value::Bool(_) | Value::Int(_) | Value::Float(_) if types.contains(&"string") => {
            Some("put it in quotes")
        }
        Value::Text(text)
            if types.contains(&"boolean") && matches!(text.as_str(), "true" | "false")
                || types.contains(&"integer") && text.parse::<i64>().is_ok()
                || types.contains(&"number") && text.parse::<f64>().is_ok() =>
        {
            Some("write it without quotes")
        }
        _ => None,
    }
}

fn fits(value: &Value, wanted: &str) -> bool {
    match wanted {
        "null" => value.is_null(),
        "boolean" => value.as_bool().is_some(),
        "integer" => match value {
            Value::Float(number) => number.fract() == 0.0,
            other => matches!(other, Value::Int(_) | Value::Big(_)),
        },
        "number" => matches!(value, Value::Int(_) | Value::Big(_) | Value::Float(_)),
        "string" => matches!(value, Value::Text(_) | Value::Date(_) | Value::Bytes(_)),
        "array" => value.as_list().is_some(),
        "object" => value.as_object().is_some(),
        _ => true,
    }
}

fn words(wanted: &str) -> &str {
    match wanted {
        "boolean" => "a boolean",
        "integer" => "an integer",
        "number" => "a number",
        "string" => "text",
        "array" => "a list",
        "object" => "an object",
        other => other,
    }
}
