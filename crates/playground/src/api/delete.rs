//! Deletion: at once, or begun and left to a kubelet or to finalizers; and what `DeleteOptions` ask for.
//!
//! Invariant: an object with finalizers never goes before the last of them; a Pod that runs on a node goes when its
//! kubelet says so, with a grace period of zero.

use super::status::qualified_kind;
use super::{Api, Delete, Status, TRIES, key};
use crate::resource::Resource;
use crate::store::{Refused, revision_of};
use jiff::SignedDuration;
use serde_json::{Value as Json, json};
use std::sync::Arc;

/// What a deletion did.
#[derive(Clone, Debug, PartialEq)]
pub struct Deleted {
    /// The object's last state, or its state with the deletion begun.
    pub object: Arc<Json>,
    /// Whether it is gone.
    pub gone: bool,
}

/// What one try means to do.
enum Step {
    Remove,
    Mark(Json),
    Nothing,
}

impl Api {
    /// Deletes an object, or begins to: what has a grace period or finalizers is marked first. Returns its last state.
    ///
    /// # Errors
    /// 403 for the namespaces that a cluster needs; 404; 409 when a precondition does not hold; 422 for options that are
    /// not valid.
    pub fn delete(
        &self,
        resource: &'static Resource,
        namespace: &str,
        name: &str,
        delete: &Delete,
    ) -> Result<Arc<Json>, Status> {
        self.remove(resource, namespace, name, delete).map(|deleted| deleted.object)
    }

    /// As [`Api::delete`], and says whether the object is gone.
    ///
    /// # Errors
    /// As [`Api::delete`].
    pub fn remove(
        &self,
        resource: &'static Resource,
        namespace: &str,
        name: &str,
        delete: &Delete,
    ) -> Result<Deleted, Status> {
        check_propagation(delete)?;
        if resource.key == "/namespaces" && matches!(name, "default" | "kube-system" | "kube-public") {
            return Err(Status::forbidden(resource, name, "this namespace may not be deleted"));
        }
        let key = key(resource, namespace, name);
        for _ in 0..TRIES {
            let current = self.store.get(&key).ok_or_else(|| Status::not_found(resource, name))?;
            check_preconditions(resource, name, &current, delete)?;
            let step = self.step(resource, &current, delete);
            let at = revision_of(&current);
            let done = match step {
                Step::Nothing => return Ok(Deleted { object: current, gone: false }),
                Step::Remove if delete.dry_run => return Ok(Deleted { object: current, gone: true }),
                Step::Mark(next) if delete.dry_run => {
                    return Ok(Deleted { object: Arc::new(next), gone: false });
                }
                Step::Remove => self.store.delete(&key, at).map(|object| Deleted { object, gone: true }),
                Step::Mark(next) if is_finished(&next) => {
                    self.store.update(&key, at, next).and_then(|marked| {
                        let gone = self.store.delete(&key, revision_of(&marked));
                        gone.map(|_| Deleted { object: marked, gone: true })
                    })
                }
                Step::Mark(next) => {
                    self.store.update(&key, at, next).map(|object| Deleted { object, gone: false })
                }
            };
            match done {
                Err(Refused::Conflict) => {}
                done => return done.map_err(|refused| Status::refused(refused, resource, name)),
            }
        }
        Err(Status::refused(Refused::Conflict, resource, name))
    }

    fn step(&self, resource: &Resource, current: &Json, delete: &Delete) -> Step {
        let grace = grace_period(resource, current, delete);
        let mut next = current.clone();
        propagate(resource, &mut next, delete);
        let begun = !current["metadata"]["deletionTimestamp"].is_null();
        let pending = current["metadata"]["deletionGracePeriodSeconds"].as_u64();
        let held = held(&next);
        // A Pod that is given no time is marked all the same before it goes, so that who watches sees why.
        if grace == 0 && !held && (resource.key != "/pods" || (begun && pending == Some(0))) {
            return Step::Remove;
        }
        if begun && pending.unwrap_or(0) <= grace {
            return if next == *current { Step::Nothing } else { Step::Mark(next) };
        }
        let span = SignedDuration::from_secs(i64::try_from(grace).unwrap_or(i64::MAX));
        let until = self.clock.now().saturating_add(span).unwrap_or(jiff::Timestamp::MAX);
        next["metadata"]["deletionTimestamp"] = until.strftime("%Y-%m-%dT%H:%M:%SZ").to_string().into();
        if resource.key != "/namespaces" {
            next["metadata"]["deletionGracePeriodSeconds"] = grace.into();
        }
        if resource.key == "/namespaces" {
            next["status"]["phase"] = "Terminating".into();
        } else if let (false, Some(generation)) = (begun, current["metadata"]["generation"].as_u64()) {
            next["metadata"]["generation"] = (generation + 1).into();
        }
        Step::Mark(next)
    }
}

/// Whether an object whose deletion has begun has nothing left that holds it.
pub(super) fn is_finished(object: &Json) -> bool {
    !object["metadata"]["deletionTimestamp"].is_null()
        && object["metadata"]["deletionGracePeriodSeconds"].as_u64().unwrap_or(0) == 0
        && !held(object)
}

fn held(object: &Json) -> bool {
    let has = |list: &Json| list.as_array().is_some_and(|list| !list.is_empty());
    has(&object["metadata"]["finalizers"])
        || (object["kind"] == "Namespace" && has(&object["spec"]["finalizers"]))
}

/// Only Pods have one: what was asked for, else their own; none for those that do not run anywhere.
fn grace_period(resource: &Resource, pod: &Json, delete: &Delete) -> u64 {
    if resource.key != "/pods" {
        return 0;
    }
    let never_ran = pod["spec"]["nodeName"].as_str().unwrap_or_default().is_empty();
    let over = matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
    if never_ran || over {
        return 0;
    }
    delete.grace_period.unwrap_or_else(|| pod["spec"]["terminationGracePeriodSeconds"].as_u64().unwrap_or(30))
}

/// Foreground and orphaning deletions leave the garbage collector its mark.
fn propagate(resource: &Resource, object: &mut Json, delete: &Delete) {
    let finalizer = match delete.propagation.as_deref() {
        Some("Foreground") => Some("foregroundDeletion"),
        Some("Orphan") => Some("orphan"),
        // Jobs orphan their Pods unless told otherwise.
        None if resource.key == "batch/jobs" => Some("orphan"),
        _ => None,
    };
    let old = object["metadata"]["finalizers"].as_array().cloned().unwrap_or_default();
    let explicit = delete.propagation.is_some() || finalizer.is_some();
    let marks = ["foregroundDeletion", "orphan"];
    let mut new: Vec<Json> = old.clone();
    if explicit {
        new.retain(|finalizer| !marks.iter().any(|mark| finalizer == mark));
        new.extend(finalizer.map(Json::from));
    }
    if new != old {
        object["metadata"]["finalizers"] = new.into();
    }
}

fn check_propagation(delete: &Delete) -> Result<(), Status> {
    match delete.propagation.as_deref() {
        None | Some("Foreground" | "Background" | "Orphan") => Ok(()),
        Some(other) => {
            let message = format!(
                "Unsupported value: \"{other}\": supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\""
            );
            let cause =
                json!({"reason": "FieldValueNotSupported", "message": message, "field": "propagationPolicy"});
            Err(Status::invalid_kind("meta.k8s.io", "DeleteOptions", "", vec![cause]))
        }
    }
}

fn check_preconditions(
    resource: &Resource,
    name: &str,
    current: &Json,
    delete: &Delete,
) -> Result<(), Status> {
    let refuse = |what: &str, given: &str, found: &str, hint: &str| {
        let message = format!(
            "Operation cannot be fulfilled on {} \"{name}\": the {what} in the precondition ({given}) does not match the {what} in record ({found}). The object might have been {hint}",
            qualified_kind(resource)
        );
        let mut details = json!({"name": name});
        if !resource.group.is_empty() {
            details["group"] = resource.group.into();
        }
        details["kind"] = resource.kind.into();
        Err(Status { details, ..Status::plain(409, "Conflict", message) })
    };
    let found = |field: &str| current["metadata"][field].as_str().unwrap_or_default();
    match (&delete.uid, &delete.resource_version) {
        (Some(uid), _) if uid != found("uid") => {
            refuse("UID", uid, found("uid"), "deleted and then recreated")
        }
        (_, Some(version)) if version != found("resourceVersion") => {
            refuse("ResourceVersion", version, found("resourceVersion"), "modified")
        }
        _ => Ok(()),
    }
}
