//! The store on disk: a file of JSON lines, one for each change, written before the change is acknowledged.
//!
//! Invariant: a process that is killed at any moment leaves a file from which every acknowledged object comes back; a line
//! that was cut off was never acknowledged, and is dropped. A whole line that is damaged may have been acknowledged, so such
//! a file is refused by the number of the line. Lines go to the system at once, not to the platter: this survives a kill,
//! not a power cut. One process at a time holds a directory. Objects are Secrets too: the files are their owner's alone.

use super::Key;
use crate::resource::RESOURCES;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// After how many bytes of changes the file is written anew, with what there is.
const REWRITE: u64 = 64 << 20;
/// What the first line says that this version reads. Of one that says nothing the lines have no sums.
const FORMAT: u64 = 1;
/// How a line begins: with the sum of what follows it.
const SUM: &str = "{\"sum\":\"";

/// The file of a store that is open.
#[derive(Debug)]
pub(super) struct Journal {
    directory: PathBuf,
    file: File,
    /// How long the file is: whole lines only.
    length: u64,
    /// How long it may grow before it is written anew.
    rewrite_at: u64,
    /// Half a line stands at the end of the file and could not be taken back: what is appended would be lost.
    spoilt: bool,
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
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        let lock = directory.join("lock");
        let held = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(lock)?;
        match held.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let text = format!("{} is used by another playground", directory.display());
                return Err(io::Error::new(io::ErrorKind::WouldBlock, text));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let path = directory.join("objects.jsonl");
        let kept = match File::open(&path) {
            Ok(file) => read(file).map_err(|error| within(&path, &error))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Kept::default(),
            Err(error) => return Err(within(&path, &error)),
        };
        let (file, length) = rewrite(directory, &kept.objects, kept.revision)?;
        let rewrite_at = length + REWRITE;
        let directory = directory.to_owned();
        Ok((Journal { directory, file, length, rewrite_at, spoilt: false, _held: held }, kept))
    }

    /// Writes a change; the object that is there now, or `None`.
    pub(super) fn append(&mut self, revision: u64, key: &Key, object: Option<&Json>) -> io::Result<()> {
        if self.spoilt {
            self.take_back()?;
        }
        let line = line(revision, key, object);
        if let Err(error) = self.file.write_all(&line) {
            // Half a line would spoil the next one.
            self.spoilt = true;
            let _ = self.take_back();
            return Err(error);
        }
        self.length += line.len() as u64;
        Ok(())
    }

    /// Cuts the file to its whole lines.
    fn take_back(&mut self) -> io::Result<()> {
        self.file.set_len(self.length)?;
        self.spoilt = false;
        Ok(())
    }

    /// Writes the file anew when the changes have become many.
    pub(super) fn tidy(&mut self, objects: &BTreeMap<Key, Arc<Json>>, revision: u64) {
        if self.length < self.rewrite_at {
            return;
        }
        // If it fails the old file goes on, and as much again is written before the next try.
        if let Ok((file, length)) = rewrite(&self.directory, objects, revision) {
            (self.file, self.length, self.spoilt) = (file, length, false);
        }
        self.rewrite_at = self.length + REWRITE;
    }
}

/// An error that says which file it is about.
fn within(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// Fowler, Noll and Vo's sum (FNV-1a, 64 bits): it is chance that it guards against, not malice.
fn sum(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// A line with its sum, of one that is an object and has no line break.
fn summed(line: &[u8]) -> Vec<u8> {
    let rest = line.strip_prefix(b"{").unwrap_or(line);
    let mut whole = format!("{SUM}{:016x}\",", sum(rest)).into_bytes();
    whole.extend_from_slice(rest);
    whole.push(b'\n');
    whole
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
    line.push(b'}');
    summed(&line)
}

/// Writes a whole file beside the old one and puts it in its place: the file, open at its end, and its length.
fn rewrite(directory: &Path, objects: &BTreeMap<Key, Arc<Json>>, revision: u64) -> io::Result<(File, u64)> {
    let (new, place) = (directory.join("objects.jsonl.new"), directory.join("objects.jsonl"));
    let written = written(&new, objects, revision).and_then(|written| {
        std::fs::rename(&new, &place)?;
        Ok(written)
    });
    written.map_err(|error| {
        // On a full disk half a file is in everybody's way.
        let _ = std::fs::remove_file(&new);
        within(&new, &error)
    })
}

/// Writes a new file. What is returned is open for more: nothing can fail once it is in its place.
fn written(new: &Path, objects: &BTreeMap<Key, Arc<Json>>, revision: u64) -> io::Result<(File, u64)> {
    match std::fs::remove_file(new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = BufWriter::new(OpenOptions::new().create_new(true).append(true).mode(0o600).open(new)?);
    file.write_all(&summed(json!({"format": FORMAT, "revision": revision}).to_string().as_bytes()))?;
    for (key, object) in objects {
        file.write_all(&line(super::revision_of(object).unwrap_or(revision), key, Some(object)))?;
    }
    let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()?;
    let length = file.metadata()?.len();
    Ok((file, length))
}

fn read(file: File) -> io::Result<Kept> {
    let mut kept = Kept::default();
    let mut reader = BufReader::new(file);
    let mut bytes = Vec::new();
    let mut summed = false;
    for number in 1_u64.. {
        bytes.clear();
        reader.read_until(b'\n', &mut bytes)?;
        // What has no end was cut off, and never acknowledged.
        let Some(line) = bytes.strip_suffix(b"\n") else { break };
        let change = parsed(line, summed).ok_or_else(|| damaged(number))?;
        if number == 1 {
            let format = change["format"].as_u64().unwrap_or(0);
            if format > FORMAT {
                let text = format!(
                    "it is of format {format}, this version reads formats up to {FORMAT}: a newer chaos wrote it; use that one, or another directory"
                );
                return Err(io::Error::new(io::ErrorKind::InvalidData, text));
            }
            summed = format > 0;
        }
        apply(&mut kept, change).map_err(|resource| {
            let text = format!("line {number} is about {resource}, which this version does not serve: a newer chaos wrote it; use that one, or another directory");
            io::Error::new(io::ErrorKind::InvalidData, text)
        })?;
    }
    Ok(kept)
}

fn damaged(number: u64) -> io::Error {
    let text =
        format!("line {number} is damaged; `head -n {}` of the file is what is good before it", number - 1);
    io::Error::new(io::ErrorKind::InvalidData, text)
}

/// What a line says, if it is whole; with `summed` it must have its sum.
fn parsed(line: &[u8], must: bool) -> Option<Json> {
    if let Some(rest) = line.strip_prefix(SUM.as_bytes()) {
        let (given, rest) = (rest.get(..16)?, rest.get(18..)?);
        if u64::from_str_radix(std::str::from_utf8(given).ok()?, 16).ok()? != sum(rest) {
            return None;
        }
    } else if must {
        return None;
    }
    serde_json::from_slice(line).ok()
}

/// Takes a change in; the resource that it is about, if there is none of its name.
fn apply(kept: &mut Kept, mut change: Json) -> Result<(), String> {
    kept.revision = kept.revision.max(change["revision"].as_u64().unwrap_or(0));
    let text = |field: &str| change[field].as_str().unwrap_or_default().to_owned();
    let resource = text("resource");
    if resource.is_empty() {
        return Ok(());
    }
    let Some(resource) = RESOURCES.iter().find(|served| served.key == resource) else { return Err(resource) };
    let key = Key { resource: resource.key, namespace: text("namespace"), name: text("name") };
    match change["object"].take() {
        Json::Null => drop(kept.objects.remove(&key)),
        object => drop(kept.objects.insert(key, Arc::new(object))),
    }
    Ok(())
}
