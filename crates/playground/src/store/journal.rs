//! The store on disk: a file of JSON lines, one for each change, written before the change is acknowledged.
//!
//! Invariant: a process that is killed at any moment leaves a file from which every acknowledged object comes back; a line
//! that was cut off was never acknowledged, and is dropped. Lines go to the system at once, not to the platter: this
//! survives a kill, not a power cut. One process at a time holds a directory.

use super::Key;
use crate::resource::RESOURCES;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// After how many bytes of changes the file is written anew, with what there is.
const REWRITE: u64 = 64 << 20;

/// The file of a store that is open.
#[derive(Debug)]
pub(super) struct Journal {
    directory: PathBuf,
    file: File,
    appended: u64,
    _held: File,
}

/// What a file held.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) objects: BTreeMap<Key, Arc<Json>>,
    pub(super) revision: u64,
}

impl Journal {
    /// Opens the store in a directory, which is made if it is not there.
    pub(super) fn open(directory: &Path) -> io::Result<(Journal, Kept)> {
        std::fs::create_dir_all(directory)?;
        let held =
            OpenOptions::new().create(true).truncate(false).write(true).open(directory.join("lock"))?;
        match held.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let text = format!("{} is used by another playground", directory.display());
                return Err(io::Error::new(io::ErrorKind::WouldBlock, text));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let kept = match File::open(directory.join("objects.jsonl")) {
            Ok(file) => read(file)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Kept::default(),
            Err(error) => return Err(error),
        };
        let file = rewrite(directory, &kept.objects, kept.revision)?;
        Ok((Journal { directory: directory.to_owned(), file, appended: 0, _held: held }, kept))
    }

    /// Writes a change; the object that is there now, or `None`.
    pub(super) fn append(&mut self, revision: u64, key: &Key, object: Option<&Json>) -> io::Result<()> {
        let line = line(revision, key, object);
        if let Err(error) = self.file.write_all(&line) {
            // Half a line would spoil the next one.
            let _ = self.file.write_all(b"\n");
            return Err(error);
        }
        self.appended += line.len() as u64;
        Ok(())
    }

    /// Writes the file anew when the changes have become many.
    pub(super) fn tidy(&mut self, objects: &BTreeMap<Key, Arc<Json>>, revision: u64) {
        if self.appended < REWRITE {
            return;
        }
        // If it fails the old file goes on; the next change tries again.
        if let Ok(file) = rewrite(&self.directory, objects, revision) {
            self.file = file;
            self.appended = 0;
        }
    }
}

fn line(revision: u64, key: &Key, object: Option<&Json>) -> Vec<u8> {
    let Key { resource, namespace, name } = key;
    let head = json!({"revision": revision, "resource": resource, "namespace": namespace, "name": name});
    let mut line = head.to_string().into_bytes();
    line.pop();
    if let Some(object) = object {
        line.extend_from_slice(b",\"object\":");
        serde_json::to_writer(&mut line, object).expect("a buffer takes any JSON value");
    }
    line.extend_from_slice(b"}\n");
    line
}

/// Writes a whole file beside the old one and puts it in its place.
fn rewrite(directory: &Path, objects: &BTreeMap<Key, Arc<Json>>, revision: u64) -> io::Result<File> {
    let (new, place) = (directory.join("objects.jsonl.new"), directory.join("objects.jsonl"));
    let mut file = BufWriter::new(File::create(&new)?);
    writeln!(file, "{}", json!({"revision": revision}))?;
    for (key, object) in objects {
        file.write_all(&line(super::revision_of(object).unwrap_or(revision), key, Some(object)))?;
    }
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    std::fs::rename(&new, &place)?;
    OpenOptions::new().append(true).open(&place)
}

fn read(file: File) -> io::Result<Kept> {
    let mut kept = Kept::default();
    let mut reader = BufReader::new(file);
    let mut bytes = Vec::new();
    while reader.read_until(b'\n', &mut bytes)? > 0 {
        // What cannot be read was cut off, and never acknowledged.
        if let Ok(change) = serde_json::from_slice::<Json>(&bytes) {
            apply(&mut kept, change);
        }
        bytes.clear();
    }
    Ok(kept)
}

fn apply(kept: &mut Kept, mut change: Json) {
    kept.revision = kept.revision.max(change["revision"].as_u64().unwrap_or(0));
    let text = |field: &str| change[field].as_str().unwrap_or_default().to_owned();
    let resource = text("resource");
    // A kind that this version does not serve stays out.
    let Some(resource) = RESOURCES.iter().find(|served| served.key == resource) else { return };
    let key = Key { resource: resource.key, namespace: text("namespace"), name: text("name") };
    match change["object"].take() {
        Json::Null => drop(kept.objects.remove(&key)),
        object => drop(kept.objects.insert(key, Arc::new(object))),
    }
}
