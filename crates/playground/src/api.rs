//! What an API server does between a request and its store: the verbs, within the process.
//!
//! Invariant: everybody goes through here, kubectl over HTTPS and the playground's own controllers alike, so defaults,
//! validation, revisions, generations, deletion and garbage collection hold for all. Errors are the server's own `Status`.
//!
//! Objects come in and go out in the version that the caller speaks; they are stored in the preferred one.

mod addresses;
mod admission;
mod delete;
pub mod log;
mod patch;
mod prepare;
mod selector;
mod status;
mod subresource;

pub use addresses::ServiceRange;
pub(crate) use admission::PODS_OF_NODE;
pub use delete::Deleted;
pub use patch::Patched;
pub use selector::{Selector, fits};
pub use status::Status;

use crate::resource::{Resource, find};
use crate::shape;
use crate::store::{Key, Refused, Store, Watch, revision_of};
use jiff::Timestamp;
use serde_json::{Value as Json, json};
use std::sync::{Arc, Mutex};
use tokio::time::Instant;

/// How often a write that names no revision is tried again when others write meanwhile.
const TRIES: usize = 16;

/// The verbs of the API.
#[derive(Clone, Debug)]
pub struct Api {
    store: Arc<Store>,
    clock: Clock,
    services: ServiceRange,
    logs: Arc<log::Logs>,
    /// Held while the addresses and ports of a Service are chosen and stored.
    allocating: Arc<Mutex<()>>,
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

impl Write {
    /// By a component of the cluster, which names itself.
    pub fn by(manager: &str) -> Write {
        Write { manager: manager.to_owned(), ..Write::default() }
    }
    /// The same, to the status.
    pub fn status_by(manager: &str) -> Write {
        Write { subresource: Some("status"), ..Write::by(manager) }
    }
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

impl Api {
    /// The verbs over a store. The namespaces that every cluster has are made if they are not there.
    pub fn new(store: Arc<Store>, clock: Clock) -> Api {
        let api = Api {
            store,
            clock,
            services: ServiceRange::default(),
            logs: Arc::default(),
            allocating: Arc::default(),
        };
        if let Some(namespaces) = find("", "namespaces") {
            for name in ["default", "kube-node-lease", "kube-public", "kube-system"] {
                let object = json!({"metadata": {"name": name}});
                // It is there already when the store was kept.
                let _ = api.create(namespaces, "", object, &Write::by("kube-apiserver"));
            }
        }
        api
    }

    /// The same, with the addresses that Services get.
    #[must_use]
    pub fn with_services(mut self, services: ServiceRange) -> Api {
        self.services = services;
        self
    }

    /// The time that objects are stamped with.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// What containers wrote: nodes write there, `kubectl logs` reads.
    pub fn logs(&self) -> &log::Logs {
        &self.logs
    }

    /// The store below.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
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

    /// The objects of a resource as they were at a revision.
    ///
    /// # Errors
    /// 410 when the revision is forgotten, 504 when it is to come.
    pub fn list_at(
        &self,
        resource: &'static Resource,
        namespace: Option<&str>,
        revision: u64,
    ) -> Result<Vec<Arc<Json>>, Status> {
        self.store
            .list_at(resource.key, namespace, revision)
            .map_err(|expired| Status::expired(expired, self.store.revision()))
    }

    /// Every change of a resource after a revision.
    ///
    /// # Errors
    /// 410 when the revision is too old, 504 when it is to come.
    pub fn watch(
        &self,
        resource: &'static Resource,
        namespace: Option<String>,
        revision: u64,
    ) -> Result<Watch, Status> {
        self.store
            .watch(resource.key, namespace, revision)
            .map_err(|expired| Status::expired(expired, self.store.revision()))
    }

    /// Every change of every resource after a revision.
    ///
    /// # Errors
    /// 410 when the revision is too old, 504 when it is to come.
    pub fn watch_all(&self, revision: u64) -> Result<Watch, Status> {
        self.store.watch_all(revision).map_err(|expired| Status::expired(expired, self.store.revision()))
    }

    /// Creates an object in a namespace (empty for none).
    ///
    /// # Errors
    /// 400, 403, 404 when there is no such namespace, 409 when there is one of that name, 422 when it is not valid.
    pub fn create(
        &self,
        resource: &'static Resource,
        namespace: &str,
        object: Json,
        write: &Write,
    ) -> Result<Arc<Json>, Status> {
        self.make(resource, namespace, object, write, false)
    }

    /// As [`Api::create`]; `owned` when the object says already who owns which field.
    fn make(
        &self,
        resource: &'static Resource,
        namespace: &str,
        object: Json,
        write: &Write,
        owned: bool,
    ) -> Result<Arc<Json>, Status> {
        let mut object = self.identify(resource, namespace, object)?;
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        self.open_namespace(resource, namespace, &name)?;
        prepare::create(resource, &mut object);
        shape::defaults::defaults(resource, &mut object);
        prepare::admit(resource, &mut object);
        self.account(resource, namespace, &name, &object)?;
        self.room(resource, &name, &object)?;
        let allocating = self.lock_addresses(resource);
        self.allocate(resource, &mut object)?;
        prepare::check(resource, &object, None)?;
        if !owned {
            self.manage(resource, write, None, &mut object);
        }
        let key = key(resource, namespace, &name);
        let stored = if write.dry_run {
            self.store.get(&key).map_or(Ok(Arc::new(object)), |_| Err(Refused::Exists))
        } else {
            self.store.create(key, object)
        };
        drop(allocating);
        stored.map_err(|refused| {
            let exists = refused == Refused::Exists;
            let mut status = Status::refused(refused, resource, &name);
            let going = || {
                self.get(resource, namespace, &name)
                    .is_ok_and(|found| !found["metadata"]["deletionTimestamp"].is_null())
            };
            if exists && going() {
                status.message = format!("object is being deleted: {}", status.message);
            }
            status
        })
    }

    /// Replaces an object; if it carries a revision, only that one.
    ///
    /// # Errors
    /// 400, 404, 409, 422.
    pub fn update(
        &self,
        resource: &'static Resource,
        namespace: &str,
        name: &str,
        object: Json,
        write: &Write,
    ) -> Result<Arc<Json>, Status> {
        same(name, object["metadata"]["name"].as_str(), |given| wrong_name(given, name))?;
        same(namespace, object["metadata"]["namespace"].as_str(), |_| WRONG_NAMESPACE.to_owned())?;
        self.revise(resource, namespace, name, write, |_| Ok(object.clone()))
    }

    /// Reads, changes and writes an object, again when somebody else wrote meanwhile. What `change` returns may carry a
    /// revision that is not the current one: then it is a conflict.
    ///
    /// # Errors
    /// 404, 409, 422, and what `change` says.
    pub fn revise(
        &self,
        resource: &'static Resource,
        namespace: &str,
        name: &str,
        write: &Write,
        change: impl FnMut(&Json) -> Result<Json, Status>,
    ) -> Result<Arc<Json>, Status> {
        self.rewrite(resource, namespace, name, write, false, change)
    }

    /// As [`Api::revise`]; `owned` when what `change` returns says already who owns which field.
    fn rewrite(
        &self,
        resource: &'static Resource,
        namespace: &str,
        name: &str,
        write: &Write,
        owned: bool,
        mut change: impl FnMut(&Json) -> Result<Json, Status>,
    ) -> Result<Arc<Json>, Status> {
        let key = key(resource, namespace, name);
        for _ in 0..TRIES {
            let current = self.store.get(&key).ok_or_else(|| Status::not_found(resource, name))?;
            let mut next = change(&current)?;
            if !next.is_object() {
                return Err(Status::bad_request("the object must be a JSON object"));
            }
            preconditions(resource, name, &current, &next)?;
            // Defaults would give a namespace back what is taken from it here.
            let finalizers = next["spec"].get("finalizers").cloned();
            shape::defaults::defaults(resource, &mut next);
            prepare::update(resource, &current, &mut next, finalizers, write)?;
            let allocating = self.lock_addresses(resource);
            self.allocate(resource, &mut next)?;
            if matches!(write.subresource, None | Some("scale")) {
                prepare::check(resource, &next, Some(&current))?;
            } else if write.subresource == Some("status") {
                prepare::check_status(resource, &next)?;
            }
            if !owned {
                self.manage(resource, write, Some(&current), &mut next);
            }
            if write.dry_run || next == *current {
                return Ok(Arc::new(next));
            }
            let at = revision_of(&current);
            let stored = if delete::is_finished(&next) {
                // The last finalizer went: the object goes with it.
                self.store.delete(&key, at).map(|_| Arc::new(next))
            } else {
                self.store.update(&key, at, next)
            };
            drop(allocating);
            match stored {
                Err(Refused::Conflict) => {}
                stored => return stored.map_err(|refused| Status::refused(refused, resource, name)),
            }
        }
        Err(Status::refused(Refused::Conflict, resource, name))
    }

    /// Notes who owns which field after a write.
    fn manage(&self, resource: &Resource, write: &Write, old: Option<&Json>, new: &mut Json) {
        let version = resource.versions[0];
        let time = self.clock.stamp();
        let (manager, subresource) = (write.manager.as_str(), write.subresource);
        let writer = shape::patch::Writer { manager, version, subresource, time: &time };
        shape::patch::manage(resource, &writer, old, new);
    }

    /// Gives an object that is to be created its identity: name, namespace, UID, time.
    fn identify(&self, resource: &Resource, namespace: &str, mut object: Json) -> Result<Json, Status> {
        let Some(map) = object.as_object_mut() else {
            return Err(Status::bad_request("the object must be a JSON object"));
        };
        let metadata = map.entry("metadata").or_insert_with(|| json!({}));
        if metadata.is_null() {
            *metadata = json!({});
        }
        let Some(metadata) = metadata.as_object_mut() else {
            return Err(Status::bad_request("metadata must be a JSON object"));
        };
        let text = |metadata: &serde_json::Map<String, Json>, field: &str| {
            metadata.get(field).and_then(Json::as_str).unwrap_or_default().to_owned()
        };
        if !text(metadata, "resourceVersion").is_empty() {
            let message = "resourceVersion should not be set on objects to be created";
            return Err(Status::bad_request(message));
        }
        if resource.namespaced {
            same(namespace, Some(&text(metadata, "namespace")), |_| WRONG_NAMESPACE.to_owned())?;
        }
        let generate = text(metadata, "generateName");
        if text(metadata, "name").is_empty() {
            if generate.is_empty() {
                let message = "Required value: name or generateName is required";
                let cause =
                    json!({"reason": "FieldValueRequired", "message": message, "field": "metadata.name"});
                return Err(Status::invalid(resource, "", vec![cause]));
            }
            metadata.insert("name".to_owned(), generated(&generate).into());
        }
        for field in ["selfLink", "deletionTimestamp", "deletionGracePeriodSeconds", "resourceVersion"] {
            metadata.remove(field);
        }
        if resource.namespaced {
            metadata.insert("namespace".to_owned(), namespace.into());
        } else {
            metadata.remove("namespace");
        }
        metadata.insert("uid".to_owned(), uuid::Uuid::new_v4().to_string().into());
        metadata.insert("creationTimestamp".to_owned(), self.clock.stamp().into());
        Ok(object)
    }
}

const WRONG_NAMESPACE: &str =
    "the namespace of the provided object does not match the namespace sent on the request";

fn wrong_name(given: &str, name: &str) -> String {
    format!("the name of the object ({given}) does not match the name on the URL ({name})")
}

fn same(expected: &str, given: Option<&str>, message: impl Fn(&str) -> String) -> Result<(), Status> {
    match given {
        Some(given) if !given.is_empty() && given != expected => Err(Status::bad_request(message(given))),
        _ => Ok(()),
    }
}

/// A name for a prefix: five more characters, none of which spells words.
fn generated(prefix: &str) -> String {
    const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let prefix: String = prefix.chars().take(58).collect();
    let random = uuid::Uuid::new_v4();
    let suffix = random.as_bytes().iter().take(5);
    let suffix = suffix.map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]));
    prefix.chars().chain(suffix).collect()
}

/// The revision and the UID that a write carries must be the object's.
fn preconditions(resource: &'static Resource, name: &str, current: &Json, next: &Json) -> Result<(), Status> {
    let text = |object: &Json, field: &str| -> String {
        object["metadata"][field].as_str().unwrap_or_default().to_owned()
    };
    let (given, found) = (text(next, "resourceVersion"), text(current, "resourceVersion"));
    if !given.is_empty() && given.parse::<u64>().is_err() {
        let message =
            format!("Invalid value: \"{given}\": strconv.ParseUint: parsing \"{given}\": invalid syntax");
        let cause =
            json!({"reason": "FieldValueInvalid", "message": message, "field": "metadata.resourceVersion"});
        return Err(Status::invalid(resource, name, vec![cause]));
    }
    if !given.is_empty() && given != found {
        return Err(Status::refused(Refused::Conflict, resource, name));
    }
    let (given, found) = (text(next, "uid"), text(current, "uid"));
    if !given.is_empty() && given != found {
        // Real servers show the key in their store; it is a part of the text that clients have come to see.
        let place = key(resource, text(current, "namespace").as_str(), name);
        let space = if place.namespace.is_empty() { String::new() } else { format!("{}/", place.namespace) };
        let why = format!(
            "StorageError: invalid object, Code: 4, Key: /registry/{}/{space}{name}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: {given}, UID in object meta: {found}",
            resource.plural
        );
        return Err(Status::conflict(resource, name, &why));
    }
    Ok(())
}

/// Where an object is stored.
pub fn key(resource: &'static Resource, namespace: &str, name: &str) -> Key {
    let namespace = if resource.namespaced { namespace } else { "" };
    Key { resource: resource.key, namespace: namespace.to_owned(), name: name.to_owned() }
}
