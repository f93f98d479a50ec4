//! An activity: what probes, actions, rollbacks and `probe` tolerances have in common.

use super::Checker;
use super::complaints::{Complaint, did_you_mean, member};
use super::rules::Rule;
use super::truthy;
use crate::python::str_of;
use crate::{Object, Value};

const KEYS: &[&str] = &[
    "type",
    "name",
    "provider",
    "tolerance",
    "background",
    "pauses",
    "timeout",
    "controls",
    "ref",
    "dry",
    "strict",
    "description",
];

const ELSEWHERE: &[(&str, &str)] = &[
    ("secrets", "`provider`"),
    ("module", "`provider`"),
    ("func", "`provider`"),
    ("arguments", "`provider`"),
    ("path", "`provider`"),
    ("url", "`provider`"),
    ("headers", "`provider`"),
    ("configuration", "the experiment itself"),
];

impl Checker<'_> {
    /// Checks an activity, but not what its `ref` points to.
    pub(super) fn activity(&mut self, path: &str, activity: &Value) {
        if !activity.is_truthy() {
            let empty = "empty activity is no activity";
            return self.say(Complaint::error(Rule::EmptyActivity, path, empty));
        }
        let Value::Object(activity) = activity else {
            return self.say(Complaint::wrong_type(path, "an object", activity));
        };
        match activity.get("ref") {
            None | Some(Value::Null) => self.own_activity(path, activity),
            Some(reference) => {
                if reference.as_text().is_none_or(str::is_empty) {
                    let message = "reference to activity must be non-empty strings";
                    self.say(Complaint::error(Rule::Ref, member(path, "ref"), message));
                }
                self.keys(path, activity, KEYS, ELSEWHERE);
                self.switch(path, activity, "strict");
                let why = "beside `ref`: those of the referenced activity hold";
                self.ignored(path, activity, &["provider", "pauses", "timeout", "dry"], why);
            }
        }
    }

    fn own_activity(&mut self, path: &str, activity: &Object) {
        self.keys(path, activity, KEYS, ELSEWHERE);
        self.switch(path, activity, "strict");
        self.activity_type(path, activity);
        match activity.get("name").filter(|name| name.is_truthy()) {
            Some(name @ (Value::List(_) | Value::Object(_))) => {
                let complaint = Complaint::wrong_type(&member(path, "name"), "text", name);
                // The Toolkit remembers the others by their names.
                let nameless = path.starts_with("rollbacks") || path.ends_with(".tolerance");
                self.say(if nameless { complaint.mild() } else { complaint });
            }
            Some(_) => {}
            // Nobody sees the name of a probe of the configuration.
            _ if path.starts_with("configuration.") => {}
            _ => self.say(Complaint::error(Rule::ActivityName, path, "an activity must have a name")),
        }
        let provider = self.provider_type(path, activity);
        self.switch(path, activity, "dry");
        self.timeout(path, activity.get("timeout"));
        self.pauses(&member(path, "pauses"), activity.get("pauses"));
        if let Some(background) = activity.get("background")
            && background.as_bool().is_none()
        {
            let message = "activity background must be a boolean";
            self.say(Complaint::error(Rule::Background, member(path, "background"), message));
        }
        if let Some((kind, provider)) = provider {
            self.provider(path, activity, kind, provider);
        }
    }

    fn activity_type(&mut self, path: &str, activity: &Object) {
        if !truthy(activity, "type") {
            return self.say(Complaint::error(Rule::ActivityType, path, "an activity must have a type"));
        }
        if let Some(kind) = activity.get("type")
            && !matches!(kind.as_text(), Some("probe" | "action"))
        {
            let kind = str_of(kind);
            let message = format!("'{kind}' is not a supported activity type");
            let help = did_you_mean(&kind, ["probe", "action"])
                .unwrap_or_else(|| "`probe` looks at the system, `action` changes it".to_owned());
            self.say(Complaint::error(Rule::ActivityType, member(path, "type"), message).help(help));
        }
    }

    /// The provider and its type, if both are there.
    fn provider_type<'v>(&mut self, path: &str, activity: &'v Object) -> Option<(&'v str, &'v Object)> {
        let provider = activity.get("provider").filter(|provider| provider.is_truthy());
        let Some(provider) = provider else {
            self.say(Complaint::error(Rule::ActivityProvider, path, "an activity requires a provider"));
            return None;
        };
        let path = member(path, "provider");
        let Value::Object(provider) = provider else {
            self.say(Complaint::wrong_type(&path, "an object", provider));
            return None;
        };
        match provider.get("type").filter(|kind| kind.is_truthy()) {
            None => self.say(Complaint::error(Rule::ProviderType, path, "a provider must have a type")),
            Some(Value::Text(kind)) if matches!(kind.as_str(), "python" | "process" | "http") => {
                return Some((kind, provider));
            }
            Some(kind) => {
                let kind = str_of(kind);
                let help = did_you_mean(&kind, ["python", "process", "http"])
                    .unwrap_or_else(|| "there are `python`, `process` and `http`".to_owned());
                let message = format!("unknown provider type '{kind}'");
                self.say(Complaint::error(Rule::ProviderType, member(&path, "type"), message).help(help));
            }
        }
        None
    }

    fn timeout(&mut self, path: &str, timeout: Option<&Value>) {
        let path = member(path, "timeout");
        match timeout {
            None | Some(Value::Null) => {}
            Some(Value::Bool(_) | Value::Int(_) | Value::Big(_) | Value::Float(_)) => {
                let message = "the timeout of an activity has no effect";
                let help = Some("a `timeout` inside `provider` has one, for `process` and `http`".to_owned());
                self.say(Complaint::hint(Rule::IgnoredKey, path, message).help(help).at_key());
            }
            Some(_) => {
                self.say(Complaint::error(Rule::Timeout, path, "activity timeout must be a number"));
            }
        }
    }

    fn pauses(&mut self, path: &str, pauses: Option<&Value>) {
        let pauses = match pauses {
            None => return,
            Some(Value::Object(pauses)) => pauses,
            Some(other) => {
                let complaint = Complaint::wrong_type(path, "an object with `before` and `after`", other);
                return self.say(if other.is_null() { complaint.mild() } else { complaint });
            }
        };
        self.keys(path, pauses, &["before", "after"], &[]);
        for side in ["before", "after"] {
            let Some(pause) = pauses.get(side) else { continue };
            let path = member(path, side);
            match pause {
                Value::Int(..0) => self.say(negative(path)),
                Value::Float(seconds) if *seconds < 0.0 => self.say(negative(path)),
                Value::Null | Value::Bool(_) | Value::Int(_) | Value::Big(_) | Value::Float(_) => {}
                Value::Text(text) if text.starts_with("${") && text.ends_with('}') => {
                    self.text_variables(&path, Some(pause));
                }
                Value::Text(_) => {
                    let must =
                        "must be a number or a pattern to a variable from the configuration or secrets";
                    let message = format!("activity {side} pause {must}");
                    self.say(Complaint::error(Rule::Pause, path, message));
                }
                other => self.say(Complaint::wrong_type(&path, "a number of seconds", other).mild()),
            }
        }
    }
}

fn negative(path: String) -> Complaint {
    Complaint::hint(Rule::Pause, path, "a pause cannot be negative: the run will be aborted here")
}
