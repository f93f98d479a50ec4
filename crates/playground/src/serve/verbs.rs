//! From a request to the verb of [`Api`] that it means, and back.

use super::answer::{self, Body, Form, Page};
use super::caller::{Caller, caller, forbidden};
use super::encoded::Encoded;
use super::pace::Peer;
use super::pages::list;
use super::request::{self, Query};
use super::route::{Route, Target, is_watch, route};
use super::{discovery, logs, openapi, swagger, watch};
use crate::api::{Api, Delete, Patch, Status, Write};
use crate::resource::find;
use crate::shape::decode::{self, Unknown};
use crate::shape::version;
use http::{Method, Request, Response, StatusCode, request::Parts};
use hyper::body::Incoming;
use serde_json::{Value as Json, json};
use std::borrow::Cow;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// What answering needs.
pub(super) struct Service {
    pub(super) api: Api,
    /// The token that lets in; `None` lets everybody in.
    pub(super) token: Option<String>,
    /// Where clients reach the server: `127.0.0.1:6443`.
    pub(super) address: String,
    /// What bodies may take together, in units of [`request::UNIT`].
    pub(super) bodies: Semaphore,
    /// What watchers were told last.
    pub(super) encoded: Arc<Encoded>,
}

impl Target {
    /// An object in the version that is asked for.
    pub(super) fn served<'a>(&self, object: &'a Json) -> Cow<'a, Json> {
        if self.version == self.resource.versions[0] {
            return Cow::Borrowed(object);
        }
        Cow::Owned(version::to_version(self.resource, self.version, object.clone()))
    }

    /// An object that was sent, as it is stored, and warnings about it.
    ///
    /// # Errors
    /// 400 for a field of another type; with strict validation for an unknown one too.
    fn sent(&self, mut object: Json, query: &Query) -> Result<(Json, Vec<String>), Status> {
        let warnings = decode::check(self.resource, self.version, &mut object, query.unknown()?)?;
        let object = if self.version == self.resource.versions[0] {
            object
        } else {
            version::from_version(self.resource, self.version, object)
        };
        Ok((object, warnings))
    }

    fn namespace(&self) -> &str {
        self.namespace.as_deref().unwrap_or_default()
    }
}

/// Answers a request.
pub(super) async fn answer(service: Arc<Service>, peer: &Peer, request: Request<Incoming>) -> Response<Body> {
    let (parts, mut body) = request.into_parts();
    let meant = route(parts.uri.path());
    let open = matches!(meant, Route::Health | Route::About);
    let answered = match caller(service.token.as_deref(), &parts) {
        Caller::Administrator => {
            peer.is_let_in();
            dispatch(&service, meant, &parts, &mut body).await
        }
        Caller::Anonymous if open => dispatch(&service, meant, &parts, &mut body).await,
        Caller::Anonymous => Err(forbidden(&meant, &parts)),
        Caller::Unknown => Err(Status::unauthorized()),
    };
    match answered {
        Ok(response) => response,
        Err(status) => {
            // Who is still sending would not see the answer if the connection closed now.
            request::drain(&parts.headers, &mut body, status.code).await;
            answer::refusal(&status)
        }
    }
}

async fn dispatch(
    service: &Service,
    meant: Route,
    parts: &Parts,
    body: &mut Incoming,
) -> Result<Response<Body>, Status> {
    let get = parts.method == Method::GET;
    let found = |document: Option<Json>| match document {
        Some(document) if get => Ok(answer::json(StatusCode::OK, &document)),
        Some(_) => Err(Status::method_not_allowed()),
        None => Err(Status::no_such_path()),
    };
    match meant {
        Route::Objects(target) => objects(service, &target, parts, body).await,
        Route::Groups { core } => match answer::accepted(&parts.headers)? {
            Form::Discovery(version) if get => {
                let kind = match version {
                    "v2" => "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
                    _ => "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList",
                };
                let document = discovery::aggregated(core, version).to_string().into_bytes();
                Ok(answer::bytes(StatusCode::OK, kind, document))
            }
            _ if core => found(Some(discovery::core(&service.address))),
            _ => found(Some(discovery::group_list())),
        },
        Route::Group(group) => found(discovery::group(&group)),
        Route::Version(group, version) => found(discovery::resource_list(&group, &version)),
        Route::Swagger if get && answer::takes_protobuf(&parts.headers) => {
            Ok(answer::bytes(StatusCode::OK, swagger::PROTOBUF, swagger::protobuf()))
        }
        Route::Swagger => found(Some(swagger::document())),
        Route::OpenApi(None) => found(Some(openapi::index())),
        Route::OpenApi(Some((group, version))) => found(openapi::document(&group, &version)),
        // There are none, and none can be made.
        Route::Definitions => found(Some(json!({
            "kind": "CustomResourceDefinitionList", "apiVersion": "apiextensions.k8s.io/v1",
            "metadata": {"resourceVersion": ""}, "items": [],
        }))),
        Route::About => found(Some(discovery::about())),
        Route::Index => found(Some(discovery::index())),
        Route::Health => Ok(answer::bytes(StatusCode::OK, "text/plain; charset=utf-8", b"ok".to_vec())),
        Route::Nothing => Err(Status::no_such_path()),
        Route::Unknown => {
            let text = b"404 page not found\n".to_vec();
            Ok(answer::bytes(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", text))
        }
        Route::AccessReview => {
            if parts.method != Method::POST {
                return Err(Status::method_not_allowed());
            }
            let encoding = request::encoding(&parts.headers)?;
            let bytes = request::body(&service.bodies, &parts.headers, body).await?;
            let mut review = request::parse(encoding, &bytes, "SelfSubjectAccessReview")?;
            // There is one user, and everything is allowed to it.
            if let Some(review) = review.as_object_mut() {
                review.insert("status".to_owned(), json!({"allowed": true}));
            }
            Ok(answer::json(StatusCode::CREATED, &review))
        }
        Route::Bindings(namespace) => {
            let Some(pods) = find("", "pods").filter(|_| parts.method == Method::POST) else {
                return Err(Status::method_not_allowed());
            };
            let subresource = Some("binding");
            let mut target =
                Target { resource: pods, version: "v1", namespace: Some(namespace), name: None, subresource };
            let encoding = request::encoding(&parts.headers)?;
            let bytes = request::body(&service.bodies, &parts.headers, body).await?;
            let binding = request::object(encoding, &bytes, &target)?;
            target.name = binding["metadata"]["name"].as_str().map(str::to_owned);
            let write = Query::parse(parts.uri.query())?.write(&parts.headers, &target)?;
            bound(&service.api, &target, &binding, &write)
        }
    }
}

fn bound(api: &Api, target: &Target, binding: &Json, write: &Write) -> Result<Response<Body>, Status> {
    api.bind(
        target.resource,
        target.namespace(),
        target.name.as_deref().unwrap_or_default(),
        binding,
        write,
    )?;
    Ok(answer::json(StatusCode::CREATED, &done()))
}

fn done() -> Json {
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201})
}

/// A request about objects, but for its body.
struct Asked<'a> {
    api: &'a Api,
    encoded: &'a Arc<Encoded>,
    target: &'a Target,
    query: Query,
    form: Form,
}

async fn objects(
    service: &Service,
    target: &Target,
    parts: &Parts,
    body: &mut Incoming,
) -> Result<Response<Body>, Status> {
    let mut query = Query::parse(parts.uri.query())?;
    let all;
    let target = match &target.name {
        Some(name) if is_watch(parts.uri.path()) => {
            query.set("fieldSelector", format!("metadata.name={name}"));
            all = Target { name: None, ..target.clone() };
            &all
        }
        _ => target,
    };
    if is_watch(parts.uri.path()) {
        query.set("watch", "1".to_owned());
    }
    let (api, headers) = (&service.api, &parts.headers);
    if target.subresource == Some("log") {
        if parts.method != Method::GET {
            return Err(Status::method_not_allowed());
        }
        let text = logs::read(api, target, &query)?;
        return Ok(answer::whole(StatusCode::OK, "text/plain; charset=utf-8", text));
    }
    let form = answer::accepted(headers)?.rows(query.get("includeObject"), api.clock());
    let asked = Asked { api, encoded: &service.encoded, target, query, form };
    let read = request::body(&service.bodies, headers, body);
    match (&parts.method, target.name.as_deref()) {
        (&Method::GET, name) => asked.get(name),
        (&Method::POST, name) => {
            asked.may_post()?;
            let encoding = request::encoding(headers)?;
            let write = asked.query.write(headers, target)?;
            asked.post(name, request::object(encoding, &read.await?, target)?, &write)
        }
        (&Method::PUT, Some(name)) => {
            let encoding = request::encoding(headers)?;
            let write = asked.query.write(headers, target)?;
            asked.put(name, request::object(encoding, &read.await?, target)?, &write)
        }
        (&Method::PATCH, Some(name)) => {
            let kind = request::patch_kind(headers, &asked.query)?;
            let mut write = asked.query.write(headers, target)?;
            if matches!(kind, Patch::Apply { .. }) && asked.query.get("fieldManager").is_empty() {
                // Who applies must say who it is; a program's name will not do.
                write.manager.clear();
            }
            let patch = request::patch(kind, &read.await?)?;
            asked.patch(name, kind, &patch, &write)
        }
        (&Method::DELETE, name) => {
            let encoding = request::encoding(headers)?;
            let bytes = read.await?;
            let options = match bytes.as_ref() {
                [] => json!({}),
                bytes => {
                    let options = request::parse(encoding, bytes, "DeleteOptions")?;
                    let kind = options["kind"].as_str().unwrap_or("DeleteOptions");
                    if kind != "DeleteOptions" && !kind.is_empty() {
                        let version = options["apiVersion"].as_str().unwrap_or_default();
                        let message = format!(
                            "no kind {kind:?} is registered for version {version:?} in scheme \"k8s.io/apimachinery/pkg/apis/meta/internalversion/scheme/register.go:27\""
                        );
                        return Err(Status::plain(500, "", message));
                    }
                    options
                }
            };
            asked.delete(name, &request::delete_options(&options, &asked.query)?)
        }
        _ => Err(Status::method_not_allowed()),
    }
}

impl Asked<'_> {
    fn get(&self, name: Option<&str>) -> Result<Response<Body>, Status> {
        let Asked { api, encoded, target, query, form } = self;
        match (name, target.subresource) {
            // A single object is not watched by its path: the parameter says nothing there.
            (None, None) if query.flag("watch") => {
                let events = watch::begin(api, encoded, target, *form, query)?;
                Ok(answer::whole(StatusCode::OK, "application/json", events))
            }
            (None, _) => list(api, target, *form, query),
            (Some(name), Some("scale")) => {
                let scale = api.scale(target.resource, target.namespace(), name)?;
                Ok(answer::json(StatusCode::OK, &scale))
            }
            (Some(name), None | Some("status")) => {
                let object = api.get(target.resource, target.namespace(), name)?;
                Ok(answer::object(StatusCode::OK, target, *form, &object))
            }
            (Some(_), Some(_)) => Err(Status::method_not_allowed()),
        }
    }

    /// What can be posted: objects to where they live, evictions and bindings to their Pod.
    fn may_post(&self) -> Result<(), Status> {
        let target = self.target;
        let fits = match (&target.name, target.subresource) {
            (Some(_), subresource) => matches!(subresource, Some("eviction" | "binding")),
            (None, _) => !target.resource.namespaced || target.namespace.is_some(),
        };
        if fits { Ok(()) } else { Err(Status::method_not_allowed()) }
    }

    fn post(&self, name: Option<&str>, object: Json, write: &Write) -> Result<Response<Body>, Status> {
        let Asked { api, target, query, form, .. } = self;
        match (name, target.subresource) {
            (Some(name), Some("eviction")) => {
                let named = object["metadata"]["name"].as_str().unwrap_or_default();
                if !named.is_empty() && named != name {
                    return Err(Status::bad_request("name in URL does not match name in Eviction object"));
                }
                let delete = request::delete_options(&object["deleteOptions"], query)?;
                api.evict(target.resource, target.namespace(), name, &delete)?;
                Ok(answer::json(StatusCode::CREATED, &done()))
            }
            (Some(_), _) => bound(api, target, &object, write),
            (None, _) => {
                let (object, warnings) = target.sent(object, query)?;
                let made = api.create(target.resource, target.namespace(), object, write)?;
                Ok(answer::warn(answer::object(StatusCode::CREATED, target, *form, &made), &warnings))
            }
        }
    }

    fn put(&self, name: &str, object: Json, write: &Write) -> Result<Response<Body>, Status> {
        let Asked { api, target, query, form, .. } = self;
        match target.subresource {
            Some("scale") => {
                let next = |_: &Json| Ok(object.clone());
                let scale = api.rescale(target.resource, target.namespace(), name, write, next)?;
                Ok(answer::json(StatusCode::OK, &scale))
            }
            None | Some("status" | "finalize") => {
                let (object, warnings) = target.sent(object, query)?;
                let made = api.update(target.resource, target.namespace(), name, object, write)?;
                Ok(answer::warn(answer::object(StatusCode::OK, target, *form, &made), &warnings))
            }
            Some(_) => Err(Status::method_not_allowed()),
        }
    }

    fn patch(&self, name: &str, kind: Patch, patch: &Json, write: &Write) -> Result<Response<Body>, Status> {
        let Asked { api, target, query, form, .. } = self;
        let (resource, namespace) = (target.resource, target.namespace());
        match target.subresource {
            Some("scale") => {
                let scale = api.patch_scale(resource, namespace, name, kind, patch, write)?;
                return Ok(answer::json(StatusCode::OK, &scale));
            }
            None | Some("status") => {}
            Some(_) => return Err(Status::method_not_allowed()),
        }
        let validation = query.unknown()?;
        if validation == Unknown::Strict {
            // Nothing is stored of a patch that is refused.
            let trial = Write { dry_run: true, ..write.clone() };
            let tried = api.patch(resource, target.version, namespace, name, kind, patch, &trial)?;
            if !tried.unknown.is_empty() {
                let message = format!("strict decoding error: {}", tried.unknown.join(", "));
                return Err(Status::bad_request(message));
            }
        }
        let done = api.patch(resource, target.version, namespace, name, kind, patch, write)?;
        let code = if done.created { StatusCode::CREATED } else { StatusCode::OK };
        let warnings = if validation == Unknown::Warn { done.unknown } else { Vec::new() };
        Ok(answer::warn(answer::object(code, target, *form, &done.object), &warnings))
    }

    fn delete(&self, name: Option<&str>, options: &Delete) -> Result<Response<Body>, Status> {
        let Asked { api, target, query, form, .. } = self;
        let resource = target.resource;
        let everywhere = resource.namespaced && target.namespace.is_none();
        if target.subresource.is_some() || (name.is_none() && (everywhere || resource.key == "/namespaces")) {
            return Err(Status::method_not_allowed());
        }
        if let Some(name) = name {
            let deleted = api.remove(resource, target.namespace(), name, options)?;
            // Of some kinds a real server returns the object, of the others only that it is gone.
            let returned = matches!(
                resource.key,
                "/pods" | "/services" | "/serviceaccounts" | "/persistentvolumes" | "/persistentvolumeclaims"
            );
            if deleted.gone && !returned {
                return Ok(answer::json(StatusCode::OK, &answer::success(target, &deleted.object)));
            }
            return Ok(answer::object(StatusCode::OK, target, *form, &deleted.object));
        }
        let selector = query.selector(target)?;
        let (all, revision) = api.list(resource, target.namespace.as_deref());
        let mut deleted = Vec::new();
        for object in all.iter().filter(|object| selector.selects(object)) {
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            match api.delete(resource, target.namespace(), name, options) {
                Ok(object) => deleted.push(object),
                // Somebody else was quicker.
                Err(status) if status.code == 404 => {}
                Err(status) => return Err(status),
            }
        }
        let page = Page { revision, next: None, remaining: None };
        Ok(answer::list(target, *form, deleted, &page))
    }
}
