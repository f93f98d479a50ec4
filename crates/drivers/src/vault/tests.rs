//! A Vault of our own on the loopback: it has its paths, its logins and its ways to fail.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use super::*;
use expect_test::{Expect, expect};
use jiff::Timestamp;
use serde_json::json;
use squall_engine::Environment;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What it answers: a status, a header line or none, and a body; or never.
type Told = Option<(u16, String, String)>;

struct Server {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
    _serving: JoinSet<()>,
}

impl Server {
    async fn start(answer: fn(&str, usize) -> Told) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = asked.clone();
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut open = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let request = request(&mut stream).await;
                let before = kept.lock().unwrap().len();
                kept.lock().unwrap().push(request.clone());
                match answer(&request, before) {
                    Some((status, header, body)) => {
                        let length = body.len();
                        let text =
                            format!("HTTP/1.1 {status} X\r\n{header}Content-Length: {length}\r\n\r\n{body}");
                        stream.write_all(text.as_bytes()).await.unwrap();
                    }
                    None => open.push(stream),
                }
            }
        });
        Server { address, asked, _serving: serving }
    }

    /// The requests: method, path, and what counts of head and body.
    fn asked(&self) -> String {
        let asked = self.asked.lock().unwrap();
        let lines = asked.iter().flat_map(|request| {
            request.lines().filter(|line| {
                let counts = ["GET", "POST", "X-Vault-Token", "X-Vault-Namespace", "{"];
                counts.iter().any(|start| line.starts_with(start))
            })
        });
        lines.map(|line| format!("{}\n", line.trim_end_matches(" HTTP/1.1"))).collect()
    }
}

async fn request(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    loop {
        let mut more = [0; 4096];
        let count = stream.read(&mut more).await.unwrap();
        read.extend_from_slice(&more[..count]);
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
            if count == 0 || body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return text;
            }
        }
    }
}

fn told(status: u16, body: &str) -> Told {
    Some((status, String::new(), body.to_owned()))
}

/// A Vault as it should be.
fn vault(request: &str, _: usize) -> Told {
    let line = request.lines().next().unwrap();
    let path = line.split(' ').nth(1).unwrap();
    let body = request.split_once("\r\n\r\n").unwrap().1;
    let login = r#"{"auth": {"client_token": "s.login"}}"#;
    match path {
        "/v1/auth/approle/login" if body == r#"{"role_id": "role", "secret_id": "the-secret-id"}"# => {
            return told(200, login);
        }
        "/v1/auth/k8s/login" if body == r#"{"role": "chaos", "jwt": "jwt-of-the-pod"}"# => {
            return told(200, login);
        }
        "/v1/auth/approle/login" => {
            return told(400, r#"{"errors": ["invalid role or secret ID the-wrong-one"]}"#);
        }
        "/v1/auth/kubernetes/login" => return told(404, r#"{"errors": ["no handler for route"]}"#),
        _ => {}
    }
    if !["s.root", "s.login"].iter().any(|token| request.contains(&format!("X-Vault-Token: {token}\r\n"))) {
        return told(403, r#"{"errors": ["permission denied"]}"#);
    }
    match path {
        "/v1/secret/data/foo/bar" => {
            told(200, r#"{"data": {"data": {"password": "shh", "n": 3}, "metadata": {"version": 1}}}"#)
        }
        "/v1/kv/foo/bar" => told(200, r#"{"data": {"password": "old"}}"#),
        "/v1/secret/data/deleted" => {
            told(404, r#"{"data": {"data": null, "metadata": {"deletion_time": "2026-01-01T00:00:00Z"}}}"#)
        }
        "/v1/secret/data/nothing" => told(204, ""),
        "/v1/secret/data/null" => told(200, r#"{"data": null}"#),
        "/v1/secret/data/junk" => told(200, "<html>please log in</html>"),
        "/v1/secret/data/first" => told(200, r#"{"data": {"password": "shh"}}"#),
        "/v1/secret/data/away" => {
            Some((307, "Location: /v1/secret/data/foo/bar\r\n".to_owned(), String::new()))
        }
        "/v1/secret/data/round" => {
            Some((307, "Location: /v1/secret/data/round\r\n".to_owned(), String::new()))
        }
        _ => told(404, r#"{"errors": []}"#),
    }
}

/// What is found with this configuration (the address is added) for these declarations: values, warnings, or what went wrong.
async fn outcome(
    server: &Server,
    mut configuration: serde_json::Value,
    variables: &[(&str, &str)],
    declarations: serde_json::Value,
) -> String {
    configuration["vault_addr"] = json!(format!("{}/", server.address));
    let object = |json| Value::from_json(json).as_object().unwrap().clone();
    let environment =
        Environment::new(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let requests: Vec<_> = declarations
        .as_array()
        .unwrap()
        .iter()
        .map(|declaration| VaultRequest {
            at: vec!["t".to_owned()],
            declaration: object(declaration.clone()),
        })
        .collect();
    let world = World { environment: &environment, session: None, now: Timestamp::UNIX_EPOCH };
    let found = match Settings::of(&object(configuration), &environment) {
        Ok(mut settings) => {
            settings.patience.read = Duration::from_millis(500);
            settings.patience.pause = Duration::from_millis(1);
            read(&requests, &settings, &world).await
        }
        Err(failure) => Err(failure),
    };
    let text = match found {
        Ok(found) => {
            let warnings: String = found.warnings.iter().map(|warning| format!("{warning:?}\n")).collect();
            warnings + &json::to_string(&Value::List(found.values), &Style::LINE)
        }
        Err(Failure { blame, what, hint, .. }) => format!("{blame:?}: {what}; {}", hint.unwrap_or_default()),
    };
    text.replace(&server.address, "ADDR")
}

async fn check(configuration: serde_json::Value, declarations: serde_json::Value, expected: Expect) {
    let server = Server::start(vault).await;
    expected.assert_eq(&outcome(&server, configuration, &[], declarations).await);
}

#[tokio::test]
async fn both_versions() {
    let declarations = json!([
        {"type": "vault", "path": "foo/bar"}, {"type": "vault", "path": "foo/bar", "key": "password"},
        {"type": "vault", "path": "/foo/bar", "key": "none"}, {"type": "vault", "key": "x"},
        {"type": "vault", "path": "nothing"}, {"type": "vault", "path": "null"},
    ]);
    check(json!({"vault_token": "s.root"}), declarations, expect![[r#"
        NoKey("the Vault secret at path /foo/bar has no key 'none' (it has: password, n), so its value is null")
        NoPath("Missing Vault secret path for '{'type': 'vault', 'key': 'x'}'")
        Empty("No Vault secret found at path: nothing")
        Empty("No Vault secret found at path: null")
        [{"password": "shh", "n": 3}, "shh", null, {}, {}, {}]"#]]).await;
    let first = json!({"vault_token": "s.root", "vault_kv_version": "1", "vault_secrets_mount_point": "kv"});
    check(first, json!([{"path": "foo/bar", "key": "password"}]), expect![[r#"["old"]"#]]).await;
    check(
        json!({"vault_kv_version": 3}),
        json!([]),
        expect!["Experiment: `vault_kv_version` cannot be '3'; use 1 or 2"],
    )
    .await;
}

#[tokio::test]
async fn ways_to_log_in() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "jwt-of-the-pod\n").unwrap();
    let token = token.to_str().unwrap();
    let one = json!([{"path": "foo/bar", "key": "n"}, {"path": "foo/bar"}]);
    for (configuration, variables, asked) in [
        (
            json!({"vault_role_id": "role", "vault_role_secret": "the-secret-id"}),
            vec![],
            expect![[r#"
            POST /v1/auth/approle/login
            {"role_id": "role", "secret_id": "the-secret-id"}
            GET /v1/secret/data/foo/bar
            X-Vault-Token: s.login
        "#]],
        ),
        (
            json!({"vault_sa_role": "chaos", "vault_sa_token_path": token, "vault_k8s_mount_point": "k8s"}),
            vec![],
            expect![[r#"
            POST /v1/auth/k8s/login
            {"role": "chaos", "jwt": "jwt-of-the-pod"}
            GET /v1/secret/data/foo/bar
            X-Vault-Token: s.login
        "#]],
        ),
        (
            json!({}),
            vec![("VAULT_TOKEN", "s.root"), ("VAULT_NAMESPACE", "team")],
            expect![[r#"
            GET /v1/secret/data/foo/bar
            X-Vault-Token: s.root
            X-Vault-Namespace: team
        "#]],
        ),
    ] {
        let server = Server::start(vault).await;
        let found = outcome(&server, configuration, &variables, one.clone()).await;
        assert_eq!(found, r#"[3, {"password": "shh", "n": 3}]"#);
        asked.assert_eq(&server.asked());
    }
}

#[tokio::test]
async fn what_goes_wrong() {
    let root = || json!({"vault_token": "s.root"});
    let at = |path: &str| json!([{"type": "vault", "path": path}]);
    check(json!({"vault_token": "s.bad"}), at("foo/bar"), expect!["Experiment: Vault at ADDR answered GET /v1/secret/data/foo/bar with 403: permission denied; the token is not valid (any more), or none of its policies grants `read` on `secret/data/foo/bar`"]).await;
    check(root(), at("none"), expect!["Experiment: Vault at ADDR answered GET /v1/secret/data/none with 404; look at the `path` of the secret, at `vault_secrets_mount_point` (secret) and at `vault_kv_version` (2)"]).await;
    check(root(), at("deleted"), expect!["Experiment: Vault at ADDR answered GET /v1/secret/data/deleted with 404; its latest version was deleted: `vault kv undelete`, or write it again"]).await;
    check(root(), at("junk"), expect!["Environment: Vault at ADDR answered GET /v1/secret/data/junk with something that is no JSON object; is it Vault that listens at `vault_addr`, and not a proxy or a page to log in?"]).await;
    check(root(), at("first"), expect!["Experiment: Vault at ADDR answered GET /v1/secret/data/first with something that holds no secret of this version; look at `vault_kv_version` (2): it must be that of the engine at `secret`"]).await;
    check(root(), at("round"), expect!["Environment: Vault at ADDR answered GET /v1/secret/data/round with 307, a redirect to /v1/secret/data/round; let `vault_addr` name that server itself; a redirect from https to http is not followed"]).await;
    check(root(), at("away"), expect![[r#"[{"password": "shh", "n": 3}]"#]]).await;
    let wrong = json!({"vault_role_id": "role", "vault_role_secret": "the-wrong-one"});
    check(wrong, at("foo/bar"), expect!["Experiment: Failed to connect to Vault with the AppRole: Vault at ADDR answered POST /v1/auth/approle/login with 400: invalid role or secret ID ***; are `vault_role_id` and `vault_role_secret` those of a role of this Vault, and is the secret still valid?"]).await;
    let account = |path: &str| json!({"vault_sa_role": "chaos", "vault_sa_token_path": path});
    check(account("/dev/null"), at("foo/bar"), expect!["Experiment: Failed to connect to Vault using service account with errors: 'Vault at ADDR answered POST /v1/auth/kubernetes/login with 404: no handler for route'; is this way of logging in enabled there, at `auth/kubernetes/login`?"]).await;
    check(account("/none/token"), at("foo/bar"), expect!["Environment: Failed to get service account token at: /none/token (No such file or directory (os error 2)); it is there within a Pod that mounts its service account; `vault_sa_token_path` names another file"]).await;
}

#[tokio::test]
async fn patience() {
    let root = json!({"vault_token": "s.root"});
    let declarations = json!([{"path": "foo/bar", "key": "n"}]);
    let sealed = Server::start(|_, _| told(503, r#"{"errors": ["Vault is sealed"]}"#)).await;
    expect!["Environment: Vault at ADDR answered GET /v1/secret/data/foo/bar with 503: Vault is sealed; Vault is sealed or in maintenance: `vault status` tells, `vault operator unseal` helps"]
        .assert_eq(&outcome(&sealed, root.clone(), &[], declarations.clone()).await);
    assert_eq!(sealed.asked.lock().unwrap().len(), 3);
    let busy =
        Server::start(|request, before| if before < 2 { told(500, "") } else { vault(request, before) })
            .await;
    assert_eq!(outcome(&busy, root.clone(), &[], declarations.clone()).await, "[3]");
    let silent = Server::start(|_, _| None).await;
    expect!["Environment: Vault at ADDR did not answer GET /v1/secret/data/foo/bar within 0.5 s; is it up, and is `vault_addr` right?"]
        .assert_eq(&outcome(&silent, root.clone(), &[], declarations.clone()).await);
    let gone = Server::start(|_, _| None).await;
    let address = gone.address.clone();
    drop(gone);
    let gone = Server { address, asked: Arc::default(), _serving: JoinSet::new() };
    let said = outcome(&gone, root, &[], declarations).await;
    assert!(
        said.starts_with(
            "Environment: could not reach Vault at ADDR for GET /v1/secret/data/foo/bar: could not connect"
        ),
        "{said}"
    );
}
