//! The demo's folders, and the command that runs its experiment.
//!
//! Invariant: what is not a journal goes away with the [`Workshop`]; a run sees nothing of the caller's settings, clusters
//! and proxies, so it can only ever touch the playground.

use crate::problem::Problem;
use crate::session::Session;
use squall_playground::cluster::Cluster;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
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
    folder: PathBuf,
    journals: PathBuf,
    /// Whether the folder of the journals is ours to take away.
    made: bool,
    environment: Vec<(&'static str, String)>,
}

impl Workshop {
    /// Makes the folders.
    pub(super) fn new(session: &Session, journals: &Path) -> Result<Workshop, Problem> {
        let unable = |path: &Path, error: io::Error| {
            Problem::new(format!("could not make the folder {}: {error}", path.display()))
        };
        let temporary = session.environment.get("TMPDIR").filter(|path| !path.is_empty()).unwrap_or("/tmp");
        let folder = Path::new(temporary).join(format!("chaos-demo-{}", uuid::Uuid::new_v4().simple()));
        DirBuilder::new().mode(0o700).create(&folder).map_err(|error| unable(&folder, error))?;
        let kept = KEPT.iter().filter_map(|name| Some((*name, session.environment.get(name)?.to_owned())));
        let workshop = Workshop {
            folder,
            journals: journals.to_owned(),
            made: !journals.exists(),
            environment: kept.collect(),
        };
        fs::create_dir_all(journals)
            .map_err(|error| unable(journals, error).hint("--journals DIR takes another"))?;
        Ok(workshop)
    }

    /// Lays out what a run needs to reach the cluster.
    pub(super) fn equip(&self, cluster: &Cluster) -> Result<(), Problem> {
        for (name, text) in [("kubeconfig", cluster.kubeconfig().as_str()), ("experiment.yaml", EXPERIMENT)] {
            let path = self.folder.join(name);
            let file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path);
            file.and_then(|mut file| file.write_all(text.as_bytes()))
                .map_err(|error| Problem::new(format!("could not write {}: {error}", path.display())))?;
        }
        fs::write(self.folder.join("ingress"), cluster.ingress().to_string())
            .map_err(|error| Problem::new(format!("could not write to {}: {error}", self.folder.display())))
    }

    /// `chaos run` of the experiment.
    pub(super) fn experiment(&self, journal: &str) -> Result<Command, Problem> {
        let unable = |error: io::Error| Problem::new(format!("could not run the experiment: {error}"));
        let mut command = Command::new(std::env::current_exe().map_err(unable)?);
        command.arg("--no-log-file").arg("--settings").arg(self.folder.join("no-settings.yaml"));
        command.arg("run").arg("--journal-path").arg(self.journal(journal));
        command.arg(self.folder.join("experiment.yaml"));
        command.env_clear().envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.env("KUBECONFIG", self.folder.join("kubeconfig"));
        command.env("CHAOS_STATE_DIR", self.folder.join("state"));
        command.env("INGRESS_HOST", fs::read_to_string(self.folder.join("ingress")).map_err(unable)?);
        command.stdin(Stdio::null()).process_group(0);
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
        // What cannot be removed lies in the machine's folder for such things.
        let _ = fs::remove_dir_all(&self.folder);
        // Only if it is empty, that is, when no run came to its journal.
        if self.made {
            let _ = fs::remove_dir(&self.journals);
        }
    }
}
