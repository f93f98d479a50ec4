//! Connections that calls of a run leave open for the next one: those of a second (`keep_alive: true`), and that which a probe
//! leaves to the one that follows it at once.
//!
//! Invariant: one that is taken began to be opened at most [`MOST_AGE`], or [`BURST`], ago, leads to where the call goes in the
//! way in which it goes there, and as far as is known nothing has come over it since its last response. Nobody watches them:
//! of those of a second, the ones that are too old or too many are closed when the next one is taken or kept, all of them when
//! the run ends; what a probe left is taken or closed by whatever begins next, which the engine sees to.
//!
//! Not here: whether an exchange leaves its connection fit for another ([`super::exchange`]).

#[cfg(test)]
mod burst;
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

/// The same of what a probe leaves to the next one without being asked to: less than it takes anybody else to change what
/// a new client meets, and to have the change take effect.
const BURST: Duration = Duration::from_millis(50);

/// How many are kept, whatever they lead to.
const MOST: usize = 8;

/// The connections that calls keep for one another.
pub(super) struct Connections {
    kept: Mutex<Vec<Kept>>,
    most_age: Duration,
    most: usize,
}

/// A connection that waits to be used again.
pub(super) struct Kept {
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

impl Kept {
    /// Host and port of the server.
    pub(super) fn server(&self) -> (&str, u16) {
        (&self.opened.host, self.opened.port)
    }
}

/// Those that all calls of a run keep.
impl Default for Connections {
    fn default() -> Connections {
        Connections { kept: Mutex::default(), most_age: MOST_AGE, most: MOST }
    }
}

impl Connections {
    /// Of one call: that which was left to it, and then that which it leaves.
    pub(super) fn of_burst(left: Option<Kept>) -> Connections {
        Connections { kept: Mutex::new(left.into_iter().collect()), most_age: BURST, most: 1 }
    }

    /// What is left of them.
    pub(super) fn into_last(self) -> Option<Kept> {
        self.kept.into_inner().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// The one for `url` that was kept last, unless it is known to be dead. It may be dead nevertheless.
    pub(super) fn take(
        &self,
        url: &Url,
        proxy: Option<&Proxy>,
        verify: &Verify,
    ) -> Option<(Opened, Box<dyn Stream>)> {
        let mut kept = self.young();
        if self.is_burst() {
            // A server that serves one connection after the other would wait for the end of one that leads to it, and the
            // server that is called instead perhaps for that server.
            kept.retain(|kept| kept.opened.leads_to(url, proxy, verify));
        }
        loop {
            let last = kept.iter().rposition(|kept| kept.opened.leads_to(url, proxy, verify))?;
            let Kept { opened, mut stream } = kept.remove(last);
            if is_silent(&mut *stream) {
                return Some((opened, stream));
            }
        }
    }

    /// A call is made without one: none is left open beside it that may not be.
    pub(super) fn pass(&self) {
        if self.is_burst() {
            self.young().clear();
        }
    }

    /// Keeps one over which a response has been read to its end.
    pub(super) fn keep(&self, opened: Opened, stream: Box<dyn Stream>) {
        let mut kept = self.young();
        if kept.len() == self.most {
            kept.remove(0);
        }
        kept.push(Kept { opened, stream });
    }

    fn is_burst(&self) -> bool {
        self.most == 1
    }

    /// Those that may still be used.
    fn young(&self) -> MutexGuard<'_, Vec<Kept>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        kept.retain(|kept| now - kept.opened.at <= self.most_age);
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
