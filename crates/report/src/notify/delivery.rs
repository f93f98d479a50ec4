//! What a channel is sent: one request and what its answer means, or one call of a Python module.

use squall_experiment::{Value, json};
use std::time::Duration;

/// What a channel is sent.
#[derive(Clone, PartialEq)]
pub enum Message {
    /// A request.
    Request(Delivery),
    /// A call of a Python module.
    Plugin(Plugin),
}

/// What to call. Not to be shown: the channel's settings may hold credentials.
#[derive(Clone, PartialEq)]
pub struct Plugin {
    /// The module.
    pub module: String,
    /// The function in it.
    pub func: String,
    /// Its first argument: the channel, as the settings have it.
    pub channel: Value,
    /// Its second argument: the event, as JSON.
    pub event: String,
}

/// What to send. Not to be shown: its URL and headers may hold credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct Delivery {
    /// `POST` or `GET`.
    pub method: &'static str,
    /// Where to.
    pub url: String,
    /// Header fields.
    pub headers: Vec<(String, String)>,
    /// A JSON document, if the channel wants one.
    pub body: Option<String>,
    /// How the server's certificate is checked.
    pub tls: Tls,
    pub(super) reads: Reads,
}

/// How a server's certificate is checked.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Tls {
    /// As for every HTTP call.
    #[default]
    Usual,
    /// Against the certificates of this file.
    Bundle(String),
    /// Not at all.
    Unchecked,
}

/// How an answer is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reads {
    /// Its status tells.
    Status,
    /// So it does at Slack's webhooks, which also say in a word why not.
    Webhook,
    /// Slack's API answers 200 with `{"ok": false, "error": "…"}`.
    Api,
}

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was taken.
    Taken,
    /// Not now; perhaps later.
    Later {
        /// Why not.
        why: String,
        /// When, if the server said so.
        after: Option<Duration>,
    },
    /// No.
    Refused {
        /// Why not.
        why: String,
    },
}

impl Delivery {
    /// What an answer means: its status, its `Retry-After`, its body.
    pub fn answer(&self, status: u16, retry_after: Option<&str>, body: &str) -> Answer {
        let why = || match self.reads {
            Reads::Status => format!("it answered {status}"),
            Reads::Webhook | Reads::Api => format!("it answered {status}{}", word(body)),
        };
        let after = retry_after.and_then(|seconds| seconds.trim().parse().ok()).map(Duration::from_secs);
        match (status, self.reads) {
            // What failed with a 500 may have been taken; Slack has not shown it then.
            (429 | 502..=504, _) | (500..=599, Reads::Webhook | Reads::Api) => {
                Answer::Later { why: why(), after }
            }
            (400.., _) => Answer::Refused { why: why() },
            (_, Reads::Status | Reads::Webhook) => Answer::Taken,
            (_, Reads::Api) => match json::value(body) {
                Ok(answer) if answer.get("ok").is_some_and(|ok| ok.as_bool() == Some(true)) => Answer::Taken,
                Ok(answer) => match answer.get("error").and_then(|error| error.as_text()) {
                    Some("ratelimited") => Answer::Later { why: "it said ratelimited".to_owned(), after },
                    error => {
                        Answer::Refused { why: format!("it said no{}", word(error.unwrap_or_default())) }
                    }
                },
                Err(_) => {
                    Answer::Refused { why: "its answer is no JSON, so it is not Slack's API".to_owned() }
                }
            },
        }
    }
}

/// Slack's codes are words like `channel_not_found`; nothing else of a foreign answer is shown.
fn word(body: &str) -> String {
    let body = body.trim();
    let is_word = !body.is_empty()
        && body.len() <= 60
        && body.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if is_word { format!(", {body}") } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(reads: Reads) -> Delivery {
        let (url, headers) = (String::new(), Vec::new());
        Delivery { method: "POST", url, headers, body: None, tls: Tls::Usual, reads }
    }

    #[test]
    fn answers() {
        let later = |why: &str, seconds: Option<u64>| Answer::Later {
            why: why.to_owned(),
            after: seconds.map(Duration::from_secs),
        };
        let refused = |why: &str| Answer::Refused { why: why.to_owned() };
        for (reads, status, after, body, expected) in [
            (Reads::Status, 200, None, "", Answer::Taken),
            (Reads::Status, 399, None, "", Answer::Taken),
            (Reads::Status, 404, None, "gone", refused("it answered 404")),
            (Reads::Status, 500, None, "", refused("it answered 500")),
            (Reads::Status, 503, Some("2"), "", later("it answered 503", Some(2))),
            (Reads::Webhook, 200, None, "ok", Answer::Taken),
            (Reads::Webhook, 404, None, "no_service", refused("it answered 404, no_service")),
            (Reads::Webhook, 400, None, "<b>token xoxb-1</b>", refused("it answered 400")),
            (Reads::Webhook, 500, None, "", later("it answered 500", None)),
            (Reads::Api, 200, None, r#"{"ok": true}"#, Answer::Taken),
            (Reads::Api, 200, None, r#"{"ok": false, "error": "no_auth"}"#, refused("it said no, no_auth")),
            (Reads::Api, 200, Some("x"), r#"{"error": "ratelimited"}"#, later("it said ratelimited", None)),
            (Reads::Api, 429, Some(" 7 "), "", later("it answered 429", Some(7))),
            (Reads::Api, 200, None, "<html>", refused("its answer is no JSON, so it is not Slack's API")),
        ] {
            assert_eq!(delivery(reads).answer(status, after, body), expected, "{reads:?} {status} {body}");
        }
    }
}
