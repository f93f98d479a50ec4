//! A connection from kubeconfig files, merged and resolved as kubectl does it.
//!
//! The first file that sets a value wins; files that are missing are passed over; relative paths are relative to the file
//! that names them. Not from the library that parses them: reading `KUBECONFIG` and proxies, which it takes from the process
//! and not from the run's environment (and it holds `NO_PROXY` against the proxy instead of the server).

use super::exec::Plugin;
use super::{
    CONFIG_EXCEPTION, Connection, Identity, Settings, Tls, Way, certificates, login, proxy, read, url,
};
use base64::Engine as _;
use http::{HeaderName, HeaderValue};
use kube::config::{AuthInfo, Cluster, Kubeconfig};
use secrecy::ExposeSecret as _;
use squall_engine::Failure;
use std::path::PathBuf;

pub(super) fn connection(
    settings: &Settings,
    files: Vec<PathBuf>,
    context: Option<&str>,
) -> Result<Connection, Failure> {
    let names: Vec<String> = files.iter().map(|path| path.display().to_string()).collect();
    let shown = names.join(":");
    let broken = |what: String| Failure::environment(what).class(CONFIG_EXCEPTION);
    let mut config = Kubeconfig::default();
    for file in &files {
        let mut next = Kubeconfig::read_from(file).map_err(|error| {
            // Only its first line: the others are an excerpt of the file, which holds credentials.
            let why = error.to_string();
            let why = why.lines().next().unwrap_or_default();
            broken(format!("Invalid kube-config file {}: {why}", file.display()))
                .hint("compare it with what `kubectl config view` shows")
        })?;
        next.current_context = next.current_context.filter(|name| !name.is_empty());
        config = config
            .merge(next)
            .map_err(|error| broken(format!("Invalid kube-config file {shown}: {error}")))?;
    }
    let missing = |what: &str, name: &str, known: Vec<&str>| {
        broken(format!("Invalid kube-config file. Expected object with name {name} in {shown}/{what} list"))
            .hint(if known.is_empty() {
                format!("the file has no {what}")
            } else {
                format!("it has {what} named {}", known.join(", "))
            })
    };
    let Some(name) = context.or(config.current_context.as_deref()).map(str::to_owned) else {
        return Err(broken(format!("Invalid kube-config file. Expected key current-context in {shown}"))
            .hint("choose one with `kubectl config use-context`, or set KUBERNETES_CONTEXT"));
    };
    let context = config.contexts.iter().find(|its| its.name == name).and_then(|its| its.context.clone());
    let context = context.ok_or_else(|| {
        missing("contexts", &name, config.contexts.iter().map(|its| its.name.as_str()).collect())
    })?;
    let cluster =
        config.clusters.iter().find(|its| its.name == context.cluster).and_then(|its| its.cluster.clone());
    let cluster = cluster.ok_or_else(|| {
        missing("clusters", &context.cluster, config.clusters.iter().map(|its| its.name.as_str()).collect())
    })?;
    // Like kubectl, a user that is not described is anonymous.
    let user_name = context.user.clone().unwrap_or_default();
    let user = config.auth_infos.into_iter().find(|its| its.name == user_name).and_then(|its| its.auth_info);
    let user = user.unwrap_or_default();

    let Some(server) = cluster.server.as_deref().filter(|server| !server.is_empty()) else {
        return Err(broken(format!(
            "Invalid kube-config file. Expected key server in {shown}/clusters[name={}]/cluster",
            context.cluster
        )));
    };
    let server = url(server, &format!("server of cluster {} in {shown}", context.cluster))?;
    let mut tls = tls(&cluster, server.scheme_str() == Some("https"), &shown)?;
    let identity = format!("user {user_name} of context {name} in {shown}");
    let login = login(&user, &cluster, &user_name, &shown)?;
    if tls.identity.is_none() && server.scheme_str() == Some("https") {
        tls.identity = client_certificate(&user, &shown)?;
    }
    let proxy = match cluster.proxy_url.as_deref().filter(|proxy| !proxy.is_empty()) {
        Some(proxy) => {
            Some(proxy::url(proxy, &format!("proxy-url of cluster {} in {shown}", context.cluster))?)
        }
        None => settings.proxy(&server)?,
    };
    Ok(Connection {
        server,
        way: Way::Kubeconfig { files, context: name },
        tls,
        proxy,
        login,
        headers: impersonation(&user, &shown)?,
        identity,
        note: None,
    })
}

fn tls(cluster: &Cluster, is_https: bool, shown: &str) -> Result<Tls, Failure> {
    let insecure = cluster.insecure_skip_tls_verify.unwrap_or(false);
    let bundle = match (&cluster.certificate_authority_data, &cluster.certificate_authority) {
        _ if insecure || !is_https => None,
        (Some(data), _) if !data.is_empty() => Some(decoded(data, "certificate-authority-data", shown)?),
        (_, Some(path)) if !path.is_empty() => Some(read(path.as_ref(), "certificate-authority")?),
        _ => None,
    };
    let roots =
        bundle.map(|pem| certificates(&pem, &format!("the certificate authority in {shown}"))).transpose()?;
    let server_name = cluster.tls_server_name.clone().filter(|name| !name.is_empty());
    Ok(Tls { roots, insecure, server_name, identity: None })
}

fn client_certificate(user: &AuthInfo, shown: &str) -> Result<Option<Identity>, Failure> {
    let part = |data: Option<&str>, path: Option<&String>, what: &str| match (data, path) {
        (Some(data), _) if !data.is_empty() => decoded(data, &format!("{what}-data"), shown).map(Some),
        (_, Some(path)) if !path.is_empty() => read(path.as_ref(), what).map(Some),
        _ => Ok(None),
    };
    let certificate = part(
        user.client_certificate_data.as_deref(),
        user.client_certificate.as_ref(),
        "client-certificate",
    )?;
    let key = user.client_key_data.as_ref().map(|key| key.expose_secret());
    let key = part(key, user.client_key.as_ref(), "client-key")?;
    match (certificate, key) {
        (Some(certificate), Some(key)) => Ok(Some(Identity { certificate, key })),
        (None, None) => Ok(None),
        _ => Err(Failure::environment(format!(
            "{shown} has a client certificate without its key, or a key without its certificate"
        ))
        .class(CONFIG_EXCEPTION)),
    }
}

fn login(user: &AuthInfo, cluster: &Cluster, name: &str, shown: &str) -> Result<login::Source, Failure> {
    let token = user.token.as_ref().map(|token| token.expose_secret()).filter(|token| !token.is_empty());
    let bearer = token.map(|token| login::Source::text(&format!("Bearer {}", token.trim()))).transpose()?;
    if let Some(path) = user.token_file.as_deref().filter(|path| !path.is_empty()) {
        // A file is read again when it changes, so it goes before a token that stands still.
        return Ok(login::Source::File { path: path.into(), otherwise: bearer.map(Box::new) });
    }
    if let Some(bearer) = bearer {
        return Ok(bearer);
    }
    if let Some(exec) = &user.exec {
        return Ok(login::Source::Exec(Box::new(Plugin::new(exec, cluster, name, shown)?)));
    }
    if let Some(username) = user.username.as_deref().filter(|username| !username.is_empty()) {
        let password = user.password.as_ref().map_or("", |password| password.expose_secret());
        return login::Source::basic(username, password);
    }
    if let Some(provider) = &user.auth_provider {
        // Kubernetes dropped these in 1.26; what they have stored still works until it expires.
        let stored = provider.config.get("id-token").or_else(|| provider.config.get("access-token"));
        return match stored {
            Some(token) => login::Source::text(&format!("Bearer {token}")),
            None => Err(Failure::environment(format!(
                "user {name} in {shown} uses auth-provider {}, which Kubernetes has removed",
                provider.name
            ))
            .class(CONFIG_EXCEPTION)
            .hint("let your provider's tool write the kubeconfig anew: it will name an exec plugin")),
        };
    }
    Ok(login::Source::None)
}

fn impersonation(user: &AuthInfo, shown: &str) -> Result<Vec<(HeaderName, HeaderValue)>, Failure> {
    let mut all: Vec<(String, &str)> = Vec::new();
    all.extend(user.impersonate.iter().map(|user| ("impersonate-user".to_owned(), user.as_str())));
    all.extend(user.impersonate_uid.iter().map(|uid| ("impersonate-uid".to_owned(), uid.as_str())));
    all.extend(
        user.impersonate_groups
            .iter()
            .flatten()
            .map(|group| ("impersonate-group".to_owned(), group.as_str())),
    );
    // A hash map upstream: sorted, so that requests do not differ from run to run.
    let extra: std::collections::BTreeMap<_, _> = user.impersonate_user_extra.iter().flatten().collect();
    for (key, values) in extra {
        let name = format!("impersonate-extra-{}", crate::k8s::cluster::target::escaped(&key.to_lowercase()));
        all.extend(values.iter().map(|value| (name.clone(), value.as_str())));
    }
    all.into_iter()
        .map(|(name, value)| match (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            (Ok(name), Ok(value)) => Ok((name, value)),
            _ => Err(Failure::environment(format!(
                "{shown} impersonates somebody whose name no header can hold"
            ))),
        })
        .collect()
}

fn decoded(data: &str, what: &str, shown: &str) -> Result<Vec<u8>, Failure> {
    let data: String = data.split_whitespace().collect();
    base64::engine::general_purpose::STANDARD.decode(data).map_err(|error| {
        Failure::environment(format!("{what} in {shown} is not base64: {error}")).class(CONFIG_EXCEPTION)
    })
}
