//! Garbage: what is owned goes with its owners, before or after them, or is left behind, as the deletion asked.
//!
//! Invariant: an object that names owners goes once none of them is there, and not before; an owner that is deleted in the
//! foreground waits for those dependents that block it; one that orphans them is gone only when nobody names it any more.

use super::kinds::{EVENTS, by_key};
use super::object::{list, members, name, namespace, terminating, text, uid};
use super::replicaset::release;
use super::{Context, Controller, Queue};
use crate::api::{Delete, Status};
use crate::resource::{Resource, of_kind};
use crate::store::{Change, ChangeKind, Key};
use crate::times::EVENT_TTL;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";

#[derive(Default)]
pub(crate) struct Garbage {
    /// Who names an owner, by the owner's UID.
    dependents: BTreeMap<String, BTreeSet<Key>>,
}

impl Controller for Garbage {
    fn observe(&mut self, change: &Change, queue: &mut Queue) {
        let gone = change.kind == ChangeKind::Deleted;
        if change.key.resource == EVENTS.key {
            // Events own nothing and belong to nobody, but grow old; each count makes them young again.
            if change.kind == ChangeKind::Added {
                queue.add_after(change.key.clone(), EVENT_TTL);
            }
            return;
        }
        let owners_before: &[Json] =
            change.before.as_deref().map_or(&[], |before| list(before, "/metadata/ownerReferences"));
        let owners = list(&change.object, "/metadata/ownerReferences");
        if gone || owners != owners_before {
            for owner in owners_before {
                if let Some(known) = self.dependents.get_mut(text(owner, "/uid")) {
                    known.remove(&change.key);
                }
            }
        }
        if gone {
            for owner in owners {
                let uid = text(owner, "/uid");
                if let Some(known) = self.dependents.get_mut(uid) {
                    known.remove(&change.key);
                    if known.is_empty() {
                        self.dependents.remove(uid);
                    }
                }
                // An owner may wait for this one to go.
                if let Some(resource) = kind_of(owner) {
                    queue.add_named(resource, &change.key.namespace, text(owner, "/name"));
                }
            }
            // At once: whoever is left may still make more, faster than its like are looked at.
            for dependent in self.dependents.get(uid(&change.object)).into_iter().flatten() {
                queue.add_first(dependent.clone());
            }
            return;
        }
        for owner in owners {
            self.dependents.entry(text(owner, "/uid").to_owned()).or_default().insert(change.key.clone());
        }
        let going = terminating(&change.object);
        if (!owners.is_empty() && owners != owners_before) || (going && marked(&change.object)) {
            queue.add(change.key.clone());
        }
    }

    fn reconcile(&mut self, cx: &mut Context, key: &Key) -> Result<Option<Duration>, Status> {
        let Some(resource) = by_key(key.resource) else { return Ok(None) };
        let Ok(object) = cx.api.get(resource, &key.namespace, &key.name) else { return Ok(None) };
        if resource.key == EVENTS.key {
            return expire(cx, &object);
        }
        if terminating(&object) {
            if has_finalizer(&object, ORPHAN) {
                for (resource, dependent) in self.dependents_of(cx, &object) {
                    cx.edit(resource, &dependent, None, |dependent| release(dependent, uid(&object)))?;
                }
                finalize(cx, resource, &object, ORPHAN)?;
            } else if has_finalizer(&object, FOREGROUND) {
                for (resource, dependent) in &self.dependents_of(cx, &object) {
                    if !terminating(dependent) {
                        self.collect(cx, resource, dependent)?;
                    }
                }
                // As they are now: some are gone, some wait themselves.
                let blocked = self.dependents_of(cx, &object).iter().any(|(_, dependent)| {
                    blocks(dependent, uid(&object)) && !self.waits_for(cx, dependent, uid(&object))
                });
                if !blocked {
                    finalize(cx, resource, &object, FOREGROUND)?;
                }
            }
            return Ok(None);
        }
        self.collect(cx, resource, &object)?;
        Ok(None)
    }

    fn forget(&mut self) {
        self.dependents.clear();
    }
}

impl Garbage {
    fn dependents_of(&self, cx: &Context, owner: &Json) -> Vec<(&'static Resource, Arc<Json>)> {
        let keys = self.dependents.get(uid(owner)).into_iter().flatten();
        keys.filter_map(|key| {
            let resource = by_key(key.resource)?;
            let object = cx.api.get(resource, &key.namespace, &key.name).ok()?;
            let owned = list(&object, "/metadata/ownerReferences")
                .iter()
                .any(|reference| reference["uid"] == uid(owner));
            owned.then_some((resource, object))
        })
        .collect()
    }

    /// Whether an object that is deleted in the foreground waits for an owner of its own, perhaps through others that wait as
    /// it does: such a ring would wait for itself for ever.
    fn waits_for(&self, cx: &Context, object: &Arc<Json>, owner: &str) -> bool {
        let (mut seen, mut next) = (BTreeSet::new(), vec![object.clone()]);
        while let Some(object) = next.pop() {
            if !terminating(&object) || !has_finalizer(&object, FOREGROUND) {
                continue;
            }
            if uid(&object) == owner {
                return true;
            }
            if seen.insert(uid(&object).to_owned()) {
                next.extend(self.dependents_of(cx, &object).into_iter().map(|(_, dependent)| dependent));
            }
        }
        false
    }

    /// Deletes an object if it names owners, and none of them stays.
    fn collect(&self, cx: &Context, resource: &'static Resource, object: &Json) -> Result<(), Status> {
        let owners = list(object, "/metadata/ownerReferences");
        let (mut solid, mut lost, mut waiting) = (0, Vec::new(), false);
        for owner in owners {
            let owner_uid = text(owner, "/uid");
            // Whoever is of a kind that is unknown here may well be there.
            let Some(kind) = kind_of(owner) else {
                solid += 1;
                continue;
            };
            match cx.api.get(kind, namespace(object), text(owner, "/name")) {
                Ok(found) if uid(&found) == owner_uid => {
                    if terminating(&found) && has_finalizer(&found, FOREGROUND) {
                        waiting = true;
                        lost.push(owner_uid.to_owned());
                    } else {
                        solid += 1;
                    }
                }
                _ => lost.push(owner_uid.to_owned()),
            }
        }
        if lost.is_empty() {
            return Ok(());
        }
        if solid > 0 {
            let release_all = |object: &mut Json| lost.iter().for_each(|owner| release(object, owner));
            cx.edit(resource, object, None, release_all)?;
            return Ok(());
        }
        let has_dependents = self.dependents.get(uid(object)).is_some_and(|known| !known.is_empty());
        let policy = if waiting && has_dependents { "Foreground" } else { "Background" };
        // A mark that the object carries already is kept: somebody asked for it.
        let policy = (!marked(object)).then(|| policy.to_owned());
        let delete = Delete { propagation: policy, uid: Some(uid(object).to_owned()), ..Delete::default() };
        match cx.api.delete(resource, namespace(object), name(object), &delete) {
            Err(status) if !matches!(status.reason, "NotFound" | "Conflict") => Err(status),
            _ => Ok(()),
        }
    }
}

fn kind_of(owner: &Json) -> Option<&'static Resource> {
    let (group, _) = text(owner, "/apiVersion").rsplit_once('/').unwrap_or_default();
    of_kind(group, text(owner, "/kind"))
}

fn has_finalizer(object: &Json, finalizer: &str) -> bool {
    list(object, "/metadata/finalizers").iter().any(|known| known == finalizer)
}

fn marked(object: &Json) -> bool {
    has_finalizer(object, FOREGROUND) || has_finalizer(object, ORPHAN)
}

fn blocks(dependent: &Json, owner: &str) -> bool {
    list(dependent, "/metadata/ownerReferences")
        .iter()
        .any(|reference| reference["uid"] == owner && reference["blockOwnerDeletion"] == true)
}

/// Takes a finalizer from an object, which goes with its last one.
pub(crate) fn finalize(
    cx: &Context,
    resource: &'static Resource,
    object: &Json,
    finalizer: &str,
) -> Result<(), Status> {
    let result = cx.edit(resource, object, None, |object| {
        let metadata = members(object, &["metadata"]);
        if let Some(finalizers) = metadata.get_mut("finalizers").and_then(Json::as_array_mut) {
            finalizers.retain(|known| known != finalizer);
            if finalizers.is_empty() {
                metadata.shift_remove("finalizers");
            }
        }
    });
    match result {
        Err(status) if status.reason != "NotFound" => Err(status),
        _ => Ok(()),
    }
}

/// Forgets an event that is old; how long until it will be.
fn expire(cx: &Context, event: &Json) -> Result<Option<Duration>, Status> {
    let age = super::object::since(super::events::last_said(event), cx.now()).unwrap_or_default();
    match EVENT_TTL.checked_sub(age) {
        Some(rest) if !rest.is_zero() => Ok(Some(rest)),
        _ => cx.delete(EVENTS, event).map(|()| None),
    }
}

#[cfg(test)]
mod tests;
