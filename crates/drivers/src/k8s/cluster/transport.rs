//! A connection made into a client that speaks HTTP to the server: TLS, proxies, nothing else.
//!
//! Credentials are not in it but for the client certificate, and neither are retries: both are ours, since the library's
//! own would run an exec plugin three times for one client and never renew its certificate.

use super::error::chain;
use super::forward;
use crate::k8s::config::{Connection, Identity};
use base64::Engine as _;
use http::{HeaderValue, Uri};
use kube::client::ClientBuilder;
use kube::config::AuthInfo;
use squall_engine::Failure;
use std::time::Duration;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);

/// Makes the client. It connects when it is first used.
///
/// # Errors
/// A certificate or a key cannot be used.
pub(crate) fn client(connection: &Connection, identity: Option<&Identity>) -> Result<kube::Client, Failure> {
    let is_https = connection.server.scheme_str() == Some("https");
    if let Some(proxy) =
        connection.proxy.as_ref().filter(|proxy| proxy.scheme_str() == Some("http") && !is_https)
    {
        let (server, headers) = (connection.server.clone(), connection.headers.clone());
        return Ok(forward::client(server, proxy.clone(), proxy_authorization(proxy), headers, CONNECT));
    }
    let mut config = kube::Config::new(connection.server.clone());
    let tls = &connection.tls;
    // Without a list of roots the system's are loaded, which costs more than all the rest: not where none is needed.
    config.root_cert = if tls.insecure || !is_https { Some(Vec::new()) } else { tls.roots.clone() };
    config.accept_invalid_certs = tls.insecure;
    config.tls_server_name.clone_from(&tls.server_name);
    config.proxy_url.clone_from(&connection.proxy);
    config.connect_timeout = Some(CONNECT);
    config.headers.clone_from(&connection.headers);
    config.default_retry = false;
    if let Some(Identity { certificate, key }) = identity.or(tls.identity.as_ref()) {
        let base64 = |pem: &[u8]| base64::engine::general_purpose::STANDARD.encode(pem);
        // The library puts the certificate right behind the key.
        let key = [key.as_slice(), b"\n"].concat();
        config.auth_info = AuthInfo {
            client_certificate_data: Some(base64(certificate)),
            client_key_data: Some(base64(&key).into()),
            ..AuthInfo::default()
        };
    }
    let built = ClientBuilder::try_from(config).map_err(|error| {
        let causes: Vec<String> = chain(&error).skip(1).map(ToString::to_string).collect();
        let causes = if causes.is_empty() { String::new() } else { format!(": {}", causes.join(": ")) };
        Failure::environment(format!("could not prepare TLS for {}: {error}{causes}", connection.server))
            .hint(format!("look at the certificates and keys of {}", connection.identity))
    })?;
    Ok(built.build())
}

/// User and password of a proxy's URL, in which they may be escaped.
fn proxy_authorization(proxy: &Uri) -> Option<HeaderValue> {
    let (user, _) = proxy.authority()?.as_str().rsplit_once('@')?;
    let encoded = base64::engine::general_purpose::STANDARD.encode(unescaped(user));
    let mut header = HeaderValue::from_str(&format!("Basic {encoded}")).ok()?;
    header.set_sensitive(true);
    Some(header)
}

/// `%XX` as bytes; what is no escape stays.
fn unescaped(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let escape = bytes
            .get(at + 1..at + 3)
            .filter(|digits| *byte == b'%' && digits.iter().all(u8::is_ascii_hexdigit));
        match escape.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()) {
            Some(value) => {
                out.push(value);
                at += 3;
            }
            None => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_gets_what_its_url_says() {
        for (url, expected) in [
            ("http://p:1", None),
            ("http://u:p@p:1", Some("Basic dTpw")),
            // user:pa@ss
            ("http://user:pa%40ss@p:1", Some("Basic dXNlcjpwYUBzcw==")),
            ("http://u:%+A@p", Some("Basic dTolK0E=")),
        ] {
            let header = proxy_authorization(&url.parse().unwrap_or_default());
            assert_eq!(header.as_ref().and_then(|value| value.to_str().ok()), expected, "{url}");
        }
    }
}
