//! `chaos schema`: the format of experiments as a JSON Schema, with the arguments of everything in the catalogue.

use crate::problem::Problem;
use crate::{exit, stdout};
use squall_drivers::CATALOG;
use squall_engine::Shape;
use squall_experiment::schema::{Function, schema};

/// Prints it; the exit code.
pub(crate) fn print() -> Result<u8, Problem> {
    let mut functions: Vec<Function> = CATALOG
        .entries
        .iter()
        .filter(|entry| entry.spec.shape == Shape::Function)
        .flat_map(|entry| entry.spec.aliases.iter().map(move |name| (entry, name)))
        .filter_map(|(entry, name)| {
            let (module, func) = name.rsplit_once('.')?;
            Some(Function {
                module: module.to_owned(),
                func: func.to_owned(),
                summary: entry.spec.summary.to_owned(),
                parameters: entry.parameters(),
            })
        })
        .collect();
    functions.sort_by(|a, b| (&a.module, &a.func).cmp(&(&b.module, &b.func)));
    stdout::print(&format!("{:#}\n", schema(&functions)))?;
    Ok(exit::FINE)
}
