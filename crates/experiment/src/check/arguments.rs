//! The arguments of a function, held against its parameters.

use super::complaints::{Complaint, did_you_mean, kind, member};
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
                    let free = parameters.iter().map(|parameter| parameter.name.as_str());
                    let help = did_you_mean(name, free.filter(|free| !given.contains_key(*free)));
                    self.say(Complaint::error(Rule::UnknownArgument, at, message).help(help).at_key());
                }
            }
        }
    }

    /// A hint if a value without a placeholder can certainly not be what the schema asks for. Only the outermost type and a
    /// list of words are looked at.
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
            return self.say(Complaint::hint(Rule::ArgumentType, path, message));
        }
        if let (Some(text), Some(Json::Array(allowed))) = (value.as_text(), schema.get("enum")) {
            let allowed: Vec<&str> = allowed.iter().filter_map(Json::as_str).collect();
            if !allowed.contains(&text) {
                let message = format!("{path}: expected one of {}, found `{text}`", allowed.join(", "));
                let help = did_you_mean(text, allowed);
                self.say(Complaint::hint(Rule::ArgumentType, path, message).help(help));
            }
        }
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
