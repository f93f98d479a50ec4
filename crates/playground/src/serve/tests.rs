//! The server as a client sees it, over pipes and under paused time.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use super::*;
use crate::api::{Clock, Write};
use crate::resource::find;
use crate::store::Store;
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use serde_json::{Value as Json, json};

const AT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 6443);

struct Cluster {
    api: Api,
    net: Net,
    _server: Server,
}

impl Cluster {
    async fn start() -> Cluster {
        let clock = Clock::starting("2026-11-20T09:00:00Z".parse().unwrap());
        let api = Api::new(Arc::new(Store::default()), clock);
        let net = Net::memory();
        let server = Server::start(api.clone(), &net, AT, None).await.unwrap();
        Cluster { api, net, _server: server }
    }

    async fn client(&self) -> Client {
        let stream = self.net.dial(None, AT).await.unwrap();
        let (send, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { drop(connection.await) });
        Client { send, _tasks: tasks }
    }
}

struct Client {
    send: SendRequest<Full<Bytes>>,
    _tasks: JoinSet<()>,
}

impl Client {
    async fn send(&mut self, method: &str, path: &str, kind: &str, body: &str) -> (StatusCode, Incoming) {
        let mut request = Request::builder().method(method.parse::<Method>().unwrap()).uri(path);
        request = match kind.split_once(": ") {
            Some((name, value)) => request.header(name, value),
            None if kind.is_empty() => request,
            None => request.header("content-type", kind),
        };
        let request = request.body(Full::new(Bytes::from(body.to_owned()))).unwrap();
        self.send.ready().await.unwrap();
        let response = self.send.send_request(request).await.unwrap();
        (response.status(), response.into_body())
    }

    async fn call(&mut self, method: &str, path: &str, kind: &str, body: &str) -> (u16, Json) {
        let (code, body) = self.send(method, path, kind, body).await;
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        (code.as_u16(), serde_json::from_str(&text).unwrap_or(Json::String(text)))
    }
}

fn config_map(name: &str) -> Json {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}})
}

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

/// Sends one request after another to one server: `METHOD PATH [BODY]` and what is expected: the code, and text that is
/// somewhere in the answer.
async fn check(steps: &[(&str, u16, &str)]) {
    let cluster = Cluster::start().await;
    for (request, code, expected) in steps {
        let mut client = cluster.client().await;
        let mut words = request.splitn(3, ' ');
        let (method, path) = (words.next().unwrap(), words.next().unwrap());
        let (kind, body) = match words.next().unwrap_or_default() {
            body if body.starts_with(['{', '[']) => ("application/json", body),
            "" => ("", ""),
            typed => typed.split_once('|').unwrap(),
        };
        let (got, answer) = client.call(method, path, kind, body).await;
        let text = answer.as_str().map_or_else(|| answer.to_string(), str::to_owned);
        assert!(got == *code && text.contains(expected), "{request}: {got} {text}");
    }
}

#[tokio::test(start_paused = true)]
async fn answers_are_those_of_a_real_server() {
    let maps = "POST /api/v1/namespaces/default/configmaps";
    let too_long = format!(
        "{maps} {{\"metadata\":{{\"name\":\"x\",\"annotations\":{{\"a\":\"{}\"}}}},\"data\":{{\"b\":\"{}\"}}}}",
        "x".repeat(256 << 10),
        "x".repeat((1 << 20) + 1)
    );
    let too_large = format!("{maps} {{\"a\":\"{}\"}}", "x".repeat(request::BODY));
    check(&[
        ("GET /version", 200, "\"gitVersion\":\"v1.33.0\""),
        ("GET /readyz", 200, "ok"),
        ("GET /api", 200, "APIVersions"),
        ("GET /apis", 200, "\"preferredVersion\":{\"groupVersion\":\"autoscaling/v2\",\"version\":\"v2\"}"),
        ("GET /apis accept: application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList|", 200, "APIGroupDiscoveryList"),
        ("GET /apis/apps/v1", 200, "\"name\":\"deployments/scale\""),
        ("GET /openapi/v3/apis/apps/v1", 200, "\"fieldValidation\""),
        ("GET /apis/apiextensions.k8s.io/v1/customresourcedefinitions?limit=500", 200, "\"items\":[]"),
        ("GET /nothing", 404, "404 page not found"),
        ("GET /api/v1/namespaces/default/nothings", 404, "the server could not find the requested resource"),
        ("GET /api/v1/namespaces/default/pods/x", 404, "pods \\\"x\\\" not found"),
        ("PUT /api/v1/namespaces/default/configmaps {}", 405, "the server does not allow this method on the requested resource"),
        ("GET /api/v1/pods accept: text/plain|", 406, "NotAcceptable"),
        ("POST /api/v1/namespaces/default/configmaps text/plain|x", 415, "UnsupportedMediaType"),
        (&format!("{maps} {{bad"), 400, "couldn't get version/kind; json parse error"),
        (&format!("{maps} [1]"), 400, "not a JSON object"),
        (&too_large, 413, "Request entity too large: limit is 3145728"),
        (&too_long, 422, "ConfigMap \\\"x\\\" is invalid: [metadata.annotations: Too long: may not be more than 262144 bytes, []: Too long: may not be more than 1048576 bytes]"),
        (&format!("{maps} {{\"a\":1}}"), 422, "ConfigMap \\\"\\\" is invalid: metadata.name: Required value: name or generateName is required"),
        (&format!("{maps} {{\"kind\":\"Pod\",\"apiVersion\":\"v1\"}}"), 400, "Pod in version \\\"v1\\\" cannot be handled as a ConfigMap"),
        (&format!("{maps} {{\"kind\":\"ConfigMap\",\"apiVersion\":\"apps/v1\"}}"), 400, "is registered for version"),
        (&format!("{maps} {{\"metadata\":{{\"name\":\"x\",\"namespace\":\"y\"}}}}"), 400, "the namespace of the provided object does not match the namespace sent on the request"),
        (&format!("{maps} {{\"metadata\":{{\"name\":\"x\",\"resourceVersion\":\"5\"}}}}"), 400, "resourceVersion should not be set on objects to be created"),
        ("POST /api/v1/namespaces/nope/configmaps {\"metadata\":{\"name\":\"x\"}}", 404, "namespaces \\\"nope\\\" not found"),
        (&format!("{maps}?dryRun=All {{\"metadata\":{{\"name\":\"x\"}}}}"), 201, "\"uid\""),
        (&format!("{maps} {{\"metadata\":{{\"name\":\"x\"}}}}"), 201, "\"creationTimestamp\":\"2026-11-20T09:00:00Z\""),
        (&format!("{maps}?dryRun=All {{\"metadata\":{{\"name\":\"x\"}}}}"), 409, "configmaps \\\"x\\\" already exists"),
        (&format!("{maps} {{\"metadata\":{{\"generateName\":\"x-\"}}}}"), 201, "\"generateName\":\"x-\""),
        ("PUT /api/v1/namespaces/default/configmaps/x {\"metadata\":{\"name\":\"y\"}}", 400, "the name of the object (y) does not match the name on the URL (x)"),
        ("PUT /api/v1/namespaces/default/configmaps/x {\"metadata\":{\"name\":\"x\",\"resourceVersion\":\"1\"}}", 409, "Operation cannot be fulfilled on configmaps \\\"x\\\": the object has been modified"),
        ("PUT /api/v1/namespaces/default/configmaps/x {\"metadata\":{\"name\":\"x\"},\"data\":{\"a\":\"b\"}}", 200, "\"data\":{\"a\":\"b\"}"),
        ("DELETE /api/v1/namespaces/default/configmaps/x {\"preconditions\":{\"uid\":\"1\"}}", 409, "the UID in the precondition (1) does not match the UID in record"),
        ("DELETE /api/v1/namespaces/default/configmaps/x {\"propagationPolicy\":\"x\"}", 422, "supported values: \\\"Foreground\\\""),
        ("DELETE /api/v1/namespaces/default/configmaps/x?dryRun=All", 200, "\"status\":\"Success\""),
        ("DELETE /api/v1/namespaces/default/configmaps/x", 200, "\"kind\":\"configmaps\",\"uid\""),
        ("DELETE /api/v1/namespaces/default/configmaps/x", 404, "not found"),
        ("DELETE /api/v1/namespaces/default", 403, "namespaces \\\"default\\\" is forbidden: this namespace may not be deleted"),
        ("GET /api/v1/pods?resourceVersion=abc", 422, "strconv.ParseUint"),
        ("GET /api/v1/pods?resourceVersion=99999", 504, "Too large resource version: 99999"),
        ("GET /api/v1/pods?limit=x", 400, "invalid syntax"),
        ("GET /api/v1/pods?continue=x", 400, "continue key is not valid"),
        ("GET /api/v1/pods?labelSelector=a%20b", 400, "unable to parse requirement"),
        ("GET /api/v1/pods?fieldSelector=%ff", 400, "not validly encoded"),
        ("GET /api/v1/pods?watch=true&resourceVersion=99999", 504, "Too large resource version"),
        ("POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews {\"spec\":{}}", 201, "\"allowed\":true"),
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn pods_are_evicted_when_their_budget_allows() {
    let cluster = Cluster::start().await;
    let (pods, budgets) = (find("", "pods").unwrap(), find("policy", "poddisruptionbudgets").unwrap());
    let write = Write::by("test");
    let pod = json!({"metadata": {"name": "p", "labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    cluster.api.create(pods, "default", pod, &write).unwrap();
    let mut client = cluster.client().await;
    let bind =
        r#"{"apiVersion":"v1","kind":"Binding","metadata":{"name":"p"},"target":{"kind":"Node","name":"n"}}"#;
    let path = "/api/v1/namespaces/default/pods/p";
    assert_eq!(client.call("POST", &format!("{path}/binding"), "", bind).await.0, 201);
    assert_eq!(client.call("POST", &format!("{path}/binding"), "", bind).await.0, 409);
    let status = Write::status_by("kubelet");
    let run = |pod: &Json| {
        let mut pod = pod.clone();
        pod["status"]["phase"] = "Running".into();
        Ok(pod)
    };
    cluster.api.revise(pods, "default", "p", &status, run).unwrap();
    let budget = json!({"metadata": {"name": "b"}, "spec": {"minAvailable": 1, "selector": {"matchLabels": {"a": "b"}}}});
    cluster.api.create(budgets, "default", budget, &write).unwrap();
    let allow = |count: u64| {
        move |budget: &Json| {
            let mut budget = budget.clone();
            budget["status"] = json!({"observedGeneration": 1, "disruptionsAllowed": count, "desiredHealthy": 1, "currentHealthy": 1 + count});
            Ok(budget)
        }
    };
    let evict = r#"{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":"p"}}"#;
    let evict = async |client: &mut Client| client.call("POST", &format!("{path}/eviction"), "", evict).await;
    let (code, answer) = evict(&mut client).await;
    assert_eq!((code, &answer["details"]["retryAfterSeconds"]), (429, &json!(10)), "not yet observed");
    cluster.api.revise(budgets, "default", "b", &status, allow(0)).unwrap();
    let (code, answer) = evict(&mut client).await;
    assert_eq!(
        (code, answer["details"]["causes"][0]["message"].as_str().unwrap()),
        (429, "The disruption budget b needs 1 healthy pods and has 1 currently")
    );
    cluster.api.revise(budgets, "default", "b", &status, allow(1)).unwrap();
    assert_eq!(evict(&mut client).await.0, 201);
    let left = cluster.api.get(pods, "default", "p").unwrap();
    assert_eq!(left["metadata"]["deletionTimestamp"], "2026-11-20T09:00:30Z");
    assert_eq!(left["metadata"]["deletionGracePeriodSeconds"], 30);
    let budget = cluster.api.get(budgets, "default", "b").unwrap();
    assert_eq!(budget["status"]["disruptionsAllowed"], 0);
    let now = r#"{"gracePeriodSeconds":0}"#;
    assert_eq!(client.call("DELETE", path, "application/json", now).await.0, 200);
    assert_eq!(client.call("GET", path, "", "").await.0, 404);
}

#[tokio::test(start_paused = true)]
async fn lists_come_in_consistent_pages() {
    let cluster = Cluster::start().await;
    let maps = find("", "configmaps").unwrap();
    for name in ["a", "b", "c", "d"] {
        cluster.api.create(maps, "default", config_map(name), &Write::by("test")).unwrap();
    }
    let mut client = cluster.client().await;
    let (_, first) = client.call("GET", &format!("{MAPS}?limit=2"), "", "").await;
    assert_eq!(first["metadata"]["remainingItemCount"], 2);
    assert!(first["items"][0].get("kind").is_none(), "items do not repeat their kind");
    cluster.api.delete(maps, "default", "d", &crate::api::Delete::default()).unwrap();
    cluster.api.create(maps, "default", config_map("bb"), &Write::by("test")).unwrap();
    let token = first["metadata"]["continue"].as_str().unwrap();
    let (_, second) = client.call("GET", &format!("{MAPS}?limit=2&continue={token}"), "", "").await;
    let names: Vec<&str> = second["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["metadata"]["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["c", "d"], "as it was when the list began");
    assert_eq!(second["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
    assert!(second["metadata"].get("continue").is_none());
}

/// Reads a watch to its end: the lines, without what is not of interest.
async fn events(client: &mut Client, query: &str) -> Vec<String> {
    let (code, body) = client.send("GET", &format!("{MAPS}?watch=true&{query}"), "", "").await;
    assert_eq!(code, StatusCode::OK);
    let bytes = body.collect().await.unwrap().to_bytes();
    let line = |line: &str| {
        let event: Json = serde_json::from_str(line).unwrap();
        let object = &event["object"];
        let name = object["metadata"]["name"].as_str().or(object["reason"].as_str()).unwrap_or("-");
        format!("{} {name}", event["type"].as_str().unwrap())
    };
    String::from_utf8(bytes.to_vec()).unwrap().lines().map(line).collect()
}

#[tokio::test(start_paused = true)]
async fn watches_see_what_enters_and_leaves_their_view() {
    let cluster = Cluster::start().await;
    let maps = find("", "configmaps").unwrap();
    let write = Write::by("test");
    let labelled = |name: &str, label: &str| {
        let mut map = config_map(name);
        map["metadata"]["labels"] = json!({"app": label});
        map
    };
    cluster.api.create(maps, "default", labelled("a", "web"), &write).unwrap();
    let start = cluster.api.store().revision();
    cluster.api.create(maps, "default", labelled("b", "db"), &write).unwrap();
    cluster.api.update(maps, "default", "b", labelled("b", "web"), &write).unwrap();
    cluster.api.update(maps, "default", "a", labelled("a", "db"), &write).unwrap();
    cluster.api.delete(maps, "default", "b", &crate::api::Delete::default()).unwrap();
    let mut client = cluster.client().await;
    let from = format!("resourceVersion={start}&timeoutSeconds=5");
    assert_eq!(events(&mut client, &from).await, ["ADDED b", "MODIFIED b", "MODIFIED a", "DELETED b"]);
    let web = format!("{from}&labelSelector=app%3Dweb");
    assert_eq!(events(&mut client, &web).await, ["ADDED b", "DELETED a", "DELETED b"]);
    let named = format!("{from}&fieldSelector=metadata.name%3Da");
    assert_eq!(events(&mut client, &named).await, ["MODIFIED a"]);
    assert_eq!(
        events(&mut client, "timeoutSeconds=5").await,
        ["ADDED a"],
        "the list first, without a revision"
    );
    let bookmarks =
        "timeoutSeconds=70&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
    assert_eq!(events(&mut client, bookmarks).await, ["ADDED a", "BOOKMARK -", "BOOKMARK -", "BOOKMARK -"]);
}

#[tokio::test(start_paused = true)]
async fn finalizers_hold_an_object_until_the_last_is_gone() {
    let deployments = "/apis/apps/v1/namespaces/default/deployments";
    let body = r#"{"metadata":{"name":"d","finalizers":["x/y"]},"spec":{"replicas":1,"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}}"#;
    let without = body.replace(r#","finalizers":["x/y"]"#, "");
    let more = body.replace(r#"["x/y"]"#, r#"["x/y","z/y"]"#);
    check(&[
        (&format!("POST {deployments} {body}"), 201, "\"generation\":1"),
        (&format!("PUT {deployments}/d {}", body.replace("\"replicas\":1", "\"replicas\":2")), 200, "\"generation\":2"),
        (&format!("PUT {deployments}/d/status {{\"metadata\":{{\"name\":\"d\"}},\"spec\":{{}},\"status\":{{\"replicas\":2}}}}"), 200, "\"generation\":2"),
        (&format!("GET {deployments}/d/scale"), 200, "\"spec\":{\"replicas\":2},\"status\":{\"replicas\":2,\"selector\":\"a=b\"}"),
        (&format!("PUT {deployments}/d/scale {{\"spec\":{{\"replicas\":3}}}}"), 200, "\"spec\":{\"replicas\":3}"),
        (&format!("PUT {deployments}/d/scale {{\"spec\":{{\"replicas\":-3}}}}"), 422, "must be greater than or equal to 0"),
        (&format!("DELETE {deployments}/d"), 200, "\"deletionTimestamp\":\"2026-11-20T09:00:00Z\""),
        (&format!("GET {deployments}/d"), 200, "\"deletionGracePeriodSeconds\":0"),
        (&format!("PUT {deployments}/d {more}"), 422, "no new finalizers can be added if the object is being deleted"),
        (&format!("PUT {deployments}/d {without}"), 200, "\"name\":\"d\""),
        (&format!("GET {deployments}/d"), 404, "deployments.apps \\\"d\\\" not found"),
        ("POST /api/v1/namespaces {\"metadata\":{\"name\":\"n\"}}", 201, "\"phase\":\"Active\""),
        ("DELETE /api/v1/namespaces/n", 200, "\"phase\":\"Terminating\""),
        ("POST /api/v1/namespaces/n/configmaps {\"metadata\":{\"name\":\"x\"}}", 403, "unable to create new content in namespace n because it is being terminated"),
        ("PUT /api/v1/namespaces/n/finalize {\"metadata\":{\"name\":\"n\"},\"spec\":{\"finalizers\":[]}}", 200, "\"finalizers\":[]"),
        ("GET /api/v1/namespaces/n", 404, "namespaces \\\"n\\\" not found"),
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn wrong_tokens_are_refused_and_the_right_one_is_let_in() {
    let clock = Clock::starting("2026-11-20T09:00:00Z".parse().unwrap());
    let api = Api::new(Arc::new(Store::default()), clock);
    let net = Net::memory();
    let authority = Authority::new().unwrap();
    let kept =
        Authority::kept(authority.certificate().into(), authority.key().into(), authority.token().into());
    let server = Server::start(api, &net, AT, Some(kept)).await.unwrap();
    assert!(server.kubeconfig().contains(&format!("token: {}", authority.token())));
    let mut roots = rustls::RootCertStore::empty();
    let pem = rustls::pki_types::pem::PemObject::from_pem_slice(authority.certificate().as_bytes());
    roots.add(pem.unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = net.dial(None, AT).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let stream = connector.connect(AT.ip().into(), stream).await.unwrap();
    let (send, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { drop(connection.await) });
    let mut client = Client { send, _tasks: tasks };
    for (header, code) in [
        (String::new(), 403),
        ("authorization: Bearer wrong".to_owned(), 401),
        (format!("authorization: Basic {}", authority.token()), 403),
        (format!("authorization: Bearer {}", authority.token()), 200),
    ] {
        let (got, answer) = client.call("GET", "/api/v1/namespaces", &header, "").await;
        assert_eq!(got, code, "{header}: {answer}");
    }
    assert_eq!(client.call("GET", "/readyz", "", "").await.0, 200, "health needs no token");
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_holds_a_cursor_and_disturbs_nobody() {
    let cluster = Cluster::start().await;
    let maps = find("", "configmaps").unwrap();
    let mut map = config_map("a");
    map["data"] = json!({"x": "y".repeat(10_000)});
    cluster.api.create(maps, "default", map.clone(), &Write::by("test")).unwrap();
    let mut slow = cluster.client().await;
    let start = cluster.api.store().revision();
    let (_, mut body) = slow.send("GET", &format!("{MAPS}?watch=true&resourceVersion={start}"), "", "").await;
    for n in 0..100 {
        map["data"]["n"] = n.to_string().into();
        cluster.api.update(maps, "default", "a", map.clone(), &Write::by("test")).unwrap();
        tokio::task::yield_now().await;
    }
    let mut client = cluster.client().await;
    assert_eq!(client.call("GET", &format!("{MAPS}/a"), "", "").await.0, 200);
    let mut seen = Vec::new();
    while seen.iter().filter(|byte| **byte == b'\n').count() < 100 {
        let frame = body.frame().await.unwrap().unwrap();
        seen.extend_from_slice(&frame.into_data().unwrap());
    }
    assert!(String::from_utf8(seen).unwrap().contains("\"n\":\"99\""), "every change, once the reader reads");
}

#[tokio::test(start_paused = true)]
async fn a_long_list_comes_whole_to_who_reads_and_not_to_who_stops() {
    let cluster = Cluster::start().await;
    let maps = find("", "configmaps").unwrap();
    for n in 0..40 {
        let mut map = config_map(&format!("m{n}"));
        map["data"] = json!({"x": "y".repeat(20_000)});
        cluster.api.create(maps, "default", map, &Write::by("test")).unwrap();
    }
    for accept in ["", TABLE] {
        let mut client = cluster.client().await;
        let (code, list) = client.call("GET", &format!("{MAPS}?includeObject=Object"), accept, "").await;
        let items = list["items"].as_array().or(list["rows"].as_array());
        assert_eq!((code, items.map(Vec::len)), (200, Some(40)));
    }
    let mut stopped = cluster.client().await;
    let (_, list) = stopped.send("GET", MAPS, "", "").await;
    let (_, watch) = cluster.client().await.send("GET", &format!("{MAPS}?watch=true"), "", "").await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(list.collect().await.is_err(), "who left it lying got the rest after all");
    assert!(watch.collect().await.is_err());
    let mut quiet = cluster.client().await;
    let (_, mut body) = quiet.send("GET", "/api/v1/pods?watch=true", "", "").await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    let silent = tokio::time::timeout(Duration::from_secs(1), body.frame()).await;
    assert!(silent.is_err(), "a watch that has nothing to say goes on");
}

const TABLE: &str = "accept: application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

#[tokio::test(start_paused = true)]
async fn kubectl_gets_tables_and_patches() {
    let deployments = "/apis/apps/v1/namespaces/default/deployments";
    let body = r#"{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d"},"spec":{"replicas":1,"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i:1"}]}}}}"#;
    let apply = format!("PATCH {deployments}/d?fieldManager=one application/apply-patch+yaml|{body}");
    let other = apply.replace("=one", "=two").replace("i:1", "i:2");
    let forced = other.replace("=two", "=two&force=true");
    let rows = format!("GET {deployments} {TABLE}|");
    let metadata = format!(
        "GET {deployments} accept: application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io|"
    );
    check(&[
        (&apply, 201, "\"operation\":\"Apply\""),
        (&apply, 200, "\"generation\":1"),
        (&other, 409, "Apply failed with 1 conflict: conflict with \\\"one\\\": .spec.template.spec.containers[name=\\\"c\\\"].image"),
        (&forced, 200, "\"image\":\"i:2\""),
        (&format!("PATCH {deployments}/d application/merge-patch+json|{{\"spec\":{{\"replicas\":2}}}}"), 200, "\"generation\":3"),
        (&format!("PATCH {deployments}/d application/json-patch+json|[{{\"op\":\"test\",\"path\":\"/spec/replicas\",\"value\":3}}]"), 422, "d"),
        (&format!("PATCH {deployments}/d application/strategic-merge-patch+json|{{\"spec\":{{\"template\":{{\"spec\":{{\"containers\":[{{\"name\":\"c\",\"image\":\"i:3\"}}]}}}}}}}}"), 200, "\"image\":\"i:3\""),
        (&format!("PATCH {deployments}/d/scale application/merge-patch+json|{{\"spec\":{{\"replicas\":5}}}}"), 200, "\"kind\":\"Scale\""),
        (&format!("PATCH {deployments}/d application/merge-patch+json|{{\"metadata\":{{\"resourceVersion\":\"1\"}}}}"), 409, "the object has been modified"),
        (&format!("PATCH {deployments}/e application/merge-patch+json|{{}}"), 404, "deployments.apps \\\"e\\\" not found"),
        (&format!("PATCH {deployments}/d application/json|{{}}"), 415, "application/apply-patch+yaml"),
        (&format!("PATCH {deployments}/d?fieldValidation=Strict application/merge-patch+json|{{\"spec\":{{\"replicsa\":5}}}}"), 400, "unknown field \\\"spec.replicsa\\\""),
        (&rows, 200, "\"rows\":[{\"cells\":[\"d\",\"0/5\",0,0,\"0s\""),
        (&format!("GET {deployments}/d {TABLE}|"), 200, "\"kind\":\"Table\""),
        (&metadata, 200, "\"items\":[{\"kind\":\"PartialObjectMetadata\""),
        ("GET /openapi/v3/apis/apps/v1", 200, "io.k8s.api.apps.v1.DeploymentSpec"),
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn logs_are_read_from_where_and_as_long_as_asked() {
    let cluster = Cluster::start().await;
    let pods = find("", "pods").unwrap();
    let pod = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    let mut elsewhere = pod.clone();
    elsewhere["metadata"]["name"] = "nowhere".into();
    let mut pod = pod;
    pod["spec"]["nodeName"] = "n".into();
    let pod = cluster.api.create(pods, "default", pod, &Write::by("test")).unwrap();
    cluster.api.create(pods, "default", elsewhere, &Write::by("test")).unwrap();
    let mut client = cluster.client().await;
    let path = "/api/v1/namespaces/default/pods/p/log";
    let (status, answer) = client.send("GET", &path.replace("/p/", "/nowhere/"), "", "").await;
    assert_eq!(status.as_u16(), 200, "a Pod without a node has written nothing");
    assert!(answer.collect().await.unwrap().to_bytes().is_empty());
    let log = cluster.api.logs().begin(pod["metadata"]["uid"].as_str().unwrap(), "c");
    let written = cluster.api.clock().now();
    log.write(written, "one\ntwo");
    tokio::time::sleep(Duration::from_secs(10)).await;
    log.write(cluster.api.clock().now(), "three");
    for (query, expected) in [
        ("", "one\ntwo\nthree\n"),
        ("?tailLines=1", "three\n"),
        ("?tailLines=9&limitBytes=5", "one\nt"),
        ("?sinceSeconds=5&timestamps=true", "2026-11-20T09:00:10.000000000Z three\n"),
        ("?container=d", "container d is not valid for pod p"),
        ("?previous=true", "previous terminated container \"c\" in pod \"p\" not found"),
    ] {
        let (_, answer) = client.call("GET", &format!("{path}{query}"), "", "").await;
        let text = answer.as_str().or(answer["message"].as_str()).unwrap();
        assert_eq!(text, expected, "{query}");
    }
    let (_, body) = client.send("GET", &format!("{path}?follow=true&tailLines=1"), "", "").await;
    log.write(written, "four");
    log.close();
    assert_eq!(body.collect().await.unwrap().to_bytes(), "three\nfour\n");
}
