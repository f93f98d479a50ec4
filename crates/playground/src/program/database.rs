//! The database of the demo system, and the one session that its client holds.
//!
//! The protocol is ours: a line of JSON asks (`{"ping":1}`, `{"find":"people"}`, `{"upsert":"people","name":"x"}`), a line of
//! JSON answers (`{"ok":1,…}`). Invariant: what was acknowledged is in the volume, and outlives container and Pod as the
//! volume does; a session that broke never answers again, and never says so.

use super::{Container, Figures, Program, Volume, shell};
use crate::net::Stream;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

/// Where databases listen.
pub(super) const PORT: u16 = 27017;
/// How many sessions there are at once; more wait. Each Pod of the demo system holds one from its start.
const SESSIONS: usize = 8192;
/// The longest line of the protocol, in bytes.
const LINE: u64 = 64 << 10;
/// How long a listener that cannot accept waits before it tries again.
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);
/// Where the people are, within the volume.
const PEOPLE: &str = "people.json";
/// Where images keep their data.
const DATA: [&str; 2] = ["/bitnami/mongodb", "/data/db"];

/// The database.
pub(super) struct Database;

impl Program for Database {
    fn images(&self) -> &'static [&'static str] {
        &["*/mongodb:*", "mongo:*", "*/mongo:*"]
    }

    fn executables(&self) -> &'static [&'static str] {
        &["mongod", "mongo"]
    }

    fn data(&self) -> &'static [&'static str] {
        &DATA
    }

    fn figures(&self) -> Figures {
        Figures {
            idle_millicores: 10,
            millicores_per_request: 5,
            idle_mebibytes: 64,
            mebibytes_per_request: 1,
        }
    }

    fn run(&self, container: Container) -> Pin<Box<dyn Future<Output = i32> + Send>> {
        Box::pin(serve(container))
    }

    fn exec(
        &self,
        container: Container,
        command: Vec<String>,
    ) -> Pin<Box<dyn Future<Output = (i32, String)> + Send>> {
        Box::pin(async move {
            match command.first().map(|name| name.rsplit('/').next().unwrap_or(name)) {
                Some("mongo" | "mongosh") => evaluate(&container).await,
                _ => shell::run(&command).await,
            }
        })
    }
}

/// `mongo --eval …`: whatever is evaluated, it is answered if the server answers.
async fn evaluate(container: &Container) -> (i32, String) {
    let url = format!("mongodb://127.0.0.1:{PORT}");
    let opening = format!("MongoDB shell version v4.0.3\nconnecting to: {url}\n");
    match open(container, "localhost").await {
        Ok(_) => (0, format!("{opening}MongoDB server version: 4.0.3\n{{ \"ok\" : 1 }}\n")),
        Err(error) => {
            let text = format!(
                "Error: couldn't connect to server 127.0.0.1:{PORT}, connection attempt failed: SocketException: {error}"
            );
            (
                1,
                format!(
                    "{opening}{text} :\nconnect@src/mongo/shell/mongo.js:257:13\nexception: connect failed\n"
                ),
            )
        }
    }
}

async fn serve(container: Container) -> i32 {
    let log = &container.log;
    let volume = DATA.iter().find_map(|path| container.volumes.get(*path).cloned()).unwrap_or_default();
    let mut listener = match container.net.listen(SocketAddr::new(container.ip, PORT)).await {
        Ok(listener) => listener,
        Err(error) => {
            log(&format!("Failed to set up listener: SocketException: {error}"));
            return 48;
        }
    };
    log(&format!("[initandlisten] MongoDB starting : pid=1 port={PORT} dbpath={}", DATA[0]));
    log(&format!("[initandlisten] waiting for connections on port {PORT}"));
    let mut sessions = JoinSet::new();
    loop {
        tokio::select! {
            () = container.terminated.cancelled() => {
                log("[signalProcessingThread] got signal 15 (Terminated), will terminate after current cmd ends");
                return 0;
            }
            Some(_) = sessions.join_next() => {}
            arrived = listener.accept(), if sessions.len() < SESSIONS => match arrived {
                Ok((stream, _)) => {
                    sessions.spawn(answer_all(stream, volume.clone()));
                }
                // No file descriptors are left, perhaps.
                Err(_) => tokio::time::sleep(ACCEPT_AGAIN).await,
            },
        }
    }
}

/// Answers a session until it ends.
async fn answer_all(stream: Stream, volume: Arc<Volume>) {
    let (read, mut write) = tokio::io::split(stream);
    let mut read = BufReader::new(read);
    loop {
        let mut line = Vec::new();
        let asked = (&mut read).take(LINE).read_until(b'\n', &mut line).await;
        // Who sends more than a line holds, or leaves in the middle of one, speaks no protocol of ours.
        if asked.is_err() || line.pop() != Some(b'\n') {
            return;
        }
        let answer = serde_json::from_slice(&line).map_or_else(
            |error| json!({"ok": 0, "errmsg": error.to_string()}),
            |asked: Json| answer(&asked, &volume),
        );
        if write.write_all(format!("{answer}\n").as_bytes()).await.is_err() {
            return;
        }
    }
}

fn answer(asked: &Json, volume: &Volume) -> Json {
    let people = |held: Option<Vec<u8>>| -> io::Result<BTreeSet<String>> {
        Ok(held.map_or_else(|| Ok(BTreeSet::new()), |bytes| serde_json::from_slice(&bytes))?)
    };
    let done = if asked["find"] == "people" {
        volume.read(PEOPLE).and_then(people).map(|people| json!({"ok": 1, "people": people}))
    } else if asked["upsert"] == "people" {
        let upsert = |held| {
            let mut people = people(held)?;
            people.insert(asked["name"].as_str().unwrap_or_default().to_owned());
            Ok(json!(people).to_string().into_bytes())
        };
        volume.edit(PEOPLE, upsert).map(|()| json!({"ok": 1}))
    } else {
        Ok(json!({"ok": 1}))
    };
    done.unwrap_or_else(|error| json!({"ok": 0, "errmsg": error.to_string()}))
}

/// One session with a database, opened once.
#[derive(Clone, Debug)]
pub(super) struct Session {
    asks: mpsc::Sender<(Json, oneshot::Sender<Json>)>,
}

/// Opens a session with a database at `host` or `host:port`. What is returned beside it carries the session, and must run as
/// long as it is to answer.
///
/// # Errors
/// Nobody answers there.
pub(super) async fn open(
    container: &Container,
    host: &str,
) -> io::Result<(Session, impl Future<Output = ()> + Send + use<>)> {
    let (host, port) = host.rsplit_once(':').unwrap_or((host, ""));
    let stream = container.dial(host, port.parse().unwrap_or(PORT)).await?;
    let (read, mut write) = tokio::io::split(stream);
    let mut lines = BufReader::new(read).lines();
    write.write_all(b"{\"ping\":1}\n").await?;
    if lines.next_line().await?.is_none() {
        return Err(io::ErrorKind::ConnectionReset.into());
    }
    let (asks, mut asked) = mpsc::channel::<(Json, oneshot::Sender<Json>)>(16);
    let carry = async move {
        while let Some((ask, reply)) = asked.recv().await {
            if write.write_all(format!("{ask}\n").as_bytes()).await.is_err() {
                return;
            }
            let Ok(Some(line)) = lines.next_line().await else { return };
            // Who asked may have given up; the answer was read all the same, so the next one is the next one's.
            let _ = reply.send(serde_json::from_str(&line).unwrap_or_default());
        }
    };
    Ok((Session { asks }, carry))
}

impl Session {
    /// Whether a question is short enough for a line; a longer one would end the session.
    pub(super) fn takes(ask: &Json) -> bool {
        // The line's end counts too.
        (ask.to_string().len() as u64) < LINE
    }

    /// Asks, and waits for an answer: for ever, if the session is broken.
    pub(super) async fn ask(&self, ask: Json) -> Json {
        let (reply, answer) = oneshot::channel();
        if self.asks.send((ask, reply)).await.is_ok()
            && let Ok(answer) = answer.await
        {
            return answer;
        }
        std::future::pending().await
    }
}
