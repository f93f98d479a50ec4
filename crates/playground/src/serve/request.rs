//! Requests: queries, bodies, and what they ask for.
//!
//! Invariant: a body is at most [`BODY`] bytes, and beyond its first [`UNIT`] it takes its memory from what all bodies may
//! take together, [`UNITS`] units: however many are sent, and however slowly.

use super::complaint::{complaint, summary};
use super::protobuf;
use super::route::{Target, percent};
use crate::api::{Delete, Patch, Selector, Status, Write};
use crate::resource::of_kind;
use crate::shape::decode::Unknown;
use bytes::Bytes;
use http::{HeaderMap, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::{Value as Json, json};
use std::time::Duration;
use tokio::sync::Semaphore;

/// The largest body, in bytes.
pub(super) const BODY: usize = 3 << 20;
/// What bodies take their memory in, in bytes; each has one for itself.
pub(super) const UNIT: usize = 16 << 10;
/// How many units all bodies may take together.
pub(super) const UNITS: usize = (128 << 20) / UNIT;
/// How long a body may take to arrive, waiting for memory included.
const PATIENCE: Duration = Duration::from_secs(10);
/// How much of a body that was refused for its size is read and forgotten, so that its sender comes to read why.
const FORGOTTEN: usize = 256 << 20;
/// The same for what was refused for another reason, as Go's server does it.
const LEFT: usize = 256 << 10;
/// How long that may take.
const LEAVING: Duration = Duration::from_millis(500);

/// The parameters of a query; of those that are given twice the first counts.
#[derive(Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn parse(text: Option<&str>) -> Result<Query, Status> {
        let pairs = text.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((percent(name, true)?, percent(value, true)?))
        });
        let pairs: Option<Vec<_>> = pairs.collect();
        pairs.map(Query).ok_or_else(|| Status::bad_request("the query is not validly encoded"))
    }

    pub(super) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(given, _)| given == name).map_or("", |(_, value)| value.as_str())
    }

    /// Gives a parameter a value, whatever was asked.
    pub(super) fn set(&mut self, name: &str, value: String) {
        self.0.retain(|(given, _)| given != name);
        self.0.push((name.to_owned(), value));
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        // A flag without a value is on, as in `?follow`.
        self.0.iter().any(|(given, value)| given == name && matches!(value.as_str(), "" | "true" | "1"))
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, Status> {
        let text = self.get(name);
        if text.is_empty() {
            return Ok(None);
        }
        let malformed = || format!("strconv.ParseInt: parsing \"{text}\": invalid syntax");
        match text.parse::<i64>() {
            // A negative number says nothing.
            Ok(number) => Ok(u64::try_from(number).ok()),
            Err(_) => Err(Status::bad_request(malformed())),
        }
    }

    pub(super) fn selector(&self, target: &Target) -> Result<Selector, Status> {
        Selector::parse(target.resource, self.get("labelSelector"), self.get("fieldSelector"))
    }

    pub(super) fn dry_run(&self) -> Result<bool, Status> {
        match self.get("dryRun") {
            "" => Ok(false),
            "All" => Ok(true),
            other => {
                let message =
                    format!("Unsupported value: []string{{\"{other}\"}}: supported values: \"All\"");
                let cause =
                    json!({"reason": "FieldValueNotSupported", "message": message, "field": "dryRun"});
                Err(Status::invalid_kind("meta.k8s.io", "CreateOptions", "", vec![cause]))
            }
        }
    }

    /// What becomes of fields that nobody knows.
    pub(super) fn unknown(&self) -> Result<Unknown, Status> {
        match self.get("fieldValidation") {
            "" | "Warn" => Ok(Unknown::Warn),
            "Ignore" => Ok(Unknown::Ignore),
            "Strict" => Ok(Unknown::Strict),
            other => {
                let message = format!(
                    "Unsupported value: \"{other}\": supported values: \"\", \"Ignore\", \"Strict\", \"Warn\""
                );
                let cause = json!({"reason": "FieldValueNotSupported", "message": message, "field": "fieldValidation"});
                Err(Status::invalid_kind("meta.k8s.io", "CreateOptions", "", vec![cause]))
            }
        }
    }

    /// How a write is meant.
    pub(super) fn write(&self, headers: &HeaderMap, target: &Target) -> Result<Write, Status> {
        let agent =
            headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or("unknown");
        let agent = agent.split('/').next().unwrap_or(agent);
        let manager = match self.get("fieldManager") {
            "" => agent,
            given => given,
        };
        Ok(Write {
            manager: manager.chars().take(128).collect(),
            dry_run: self.dry_run()?,
            subresource: target.subresource,
        })
    }
}

/// Reads a body.
///
/// # Errors
/// 413 when it is too large, 400 when it breaks off, 408 when it takes too long.
pub(super) async fn body(
    memory: &Semaphore,
    headers: &HeaderMap,
    body: &mut Incoming,
) -> Result<Bytes, Status> {
    let too_large = || {
        let message = format!("Request entity too large: limit is {BODY}");
        Status::plain(413, "RequestEntityTooLarge", message)
    };
    if announced(headers).is_some_and(|announced| announced > BODY as u64) {
        return Err(too_large());
    }
    let read = async {
        let (mut bytes, mut taken) = (Vec::new(), memory.try_acquire_many(0).ok());
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Status::bad_request("the body of the request broke off"))?;
            let Ok(data) = frame.into_data() else { continue };
            if bytes.len() + data.len() > BODY {
                return Err(too_large());
            }
            let units = |length: usize| length.saturating_sub(1) / UNIT;
            let more = units(bytes.len() + data.len()) - units(bytes.len());
            if more > 0 {
                let more = memory.acquire_many(u32::try_from(more).unwrap_or(u32::MAX)).await.ok();
                if let (Some(taken), Some(more)) = (&mut taken, more) {
                    taken.merge(more);
                }
            }
            bytes.extend_from_slice(&data);
        }
        Ok(Bytes::from(bytes))
    };
    match tokio::time::timeout(PATIENCE, read).await {
        Ok(read) => read,
        Err(_) => Err(Status::plain(408, "Timeout", "the body of the request took too long")),
    }
}

fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Reads on, and forgets, what the sender of a refused body is still sending: up to a point.
pub(super) async fn drain(headers: &HeaderMap, body: &mut Incoming, code: u16) {
    let (most, patience) = match code {
        // Who waits to be asked for it has sent nothing.
        413 if headers.contains_key(header::EXPECT) => return,
        413 => (FORGOTTEN, PATIENCE),
        408 => return,
        _ => (LEFT, LEAVING),
    };
    let read = async {
        let mut left = most;
        while let Some(Ok(frame)) = body.frame().await {
            left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
            if left == 0 {
                return;
            }
        }
    };
    // Too slow, or too much: then it does not see the answer.
    let _ = tokio::time::timeout(patience, read).await;
}

fn content_type(headers: &HeaderMap) -> &str {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    given.split(';').next().unwrap_or_default().trim()
}

fn unsupported(accepted: &str) -> Status {
    let message = format!(
        "the body of the request was in an unknown format - accepted media types include: {accepted}"
    );
    Status::plain(415, "UnsupportedMediaType", message)
}

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Json,
    Protobuf,
}

/// How a body is written, by its own word.
pub(super) fn encoding(headers: &HeaderMap) -> Result<Encoding, Status> {
    match content_type(headers) {
        "" | "application/json" | "*/*" => Ok(Encoding::Json),
        "application/vnd.kubernetes.protobuf" => Ok(Encoding::Protobuf),
        _ => Err(unsupported("application/json, application/vnd.kubernetes.protobuf")),
    }
}

/// The kind of patch that a body is.
pub(super) fn patch_kind(headers: &HeaderMap, query: &Query) -> Result<Patch, Status> {
    let kind = content_type(headers);
    if query.flag("force") && kind != "application/apply-patch+yaml" {
        let message = "Forbidden: may not be specified for non-apply patch";
        let cause = json!({"reason": "FieldValueForbidden", "message": message, "field": "force"});
        return Err(Status::invalid_kind("meta.k8s.io", "PatchOptions", "", vec![cause]));
    }
    match kind {
        "application/json-patch+json" => Ok(Patch::Json),
        "application/merge-patch+json" => Ok(Patch::Merge),
        "application/strategic-merge-patch+json" => Ok(Patch::Strategic),
        "application/apply-patch+yaml" => Ok(Patch::Apply { force: query.flag("force") }),
        _ => Err(unsupported(
            "application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, application/apply-patch+yaml",
        )),
    }
}

/// A body as JSON.
pub(super) fn parse(encoding: Encoding, body: &[u8], kind: &str) -> Result<Json, Status> {
    if encoding == Encoding::Protobuf {
        return protobuf::object(body);
    }
    serde_json::from_slice(body).map_err(|_| {
        let (why, shown) = (complaint(body), summary(body));
        Status::bad_request(format!(
            "the object provided is unrecognized (must be of type {kind}): couldn't get version/kind; json parse error: {why} ({shown})"
        ))
    })
}

/// The body of a patch.
pub(super) fn patch(kind: Patch, body: &[u8]) -> Result<Json, Status> {
    serde_json::from_slice(body).map_err(|_| {
        let why = complaint(body);
        Status::bad_request(match kind {
            Patch::Json => why,
            Patch::Merge | Patch::Strategic => format!("error decoding patch: {why}"),
            Patch::Apply { .. } => format!("error decoding YAML: {why}"),
        })
    })
}

/// A body as an object of the target's kind and version.
pub(super) fn object(encoding: Encoding, body: &[u8], target: &Target) -> Result<Json, Status> {
    let (kind, version) = match target.subresource {
        Some("scale") => ("Scale", "autoscaling/v1".to_owned()),
        Some("binding") => ("Binding", "v1".to_owned()),
        Some("eviction") => ("Eviction", String::new()),
        _ => (target.resource.kind, target.resource.api_version(target.version)),
    };
    let object = parse(encoding, body, kind)?;
    if !object.is_object() {
        return Err(Status::bad_request(format!(
            "the object provided is unrecognized (must be of type {kind}): couldn't get version/kind; json parse error: the body is not a JSON object"
        )));
    }
    let (given_kind, given_version) =
        (object["kind"].as_str().unwrap_or_default(), object["apiVersion"].as_str().unwrap_or_default());
    let message = if !given_kind.is_empty() && given_kind != kind {
        let short = given_version.rsplit('/').next().unwrap_or_default();
        format!(
            "{given_kind} in version \"{short}\" cannot be handled as a {kind}: converting ({short}.{given_kind}) to ({}.{kind}): unknown conversion",
            package(target, kind)
        )
    } else if !given_version.is_empty() && !version.is_empty() && !is_served(given_version, kind) {
        let short = given_version.rsplit('/').next().unwrap_or_default();
        format!(
            "{kind} in version \"{short}\" cannot be handled as a {kind}: no kind \"{kind}\" is registered for version \"{given_version}\" in scheme \"pkg/api/legacyscheme/scheme.go:30\""
        )
    } else if !given_version.is_empty() && !version.is_empty() && given_version != version {
        format!(
            "the API version in the data ({given_version}) does not match the expected API version ({version})"
        )
    } else {
        return Ok(object);
    };
    Err(Status::bad_request(message))
}

/// Where a real server keeps its own form of a kind: `core`, `apps`, `networking`.
fn package(target: &Target, kind: &str) -> &'static str {
    match (kind, target.resource.group.split('.').next()) {
        ("Scale", _) => "autoscaling",
        ("Eviction", _) => "policy",
        (_, None | Some("")) => "core",
        (_, Some(group)) => group,
    }
}

/// Whether there is such a kind in a version as objects name it.
fn is_served(version: &str, kind: &str) -> bool {
    let (group, short) = version.rsplit_once('/').unwrap_or(("", version));
    matches!(kind, "Scale" | "Binding" | "Eviction")
        || of_kind(group, kind).is_some_and(|resource| resource.versions.contains(&short))
}

/// What `DeleteOptions`, in a body or a query, ask for.
pub(super) fn delete_options(options: &Json, query: &Query) -> Result<Delete, Status> {
    let text = |value: &Json| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let grace_period = match &options["gracePeriodSeconds"] {
        Json::Null => query.number("gracePeriodSeconds")?,
        given => match given.as_i64() {
            // A negative one is the smallest there is.
            Some(seconds) => Some(u64::try_from(seconds).unwrap_or(1)),
            None => return Err(Status::bad_request("gracePeriodSeconds must be a number")),
        },
    };
    let orphan = options["orphanDependents"].as_bool().or(match query.get("orphanDependents") {
        "" => None,
        given => Some(given == "true"),
    });
    if let (Some(policy), Some(_)) = (text(&options["propagationPolicy"]), orphan) {
        let message =
            format!("Invalid value: {policy:?}: orphanDependents and deletionPropagation cannot be both set");
        let cause = json!({"reason": "FieldValueInvalid", "message": message, "field": "propagationPolicy"});
        return Err(Status::invalid_kind("meta.k8s.io", "DeleteOptions", "", vec![cause]));
    }
    let propagation = text(&options["propagationPolicy"])
        .or_else(|| Some(query.get("propagationPolicy").to_owned()).filter(|given| !given.is_empty()))
        .or_else(|| orphan.map(|orphan| if orphan { "Orphan" } else { "Background" }.to_owned()));
    let dry_run =
        options["dryRun"].as_array().is_some_and(|stages| stages.iter().any(|stage| stage == "All"));
    Ok(Delete {
        grace_period,
        propagation,
        uid: text(&options["preconditions"]["uid"]),
        resource_version: text(&options["preconditions"]["resourceVersion"]),
        dry_run: dry_run || query.dry_run()?,
    })
}
