//! The demo system: what is put on the cluster, and whether its customers are answered.
//!
//! Invariant: it is ready only when a request through the ingress was answered 200.

use super::PATIENCE;
use crate::problem::Problem;
use squall_experiment::load::{Format, load};
use squall_playground::api::{Status, Write};
use squall_playground::cluster::Cluster;
use squall_playground::resource::{self, Resource};
use std::convert::Infallible;
use std::fmt;
use std::io;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{interval, sleep, timeout};

const MANIFESTS: &str = include_str!("../../../../examples/demo/shop.yaml");
const REQUEST: &[u8] = b"GET /demo/person HTTP/1.1\r\nHost: shop.demo\r\nConnection: close\r\n\r\n";
/// How often is looked whether it is ready, and how often a customer comes.
const LOOK: Duration = Duration::from_millis(100);

/// The shop on a cluster.
pub(super) struct Shop<'a> {
    cluster: &'a Cluster,
    deployments: &'static Resource,
}

impl<'a> Shop<'a> {
    /// Applies its manifests.
    pub(super) fn open(cluster: &'a Cluster) -> Result<Shop<'a>, Problem> {
        let deployments =
            resource::find("apps", "deployments").ok_or_else(|| Problem::new("there are no Deployments"))?;
        for manifest in MANIFESTS.split("\n---\n") {
            let draft = load(manifest.as_bytes(), Format::Yaml)
                .map_err(|error| Problem::new(format!("a manifest of the shop is no YAML: {error}")))?;
            cluster.apply(draft.document.to_json()).map_err(refused)?;
        }
        Ok(Shop { cluster, deployments })
    }

    /// Changes how many replicas there should be.
    pub(super) fn scale(&self, replicas: u64) -> Result<(), Problem> {
        let write = Write::by("demo");
        let scaled = self.cluster.api().revise(self.deployments, "shop", "shop", &write, |current| {
            let mut next = current.clone();
            next["spec"]["replicas"] = replicas.into();
            Ok(next)
        });
        scaled.map(drop).map_err(refused)
    }

    /// Waits until so many replicas are ready and customers are answered; how long that took.
    pub(super) async fn ready(&self, replicas: u64) -> Result<Duration, Problem> {
        let started = Instant::now();
        while !(self.replicas_ready()? == replicas && self.answers().await) {
            if started.elapsed() > PATIENCE {
                return Err(Problem::new(format!("the shop is not ready after {} s", PATIENCE.as_secs()))
                    .hint("is this machine very busy?"));
            }
            sleep(LOOK).await;
        }
        Ok(started.elapsed())
    }

    /// Sends customers, one after the other, for ever.
    pub(super) async fn serve(&self, customers: &mut Customers) -> Infallible {
        let mut ticks = interval(LOOK);
        loop {
            ticks.tick().await;
            // One who is still waiting when the run ends is not counted.
            let answered = self.answers().await;
            customers.all += 1;
            customers.unanswered += u32::from(!answered);
        }
    }

    fn replicas_ready(&self) -> Result<u64, Problem> {
        let deployment = self.cluster.api().get(self.deployments, "shop", "shop").map_err(refused)?;
        Ok(deployment["status"]["readyReplicas"].as_u64().unwrap_or_default())
    }

    /// Whether a customer is answered.
    async fn answers(&self) -> bool {
        let asked = async {
            let mut stream = TcpStream::connect(self.cluster.ingress()).await?;
            stream.write_all(REQUEST).await?;
            let mut first = [0; 12];
            stream.read_exact(&mut first).await?;
            io::Result::Ok(first.ends_with(b" 200"))
        };
        matches!(timeout(Duration::from_secs(3), asked).await, Ok(Ok(true)))
    }
}

/// What became of those who came during a run.
#[derive(Default)]
pub(super) struct Customers {
    all: u32,
    unanswered: u32,
}

impl fmt::Display for Customers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Customers { all, unanswered } = self;
        match unanswered {
            0 => write!(f, "Meanwhile {all} customers came, and every one was answered."),
            _ => write!(f, "Meanwhile {all} customers came, and {unanswered} of them were turned away."),
        }
    }
}

fn refused(status: Status) -> Problem {
    Problem::new(format!("the playground refused: {}", status.message))
}
