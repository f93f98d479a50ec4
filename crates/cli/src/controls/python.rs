//! Controls in Python: the bridge calls them, with objects that it keeps for the whole run.
//!
//! Invariant: what the interpreter knows of the run is what was told until now, in the order in which it was told: news is gathered
//! as records are seen, and sent with the next call, or before, if a control wants to be told of events.

mod news;

use news::News;
use squall_drivers::python::{Bridge, Kind, Trouble};
use squall_engine::Failure;
use squall_engine::control::{Call, Changes, Hook, Subject, Unhooked};
use squall_engine::stop::Signal;
use squall_experiment::document::Experiment;
use squall_experiment::event::{ActivityId, Place, Record};
use squall_experiment::substitute::Scope;
use squall_experiment::{Object, Value};
use squall_report::journal::Kept;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The controls of a run that are in Python.
pub(super) struct Python {
    bridge: Arc<Bridge>,
    modules: Mutex<BTreeMap<String, Module>>,
    news: Mutex<News>,
    /// One speaks at a time, so that news arrives in its order.
    speaking: tokio::sync::Mutex<Known>,
    /// Whether a control wants to be told of events.
    listened: AtomicBool,
}

/// The settings as controls see them.
#[derive(Clone, Debug, Default)]
pub(super) struct Settings {
    /// With the strategies of this run.
    pub(super) filled: Value,
    /// The same, but null without a settings file.
    pub(super) shown: Value,
}

/// What the interpreter has been told.
#[derive(Default)]
struct Known {
    experiment: Option<Arc<Experiment>>,
    scope: Option<Arc<Scope>>,
    settings: Option<Value>,
}

/// A module of controls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Module {
    /// With these functions.
    With(Vec<String>),
    /// It cannot be imported: why.
    Missing(String),
    /// There is no Python to ask for it: why.
    Unasked(String),
}

impl Python {
    pub(super) fn new(bridge: Arc<Bridge>) -> Python {
        Python {
            bridge,
            modules: Mutex::default(),
            news: Mutex::default(),
            speaking: tokio::sync::Mutex::default(),
            listened: AtomicBool::new(false),
        }
    }

    /// Which hooks a module has. It is really imported, once.
    pub(super) fn module(&self, module: &str) -> Module {
        self.known(module).unwrap_or_else(|| {
            let answer = self.bridge.ask_blocking("control_module", import(module));
            self.knows(module, answer)
        })
    }

    /// The same within a run, for a control that another one added: whatever its module does, signals are heard meanwhile.
    async fn module_within_run(&self, module: &str) -> Module {
        if let Some(known) = self.known(module) {
            return known;
        }
        let answer = self.bridge.ask("control_module", import(module)).await;
        self.knows(module, answer)
    }

    fn known(&self, module: &str) -> Option<Module> {
        locked(&self.modules).get(module).cloned()
    }

    fn knows(&self, module: &str, answer: Result<Value, Trouble>) -> Module {
        let found = match answer {
            Ok(answer) => match answer.get("functions").and_then(Value::as_list) {
                Some(functions) => {
                    Module::With(functions.iter().filter_map(Value::as_text).map(str::to_owned).collect())
                }
                None => Module::Missing(text(&answer, "missing").unwrap_or_default()),
            },
            Err(Trouble::NoPython(why)) => Module::Unasked(why),
            Err(trouble) => Module::Missing(trouble.to_string()),
        };
        locked(&self.modules).insert(module.to_owned(), found.clone());
        found
    }

    /// Gathers what controls are shown.
    pub(super) fn observe(&self, record: &Record, kept: &Kept) {
        if !locked(&self.modules).values().any(|module| matches!(module, Module::With(_))) {
            return;
        }
        locked(&self.news).take(record, kept);
    }

    /// The run is over, and its controls have been cleaned up. Without a limit the end of the process is what ends this.
    pub(super) fn finish(&self, within: Option<Duration>) {
        if !self.listened.load(Ordering::Relaxed) {
            return;
        }
        locked(&self.news).finish();
        let news = locked(&self.news).gathered().unwrap_or_default();
        let body = Object::from_iter([("news".to_owned(), Value::List(news))]);
        let _ = match within {
            Some(within) => self.bridge.ask_within(within, "control_news", body),
            None => self.bridge.ask_blocking("control_news", body),
        };
    }

    /// What a module's own validation says against a declaration.
    pub(super) fn refusal(bridge: &Bridge, module: &str, control: &Object) -> Option<String> {
        let body = [("module", Value::from(module)), ("control", control.clone().into())];
        let body = body.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        match bridge.ask_blocking("control_validate", body) {
            Err(Trouble::Raised(raised)) => Some(raised.message),
            Ok(_) | Err(Trouble::NoPython(_) | Trouble::Gone(_)) => None,
        }
    }

    /// Tells those who are told of events what happened.
    pub(super) async fn told(&self) {
        if !self.listened.load(Ordering::Relaxed) {
            return;
        }
        let _known = self.speaking.lock().await;
        let Some(news) = locked(&self.news).gathered() else { return };
        let body = Object::from_iter([("news".to_owned(), Value::List(news))]);
        // What goes wrong there is told there; an interpreter that is gone is the next call's failure.
        let _ = self.bridge.ask("control_news", body).await;
    }

    /// Calls a hook of a module, if it has it.
    pub(super) async fn call(
        &self,
        module: &str,
        call: &Call<'_>,
        settings: &Settings,
    ) -> Result<Changes, Unhooked> {
        let function = call.hook.function();
        match self.module_within_run(module).await {
            Module::With(functions) if functions.iter().any(|has| has == function) => {}
            Module::With(_) | Module::Missing(_) | Module::Unasked(_) => return Ok(Changes::default()),
        }
        let mut known = self.speaking.lock().await;
        let mut body = Object::default();
        let mut put = |key: &str, value: Value| body.insert(key.to_owned(), value);
        put("module", module.into());
        put("function", function.into());
        put("arguments", call.arguments.clone());
        put("global", (call.hook == Hook::Configure { global: true }).into());
        if call.hook == (Hook::Configure { global: true }) {
            put("settings", settings.filled.clone());
        }
        put("subject", subject(call));
        put("news", self.news_for(&mut known, call, settings));
        let answer = self.bridge.ask("control_call", body).await.map_err(unhooked)?;
        if answer.get("handlers").is_some_and(Value::is_truthy) {
            self.listened.store(true, Ordering::Relaxed);
            locked(&self.news).listened = true;
        }
        let changes = changes(&answer);
        known.took(&changes);
        Ok(changes)
    }

    /// Everything that the interpreter does not know yet.
    fn news_for(&self, known: &mut Known, call: &Call<'_>, settings: &Settings) -> Value {
        let mut items = Vec::new();
        let mut tell = |kind: &str, value: Value| items.push(Value::List(vec![kind.into(), value]));
        if known.settings.as_ref() != Some(&settings.shown) {
            tell("settings", settings.shown.clone());
            known.settings = Some(settings.shown.clone());
        }
        if let Some(experiment) = call.experiment
            && known.experiment.as_deref() != Some(&**experiment)
        {
            tell("experiment", experiment.document.clone().into());
            known.experiment = Some(experiment.clone());
        }
        let same = known.scope.as_ref().is_some_and(|old| {
            old.configuration == call.scope.configuration && old.secrets == call.scope.secrets
        });
        if call.experiment.is_some() && !same {
            tell("configuration", call.scope.configuration.clone().into());
            tell("secrets", call.scope.secrets.clone().into());
            known.scope = Some(call.scope.clone());
        }
        if call.experiment.is_some() {
            items.extend(locked(&self.news).gathered().into_iter().flatten());
        }
        Value::List(items)
    }
}

impl Known {
    /// What the interpreter changed itself it need not be told.
    fn took(&mut self, changes: &Changes) {
        if let Some(Value::Object(document)) = &changes.experiment {
            self.experiment = Some(Arc::new(Experiment { document: document.clone() }));
        }
        if changes.configuration.is_some() || changes.secrets.is_some() {
            let mut scope = self.scope.as_deref().cloned().unwrap_or_default();
            scope.configuration = changes.configuration.clone().unwrap_or(scope.configuration);
            scope.secrets = changes.secrets.clone().unwrap_or(scope.secrets);
            self.scope = Some(Arc::new(scope));
        }
    }
}

fn import(module: &str) -> Object {
    Object::from_iter([("module".to_owned(), Value::from(module))])
}

/// What a control is called about, as the interpreter finds it.
fn subject(call: &Call<'_>) -> Value {
    let mut subject = Object::default();
    let mut put = |key: &str, value: Value| subject.insert(key.to_owned(), value);
    match call.subject {
        Subject::Source(source, document) => {
            put("of", "source".into());
            put("source", source.into());
            put("document", document.cloned().unwrap_or_default());
        }
        Subject::Run => drop(put("of", "run".into())),
        Subject::Method => drop(put("of", "method".into())),
        Subject::Rollbacks => drop(put("of", "rollbacks".into())),
        Subject::Hypothesis(phase) => {
            put("of", "hypothesis".into());
            put("phase", news::phase(phase).into());
        }
        Subject::Activity { play, activity, at: (place, index), record } => {
            put("of", "activity".into());
            put("play", number(play));
            put("activity", activity.clone());
            let list = match place {
                Place::Hypothesis(_) => "probes",
                Place::Method => "method",
                Place::Rollbacks => "rollbacks",
            };
            put("list", list.into());
            put("index", number(index as u64));
            put("record", record.map_or(Value::Null, |id| number(id.0)));
        }
    }
    Value::Object(subject)
}

/// What the interpreter says that a control changed.
fn changes(answer: &Value) -> Changes {
    let none = Value::Null;
    let changed = answer.get("changed").unwrap_or(&none);
    let object = |key: &str| changed.get(key).and_then(Value::as_object).cloned();
    let records = changed.get("records").and_then(Value::as_list).unwrap_or_default();
    let record = |item: &Value| match item.as_list()? {
        [Value::Int(id), Value::Object(record)] => {
            Some((ActivityId(u64::try_from(*id).ok()?), record.clone()))
        }
        _ => None,
    };
    let journal = changed.get("journal").map(|journal| {
        let removed = journal.get("removed").and_then(Value::as_list).unwrap_or_default();
        let removed = removed.iter().filter_map(Value::as_text).map(str::to_owned).collect();
        (journal.get("members").and_then(Value::as_object).cloned().unwrap_or_default(), removed)
    });
    let trouble = match text(answer, "interrupted") {
        Some(why) => Some(Unhooked::Interrupted(why)),
        None => answer.get("failed").filter(|failed| !failed.is_null()).map(|failed| {
            let what = text(failed, "message").unwrap_or_default();
            let class = text(failed, "class").unwrap_or_default();
            Unhooked::Failed(Failure { class: class.into(), ..Failure::experiment(what) })
        }),
    };
    Changes {
        activity: changed.get("activity").cloned(),
        experiment: changed.get("experiment").cloned(),
        configuration: object("configuration"),
        secrets: object("secrets"),
        records: records.iter().filter_map(record).collect(),
        met: changed.get("met").and_then(Value::as_bool),
        journal,
        trouble,
    }
}

/// What it means for the run that a call came to no answer.
fn unhooked(trouble: Trouble) -> Unhooked {
    match trouble {
        Trouble::Raised(raised) => match raised.kind {
            Kind::Keyboard => Unhooked::Exit(Signal::Interrupt),
            Kind::Exit if raised.code == Some(30) => Unhooked::Exit(Signal::User2),
            Kind::Exit => Unhooked::Exit(Signal::User1),
            Kind::Failed | Kind::Fatal | Kind::Interrupt => {
                let failure = Failure::experiment(raised.message.clone());
                Unhooked::Failed(Failure { class: raised.class.clone().into(), ..failure })
            }
        },
        Trouble::NoPython(why) | Trouble::Gone(why) => Unhooked::Failed(Failure::environment(why)),
    }
}

fn text(of: &Value, key: &str) -> Option<String> {
    of.get(key).and_then(Value::as_text).map(str::to_owned)
}

/// Numbers of activities are small.
fn number(number: u64) -> Value {
    Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
