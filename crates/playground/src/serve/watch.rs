//! Watches over HTTP: a body of JSON lines that is written as fast as its reader reads, and no faster.
//!
//! Invariant: between two reads a watch holds a cursor and at most one buffer of [`BATCH`] bytes and one event, which it
//! shares with all that are told the same; a reader who falls further behind than the store remembers is told so with
//! `Expired`, and the watch ends. Not here: readers that stopped altogether ([`super::pace`]).

use super::answer::{Body, Form, metadata_only, push};
use super::encoded::{Encoded, Wording};
use super::request::Query;
use super::route::Target;
use crate::api::{Api, Clock, Selector, Status};
use crate::store::{Change, ChangeKind, Watch, revision_of};
use bytes::Bytes;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use jiff::Timestamp;
use serde_json::{Value as Json, json};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Events that are ready are sent together up to about this size.
const BATCH: usize = 16 << 10;
/// Events from this size on are sent as they are, not copied into a batch.
const LARGE: usize = 4 << 10;
/// How often a watch that asked for bookmarks gets one.
const BOOKMARK: Duration = Duration::from_secs(60);
/// How long a watch lasts that does not say.
const LASTS: Duration = Duration::from_secs(45 * 60);

struct Events {
    target: Target,
    form: Form,
    clock: Clock,
    selector: Selector,
    watch: Watch,
    initial: std::vec::IntoIter<Arc<Json>>,
    /// Whether a bookmark is due that tells the end of the initial events.
    initial_end: bool,
    bookmark: Option<Instant>,
    end: Instant,
    headed: bool,
    over: bool,
    encoded: Arc<Encoded>,
    /// What is to be sent next: small events, and then a large one.
    batch: Vec<u8>,
    large: Option<Bytes>,
}

/// Begins a watch.
///
/// # Errors
/// 400 for a query that is malformed; 410 and 504 for a revision that cannot be had.
pub(super) fn begin(
    api: &Api,
    encoded: &Arc<Encoded>,
    target: &Target,
    form: Form,
    query: &Query,
) -> Result<Body, Status> {
    let mut selector = query.selector(target)?;
    if let Some(name) = &target.name {
        let fields = format!("metadata.name={name}");
        selector = Selector::parse(target.resource, query.get("labelSelector"), &fields)?;
    }
    let initial_events = query.flag("sendInitialEvents");
    let from = revision(query)?;
    let (initial, revision) = match from {
        Some(from) if from > 0 && !initial_events => (Vec::new(), from),
        _ => api.list(target.resource, target.namespace.as_deref()),
    };
    let watch = api.watch(target.resource, target.namespace.clone(), revision)?;
    let lasts = query.number("timeoutSeconds")?.filter(|seconds| *seconds > 0);
    let now = Instant::now();
    let events = Events {
        target: target.clone(),
        form,
        clock: api.clock(),
        watch,
        initial: initial
            .into_iter()
            .filter(|object| selector.selects(object))
            .collect::<Vec<_>>()
            .into_iter(),
        selector,
        initial_end: initial_events,
        bookmark: query.flag("allowWatchBookmarks").then(|| now + BOOKMARK),
        end: now + lasts.map_or(LASTS, |seconds| Duration::from_secs(seconds.min(86_400))),
        headed: false,
        over: false,
        encoded: encoded.clone(),
        batch: Vec::new(),
        large: None,
    };
    let stream = futures_util::stream::unfold(events, |mut events| async move {
        let bytes = events.next().await?;
        Some((Ok::<_, Infallible>(Frame::data(bytes)), events))
    });
    Ok(StreamBody::new(stream).boxed_unsync())
}

/// The parameter `resourceVersion`.
pub(super) fn revision(query: &Query) -> Result<Option<u64>, Status> {
    let text = query.get("resourceVersion");
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| {
        let message =
            format!("Invalid value: \"{text}\": strconv.ParseUint: parsing \"{text}\": invalid syntax");
        let cause = json!({"reason": "FieldValueInvalid", "message": message, "field": "resourceVersion"});
        Status::invalid_kind("meta.k8s.io", "ListOptions", "", vec![cause])
    })
}

impl Events {
    /// The next bytes; `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            self.ready();
            if !self.batch.is_empty() {
                return Some(Bytes::from(std::mem::take(&mut self.batch)));
            }
            if let Some(large) = self.large.take() {
                return Some(large);
            }
            if self.over {
                return None;
            }
            let bookmark = self.bookmark.unwrap_or(self.end).min(self.end);
            tokio::select! {
                change = self.watch.next() => match change {
                    Ok(change) => self.change(&change),
                    Err(expired) => self.expired(expired),
                },
                () = tokio::time::sleep_until(bookmark) => {
                    if self.bookmark.is_some() {
                        self.bookmark = Some(bookmark + BOOKMARK);
                        self.mark(false);
                    }
                    self.over = bookmark >= self.end;
                }
            }
        }
    }

    /// What can be said without waiting, up to the size of a batch or one large event.
    fn ready(&mut self) {
        while self.batch.len() < BATCH && self.large.is_none() && !self.over {
            if let Some(object) = self.initial.next() {
                let revision = revision_of(&object).unwrap_or_default();
                self.event("ADDED", &object, revision, false);
                continue;
            }
            if std::mem::take(&mut self.initial_end) {
                self.mark(true);
                continue;
            }
            match self.watch.next_now() {
                Ok(Some(change)) => self.change(&change),
                Ok(None) => return,
                Err(expired) => self.expired(expired),
            }
        }
    }

    fn expired(&mut self, expired: crate::store::Expired) {
        let status = Status::plain(410, "Expired", expired.to_string()).to_json();
        line("ERROR", &status, &mut self.batch);
        self.over = true;
    }

    /// A selector sees objects come into its view and leave it.
    fn change(&mut self, change: &Change) {
        let before = change.before.as_ref().filter(|before| self.selector.selects(before));
        let after = change.kind != ChangeKind::Deleted && self.selector.selects(&change.object);
        let revision = change.revision;
        match (before, after) {
            (None, true) => self.event("ADDED", &change.object, revision, false),
            (Some(_), true) => self.event("MODIFIED", &change.object, revision, false),
            (Some(_), false) if change.kind == ChangeKind::Deleted => {
                self.event("DELETED", &change.object, revision, false);
            }
            (Some(before), false) => {
                let mut last = before.as_ref().clone();
                last["metadata"]["resourceVersion"] = revision.to_string().into();
                self.event("DELETED", &last, revision, true);
            }
            (None, false) => {}
        }
    }

    /// Says what happened to an object, in the words that others are told too.
    fn event(&mut self, kind: &'static str, object: &Json, revision: u64, left: bool) {
        let form = match self.form {
            Form::Table(rows) => {
                // Ages are in whole seconds, so what is told within one is the same.
                let second = self.clock.now().as_second();
                Form::Table(rows.at(Timestamp::from_second(second).unwrap_or_default()))
            }
            form => form,
        };
        // The columns are told once.
        let headed = matches!(form, Form::Table(_)) && std::mem::replace(&mut self.headed, true);
        let wording = Wording { revision, kind, left, version: self.target.version, form, headed };
        let target = &self.target;
        let words = self.encoded.get(wording, || {
            let mut bytes = Vec::new();
            match form {
                Form::Plain | Form::Discovery(_) => line(kind, &target.served(object), &mut bytes),
                Form::Metadata => line(kind, &metadata_only(object), &mut bytes),
                Form::Table(rows) => {
                    let mut table = rows.row(target, object);
                    if headed {
                        table["columnDefinitions"] = Json::Null;
                    }
                    line(kind, &table, &mut bytes);
                }
            }
            bytes
        });
        if words.len() < LARGE {
            self.batch.extend_from_slice(&words);
        } else {
            self.large = Some(words);
        }
    }

    fn mark(&mut self, initial_end: bool) {
        let mut object = json!({
            "kind": self.target.resource.kind,
            "apiVersion": self.target.resource.api_version(self.target.version),
            "metadata": {"resourceVersion": self.watch.seen().to_string(), "creationTimestamp": null},
        });
        if initial_end {
            object["metadata"]["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        line("BOOKMARK", &object, &mut self.batch);
    }
}

fn line(kind: &str, object: &Json, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(b"{\"type\":\"");
    bytes.extend_from_slice(kind.as_bytes());
    bytes.extend_from_slice(b"\",\"object\":");
    push(bytes, object);
    bytes.extend_from_slice(b"}\n");
}
