//! Connections to a forward proxy for servers that speak plain HTTP: the proxy is asked for the whole URL.
//!
//! For TLS a proxy must tunnel, and the library's connector does that. For plain HTTP many proxies refuse to, so that clients
//! send them the request itself, as the Toolkit's does.

use futures_util::future::BoxFuture;
use http::header::PROXY_AUTHORIZATION;
use http::{HeaderValue, Request, Uri};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioIo};
use kube::client::Body;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use tower::Service;

/// A client of `server` through `proxy`; `authorization` is for the proxy, `headers` are for the server.
pub(super) fn client(
    server: Uri,
    proxy: Uri,
    authorization: Option<HeaderValue>,
    headers: Vec<(http::HeaderName, HeaderValue)>,
    connect: Duration,
) -> kube::Client {
    let mut http = HttpConnector::new();
    http.set_connect_timeout(Some(connect));
    let base = server.to_string().trim_end_matches('/').to_owned();
    let legacy =
        hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build(Forward { proxy, http });
    let service = tower::service_fn(move |mut request: Request<Body>| {
        let whole = format!("{base}{}", request.uri()).parse::<Uri>();
        if let Some(authorization) = &authorization {
            request.headers_mut().insert(PROXY_AUTHORIZATION, authorization.clone());
        }
        for (name, value) in &headers {
            request.headers_mut().append(name.clone(), value.clone());
        }
        let legacy = legacy.clone();
        async move {
            *request.uri_mut() = whole?;
            Ok::<_, tower::BoxError>(legacy.request(request).await?)
        }
    });
    kube::Client::new(service, "default")
}

/// Connects to the proxy, whatever was asked for.
#[derive(Clone)]
struct Forward {
    proxy: Uri,
    http: HttpConnector,
}

impl Service<Uri> for Forward {
    type Response = Forwarded;
    type Error = <HttpConnector as Service<Uri>>::Error;
    type Future = BoxFuture<'static, Result<Forwarded, Self::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.http.poll_ready(cx)
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let connecting = self.http.call(self.proxy.clone());
        Box::pin(async move { Ok(Forwarded(connecting.await?)) })
    }
}

/// A connection that says that a proxy is at its other end, which makes the client send whole URLs.
struct Forwarded(TokioIo<TcpStream>);

impl Connection for Forwarded {
    fn connected(&self) -> Connected {
        self.0.connected().proxy(true)
    }
}

impl Read for Forwarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, to)
    }
}

impl Write for Forwarded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, from)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
