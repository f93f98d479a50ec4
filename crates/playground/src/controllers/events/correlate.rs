//! Which events are said, and which are one: client-go's spam filter, aggregator and counter.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::Instant;

/// Objects, and groups of events, that are remembered; beyond them everything is new again.
const REMEMBERED: usize = 4096;
/// Events of one object by one component that are written at once.
const BURST: f64 = 25.0;
/// After those, one more may be written every so often.
const REFILL: Duration = Duration::from_secs(300);
/// So many different messages of one reason are written one by one.
const DIFFERENT: usize = 10;
/// Messages that are so far apart are not alike.
const ALIKE: Duration = Duration::from_secs(600);

/// What becomes of an event.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// Nothing: there were too many.
    Not,
    /// It is written, or counted where the same was written before.
    Aloud {
        /// What is the same event.
        key: String,
        /// Its message, which may say that it stands for several.
        message: String,
        /// A number of its own.
        serial: u64,
    },
}

#[derive(Debug, Default)]
pub(super) struct Correlator {
    /// How many more events each object may have, as of when.
    left: BTreeMap<String, (f64, Instant)>,
    /// The different messages of each reason, and when the last one came.
    messages: BTreeMap<String, (BTreeSet<String>, Instant)>,
    /// The events that were written.
    events: BTreeMap<String, String>,
    serial: u64,
}

impl Correlator {
    /// Decides on an event: `source` is who says it of whom, `alike` adds what kind of thing is said.
    pub(super) fn say(&mut self, source: &str, alike: &str, message: &str, limited: bool) -> Said {
        let now = Instant::now();
        self.serial += 1;
        let mut said = Said::Aloud {
            key: format!("{alike}\u{0}{message}"),
            message: message.to_owned(),
            serial: self.serial,
        };
        if !limited {
            return said;
        }
        let (seen, last) = room(&mut self.messages).entry(alike.to_owned()).or_insert((BTreeSet::new(), now));
        if last.elapsed() > ALIKE {
            seen.clear();
        }
        *last = now;
        if seen.len() < DIFFERENT {
            seen.insert(message.to_owned());
        }
        if seen.len() >= DIFFERENT {
            let message = format!("(combined from similar events): {message}");
            said = Said::Aloud { key: alike.to_owned(), message, serial: self.serial };
        }
        let (left, at) = room(&mut self.left).entry(source.to_owned()).or_insert((BURST, now));
        *left = (*left + at.elapsed().as_secs_f64() / REFILL.as_secs_f64()).min(BURST);
        *at = now;
        if *left < 1.0 {
            return Said::Not;
        }
        *left -= 1.0;
        said
    }

    /// The event that was written for a key.
    pub(super) fn event(&self, key: &str) -> Option<String> {
        self.events.get(key).cloned()
    }

    pub(super) fn written(&mut self, key: String, event: String) {
        room(&mut self.events).insert(key, event);
    }
}

/// A map with room for one more.
fn room<V>(map: &mut BTreeMap<String, V>) -> &mut BTreeMap<String, V> {
    if map.len() >= REMEMBERED {
        map.clear();
    }
    map
}
