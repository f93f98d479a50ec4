//! Runs a program on this machine: the Toolkit's provider type `process`.
//!
//! Invariant: the program that we start is gone, and reaped, when the activity ends; its output is complete or the activity
//! fails. What that program starts itself is not ours: it stays in our process group, because a group of its own could not
//! read the terminal, and it is left alone.

mod command;
#[cfg(test)]
mod tests;

use crate::children::{self, Extent};
use crate::loose::{Loose, unexpected};
use command::Line;
use futures_util::FutureExt as _;
use rustix::process::{Pid, Signal, kill_process};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_engine::{Act, Action, Failure, Reach, Shape, Spec, Stop};
use squall_experiment::Value;
use squall_experiment::event::Level;
use squall_experiment::python::{Exception, str_of, type_name};
use std::future::Future;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};

/// The most that we keep of either stream: running out of memory would end us before anything is put back.
const MOST: u64 = 256 << 20;

/// Whether there is a program of this name in a `PATH`, or at this path. `~` is not expanded.
pub fn is_program(path: &str, variable: Option<&str>) -> bool {
    command::which(path, variable).is_some()
}

/// The path of the program of this name in a `PATH`, or at this path.
pub fn found(path: &str, variable: Option<&str>) -> Option<String> {
    command::which(path, variable)
}

/// Runs a program and returns its status and output.
pub struct Process;

/// What to run.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Args {
    /// The program: a name that is looked up in `PATH`, or a path. A leading `~` is the home folder.
    #[serde(default)]
    #[schemars(with = "String")]
    path: Loose,
    /// Its arguments: a list, each item one argument (null and empty ones are left out); or a text, which `/bin/sh` reads
    /// behind the program's name. An object (key, value, key, value, …) is deprecated.
    #[serde(default)]
    #[schemars(with = "serde_json::Value")]
    arguments: Loose,
    /// Seconds after which the program is killed and the activity fails; none by default.
    #[serde(default)]
    #[schemars(with = "Option<f64>")]
    timeout: Loose,
}

/// How it ended.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub struct Ended {
    /// The exit status, or minus the number of the signal that killed it.
    status: i32,
    /// What it wrote, as UTF-8; bytes that are not become U+FFFD.
    stdout: String,
    /// What it wrote to standard error.
    stderr: String,
}

impl Action for Process {
    const SPEC: Spec = Spec {
        name: "process",
        summary: "Run a program on this machine",
        docs: "Returns `{status, stdout, stderr}`, whatever the status is: judge it with a tolerance. Environment, working \
            folder and standard input are those of `chaos`. The activity waits until the program has ended and both of its \
            output streams are closed, so a program that leaves something running in the background should redirect that \
            one's output. On a timeout the program is killed. When the run is stopped, it gets SIGTERM, and is killed if it \
            has not ended 3 s later. What it has started itself is left alone.",
        example: "{path: echo, arguments: [hello], timeout: 5}",
        reach: Reach::Host,
        shape: Shape::Provider { kind: "process", filled: &[] },
        odd: Some(|output| match output.get("status") {
            Some(Value::Int(status)) if *status > 0 => Some(
                "This process returned a non-zero exit code. This may indicate some error and not what you \
                 expected. Please have a look at the logs.",
            ),
            _ => None,
        }),
        ..Spec::DEFAULT
    };
    type Args = Args;
    type Did = Ended;

    async fn act(args: &Args, cx: &Act) -> Result<Ended, Stop> {
        let line = Line::new(&args.path, &args.arguments, |name| cx.env(name)).map_err(unexpected)?;
        let timeout = timeout(&args.timeout).map_err(unexpected)?;
        cx.note(Level::Debug, format!("Running: {line}"));
        let mut command = line.command();
        command.envs(cx.environment().added());
        run(start(command, &line)?, args, timeout, cx).await
    }
}

/// The time that a process has. Python adds it to a float, so whatever cannot be added is its `TypeError`.
fn timeout(given: &Loose) -> Result<Option<Duration>, Exception> {
    let seconds = match given.set() {
        None => return Ok(None),
        Some(Value::Bool(flag)) => f64::from(u8::from(*flag)),
        Some(Value::Int(seconds)) => *seconds as f64,
        Some(Value::Float(seconds)) => *seconds,
        Some(other) => {
            let text = format!("unsupported operand type(s) for +: 'float' and '{}'", type_name(other));
            return Err(Exception::type_error(text));
        }
    };
    // A negative time is over before it begins; one that no clock can hold never is.
    Ok(Duration::try_from_secs_f64(seconds.max(0.0)).ok())
}

async fn run(mut child: Child, args: &Args, timeout: Option<Duration>, cx: &Act) -> Result<Ended, Stop> {
    let _started = children::started(child.id(), Extent::Itself);
    let mut output = std::pin::pin!(output(&mut child).fuse());
    let work = async { tokio::try_join!(output.as_mut(), end(&mut child)) };
    let ended = cx
        .until(async {
            match timeout {
                // A timer needs a moment to go off, in which a quick program would be done.
                Some(Duration::ZERO) => None,
                Some(timeout) => tokio::time::timeout(timeout, work).await.ok(),
                None => Some(work.await),
            }
        })
        .await;
    match ended {
        Ok(Some(Ok(((stdout, stderr), status)))) => Ok(Ended { status: status_of(status), stdout, stderr }),
        Ok(Some(Err(failure))) => {
            reap(&mut child).await;
            Err(failure.into())
        }
        Ok(None) => {
            reap(&mut child).await;
            Err(Failure::target("process activity took too long to complete").into())
        }
        Err(stop) => {
            // It is read on: a program that cleans up and finds nobody who reads dies of what it says.
            let ended = tokio::select! {
                ended = stopped(&mut child, cx) => ended,
                () = async { let _ = output.await; std::future::pending().await } => unreachable!("it is pending"),
            };
            if let Some((level, how)) = ended.filter(|_| !cx.is_probe()) {
                let program = args.path.given().map(str_of).unwrap_or_default();
                cx.note(level, format!("the program `{program}` of `{}` {how}", cx.name()));
            }
            Err(stop)
        }
    }
}

fn start(mut command: Command, line: &Line) -> Result<Child, Stop> {
    command.stdin(Stdio::inherit()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command.spawn().map_err(|error| unexpected(line.not_started(&error)))
}

/// What it writes, and what it has started, for that may still write to the same streams.
fn output(child: &mut Child) -> impl Future<Output = Result<(String, String), Failure>> + use<> {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    async { tokio::try_join!(read("stdout", stdout), read("stderr", stderr)) }
}

async fn end(child: &mut Child) -> Result<ExitStatus, Failure> {
    let ended = child.wait().await;
    ended.map_err(|error| Failure::environment(format!("could not wait for the process: {error}")))
}

/// Asks it to end, and kills it when it has had its time; what is to be said of that. `None` if it had done its work already.
async fn stopped(child: &mut Child, cx: &Act) -> Option<(Level, &'static str)> {
    // Not reaped yet, so its number is nobody else's.
    let pid = match child.try_wait() {
        Ok(Some(status)) if status.success() => return None,
        Ok(Some(_)) => None,
        Ok(None) | Err(_) => child.id().and_then(|pid| Pid::from_raw(pid.cast_signed())),
    };
    if let Some(pid) = pid {
        // An error means that it is just ending.
        let _ = kill_process(pid, Signal::TERM);
    }
    tokio::select! {
        biased;
        _ = child.wait() => {
            // The Toolkit has no line about it, and it had its chance.
            return Some((Level::Debug, "was ended by the stop; see whether it put back what it changed"));
        }
        () = cx.grace() => {}
    }
    reap(child).await;
    Some((Level::Warning, "did not end when it was told to and was killed; see what it left changed"))
}

async fn read(name: &str, stream: Option<impl AsyncRead + Unpin>) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        let read = stream.take(MOST + 1).read_to_end(&mut bytes).await;
        read.map_err(|error| Failure::environment(format!("could not read the process's {name}: {error}")))?;
    }
    if bytes.len() as u64 > MOST {
        let what = format!("the process wrote more than {} MiB to {name}", MOST >> 20);
        return Err(Failure::target(what).hint("redirect its output to a file"));
    }
    Ok(String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

fn status_of(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| -signal)).unwrap_or(-1)
}

/// Kills it and waits until it is gone. An error means that it is gone already.
async fn reap(child: &mut Child) {
    let _ = child.kill().await;
}
