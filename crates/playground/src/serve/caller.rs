//! Who asks, and what somebody without a name is told.
//!
//! Invariant: a token is compared in the same time, wherever it differs.

use super::route::Route;
use crate::api::Status;
use http::request::Parts;
use serde_json::json;

/// Who asks.
pub(super) enum Caller {
    Administrator,
    /// Who says nothing that is understood.
    Anonymous,
    /// Whose token is wrong.
    Unknown,
}

/// Who a request comes from; without a `token` everybody is let in.
pub(super) fn caller(token: Option<&str>, parts: &Parts) -> Caller {
    let Some(token) = token else { return Caller::Administrator };
    let given = parts.headers.get(http::header::AUTHORIZATION).map(http::HeaderValue::as_bytes);
    let given = given.and_then(|given| given.split_at_checked(7));
    let given = given.filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"Bearer "));
    let Some((_, given)) = given.map(|(scheme, given)| (scheme, given.trim_ascii())) else {
        return Caller::Anonymous;
    };
    if given.is_empty() {
        return Caller::Anonymous;
    }
    // Every byte is compared, whatever the first that differs.
    let same = given.len() == token.len()
        && given.iter().zip(token.as_bytes()).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0;
    if same { Caller::Administrator } else { Caller::Unknown }
}

/// What somebody without a name is told: it may do nothing here.
pub(super) fn forbidden(meant: &Route, parts: &Parts) -> Status {
    const WHO: &str = "User \"system:anonymous\" cannot";
    let Route::Objects(target) = meant else {
        let (verb, path) = (parts.method.as_str().to_lowercase(), parts.uri.path());
        let message = format!("forbidden: {WHO} {verb} path \"{path}\"");
        return Status { details: json!({}), ..Status::plain(403, "Forbidden", message) };
    };
    let watched = parts.uri.query().is_some_and(|query| query.contains("watch="));
    let verb = match (parts.method.as_str(), &target.name) {
        ("GET" | "HEAD", _) if watched => "watch",
        ("GET" | "HEAD", None) => "list",
        ("GET" | "HEAD", Some(_)) => "get",
        ("PUT", _) => "update",
        ("PATCH", _) => "patch",
        ("DELETE", None) => "deletecollection",
        ("DELETE", Some(_)) => "delete",
        _ => "create",
    };
    let (resource, group) = (target.resource.plural, target.resource.group);
    let subresource = target.subresource.map(|name| format!("/{name}")).unwrap_or_default();
    let place = match &target.namespace {
        Some(namespace) => format!("in the namespace \"{namespace}\""),
        None => "at the cluster scope".to_owned(),
    };
    let why = format!("{WHO} {verb} resource \"{resource}{subresource}\" in API group \"{group}\" {place}");
    let mut status = Status::forbidden(target.resource, target.name.as_deref().unwrap_or_default(), &why);
    status.message = status.message.replacen(" \"\" is forbidden", " is forbidden", 1);
    status
}
