//! Everything Squall can do to a system: one file per action or probe, and the catalogue of them.
//!
//! Invariant: nothing here reads the process's environment, its clock or its randomness; all of that comes through the
//! context of an activity. Not here: when something is done, what is written down, and how it is shown.

pub mod catalog;
pub mod children;
pub(crate) mod controls;
pub(crate) mod home;
pub mod http;
pub mod k8s;
pub(crate) mod loose;
pub mod process;
pub mod python;
#[cfg(test)]
mod testing;
pub mod vault;

pub use catalog::CATALOG;
