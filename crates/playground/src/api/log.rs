//! What containers write: a log of lines for each life of a container, kept for `kubectl logs`.
//!
//! Invariant: a log holds at most [`BYTES`] bytes, the oldest lines go first; whoever follows a log reads each line once,
//! at its own pace, and holds no memory but its place.

use jiff::Timestamp;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// How much of a log is kept.
pub const BYTES: usize = 1 << 20;

/// The logs of all containers, by the UID of the Pod and the container's name.
#[derive(Debug, Default)]
pub struct Logs {
    lives: Mutex<BTreeMap<(String, String), Lives>>,
}

#[derive(Debug)]
struct Lives {
    current: Arc<Log>,
    previous: Option<Arc<Log>>,
}

impl Logs {
    /// A container starts: its new log. The one of its life before is kept as the previous one, any older is forgotten.
    pub fn begin(&self, pod_uid: &str, container: &str) -> Arc<Log> {
        let log = Arc::new(Log::default());
        let mut lives = lock(&self.lives);
        let key = (pod_uid.to_owned(), container.to_owned());
        let previous = lives.remove(&key).map(|lives| lives.current);
        if let Some(previous) = &previous {
            previous.close();
        }
        lives.insert(key, Lives { current: log.clone(), previous });
        log
    }

    /// The log of a container's life, or of the one before.
    pub fn of(&self, pod_uid: &str, container: &str, previous: bool) -> Option<Arc<Log>> {
        let lives = lock(&self.lives);
        let lives = lives.get(&(pod_uid.to_owned(), container.to_owned()))?;
        if previous { lives.previous.clone() } else { Some(lives.current.clone()) }
    }

    /// A Pod is gone, and its logs with it.
    pub fn forget(&self, pod_uid: &str) {
        let mut lives = lock(&self.lives);
        lives.retain(|(uid, _), lives| {
            if uid == pod_uid {
                lives.current.close();
            }
            uid != pod_uid
        });
    }
}

/// The lines of one life of a container.
#[derive(Debug)]
pub struct Log {
    lines: Mutex<Lines>,
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Lines {
    kept: VecDeque<(Timestamp, Arc<str>)>,
    /// The number of the first line that is kept.
    first: u64,
    bytes: usize,
    closed: bool,
}

impl Default for Log {
    fn default() -> Log {
        Log { lines: Mutex::default(), changed: watch::Sender::new(()) }
    }
}

impl Log {
    /// Adds what was written, without its line break.
    pub fn write(&self, at: Timestamp, line: &str) {
        let mut lines = lock(&self.lines);
        for line in line.split('\n') {
            lines.bytes += line.len();
            lines.kept.push_back((at, Arc::from(line)));
        }
        while lines.bytes > BYTES {
            let Some((_, line)) = lines.kept.pop_front() else { break };
            lines.bytes -= line.len();
            lines.first += 1;
        }
        drop(lines);
        self.changed.send_replace(());
    }

    /// The container ended: whoever follows reads to the end and stops.
    pub fn close(&self) {
        lock(&self.lines).closed = true;
        self.changed.send_replace(());
    }

    /// All lines that are kept.
    pub fn lines(&self) -> Vec<(Timestamp, Arc<str>)> {
        lock(&self.lines).kept.iter().cloned().collect()
    }

    /// A reader at the first line that is kept.
    pub fn read(self: &Arc<Log>) -> LogReader {
        let next = lock(&self.lines).first;
        LogReader { changed: self.changed.subscribe(), log: self.clone(), next }
    }
}

/// A place in a log.
#[derive(Debug)]
pub struct LogReader {
    log: Arc<Log>,
    changed: watch::Receiver<()>,
    next: u64,
}

impl LogReader {
    /// The next line, if there is one already.
    pub fn next_now(&mut self) -> Option<(Timestamp, Arc<str>)> {
        self.changed.mark_unchanged();
        let lines = lock(&self.log.lines);
        let at = self.next.max(lines.first);
        let line = lines.kept.get(usize::try_from(at - lines.first).ok()?)?.clone();
        self.next = at + 1;
        Some(line)
    }

    /// The next line, when there is one; `None` when the container ended. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<(Timestamp, Arc<str>)> {
        loop {
            if let Some(line) = self.next_now() {
                return Some(line);
            }
            if lock(&self.log.lines).closed || self.changed.changed().await.is_err() {
                return self.next_now();
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every change under these locks is complete in itself, so a panic elsewhere leaves nothing half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(log: &Log) -> String {
        log.lines().iter().map(|(_, line)| line.to_string()).collect::<Vec<_>>().join(",")
    }

    #[tokio::test(start_paused = true)]
    async fn followers_read_each_line_once_until_the_container_ends() {
        let logs = Logs::default();
        let log = logs.begin("uid", "app");
        log.write(Timestamp::UNIX_EPOCH, "one\ntwo");
        let mut reader = log.read();
        assert_eq!(reader.next().await.map(|line| line.1.to_string()), Some("one".to_owned()));
        assert_eq!(reader.next().await.map(|line| line.1.to_string()), Some("two".to_owned()));
        let next = logs.begin("uid", "app");
        next.write(Timestamp::UNIX_EPOCH, "again");
        assert_eq!(reader.next().await, None);
        assert_eq!(logs.of("uid", "app", true).map(|log| text(&log)), Some("one,two".to_owned()));
        assert_eq!(logs.of("uid", "app", false).map(|log| text(&log)), Some("again".to_owned()));
        logs.forget("uid");
        assert!(logs.of("uid", "app", false).is_none());
    }

    #[test]
    fn the_oldest_lines_go_first() {
        let log = Log::default();
        for _ in 0..40 {
            log.write(Timestamp::UNIX_EPOCH, &"x".repeat(BYTES / 32));
        }
        assert_eq!(log.lines().len(), 32);
    }
}
