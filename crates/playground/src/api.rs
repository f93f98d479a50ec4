//! What an API server does between a request and its store: the verbs, within the process.
//!
//! Invariant: everybody goes through here, kubectl over HTTPS and the playground's own controllers alike, so defaults,
//! validation, revisions, generations, deletion and garbage collection hold for all. Errors are the server's own `Status`.
//!
//! Objects come in and go out in the version that the caller speaks; they are stored in the preferred one.

use crate::resource::Resource;
use crate::store::{Key, Refused, Store, Watch, revision_of};
use jiff::Timestamp;
use serde_json::{Value as Json, json};
use std::sync::Arc;
use tokio::time::Instant;

/// The verbs of the API.
#[derive(Clone, Debug)]
pub struct Api {
    store: Arc<Store>,
    clock: Clock,
}

/// The wall clock at the start of the playground, moved on by tokio's clock, which tests can pause.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    wall: Timestamp,
    started: Instant,
}

impl Clock {
    /// A clock that says `wall` now.
    pub fn starting(wall: Timestamp) -> Clock {
        Clock { wall, started: Instant::now() }
    }
    /// Now.
    pub fn now(&self) -> Timestamp {
        self.wall
            .saturating_add(jiff::SignedDuration::try_from(self.started.elapsed()).unwrap_or_default())
            .unwrap_or(self.wall)
    }
    /// Now, as objects carry it: `2026-11-20T09:00:00Z`, whole seconds.
    pub fn stamp(&self) -> String {
        self.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }
}

/// How a write is meant.
#[derive(Clone, Debug, Default)]
pub struct Write {
    /// Who writes, for `managedFields`: `kubectl-create`, `kube-controller-manager`.
    pub manager: String,
    /// Everything but the storing.
    pub dry_run: bool,
    /// The subresource that is written: `status`, `scale`; `None` for the object itself.
    pub subresource: Option<&'static str>,
}

/// How an object is to be deleted.
#[derive(Clone, Debug, Default)]
pub struct Delete {
    /// Seconds; `None` leaves it to the object.
    pub grace_period: Option<u64>,
    /// `Orphan`, `Background`, `Foreground`; `None` is the resource's own default.
    pub propagation: Option<String>,
    /// Only if its UID is this.
    pub uid: Option<String>,
    /// Only if its revision is this.
    pub resource_version: Option<String>,
    /// Everything but the deletion.
    pub dry_run: bool,
}

/// The kinds of patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patch {
    /// RFC 6902.
    Json,
    /// RFC 7386.
    Merge,
    /// Kubernetes' own, which knows the keys of lists.
    Strategic,
    /// Server-side apply; `force` takes fields over from their managers.
    Apply {
        /// Whether conflicts are overridden.
        force: bool,
    },
}

/// The server's way to say no: a `Status` object.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// The HTTP code.
    pub code: u16,
    /// `NotFound`, `AlreadyExists`, `Conflict`, `Invalid`, …
    pub reason: &'static str,
    /// For people.
    pub message: String,
    /// `name`, `group`, `kind`, `causes`, `retryAfterSeconds`.
    pub details: Json,
}

impl Status {
    /// As the object that is sent.
    pub fn to_json(&self) -> Json {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason,
        });
        if !self.details.is_null() {
            status["details"] = self.details.clone();
        }
        status["code"] = self.code.into();
        status
    }

    /// There is no such object.
    pub fn not_found(resource: &Resource, name: &str) -> Status {
        Status::about(
            404,
            "NotFound",
            resource,
            name,
            format!("{} \"{name}\" not found", qualified(resource)),
        )
    }

    fn about(code: u16, reason: &'static str, resource: &Resource, name: &str, message: String) -> Status {
        let mut details = json!({"name": name});
        if !resource.group.is_empty() {
            details["group"] = resource.group.into();
        }
        details["kind"] = resource.plural.into();
        Status { code, reason, message, details }
    }

    fn refused(refused: Refused, resource: &Resource, name: &str) -> Status {
        match refused {
            Refused::Missing => Status::not_found(resource, name),
            Refused::Exists => {
                let message = format!("{} \"{name}\" already exists", qualified(resource));
                Status::about(409, "AlreadyExists", resource, name, message)
            }
            Refused::Conflict => {
                let message = format!(
                    "Operation cannot be fulfilled on {} \"{name}\": the object has been modified; please apply your changes to the latest version and try again",
                    qualified(resource)
                );
                Status::about(409, "Conflict", resource, name, message)
            }
        }
    }
}

/// `deployments.apps`, `pods`.
fn qualified(resource: &Resource) -> String {
    if resource.group.is_empty() {
        resource.plural.to_owned()
    } else {
        format!("{}.{}", resource.plural, resource.group)
    }
}

impl Api {
    /// The verbs over a store.
    pub fn new(store: Arc<Store>, clock: Clock) -> Api {
        Api { store, clock }
    }

    /// The time that objects are stamped with.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// An object.
    ///
    /// # Errors
    /// 404.
    pub fn get(&self, resource: &'static Resource, namespace: &str, name: &str) -> Result<Arc<Json>, Status> {
        self.store.get(&key(resource, namespace, name)).ok_or_else(|| Status::not_found(resource, name))
    }

    /// The objects of a resource, and the revision at which they were so.
    pub fn list(&self, resource: &'static Resource, namespace: Option<&str>) -> (Vec<Arc<Json>>, u64) {
        self.store.list(resource.key, namespace)
    }

    /// Every change of a resource after a revision.
    ///
    /// # Errors
    /// 410 when the revision is too old.
    pub fn watch(
        &self,
        resource: &'static Resource,
        namespace: Option<String>,
        revision: u64,
    ) -> Result<Watch, Status> {
        self.store.watch(resource.key, namespace, revision).map_err(|expired| Status {
            code: 410,
            reason: "Expired",
            message: expired.to_string(),
            details: Json::Null,
        })
    }

    /// Creates an object in a namespace (empty for none).
    ///
    /// # Errors
    /// 409 when there is one; 422 when it is not valid.
    pub fn create(
        &self,
        resource: &'static Resource,
        namespace: &str,
        mut object: Json,
        write: &Write,
    ) -> Result<Arc<Json>, Status> {
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        object["metadata"]["uid"] = uuid::Uuid::new_v4().to_string().into();
        object["metadata"]["creationTimestamp"] = self.clock.stamp().into();
        if resource.namespaced {
            object["metadata"]["namespace"] = namespace.into();
        }
        if write.dry_run {
            return Ok(Arc::new(object));
        }
        self.store
            .create(key(resource, namespace, &name), object)
            .map_err(|refused| Status::refused(refused, resource, &name))
    }

    /// Replaces an object; if it carries a revision, only that one.
    ///
    /// # Errors
    /// 404, 409, 422.
    pub fn update(
        &self,
        resource: &'static Resource,
        namespace: &str,
        name: &str,
        object: Json,
        write: &Write,
    ) -> Result<Arc<Json>, Status> {
        if write.dry_run {
            return Ok(Arc::new(object));
        }
        self.store
            .update(&key(resource, namespace, name), revision_of(&object), object)
            .map_err(|refused| Status::refused(refused, resource, name))
    }

    /// Deletes an object, or begins to: what has a grace period or finalizers is marked first. Returns its last state.
    ///
    /// # Errors
    /// 404; 409 when a precondition does not hold.
    pub fn delete(
        &self,
        resource: &'static Resource,
        namespace: &str,
        name: &str,
        _delete: &Delete,
    ) -> Result<Arc<Json>, Status> {
        self.store
            .delete(&key(resource, namespace, name), None)
            .map_err(|refused| Status::refused(refused, resource, name))
    }
}

/// Where an object is stored.
pub fn key(resource: &'static Resource, namespace: &str, name: &str) -> Key {
    let namespace = if resource.namespaced { namespace } else { "" };
    Key { resource: resource.key, namespace: namespace.to_owned(), name: name.to_owned() }
}
