//! The way to extensions in Python: which interpreter, and what becomes of what they log.
//!
//! Invariant: nothing of Python is looked for, let alone started, before a document asks for something that is not built in.
//! Not here: the bridge itself (`drivers::python`).

use crate::problem::Problem;
use crate::session::Session;
use crate::shared_log::{SharedLog, lock};
use jiff::Timestamp;
use squall_drivers::CATALOG;
use squall_drivers::python::{Bridge, Ears, Logged, Preferred, Program, Trouble};
use squall_engine::{Environment, Lookup};
use squall_experiment::check::{Known, Parameter};
use squall_experiment::event::Level;
use squall_experiment::python::str_of;
use squall_experiment::{Object, Value};
use squall_report::line::Line;
use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// What is known of the interpreter beforehand, and the bridge to it.
pub(crate) struct Python {
    flag: Option<PathBuf>,
    prefer: Vec<String>,
    native_only: bool,
    setting: OnceLock<Setting>,
    choice: OnceLock<Choice>,
    bridge: OnceLock<Arc<Bridge>>,
    /// Whether it was said that there is none.
    warned: Cell<bool>,
    /// Whether it was said which one is asked.
    shown: Cell<bool>,
}

/// The interpreter that is asked, and what is to be known of how it was chosen.
#[derive(Clone)]
struct Choice {
    program: Result<Program, Trouble>,
    /// What should have been asked instead, and is not there.
    passed_over: Option<String>,
    /// Whether a person named one: with an option, a setting, or a virtual environment.
    named: bool,
}

/// What the settings file says of it.
#[derive(Default)]
struct Setting {
    program: Option<PathBuf>,
    prefer: Vec<String>,
    native_only: bool,
}

impl Python {
    /// As the command line says.
    pub(crate) fn new(flag: Option<PathBuf>, prefer: Vec<String>, native_only: bool) -> Python {
        Python {
            flag,
            prefer,
            native_only,
            setting: OnceLock::new(),
            choice: OnceLock::new(),
            bridge: OnceLock::new(),
            warned: Cell::new(false),
            shown: Cell::new(false),
        }
    }

    /// What the settings file says under `python`: a program, or `{program, prefer, native_only}`. It counts if the bridge was
    /// not asked for yet.
    pub(crate) fn settings(&self, settings: &Object) {
        let setting = match settings.get("python") {
            Some(Value::Text(program)) => {
                Setting { program: Some(PathBuf::from(program)), ..Setting::default() }
            }
            Some(Value::Object(python)) => Setting {
                program: python.get("program").and_then(Value::as_text).map(PathBuf::from),
                prefer: match python.get("prefer") {
                    Some(Value::List(modules)) => modules.iter().map(str_of).collect(),
                    Some(Value::Text(module)) => vec![module.clone()],
                    _ => Vec::new(),
                },
                native_only: python.get("native_only").is_some_and(Value::is_truthy),
            },
            _ => Setting::default(),
        };
        // It is the same file however often it is read.
        let _ = self.setting.set(setting);
    }

    /// What Python is asked for although it is built in: as the command line says, else as the settings do.
    fn preferred(&self) -> Preferred {
        let setting = self.setting.get().map(|setting| setting.prefer.clone());
        match (self.native_only, self.prefer.is_empty()) {
            (true, _) => Preferred::None,
            (false, false) => Preferred::named(self.prefer.clone()),
            (false, true) => Preferred::named(setting.unwrap_or_default()),
        }
    }

    /// Whether Python is asked for this module although it is built in.
    pub(crate) fn prefers(&self, module: &str) -> bool {
        self.preferred().covers(module)
    }

    /// Whether only what is built in may be used.
    fn is_native_only(&self) -> bool {
        // Who names modules on the command line knows what the settings say.
        let setting = self.prefer.is_empty() && self.setting.get().is_some_and(|setting| setting.native_only);
        self.native_only || setting
    }

    /// Refuses an experiment, or settings, that name what is not built in, if only that may be used.
    pub(crate) fn refuses(&self, document: &Value) -> Result<(), Problem> {
        if !self.is_native_only() {
            return Ok(());
        }
        let mut foreign = BTreeSet::new();
        modules(document, &mut foreign);
        if foreign.is_empty() {
            return Ok(());
        }
        let list = foreign.into_iter().map(|module| format!("`{module}`")).collect::<Vec<_>>().join(", ");
        let hint = "`chaos info extensions` lists what is; without --native-only (setting `python`) Python runs the rest";
        Err(Problem::new(format!("only what is built in may be used, and these modules are not: {list}"))
            .hint(hint))
    }
}

/// The modules of a document that are not built in: those of activities, tolerances, values, controls and channels.
fn modules(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::List(items) => items.iter().for_each(|item| modules(item, found)),
        Value::Object(object) => {
            let text = |key: &str| object.get(key).and_then(Value::as_text);
            if let (Some("python" | "plugin"), Some(module)) = (text("type"), text("module"))
                && CATALOG.control(module).is_none()
                && matches!(CATALOG.function(module, text("func").unwrap_or_default()), Lookup::NoModule)
            {
                found.insert(module.to_owned());
            }
            object.values().for_each(|value| modules(value, found));
        }
        _ => {}
    }
}

impl Session {
    /// The bridge, on which nothing is started before it is asked for something.
    pub(crate) fn bridge(&self) -> Arc<Bridge> {
        self.python.bridge.get_or_init(|| self.new_bridge()).clone()
    }

    /// A bridge to an interpreter that nobody else asks: what ends that one harms no activity.
    pub(crate) fn new_bridge(&self) -> Arc<Bridge> {
        let Choice { program, passed_over, .. } = self.choice().clone();
        let listener = Listener { log: self.log.clone(), warning: Mutex::new(passed_over) };
        Arc::new(Bridge::new(program, self.python.preferred(), Arc::new(listener)))
    }

    fn choice(&self) -> &Choice {
        self.python.choice.get_or_init(|| choice(&self.python, &self.environment))
    }

    /// The interpreter that would be started.
    pub(crate) fn interpreter(&self) -> Result<Program, Trouble> {
        let choice = self.choice();
        if let Some(passed_over) = &choice.passed_over {
            self.say(Line::warning(passed_over.clone()));
        }
        choice.program.clone()
    }

    /// Which interpreter would be asked and why, for people.
    pub(crate) fn asked(&self) -> String {
        match &self.choice().program {
            Ok(program) => program.to_string(),
            Err(trouble) => trouble.to_string(),
        }
    }

    /// Says, once, that there is no Python for this module.
    pub(crate) fn say_no_python(&self, module: &str, why: &str) {
        if !self.python.warned.replace(true) {
            self.say(Line::warning(format!("`{module}` is not built in, and {why}")));
        }
    }

    /// Says of a module that its Python cannot import it. On a pipe, where the Toolkit says less, once and if another Python was
    /// meant.
    pub(crate) fn say_missing(&self, module: &str, why: &str) {
        let loud = self.screen.terminal || self.choice().passed_over.is_some();
        let text = format!("Python cannot import `{module}`: {why}; asked {}", self.asked());
        let loud = loud && !self.python.shown.replace(true);
        self.say(if loud { Line::warning(text) } else { Line::debug(text) });
    }

    /// Whether the Python that a person named cannot be asked: what is not found may well be there.
    pub(crate) fn lacks_its_python(&self, is_asked: bool) -> bool {
        let choice = self.choice();
        choice.passed_over.is_some() || (choice.named && !is_asked)
    }

    /// What Python knows of a function, for validation: its module is really imported.
    pub(crate) fn signature(&self, module: &str, func: &str, modules: Vec<String>) -> Known {
        let body = [("module", module), ("func", func)];
        let body = body.map(|(key, value)| (key.to_owned(), Value::from(value))).into_iter().collect();
        match self.bridge().ask_blocking("signature", body) {
            Ok(answer) => {
                let known = known(&answer, modules);
                if let Known::Unimportable { why, .. } = &known {
                    self.say_missing(module, why);
                }
                known
            }
            Err(trouble) => {
                match &trouble {
                    Trouble::NoPython(why) => self.say_no_python(module, why),
                    Trouble::Gone(why) => self.say_missing(module, why),
                    Trouble::Raised(raised) => self.say_missing(module, &raised.shown),
                }
                Known::Unimportable { modules, why: trouble.to_string() }
            }
        }
    }
}

/// What the bridge says of a function.
fn known(answer: &Value, modules: Vec<String>) -> Known {
    let text = |key: &str| answer.get(key).map(str_of).unwrap_or_default();
    let list = |key: &str| answer.get(key).and_then(Value::as_list).unwrap_or_default();
    match answer.get("known").and_then(Value::as_text) {
        Some("module") => Known::NoFunction(list("functions").iter().map(str_of).collect()),
        Some("signature") => {
            let mut parameters = Vec::new();
            let mut open = false;
            for parameter in list("parameters") {
                let name = parameter.get("name").map(str_of).unwrap_or_default();
                let required = parameter.get("required").is_some_and(Value::is_truthy);
                match parameter.get("kind").and_then(Value::as_text) {
                    Some("VAR_KEYWORD") => open = true,
                    Some("VAR_POSITIONAL") => {}
                    Some("POSITIONAL_ONLY") if required => {
                        return Known::Uncallable(format!("'{name}' can only be given by position"));
                    }
                    Some("POSITIONAL_ONLY") => {}
                    _ => parameters.push(Parameter { name, required, schema: serde_json::Value::Bool(true) }),
                }
            }
            if open { Known::Open(parameters) } else { Known::Signature(parameters) }
        }
        Some("unreadable") => Known::Uncallable(text("why")),
        _ => Known::Unimportable { modules, why: text("why") },
    }
}

/// The interpreter that is to be started.
fn choice(python: &Python, environment: &Environment) -> Choice {
    if python.is_native_only() {
        let what = "only what is built in may be used (--native-only, or the setting `python`)";
        let program = Err(Trouble::NoPython(what.to_owned()));
        return Choice { program, passed_over: None, named: false };
    }
    let path = environment.get("PATH");
    let variables = environment.added().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let program = |path: String, origin: String| Program { path: PathBuf::from(path), origin, variables };
    let setting = python.setting.get().and_then(|setting| setting.program.as_ref());
    let named = python.flag.as_ref().map(|named| (named, "--python"));
    if let Some((named, by)) = named.or(setting.map(|named| (named, "the setting `python`"))) {
        let name = named.to_string_lossy();
        let found = match squall_drivers::process::found(&name, path) {
            Some(found) => Ok(program(found, format!("from {by}"))),
            None => Err(Trouble::NoPython(format!(
                "there is no program `{name}` (as --python or the settings name it)"
            ))),
        };
        return Choice { program: found, passed_over: None, named: true };
    }
    let active = environment.get("VIRTUAL_ENV").filter(|folder| !folder.is_empty());
    let of_active = |name: &str| {
        let program = Path::new(active?).join("bin").join(name);
        squall_drivers::process::found(&program.to_string_lossy(), path)
    };
    if let Some(found) = of_active("python").or_else(|| of_active("python3")) {
        let program = Ok(program(found, "from VIRTUAL_ENV".to_owned()));
        return Choice { program, passed_over: None, named: true };
    }
    let gone = active.map(|folder| format!("VIRTUAL_ENV={folder} has no bin/python"));
    let found = ["python3", "python"].iter().find_map(|name| squall_drivers::process::found(name, path));
    let Some(found) = found else {
        let what = gone.as_ref().map_or_else(String::new, |gone| format!("{gone}, and "));
        let what = format!(
            "{what}there is no python3 on PATH: install Python 3.8 or later, or name one with --python"
        );
        return Choice { program: Err(Trouble::NoPython(what)), passed_over: gone, named: active.is_some() };
    };
    let why = gone.as_ref().map_or_else(|| "from PATH".to_owned(), |gone| format!("from PATH; {gone}"));
    let passed_over = gone
        .map(|gone| format!("{gone} that can be run: extensions in Python are asked of {found}, from PATH"));
    Choice { program: Ok(program(found, why)), passed_over, named: active.is_some() }
}

/// Turns what extensions log into lines of the log.
struct Listener {
    log: SharedLog,
    /// What is said when an interpreter is needed, once.
    warning: Mutex<Option<String>>,
}

impl Ears for Listener {
    fn logged(&self, record: Logged) {
        let line = Line {
            level: match record.level.as_str() {
                "DEBUG" => Level::Debug,
                "INFO" => Level::Info,
                "WARNING" => Level::Warning,
                "ERROR" => Level::Error,
                "CRITICAL" => Level::Critical,
                // A level of their own.
                _ => Level::Info,
            },
            message: record.text,
            traceback: record.traceback,
            module: Cow::Owned(record.module),
            number: record.line,
        };
        lock(&self.log).line(&line, Timestamp::now());
    }

    fn signalled(&self, signal: &str) {
        let signal = match signal {
            "SIGUSR1" => rustix::process::Signal::USR1,
            "SIGUSR2" => rustix::process::Signal::USR2,
            _ => return,
        };
        // They take the way of every other signal to us.
        let _ = rustix::process::kill_process(rustix::process::getpid(), signal);
    }

    fn needed(&self) {
        let warning = self.warning.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(warning) = warning {
            lock(&self.log).line(&Line::warning(warning), Timestamp::now());
        }
    }
}
