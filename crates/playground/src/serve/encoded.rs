//! What many watchers are told in the same words is encoded once.
//!
//! Invariant: at most about [`BYTES`] are kept here, whatever is watched. A watcher who asks for words that are no longer
//! kept has them encoded again: it is slower then, and never wrong.

use super::answer::Form;
use bytes::Bytes;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

/// How many bytes of encoded events are kept.
const BYTES: usize = 8 << 20;
/// About what it costs to keep an event, beside its bytes.
const EACH: usize = 256;

/// Everything that the words of an event depend on. A revision belongs to one object, so it stands for the object too.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Wording {
    pub(super) revision: u64,
    /// `ADDED`, `MODIFIED`, `DELETED`.
    pub(super) kind: &'static str,
    /// Whether it is the state before that is shown, of an object that left the view of a selector.
    pub(super) left: bool,
    /// The version of the API.
    pub(super) version: &'static str,
    pub(super) form: Form,
    /// Whether a table leaves its columns out.
    pub(super) headed: bool,
}

/// The events that were encoded last.
#[derive(Debug, Default)]
pub(super) struct Encoded(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    events: HashMap<Wording, Bytes>,
    order: VecDeque<Wording>,
    bytes: usize,
}

impl Encoded {
    /// The words of an event, which `encode` finds if nobody did.
    pub(super) fn get(&self, wording: Wording, encode: impl FnOnce() -> Vec<u8>) -> Bytes {
        if let Some(words) = self.lock().events.get(&wording) {
            return words.clone();
        }
        // Not under the lock: whoever comes meanwhile does it again, which is harmless.
        let words = Bytes::from(encode());
        let mut kept = self.lock();
        if kept.events.insert(wording.clone(), words.clone()).is_none() {
            kept.bytes += words.len() + EACH;
            kept.order.push_back(wording);
        }
        while kept.bytes > BYTES {
            let Some(oldest) = kept.order.pop_front() else { break };
            if let Some(words) = kept.events.remove(&oldest) {
                kept.bytes -= words.len() + EACH;
            }
        }
        words
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wording(revision: u64) -> Wording {
        Wording { revision, kind: "ADDED", left: false, version: "v1", form: Form::Plain, headed: false }
    }

    #[test]
    fn words_are_found_once_and_memory_is_bounded() {
        let encoded = Encoded::default();
        let first = encoded.get(wording(1), || b"one".to_vec());
        let second = encoded.get(wording(1), || unreachable!("they are kept"));
        assert_eq!(first.as_ptr(), second.as_ptr());
        for revision in 2..100 {
            encoded.get(wording(revision), || vec![0; 1 << 20]);
            assert!(encoded.lock().bytes <= BYTES);
        }
        assert_eq!(encoded.get(wording(1), || b"again".to_vec()), "again", "the oldest went");
        // One that is larger than all that is kept is told, and not kept.
        encoded.get(wording(100), || vec![0; BYTES]);
        assert_eq!(encoded.lock().bytes, 0);
    }
}
