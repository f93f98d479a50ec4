//! YAML as PyYAML's safe loader reads it: YAML 1.1, where `no` is false, `017` is 15 and `1:30` is 90.
//!
//! The grammar is granit-parser's; the types, merge keys and tags are ours, in PyYAML's order and with its oddities. Keys
//! become text as Python's `json.dumps` would write them. The last of equal keys counts, and each is reported.
//!
//! Invariant: the work and the memory are bounded by the text's length plus a fixed allowance, so an alias bomb ends in an
//! error. What PyYAML shares between aliases is copied here.
//!
//! Where it differs: keys that Python takes for equal (`1`, `1.0` and `true`) are different keys here, and U+2028 and U+2029
//! are no line breaks (they are refused outside of quoted and block scalars, where they are ordinary characters).

mod compose;
mod construct;
mod scalar;
mod tag;

use crate::draft::{Draft, SyntaxError};
use compose::Refusal;

/// How many blanks may be put in for the parser's sake; each means another reading.
const MENDS: usize = 100;

/// Reads a document. An empty text is `null`.
pub fn parse(mut source: String) -> Result<Draft, SyntaxError> {
    if source.starts_with('\u{feff}') {
        source.drain(..'\u{feff}'.len_utf8());
    }
    if source.contains('\u{85}') {
        // A line break in YAML 1.1, which the grammar's parser does not know.
        source = source.replace('\u{85}', "\n");
    }
    let mut mends = 0;
    let graph = loop {
        match compose::compose(&source) {
            Ok(graph) => break graph,
            Err(Refusal { mend: Some(at), .. }) if mends < MENDS && source.is_char_boundary(at) => {
                source.insert(at, ' ');
                mends += 1;
            }
            Err(Refusal { error, .. }) => return Err(error),
        }
    };
    let (document, spans, duplicates) = construct::construct(graph, source.len())?;
    Ok(Draft { document, spans, duplicates, source })
}
