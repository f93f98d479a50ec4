//! Controls: of the experiment, of its hypothesis, of its activities.

use super::complaints::{Complaint, did_you_mean, item, kind, member};
use super::rules::Rule;
use super::{Checker, KnownControl};
use crate::python::str_of;
use crate::{Object, Value};

const NO_NAME: &str = "A control must have a `name` property";

impl<'a> Checker<'a> {
    /// Every control, in the Toolkit's order.
    pub(super) fn all_controls(&mut self, experiment: &'a Object) {
        let mut places: Vec<(String, &Value)> = Vec::new();
        if let Some(controls) = experiment.get("controls") {
            places.push(("controls".to_owned(), controls));
        }
        if let Some(hypothesis) = experiment.get("steady-state-hypothesis") {
            if let Some(controls) = hypothesis.get("controls") {
                places.push(("steady-state-hypothesis.controls".to_owned(), controls));
            }
            of_activities(&mut places, "steady-state-hypothesis.probes", hypothesis.get("probes"));
        }
        of_activities(&mut places, "method", experiment.get("method"));
        of_activities(&mut places, "rollbacks", experiment.get("rollbacks"));

        let mut controls = Vec::new();
        for (path, list) in places {
            match list {
                // The Toolkit takes its letters for controls.
                Value::Text(text) if !text.is_empty() => controls.push((path, list)),
                _ => controls.extend(self.items(&path, list, "a list of controls")),
            }
        }
        let declared: Vec<&str> = controls
            .iter()
            .filter(|(_, control)| control.get("ref").is_none())
            .filter_map(|(_, control)| control.get("name")?.as_text())
            .collect();
        for (path, control) in &controls {
            match control {
                Value::Object(control) => self.control(path, control, &declared),
                Value::Text(_) | Value::List(_) => {
                    let help = format!("expected an object, found {}", kind(control));
                    self.say(Complaint::error(Rule::Control, path, NO_NAME).help(help));
                }
                other => self.say(Complaint::wrong_type(path, "an object", other)),
            }
        }
    }

    fn control(&mut self, path: &str, control: &Object, declared: &[&str]) {
        self.keys(path, control, &["name", "provider", "scope", "automatic", "ref", "description"], &[]);
        if let Some(reference) = control.get("ref") {
            // The Toolkit asks for a name and a provider here too, so that no `ref` could ever pass.
            let name = str_of(reference);
            if !declared.contains(&name.as_str()) {
                let message = format!("Control reference '{name}' declaration cannot be found");
                let help = did_you_mean(&name, declared.iter().copied());
                self.say(Complaint::error(Rule::Control, member(path, "ref"), message).help(help));
            }
            return;
        }
        let Some(name) = control.get("name").map(str_of) else {
            return self.say(Complaint::error(Rule::Control, path, NO_NAME));
        };
        let provider = control.get("provider");
        if provider.is_none() {
            let message = format!("Control '{name}' must have a `provider` property");
            self.say(Complaint::error(Rule::Control, path, message));
        }
        if let Some(scope) = control.get("scope")
            && scope.is_truthy()
            && !matches!(scope.as_text(), Some("before" | "after"))
        {
            let message = format!("Control '{name}' scope property must be 'before' or 'after' only");
            let help = did_you_mean(&str_of(scope), ["before", "after"]);
            self.say(Complaint::error(Rule::Control, member(path, "scope"), message).help(help));
        }
        if let Some(automatic) = control.get("automatic")
            && automatic.as_bool().is_none()
        {
            self.say(Complaint::wrong_type(&member(path, "automatic"), "a boolean", automatic).mild());
        }
        match provider {
            None => {}
            Some(Value::Object(provider)) => {
                self.control_provider(&member(path, "provider"), &name, control, provider);
            }
            Some(other) => {
                self.say(Complaint::wrong_type(&member(path, "provider"), "an object", other));
            }
        }
    }

    fn control_provider(&mut self, path: &str, name: &str, control: &Object, provider: &Object) {
        self.keys(path, provider, &["type", "module", "arguments", "secrets"], &[]);
        let of = provider.get("type").map(str_of).unwrap_or_default();
        if of != "python" {
            let message = format!("a control whose provider is of type '{of}' does nothing");
            let help = "only `python` has an effect".to_owned();
            return self.say(Complaint::hint(Rule::Control, path, message).help(help));
        }
        self.deep_variables(&member(path, "arguments"), provider.get("arguments"));
        match provider.get("module").filter(|module| module.is_truthy()) {
            None => {
                let message = format!("Control '{name}' must have a module path");
                self.say(Complaint::error(Rule::Control, path, message));
            }
            Some(Value::Text(module)) => {
                self.control_module(path, name, module, control, provider);
            }
            Some(other) => self.say(Complaint::wrong_type(&member(path, "module"), "text", other)),
        }
    }

    fn control_module(&mut self, path: &str, name: &str, module: &str, control: &Object, provider: &Object) {
        let at = member(path, "module");
        match self.knowledge.control(module, control) {
            KnownControl::Foreign => {}
            KnownControl::NoModule(modules) => {
                let message = format!(
                    "Could not find Python module '{module}' in control '{name}'. Did you install the Python module? The experiment will carry on running nonetheless."
                );
                let help = help_for(module, &modules);
                self.say(Complaint::warning(Rule::ControlModule, at, message).help(help));
            }
            KnownControl::Refused(why) => self.say(Complaint::error(Rule::Control, path, why)),
            KnownControl::Signature(parameters) => match provider.get("arguments") {
                None | Some(Value::Null) => {
                    self.arguments(path, module, &Object::default(), &parameters, false)
                }
                Some(Value::Object(given)) => {
                    self.arguments(&member(path, "arguments"), module, given, &parameters, false);
                }
                Some(other) => {
                    self.say(Complaint::wrong_type(&member(path, "arguments"), "an object", other));
                }
            },
        }
    }
}

fn help_for(module: &str, modules: &[String]) -> String {
    did_you_mean(module, modules.iter().map(String::as_str)).unwrap_or_else(|| {
        let known = modules.iter().map(|module| format!("`{module}`")).collect::<Vec<_>>().join(", ");
        match known.is_empty() {
            true => "the run goes on without it".to_owned(),
            false => format!("built in are {known}; the run goes on without it"),
        }
    })
}

fn of_activities<'v>(places: &mut Vec<(String, &'v Value)>, path: &str, activities: Option<&'v Value>) {
    for (index, activity) in activities.and_then(Value::as_list).unwrap_or_default().iter().enumerate() {
        if let Some(controls) = activity.get("controls") {
            places.push((member(&item(path, index), "controls"), controls));
        }
    }
}
