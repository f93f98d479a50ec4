//! Tags, extensions, configuration, secrets, deprecations and strategies.

use super::Checker;
use super::complaints::{Complaint, did_you_mean, member};
use super::rules::Rule;
use crate::resolve::{self, ResolveError};
use crate::{Object, Value};

/// The Toolkit's warning about process arguments that are an object.
const OBJECT_ARGUMENTS: &str = "Process arguments should now be a list to keep the ordering of the arguments. Dictionary arguments are deprecated for process activities.";
/// The Toolkit's warning about a Vault secret without a path.
const VAULT_KEY: &str = "Vault secrets must now specify the `path` property. The `key` property is now a key of a Vault secret rather than the actual path. For instance: {'my-key': {'type': 'vault', 'key': 'foo'}} now becomes: {'my-key': {'type': 'vault', 'path': 'foo'}}";

/// An old spelling that is still understood.
const MISSPELT: &str = "continously";
const HYPOTHESIS_STRATEGIES: &[&str] = &[
    "default",
    "before-method-only",
    "after-method-only",
    "during-method-only",
    "continuously",
    MISSPELT,
    "skip",
];
const ROLLBACK_STRATEGIES: &[&str] = &["default", "always", "never", "deviated"];

impl<'a> Checker<'a> {
    pub(super) fn tags(&mut self, tags: Option<&Value>) {
        let bad =
            |path: &str| Complaint::error(Rule::Tags, path, "experiment tags must be a non-empty string");
        match tags.filter(|tags| tags.is_truthy()) {
            None => {}
            Some(Value::List(tags)) => {
                for (index, tag) in tags.iter().enumerate() {
                    if tag.as_text().is_none_or(str::is_empty) {
                        self.say(bad(&super::item("tags", index)));
                    }
                }
            }
            Some(Value::Object(keys)) if keys.keys().any(String::is_empty) => self.say(bad("tags")),
            Some(other) => {
                let complaint = Complaint::wrong_type("tags", "a list of texts", other);
                // The Toolkit goes through the keys of an object, and through the letters of a text.
                let accepted = matches!(other, Value::Object(_) | Value::Text(_));
                self.say(if accepted { complaint.mild() } else { complaint });
            }
        }
    }

    pub(super) fn extensions(&mut self, extensions: Option<&Value>) {
        let Some(extensions) = extensions.filter(|extensions| extensions.is_truthy()) else { return };
        for (path, extension) in self.items("extensions", extensions, "a list of objects") {
            let Value::Object(extension) = extension else {
                self.say(Complaint::wrong_type(&path, "an object", extension));
                continue;
            };
            match extension.get("name").filter(|name| name.is_truthy()) {
                Some(Value::Text(name)) if !name.trim().is_empty() => {}
                None | Some(Value::Text(_)) => {
                    let message = "All extensions require a non-empty name";
                    self.say(Complaint::error(Rule::Extension, path, message));
                }
                Some(other) => self.say(Complaint::wrong_type(&member(&path, "name"), "text", other)),
            }
        }
    }

    pub(super) fn configuration(&mut self, declared: Option<&'a Value>) {
        let values = match declared {
            None => return,
            Some(Value::Object(values)) => values,
            Some(other) => return self.say(Complaint::wrong_type("configuration", "an object", other)),
        };
        let resolved = resolve::configuration(declared, &Object::default(), &|name| self.knowledge.env(name));
        for error in resolved.err().unwrap_or_default() {
            let (rule, help) = match &error {
                ResolveError::NoVariable { .. } => {
                    (Rule::Variable, Some("set it, or give the configuration a `default`".to_owned()))
                }
                _ => (Rule::Configuration, None),
            };
            self.say(Complaint::error(rule, error.path(), error.to_string()).help(help));
        }
        for (name, value) in values {
            let path = member("configuration", name);
            match value.get("type").and_then(Value::as_text) {
                Some("env") => {
                    let Value::Object(body) = value else { continue };
                    self.keys(&path, body, &["type", "key", "default", "env_var_type", "description"], &[]);
                }
                Some("probe") => {
                    // The Toolkit runs it unchecked, and leaves the name out if that does not work.
                    let before = self.said.only_hints(true);
                    self.activity(&path, value);
                    self.said.only_hints(before);
                }
                Some(kind) => self.odd_kind(&path, kind, &["env", "probe"]),
                None => {}
            }
        }
    }

    pub(super) fn secrets(&mut self, declared: Option<&'a Value>) {
        let targets = match declared {
            None => return,
            Some(Value::Object(targets)) => targets,
            Some(other) => return self.say(Complaint::wrong_type("secrets", "an object", other)),
        };
        match resolve::secrets(declared, &Object::default(), &|name| self.knowledge.env(name)) {
            Ok(secrets) => {
                for request in secrets.requests() {
                    let name = request.at.join(".");
                    let path = member("secrets", &name);
                    let path_of_secret = request.declaration.get("path");
                    if !path_of_secret.is_some_and(Value::is_truthy) {
                        let declaration = Value::Object(request.declaration.clone());
                        let shown = crate::python::str_of(&declaration);
                        let message = format!("Missing Vault secret path for '{shown}'");
                        self.say(Complaint::warning(Rule::Secret, path, message));
                    }
                }
            }
            Err(errors) => {
                for error in errors {
                    let rule = match &error {
                        ResolveError::NoSecretVariable { .. } => Rule::Variable,
                        _ => Rule::Secret,
                    };
                    self.say(Complaint::error(rule, error.path(), error.to_string()));
                }
            }
        }
        for (target, value) in targets {
            self.flat_secret(target, value, targets);
            self.secret_keys(&member("secrets", target), value);
        }
    }

    /// A secret from the environment that lies in no target: it resolves to a text, and the Toolkit breaks off at the first
    /// `${name}` that it looks for in it. Where nothing is filled in it does no harm.
    fn flat_secret(&mut self, name: &str, value: &Value, targets: &Object) {
        if value.get("type").and_then(Value::as_text) != Some("env") {
            return;
        }
        let configuration = self.document.get("configuration").and_then(Value::as_object);
        let is_found = |reference: &str| {
            configuration.is_some_and(|values| values.contains_key(reference))
                || targets.values().any(|target| {
                    target.get("type").and_then(Value::as_text) != Some("env")
                        && target.get(reference).is_some()
                })
        };
        let sought = super::variables::filled_in(self.document);
        let missed = sought.into_iter().find(|reference| !is_found(reference));
        let path = member("secrets", name);
        let help = format!("put it in a target: `secrets: {{TARGET: {{{name}: …}}}}`");
        let message = match missed {
            Some(missed) => {
                format!("the secret `{name}` lies in no target, so `${{{missed}}}` cannot be looked up")
            }
            None => format!("the secret `{name}` lies in no target, so no `${{{name}}}` finds it"),
        };
        let complaint = Complaint::error(Rule::Secret, path, message).help(help).at_key();
        self.say(if missed.is_some() { complaint } else { complaint.mild() });
    }

    fn secret_keys(&mut self, path: &str, secret: &Value) {
        let Value::Object(body) = secret else { return };
        match body.get("type").and_then(Value::as_text) {
            Some("env") => {
                let elsewhere = [
                    ("default", "the configuration: secrets have no default"),
                    ("env_var_type", "the configuration: secrets are always text"),
                ];
                self.keys(path, body, &["type", "key", "description"], &elsewhere);
            }
            Some("vault") => self.keys(path, body, &["type", "path", "key", "description"], &[]),
            kind => {
                if let Some(kind) = kind {
                    self.odd_kind(path, kind, &["env", "vault"]);
                }
                for (name, value) in body {
                    self.secret_keys(&member(path, name), value);
                }
            }
        }
    }

    /// A hint about a `type` that is nearly one of those that mean something.
    fn odd_kind(&mut self, path: &str, kind: &str, kinds: &[&str]) {
        if let Some(help) = did_you_mean(kind, kinds.iter().copied()) {
            let message = format!("the type '{kind}' means nothing, so this is an ordinary object");
            self.say(Complaint::hint(Rule::Kind, member(path, "type"), message).help(help));
        }
    }

    pub(super) fn deprecations(&mut self, experiment: &'a Object) {
        let probes =
            experiment.get("steady-state-hypothesis").and_then(|hypothesis| hypothesis.get("probes"));
        let mut warned = false;
        for (path, list) in [
            ("steady-state-hypothesis.probes", probes),
            ("method", experiment.get("method")),
            ("rollbacks", experiment.get("rollbacks")),
        ] {
            for (index, activity) in list.and_then(Value::as_list).unwrap_or_default().iter().enumerate() {
                let Some(Value::Object(provider)) = activity.get("provider") else { continue };
                let is_process = provider.get("type").and_then(Value::as_text) == Some("process");
                if is_process && matches!(provider.get("arguments"), Some(Value::Object(_))) {
                    let path = format!("{path}[{index}].provider.arguments");
                    let complaint = Complaint::warning(Rule::Deprecated, path, OBJECT_ARGUMENTS);
                    // The Toolkit says it once.
                    self.say(if warned { complaint.mild() } else { complaint });
                    warned = true;
                }
            }
        }
        let Some(Value::Object(targets)) = experiment.get("secrets") else { return };
        for (target, names) in targets {
            let path = member("secrets", target);
            let Value::Object(names) = names else {
                let complaint = Complaint::wrong_type(&path, "an object", names);
                let help = "secrets lie in targets: `secrets: {TARGET: {NAME: VALUE}}`".to_owned();
                self.say(complaint.help(help));
                continue;
            };
            for (name, value) in names {
                let is_vault = value.get("type").and_then(Value::as_text) == Some("vault");
                if is_vault && value.get("key").is_some() && value.get("path").is_none() {
                    self.say(Complaint::warning(Rule::Deprecated, member(&path, name), VAULT_KEY));
                }
            }
        }
    }

    fn fail_fast(&mut self, path: &str, body: &Object) {
        self.switch(path, body, "fail_fast");
        let Some(ratio) = body.get("fail_fast_ratio") else { return };
        let at = member(path, "fail_fast_ratio");
        let share = match ratio {
            Value::Null => return,
            Value::Int(share) => *share as f64,
            Value::Float(share) => *share,
            other => {
                let wrong = Complaint::wrong_type(&at, "a number from 0 to 1", other);
                return self.say(wrong.mild());
            }
        };
        if !(0.0..=1.0).contains(&share) {
            let message = "the share of checks that end the method is from 0 (the first) to 1 (all of them)";
            self.say(Complaint::hint(Rule::Strategy, at, message));
        }
    }

    pub(super) fn runtime(&mut self, runtime: Option<&Value>) {
        let runtime = match runtime.filter(|runtime| runtime.is_truthy()) {
            None => return,
            Some(Value::Object(runtime)) => runtime,
            Some(other) => return self.say(Complaint::wrong_type("runtime", "an object", other)),
        };
        self.keys("runtime", runtime, &["hypothesis", "rollbacks", "undo", "strict"], &[]);
        self.switch("runtime", runtime, "strict");
        if let Some(undo) = runtime.get("undo")
            && !matches!(undo, Value::Null)
            && !matches!(undo.as_text(), Some("auto" | "always"))
        {
            let message = format!("changes cannot be undone '{}'", crate::python::str_of(undo));
            let help = Some("there are auto, always".to_owned());
            self.say(Complaint::hint(Rule::Strategy, "runtime.undo", message).help(help));
        }
        for (section, strategies) in
            [("hypothesis", HYPOTHESIS_STRATEGIES), ("rollbacks", ROLLBACK_STRATEGIES)]
        {
            let path = member("runtime", section);
            let body = match runtime.get(section) {
                None => continue,
                Some(Value::Object(body)) => body,
                Some(other) => {
                    self.say(Complaint::wrong_type(&path, "an object", other));
                    continue;
                }
            };
            let known: &[&str] = match section {
                "hypothesis" => &["strategy", "fail_fast", "fail_fast_ratio"],
                _ => &["strategy"],
            };
            self.keys(&path, body, known, &[]);
            if section == "hypothesis" {
                self.fail_fast(&path, body);
            }
            let Some(strategy) = body.get("strategy") else { continue };
            if strategy.as_text().is_none_or(|strategy| !strategies.contains(&strategy)) {
                let strategy = crate::python::str_of(strategy);
                let message = format!("there is no {section} strategy '{strategy}'");
                let good = strategies.iter().copied().filter(|known| *known != MISSPELT);
                let help = did_you_mean(&strategy, good.clone())
                    .unwrap_or_else(|| format!("there are {}", good.collect::<Vec<_>>().join(", ")));
                let at = member(&path, "strategy");
                self.say(Complaint::hint(Rule::Strategy, at, message).help(help));
            }
        }
    }
    /// A hint about a mode that does not exist: everything is left out then.
    pub(super) fn dry(&mut self, dry: Option<&Value>) {
        let Some(dry) = dry.filter(|dry| !matches!(dry, Value::Null | Value::Bool(_))) else { return };
        if !matches!(dry.as_text(), Some("probes" | "actions" | "activities" | "pause")) {
            let what = if dry.is_truthy() { ": nothing is executed" } else { "" };
            let message = format!("there is no dry mode '{}'{what}", crate::python::str_of(dry));
            let help = Some("there are probes, actions, activities, pause".to_owned());
            self.say(Complaint::hint(Rule::Strategy, "dry", message).help(help));
        }
    }
}
