//! The API server's side towards clients: HTTPS (HTTP/1.1 and HTTP/2), paths, tokens, bodies, streams.
//!
//! Invariant: whatever one client sends or fails to read, the others are served; memory is bounded by the number of
//! connections, of which there are at most `CONNECTIONS`. The verbs themselves are [`crate::api`]'s.

mod answer;
mod discovery;
mod logs;
mod openapi;
mod protobuf;
mod request;
mod route;
mod swagger;
mod tls;
mod verbs;
mod watch;

pub use tls::{Authority, TlsError};

use crate::api::Api;
use crate::net::{Listener, Net};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// How many connections may be open at once; more wait to be accepted.
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
            large: Semaphore::new(request::LARGE_BODIES),
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
    loop {
        tokio::select! {
            arrived = listener.accept(), if connections.len() < CONNECTIONS => match arrived {
                Ok((stream, _)) => {
                    let (tls, service) = (tls.clone(), service.clone());
                    connections.spawn(async move {
                        match tls {
                            None => connection(stream, service).await,
                            Some(tls) => {
                                // A handshake that fails or takes too long concerns only its client.
                                if let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await {
                                    connection(stream, service).await;
                                }
                            }
                        }
                    });
                }
                // Too many open files, or a client that left at once: others may still come.
                Err(error) if error.kind() != io::ErrorKind::ConnectionAborted => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Err(_) => tokio::task::yield_now().await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Serves one connection to its end.
async fn connection<S>(stream: S, service: Arc<verbs::Service>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let answer = service_fn(move |request| {
        let service = service.clone();
        async move { Ok::<_, Infallible>(verbs::answer(service, request).await) }
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
    // An error here is the client's: it left, or spoke no HTTP.
    let _ = builder.serve_connection_with_upgrades(TokioIo::new(stream), answer).await;
}

#[cfg(test)]
mod tests;
