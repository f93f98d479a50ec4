//! What can be seen from outside while something happens to the shop: its customers, and its Pods.
//!
//! Invariant: a customer comes each tenth of a second, whatever becomes of those before; they are told of in the order in which
//! they came.

use super::shop::{Answer, Shop, ask};
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesOrdered;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::time::Duration;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// How often a customer comes.
pub(super) const PACE: Duration = Duration::from_millis(100);

/// Something that was seen.
#[derive(Debug)]
pub(super) enum News {
    /// What became of the next customer.
    Customer(Answer),
    /// A Pod is other than it was.
    Pod(String),
}

/// The street before the shop.
pub(super) struct Street<'a> {
    shop: &'a Shop<'a>,
    ticks: Interval,
    waiting: FuturesOrdered<BoxFuture<'static, Answer>>,
    pods: BTreeMap<String, &'static str>,
    news: VecDeque<News>,
}

impl<'a> Street<'a> {
    pub(super) fn new(shop: &'a Shop<'a>) -> Street<'a> {
        let mut ticks = interval(PACE);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (waiting, pods) = (FuturesOrdered::new(), BTreeMap::new());
        Street { shop, ticks, waiting, pods, news: VecDeque::new() }
    }

    pub(super) fn shop(&self) -> &'a Shop<'a> {
        self.shop
    }

    /// The next that is to be told. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> News {
        loop {
            if let Some(news) = self.news.pop_front() {
                return news;
            }
            tokio::select! {
                Some(answer) = self.waiting.next() => return News::Customer(answer),
                _ = self.ticks.tick() => {
                    self.waiting.push_back(Box::pin(ask(self.shop.door())));
                    self.look();
                }
            }
        }
    }

    /// Notes which Pods are other than when we looked last.
    fn look(&mut self) {
        let now = self.shop.pods();
        let changed = now.iter().filter(|(name, state)| self.pods.get(*name) != Some(state));
        let changed = changed.map(|(name, state)| format!("{name} {state}"));
        let gone = self.pods.keys().filter(|name| !now.contains_key(*name));
        let gone = gone.map(|name| format!("{name} is gone"));
        self.news.extend(changed.chain(gone).map(News::Pod));
        self.pods = now;
    }
}

/// What became of customers.
#[derive(Debug, Default)]
pub(super) struct Tally {
    all: u32,
    unanswered: u32,
    /// What those who were turned away were told first.
    status: Option<u16>,
    last: Option<Answer>,
}

impl Tally {
    pub(super) fn add(&mut self, answer: Answer) {
        self.all += 1;
        self.last = Some(answer);
        self.unanswered += u32::from(answer != Answer::Served);
        if let Answer::TurnedAway(status) = answer {
            self.status.get_or_insert(status);
        }
    }

    /// What the last one came to.
    pub(super) fn last(&self) -> Option<Answer> {
        self.last
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { all, unanswered, status, last: _ } = self;
        let seconds = (PACE * *unanswered).as_secs_f64();
        match (unanswered, status) {
            (0, _) => write!(f, "All of {all} customers were answered."),
            (_, Some(status)) => {
                write!(
                    f,
                    "Of {all} customers {unanswered} were turned away (HTTP {status}), for {seconds:.1} s."
                )
            }
            (_, None) => write!(f, "Of {all} customers {unanswered} got no answer, for {seconds:.1} s."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(answers: &[Answer], expected: &str) {
        let mut tally = Tally::default();
        answers.iter().for_each(|answer| tally.add(*answer));
        assert_eq!(tally.to_string(), expected);
    }

    #[test]
    fn what_became_of_customers_is_one_sentence() {
        use Answer::{Nothing, Served, TurnedAway};
        check(&[Served; 3], "All of 3 customers were answered.");
        check(
            &[Served, TurnedAway(503), TurnedAway(502)],
            "Of 3 customers 2 were turned away (HTTP 503), for 0.2 s.",
        );
        check(&[Served, Nothing], "Of 2 customers 1 got no answer, for 0.1 s.");
    }
}
