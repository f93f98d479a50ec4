//! Where an experiment comes from: a file, or an http(s) URL.
//!
//! Invariant: whatever exists on disk is a file; only what does not is taken for a URL. A token for the server is sent to
//! the server that it is meant for and appears in no message.

mod url;

use crate::problem::Problem;
use crate::session::Session;
use squall_experiment::Object;
use squall_experiment::draft::Draft;
use squall_experiment::load::{Format, load};
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

/// How an experiment is fetched from a server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fetching<'a> {
    /// Leave the server's certificate unchecked.
    pub(crate) no_verify_tls: bool,
    /// Where the credentials of servers are.
    pub(crate) settings: Option<&'a Object>,
}

/// Loads the experiment.
pub(crate) fn read(source: &str, fetching: Fetching<'_>, session: &Session) -> Result<Draft, Problem> {
    match place(source)? {
        Place::File(path) => file(path),
        Place::Url(url) => url::fetch(url, fetching, session),
    }
}

/// The source without the user and password that a URL may hold.
pub(crate) fn shown(source: &str) -> String {
    let Some((scheme, rest)) = source.split_once("//").filter(|_| scheme(source).is_some()) else {
        return source.to_owned();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, behind) = rest.split_at(end);
    let is_port = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let at = match authority.rsplit_once(':') {
        // A password with a slash in it ends what looks like a host.
        Some((_, port)) if !authority.contains('@') && !port.ends_with(']') && !is_port(port) => {
            behind.rfind('@').map(|at| end + at)
        }
        _ => authority.rfind('@'),
    };
    match at {
        Some(at) => format!("{scheme}//***{}", &rest[at..]),
        None => source.to_owned(),
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

    #[test]
    fn passwords_are_not_shown() {
        for (source, expected) in [
            ("https://u:p@h/e.json?x=@", "https://***@h/e.json?x=@"),
            ("https://h/@e.json", "https://h/@e.json"),
            ("https://h:80/@e.json", "https://h:80/@e.json"),
            ("https://[::1]/@e.json", "https://[::1]/@e.json"),
            ("https://u:p/q@h/e.json", "https://***@h/e.json"),
            ("folder//e@2.json", "folder//e@2.json"),
        ] {
            assert_eq!(shown(source), expected);
        }
    }
}
