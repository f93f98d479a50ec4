//! The volumes of Pods.
//!
//! Invariant: what a claim or a host's path holds outlives every Pod; what `emptyDir` holds lives as long as its Pod, through
//! its restarts.

use super::environment::{Place, data};
use crate::controllers::kinds::CLAIMS;
use crate::controllers::object::{list, namespace, text, uid};
use crate::program::Volume;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What outlives Pods.
#[derive(Debug, Default)]
pub(crate) struct Volumes(Mutex<BTreeMap<String, Arc<Volume>>>);

impl Volumes {
    fn kept(&self, key: String) -> Arc<Volume> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default().clone()
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
        if volume["persistentVolumeClaim"].is_object() {
            let claim = text(volume, "/persistentVolumeClaim/claimName");
            let absent = |_| format!("persistentvolumeclaim \"{claim}\" not found");
            let object = place.api.get(CLAIMS, namespace(place.pod), claim).map_err(absent)?;
            return Ok(self.kept(format!("claim {}", uid(&object))));
        }
        if volume["hostPath"].is_object() {
            return Ok(self.kept(format!("host {node} {}", text(volume, "/hostPath/path"))));
        }
        for (kind, config_map, named) in [("configMap", true, "/name"), ("secret", false, "/secretName")] {
            let source = &volume[kind];
            if source.is_object() {
                return match data(place, config_map, text(source, named)) {
                    Ok(data) => Ok(files(source, data)),
                    Err(_) if source["optional"] == true => Ok(Arc::default()),
                    Err(error) => Err(error),
                };
            }
        }
        Ok(Arc::default())
    }
}

/// A volume of the files that a source names, or of all.
fn files(source: &Json, mut data: BTreeMap<String, Vec<u8>>) -> Arc<Volume> {
    let items = list(source, "/items");
    if !items.is_empty() {
        let named = |item: &Json| Some((text(item, "/path").to_owned(), data.remove(text(item, "/key"))?));
        data = items.iter().filter_map(named).collect();
    }
    Arc::new(Volume::of(data))
}

/// What a container sees, by mount path.
pub(super) fn mounts(
    container: &Json,
    volumes: &BTreeMap<String, Arc<Volume>>,
) -> BTreeMap<String, Arc<Volume>> {
    let mount = |mount: &Json| {
        Some((text(mount, "/mountPath").to_owned(), volumes.get(text(mount, "/name"))?.clone()))
    };
    list(container, "/volumeMounts").iter().filter_map(mount).collect()
}
