//! Plans and runs experiments, and puts back what they changed.
//!
//! Job: own the state of a run, its stop, its undo ledger and its event log. Invariant: a change has a written undo before it
//! happens, and everything that happens is an event of the log. Absent on purpose: Kubernetes, HTTP, terminals, and every
//! fault by name; what can be done to a system comes in as a [`spec::Catalog`].

pub mod activity;
pub mod control;
pub mod environment;
pub mod failure;
pub mod foreign;
mod handover;
pub mod ledger;
pub mod log;
pub mod options;
pub mod recover;
pub mod run;
pub mod spec;
pub mod stage;
pub mod stop;
pub mod story;
pub mod undo;

pub use activity::{Act, Action, Look, Probe};
pub use control::{Aside, Control, ControlEntry, ControlSpec, Controls, Happening, Hook, Unhooked};
pub use environment::{Environment, Handles};
pub use failure::{Failure, Stop};
pub use spec::{Bound, Catalog, Entry, Lookup, Reach, Right, Shape, Spec, UndoEntry};
pub use stage::Stage;
pub use undo::{Armed, Permit, Restore, Undo};
