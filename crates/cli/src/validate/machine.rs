//! What validation may ask of this machine: its environment, its programs, our catalogue.

use squall_drivers::CATALOG;
use squall_drivers::process::is_program;
use squall_engine::{Environment, Lookup, Shape};
use squall_experiment::check::{Knowledge, Known, Nature};

/// This machine, as a run would see it.
pub(super) struct Machine<'a> {
    environment: &'a Environment,
}

impl<'a> Machine<'a> {
    pub(super) fn new(environment: &'a Environment) -> Machine<'a> {
        Machine { environment }
    }
}

impl Knowledge for Machine<'_> {
    fn env(&self, name: &str) -> Option<String> {
        self.environment.get(name).map(str::to_owned)
    }

    fn program(&self, path: &str) -> bool {
        is_program(path, self.environment.get("PATH"))
    }

    fn function(&self, module: &str, func: &str) -> Known {
        match CATALOG.function(module, func) {
            Lookup::Found(entry) => Known::Signature(entry.parameters()),
            Lookup::NoFunction => {
                let functions = names().filter(|(its_module, _)| *its_module == module);
                Known::NoFunction(functions.map(|(_, func)| func.to_owned()).collect())
            }
            Lookup::NoModule => Known::NoModule(names().map(|(module, _)| module.to_owned()).collect()),
        }
    }

    fn nature(&self, module: &str, func: &str) -> Option<Nature> {
        match CATALOG.function(module, func) {
            Lookup::Found(entry) => Some(entry.spec.nature),
            Lookup::NoFunction | Lookup::NoModule => None,
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
