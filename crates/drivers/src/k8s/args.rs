//! Arguments as leniently as the Toolkit takes them: their types are looked at only where Python would look at them.
//!
//! Invariant: binding never fails for a wrong type, only for an unknown or a missing name, because the Toolkit validates
//! names and nothing else. What Python would say of a wrong type is said when the activity runs.
//!
//! They are written only as the defaults in an argument's schema, which come from the functions that the decoder asks for them.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize};
use squall_engine::Failure;
use squall_experiment::Value;
use squall_experiment::event::Blame;
use squall_experiment::python::{Exception, Regex, str_of};
use std::borrow::Cow;

/// A text argument. Numbers and booleans are taken as Python writes them; `null` is no text.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(transparent)]
pub(crate) struct Text(#[serde(deserialize_with = "plain")] pub(crate) Value);

impl Text {
    /// The text, unless it is `null` or empty, which for the Toolkit means that none was given.
    pub(crate) fn given(&self) -> Option<String> {
        self.0.is_truthy().then(|| str_of(&self.0))
    }
    /// The text as Python would put it into a message: `None` for `null`.
    pub(crate) fn shown(&self) -> String {
        str_of(&self.0)
    }
}
impl From<&str> for Text {
    fn from(text: &str) -> Text {
        Text(Value::from(text))
    }
}
impl JsonSchema for Text {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({"type": "string"})
    }
}

/// A namespace, `default` when it is not given: never that of the kubeconfig's context.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(transparent)]
pub(crate) struct Namespace(Text);
impl Default for Namespace {
    fn default() -> Namespace {
        Namespace("default".into())
    }
}
impl Namespace {
    /// Its name.
    pub(crate) fn name(&self) -> String {
        self.0.given().unwrap_or_else(|| "default".to_owned())
    }
}
impl JsonSchema for Namespace {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Namespace".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({"type": "string"})
    }
}

/// A switch: on for whatever Python takes for true, so also for the text `"false"`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(transparent)]
pub(crate) struct Flag(#[serde(deserialize_with = "plain")] Value);
impl Flag {
    /// On or off.
    pub(crate) fn is_on(&self) -> bool {
        self.0.is_truthy()
    }
    /// For `#[serde(default = "Flag::on")]`.
    pub(crate) fn on() -> Flag {
        Flag(Value::Bool(true))
    }
    /// For `#[serde(default = "Flag::off")]`.
    pub(crate) fn off() -> Flag {
        Flag(Value::Bool(false))
    }
}
impl JsonSchema for Flag {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Flag".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({"type": "boolean"})
    }
}

/// A whole number, or whatever else was written in its place.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(transparent)]
pub(crate) struct Number(#[serde(deserialize_with = "plain")] pub(crate) Value);
impl From<i64> for Number {
    fn from(number: i64) -> Number {
        Number(Value::Int(number))
    }
}
impl JsonSchema for Number {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Number".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({"type": "integer"})
    }
}

/// What Python would have raised for an argument: the experiment is to blame.
pub(crate) fn raised(exception: Exception) -> Failure {
    Failure::new(Blame::Experiment, exception.text).class(exception.class)
}

/// Any value out of plain JSON, in which no key is special.
pub(crate) fn plain<'de, D: Deserializer<'de>>(from: D) -> Result<Value, D::Error> {
    serde_json::Value::deserialize(from).map(Value::from_json)
}

/// A regular expression; a bad one fails as in Python.
pub(crate) fn compiled(pattern: &str) -> Result<Regex, Failure> {
    Regex::new(pattern).map_err(|error| raised(error.as_exception(pattern)))
}
