//! A whole cluster: store, API server, controllers, scheduler, nodes, ingress, in one process.
//!
//! Invariant: everything that was started belongs to the [`Cluster`] and ends with [`Cluster::down`]; several clusters live
//! beside each other, each on a network 127.x.0.0/16 of its own, which it holds as long as it lives, or on none ([`Inside`]).

use crate::api::{Api, Clock, PODS_OF_NODE, Status, Write};
use crate::controllers::{self, Handles, Metrics};
use crate::net::{Listener, Net};
use crate::node::{self, PodRange};
use crate::program::Program;
use crate::resource;
use crate::serve::{Authority, Server, StartError, TlsError};
use crate::store::Store;
use crate::{ingress, program};
use jiff::Timestamp;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::Value as Json;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// The port at which a cluster holds its network, as a kubelet would.
const HELD: u16 = 10250;
/// The networks that are tried, one after the other. 127.0.0.0/16 is everybody's.
const NETWORKS: std::ops::RangeInclusive<u8> = 10..=250;

/// Open files of a Pod: where it listens, its session with a database and that through the proxy, a probe.
const FILES_OF_POD: u64 = 5;
/// Open files of everything else: clients, Services, the journal.
const OTHER_FILES: u64 = 256;

/// What Pods, Services, DNS and probes listen and dial through. API server and ingress are on 127.0.0.1 in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Inside {
    /// Sockets on a network 127.x.0.0/16: other processes can reach them.
    #[default]
    Sockets,
    /// Pipes in memory: nothing but the ingress reaches them, and no port of this machine is needed for them.
    Pipes,
}

/// What a cluster is like.
#[derive(Default)]
pub struct Options {
    /// How many nodes; at least one is made.
    pub nodes: usize,
    /// The port of the API server on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// Its network.
    pub inside: Inside,
    /// Where its state is kept; in memory only, if `None`.
    pub data: Option<PathBuf>,
    /// What containers can run beside the demo system.
    pub programs: Vec<Arc<dyn Program>>,
    /// What the suffixes of names are drawn from.
    pub seed: u64,
}

/// Why a cluster could not start.
#[derive(Debug, thiserror::Error)]
pub enum UpError {
    /// The API server could not.
    #[error(transparent)]
    Server(#[from] StartError),
    /// Its certificates could not be made.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The ingress could not listen.
    #[error("the ingress could not listen: {0}")]
    Ingress(#[source] io::Error),
    /// The kept state cannot be used.
    #[error("the state in {} cannot be used: {source}", .folder.display())]
    Data {
        /// Where it is.
        folder: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The system lets the process have too few sockets for so many Pods.
    #[error(
        "{nodes} node(s) full of Pods need about {needed} open files, and this process may have {allowed}; \
         raise its hard limit (`ulimit -Hn`), or start fewer nodes"
    )]
    Files {
        /// The nodes.
        nodes: u64,
        /// What they need.
        needed: u64,
        /// The hard limit.
        allowed: u64,
    },
    /// All networks are taken.
    #[error(
        "no network 127.x.0.0/16 is free, of {} to {}: another 240 playgrounds, or no Linux?",
        NETWORKS.start(),
        NETWORKS.end()
    )]
    NoNetwork,
}

/// A cluster that runs.
pub struct Cluster {
    api: Api,
    server: Server,
    ingress: SocketAddr,
    stop: CancellationToken,
    tasks: Vec<JoinSet<()>>,
    _network: Option<Listener>,
}

impl Cluster {
    /// Starts one on loopback.
    ///
    /// # Errors
    /// Something of it could not start; nothing of it is left then.
    pub async fn up(options: Options) -> Result<Cluster, UpError> {
        let host = Net::Loopback;
        let net = match options.inside {
            Inside::Sockets => {
                allow_files(options.nodes.max(1))?;
                host.clone()
            }
            Inside::Pipes => Net::memory(),
        };
        let (store, authority) = match &options.data {
            None => (Store::default(), Authority::new()?),
            Some(folder) => {
                let unusable = |source| UpError::Data { folder: folder.clone(), source };
                let store = Store::open(folder).map_err(unusable)?;
                (store, kept_authority(folder)?)
            }
        };
        let api = Api::new(Arc::new(store), Clock::starting(Timestamp::now()));
        let (range, network) = match options.inside {
            Inside::Sockets => {
                let (range, network) = free_network(&net, kept_network(&api)).await?;
                (range, Some(network))
            }
            Inside::Pipes => (PodRange::default(), None),
        };
        let api = api.with_services(range.services());
        api.move_services().map_err(|status| {
            let folder = options.data.clone().unwrap_or_default();
            UpError::Data { folder, source: io::Error::other(status.message) }
        })?;
        let (metrics, stop) = (Metrics::default(), CancellationToken::new());
        let root_ca = authority.certificate().to_owned();
        let at = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), options.port);
        let server = Server::start(api.clone(), &host, at, Some(authority)).await?;
        let at = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
        let config = ingress::Config { at, host, net: net.clone(), stop: stop.clone() };
        let (ingress, serving) = ingress::run(api.clone(), config).await.map_err(UpError::Ingress)?;
        let handles = Handles { metrics: metrics.clone(), root_ca, stop: stop.clone(), seed: options.seed };
        let mut programs = program::demo_system();
        programs.extend(options.programs);
        let config = node::Config {
            nodes: (0..options.nodes.max(1)).map(|index| format!("playground-{index}")).collect(),
            range,
            net,
            programs,
            volumes: options.data.map(|folder| folder.join("volumes")),
            metrics,
            stop: stop.clone(),
        };
        let tasks = vec![serving, controllers::run(api.clone(), handles), node::run(api.clone(), config)];
        Ok(Cluster { api, server, ingress, stop, tasks, _network: network })
    }

    /// What kubectl needs.
    pub fn kubeconfig(&self) -> String {
        self.server.kubeconfig()
    }

    /// Where the API server is.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Where the ingress is.
    pub fn ingress(&self) -> SocketAddr {
        self.ingress
    }

    /// The verbs of its API, without a connection.
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// Creates the object of a manifest, or replaces it when there is one of its name. The manifest is of the version
    /// that a resource is stored as: the newest.
    ///
    /// # Errors
    /// 400 when it is of no known kind, and what creation and replacement say.
    pub fn apply(&self, manifest: Json) -> Result<(), Status> {
        let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
        let (api_version, kind) = (text(&manifest["apiVersion"]), text(&manifest["kind"]));
        let group = api_version.rsplit_once('/').map_or("", |(group, _)| group);
        let resource = resource::of_kind(group, &kind)
            .filter(|resource| {
                resource.versions.first().map(|v| resource.api_version(v)) == Some(api_version.clone())
            })
            .ok_or_else(|| {
                Status::bad_request(format!("no matches for kind \"{kind}\" in version \"{api_version}\""))
            })?;
        let (name, namespace) =
            (text(&manifest["metadata"]["name"]), text(&manifest["metadata"]["namespace"]));
        let namespace = if resource.namespaced && namespace.is_empty() { "default" } else { &namespace };
        let write = Write::by("playground");
        match self.api.create(resource, namespace, manifest.clone(), &write) {
            Err(status) if status.reason == "AlreadyExists" => {
                self.api.update(resource, namespace, &name, manifest, &write).map(drop)
            }
            created => created.map(drop),
        }
    }

    /// Ends everything.
    pub async fn down(self) {
        self.stop.cancel();
        for mut tasks in self.tasks {
            while tasks.join_next().await.is_some() {}
        }
        self.server.stop().await;
    }
}

/// Lets this process have as many open files as it may; an error if those are too few for nodes full of Pods.
fn allow_files(nodes: usize) -> Result<(), UpError> {
    let nodes = u64::try_from(nodes).unwrap_or(u64::MAX);
    let needed = nodes.saturating_mul(u64::from(PODS_OF_NODE) * FILES_OF_POD).saturating_add(OTHER_FILES);
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if let Some(allowed) = maximum.filter(|allowed| *allowed < needed) {
        return Err(UpError::Files { nodes, needed, allowed });
    }
    let wanted = maximum.unwrap_or(needed);
    if current.is_some_and(|current| current < wanted) {
        // If it stays as it was, that shows when there are that many.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum });
    }
    Ok(())
}

/// The network in which kept Services have their addresses.
fn kept_network(api: &Api) -> Option<u8> {
    let services = api.list(resource::find("", "services")?, None).0;
    services
        .iter()
        .find_map(|service| service["spec"]["clusterIP"].as_str()?.parse::<Ipv4Addr>().ok())
        .map(|address| address.octets()[1])
        .filter(|network| NETWORKS.contains(network))
}

/// A network that nobody has, and what holds it; if it can be had, the one that is wished for.
async fn free_network(net: &Net, wish: Option<u8>) -> Result<(PodRange, Listener), UpError> {
    for network in wish.into_iter().chain(NETWORKS) {
        let at = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, network, 0, 1)), HELD);
        if let Ok(listener) = net.listen(at).await {
            return Ok((PodRange { network }, listener));
        }
    }
    Err(UpError::NoNetwork)
}

/// The authority whose kubeconfig was handed out when the state was made, so that it is still good.
fn kept_authority(folder: &Path) -> Result<Authority, UpError> {
    let path = folder.join("authority");
    let unusable = |source| UpError::Data { folder: folder.to_owned(), source };
    match fs::read_to_string(&path) {
        Ok(kept) => match kept
            .split_once("\n\n")
            .and_then(|(token, pems)| Some((token, pems.split_once("\n\n")?)))
        {
            Some((token, (certificate, key))) => {
                Ok(Authority::kept(certificate.to_owned(), key.to_owned(), token.to_owned()))
            }
            None => {
                let text =
                    format!("{} is damaged; remove it, and kubeconfigs of before are void", path.display());
                Err(unusable(io::Error::new(io::ErrorKind::InvalidData, text)))
            }
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let authority = Authority::new()?;
            let (token, certificate, key) = (authority.token(), authority.certificate(), authority.key());
            let kept = format!("{token}\n\n{}\n\n{}", certificate.trim_end(), key.trim_end());
            // Whole or not at all, whenever we are killed. What a killed one left beside it is written over.
            let new = folder.join("authority.new");
            let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new);
            file.and_then(|mut file| file.write_all(kept.as_bytes())).map_err(unusable)?;
            fs::rename(&new, &path).map_err(unusable)?;
            Ok(authority)
        }
        Err(error) => Err(unusable(error)),
    }
}
