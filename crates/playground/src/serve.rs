//! The API server's side towards clients: HTTPS (HTTP/1.1 and HTTP/2), paths, tokens, bodies, streams.
//!
//! Invariant: whatever one client sends or fails to read, the others are served; memory is bounded by the number of
//! connections, of which there are at most `CONNECTIONS`. A connection that never showed a token gives way to a new one
//! when there is no room. The verbs themselves are [`crate::api`]'s.

mod answer;
mod caller;
mod complaint;
mod discovery;
mod encoded;
mod logs;
mod openapi;
mod pace;
mod pages;
mod protobuf;
mod request;
mod route;
mod swagger;
mod tls;
mod verbs;
mod watch;

pub use tls::{Authority, TlsError};

use crate::api::Api;
use crate::net::{Listener, Net, Stream};
use crate::strangers::Strangers;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use pace::Peer;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// How many connections may be open at once.
const CONNECTIONS: usize = 4096;
/// How long a client may take for its TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long a connection of HTTP/1.1 may be idle, or take for the head of a request.
const HEAD: Duration = Duration::from_secs(60);

/// A running API server; dropping it closes every connection.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    authority: Option<Authority>,
    tasks: JoinSet<()>,
}

/// Why a server could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be had.
    #[error("could not listen at {0}: {1}")]
    Listen(SocketAddr, #[source] io::Error),
    /// TLS could not be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl Server {
    /// Serves an API at an address (port 0 takes a free one). With an authority over TLS and for its token only; without,
    /// plain and for everybody, which is for tests over pipes.
    ///
    /// # Errors
    /// The address is taken, or TLS could not be set up.
    pub async fn start(
        api: Api,
        net: &Net,
        address: SocketAddr,
        authority: Option<Authority>,
    ) -> Result<Server, StartError> {
        let listener = net.listen(address).await.map_err(|error| StartError::Listen(address, error))?;
        let address = listener.address().map_err(|error| StartError::Listen(address, error))?;
        let tls = match &authority {
            Some(authority) => {
                let ips = [address.ip(), IpAddr::V4(Ipv4Addr::LOCALHOST)];
                Some(TlsAcceptor::from(authority.server(&ips)?))
            }
            None => None,
        };
        let service = verbs::Service {
            api,
            token: authority.as_ref().map(|authority| authority.token().to_owned()),
            address: address.to_string(),
            bodies: Semaphore::new(request::UNITS),
            encoded: Arc::default(),
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, tls, Arc::new(service)));
        Ok(Server { address, authority, tasks })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `https://127.0.0.1:6443`.
    pub fn url(&self) -> String {
        let scheme = if self.authority.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// What kubectl needs to find it and to be let in.
    pub fn kubeconfig(&self) -> String {
        tls::kubeconfig(&self.url(), self.authority.as_ref())
    }

    /// Ends it, and every connection.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

/// Accepts connections for ever, each in a task of its own that ends with this one.
async fn accept(mut listener: Listener, tls: Option<TlsAcceptor>, service: Arc<verbs::Service>) {
    let mut connections = JoinSet::new();
    let mut strangers = Strangers::new(CONNECTIONS);
    loop {
        tokio::select! {
            biased;
            Some(_) = connections.join_next() => {}
            arrived = listener.accept() => match arrived {
                Ok((stream, _)) => {
                    if connections.len() >= CONNECTIONS && !strangers.displace() {
                        // All places are taken by clients that may be here: this one may come again.
                        continue;
                    }
                    let (tls, service, peer) = (tls.clone(), service.clone(), Arc::new(Peer::default()));
                    let ours = peer.clone();
                    let task = connections.spawn(async move {
                        match tls {
                            None => connection(stream, None, service, ours).await,
                            Some(tls) => {
                                // A handshake that fails or takes too long concerns only its client.
                                let shaken = tokio::time::timeout(HANDSHAKE, shake(tls, stream)).await;
                                if let Ok(Some((stream, http2))) = shaken {
                                    connection(stream, Some(http2), service, ours).await;
                                }
                            }
                        }
                    });
                    strangers.add(task, peer.known());
                }
                // Too many open files, or a client that left at once: others may still come.
                Err(error) if error.kind() != io::ErrorKind::ConnectionAborted => {
                    strangers.displace();
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Err(_) => tokio::task::yield_now().await,
            },
        }
    }
}

/// A connection under TLS, and whether it is to be HTTP/2; `None` when there will be none.
async fn shake(
    tls: TlsAcceptor,
    mut stream: Stream,
) -> Option<(tokio_rustls::server::TlsStream<Stream>, bool)> {
    if let Stream::Tcp(socket) = &stream {
        let mut first = [0];
        // TLS begins with 22; a capital letter begins a method of HTTP.
        if socket.peek(&mut first).await.is_ok_and(|read| read == 1) && first[0].is_ascii_uppercase() {
            let answer = b"HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";
            stream.write_all(answer).await.ok()?;
            stream.shutdown().await.ok()?;
            // Closed with something unread, the answer might be lost on its way. The caller bounds the time.
            let mut rest = [0; 1024];
            for _ in 0..64 {
                if stream.read(&mut rest).await.ok()? == 0 {
                    break;
                }
            }
            return None;
        }
    }
    let stream = tls.accept(stream).await.ok()?;
    let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    Some((stream, http2))
}

/// Serves one connection to its end; in the protocol that was agreed upon, or that it begins with.
async fn connection<S>(stream: S, http2: Option<bool>, service: Arc<verbs::Service>, peer: Arc<Peer>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let asker = peer.clone();
    let answer = service_fn(move |request| {
        let (service, peer) = (service.clone(), asker.clone());
        async move {
            let answer = verbs::answer(service, &peer, request).await;
            Ok::<_, Infallible>(answer.map(|body| peer.paced(body)))
        }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(64 << 10);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(250)
        .max_send_buf_size(64 << 10)
        .keep_alive_interval(Some(Duration::from_secs(30)))
        .keep_alive_timeout(Duration::from_secs(30));
    let builder = match http2 {
        None => builder,
        Some(true) => builder.http2_only(),
        Some(false) => builder.http1_only(),
    };
    tokio::select! {
        // An error here is the client's: it left, or spoke no HTTP.
        _ = builder.serve_connection(TokioIo::new(stream), answer) => {}
        () = peer.given_up() => {}
    }
}

#[cfg(test)]
mod tests;
