//! Which strategies a run follows: the command line's, else the experiment's, else the settings', else the default.

use crate::arguments::ExitCodes;
use crate::exit::Codes;
use crate::problem::Problem;
use crate::session::Session;
use crate::settings;
use squall_engine::options::{Dry, HypothesisStrategy, RollbackStrategy, UndoPolicy};
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
        .map_or(RollbackStrategy::Unnamed, |word| RollbackStrategy::named(&word)))
}

/// A key of ours under `runtime`: the experiment's, else the settings'. Unlike the strategies' it is not reset by a `runtime`
/// that does not name it.
fn ours<'a>(path: &[&str], experiment: &'a Experiment, settings: &'a Object) -> Option<&'a Value> {
    let of = |document: &'a Object| {
        let mut value = document.get("runtime")?;
        for key in path {
            value = value.get(key)?;
        }
        Some(value).filter(|value| !value.is_null())
    };
    of(&experiment.document).or_else(|| of(settings))
}

/// A switch of ours under `runtime`.
fn switch(path: &[&str], experiment: &Experiment, settings: &Object) -> Result<Option<bool>, Problem> {
    match ours(path, experiment, settings) {
        None => Ok(None),
        Some(Value::Bool(on)) => Ok(Some(*on)),
        Some(other) => Err(cannot_be(path, other, "use true or false")),
    }
}

fn cannot_be(path: &[&str], value: &Value, hint: &str) -> Problem {
    Problem::new(format!("`runtime.{}` cannot be '{}'", path.join("."), str_of(value))).hint(hint)
}

/// What becomes of changes at the end: `runtime.undo`.
pub(super) fn undo(experiment: &Experiment, settings: &Object) -> Result<UndoPolicy, Problem> {
    let value = ours(&["undo"], experiment, settings);
    match value.map(|value| (value, value.as_text())) {
        None | Some((_, Some("auto"))) => Ok(UndoPolicy::Auto),
        Some((_, Some("always"))) => Ok(UndoPolicy::Always),
        Some((other, _)) => Err(cannot_be(&["undo"], other, "use always or auto")),
    }
}

/// Whether a failed activity fails the run: `--strict`, else `runtime.strict`.
pub(super) fn strict(given: bool, experiment: &Experiment, settings: &Object) -> Result<bool, Problem> {
    Ok(given || switch(&["strict"], experiment, settings)?.unwrap_or(false))
}

/// Which share of the looks ends the method: `--fail-fast` and `--fail-fast-ratio`, else `runtime.hypothesis.fail_fast` and
/// `fail_fast_ratio`. Who gives a ratio wants to fail fast.
pub(super) fn fail_fast(
    given: bool,
    ratio: Option<f64>,
    experiment: &Experiment,
    settings: &Object,
) -> Result<Option<f64>, Problem> {
    let path = ["hypothesis", "fail_fast_ratio"];
    let declared = match ours(&path, experiment, settings) {
        None => None,
        Some(Value::Int(0)) => Some(0.0),
        Some(Value::Int(1)) => Some(1.0),
        Some(Value::Float(share)) if (0.0..=1.0).contains(share) => Some(*share),
        Some(other) => return Err(cannot_be(&path, other, "use a number from 0 to 1")),
    };
    let declared_on = switch(&["hypothesis", "fail_fast"], experiment, settings)?;
    let on = given || ratio.is_some() || declared_on.unwrap_or(declared.is_some());
    Ok(on.then(|| ratio.or(declared).unwrap_or(0.0)))
}

/// What is left out: `--dry`, else the `dry` of the experiment. Whatever is no mode, but true for Python, leaves out everything.
pub(super) fn dry(given: Option<Dry>, experiment: &Experiment) -> Option<Dry> {
    given.or_else(|| {
        let declared = experiment.document.get("dry").filter(|dry| dry.is_truthy())?;
        Some(declared.as_text().and_then(Dry::named).unwrap_or(Dry::Activities))
    })
}

/// Which exit codes tell how the run ended: `--exit-codes`, else `runtime.exit_codes` of the settings. An experiment does not
/// say, as it does not know who reads them.
pub(super) fn codes(given: Option<ExitCodes>, settings: &Object) -> Result<Codes, Problem> {
    let declared = settings.get("runtime").and_then(|runtime| runtime.get("exit_codes"));
    match (given, declared.map(|codes| (codes, codes.as_text()))) {
        (Some(ExitCodes::Toolkit), _) => Ok(Codes::Toolkit),
        (Some(ExitCodes::Detailed), _) => Ok(Codes::Detailed),
        (None, None | Some((Value::Null, _) | (_, Some("toolkit")))) => Ok(Codes::Toolkit),
        (None, Some((_, Some("detailed")))) => Ok(Codes::Detailed),
        (None, Some((other, _))) => Err(cannot_be(&["exit_codes"], other, "use toolkit or detailed")),
    }
}
