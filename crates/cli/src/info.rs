//! `chaos info`: what is installed.

use crate::arguments::{Info, InfoTarget};
use crate::problem::Problem;
use crate::session::Session;
use crate::{exit, stdout};
use squall_experiment::{Object, Value};
use squall_report::line::Line;
use std::fmt::Write as _;
use std::io::{self, IsTerminal as _};

/// The release of the Toolkit's library that we behave as.
pub(crate) const CORE_LIBRARY: &str = "1.44.0";

/// An extension of the Toolkit whose functions are built in.
pub(crate) struct Extension {
    /// The Python package in which its functions are.
    pub(crate) package: &'static str,
    pub(crate) name: &'static str,
    /// The release that we behave as.
    pub(crate) version: &'static str,
    license: &'static str,
    description: &'static str,
}

const EXTENSIONS: &[Extension] = &[
    Extension {
        package: "chaosistio",
        name: "chaostoolkit-istio",
        version: "0.4.1",
        license: "Apache-2.0",
        description: "Istio (built in)",
    },
    Extension {
        package: "chaosk8s",
        name: "chaostoolkit-kubernetes",
        version: "0.39.0",
        license: "Apache-2.0",
        description: "Kubernetes (built in)",
    },
];

/// Prints it; the exit code.
pub(crate) fn info(arguments: &Info, session: &Session) -> Result<u8, Problem> {
    let mut out = String::new();
    // They may name a Python; `settings` shows them as they are.
    if arguments.target != InfoTarget::Settings {
        let _ = session.settings();
    }
    match arguments.target {
        InfoTarget::Core => {
            header(&mut out, &format!("{:<20}{:<10}", "NAME", "VERSION"));
            let _ = writeln!(out, "{:<20}{:<10}", "CLI", env!("CARGO_PKG_VERSION"));
            let _ = writeln!(out, "{:<20}{:<10}", "Core library", CORE_LIBRARY);
            let python = format!("Python for extensions: {}", session.asked());
            // On a pipe the table is the Toolkit's.
            if io::stdout().is_terminal() {
                let _ = writeln!(out, "{python}");
            }
            session.say(Line::debug(python));
        }
        InfoTarget::Settings => {
            let path = &session.settings_path;
            match std::fs::read_to_string(path) {
                Ok(text) => {
                    let _ = writeln!(out, "{text}");
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let _ = writeln!(out, "No settings file found at {}", path.display());
                }
                Err(error) => {
                    let text = format!("could not read the settings file {}: {error}", path.display());
                    return Err(Problem::new(text));
                }
            }
        }
        InfoTarget::Extensions => {
            let line = |name: &str, version: &str, license: &str, description: &str| {
                format!("{name:<40}{version:<10}{license:<30}{description:.50}")
            };
            header(&mut out, &line("NAME", "VERSION", "LICENSE", "DESCRIPTION"));
            for extension in extensions() {
                let Extension { package: _, name, version, license, description } = extension;
                let _ = writeln!(out, "{}", line(name, version, license, description));
            }
            for extension in installed(session) {
                let text = |key| extension.get(key).and_then(Value::as_text).unwrap_or_default();
                let description = text("description");
                let short = description.strip_prefix("Chaos Toolkit Extension for ").unwrap_or(description);
                let _ = writeln!(out, "{}", line(text("name"), text("version"), text("license"), short));
            }
        }
    }
    stdout::print(&out)?;
    Ok(exit::FINE)
}

/// Those that are installed for Python; none if there is no Python.
fn installed(session: &Session) -> Vec<Value> {
    match session.bridge().ask_blocking("extensions", Object::default()) {
        Ok(Value::List(extensions)) => extensions,
        Ok(_) => Vec::new(),
        Err(trouble) => {
            let text = format!("only what is built in is listed: {trouble}");
            // Where none was named there need not be one.
            let loud = session.lacks_its_python(false);
            session.say(if loud { Line::warning(text) } else { Line::debug(text) });
            Vec::new()
        }
    }
}

/// The heading of a table, blue on a terminal.
fn header(out: &mut String, text: &str) {
    let _ = match stdout::has_colours() {
        true => writeln!(out, "\u{1b}[34m{text}\u{1b}[39m"),
        false => writeln!(out, "{text}"),
    };
}

/// The extensions of which there is something.
pub(crate) fn extensions() -> impl Iterator<Item = &'static Extension> {
    EXTENSIONS.iter().filter(|extension| is_built_in(extension.package))
}

/// Whether the catalogue has a function of that package.
fn is_built_in(package: &str) -> bool {
    let aliases = squall_drivers::CATALOG.entries.iter().flat_map(|entry| entry.spec.aliases);
    aliases.filter_map(|alias| alias.split('.').next()).any(|first| first == package)
}
