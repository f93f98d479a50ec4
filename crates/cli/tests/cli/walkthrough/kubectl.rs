//! Sends again what kubectl sent: the requests of a command, one after the other on a connection of their own.
//!
//! Invariant: every answer has the status and the kind of the recorded one, and what kubectl needs of such an answer is in it;
//! watches are read until they show what the command waits for.

use super::recording::{Exchange, Recording};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio_rustls::TlsConnector;

/// How long a command may take.
const PATIENCE: Duration = Duration::from_secs(90);

/// What a command waits for: whether an object, or that there is none, is it.
pub(super) type Until = fn(Option<&Value>) -> bool;

/// What a kubeconfig says.
pub(super) struct Server {
    address: String,
    token: String,
    tls: TlsConnector,
}

impl Server {
    pub(super) fn of(kubeconfig: &str) -> Server {
        let value = |key: &str| {
            let (_, rest) = kubeconfig.split_once(&format!("{key}: ")).unwrap();
            rest.lines().next().unwrap().to_owned()
        };
        let authority = STANDARD.decode(value("certificate-authority-data")).unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(&authority).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        tls.alpn_protocols = vec![b"h2".to_vec()];
        let address = value("server").strip_prefix("https://").unwrap().to_owned();
        Server { address, token: value("token"), tls: TlsConnector::from(Arc::new(tls)) }
    }

    /// Sends a command's requests; the last answer.
    pub(super) fn replay(&self, recording: &Recording, until: Until) -> Value {
        let command = &recording.command;
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let done =
            runtime.block_on(async { tokio::time::timeout(PATIENCE, self.converse(recording, until)).await });
        done.unwrap_or_else(|_| panic!("`{command}` is not over after {PATIENCE:?}"))
    }

    async fn converse(&self, recording: &Recording, until: Until) -> Value {
        let stream = TcpStream::connect(&self.address).await.unwrap();
        let host = self.address.split(':').next().unwrap().to_owned();
        let stream = self.tls.connect(ServerName::try_from(host).unwrap(), stream).await.unwrap();
        let (mut requests, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        let connection = tokio::spawn(connection);
        let mut last = Value::Null;
        for exchange in &recording.exchanges {
            let name = format!("`{}`: {} {}", recording.command, exchange.method, exchange.path);
            let watch = exchange.what == "watch";
            if watch
                && let Some(items) = last["items"].as_array()
                && until(items.first())
            {
                last = items.first().cloned().unwrap_or_default();
                break;
            }
            let request = self.request(exchange, &recording.agent, &last);
            let answer = requests.send_request(request).await.unwrap();
            let status = answer.status().as_u16();
            if exchange.method == "GET" && exchange.status == 200 && status == 404 && until(None) {
                // It waits for an end that has come already.
                break;
            }
            let (head, body) = answer.into_parts();
            if watch {
                assert_eq!(status, exchange.status, "{name}");
                last = see(body, until, &name).await;
                continue;
            }
            let bytes = body.collect().await.unwrap().to_bytes();
            let text = String::from_utf8_lossy(&bytes).into_owned();
            assert_eq!(status, exchange.status, "{name}: {text}");
            last = serde_json::from_slice(&bytes).unwrap_or(Value::String(text));
            let kind = head.headers[http::header::CONTENT_TYPE].to_str().unwrap();
            assert_eq!(last["kind"].as_str().unwrap_or(kind), exchange.what, "{name}: {last}");
            needed(&last, exchange, &name);
        }
        connection.abort();
        last
    }

    fn request(&self, exchange: &Exchange, agent: &str, last: &Value) -> http::Request<Full<Bytes>> {
        let revision = last["metadata"]["resourceVersion"].as_str().unwrap_or_default();
        let path = exchange.path.replace("{revision}", revision);
        let mut request = http::Request::builder()
            .method(exchange.method.as_str())
            .uri(format!("https://{}{path}", self.address))
            .header("User-Agent", agent)
            .header("Authorization", format!("Bearer {}", self.token));
        for (name, value) in &exchange.headers {
            request = request.header(name, value);
        }
        let body = match exchange.body.strip_prefix("base64:") {
            Some(encoded) => STANDARD.decode(encoded).unwrap(),
            None => exchange.body.clone().into_bytes(),
        };
        request.body(Full::new(Bytes::from(body))).unwrap()
    }
}

/// Reads a watch until it shows what is waited for: that object.
async fn see(mut body: Incoming, until: Until, name: &str) -> Value {
    let mut lines = Vec::new();
    while let Some(frame) = body.frame().await {
        lines.extend_from_slice(&frame.unwrap().into_data().unwrap_or_default());
        while let Some(end) = lines.iter().position(|byte| *byte == b'\n') {
            let event: Value = serde_json::from_slice(&lines.drain(..=end).collect::<Vec<u8>>()).unwrap();
            let object = match event["type"].as_str().unwrap() {
                "ADDED" | "MODIFIED" => Some(&event["object"]),
                "DELETED" => None,
                "BOOKMARK" => continue,
                other => panic!("{name}: {other} {event}"),
            };
            if until(object) {
                return event["object"].clone();
            }
        }
    }
    panic!("{name}: the watch ended")
}

/// What kubectl needs of an answer, whatever the command.
fn needed(answer: &Value, exchange: &Exchange, name: &str) {
    let there = |pointer: &str| {
        let found = answer.pointer(pointer).is_some_and(|value| !value.is_null() && value != "");
        assert!(found, "{name}: no {pointer} in {answer}");
    };
    match exchange.what.as_str() {
        "APIGroupDiscoveryList" => there("/items/0/versions/0/resources/0/responseKind/kind"),
        "Table" => {
            let columns = answer["columnDefinitions"].as_array().unwrap().len();
            for row in answer["rows"].as_array().unwrap() {
                assert_eq!(row["cells"].as_array().unwrap().len(), columns, "{name}: {row}");
                assert!(row["object"]["metadata"]["name"].is_string(), "{name}: {row}");
            }
        }
        "Status" if exchange.status == 404 => {
            assert_eq!(answer["reason"], "NotFound", "{name}: {answer}");
            there("/details/kind");
            there("/message");
        }
        "Status" => assert_eq!(answer["status"], "Success", "{name}: {answer}"),
        list if list.ends_with("List") => {
            there("/metadata/resourceVersion");
            there("/items");
        }
        // The index of OpenAPI documents, or one of them, which must say that fields are validated.
        "application/json" if answer["openapi"].is_null() => there("/paths/api~1v1/serverRelativeURL"),
        "application/json" => assert!(answer.to_string().contains("\"fieldValidation\""), "{name}"),
        protobuf if protobuf.contains("proto-openapi") => {
            assert!(answer.as_str().unwrap().contains("fieldValidation"), "{name}");
        }
        text if text.starts_with("text/plain") => assert!(answer.is_string(), "{name}: {answer}"),
        _ => {
            for pointer in ["/apiVersion", "/metadata/name", "/metadata/uid", "/metadata/resourceVersion"] {
                there(pointer);
            }
        }
    }
}
