//! Reads secrets from HashiCorp Vault: its key-value engine, version 1 or 2, after a login by token, AppRole or service account.
//!
//! Invariant: a token goes to the server that the settings name, and where that sends it on without giving up TLS; no failure holds a
//! token, what a login was made with, or a secret. Every request ends: it has a time limit and few repetitions.
//!
//! It is here, and not in cli, because it is one more way to talk to a system over the [`http`](crate::http) client, with rules that are worth
//! tests of their own. Not here: which secrets there are (`experiment::resolve`) and what is said of them (cli).

mod exchange;
mod settings;
#[cfg(test)]
mod tests;

pub use settings::Settings;

use crate::http::client::World;
use exchange::{Answer, Exchange, Refusal};
use settings::{Login, Version};
use squall_engine::Failure;
use squall_experiment::json::{self, Style};
use squall_experiment::python::str_of;
use squall_experiment::resolve::VaultRequest;
use squall_experiment::{Object, Value};
use std::collections::BTreeMap;

/// What was found.
#[derive(Default)]
pub struct Found {
    /// The value of each request, in their order.
    pub values: Vec<Value>,
    /// What is odd about them.
    pub warnings: Vec<Warning>,
}

/// Something odd that ends nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// A secret says no path; the Toolkit's text.
    NoPath(String),
    /// Vault answered with nothing; the Toolkit's text.
    Empty(String),
    /// There is a secret, but it has no such key; its value is null, as in the Toolkit.
    NoKey(String),
}

/// Fetches what is asked for; each path once. Nobody is called if no request has a path.
///
/// # Errors
/// The login or a path was refused, or there was no answer that could be read.
pub async fn read(
    requests: &[VaultRequest],
    settings: &Settings,
    world: &World<'_>,
) -> Result<Found, Failure> {
    let mut found = Found::default();
    let mut exchange = None;
    let mut known: BTreeMap<String, Option<Object>> = BTreeMap::new();
    for request in requests {
        let declaration = &request.declaration;
        let Some(path) = declaration.get("path").filter(|path| path.is_truthy()).map(str_of) else {
            let shown = str_of(&Value::Object(declaration.clone()));
            found.warnings.push(Warning::NoPath(format!("Missing Vault secret path for '{shown}'")));
            found.values.push(Value::Object(Object::default()));
            continue;
        };
        if !known.contains_key(&path) {
            if exchange.is_none() {
                exchange = Some(logged_in(settings, world).await?);
            }
            if let Some(exchange) = &exchange {
                known.insert(path.clone(), secret(exchange, settings, &path).await?);
            }
        }
        let Some(Some(secret)) = known.get(&path) else {
            found.warnings.push(Warning::Empty(format!("No Vault secret found at path: {path}")));
            found.values.push(Value::Object(Object::default()));
            continue;
        };
        found.values.push(match declaration.get("key").filter(|key| key.is_truthy()).map(str_of) {
            None => Value::Object(secret.clone()),
            Some(key) => secret.get(&key).cloned().unwrap_or_else(|| {
                let there = secret.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
                let text = format!("the Vault secret at path {path} has no key '{key}' (it has: {there}), so its value is null");
                found.warnings.push(Warning::NoKey(text));
                Value::Null
            }),
        });
    }
    Ok(found)
}

/// An exchange that has a token.
async fn logged_in<'w>(settings: &'w Settings, world: &'w World<'w>) -> Result<Exchange<'w>, Failure> {
    let mut exchange = Exchange::new(settings, world);
    let (path, body, refused): (String, Object, fn(&str) -> String) = match &settings.login {
        Login::Token(token) => {
            exchange.token = Some(token.clone());
            return Ok(exchange);
        }
        Login::Nothing => return Ok(exchange),
        Login::AppRole { role, secret } => {
            let secret = secret.iter().map(|secret| ("secret_id".to_owned(), Value::from(secret.as_str())));
            let body =
                [("role_id".to_owned(), Value::from(role.as_str()))].into_iter().chain(secret).collect();
            ("auth/approle/login".to_owned(), body, |why| {
                format!("Failed to connect to Vault with the AppRole: {why}")
            })
        }
        Login::Kubernetes { role, token_path, mount } => {
            let token = std::fs::read_to_string(token_path).map_err(|error| {
                Failure::environment(format!("Failed to get service account token at: {token_path} ({error})"))
                    .hint("it is there within a Pod that mounts its service account; `vault_sa_token_path` names another file")
            })?;
            exchange.hidden.push(token.trim().to_owned());
            let body = [
                ("role".to_owned(), Value::from(role.as_str())),
                ("jwt".to_owned(), Value::from(token.trim())),
            ];
            (format!("auth/{mount}/login"), body.into_iter().collect(), |why| {
                format!("Failed to connect to Vault using service account with errors: '{why}'")
            })
        }
    };
    let body = json::to_string(&Value::Object(body), &Style::LINE);
    let answer = exchange.ask("POST", &path, Some(body)).await;
    let token = answer.and_then(|Answer { value, .. }| {
        let token = value.get("auth").and_then(|auth| auth.get("client_token")).and_then(Value::as_text);
        token.map(str::to_owned).ok_or_else(|| exchange.odd("POST", &path, "without `auth.client_token`"))
    });
    match token {
        Ok(token) => {
            exchange.hidden.push(token.clone());
            exchange.token = Some(token);
            Ok(exchange)
        }
        Err(refusal) => {
            let hint = match (refusal.status, &settings.login) {
                (Some(400 | 403), Login::AppRole { .. }) => {
                    "are `vault_role_id` and `vault_role_secret` those of a role of this Vault, and is the secret still valid?"
                        .to_owned()
                }
                (Some(400 | 403), _) => {
                    "does `vault_sa_role` name a role that is bound to this service account and namespace?".to_owned()
                }
                (Some(404), _) => format!("is this way of logging in enabled there, at `{path}`?"),
                _ => refusal.hint.clone(),
            };
            Err(Failure::new(refusal.blame(), refused(&refusal.what)).hint(hint))
        }
    }
}

/// The secret at a path; nothing if Vault has nothing to say.
async fn secret(exchange: &Exchange<'_>, settings: &Settings, path: &str) -> Result<Option<Object>, Failure> {
    let mount = &settings.mount;
    let path = path.trim_matches('/');
    let full = match settings.version {
        Version::One => format!("{mount}/{path}"),
        Version::Two => format!("{mount}/data/{path}"),
    };
    let answer = exchange.ask("GET", &full, None).await.map_err(|refusal| {
        let hint = match refusal.status {
            Some(403) => format!(
                "the token is not valid (any more), or none of its policies grants `read` on `{full}`"
            ),
            Some(404) if refusal.deleted => "its latest version was deleted: `vault kv undelete`, or write it again".to_owned(),
            Some(400 | 404 | 405) => format!(
                "look at the `path` of the secret, at `vault_secrets_mount_point` ({mount}) and at `vault_kv_version` ({})",
                settings.version.number()
            ),
            _ => refusal.hint.clone(),
        };
        Failure::new(refusal.blame(), refusal.what).hint(hint)
    })?;
    if answer.empty {
        return Ok(None);
    }
    let data = answer.value.get("data");
    let data = match settings.version {
        Version::One => data,
        Version::Two => data.and_then(|data| data.get("data")),
    };
    match data {
        Some(Value::Object(secret)) => Ok(Some(secret.clone())),
        None | Some(Value::Null) if answer.value.get("data").is_none_or(Value::is_null) => Ok(None),
        _ => {
            let Refusal { what, .. } = exchange.odd("GET", &full, "that holds no secret of this version");
            Err(Failure::experiment(what).hint(format!(
                "look at `vault_kv_version` ({}): it must be that of the engine at `{mount}`",
                settings.version.number()
            )))
        }
    }
}
