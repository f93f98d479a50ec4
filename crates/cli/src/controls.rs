//! Controls: where they come from, and who serves them.
//!
//! Invariant: a control is shown what the journal would hold if the run ended now, without the secrets that the session knows. Not
//! here: which controls are called when, and what becomes of what they change (`engine::control`, `engine::run`).

mod file;
mod native;

use crate::problem::Problem;
use crate::session::Session;
use crate::{machine, settings};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use squall_drivers::CATALOG;
use squall_engine::Environment;
use squall_engine::control::{Call, Changes, Controls, Hook, Subject, Unhooked, applying, declared, name};
use squall_engine::story::Observer;
use squall_experiment::document::Experiment;
use squall_experiment::event::{Around, Record, Side};
use squall_experiment::load::Draft;
use squall_experiment::substitute::Scope;
use squall_experiment::{Object, Value};
use squall_report::journal::Kept;
use squall_report::line::Line;
use squall_report::redact::Redactor;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The controls of a run, and all that they are shown.
pub(crate) struct Backstage {
    globals: Vec<Value>,
    environment: Environment,
    redactor: Redactor,
    kept: Mutex<Kept>,
}

impl Backstage {
    /// With the controls that hold for every experiment: those of the settings, then those of the files.
    pub(crate) fn open(
        files: &[PathBuf],
        settings: &Object,
        session: &Session,
    ) -> Result<Backstage, Problem> {
        let mut globals = Vec::new();
        for (name, control) in settings::controls(settings)? {
            session.say(Line::debug(format!("Loading global control '{name}'")));
            globals.extend(loaded(name, control, session));
        }
        for path in files {
            for (name, control) in file::read(path, session)? {
                let from = path.display();
                session.say(Line::debug(format!("Loading global control '{name}' from {from}")));
                globals.extend(loaded(&name, &control, session));
            }
        }
        let (environment, redactor) = (session.environment.clone(), session.redactor.clone());
        Ok(Backstage { globals, environment, redactor, kept: Mutex::default() })
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
            match runtime.block_on(self.call(call)) {
                Ok(changes) => changed = changes.experiment.or(changed),
                Err(Unhooked::Failed(failure)) => {
                    let text = format!("control '{name}' failed: {}", failure.classed());
                    let loud = session.screen.terminal;
                    session.say(if loud { Line::warning(text) } else { Line::debug(text) });
                }
                Err(Unhooked::Interrupted(why)) => return Err(Problem::new(why)),
            }
        }
        Ok(changed)
    }

    /// Whether anything is called around a run of this experiment.
    pub(crate) fn is_needed(&self, experiment: &Experiment) -> bool {
        !self.globals.is_empty() || !declared(&experiment.document).is_empty()
    }

    /// Gathers what controls are shown.
    pub(crate) fn observer(backstage: &Arc<Backstage>) -> Observer {
        let backstage = backstage.clone();
        Box::new(move |records: &[Record]| {
            let mut kept = backstage.kept();
            records.iter().for_each(|record| kept.take(record));
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

    fn call<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Changes, Unhooked>> {
        Box::pin(async move {
            let Some(module) = module(call.control) else { return Ok(Changes::default()) };
            match CATALOG.control(module) {
                Some(entry) => native::call(self, entry, &call).await.map(|()| Changes::default()),
                None => Ok(Changes::default()),
            }
        })
    }
}

/// The module of a control, if it is of the one type that has an effect.
fn module(control: &Object) -> Option<&str> {
    let provider = control.get("provider")?;
    (provider.get("type")?.as_text()? == "python").then(|| provider.get("module")?.as_text())?
}

/// A control that holds for every experiment, with its name; `None` if there is no such module.
fn loaded(name: &str, control: &Value, session: &Session) -> Option<Value> {
    let Value::Object(control) = control else {
        let text = format!("control '{name}' is left out: it must be an object");
        session.say(Line::warning(text));
        return None;
    };
    let mut control = control.clone();
    control.insert("name".to_owned(), name.into());
    if let Some(module) = module(&control)
        && CATALOG.control(module).is_none()
    {
        // The Toolkit says so at DEBUG only.
        let text = format!("Control module '{module}' could not be loaded. Have you installed it?");
        session.say(if session.screen.terminal { Line::warning(text) } else { Line::debug(text) });
        return None;
    }
    Some(Value::Object(control))
}
