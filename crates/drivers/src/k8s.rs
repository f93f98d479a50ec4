//! What can be done to, and asked of, a Kubernetes cluster.
//!
//! Job: the functions of the Toolkit's `chaosk8s` under their names and ours, over a thin client of raw JSON. Invariant:
//! whatever changes the cluster takes a [`squall_engine::Permit`], so its undo is on disk. One client per connection lives
//! for the whole run, in [`Clusters`]. Not here: which names the Toolkit gives these functions' files.

mod args;
pub mod cluster;
mod config;
pub(crate) mod deployment;
mod object;
mod past;
pub(crate) mod pod;
pub(crate) mod start;

pub use cluster::{Cluster, ClusterRef, Clusters};
