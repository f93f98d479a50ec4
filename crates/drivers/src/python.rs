//! The bridge to Python: functions of extensions that nobody rewrote are called in an interpreter of their own.
//!
//! One interpreter a run, started when it is first asked for something. What is asked are *ops* (`call`, `signature`, …), which
//! the sources under `bridge/` serve; they travel to the interpreter through its pipe, and nothing is written to disk.
//!
//! Invariant: whatever an extension does to its interpreter, each request gets an answer or a clear failure, the next one finds
//! an interpreter again, and none is left behind by [`Bridge::end`]. Not here: what is asked and when (`engine`, cli).

mod interpreter;
mod leash;
mod reply;
mod serve;
mod shim;

use interpreter::Interpreter;
pub use interpreter::Program;
pub use leash::become_it;
pub use reply::{Kind, Raised, Trouble};
use squall_experiment::{Object, Value};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// What `python3 -c` runs to become a command that an extension adds; its arguments are explained there.
pub const COMMAND: &str = include_str!("python/bridge/command.py");

/// A record of the logger that extensions write to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// Python's word for its level: `INFO`.
    pub level: String,
    /// What it says.
    pub text: String,
    /// The stem of the source file that says it.
    pub module: String,
    /// The line there.
    pub line: u32,
    /// The traceback that belongs to it.
    pub traceback: Option<String>,
}

/// What hears what nobody asked for; called from a thread of the bridge's own.
pub trait Ears: Send + Sync {
    /// An extension logged something.
    fn logged(&self, record: Logged);
    /// An extension sent its own process a signal that is meant for the run: `SIGUSR1`, `SIGUSR2`.
    fn signalled(&self, signal: &str);
    /// An interpreter is needed, and will be asked for.
    fn needed(&self);
}

/// The modules that are asked of Python although they are built in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Preferred {
    /// None of them.
    #[default]
    None,
    /// These, and those within these packages.
    Modules(Vec<String>),
    /// All of them.
    All,
}

impl Preferred {
    /// As a person names them; `all` is all of them.
    pub fn named(names: Vec<String>) -> Preferred {
        match names {
            names if names.is_empty() => Preferred::None,
            names if names.iter().any(|name| name == "all") => Preferred::All,
            names => Preferred::Modules(names),
        }
    }

    /// Whether this module is among them.
    pub fn covers(&self, module: &str) -> bool {
        match self {
            Preferred::None => false,
            Preferred::All => true,
            Preferred::Modules(names) => names.iter().any(|name| {
                module
                    .strip_prefix(name.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            }),
        }
    }
}

/// An interpreter, as soon as there has to be one.
pub struct Bridge {
    program: Result<Program, Trouble>,
    preferred: Preferred,
    ears: Arc<dyn Ears>,
    current: Mutex<Option<Current>>,
}

/// The interpreter that is there now, and what it has been told.
struct Current {
    interpreter: Arc<Interpreter>,
    configuration: Option<Arc<Object>>,
}

/// How long an interpreter may take for its last words: what `atexit` has, threads that are waited for.
const FAREWELL: Duration = Duration::from_secs(5);

impl Bridge {
    /// A bridge to that interpreter, or the reason why there is none, which is then the answer to everything.
    pub fn new(program: Result<Program, Trouble>, preferred: Preferred, ears: Arc<dyn Ears>) -> Bridge {
        Bridge { program, preferred, ears, current: Mutex::new(None) }
    }

    /// Asks for an op and waits for its answer.
    ///
    /// # Errors
    /// Why there is no answer, or what was raised instead.
    pub async fn ask(&self, op: &str, body: Object) -> Result<Value, Trouble> {
        let (pending, answer) = Pending::begin(self.free_interpreter().await?, op, body)?;
        let reply = answer.await;
        pending.answered(reply)
    }

    /// [`Bridge::ask`] where nothing else can go on meanwhile: before and after a run.
    ///
    /// # Errors
    /// Why there is no answer, or what was raised instead.
    pub fn ask_blocking(&self, op: &str, body: Object) -> Result<Value, Trouble> {
        let interpreter = self.interpreter()?;
        let (to, answer) = std::sync::mpsc::sync_channel(1);
        interpreter.begin(op, body, Box::new(move |reply| drop(to.send(reply))))?;
        answer.recv().unwrap_or_else(|_| Err(interpreter.gone()))
    }

    /// [`Bridge::ask_blocking`], but after this time it is cancelled, and what goes on nevertheless is killed.
    ///
    /// # Errors
    /// Why there is no answer, or what was raised instead.
    pub fn ask_within(&self, within: Duration, op: &str, body: Object) -> Result<Value, Trouble> {
        let interpreter = self.interpreter()?;
        let (to, answer) = std::sync::mpsc::sync_channel(1);
        let what = what(op, &body);
        let number = interpreter.begin(op, body, Box::new(move |reply| drop(to.send(reply))))?;
        let answered = answer.recv_timeout(within).or_else(|_| {
            interpreter.cancel(number, &what);
            answer.recv()
        });
        answered.unwrap_or_else(|_| Err(interpreter.gone()))
    }

    /// Whether an interpreter is running.
    pub fn is_started(&self) -> bool {
        self.current().as_ref().is_some_and(|current| current.interpreter.is_there())
    }

    /// Ends the interpreter and everything that it started in its process group.
    pub fn end(&self) {
        let current = self.current().take();
        if let Some(current) = current {
            current.interpreter.end(FAREWELL);
        }
    }

    fn current(&self) -> MutexGuard<'_, Option<Current>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same as below, but one that does nothing any more that was cancelled.
    async fn free_interpreter(&self) -> Result<Arc<Interpreter>, Trouble> {
        self.interpreter()?.is_free().await;
        self.interpreter()
    }

    /// The interpreter that is there, or a new one.
    fn interpreter(&self) -> Result<Arc<Interpreter>, Trouble> {
        let mut current = self.current();
        if let Some(Current { interpreter, .. }) = &*current
            && interpreter.is_there()
        {
            return Ok(interpreter.clone());
        }
        if let Some(useless) = current.as_ref().and_then(|current| current.interpreter.useless()) {
            return Err(useless);
        }
        let program = self.program.as_ref().map_err(Clone::clone)?;
        self.ears.needed();
        let interpreter = Interpreter::start(program, self.ears.clone())?;
        *current = Some(Current { interpreter: interpreter.clone(), configuration: None });
        Ok(interpreter)
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        self.end();
    }
}

/// A request on its way. One whose answer nobody waits for any more is cancelled.
struct Pending {
    interpreter: Arc<Interpreter>,
    number: u64,
    what: String,
    over: bool,
}

type Reply = Result<Value, Trouble>;

impl Pending {
    fn begin(
        interpreter: Arc<Interpreter>,
        op: &str,
        body: Object,
    ) -> Result<(Pending, oneshot::Receiver<Reply>), Trouble> {
        let (to, answer) = oneshot::channel();
        let what = what(op, &body);
        let number = interpreter.begin(op, body, Box::new(move |reply| drop(to.send(reply))))?;
        Ok((Pending { interpreter, number, what, over: false }, answer))
    }

    /// The answer, or why there will be none.
    fn answered(mut self, reply: Result<Reply, oneshot::error::RecvError>) -> Reply {
        self.over = true;
        reply.unwrap_or_else(|_| Err(self.interpreter.gone()))
    }

    fn cancel(&mut self) {
        if !std::mem::replace(&mut self.over, true) {
            self.interpreter.cancel(self.number, &self.what);
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.cancel();
    }
}

/// What a request asks for, in a message.
fn what(op: &str, body: &Object) -> String {
    let text = |key: &str| body.get(key).and_then(Value::as_text);
    match (text("module"), text("func").or_else(|| text("function"))) {
        (Some(module), Some(function)) => format!("`{module}.{function}`"),
        _ if op == "control_news" => "an event handler".to_owned(),
        _ => format!("`{op}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preferred_package_covers_its_modules() {
        let named = |names: &[&str]| Preferred::named(names.iter().map(|name| (*name).to_owned()).collect());
        for (names, module, covered) in [
            (&[][..], "chaosk8s", false),
            (&["chaosk8s"], "chaosk8s", true),
            (&["chaosk8s"], "chaosk8s.pod.actions", true),
            (&["chaosk8s.pod"], "chaosk8s.node.actions", false),
            (&["chaosk8s"], "chaosk8sother", false),
            (&["chaosk8s", "all"], "anything", true),
        ] {
            assert_eq!(named(names).covers(module), covered, "{names:?} {module}");
        }
    }
}
