//! The demo system: what is put on the cluster, and whether its customers are answered.
//!
//! Invariant: it is ready only when a request through the ingress was answered 200.

use super::PATIENCE;
use crate::problem::Problem;
use squall_experiment::load::{Format, load};
use squall_playground::api::{Status, Write};
use squall_playground::cluster::Cluster;
use squall_playground::resource::{self, Resource};
use std::io;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

const MANIFESTS: &str = include_str!("../../../../examples/demo/shop.yaml");
const REQUEST: &[u8] = b"GET /demo/person HTTP/1.1\r\nHost: shop.demo\r\nConnection: close\r\n\r\n";
/// How often is looked whether it is ready.
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

fn refused(status: Status) -> Problem {
    Problem::new(format!("the playground refused: {}", status.message))
}
