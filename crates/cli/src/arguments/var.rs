//! The values of options that are more than a word.

use std::path::PathBuf;

/// `--var NAME[:TYPE]=VALUE`
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Variable {
    /// What it replaces.
    pub(crate) name: String,
    /// By what.
    pub(crate) value: squall_experiment::Value,
}

/// Reads `NAME[:TYPE]=VALUE`. Errors are the Toolkit's texts.
pub(super) fn variable(text: &str) -> Result<Variable, String> {
    squall_experiment::resolve::parse_var(text).map(|(name, value)| Variable { name, value })
}

/// A number of seconds.
pub(super) fn float(text: &str) -> Result<f64, String> {
    let number = text.trim().parse().ok().filter(|number: &f64| !number.is_nan());
    number.ok_or_else(|| format!("'{text}' is not a valid float."))
}

/// A share, from none (0) to all (1).
pub(super) fn share(text: &str) -> Result<f64, String> {
    float(text).and_then(|share| match (0.0..=1.0).contains(&share) {
        true => Ok(share),
        false => Err(format!("{text} is not in the range 0<=x<=1.")),
    })
}

/// A file that exists.
pub(super) fn existing(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if path.exists() { Ok(path) } else { Err(format!("Path '{text}' does not exist.")) }
}
