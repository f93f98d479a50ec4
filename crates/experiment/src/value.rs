//! The one value type of experiments, outputs and events: what Python's JSON and YAML readers can produce.
//!
//! Invariant: a value that was read is written back as the Toolkit would write it, so integers have no size limit, `NaN`
//! and infinities exist, dates stay dates, and objects keep the order of their keys. Serde's form of a [`Value`] (used in
//! the event log) is lossless: what plain JSON cannot hold is written as an object with a single key such as `$float`.
//!
//! Not here: reading and writing JSON or YAML text, Python's `str()` and comparisons.

use base64::Engine as _;
use indexmap::IndexMap;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// An object: keys in the order of the document. Most are small, and many are made, so their hashes are quick ones (with a seed
/// of the process, for they may come from a server).
pub type Object = IndexMap<String, Value, foldhash::fast::RandomState>;

/// What a document, an output or an argument holds.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Value {
    /// `null`, YAML's `~`.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer that fits 64 bits.
    Int(i64),
    /// Any other integer, as decimal digits with an optional minus sign, no leading zeros.
    Big(String),
    /// A floating-point number, `NaN` and infinities included.
    Float(f64),
    /// Text.
    Text(String),
    /// Bytes, which only `env_var_type: bytes` and YAML's `!!binary` make.
    Bytes(Vec<u8>),
    /// A YAML date or timestamp in ISO form as Python's `isoformat()` gives it: `2020-02-29`,
    /// `2020-02-29T12:30:15+00:00`.
    Date(String),
    /// A list.
    List(Vec<Value>),
    /// An object.
    Object(Object),
}

impl Value {
    /// The text, if this is text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The object, if this is one.
    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Value::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The items, if this is a list.
    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// The boolean, if this is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(flag) => Some(*flag),
            _ => None,
        }
    }

    /// The value under `key`, if this is an object that has it.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_object()?.get(key)
    }

    /// Whether this is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// Whether Python would take it for true: not null, false, zero, or empty.
    pub fn is_truthy(&self) -> bool {
        match self {
            Value::Null => false,
            Value::Bool(flag) => *flag,
            Value::Int(number) => *number != 0,
            Value::Big(_) | Value::Date(_) => true,
            Value::Float(number) => *number != 0.0,
            Value::Text(text) => !text.is_empty(),
            Value::Bytes(bytes) => !bytes.is_empty(),
            Value::List(items) => !items.is_empty(),
            Value::Object(object) => !object.is_empty(),
        }
    }

    /// How deeply its form in the event log nests; a scalar is 0 or, tagged, 1.
    pub fn depth(&self) -> usize {
        // Whatever makes a value bounds its depth well below what the stack holds (`draft::MAX_DEPTH`).
        match self {
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Text(_) => 0,
            Value::Big(_) | Value::Float(_) | Value::Bytes(_) | Value::Date(_) => 1,
            Value::List(items) => 1 + items.iter().map(Value::depth).max().unwrap_or(0),
            Value::Object(object) => {
                let wrapper = usize::from(is_tag(object));
                1 + wrapper + object.values().map(Value::depth).max().unwrap_or(0)
            }
        }
    }

    /// Plain JSON for typed arguments: dates become text, bytes text (lossily), integers beyond 64 bits floats, `NaN` and
    /// infinities null.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match self {
            Value::Null => Json::Null,
            Value::Bool(flag) => Json::Bool(*flag),
            Value::Int(number) => Json::from(*number),
            Value::Big(digits) => match digits.parse::<u64>() {
                Ok(number) => Json::from(number),
                Err(_) => Json::from(digits.parse::<f64>().unwrap_or(f64::INFINITY)),
            },
            Value::Float(number) => Json::from(*number),
            Value::Text(text) | Value::Date(text) => Json::String(text.clone()),
            Value::Bytes(bytes) => Json::String(String::from_utf8_lossy(bytes).into_owned()),
            Value::List(items) => Json::Array(items.iter().map(Value::to_json).collect()),
            Value::Object(object) => {
                Json::Object(object.iter().map(|(k, v)| (k.clone(), v.to_json())).collect())
            }
        }
    }

    /// From plain JSON: no key is special.
    pub fn from_json(json: serde_json::Value) -> Value {
        use serde_json::Value as Json;
        match json {
            Json::Null => Value::Null,
            Json::Bool(flag) => Value::Bool(flag),
            Json::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
                (Some(number), _, _) => Value::Int(number),
                (None, Some(number), _) => Value::Big(number.to_string()),
                (None, None, float) => Value::Float(float.unwrap_or(f64::NAN)),
            },
            Json::String(text) => Value::Text(text),
            Json::Array(items) => Value::List(items.into_iter().map(Value::from_json).collect()),
            Json::Object(object) => {
                Value::Object(object.into_iter().map(|(k, v)| (k, Value::from_json(v))).collect())
            }
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.to_owned())
    }
}
impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(text)
    }
}
impl From<bool> for Value {
    fn from(flag: bool) -> Value {
        Value::Bool(flag)
    }
}
impl From<i64> for Value {
    fn from(number: i64) -> Value {
        Value::Int(number)
    }
}
impl From<f64> for Value {
    fn from(number: f64) -> Value {
        Value::Float(number)
    }
}
impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Value {
        Value::List(items)
    }
}
impl From<Object> for Value {
    fn from(object: Object) -> Value {
        Value::Object(object)
    }
}

fn tagged<S: Serializer, T: Serialize + ?Sized>(to: S, tag: &str, value: &T) -> Result<S::Ok, S::Error> {
    let mut map = to.serialize_map(Some(1))?;
    map.serialize_entry(tag, value)?;
    map.end()
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Null => to.serialize_unit(),
            Value::Bool(flag) => to.serialize_bool(*flag),
            Value::Int(number) => to.serialize_i64(*number),
            Value::Big(digits) => tagged(to, "$int", digits),
            Value::Float(number) if reads_back(*number) => to.serialize_f64(*number),
            Value::Float(number) => tagged(to, "$float", &number.to_string()),
            Value::Text(text) => to.serialize_str(text),
            Value::Bytes(bytes) => {
                tagged(to, "$bytes", &base64::engine::general_purpose::STANDARD.encode(bytes))
            }
            Value::Date(text) => tagged(to, "$date", text),
            Value::List(items) => to.collect_seq(items),
            Value::Object(object) if is_tag(object) => tagged(to, "$object", &Plain(object)),
            Value::Object(object) => to.collect_map(object),
        }
    }
}

/// The keys that mark what plain JSON cannot hold.
const TAGS: [&str; 5] = ["$int", "$float", "$bytes", "$date", "$object"];

/// An object which could be read as one of our tags, so it has to be wrapped. One that begins with `$object` is read as a
/// wrapper before it is known whether more follows.
fn is_tag(object: &Object) -> bool {
    match object.first() {
        Some((key, _)) if key == "$object" => true,
        Some((key, _)) => object.len() == 1 && TAGS.contains(&key.as_str()),
        None => false,
    }
}

/// Whether a JSON number is this number again: infinities and `NaN` have none, and the reader of the log is quick rather than
/// exact with many digits or a large exponent.
fn reads_back(number: f64) -> bool {
    let few_digits = number.fract() == 0.0 && number.abs() < 1e15;
    few_digits
        || number.is_finite()
            && serde_json::to_string(&number)
                .and_then(|text| serde_json::from_str::<f64>(&text))
                .is_ok_and(|back| back.to_bits() == number.to_bits())
}

/// Serde's form of a number that need not be finite, as a field of an event: that of [`Value::Float`].
pub(crate) mod float {
    use super::{Deserialize, Deserializer, Serialize, Serializer, Value};
    use serde::de::Error as _;

    pub(crate) fn serialize<S: Serializer>(number: &f64, to: S) -> Result<S::Ok, S::Error> {
        Value::Float(*number).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        match Value::deserialize(from)? {
            Value::Float(number) => Ok(number),
            Value::Int(number) => Ok(number as f64),
            // What versions before wrote for a number that JSON has no word for.
            Value::Null => Ok(f64::NAN),
            other => Err(D::Error::custom(format!("expected a number, found {other:?}"))),
        }
    }
}

struct Plain<'a>(&'a Object);
impl Serialize for Plain<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Value, D::Error> {
        from.deserialize_any(Reader)
    }
}

struct Reader;
impl<'de> Visitor<'de> for Reader {
    type Value = Value;
    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any value")
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        Value::deserialize(from)
    }
    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }
    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Int(number))
    }
    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(i64::try_from(number).map_or_else(|_| Value::Big(number.to_string()), Value::Int))
    }
    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Float(number))
    }
    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }
    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(text))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = from.next_element()? {
            items.push(item);
        }
        Ok(Value::List(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        // The members are read as they are; the wrapper of an object that looks like a tag is taken off below, one layer.
        let mut object = Object::default();
        while let Some(key) = from.next_key::<String>()? {
            let value = if key == "$object" && object.is_empty() {
                Value::Object(from.next_value::<Untagged>()?.0)
            } else {
                from.next_value()?
            };
            object.insert(key, value);
        }
        // Small objects would take up to twice their size, and the journal holds a whole experiment of them.
        object.shrink_to_fit();
        if object.len() != 1 {
            return Ok(Value::Object(object));
        }
        let tag = object.keys().next().map(String::as_str).unwrap_or_default();
        match (tag, object.values().next()) {
            ("$int", Some(Value::Text(digits))) => Ok(Value::Big(digits.clone())),
            ("$float", Some(Value::Text(text))) => text
                .parse()
                .map(Value::Float)
                .map_err(|_| A::Error::custom(format!("`{text}` is not a float"))),
            ("$date", Some(Value::Text(text))) => Ok(Value::Date(text.clone())),
            ("$bytes", Some(Value::Text(text))) => base64::engine::general_purpose::STANDARD
                .decode(text)
                .map(Value::Bytes)
                .map_err(A::Error::custom),
            ("$object", Some(inner)) => Ok(inner.clone()),
            _ => Ok(Value::Object(object)),
        }
    }
}

/// The members of an object whose keys are not tags.
struct Untagged(Object);
impl<'de> Deserialize<'de> for Untagged {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Untagged, D::Error> {
        IndexMap::deserialize(from).map(Untagged)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn serde_keeps_what_json_cannot_hold() {
        let inner: Object = [("$int".to_owned(), Value::from("not a number"))].into_iter().collect();
        for value in [
            Value::Float(f64::INFINITY),
            Value::Float(f64::NEG_INFINITY),
            Value::Float(0.1),
            Value::Float(2.0),
            Value::Big("123456789012345678901234567890".into()),
            Value::Date("2020-02-29".into()),
            Value::Bytes(vec![0, 255]),
            Value::Object(inner.clone()),
            Value::Object([("$object".to_owned(), Value::Object(inner.clone()))].into_iter().collect()),
            // It begins as a wrapper does.
            Value::Object(
                [("$object".to_owned(), 5.into()), ("x".to_owned(), 6.into())].into_iter().collect(),
            ),
            Value::Object(
                [("$object".to_owned(), Value::Object(inner)), ("x".to_owned(), 6.into())]
                    .into_iter()
                    .collect(),
            ),
            // Digits which serde_json reads as the number beside it.
            Value::Float(4.155357885681745e-173),
            Value::Float(-0.0),
            Value::Float(1e300),
            Value::Float(f64::MIN_POSITIVE),
            Value::List(vec![Value::Null, Value::Object(Object::default())]),
        ] {
            let text = serde_json::to_string(&value).unwrap();
            let back: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(back, value, "{text}");
        }
        let nan = serde_json::to_string(&Value::Float(f64::NAN)).unwrap();
        assert!(matches!(serde_json::from_str(&nan).unwrap(), Value::Float(f) if f.is_nan()));
    }
}
