//! JSON as Python's `json` module reads and writes it, which is the dialect of every file of the Toolkit.
//!
//! `NaN`, `Infinity` and `-Infinity` are values, integers have no size limit, a number out of range is infinite, the last
//! of equal keys counts (and each is reported), keys keep their order.
//!
//! Not here: serde's lossless form of a [`Value`], which the event log has.

mod read;
mod write;

pub use read::{parse, value};
pub use write::{Style, float_repr, to_string, write, write_within};

#[cfg(doc)]
use crate::Value;
