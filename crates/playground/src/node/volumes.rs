//! The volumes of Pods.
//!
//! Invariant: what a claim or a host's path holds outlives every Pod, and the playground too if its state is kept; what
//! `emptyDir` holds lives as long as its Pod, through its restarts.
//!
//! Not here: tokens that the API server accepts; it knows the administrator's only, and so no Pod gets one.

use super::environment::{Place, data, from};
use crate::controllers::kinds::CLAIMS;
use crate::controllers::object::{list, namespace, text, uid};
use crate::program::Volume;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Names of files are no longer than this.
const NAME: usize = 255;

/// What outlives Pods.
#[derive(Debug, Default)]
pub(crate) struct Volumes {
    known: Mutex<BTreeMap<String, Arc<Volume>>>,
    /// Where they are kept; in memory only, if `None`.
    folder: Option<PathBuf>,
}

impl Volumes {
    /// Volumes in a folder, without those of claims that are gone.
    pub(crate) fn new(folder: Option<PathBuf>, claims: &[Arc<Json>]) -> Volumes {
        let kept = folder.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
        for entry in kept {
            let name = entry.file_name();
            let of = name.to_str().and_then(|name| name.strip_prefix("claim-"));
            if of.is_some_and(|of| claims.iter().all(|claim| uid(claim) != of)) {
                // What cannot be removed now is tried again at the next start.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        Volumes { known: Mutex::default(), folder }
    }

    fn kept(&self, name: String) -> io::Result<Arc<Volume>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(volume) = known.get(&name) {
            return Ok(volume.clone());
        }
        let volume = match &self.folder {
            None => Volume::default(),
            Some(folder) => {
                let folder = folder.join(&name);
                // The folder of all volumes is made so too, and nobody else reaches what is below.
                fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
                Volume::at(&folder)?
            }
        };
        Ok(known.entry(name).or_insert(Arc::new(volume)).clone())
    }

    /// The volumes of a Pod by name.
    ///
    /// # Errors
    /// What a volume is made from is not there: the kubelet's message.
    pub(super) fn of_pod(
        &self,
        place: &Place<'_>,
        node: &str,
    ) -> Result<BTreeMap<String, Arc<Volume>>, String> {
        let mut volumes = BTreeMap::new();
        for volume in list(place.pod, "/spec/volumes") {
            let name = text(volume, "/name");
            let made = self
                .make(place, node, volume)
                .map_err(|error| format!("MountVolume.SetUp failed for volume \"{name}\" : {error}"))?;
            volumes.insert(name.to_owned(), made);
        }
        Ok(volumes)
    }

    fn make(&self, place: &Place<'_>, node: &str, volume: &Json) -> Result<Arc<Volume>, String> {
        let unusable = |error: io::Error| error.to_string();
        if volume["persistentVolumeClaim"].is_object() {
            let claim = text(volume, "/persistentVolumeClaim/claimName");
            let absent = |_| format!("persistentvolumeclaim \"{claim}\" not found");
            let object = place.api.get(CLAIMS, namespace(place.pod), claim).map_err(absent)?;
            return self.kept(format!("claim-{}", uid(&object))).map_err(unusable);
        }
        if volume["hostPath"].is_object() {
            return self.kept(host_path(node, text(volume, "/hostPath/path"))).map_err(unusable);
        }
        let mut files = BTreeMap::new();
        if volume["projected"].is_object() {
            for source in list(volume, "/projected/sources") {
                files.extend(projected(place, source, "/name")?);
            }
        } else {
            files = projected(place, volume, "/secretName")?;
        }
        Ok(Arc::new(Volume::of(files)))
    }
}

/// The name of what a node has at a path, as the name of a file.
fn host_path(node: &str, path: &str) -> String {
    let mut name = format!("host-{node}-");
    for byte in path.bytes() {
        // Writing to a string cannot fail.
        let _ = match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => write!(name, "{}", char::from(byte)),
            other => write!(name, "%{other:02X}"),
        };
    }
    // Longer ones are refused by the file system, by name.
    name.truncate(NAME + 1);
    name
}

/// The files of a source; none, if it is another kind of volume.
///
/// # Errors
/// What it names is not there: the kubelet's message.
fn projected(place: &Place<'_>, source: &Json, secret: &str) -> Result<BTreeMap<String, Vec<u8>>, String> {
    for (kind, config_map, named) in [("configMap", true, "/name"), ("secret", false, secret)] {
        let source = &source[kind];
        if !source.is_object() {
            continue;
        }
        let data = match data(place, config_map, text(source, named)) {
            Err(_) if source["optional"] == true => return Ok(BTreeMap::new()),
            data => data?,
        };
        return chosen(source, data, if config_map { "config" } else { "secret" });
    }
    let mut files = BTreeMap::new();
    for item in list(source, "/downwardAPI/items") {
        let called = text(&item["resourceFieldRef"], "/containerName");
        let mut containers =
            list(place.pod, "/spec/containers").iter().chain(list(place.pod, "/spec/initContainers"));
        let container = containers.find(|container| container["name"] == called).unwrap_or(&Json::Null);
        let value = from(place, container, item)?.unwrap_or_default();
        files.insert(text(item, "/path").to_owned(), value.into_bytes());
    }
    Ok(files)
}

/// The files that a source names, or all.
fn chosen(
    source: &Json,
    mut data: BTreeMap<String, Vec<u8>>,
    what: &str,
) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let items = list(source, "/items");
    if items.is_empty() {
        return Ok(data);
    }
    let mut files = BTreeMap::new();
    for item in items {
        let key = text(item, "/key");
        match data.remove(key) {
            Some(bytes) => drop(files.insert(text(item, "/path").to_owned(), bytes)),
            None if source["optional"] == true => {}
            None => return Err(format!("references non-existent {what} key: {key}")),
        }
    }
    Ok(files)
}

/// What a container sees, by mount path.
///
/// # Errors
/// A part of a volume cannot be had: the kubelet's message.
pub(super) fn mounts(
    container: &Json,
    volumes: &BTreeMap<String, Arc<Volume>>,
    environment: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, Arc<Volume>>, String> {
    let mut mounts = BTreeMap::new();
    for mount in list(container, "/volumeMounts") {
        let name = text(mount, "/name");
        let Some(volume) = volumes.get(name) else { continue };
        let part = match text(mount, "/subPathExpr") {
            "" => text(mount, "/subPath").to_owned(),
            part => super::environment::expand(part, environment),
        };
        let failed = |error| format!("failed to prepare subPath for volumeMount \"{name}\": {error}");
        let seen =
            if part.is_empty() { volume.clone() } else { Arc::new(volume.below(&part).map_err(failed)?) };
        mounts.insert(text(mount, "/mountPath").to_owned(), seen);
    }
    Ok(mounts)
}

#[cfg(test)]
mod tests;
