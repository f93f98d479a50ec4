//! An `http` or `https` URL, read and normalised as `requests` does it, which takes what people write: blanks, accents,
//! half-finished percent escapes.
//!
//! Invariant: host and target of a [`Url`] are ASCII without blanks and control characters, so they can stand in a request. No
//! message holds what may be part of a user or a password.

mod idna;
#[cfg(test)]
mod tests;

use squall_experiment::python::{Exception, quoted};
use std::borrow::Cow;
use std::fmt;
use std::net::Ipv6Addr;

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Url {
    pub(super) https: bool,
    /// `user:password` as it stands in the URL.
    pub(super) credentials: Option<String>,
    /// In lower case; an IPv6 address without its brackets.
    pub(super) host: String,
    port: Option<u16>,
    /// Path and query.
    pub(super) target: String,
}

/// What stands in the place of what may be a password, in quotes.
const MASK: &str = "'***'";

/// Characters that stand for themselves in a path or query, beyond letters and digits; `?` only in a query.
const TARGET: &[u8] = b"-._~!$&'()*+,;=:@/";

impl Url {
    /// Reads a URL. The fragment is dropped; nothing here has a use for it.
    pub(super) fn parse(url: &str) -> Result<Url, Exception> {
        let url = url.trim_start();
        let lower = url.to_lowercase();
        if url.contains(':') && !lower.starts_with("http") {
            return Err(no_adapter(url));
        }
        let Some((scheme, rest)) = url.split_once(':').filter(|(scheme, _)| is_scheme(scheme)) else {
            let url = shown(url);
            let text =
                format!("Invalid URL {}: No scheme supplied. Perhaps you meant https://{url}?", quoted(&url));
            return Err(Exception { class: "requests.exceptions.MissingSchema", text });
        };
        let authority_on = rest.strip_prefix("//").unwrap_or_default();
        let end = authority_on.find(['/', '\\', '?', '#']).unwrap_or(authority_on.len());
        let (authority, rest) = authority_on.split_at(end);
        let (credentials, host_port) = match authority.rsplit_once('@') {
            Some((credentials, host_port)) => (Some(credentials), host_port),
            None => (None, authority),
        };
        let failed_to_parse = || {
            // A password with a slash in it ends what looks like the host.
            let told = if rest.contains('@') { MASK.to_owned() } else { quoted(host_port) };
            invalid(format!("Failed to parse: {told} is not a valid host or port"))
        };
        let (host, port) = split_port(host_port).ok_or_else(failed_to_parse)?;
        if host.is_empty() {
            return Err(invalid(format!("Invalid URL {}: No host supplied", quoted(&shown(url)))));
        }
        let https = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => return Err(no_adapter(url)),
        };
        let host = normal_host(host).ok_or_else(failed_to_parse)??;
        let rest = rest.split('#').next().unwrap_or_default();
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, query),
            None => (rest, ""),
        };
        let mut target = encode(&without_dots(path), TARGET);
        if !target.starts_with('/') {
            target.insert(0, '/');
        }
        let mut url = Url { https, credentials: credentials.map(str::to_owned), host, port, target };
        url.append(query);
        Ok(url)
    }

    /// Adds to the query.
    pub(super) fn append(&mut self, query: &str) {
        if query.is_empty() {
            return;
        }
        self.target.push(if self.target.contains('?') { '&' } else { '?' });
        self.target.push_str(&encode(query, b"-._~!$&'()*+,;=:@/?"));
    }

    /// The URL to which a redirect from here leads.
    pub(super) fn join(&self, location: &str) -> Result<Url, Exception> {
        let location = location.split('#').next().unwrap_or_default();
        if location.split_once(':').is_some_and(|(scheme, _)| is_scheme(scheme)) {
            return Url::parse(location);
        }
        let path = self.target.split('?').next().unwrap_or_default();
        let scheme = self.scheme();
        let origin = self.authority();
        Url::parse(&match location.as_bytes() {
            [b'/', b'/', ..] => format!("{scheme}:{location}"),
            [b'/', ..] => format!("{scheme}://{origin}{location}"),
            [b'?', ..] => format!("{scheme}://{origin}{path}{location}"),
            [] => format!("{scheme}://{origin}{}", self.target),
            _ => {
                let folder = path.rfind('/').map_or("/", |end| &path[..=end]);
                format!("{scheme}://{origin}{folder}{location}")
            }
        })
    }

    pub(super) fn scheme(&self) -> &'static str {
        if self.https { "https" } else { "http" }
    }

    pub(super) fn port(&self) -> u16 {
        self.port.unwrap_or(if self.https { 443 } else { 80 })
    }

    /// The port, if the URL names one.
    pub(super) fn named_port(&self) -> Option<u16> {
        self.port
    }

    /// The host as it stands in a URL, with the port if it is not the usual one: what the `Host` header says.
    pub(super) fn authority(&self) -> String {
        let usual = if self.https { 443 } else { 80 };
        match self.port.filter(|port| *port != usual) {
            Some(port) => format!("{}:{port}", self.bracketed()),
            None => self.bracketed(),
        }
    }

    /// Host and port, for `CONNECT` and for people.
    pub(super) fn host_port(&self) -> String {
        format!("{}:{}", self.bracketed(), self.port())
    }

    fn bracketed(&self) -> String {
        if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme(), self.authority(), self.target)
    }
}

fn invalid(text: impl Into<String>) -> Exception {
    Exception { class: "requests.exceptions.InvalidURL", text: text.into() }
}

fn no_adapter(url: &str) -> Exception {
    Exception {
        class: "requests.exceptions.InvalidSchema",
        text: format!("No connection adapters were found for {}", quoted(&shown(url))),
    }
}

/// A URL that could not be read, without whatever may be a user and a password.
pub(super) fn shown(url: &str) -> Cow<'_, str> {
    let begin = url.find("//").map_or(0, |slashes| slashes + 2);
    match url.rfind('@') {
        Some(end) if end >= begin => Cow::Owned(format!("{}***{}", &url[..begin], &url[end..])),
        // Slashes that belong to a password.
        Some(end) => Cow::Owned(format!("***{}", &url[end..])),
        None => Cow::Borrowed(url),
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|c| c.is_ascii_alphanumeric() || b"+-.".contains(&c))
}

/// Host and port; `None` when it is neither a name nor an address, or the port no number that a port can have.
fn split_port(text: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, after) = rest.split_once(']').filter(|(address, _)| address.contains(':'))?;
            (address, after.strip_prefix(':').or_else(|| after.is_empty().then_some(""))?)
        }
        None => text.split_once(':').unwrap_or((text, "")),
    };
    let port = match port.trim_start_matches('0') {
        "" if port.is_empty() => None,
        "" => Some(0),
        digits if digits.bytes().all(|c| c.is_ascii_digit()) => Some(digits.parse().ok()?),
        _ => return None,
    };
    // Brackets were told from names above; here they only remain where they have no place.
    (!host.contains(['[', ']'])).then_some((host, port))
}

/// The host as a request names it; `None` when it is an address that cannot be read.
fn normal_host(host: &str) -> Option<Result<String, Exception>> {
    if host.contains(':') {
        let (address, zone) = host.split_once('%').map_or((host, None), |(a, z)| (a, Some(z)));
        address.parse::<Ipv6Addr>().ok()?;
        let address = address.to_ascii_lowercase();
        return Some(Ok(match zone {
            // `%25` is how a percent sign is written in a URL; the system wants the sign itself.
            Some(zone) => format!("{address}%{}", encode(zone.strip_prefix("25").unwrap_or(zone), b"-._~")),
            None => address,
        }));
    }
    if host.is_ascii() {
        if host.starts_with(['*', '.']) {
            return Some(Err(invalid("URL has an invalid label.")));
        }
        return Some(Ok(encode(host, b"-._~!$&'()*+,;=").to_ascii_lowercase()));
    }
    Some(idna::to_ascii(host).ok_or_else(|| invalid("URL has an invalid label.")))
}

/// A path without `.` and `..` segments.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "." => {}
            ".." => {
                kept.pop();
            }
            other => kept.push(other),
        }
    }
    if path.starts_with('/') && kept.first().is_none_or(|first| !first.is_empty()) {
        kept.insert(0, "");
    }
    if path.ends_with("/.") || path.ends_with("/..") {
        kept.push("");
    }
    kept.join("/")
}

/// Percent-encodes what is neither a letter, a digit nor in `safe`. Escapes that are there already are kept, unless one
/// of them is broken: then every percent sign is meant literally. Escapes of unreserved characters are undone.
fn encode(text: &str, safe: &[u8]) -> String {
    let bytes = text.as_bytes();
    let escape = |at: usize| -> Option<u8> {
        let digit = |at: usize| bytes.get(at).and_then(|c| char::from(*c).to_digit(16));
        u8::try_from(digit(at + 1)? * 16 + digit(at + 2)?).ok()
    };
    let escaped = (0..bytes.len()).all(|at| bytes[at] != b'%' || escape(at).is_some());
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        match (byte, escape(at)) {
            (b'%', Some(byte)) if escaped => {
                push(&mut out, byte, b"-._~");
                at += 2;
            }
            _ => push(&mut out, byte, safe),
        }
        at += 1;
    }
    out
}

fn push(out: &mut String, byte: u8, safe: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    if byte.is_ascii_alphanumeric() || safe.contains(&byte) {
        out.push(char::from(byte));
    } else {
        out.push('%');
        out.push(char::from(HEX[usize::from(byte >> 4)]));
        out.push(char::from(HEX[usize::from(byte & 15)]));
    }
}

/// Encodes a name or a value of a form: as in a query, but a blank becomes `+`.
pub(super) fn form_encode(out: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b' ' => out.push('+'),
            _ => push(out, byte, b"-._~"),
        }
    }
}

/// What `%xx` in a text stands for.
pub(super) fn percent_decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let hex = |c: u8| char::from(c).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        match (byte, after) {
            (b'%', [high, low, tail @ ..]) if hex(*high).is_some() && hex(*low).is_some() => {
                bytes.push(hex(*high).unwrap_or_default() << 4 | hex(*low).unwrap_or_default());
                rest = tail;
            }
            _ => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
