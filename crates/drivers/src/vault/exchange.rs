//! One request to Vault, repeated when it may help, and what is wrong with its answer.

use super::settings::Settings;
use crate::http::client::{Error, Options, Request, Response, World, fetch};
use squall_experiment::event::Blame;
use squall_experiment::{Value, json};
use std::time::Duration;

/// How often a request is sent at most.
const TRIES: u32 = 3;

/// How many servers may send us on; standby nodes send to the active one.
const MOST_REDIRECTS: u32 = 3;

/// A server that can be asked.
pub(super) struct Exchange<'w> {
    settings: &'w Settings,
    world: &'w World<'w>,
    pub(super) token: Option<String>,
    /// What no failure may repeat.
    pub(super) hidden: Vec<String>,
}

/// What came back.
pub(super) struct Answer {
    pub(super) value: Value,
    /// There was no body at all.
    pub(super) empty: bool,
}

/// Why nothing useful came back.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) what: String,
    pub(super) hint: String,
    pub(super) status: Option<u16>,
    /// The secret's latest version was deleted.
    pub(super) deleted: bool,
}

impl Refusal {
    /// Whose fault it is.
    pub(super) fn blame(&self) -> Blame {
        match self.status {
            Some(400..=499) => Blame::Experiment,
            _ => Blame::Environment,
        }
    }
}

impl<'w> Exchange<'w> {
    pub(super) fn new(settings: &'w Settings, world: &'w World<'w>) -> Exchange<'w> {
        let hidden = settings.hidden().iter().filter_map(Value::as_text).map(str::to_owned).collect();
        Exchange { settings, world, token: None, hidden }
    }

    /// Asks for a path below `/v1/`.
    pub(super) async fn ask(
        &self,
        method: &str,
        path: &str,
        body: Option<String>,
    ) -> Result<Answer, Refusal> {
        let asked =
            tokio::time::timeout(self.settings.patience.most, self.patiently(method, path, body)).await;
        let response =
            asked.unwrap_or_else(|_| Err(self.silent(method, path, self.settings.patience.most)))?;
        if response.status >= 300 {
            return Err(self.refused(method, path, response));
        }
        let empty = response.body.is_empty();
        if empty {
            return Ok(Answer { value: Value::Null, empty });
        }
        let text = String::from_utf8_lossy(&response.body).into_owned();
        match json::value(&text) {
            Ok(value @ Value::Object(_)) => Ok(Answer { value, empty }),
            Ok(_) | Err(_) => Err(self.odd(method, path, "that is no JSON object")),
        }
    }

    /// An answer in a form that Vault does not have.
    pub(super) fn odd(&self, method: &str, path: &str, form: &str) -> Refusal {
        Refusal {
            what: format!("{} answered {method} /v1/{path} with something {form}", self.name()),
            hint: "is it Vault that listens at `vault_addr`, and not a proxy or a page to log in?".to_owned(),
            status: None,
            deleted: false,
        }
    }

    fn name(&self) -> String {
        format!("Vault at {}", shown(&self.settings.address))
    }

    #[expect(clippy::disallowed_methods, reason = "no run has begun; cli drops this on a signal")]
    async fn patiently(&self, method: &str, path: &str, body: Option<String>) -> Result<Response, Refusal> {
        for tried in 1.. {
            let wait = self.settings.patience.pause * 3_u32.saturating_pow(tried - 1);
            match self.follow(method, path, body.clone()).await {
                // Sealed, overloaded, or between two leaders.
                Ok(response) if tried < TRIES && matches!(response.status, 412 | 429 | 500..=599) => {}
                Ok(response) => return Ok(response),
                Err(Error::NoAnswer(_)) if tried < TRIES => {}
                Err(error) => return Err(self.unreachable(method, path, &error)),
            }
            tokio::time::sleep(wait).await;
        }
        unreachable!("the loop ends by itself")
    }

    /// Sends it, and again to where it is sent on, unless that gives up TLS.
    async fn follow(&self, method: &str, path: &str, body: Option<String>) -> Result<Response, Error> {
        let mut url = format!("{}/v1/{path}", self.settings.address);
        let mut followed = 0;
        loop {
            let response = self.once(method, &url, body.clone()).await?;
            let to = match response.status {
                301 | 302 | 307 | 308 => response.headers.get("location").and_then(|to| joined(&url, to)),
                _ => None,
            };
            let Some(to) = to else { return Ok(response) };
            if followed == MOST_REDIRECTS || (is_tls(&url) && !is_tls(&to)) {
                return Ok(response);
            }
            followed += 1;
            url = to;
        }
    }

    async fn once(&self, method: &str, url: &str, body: Option<String>) -> Result<Response, Error> {
        let field = |name: &str, value: &str| (name.to_owned(), Some(value.to_owned()));
        let mut headers = vec![field("X-Vault-Request", "true")];
        headers.extend(self.token.iter().map(|token| field("X-Vault-Token", token)));
        headers.extend(self.settings.namespace.iter().map(|namespace| field("X-Vault-Namespace", namespace)));
        let request = Request {
            method: method.to_owned(),
            url: url.to_owned(),
            headers,
            content_type: body.is_some().then_some("application/json"),
            body: body.map(String::into_bytes),
            ..Request::default()
        };
        let options = Options {
            connect: Some(self.settings.patience.connect),
            read: Some(self.settings.patience.read),
            verify: self.settings.verify.clone(),
            stay: true,
            ..Options::default()
        };
        fetch(&request, &options, self.world).await
    }

    fn refused(&self, method: &str, path: &str, response: Response) -> Refusal {
        let status = response.status;
        let to = response.headers.get("location").map(shown);
        let body = json::value(&String::from_utf8_lossy(&response.body)).unwrap_or_default();
        let errors = body.get("errors").and_then(Value::as_list).unwrap_or_default();
        let said = errors.iter().filter_map(Value::as_text).collect::<Vec<_>>().join("; ");
        let deletion =
            body.get("data").and_then(|data| data.get("metadata")).and_then(|it| it.get("deletion_time"));
        let why = match (to, said.is_empty()) {
            (Some(to), _) => format!("{status}, a redirect to {to}"),
            (None, true) => status.to_string(),
            (None, false) => format!("{status}: {}", self.without_secrets(said)),
        };
        let hint = match status {
            300..=399 => {
                "let `vault_addr` name that server itself; a redirect from https to http is not followed"
            }
            501 => "Vault is not initialized: `vault operator init`",
            503 => "Vault is sealed or in maintenance: `vault status` tells, `vault operator unseal` helps",
            500..=599 => "Vault is in trouble: its own log and `vault status` tell why",
            _ => "is `vault_addr` right?",
        };
        Refusal {
            what: format!("{} answered {method} /v1/{path} with {why}", self.name()),
            hint: hint.to_owned(),
            status: Some(status),
            deleted: deletion.and_then(Value::as_text).is_some_and(|time| !time.is_empty()),
        }
    }

    fn unreachable(&self, method: &str, path: &str, error: &Error) -> Refusal {
        let name = self.name();
        let what = match error {
            Error::TimedOut => return self.silent(method, path, self.settings.patience.read),
            Error::NoAnswer(why) => format!(
                "could not reach {name} for {method} /v1/{path}: {}",
                self.without_secrets(why.clone())
            ),
            Error::TooLarge(why) => format!("{name} answered {method} /v1/{path} with too much: {why}"),
            Error::Unexpected(exception) => {
                format!(
                    "could not ask {name} for /v1/{path}: {}",
                    self.without_secrets(exception.text.clone())
                )
            }
        };
        Refusal { what, hint: self.whereabouts(), status: None, deleted: false }
    }

    fn silent(&self, method: &str, path: &str, limit: Duration) -> Refusal {
        let what =
            format!("{} did not answer {method} /v1/{path} within {} s", self.name(), limit.as_secs_f64());
        Refusal { what, hint: self.whereabouts(), status: None, deleted: false }
    }

    fn whereabouts(&self) -> String {
        match self.settings.named {
            true => "is it up, and is `vault_addr` right?".to_owned(),
            false => "say where it is: `vault_addr` in the configuration, or VAULT_ADDR".to_owned(),
        }
    }

    fn without_secrets(&self, text: String) -> String {
        let hidden = self.hidden.iter().filter(|hidden| hidden.len() >= 4);
        hidden.fold(text, |text, hidden| text.replace(hidden.as_str(), "***"))
    }
}

fn is_tls(url: &str) -> bool {
    url.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://"))
}

/// Where a `Location` leads from here, if it can be followed.
fn joined(url: &str, to: &str) -> Option<String> {
    if is_tls(to) || to.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("http://")) {
        return Some(to.to_owned());
    }
    let (scheme, rest) = url.split_once("//")?;
    let server = rest.split('/').next()?;
    to.starts_with('/').then(|| format!("{scheme}//{server}{to}"))
}

/// A URL without user and password.
fn shown(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("//") else { return url.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => format!("{scheme}//***{}", &rest[at..]),
        None => url.to_owned(),
    }
}
