//! How to reach a cluster, from an activity's secrets and the environment: a kubeconfig, the Pod we run in, or single keys.
//!
//! Invariant: nothing here opens a connection, and nothing here prints a credential. The order is the Toolkit's: a
//! kubeconfig that exists wins; then `CHAOSTOOLKIT_IN_POD`; then the `KUBERNETES_*` keys. Beyond it: `KUBECONFIG` may name
//! several files, a service account's mount is found without being told, `HTTPS_PROXY` is heard, and certificates are
//! verified unless that is turned off.

pub(crate) mod exec;
mod kubeconfig;
pub(crate) mod login;
mod proxy;
#[cfg(test)]
mod tests;

use http::Uri;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde::{Deserialize, Serialize};
use squall_engine::{Environment, Failure, Look};
use squall_experiment::python::str_of;
use squall_experiment::{Object, Value};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where a Pod finds its service account.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// Under which Python class the Toolkit shows a kubeconfig that cannot be used.
const CONFIG_EXCEPTION: &str = "kubernetes.config.config_exception.ConfigException";

/// How a cluster was reached: without any secret, and enough to reach it again from another process.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub(crate) enum Way {
    /// Through kubeconfig files, absolute, the first wins.
    Kubeconfig {
        /// The files.
        files: Vec<PathBuf>,
        /// The context that was used.
        context: String,
    },
    /// Through the service account of the Pod that we are in.
    InCluster,
    /// Through `KUBERNETES_HOST` and its companions.
    Keys {
        /// `KUBERNETES_HOST`.
        host: String,
        /// Whether its certificate is verified.
        verify: bool,
        /// `KUBERNETES_CA_CERT_FILE`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ca_file: Option<PathBuf>,
        /// `KUBERNETES_CERT_FILE` and `KUBERNETES_KEY_FILE`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        identity_files: Option<(PathBuf, PathBuf)>,
    },
}

/// Everything that decides how a cluster is reached, as it was given. It may hold secrets, so it cannot be printed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Settings {
    secrets: BTreeMap<&'static str, String>,
    env: BTreeMap<&'static str, String>,
}

/// What secrets and environment may hold, in this order.
const KEYS: &[&str] = &[
    "KUBERNETES_CONTEXT",
    "KUBERNETES_HOST",
    "KUBERNETES_CA_CERT_FILE",
    "KUBERNETES_VERIFY_SSL",
    "KUBERNETES_API_KEY",
    "KUBERNETES_API_KEY_PREFIX",
    "KUBERNETES_CERT_FILE",
    "KUBERNETES_KEY_FILE",
    "KUBERNETES_USERNAME",
    "KUBERNETES_PASSWORD",
];
/// What only the environment may hold.
const VARIABLES: &[&str] = &[
    "KUBECONFIG",
    "HOME",
    "CHAOSTOOLKIT_IN_POD",
    "KUBERNETES_SERVICE_HOST",
    "KUBERNETES_SERVICE_PORT",
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "NO_PROXY",
    "no_proxy",
];

impl Settings {
    /// The settings of an activity.
    pub(crate) fn of(cx: &Look) -> Settings {
        Settings::new(cx.secrets(), cx.environment())
    }

    fn new(secrets: &Object, environment: &Environment) -> Settings {
        let secret = |key: &&'static str| match secrets.get(*key) {
            None | Some(Value::Null) => None,
            Some(value) => Some((*key, str_of(value))),
        };
        let variable = |key: &&'static str| environment.get(key).map(|value| (*key, value.to_owned()));
        Settings {
            secrets: KEYS.iter().filter_map(secret).collect(),
            env: KEYS.iter().chain(VARIABLES).filter_map(variable).collect(),
        }
    }

    /// Settings that name a server and nothing else.
    pub(crate) fn host(url: &str) -> Settings {
        Settings { secrets: [("KUBERNETES_HOST", url.to_owned())].into(), env: BTreeMap::new() }
    }

    /// A setting that is not empty: from the secrets, else from the environment.
    fn get(&self, key: &str) -> Option<&str> {
        let value = self.secrets.get(key).or_else(|| self.env.get(key))?;
        (!value.is_empty()).then_some(value.as_str())
    }

    /// A variable of the environment that is not empty.
    fn env(&self, key: &str) -> Option<&str> {
        self.env.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The files of `KUBECONFIG`, or the usual one, absolute.
    fn kubeconfigs(&self) -> Vec<PathBuf> {
        let home = self.env("HOME").unwrap_or("/");
        let expand = |path: &Path| match path.strip_prefix("~") {
            Ok(rest) => Path::new(home).join(rest),
            Err(_) => std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
        };
        match self.env("KUBECONFIG") {
            Some(list) => std::env::split_paths(list)
                .filter(|path| !path.as_os_str().is_empty())
                .map(|path| expand(&path))
                .collect(),
            None => vec![Path::new(home).join(".kube/config")],
        }
    }

    fn is_in_pod(&self) -> bool {
        self.env("CHAOSTOOLKIT_IN_POD")
            .is_some_and(|value| matches!(value.to_lowercase().as_str(), "true" | "1"))
    }

    /// Decides how to connect and reads what that needs.
    ///
    /// # Errors
    /// A file that cannot be read or does not hold what it should; an unknown context.
    pub(crate) fn connection(&self) -> Result<Connection, Failure> {
        self.connection_from(Path::new(SERVICE_ACCOUNT))
    }

    fn connection_from(&self, mount: &Path) -> Result<Connection, Failure> {
        let named = self.kubeconfigs();
        let files: Vec<PathBuf> =
            named.iter().filter(|path| path.exists() && !path.is_dir()).cloned().collect();
        if !files.is_empty() {
            return kubeconfig::connection(self, files, self.get("KUBERNETES_CONTEXT"));
        }
        let mounted = self.get("KUBERNETES_HOST").is_none()
            && self.env("KUBERNETES_SERVICE_HOST").is_some()
            && mount.join("token").exists();
        if self.is_in_pod() || mounted {
            return self.in_cluster(mount);
        }
        let mut connection = self.keys()?;
        if self.get("KUBERNETES_HOST").is_none() {
            let missing: Vec<String> = named.iter().map(|path| path.display().to_string()).collect();
            connection.note = Some(format!(
                "there is no kubeconfig ({}) and KUBERNETES_HOST is not set, so http://localhost was tried: set KUBECONFIG",
                missing.join(", ")
            ));
        }
        Ok(connection)
    }

    /// Decides again how to connect, in the way that was used before.
    ///
    /// # Errors
    /// As [`Settings::connection`].
    pub(crate) fn again(&self, way: &Way) -> Result<Connection, Failure> {
        match way {
            Way::Kubeconfig { files, context } => {
                let there: Vec<PathBuf> = files.iter().filter(|path| path.exists()).cloned().collect();
                if there.is_empty() {
                    let names: Vec<String> = files.iter().map(|path| path.display().to_string()).collect();
                    return Err(Failure::environment(format!("the kubeconfig {} is gone", names.join(", ")))
                        .hint("bring it back under that path: through it the change was made"));
                }
                kubeconfig::connection(self, there, Some(context))
            }
            Way::InCluster => self.in_cluster(Path::new(SERVICE_ACCOUNT)),
            Way::Keys { host, verify, ca_file, identity_files } => {
                let mut settings = self.clone();
                let text = |path: &Path| path.display().to_string();
                let mut set = |key, value: String| settings.secrets.insert(key, value);
                set("KUBERNETES_HOST", host.clone());
                set("KUBERNETES_VERIFY_SSL", verify.to_string());
                set("KUBERNETES_CA_CERT_FILE", ca_file.as_deref().map(text).unwrap_or_default());
                if let Some((cert, key)) = identity_files {
                    set("KUBERNETES_CERT_FILE", text(cert));
                    set("KUBERNETES_KEY_FILE", text(key));
                }
                settings.keys()
            }
        }
    }

    fn in_cluster(&self, mount: &Path) -> Result<Connection, Failure> {
        let (Some(host), Some(port)) =
            (self.env("KUBERNETES_SERVICE_HOST"), self.env("KUBERNETES_SERVICE_PORT"))
        else {
            return Err(Failure::environment("Service host/port is not set.").class(CONFIG_EXCEPTION).hint(
                "CHAOSTOOLKIT_IN_POD is set, but this is no Pod of a cluster: unset it, or set KUBECONFIG",
            ));
        };
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let server = url(&format!("https://{host}:{port}"), "KUBERNETES_SERVICE_HOST")?;
        let token = mount.join("token");
        if !token.exists() {
            return Err(Failure::environment("Service token file does not exist.")
                .class(CONFIG_EXCEPTION)
                .hint("give the Pod a service account, and do not turn automountServiceAccountToken off"));
        }
        Ok(Connection {
            proxy: self.proxy(&server)?,
            server,
            way: Way::InCluster,
            tls: Tls {
                roots: Some(certificates(
                    &read(&mount.join("ca.crt"), "the cluster's certificate authority")?,
                    "ca.crt",
                )?),
                ..Tls::default()
            },
            login: login::Source::File { path: token, otherwise: None },
            headers: Vec::new(),
            identity: "the service account of this Pod".to_owned(),
            note: None,
        })
    }

    /// The connection that the single keys describe.
    pub(crate) fn keys(&self) -> Result<Connection, Failure> {
        let host = self.get("KUBERNETES_HOST").unwrap_or("http://localhost");
        let server = url(host, "KUBERNETES_HOST")?;
        let verify = !self.get("KUBERNETES_VERIFY_SSL").is_some_and(|value| {
            matches!(value.trim().to_lowercase().as_str(), "false" | "0" | "no" | "off")
        });
        let file = |key| self.get(key).map(|path| std::path::absolute(path).unwrap_or_else(|_| path.into()));
        let ca_file = file("KUBERNETES_CA_CERT_FILE");
        let is_https = server.scheme_str() == Some("https");
        let roots = match &ca_file {
            Some(path) if verify && is_https => {
                Some(certificates(&read(path, "KUBERNETES_CA_CERT_FILE")?, &path.display().to_string())?)
            }
            _ => None,
        };
        let mut tls = Tls { roots, insecure: !verify, ..Tls::default() };
        let mut identity_files = None;
        let (login, who) = if let Some(key) = self.get("KUBERNETES_API_KEY") {
            let prefix = self
                .secrets
                .get("KUBERNETES_API_KEY_PREFIX")
                .or_else(|| self.env.get("KUBERNETES_API_KEY_PREFIX"));
            let prefix = prefix.map_or("Bearer", String::as_str);
            (login::Source::text(&format!("{prefix} {key}"))?, "the holder of KUBERNETES_API_KEY".to_owned())
        } else if let Some(cert) = file("KUBERNETES_CERT_FILE") {
            let key = file("KUBERNETES_KEY_FILE").ok_or_else(|| {
                Failure::environment("KUBERNETES_CERT_FILE is set, KUBERNETES_KEY_FILE is not")
                    .hint("set KUBERNETES_KEY_FILE to the private key of that certificate")
            })?;
            if is_https {
                tls.identity = Some(Identity {
                    certificate: read(&cert, "KUBERNETES_CERT_FILE")?,
                    key: read(&key, "KUBERNETES_KEY_FILE")?,
                });
            }
            let who = format!("the holder of {}", cert.display());
            identity_files = Some((cert, key));
            (login::Source::None, who)
        } else if let Some(user) = self.get("KUBERNETES_USERNAME") {
            let login = login::Source::basic(user, self.get("KUBERNETES_PASSWORD").unwrap_or_default())?;
            (login, format!("user {user}"))
        } else {
            (login::Source::None, "an anonymous user".to_owned())
        };
        Ok(Connection {
            proxy: self.proxy(&server)?,
            way: Way::Keys { host: host.to_owned(), verify, ca_file, identity_files },
            server,
            tls,
            login,
            headers: Vec::new(),
            identity: format!("{who} at {host}"),
            note: None,
        })
    }

    /// The proxy that the environment names for this server.
    fn proxy(&self, server: &Uri) -> Result<Option<Uri>, Failure> {
        let first = |keys: &[&'static str]| keys.iter().find_map(|key| Some((*key, self.env(key)?)));
        // The Toolkit heard HTTP_PROXY alone, for either scheme, so it stays the last resort for https.
        let named = if server.scheme_str() == Some("https") {
            first(&["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"])
        } else {
            first(&["HTTP_PROXY", "http_proxy"])
        };
        let Some((variable, proxy)) = named else { return Ok(None) };
        if let Some((_, list)) = first(&["NO_PROXY", "no_proxy"])
            && proxy::is_exempt(list, server)
        {
            return Ok(None);
        }
        proxy::url(proxy, variable).map(Some)
    }
}

/// How to connect, ready for use. It holds secrets, so it cannot be printed.
#[derive(Clone)]
pub(crate) struct Connection {
    pub(crate) server: Uri,
    pub(crate) way: Way,
    pub(crate) tls: Tls,
    pub(crate) proxy: Option<Uri>,
    pub(crate) login: login::Source,
    /// Impersonation.
    pub(crate) headers: Vec<(http::HeaderName, http::HeaderValue)>,
    /// Who we are, for messages.
    pub(crate) identity: String,
    /// What to know when it cannot be reached.
    pub(crate) note: Option<String>,
}

/// What TLS needs.
#[derive(Clone, Default)]
pub(crate) struct Tls {
    /// Whom to trust (DER); the system's roots if there are none.
    pub(crate) roots: Option<Vec<Vec<u8>>>,
    /// Whether any certificate will do.
    pub(crate) insecure: bool,
    /// The name that the certificate must have, if not that of the URL.
    pub(crate) server_name: Option<String>,
    /// Our own certificate.
    pub(crate) identity: Option<Identity>,
}

/// A client certificate with its key, PEM.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) certificate: Vec<u8>,
    pub(crate) key: Vec<u8>,
}

fn read(path: &Path, what: &str) -> Result<Vec<u8>, Failure> {
    std::fs::read(path)
        .map_err(|error| Failure::environment(format!("could not read {} ({what}): {error}", path.display())))
}

/// The certificates of a PEM bundle.
fn certificates(pem: &[u8], origin: &str) -> Result<Vec<Vec<u8>>, Failure> {
    let all: Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(pem).map(|der| der.map(|der| der.to_vec())).collect();
    match all {
        Ok(all) if !all.is_empty() => Ok(all),
        Ok(_) => Err(Failure::environment(format!("{origin} holds no certificate"))
            .hint("it must be PEM: BEGIN CERTIFICATE")),
        Err(error) => Err(Failure::environment(format!("{origin} is no PEM that can be read: {error}"))),
    }
}

/// A server's URL, `https` unless it says otherwise.
fn url(text: &str, origin: &str) -> Result<Uri, Failure> {
    let whole = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let parsed = whole.parse::<Uri>().map_err(|error| error.to_string()).and_then(|uri| {
        match (uri.scheme_str(), uri.host()) {
            (Some("http" | "https"), Some(_)) => Ok(uri),
            _ => Err("it must be http:// or https:// and a host".to_owned()),
        }
    });
    parsed.map_err(|why| Failure::environment(format!("{origin} is no URL of a server: `{text}`: {why}")))
}

#[cfg(test)]
impl Settings {
    pub(crate) fn for_test(secrets: &[(&'static str, &str)], env: &[(&'static str, &str)]) -> Settings {
        let secrets: Object = secrets.iter().map(|(k, v)| ((*k).to_owned(), Value::from(*v))).collect();
        let env = env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        Settings::new(&secrets, &Environment::new(env))
    }
}
