//! Services and the ingress: where their connections lead.

use super::super::*;
use super::cluster::*;
use crate::api::{Clock, Delete, Write};
use crate::controllers::object::text;
use crate::program::http::exchange;
use crate::resource::of_kind;
use crate::store::Store;
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use serde_json::json;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::sleep;

#[tokio::test(start_paused = true)]
async fn the_ingress_answers_for_what_is_not_there() {
    let cluster = Cluster::up().await;
    cluster.front();
    let (status, page) = cluster.get("nobody.acme.com", "/").await;
    assert_eq!((status, page.contains("<center>nginx</center>")), (404, true));
    let (status, page) = cluster.get("shop.acme.com", "/").await;
    assert_eq!((status, page.contains("503 Service Temporarily Unavailable")), (503, true));
    let ingress = cluster.api.list(of_kind("networking.k8s.io", "Ingress").unwrap(), Some(NS)).0.remove(0);
    assert_eq!(ingress["status"]["loadBalancer"]["ingress"], json!([{"ip": "127.0.0.1"}]));
    cluster.down().await;
}

#[tokio::test(start_paused = true)]
async fn services_lead_to_whoever_is_ready() {
    let cluster = Cluster::up().await;
    let spec = json!({"type": "NodePort", "selector": {"app": "app"}, "ports": [{"port": 80, "targetPort": 8080, "nodePort": 30080}]});
    cluster.put(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "app"}, "spec": spec}));
    cluster.database();
    cluster.deployment("app", 2, json!({"containers": [app()]}));
    let service = cluster.api.get(crate::controllers::kinds::SERVICES, NS, "app").unwrap();
    let at: SocketAddr = (text(&service, "/spec/clusterIP").parse::<IpAddr>().unwrap(), 80).into();
    let node: SocketAddr = (PodRange::default().node(1), 30080).into();
    assert!(cluster.net.dial(None, at).await.is_err(), "nobody is ready yet");
    cluster.until(60, || cluster.pods("app").iter().filter(|pod| ready(pod)).count() == 2).await;
    sleep(Duration::from_millis(100)).await;
    for at in [at, node] {
        for _ in 0..10 {
            let stream = cluster.net.dial(None, at).await.unwrap();
            let request = Request::get("/").header("host", "app").body(Full::<Bytes>::default()).unwrap();
            assert_eq!(exchange(stream, request).await.unwrap().0.as_u16(), 200);
        }
    }
    cluster.api.delete(crate::controllers::kinds::SERVICES, NS, "app", &Delete::default()).unwrap();
    sleep(Duration::from_millis(100)).await;
    assert!(cluster.net.dial(None, at).await.is_err(), "the Service is gone");
    cluster.down().await;
}

/// The same seam over sockets: in real time, so without anything that waits.
#[tokio::test]
async fn services_and_ingress_over_sockets() {
    let api = Api::new(Arc::new(Store::default()), Clock::starting(jiff::Timestamp::UNIX_EPOCH));
    // An address block that no playground of a person is likely to have.
    let network = u8::try_from(std::process::id() % 100 + 100).unwrap();
    let (stop, ip) = (CancellationToken::new(), |last| IpAddr::V4([127, network, 9, last].into()));
    let mut listener = Net::Loopback.listen((ip(1), 0).into()).await.unwrap();
    let port = listener.address().unwrap().port();
    let config = crate::ingress::Config {
        at: (ip(2), 0).into(),
        host: Net::Loopback,
        net: Net::Loopback,
        stop: stop.clone(),
    };
    let (ingress, mut serving) = crate::ingress::run(api.clone(), config).await.unwrap();
    let proxy = tokio::spawn(proxy::run(api.clone(), Net::Loopback, Vec::new()));
    let put = |object: Json| {
        let (group, _) = text(&object, "/apiVersion").split_once('/').unwrap_or(("", "v1"));
        let resource = of_kind(group, text(&object, "/kind")).unwrap();
        api.create(resource, "default", object, &Write::by("test")).unwrap();
    };
    let backend = json!({"service": {"name": "web", "port": {"number": 8000}}});
    for object in [
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"clusterIP": ip(3).to_string(), "ports": [{"port": 8000}]}}),
        json!({"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "web"}, "subsets": [{"addresses": [{"ip": ip(1).to_string()}], "ports": [{"port": port}]}]}),
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "web"}, "spec": {"defaultBackend": backend}}),
    ] {
        put(object);
    }
    let ask = async |at: SocketAddr| {
        let mut stream = Net::Loopback.dial(None, at).await;
        // The proxy listens as soon as it has seen the endpoints.
        while stream.is_err() {
            tokio::task::yield_now().await;
            stream = Net::Loopback.dial(None, at).await;
        }
        let request = Request::get("/").header("host", "web").body(Full::<Bytes>::default()).unwrap();
        exchange(stream.unwrap(), request).await.unwrap().1
    };
    let answer = async {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let service = hyper::service::service_fn(|_| async {
                Ok::<_, std::convert::Infallible>(hyper::Response::new(Full::new(Bytes::from("here"))))
            });
            let io = hyper_util::rt::TokioIo::new(stream);
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(io, service).await;
        }
    };
    let asks = async { (ask(ingress).await, ask((ip(3), 8000).into()).await) };
    let answers = tokio::select! {
        answers = asks => answers,
        () = answer => unreachable!("it answers for ever"),
    };
    assert_eq!(answers, (Bytes::from("here"), Bytes::from("here")));
    stop.cancel();
    while serving.join_next().await.is_some() {}
    proxy.abort();
    assert!(proxy.await.unwrap_err().is_cancelled());
}
