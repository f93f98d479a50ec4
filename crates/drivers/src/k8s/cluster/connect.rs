//! The clusters of a run: one client for each connection, and how to find a cluster again for an undo.
//!
//! Invariant: a [`ClusterRef`] holds no secret; it leads to the same server or to an error, never to another server.

use super::Cluster;
use crate::k8s::config::{Settings, Way};
use serde::{Deserialize, Serialize};
use squall_engine::{Failure, Look};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Which cluster was changed, and how it was reached. Part of undos.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ClusterRef {
    /// The server's URL, without a slash at its end.
    server: String,
    /// How it was reached.
    #[serde(flatten)]
    way: Way,
}

impl ClusterRef {
    pub(super) fn new(connection: &crate::k8s::config::Connection) -> ClusterRef {
        let server = super::error::redacted(&connection.server).trim_end_matches('/').to_owned();
        ClusterRef { server, way: connection.way.clone() }
    }
}
impl fmt::Display for ClusterRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.server)
    }
}

/// The clients of a run, a handle that cli hands to the engine.
#[derive(Default)]
pub struct Clusters {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    by_settings: BTreeMap<Settings, Arc<Cluster>>,
    by_reference: BTreeMap<ClusterRef, Arc<Cluster>>,
    served: BTreeMap<ClusterRef, Arc<Cluster>>,
}

impl Clusters {
    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cluster {
    /// The cluster that an activity works on, by its secrets and the environment.
    ///
    /// # Errors
    /// The settings do not lead to one.
    pub fn of(cx: &Look) -> Result<Arc<Cluster>, Failure> {
        let clusters = cx.handle::<Clusters>()?;
        let settings = Settings::of(cx);
        let mut known = clusters.known();
        if let Some(cluster) = known.by_settings.get(&settings) {
            return Ok(cluster.clone());
        }
        let connection = settings.connection()?;
        let cluster = match known.served.get(&ClusterRef::new(&connection)) {
            Some(served) => served.clone(),
            None => Arc::new(Cluster::new(connection, None)),
        };
        known.by_reference.insert(cluster.reference().clone(), cluster.clone());
        known.by_settings.insert(settings, cluster.clone());
        Ok(cluster)
    }

    /// The cluster of an undo: the client of this run, or a new connection in the same way.
    ///
    /// # Errors
    /// That way is gone, or leads to another server now.
    pub fn again(reference: &ClusterRef, cx: &Look) -> Result<Arc<Cluster>, Failure> {
        let clusters = cx.handle::<Clusters>()?;
        let mut known = clusters.known();
        if let Some(cluster) = known.by_reference.get(reference) {
            return Ok(cluster.clone());
        }
        let connection = Settings::of(cx).again(&reference.way)?;
        let now = ClusterRef::new(&connection);
        if now.server != reference.server {
            let what = format!(
                "{} leads to {} now, but the change was made at {}",
                connection.identity, now.server, reference.server
            );
            return Err(Failure::environment(what)
                .hint("let that context name the old server again, then repeat `chaos recover`"));
        }
        let cluster = Arc::new(Cluster::new(connection, None));
        known.by_reference.insert(reference.clone(), cluster.clone());
        Ok(cluster)
    }
}

impl Clusters {
    /// Adds a cluster that this process serves itself: `client` answers whoever asks for `KUBERNETES_HOST=http://NAME`.
    ///
    /// # Errors
    /// The name cannot be part of a URL.
    pub fn serve(&self, name: &str, client: kube::Client) -> Result<(), Failure> {
        let connection = Settings::host(&format!("http://{name}")).keys()?;
        let cluster = Arc::new(Cluster::new(connection, Some(client)));
        self.known().served.insert(cluster.reference().clone(), cluster);
        Ok(())
    }
}
