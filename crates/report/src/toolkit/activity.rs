//! The lines of one activity, from its pause to what it came to.

use crate::line::Line;
use squall_experiment::event::{Ending, Side};
use squall_experiment::{Value, python};

/// What has to be remembered of an activity until it ends.
#[derive(Debug)]
pub(super) struct Running {
    /// `process`, `http`, `python`, or what the experiment says.
    provider: Option<String>,
    /// Whether somebody judges the output: then a bad status is no surprise.
    judged: bool,
}

impl Running {
    pub(super) fn begin(activity: &Value, background: bool) -> (Running, Vec<Line>) {
        let word = |key| activity.get(key).map(python::str_of).unwrap_or_else(|| "None".to_owned());
        let suffix = if background { " [in background]" } else { "" };
        let text = format!("{}: {}{suffix}", capitalised(&word("type")), word("name"));
        let mut lines = vec![Line::info(text)];
        if background {
            lines.push(Line::debug("activity will run in the background"));
        }
        let provider = activity.get("provider");
        let running = Running {
            provider: provider.and_then(|p| p.get("type")).and_then(Value::as_text).map(str::to_owned),
            judged: activity.get("tolerance").is_some(),
        };
        (running, lines)
    }

    pub(super) fn end(self, ending: &Ending) -> Vec<Line> {
        match ending {
            Ending::Succeeded { output } => {
                let mut lines: Vec<Line> = self.surprise(output).into_iter().collect();
                lines.push(Line::debug(match output {
                    Value::Null => "  => succeeded without any result value".to_owned(),
                    output => format!("  => succeeded with '{}'", python::str_of(output)),
                }));
                lines
            }
            Ending::Failed { message, blame: _, hint } => {
                let mut lines = vec![Line::error(format!("  => failed: {message}"))];
                lines.extend(hint.iter().map(|hint| Line::debug(format!("  hint: {hint}"))));
                lines
            }
            Ending::Interrupted => vec![Line::debug("  => interrupted")],
        }
    }

    /// The warning about an output that nobody judges.
    fn surprise(&self, output: &Value) -> Option<Line> {
        let status = match output.get("status") {
            Some(Value::Int(status)) if !self.judged => *status,
            _ => return None,
        };
        let what = match self.provider.as_deref() {
            Some("http") if status >= 400 => {
                "This HTTP call returned a response with a HTTP status code above 400."
            }
            Some("process") if status > 0 => "This process returned a non-zero exit code.",
            _ => return None,
        };
        Some(Line::warning(format!(
            "{what} This may indicate some error and not what you expected. Please have a look at the logs."
        )))
    }
}

/// A pause of a length that is shown as the experiment gave it.
pub(super) fn pause(side: Side, shown: &str) -> Vec<Line> {
    vec![Line::info(match side {
        Side::Before => format!("Pausing before next activity for {shown}s..."),
        Side::After => format!("Pausing after activity for {shown}s..."),
    })]
}

/// As Python's `str.title()` for a single word.
fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
