//! HTTP/1.1 as programs speak it: a server on the Pod's address, and a client that dials as the Pod.
//!
//! Invariant: a connection lives no longer than the program that accepted it; a request that is being answered counts as in
//! flight until its answer is made or its caller has left.

use super::{Container, TERMINATED};
use crate::net::Stream;
use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Uri, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::task::JoinSet;

/// What a handler answers.
pub(crate) type Answer = Response<Full<Bytes>>;

/// How long a caller may be silent before a request, or take for its head.
const HEAD: Duration = Duration::from_secs(60);
/// How many connections a program holds at once; more are closed. Were they to wait, programs that ask each other (or
/// themselves) would wait for each other for ever.
const CONNECTIONS: usize = 512;
/// How long a listener that cannot accept (no file descriptors left) waits before it tries again.
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);

/// An answer in plain text.
pub(crate) fn plain(status: StatusCode, text: impl Into<String>) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(text.into())));
    *answer.status_mut() = status;
    let plain = header::HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(header::CONTENT_TYPE, plain);
    answer
}

/// The first value of a parameter of a URL's query, decoded.
pub(crate) fn parameter(uri: &Uri, name: &str) -> Option<String> {
    uri.query()?.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(key) == name).then(|| decode(value))
    })
}

/// `%41+b` is `A b`; what is no escape stays as it is.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        rest = after;
        match (first, after) {
            (b'+', _) => bytes.push(b' '),
            (b'%', [high, low, after @ ..]) => match (hex(high), hex(low)) {
                (Some(high), Some(low)) => {
                    bytes.push(high * 16 + low);
                    rest = after;
                }
                _ => bytes.push(b'%'),
            },
            (other, _) => bytes.push(*other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// One request in flight.
struct Busy(Arc<AtomicU64>);

impl Busy {
    fn new(in_flight: &Arc<AtomicU64>) -> Busy {
        in_flight.fetch_add(1, Ordering::Relaxed);
        Busy(in_flight.clone())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Serves a port of the Pod until SIGTERM; the exit code.
pub(crate) async fn serve<H, F>(container: &Container, port: u16, handle: H) -> i32
where
    H: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    let mut listener = match container.net.listen(SocketAddr::new(container.ip, port)).await {
        Ok(listener) => listener,
        Err(error) => {
            (container.log)(&format!("listen tcp :{port}: bind: {error}"));
            return 1;
        }
    };
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = container.terminated.cancelled() => return TERMINATED,
            Some(_) = connections.join_next() => {}
            arrived = listener.accept() => match arrived {
                Ok(_) if connections.len() >= CONNECTIONS => {}
                Ok((stream, _)) => {
                    connections.spawn(converse(stream, container.in_flight.clone(), handle.clone()));
                }
                Err(_) => tokio::time::sleep(ACCEPT_AGAIN).await,
            },
        }
    }
}

async fn converse<H, F>(stream: Stream, in_flight: Arc<AtomicU64>, handle: H)
where
    H: Fn(Request<Incoming>) -> F,
    F: Future<Output = Answer>,
{
    let service = service_fn(|request| {
        let busy = Busy::new(&in_flight);
        let answer = handle(request);
        async move {
            let answer = answer.await;
            drop(busy);
            Ok::<_, Infallible>(answer)
        }
    });
    // How a connection ends is its caller's business.
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(64 << 10);
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
}

/// Fetches a URL as a container, with no headers but those that HTTP needs, for as long as it takes.
pub(crate) async fn fetch(container: &Container, url: &str) -> io::Result<(StatusCode, Bytes)> {
    let wrong = |text: &str| io::Error::new(io::ErrorKind::InvalidInput, format!("Get \"{url}\": {text}"));
    let uri: Uri = url.parse().map_err(|error| wrong(&format!("{error}")))?;
    match uri.scheme_str() {
        Some("http") => {}
        Some(other) => return Err(wrong(&format!("unsupported protocol scheme \"{other}\""))),
        None => return Err(wrong("unsupported protocol scheme \"\"")),
    }
    let authority = uri.authority().ok_or_else(|| wrong("no Host in request URL"))?.clone();
    let stream = container.dial(authority.host(), authority.port_u16().unwrap_or(80)).await?;
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let request = Request::get(if target.is_empty() { "/" } else { target })
        .header(header::HOST, authority.as_str())
        .header(header::USER_AGENT, "Go-http-client/1.1")
        .body(Full::<Bytes>::default())
        .map_err(|error| wrong(&format!("{error}")))?;
    exchange(stream, request).await
}

/// Sends one request over a connection and reads its whole answer.
pub(crate) async fn exchange(
    stream: Stream,
    request: Request<Full<Bytes>>,
) -> io::Result<(StatusCode, Bytes)> {
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let answer = async {
        let answer = sender.send_request(request).await.map_err(io::Error::other)?;
        let status = answer.status();
        let body = answer.into_body().collect().await.map_err(io::Error::other)?.to_bytes();
        Ok((status, body))
    };
    let mut answer = std::pin::pin!(answer);
    tokio::select! {
        biased;
        answer = &mut answer => answer,
        // The connection may end with the last byte of the answer, which is then still to be read.
        _ = connection => answer.await,
    }
}

/// Gives a request to whoever a connection leads to; the answer comes as it arrives, and its connection ends with it.
pub(crate) async fn forward(
    stream: Stream,
    request: Request<Incoming>,
) -> hyper::Result<Response<BoxBody<Bytes, hyper::Error>>> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let mut connection = Box::pin(connection);
    let answer = {
        let answer = sender.send_request(request);
        let mut answer = std::pin::pin!(answer);
        tokio::select! {
            biased;
            answer = &mut answer => answer?,
            // It may end with the last byte of the answer, which is then still to be read.
            _ = &mut connection => answer.await?,
        }
    };
    Ok(answer.map(|body| Carried { body, connection: Some(connection) }.boxed()))
}

/// A body together with the connection that it comes over, which only moves when somebody polls it.
struct Carried<C> {
    body: Incoming,
    connection: Option<Pin<Box<C>>>,
}

impl<C: Future> Body for Carried<C> {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.get_mut();
        if let Some(connection) = &mut this.connection
            && connection.as_mut().poll(cx).is_ready()
        {
            this.connection = None;
        }
        Pin::new(&mut this.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded() {
        let check = |uri: &'static str, expected: Option<&str>| {
            assert_eq!(parameter(&Uri::from_static(uri), "addr").as_deref(), expected, "{uri}");
        };
        check("/?addr=http://go-demo-8", Some("http://go-demo-8"));
        check("/?a=b&addr=http%3A%2f%2fx%3Fq%3d1+2", Some("http://x?q=1 2"));
        check("/?addr=100%", Some("100%"));
        check("/?addr", Some(""));
        check("/", None);
    }
}
