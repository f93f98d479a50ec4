//! Sends what one channel is to be told, in order, and tries again for a little while.
//!
//! Invariant: a channel that fails costs others nothing; no line about it holds its URL, its headers or what was sent.

use crate::shared_log::{SharedLog, lock};
use jiff::Timestamp;
use squall_drivers::http::Verify;
use squall_drivers::http::client::{Error, Options, Request, World, fetch};
use squall_engine::Environment;
use squall_report::line::Line;
use squall_report::notify::{Answer, Delivery, Name, Tls};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

/// The limits of the Toolkit.
const CONNECT: Duration = Duration::from_secs(2);
const READ: Duration = Duration::from_secs(5);

/// How often something is sent at most, and for how long it is tried again.
const TRIES: u32 = 3;
const BRIEFLY: Duration = Duration::from_secs(3);

/// The longest that one notice may take, whatever the server asks for.
const MOST: Duration = Duration::from_secs(10);

/// One notice for one channel.
pub(super) struct Letter {
    pub(super) name: Name,
    pub(super) delivery: Delivery,
}

/// Who serves a channel.
pub(super) struct Courier {
    pub(super) label: String,
    pub(super) environment: Environment,
    pub(super) log: SharedLog,
    /// Whether a failure is a WARNING, or only for the log file.
    pub(super) loud: bool,
}

impl Courier {
    /// Sends until nobody can add anything any more.
    pub(super) async fn serve(mut self, mut letters: mpsc::Receiver<Letter>) {
        let mut tries = TRIES;
        while let Some(Letter { name, delivery }) = letters.recv().await {
            let sent = timeout(MOST, self.send(&delivery, tries)).await;
            let Err(why) = sent.unwrap_or_else(|_| Err("there was no answer in time".to_owned())) else {
                tries = TRIES;
                continue;
            };
            let text = format!("{}: {} was not delivered: {why}", self.label, name.word());
            let line = if self.loud { Line::warning(text) } else { Line::debug(text) };
            lock(&self.log).line(&line, Timestamp::now());
            // It is known to be in trouble now: no need to be told, or to wait, as often again.
            (self.loud, tries) = (false, 1);
        }
    }

    async fn send(&self, delivery: &Delivery, tries: u32) -> Result<(), String> {
        let begun = Instant::now();
        for tried in 1.. {
            let (why, after) = match self.once(delivery).await {
                Answer::Taken => return Ok(()),
                Answer::Refused { why } => return Err(why),
                Answer::Later { why, after } => (why, after),
            };
            let wait = after.unwrap_or_else(|| pause(tried));
            let too_long = match after {
                Some(after) => begun.elapsed() + after >= MOST,
                None => begun.elapsed() + wait >= BRIEFLY,
            };
            if tried >= tries || too_long {
                return Err(why);
            }
            sleep(wait).await;
        }
        unreachable!("the loop ends by itself")
    }

    async fn once(&self, delivery: &Delivery) -> Answer {
        let headers = delivery.headers.iter().map(|(name, value)| (name.clone(), Some(value.clone())));
        let request = Request {
            method: delivery.method.to_owned(),
            url: delivery.url.clone(),
            headers: headers.collect(),
            body: delivery.body.clone().map(String::into_bytes),
            content_type: delivery.body.is_some().then_some("application/json"),
            ..Request::default()
        };
        let verify = match &delivery.tls {
            Tls::Usual => Verify::Usual,
            Tls::Bundle(path) => Verify::Bundle(path.clone()),
            Tls::Unchecked => Verify::Not,
        };
        let options = Options { connect: Some(CONNECT), read: Some(READ), verify, ..Options::default() };
        let world = World { environment: &self.environment, session: None, now: Timestamp::now() };
        match fetch(&request, &options, &world).await {
            Ok(response) => {
                let status = response.status;
                let after = response.headers.get("retry-after").map(str::to_owned);
                delivery.answer(status, after.as_deref(), &response.into_text())
            }
            Err(Error::NoAnswer(why)) => Answer::Later { why, after: None },
            // It may have been taken.
            Err(error @ (Error::TimedOut | Error::TooLarge(_))) => Answer::Refused { why: error.to_string() },
            // Its text may hold the URL.
            Err(Error::Unexpected(exception)) => {
                let why = format!(
                    "it cannot be called ({}); look at its URL, headers and `verify_tls`",
                    exception.class
                );
                Answer::Refused { why }
            }
        }
    }
}

/// How long to wait after this many tries: 0.2 s, then 0.6 s, up to half as long again, so that many do not come at once.
fn pause(tried: u32) -> Duration {
    let base = Duration::from_millis(200) * 3_u32.saturating_pow(tried.saturating_sub(1)).min(100);
    let chance = (uuid::Uuid::new_v4().as_u128() & 0xff) as u32;
    base + base * chance / 512
}
