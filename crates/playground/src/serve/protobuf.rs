//! Reads the protobuf that kubectl from 1.33 on sends for what it makes itself: `kubectl create …`, `drain`, `auth can-i`.
//!
//! Invariant: a field that the tables ([`fields`]) do not know is an error that names it, never dropped: what is stored is what
//! was sent. Not here: writing protobuf; every client takes JSON for an answer.

mod fields;

use super::super::api::Status;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fields::Type::{Base64Map, Bool, Int, IntOrString, Message, Messages, Set, Text, TextMap, Texts, Time};
use fields::{Fields, Type, message};
use serde_json::{Map, Value as Json};

/// An object from Kubernetes' envelope.
///
/// # Errors
/// 400 for what is malformed, 415 for a kind or a field that is not known here.
pub(super) fn object(body: &[u8]) -> Result<Json, Status> {
    let malformed = || Status::bad_request("the object provided is unrecognized: the protobuf is malformed");
    let envelope = body.strip_prefix(b"k8s\0").ok_or_else(malformed)?;
    let (mut kind, mut api_version, mut raw) = (String::new(), String::new(), &[][..]);
    for field in Reader(envelope) {
        match field.ok_or_else(malformed)? {
            (1, Wire::Bytes(meta)) => {
                for field in Reader(meta) {
                    match field.ok_or_else(malformed)? {
                        (1, Wire::Bytes(text)) => api_version = String::from_utf8_lossy(text).into_owned(),
                        (2, Wire::Bytes(text)) => kind = String::from_utf8_lossy(text).into_owned(),
                        _ => {}
                    }
                }
            }
            (2, Wire::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    let unknown = |what: &str| {
        let message = format!(
            "the body of the request was in an unknown format - {what} is not understood as protobuf here; accepted media types include: application/json"
        );
        Status::plain(415, "UnsupportedMediaType", message)
    };
    let fields = message(&kind, &api_version).ok_or_else(|| unknown(&kind))?;
    let mut object = Map::new();
    object.insert("kind".to_owned(), kind.clone().into());
    object.insert("apiVersion".to_owned(), api_version.into());
    object.extend(read(raw, fields).map_err(|error| match error {
        Error::Malformed => malformed(),
        Error::Unknown(number) => unknown(&format!("field {number} of {kind}")),
    })?);
    Ok(Json::Object(object))
}

enum Error {
    Malformed,
    Unknown(u64),
}

enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of a message, in order; `None` where it is malformed, and then no more.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn number(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn field(&mut self) -> Option<(u64, Wire<'a>)> {
        let tag = self.number()?;
        let wire = match tag & 7 {
            0 => Wire::Number(self.number()?),
            2 => {
                let length = usize::try_from(self.number()?).ok()?;
                let (bytes, rest) = self.0.split_at_checked(length)?;
                self.0 = rest;
                Wire::Bytes(bytes)
            }
            _ => return None,
        };
        Some((tag >> 3, wire))
    }
}

impl<'a> Iterator for Reader<'a> {
    type Item = Option<(u64, Wire<'a>)>;
    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field)
    }
}

/// Empty texts, zeros and messages without contents are how this encoding says "not given".
fn read(bytes: &[u8], fields: Fields) -> Result<Map<String, Json>, Error> {
    let mut object = Map::new();
    for field in Reader(bytes) {
        let (number, wire) = field.ok_or(Error::Malformed)?;
        let found = fields.iter().find(|(known, ..)| *known == number);
        let Some((_, name, kind)) = found else {
            match wire {
                Wire::Bytes([]) | Wire::Number(0) => continue,
                _ => return Err(Error::Unknown(number)),
            }
        };
        let name = (*name).to_owned();
        match (kind, wire) {
            (Text, Wire::Bytes([])) => {}
            (Text | Type::Base64, Wire::Bytes(bytes)) => drop(object.insert(name, scalar(*kind, bytes)?)),
            (Int, Wire::Number(0)) => {}
            (Int | Set, Wire::Number(number)) => drop(object.insert(name, number.cast_signed().into())),
            (Bool, Wire::Number(number)) => {
                if number != 0 {
                    object.insert(name, true.into());
                }
            }
            (Time, Wire::Bytes(bytes)) => {
                let seconds = { Reader(bytes) }.find_map(|field| match field {
                    Some((1, Wire::Number(seconds))) => Some(seconds.cast_signed()),
                    _ => None,
                });
                if let Some(time) = seconds.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok()) {
                    object.insert(name, time.to_string().into());
                }
            }
            (IntOrString, Wire::Bytes(bytes)) => {
                let parts = read(bytes, &[(1, "type", Int), (2, "int", Set), (3, "text", Text)])?;
                let text = parts.get("type").and_then(Json::as_i64) == Some(1);
                let value = parts.get(if text { "text" } else { "int" }).cloned();
                object.insert(name, value.unwrap_or_else(|| if text { "".into() } else { 0.into() }));
            }
            (Message(fields), Wire::Bytes(bytes)) => {
                let inner = read(bytes, fields)?;
                if !inner.is_empty() || name == "selector" {
                    object.insert(name, inner.into());
                }
            }
            (Texts, Wire::Bytes(bytes)) => append(&mut object, name, scalar(Text, bytes)?),
            (Messages(fields), Wire::Bytes(bytes)) => append(&mut object, name, read(bytes, fields)?.into()),
            (TextMap | Base64Map, Wire::Bytes(bytes)) => {
                let value = if matches!(kind, TextMap) { Text } else { Type::Base64 };
                let (mut key, mut content) = (String::new(), Json::String(String::new()));
                for field in Reader(bytes) {
                    match field.ok_or(Error::Malformed)? {
                        (1, Wire::Bytes(text)) => key = String::from_utf8_lossy(text).into_owned(),
                        (2, Wire::Bytes(bytes)) => content = scalar(value, bytes)?,
                        _ => return Err(Error::Malformed),
                    }
                }
                let map = object.entry(name).or_insert_with(|| Json::Object(Map::new()));
                if let Some(map) = map.as_object_mut() {
                    map.insert(key, content);
                }
            }
            _ => return Err(Error::Malformed),
        }
    }
    Ok(object)
}

fn scalar(kind: Type, bytes: &[u8]) -> Result<Json, Error> {
    if matches!(kind, Type::Base64) {
        return Ok(STANDARD.encode(bytes).into());
    }
    std::str::from_utf8(bytes).map(Json::from).map_err(|_| Error::Malformed)
}

fn append(object: &mut Map<String, Json>, name: String, value: Json) {
    let list = object.entry(name).or_insert_with(|| Json::Array(Vec::new()));
    if let Some(list) = list.as_array_mut() {
        list.push(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &[u8], expected: &str) {
        let got = match object(body) {
            Ok(object) => object.to_string(),
            Err(status) => status.message,
        };
        assert_eq!(got, expected);
    }

    #[test]
    fn what_kubectl_sends() {
        // `kubectl create namespace go-demo-8`, recorded from kubectl 1.33.
        let body = b"k8s\0\n\x0f\n\x02v1\x12\tNamespace\x12!\n\x19\n\tgo-demo-8\x12\0\x1a\0\"\0*\x002\x008\0B\0\x12\0\x1a\x02\n\0\x1a\0\"\0";
        check(body, r#"{"kind":"Namespace","apiVersion":"v1","metadata":{"name":"go-demo-8"}}"#);
        let malformed = "the object provided is unrecognized: the protobuf is malformed";
        for end in 0..body.len() - 6 {
            assert!(object(&body[..end]).is_err() || end > 20, "{end}");
        }
        check(b"k8s\0\n\xff", malformed);
        check(b"{}", malformed);
        check(
            b"k8s\0\n\x0b\n\x02v1\x12\x05Other\x12\0",
            "the body of the request was in an unknown format - Other is not understood as protobuf here; accepted media types include: application/json",
        );
    }
}
