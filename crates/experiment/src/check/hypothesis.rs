//! The hypothesis: its probes and their tolerances.

use super::Checker;
use super::complaints::{Complaint, did_you_mean, member};
use super::fit;
use super::nature::Returns;
use super::rules::Rule;
use crate::python::str_of;
use crate::{Object, Value, tolerance};

impl<'a> Checker<'a> {
    pub(super) fn hypothesis(&mut self, hypothesis: Option<&'a Value>) {
        const PATH: &str = "steady-state-hypothesis";
        let hypothesis = match hypothesis {
            None => return,
            Some(Value::Object(hypothesis)) => hypothesis,
            Some(other) => return self.say(Complaint::wrong_type(PATH, "an object", other)),
        };
        self.keys(PATH, hypothesis, &["title", "description", "probes", "controls"], &[]);
        match hypothesis.get("title").filter(|title| title.is_truthy()) {
            Some(title) => self.plain_text(&member(PATH, "title"), title),
            None => self.say(Complaint::error(Rule::Title, PATH, "hypothesis requires a title")),
        }
        match hypothesis.get("probes") {
            None => {}
            Some(Value::List(probes)) => {
                for (index, probe) in probes.iter().enumerate() {
                    self.probe(&super::item(&member(PATH, "probes"), index), probe);
                }
            }
            Some(other) => {
                self.say(Complaint::wrong_type(&member(PATH, "probes"), "a list of probes", other));
            }
        }
    }

    fn probe(&mut self, path: &str, probe: &Value) {
        self.activity(path, probe);
        self.dangling(path, probe);
        let whole = probe;
        let Some(probe) = probe.as_object().filter(|probe| !probe.is_empty()) else { return };
        match probe.get("tolerance") {
            Some(tolerance) => {
                let returns = self.nature(whole).map_or(Returns::Anything, |nature| nature.returns);
                self.tolerance(&member(path, "tolerance"), tolerance, returns);
            }
            None => {
                let message = "hypothesis probe must have a tolerance entry";
                self.say(Complaint::error(Rule::Tolerance, path, message));
            }
        }
    }

    fn tolerance(&mut self, path: &str, tolerance: &Value, returns: Returns) {
        match tolerance {
            Value::Text(_) => self.text_variables(path, Some(tolerance)),
            Value::Object(body) => self.tolerance_keys(path, body),
            _ => {}
        }
        if tolerance.get("type").and_then(Value::as_text) == Some("probe") {
            return self.activity(path, tolerance);
        }
        if let Some(message) = tolerance::complaint(tolerance) {
            let kind = tolerance.get("type").map(str_of).unwrap_or_default();
            // What the complaint is about, if it is there.
            let key = match kind.as_str() {
                "regex" => "pattern",
                "jsonpath" => "path",
                "range" => "range",
                _ => "type",
            };
            let at = if tolerance.get(key).is_some() { member(path, key) } else { path.to_owned() };
            let has_variable = |path: &Value| path.as_text().is_some_and(|path| path.contains("${"));
            let is_double = |path: &Value| path.as_text().is_some_and(|path| path.contains("=="));
            let help = if kind == "jsonpath" && tolerance.get("path").is_some_and(has_variable) {
                Some("a path is checked before `${…}` is filled in, so it can have none: compare with `expect`".to_owned())
            } else if kind == "jsonpath" && tolerance.get("path").is_some_and(is_double) {
                Some("values are compared with a single `=`".to_owned())
            } else {
                did_you_mean(&kind, ["probe", "regex", "jsonpath", "range"])
            };
            self.say(Complaint::error(Rule::Tolerance, at, message).help(help));
        } else if let Some(doubt) = fit::doubt(tolerance, returns) {
            let at = doubt.path(path);
            self.say(Complaint::hint(Rule::DoubtfulTolerance, at, doubt.message).help(doubt.help));
        }
    }

    fn tolerance_keys(&mut self, path: &str, tolerance: &Object) {
        let (known, filled): (&[&str], &[&str]) = match tolerance.get("type").and_then(Value::as_text) {
            Some("regex") => (&["type", "name", "target", "pattern"], &["pattern"]),
            Some("jsonpath") => (&["type", "name", "target", "path", "count", "expect"], &["expect"]),
            Some("range") => (&["type", "name", "target", "range"], &[]),
            _ => return,
        };
        self.keys(path, tolerance, known, &[]);
        for key in filled {
            self.deep_variables(&member(path, key), tolerance.get(*key));
        }
    }
}
