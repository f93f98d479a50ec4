//! Which strategies a run follows: the command line's, else the experiment's, else the settings', else the default.

use crate::problem::Problem;
use crate::session::Session;
use crate::settings;
use squall_engine::options::{HypothesisStrategy, RollbackStrategy, UndoPolicy};
use squall_experiment::document::Experiment;
use squall_experiment::python::str_of;
use squall_experiment::{Object, Value};
use squall_report::line::Line;

/// The word that holds. An experiment with a `runtime` that does not name a strategy resets it to the default.
fn word(
    given: Option<&str>,
    of: &str,
    experiment: &Experiment,
    from_settings: Option<&Value>,
) -> Option<String> {
    if let Some(word) = given {
        return Some(word.to_owned());
    }
    match experiment.runtime_strategy(of) {
        Some(strategy) => strategy.map(str_of),
        None => from_settings.map(str_of),
    }
}

/// When the hypothesis is checked.
pub(super) fn hypothesis(
    given: Option<&str>,
    experiment: &Experiment,
    settings: &Object,
    session: &Session,
) -> Result<HypothesisStrategy, Problem> {
    let from_settings = settings::strategy(settings, "hypothesis")?;
    let word = word(given, "hypothesis", experiment, from_settings).unwrap_or_else(|| "default".to_owned());
    if word == "continously" {
        session.say(Line::warning(
            "\nThe \"--hypothesis-strategy=continously\" command is depreciating and will be removed in a \
             future version\nInstead, please use \"--hypothesis-strategy=continuously\"",
        ));
    }
    HypothesisStrategy::named(&word).ok_or_else(|| {
        Problem::new(format!("'{word}' is not a strategy for the hypothesis")).hint(
            "use default, before-method-only, after-method-only, during-method-only, continuously or skip",
        )
    })
}

/// When rollbacks are played.
pub(super) fn rollbacks(
    given: Option<&str>,
    experiment: &Experiment,
    settings: &Object,
) -> Result<RollbackStrategy, Problem> {
    let from_settings = settings::strategy(settings, "rollbacks")?;
    Ok(word(given, "rollbacks", experiment, from_settings)
        .map_or(RollbackStrategy::Default, |word| RollbackStrategy::named(&word)))
}

/// What becomes of changes at the end: `runtime.undo` of the experiment, else of the settings.
pub(super) fn undo(experiment: &Experiment, settings: &Object) -> Result<UndoPolicy, Problem> {
    let of = |runtime: Option<&Value>| runtime.and_then(|runtime| runtime.get("undo")).map(str_of);
    let word = of(experiment.document.get("runtime")).or_else(|| of(settings.get("runtime")));
    match word.as_deref() {
        None | Some("auto") => Ok(UndoPolicy::Auto),
        Some("always") => Ok(UndoPolicy::Always),
        Some(other) => {
            Err(Problem::new(format!("`runtime.undo` cannot be '{other}'")).hint("use always or auto"))
        }
    }
}
