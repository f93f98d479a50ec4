//! Fetches a URL as Python's `requests` does: proxies, credentials, redirects, cookies, retries, content codings.
//!
//! Used by the http provider and by whatever else speaks HTTP as the Toolkit does. Invariant: each hop has a bounded response
//! and a connection of its own, unless its [`Options`] let it share one; nothing is read from the process's environment, only
//! from the [`World`] handed in. Dropping the future closes the connection.
//!
//! Not here: what a response means, and how arguments become a query or a body.

#[cfg(test)]
mod tests;

use super::body::{self, Undecodable};
use super::connection::{NoConnection, Stream, connect};
use super::cookies::Cookies;
use super::exchange::{Broken, Head, Incoming, MOST, Unanswered, exchange};
use super::headers::{Headers, to_latin1};
use super::kept::{Connections, Opened};
use super::netrc;
use super::proxy::Proxy;
use super::session::Session;
use super::tls::Verify;
use super::url::{Url, percent_decode};
use base64::Engine as _;
use jiff::Timestamp;
use squall_engine::Environment;
use squall_experiment::python::{Exception, quoted};
use std::time::Duration;

/// How many redirects are followed.
const MOST_REDIRECTS: usize = 30;

/// What a request may see of the world.
#[derive(Clone, Copy)]
pub struct World<'w> {
    /// Proxies, certificates, and the home folder with its `.netrc`.
    pub environment: &'w Environment,
    /// What it shares with other calls.
    pub session: Option<&'w Session>,
    /// Now, by which cookies expire.
    pub now: Timestamp,
}

impl<'w> World<'w> {
    pub(super) fn env(&self, name: &str) -> Option<&'w str> {
        self.environment.get(name)
    }
}

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Any word, in upper case.
    pub method: String,
    /// Where; it need not be encoded.
    pub url: String,
    /// Added to the query of the URL, encoded.
    pub query: String,
    /// Fields beyond the usual ones, or in their place; `None` leaves a usual one out.
    pub headers: Vec<(String, Option<String>)>,
    /// The body; none sends none.
    pub body: Option<Vec<u8>>,
    /// The body's `Content-Type`, unless `headers` has one.
    pub content_type: Option<&'static str>,
}

/// How it is asked for.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The longest that connecting may take, each of its steps.
    pub connect: Option<Duration>,
    /// The longest that the server may be silent.
    pub read: Option<Duration>,
    /// How its certificate is checked.
    pub verify: Verify,
    /// How often a request is tried again when there is no connection, or when it broke and the method may be repeated.
    pub retries: u32,
    /// A redirect is what comes back, rather than followed.
    pub stay: bool,
}

/// What came back in the end.
#[derive(Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// As the server wrote them, repeated ones joined with `, `.
    pub headers: Headers,
    /// Its content codings undone.
    pub body: Vec<u8>,
}

impl Response {
    /// The body as text, in the charset that its type names or implies.
    pub fn into_text(self) -> String {
        let content_type = self.headers.get("content-type");
        body::text(self.body, content_type)
    }
}

/// Why nothing came back.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// There was no connection, or it broke.
    #[error("{0}")]
    NoAnswer(String),
    /// The server was silent for too long.
    #[error("no response in time")]
    TimedOut,
    /// More came back than can be kept.
    #[error("{0}")]
    TooLarge(String),
    /// What `requests` raises and the Toolkit does not expect.
    #[error(transparent)]
    Unexpected(#[from] Exception),
}

impl From<NoConnection> for Error {
    fn from(reason: NoConnection) -> Error {
        match reason {
            NoConnection::Failed(what) => Error::NoAnswer(what),
            NoConnection::Unexpected(exception) => Error::Unexpected(exception),
        }
    }
}

impl Error {
    fn broken(broken: &Broken, url: &Url) -> Error {
        match broken {
            Broken::TimedOut => Error::TimedOut,
            Broken::TooLarge(..) => Error::TooLarge(broken.plain()),
            _ => Error::NoAnswer(format!("{}: {}", url.host_port(), broken.plain())),
        }
    }
}

/// Sends a request, follows where it leads, and returns the final response whatever its status.
///
/// # Errors
/// See [`Error`].
pub async fn fetch(request: &Request, options: &Options, world: &World<'_>) -> Result<Response, Error> {
    fetch_over(None, request, options, world).await
}

/// The same over one of the `connections` that calls leave for one another, if one fits, and leaves its own to them.
pub(super) async fn fetch_over(
    connections: Option<&Connections>,
    request: &Request,
    options: &Options,
    world: &World<'_>,
) -> Result<Response, Error> {
    let mut url = Url::parse(&request.url)?;
    url.append(&request.query);
    let mut hop = Hop::first(request, &url, world)?;
    let mut cookies = Cookies::default();
    for followed in 0.. {
        let Answer { head, mut incoming, opened } = hop.send(&url, options, connections, world).await?;
        for cookie in &head.cookies {
            cookies.set(cookie, &url, world.now);
        }
        let location = head
            .headers
            .get("location")
            .filter(|to| !options.stay && is_redirect(head.status) && !to.is_empty());
        let Some(location) = location else {
            let body = incoming.body(&head).await.map_err(|broken| Error::broken(&broken, &url))?;
            if let (Some(connections), Some(opened)) = (connections, opened)
                && let Some(stream) = incoming.into_stream(&head)
            {
                connections.keep(opened, stream);
            }
            let codings = head.headers.get("content-encoding").unwrap_or_default();
            let body = body::decode(body, codings, MOST).map_err(|error| match error {
                Undecodable::TooLarge(_) => Error::TooLarge(error.to_string()),
                Undecodable::Broken(_) => Error::Unexpected(Exception {
                    class: "requests.exceptions.ContentDecodingError",
                    text: error.to_string(),
                }),
            })?;
            return Ok(Response { status: head.status, headers: head.headers, body });
        };
        if followed == MOST_REDIRECTS {
            let text = format!("Exceeded {MOST_REDIRECTS} redirects.");
            return Err(Exception { class: "requests.exceptions.TooManyRedirects", text }.into());
        }
        let to = url.join(&as_utf8(location))?;
        hop.redirect(head.status, &url, &to, world);
        if let Some(field) = cookies.field(&to) {
            hop.headers.set("Cookie", field);
        }
        url = to;
    }
    unreachable!("the loop ends by itself")
}

/// One request of the chain.
struct Hop {
    method: String,
    headers: Headers,
    body: Option<Vec<u8>>,
}

/// What came back of one request, its body still to be read.
struct Answer {
    head: Head,
    incoming: Incoming<Box<dyn Stream>>,
    /// Of the connection, if the request lets it stand and somebody keeps it.
    opened: Option<Opened>,
}

impl Hop {
    fn first(request: &Request, url: &Url, world: &World<'_>) -> Result<Hop, Exception> {
        let mut headers = Headers::default();
        headers.set("User-Agent", concat!("squall/", env!("CARGO_PKG_VERSION")));
        headers.set("Accept-Encoding", "gzip, deflate");
        headers.set("Accept", "*/*");
        headers.set("Connection", "keep-alive");
        for (name, value) in &request.headers {
            match value {
                Some(value) => {
                    check_field(name, value)?;
                    headers.set(name, value);
                }
                None => headers.remove(name),
            }
        }
        let length = request.body.as_ref().map(Vec::len);
        match length {
            Some(length) if length > 0 => headers.set("Content-Length", length.to_string()),
            _ if !matches!(request.method.as_str(), "GET" | "HEAD")
                && headers.get("Content-Length").is_none() =>
            {
                headers.set("Content-Length", "0");
            }
            _ => {}
        }
        if let Some(kind) = request.content_type.filter(|_| headers.get("Content-Type").is_none()) {
            headers.set("Content-Type", kind);
        }
        let mut hop = Hop { method: request.method.clone(), headers, body: request.body.clone() };
        hop.log_in(url, world);
        if let Some((user, password)) = url.credentials.as_deref().and_then(|both| both.split_once(':'))
            && hop.headers.get("Authorization").is_none()
        {
            let login = basic(&percent_decode(user), &percent_decode(password));
            hop.headers.set("Authorization", login);
        }
        Ok(hop)
    }

    /// Puts in what `.netrc` says, unless the request brings an `Authorization` of its own.
    fn log_in(&mut self, url: &Url, world: &World<'_>) {
        if self.headers.get("Authorization").is_some() {
            return;
        }
        let read = || netrc::read(world.env("NETRC"), world.env("HOME"));
        let own;
        let file = match world.session {
            Some(session) => session.netrc(read),
            None => {
                own = read();
                own.as_deref()
            }
        };
        if let Some((user, password)) = file.and_then(|file| netrc::login(file, &url.host)) {
            self.headers.set("Authorization", basic(&user, &password));
        }
    }

    /// Becomes the request that follows a redirect.
    fn redirect(&mut self, status: u16, from: &Url, to: &Url, world: &World<'_>) {
        let post = self.method == "POST";
        if (matches!(status, 302 | 303) && self.method != "HEAD") || (status == 301 && post) {
            "GET".clone_into(&mut self.method);
        }
        if !matches!(status, 307 | 308) {
            for field in ["Content-Length", "Content-Type", "Transfer-Encoding"] {
                self.headers.remove(field);
            }
            self.body = None;
            if !matches!(self.method.as_str(), "GET" | "HEAD" | "DELETE" | "TRACE" | "OPTIONS" | "CONNECT") {
                self.headers.set("Content-Length", "0");
            }
        }
        self.headers.remove("Cookie");
        if loses_login(from, to) {
            self.headers.remove("Authorization");
        }
        self.log_in(to, world);
    }

    /// Sends it, again if it may be, and reads the head of the response.
    async fn send(
        &self,
        url: &Url,
        options: &Options,
        connections: Option<&Connections>,
        world: &World<'_>,
    ) -> Result<Answer, Error> {
        let proxy = Proxy::of(url, &|name| world.env(name))?;
        let (proxy, verify) = (proxy.as_ref(), &options.verify);
        let bytes = self.bytes(url, proxy)?;
        let shared = connections.filter(|_| self.persists());
        let mut kept = match shared.filter(|_| self.may_be_repeated()) {
            Some(shared) => shared.take(url, proxy, verify),
            None => {
                if let Some(connections) = connections {
                    connections.pass();
                }
                None
            }
        };
        let mut retries = options.retries;
        loop {
            let again = kept.is_some();
            let (opened, connected) = match kept.take() {
                Some((opened, stream)) => (Some(opened), Ok(stream)),
                None => {
                    let opened = shared.map(|_| Opened::now(url, proxy, verify));
                    // Connecting is large, for TLS and proxies: whoever needs it has it beside, so that a call stays small.
                    (opened, Box::pin(connect(url, proxy, verify, options.connect, world)).await)
                }
            };
            let failed = match connected {
                Err(NoConnection::Unexpected(exception)) => return Err(exception.into()),
                Err(reason) => Error::from(reason),
                Ok(stream) => match exchange(stream, &bytes, self.method == "HEAD", options.read).await {
                    Ok((head, incoming)) => return Ok(Answer { head, incoming, opened }),
                    // It was closed before the request came: that tells nothing of what a new client meets.
                    Err(Unanswered { broken: Broken::Closed(_) | Broken::Lost(_), heard: false })
                        if again =>
                    {
                        if let Some(session) = world.session {
                            session.let_down_by(&url.host, url.port());
                        }
                        continue;
                    }
                    Err(Unanswered { broken, .. }) => {
                        let failed = Error::broken(&broken, url);
                        if !self.may_be_repeated() {
                            return Err(failed);
                        }
                        failed
                    }
                },
            };
            if retries == 0 {
                return Err(failed);
            }
            retries -= 1;
        }
    }

    /// Whether sending it twice does no more than sending it once.
    fn may_be_repeated(&self) -> bool {
        matches!(self.method.as_str(), "GET" | "HEAD" | "PUT" | "DELETE" | "OPTIONS" | "TRACE")
    }

    /// Whether it lets the connection stand, and ends where the server takes it to end: the experiment's own fields may
    /// say anything.
    fn persists(&self) -> bool {
        let length = self.body.as_ref().map_or(0, Vec::len);
        let announced = self.headers.get("Content-Length").map_or(Ok(0), str::parse);
        announced == Ok(length)
            && self.headers.get("Transfer-Encoding").is_none()
            && self.method != "CONNECT"
            && !self.headers.lists("Connection", "close")
    }

    /// Head and body as they are sent.
    fn bytes(&self, url: &Url, proxy: Option<&Proxy>) -> Result<Vec<u8>, Exception> {
        let body = self.body.as_deref().unwrap_or_default();
        let mut bytes = Vec::with_capacity(512 + body.len());
        let mut line = |parts: &[&str]| -> Result<(), Exception> {
            for part in parts {
                if part.is_ascii() {
                    bytes.extend_from_slice(part.as_bytes());
                } else {
                    bytes.extend(to_latin1(part).ok_or_else(|| not_encodable(part, "latin-1", 0xff))?);
                }
            }
            bytes.extend_from_slice(b"\r\n");
            Ok(())
        };
        match proxy.filter(|_| !url.https) {
            Some(_) => line(&[&self.method, " ", &url.to_string(), " HTTP/1.1"])?,
            None => line(&[&self.method, " ", &url.target, " HTTP/1.1"])?,
        }
        if self.headers.get("Host").is_none() {
            line(&["Host: ", &url.authority()])?;
        }
        for (name, value) in self.headers.iter() {
            line(&[name, ": ", value])?;
        }
        if let Some((user, password)) = proxy.filter(|_| !url.https).and_then(Proxy::credentials) {
            line(&["Proxy-Authorization: ", &basic(&user, &password)])?;
        }
        line(&[])?;
        bytes.extend_from_slice(body);
        Ok(bytes)
    }
}

fn is_redirect(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

/// Whether credentials for one must not be shown to the other; an upgrade from http to https on the usual ports is fine.
fn loses_login(from: &Url, to: &Url) -> bool {
    let upgrade = !from.https && from.port() == 80 && to.https && to.port() == 443;
    from.host != to.host || (!upgrade && (from.https, from.port()) != (to.https, to.port()))
}

/// The value of an `Authorization` field.
pub(super) fn basic(user: &str, password: &str) -> String {
    let both = format!("{user}:{password}");
    let bytes = to_latin1(&both).unwrap_or_else(|| both.into_bytes());
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(bytes))
}

/// Header fields are read as Latin-1, but in a `Location` people put UTF-8.
fn as_utf8(location: &str) -> String {
    to_latin1(location).and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_else(|| location.to_owned())
}

/// A name is not empty and has no blank in front, no colon, no line break; a value has no blank in front, no line break.
fn check_field(name: &str, value: &str) -> Result<(), Exception> {
    if !name.is_ascii() {
        return Err(not_encodable(name, "ascii", 0x7f));
    }
    let broken = |text: &str| text.contains(['\r', '\n']) || text.starts_with(char::is_whitespace);
    let (part, text) = if name.is_empty() || name.contains(':') || broken(name) {
        ("name", name)
    } else if broken(value) {
        ("value", value)
    } else {
        return Ok(());
    };
    let text = format!(
        "Invalid leading whitespace, reserved character(s), or return character(s) in header {part}: {}",
        quoted(text)
    );
    Err(Exception { class: "requests.exceptions.InvalidHeader", text })
}

/// Python's exception for a text with a character above `last`.
fn not_encodable(text: &str, encoding: &str, last: u32) -> Exception {
    let (at, c) = text.chars().enumerate().find(|(_, c)| u32::from(*c) > last).unwrap_or_default();
    let shown = match u32::from(c) {
        code @ ..=0xff => format!("\\x{code:02x}"),
        code @ ..=0xffff => format!("\\u{code:04x}"),
        code => format!("\\U{code:08x}"),
    };
    let text = format!(
        "'{encoding}' codec can't encode character '{shown}' in position {at}: ordinal not in range({})",
        last + 1
    );
    Exception { class: "UnicodeEncodeError", text }
}
