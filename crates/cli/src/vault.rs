//! Secrets that are kept in Vault, fetched for a run or to see whether they can be.
//!
//! Not here: how one talks to Vault (`drivers::vault`), and where secrets are declared (`experiment::resolve`).

use crate::machine;
use crate::problem::Problem;
use crate::session::Session;
use jiff::Timestamp;
use squall_drivers::http::client::World;
use squall_drivers::vault::{Settings, Warning, read};
use squall_experiment::resolve::{self, Overrides, Secrets};
use squall_experiment::{Object, Value};
use squall_report::line::Line;

/// All secrets, those in Vault put in. What the configuration says of Vault must be known. That a secret has no path is said
/// if `pathless`; validation has said it already.
pub(crate) fn filled(
    secrets: Secrets,
    configuration: &Object,
    pathless: bool,
    session: &Session,
) -> Result<Object, Problem> {
    let mut values = match secrets.requests() {
        [] => Vec::new(),
        requests => {
            let settings = Settings::of(configuration, &session.environment)?;
            settings.hidden().iter().for_each(|hidden| session.redactor.add(hidden));
            let world = World { environment: &session.environment, session: None, now: Timestamp::now() };
            let found = machine::runtime()?.block_on(async {
                tokio::select! {
                    found = read(requests, &settings, &world) => found.map_err(Problem::from),
                    _ = tokio::signal::ctrl_c() => Err(Problem::new("Aborted!")),
                }
            })?;
            for value in &found.values {
                session.redactor.add(value);
            }
            for warning in found.warnings {
                session.say(match warning {
                    Warning::NoPath(_) if !pathless => continue,
                    Warning::NoPath(text) | Warning::Empty(text) => Line::warning(text),
                    // Where the Toolkit says nothing, a pipe hears nothing either.
                    Warning::NoKey(text) if session.screen.terminal => Line::warning(text),
                    Warning::NoKey(text) => Line::debug(text),
                });
            }
            found.values
        }
    }
    .into_iter();
    secrets.fill(|_| values.next()).map_err(|errors| {
        let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
        Problem::new(errors.join("; "))
    })
}

/// Whether the secrets of an experiment can be had from Vault, if they are there.
pub(crate) fn can_be_read(
    experiment: &Value,
    overrides: &Overrides,
    session: &Session,
) -> Result<(), Problem> {
    let environment = |name: &str| session.environment.get(name).map(str::to_owned);
    let secrets = resolve::secrets(experiment.get("secrets"), &overrides.secrets, &environment);
    let configuration =
        resolve::configuration(experiment.get("configuration"), &overrides.configuration, &environment);
    match (configuration, secrets) {
        (Ok(configuration), Ok(secrets)) if !secrets.requests().is_empty() => {
            filled(secrets, &configuration.known(), false, session).map(drop)
        }
        // What does not resolve was complained about, or is the overrides' fault, which the run says.
        _ => Ok(()),
    }
}
