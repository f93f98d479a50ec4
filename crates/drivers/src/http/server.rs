//! Servers on the loopback for tests: each answers requests with what the test says, and keeps what it was asked.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use super::connection::Stream;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// What a server does when it has read a request.
pub(super) enum Answer {
    /// Sends this and closes.
    Bytes(Vec<u8>),
    /// Sends this and awaits the next request.
    Stay(Vec<u8>),
    /// Sends this and then says no more.
    Stall(Vec<u8>),
    /// Closes at once.
    Drop,
    /// Becomes a tunnel to that address, as a proxy does.
    Tunnel(String),
}

impl From<&str> for Answer {
    fn from(text: &str) -> Answer {
        Answer::Bytes(text.as_bytes().to_vec())
    }
}
impl From<String> for Answer {
    fn from(text: String) -> Answer {
        Answer::Bytes(text.into_bytes())
    }
}

/// `200 OK` with these fields (each ending in a line break) and this body.
pub(super) fn ok(fields: &str, body: &str) -> String {
    let fields = fields.replace('\n', "\r\n");
    format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: {}\r\n\r\n{body}", body.len())
}

/// A server; it ends with its handle.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl Server {
    /// Serves plain HTTP. `answer` gets the request, head and body, and how many came before it.
    pub(super) async fn start(answer: impl Fn(&str, usize) -> Answer + Send + Sync + 'static) -> Server {
        Server::serve(answer, None).await
    }

    /// The same over TLS.
    pub(super) async fn start_tls(
        identity: &Identity,
        answer: impl Fn(&str, usize) -> Answer + Send + Sync + 'static,
    ) -> Server {
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![identity.certificate.clone()], identity.key.clone_key())
            .unwrap();
        Server::serve(answer, Some(TlsAcceptor::from(Arc::new(config)))).await
    }

    async fn serve(
        answer: impl Fn(&str, usize) -> Answer + Send + Sync + 'static,
        tls: Option<TlsAcceptor>,
    ) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let connections: Arc<AtomicUsize> = Arc::default();
        let mut tasks = JoinSet::new();
        let (answer, kept, count) = (Arc::new(answer), asked.clone(), connections.clone());
        tasks.spawn(async move {
            let mut conversations = JoinSet::new();
            loop {
                let (tcp, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::Relaxed);
                let (answer, kept, tls) = (answer.clone(), kept.clone(), tls.clone());
                conversations.spawn(async move {
                    let stream: Box<dyn Stream> = match tls {
                        Some(tls) => match tls.accept(tcp).await {
                            Ok(stream) => Box::new(stream),
                            Err(_) => return,
                        },
                        None => Box::new(tcp),
                    };
                    converse(stream, &*answer, &kept).await;
                });
            }
        });
        Server { address, asked, connections, _tasks: tasks }
    }

    /// What it was asked so far.
    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// How many connections were opened to it.
    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

async fn converse(
    mut stream: Box<dyn Stream>,
    answer: &(dyn Fn(&str, usize) -> Answer + Send + Sync),
    kept: &Mutex<Vec<String>>,
) {
    while let Some(request) = read(&mut stream).await {
        let before = {
            let mut kept = kept.lock().unwrap();
            kept.push(request.clone());
            kept.len() - 1
        };
        match answer(&request, before) {
            Answer::Drop => {}
            Answer::Bytes(bytes) => {
                let _ = stream.write_all(&bytes).await;
                let _ = stream.shutdown().await;
            }
            Answer::Stay(bytes) => {
                let _ = stream.write_all(&bytes).await;
                let _ = stream.flush().await;
                continue;
            }
            Answer::Stall(bytes) => {
                let _ = stream.write_all(&bytes).await;
                let _ = stream.flush().await;
                std::future::pending::<()>().await;
            }
            Answer::Tunnel(to) => {
                let mut server = TcpStream::connect(to).await.unwrap();
                stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
                let _ = copy_bidirectional(&mut stream, &mut server).await;
            }
        }
        return;
    }
}

/// A request's head and as much body as it says.
async fn read(stream: &mut Box<dyn Stream>) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
            return Some(text.into_owned());
        }
    }
}

/// A certificate and its key.
pub(super) struct Identity {
    pub(super) certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
    /// What to put into a bundle to trust it.
    pub(super) authority: String,
}

impl Identity {
    /// For these names, signed by an authority.
    pub(super) fn signed(names: &[&str]) -> Identity {
        use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.distinguished_name.push(DnType::CommonName, "an authority");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_key = KeyPair::generate().unwrap();
        let bundle = authority.self_signed(&authority_key).unwrap().pem();
        let key = KeyPair::generate().unwrap();
        let issuer = Issuer::new(authority, authority_key);
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
        Identity::new(&certificate, &key, bundle)
    }

    /// For these names, signed by itself and an authority for all that one knows, as `openssl req -x509` makes them.
    pub(super) fn self_signed(names: &[&str]) -> Identity {
        use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut certificate = CertificateParams::new(names).unwrap();
        certificate.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = certificate.self_signed(&key).unwrap();
        let pem = certificate.pem();
        Identity::new(&certificate, &key, pem)
    }

    fn new(certificate: &rcgen::Certificate, key: &rcgen::KeyPair, authority: String) -> Identity {
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        Identity { certificate: certificate.der().clone(), key, authority }
    }
}
