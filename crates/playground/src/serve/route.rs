//! From a path to what it means.
//!
//! Invariant: a path is decoded once, strictly: what is not UTF-8, or hides a slash, means nothing.

use crate::resource::{RESOURCES, Resource};

/// What a path means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// Objects of a resource in one of its versions.
    Objects(Target),
    /// `/api` or `/apis`.
    Groups {
        /// `/api`.
        core: bool,
    },
    /// `/apis/apps`.
    Group(String),
    /// `/api/v1`, `/apis/apps/v1`: group and version.
    Version(String, String),
    /// `/openapi/v2`.
    Swagger,
    /// `/openapi/v3`, or the document of a group and version below it.
    OpenApi(Option<(String, String)>),
    /// The definitions of further kinds, for which kubectl asks when it meets one that it does not know.
    Definitions,
    /// POST of an access review.
    AccessReview,
    /// POST of a Binding in a namespace.
    Bindings(String),
    /// `/healthz`, `/livez`, `/readyz`.
    Health,
    /// `/version`.
    About,
    /// `/`.
    Index,
    /// A path below a group that exists, and means nothing.
    Nothing,
    /// Not an API path at all.
    Unknown,
}

/// Objects that a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) resource: &'static Resource,
    pub(super) version: &'static str,
    pub(super) namespace: Option<String>,
    pub(super) name: Option<String>,
    pub(super) subresource: Option<&'static str>,
}

/// Reads a path, as it stands in the request line.
pub(super) fn route(path: &str) -> Route {
    let Some(parts) = decode(path) else { return Route::Unknown };
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    match parts.as_slice() {
        [] => Route::Index,
        ["healthz" | "livez" | "readyz", ..] => Route::Health,
        ["version"] => Route::About,
        ["openapi", "v2"] => Route::Swagger,
        ["openapi", "v3"] => Route::OpenApi(None),
        ["openapi", "v3", "api", version] => Route::OpenApi(Some((String::new(), (*version).to_owned()))),
        ["openapi", "v3", "apis", group, version] => {
            Route::OpenApi(Some(((*group).to_owned(), (*version).to_owned())))
        }
        ["api"] => Route::Groups { core: true },
        ["apis"] => Route::Groups { core: false },
        ["api", version] => Route::Version(String::new(), (*version).to_owned()),
        ["apis", group] => Route::Group((*group).to_owned()),
        ["apis", group, version] => Route::Version((*group).to_owned(), (*version).to_owned()),
        ["apis", "authorization.k8s.io", "v1", "selfsubjectaccessreviews"] => Route::AccessReview,
        ["apis", "apiextensions.k8s.io", "v1", "customresourcedefinitions"] => Route::Definitions,
        ["api", "v1", "namespaces", namespace, "bindings"] => Route::Bindings((*namespace).to_owned()),
        // The old way to watch: what is watched is named after the word.
        ["api", version, "watch", rest @ ..] => objects("", version, rest),
        ["apis", group, version, "watch", rest @ ..] => objects(group, version, rest),
        ["api", version, rest @ ..] => objects("", version, rest),
        ["apis", group, version, rest @ ..] => objects(group, version, rest),
        _ => Route::Unknown,
    }
}

/// Whether a path is the old way to watch, `/api/v1/watch/…`.
pub(super) fn is_watch(path: &str) -> bool {
    let mut parts = path.split('/').skip(1);
    match parts.next() {
        Some("api") => parts.nth(1) == Some("watch"),
        Some("apis") => parts.nth(2) == Some("watch"),
        _ => false,
    }
}

fn objects(group: &str, version: &str, rest: &[&str]) -> Route {
    let (namespace, rest) = match rest {
        // A namespace itself has subresources, not resources, of these names.
        ["namespaces", _, "status" | "finalize"] if group.is_empty() => (None, rest),
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (Some((*namespace).to_owned()), rest),
        rest => (None, rest),
    };
    let (plural, name, subresource) = match rest {
        [plural] => (*plural, None, None),
        [plural, name] => (*plural, Some(*name), None),
        [plural, name, subresource] => (*plural, Some(*name), Some(*subresource)),
        _ => return Route::Nothing,
    };
    let found = RESOURCES.iter().find(|resource| resource.group == group && resource.plural == plural);
    let Some(resource) = found else { return Route::Nothing };
    let Some(version) = resource.versions.iter().find(|served| **served == version) else {
        return Route::Nothing;
    };
    if namespace.is_some() != resource.namespaced && (namespace.is_some() || name.is_some()) {
        return Route::Nothing;
    }
    let subresource = match subresource {
        None => None,
        Some(asked) => match resource.subresources.iter().find(|served| **served == asked) {
            Some(served) => Some(*served),
            None => return Route::Nothing,
        },
    };
    Route::Objects(Target { resource, version, namespace, name: name.map(str::to_owned), subresource })
}

/// The parts of a path, decoded. A slash at the end does not count.
fn decode(path: &str) -> Option<Vec<String>> {
    let path = path.strip_prefix('/')?;
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.is_empty() {
        return Some(Vec::new());
    }
    path.split('/')
        .map(|part| {
            let part = percent(part, false)?;
            let sane = !part.is_empty() && part != "." && part != ".." && !part.contains(['/', '\0']);
            sane.then_some(part)
        })
        .collect()
}

/// Decodes `%41`; in queries a plus is a space. `None` for what is malformed or not UTF-8.
pub(super) fn percent(text: &str, plus: bool) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let (high, low) = (hex(rest.next()?)?, hex(rest.next()?)?);
                high * 16 + low
            }
            b'+' if plus => b' ',
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, expected: &str) {
        let got = match route(path) {
            Route::Objects(target) => format!(
                "{} {} {} {} {}",
                target.resource.key,
                target.version,
                target.namespace.as_deref().unwrap_or("-"),
                target.name.as_deref().unwrap_or("-"),
                target.subresource.unwrap_or("-")
            ),
            other => format!("{other:?}"),
        };
        assert_eq!(got, expected, "{path}");
    }

    #[test]
    fn paths() {
        for (path, expected) in [
            ("/", "Index"),
            ("/api/v1/pods", "/pods v1 - - -"),
            ("/api/v1/namespaces", "/namespaces v1 - - -"),
            ("/api/v1/namespaces/n", "/namespaces v1 - n -"),
            ("/api/v1/namespaces/n/finalize", "/namespaces v1 - n finalize"),
            ("/api/v1/namespaces/n/pods/a%2Db/log", "/pods v1 n a-b log"),
            ("/apis/apps/v1/namespaces/n/deployments/d/scale", "apps/deployments v1 n d scale"),
            ("/apis/policy/v1beta1/poddisruptionbudgets", "policy/poddisruptionbudgets v1beta1 - - -"),
            ("/apis/apps/v1beta1/deployments", "Nothing"),
            ("/apis/apps/v1/namespaces/n/deployments/d/log", "Nothing"),
            ("/api/v1/namespaces/n/nodes", "Nothing"),
            ("/api/v1/pods/a", "Nothing"),
            ("/api/v1/namespaces/n/pods/a%2Fb", "Unknown"),
            ("/api/v1/namespaces/n/pods/..", "Unknown"),
            ("/api/v1/namespaces/n/pods/%ff", "Unknown"),
            ("/api/v1/namespaces/n/pods/%4", "Unknown"),
            ("/api/v1//pods", "Unknown"),
            ("/livez/ping", "Health"),
            ("/openapi/v3/apis/apps/v1", "OpenApi(Some((\"apps\", \"v1\")))"),
        ] {
            check(path, expected);
        }
    }
}
