//! What containers run: programs within the process, chosen by image.
//!
//! Invariant: a program touches the world only through its [`Container`]: the network as its Pod, its log, its environment,
//! its stop. Dropping its future is SIGKILL; its [`Container::terminated`] is SIGTERM. So it runs on a playground's node and
//! in a container of its own alike.

mod database;
mod demo;
mod histogram;
pub(crate) mod http;
mod idle;
mod limiter;
mod repeater;
mod shell;
#[cfg(test)]
mod tests;
mod volume;

use crate::net::Net;
use std::collections::BTreeMap;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

pub use volume::Volume;

/// A program that images can name.
pub trait Program: Send + Sync + 'static {
    /// The images that run it, with `*` for any text: `vfarcic/go-demo-8:*`.
    fn images(&self) -> &'static [&'static str];
    /// What its executables are called in an image of its own: the first runs it, [`Program::exec`] knows the others.
    /// None, if there is nothing to bring to another cluster.
    fn executables(&self) -> &'static [&'static str] {
        &[]
    }
    /// Where it looks for a volume that keeps its data.
    fn data(&self) -> &'static [&'static str] {
        &[]
    }
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

/// The exit code of a program that SIGTERM ends.
pub const TERMINATED: i32 = 143;

/// The programs of the demo system, and those that only wait.
pub fn demo_system() -> Vec<Arc<dyn Program>> {
    vec![
        Arc::new(demo::Demo),
        Arc::new(database::Database),
        Arc::new(repeater::Repeater),
        Arc::new(idle::Idle),
    ]
}

/// The program that an image names, if it is one of these.
pub fn of_image<'a>(programs: &'a [Arc<dyn Program>], image: &str) -> Option<&'a Arc<dyn Program>> {
    let image = short_name(image);
    let runs = |program: &&Arc<dyn Program>| program.images().iter().any(|pattern| matches(pattern, &image));
    programs.iter().find(runs)
}

/// An image without what may be left out, and with the tag that may be: `docker.io/library/nginx` is `nginx:latest`.
fn short_name(image: &str) -> String {
    let (image, digest) = image.split_once('@').map_or((image, false), |(image, _)| (image, true));
    let image = image.strip_prefix("index.").unwrap_or(image);
    let image = image.strip_prefix("docker.io/").unwrap_or(image);
    let image = image.strip_prefix("library/").unwrap_or(image);
    let tagged = image.rsplit('/').next().is_some_and(|last| last.contains(':'));
    match (tagged, digest) {
        (true, _) => image.to_owned(),
        (false, true) => format!("{image}:"),
        (false, false) => format!("{image}:latest"),
    }
}

/// Whether a text is what a pattern says, in which `*` stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(text) = text.strip_prefix(head) else { return false };
    text.char_indices().map(|(at, _)| at).chain([text.len()]).any(|at| matches(rest, &text[at..]))
}

/// What a runtime says when it cannot run a command in a container.
fn no_such_command(command: &[String]) -> (i32, String) {
    let name = command.first().map_or("", String::as_str);
    let text = format!(
        "OCI runtime exec failed: exec failed: unable to start container process: exec: \"{name}\": executable file not found in $PATH: unknown"
    );
    (126, text)
}

/// Resolves names as the cluster's DNS does for one Pod.
pub trait Resolver: Send + Sync {
    /// The addresses of a name: `go-demo-8-db`, `web.shop`, `web.shop.svc.cluster.local`, or an address as it is.
    fn resolve(&self, name: &str) -> Vec<IpAddr>;

    /// The same, for those who have to ask somebody and wait.
    fn look_up<'a>(&'a self, name: &'a str) -> Pin<Box<dyn Future<Output = Vec<IpAddr>> + Send + 'a>> {
        Box::pin(std::future::ready(self.resolve(name)))
    }
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
        let Some(ip) = self.names.look_up(host).await.first().copied() else {
            let text = format!("lookup {host}: no such host");
            return Err(std::io::Error::new(std::io::ErrorKind::NotFound, text));
        };
        self.net.dial(Some(self.ip), SocketAddr::new(ip, port)).await
    }
}
