//! A Kubernetes-compatible cluster in a process: API server, controllers, scheduler, nodes that run demo programs.
//!
//! Job: be what kubectl and a Kubernetes client take for a cluster, fast enough for tests and honest enough for people.
//! Invariant: it imitates Kubernetes from Kubernetes' behaviour, and knows no `squall-*` code that it serves to test, or our
//! tests would agree with our own mistakes. Absent on purpose: experiments, faults, undos.
//!
//! How it hangs together: [`store`] holds objects and tells of changes; [`api`] is what a real API server does between a
//! request and its store (defaults, validation, conflicts, patches, deletion); `serve` is its HTTPS side; `controllers`
//! and `scheduler` and `node` are clients of [`api`] within the process, each a loop over watches; [`program`] is what
//! containers run; [`net`] is the one seam through which anything dials or listens.

pub mod api;
pub mod cluster;
pub mod controllers;
pub mod dns;
pub mod ingress;
pub mod net;
pub mod node;
pub mod program;
pub mod resource;
mod scheduler;
pub mod serve;
pub mod shape;
pub mod store;
mod strangers;
pub mod times;
