//! Credentials that stand in a header: where they come from, and when they are fetched anew.
//!
//! Invariant: a credential is never printed; header values are marked sensitive. A token file is read again every ten
//! seconds and after a 401, an exec plugin is asked again shortly before its credential expires and after a 401.

use super::exec::{Credential, Plugin};
use super::{Connection, Identity};
use base64::Engine as _;
use http::HeaderValue;
use jiff::{SignedDuration, Timestamp};
use squall_engine::{Failure, Look, Stop};
use std::path::PathBuf;

/// How long a token that was read from a file is used.
const FILE_LASTS: SignedDuration = SignedDuration::from_secs(10);

/// Where the credential comes from.
#[derive(Clone)]
pub(crate) enum Source {
    /// Nowhere, or it is a client certificate.
    None,
    /// It is always the same.
    Fixed(HeaderValue),
    /// A file that somebody else renews; `otherwise` holds while it cannot be read.
    File {
        /// The file.
        path: PathBuf,
        /// A credential that stands still.
        otherwise: Option<Box<Source>>,
    },
    /// A program.
    Exec(Box<Plugin>),
}

impl Source {
    /// A fixed `Authorization` header.
    pub(crate) fn text(header: &str) -> Result<Source, Failure> {
        sensitive(header).map(Source::Fixed)
    }

    /// User and password.
    pub(crate) fn basic(user: &str, password: &str) -> Result<Source, Failure> {
        let both = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        Source::text(&format!("Basic {both}"))
    }

    /// What to do when the server does not accept it any more.
    pub(crate) fn renewal(&self) -> String {
        match self {
            Source::None => "its certificate may have expired, or none was sent: renew it in the kubeconfig".to_owned(),
            Source::Fixed(_) => "its token or password is wrong or has expired: get a new one (log in again, or let your provider's tool write the kubeconfig anew)".to_owned(),
            Source::File { path, .. } => format!("the token in {} has expired: see why nobody renews that file", path.display()),
            Source::Exec(plugin) => format!("what {} gives is not accepted: run it by hand, log in again", plugin.command()),
        }
    }
}

fn sensitive(header: &str) -> Result<HeaderValue, Failure> {
    let mut value = HeaderValue::from_str(header.trim()).map_err(|_| {
        Failure::environment("the cluster's credential holds characters that no header can hold")
            .hint("look for a line break or a control character in the token")
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// The credential in use.
#[derive(Default)]
pub(crate) struct Login {
    header: Option<HeaderValue>,
    identity: Option<Identity>,
    /// When to fetch it anew.
    until: Option<Timestamp>,
    fetched: bool,
}

impl Login {
    /// The header to send.
    pub(crate) fn header(&self) -> Option<&HeaderValue> {
        self.header.as_ref()
    }
    /// The client certificate that an exec plugin gave.
    pub(crate) fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// Forgets the credential, for the server does not accept it; says whether another may be had.
    pub(crate) fn refused(&mut self, source: &Source) -> bool {
        self.fetched = false;
        matches!(source, Source::File { .. } | Source::Exec(_))
    }

    /// Fetches the credential if there is none or it is about to expire.
    ///
    /// # Errors
    /// It cannot be had, or the run is being stopped.
    pub(crate) async fn refresh(&mut self, connection: &Connection, cx: &Look) -> Result<(), Stop> {
        let now = cx.now();
        if self.fetched && self.until.is_none_or(|until| now < until) {
            return Ok(());
        }
        match &connection.login {
            Source::None => self.header = None,
            Source::Fixed(header) => self.header = Some(header.clone()),
            Source::File { path, otherwise } => {
                match (std::fs::read_to_string(path), otherwise.as_deref()) {
                    (Ok(token), _) => self.header = Some(sensitive(&format!("Bearer {}", token.trim()))?),
                    // A token that was read once is good until the server says otherwise.
                    (Err(_), _) if self.header.is_some() => {}
                    (Err(_), Some(Source::Fixed(header))) => self.header = Some(header.clone()),
                    (Err(error), _) => {
                        let what = format!("could not read the token file {}: {error}", path.display());
                        return Err(Failure::environment(what).into());
                    }
                }
                self.until = now.checked_add(FILE_LASTS).ok();
            }
            Source::Exec(plugin) => {
                let Credential { token, identity, expires } = plugin.run(cx).await?;
                self.header = token.map(|token| sensitive(&format!("Bearer {token}"))).transpose()?;
                self.identity = identity;
                self.until = expires.map(|expires| early(now, expires));
            }
        }
        self.fetched = true;
        Ok(())
    }
}

/// Somewhat before the end, so that it does not come while a request is on its way: a fifth of the life, at most 30 s.
fn early(now: Timestamp, expires: Timestamp) -> Timestamp {
    let life = expires.duration_since(now);
    let margin = (life / 5).clamp(SignedDuration::ZERO, SignedDuration::from_secs(30));
    expires.checked_sub(margin).unwrap_or(expires)
}
