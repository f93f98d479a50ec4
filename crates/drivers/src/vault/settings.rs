//! Where Vault is, and how one logs in: configuration keys of the experiment, then Vault's own environment variables.

use crate::http::Verify;
use squall_engine::{Environment, Failure};
use squall_experiment::python::str_of;
use squall_experiment::{Object, Value};
use std::time::Duration;

/// Where a Pod finds the token of its service account.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// Where Vault's own clients look when nobody says anything.
const ADDRESS: &str = "http://localhost:8200";

/// How to reach Vault. It holds secrets, so it has no form that can be printed.
pub struct Settings {
    /// Without a slash at its end.
    pub(super) address: String,
    /// Whether anybody said so.
    pub(super) named: bool,
    pub(super) namespace: Option<String>,
    pub(super) version: Version,
    pub(super) mount: String,
    pub(super) login: Login,
    pub(super) verify: Verify,
    pub(super) patience: Patience,
}

/// How long we wait for Vault.
pub(super) struct Patience {
    /// The longest that connecting may take.
    pub(super) connect: Duration,
    /// The longest that it may be silent.
    pub(super) read: Duration,
    /// The longest that a request may take in all, repetitions included.
    pub(super) most: Duration,
    /// The time before the first repetition; before the next it is three times as long.
    pub(super) pause: Duration,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience {
            connect: Duration::from_secs(5),
            read: Duration::from_secs(10),
            most: Duration::from_secs(30),
            pause: Duration::from_millis(200),
        }
    }
}

/// The version of the key-value engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    One,
    Two,
}

impl Version {
    pub(super) fn number(self) -> u8 {
        match self {
            Version::One => 1,
            Version::Two => 2,
        }
    }
}

pub(super) enum Login {
    Token(String),
    AppRole { role: String, secret: Option<String> },
    Kubernetes { role: String, token_path: String, mount: String },
    Nothing,
}

impl Settings {
    /// From `vault_addr`, `vault_kv_version`, `vault_secrets_mount_point`, and the first of `vault_token`, `vault_role_id` with
    /// `vault_role_secret`, `vault_sa_role` with `vault_sa_token_path` and `vault_k8s_mount_point`; else from `VAULT_ADDR` and
    /// `VAULT_TOKEN`. `VAULT_NAMESPACE` and `VAULT_CACERT` count in any case.
    ///
    /// # Errors
    /// There is no such version.
    pub fn of(configuration: &Object, environment: &Environment) -> Result<Settings, Failure> {
        let said = |key: &str| configuration.get(key).filter(|value| value.is_truthy()).map(str_of);
        let variable = |name| environment.get(name).filter(|value| !value.is_empty()).map(str::to_owned);
        let version = match configuration.get("vault_kv_version").map(str_of).as_deref() {
            None | Some("2") => Version::Two,
            Some("1") => Version::One,
            Some(other) => {
                return Err(
                    Failure::experiment(format!("`vault_kv_version` cannot be '{other}'")).hint("use 1 or 2")
                );
            }
        };
        let login = if configuration.contains_key("vault_token") {
            Login::Token(configuration.get("vault_token").map(str_of).unwrap_or_default())
        } else if let Some(role) = configuration.get("vault_role_id").map(str_of) {
            Login::AppRole { role, secret: said("vault_role_secret") }
        } else if let Some(role) = configuration.get("vault_sa_role").map(str_of) {
            Login::Kubernetes {
                role,
                token_path: said("vault_sa_token_path").unwrap_or_else(|| SERVICE_ACCOUNT.to_owned()),
                mount: plain(said("vault_k8s_mount_point"), "kubernetes"),
            }
        } else {
            variable("VAULT_TOKEN").map_or(Login::Nothing, Login::Token)
        };
        let address = said("vault_addr").or_else(|| variable("VAULT_ADDR"));
        Ok(Settings {
            named: address.is_some(),
            address: address.unwrap_or_else(|| ADDRESS.to_owned()).trim_end_matches('/').to_owned(),
            namespace: variable("VAULT_NAMESPACE"),
            version,
            mount: plain(said("vault_secrets_mount_point"), "secret"),
            login,
            verify: variable("VAULT_CACERT").map_or(Verify::Usual, Verify::Bundle),
            patience: Patience::default(),
        })
    }

    /// What a log must not hold beyond what the configuration's names tell.
    pub fn hidden(&self) -> Option<Value> {
        match &self.login {
            Login::Token(text) | Login::AppRole { secret: Some(text), .. } => {
                Some(Value::from(text.as_str()))
            }
            Login::AppRole { secret: None, .. } | Login::Kubernetes { .. } | Login::Nothing => None,
        }
    }
}

fn plain(mount: Option<String>, usual: &str) -> String {
    mount.unwrap_or_else(|| usual.to_owned()).trim_matches('/').to_owned()
}
