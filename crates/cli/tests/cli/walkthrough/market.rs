//! A playground for one row, a person with kubectl at it, and `chaos run`.

use super::kubectl::{Server, Until};
use super::recording;
use crate::folder::Folder;
use serde_json::Value;
use squall_playground::cluster::{Cluster, Options};
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tokio::runtime::Builder;
use tokio::sync::oneshot;

const CUSTOMER: &[u8] = b"GET /demo/person HTTP/1.1\r\nHost: till.example\r\nConnection: close\r\n\r\n";

/// A playground; it ends with this.
pub(super) struct Market {
    folder: Folder,
    server: Server,
    ingress: String,
    version: String,
    end: Option<oneshot::Sender<()>>,
    playground: Option<JoinHandle<()>>,
}

/// Plays a row with every recorded kubectl at once, each on a playground of its own with an empty namespace `market`.
pub(super) fn play(row: fn(&Market)) {
    thread::scope(|scope| {
        let clients: Vec<_> = recording::versions()
            .into_iter()
            .map(|version| {
                let name = format!("{} with kubectl {version}", thread::current().name().unwrap_or("a row"));
                let client = move || {
                    let market = Market::open(version);
                    market.kubectl("create-namespace");
                    row(&market);
                };
                thread::Builder::new().name(name).spawn_scoped(scope, client).unwrap()
            })
            .collect();
        let failed = clients.into_iter().map(|client| client.join()).filter(Result::is_err).count();
        assert_eq!(failed, 0, "so many clients did not see the row, as said above");
    });
}

impl Market {
    fn open(version: String) -> Market {
        let (end, ended) = oneshot::channel();
        let (told, tell) = mpsc::channel();
        let playground = thread::spawn(move || {
            Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
                let cluster = Cluster::up(Options { nodes: 1, ..Options::default() }).await.unwrap();
                told.send((cluster.kubeconfig(), cluster.ingress().to_string())).unwrap();
                let _ = ended.await;
                cluster.down().await;
            });
        });
        let (kubeconfig, ingress) = tell.recv().unwrap();
        let mut folder = Folder::new().with("kubeconfig", &kubeconfig);
        for name in ["experiments", "manifests"] {
            for file in fs::read_dir(recording::folder().join(name)).unwrap().map(Result::unwrap) {
                if file.file_type().unwrap().is_file() {
                    let text = fs::read_to_string(file.path()).unwrap();
                    folder = folder.with(file.file_name().to_str().unwrap(), &text);
                }
            }
        }
        let server = Server::of(&kubeconfig);
        Market { folder, server, ingress, version, end: Some(end), playground: Some(playground) }
    }

    /// A command that waits for nothing; what it was answered last.
    pub(super) fn kubectl(&self, name: &str) -> Value {
        self.kubectl_until(name, |_| panic!("it waits for nothing"))
    }

    /// A command that waits.
    pub(super) fn kubectl_until(&self, name: &str, until: Until) -> Value {
        self.server.replay(&recording::read(&self.version, name), until)
    }

    /// What `kubectl get pods` shows: name, readiness, status and restarts of each.
    pub(super) fn pods(&self) -> Vec<String> {
        let table = self.kubectl("get-pods");
        let columns = table["columnDefinitions"].as_array().unwrap().iter();
        let shown: Vec<_> = columns.filter(|column| column["priority"] == 0).map(|c| &c["name"]).collect();
        assert_eq!(shown, ["Name", "Ready", "Status", "Restarts", "Age"]);
        let rows = table["rows"].as_array().unwrap().iter();
        let word = |cell: &Value| cell.as_str().map_or(cell.to_string(), str::to_owned);
        rows.map(|row| row["cells"].as_array().unwrap()[..4].iter().map(word).collect::<Vec<_>>().join(" "))
            .collect()
    }

    /// Waits until a customer at the ingress is answered.
    pub(super) fn served(&self) {
        let started = Instant::now();
        while !self.asks().is_ok_and(|status| status.ends_with(" 200")) {
            assert!(started.elapsed() < Duration::from_secs(30), "nobody is served: {:?}", self.asks());
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// `HTTP/1.1 200`
    fn asks(&self) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(&self.ingress)?;
        stream.set_read_timeout(Some(Duration::from_secs(3)))?;
        stream.write_all(CUSTOMER)?;
        let mut first = [0; 12];
        stream.read_exact(&mut first)?;
        Ok(String::from_utf8_lossy(&first).into_owned())
    }

    /// `chaos run`: status, exit code, what is said in red; its journal.
    pub(super) fn run(&self, experiment: &str, status: &str, code: i32, red: &[&str]) -> Value {
        let mut command = self.folder.command("run");
        command
            .arg(experiment)
            .env("KUBECONFIG", self.folder.path("kubeconfig"))
            .env("INGRESS_HOST", &self.ingress);
        let done = self.folder.done(&mut command);
        let journal: Value = serde_json::from_str(&self.folder.read("journal.json")).unwrap();
        // The journal keeps a deviation apart: its status is that of the last activity.
        let seen = if journal["deviated"] == true { "deviated" } else { journal["status"].as_str().unwrap() };
        assert_eq!((seen, done.code), (status, code), "{}", done.stderr);
        let end = format!("INFO] Experiment ended with status: {status}");
        assert!(done.stderr.lines().any(|line| line.ends_with(&end)), "{}", done.stderr);
        let said: Vec<&str> = done
            .stderr
            .lines()
            .filter(|line| ["ERROR]", "CRITICAL]"].iter().any(|level| line.contains(level)))
            .collect();
        for text in red {
            assert!(said.iter().any(|line| line.contains(text)), "no red `{text}`: {}", done.stderr);
        }
        if status == "completed" {
            assert!(said.is_empty(), "{said:?}");
        }
        journal
    }
}

impl Drop for Market {
    fn drop(&mut self) {
        if let Some(end) = self.end.take() {
            let _ = end.send(());
        }
        if let Some(playground) = self.playground.take() {
            let _ = playground.join();
        }
    }
}
