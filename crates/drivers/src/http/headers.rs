//! Header fields as they are written: names keep their case and their order, and are compared without regard to case.

use std::borrow::Cow;

/// An ordered list of fields with at most one of each name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// The value of a field.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(its, _)| its.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Whether a field lists this word, as `Connection: close, x` lists `close`.
    pub(super) fn lists(&self, name: &str, word: &str) -> bool {
        let mut words = self.get(name).unwrap_or_default().split(',');
        words.any(|its| its.trim().eq_ignore_ascii_case(word))
    }

    /// Sets a field, in the place of one of that name if there is one.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        let value = value.into();
        match self.0.iter_mut().find(|(its, _)| its.eq_ignore_ascii_case(name)) {
            Some(field) => *field = (name.to_owned(), value),
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// Takes a field away.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(its, _)| !its.eq_ignore_ascii_case(name));
    }

    /// Adds a field; a repeated one is joined to the first of its name with `, `.
    pub(super) fn join(&mut self, name: &str, value: &str) {
        match self.0.iter_mut().find(|(its, _)| its.eq_ignore_ascii_case(name)) {
            Some((_, before)) => {
                before.push_str(", ");
                before.push_str(value);
            }
            None => self.0.push((name.to_owned(), value.to_owned())),
        }
    }

    /// The fields, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// Bytes as the Latin-1 that header fields are on the wire.
pub(super) fn from_latin1(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.is_ascii() => Cow::Borrowed(text),
        _ => Cow::Owned(bytes.iter().map(|byte| char::from(*byte)).collect()),
    }
}

/// The way back; `None` when a character is not in Latin-1.
pub(super) fn to_latin1(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect()
}
