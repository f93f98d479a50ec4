//! Where an experiment comes from: a file, or an http(s) URL.
//!
//! Invariant: whatever exists on disk is a file; only what does not is taken for a URL.

use crate::problem::Problem;
use squall_experiment::load::{Draft, Format, load};
use std::path::Path;

/// What SOURCE turned out to be.
#[derive(Debug, PartialEq, Eq)]
enum Place<'a> {
    File(&'a Path),
    Url(&'a str),
}

fn place(source: &str) -> Result<Place<'_>, Problem> {
    if Path::new(source).exists() {
        return Ok(Place::File(Path::new(source)));
    }
    match scheme(source).as_deref() {
        None => Err(Problem::new(format!("Path \"{source}\" does not exist."))),
        Some("http" | "https") => Ok(Place::Url(source)),
        Some(other) => Err(Problem::new(format!("'{other}' is not a supported source scheme."))),
    }
}

/// The scheme of a URL, in lower case, as Python's `urlparse` sees it.
fn scheme(source: &str) -> Option<String> {
    let (scheme, _) = source.split_once(':')?;
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    (scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(legal))
        .then(|| scheme.to_ascii_lowercase())
}

/// Loads the experiment.
pub(crate) fn read(source: &str) -> Result<Draft, Problem> {
    match place(source)? {
        Place::File(path) => file(path),
        Place::Url(url) => {
            Err(Problem::new(format!("could not load {url}: experiments are loaded from files only")))
        }
    }
}

fn file(path: &Path) -> Result<Draft, Problem> {
    let shown = path.display();
    let format = Format::of(path).map_err(|error| {
        let kind = if path.is_dir() { ", a folder" } else { "" };
        Problem::new(format!("could not load {shown}{kind}: {error}"))
    })?;
    let bytes = std::fs::read(path)
        .map_err(|error| Problem::new(format!("could not read the experiment {shown}: {error}")))?;
    parse(&bytes, format)
}

fn parse(bytes: &[u8], format: Format) -> Result<Draft, Problem> {
    load(bytes, format).map_err(|error| {
        let what = match format {
            Format::Yaml => format!("Failed parsing YAML experiment: {error}"),
            Format::Json => format!("Failed parsing JSON experiment: {error}"),
        };
        let text = String::from_utf8_lossy(bytes).into_owned();
        Problem::new(what).syntax(error.complaint(), text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_as_python_sees_them() {
        for (source, expected) in [
            ("nowhere.yaml", None),
            ("ftp://x/e.json", Some("ftp")),
            ("HTTPS://x", Some("https")),
            ("a b:c", None),
            ("1a:b", None),
            (":x", None),
            ("./x:y", None),
        ] {
            assert_eq!(scheme(source).as_deref(), expected, "{source}");
        }
    }
}
