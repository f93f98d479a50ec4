//! Regular expressions as Python's `re` reads them, near enough: look-around and back references work.

use fancy_regex::Regex;
use squall_engine::Failure;

/// Compiles a pattern; a bad one fails as in Python, where the class is `re.error`.
pub(crate) fn compile(pattern: &str) -> Result<Regex, Failure> {
    Regex::new(pattern).map_err(|error| {
        let what = unclosed(pattern).map_or_else(
            || error.to_string(),
            |at| format!("missing ), unterminated subpattern at position {at}"),
        );
        Failure::experiment(what).class("re.error")
    })
}

/// Where the group opens that is never closed, counted in characters as Python does.
fn unclosed(pattern: &str) -> Option<usize> {
    let mut open = Vec::new();
    let mut class = false;
    let mut characters = pattern.chars().enumerate();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => {
                characters.next();
            }
            '[' => class = true,
            ']' => class = false,
            '(' if !class => open.push(at),
            ')' if !class => {
                open.pop()?;
            }
            _ => {}
        }
    }
    open.pop()
}
