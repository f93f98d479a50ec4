//! What makes a Service's address lead to a ready endpoint.
//!
//! Invariant: an address is listened at as long as there is somebody to lead to, so that dialling it is refused otherwise, as
//! behind a real node; whoever is dialled sees the caller's address. A connection that stands outlives the readiness of its
//! endpoint, and ends with either of its ends.

use crate::api::Api;
use crate::controllers::kinds::{ENDPOINTS, SERVICES};
use crate::controllers::object::{list, name, namespace, text};
use crate::ingress::addresses;
use crate::net::{Listener, Net, Stream};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;

/// How long an endpoint may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a listener that cannot accept (no file descriptors left) waits before it tries again.
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);

/// Where a Service's port leads.
#[derive(Debug, Default)]
struct Target {
    endpoints: Mutex<Vec<SocketAddr>>,
    turn: std::sync::atomic::AtomicUsize,
}

struct Proxy {
    api: Api,
    net: Net,
    nodes: Vec<IpAddr>,
    ports: BTreeMap<SocketAddr, (Arc<Target>, AbortHandle)>,
    /// By namespace and name of the Service.
    of_service: BTreeMap<(String, String), BTreeSet<SocketAddr>>,
    listeners: JoinSet<()>,
    connections: Arc<Mutex<JoinSet<()>>>,
}

/// Serves the addresses of all Services, and the ports that they have on nodes, until it is dropped.
pub(super) async fn run(api: Api, net: Net, nodes: Vec<IpAddr>) {
    let mut proxy = Proxy {
        api,
        net,
        nodes,
        ports: BTreeMap::new(),
        of_service: BTreeMap::new(),
        listeners: JoinSet::new(),
        connections: Arc::default(),
    };
    loop {
        let (services, revision) = proxy.api.list(SERVICES, None);
        let watches = (proxy.api.watch(SERVICES, None, revision), proxy.api.watch(ENDPOINTS, None, revision));
        let (Ok(mut services_watch), Ok(mut endpoints_watch)) = watches else { continue };
        let known = proxy.of_service.keys().cloned();
        let there = services.iter().map(|service| (namespace(service).to_owned(), name(service).to_owned()));
        let all: BTreeSet<(String, String)> = known.chain(there).collect();
        for key in all {
            proxy.look(key).await;
        }
        loop {
            let change = tokio::select! {
                change = services_watch.next() => change,
                change = endpoints_watch.next() => change,
                Some(_) = proxy.listeners.join_next() => continue,
            };
            // Too slow, and changes are forgotten: begin again from what is.
            let Ok(change) = change else { break };
            proxy.look((change.key.namespace.clone(), change.key.name.clone())).await;
        }
    }
}

impl Proxy {
    /// Makes a Service's ports lead where they should now.
    async fn look(&mut self, key: (String, String)) {
        let mut wanted = BTreeMap::new();
        let service = self.api.get(SERVICES, &key.0, &key.1);
        let endpoints = self.api.get(ENDPOINTS, &key.0, &key.1);
        if let (Ok(service), Ok(endpoints)) = (service, endpoints)
            && let Ok(ip) = text(&service, "/spec/clusterIP").parse::<IpAddr>()
        {
            for port in list(&service, "/spec/ports") {
                let found = addresses(&endpoints, port);
                if found.is_empty() || port["protocol"].as_str().unwrap_or("TCP") != "TCP" {
                    continue;
                }
                let number = |field: &str| {
                    port[field]
                        .as_u64()
                        .and_then(|number| u16::try_from(number).ok())
                        .filter(|port| *port > 0)
                };
                let at = |ip: IpAddr, number: Option<u16>| number.map(|number| SocketAddr::new(ip, number));
                let on_nodes = self.nodes.iter().map(|ip| at(*ip, number("nodePort")));
                for at in [at(ip, number("port"))].into_iter().chain(on_nodes).flatten() {
                    wanted.insert(at, found.clone());
                }
            }
        }
        let before = self.of_service.remove(&key).unwrap_or_default();
        for gone in before.iter().filter(|at| !wanted.contains_key(at)) {
            if let Some((_, listener)) = self.ports.remove(gone) {
                listener.abort();
            }
        }
        let mut now = BTreeSet::new();
        for (at, endpoints) in wanted {
            let known = self.ports.get(&at).filter(|(_, listener)| !listener.is_finished());
            if let Some((target, _)) = known {
                *target.endpoints.lock().unwrap_or_else(PoisonError::into_inner) = endpoints;
                now.insert(at);
            } else if let Some(listener) = self.listen(at).await {
                let target = Arc::new(Target { endpoints: Mutex::new(endpoints), ..Target::default() });
                let serve = serve(self.net.clone(), listener, target.clone(), self.connections.clone());
                self.ports.insert(at, (target, self.listeners.spawn(serve)));
                now.insert(at);
            }
        }
        if !now.is_empty() {
            self.of_service.insert(key, now);
        }
    }

    /// Listens at an address that may just have been given up: its listener needs a moment to go.
    async fn listen(&self, at: SocketAddr) -> Option<Listener> {
        for _ in 0..10 {
            if let Ok(listener) = self.net.listen(at).await {
                return Some(listener);
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        None
    }
}

async fn serve(net: Net, mut listener: Listener, target: Arc<Target>, connections: Arc<Mutex<JoinSet<()>>>) {
    loop {
        match listener.accept().await {
            Ok((stream, from)) => {
                let mut connections = connections.lock().unwrap_or_else(PoisonError::into_inner);
                while connections.try_join_next().is_some() {}
                connections.spawn(carry(net.clone(), stream, from.ip(), target.clone()));
            }
            Err(_) => tokio::time::sleep(ACCEPT_AGAIN).await,
        }
    }
}

async fn carry(net: Net, mut caller: Stream, from: IpAddr, target: Arc<Target>) {
    let endpoints = target.endpoints.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let first = target.turn.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    for turn in 0..endpoints.len() {
        let to = endpoints[(first + turn) % endpoints.len()];
        if let Ok(Ok(mut called)) = timeout(CONNECT, net.dial(Some(from), to)).await {
            // How it ends is for its ends to see.
            let _ = tokio::io::copy_bidirectional(&mut caller, &mut called).await;
            return;
        }
    }
}
