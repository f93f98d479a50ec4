//! Controls in Python: the bridge calls them, with objects that it keeps for the whole run.
//!
//! Invariant: what the interpreter knows of the run is what was told until now, in the order in which it was told: news is gathered
//! as records are seen, and sent with the next call, or before, if a control wants to be told of events.

mod news;

use news::News;
use squall_drivers::python::{Bridge, Kind, Trouble};
use squall_engine::Failure;
use squall_engine::control::{Call, Changes, Hook, Look, Subject, Unhooked};
use squall_engine::stop::Signal;
use squall_experiment::document::Experiment;
use squall_experiment::event::{ActivityId, Listed, Phase, Place, Record};
use squall_experiment::substitute::Scope;
use squall_experiment::{Object, Value};
use squall_report::journal::Kept;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
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
    /// How often one changed the experiment, the configuration or the secrets.
    changes: AtomicU64,
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
    is_told: bool,
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
            changes: AtomicU64::new(0),
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
        kept: &Mutex<Kept>,
    ) -> Result<Changes, Unhooked> {
        let function = call.hook.function();
        let changes_before = self.changes.load(Ordering::Relaxed);
        match self.module_within_run(module).await {
            Module::With(functions) if functions.iter().any(|has| has == function) => {}
            Module::With(_) | Module::Missing(_) | Module::Unasked(_) => return Ok(Changes::default()),
        }
        let mut known = self.speaking.lock().await;
        // What was changed while it waited for its turn is newer than what it was called with.
        let newest = self.changes.load(Ordering::Relaxed) == changes_before;
        let (experiment, scope) = match (newest, &known.experiment, &known.scope) {
            (false, Some(experiment), Some(scope)) => (Some(experiment.clone()), scope.clone()),
            _ => (call.experiment.cloned(), call.scope.clone()),
        };
        let mut answer = Value::Null;
        for _ in 0..2 {
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
            put("news", self.news_for(&mut known, experiment.as_ref(), &scope, settings));
            put("first", (!known.is_told).into());
            known.is_told = true;
            answer = self.bridge.ask("control_call", body).await.map_err(unhooked)?;
            if !answer.get("anew").is_some_and(Value::is_truthy) {
                break;
            }
            // Another interpreter took the place of the one that was told, and is told all of it.
            *known = Known::default();
            self.listened.store(false, Ordering::Relaxed);
            let kept = locked(kept);
            locked(&self.news).again(&kept);
        }
        if answer.get("handlers").is_some_and(Value::is_truthy) {
            self.listened.store(true, Ordering::Relaxed);
            locked(&self.news).listened = true;
        }
        let changes = changes(&answer);
        if known.took(&changes) {
            self.changes.fetch_add(1, Ordering::Relaxed);
        }
        Ok(changes)
    }

    /// Everything that the interpreter does not know yet.
    fn news_for(
        &self,
        known: &mut Known,
        experiment: Option<&Arc<Experiment>>,
        scope: &Arc<Scope>,
        settings: &Settings,
    ) -> Value {
        let mut items = Vec::new();
        let mut tell = |kind: &str, value: Value| items.push(Value::List(vec![kind.into(), value]));
        if known.settings.as_ref() != Some(&settings.shown) {
            tell("settings", settings.shown.clone());
            known.settings = Some(settings.shown.clone());
        }
        // There is none while it is loaded.
        let Some(experiment) = experiment else { return Value::List(items) };
        if known.experiment.as_deref() != Some(&**experiment) {
            tell("experiment", experiment.document.clone().into());
            known.experiment = Some(experiment.clone());
        }
        let same = known
            .scope
            .as_ref()
            .is_some_and(|old| old.configuration == scope.configuration && old.secrets == scope.secrets);
        if !same {
            tell("configuration", scope.configuration.clone().into());
            tell("secrets", scope.secrets.clone().into());
            known.scope = Some(scope.clone());
        }
        items.extend(locked(&self.news).gathered().into_iter().flatten());
        Value::List(items)
    }
}

impl Known {
    /// What the interpreter changed itself it need not be told. Whether it is something that calls are made with.
    fn took(&mut self, changes: &Changes) -> bool {
        if let Some(Value::Object(document)) = &changes.experiment {
            self.experiment = Some(Arc::new(Experiment { document: document.clone() }));
        }
        if changes.configuration.is_some() || changes.secrets.is_some() {
            let mut scope = self.scope.as_deref().cloned().unwrap_or_default();
            scope.configuration = changes.configuration.clone().unwrap_or(scope.configuration);
            scope.secrets = changes.secrets.clone().unwrap_or(scope.secrets);
            self.scope = Some(Arc::new(scope));
        }
        changes.experiment.is_some() || changes.configuration.is_some() || changes.secrets.is_some()
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
    let items = |key: &str| changed.get(key).and_then(Value::as_list).unwrap_or_default();
    let record = |item: &Value| match item.as_list()? {
        [id, Value::Object(record)] => Some((activity(id)?, record.clone())),
        _ => None,
    };
    let journal = changed.get("journal").map(|journal| {
        (journal.get("members").and_then(Value::as_object).cloned().unwrap_or_default(), removed(journal))
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
        records: items("records").iter().filter_map(record).collect(),
        looks: items("looks").iter().filter_map(look).collect(),
        runs: items("runs").iter().filter_map(runs).collect(),
        journal,
        trouble,
    }
}

/// What a control made of a look at the steady state.
fn look(item: &Value) -> Option<(Phase, Look)> {
    let [phase, look] = item.as_list()? else { return None };
    let Some(Place::Hypothesis(phase)) = news::named(phase.as_text()?) else { return None };
    let members = look.get("members").and_then(Value::as_object).cloned().unwrap_or_default();
    let met = look.get("met").and_then(Value::as_bool)?;
    Some((phase, Look { met, members, removed: removed(look) }))
}

/// What a control made of a list of records.
fn runs(item: &Value) -> Option<(Place, Vec<Listed>)> {
    let [place, runs] = item.as_list()? else { return None };
    let listed = |run: &Value| match run.as_list()? {
        [Value::Text(is), id] if is == "played" => Some(Listed::Played(activity(id)?)),
        [Value::Text(is), value] if is == "added" => Some(Listed::Added(value.clone())),
        _ => None,
    };
    Some((news::named(place.as_text()?)?, runs.as_list()?.iter().filter_map(listed).collect()))
}

fn activity(number: &Value) -> Option<ActivityId> {
    match number {
        Value::Int(number) => u64::try_from(*number).ok().map(ActivityId),
        _ => None,
    }
}

fn removed(of: &Value) -> Vec<String> {
    let removed = of.get("removed").and_then(Value::as_list).unwrap_or_default();
    removed.iter().filter_map(Value::as_text).map(str::to_owned).collect()
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
