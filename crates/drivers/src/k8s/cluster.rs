//! A thin client of an API server: raw JSON in and out, with time limits, retries and paging.
//!
//! Invariant: a call that changes the cluster takes a [`Permit`], so an undo is on disk; every call ends within its time
//! limit; a read hears a stop at once, a change is never dropped half-way. Retries are few, wait as the server asks, and
//! repeat a change only when that cannot do it twice. Not here: what the calls are for, and how the server was found
//! (`config`).

pub(crate) mod connect;
pub(crate) mod error;
mod forward;
pub(crate) mod retry;
pub(crate) mod target;
mod transport;

pub use connect::{ClusterRef, Clusters};
pub use error::CallError;

use crate::k8s::config::Connection;
use crate::k8s::config::login::Login;
use crate::k8s::object::{is_managed_by, name};
use bytes::Bytes;
use error::{Refusal, Silence};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use kube::client::Body;
use retry::{Pace, Repeat};
use serde_json::Value as Json;
use squall_engine::{Failure, Look, Permit};
use squall_experiment::event::Level;
use std::error::Error as StdError;
use std::time::Duration;
use target::{Query, Resource, Target};
use tokio::sync::Mutex;

/// Under which name the server notes our changes in `managedFields`.
pub(crate) const MANAGER: &str = "chaos";
/// How many objects a page of a list has.
const PAGE: &str = "500";
/// How long a call may take unless `CHAOS_KUBERNETES_TIMEOUT` says otherwise.
const LIMIT: Duration = Duration::from_secs(30);

/// How a patch is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patch {
    /// Fields to set; lists are merged by the server's knowledge of their keys.
    Strategic,
    /// RFC 6902: operations, with tests.
    Json,
}

impl Patch {
    fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Patch::Strategic => "application/strategic-merge-patch+json",
            Patch::Json => "application/json-patch+json",
        })
    }
}

/// One API server, and who we are to it. One of them serves a whole run.
pub struct Cluster {
    connection: Connection,
    reference: ClusterRef,
    live: Mutex<Live>,
}

/// What may be renewed: the credential, and the client that carries its certificate.
struct Live {
    login: Login,
    client: Option<kube::Client>,
}

/// A request before it has a server and credentials.
struct Call<'a> {
    method: Method,
    verb: &'static str,
    target: &'a Target,
    query: String,
    body: Option<(HeaderValue, Bytes)>,
    repeat: Repeat,
}

/// What a server said.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

/// Why it said nothing.
enum Mute {
    TimedOut(Duration),
    Broken(Box<dyn StdError + Send + Sync>),
}

impl Cluster {
    fn new(connection: Connection, client: Option<kube::Client>) -> Cluster {
        let reference = ClusterRef::new(&connection);
        Cluster { connection, reference, live: Mutex::new(Live { login: Login::default(), client }) }
    }

    /// How to find this cluster again, from another process too.
    pub fn reference(&self) -> &ClusterRef {
        &self.reference
    }

    /// One object; [`CallError::Refused`] with 404 when there is none.
    pub(crate) async fn get(&self, cx: &Look, target: &Target) -> Result<Json, CallError> {
        let call = Call::read("get", target, &Query::default());
        object(self.send(cx, call).await?, target)
    }

    /// One object, if it exists.
    pub(crate) async fn find(&self, cx: &Look, target: &Target) -> Result<Option<Json>, CallError> {
        match self.get(cx, target).await {
            Ok(object) => Ok(Some(object)),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The objects of a collection, all pages of it.
    pub(crate) async fn list(
        &self,
        cx: &Look,
        target: &Target,
        query: &Query,
    ) -> Result<Vec<Json>, CallError> {
        let mut objects = Vec::new();
        let mut go_on: Option<String> = None;
        loop {
            let mut page = query.clone().with("limit", PAGE);
            if let Some(go_on) = &go_on {
                page = page.with("continue", go_on.as_str());
            }
            let mut answer = match self.send(cx, Call::read("list", target, &page)).await {
                // The list grew too old between two pages: once more, from the start.
                Err(error) if error.status() == Some(410) && go_on.is_some() => {
                    objects.clear();
                    go_on = None;
                    continue;
                }
                answer => json(answer?)?,
            };
            if let Json::Array(items) = answer["items"].take() {
                objects.extend(items);
            }
            match answer["metadata"]["continue"].as_str() {
                Some(next) if !next.is_empty() => go_on = Some(next.to_owned()),
                _ => return Ok(objects),
            }
        }
    }

    /// The text behind a path: a container's log.
    pub(crate) async fn text(&self, cx: &Look, target: &Target, query: &Query) -> Result<String, CallError> {
        let answer = self.send(cx, Call::read("get", target, query)).await?;
        Ok(String::from_utf8_lossy(&answer.body).into_owned())
    }

    /// The resource that serves `kind` in `api_version`: known, or asked of the server.
    pub(crate) async fn serves(
        &self,
        cx: &Look,
        api_version: &str,
        kind: &str,
    ) -> Result<Resource, CallError> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let known = [&target::PODS, &target::DEPLOYMENTS];
        if let Some(known) = known.iter().find(|its| its.api_version() == api_version && its.kind == kind) {
            return Ok((**known).clone());
        }
        let list = Target::version(group, version);
        let listed = json(self.send(cx, Call::read("get", &list, &Query::default())).await?)?;
        target::served(&listed, group, version, kind).ok_or_else(|| {
            Failure::experiment(format!("the cluster serves no {kind} in {api_version}"))
                .hint("look at `kubectl api-resources` for the apiVersion that it has")
                .into()
        })
    }

    /// Creates an object. `manager` is the name under which the server notes the creation.
    pub(crate) async fn create(
        &self,
        cx: &Look,
        _permit: &impl Permit,
        collection: &Target,
        manager: &str,
        created: &Json,
    ) -> Result<Json, CallError> {
        let call = Call {
            method: Method::POST,
            verb: "create",
            target: collection,
            query: Query::default().with("fieldManager", manager).text(),
            body: Some((HeaderValue::from_static("application/json"), Bytes::from(created.to_string()))),
            repeat: Repeat::Harmless,
        };
        let target = collection.clone().named(name(created));
        let mut repeated = false;
        match self.send_noting(cx, call, &mut repeated).await {
            // Perhaps the first try did it and only its answer was lost: then the server notes that it was us.
            Err(CallError::Refused(refusal)) if repeated && refusal.is_taken() => {
                let there = self.get(cx, &target).await?;
                if is_managed_by(&there, manager) { Ok(there) } else { Err(CallError::Refused(refusal)) }
            }
            answer => object(answer?, &target),
        }
    }

    /// Changes fields of an object. The patch must be one that may be applied twice.
    pub(crate) async fn patch(
        &self,
        cx: &Look,
        _permit: &impl Permit,
        target: &Target,
        patch: Patch,
        body: &Json,
    ) -> Result<Json, CallError> {
        let call = Call {
            method: Method::PATCH,
            verb: "patch",
            target,
            query: Query::default().with("fieldManager", MANAGER).text(),
            body: Some((patch.content_type(), Bytes::from(body.to_string()))),
            repeat: Repeat::Harmless,
        };
        object(self.send(cx, call).await?, target)
    }

    /// Deletes an object; with a UID among the preconditions it cannot hit another life of the same name.
    pub(crate) async fn delete(
        &self,
        cx: &Look,
        _permit: &impl Permit,
        target: &Target,
        options: &Json,
    ) -> Result<(), CallError> {
        let has_uid = options["preconditions"]["uid"].is_string();
        let call = Call {
            method: Method::DELETE,
            verb: "delete",
            target,
            query: String::new(),
            body: Some((HeaderValue::from_static("application/json"), Bytes::from(options.to_string()))),
            repeat: if has_uid { Repeat::Harmless } else { Repeat::Untouched },
        };
        let mut repeated = false;
        match self.send_noting(cx, call, &mut repeated).await {
            // The first try did it, only its answer was lost.
            Err(error) if repeated && error.is_missing() => Ok(()),
            answer => answer.map(drop),
        }
    }

    async fn send(&self, cx: &Look, call: Call<'_>) -> Result<Answer, CallError> {
        self.send_noting(cx, call, &mut false).await
    }

    /// Sends until there is an answer, the tries are used up or repeating could do harm.
    async fn send_noting(&self, cx: &Look, call: Call<'_>, repeated: &mut bool) -> Result<Answer, CallError> {
        let path = format!("{}{}", call.target.path(), call.query);
        let mut pace = Pace::default();
        let mut renewed = false;
        loop {
            let (client, header) = self.ready(cx).await?;
            let limit = limit(cx);
            let answer = match self.try_once(cx, &client, header, &call, &path, limit).await? {
                Ok(answer) => answer,
                Err(mute) => {
                    let unsent = matches!(&mute, Mute::Broken(error) if error::is_unsent(error.as_ref()));
                    let again = match &mute {
                        Mute::TimedOut(_) => None,
                        Mute::Broken(error) if error::is_lasting(error.as_ref()) => None,
                        Mute::Broken(_) if unsent || call.repeat == Repeat::Harmless => pace.next(cx, None),
                        Mute::Broken(_) => None,
                    };
                    let Some(wait) = again else { return Err(self.silence(&mute, &call, &path).into()) };
                    *repeated |= !unsent;
                    cx.note(
                        Level::Debug,
                        format!("no answer to {} {path}, trying again in {wait:?}", call.method),
                    );
                    cx.sleep(wait).await?;
                    continue;
                }
            };
            if answer.status.is_success() {
                return Ok(answer);
            }
            if answer.status == StatusCode::UNAUTHORIZED && !renewed {
                // The server did nothing, and the credential may have expired a moment ago.
                renewed = true;
                if self.live.lock().await.login.refused(&self.connection.login) {
                    continue;
                }
            }
            if let Some(wait) = pace.after(cx, &answer.status, &answer.headers, call.repeat) {
                *repeated |= answer.status != StatusCode::TOO_MANY_REQUESTS;
                let status = answer.status.as_u16();
                cx.note(
                    Level::Debug,
                    format!("{status} to {} {path}, trying again in {wait:?}", call.method),
                );
                cx.sleep(wait).await?;
                continue;
            }
            return Err(CallError::Refused(Box::new(Refusal {
                status: answer.status,
                headers: answer.headers,
                body: String::from_utf8_lossy(&answer.body).into_owned(),
                verb: call.verb,
                target: call.target.clone(),
                identity: self.connection.identity.clone(),
                renew: self.connection.login.renewal(),
            })));
        }
    }

    async fn try_once(
        &self,
        cx: &Look,
        client: &kube::Client,
        header: Option<HeaderValue>,
        call: &Call<'_>,
        path: &str,
        limit: Duration,
    ) -> Result<Result<Answer, Mute>, CallError> {
        let mut request = Request::builder()
            .method(call.method.clone())
            .uri(path)
            .header(ACCEPT, "application/json, */*")
            .header(USER_AGENT, concat!("chaos/", env!("CARGO_PKG_VERSION")));
        if let Some(header) = header {
            request = request.header(AUTHORIZATION, header);
        }
        let body = match &call.body {
            Some((kind, body)) => {
                request = request.header(CONTENT_TYPE, kind.clone());
                Body::from(body.clone())
            }
            None => Body::empty(),
        };
        let request = request.body(body).map_err(|error| {
            Failure::experiment(format!("no request can be made of {}: {error}", call.target))
        })?;
        let work = tokio::time::timeout(limit, async {
            let answer = client.send(request).await?;
            let (parts, body) = answer.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok::<_, Box<dyn StdError + Send + Sync>>(Answer {
                status: parts.status,
                headers: parts.headers,
                body,
            })
        });
        // Only a read may be dropped when a stop comes; a change is waited for.
        let done = if call.method == Method::GET { cx.until(work).await? } else { work.await };
        Ok(match done {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(Mute::Broken(error)),
            Err(_) => Err(Mute::TimedOut(limit)),
        })
    }

    /// The client and the credential to use now.
    async fn ready(&self, cx: &Look) -> Result<(kube::Client, Option<HeaderValue>), CallError> {
        let mut live = self.live.lock().await;
        let before = live.login.identity().cloned();
        live.login.refresh(&self.connection, cx).await?;
        if live.login.identity() != before.as_ref() {
            live.client = None;
        }
        let client = match &live.client {
            Some(client) => client.clone(),
            None => {
                let client = transport::client(&self.connection, live.login.identity())?;
                live.client = Some(client.clone());
                client
            }
        };
        Ok((client, live.login.header().cloned()))
    }

    fn silence(&self, mute: &Mute, call: &Call<'_>, path: &str) -> Failure {
        let silence = match mute {
            Mute::TimedOut(limit) => Silence::TimedOut(*limit),
            Mute::Broken(error) => Silence::Broken(error.as_ref()),
        };
        let Connection { server, proxy, note, .. } = &self.connection;
        // Paging is ours; in the Toolkit's text it has no place.
        let path =
            path.split(&format!("{}limit={PAGE}", if path.contains("?limit") { '?' } else { '&' })).next();
        let failure = error::silent(&silence, server, &call.method, path.unwrap_or_default(), proxy.as_ref());
        match note {
            Some(note) => failure.hint(note.clone()),
            None => failure,
        }
    }
}

impl<'a> Call<'a> {
    fn read(verb: &'static str, target: &'a Target, query: &Query) -> Call<'a> {
        Call { method: Method::GET, verb, target, query: query.text(), body: None, repeat: Repeat::Harmless }
    }
}

/// How long a call may take.
fn limit(cx: &Look) -> Duration {
    let seconds = cx.env("CHAOS_KUBERNETES_TIMEOUT").and_then(|text| text.trim().parse::<f64>().ok());
    let given = seconds
        .filter(|seconds| *seconds > 0.0)
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    given.unwrap_or(LIMIT)
}

/// The answer as the object that was asked for. Something in between that answers everything with some JSON of its own must
/// not pass for a cluster in which all is as before.
fn object(answer: Answer, target: &Target) -> Result<Json, CallError> {
    let object = json(answer)?;
    if target.name.as_deref() == Some(name(&object)) {
        return Ok(object);
    }
    Err(Failure::target(format!("the server's answer is not {target}"))
        .hint("what answers may not be an API server but a proxy: check the cluster's URL")
        .into())
}

fn json(answer: Answer) -> Result<Json, CallError> {
    serde_json::from_slice(&answer.body).map_err(|error| {
        Failure::target(format!("the server's answer is no JSON: {error}"))
            .hint(
                "what answers may not be an API server but a login page or a proxy: check the cluster's URL",
            )
            .into()
    })
}
