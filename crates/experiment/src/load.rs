//! Bytes to a [`Draft`]: the document as the Toolkit would read it, and where each part of it was written.
//!
//! Invariant: nothing here panics on what a file holds: what cannot be read is a [`SyntaxError`] with its place, and so is a
//! document that is deeper than a draft may be.
//!
//! Not here: the dialects themselves ([`crate::json`], [`crate::yaml`]), what the document means ([`crate::check`]), files
//! and URLs (the caller reads them).

use crate::draft::{Draft, MAX_DEPTH, MAX_LOGGED, SyntaxError};
use crate::{json, yaml};
use std::path::Path;

/// The two formats of experiments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Python's JSON.
    Json,
    /// PyYAML's YAML 1.1.
    Yaml,
}

/// The file's name does not tell a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("only files with json, yaml or yml extensions are supported")]
pub struct UnknownFormat;

impl Format {
    /// By the extension, which must be in lower case, as the Toolkit asks for.
    pub fn of(path: &Path) -> Result<Format, UnknownFormat> {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("json") => Ok(Format::Json),
            Some("yaml" | "yml") => Ok(Format::Yaml),
            _ => Err(UnknownFormat),
        }
    }
}

/// Reads a document.
pub fn load(bytes: &[u8], format: Format) -> Result<Draft, SyntaxError> {
    let text = match format {
        Format::Yaml => utf16(bytes).map_or_else(|| utf8(bytes), Ok)?,
        Format::Json => utf8(bytes)?,
    };
    let draft = match format {
        Format::Json => json::parse(text),
        Format::Yaml => yaml::parse(text),
    }?;
    if draft.document.depth() > MAX_LOGGED {
        // Objects that look like our tags are wrapped in the event log, so each counts twice.
        let message = format!("lists and objects are nested deeper than {MAX_DEPTH} levels in the event log");
        return Err(SyntaxError::at(&draft.source, 0, 0, message));
    }
    Ok(draft)
}

fn utf8(bytes: &[u8]) -> Result<String, SyntaxError> {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|error| {
        let (good, bad) = bytes.split_at(error.valid_up_to());
        let good = String::from_utf8_lossy(good);
        let byte = bad.first().copied().unwrap_or_default();
        SyntaxError::at(&good, good.len(), good.len(), format!("byte 0x{byte:02x} is not UTF-8"))
    })
}

/// PyYAML also reads UTF-16, if a byte order mark says so.
fn utf16(bytes: &[u8]) -> Option<String> {
    let (units, little) = match bytes {
        [0xff, 0xfe, units @ ..] => (units, true),
        [0xfe, 0xff, units @ ..] => (units, false),
        _ => return None,
    };
    let unit = |pair| if little { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) };
    let units = units.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    Some(char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
}
