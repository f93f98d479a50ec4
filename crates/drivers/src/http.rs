//! Calls a URL: the Toolkit's provider type `http`.
//!
//! What is sent, and what a response is taken for, follows Python's `requests`, so that a service sees and answers the same
//! call. Invariant: whatever the experiment or the server gets wrong ends the activity, never the process.
//!
//! Not here: the way over the network ([`client`]).

mod body;
pub mod client;
mod connection;
mod cookies;
mod exchange;
mod form;
mod headers;
mod kept;
mod netrc;
mod proxy;
#[cfg(test)]
mod server;
mod session;
#[cfg(test)]
mod tests;
mod tls;
mod url;

pub use headers::Headers;
pub use session::Session;
pub use tls::Verify;

use crate::loose::{Loose, unexpected};
use client::{Error, Options, Request, Response, World, fetch_over};
use kept::Connections;
use schemars::JsonSchema;
use serde::Deserialize;
use squall_engine::{Act, Action, Failure, Reach, Shape, Spec, Stop};
use squall_experiment::json::{self, Style};
use squall_experiment::python::{Exception, quoted, repr_of, str_of, type_name};
use squall_experiment::{Object, Value};
use std::time::Duration;

/// The content type by which JSON is recognised, on the way out and on the way in: exactly this.
const JSON: &str = "application/json";

/// Calls a URL and returns its answer.
pub struct Http;

/// What to call.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Args {
    /// `http://…` or `https://…`.
    #[serde(default)]
    #[schemars(with = "String")]
    url: Loose,
    /// `GET` by default; any word.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    method: Loose,
    /// Header fields, all of them text.
    #[serde(default)]
    #[schemars(with = "Option<std::collections::BTreeMap<String, String>>")]
    headers: Loose,
    /// Of a GET, what is added to the query. Of any other call its body: JSON if `headers` has `Content-Type:
    /// application/json`, else a form; a text is sent as it is.
    #[serde(default)]
    #[schemars(with = "serde_json::Value")]
    arguments: Loose,
    /// Seconds that connecting, and each wait for the server, may take; or `[connecting, waiting]`. No limit by default.
    #[serde(default)]
    #[schemars(with = "serde_json::Value")]
    timeout: Loose,
    /// Whether the server's certificate is checked: `true` by default; or the path of a bundle of authorities.
    #[serde(default)]
    #[schemars(with = "serde_json::Value")]
    verify_tls: Loose,
    /// How often the call is made again if it fails: when there is no connection, and when that breaks and the method may
    /// be repeated. 0 by default.
    #[serde(default)]
    #[schemars(with = "Option<u32>")]
    max_retries: Loose,
    /// By default a probe that follows another one at once uses its connection if that was opened no more than 50 ms ago.
    /// `false`: each call opens a connection of its own, as a new client does. `true`: calls leave their connections open for
    /// one another, whatever happens between them, and use one that was opened no more than a second ago.
    #[serde(default)]
    #[schemars(with = "Option<bool>")]
    keep_alive: Loose,
}

impl Action for Http {
    const SPEC: Spec = Spec {
        name: "http",
        summary: "Call a URL",
        docs: "Returns `{status, headers, body}`, whatever the status is: judge it with a tolerance. Header names are those \
            that the server wrote. The body is text, or the parsed value if its `Content-Type` is exactly \
            `application/json`. Redirects are followed, at most 30. Proxies (`HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, \
            `NO_PROXY`), certificate authorities (`REQUESTS_CA_BUNDLE`, `CURL_CA_BUNDLE`, else the machine's) and logins \
            (`~/.netrc`) are those that Python programs use. Probes that follow one another at once share a connection, unless \
            `keep_alive` says otherwise. A body of more than 256 MiB fails the activity.",
        example: "{url: \"http://127.0.0.1:8080/health\", timeout: 3}",
        reach: Reach::Remote,
        shape: Shape::Provider { kind: "http", filled: &["url", "headers", "timeout", "keep_alive"] },
        odd: Some(|output| match output.get("status") {
            Some(Value::Int(status)) if *status > 399 => Some(
                "This HTTP call returned a response with a HTTP status code above 400. This may indicate some error \
                 and not what you expected. Please have a look at the logs.",
            ),
            _ => None,
        }),
        inherits: true,
        ..Spec::DEFAULT
    };
    type Args = Args;
    type Did = Value;

    async fn act(args: &Args, cx: &Act) -> Result<Value, Stop> {
        // What means nothing is not read, as the Toolkit reads no such key at all.
        let keep_alive = args.keep_alive.given().and_then(Value::as_bool);
        let burst = match cx.inherit() {
            left if cx.is_probe() && keep_alive.is_none() => Some(Connections::of_burst(left)),
            left => {
                // Before anything is done.
                drop(left);
                None
            }
        };
        let request = request(args).map_err(unexpected)?;
        let retries = retries(&args.max_retries);
        let options =
            options(args, retries.as_ref().ok().copied().unwrap_or_default()).map_err(unexpected)?;
        let session = cx.handle::<Session>()?;
        let connections = match keep_alive {
            Some(true) => Some(&session.connections),
            Some(false) | None => burst.as_ref(),
        };
        let world = World { environment: cx.environment(), session: Some(session), now: cx.now() };
        let response = cx.until(fetch_over(connections, &request, &options, &world)).await?;
        if let Some(left) = burst.and_then(Connections::into_last)
            && session.trusts(left.server())
        {
            cx.leave(left);
        }
        let response = response.map_err(|error| match (error, retries) {
            // Only when it is needed does anybody notice that this is no number.
            (Error::NoAnswer(_) | Error::TimedOut, Err(exception)) => unexpected(exception),
            (error, _) => stop(error, &request.url),
        });
        output(response?).map_err(unexpected)
    }
}

/// How the Toolkit sees what went wrong.
fn stop(error: Error, url: &str) -> Stop {
    match error {
        Error::NoAnswer(what) => Failure::target(format!("failed to connect to {url}: {what}")).into(),
        Error::TimedOut => Failure::target("activity took too long to complete").into(),
        Error::TooLarge(what) => Failure::target(format!("failed to read {url}: {what}")).into(),
        Error::Unexpected(exception) => unexpected(exception),
    }
}

fn request(args: &Args) -> Result<Request, Exception> {
    let url = match args.url.given() {
        Some(url) => str_of(url),
        None => return Err(Exception { class: "KeyError", text: "'url'".to_owned() }),
    };
    let method = match args.method.given() {
        None => "GET".to_owned(),
        Some(Value::Text(method)) => method.to_uppercase(),
        Some(other) => return Err(Exception::no_attribute(other, "upper")),
    };
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if let Some(c) = method.chars().find(|c| !is_token(*c)) {
        return Err(Exception::value_error(format!(
            "Method cannot contain non-token characters {} (found at least {})",
            quoted(&method),
            quoted(&c.to_string())
        )));
    }
    let headers = match args.headers.given() {
        Some(other) if other.is_truthy() && other.as_object().is_none() => {
            return Err(Exception::no_attribute(other, if method == "GET" { "items" } else { "get" }));
        }
        headers => fields(headers.and_then(Value::as_object))?,
    };
    let mut request = Request { method, url, headers, ..Request::default() };
    let nothing = Value::Object(Object::default());
    let arguments = args.arguments.given().unwrap_or(&nothing);
    let is_json = || {
        request.headers.iter().any(|(name, value)| name == "Content-Type" && value.as_deref() == Some(JSON))
    };
    if request.method == "GET" {
        if arguments.is_truthy() {
            request.query = form::encode(arguments)?;
        }
    } else if is_json() {
        request.body = (!arguments.is_null()).then(|| json::to_string(arguments, &Style::LINE).into_bytes());
    } else if arguments.is_truthy() {
        request.body = Some(match arguments {
            Value::Bool(_) | Value::Int(_) | Value::Big(_) | Value::Float(_) => {
                return Err(Exception::type_error(format!(
                    "'body' must be a bytes-like object, file-like object, or iterable. Instead was {}",
                    repr_of(arguments)
                )));
            }
            arguments => form::encode(arguments)?.into_bytes(),
        });
        request.content_type = arguments.as_text().is_none().then_some("application/x-www-form-urlencoded");
    }
    Ok(request)
}

fn fields(headers: Option<&Object>) -> Result<Vec<(String, Option<String>)>, Exception> {
    let field = |(name, value): (&String, &Value)| match value {
        Value::Null => Ok((name.clone(), None)),
        Value::Text(value) => Ok((name.clone(), Some(value.clone()))),
        other => Err(Exception {
            class: "requests.exceptions.InvalidHeader",
            text: format!(
                "Header part ({}) from ({}, {0}) must be of type str or bytes, not <class '{}'>",
                repr_of(other),
                quoted(name),
                type_name(other)
            ),
        }),
    };
    headers.into_iter().flatten().map(field).collect()
}

fn options(args: &Args, retries: u32) -> Result<Options, Exception> {
    let (connect, read) = timeouts(args.timeout.set())?;
    let verify = match args.verify_tls.set() {
        None => Verify::Usual,
        Some(value) if !value.is_truthy() => Verify::Not,
        Some(Value::Text(path)) => Verify::Bundle(path.clone()),
        Some(Value::List(_) | Value::Object(_)) => {
            return Err(Exception::type_error(format!(
                "verify_tls should be a boolean or the path of a bundle, not {}",
                args.verify_tls.set().map_or("NoneType", type_name)
            )));
        }
        Some(_) => Verify::Usual,
    };
    Ok(Options { connect, read, verify, retries, stay: false })
}

/// One limit for both, or a pair: for connecting, and for waiting.
fn timeouts(timeout: Option<&Value>) -> Result<(Option<Duration>, Option<Duration>), Exception> {
    match timeout {
        None => Ok((None, None)),
        Some(Value::List(pair)) => {
            let limits = match pair.as_slice() {
                [connect, read] => {
                    limit("connect", connect).and_then(|connect| Ok((connect, limit("read", read)?))).ok()
                }
                _ => None,
            };
            limits.ok_or_else(|| {
                let shown: Vec<String> = pair.iter().map(repr_of).collect();
                Exception::value_error(format!(
                    "Invalid timeout ({}{}). Pass a (connect, read) timeout tuple, or a single float to set both timeouts to the same value.",
                    shown.join(", "),
                    if pair.len() == 1 { "," } else { "" }
                ))
            })
        }
        Some(both) => Ok((limit("connect", both)?, limit("read", both)?)),
    }
}

fn limit(name: &str, value: &Value) -> Result<Option<Duration>, Exception> {
    let seconds = match value {
        Value::Null => return Ok(None),
        Value::Bool(_) => {
            let text = "Timeout cannot be a boolean value. It must be an int, float or None.";
            return Err(Exception::value_error(text));
        }
        Value::Int(seconds) => *seconds as f64,
        Value::Float(seconds) => *seconds,
        other => {
            return Err(Exception::value_error(format!(
                "Timeout value {name} was {}, but it must be an int, float or None.",
                str_of(other)
            )));
        }
    };
    if seconds <= 0.0 {
        return Err(Exception::value_error(format!(
            "Attempted to set {name} timeout to {}, but the timeout cannot be set to a value less than or equal to 0.",
            str_of(value)
        )));
    }
    // A time that no clock can hold is no limit.
    Ok(Duration::try_from_secs_f64(seconds).ok())
}

/// `null` means what the library does on its own: three times.
fn retries(given: &Loose) -> Result<u32, Exception> {
    match given {
        Loose::Absent => Ok(0),
        Loose::Given(Value::Null) => Ok(3),
        Loose::Given(Value::Bool(once)) => Ok(u32::from(*once)),
        Loose::Given(Value::Int(times)) => Ok(u32::try_from((*times).max(0)).unwrap_or(u32::MAX)),
        // Saturates, and is 0 for what is negative.
        Loose::Given(Value::Float(times)) => Ok(*times as u32),
        Loose::Given(other) => Err(Exception::type_error(format!(
            "unsupported operand type(s) for -=: '{}' and 'int'",
            type_name(other)
        ))),
    }
}

fn output(response: Response) -> Result<Value, Exception> {
    let headers =
        response.headers.iter().map(|(name, value)| (name.to_owned(), Value::from(value))).collect();
    let status = i64::from(response.status);
    let is_json = response.headers.get("content-type") == Some(JSON);
    let text = response.into_text();
    let body = if is_json {
        json::value(&text).map_err(|error| Exception {
            class: "requests.exceptions.JSONDecodeError",
            text: error.as_python(&text),
        })?
    } else {
        Value::Text(text)
    };
    let output: [(&str, Value); 3] =
        [("status", status.into()), ("headers", Value::Object(headers)), ("body", body)];
    Ok(Value::Object(output.map(|(name, value)| (name.to_owned(), value)).into_iter().collect()))
}
