//! The lines of one activity, from its pause to what it came to.

use crate::line::Line;
use squall_experiment::event::{Ending, Side};
use squall_experiment::{Value, python};

/// The lines of an activity's beginning; `activity` is as declared. What is in the background only by a `ref`'s wish is not
/// called so, what is called so in the hypothesis is not in the background: the Toolkit's words follow the declaration.
pub(super) fn begun(activity: &Value, background: bool) -> Vec<Line> {
    let word = |key| activity.get(key).map_or_else(|| "None".to_owned(), python::str_of);
    let declared = activity.get("background").is_some_and(Value::is_truthy);
    let suffix = if declared { " [in background]" } else { "" };
    let mut lines = vec![Line::info(format!("{}: {}{suffix}", capitalised(&word("type")), word("name")))];
    if background {
        lines.push(Line::debug("activity will run in the background"));
    }
    lines
}

/// The lines of its end.
pub(super) fn ended(ending: &Ending) -> Vec<Line> {
    match ending {
        Ending::Succeeded { output: Value::Null } => {
            vec![Line::debug("  => succeeded without any result value")]
        }
        Ending::Succeeded { output } => {
            vec![Line::debug(format!("  => succeeded with '{}'", python::str_of(output)))]
        }
        Ending::Failed { message, blame: _, hint, traceback: _ } => {
            let mut lines = vec![Line::error(format!("  => failed: {message}"))];
            lines.extend(hint.iter().map(|hint| Line::debug(format!("  hint: {hint}"))));
            lines
        }
        Ending::Interrupted => vec![Line::debug("  => interrupted")],
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
