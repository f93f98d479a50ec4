//! The documents Squall promises to keep: experiments, events, and the values inside them.
//!
//! Bytes and values in, values out. Invariant: nothing here does I/O, reads a clock or an environment, or knows what
//! drives a fault; whatever a function needs of the world comes in as an argument.
//!
//! The way of an experiment through this crate: [`load`] (bytes to a [`draft::Draft`] with spans), [`check`] (every complaint at
//! once), [`resolve`] (configuration, secrets, variables), and then [`substitute`], [`tolerance`] while it runs. What a
//! run does is told in [`event`]s.

pub mod check;
pub mod diagnostic;
pub mod document;
pub mod draft;
pub mod event;
pub mod json;
pub mod jsonpath;
pub mod load;
pub mod python;
pub mod resolve;
pub mod schema;
pub mod substitute;
pub mod tolerance;
pub mod value;
pub mod yaml;

pub use value::{Object, Value};
