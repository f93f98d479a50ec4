//! The processes that we started and that have not ended yet, for whoever must end ours at once.
//!
//! Invariant: what is reaped is not signalled, for its number may be somebody else's by then.
//!
//! Not here: the orderly end of an activity, which waits for its program.

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// They are the process's own, whoever started them.
static STARTED: Mutex<BTreeMap<i32, Extent>> = Mutex::new(BTreeMap::new());

/// What is killed with a child.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Extent {
    /// Nothing: it is in our group, and what it started is not ours to end.
    Itself,
    /// The group that it leads.
    Group,
}

/// A child, until this is dropped.
#[derive(Debug)]
pub(crate) struct Started(Option<i32>);

/// Remembers a child; without a number it has ended already.
pub(crate) fn started(pid: Option<u32>, extent: Extent) -> Started {
    let pid = pid.map(u32::cast_signed);
    if let Some(pid) = pid {
        all().insert(pid, extent);
    }
    Started(pid)
}

impl Drop for Started {
    fn drop(&mut self) {
        if let Some(pid) = self.0 {
            all().remove(&pid);
        }
    }
}

/// Kills the programs and interpreters that are running now. For the very end of the process: nobody is told how they ended.
pub fn kill_all() {
    for (pid, extent) in all().iter() {
        let Some(pid) = Pid::from_raw(*pid) else { continue };
        // It is no child of ours any more once it is reaped.
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        if waitid(WaitId::Pid(pid), look).is_ok() {
            // An error means that it is just ending.
            let _ = match extent {
                Extent::Itself => kill_process(pid, Signal::KILL),
                Extent::Group => kill_process_group(pid, Signal::KILL),
            };
        }
    }
}

fn all() -> MutexGuard<'static, BTreeMap<i32, Extent>> {
    STARTED.lock().unwrap_or_else(PoisonError::into_inner)
}
