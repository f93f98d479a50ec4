//! An ingress controller of class `nginx` on one port of the host.
//!
//! Invariant: each request is routed by what the API's objects say when it arrives, so a change of endpoints or rules acts on
//! the next request. A request is given to another endpoint only if the first could not be reached at all.

mod route;

pub(crate) use route::addresses;

use crate::api::{Api, Write};
use crate::net::{Net, Stream};
use crate::program::http::forward;
use crate::resource::find;
use crate::strangers::Strangers;
use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use route::Backend;
use serde_json::json;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// The class that is served.
pub const CLASS: &str = "nginx";
/// How long an endpoint may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// How long it may take to begin its answer.
const READ: Duration = Duration::from_secs(60);
/// How long a client may be silent before a request, or take for its head.
const HEAD: Duration = Duration::from_secs(60);
/// How many connections are held at once, as one of nginx's workers would. The oldest of those that never sent a whole head
/// gives way to a new one; if there is none, the new one is closed.
const CONNECTIONS: usize = 1024;
/// How long a listener that cannot accept (no file descriptors left) waits before it tries again.
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);

/// What is answered.
type Answer = Response<BoxBody<Bytes, hyper::Error>>;

/// Where and how the ingress serves.
#[derive(Clone, Debug)]
pub struct Config {
    /// Its address on the host; port 0 takes a free one (on loopback only).
    pub at: SocketAddr,
    /// The network it listens on.
    pub host: Net,
    /// The network of its endpoints.
    pub net: Net,
    /// Ends it.
    pub stop: CancellationToken,
}

/// Starts the ingress: where it listens, and its tasks, whose end the owner awaits.
///
/// # Errors
/// The address is taken.
pub async fn run(api: Api, config: Config) -> io::Result<(SocketAddr, JoinSet<()>)> {
    let mut listener = config.host.listen(config.at).await?;
    let at = listener.address()?;
    register(&api);
    let shared = Arc::new(Shared { api, net: config.net, turn: AtomicUsize::new(0) });
    let mut tasks = JoinSet::new();
    let publisher = publish(shared.clone(), at);
    let stop = config.stop.clone();
    tasks.spawn(async move {
        tokio::select! {
            () = stop.cancelled() => {}
            () = publisher => {}
        }
    });
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        let mut strangers = Strangers::new(CONNECTIONS);
        loop {
            tokio::select! {
                biased;
                () = config.stop.cancelled() => return,
                Some(_) = connections.join_next() => {}
                arrived = listener.accept() => match arrived {
                    Ok(_) if connections.len() >= CONNECTIONS && !strangers.displace() => {}
                    Ok((stream, from)) => {
                        let known = Arc::<AtomicBool>::default();
                        let task = connections.spawn(converse(shared.clone(), stream, from, known.clone()));
                        strangers.add(task, known);
                    }
                    Err(_) => tokio::time::sleep(ACCEPT_AGAIN).await,
                },
            }
        }
    });
    Ok((at, tasks))
}

struct Shared {
    api: Api,
    net: Net,
    turn: AtomicUsize,
}

/// Makes the class known, unless somebody did.
fn register(api: &Api) {
    let Some(classes) = find("networking.k8s.io", "ingressclasses") else { return };
    let class = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "IngressClass",
        "metadata": {"name": CLASS, "labels": {"app.kubernetes.io/component": "controller"}},
        "spec": {"controller": "k8s.io/ingress-nginx"},
    });
    // That it is there already is fine.
    let _ = api.create(
        classes,
        "",
        class,
        &Write { manager: "nginx-ingress-controller".into(), ..Write::default() },
    );
}

/// Writes where it can be reached into the status of the ingresses that it serves.
async fn publish(shared: Arc<Shared>, at: SocketAddr) {
    let Some(ingresses) = find("networking.k8s.io", "ingresses") else { return };
    let address = json!([{"ip": at.ip().to_string()}]);
    let write =
        Write { manager: "nginx-ingress-controller".into(), subresource: Some("status"), ..Write::default() };
    loop {
        let (objects, revision) = shared.api.list(ingresses, None);
        for object in objects.iter().filter(|object| route::ours(object)) {
            if object["status"]["loadBalancer"]["ingress"] != address {
                let mut changed = object.as_ref().clone();
                changed["status"] = json!({"loadBalancer": {"ingress": address}});
                let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
                // Who wrote meanwhile made a change, which is seen next.
                let _ = shared.api.update(ingresses, text("namespace"), text("name"), changed, &write);
            }
        }
        let Ok(mut watch) = shared.api.watch(ingresses, None, revision) else { continue };
        if watch.next().await.is_err() {
            tokio::task::yield_now().await;
        }
    }
}

async fn converse(shared: Arc<Shared>, stream: Stream, from: SocketAddr, known: Arc<AtomicBool>) {
    let service = service_fn(|request| {
        let shared = shared.clone();
        known.store(true, Ordering::Relaxed);
        async move { Ok::<_, Infallible>(answer(&shared, request, from.ip()).await) }
    });
    // How a connection ends is its caller's business.
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(64 << 10);
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(shared: &Shared, mut request: Request<Incoming>, from: IpAddr) -> Answer {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| request.uri().host()).unwrap_or_default().to_owned();
    let backend = route::route(&shared.api, &host, request.uri().path());
    let endpoints = match backend {
        Backend::None => return page(StatusCode::NOT_FOUND, "404 Not Found"),
        Backend::Endpoints(endpoints) => endpoints,
    };
    let headers = [
        ("x-request-id", uuid::Uuid::new_v4().simple().to_string()),
        ("x-real-ip", from.to_string()),
        ("x-forwarded-for", from.to_string()),
        ("x-forwarded-host", host),
        ("x-forwarded-proto", "http".to_owned()),
        ("x-forwarded-scheme", "http".to_owned()),
        ("x-scheme", "http".to_owned()),
    ];
    for (name, value) in headers {
        if let Ok(value) = header::HeaderValue::try_from(value) {
            request.headers_mut().insert(name, value);
        }
    }
    if endpoints.is_empty() {
        return page(StatusCode::SERVICE_UNAVAILABLE, "503 Service Temporarily Unavailable");
    }
    let first = shared.turn.fetch_add(1, Ordering::Relaxed);
    for turn in 0..endpoints.len() {
        let to = endpoints[(first + turn) % endpoints.len()];
        let Ok(Ok(stream)) = timeout(CONNECT, shared.net.dial(None, to)).await else {
            continue;
        };
        return match timeout(READ, forward(stream, request)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => page(StatusCode::BAD_GATEWAY, "502 Bad Gateway"),
            Err(_) => page(StatusCode::GATEWAY_TIMEOUT, "504 Gateway Time-out"),
        };
    }
    page(StatusCode::BAD_GATEWAY, "502 Bad Gateway")
}

/// A page as nginx has it for errors of its own.
fn page(status: StatusCode, title: &str) -> Answer {
    let text = format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    );
    let body = Full::new(Bytes::from(text)).map_err(|never| match never {}).boxed();
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/html"));
    answer
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use crate::api::Clock;
    use crate::program::http::exchange;
    use crate::store::Store;
    use tokio::io::AsyncWriteExt as _;

    #[tokio::test(start_paused = true)]
    async fn half_sent_heads_keep_nobody_out() {
        let api = Api::new(Arc::new(Store::default()), Clock::starting(jiff::Timestamp::UNIX_EPOCH));
        let (net, stop) = (Net::memory(), CancellationToken::new());
        let at = SocketAddr::from(([127, 0, 0, 1], 0));
        let config = Config { at, host: net.clone(), net: net.clone(), stop: stop.clone() };
        let (at, tasks) = run(api, config).await.unwrap();
        let mut halves = Vec::new();
        for _ in 0..1100 {
            let mut stream = net.dial(None, at).await.unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\nHos").await.unwrap();
            halves.push(stream);
        }
        let stream = net.dial(None, at).await.unwrap();
        let request = Request::get("/").header("host", "nobody.acme.com").body(Full::default()).unwrap();
        let (status, _) = timeout(Duration::from_secs(1), exchange(stream, request)).await.unwrap().unwrap();
        assert_eq!(status, StatusCode::NOT_FOUND);
        stop.cancel();
        tasks.join_all().await;
    }
}
