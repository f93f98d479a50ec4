//! Controls: where they come from, and who serves them.
//!
//! Invariant: a control is shown what the journal would hold if the run ended now, without the secrets that the session knows. Not
//! here: which controls are called when, and what becomes of what they change (`engine::control`, `engine::run`).

mod file;
mod native;
mod python;

use self::python::{Module, Python, Settings};
use crate::problem::Problem;
use crate::session::Session;
use crate::{machine, settings};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use squall_drivers::CATALOG;
use squall_engine::Environment;
use squall_engine::control::{Call, Changes, Controls, Hook, Subject, Unhooked, applying, declared, name};
use squall_engine::options::Options;
use squall_engine::story::Observer;
use squall_experiment::check::KnownControl;
use squall_experiment::document::Experiment;
use squall_experiment::draft::Draft;
use squall_experiment::event::{Around, Record, Side};
use squall_experiment::substitute::Scope;
use squall_experiment::{Object, Value};
use squall_report::journal::Kept;
use squall_report::line::Line;
use squall_report::redact::Redactor;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long event handlers may take once a run that was stopped is over.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// The controls of a run, and all that they are shown.
pub(crate) struct Backstage {
    globals: Vec<Value>,
    environment: Environment,
    redactor: Redactor,
    kept: Mutex<Kept>,
    python: Python,
    settings: Settings,
}

impl Backstage {
    /// With the controls that hold for every experiment: those of the settings, then those of the files.
    pub(crate) fn open(
        files: &[PathBuf],
        settings: Option<&Object>,
        session: &Session,
    ) -> Result<Backstage, Problem> {
        let python = Python::new(session.bridge());
        let none = Object::default();
        let (settings, is_there) = (settings.unwrap_or(&none), settings.is_some());
        let mut globals = Vec::new();
        for (name, control) in settings::controls(settings)? {
            session.say(Line::debug(format!("Loading global control '{name}'")));
            globals.extend(loaded(name, control, &python, session)?);
        }
        for path in files {
            for (name, control) in file::read(path, session)? {
                let from = path.display();
                session.say(Line::debug(format!("Loading global control '{name}' from {from}")));
                globals.extend(loaded(&name, &control, &python, session)?);
            }
        }
        let mut settings = settings.clone();
        if let Some(Value::Object(controls)) = settings.get_mut("controls") {
            for (name, control) in controls {
                if let Value::Object(control) = control {
                    control.insert("name".to_owned(), name.as_str().into());
                }
            }
        }
        let filled = Value::Object(settings);
        let shown = if is_there { filled.clone() } else { Value::Null };
        Ok(Backstage {
            globals,
            environment: session.environment.clone(),
            redactor: session.redactor.clone(),
            kept: Mutex::default(),
            python,
            settings: Settings { filled, shown },
        })
    }

    /// Calls the controls that are called before anything is loaded.
    pub(crate) fn before_loading(&self, source: &str, session: &Session) -> Result<(), Problem> {
        self.loading(Side::Before, source, None, session).map(|_| ())
    }

    /// Calls the controls that are called when the experiment was loaded, or could not be; they may change it.
    pub(crate) fn after_loading(
        &self,
        source: &str,
        loaded: Result<Draft, Problem>,
        session: &Session,
    ) -> Result<Draft, Problem> {
        let changed = self.loading(Side::After, source, loaded.as_ref().ok(), session)?;
        let mut draft = loaded?;
        if let Some(document) = changed {
            draft.document = document;
        }
        Ok(draft)
    }

    /// The experiment, if it was changed.
    fn loading(
        &self,
        side: Side,
        source: &str,
        draft: Option<&Draft>,
        session: &Session,
    ) -> Result<Option<Value>, Problem> {
        let applying = applying(Around::Loader, side, &self.globals, None, None);
        if applying.is_empty() {
            return Ok(None);
        }
        let runtime = machine::runtime()?;
        let scope = Arc::new(Scope::default());
        let mut changed = None;
        for control in applying {
            let name = name(control);
            session.say(Line::debug(format!("Applying {}-control '{name}' on 'loader'", side.word())));
            let document = changed.as_ref().or(draft.map(|draft| &draft.document));
            let call = Call {
                control,
                hook: Hook::Turn(Around::Loader, side),
                arguments: &squall_engine::control::arguments(control),
                subject: Subject::Source(source, document),
                experiment: None,
                scope: &scope,
                now: Timestamp::now(),
            };
            let called = runtime.block_on(self.call(call)).and_then(|mut changes| {
                changed = changes.experiment.take().or(changed.take());
                changes.trouble.map_or(Ok(()), Err)
            });
            match called {
                Ok(()) => {}
                Err(Unhooked::Failed(failure)) => {
                    let text = format!("control '{name}' failed: {}", failure.classed());
                    let loud = session.screen.terminal;
                    session.say(if loud { Line::warning(text) } else { Line::debug(text) });
                }
                Err(Unhooked::Interrupted(why)) => return Err(Problem::new(why)),
                Err(Unhooked::Exit(signal)) => return Err(Problem::new(signal.word())),
            }
        }
        Ok(changed)
    }

    /// Imports the modules of an experiment's controls, before the run, for that takes its time.
    ///
    /// # Errors
    /// A control that may be a safeguard cannot be asked for, because the Python that was named is none.
    pub(crate) fn summon(&self, experiment: &Experiment, session: &Session) -> Result<(), Problem> {
        for module in declared(&experiment.document).iter().filter_map(|control| module(control)) {
            if CATALOG.control(module).is_none() {
                sought(module, &self.python, session)?;
            }
        }
        Ok(())
    }

    /// For a run of this experiment with these strategies; `None` if nothing is called around it.
    pub(crate) fn of(mut self, experiment: &Experiment, options: &Options) -> Option<Arc<Backstage>> {
        let declared = declared(&experiment.document);
        if self.globals.is_empty() && declared.is_empty() {
            return None;
        }
        let shown = !self.settings.shown.is_null();
        if let Value::Object(settings) = &mut self.settings.filled {
            let words = [("hypothesis", options.hypothesis.word()), ("rollbacks", options.rollbacks.word())];
            for (of, word) in words {
                let runtime = section(settings, "runtime");
                section(runtime, of).insert("strategy".to_owned(), word.into());
            }
        }
        if shown {
            self.settings.shown = self.settings.filled.clone();
        }
        Some(Arc::new(self))
    }

    /// The run is over. Of one that was stopped nobody waits for long.
    pub(crate) fn finish(&self, stopped: bool) {
        self.python.finish(stopped.then_some(LAST_WORDS));
    }

    /// Gathers what controls are shown.
    pub(crate) fn observer(backstage: &Arc<Backstage>) -> Observer {
        let backstage = backstage.clone();
        Box::new(move |records: &[Record]| {
            let mut kept = backstage.kept();
            for record in records {
                kept.take(record);
                backstage.python.observe(record, &kept);
            }
        })
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Controls for Backstage {
    fn globals(&self) -> Vec<Value> {
        self.globals.clone()
    }

    fn told(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.python.told())
    }

    fn call<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Changes, Unhooked>> {
        Box::pin(async move {
            let Some(module) = module(call.control) else { return Ok(Changes::default()) };
            match CATALOG.control(module) {
                Some(entry) => native::call(self, entry, &call).await.map(|()| Changes::default()),
                None => self.python.call(module, &call, &self.settings, &self.kept).await,
            }
        })
    }
}

/// Why a module does not accept a declaration, and whether there is that module at all.
pub(crate) fn foreign(module: &str, control: &Object, session: &Session) -> KnownControl {
    let bridge = session.bridge();
    match Python::new(bridge.clone()).module(module) {
        found @ (Module::Missing(_) | Module::Unasked(_)) => {
            say_missing(module, &found, session);
            KnownControl::NoModule(CATALOG.controls.iter().map(|entry| entry.spec.name.to_owned()).collect())
        }
        Module::With(hooks) if hooks.iter().any(|hook| hook == "validate_control") => {
            Python::refusal(&bridge, module, control).map_or(KnownControl::Foreign, KnownControl::Refused)
        }
        Module::With(_) => KnownControl::Foreign,
    }
}

/// A section of the settings; anything else of that name gives way.
fn section<'a>(of: &'a mut Object, name: &str) -> &'a mut Object {
    let section = of.entry(name.to_owned()).or_insert_with(|| Value::Object(Object::default()));
    if section.as_object().is_none() {
        *section = Value::Object(Object::default());
    }
    match section {
        Value::Object(section) => section,
        _ => unreachable!("it was just made an object"),
    }
}

/// The module of a control, if it is of the one type that has an effect.
fn module(control: &Object) -> Option<&str> {
    let provider = control.get("provider")?;
    (provider.get("type")?.as_text()? == "python").then(|| provider.get("module")?.as_text())?
}

/// A control that holds for every experiment, with its name; `None` if there is no such module.
fn loaded(name: &str, control: &Value, python: &Python, session: &Session) -> Result<Option<Value>, Problem> {
    let Value::Object(control) = control else {
        let text = format!("control '{name}' is left out: it must be an object");
        session.say(Line::warning(text));
        return Ok(None);
    };
    let mut control = control.clone();
    control.insert("name".to_owned(), name.into());
    if let Some(module) = module(&control)
        && CATALOG.control(module).is_none()
        && let Module::Missing(why) | Module::Unasked(why) = sought(module, python, session)?
    {
        // The Toolkit says so at DEBUG only.
        let text = format!("Control module '{module}' could not be loaded ({why}). Have you installed it?");
        session.say(if session.screen.terminal { Line::warning(text) } else { Line::debug(text) });
        return Ok(None);
    }
    Ok(Some(Value::Object(control)))
}

/// Says why a module is not to be had.
fn say_missing(module: &str, found: &Module, session: &Session) {
    match found {
        Module::With(_) => {}
        Module::Missing(why) => session.say_missing(module, why),
        Module::Unasked(why) => session.say_no_python(module, why),
    }
}

/// A module of controls, for a run. One that is missing is left out, as in the Toolkit; but where the Python that was named cannot be
/// asked, the control may be a safeguard that is there, and the run must not begin without it.
fn sought(module: &str, python: &Python, session: &Session) -> Result<Module, Problem> {
    let found = python.module(module);
    say_missing(module, &found, session);
    let (is_asked, why) = match &found {
        Module::With(_) => return Ok(found),
        Module::Missing(why) => (true, format!("{why}; asked {}", session.asked())),
        Module::Unasked(why) => (false, why.clone()),
    };
    if !session.lacks_its_python(is_asked) {
        return Ok(found);
    }
    let what = format!("the control module '{module}' cannot be had, and nothing is run without it");
    Err(Problem::new(format!("{what}: {why}"))
        .hint("repair what --python, the setting `python` or VIRTUAL_ENV names, or remove the control"))
}
