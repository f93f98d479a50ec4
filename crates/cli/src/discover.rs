//! `chaos discover`: which activities an extension has, as `chaos init` and editors read them.
//!
//! Invariant: nothing is installed, and what is built in is listed whatever Python there is; a Python that has the extension too
//! adds what is not built in. As in the Toolkit, a package that is not there is one CRITICAL line and exit code 0.
//!
//! Not here: what extensions in Python say of themselves (the bridge's op `discover`); defaults and types, which the schemas of
//! the catalogue hold.

use crate::arguments::Discover;
use crate::info::{self, Extension};
use crate::problem::Problem;
use crate::session::Session;
use crate::{exit, machine};
use jiff::Timestamp;
use squall_drivers::python::Trouble;
use squall_engine::spec::Entry;
use squall_experiment::check::{Parameter, Returns};
use squall_experiment::json::{self, Style};
use squall_experiment::python::quoted;
use squall_experiment::{Object, Value};
use squall_report::line::Line;
use squall_report::notify::Name;
use std::collections::BTreeSet;

/// Does it; the exit code.
pub(crate) fn discover(arguments: &Discover, session: &Session) -> Result<u8, Problem> {
    if let Some(Value::Object(settings)) = session.settings()? {
        session.notices.open(&settings, "discovery", session);
    }
    let package = Value::from(arguments.package.as_str());
    session.notices.document(Name::DiscoveryStarted, &package, None);
    let discovery = match found(&arguments.package) {
        Some(extension) => with_installed(extension, arguments, session),
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
    session.before.writes();
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

/// Asks Python for an extension: its `discovery`, or what `failed` and `why`, and whether it is `absent`.
fn ask(package: &str, arguments: &Discover, session: &Session) -> Result<Value, Trouble> {
    let body = [("package", package.into()), ("system", Value::Bool(!arguments.no_system_info))];
    let body = body.map(|(key, value)| (key.to_owned(), value)).into_iter().collect();
    session.bridge().ask_blocking("discover", body)
}

/// What an installed extension in Python says of itself.
fn installed(arguments: &Discover, session: &Session) -> Result<Result<Value, Undiscovered>, Problem> {
    let package = arguments.package.as_str();
    let failed = |what: &str, hint: String| Ok(Err(Undiscovered { what: what.to_owned(), hint }));
    match ask(package, arguments, session) {
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

/// What is built in of an extension, and what else it has where it is installed: then the discovery is the extension's own, in
/// which what is built in stands in its place, but for modules that Python is asked for although they are built in.
fn with_installed(extension: &Extension, arguments: &Discover, session: &Session) -> Value {
    let ours = activities(extension.package);
    let (mut discovery, theirs) = match theirs(extension, arguments, session) {
        Ok(theirs) => theirs,
        Err(Missing { why, loud }) => {
            let text = format!("only what is built in of {} is listed: {why}", extension.name);
            session.say(if loud { Line::warning(text) } else { Line::debug(text) });
            return discovery(extension, ours);
        }
    };
    let of = |activity: &Value, key| activity.get(key).and_then(Value::as_text).map(str::to_owned);
    let place = |activity: &Value| (of(activity, "mod"), of(activity, "name"));
    let is_asked =
        |activity: &Value| of(activity, "mod").is_some_and(|module| session.python.prefers(&module));
    let mut both: Vec<Value> = ours.into_iter().filter(|activity| !is_asked(activity)).collect();
    let built_in: BTreeSet<_> = both.iter().map(place).collect();
    both.extend(theirs.into_iter().filter(|activity| !built_in.contains(&place(activity))));
    both.sort_by_cached_key(place);
    discovery.insert("activities".to_owned(), Value::List(both));
    Value::Object(discovery)
}

/// Why there is nothing but what is built in, and whether that is worth a warning.
struct Missing {
    why: String,
    loud: bool,
}

/// The discovery of an installed extension, and the activities out of it.
fn theirs(
    extension: &Extension,
    arguments: &Discover,
    session: &Session,
) -> Result<(Object, Vec<Value>), Missing> {
    let mut answer = ask(extension.name, arguments, session).map_err(|trouble| {
        // Where no Python was named there need not be one.
        let loud = matches!(trouble, Trouble::Raised(_)) || session.lacks_its_python(false);
        Missing { why: trouble.to_string(), loud }
    })?;
    let absent = answer.get("absent").is_some_and(Value::is_truthy);
    let why = ["failed", "why"].iter().filter_map(|key| answer.get(key).and_then(Value::as_text));
    let why = why.collect::<Vec<_>>().join(": ");
    if let Value::Object(answer) = &mut answer
        && let Some(Value::Object(mut discovery)) = answer.swap_remove("discovery")
        && let Some(Value::List(activities)) = discovery.get_mut("activities").map(std::mem::take)
    {
        return Ok((discovery, activities));
    }
    let why = if why.is_empty() { "its discovery has no activities".to_owned() } else { why };
    Err(Missing { why, loud: !absent })
}

fn built_in() -> String {
    let names: Vec<_> = info::extensions().map(|extension| extension.name).collect();
    format!("built in are {}", names.join(", "))
}

fn discovery(extension: &Extension, activities: Vec<Value>) -> Value {
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
        ("activities", Value::List(activities)),
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
    let parameters = entry.parameters();
    let arguments = parameters.iter().map(argument).chain(entry.spec.injected.iter().copied().map(injected));
    let activity = object([
        ("type", if entry.acts { "action" } else { "probe" }.into()),
        ("name", name.into()),
        ("mod", module.into()),
        ("doc", format!("{}\n\n{}", entry.spec.summary, entry.spec.docs).trim().into()),
        ("arguments", Value::List(arguments.collect())),
    ]);
    let Value::Object(mut activity) = activity else { return activity };
    if let Some(kind) = returned(entry.spec.nature.returns) {
        activity.insert("return_type".to_owned(), kind.into());
    }
    // A key of our own: that it is built in, and as what.
    activity.insert("native".to_owned(), entry.spec.name.into());
    Value::Object(activity)
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

/// An argument that an experiment hands in by itself.
fn injected(name: &str) -> Value {
    object([("name", name.into()), ("default", Value::Null), ("type", "mapping".into())])
}

/// The type in the Toolkit's words, which has none for a choice of several, null among them.
fn kind(schema: &serde_json::Value) -> Option<&'static str> {
    Some(match schema.get("type")?.as_str() {
        Some("string") => "string",
        Some("integer") => "integer",
        Some("number") => "number",
        Some("boolean") => "boolean",
        Some("array") => "list",
        Some("object") => "mapping",
        _ => "object",
    })
}

/// The same of what a function returns. One that returns nothing has none: the Toolkit's are not annotated.
fn returned(returns: Returns) -> Option<&'static str> {
    match returns {
        Returns::Anything | Returns::Nothing => None,
        Returns::Boolean => Some("boolean"),
        Returns::Integer(..) => Some("integer"),
        Returns::Text => Some("string"),
        Returns::List => Some("list"),
        Returns::Object(_) | Returns::Map => Some("mapping"),
    }
}

fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Object(members.map(|(name, value)| (name.to_owned(), value)).into_iter().collect())
}
