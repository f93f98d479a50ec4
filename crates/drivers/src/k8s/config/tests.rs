//! How settings become a connection: the recorded cases of the Toolkit, and what goes beyond it.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use super::*;

/// What a connection is, without secrets but for the header, as a line.
fn line(connection: &Connection) -> String {
    let login = match &connection.login {
        login::Source::None => "-".to_owned(),
        login::Source::Fixed(header) => header.to_str().unwrap().to_owned(),
        login::Source::File { path, .. } => format!("file {}", path.display()),
        login::Source::Exec(plugin) => format!("exec {}", plugin.command()),
    };
    let Tls { roots, insecure, server_name, identity } = &connection.tls;
    let mut words = vec![connection.server.to_string(), login];
    words.extend(roots.as_ref().map(|roots| format!("roots={}", roots.len())));
    words.extend(insecure.then(|| "insecure".to_owned()));
    words.extend(server_name.as_ref().map(|name| format!("name={name}")));
    words.extend(identity.as_ref().map(|_| "certificate".to_owned()));
    words.extend(connection.proxy.as_ref().map(|proxy| format!("proxy={proxy}")));
    words
        .extend(connection.headers.iter().map(|(name, value)| format!("{name}={}", value.to_str().unwrap())));
    words.join(" ")
}

fn told(settings: &Settings, folder: &Path) -> String {
    match settings.connection_from(&folder.join("mount")) {
        Ok(connection) => line(&connection),
        Err(failure) => failure.classed(),
    }
    .replace(folder.to_str().unwrap(), "TMP")
}

/// A folder with certificates and keys.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(vec!["k8s.test".into()]).unwrap();
    std::fs::write(folder.path().join("ca.pem"), cert.pem()).unwrap();
    std::fs::write(folder.path().join("key.pem"), signing_key.serialize_pem()).unwrap();
    folder
}

fn check(secrets: &[(&'static str, &str)], env: &[(&'static str, &str)], expected: &str) {
    let folder = folder();
    let path = folder.path().to_str().unwrap();
    let there = |pairs: &[(&'static str, &str)]| -> Vec<(&'static str, String)> {
        pairs.iter().map(|(key, value)| (*key, value.replace("TMP", path))).collect()
    };
    let (secrets, mut env) = (there(secrets), there(env));
    env.push(("HOME", "/nowhere".to_owned()));
    fn borrowed<'a>(pairs: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
        pairs.iter().map(|(key, value)| (*key, value.as_str())).collect()
    }
    let settings = Settings::for_test(&borrowed(&secrets), &borrowed(&env));
    assert_eq!(told(&settings, folder.path()), expected, "{env:?}");
}

#[test]
fn single_keys_describe_a_server() {
    let host = ("KUBERNETES_HOST", "http://127.0.0.1:1234");
    let secure = ("KUBERNETES_HOST", "https://k:6443");
    check(&[], &[host, ("KUBERNETES_API_KEY", "sekret")], "http://127.0.0.1:1234/ Bearer sekret");
    check(
        &[host, ("KUBERNETES_API_KEY", "sekret"), ("KUBERNETES_API_KEY_PREFIX", "Token")],
        &[],
        "http://127.0.0.1:1234/ Token sekret",
    );
    check(
        &[("KUBERNETES_API_KEY", "fromsecret")],
        &[host, ("KUBERNETES_API_KEY", "fromenv")],
        "http://127.0.0.1:1234/ Bearer fromsecret",
    );
    // W23: they are sent.
    let user = [host, ("KUBERNETES_USERNAME", "u"), ("KUBERNETES_PASSWORD", "p")];
    check(&[], &user, "http://127.0.0.1:1234/ Basic dTpw");
    // W22: verified unless turned off.
    check(&[], &[secure], "https://k:6443/ -");
    for off in ["false", "False", "0", "no"] {
        check(&[], &[secure, ("KUBERNETES_VERIFY_SSL", off)], "https://k:6443/ - insecure");
    }
    check(&[], &[secure, ("KUBERNETES_VERIFY_SSL", "true")], "https://k:6443/ -");
    let files = [secure, ("KUBERNETES_CA_CERT_FILE", "TMP/ca.pem")];
    check(&[], &files, "https://k:6443/ - roots=1");
    let identity = [("KUBERNETES_CERT_FILE", "TMP/ca.pem"), ("KUBERNETES_KEY_FILE", "TMP/key.pem")];
    check(&[], &[files.as_slice(), &identity].concat(), "https://k:6443/ - roots=1 certificate");
    check(
        &[],
        &[secure, identity[0]],
        "chaoslib.exceptions.ActivityFailed: KUBERNETES_CERT_FILE is set, KUBERNETES_KEY_FILE is not",
    );
    check(
        &[],
        &[secure, ("KUBERNETES_CA_CERT_FILE", "TMP/key.pem")],
        "chaoslib.exceptions.ActivityFailed: TMP/key.pem holds no certificate",
    );
    check(&[], &[], "http://localhost/ -");
    check(
        &[],
        &[("KUBERNETES_HOST", "ftp://k")],
        "chaoslib.exceptions.ActivityFailed: KUBERNETES_HOST is no URL of a server: `ftp://k`: it must be http:// or https:// and a host",
    );
}

#[test]
fn proxies_come_from_the_environment() {
    let (plain, secure) = (("KUBERNETES_HOST", "http://k"), ("KUBERNETES_HOST", "https://k"));
    let (http, https) = (("HTTP_PROXY", "http://p:1"), ("HTTPS_PROXY", "p:2"));
    check(&[], &[plain, http], "http://k/ - proxy=http://p:1/");
    check(&[], &[plain, https], "http://k/ -");
    check(&[], &[secure, http], "https://k/ - proxy=http://p:1/");
    // W26: heard.
    check(&[], &[secure, http, https], "https://k/ - proxy=http://p:2/");
    check(&[], &[secure, https, ("NO_PROXY", "a,k")], "https://k/ -");
    check(&[], &[secure, ("https_proxy", "socks5h://p:3")], "https://k/ - proxy=socks5://p:3/");
    check(
        &[],
        &[secure, ("HTTPS_PROXY", "::")],
        "chaoslib.exceptions.ActivityFailed: HTTPS_PROXY is no URL of a proxy",
    );
}

#[test]
fn a_pod_finds_its_cluster() {
    let folder = folder();
    let mount = folder.path().join("mount");
    std::fs::create_dir(&mount).unwrap();
    std::fs::copy(folder.path().join("ca.pem"), mount.join("ca.crt")).unwrap();
    std::fs::write(mount.join("token"), "t\n").unwrap();
    let check = |env: &[(&'static str, &str)], expected: &str| {
        let env: Vec<_> = env.iter().copied().chain([("HOME", "/nowhere")]).collect();
        assert_eq!(told(&Settings::for_test(&[], &env), folder.path()), expected, "{env:?}");
    };
    let there = [("KUBERNETES_SERVICE_HOST", "10.0.0.1"), ("KUBERNETES_SERVICE_PORT", "443")];
    let found = "https://10.0.0.1:443/ file TMP/mount/token roots=1";
    for word in ["true", "True", "1"] {
        check(&[there[0], there[1], ("CHAOSTOOLKIT_IN_POD", word)], found);
    }
    // W25: found without being told.
    check(&there, found);
    check(&[there[0], there[1], ("KUBERNETES_HOST", "http://k")], "http://k/ -");
    check(
        &[("CHAOSTOOLKIT_IN_POD", "true")],
        "kubernetes.config.config_exception.ConfigException: Service host/port is not set.",
    );
    let six = [("KUBERNETES_SERVICE_HOST", "fd00::1"), ("KUBERNETES_SERVICE_PORT", "6443")];
    check(&six, "https://[fd00::1]:6443/ file TMP/mount/token roots=1");
}

const ONE: &str = "
current-context: a
contexts:
- {name: a, context: {cluster: c, user: u}}
- {name: b, context: {cluster: c2, user: plugin}}
- {name: anonymous, context: {cluster: c2, user: nobody}}
- {name: lost, context: {cluster: nowhere}}
clusters:
- {name: c, cluster: {server: 'https://one:6443', certificate-authority: ca.pem, tls-server-name: k8s.test}}
users:
- {name: u, user: {client-certificate: ca.pem, client-key: key.pem, as: boss, as-groups: [g]}}
";
const TWO: &str = "
current-context: never
clusters:
- {name: c, cluster: {server: 'https://loses'}}
- {name: c2, cluster: {server: 'https://two', insecure-skip-tls-verify: true, proxy-url: 'http://p:8'}}
users:
- {name: plugin, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: ./bin/login, interactiveMode: Never}}}
";

#[test]
fn kubeconfig_files_are_merged_and_resolved_as_by_kubectl() {
    let folder = folder();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("one", ONE);
    write("two", TWO);
    write("token", "t");
    write("broken", "a: [");
    let check = |files: &str, context: &str, expected: &str| {
        let files = files.replace("TMP", folder.path().to_str().unwrap());
        let env = [
            ("KUBECONFIG", files.as_str()),
            ("KUBERNETES_CONTEXT", context),
            ("HTTPS_PROXY", "http://other:9"),
            ("NO_PROXY", "one"),
        ];
        assert_eq!(told(&Settings::for_test(&[], &env), folder.path()), expected, "{files} {context}");
    };
    let first =
        "https://one:6443/ - roots=1 name=k8s.test certificate impersonate-user=boss impersonate-group=g";
    check("TMP/one", "", first);
    // W24: several files, of which one may be missing.
    check("TMP/missing:TMP/one:TMP/two", "", first);
    check("TMP/one:TMP/two", "b", "https://two/ exec TMP/./bin/login insecure proxy=http://p:8/");
    check("TMP/one:TMP/two", "anonymous", "https://two/ - insecure proxy=http://p:8/");
    let exception = |what: &str| {
        format!("kubernetes.config.config_exception.ConfigException: Invalid kube-config file{what}")
    };
    check("TMP/one", "nope", &exception(". Expected object with name nope in TMP/one/contexts list"));
    check("TMP/one", "lost", &exception(". Expected object with name nowhere in TMP/one/clusters list"));
    check("TMP/two", "", &exception(". Expected object with name never in TMP/two/contexts list"));
    let broken = told(
        &Settings::for_test(&[], &[("KUBECONFIG", folder.path().join("broken").to_str().unwrap())]),
        folder.path(),
    );
    assert!(broken.starts_with(&exception(" TMP/broken: ")), "{broken}");
}

#[test]
fn a_token_may_stand_in_several_places() {
    let folder = folder();
    std::fs::write(folder.path().join("token"), "t").unwrap();
    for (user, expected) in [
        ("{token: t}", "http://k/ Bearer t"),
        ("{tokenFile: token}", "http://k/ file TMP/token"),
        ("{token: t, tokenFile: token}", "http://k/ file TMP/token"),
        ("{username: u, password: p}", "http://k/ Basic dTpw"),
        ("{auth-provider: {name: oidc, config: {id-token: i}}}", "http://k/ Bearer i"),
        (
            "{auth-provider: {name: gcp}}",
            "kubernetes.config.config_exception.ConfigException: user u in TMP/kc uses auth-provider gcp, which Kubernetes has removed",
        ),
        (
            "{exec: {command: login, interactiveMode: Always}}",
            "kubernetes.config.config_exception.ConfigException: user u in TMP/kc gets its credential from login, which must ask a person (interactiveMode: Always)",
        ),
    ] {
        let file = folder.path().join("kc");
        let text = "current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]\nclusters: [{name: c, cluster: {server: 'http://k'}}]\n";
        std::fs::write(&file, format!("{text}users: [{{name: u, user: {user}}}]")).unwrap();
        let settings = Settings::for_test(&[], &[("KUBECONFIG", file.to_str().unwrap())]);
        assert_eq!(told(&settings, folder.path()), expected, "{user}");
    }
}
