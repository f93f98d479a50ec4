//! The demo system: what is put on the cluster, and whether its customers are answered.
//!
//! Invariant: it is ready only when a request through the ingress was answered 200.

use crate::problem::Problem;
use squall_experiment::load::{Format, load};
use squall_playground::api::{Status, Write};
use squall_playground::cluster::Cluster;
use squall_playground::resource::{self, Resource};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

const MANIFESTS: &str = include_str!("../../../../examples/demo/shop.yaml");
const REQUEST: &[u8] = b"GET /demo/person HTTP/1.1\r\nHost: shop.demo\r\nConnection: close\r\n\r\n";
/// How long a customer waits.
const CUSTOMERS_PATIENCE: Duration = Duration::from_secs(3);

/// The shop on a cluster.
pub(super) struct Shop<'a> {
    cluster: &'a Cluster,
    deployments: &'static Resource,
    pods: &'static Resource,
}

impl<'a> Shop<'a> {
    /// Applies its manifests.
    pub(super) fn open(cluster: &'a Cluster) -> Result<Shop<'a>, Problem> {
        let find = |group, name| {
            resource::find(group, name).ok_or_else(|| Problem::new(format!("the playground has no {name}")))
        };
        let (deployments, pods) = (find("apps", "deployments")?, find("", "pods")?);
        for manifest in MANIFESTS.split("\n---\n") {
            let draft = load(manifest.as_bytes(), Format::Yaml)
                .map_err(|error| Problem::new(format!("a manifest of the shop is no YAML: {error}")))?;
            cluster.apply(draft.document.to_json()).map_err(refused)?;
        }
        Ok(Shop { cluster, deployments, pods })
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

    /// How many replicas are ready now.
    pub(super) fn replicas_ready(&self) -> Result<u64, Problem> {
        let deployment = self.cluster.api().get(self.deployments, "shop", "shop").map_err(refused)?;
        Ok(deployment["status"]["readyReplicas"].as_u64().unwrap_or_default())
    }

    /// Its Pods, and in a word how each of them is.
    pub(super) fn pods(&self) -> BTreeMap<String, &'static str> {
        let (pods, _) = self.cluster.api().list(self.pods, Some("shop"));
        let state = |pod: &serde_json::Value| {
            let conditions = pod["status"]["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
            let ready = conditions.iter().any(|one| one["type"] == "Ready" && one["status"] == "True");
            match (pod["metadata"]["deletionTimestamp"].is_null(), ready) {
                (false, _) => "is terminated",
                (true, true) => "is ready",
                (true, false) => "starts",
            }
        };
        let name = |pod: &serde_json::Value| pod["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        pods.iter().map(|pod| (name(pod), state(pod))).collect()
    }

    /// Where its customers come in.
    pub(super) fn door(&self) -> SocketAddr {
        self.cluster.ingress()
    }
}

/// What a customer came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// 200.
    Served,
    /// Another status.
    TurnedAway(u16),
    /// No answer at all, within a customer's patience.
    Nothing,
}

/// A customer comes.
pub(super) async fn ask(door: SocketAddr) -> Answer {
    let asked = async {
        let mut stream = TcpStream::connect(door).await?;
        stream.write_all(REQUEST).await?;
        let mut first = [0; 12];
        stream.read_exact(&mut first).await?;
        io::Result::Ok(first)
    };
    let Ok(Ok(first)) = timeout(CUSTOMERS_PATIENCE, asked).await else { return Answer::Nothing };
    match first.last_chunk().and_then(|code: &[u8; 3]| std::str::from_utf8(code).ok()?.parse().ok()) {
        Some(200) => Answer::Served,
        Some(status) => Answer::TurnedAway(status),
        None => Answer::Nothing,
    }
}

fn refused(status: Status) -> Problem {
    Problem::new(format!("the playground refused: {}", status.message))
}
