//! One interpreter: its process, its pipe, and who waits for what.
//!
//! Invariant: the process leads a group of its own, so that a terminal's Ctrl-C does not reach it and that whatever an
//! extension leaves running in that group ends with it. Two threads belong to it: one started it and waits for its end (the
//! kernel ties its life to that thread's), one reads what it sends. Both end with it. What never said hello is no interpreter:
//! it is not started again.

use super::reply::{self, Message};
use super::{Ears, Trouble, leash, shim};
use crate::children::{self, Extent};
use rustix::io::FdFlags;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use squall_experiment::json::{Style, to_string};
use squall_experiment::{Object, Value};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::Shutdown;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;
use tokio::sync::watch;

/// The most that one line may take; the interpreter refuses to send more than a quarter of it.
const MOST: u64 = 256 << 20;

/// How long the interpreter may refuse to read what it is sent.
const DEAF: Duration = Duration::from_secs(30);

/// How long it may take until it says hello.
const HELLO: Duration = Duration::from_secs(30);

/// How long what was interrupted may go on before the interpreter is killed.
const GRACE: Duration = Duration::from_secs(3);

/// What `python3 -c` runs: it reads the other sources from the pipe.
const BOOT: &str = include_str!("bridge/boot.py");

/// The sources that the interpreter imports as modules of `chaos_bridge`, when it first needs them.
const SOURCES: &[(&str, &str)] = &[
    ("main", include_str!("bridge/main.py")),
    ("calls", include_str!("bridge/calls.py")),
    ("discover", include_str!("bridge/discover.py")),
    ("notify", include_str!("bridge/notify.py")),
    ("controls", include_str!("bridge/controls.py")),
    ("live", include_str!("bridge/live.py")),
];

/// Which interpreter, and what it gets beyond what it inherits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Its path, or a name that is looked up in `PATH`.
    pub path: PathBuf,
    /// Who named it, for messages: `from PATH`.
    pub origin: String,
    /// Variables.
    pub variables: Vec<(String, String)>,
}

impl fmt::Display for Program {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{} ({})", self.path.display(), self.origin)
    }
}

/// What takes an answer.
pub(super) type Waiter = Box<dyn FnOnce(Result<Value, Trouble>) + Send>;

pub(super) struct Interpreter {
    program: Program,
    pid: Pid,
    pipe: UnixStream,
    sending: Mutex<()>,
    state: Mutex<State>,
    ended: Condvar,
    /// How much was interrupted and goes on nevertheless.
    lingering: watch::Sender<usize>,
}

#[derive(Default)]
struct State {
    last: u64,
    waiting: HashMap<u64, Waiter>,
    /// Whether it said hello.
    greeted: bool,
    /// Those of them that were interrupted.
    cancelled: HashSet<u64>,
    /// Why it is gone, or will be in a moment.
    gone: Option<Trouble>,
    /// How its process ended, once it was waited for.
    reaped: Option<String>,
}

impl Interpreter {
    /// Starts one and sends it the sources. That it works is not known yet.
    pub(super) fn start(program: &Program, ears: Arc<dyn Ears>) -> Result<Arc<Interpreter>, Trouble> {
        let failed =
            |error: io::Error| Trouble::NoPython(format!("could not start Python as {program}: {error}"));
        let (ours, theirs) = UnixStream::pair().map_err(failed)?;
        ours.set_write_timeout(Some(DEAF)).map_err(failed)?;
        let reading = ours.try_clone().map_err(failed)?;
        let (started, start) = mpsc::sync_channel(1);
        let (known, know) = mpsc::sync_channel::<Arc<Interpreter>>(1);
        let command = command(program, &theirs);
        thread::Builder::new()
            .name("python".to_owned())
            .spawn(move || live(command, theirs.into(), &started, &know))
            .map_err(failed)?;
        let pid = start.recv().map_err(|_| failed(io::ErrorKind::BrokenPipe.into()))?.map_err(failed)?;
        let interpreter = Arc::new(Interpreter {
            program: program.clone(),
            pid,
            pipe: ours,
            sending: Mutex::new(()),
            state: Mutex::default(),
            ended: Condvar::new(),
            lingering: watch::Sender::new(0),
        });
        let _ = known.send(interpreter.clone());
        let reader = interpreter.clone();
        let spawned = thread::Builder::new()
            .name("python-says".to_owned())
            .spawn(move || reader.read(BufReader::with_capacity(1 << 16, reading), &*ears));
        if let Err(error) = spawned {
            interpreter.kill("no thread could be started to read what it sends");
            return Err(failed(error));
        }
        // If it died already, whoever asks first is told how.
        let _ = interpreter.send(&sources());
        Ok(interpreter)
    }

    /// Sends a request; returns its number.
    pub(super) fn begin(&self, op: &str, mut body: Object, waiter: Waiter) -> Result<u64, Trouble> {
        let number = {
            let mut state = self.state();
            if let Some(why) = &state.gone {
                return Err(why.clone());
            }
            state.last += 1;
            let number = state.last;
            state.waiting.insert(number, waiter);
            number
        };
        body.insert("id".to_owned(), Value::Int(i64::try_from(number).unwrap_or(i64::MAX)));
        body.insert("op".to_owned(), Value::from(op));
        let body = Value::Object(body);
        let line = if is_plain(&body) { to_string(&body, &Style::LINE) } else { tagged(body) };
        if let Err(error) = self.send(&line) {
            self.kill_unless_ended(&format!("it did not take a request: {error}"));
        }
        Ok(number)
    }

    /// Interrupts what it does under that number. If that, which is called `what`, goes on nevertheless, it is killed.
    pub(super) fn cancel(self: &Arc<Interpreter>, number: u64, what: &str) {
        {
            let mut state = self.state();
            if !state.waiting.contains_key(&number) {
                return;
            }
            state.cancelled.insert(number);
            self.lingering.send_replace(state.cancelled.len());
        }
        let _ = self.send(&format!("{{\"cancel\": {number}}}"));
        let why = format!("{what} went on after it was interrupted");
        let (interpreter, late) = (self.clone(), why.clone());
        let spawned = thread::Builder::new().name("python-ends".to_owned()).spawn(move || {
            interpreter.wait(GRACE);
            if interpreter.state().cancelled.contains(&number) {
                interpreter.kill(&late);
            }
        });
        if spawned.is_err() {
            self.kill(&why);
        }
    }

    /// Waits until nothing goes on that was interrupted: it ends, or the interpreter is killed.
    pub(super) async fn is_free(&self) {
        // The sender lives as long as we do.
        let _ = self.lingering.subscribe().wait_for(|lingering| *lingering == 0).await;
    }

    /// Whether it can still be asked for something.
    pub(super) fn is_there(&self) -> bool {
        self.state().gone.is_none()
    }

    /// The answer to whoever still waits.
    pub(super) fn gone(&self) -> Trouble {
        let gone = self.state().gone.clone();
        gone.unwrap_or_else(|| Trouble::Gone("Python's interpreter is gone".to_owned()))
    }

    /// Why there is no point in starting its program again.
    pub(super) fn useless(&self) -> Option<Trouble> {
        self.state().gone.clone().filter(|gone| matches!(gone, Trouble::NoPython(_)))
    }

    /// Kills it with its group, at once.
    pub(super) fn kill(&self, why: &str) {
        self.give_up(Trouble::Gone(format!("Python's interpreter was ended: {why}")));
        self.kill_group();
    }

    /// What cannot be had of it is no matter of the call: nothing that asks its program will fare better.
    fn refuse(&self, why: String) {
        self.give_up(Trouble::NoPython(why));
        self.kill_group();
    }

    /// Lets it end by itself, and kills what is left after a while.
    pub(super) fn end(&self, within: Duration) {
        let within = {
            let mut state = self.state();
            state.gone.get_or_insert_with(|| Trouble::Gone("Python's interpreter was ended".to_owned()));
            // What did not say hello has no last words either.
            if state.greeted { within } else { Duration::ZERO }
        };
        let _ = self.pipe.shutdown(Shutdown::Write);
        if !self.wait(within) {
            self.kill_group();
            self.wait(Duration::from_secs(5));
        }
    }

    /// Waits for its end; whether it came within that time.
    fn wait(&self, within: Duration) -> bool {
        let waited = self.ended.wait_timeout_while(self.state(), within, |state| state.reaped.is_none());
        waited.map_or(true, |(state, _)| state.reaped.is_some())
    }

    fn kill_group(&self) {
        let state = self.state();
        // Once it is reaped its number may be somebody else's.
        if state.reaped.is_none() {
            let _ = kill_process_group(self.pid, Signal::KILL);
        }
    }

    fn send(&self, line: &str) -> io::Result<()> {
        let _sending = self.sending.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::with_capacity(line.len() + 1);
        text.push_str(line);
        text.push('\n');
        (&self.pipe).write_all(text.as_bytes())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who waits for this answer.
    fn answered(&self, number: u64) -> Option<Waiter> {
        let mut state = self.state();
        if state.cancelled.remove(&number) {
            self.lingering.send_replace(state.cancelled.len());
        }
        state.waiting.remove(&number)
    }

    /// Nobody may wait any more.
    fn give_up(&self, why: Trouble) {
        let waiting = {
            let mut state = self.state();
            state.gone.get_or_insert(why);
            state.cancelled.clear();
            self.lingering.send_replace(0);
            std::mem::take(&mut state.waiting)
        };
        let gone = self.gone();
        waiting.into_values().for_each(|waiter| waiter(Err(gone.clone())));
    }

    /// Reads what it sends until the pipe closes; then nobody may wait for it any more.
    fn read(&self, mut from: BufReader<UnixStream>, ears: &dyn Ears) {
        let mut line = Vec::new();
        let mut greeted = false;
        let program = &self.program;
        let _ = from.get_ref().set_read_timeout(Some(HELLO));
        loop {
            line.clear();
            match from.by_ref().take(MOST).read_until(b'\n', &mut line) {
                Err(error) if !greeted && is_late(&error) => {
                    let within = HELLO.as_secs();
                    self.refuse(format!("{program} did not answer as Python does within {within} seconds"));
                    break;
                }
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
            let message =
                std::str::from_utf8(&line).ok().filter(|line| line.ends_with('\n')).and_then(reply::read);
            match message {
                Some(Message::Answer(0, Ok(hello))) if hello.get("old") == Some(&Value::Bool(true)) => {
                    self.refuse(too_old(&hello, program));
                }
                Some(Message::Answer(0, Ok(_))) => {
                    greeted = true;
                    self.state().greeted = true;
                    let _ = from.get_ref().set_read_timeout(None);
                }
                Some(Message::Answer(number, answer)) => {
                    let waiter = self.answered(number);
                    if let Some(waiter) = waiter {
                        waiter(answer);
                    }
                }
                Some(Message::Log(record)) => ears.logged(record),
                Some(Message::Signal(signal)) => ears.signalled(&signal),
                None if !greeted => {
                    self.refuse(format!("{program} is no Python: it answered something else"));
                    break;
                }
                None if line.ends_with(b"\n") => {
                    self.kill("something else than the bridge wrote to the bridge's pipe");
                }
                // The rest of a line whose writer died: its end is told by who waits for it.
                None => break,
            }
        }
        // It may have closed the pipe and be alive: nobody could talk to it.
        match self.kill_unless_ended("an extension closed the bridge's pipe") {
            Some(how) if greeted => {
                self.give_up(Trouble::Gone(format!("Python's interpreter is gone: {how}")))
            }
            Some(how) => {
                self.give_up(Trouble::NoPython(format!("{program} did not answer as Python does: {how}")));
            }
            None => {}
        }
    }

    /// Gives it a moment to end by itself, and says how it did; else it is killed.
    fn kill_unless_ended(&self, why: &str) -> Option<String> {
        let state = self.state();
        let moment = Duration::from_millis(500);
        let waited = self.ended.wait_timeout_while(state, moment, |state| state.reaped.is_none());
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let (how, greeted) = (state.reaped.clone(), state.greeted);
        drop(state);
        match (&how, greeted) {
            (Some(_), _) => {}
            (None, true) => self.kill(why),
            (None, false) => self.refuse(format!("{} closed the pipe on which Python answers", self.program)),
        }
        how
    }
}

/// Whether nothing came for as long as may be waited.
fn is_late(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// The first line that an interpreter gets.
fn sources() -> String {
    let table = |sources: &[(&str, &str)]| {
        let sources = sources.iter().map(|(name, text)| ((*name).to_owned(), Value::from(*text)));
        Value::Object(sources.collect())
    };
    let parts = [("bridge", table(SOURCES)), ("finder", shim::FINDER.into()), ("shim", table(shim::MODULES))];
    let parts = parts.into_iter().map(|(name, part)| (name.to_owned(), part));
    to_string(&Value::Object(parts.collect()), &Style::LINE)
}

/// What the thread does that starts the process and waits for its end.
fn live(
    mut command: Command,
    theirs: OwnedFd,
    started: &mpsc::SyncSender<io::Result<Pid>>,
    known: &mpsc::Receiver<Arc<Interpreter>>,
) {
    // Only this child shall inherit its end of the pipe.
    let spawned = rustix::io::fcntl_setfd(&theirs, FdFlags::empty())
        .map_err(io::Error::from)
        .and_then(|()| command.spawn());
    drop(theirs);
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => return drop(started.send(Err(error))),
    };
    let _started = children::started(Some(child.id()), Extent::Group);
    let pid = Pid::from_child(&child);
    if started.send(Ok(pid)).is_err() {
        return;
    }
    let Ok(interpreter) = known.recv() else { return };
    // Seen dead, but not reaped: its number is still its own, and its group's.
    let dead = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    while matches!(waitid(WaitId::Pid(pid), dead), Err(rustix::io::Errno::INTR)) {}
    interpreter.kill_group();
    let how = reap(&mut child);
    interpreter.state().reaped = Some(how);
    interpreter.ended.notify_all();
    // Its copies may hold the other end, so nobody must wait for its closing. What it sent before is read first, and then whoever
    // reads tells that it is gone.
    let _ = interpreter.pipe.shutdown(Shutdown::Both);
}

fn reap(child: &mut Child) -> String {
    child.wait().map_or_else(|error| error.to_string(), shown)
}

fn shown(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("it ended with status {code}"),
        (None, Some(signal)) => format!("it was killed by signal {signal}"),
        (None, None) => "it ended".to_owned(),
    }
}

fn command(program: &Program, theirs: &UnixStream) -> Command {
    let mut command = leash::command(&program.path);
    command.arg("-c").arg(BOOT).arg(theirs.as_raw_fd().to_string()).process_group(0);
    command.envs(program.variables.iter().map(|(name, value)| (name, value)));
    command
}

fn too_old(hello: &Value, program: &Program) -> String {
    let parts = hello.get("version").and_then(Value::as_list).unwrap_or_default();
    let parts: Vec<String> = parts.iter().map(squall_experiment::python::str_of).collect();
    format!("{program} is Python {}: extensions need 3.8 or later", parts.join("."))
}

/// Whether JSON, as Python reads it, holds the value as it is.
fn is_plain(value: &Value) -> bool {
    match value {
        Value::Bytes(_) | Value::Date(_) => false,
        Value::List(items) => items.iter().all(is_plain),
        Value::Object(object) => object.values().all(is_plain),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Big(_) | Value::Float(_) | Value::Text(_) => {
            true
        }
    }
}

/// A request whose values carry tags where JSON cannot hold them.
fn tagged(body: Value) -> String {
    let Value::Object(mut body) = body else { return String::new() };
    body.insert("tagged".to_owned(), Value::Bool(true));
    // A value that was read can be written.
    serde_json::to_string(&Value::Object(body)).unwrap_or_default()
}
