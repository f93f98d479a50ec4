//! The command as a person or a script meets it: what it prints, writes and returns.
//!
//! Invariant: every test has a folder of its own, which is also HOME, and an environment with nothing else in it; times,
//! names of runs and folders are masked.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod cluster;
mod console;
mod demo;
mod discover;
mod errors;
mod examples;
mod folder;
mod help;
mod helps;
mod image;
mod init;
mod journals;
mod notify;
mod playground;
mod recover;
mod run;
mod safety;
mod secrets;
mod settings;
mod signals;
mod source;
mod validate;
mod walkthrough;
