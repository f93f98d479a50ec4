//! Connections that calls of a run leave open for the next one: `keep_alive: true`.
//!
//! Invariant: one that is taken began to be opened at most [`MOST_AGE`] ago, leads to where the call goes in the way in which
//! it goes there, and as far as is known nothing has come over it since its last response. Nobody watches them: those that
//! are too old or too many are closed when the next one is taken or kept, all of them when the run ends.
//!
//! Not here: whether an exchange leaves its connection fit for another ([`super::exchange`]).

#[cfg(test)]
mod tests;

use super::connection::Stream;
use super::proxy::Proxy;
use super::tls::Verify;
use super::url::Url;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
use std::time::Duration;
use tokio::io::ReadBuf;
use tokio::time::Instant;

/// How old a connection may be and still be used. What a call sees is so never further behind what a new client meets:
/// another backend that a Service chooses, a name that leads elsewhere, a network policy or a listener that is gone, which
/// keep new connections out and leave old ones alone.
const MOST_AGE: Duration = Duration::from_secs(1);

/// How many are kept, whatever they lead to.
const MOST: usize = 8;

/// The connections that the calls of a run keep for one another.
#[derive(Default)]
pub(super) struct Connections(Mutex<Vec<Kept>>);

/// A connection that waits to be used again.
struct Kept {
    opened: Opened,
    stream: Box<dyn Stream>,
}

/// When a connection was opened, and what for.
#[derive(Debug)]
pub(super) struct Opened {
    at: Instant,
    https: bool,
    host: String,
    port: u16,
    proxy: Option<Proxy>,
    verify: Verify,
}

impl Opened {
    /// Of one that is about to be opened.
    pub(super) fn now(url: &Url, proxy: Option<&Proxy>, verify: &Verify) -> Opened {
        Opened {
            at: Instant::now(),
            https: url.https,
            host: url.host.clone(),
            port: url.port(),
            proxy: proxy.cloned(),
            verify: verify.clone(),
        }
    }

    fn leads_to(&self, url: &Url, proxy: Option<&Proxy>, verify: &Verify) -> bool {
        (self.https, self.port, &*self.host) == (url.https, url.port(), &*url.host)
            && self.proxy.as_ref() == proxy
            && self.verify == *verify
    }
}

impl Connections {
    /// The one for `url` that was kept last, unless it is known to be dead. It may be dead nevertheless.
    pub(super) fn take(
        &self,
        url: &Url,
        proxy: Option<&Proxy>,
        verify: &Verify,
    ) -> Option<(Opened, Box<dyn Stream>)> {
        let mut kept = self.young();
        loop {
            let last = kept.iter().rposition(|kept| kept.opened.leads_to(url, proxy, verify))?;
            let Kept { opened, mut stream } = kept.remove(last);
            if is_silent(&mut *stream) {
                return Some((opened, stream));
            }
        }
    }

    /// Keeps one over which a response has been read to its end.
    pub(super) fn keep(&self, opened: Opened, stream: Box<dyn Stream>) {
        let mut kept = self.young();
        if kept.len() == MOST {
            kept.remove(0);
        }
        kept.push(Kept { opened, stream });
    }

    /// Those that may still be used.
    fn young(&self) -> MutexGuard<'_, Vec<Kept>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        kept.retain(|kept| now - kept.opened.at <= MOST_AGE);
        kept
    }
}

/// Whether neither bytes nor an end have come, as far as the runtime has heard: it asks the kernel only if there is something
/// to be had, so that this costs nothing.
fn is_silent(stream: &mut dyn Stream) -> bool {
    let mut byte = [0];
    let mut cx = Context::from_waker(Waker::noop());
    Pin::new(stream).poll_read(&mut cx, &mut ReadBuf::new(&mut byte)).is_pending()
}
