//! A stand-in for an API server: objects in a map, answered over a loopback socket or within the process.
//!
//! It knows what our requests need and nothing more: label selectors, pages, UID preconditions, merge and JSON patches,
//! `managedFields` of who patched the number of replicas or created an object. A hook sees each request first and may answer
//! in its place. It does not imitate validation: what a real server refuses is tried against a real one.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use kube::client::Body;
use serde::Serialize as _;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// A request as it came in.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) authorization: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) body: Json,
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    Json(u16, Vec<(&'static str, String)>, Json),
    Text(u16, String),
    /// The connection ends without one.
    Dropped,
    /// The same, after the request was carried out.
    Lost,
    /// Nothing ever comes.
    Never,
}

/// Sees each request, counted from 0, before the state does.
pub(crate) type Hook = Box<dyn FnMut(usize, &Asked) -> Option<Told> + Send>;

/// The server.
#[derive(Clone, Default)]
pub(crate) struct StandIn(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Json>,
    logs: BTreeMap<String, String>,
    asked: Vec<Asked>,
    hook: Option<Hook>,
    version: u64,
    /// From this request on no answer arrives; whether that one is still carried out.
    cut: Option<(usize, bool)>,
}

impl StandIn {
    pub(crate) fn put(&self, path: &str, object: Json) {
        self.0.lock().unwrap().objects.insert(path.to_owned(), object);
    }
    pub(crate) fn take(&self, path: &str) -> Option<Json> {
        self.0.lock().unwrap().objects.remove(path)
    }
    pub(crate) fn object(&self, path: &str) -> Option<Json> {
        self.0.lock().unwrap().objects.get(path).cloned()
    }
    pub(crate) fn log(&self, pod: &str, text: &str) {
        self.0.lock().unwrap().logs.insert(pod.to_owned(), text.to_owned());
    }
    pub(crate) fn hook(&self, hook: impl FnMut(usize, &Asked) -> Option<Told> + Send + 'static) {
        self.0.lock().unwrap().hook = Some(Box::new(hook));
    }
    /// Cuts the line: from the `from`th request on nothing is answered, as if the caller had died, either before that request
    /// arrived or after it was carried out.
    pub(crate) fn cut(&self, from: usize, carried_out: bool) {
        self.0.lock().unwrap().cut = Some((from, carried_out));
    }
    /// Everything works again, and counting starts anew.
    pub(crate) fn mend(&self) {
        let state = &mut *self.0.lock().unwrap();
        state.cut = None;
        state.hook = None;
        state.asked.clear();
    }
    /// All objects, without what a new life of the same object has of its own.
    pub(crate) fn snapshot(&self) -> BTreeMap<String, Json> {
        let mut objects = self.0.lock().unwrap().objects.clone();
        for object in objects.values_mut() {
            for key in ["uid", "resourceVersion", "managedFields", "creationTimestamp"] {
                object["metadata"].as_object_mut().unwrap().remove(key);
            }
        }
        objects
    }
    /// What was asked since the last time.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.0.lock().unwrap().asked)
    }

    /// A client that reaches it within the process, so that time can be paused.
    pub(crate) fn client(&self) -> kube::Client {
        let stand_in = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let stand_in = stand_in.clone();
            async move {
                let (parts, body) = request.into_parts();
                let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
                let header =
                    |name: &str| parts.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
                let (status, headers, body) = match stand_in.answer(
                    parts.method.as_str(),
                    &parts.uri.to_string(),
                    header("authorization"),
                    header("content-type"),
                    &body,
                ) {
                    Told::Dropped | Told::Lost => {
                        return Err(io::Error::from(io::ErrorKind::ConnectionReset));
                    }
                    Told::Never => std::future::pending().await,
                    Told::Json(status, headers, body) => (status, headers, dumps(&body)),
                    Told::Text(status, text) => (status, Vec::new(), text),
                };
                let mut response = Response::builder().status(status);
                for (name, value) in headers {
                    response = response.header(name, value);
                }
                Ok::<_, io::Error>(response.body(Full::new(Bytes::from(body))).unwrap())
            }
        });
        kube::Client::new(service, "default")
    }

    /// Serves it on a free port of the loopback interface as long as the set lives; the port.
    pub(crate) async fn listen(&self, tasks: &mut JoinSet<()>) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let stand_in = self.clone();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                let stand_in = stand_in.clone();
                connections.spawn(async move {
                    let _ = stand_in.converse(socket).await;
                });
            }
        });
        port
    }

    /// HTTP/1.1 as far as it is needed, over anything: bodies with a length, connections that are kept.
    pub(crate) async fn converse(
        &self,
        mut io: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    ) -> io::Result<()> {
        let mut read = Vec::new();
        loop {
            let head = loop {
                if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
                    break end + 4;
                }
                if io.read_buf(&mut read).await? == 0 {
                    return Ok(());
                }
            };
            let text = String::from_utf8_lossy(&read[..head]).into_owned();
            let header = |wanted: &str| {
                let line =
                    text.lines().find(|line| line.to_lowercase().starts_with(&format!("{wanted}:")))?;
                Some(line.split_once(':')?.1.trim().to_owned())
            };
            let length: usize = header("content-length").map_or(0, |length| length.parse().unwrap());
            while read.len() < head + length {
                if io.read_buf(&mut read).await? == 0 {
                    return Ok(());
                }
            }
            let body: Vec<u8> = read.drain(..head + length).skip(head).collect();
            let mut line = text.lines().next().unwrap_or_default().split(' ');
            let (method, target) = (line.next().unwrap_or_default(), line.next().unwrap_or_default());
            let told = self.answer(method, target, header("authorization"), header("content-type"), &body);
            let (status, headers, kind, body) = match told {
                Told::Dropped | Told::Lost => return Ok(()),
                Told::Never => std::future::pending().await,
                Told::Json(status, headers, body) => (status, headers, "application/json", dumps(&body)),
                Told::Text(status, text) => (status, Vec::new(), "text/plain", text),
            };
            let mut head =
                format!("HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n", body.len());
            for (name, value) in headers {
                head += &format!("{name}: {value}\r\n");
            }
            io.write_all(format!("{head}\r\n{body}").as_bytes()).await?;
        }
    }

    fn answer(
        &self,
        method: &str,
        target: &str,
        authorization: Option<String>,
        content_type: Option<String>,
        body: &[u8],
    ) -> Told {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let path = path.strip_prefix("http://in-process").unwrap_or(path).to_owned();
        let query = query.split('&').filter_map(|pair| pair.split_once('='));
        let query = query.map(|(name, value)| (name.to_owned(), unescaped(value))).collect();
        let body = serde_json::from_slice(body).unwrap_or_default();
        let asked = Asked { method: method.to_owned(), path, query, authorization, content_type, body };
        let state = &mut *self.0.lock().unwrap();
        let number = state.asked.len();
        state.asked.push(asked.clone());
        if let Some((from, carried_out)) = state.cut
            && number >= from
        {
            if number == from && carried_out {
                state.serve(&asked);
            }
            return Told::Dropped;
        }
        match state.hook.as_mut().and_then(|hook| hook(number, &asked)) {
            Some(Told::Lost) => {
                state.serve(&asked);
                Told::Dropped
            }
            Some(told) => told,
            None => state.serve(&asked),
        }
    }
}

impl State {
    fn serve(&mut self, asked: &Asked) -> Told {
        self.version += 1;
        let path = asked.path.as_str();
        let created_by = |manager: &str| json!({"manager": manager, "operation": "Update", "fieldsV1": {}});
        match asked.method.as_str() {
            "GET" if path == "/api/v1" => ok(json!({"resources": [
                {"name": "configmaps", "kind": "ConfigMap", "namespaced": true},
                {"name": "pods/log", "kind": "Pod", "namespaced": true},
            ]})),
            "GET" if path.ends_with("/log") => {
                let pod = path.rsplit('/').nth(1).unwrap();
                Told::Text(200, self.logs.get(pod).cloned().unwrap_or_default())
            }
            "GET" => match self.objects.get(path) {
                Some(object) => ok(object.clone()),
                // A collection has no object of its own path but is in those of others.
                None if path.rsplit('/').next().is_some_and(|last| last.ends_with('s')) => self.list(asked),
                None => missing(path),
            },
            "POST" => {
                let mut object = asked.body.clone();
                let name = object["metadata"]["name"].as_str().unwrap().to_owned();
                let path = format!("{path}/{name}");
                if self.objects.contains_key(&path) {
                    return status(409, "AlreadyExists", &format!("{name} already exists"));
                }
                object["metadata"]["uid"] = json!(format!("uid-{}", self.version));
                let manager = asked.query.get("fieldManager").cloned().unwrap_or_default();
                object["metadata"]["managedFields"] = json!([created_by(&manager)]);
                self.objects.insert(path, object.clone());
                Told::Json(201, Vec::new(), object)
            }
            "DELETE" => match self.objects.get(path) {
                None => missing(path),
                Some(object) => {
                    let wanted = &asked.body["preconditions"]["uid"];
                    if wanted.is_string() && *wanted != object["metadata"]["uid"] {
                        return status(409, "Conflict", "the UID in the precondition is another");
                    }
                    let object = object.clone();
                    self.objects.remove(path);
                    ok(object)
                }
            },
            "PATCH" => {
                let Some(object) = self.objects.get_mut(path) else { return missing(path) };
                let before = object["spec"]["replicas"].clone();
                let mut new = object.clone();
                match &asked.body {
                    Json::Array(operations) => {
                        for operation in operations {
                            let pointer = operation["path"].as_str().unwrap();
                            let Some(slot) = new.pointer_mut(pointer) else {
                                return status(422, "Invalid", "no such path");
                            };
                            match operation["op"].as_str().unwrap() {
                                "test" if *slot != operation["value"] => {
                                    return status(
                                        422,
                                        "Invalid",
                                        "the server rejected our request due to an error in our request",
                                    );
                                }
                                "replace" => *slot = operation["value"].clone(),
                                _ => {}
                            }
                        }
                    }
                    patch => merge(&mut new, patch),
                }
                if new["spec"]["replicas"] != before {
                    let mut entry = created_by(asked.query.get("fieldManager").map_or("", String::as_str));
                    entry["fieldsV1"] = json!({"f:spec": {"f:replicas": {}}});
                    new["metadata"]["managedFields"] = json!([entry]);
                }
                new["metadata"]["resourceVersion"] = json!(self.version.to_string());
                *object = new.clone();
                ok(new)
            }
            _ => status(405, "MethodNotAllowed", "no"),
        }
    }

    fn list(&self, asked: &Asked) -> Told {
        let prefix = format!("{}/", asked.path);
        let selector = asked.query.get("labelSelector").map_or("", String::as_str);
        let matches = |object: &Json| {
            let label = |key: &str| object["metadata"]["labels"][key].as_str().unwrap_or_default().to_owned();
            if let Some((key, values)) = selector.split_once(" in (") {
                values.trim_end_matches(')').split(',').any(|value| label(key) == value.trim())
            } else if let Some((key, value)) = selector.split_once('=') {
                label(key) == value
            } else {
                true
            }
        };
        let objects = self.objects.range(prefix.clone()..).take_while(|(path, _)| path.starts_with(&prefix));
        let all: Vec<Json> = objects.map(|(_, object)| object.clone()).filter(matches).collect();
        let number = |key: &str| asked.query.get(key).and_then(|text| text.parse::<usize>().ok());
        let from = number("continue").unwrap_or(0).min(all.len());
        let to = number("limit").map_or(all.len(), |limit| (from + limit).min(all.len()));
        let mut metadata = json!({"resourceVersion": self.version.to_string()});
        if to < all.len() {
            metadata["continue"] = json!(to.to_string());
        }
        ok(json!({"kind": "List", "apiVersion": "v1", "metadata": metadata, "items": all[from..to]}))
    }
}

fn merge(object: &mut Json, patch: &Json) {
    match patch {
        Json::Object(members) => {
            for (key, value) in members {
                merge(&mut object[key.as_str()], value);
            }
        }
        value => *object = value.clone(),
    }
}

fn ok(body: Json) -> Told {
    Told::Json(200, Vec::new(), body)
}

/// An error as API servers write it.
pub(crate) fn status(code: u16, reason: &str, message: &str) -> Told {
    let body = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message, "reason": reason, "code": code});
    Told::Json(code, Vec::new(), body)
}

fn missing(path: &str) -> Told {
    let mut parts = path.rsplit('/');
    let (name, plural) = (parts.next().unwrap(), parts.next().unwrap());
    status(404, "NotFound", &format!("{plural} \"{name}\" not found"))
}

fn unescaped(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).unwrap()
}

/// JSON as Python's `json.dumps` writes it, for that is what was recorded.
fn dumps(value: &Json) -> String {
    struct Python;
    impl serde_json::ser::Formatter for Python {
        fn begin_array_value<W: ?Sized + io::Write>(&mut self, to: &mut W, first: bool) -> io::Result<()> {
            if first { Ok(()) } else { to.write_all(b", ") }
        }
        fn begin_object_key<W: ?Sized + io::Write>(&mut self, to: &mut W, first: bool) -> io::Result<()> {
            if first { Ok(()) } else { to.write_all(b", ") }
        }
        fn begin_object_value<W: ?Sized + io::Write>(&mut self, to: &mut W) -> io::Result<()> {
            to.write_all(b": ")
        }
    }
    let mut out = Vec::new();
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut out, Python)).unwrap();
    String::from_utf8(out).unwrap()
}
