//! A connection to a server, straight or through a proxy, with TLS where the URL asks for it.

use super::client::{World, basic};
use super::exchange::{Broken, exchange};
use super::proxy::Proxy;
use super::tls::{self, Unready, Verify};
use super::url::Url;
use rustls::pki_types::ServerName;
use squall_experiment::python::Exception;
use std::future::Future;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;

/// Anything that a request can be sent over.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Why there is no connection.
#[derive(Debug)]
pub(super) enum NoConnection {
    /// Nobody answered as we need it: what happened, for people.
    Failed(String),
    /// What Python would have raised.
    Unexpected(Exception),
}

impl From<Unready> for NoConnection {
    fn from(unready: Unready) -> NoConnection {
        match unready {
            Unready::NoBundle(exception) => NoConnection::Unexpected(exception),
            Unready::Machine(what) => NoConnection::Failed(what),
        }
    }
}

/// Connects to the server of `url`. Each step takes at most `wait`.
pub(super) async fn connect(
    url: &Url,
    proxy: Option<&Proxy>,
    verify: &Verify,
    wait: Option<Duration>,
    world: &World<'_>,
) -> Result<Box<dyn Stream>, NoConnection> {
    let Some(proxy) = proxy else {
        let tcp = tcp(url, wait).await?;
        return if url.https { tls(tcp, url, verify, wait, world).await } else { Ok(Box::new(tcp)) };
    };
    let through = |failed| match failed {
        NoConnection::Failed(what) => {
            NoConnection::Failed(format!("proxy {}: {what}", proxy.url.host_port()))
        }
        other => other,
    };
    let mut stream: Box<dyn Stream> = Box::new(tcp(&proxy.url, wait).await.map_err(through)?);
    if proxy.url.https {
        stream = tls(stream, &proxy.url, verify, wait, world).await.map_err(through)?;
    }
    if !url.https {
        return Ok(stream);
    }
    let stream = tunnel(stream, url, proxy, wait).await.map_err(through)?;
    tls(stream, url, verify, wait, world).await
}

async fn tcp(url: &Url, wait: Option<Duration>) -> Result<TcpStream, NoConnection> {
    let found = within(wait, lookup_host((url.host.as_str(), url.port()))).await;
    let found = found.map_err(|error| {
        NoConnection::Failed(format!("could not resolve {}: {}", url.host, plain(&error)))
    })?;
    let mut failed = format!("{} has no address", url.host);
    for address in found {
        match within(wait, TcpStream::connect(address)).await {
            Ok(stream) => {
                // What we write we write at once; waiting to fill a packet only costs time. It is no loss if it fails.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) => failed = format!("could not connect to {address}: {}", plain(&error)),
        }
    }
    Err(NoConnection::Failed(failed))
}

async fn tls(
    stream: impl Stream + 'static,
    url: &Url,
    verify: &Verify,
    wait: Option<Duration>,
    world: &World<'_>,
) -> Result<Box<dyn Stream>, NoConnection> {
    let config = tls::config(verify, world).await?;
    // The zone of an address is this machine's affair and in no certificate.
    let host = url.host.split('%').next().unwrap_or_default();
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| NoConnection::Failed(format!("{host} is not a name that a certificate can hold")))?;
    let stream = within(wait, TlsConnector::from(config).connect(name, stream)).await;
    let stream = stream.map_err(|error| {
        NoConnection::Failed(format!("no TLS connection to {}: {}", url.host_port(), plain(&error)))
    })?;
    Ok(Box::new(stream))
}

async fn tunnel(
    mut stream: Box<dyn Stream>,
    url: &Url,
    proxy: &Proxy,
    wait: Option<Duration>,
) -> Result<Box<dyn Stream>, NoConnection> {
    let to = url.host_port();
    let mut request = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n");
    if let Some((user, password)) = proxy.credentials() {
        request.push_str("Proxy-Authorization: ");
        request.push_str(&basic(&user, &password));
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    // A HEAD has no body either: whatever follows the head of the answer is the server's.
    let answer = exchange(&mut stream, request.as_bytes(), true, wait).await;
    let (head, silent) = match answer {
        Ok((head, incoming)) => (head, incoming.is_silent()),
        Err(unanswered) => return Err(NoConnection::Failed(unanswered.broken.plain())),
    };
    match (head.status, silent) {
        (200..300, true) => Ok(stream),
        (200..300, false) => Err(NoConnection::Failed("it speaks before the server can".to_owned())),
        (status, _) => {
            Err(NoConnection::Failed(format!("tunnel connection failed: {status} {}", head.reason)))
        }
    }
}

async fn within<T>(wait: Option<Duration>, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    match wait {
        Some(wait) => {
            tokio::time::timeout(wait, work).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        }
        None => work.await,
    }
}

/// An error without what only programmers read: `(os error 111)`, `failed to lookup address information`.
pub(super) fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("failed to lookup address information: ").unwrap_or(&text);
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

impl Broken {
    /// For people.
    pub(super) fn plain(&self) -> String {
        match self {
            Broken::Lost(error) => plain(error),
            other => other.to_string(),
        }
    }
}
