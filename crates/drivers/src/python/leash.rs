//! Ties an interpreter's life to ours before it is an interpreter: we become it, after the kernel was told.
//!
//! Invariant: whatever ends `chaos`, a program that was started this way ends too, even if it never read a line of ours. What that
//! program starts is not tied. Not here: the process group, which is ended with the interpreter (`interpreter`).

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

/// What we are called where we are to become another program. The arguments: who started us, the program, its arguments.
#[cfg(target_os = "linux")]
const NAME: &str = "chaos: to be python";

/// Ourselves, whatever has become of our file.
#[cfg(target_os = "linux")]
const OURSELVES: &str = "/proc/self/exe";

/// What starts that program; its arguments are to follow.
pub(super) fn command(program: &Path) -> Command {
    #[cfg(target_os = "linux")]
    if is_held() && Path::new(OURSELVES).exists() {
        use std::os::unix::process::CommandExt as _;

        let mut command = Command::new(OURSELVES);
        command.arg0(NAME).arg(std::process::id().to_string()).arg(program);
        return command;
    }
    Command::new(program)
}

/// Whether our program's `main` begins with [`become_it`].
#[cfg(target_os = "linux")]
static HELD: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);

#[cfg(target_os = "linux")]
fn is_held() -> bool {
    HELD.load(std::sync::atomic::Ordering::Relaxed)
}

/// Becomes the program that the command line names, if it is such a line; returns why that failed. `main` calls it first.
#[cfg(target_os = "linux")]
pub fn become_it(mut line: impl Iterator<Item = OsString>) -> Option<String> {
    use rustix::process::{Signal, getppid, set_parent_process_death_signal};
    use std::os::unix::process::CommandExt as _;

    HELD.store(true, std::sync::atomic::Ordering::Relaxed);
    if line.next()? != NAME {
        return None;
    }
    let (from, program) = (line.next()?, line.next()?);
    // Where the kernel refuses, the closed pipe has to do.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    let parent = getppid().map(|parent| parent.as_raw_nonzero().to_string());
    if parent.as_deref() != from.to_str() {
        return Some("whoever wanted a Python is gone".to_owned());
    }
    let error = Command::new(&program).args(line).exec();
    Some(format!("could not start Python as {}: {error}", program.to_string_lossy()))
}

/// There is nothing to become where the kernel does not tie lives.
#[cfg(not(target_os = "linux"))]
pub fn become_it(_line: impl Iterator<Item = OsString>) -> Option<String> {
    None
}
