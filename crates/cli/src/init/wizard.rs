//! The questions, and what an experiment becomes by their answers.
//!
//! Invariant: an answer that does not fit is asked for again; only the end of the input ends it.

use squall_experiment::json::{self, Style};
use squall_experiment::{Object, Value};
use std::io::{BufRead, Write};

/// The input ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ended;

pub(super) struct Wizard<I, O> {
    input: I,
    output: O,
}

impl<I: BufRead, O: Write> Wizard<I, O> {
    pub(super) fn new(input: I, output: O) -> Wizard<I, O> {
        Wizard { input, output }
    }

    /// The experiment. Without a discovery there is nothing to choose from, so it gets no method.
    pub(super) fn experiment(&mut self, discovered: Option<&[Value]>) -> Result<Object, Ended> {
        let mut experiment = Object::default();
        self.say(
            "You are about to create an experiment. It is written when the last question is answered.\n",
        );
        let title = self.text("Experiment's title")?;
        experiment.insert("title".to_owned(), title.into());
        experiment.insert("description".to_owned(), "N/A".into());
        experiment.insert("tags".to_owned(), Value::List(Vec::new()));
        self.say("\nA steady state hypothesis says how the system is when all is well.\n");
        if self.yes("Do you want to define a steady state hypothesis now?")? {
            let title = self.text("Hypothesis's title")?;
            let probes = self.choose(&of_type(discovered.unwrap_or_default(), "probe"), true)?;
            let hypothesis = [("title".to_owned(), title.into()), ("probes".to_owned(), Value::List(probes))];
            experiment.insert(
                "steady-state-hypothesis".to_owned(),
                Value::Object(hypothesis.into_iter().collect()),
            );
        }
        let Some(discovered) = discovered else { return Ok(experiment) };
        self.say("\nThe method changes the conditions in which the system works.\n");
        let method = match self.yes("Do you want to define an experimental method?")? {
            true => self.choose(&discovered.iter().collect::<Vec<_>>(), false)?,
            false => Vec::new(),
        };
        experiment.insert("method".to_owned(), Value::List(method));
        self.say("\nRollbacks put back what the method changed.\n");
        if self.yes("Do you want to add some rollbacks now?")? {
            let rollbacks = self.choose(&of_type(discovered, "action"), false)?;
            experiment.insert("rollbacks".to_owned(), Value::List(rollbacks));
        }
        Ok(experiment)
    }

    /// Activities out of these, each with its arguments.
    fn choose(&mut self, from: &[&Value], with_tolerance: bool) -> Result<Vec<Value>, Ended> {
        let mut chosen = Vec::new();
        if from.is_empty() {
            return Ok(chosen);
        }
        loop {
            for (index, activity) in from.iter().enumerate() {
                let (name, module) = (member(activity, "name"), member(activity, "mod"));
                self.say(&format!("{}) {name} ({module})\n", index + 1));
            }
            let number = self.answer("Which one? (0 to leave)", |text| {
                text.parse()
                    .ok()
                    .filter(|number: &usize| *number <= from.len())
                    .ok_or("that is no number of the list")
            })?;
            let Some(activity) = number.checked_sub(1).and_then(|index| from.get(index)) else {
                return Ok(chosen);
            };
            if let Some(doc) = activity.get("doc").and_then(Value::as_text) {
                self.say(&format!("{doc}\n"));
            }
            if self.yes("Do you want to use it?")? {
                chosen.push(self.activity(activity, with_tolerance)?);
                if !self.yes("Do you want another one?")? {
                    return Ok(chosen);
                }
            }
        }
    }

    fn activity(&mut self, discovered: &Value, with_tolerance: bool) -> Result<Value, Ended> {
        let tolerance = match with_tolerance {
            true => Some(self.text("What is the tolerance for this probe?")?),
            false => None,
        };
        let mut arguments = Object::default();
        for argument in discovered.get("arguments").and_then(Value::as_list).into_iter().flatten() {
            let name = member(argument, "name");
            if !matches!(name.as_str(), "secrets" | "configuration") {
                let value = self.argument(&name, argument)?;
                arguments.insert(name, value);
            }
        }
        let text = |key: &str| Value::from(member(discovered, key));
        let provider = [
            ("type", "python".into()),
            ("module", text("mod")),
            ("func", text("name")),
            ("arguments", Value::Object(arguments)),
        ];
        let provider =
            Value::Object(provider.map(|(key, value)| (key.to_owned(), value)).into_iter().collect());
        let activity = [("type", text("type")), ("name", text("name")), ("provider", provider)];
        let mut activity: Object = activity.map(|(key, value)| (key.to_owned(), value)).into_iter().collect();
        activity.extend(tolerance.map(|tolerance| ("tolerance".to_owned(), tolerance.into())));
        Ok(Value::Object(activity))
    }

    /// The value of an argument: of its type, or its default.
    fn argument(&mut self, name: &str, declared: &Value) -> Result<Value, Ended> {
        let kind = member(declared, "type");
        let default = declared.get("default");
        let shown = default.map(|value| match value {
            // As what one would type: text has no quotes, and null is nothing.
            Value::Null => " []".to_owned(),
            Value::Text(text) => format!(" [{text}]"),
            value => format!(" [{}]", json::to_string(value, &Style::LINE)),
        });
        let question = format!("Argument's value for '{name}'{}", shown.unwrap_or_default());
        self.answer(&question, |text| match (text, default) {
            ("", Some(default)) => Ok(default.clone()),
            ("", None) => Err("it has no default"),
            (text, _) => typed(&kind, text),
        })
    }

    /// An answer that is not empty.
    fn text(&mut self, question: &str) -> Result<String, Ended> {
        self.answer(
            question,
            |text| if text.is_empty() { Err("it cannot be empty") } else { Ok(text.to_owned()) },
        )
    }

    fn yes(&mut self, question: &str) -> Result<bool, Ended> {
        self.answer(&format!("{question} [y/N]"), |text| match text.to_ascii_lowercase().as_str() {
            "y" | "yes" => Ok(true),
            "" | "n" | "no" => Ok(false),
            _ => Err("answer y or n"),
        })
    }

    /// Asks until an answer fits.
    fn answer<T>(
        &mut self,
        question: &str,
        read: impl Fn(&str) -> Result<T, &'static str>,
    ) -> Result<T, Ended> {
        loop {
            self.say(&format!("{question}: "));
            let mut line = String::new();
            match self.input.read_line(&mut line) {
                Ok(length) if length > 0 => match read(line.trim()) {
                    Ok(value) => return Ok(value),
                    Err(why) => self.say(&format!("Error: {why}\n")),
                },
                Ok(_) | Err(_) => {
                    self.say("\n");
                    return Err(Ended);
                }
            }
        }
    }

    fn say(&mut self, text: &str) {
        // Answers may come from a file while nobody reads the questions.
        let _ = self.output.write_all(text.as_bytes()).and_then(|()| self.output.flush());
    }
}

/// What somebody typed for an argument of this type.
fn typed(kind: &str, text: &str) -> Result<Value, &'static str> {
    let json = || json::value(text);
    match kind {
        "integer" => match json() {
            Ok(value @ (Value::Int(_) | Value::Big(_))) => Ok(value),
            _ => Err("that is no integer"),
        },
        "number" => match json() {
            Ok(value @ (Value::Int(_) | Value::Big(_) | Value::Float(_))) => Ok(value),
            _ => Err("that is no number"),
        },
        "boolean" => match text.to_ascii_lowercase().as_str() {
            "true" | "t" | "1" | "yes" | "y" | "on" => Ok(Value::Bool(true)),
            "false" | "f" | "0" | "no" | "n" | "off" => Ok(Value::Bool(false)),
            _ => Err("that is neither true nor false"),
        },
        "list" | "tuple" | "set" => {
            json().ok().filter(|it| it.as_list().is_some()).ok_or("that is no list in JSON")
        }
        "mapping" => json().ok().filter(|it| it.as_object().is_some()).ok_or("that is no object in JSON"),
        _ => Ok(text.into()),
    }
}

fn of_type<'a>(activities: &'a [Value], kind: &str) -> Vec<&'a Value> {
    activities.iter().filter(|activity| member(activity, "type") == kind).collect()
}

fn member(of: &Value, key: &str) -> String {
    of.get(key).and_then(Value::as_text).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use expect_test::expect;

    const ACTIVITIES: &str = r#"[{"type": "action", "name": "cut", "mod": "acme.net", "doc": "Cuts.", "arguments": [
            {"name": "port", "type": "integer"}, {"name": "hard", "type": "boolean", "default": false},
            {"name": "to", "type": "list", "default": null}, {"name": "secrets", "type": "mapping"}]},
        {"type": "probe", "name": "look", "mod": "acme.net", "arguments": []}]"#;

    fn written(answers: &str) -> String {
        let activities = json::value(ACTIVITIES).unwrap();
        let mut said = Vec::new();
        match Wizard::new(answers.as_bytes(), &mut said).experiment(activities.as_list()) {
            Ok(experiment) => json::to_string(&Value::Object(experiment), &Style::LINE),
            Err(Ended) => String::from_utf8(said).unwrap().lines().last().unwrap().to_owned(),
        }
    }

    #[test]
    fn answers_that_do_not_fit_are_asked_for_again() {
        let answers =
            "\nt\nmaybe\nyes\nsteady\n2\n1\ny\n\n200\nn\ny\n9\n1\nn\n1\ny\nmany\n80\n\n{}\n[1]\nn\ny\n0\n";
        expect![[r#"{"title": "t", "description": "N/A", "tags": [], "steady-state-hypothesis": {"title": "steady", "probes": [{"type": "probe", "name": "look", "provider": {"type": "python", "module": "acme.net", "func": "look", "arguments": {}}, "tolerance": "200"}]}, "method": [{"type": "action", "name": "cut", "provider": {"type": "python", "module": "acme.net", "func": "cut", "arguments": {"port": 80, "hard": false, "to": [1]}}}], "rollbacks": []}"#]]
        .assert_eq(&written(answers));
    }

    #[test]
    fn input_that_ends_early_ends_it() {
        for (answers, asked) in [
            ("", "Experiment's title: "),
            ("t\n", "Do you want to define a steady state hypothesis now? [y/N]: "),
            ("t\nn\ny\n1\ny\n", "Argument's value for 'port': "),
        ] {
            assert!(written(answers).ends_with(asked), "{}", written(answers));
        }
    }
}
