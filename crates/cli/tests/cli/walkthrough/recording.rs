//! What kubectl was recorded to send for a command, from `tests/kubectl/recorded`.

use std::fs;
use std::path::PathBuf;

/// A command, and the requests that it makes.
pub(super) struct Recording {
    /// As it was typed.
    pub(super) command: String,
    pub(super) agent: String,
    pub(super) exchanges: Vec<Exchange>,
}

/// A request, and what its answer must be.
pub(super) struct Exchange {
    pub(super) method: String,
    /// With its query, in which `{revision}` is what the last answer gave.
    pub(super) path: String,
    /// Accept and Content-Type.
    pub(super) headers: Vec<(String, String)>,
    /// JSON as it was sent, or what follows `base64:`.
    pub(super) body: String,
    pub(super) status: u16,
    /// `watch`, the kind of the object, or the type of what is none.
    pub(super) what: String,
}

/// The folder of manifests, experiments and recordings.
pub(super) fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "kubectl"].iter().collect()
}

/// The versions of kubectl that were recorded.
pub(super) fn versions() -> Vec<String> {
    let entries = fs::read_dir(folder().join("recorded")).unwrap();
    let versions: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(versions.len() >= 2, "the oldest and the newest kubectl are recorded: {versions:?}");
    versions
}

/// Reads the recording of a command.
pub(super) fn read(version: &str, name: &str) -> Recording {
    let path = folder().join("recorded").join(version).join(format!("{name}.http"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut parts = text.trim_end().split("\n\n");
    let (command, agent) = parts.next().and_then(|head| head.split_once("\nUser-Agent: ")).unwrap();
    let exchanges: Vec<Exchange> = parts.map(exchange).collect();
    assert!(!exchanges.is_empty(), "{}: no requests", path.display());
    Recording { command: command.to_owned(), agent: agent.to_owned(), exchanges }
}

fn exchange(text: &str) -> Exchange {
    let mut lines = text.lines();
    let (method, path) = lines.next().and_then(|line| line.split_once(' ')).unwrap();
    let (mut headers, mut body) = (Vec::new(), "");
    for line in lines {
        if let Some(answer) = line.strip_prefix("-> ") {
            let (status, what) = answer.split_once(' ').unwrap();
            return Exchange {
                method: method.to_owned(),
                path: path.to_owned(),
                headers,
                body: body.to_owned(),
                status: status.parse().unwrap(),
                what: what.to_owned(),
            };
        }
        match line.split_once(": ").filter(|(name, _)| matches!(*name, "Accept" | "Content-Type")) {
            Some((name, value)) => headers.push((name.to_owned(), value.to_owned())),
            None => body = line,
        }
    }
    panic!("no answer was recorded: {text}")
}
