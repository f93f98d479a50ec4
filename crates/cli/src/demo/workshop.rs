//! The demo's folders, and the command that runs its experiment.
//!
//! Invariant: what is not a journal goes away with the [`Workshop`]; a run sees nothing of the caller's settings, clusters
//! and proxies, so it can only ever touch the playground.

use super::scratch::Scratch;
use crate::problem::Problem;
use crate::session::Session;
use crate::signals;
use squall_playground::cluster::Cluster;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const EXPERIMENT: &str = include_str!("../../../../examples/demo/experiment.yaml");
/// What a run takes over from the caller: how its terminal is, and where it is on earth.
const KEPT: &[&str] = &[
    "PATH",
    "HOME",
    "TERM",
    "COLORTERM",
    "NO_COLOR",
    "CLICOLOR",
    "CLICOLOR_FORCE",
    "LANG",
    "LC_ALL",
    "TZ",
    "TZDIR",
];

/// Where the demo works.
pub(super) struct Workshop {
    scratch: Scratch,
    journals: PathBuf,
    /// Whether the folder of the journals is ours to take away.
    made: bool,
    environment: Vec<(&'static str, String)>,
}

impl Workshop {
    /// Makes the folders.
    pub(super) fn new(session: &Session, journals: &Path) -> Result<Workshop, Problem> {
        let scratch = Scratch::new(&session.environment)?;
        let kept = KEPT.iter().filter_map(|name| Some((*name, session.environment.get(name)?.to_owned())));
        let workshop = Workshop {
            scratch,
            journals: journals.to_owned(),
            made: !journals.exists(),
            environment: kept.collect(),
        };
        // A run that cannot write its journal would say so only at its end.
        let probe = journals.join(format!(".chaos-demo-{}", std::process::id()));
        let written = fs::create_dir_all(journals)
            .and_then(|()| fs::write(&probe, ""))
            .and_then(|()| fs::remove_file(&probe));
        written.map_err(|error| {
            Problem::new(format!("could not write to the folder {}: {error}", journals.display()))
                .hint("the journals of both runs belong there; --journals DIR takes another")
        })?;
        Ok(workshop)
    }

    /// Lays out what a run needs to reach the cluster.
    pub(super) fn equip(&self, cluster: &Cluster) -> Result<(), Problem> {
        self.scratch.write("kubeconfig", &cluster.kubeconfig())?;
        self.scratch.write("experiment.yaml", EXPERIMENT)
    }

    /// `chaos run` of the experiment, its lines on a pipe.
    pub(super) fn experiment(
        &self,
        journal: &str,
        door: SocketAddr,
        colours: bool,
    ) -> Result<Command, Problem> {
        let unable = |error: io::Error| Problem::new(format!("could not run the experiment: {error}"));
        let mut command = Command::new(std::env::current_exe().map_err(unable)?);
        command.arg("--no-log-file").arg("--settings").arg(self.scratch.path("no-settings.yaml"));
        command.arg("run").arg("--journal-path").arg(self.journal(journal));
        command.arg(self.scratch.path("experiment.yaml"));
        command.env_clear().envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.env("KUBECONFIG", self.scratch.path("kubeconfig"));
        command.env("CHAOS_STATE_DIR", self.scratch.path("state"));
        command.env("INGRESS_HOST", door.to_string());
        // Should we be killed, it stops by itself.
        command.env(signals::ENDS_WITH, std::process::id().to_string());
        if colours {
            command.env("CLICOLOR_FORCE", "1");
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).process_group(0);
        Ok(command)
    }

    /// Where a run's journal is.
    pub(super) fn journal(&self, name: &str) -> PathBuf {
        self.journals.join(name)
    }

    /// How a run ended: `completed`, `failed`, …; `deviated` when its hypothesis was not met at the end.
    pub(super) fn status(&self, journal: &str) -> Result<String, Problem> {
        let path = self.journal(journal);
        let unreadable =
            |error: io::Error| Problem::new(format!("could not read {}: {error}", path.display()));
        let text = fs::read(&path).map_err(unreadable)?;
        let journal: serde_json::Value =
            serde_json::from_slice(&text).map_err(|error| unreadable(error.into()))?;
        Ok(match journal["deviated"].as_bool() {
            Some(true) => "deviated".to_owned(),
            _ => journal["status"].as_str().unwrap_or("unknown").to_owned(),
        })
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        // Only if it is empty, that is, when no run came to its journal.
        if self.made {
            let _ = fs::remove_dir(&self.journals);
        }
    }
}
