//! `chaos discover`: which activities an extension has, as `chaos init` and editors read them.
//!
//! Invariant: nothing is installed; for an extension that is built in, no Python is started and no system is asked anything. As
//! in the Toolkit, a package that is not there is one CRITICAL line and exit code 0.
//!
//! Not here: what extensions in Python say of themselves (the bridge's op `discover`).

use crate::arguments::Discover;
use crate::info::{self, Extension};
use crate::problem::Problem;
use crate::session::Session;
use crate::{exit, machine};
use jiff::Timestamp;
use squall_drivers::python::Trouble;
use squall_engine::spec::Entry;
use squall_experiment::check::Parameter;
use squall_experiment::json::{self, Style};
use squall_experiment::python::quoted;
use squall_experiment::{Object, Value};
use squall_report::line::Line;
use squall_report::notify::Name;

/// Does it; the exit code.
pub(crate) fn discover(arguments: &Discover, session: &Session) -> Result<u8, Problem> {
    if let Some(Value::Object(settings)) = session.settings()? {
        session.notices.open(&settings, "discovery", session);
    }
    let package = Value::from(arguments.package.as_str());
    session.notices.document(Name::DiscoveryStarted, &package, None);
    let discovery = match found(&arguments.package) {
        Some(extension) => discovery(extension),
        None => match installed(arguments, session)? {
            Ok(discovery) => discovery,
            Err(Undiscovered { what, hint }) => {
                session.say(Line::critical(&what));
                session.say(if session.screen.terminal { Line::info(hint) } else { Line::debug(hint) });
                let error = format!("An exception was raised: DiscoveryFailed({})", quoted(&what));
                session.notices.document(Name::DiscoveryFailed, &package, Some(error));
                return Ok(exit::FINE);
            }
        },
    };
    let path = arguments.discovery_path.display();
    std::fs::write(
        &arguments.discovery_path,
        json::to_string(&discovery, &Style { indent: Some(2), ascii: true }),
    )
    .map_err(|error| {
        Problem::new(format!("could not write the discovery {path}: {error}"))
            .hint("--discovery-path PATH takes another place")
    })?;
    session.say(Line::info(format!("Discovery outcome saved in {path}")));
    session.notices.document(Name::DiscoveryCompleted, &discovery, None);
    Ok(exit::FINE)
}

/// The extension of this name, as Python's packages are named: whatever the case, and `_` for `-`.
fn found(package: &str) -> Option<&'static Extension> {
    let plain = package.trim().to_ascii_lowercase().replace(['_', '.'], "-");
    info::extensions().find(|extension| extension.name == plain)
}

/// Why an extension has nothing to tell, in the Toolkit's words, and what to do.
struct Undiscovered {
    what: String,
    hint: String,
}

/// What an installed extension in Python says of itself.
fn installed(arguments: &Discover, session: &Session) -> Result<Result<Value, Undiscovered>, Problem> {
    let package = arguments.package.as_str();
    let body = [("package", package.into()), ("system", Value::Bool(!arguments.no_system_info))];
    let body = body.map(|(key, value)| (key.to_owned(), value)).into_iter().collect();
    let failed = |what: &str, hint: String| Ok(Err(Undiscovered { what: what.to_owned(), hint }));
    match session.bridge().ask_blocking("discover", body) {
        Ok(Value::Object(mut answer)) => {
            if let Some(discovery) = answer.swap_remove("discovery") {
                return Ok(Ok(discovery));
            }
            let text = |key| answer.get(key).and_then(Value::as_text).unwrap_or_default();
            let hint = match text("why") {
                "" => format!(
                    "{}; if it is an extension in Python, `pip install {package}` gets it",
                    built_in()
                ),
                why => why.to_owned(),
            };
            failed(text("failed"), hint)
        }
        Ok(_) => Err(Problem::new(format!("{package} was not discovered: Python's answer is no object"))),
        Err(Trouble::NoPython(why)) => {
            failed(&format!("Package {package} not found"), format!("{}; {why}", built_in()))
        }
        Err(Trouble::Raised(raised)) if raised.class == "chaoslib.exceptions.DiscoveryFailed" => {
            failed(&raised.message, format!("the extension {package} itself says so"))
        }
        Err(trouble) => Err(Problem::new(format!("{package} could not be discovered: {trouble}"))
            .hint("the extension's own `discover` failed: ask its authors")),
    }
}

fn built_in() -> String {
    let names: Vec<_> = info::extensions().map(|extension| extension.name).collect();
    format!("built in are {}", names.join(", "))
}

fn discovery(extension: &Extension) -> Value {
    let system = rustix::system::uname();
    let text = |part: &std::ffi::CStr| Value::from(part.to_string_lossy().into_owned());
    let platform = object([
        ("system", text(system.sysname())),
        ("node", machine::program().node.into()),
        ("release", text(system.release())),
        ("version", text(system.version())),
        ("machine", text(system.machine())),
        ("proc", "".into()),
        ("python", "".into()),
    ]);
    let target = extension.name.strip_prefix("chaostoolkit-").unwrap_or(extension.name);
    let date = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%6f+00:00").to_string();
    object([
        ("chaoslib_version", info::CORE_LIBRARY.into()),
        ("id", uuid::Uuid::new_v4().to_string().into()),
        ("target", target.into()),
        ("date", date.into()),
        ("platform", platform),
        ("extension", object([("name", extension.name.into()), ("version", extension.version.into())])),
        ("activities", Value::List(activities(extension.package))),
        ("system", Value::Null),
    ])
}

/// Its activities by module and name, each under every module in which the extension has it.
fn activities(package: &str) -> Vec<Value> {
    let mut found = Vec::new();
    for entry in squall_drivers::CATALOG.entries {
        for alias in entry.spec.aliases {
            if let Some((module, name)) = alias.rsplit_once('.')
                && module.split('.').next() == Some(package)
            {
                found.push((module, name, entry));
            }
        }
    }
    found.sort_by_key(|(module, name, _)| (*module, *name));
    found.into_iter().map(|(module, name, entry)| activity(module, name, entry)).collect()
}

fn activity(module: &str, name: &str, entry: &Entry) -> Value {
    object([
        ("type", if entry.acts { "action" } else { "probe" }.into()),
        ("name", name.into()),
        ("mod", module.into()),
        ("doc", format!("{}\n\n{}", entry.spec.summary, entry.spec.docs).trim().into()),
        ("arguments", Value::List(entry.parameters().iter().map(argument).collect())),
    ])
}

fn argument(parameter: &Parameter) -> Value {
    let mut argument = Object::default();
    argument.insert("name".to_owned(), parameter.name.as_str().into());
    if !parameter.required {
        let default = parameter.schema.get("default").cloned().unwrap_or_default();
        argument.insert("default".to_owned(), Value::from_json(default));
    }
    if let Some(kind) = kind(&parameter.schema) {
        argument.insert("type".to_owned(), kind.into());
    }
    Value::Object(argument)
}

/// The type in the Toolkit's words; one that may be null beside something else is that.
fn kind(schema: &serde_json::Value) -> Option<&'static str> {
    let kinds = match schema.get("type")? {
        serde_json::Value::String(kind) => vec![kind.as_str()],
        serde_json::Value::Array(kinds) => kinds.iter().filter_map(|kind| kind.as_str()).collect(),
        _ => return None,
    };
    let mut kinds = kinds.into_iter().filter(|kind| *kind != "null");
    let only = kinds.next().filter(|_| kinds.next().is_none())?;
    Some(match only {
        "string" => "string",
        "integer" => "integer",
        "number" => "number",
        "boolean" => "boolean",
        "array" => "list",
        _ => "mapping",
    })
}

fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Object(members.map(|(name, value)| (name.to_owned(), value)).into_iter().collect())
}
