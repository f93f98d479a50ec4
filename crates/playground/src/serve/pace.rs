//! The pace at which one connection's answers are read.
//!
//! Invariant: an answer goes out in slices of at most [`SLICE`] bytes, and who leaves one lying for [`STALL`] while there is
//! more to come loses the connection. So a reader that stopped holds neither an old object nor a place for long. Nobody
//! is told to hurry who merely has nothing to read.

use super::answer::Body;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Frame, SizeHint};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;

/// The largest piece that is handed out at once.
const SLICE: usize = 32 << 10;
/// How long a reader may stop in the middle of an answer.
const STALL: Duration = Duration::from_secs(30);
/// How long a client may take to its first request.
const FIRST: Duration = Duration::from_secs(30);
/// How often that is looked at.
const LOOK: Duration = Duration::from_secs(5);

/// What is known of one connection.
#[derive(Debug, Default)]
pub(super) struct Peer {
    /// Since when slices lie there, by answer.
    lying: Mutex<BTreeMap<u64, Instant>>,
    answers: AtomicU64,
    known: Arc<AtomicBool>,
}

impl Peer {
    /// It showed that it may be here.
    pub(super) fn is_let_in(&self) {
        self.known.store(true, Ordering::Relaxed);
    }

    /// Whether it ever did, as of when that is read.
    pub(super) fn known(&self) -> Arc<AtomicBool> {
        self.known.clone()
    }

    /// An answer to it.
    pub(super) fn paced(self: &Arc<Peer>, body: Body) -> Body {
        let id = self.answers.fetch_add(1, Ordering::Relaxed);
        Paced { body, rest: Bytes::new(), peer: self.clone(), id }.boxed_unsync()
    }

    /// Returns when it asks nothing, or has stopped to read.
    pub(super) async fn given_up(&self) {
        tokio::time::sleep(FIRST).await;
        while self.answers.load(Ordering::Relaxed) > 0 {
            tokio::time::sleep(LOOK).await;
            if self.lock().values().any(|since| since.elapsed() >= STALL) {
                return;
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, Instant>> {
        self.lying.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A body whose reader is watched.
struct Paced {
    body: Body,
    rest: Bytes,
    peer: Arc<Peer>,
    id: u64,
}

impl hyper::body::Body for Paced {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        // Whoever asks for more has taken what there was.
        this.peer.lock().remove(&this.id);
        if this.rest.is_empty() {
            match Pin::new(&mut this.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => this.rest = data,
                    Err(frame) => return Poll::Ready(Some(Ok(frame))),
                },
                other => return other,
            }
        }
        let slice = this.rest.split_to(this.rest.len().min(SLICE));
        if !this.is_end_stream() {
            this.peer.lock().insert(this.id, Instant::now());
        }
        Poll::Ready(Some(Ok(Frame::data(slice))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, hint) = (self.rest.len() as u64, self.body.size_hint());
        let mut whole = SizeHint::new();
        whole.set_lower(hint.lower() + rest);
        if let Some(upper) = hint.upper() {
            whole.set_upper(upper + rest);
        }
        whole
    }
}

impl Drop for Paced {
    fn drop(&mut self) {
        self.peer.lock().remove(&self.id);
    }
}
