//! What each type of provider asks for.

use super::Known;
use super::complaints::{Complaint, did_you_mean, kind, member};
use super::rules::Rule;
use super::{Checker, Parameter, truthy};
use crate::python::str_of;
use crate::{Object, Value};

const PYTHON: &[&str] = &["type", "module", "func", "arguments", "secrets"];
const PROCESS: &[&str] = &["type", "path", "arguments", "timeout", "secrets"];
const HTTP: &[&str] = &[
    "type",
    "url",
    "method",
    "headers",
    "arguments",
    "timeout",
    "verify_tls",
    "max_retries",
    "keep_alive",
    "secrets",
];
const ELSEWHERE: &[(&str, &str)] = &[
    ("tolerance", "the probe, beside `provider`"),
    ("pauses", "the activity, beside `provider`"),
    ("background", "the activity, beside `provider`"),
    ("controls", "the activity, beside `provider`"),
];

impl Checker<'_> {
    /// Checks the provider of an activity; `kind` is one of the three.
    pub(super) fn provider(&mut self, path: &str, activity: &Object, kind: &str, provider: &Object) {
        let at = member(path, "provider");
        match kind {
            "python" => {
                self.keys(&at, provider, PYTHON, ELSEWHERE);
                self.python(&at, activity, provider);
            }
            "process" => {
                self.keys(&at, provider, PROCESS, ELSEWHERE);
                self.process(&at, activity, provider);
            }
            _ => {
                self.keys(&at, provider, HTTP, ELSEWHERE);
                self.http(&at, provider);
            }
        }
        self.provider_secrets(&member(&at, "secrets"), provider.get("secrets"));
    }

    fn python(&mut self, path: &str, activity: &Object, provider: &Object) {
        if !truthy(provider, "module") {
            let message = "a Python activity must have a module path";
            self.say(Complaint::error(Rule::PythonModule, path, message));
        }
        if !truthy(provider, "func") {
            let message = "a Python activity must have a function name";
            self.say(Complaint::error(Rule::PythonFunction, path, message));
        }
        let arguments = provider.get("arguments");
        self.deep_variables(&member(path, "arguments"), arguments);
        let (Some(module), Some(func)) = (provider.get("module"), provider.get("func")) else { return };
        if !module.is_truthy() || !func.is_truthy() {
            return;
        }
        let Value::Text(module) = module else {
            return self.say(Complaint::wrong_type(&member(path, "module"), "text", module));
        };
        let func = str_of(func);
        match self.knowledge.function(module, &func) {
            Known::NoModule(modules) => {
                let name = activity.get("name").map(str_of).unwrap_or_default();
                let message = format!("could not find Python module '{module}' in activity '{name}'");
                let help = help_for_module(module, &modules);
                self.say(Complaint::error(Rule::PythonModule, member(path, "module"), message).help(help));
            }
            Known::NoFunction(functions) => {
                let name = activity.get("name").map(str_of).unwrap_or_default();
                let of = activity.get("type").map(str_of).unwrap_or_default();
                let message = format!(
                    "The python module '{module}' does not expose a function called '{func}' in {of} '{name}'"
                );
                let help = did_you_mean(&func, functions.iter().map(String::as_str))
                    .or_else(|| Some(format!("`{module}` has {} here", listed(&functions))));
                self.say(Complaint::error(Rule::PythonFunction, member(path, "func"), message).help(help));
            }
            Known::Unimportable { modules, why } => {
                let name = activity.get("name").map(str_of).unwrap_or_default();
                let message = format!("could not find Python module '{module}' in activity '{name}'");
                let complaint = Complaint::error(Rule::PythonModule, member(path, "module"), message);
                let near = modules.iter().find(|known| is_slip(module, known));
                self.say(complaint.help(Some(near.map_or(why, |near| format!("did you mean `{near}`?")))));
            }
            Known::Uncallable(why) => {
                let message =
                    format!("function '{func}' of Python module '{module}' cannot be called by name: {why}");
                self.say(Complaint::error(Rule::PythonFunction, member(path, "func"), message));
            }
            Known::Signature(parameters) => self.given(path, &func, arguments, &parameters, false),
            Known::Open(parameters) => self.given(path, &func, arguments, &parameters, true),
        }
    }

    fn given(
        &mut self,
        path: &str,
        func: &str,
        arguments: Option<&Value>,
        parameters: &[Parameter],
        open: bool,
    ) {
        match arguments {
            None => self.arguments(path, func, &Object::default(), parameters, open),
            Some(Value::Object(given)) => {
                self.arguments(&member(path, "arguments"), func, given, parameters, open);
            }
            Some(other) => {
                self.say(Complaint::wrong_type(&member(path, "arguments"), "an object", other));
            }
        }
    }

    fn process(&mut self, path: &str, activity: &Object, provider: &Object) {
        let at = member(path, "path");
        match provider.get("path").filter(|program| program.is_truthy()) {
            None => {
                self.say(Complaint::error(Rule::ProcessPath, path, "a process activity must have a path"));
            }
            Some(Value::Text(program)) => {
                if !self.knowledge.program(program) {
                    let name = activity.get("name").map(str_of).unwrap_or_default();
                    let message = format!("path '{program}' cannot be found, in activity '{name}'");
                    let help = help_for_program(program);
                    self.say(Complaint::error(Rule::ProcessPath, at, message).help(help));
                }
            }
            Some(other) => self.say(Complaint::wrong_type(&at, "text", other)),
        }
        let at = member(path, "arguments");
        let arguments = provider.get("arguments");
        match arguments {
            None | Some(Value::Null | Value::Text(_) | Value::List(_) | Value::Object(_)) => {}
            Some(other) => {
                let expected = "a list, or one text for the shell";
                self.say(Complaint::wrong_type(&at, expected, other).mild());
            }
        }
        let program = provider.get("path").and_then(Value::as_text).unwrap_or_default();
        self.process_variables(&at, program, arguments);
        self.seconds(&member(path, "timeout"), provider.get("timeout"));
    }

    fn http(&mut self, path: &str, provider: &Object) {
        match provider.get("url").filter(|url| url.is_truthy()) {
            None => self.say(Complaint::error(Rule::HttpUrl, path, "a HTTP activity must have a URL")),
            Some(Value::Text(url)) => self.scheme(&member(path, "url"), url),
            Some(other) => {
                self.say(Complaint::wrong_type(&member(path, "url"), "text", other).mild());
            }
        }
        self.text_variables(&member(path, "url"), provider.get("url"));
        let at = member(path, "headers");
        match provider.get("headers") {
            Some(Value::Object(headers)) => self.headers(&at, headers),
            Some(other) if other.is_truthy() => {
                let message = "a HTTP activities expect headers as a mapping";
                let help = format!("expected an object, found {}", kind(other));
                self.say(Complaint::error(Rule::HttpHeaders, &at, message).help(help));
            }
            _ => {}
        }
        self.deep_variables(&at, provider.get("headers"));
        self.deep_variables(&member(path, "arguments"), provider.get("arguments"));
        self.http_method(&member(path, "method"), provider.get("method"));
        self.json_body(path, provider);
        let at = member(path, "timeout");
        match provider.get("timeout") {
            Some(timeout @ Value::Text(_)) if is_pattern(timeout) => self.text_variables(&at, Some(timeout)),
            Some(Value::List(pair)) if pair.len() == 2 => {
                for (index, seconds) in pair.iter().enumerate() {
                    self.seconds(&super::item(&at, index), Some(seconds));
                }
            }
            Some(Value::List(_)) => {
                let message = format!("{at}: expected two numbers of seconds, to connect and to read");
                self.say(Complaint::hint(Rule::WrongType, at, message));
            }
            timeout => self.seconds(&at, timeout),
        }
        match provider.get("keep_alive") {
            keep @ Some(pattern) if is_pattern(pattern) => {
                self.text_variables(&member(path, "keep_alive"), keep);
            }
            _ => self.switch(path, provider, "keep_alive"),
        }
    }

    /// A hint about a URL that no request can be made to, which ends the run when its turn comes.
    fn scheme(&mut self, path: &str, url: &str) {
        let start = url.trim_start().to_ascii_lowercase();
        if !["http://", "https://", "$"].iter().any(|scheme| start.starts_with(scheme)) {
            let message = "the URL begins with neither `http://` nor `https://`, so no request can be made";
            let help =
                (!start.contains("://")).then(|| format!("did you mean `http://{}`?", url.trim_start()));
            self.say(Complaint::hint(Rule::CannotWork, path, message).help(help));
        }
    }

    fn http_method(&mut self, path: &str, method: Option<&Value>) {
        const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
        match method {
            None => {}
            // Any word is sent; one that is nearly a usual one is a slip.
            Some(Value::Text(method)) => {
                let method = method.to_uppercase();
                if !METHODS.contains(&method.as_str())
                    && let Some(help) = did_you_mean(&method, METHODS)
                {
                    let message = format!("`{method}` is no usual method of HTTP");
                    self.say(Complaint::hint(Rule::HttpMethod, path, message).help(help));
                }
            }
            Some(other) => self.say(Complaint::wrong_type(path, "text", other).mild()),
        }
    }

    /// A hint about a body that is announced as JSON and sent as a form, because the header is not spelt exactly as it has to be.
    fn json_body(&mut self, path: &str, provider: &Object) {
        const EXACT: (&str, &str) = ("Content-Type", "application/json");
        let gets = provider.get("method").is_none_or(|method| str_of(method).eq_ignore_ascii_case("GET"));
        let sends = matches!(provider.get("arguments"), Some(Value::Object(fields)) if !fields.is_empty());
        let Some(Value::Object(headers)) = provider.get("headers").filter(|_| sends && !gets) else { return };
        let announced = headers.iter().find(|(name, value)| {
            let is_json = |value: &str| value.trim_start().to_lowercase().starts_with(EXACT.1);
            name.eq_ignore_ascii_case(EXACT.0) && value.as_text().is_some_and(is_json)
        });
        if let Some((name, value)) = announced
            && (name.as_str(), value.as_text()) != (EXACT.0, Some(EXACT.1))
        {
            let message = "the arguments are sent as a form, not as JSON";
            let help = format!("JSON is sent with exactly the header `{}: {}`", EXACT.0, EXACT.1);
            let at = member(&member(path, "headers"), name);
            self.say(Complaint::hint(Rule::JsonBody, at, message).help(help));
        }
    }

    fn headers(&mut self, path: &str, headers: &Object) {
        for (name, value) in headers {
            if !matches!(value, Value::Text(_) | Value::Null | Value::Bytes(_)) {
                let complaint = Complaint::wrong_type(&member(path, name), "text", value).mild();
                self.say(
                    complaint.help(Some("put it in quotes: as it is, no request can be made".to_owned())),
                );
            }
            let filled_in = value.as_text().and_then(|text| self.configured(text));
            if let Some((configured, found)) = filled_in {
                let message = format!(
                    "a header is text, and the configuration `{configured}` is {found}, so no request can be made"
                );
                let help = "put quotes around the value in the configuration".to_owned();
                self.say(Complaint::hint(Rule::CannotWork, member(path, name), message).help(help));
            }
        }
    }

    /// Of a text that is one `${name}` as a whole: the name, and the kind of its value, if the configuration declares one that
    /// is no text.
    fn configured<'t>(&self, text: &'t str) -> Option<(&'t str, &'static str)> {
        let name = text.strip_prefix("${")?.strip_suffix('}')?;
        let value = self.document.get("configuration")?.get(name)?;
        let is_plain = matches!(value, Value::Bool(_) | Value::Int(_) | Value::Big(_) | Value::Float(_));
        is_plain.then(|| (name, kind(value)))
    }

    fn seconds(&mut self, path: &str, timeout: Option<&Value>) {
        match timeout {
            None | Some(Value::Null | Value::Bool(_) | Value::Int(_) | Value::Big(_) | Value::Float(_)) => {}
            Some(other) => {
                self.say(Complaint::wrong_type(path, "a number of seconds", other).mild());
            }
        }
    }

    fn provider_secrets(&mut self, path: &str, secrets: Option<&Value>) {
        let targets = match secrets {
            None | Some(Value::Null) => return,
            Some(Value::List(targets)) => targets,
            Some(other) => {
                let expected = "a list of names of secrets";
                return self.say(Complaint::wrong_type(path, expected, other).mild());
            }
        };
        let declared = self.document.get("secrets").and_then(Value::as_object);
        for (index, target) in targets.iter().enumerate() {
            let path = super::item(path, index);
            let Some(name) = target.as_text() else {
                self.say(Complaint::wrong_type(&path, "the name of a secret", target).mild());
                continue;
            };
            if declared.is_none_or(|declared| !declared.contains_key(name)) {
                let message = format!("the experiment declares no secrets named `{name}`");
                let names = declared.into_iter().flat_map(Object::keys).map(String::as_str);
                let help = did_you_mean(name, names);
                self.say(Complaint::hint(Rule::UnknownSecret, path, message).help(help));
            }
        }
    }
}

/// Whether the whole text is one pattern.
fn is_pattern(value: &Value) -> bool {
    value.as_text().is_some_and(|text| text.contains('$'))
}

/// Packages of the Toolkit's published extensions. What they have and we do not is no mistake of the author.
const EXTENSIONS: &[&str] = &[
    "chaosaddons",
    "chaosaws",
    "chaosazure",
    "chaoscf",
    "chaosdatadog",
    "chaosdynatrace",
    "chaosgandi",
    "chaosgcp",
    "chaosgrafana",
    "chaosgremlin",
    "chaoshumio",
    "chaosistio",
    "chaosk8s",
    "chaosprometheus",
    "chaosreliably",
    "chaosslack",
    "chaosspring",
    "chaostoxi",
    "chaoswm",
];

fn help_for_module(module: &str, modules: &[String]) -> String {
    if let Some(near) = modules.iter().find(|known| is_slip(module, known)) {
        return format!("did you mean `{near}`?");
    }
    let package = module.split('.').next().unwrap_or(module);
    if EXTENSIONS.contains(&package) {
        return "neither built in nor installed for the Python that was found; `chaos info extensions` lists what is".to_owned();
    }
    let same: Vec<String> =
        modules.iter().filter(|known| known.split('.').next() == Some(package)).cloned().collect();
    if same.is_empty() {
        "neither built in nor installed for the Python that was found: `pip install` its package there, or name another with `--python`"
            .to_owned()
    } else {
        format!("of `{package}` this version has {}", listed(&same))
    }
}

/// Whether a module's name is another's with a slip in one of its parts: other parts are other modules, however near.
fn is_slip(written: &str, known: &str) -> bool {
    let same_parts = written.split('.').count() == known.split('.').count();
    let mut different = written.split('.').zip(known.split('.')).filter(|(written, known)| written != known);
    match (different.next(), different.next()) {
        (Some((written, known)), None) if same_parts => {
            written.eq_ignore_ascii_case(known)
                || strsim::damerau_levenshtein(written, known) <= known.chars().count().div_ceil(4)
        }
        _ => false,
    }
}

/// Some names, for a sentence.
fn listed(names: &[String]) -> String {
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn help_for_program(program: &str) -> String {
    if program.contains("${") {
        "`${…}` is not filled in here: name the program itself, or let a shell do it (`path: sh`)".to_owned()
    } else if program.starts_with('~') {
        "`~` is not expanded when an experiment is validated: write the whole path".to_owned()
    } else if program.contains('/') {
        "there is no such file from here, or it may not be executed".to_owned()
    } else if program.contains(char::is_whitespace) {
        "`path` is the program alone: move what follows to `arguments`".to_owned()
    } else {
        "it is in no folder of PATH".to_owned()
    }
}
