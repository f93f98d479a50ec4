//! Events: what happened to an object, for people.
//!
//! Invariant: the same thing said again of the same object is one event with a count; what is much alike is one event too,
//! after some of them; and nobody fills the cluster with events of one object: client-go's correlator, with its figures. An
//! event that cannot be written is forgotten, and nobody fails for it.

mod correlate;

use super::kinds::EVENTS;
use super::object::{int, name, namespace, set, text, uid, unset};
use crate::api::{Api, Write};
use correlate::{Correlator, Said};
use serde_json::{Value as Json, json};
use std::sync::{Arc, Mutex, PoisonError};

/// Writes events on behalf of one component.
#[derive(Clone, Debug)]
pub struct Recorder {
    api: Api,
    component: &'static str,
    host: Option<String>,
    /// What is done, for those who write events in the new form: without a source, with a time instead of counts.
    action: Option<&'static str>,
    correlator: Arc<Mutex<Correlator>>,
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
        Recorder { api, component, host: None, action: None, correlator: Arc::default() }
    }

    /// The same recorder for another component: they share what they remember.
    pub fn of(&self, component: &'static str) -> Recorder {
        Recorder { component, ..self.clone() }
    }

    /// The same recorder on a host, as kubelets name theirs.
    pub fn on(&self, host: &str) -> Recorder {
        Recorder { host: Some(host.to_owned()), ..self.clone() }
    }

    /// The same recorder in the form of `events.k8s.io`, which names an action: `Binding`.
    pub fn doing(&self, action: &'static str) -> Recorder {
        Recorder { action: Some(action), ..self.clone() }
    }

    /// Says something of an object of an API version and kind.
    pub fn event(&self, kind: (&str, &str), object: &Json, level: Level, reason: &str, message: &str) {
        self.event_at(kind, object, None, level, reason, message);
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
        let host = self.host.as_deref().unwrap_or_default();
        let source = [self.component, host, namespace, kind, uid(object), name(object)].join("\u{0}");
        let alike = [&source, field.unwrap_or_default(), level, reason, self.action.unwrap_or_default()];
        let said = {
            let mut correlator = self.correlator.lock().unwrap_or_else(PoisonError::into_inner);
            // The new form has no limits: its writers are few.
            correlator.say(&source, &alike.join("\u{0}"), message, self.action.is_none())
        };
        let Said::Aloud { key, message, serial } = said else { return };
        let known = {
            let correlator = self.correlator.lock().unwrap_or_else(PoisonError::into_inner);
            correlator.event(&key)
        };
        if let Some(event) = known
            && self.again(namespace, &event, &message)
        {
            return;
        }
        // A serial number keeps two events of one nanosecond apart.
        let nanosecond = self.api.clock().now().as_nanosecond() + i128::from(serial);
        let event_name = format!("{}.{nanosecond:x}", name(object));
        let mut involved = json!({
            "kind": kind, "namespace": namespace, "name": name(object), "uid": uid(object),
            "apiVersion": api_version, "resourceVersion": text(object, "/metadata/resourceVersion"),
        });
        if let Some(field) = field {
            set(&mut involved, &["fieldPath"], field);
        }
        if super::object::namespace(object).is_empty() {
            unset(&mut involved, &["namespace"]);
        }
        let mut event = json!({
            "kind": "Event", "apiVersion": "v1", "metadata": {"name": event_name, "namespace": namespace},
            "involvedObject": involved, "reason": reason, "message": message, "type": level,
            "reportingComponent": self.component,
        });
        let stamp = self.api.clock().stamp();
        if let Some(action) = self.action {
            set(&mut event, &["action"], action);
            set(&mut event, &["eventTime"], self.moment());
            set(&mut event, &["firstTimestamp"], Json::Null);
            set(&mut event, &["lastTimestamp"], Json::Null);
            set(&mut event, &["source"], json!({}));
            set(&mut event, &["reportingInstance"], format!("{}-playground", self.component));
        } else {
            let mut source = json!({"component": self.component});
            if let Some(host) = &self.host {
                set(&mut source, &["host"], host.as_str());
            }
            set(&mut event, &["source"], source);
            set(&mut event, &["firstTimestamp"], stamp.as_str());
            set(&mut event, &["lastTimestamp"], stamp);
            set(&mut event, &["count"], 1);
            set(&mut event, &["eventTime"], Json::Null);
            set(&mut event, &["reportingInstance"], host);
        }
        if self.api.create(EVENTS, namespace, event, &self.write()).is_ok() {
            let mut correlator = self.correlator.lock().unwrap_or_else(PoisonError::into_inner);
            correlator.written(key, event_name);
        }
    }

    /// Counts an event once more; false if it is gone.
    fn again(&self, namespace: &str, event: &str, message: &str) -> bool {
        let counted = |event: &Json| {
            let mut event = event.clone();
            if self.action.is_some() {
                let count = int(&event, "/series/count").unwrap_or(1).saturating_add(1);
                set(&mut event, &["series"], json!({"count": count, "lastObservedTime": self.moment()}));
            } else {
                let count = int(&event, "/count").unwrap_or(1).saturating_add(1);
                set(&mut event, &["count"], count);
                set(&mut event, &["lastTimestamp"], self.api.clock().stamp());
                set(&mut event, &["message"], message);
            }
            Ok(event)
        };
        self.api.revise(EVENTS, namespace, event, &self.write(), counted).is_ok()
    }

    /// Now, to the microsecond.
    fn moment(&self) -> String {
        self.api.clock().now().strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
    }

    fn write(&self) -> Write {
        Write::by(self.component)
    }
}

/// When an event was last said.
pub(crate) fn last_said(event: &Json) -> &str {
    let stamps = ["/lastTimestamp", "/series/lastObservedTime", "/eventTime", "/metadata/creationTimestamp"];
    stamps.iter().map(|field| text(event, field)).find(|stamp| !stamp.is_empty()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
