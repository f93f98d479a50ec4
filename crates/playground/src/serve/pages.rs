//! Lists and their pages.
//!
//! Invariant: the pages of a list show one revision, whatever is written between them.

use super::answer::{self, Body, Form, Page};
use super::request::Query;
use super::route::Target;
use super::watch;
use crate::api::{Api, Status};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Response;
use serde_json::{Value as Json, json};

/// A list, or a page of it.
pub(super) fn list(api: &Api, target: &Target, form: Form, query: &Query) -> Result<Response<Body>, Status> {
    let selector = query.selector(target)?;
    let limit = query.number("limit")?.filter(|limit| *limit > 0);
    let asked = watch::revision(query)?;
    let matching = query.get("resourceVersionMatch");
    if !matching.is_empty() && query.get("resourceVersion").is_empty() {
        let message = "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided";
        let cause =
            json!({"reason": "FieldValueForbidden", "message": message, "field": "resourceVersionMatch"});
        return Err(Status::invalid_kind("meta.k8s.io", "ListOptions", "", vec![cause]));
    }
    if !matches!(matching, "" | "Exact" | "NotOlderThan") {
        let message =
            format!("Unsupported value: {matching:?}: supported values: \"Exact\", \"NotOlderThan\", \"\"");
        let cause =
            json!({"reason": "FieldValueNotSupported", "message": message, "field": "resourceVersionMatch"});
        return Err(Status::invalid_kind("meta.k8s.io", "ListOptions", "", vec![cause]));
    }
    if !query.get("continue").is_empty() && !matches!(query.get("resourceVersion"), "" | "0") {
        return Err(Status::bad_request("specifying resource version is not allowed when using continue"));
    }
    let namespace = target.namespace.as_deref();
    let (mut objects, revision) = match token(query.get("continue"))? {
        Some((revision, after)) => {
            let mut objects = api.list_at(target.resource, namespace, revision).map_err(|status| {
                let message = "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.";
                if status.code == 410 { Status::plain(410, "Expired", message) } else { status }
            })?;
            objects.retain(|object| place(object) > after);
            (objects, revision)
        }
        None => match asked {
            Some(asked) if matching == "Exact" => (api.list_at(target.resource, namespace, asked)?, asked),
            Some(asked) if asked > api.store().revision() => {
                // Says when such a revision can be had.
                (api.list_at(target.resource, namespace, asked)?, asked)
            }
            _ => api.list(target.resource, namespace),
        },
    };
    let whole = objects.len();
    objects.retain(|object| selector.selects(object));
    let mut page = Page { revision, next: None, remaining: None };
    if let Some(limit) = limit.and_then(|limit| usize::try_from(limit).ok())
        && objects.len() > limit
    {
        objects.truncate(limit);
        if selector.is_empty() {
            page.remaining = Some(whole - limit);
        }
        page.next = objects.last().map(|last| {
            let (namespace, name) = place(last);
            let start = json!({"v": "meta.k8s.io/v1", "rv": revision, "start": [namespace, name]});
            URL_SAFE_NO_PAD.encode(start.to_string())
        });
    }
    Ok(answer::list(target, form, objects, &page))
}

/// Where an object stands in a list.
fn place(object: &Json) -> (String, String) {
    let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
    (text("namespace"), text("name"))
}

/// Where a page starts: the revision of its list, and after which namespace and name.
type Start = (u64, (String, String));

/// Reads a continue token: the revision of the list, and the last object that was sent.
fn token(text: &str) -> Result<Option<Start>, Status> {
    if text.is_empty() {
        return Ok(None);
    }
    let read = || -> Option<Start> {
        let token: Json = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let part = |n: usize| token["start"][n].as_str().map(str::to_owned);
        Some((token["rv"].as_u64()?, (part(0)?, part(1)?)))
    };
    match read() {
        Some(token) => Ok(Some(token)),
        None => Err(Status::bad_request(
            "invalid continue token: continue key is not valid: illegal base64 or contents",
        )),
    }
}
