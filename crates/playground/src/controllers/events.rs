//! Events: what happened to an object, for people.
//!
//! Invariant: the same thing said again of the same object is one event with a count, as client-go's correlator does it; an
//! event that cannot be written is forgotten, and nobody fails for it.

use super::kinds::EVENTS;
use super::object::{int, name, namespace, set, text, uid};
use crate::api::{Api, Write};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Events that are remembered for counting; beyond them counting begins anew.
const REMEMBERED: usize = 4096;

/// Writes events on behalf of one component.
#[derive(Clone, Debug)]
pub struct Recorder {
    api: Api,
    component: &'static str,
    host: Option<String>,
    known: Arc<Mutex<BTreeMap<String, String>>>,
    serial: Arc<AtomicU64>,
}

/// Whether an event is worth a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// All is well.
    Normal,
    /// Something is not.
    Warning,
}

impl Recorder {
    /// A recorder for a component: `replicaset-controller`, `kubelet`.
    pub fn new(api: Api, component: &'static str) -> Recorder {
        Recorder { api, component, host: None, known: Arc::default(), serial: Arc::default() }
    }

    /// The same recorder for another component: they share what they remember.
    pub fn of(&self, component: &'static str) -> Recorder {
        Recorder { component, ..self.clone() }
    }

    /// The same recorder on a host, as kubelets name theirs.
    pub fn on(&self, host: &str) -> Recorder {
        Recorder { host: Some(host.to_owned()), ..self.clone() }
    }

    /// Says something of an object of an API version and kind.
    pub fn event(
        &self,
        (api_version, kind): (&str, &str),
        object: &Json,
        level: Level,
        reason: &str,
        message: &str,
    ) {
        let field = None;
        self.event_at((api_version, kind), object, field, level, reason, message);
    }

    /// Says something of a part of an object, such as `spec.containers{web}`.
    pub fn event_at(
        &self,
        (api_version, kind): (&str, &str),
        object: &Json,
        field: Option<&str>,
        level: Level,
        reason: &str,
        message: &str,
    ) {
        let level = match level {
            Level::Normal => "Normal",
            Level::Warning => "Warning",
        };
        // What belongs to no namespace has its events in `default`.
        let namespace = match namespace(object) {
            "" => "default",
            namespace => namespace,
        };
        let (host, part) = (self.host.as_deref().unwrap_or_default(), field.unwrap_or_default());
        let same = [self.component, host, uid(object), part, level, reason, message].join("\u{0}");
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(event) = known.get(&same)
            && self.again(namespace, event)
        {
            return;
        }
        let now = self.api.clock().now();
        let stamp = self.api.clock().stamp();
        // A serial number keeps two events of one nanosecond apart.
        let nanosecond = now.as_nanosecond() + i128::from(self.serial.fetch_add(1, Ordering::Relaxed));
        let event_name = format!("{}.{nanosecond:x}", name(object));
        let mut involved = json!({
            "kind": kind, "namespace": namespace, "name": name(object), "uid": uid(object),
            "apiVersion": api_version, "resourceVersion": text(object, "/metadata/resourceVersion"),
        });
        if let Some(field) = field {
            set(&mut involved, &["fieldPath"], field);
        }
        if super::object::namespace(object).is_empty() {
            super::object::unset(&mut involved, &["namespace"]);
        }
        let mut source = json!({"component": self.component});
        if let Some(host) = &self.host {
            set(&mut source, &["host"], host.as_str());
        }
        let event = json!({
            "kind": "Event", "apiVersion": "v1",
            "metadata": {"name": event_name, "namespace": namespace},
            "involvedObject": involved, "reason": reason, "message": message, "source": source,
            "firstTimestamp": stamp, "lastTimestamp": stamp, "count": 1, "type": level, "eventTime": null,
            "reportingComponent": self.component, "reportingInstance": host,
        });
        if self.api.create(EVENTS, namespace, event, &self.write()).is_ok() {
            if known.len() >= REMEMBERED {
                known.clear();
            }
            known.insert(same, event_name);
        }
    }

    /// Counts an event once more; false if it is gone.
    fn again(&self, namespace: &str, event: &str) -> bool {
        let Ok(event) = self.api.get(EVENTS, namespace, event) else { return false };
        let mut event = event.as_ref().clone();
        let count = int(&event, "/count").unwrap_or(1).saturating_add(1);
        set(&mut event, &["count"], count);
        set(&mut event, &["lastTimestamp"], self.api.clock().stamp());
        let name = name(&event).to_owned();
        self.api.update(EVENTS, namespace, &name, event, &self.write()).is_ok()
    }

    fn write(&self) -> Write {
        Write { manager: self.component.to_owned(), ..Write::default() }
    }
}
