//! Claims and volumes: who is bound to whom, and volumes made on demand.
//!
//! Invariant: a claim gets the smallest volume that satisfies it and that nobody claims, else one is made for it; both point
//! at each other before either says Bound. A claim in use by a Pod, and a volume in use by a claim, are not deleted.

use super::events::Level;
use super::garbage::finalize;
use super::kinds::{CLAIMS, PERSISTENT_VOLUMES, PODS};
use super::object::{amount, ended, list, members, name, namespace, selects, set, terminating, text, uid};
use super::{Context, Controller, Queue};
use crate::api::Status;
use crate::store::{Change, ChangeKind, Key};
use serde_json::{Value as Json, json};
use std::sync::Arc;
use std::time::Duration;

const CLAIM: (&str, &str) = ("v1", "PersistentVolumeClaim");
/// The class of volumes that are made on demand.
const CLASS: &str = "standard";
const PROVISIONER: &str = "playground.local/volumes";
const CLAIM_PROTECTION: &str = "kubernetes.io/pvc-protection";
const VOLUME_PROTECTION: &str = "kubernetes.io/pv-protection";

pub(crate) struct Volumes;

impl Controller for Volumes {
    fn observe(&mut self, change: &Change, queue: &mut Queue) {
        let object = &change.object;
        if change.key.resource == CLAIMS.key {
            queue.add(change.key.clone());
            let volume = text(object, "/spec/volumeName");
            if !volume.is_empty() {
                queue.add_named(PERSISTENT_VOLUMES, "", volume);
            }
        } else if change.key.resource == PERSISTENT_VOLUMES.key {
            queue.add(change.key.clone());
            let claim = text(object, "/spec/claimRef/name");
            if !claim.is_empty() {
                queue.add_named(CLAIMS, text(object, "/spec/claimRef/namespace"), claim);
            } else if change.kind == ChangeKind::Added || change.before.is_some() {
                // Somebody may wait for it: the empty name stands for every claim.
                queue.add_named(CLAIMS, "", "");
            }
        } else if change.key.resource == PODS.key && (change.kind == ChangeKind::Deleted || ended(object)) {
            for claim in claims_of(object) {
                queue.add_named(CLAIMS, namespace(object), claim);
            }
        }
    }

    fn reconcile(&mut self, cx: &mut Context, key: &Key) -> Result<Option<Duration>, Status> {
        if key.resource == PERSISTENT_VOLUMES.key {
            if let Ok(found) = cx.api.get(PERSISTENT_VOLUMES, "", &key.name) {
                volume(cx, &found)?;
            }
        } else if key.name.is_empty() {
            for found in cx.api.list(CLAIMS, None).0 {
                claim(cx, &found)?;
            }
        } else if let Ok(found) = cx.api.get(CLAIMS, &key.namespace, &key.name) {
            claim(cx, &found)?;
        }
        Ok(None)
    }
}

fn claims_of(pod: &Json) -> impl Iterator<Item = &str> {
    let names =
        list(pod, "/spec/volumes").iter().map(|volume| text(volume, "/persistentVolumeClaim/claimName"));
    names.filter(|name| !name.is_empty())
}

fn claim(cx: &Context, claim: &Arc<Json>) -> Result<(), Status> {
    if terminating(claim) {
        let pods = cx.api.list(PODS, Some(namespace(claim))).0;
        let used = pods.iter().any(|pod| !ended(pod) && claims_of(pod).any(|used| used == name(claim)));
        return if used { Ok(()) } else { finalize(cx, CLAIMS, claim, CLAIM_PROTECTION) };
    }
    let claim = &protect(cx, CLAIMS, claim, CLAIM_PROTECTION)?;
    let chosen = text(claim, "/spec/volumeName");
    if !chosen.is_empty() {
        return match cx.api.get(PERSISTENT_VOLUMES, "", chosen) {
            Ok(volume) if claimed_by(&volume, claim) || volume["spec"]["claimRef"].is_null() => {
                bind(cx, claim, &volume)
            }
            // It is another's, or not there yet.
            _ if text(claim, "/status/phase") == "Bound" => {
                cx.edit(CLAIMS, claim, Some("status"), |claim| set(claim, &["status", "phase"], "Lost"))?;
                let message = "Bound claim has lost its PersistentVolume. Data on the volume is lost!";
                let events = cx.events.of("persistentvolume-controller");
                events.event(CLAIM, claim, Level::Warning, "ClaimLost", message);
                Ok(())
            }
            _ => Ok(()),
        };
    }
    let volumes = cx.api.list(PERSISTENT_VOLUMES, None).0;
    let mut fitting: Vec<&Arc<Json>> = volumes.iter().filter(|volume| fits(volume, claim)).collect();
    fitting
        .sort_by_key(|volume| (!claimed_by(volume, claim), storage(&volume["spec"]["capacity"]["storage"])));
    if let Some(volume) = fitting.first() {
        return bind(cx, claim, volume);
    }
    match claim["spec"]["storageClassName"].as_str() {
        None | Some(CLASS) => provision(cx, claim),
        Some(class) => {
            let events = cx.events.of("persistentvolume-controller");
            if class.is_empty() {
                let message = "no persistent volumes available for this claim and no storage class is set";
                events.event(CLAIM, claim, Level::Normal, "FailedBinding", message);
            } else {
                let message = format!("storageclass.storage.k8s.io \"{class}\" not found");
                events.event(CLAIM, claim, Level::Warning, "ProvisioningFailed", &message);
            }
            Ok(())
        }
    }
}

fn storage(quantity: &Json) -> i64 {
    amount(quantity, "storage")
}

fn claimed_by(volume: &Json, claim: &Json) -> bool {
    let reference = &volume["spec"]["claimRef"];
    let for_it = reference["name"] == name(claim) && reference["namespace"] == namespace(claim);
    // A volume that was made ready for a claim by its name takes whoever has it.
    for_it && (reference["uid"].is_null() || reference["uid"] == "" || reference["uid"] == uid(claim))
}

fn fits(volume: &Json, claim: &Json) -> bool {
    let reserved = claimed_by(volume, claim);
    let free = volume["spec"]["claimRef"].is_null()
        && !matches!(text(volume, "/status/phase"), "Released" | "Failed");
    let modes = list(volume, "/spec/accessModes");
    let selector = &claim["spec"]["selector"];
    let mode = |object: &Json| object["spec"]["volumeMode"].as_str().unwrap_or("Filesystem").to_owned();
    (reserved || free)
        && !terminating(volume)
        && text(volume, "/spec/storageClassName") == text(claim, "/spec/storageClassName")
        && storage(&volume["spec"]["capacity"]["storage"])
            >= storage(&claim["spec"]["resources"]["requests"]["storage"])
        && list(claim, "/spec/accessModes").iter().all(|wanted| modes.contains(wanted))
        && (selector.is_null() || selects(selector, &volume["metadata"]["labels"]))
        && mode(volume) == mode(claim)
}

fn bind(cx: &Context, claim: &Json, volume: &Json) -> Result<(), Status> {
    const BOUND_BY: &str = "pv.kubernetes.io/bound-by-controller";
    let reference = json!({
        "kind": "PersistentVolumeClaim", "namespace": namespace(claim), "name": name(claim), "uid": uid(claim),
        "apiVersion": "v1", "resourceVersion": text(claim, "/metadata/resourceVersion"),
    });
    let volume = cx.edit(PERSISTENT_VOLUMES, volume, None, |volume| {
        if text(volume, "/spec/claimRef/uid") != uid(claim) {
            if volume["spec"]["claimRef"].is_null() {
                set(volume, &["metadata", "annotations", BOUND_BY], "yes");
            }
            set(volume, &["spec", "claimRef"], reference.clone());
        }
    })?;
    let volume = cx.edit(PERSISTENT_VOLUMES, &volume, Some("status"), |volume| {
        set(volume, &["status", "phase"], "Bound");
    })?;
    let claim = cx.edit(CLAIMS, claim, None, |claim| {
        if text(claim, "/spec/volumeName") != name(&volume) {
            set(claim, &["spec", "volumeName"], name(&volume));
            set(claim, &["metadata", "annotations", BOUND_BY], "yes");
            let class = text(&volume, "/spec/storageClassName");
            if claim["spec"]["storageClassName"].is_null() && !class.is_empty() {
                set(claim, &["spec", "storageClassName"], class);
            }
        }
        set(claim, &["metadata", "annotations", "pv.kubernetes.io/bind-completed"], "yes");
    })?;
    cx.edit(CLAIMS, &claim, Some("status"), |claim| {
        let status = members(claim, &["status"]);
        status.insert("phase".to_owned(), "Bound".into());
        status.insert("accessModes".to_owned(), volume["spec"]["accessModes"].clone());
        status.insert("capacity".to_owned(), volume["spec"]["capacity"].clone());
    })?;
    Ok(())
}

/// Makes a volume for a claim.
fn provision(cx: &Context, claim: &Json) -> Result<(), Status> {
    let made = format!("pvc-{}", uid(claim));
    let volume = json!({
        "apiVersion": "v1", "kind": "PersistentVolume",
        "metadata": {
            "name": made, "annotations": {"pv.kubernetes.io/provisioned-by": PROVISIONER},
            "finalizers": [VOLUME_PROTECTION],
        },
        "spec": {
            "capacity": {"storage": claim["spec"]["resources"]["requests"]["storage"].clone()},
            "accessModes": claim["spec"]["accessModes"].clone(),
            "claimRef": {
                "kind": "PersistentVolumeClaim", "namespace": namespace(claim), "name": name(claim), "uid": uid(claim),
                "apiVersion": "v1", "resourceVersion": text(claim, "/metadata/resourceVersion"),
            },
            "persistentVolumeReclaimPolicy": "Delete", "storageClassName": CLASS,
            "volumeMode": claim["spec"]["volumeMode"].as_str().unwrap_or("Filesystem"),
            "hostPath": {"path": format!("/var/lib/playground/{made}")},
        },
    });
    let volume = match cx.create(PERSISTENT_VOLUMES, "", volume) {
        Err(status) if status.reason == "AlreadyExists" => cx.api.get(PERSISTENT_VOLUMES, "", &made)?,
        volume => volume?,
    };
    bind(cx, claim, &volume)?;
    let message = format!("Successfully provisioned volume {made}");
    let events = cx.events.of(PROVISIONER);
    events.event(CLAIM, claim, Level::Normal, "ProvisioningSucceeded", &message);
    Ok(())
}

fn volume(cx: &Context, volume: &Arc<Json>) -> Result<(), Status> {
    let reference = &volume["spec"]["claimRef"];
    let claim = cx.api.get(CLAIMS, text(reference, "/namespace"), text(reference, "/name")).ok();
    let claim = claim.filter(|claim| claimed_by(volume, claim));
    let phase = match (reference.is_null(), &claim, text(reference, "/uid")) {
        (true, ..) => "Available",
        (false, Some(_), uid) if !uid.is_empty() => "Bound",
        // Kept for a claim that is still to come.
        (false, _, "") => "Available",
        (false, ..) => "Released",
    };
    if terminating(volume) {
        return if phase == "Bound" {
            Ok(())
        } else {
            finalize(cx, PERSISTENT_VOLUMES, volume, VOLUME_PROTECTION)
        };
    }
    let volume = protect(cx, PERSISTENT_VOLUMES, volume, VOLUME_PROTECTION)?;
    let volume = cx.edit(PERSISTENT_VOLUMES, &volume, Some("status"), |volume| {
        set(volume, &["status", "phase"], phase);
    })?;
    if phase == "Released" && text(&volume, "/spec/persistentVolumeReclaimPolicy") == "Delete" {
        cx.delete(PERSISTENT_VOLUMES, &volume)?;
    }
    Ok(())
}

fn protect(
    cx: &Context,
    resource: &'static crate::resource::Resource,
    object: &Json,
    finalizer: &str,
) -> Result<Arc<Json>, Status> {
    cx.edit(resource, object, None, |object| {
        let finalizers = members(object, &["metadata"]).entry("finalizers").or_insert(json!([]));
        if let Some(finalizers) = finalizers.as_array_mut()
            && !finalizers.iter().any(|known| known == finalizer)
        {
            finalizers.push(finalizer.into());
        }
    })
}

#[cfg(test)]
mod tests;
