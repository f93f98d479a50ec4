//! `--var` and `--var-file`: read, and made the overrides of a run.

use crate::arguments::var::Variable;
use crate::problem::Problem;
use crate::session::Session;
use squall_experiment::load::{Format, load};
use squall_experiment::resolve::{Overrides, VarFile, read_var_file};
use squall_report::line::Line;
use std::path::{Path, PathBuf};

/// Reads the files in order, then the variables, which win. Lines of `.env` files go to the session's environment. A file
/// that cannot be read is reported and left out, as in the Toolkit.
pub(crate) fn read(
    variables: &[Variable],
    files: &[PathBuf],
    session: &mut Session,
) -> Result<Overrides, Problem> {
    let mut overrides = Overrides::default();
    for path in files {
        match read_file(path) {
            Ok(VarFile::Overrides(more)) => overrides.add(more),
            Ok(VarFile::Environment(lines)) => {
                for (name, value) in lines {
                    session.environment.add(name, value);
                }
            }
            Err(Unusable::Skipped(text)) => session.say(Line::error(text)),
            Err(Unusable::Wrong(problem)) => return Err(problem),
        }
    }
    for Variable { name, value } in variables {
        overrides.configuration.insert(name.clone(), value.clone());
    }
    Ok(overrides)
}

enum Unusable {
    /// The run goes on without it.
    Skipped(String),
    /// The Toolkit crashes.
    Wrong(Problem),
}

fn read_file(path: &Path) -> Result<VarFile, Unusable> {
    let shown = path.display();
    if !path.is_file() {
        return Err(Unusable::Skipped(format!("Cannot read var file '{shown}'")));
    }
    let bytes = std::fs::read(path).map_err(|error| {
        Unusable::Wrong(Problem::new(format!("could not read the var file {shown}: {error}")))
    })?;
    let document = match Format::of(path) {
        Err(_) => None,
        Ok(format) => match load(&bytes, format) {
            Ok(draft) => Some(draft.document),
            Err(error) => {
                return Err(Unusable::Skipped(format!("Failed to parse variable file '{shown}': {error}")));
            }
        },
    };
    let text = String::from_utf8_lossy(&bytes);
    read_var_file(&text, document.as_ref())
        .map_err(|bad| Unusable::Wrong(Problem::new(format!("could not use the var file {shown}: {bad}"))))
}
