//! Exec credential plugins: programs that print a token or a certificate, such as `aws eks get-token`.
//!
//! Invariant: the program is run once for a credential, not once for a request, and what it prints appears in no message but
//! its standard error when it fails. It gets no standard input: an experiment has nobody to type a password.

use super::{CONFIG_EXCEPTION, Identity};
use crate::children::{self, Extent};
use jiff::Timestamp;
use kube::config::{Cluster, ExecConfig, ExecInteractiveMode};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use squall_engine::{Failure, Look, Stop};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// A program that takes longer than this hangs.
const LIMIT: Duration = Duration::from_secs(60);

/// A program that gives credentials.
#[derive(Clone)]
pub(crate) struct Plugin {
    command: String,
    args: Vec<String>,
    env: Vec<(String, String)>,
    api_version: String,
    install_hint: Option<String>,
    cluster: Option<Json>,
    /// The user entry and the file that name it.
    user: String,
}

/// What it gave.
pub(crate) struct Credential {
    pub(crate) token: Option<String>,
    pub(crate) identity: Option<Identity>,
    pub(crate) expires: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Printed {
    status: Option<Status>,
}
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
    expiration_timestamp: Option<Timestamp>,
}

impl Plugin {
    pub(crate) fn new(
        exec: &ExecConfig,
        cluster: &Cluster,
        user: &str,
        file: &str,
    ) -> Result<Plugin, Failure> {
        let user = format!("user {user} in {file}");
        let unusable = |what: String| Failure::environment(what).class(CONFIG_EXCEPTION);
        let command = exec.command.clone().filter(|command| !command.is_empty());
        let command =
            command.ok_or_else(|| unusable(format!("{user} has an exec entry without a command")))?;
        if exec.interactive_mode == Some(ExecInteractiveMode::Always) {
            return Err(unusable(format!(
                "{user} gets its credential from {command}, which must ask a person (interactiveMode: Always)"
            ))
            .hint("log in beforehand, and set interactiveMode to IfAvailable"));
        }
        let env = exec.env.iter().flatten();
        let env = env.filter_map(|entry| Some((entry.get("name")?.clone(), entry.get("value")?.clone())));
        let cluster = exec.provide_cluster_info.then(|| {
            let mut info = json!({
                "server": cluster.server,
                "tls-server-name": cluster.tls_server_name,
                "insecure-skip-tls-verify": cluster.insecure_skip_tls_verify,
                "certificate-authority-data": cluster.certificate_authority_data.clone().or_else(|| {
                    use base64::Engine as _;
                    let pem = std::fs::read(cluster.certificate_authority.as_ref()?).ok()?;
                    Some(base64::engine::general_purpose::STANDARD.encode(pem))
                }),
                "proxy-url": cluster.proxy_url,
            });
            if let Some(info) = info.as_object_mut() {
                info.retain(|_, value| !value.is_null());
            }
            info
        });
        Ok(Plugin {
            command,
            args: exec.args.clone().unwrap_or_default(),
            env: env.collect(),
            api_version: exec
                .api_version
                .clone()
                .unwrap_or_else(|| "client.authentication.k8s.io/v1".to_owned()),
            install_hint: exec.install_hint.clone(),
            cluster,
            user,
        })
    }

    /// The program, for messages.
    pub(crate) fn command(&self) -> &str {
        &self.command
    }

    /// Runs the program.
    ///
    /// # Errors
    /// It is missing, fails, hangs, or prints something else; or the run is being stopped.
    pub(crate) async fn run(&self, cx: &Look) -> Result<Credential, Stop> {
        let mut spec = json!({"interactive": false});
        if let Some(cluster) = &self.cluster {
            spec["cluster"] = cluster.clone();
        }
        let info = json!({"apiVersion": self.api_version, "kind": "ExecCredential", "spec": spec});
        let mut command = Command::new(&self.command);
        command
            .args(&self.args)
            .envs(cx.environment().added())
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .env("KUBERNETES_EXEC_INFO", info.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let output = match command.spawn() {
            Ok(child) => {
                let _started = children::started(child.id(), Extent::Itself);
                cx.until(tokio::time::timeout(LIMIT, child.wait_with_output())).await?
            }
            Err(error) => return Err(self.missing(&error).into()),
        };
        let Ok(output) = output else {
            let what = format!(
                "the credential program {} of {} did not end within {} s",
                self.command,
                self.user,
                LIMIT.as_secs()
            );
            return Err(Failure::environment(what)
                .hint("run it by hand: it may be waiting for somebody to log in")
                .into());
        };
        let output = output.map_err(|error| self.missing(&error))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let said = said.trim();
            let what = format!(
                "the credential program {} of {} failed ({}): {said}",
                self.command, self.user, output.status
            );
            return Err(Failure::environment(what)
                .class(CONFIG_EXCEPTION)
                .hint("run it by hand, log in again")
                .into());
        }
        Ok(self.read(&output.stdout)?)
    }

    fn read(&self, printed: &[u8]) -> Result<Credential, Failure> {
        let wrong = |why: String| {
            Failure::environment(format!(
                "the credential program {} of {} printed no ExecCredential: {why}",
                self.command, self.user
            ))
            .class(CONFIG_EXCEPTION)
        };
        let printed: Printed = serde_json::from_slice(printed).map_err(|error| {
            // Only where: the reader's message may quote the token.
            wrong(format!("it is not of that shape at line {}, column {}", error.line(), error.column()))
        })?;
        let status = printed.status.ok_or_else(|| wrong("there is no status".to_owned()))?;
        let identity = match (status.client_certificate_data, status.client_key_data) {
            (Some(certificate), Some(key)) => {
                Some(Identity { certificate: certificate.into_bytes(), key: key.into_bytes() })
            }
            (None, None) => None,
            _ => {
                return Err(wrong(
                    "it has a certificate without its key, or a key without its certificate".to_owned(),
                ));
            }
        };
        if status.token.is_none() && identity.is_none() {
            return Err(wrong("there is neither a token nor a certificate in its status".to_owned()));
        }
        Ok(Credential { token: status.token, identity, expires: status.expiration_timestamp })
    }

    fn missing(&self, error: &std::io::Error) -> Failure {
        let what =
            format!("could not run {}, from which {} gets its credential: {error}", self.command, self.user);
        let hint = match &self.install_hint {
            Some(hint) => hint.trim().to_owned(),
            None => format!("install {}, or put its folder into PATH", self.command),
        };
        Failure::environment(what).class(CONFIG_EXCEPTION).hint(hint)
    }
}
