//! `chaos init`: a new experiment, from answers to questions.
//!
//! Invariant: nothing is written before the last answer; input that ends early leaves nothing behind.

mod wizard;

use crate::arguments::Init;
use crate::exit;
use crate::problem::{Problem, kind};
use crate::session::Session;
use crate::settings::yaml::{self, Layout};
use squall_experiment::Value;
use squall_experiment::json::{self, Style};
use squall_report::notify::Name;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use wizard::{Ended, Wizard};

/// Does it; the exit code.
pub(crate) fn init(arguments: &Init, session: &Session) -> Result<u8, Problem> {
    if let Some(Value::Object(settings)) = session.settings()? {
        session.notices.open(&settings, "init", session);
    }
    session.notices.document(Name::InitStarted, &Value::Null, None);
    let discovered = discovered(&arguments.discovery_path)?;
    let (input, mut output) = (io::stdin().lock(), io::stdout().lock());
    let experiment = match Wizard::new(input, &mut output).experiment(discovered.as_deref()) {
        Ok(experiment) => Value::Object(experiment),
        Err(Ended) => {
            eprintln!("Aborted!");
            return Ok(exit::FAILED);
        }
    };
    let path = &arguments.experiment_path;
    let text = match path.extension().and_then(|extension| extension.to_str()) {
        Some("yaml" | "yml") => yaml::document(&experiment, Layout::EXPERIMENT),
        _ => json::to_string(&experiment, &Style { indent: Some(4), ascii: true }),
    };
    session.before.writes();
    fs::write(path, text).map_err(|error| {
        Problem::new(format!("could not write the experiment {}: {error}", path.display()))
            .hint("--experiment-path PATH takes another place")
    })?;
    // Whoever asked may have gone; the experiment is there.
    let _ = writeln!(output, "\nExperiment created and saved in '{}'", path.display());
    session.notices.document(Name::InitCompleted, &experiment, None);
    Ok(exit::FINE)
}

/// The activities of a discovery, if there is one.
fn discovered(path: &Path) -> Result<Option<Vec<Value>>, Problem> {
    let shown = path.display();
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Problem::new(format!("could not read the discovery {shown}: {error}"))),
    };
    let wrong = |what: String| {
        Problem::new(format!("the discovery {shown} {what}")).hint("`chaos discover PACKAGE` writes one")
    };
    let discovery = json::value(&text).map_err(|error| wrong(format!("is not JSON: {error}")))?;
    match discovery.get("activities") {
        Some(Value::List(activities)) => Ok(Some(activities.clone())),
        Some(other) => Err(wrong(format!("must have a list of `activities`, not {}", kind(other)))),
        None => Err(wrong("has no `activities`".to_owned())),
    }
}
