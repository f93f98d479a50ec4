//! Real connections on the loopback interface: TLS, client certificates, exec plugins, proxies, and what is said when there is
//! no connection.

use crate::play::{Scene, scene};
use crate::stand_in::{Asked, StandIn, status};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use serde_json::{Value as Json, json};
use squall_drivers::k8s::Clusters;
use squall_engine::Stop;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

const COUNT: &str = "chaosk8s.pod.probes.count_pods";

/// A kubeconfig with one context: `cluster` and `user` are its entries, in YAML's flow style.
fn kubeconfig(folder: &Path, cluster: &str, user: &str) -> String {
    let path = folder.join("config");
    let text = format!(
        "current-context: a\ncontexts: [{{name: a, context: {{cluster: c, user: u}}}}]\nclusters: [{{name: c, cluster: {{{cluster}}}}}]\nusers: [{{name: u, user: {{{user}}}}}]\n"
    );
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Counts Pods with this environment: the number, or class, text and hint of the failure.
async fn count(env: &[(&str, &str)]) -> String {
    scene(Clusters::default(), env, async |scene| told(scene).await).await
}

async fn told(scene: &Scene) -> String {
    match scene.play(COUNT, &json!({"label_selector": "a=b"}), &Json::Null).await {
        Ok(number) => number.to_string(),
        Err(Stop::Failed(failure)) => format!("{} [{}]", failure.classed(), failure.hint.unwrap_or_default()),
        Err(other) => format!("{other:?}"),
    }
}

/// An authority with a server's certificate for `k8s.test` and a client's.
struct Certificates {
    ca: String,
    server: (String, String),
    client: (String, String),
}

impl Certificates {
    fn new() -> Certificates {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        let signed = |name: &str| {
            let key = KeyPair::generate().unwrap();
            let certificate =
                CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
            (certificate.pem(), key.serialize_pem())
        };
        Certificates { server: signed("k8s.test"), client: signed("me"), ca }
    }

    fn write(&self, folder: &Path) {
        std::fs::write(folder.join("ca.pem"), &self.ca).unwrap();
        std::fs::write(folder.join("me.pem"), &self.client.0).unwrap();
        std::fs::write(folder.join("me.key"), self.client.1.trim_end()).unwrap();
    }

    /// Serves TLS; clients must have a certificate of the authority if `asks`.
    async fn listen(&self, server: &StandIn, asks: bool, tasks: &mut JoinSet<()>) -> u16 {
        let der = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(self.server.1.as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = if asks {
            let mut roots = RootCertStore::empty();
            roots.add(der(&self.ca)).unwrap();
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        } else {
            builder.with_no_client_auth()
        };
        let config = builder.with_single_cert(vec![der(&self.server.0)], key).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = server.clone();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                let (acceptor, server) = (acceptor.clone(), server.clone());
                connections.spawn(async move {
                    if let Ok(tls) = acceptor.accept(socket).await {
                        let _ = server.converse(tls).await;
                    }
                });
            }
        });
        port
    }
}

#[tokio::test]
async fn certificates_are_verified_as_the_kubeconfig_says() {
    let folder = tempfile::tempdir().unwrap();
    let certificates = Certificates::new();
    certificates.write(folder.path());
    let server = StandIn::default();
    let mut tasks = JoinSet::new();
    let port = certificates.listen(&server, true, &mut tasks).await;
    let base = format!("server: 'https://127.0.0.1:{port}'");
    let me = "client-certificate: me.pem, client-key: me.key";
    let with = async |cluster: &str, user: &str| {
        let config = kubeconfig(folder.path(), &format!("{base}, {cluster}"), user);
        count(&[("KUBECONFIG", config.as_str())]).await
    };
    assert_eq!(with("certificate-authority: ca.pem, tls-server-name: k8s.test", me).await, "0");
    assert_eq!(with("insecure-skip-tls-verify: true", me).await, "0");
    let refused = with("certificate-authority: ca.pem", me).await;
    assert!(
        refused.contains("SSLError(SSLCertVerificationError") && refused.contains("certificate-authority"),
        "{refused}"
    );
    // Another authority: that of nobody.
    std::fs::write(folder.path().join("ca.pem"), Certificates::new().ca).unwrap();
    let refused = with("certificate-authority: ca.pem, tls-server-name: k8s.test", me).await;
    assert!(refused.contains("SSLError"), "{refused}");
    // The system does not know it either.
    let refused = with("tls-server-name: k8s.test", me).await;
    assert!(refused.contains("SSLError"), "{refused}");
    // No certificate of ours.
    certificates.write(folder.path());
    let refused = with("certificate-authority: ca.pem, tls-server-name: k8s.test", "").await;
    assert!(refused.contains("MaxRetryError"), "{refused}");
}

/// A program that prints an ExecCredential, counting its runs in the file `runs`.
fn plugin(folder: &Path, status: &str) -> String {
    let path = folder.join("login");
    let text = format!(
        "#!/bin/sh\nruns=$(($(cat {0}/runs 2>/dev/null || echo 0) + 1))\necho $runs > {0}/runs\necho \"$KUBERNETES_EXEC_INFO\" > {0}/info\necho \"$GREETING\" > {0}/greeting\ncat <<END\n{{\"apiVersion\": \"client.authentication.k8s.io/v1\", \"kind\": \"ExecCredential\", \"status\": {status}}}\nEND\n",
        folder.display()
    );
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    "exec: {apiVersion: client.authentication.k8s.io/v1, command: ./login, provideClusterInfo: true, env: [{name: GREETING, value: hello}]}".to_owned()
}

fn tokens(server: &StandIn) -> Vec<String> {
    server.asked().into_iter().filter_map(|asked| asked.authorization).collect()
}

#[tokio::test]
async fn an_exec_plugin_is_run_once_and_again_when_its_token_expires() {
    let folder = tempfile::tempdir().unwrap();
    let server = StandIn::default();
    let mut tasks = JoinSet::new();
    let port = server.listen(&mut tasks).await;
    let base = format!("server: 'http://127.0.0.1:{port}'");
    // The scene's clock starts at noon. A token that ends then is renewed for each call, one that ends later is kept.
    for (expires, expected) in [("12:00:00", ["1", "2", "3"]), ("13:00:00", ["1", "1", "1"])] {
        let _ = std::fs::remove_file(folder.path().join("runs"));
        let status = format!("{{\"token\": \"t$runs\", \"expirationTimestamp\": \"2026-11-20T{expires}Z\"}}");
        let config = kubeconfig(folder.path(), &base, &plugin(folder.path(), &status));
        scene(Clusters::default(), &[("KUBECONFIG", config.as_str())], async |scene| {
            for _ in 0..3 {
                assert_eq!(told(scene).await, "0");
            }
        })
        .await;
        assert_eq!(tokens(&server), expected.map(|run| format!("Bearer t{run}")));
    }
    let info: Json = serde_json::from_slice(&std::fs::read(folder.path().join("info")).unwrap()).unwrap();
    assert_eq!(info["spec"]["cluster"]["server"], format!("http://127.0.0.1:{port}"));
    assert_eq!(std::fs::read_to_string(folder.path().join("greeting")).unwrap(), "hello\n");
    // A token that the server does not take any more is renewed too, once.
    let _ = std::fs::remove_file(folder.path().join("runs"));
    let config = kubeconfig(folder.path(), &base, &plugin(folder.path(), r#"{"token": "t$runs"}"#));
    server.hook(|_, asked: &Asked| {
        (asked.authorization.as_deref() == Some("Bearer t1"))
            .then(|| status(401, "Unauthorized", "Unauthorized"))
    });
    assert_eq!(count(&[("KUBECONFIG", config.as_str())]).await, "0");
    assert_eq!(tokens(&server), ["Bearer t1", "Bearer t2"]);
    server.hook(|_, _| Some(status(401, "Unauthorized", "Unauthorized")));
    let refused = count(&[("KUBECONFIG", config.as_str())]).await;
    assert!(
        refused.contains("ApiException: (401)") && refused.contains("run it by hand, log in again"),
        "{refused}"
    );
    assert!(!refused.contains("t1") && !refused.contains("t2"), "{refused}");
}

#[tokio::test]
async fn an_exec_plugin_may_give_a_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let certificates = Certificates::new();
    certificates.write(folder.path());
    let server = StandIn::default();
    let mut tasks = JoinSet::new();
    let port = certificates.listen(&server, true, &mut tasks).await;
    let status =
        json!({"clientCertificateData": certificates.client.0, "clientKeyData": certificates.client.1});
    // The shell's here-document takes a backslash away, but not before an `n`.
    let user = plugin(folder.path(), &status.to_string());
    let cluster = format!(
        "server: 'https://127.0.0.1:{port}', certificate-authority: ca.pem, tls-server-name: k8s.test"
    );
    let config = kubeconfig(folder.path(), &cluster, &user);
    assert_eq!(count(&[("KUBECONFIG", config.as_str())]).await, "0");
}

#[tokio::test]
async fn what_is_wrong_with_an_exec_plugin_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let check = async |user: &str, expected: &str| {
        let config = kubeconfig(folder.path(), "server: 'http://127.0.0.1:1'", user);
        let told = count(&[("KUBECONFIG", config.as_str())]).await;
        assert_eq!(told.replace(folder.path().to_str().unwrap(), "TMP"), expected);
    };
    let class = "kubernetes.config.config_exception.ConfigException: ";
    check(
        "exec: {command: no-such-login, installHint: 'get it at https://login.test'}",
        &format!("{class}could not run no-such-login, from which user u in TMP/config gets its credential: No such file or directory (os error 2) [get it at https://login.test]"),
    )
    .await;
    check(
        "exec: {command: sh, args: [-c, 'echo please log in >&2; exit 3']}",
        &format!("{class}the credential program sh of user u in TMP/config failed (exit status: 3): please log in [run it by hand, log in again]"),
    )
    .await;
    check(
        "exec: {command: echo, args: [secret-token]}",
        &format!("{class}the credential program echo of user u in TMP/config printed no ExecCredential: it is not of that shape at line 1, column 1 []"),
    )
    .await;
}

#[tokio::test]
async fn a_token_file_is_read_again_when_the_server_refuses_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "old\n").unwrap();
    let server = StandIn::default();
    let mut tasks = JoinSet::new();
    let port = server.listen(&mut tasks).await;
    let config = kubeconfig(folder.path(), &format!("server: 'http://127.0.0.1:{port}'"), "tokenFile: token");
    server.hook(move |_, asked| {
        let is_old = asked.authorization.as_deref() == Some("Bearer old");
        if is_old {
            std::fs::write(&file, "new\n").unwrap();
        }
        is_old.then(|| status(401, "Unauthorized", "Unauthorized"))
    });
    assert_eq!(count(&[("KUBECONFIG", config.as_str())]).await, "0");
    assert_eq!(tokens(&server), ["Bearer old", "Bearer new"]);
}

/// A proxy that tunnels anything to `port`; what it was asked.
async fn proxy(port: u16, tasks: &mut JoinSet<()>) -> (u16, Arc<std::sync::Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let its_port = listener.local_addr().unwrap().port();
    let asked = Arc::new(std::sync::Mutex::new(Vec::new()));
    let keep = asked.clone();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((mut socket, _)) = listener.accept().await {
            let keep = keep.clone();
            connections.spawn(async move {
                let mut read = Vec::new();
                while !read.ends_with(b"\r\n\r\n") {
                    socket.read_buf(&mut read).await.unwrap();
                }
                let text = String::from_utf8(read).unwrap();
                keep.lock().unwrap().push(text.lines().next().unwrap().to_owned());
                socket.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                let mut to = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                let _ = copy_bidirectional(&mut socket, &mut to).await;
            });
        }
    });
    (its_port, asked)
}

#[tokio::test]
async fn proxies_are_used_and_names_behind_them_need_not_resolve() {
    let folder = tempfile::tempdir().unwrap();
    let certificates = Certificates::new();
    certificates.write(folder.path());
    let server = StandIn::default();
    let mut tasks = JoinSet::new();
    let port = certificates.listen(&server, false, &mut tasks).await;
    let (proxy, asked) = proxy(port, &mut tasks).await;
    let url = format!("http://127.0.0.1:{proxy}");
    let tls = "server: 'https://k8s.test:6443', certificate-authority: ca.pem";
    let by_config = kubeconfig(folder.path(), &format!("{tls}, proxy-url: '{url}'"), "token: t");
    assert_eq!(count(&[("KUBECONFIG", by_config.as_str()), ("NO_PROXY", "*")]).await, "0");
    let plain = kubeconfig(folder.path(), tls, "token: t");
    assert_eq!(count(&[("KUBECONFIG", plain.as_str()), ("HTTPS_PROXY", url.as_str())]).await, "0");
    assert_eq!(*asked.lock().unwrap(), ["CONNECT k8s.test:6443 HTTP/1.1"; 2]);
    let keys = [
        ("KUBERNETES_HOST", "https://k8s.test:6443"),
        ("KUBERNETES_CA_CERT_FILE", &format!("{}/ca.pem", folder.path().display())),
        ("HTTPS_PROXY", &url),
        ("HOME", "/nowhere"),
    ];
    assert_eq!(count(&keys).await, "0");
    let gone = count(&[
        ("KUBERNETES_HOST", "http://127.0.0.1:2"),
        ("HTTP_PROXY", "http://u:p@127.0.0.1:1"),
        ("HOME", "/nowhere"),
    ])
    .await;
    assert!(
        gone.contains("(Caused by ProxyError('Unable to connect to proxy', NewConnectionError(")
            && !gone.contains("u:p"),
        "{gone}"
    );
}

#[tokio::test]
async fn a_cluster_that_is_not_there_is_told_as_by_the_toolkit() {
    let refused = |port: u16| {
        format!(
            "urllib3.exceptions.MaxRetryError: HTTPConnectionPool(host='127.0.0.1', port={port}): Max retries exceeded with url: \
             /api/v1/namespaces/default/pods?labelSelector=a%3Db (Caused by NewConnectionError(\"HTTPConnection(host='127.0.0.1', port={port}): \
             Failed to establish a new connection: [Errno 111] Connection refused\"))"
        )
    };
    let told = count(&[("KUBERNETES_HOST", "http://127.0.0.1:1"), ("HOME", "/nowhere")]).await;
    assert!(told.starts_with(&refused(1)), "{told}");
    assert!(told.contains("[nothing answers at 127.0.0.1:1: check that the cluster runs"), "{told}");
    let folder = tempfile::tempdir().unwrap();
    let config = kubeconfig(folder.path(), "server: 'https://k8s.invalid:6443'", "");
    let told = count(&[("KUBECONFIG", config.as_str())]).await;
    assert!(told.contains("HTTPSConnectionPool(host='k8s.invalid', port=6443)"), "{told}");
    // What cannot be read is told without an excerpt, which might hold a token.
    let config = kubeconfig(folder.path(), "server: 'https://k8s.invalid:6443'", "token: [sesame]");
    let told = count(&[("KUBECONFIG", config.as_str())]).await;
    assert!(told.contains("Invalid kube-config file") && !told.contains("sesame"), "{told}");
}

#[tokio::test]
async fn an_undo_goes_to_the_cluster_it_came_from_or_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let path = "/apis/apps/v1/namespaces/shop/deployments/web";
    let (server, other) = (StandIn::default(), StandIn::default());
    for its in [&server, &other] {
        its.put(path, json!({"metadata": {"name": "web", "uid": "u"}, "spec": {"replicas": 3}}));
    }
    let mut tasks = JoinSet::new();
    let (port, other_port) = (server.listen(&mut tasks).await, other.listen(&mut tasks).await);
    let there =
        |port: u16| kubeconfig(folder.path(), &format!("server: 'http://127.0.0.1:{port}'"), "token: t");
    let config = there(port);
    let env = [("KUBECONFIG", config.as_str())];
    let scale = json!({"name": "web", "replicas": 0, "ns": "shop"});
    let armed = scene(Clusters::default(), &env, async |scene| {
        scene.told("k8s.deployment.scale", scale).await;
        scene.events()
    })
    .await;
    // Another process, tomorrow, with another environment; and meanwhile the context leads elsewhere.
    there(other_port);
    let again = async || scene(Clusters::default(), &[], async |scene| scene.revert_all(&armed).await).await;
    let failure = again().await.remove(0).unwrap_err();
    assert_eq!(
        failure.what.replace(folder.path().to_str().unwrap(), "TMP"),
        format!(
            "user u of context a in TMP/config leads to http://127.0.0.1:{other_port} now, but the change was made at http://127.0.0.1:{port}"
        )
    );
    there(port);
    assert_eq!(again().await.remove(0), Ok(squall_experiment::event::Reverted::PutBack));
    assert_eq!(server.object(path).unwrap()["spec"]["replicas"], 3);
    assert_eq!(other.asked(), []);
}
