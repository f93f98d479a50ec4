//! What containers run: programs within the process, chosen by image.
//!
//! Invariant: a program touches the world only through its [`Container`]: the network as its Pod, its log, its environment,
//! its stop. Dropping its future is SIGKILL; its [`Container::terminated`] is SIGTERM.

use crate::net::Net;
use std::collections::BTreeMap;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// A program that images can name.
pub trait Program: Send + Sync + 'static {
    /// The images that run it, with `*` for any text: `vfarcic/go-demo-8:*`.
    fn images(&self) -> &'static [&'static str];
    /// What it uses, for `kubectl top` and autoscalers.
    fn figures(&self) -> Figures;
    /// Runs it to its end; its exit code.
    fn run(&self, container: Container) -> Pin<Box<dyn Future<Output = i32> + Send>>;
    /// Runs a command in a container of it (exec probes, `kubectl exec`): exit code and output. 126 and a message for
    /// what it does not know.
    fn exec(
        &self,
        container: Container,
        command: Vec<String>,
    ) -> Pin<Box<dyn Future<Output = (i32, String)> + Send>>;
}

/// What a program uses.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// When idle, in thousandths of a core.
    pub idle_millicores: u64,
    /// More for each request in flight.
    pub millicores_per_request: u64,
    /// When idle, in MiB.
    pub idle_mebibytes: u64,
    /// More for each request in flight.
    pub mebibytes_per_request: u64,
}

/// Resolves names as the cluster's DNS does for one Pod.
pub trait Resolver: Send + Sync {
    /// The addresses of a name: `go-demo-8-db`, `web.shop`, `web.shop.svc.cluster.local`, or an address as it is.
    fn resolve(&self, name: &str) -> Vec<IpAddr>;
}

/// What a running container has.
#[derive(Clone)]
pub struct Container {
    /// Its environment, as the manifest gives it.
    pub environment: BTreeMap<String, String>,
    /// Its arguments, `command` and `args` of the manifest.
    pub arguments: Vec<String>,
    /// The address of its Pod.
    pub ip: IpAddr,
    /// The Pod's name, which is its host name.
    pub hostname: String,
    /// The network.
    pub net: Net,
    /// The names of the cluster.
    pub names: Arc<dyn Resolver>,
    /// Where its standard output goes, a line at a time.
    pub log: Arc<dyn Fn(&str) + Send + Sync>,
    /// Cancelled by SIGTERM.
    pub terminated: CancellationToken,
    /// Volumes by mount path. Contents outlive the container as the volume does.
    pub volumes: BTreeMap<String, Arc<Volume>>,
    /// Requests that it has in flight, which its figures depend on.
    pub in_flight: Arc<std::sync::atomic::AtomicU64>,
}

impl Container {
    /// Connects to a name and port as this Pod.
    ///
    /// # Errors
    /// The name is unknown, or nobody listens there.
    pub async fn dial(&self, host: &str, port: u16) -> std::io::Result<crate::net::Stream> {
        let Some(ip) = self.names.resolve(host).first().copied() else {
            let text = format!("lookup {host}: no such host");
            return Err(std::io::Error::new(std::io::ErrorKind::NotFound, text));
        };
        self.net.dial(Some(self.ip), SocketAddr::new(ip, port)).await
    }
}

/// Files of a volume, by path within it.
#[derive(Debug, Default)]
pub struct Volume {
    /// Path to contents.
    pub files: std::sync::Mutex<BTreeMap<String, Vec<u8>>>,
}
