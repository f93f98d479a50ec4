//! The channels of the settings: which notices each wants, and in which form.
//!
//! Invariant: a channel that cannot be used is a complaint, never an error: no run depends on it. A channel's label holds nothing
//! secret: of a URL only the host.

use super::delivery::Reads;
use super::{Delivery, Message, Name, Notice, Payload, Plugin, Tls, message, plugin};
use squall_experiment::json::{self, Style};
use squall_experiment::python::str_of;
use squall_experiment::{Object, Value};

/// Where Slack's API is.
const SLACK: &str = "https://slack.com/api/";

/// The Toolkit's plugin for Slack, which is built in.
const SLACK_PLUGIN: &str = "chaosslack.notification";

/// The variable for a token that shall not stand in a file.
const TOKEN_VARIABLE: &str = "SLACK_BOT_TOKEN";

/// One who wants to know.
#[derive(Clone)]
pub struct Channel {
    label: String,
    events: Events,
    to: To,
}

#[derive(Clone)]
enum Events {
    All,
    /// These, and perhaps words that are none.
    Only(Vec<String>),
    /// Every name that is part of a text: what Python's `in` makes of it.
    Within(String),
}

#[derive(Clone)]
enum To {
    Http { url: String, headers: Vec<(String, String)>, tls: Tls, payload: bool },
    Slack { url: String, token: Option<String>, channel: Option<String>, as_plugin: bool },
    Python { module: String, func: String, settings: Value },
}

/// What is wrong with the settings of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// What, and what to do.
    pub text: String,
    /// The Toolkit would send something and we do not.
    pub lost: bool,
}

/// The channels of the settings that want to hear of this phase, in their order.
pub fn channels(
    settings: &Object,
    phase: &str,
    environment: &dyn Fn(&str) -> Option<String>,
) -> (Vec<Channel>, Vec<Complaint>) {
    let (mut channels, mut complaints) = (Vec::new(), Vec::new());
    let declared = match settings.get("notifications") {
        Some(Value::List(channels)) => channels.as_slice(),
        Some(other) if other.is_truthy() => {
            let text =
                "`notifications` in the settings must be a list of channels, so nothing is sent".to_owned();
            return (Vec::new(), vec![Complaint { text, lost: false }]);
        }
        _ => &[],
    };
    for (index, declared) in declared.iter().enumerate() {
        let events = Events::of(declared.get("events"));
        if !Name::ALL.iter().any(|name| name.phase() == phase && events.has(*name)) {
            // Unless its author mistook the names of events, this is none of its business.
            complaints.extend(events.unknown().map(|word| unknown(index, word)));
            continue;
        }
        complaints.extend(events.unknown().map(|word| unknown(index, word)));
        match to(declared, environment) {
            Ok((to, shown)) => {
                let shown = declared.get("name").and_then(Value::as_text).map_or(shown, str::to_owned);
                let label = format!("notification channel {} ({shown})", index + 1);
                channels.push(Channel { label, events, to });
            }
            Err((text, lost)) => {
                let text = format!("notification channel {}: {text}", index + 1);
                complaints.push(Complaint { text, lost });
            }
        }
    }
    (channels, complaints)
}

fn unknown(index: usize, word: &str) -> Complaint {
    let known = |name: &&Name| {
        // `discover-failed` and `run-complete` are the slips one sees.
        let (given, known) = (word.split('-'), name.word().split('-'));
        given.zip(known).all(|(given, known)| known.starts_with(given.get(..4).unwrap_or(given)))
    };
    let near = Name::ALL.iter().find(known);
    let near = near.map(|name| format!("; did you mean {}?", name.word())).unwrap_or_default();
    Complaint {
        text: format!("notification channel {}: there is no event {word}{near}", index + 1),
        lost: false,
    }
}

/// Where a channel leads, and what to call it.
fn to(channel: &Value, environment: &dyn Fn(&str) -> Option<String>) -> Result<(To, String), (String, bool)> {
    let text = |key: &str| {
        let value = channel.get(key).and_then(Value::as_text).map(str::trim);
        value.filter(|value| !value.is_empty()).map(str::to_owned)
    };
    match channel.get("type").and_then(Value::as_text) {
        Some("http") => {
            let Some(url) = text("url") else { return Err(("it needs a `url`".to_owned(), false)) };
            let headers = channel.get("headers").and_then(Value::as_object).into_iter().flatten();
            let headers = headers.map(|(name, value)| (name.clone(), str_of(value))).collect();
            let tls = match channel.get("verify_tls") {
                None => Tls::Usual,
                Some(Value::Text(path)) if !path.is_empty() => Tls::Bundle(path.clone()),
                Some(value) if value.is_truthy() => Tls::Usual,
                Some(_) => Tls::Unchecked,
            };
            let payload = channel.get("forward_event_payload").is_none_or(Value::is_truthy);
            let shown = host(&url);
            Ok((To::Http { url, headers, tls, payload }, shown))
        }
        Some("slack") => match (text("webhook"), text("channel")) {
            (Some(url), _) => {
                let shown = format!("Slack, {}", host(&url));
                Ok((To::Slack { url, token: None, channel: None, as_plugin: false }, shown))
            }
            (None, Some(channel)) => {
                let token = text("token").or_else(|| environment(TOKEN_VARIABLE)).ok_or_else(|| {
                    (format!("Slack needs a `token`, in the settings or in {TOKEN_VARIABLE}"), false)
                })?;
                Ok(bot(text("base_url"), token, channel, false))
            }
            (None, None) => Err(("Slack needs a `webhook`, or a `token` and a `channel`".to_owned(), false)),
        },
        Some("plugin") => {
            let module = text("module").unwrap_or_default();
            let func = text("func").unwrap_or_else(|| "notify".to_owned());
            match (module.as_str(), func.as_str()) {
                (SLACK_PLUGIN, "notify") => match (text("token"), text("channel")) {
                    (Some(token), Some(channel)) => {
                        let channel = format!("#{}", channel.trim_start_matches('#').trim());
                        Ok(bot(text("base_url"), token, channel, true))
                    }
                    _ => Err((format!("{SLACK_PLUGIN} needs a `token` and a `channel`"), false)),
                },
                ("", _) => Err(("a plugin needs a `module`".to_owned(), false)),
                _ => {
                    let shown = format!("{module}.{func}");
                    Ok((To::Python { module, func, settings: channel.clone() }, shown))
                }
            }
        }
        // The Toolkit passes over what it does not know, and says nothing.
        kind => {
            let kind =
                kind.map_or_else(|| "it has no type".to_owned(), |kind| format!("there is no type {kind}"));
            Err((format!("{kind}, so nothing is sent; types are http, plugin and slack"), false))
        }
    }
}

fn bot(base: Option<String>, token: String, channel: String, as_plugin: bool) -> (To, String) {
    let base = base.unwrap_or_else(|| SLACK.to_owned());
    let url = format!("{}/chat.postMessage", base.trim_end_matches('/'));
    let shown = format!("Slack, {channel}");
    (To::Slack { url, token: Some(token), channel: Some(channel), as_plugin }, shown)
}

/// The host of a URL, without user and password.
fn host(url: &str) -> String {
    let rest = url.split_once("//").map_or(url, |(_, rest)| rest);
    let location = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let host = location.rsplit('@').next().unwrap_or_default();
    host.chars().take(80).collect()
}

impl Events {
    fn of(value: Option<&Value>) -> Events {
        match value {
            Some(Value::List(words)) if !words.is_empty() => Events::Only(words.iter().map(str_of).collect()),
            Some(Value::Text(text)) if !text.is_empty() => Events::Within(text.clone()),
            _ => Events::All,
        }
    }

    fn has(&self, name: Name) -> bool {
        match self {
            Events::All => true,
            Events::Only(words) => words.iter().any(|word| word == name.word()),
            Events::Within(text) => text.contains(name.word()),
        }
    }

    fn unknown(&self) -> impl Iterator<Item = &str> {
        let words = match self {
            Events::Only(words) => words.as_slice(),
            Events::All | Events::Within(_) => &[],
        };
        words.iter().map(String::as_str).filter(|word| !Name::ALL.iter().any(|name| name.word() == *word))
    }
}

impl Channel {
    /// What to call it in a message.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Whether the Toolkit has it too. Of such channels it only says at DEBUG that they failed.
    pub fn is_of_the_toolkit(&self) -> bool {
        match self.to {
            To::Http { .. } | To::Python { .. } => true,
            To::Slack { as_plugin, .. } => as_plugin,
        }
    }

    /// Whether a notice of this name needs a journal for it.
    pub fn wants_journal(&self) -> bool {
        let run_ended = [Name::RunCompleted, Name::RunFailed, Name::RunDeviated];
        matches!(self.to, To::Http { payload: true, .. } | To::Python { .. })
            && run_ended.iter().any(|name| self.events.has(*name))
    }

    /// Whether it hears of this name. Slack is read by people: unless they ask for it, they are not told that something began
    /// which ends at once, and ends well.
    fn wants(&self, name: Name) -> bool {
        let asked = self.events.has(name);
        match (&self.to, &self.events) {
            (To::Slack { as_plugin: false, .. }, Events::All) => {
                asked && (name.phase() == "run" || name.word().ends_with("-failed"))
            }
            _ => asked,
        }
    }

    /// What it is sent about this notice, if it wants to hear of it.
    pub fn message(&self, notice: &Notice<'_>) -> Option<Message> {
        if !self.wants(notice.name) {
            return None;
        }
        let json = |body: Object| Some(json::to_string(&Value::Object(body), &Style::LINE));
        let delivery = match &self.to {
            To::Python { module, func, settings } => {
                let (module, func) = (module.clone(), func.clone());
                let event = notice.body();
                return Some(Message::Plugin(Plugin { module, func, channel: settings.clone(), event }));
            }
            To::Http { url, headers, tls, payload } => Delivery {
                method: if *payload { "POST" } else { "GET" },
                url: url.clone(),
                headers: headers.clone(),
                body: payload.then(|| notice.body()),
                tls: tls.clone(),
                reads: Reads::Status,
            },
            To::Slack { url, token, channel, as_plugin } => {
                if !as_plugin && self.says_it_again(notice) {
                    return None;
                }
                let mut body = if *as_plugin { plugin::message(notice) } else { message::message(notice) };
                if let Some(channel) = channel {
                    body.insert("channel".to_owned(), channel.as_str().into());
                }
                let bearer =
                    token.as_ref().map(|token| ("Authorization".to_owned(), format!("Bearer {token}")));
                let kind = ("Content-Type".to_owned(), "application/json; charset=utf-8".to_owned());
                Delivery {
                    method: "POST",
                    url: url.clone(),
                    headers: bearer.into_iter().chain([kind]).collect(),
                    body: json(body),
                    tls: Tls::Usual,
                    reads: if token.is_some() { Reads::Api } else { Reads::Webhook },
                }
            }
        };
        Some(Message::Request(delivery))
    }

    /// Whether it is a Python module: those are told in turn, for they share an interpreter.
    pub fn is_python(&self) -> bool {
        matches!(self.to, To::Python { .. })
    }

    /// Of a run that deviated people get one message, not two.
    fn says_it_again(&self, notice: &Notice<'_>) -> bool {
        let deviated = matches!(notice.payload, Payload::Run(ran) if ran.summary.deviated);
        deviated && notice.name != Name::RunDeviated && self.events.has(Name::RunDeviated)
    }
}
