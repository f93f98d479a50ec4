//! Objects, their revisions, and the story of their changes: what etcd is to an API server.
//!
//! Invariant: one counter of revisions for all objects; every change has its own revision, which is the object's
//! `metadata.resourceVersion`; whoever watches from a revision sees every later change once, in order, or is told that the
//! revision is too old. Objects are shared, never copied: a watch costs a cursor.

mod journal;

use journal::{Journal, Kept};
use serde_json::Value as Json;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::ops::Bound;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// How many changes are remembered for watches.
const HISTORY: usize = 20_000;
/// About how many bytes the remembered changes may take.
const HISTORY_BYTES: usize = 48 << 20;

/// What a watch of every resource watches.
const EVERYTHING: &str = "*";

/// What an object is stored under.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Group and plural, whatever the version: `apps/deployments`, `/pods`.
    pub resource: &'static str,
    /// Empty for what lives in no namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// It was created.
    Added,
    /// It was changed.
    Modified,
    /// It is gone.
    Deleted,
}

/// One change.
#[derive(Clone, Debug)]
pub struct Change {
    /// Its revision, which the object carries.
    pub revision: u64,
    /// What happened.
    pub kind: ChangeKind,
    /// To what.
    pub key: Key,
    /// The object after it; for `Deleted`, its last state with the revision of the deletion.
    pub object: Arc<Json>,
    /// The object before it: a watch with a selector must know what left its view.
    pub before: Option<Arc<Json>>,
}

/// Why a write was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is one of that name.
    #[error("already exists")]
    Exists,
    /// There is none.
    #[error("not found")]
    Missing,
    /// It was changed meanwhile.
    #[error("the object has been modified")]
    Conflict,
    /// It could not be written to disk.
    #[error("the object could not be written to disk")]
    NotKept,
}

/// The revision is older than what is remembered, or from the future.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too old resource version: {asked} ({oldest})")]
pub struct Expired {
    /// The revision asked for.
    pub asked: u64,
    /// The oldest that could be had.
    pub oldest: u64,
}

/// The objects of a cluster.
#[derive(Debug)]
pub struct Store {
    inner: Mutex<Inner>,
    revision: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Inner {
    objects: BTreeMap<Key, Arc<Json>>,
    history: VecDeque<(Arc<Change>, usize)>,
    /// About how many bytes the history takes.
    bytes: usize,
    revision: u64,
    journal: Option<Journal>,
}

impl Inner {
    /// Whether every change after the revision is remembered.
    fn reaches(&self, revision: u64) -> Result<(), Expired> {
        let oldest = self.history.front().map_or(self.revision, |(change, _)| change.revision - 1);
        if revision < oldest || revision > self.revision {
            return Err(Expired { asked: revision, oldest });
        }
        Ok(())
    }
}

impl Default for Store {
    fn default() -> Store {
        Store { inner: Mutex::default(), revision: watch::Sender::new(0) }
    }
}

impl Store {
    /// The store that is kept in a directory: what was there comes back, and every later change is on disk before it is
    /// acknowledged.
    ///
    /// # Errors
    /// The directory cannot be read or written, or another playground uses it.
    pub fn open(directory: &Path) -> io::Result<Store> {
        let (journal, Kept { objects, revision }) = Journal::open(directory)?;
        let inner = Inner { objects, revision, journal: Some(journal), ..Inner::default() };
        Ok(Store { inner: Mutex::new(inner), revision: watch::Sender::new(revision) })
    }

    /// The current revision.
    pub fn revision(&self) -> u64 {
        self.lock().revision
    }

    /// An object.
    pub fn get(&self, key: &Key) -> Option<Arc<Json>> {
        self.lock().objects.get(key).cloned()
    }

    /// The objects of a resource, of one namespace or of all, by namespace and name, and the revision at which they were so.
    pub fn list(&self, resource: &'static str, namespace: Option<&str>) -> (Vec<Arc<Json>>, u64) {
        let inner = self.lock();
        let from = Key { resource, namespace: namespace.unwrap_or_default().to_owned(), name: String::new() };
        let objects = inner
            .objects
            .range((Bound::Included(from), Bound::Unbounded))
            .take_while(|(key, _)| {
                key.resource == resource && namespace.is_none_or(|namespace| key.namespace == namespace)
            })
            .map(|(_, object)| object.clone())
            .collect();
        (objects, inner.revision)
    }

    /// How many objects a resource has, in all namespaces.
    pub fn count(&self, resource: &'static str) -> usize {
        let from = Key { resource, namespace: String::new(), name: String::new() };
        let inner = self.lock();
        inner.objects.range(from..).take_while(|(key, _)| key.resource == resource).count()
    }

    /// The objects of a resource as they were at a revision, by namespace and name: the changes since are undone.
    ///
    /// # Errors
    /// [`Expired`] when some of the changes since are forgotten, or the revision is to come.
    pub fn list_at(
        &self,
        resource: &'static str,
        namespace: Option<&str>,
        revision: u64,
    ) -> Result<Vec<Arc<Json>>, Expired> {
        let inner = self.lock();
        inner.reaches(revision)?;
        let from = Key { resource, namespace: namespace.unwrap_or_default().to_owned(), name: String::new() };
        let of_us = |key: &Key| {
            key.resource == resource && namespace.is_none_or(|namespace| key.namespace == namespace)
        };
        let now = inner.objects.range((Bound::Included(from), Bound::Unbounded));
        let mut then: BTreeMap<&Key, &Arc<Json>> = now.take_while(|(key, _)| of_us(key)).collect();
        let changes = inner.history.iter().rev().map(|(change, _)| change);
        for change in changes.take_while(|change| change.revision > revision) {
            if !of_us(&change.key) {
                continue;
            }
            match &change.before {
                Some(before) => then.insert(&change.key, before),
                None => then.remove(&change.key),
            };
        }
        Ok(then.into_values().cloned().collect())
    }

    /// Stores a new object; its `metadata.resourceVersion` is set.
    ///
    /// # Errors
    /// [`Refused::Exists`].
    pub fn create(&self, key: Key, object: Json) -> Result<Arc<Json>, Refused> {
        let mut inner = self.lock();
        if inner.objects.contains_key(&key) {
            return Err(Refused::Exists);
        }
        self.commit(&mut inner, ChangeKind::Added, key, object)
    }

    /// Replaces an object, if its revision is still `expected` (any, if `None`).
    ///
    /// # Errors
    /// [`Refused::Missing`], [`Refused::Conflict`].
    pub fn update(&self, key: &Key, expected: Option<u64>, object: Json) -> Result<Arc<Json>, Refused> {
        let mut inner = self.lock();
        check(inner.objects.get(key), expected)?;
        self.commit(&mut inner, ChangeKind::Modified, key.clone(), object)
    }

    /// Removes an object, if its revision is still `expected` (any, if `None`); its last state.
    ///
    /// # Errors
    /// [`Refused::Missing`], [`Refused::Conflict`].
    pub fn delete(&self, key: &Key, expected: Option<u64>) -> Result<Arc<Json>, Refused> {
        let mut inner = self.lock();
        let object = check(inner.objects.get(key), expected)?.as_ref().clone();
        self.commit(&mut inner, ChangeKind::Deleted, key.clone(), object)
    }

    /// Every change of a resource after `revision`.
    ///
    /// # Errors
    /// [`Expired`] when some of them are forgotten.
    pub fn watch(
        self: &Arc<Store>,
        resource: &'static str,
        namespace: Option<String>,
        revision: u64,
    ) -> Result<Watch, Expired> {
        let inner = self.lock();
        inner.reaches(revision)?;
        let changed = self.revision.subscribe();
        drop(inner);
        Ok(Watch { store: self.clone(), changed, resource, namespace, seen: revision })
    }

    /// Every change of every resource after `revision`.
    ///
    /// # Errors
    /// [`Expired`] when some of them are forgotten.
    pub fn watch_all(self: &Arc<Store>, revision: u64) -> Result<Watch, Expired> {
        self.watch(EVERYTHING, None, revision)
    }

    fn commit(
        &self,
        inner: &mut Inner,
        kind: ChangeKind,
        key: Key,
        mut object: Json,
    ) -> Result<Arc<Json>, Refused> {
        let revision = inner.revision + 1;
        if let Some(metadata) = object.get_mut("metadata").and_then(Json::as_object_mut) {
            metadata.insert("resourceVersion".to_owned(), Json::String(revision.to_string()));
        }
        if let Some(journal) = &mut inner.journal {
            let kept = (kind != ChangeKind::Deleted).then_some(&object);
            journal.append(revision, &key, kept).map_err(|_| Refused::NotKept)?;
        }
        let bytes = weight(&object);
        let object = Arc::new(object);
        let before = match kind {
            ChangeKind::Added | ChangeKind::Modified => inner.objects.insert(key.clone(), object.clone()),
            ChangeKind::Deleted => inner.objects.remove(&key),
        };
        let change = Change { revision, kind, key, object: object.clone(), before };
        inner.revision = revision;
        inner.history.push_back((Arc::new(change), bytes));
        inner.bytes += bytes;
        while inner.history.len() > HISTORY || (inner.bytes > HISTORY_BYTES && inner.history.len() > 1) {
            let Some((_, bytes)) = inner.history.pop_front() else { break };
            inner.bytes -= bytes;
        }
        if let Some(journal) = &mut inner.journal {
            journal.tidy(&inner.objects, revision);
        }
        self.revision.send_replace(revision);
        Ok(object)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic elsewhere leaves whole objects behind: every change is one insertion.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn check(object: Option<&Arc<Json>>, expected: Option<u64>) -> Result<&Arc<Json>, Refused> {
    let object = object.ok_or(Refused::Missing)?;
    match expected {
        Some(expected) if revision_of(object) != Some(expected) => Err(Refused::Conflict),
        _ => Ok(object),
    }
}

/// About how many bytes a value takes in memory.
fn weight(value: &Json) -> usize {
    const EACH: usize = 72;
    match value {
        Json::Null | Json::Bool(_) | Json::Number(_) => EACH,
        Json::String(text) => EACH + text.len(),
        Json::Array(items) => EACH + items.iter().map(weight).sum::<usize>(),
        Json::Object(fields) => {
            EACH + fields.iter().map(|(name, value)| EACH + name.len() + weight(value)).sum::<usize>()
        }
    }
}

/// The revision that an object carries.
pub fn revision_of(object: &Json) -> Option<u64> {
    object["metadata"]["resourceVersion"].as_str()?.parse().ok()
}

/// A cursor in the story of changes.
#[derive(Debug)]
pub struct Watch {
    store: Arc<Store>,
    changed: watch::Receiver<u64>,
    resource: &'static str,
    namespace: Option<String>,
    seen: u64,
}

impl Watch {
    /// The revision up to which everything was seen.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// The next change, when there is one. Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`Expired`] when this watch was too slow, and changes were forgotten meanwhile.
    pub async fn next(&mut self) -> Result<Arc<Change>, Expired> {
        loop {
            if let Some(change) = self.next_now()? {
                return Ok(change);
            }
            if self.changed.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// The next change, if there is one already.
    ///
    /// # Errors
    /// As [`Watch::next`].
    pub fn next_now(&mut self) -> Result<Option<Arc<Change>>, Expired> {
        let store = self.store.clone();
        let inner = store.lock();
        self.changed.mark_unchanged();
        let Some(first) = inner.history.front().map(|(change, _)| change.revision) else { return Ok(None) };
        if self.seen + 1 < first {
            return Err(Expired { asked: self.seen, oldest: first - 1 });
        }
        let skip = usize::try_from(self.seen + 1 - first).unwrap_or(usize::MAX);
        let mut news = inner.history.range(skip.min(inner.history.len())..).map(|(change, _)| change);
        let next = news.find(|change| {
            (self.resource == EVERYTHING || change.key.resource == self.resource)
                && self.namespace.as_ref().is_none_or(|namespace| *namespace == change.key.namespace)
        });
        self.seen = next.map_or(inner.revision, |change| change.revision);
        Ok(next.cloned())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use serde_json::json;

    fn key(name: &str) -> Key {
        Key { resource: "/pods", namespace: "n".into(), name: name.into() }
    }
    fn object(name: &str) -> Json {
        json!({"metadata": {"name": name, "namespace": "n"}})
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_sees_every_later_change_once_and_in_order() {
        let store = Arc::new(Store::default());
        store.create(key("a"), object("a")).unwrap();
        let mut watch = store.watch("/pods", Some("n".into()), store.revision()).unwrap();
        assert!(watch.next_now().unwrap().is_none());
        store.create(key("b"), object("b")).unwrap();
        let other = Key { resource: "/services", ..key("b") };
        store.create(other, object("b")).unwrap();
        store.delete(&key("a"), None).unwrap();
        let mut seen = Vec::new();
        for _ in 0..2 {
            let change = watch.next().await.unwrap();
            seen.push((change.kind, change.key.name.clone(), revision_of(&change.object)));
        }
        assert_eq!(
            seen,
            [(ChangeKind::Added, "b".into(), Some(2)), (ChangeKind::Deleted, "a".into(), Some(4))]
        );
        assert!(watch.next_now().unwrap().is_none());
        assert!(store.watch("/pods", None, 99).is_err(), "the future is not known");
    }

    #[test]
    fn writers_that_are_late_are_refused() {
        let store = Store::default();
        let first = store.create(key("a"), object("a")).unwrap();
        assert_eq!(store.create(key("a"), object("a")), Err(Refused::Exists));
        store.update(&key("a"), revision_of(&first), object("a")).unwrap();
        assert_eq!(store.update(&key("a"), revision_of(&first), object("a")), Err(Refused::Conflict));
        assert_eq!(store.delete(&key("b"), None), Err(Refused::Missing));
        assert_eq!(store.list("/pods", Some("n")).0.len(), 1);
        assert_eq!(store.list("/pods", Some("m")).0.len(), 0);
        assert_eq!(store.list("/services", None).0.len(), 0);
    }

    #[test]
    fn what_is_kept_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let outer = tempfile::tempdir().unwrap();
        let directory = outer.path().join("new");
        let _store = Store::open(&directory).unwrap();
        let check = |path: &std::path::Path, expected: u32| {
            let mode = path.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, expected, "{}", path.display());
        };
        check(&directory, 0o700);
        check(&directory.join("objects.jsonl"), 0o600);
        check(&directory.join("lock"), 0o600);
    }

    #[test]
    fn what_was_acknowledged_comes_back_and_half_a_line_does_not() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        store.create(key("a"), object("a")).unwrap();
        store.create(key("b"), object("b")).unwrap();
        let mut changed = object("a");
        changed["data"] = "x".into();
        store.update(&key("a"), None, changed).unwrap();
        store.delete(&key("b"), None).unwrap();
        let text = std::fs::read_to_string(directory.path().join("objects.jsonl")).unwrap();
        assert!(Store::open(directory.path()).is_err(), "one process at a time");
        drop(store);
        let path = directory.path().join("objects.jsonl");
        // As a kill in the middle of a write leaves it.
        let half = format!("{text}{{\"sum\":\"0123456789abcdef\",\"revision\":9,\"resource\":\"/pods\",\"na");
        let refused = |content: &str| {
            std::fs::write(&path, content).unwrap();
            Store::open(directory.path()).map(drop).unwrap_err().to_string()
        };
        // What is whole and damaged may have been acknowledged.
        assert!(refused(&format!("{half}\n")).contains("line 6 is damaged"));
        assert!(refused(&text.replace("\"x\"", "\"y\"")).contains("line 4 is damaged"));
        assert!(refused("{\"format\":2,\"revision\":1}\n").contains("a newer chaos wrote it"));
        std::fs::write(&path, half).unwrap();
        let store = Arc::new(Store::open(directory.path()).unwrap());
        assert_eq!(store.revision(), 4);
        let (objects, _) = store.list("/pods", None);
        assert_eq!(objects.len(), 1);
        assert_eq!(objects[0]["data"], "x");
        assert!(store.watch("/pods", None, 2).is_err(), "the story before is forgotten");
        store.create(key("c"), object("c")).unwrap();
        drop(store);
        assert_eq!(Store::open(directory.path()).unwrap().list("/pods", None).0.len(), 2);
    }

    #[test]
    fn the_story_takes_a_bounded_amount_of_memory() {
        let store = Arc::new(Store::default());
        store.create(key("a"), object("a")).unwrap();
        for _ in 0..40 {
            let mut large = object("a");
            large["data"] = "x".repeat(3 << 20).into();
            store.update(&key("a"), None, large).unwrap();
        }
        assert!(store.lock().bytes <= HISTORY_BYTES);
        assert!(store.watch("/pods", None, 1).is_err());
        assert!(store.watch("/pods", None, 40).is_ok());
    }
}
