//! What validation may ask of this machine: its environment, its programs, our catalogue.

use crate::session::Session;
use squall_drivers::CATALOG;
use squall_drivers::process::is_program;
use squall_engine::{Lookup, Shape};
use squall_experiment::Object;
use squall_experiment::check::{Knowledge, Known, KnownControl, Nature};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// This machine, as a run would see it.
pub(super) struct Machine<'a> {
    session: &'a Session,
    /// What was learnt of foreign functions: an import is made once.
    foreign: RefCell<BTreeMap<(String, String), Known>>,
}

impl<'a> Machine<'a> {
    pub(super) fn new(session: &'a Session) -> Machine<'a> {
        Machine { session, foreign: RefCell::default() }
    }
}

impl Machine<'_> {
    /// What Python knows of a function.
    fn foreign(&self, module: &str, func: &str) -> Known {
        let asked = (module.to_owned(), func.to_owned());
        let known = self.foreign.borrow().get(&asked).cloned();
        known.unwrap_or_else(|| {
            let modules = names().map(|(module, _)| module.to_owned()).collect();
            let known = self.session.signature(module, func, modules);
            self.foreign.borrow_mut().insert(asked, known.clone());
            known
        })
    }
}

impl Knowledge for Machine<'_> {
    fn env(&self, name: &str) -> Option<String> {
        self.session.environment.get(name).map(str::to_owned)
    }

    fn program(&self, path: &str) -> bool {
        is_program(path, self.session.environment.get("PATH"))
    }

    fn function(&self, module: &str, func: &str) -> Known {
        match CATALOG.function(module, func) {
            _ if self.session.python.prefers(module) => self.foreign(module, func),
            Lookup::Found(entry) => Known::Signature(entry.parameters()),
            Lookup::NoFunction => {
                let functions = names().filter(|(its_module, _)| *its_module == module);
                Known::NoFunction(functions.map(|(_, func)| func.to_owned()).collect())
            }
            Lookup::NoModule => self.foreign(module, func),
        }
    }

    fn nature(&self, module: &str, func: &str) -> Option<Nature> {
        match CATALOG.function(module, func) {
            Lookup::Found(entry) => Some(entry.spec.nature),
            Lookup::NoFunction | Lookup::NoModule => None,
        }
    }

    fn control(&self, module: &str, control: &Object) -> KnownControl {
        match CATALOG.control(module) {
            Some(entry) => KnownControl::Signature(entry.parameters()),
            None => crate::controls::foreign(module, control, self.session),
        }
    }
}

/// Module and function of everything in the catalogue that is a function.
fn names() -> impl Iterator<Item = (&'static str, &'static str)> {
    CATALOG
        .entries
        .iter()
        .filter(|entry| entry.spec.shape == Shape::Function)
        .flat_map(|entry| entry.spec.aliases.iter().copied().chain([entry.spec.name]))
        .filter_map(|name| name.rsplit_once('.'))
}
