//! What is particular to this process and machine: names, numbers, the runtime.

use crate::problem::Problem;
use jiff::Timestamp;
use squall_engine::Handles;
use squall_engine::run::Program;
use squall_experiment::event::RunId;

/// A new name for a run: when it began, in UTC, and six random digits. Names sort by time.
pub(crate) fn new_run() -> RunId {
    let random = uuid::Uuid::new_v4().as_u128() & 0xff_ffff;
    RunId(format!("{}-{random:06x}", Timestamp::now().strftime("%Y%m%d-%H%M%S")))
}

/// A new seed, short enough to be typed again.
pub(crate) fn new_seed() -> u64 {
    (uuid::Uuid::new_v4().as_u128() & 0xffff_ffff) as u64
}

/// What the journal says of who ran the experiment.
pub(crate) fn program() -> Program {
    let system = rustix::system::uname();
    let text = |part: &std::ffi::CStr| part.to_string_lossy().into_owned();
    let platform =
        format!("{}-{}-{}", text(system.sysname()), text(system.release()), text(system.machine()));
    Program { version: env!("CARGO_PKG_VERSION").to_owned(), node: text(system.nodename()), platform }
}

/// What drivers share within a run or a recovery.
pub(crate) fn handles() -> Handles {
    Handles::default()
        .with(squall_drivers::k8s::Clusters::default())
        .with(squall_drivers::http::Session::default())
}

/// One thread for everything; only commands that wait for something start it.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Problem> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Problem::new(format!("could not start: {error}")))
}
