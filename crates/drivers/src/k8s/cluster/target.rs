//! What a request is about: a resource, perhaps in a namespace, perhaps one object of it; and the paths that name it.

use serde_json::Value as Json;
use std::borrow::Cow;
use std::fmt;

/// A kind of object as the server serves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resource {
    /// API group, empty for the core group.
    pub group: Cow<'static, str>,
    /// Version within the group.
    pub version: Cow<'static, str>,
    /// The word in paths: `pods`.
    pub plural: Cow<'static, str>,
    /// The word in objects: `Pod`.
    pub kind: Cow<'static, str>,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
}

impl Resource {
    /// A namespaced resource that every server has.
    pub(crate) const fn known(group: &'static str, plural: &'static str, kind: &'static str) -> Resource {
        Resource {
            group: Cow::Borrowed(group),
            version: Cow::Borrowed("v1"),
            plural: Cow::Borrowed(plural),
            kind: Cow::Borrowed(kind),
            namespaced: true,
        }
    }

    /// `apps/v1`, or `v1` for the core group.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_string()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// Its objects in a namespace.
    pub(crate) fn within(&self, namespace: &str) -> Target {
        let namespace = self.namespaced.then(|| namespace.to_owned());
        Target { resource: self.clone(), namespace, name: None, part: None }
    }
}

/// Pods.
pub(crate) static PODS: Resource = Resource::known("", "pods", "Pod");
/// Deployments.
pub(crate) static DEPLOYMENTS: Resource = Resource::known("apps", "deployments", "Deployment");

/// What a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// The kind of object.
    pub resource: Resource,
    /// The namespace, none for what lives in none.
    pub namespace: Option<String>,
    /// One object, or the whole collection.
    pub name: Option<String>,
    /// A subresource: `log`.
    pub part: Option<&'static str>,
}

impl Target {
    /// A version of an API group itself, which lists its resources.
    pub(crate) fn version(group: &str, version: &str) -> Target {
        let resource = Resource {
            group: Cow::Owned(group.to_owned()),
            version: Cow::Owned(version.to_owned()),
            plural: Cow::Borrowed(""),
            kind: Cow::Borrowed(""),
            namespaced: false,
        };
        Target { resource, namespace: None, name: None, part: None }
    }

    /// The collection of a kind that is known by its names; without a namespace for what lives in none.
    pub(crate) fn of(api_version: &str, kind: &str, plural: &str, namespace: Option<&str>) -> Target {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let resource = Resource {
            group: Cow::Owned(group.to_owned()),
            version: Cow::Owned(version.to_owned()),
            plural: Cow::Owned(plural.to_owned()),
            kind: Cow::Owned(kind.to_owned()),
            namespaced: namespace.is_some(),
        };
        Target { resource, namespace: namespace.map(str::to_owned), name: None, part: None }
    }

    /// One object of the collection.
    pub(crate) fn named(mut self, name: &str) -> Target {
        self.name = Some(name.to_owned());
        self
    }

    /// A subresource of the object.
    pub(crate) fn part(mut self, part: &'static str) -> Target {
        self.part = Some(part);
        self
    }

    /// The collection that the object is in.
    pub(crate) fn collection(&self) -> Target {
        Target { name: None, part: None, ..self.clone() }
    }

    /// The path, each segment escaped.
    pub(crate) fn path(&self) -> String {
        let Resource { group, version, plural, .. } = &self.resource;
        let mut path = if group.is_empty() {
            format!("/api/{}", escaped(version))
        } else {
            format!("/apis/{}/{}", escaped(group), escaped(version))
        };
        let mut add = |segment: &str| {
            path.push('/');
            path.push_str(&escaped(segment));
        };
        if let Some(namespace) = &self.namespace {
            add("namespaces");
            add(namespace);
        }
        if !plural.is_empty() {
            add(plural);
        }
        if let Some(name) = &self.name {
            add(name);
        }
        if let Some(part) = self.part {
            add(part);
        }
        path
    }

    /// A right on it, as a sentence goes on: `list pods in namespace shop`.
    pub(crate) fn right(&self, verb: &str) -> String {
        let part = self.part.map(|part| format!("/{part}")).unwrap_or_default();
        let group =
            if self.resource.group.is_empty() { String::new() } else { format!(".{}", self.resource.group) };
        let place = self.namespace.as_ref().map(|ns| format!(" in namespace {ns}")).unwrap_or_default();
        format!("{verb} {}{group}{part}{place}", self.resource.plural)
    }
}

impl fmt::Display for Target {
    /// `Pod shop/cart-1`, `pods in namespace shop`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, &self.namespace) {
            (Some(name), Some(namespace)) => write!(f, "{} {namespace}/{name}", self.resource.kind),
            (Some(name), None) => write!(f, "{} {name}", self.resource.kind),
            (None, Some(namespace)) => write!(f, "{} in namespace {namespace}", self.resource.plural),
            (None, None) if self.resource.plural.is_empty() => {
                write!(f, "API version {}", self.resource.api_version())
            }
            (None, None) => f.write_str(&self.resource.plural),
        }
    }
}

/// Which objects of a collection, and other parameters of a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(Vec<(&'static str, String)>);

impl Query {
    /// With one more parameter.
    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Query {
        self.0.push((name, value.into()));
        self
    }

    /// The objects that a label selector chooses, all of them without one.
    pub(crate) fn labelled(selector: Option<&str>) -> Query {
        let query = Query::default();
        match selector {
            Some(selector) => query.with("labelSelector", selector),
            None => query,
        }
    }

    /// `?a=b&c=d`, or nothing.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for (name, value) in &self.0 {
            text.push(if text.is_empty() { '?' } else { '&' });
            text.push_str(name);
            text.push('=');
            // A blank is `+` in a query, as the Toolkit's client writes it.
            text.push_str(&escaped(value).replace("%20", "+"));
        }
        text
    }
}

/// Everything but unreserved characters as `%XX`.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// The resource of this kind among those that `/apis/GROUP/VERSION` lists.
pub(crate) fn served(list: &Json, group: &str, version: &str, kind: &str) -> Option<Resource> {
    list["resources"].as_array()?.iter().find_map(|entry| {
        let plural = entry["name"].as_str().filter(|name| !name.contains('/'))?;
        (entry["kind"] == kind).then(|| Resource {
            group: Cow::Owned(group.to_owned()),
            version: Cow::Owned(version.to_owned()),
            plural: Cow::Owned(plural.to_owned()),
            kind: Cow::Owned(kind.to_owned()),
            namespaced: entry["namespaced"] == true,
        })
    })
}
