//! What the controllers are to look at, and when.
//!
//! Invariant: a key that is wanted several times is looked at once; the controllers take turns, so none of them starves while
//! another has much to do, and only the loss of something goes before all else.

use crate::resource::Resource;
use crate::store::Key;
use crate::times;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;
use tokio::time::Instant;

/// Keys whose last look in a burst is remembered, before those are forgotten that may be looked at again.
const REMEMBERED: usize = 1024;

/// A look that took so long is repeated after so many times that, if changes come that can wait.
const SHARE: u32 = 20;

/// A key, of the controller with this number.
type Entry = (usize, Key);

/// What is to be looked at, and when.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// Whose keys are added now.
    of: usize,
    /// Who was served last.
    turn: usize,
    first: VecDeque<Entry>,
    /// What is in `first`.
    urgent: BTreeSet<Entry>,
    dirty: BTreeMap<usize, VecDeque<Key>>,
    /// What is wanted of `first` and `dirty`; what is there and not here was looked at meanwhile.
    wanted: BTreeSet<Entry>,
    later: BTreeSet<(Instant, usize, Key)>,
    due: BTreeMap<Entry, Instant>,
    /// When a key that changes often may be looked at again.
    paced: BTreeMap<Entry, Instant>,
    failures: BTreeMap<Entry, u32>,
}

impl Queue {
    /// Look at this.
    pub(crate) fn add(&mut self, key: Key) {
        let of = self.of;
        self.wants(of, key);
    }

    /// Look at this.
    pub(crate) fn add_named(&mut self, resource: &'static Resource, namespace: &str, name: &str) {
        self.add(crate::api::key(resource, namespace, name));
    }

    /// Look at this before anything else: something was lost.
    pub(crate) fn add_first(&mut self, key: Key) {
        let entry = (self.of, key);
        if self.urgent.insert(entry.clone()) {
            self.wanted.insert(entry.clone());
            self.first.push_back(entry);
        }
    }

    /// Look at this, at once if it was quiet, else when [`times::PODS_BATCH`] has passed since the last such look; later if
    /// looks at it take long, so that they take a small part of the time.
    pub(crate) fn add_soon(&mut self, key: Key) {
        let now = Instant::now();
        let entry = (self.of, key);
        let at = self.paced.get(&entry).map_or(now, |earliest| now.max(*earliest));
        if self.due.get(&entry).is_some_and(|due| *due <= at) {
            return;
        }
        if self.paced.len() >= REMEMBERED {
            self.paced.retain(|_, earliest| *earliest > now);
        }
        self.at(entry.0, entry.1.clone(), at);
        self.paced.insert(entry, at + times::PODS_BATCH);
    }

    /// Look at this in a while, or earlier if that was wanted already.
    pub(crate) fn add_after(&mut self, key: Key, wait: Duration) {
        self.at(self.of, key, Instant::now() + wait);
    }

    /// From now on it is this controller that adds.
    pub(super) fn turn_to(&mut self, of: usize) {
        self.of = of;
    }

    /// When the next key is due that is not wanted yet.
    pub(super) fn wakes(&self) -> Option<Instant> {
        self.later.first().map(|(at, ..)| *at)
    }

    /// A key was looked at since `began`, and is to be looked at again.
    pub(super) fn done(&mut self, of: usize, key: Key, began: Instant, again: Option<Duration>) {
        let entry = (of, key.clone());
        self.failures.remove(&entry);
        if let Some(earliest) = self.paced.get_mut(&entry) {
            let now = Instant::now();
            *earliest = (*earliest).max(now + (now - began) * SHARE);
        }
        if let Some(wait) = again {
            self.at(of, key, Instant::now() + wait);
        }
    }

    /// What a key needs could not be done; it is tried again, later and later.
    pub(super) fn failed(&mut self, of: usize, key: Key) {
        let failures = self.failures.entry((of, key.clone())).or_default();
        let wait = times::RETRY.saturating_mul(1 << (*failures).min(16)).min(times::RETRY_MAX);
        *failures += 1;
        self.at(of, key, Instant::now() + wait);
    }

    /// Takes what is to be looked at now.
    pub(super) fn next(&mut self) -> Option<Entry> {
        let now = Instant::now();
        while self.later.first().is_some_and(|(at, ..)| *at <= now) {
            let Some((_, of, key)) = self.later.pop_first() else { break };
            self.due.remove(&(of, key.clone()));
            self.wants(of, key);
        }
        while let Some(entry) = self.first.pop_front() {
            self.urgent.remove(&entry);
            if self.wanted.remove(&entry) {
                return Some(entry);
            }
        }
        loop {
            let after = self.dirty.range(self.turn + 1..).next().or_else(|| self.dirty.first_key_value());
            let of = *after?.0;
            self.turn = of;
            let Some(key) = self.dirty.get_mut(&of).and_then(VecDeque::pop_front) else {
                self.dirty.remove(&of);
                continue;
            };
            let entry = (of, key);
            if self.wanted.remove(&entry) {
                return Some(entry);
            }
        }
    }

    fn wants(&mut self, of: usize, key: Key) {
        let entry = (of, key);
        if !self.wanted.contains(&entry) {
            self.dirty.entry(of).or_default().push_back(entry.1.clone());
            self.wanted.insert(entry);
        }
    }

    fn at(&mut self, of: usize, key: Key, at: Instant) {
        let entry = (of, key.clone());
        if let Some(due) = self.due.get(&entry) {
            if *due <= at {
                return;
            }
            self.later.remove(&(*due, of, key.clone()));
        }
        self.due.insert(entry, at);
        self.later.insert((at, of, key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    fn key(name: &str) -> Key {
        Key { resource: "/pods", namespace: "n".into(), name: name.into() }
    }

    fn taken(queue: &mut Queue) -> String {
        let all = std::iter::from_fn(|| queue.next()).map(|(of, key)| format!("{of}{}", key.name));
        all.collect::<Vec<_>>().join(" ")
    }

    #[tokio::test(start_paused = true)]
    async fn controllers_take_turns_and_a_loss_goes_first() {
        let mut queue = Queue::default();
        for (of, names) in [(1, ["a", "b", "c"]), (3, ["x", "y", "x"])] {
            queue.turn_to(of);
            names.iter().for_each(|name| queue.add(key(name)));
        }
        queue.add_first(key("lost"));
        queue.add_first(key("y"));
        assert_eq!(taken(&mut queue), "3lost 3y 1a 3x 1b 1c");
    }

    #[tokio::test(start_paused = true)]
    async fn what_changes_often_is_looked_at_now_and_then() {
        let mut queue = Queue::default();
        let mut looks = 0;
        for _ in 0..100 {
            queue.add_soon(key("a"));
            looks += usize::from(!taken(&mut queue).is_empty());
            advance(Duration::from_millis(1)).await;
        }
        assert_eq!(looks, 2, "at once, and after the pause");
        advance(times::PODS_BATCH).await;
        assert_eq!(taken(&mut queue), "0a", "the last change is seen, too");
        queue.add_after(key("a"), times::RETRY_MAX);
        advance(times::PODS_BATCH).await;
        queue.add_soon(key("a"));
        assert_eq!(taken(&mut queue), "0a", "a far timer does not hold it up");
    }
}
