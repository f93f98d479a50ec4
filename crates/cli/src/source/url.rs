//! Fetches an experiment from a server, as the Toolkit does: redirects, proxies and certificates as for every HTTP call.

use super::{Fetching, parse, shown};
use crate::machine;
use crate::problem::Problem;
use crate::session::{LOADER_TOKEN, Session};
use jiff::Timestamp;
use squall_drivers::http::Verify;
use squall_drivers::http::client::{Options, Request, Response, World, fetch as send};
use squall_experiment::Object;
use squall_experiment::draft::Draft;
use squall_experiment::load::{Format, load};
use squall_experiment::python::str_of;

/// Gets the experiment at this URL.
pub(super) fn fetch(url: &str, fetching: Fetching<'_>, session: &Session) -> Result<Draft, Problem> {
    let mut headers = vec![("Accept".to_owned(), Some("application/json, application/x-yaml".to_owned()))];
    headers.extend(
        authorization(url, fetching.settings, session).map(|value| ("Authorization".to_owned(), Some(value))),
    );
    let request = Request { method: "GET".to_owned(), url: url.to_owned(), headers, ..Request::default() };
    let verify = if fetching.no_verify_tls { Verify::Not } else { Verify::Usual };
    let options = Options { verify, ..Options::default() };
    let world = World { environment: &session.environment, session: None, now: Timestamp::now() };
    let response = machine::runtime()?.block_on(async {
        tokio::select! {
            response = send(&request, &options, &world) => {
                response.map_err(|error| {
                    Problem::new(format!("could not load the experiment from {}: {error}", shown(url)))
                })
            }
            _ = tokio::signal::ctrl_c() => Err(Problem::new("Aborted!")),
        }
    })?;
    experiment(url, response)
}

/// The credentials for this server: the token of the environment, else what the settings say for `host[:port]`.
fn authorization(url: &str, settings: Option<&Object>, session: &Session) -> Option<String> {
    if let Some(token) = session.environment.get(LOADER_TOKEN) {
        return Some(format!("bearer {}", token.trim()));
    }
    let auth = settings?.get("auths")?.get(location(url))?;
    Some(format!("{} {}", str_of(auth.get("type")?), str_of(auth.get("value")?)))
}

/// The network location: what is between `//` and the path.
fn location(url: &str) -> &str {
    let rest = url.split_once("//").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

fn experiment(url: &str, response: Response) -> Result<Draft, Problem> {
    if response.status != 200 {
        let body = response.into_text();
        return Err(Problem::new(format!("Failed to fetch the experiment: {body}")));
    }
    let content_type = response.headers.get("content-type").unwrap_or_default();
    let is = |kind| content_type.contains(kind);
    if is("application/json") {
        parse(&response.body, Format::Json)
    } else if is("application/x-yaml") || is("text/yaml") {
        parse(&response.body, Format::Yaml)
    } else if is("text/plain") {
        load(&response.body, Format::Json).or_else(|_| parse(&response.body, Format::Yaml))
    } else {
        let given = if content_type.is_empty() { "no content type" } else { content_type };
        Err(Problem::new(format!(
            "could not load the experiment from {}, which has {given}: only files with json, yaml or yml extensions \
             are supported",
            shown(url)
        ))
        .hint("let the server say application/json, application/x-yaml, text/yaml or text/plain"))
    }
}

#[cfg(test)]
mod tests {
    use super::location;

    #[test]
    fn locations_as_the_settings_name_them() {
        for (url, expected) in [
            ("http://h/e.json", "h"),
            ("https://h:8443?x", "h:8443"),
            ("http://u:p@h#f", "u:p@h"),
            ("http:odd", "http:odd"),
        ] {
            assert_eq!(location(url), expected, "{url}");
        }
    }
}
