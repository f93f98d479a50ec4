//! What can go wrong between us and an API server, in the Toolkit's words, with whose fault it is and what to do about it.
//!
//! Invariant: the text is what the Toolkit's client would have raised, down to its class; everything that helps beyond that
//! is in the hint. No header that we sent, so no credential, is ever part of a text.

use super::target::Target;
use http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::Value as Json;
use squall_engine::{Failure, Stop};
use squall_experiment::Value;
use squall_experiment::event::Blame;
use squall_experiment::python::{quoted, repr_of};
use std::error::Error as StdError;
use std::fmt::Write as _;
use std::time::Duration;

/// Why a call has no answer that could be used.
#[derive(Debug, Clone)]
pub enum CallError {
    /// The run was stopped while we waited.
    Cancelled,
    /// The server answered with an error.
    Refused(Box<Refusal>),
    /// There was no answer, or no way to ask.
    Failed(Box<Failure>),
}

impl From<Failure> for CallError {
    fn from(failure: Failure) -> CallError {
        CallError::Failed(Box::new(failure))
    }
}
impl From<Stop> for CallError {
    fn from(stop: Stop) -> CallError {
        match stop {
            Stop::Cancelled => CallError::Cancelled,
            Stop::Failed(failure) | Stop::Fatal(failure) => failure.into(),
        }
    }
}
impl From<CallError> for Stop {
    fn from(error: CallError) -> Stop {
        match error {
            CallError::Cancelled => Stop::Cancelled,
            CallError::Refused(refusal) => Stop::Failed(refusal.failure()),
            CallError::Failed(failure) => Stop::Failed(*failure),
        }
    }
}
impl From<CallError> for Failure {
    fn from(error: CallError) -> Failure {
        match error {
            CallError::Cancelled => Failure::environment("stopped before the cluster had answered"),
            CallError::Refused(refusal) => refusal.failure(),
            CallError::Failed(failure) => *failure,
        }
    }
}

impl CallError {
    /// The HTTP status of a refusal.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            CallError::Refused(refusal) => Some(refusal.status.as_u16()),
            CallError::Cancelled | CallError::Failed(_) => None,
        }
    }

    /// Whether the API server itself says that the object does not exist. Another 404, as of a proxy that knows no such path,
    /// says nothing about objects.
    pub(crate) fn is_missing(&self) -> bool {
        let CallError::Refused(refusal) = self else { return false };
        let status: Json = serde_json::from_str(&refusal.body).unwrap_or_default();
        refusal.status == StatusCode::NOT_FOUND
            && status["kind"] == "Status"
            && status["reason"] == "NotFound"
    }
}

/// An answer that is an error.
#[derive(Debug, Clone)]
pub struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    /// What we asked for.
    pub(crate) verb: &'static str,
    pub(crate) target: Target,
    /// As whom, and where: `user admin of context prod in /home/me/.kube/config`.
    pub(crate) identity: String,
    /// How to get new credentials.
    pub(crate) renew: String,
}

impl Refusal {
    /// The text of the client that the Toolkit uses: status, reason, headers, body.
    pub(crate) fn text(&self) -> String {
        let mut text =
            format!("({})\nReason: {}\n", self.status.as_u16(), self.status.canonical_reason().unwrap_or(""));
        if !self.headers.is_empty() {
            let headers: Vec<String> = self
                .headers
                .iter()
                .map(|(name, value)| {
                    let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                    format!("{}: {}", quoted(&title(name.as_str())), quoted(&value))
                })
                .collect();
            let _ = writeln!(text, "HTTP response headers: HTTPHeaderDict({{{}}})", headers.join(", "));
        }
        if !self.body.is_empty() {
            // The Toolkit reads logs as a stream, so that an error's body is bytes there, and shown as such.
            let is_stream = self.target.part == Some("log");
            let body = if is_stream {
                repr_of(&Value::Bytes(self.body.clone().into_bytes()))
            } else {
                self.body.clone()
            };
            let _ = writeln!(text, "HTTP response body: {body}");
        }
        text.trim().to_owned()
    }

    /// As a failure under the client's own class.
    pub(crate) fn failure(&self) -> Failure {
        self.failure_as(self.text()).class("kubernetes.client.exceptions.ApiException")
    }

    /// As a failure with another text, with the same blame and hint.
    pub(crate) fn failure_as(&self, text: String) -> Failure {
        Failure::new(self.blame(), text).hint(self.hint())
    }

    /// Whether the name is taken, rather than another conflict.
    pub(crate) fn is_taken(&self) -> bool {
        let status: Json = serde_json::from_str(&self.body).unwrap_or_default();
        self.status == StatusCode::CONFLICT
            && (status["reason"] == "AlreadyExists" || !status["reason"].is_string())
    }

    /// Whether nothing can be created because the namespace is missing or being deleted.
    pub(crate) fn is_without_namespace(&self) -> bool {
        let status: Json = serde_json::from_str(&self.body).unwrap_or_default();
        let is_missing = self.status == StatusCode::NOT_FOUND && status["details"]["kind"] == "namespaces";
        let causes = status["details"]["causes"].as_array();
        is_missing || causes.into_iter().flatten().any(|cause| cause["reason"] == "NamespaceTerminating")
    }

    fn blame(&self) -> Blame {
        match self.status.as_u16() {
            401 | 403 => Blame::Environment,
            400 | 405 | 415 | 422 => Blame::Experiment,
            _ => Blame::Target,
        }
    }

    fn message(&self) -> String {
        let status: Json = serde_json::from_str(&self.body).unwrap_or_default();
        status["message"].as_str().unwrap_or_default().to_owned()
    }

    fn hint(&self) -> String {
        let Refusal { verb, target, identity, renew, .. } = self;
        match self.status.as_u16() {
            400 | 422 => format!(
                "the server does not accept the request to {verb} {target}; its message says which field: correct that in the experiment or its file"
            ),
            401 => format!("the server does not know us as {identity}: {renew}"),
            403 => {
                let message = self.message();
                let who = message
                    .split_once("User \"")
                    .and_then(|(_, rest)| rest.split_once('"'))
                    .map_or(identity.clone(), |(user, _)| format!("user {user}"));
                format!("grant {who} the right to {}", target.right(verb))
            }
            404 if target.name.is_some() => {
                format!("there is no {target}: check its name and namespace, and that this is the right cluster ({identity})")
            }
            404 => format!("the server does not serve {target}: check the API version, and the cluster ({identity})"),
            409 => format!(
                "{target} exists already or was changed meanwhile: look at it, remove what an earlier run left (`chaos recover`), then try again"
            ),
            429 => "the server is overloaded and kept asking us to wait: try again later".to_owned(),
            500.. => "the server has an error of its own, and repeating the request did not help: look at its log, then try again".to_owned(),
            _ => format!("the request was to {verb} {target} as {identity}"),
        }
    }
}

/// `content-type` as servers write it: `Content-Type`.
fn title(name: &str) -> String {
    let words: Vec<String> = name
        .split('-')
        .map(|word| {
            let mut characters = word.chars();
            characters
                .next()
                .map_or(String::new(), |first| first.to_ascii_uppercase().to_string() + characters.as_str())
        })
        .collect();
    words.join("-")
}

/// Why there was no answer.
#[derive(Debug)]
pub(crate) enum Silence<'a> {
    /// Nothing came within this time.
    TimedOut(Duration),
    /// The connection could not be made, or broke.
    Broken(&'a (dyn StdError + 'static)),
}

/// Whether the request was certainly not processed, for no connection was made.
pub(crate) fn is_unsent(error: &(dyn StdError + 'static)) -> bool {
    chain(error).any(|cause| {
        cause
            .downcast_ref::<hyper_util::client::legacy::Error>()
            .is_some_and(hyper_util::client::legacy::Error::is_connect)
    })
}

/// Whether it is of no use to try again: a certificate does not become valid within seconds.
pub(crate) fn is_lasting(error: &(dyn StdError + 'static)) -> bool {
    // A connection that could not be made in ten seconds will not be made in the eleventh either.
    tls(error).is_some()
        || find::<std::io::Error>(error).is_some_and(|io| io.kind() == std::io::ErrorKind::TimedOut)
}

/// The failure of a request that got no answer.
pub(crate) fn silent(
    silence: &Silence<'_>,
    server: &Uri,
    method: &Method,
    path: &str,
    proxy: Option<&Uri>,
) -> Failure {
    let (cause, hint) = match silence {
        Silence::TimedOut(limit) => {
            let cause = format!(
                "ReadTimeoutError(\"{}: Read timed out. (read timeout={})\")",
                pool(server),
                limit.as_secs_f64()
            );
            let done = if *method == Method::GET { "" } else { "; whether the change was made is unknown" };
            (
                cause,
                format!(
                    "the server took the request and did not answer within {} s{done}; CHAOS_KUBERNETES_TIMEOUT sets another limit in seconds",
                    limit.as_secs_f64()
                ),
            )
        }
        Silence::Broken(error) => broken(*error, server, proxy),
    };
    let text = format!("{}: Max retries exceeded with url: {path} (Caused by {cause})", pool(server));
    Failure::environment(text).class("urllib3.exceptions.MaxRetryError").hint(hint)
}

fn broken(error: &(dyn StdError + 'static), server: &Uri, proxy: Option<&Uri>) -> (String, String) {
    let connection = pool(server).replacen("ConnectionPool", "Connection", 1);
    if let Some(problem) = tls(error) {
        let cause = format!(
            "SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: {problem}'))"
        );
        let hint = "the server's certificate is not one that we were told to trust: check certificate-authority and \
                    tls-server-name of the kubeconfig's cluster, or KUBERNETES_CA_CERT_FILE";
        return (cause, hint.to_owned());
    }
    let (host, port) = address(server);
    if let Some(io) = find::<std::io::Error>(error) {
        let what = os_error(io);
        if io.kind() == std::io::ErrorKind::TimedOut && is_unsent(error) {
            return (
                format!("ConnectTimeoutError(\"{connection}: Connection to {host} timed out.\")"),
                format!(
                    "{host}:{port} does not answer at all: check the network, a VPN or firewall between here and there, and which cluster is meant"
                ),
            );
        }
        let connect =
            format!("NewConnectionError(\"{connection}: Failed to establish a new connection: {what}\")");
        return match proxy {
            Some(proxy) if is_unsent(error) => (
                format!("ProxyError('Unable to connect to proxy', {connect})"),
                format!(
                    "the way to {host}:{port} is the proxy {}: check that it runs, or name the server in NO_PROXY",
                    redacted(proxy)
                ),
            ),
            _ if is_unsent(error) => (
                connect,
                format!(
                    "nothing answers at {host}:{port}: check that the cluster runs and that {host} can be reached from here, and which cluster the kubeconfig or KUBERNETES_HOST names"
                ),
            ),
            _ => (
                format!("ProtocolError('Connection aborted.', {}({}))", io_class(io), quoted(&what)),
                format!(
                    "{host}:{port} closed the connection in the middle of a request; something between here and the server may have restarted"
                ),
            ),
        };
    }
    let causes: Vec<String> = chain(error).map(ToString::to_string).collect();
    (
        format!("ProtocolError('Connection aborted.', {})", quoted(&causes.join(": "))),
        format!(
            "the answer of {host}:{port} broke off or was no HTTP: check that an API server listens there"
        ),
    )
}

/// `HTTPSConnectionPool(host='10.0.0.1', port=6443)`.
fn pool(server: &Uri) -> String {
    let kind =
        if server.scheme_str() == Some("https") { "HTTPSConnectionPool" } else { "HTTPConnectionPool" };
    let (host, port) = address(server);
    format!("{kind}(host='{host}', port={port})")
}

/// Host and port of a URL.
pub(crate) fn address(server: &Uri) -> (String, u16) {
    let default = if server.scheme_str() == Some("https") { 443 } else { 80 };
    let host = server.host().unwrap_or("localhost").trim_start_matches('[').trim_end_matches(']');
    (host.to_owned(), server.port_u16().unwrap_or(default))
}

/// A URL without user and password.
pub(crate) fn redacted(url: &Uri) -> String {
    let text = url.to_string();
    match (text.split_once("://"), url.authority()) {
        (Some((scheme, rest)), Some(authority)) if authority.as_str().contains('@') => {
            format!("{scheme}://{}", rest.rsplit_once('@').map_or(rest, |(_, host)| host))
        }
        _ => text,
    }
}

fn os_error(error: &std::io::Error) -> String {
    match error.raw_os_error() {
        // "Connection refused (os error 111)", which Python writes "[Errno 111] Connection refused".
        Some(code) => {
            let text = error.to_string();
            let text = text.split(" (os error").next().unwrap_or_default();
            format!("[Errno {code}] {text}")
        }
        None => error.to_string(),
    }
}

fn io_class(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::ConnectionReset => "ConnectionResetError",
        std::io::ErrorKind::BrokenPipe => "BrokenPipeError",
        _ => "RemoteDisconnected",
    }
}

/// An error and what caused it, including what an I/O error wraps, which its `source` passes over.
pub(crate) fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    fn cause<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
        match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        }
    }
    std::iter::successors(Some(error), |error| cause(*error))
}

fn find<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    // The innermost one says what happened, the outer ones only where.
    chain(error).filter_map(|cause| cause.downcast_ref::<E>()).last()
}

fn tls(error: &(dyn StdError + 'static)) -> Option<String> {
    find::<rustls::Error>(error).map(ToString::to_string)
}
