//! What the command line says when it is not run: help, version, and usage errors in the Toolkit's words.
//!
//! Invariant: help that was asked for goes to stdout and ends with 0; a usage error goes to stderr in four lines (usage, where
//! help is, a blank, the error) and ends with 2, as scripts around the Toolkit expect it.

use crate::exit;
use clap::CommandFactory as _;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::error::Error as _;
use std::io::{self, IsTerminal as _, Write as _};

/// What to print, and where; the process then ends.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Told {
    text: String,
    code: u8,
    /// What to do about it; only a person is told, for scripts read the four lines.
    advice: Option<String>,
    /// The word that is none of our commands.
    unknown: Option<String>,
}

impl Told {
    /// The word that is none of our commands, if that is what is wrong.
    pub(crate) fn unknown_command(&self) -> Option<&str> {
        self.unknown.as_deref()
    }

    /// What is printed.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Prints it and gives the exit code. A reader that went away (`chaos --help | head`) is not an error.
    pub(crate) fn print(&self) -> u8 {
        let _ = match self.code {
            exit::FINE => io::stdout().write_all(self.text.as_bytes()),
            _ => io::stderr().write_all(self.text.as_bytes()),
        };
        if let Some(advice) = self.advice.as_ref().filter(|_| io::stderr().is_terminal()) {
            let _ = writeln!(io::stderr(), "Hint: {advice}");
        }
        self.code
    }
}

/// A usage error.
pub(crate) fn wrong(command: &clap::Command, message: &str) -> Told {
    let path = command.get_bin_name().unwrap_or(command.get_name()).to_owned();
    let usage = command.clone().render_usage().to_string();
    let text = format!("{usage}\nTry '{path} --help' for help.\n\nError: {message}\n");
    Told { text, code: exit::USAGE, advice: None, unknown: None }
}

/// No command was given: the help, on stderr.
pub(crate) fn help_on_stderr(mut command: clap::Command) -> Told {
    Told { text: command.render_help().to_string(), code: exit::USAGE, advice: None, unknown: None }
}

/// What clap found, in our words.
pub(super) fn told(error: clap::Error, command: &mut clap::Command) -> Told {
    match error.kind() {
        ErrorKind::DisplayHelp => {
            Told { text: styled(&error), code: exit::FINE, advice: None, unknown: None }
        }
        ErrorKind::DisplayVersion => {
            let text = format!("chaos, version {}\n", env!("CARGO_PKG_VERSION"));
            Told { text, code: exit::FINE, advice: None, unknown: None }
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => help_on_stderr(command.clone()),
        _ => {
            let advice = advice(&error);
            let unknown = match (error.kind(), error.get(ContextKind::InvalidSubcommand)) {
                (ErrorKind::InvalidSubcommand, Some(ContextValue::String(word))) => Some(word.clone()),
                _ => None,
            };
            Told { advice, unknown, ..wrong(concerned(&error, command), &message(&error)) }
        }
    }
}

/// Commands of the Toolkit that are not there: none of ours is meant by them.
const NOT_YET: &[&str] = &["report"];

fn advice(error: &clap::Error) -> Option<String> {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.as_str(),
        _ => "",
    };
    let option = text(ContextKind::InvalidArg).split([' ', '=']).next().unwrap_or_default();
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let word = text(ContextKind::InvalidSubcommand);
            NOT_YET.contains(&word).then(|| {
                format!("`{word}` is not built in yet; the Toolkit's is there if a Python has its package")
            })
        }
        ErrorKind::UnknownArgument => {
            let is_global = super::Global::command()
                .get_arguments()
                .any(|known| known.get_long().is_some_and(|long| option.strip_prefix("--") == Some(long)));
            is_global.then(|| format!("`{option}` goes before the command: `chaos {option} … COMMAND …`"))
        }
        ErrorKind::ValueValidation if option == "--var" => Some("`--var NAME[:TYPE]=VALUE`".to_owned()),
        _ => None,
    }
}

/// Help keeps its colours only on a terminal that wants them.
fn styled(error: &clap::Error) -> String {
    match anstream::AutoStream::choice(&io::stdout()) {
        anstream::ColorChoice::Never => error.render().to_string(),
        _ => error.render().ansi().to_string(),
    }
}

/// The (sub)command whose usage the error is about: `chaos settings get` has its own.
fn concerned<'a>(error: &clap::Error, command: &'a mut clap::Command) -> &'a clap::Command {
    command.build();
    let usage = match error.get(ContextKind::Usage) {
        Some(ContextValue::StyledStr(usage)) => usage.to_string(),
        _ => String::new(),
    };
    let command: &clap::Command = command;
    command
        .get_subcommands()
        .find(|sub| sub.get_bin_name().is_some_and(|name| usage.contains(&format!("{name} "))))
        .unwrap_or(command)
}

fn message(error: &clap::Error) -> String {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.first().cloned().unwrap_or_default(),
        _ => String::new(),
    };
    let full = text(ContextKind::InvalidArg);
    // clap shows an option with its value, `--dry <MODE>`, and an argument in brackets, `<SOURCE>`.
    let name = full.split_whitespace().next().unwrap_or_default().trim_matches(['<', '>', '[', ']', '.']);
    let value = text(ContextKind::InvalidValue);
    match error.kind() {
        ErrorKind::UnknownArgument if name.starts_with('-') => {
            let name = name.split('=').next().unwrap_or(name);
            match error.get(ContextKind::SuggestedArg) {
                Some(ContextValue::String(near)) => {
                    format!(
                        "No such option '{name}'. Did you mean '{}'?",
                        near.split(' ').next().unwrap_or(near)
                    )
                }
                _ => format!("No such option '{name}'."),
            }
        }
        ErrorKind::UnknownArgument => format!("Got unexpected extra argument ({full})"),
        ErrorKind::InvalidSubcommand => {
            let word = text(ContextKind::InvalidSubcommand);
            let near = match error.get(ContextKind::SuggestedSubcommand) {
                _ if NOT_YET.contains(&word.as_str()) => None,
                Some(ContextValue::Strings(near)) => near.first(),
                Some(ContextValue::String(near)) => Some(near),
                _ => None,
            };
            let hint = near.map(|near| format!(" Did you mean '{near}'?")).unwrap_or_default();
            format!("No such command '{word}'.{hint}")
        }
        ErrorKind::MissingRequiredArgument | ErrorKind::MissingSubcommand => {
            format!("Missing argument '{name}'.")
        }
        ErrorKind::InvalidValue if value.is_empty() && name.starts_with('-') => {
            format!("Option '{name}' requires an argument.")
        }
        ErrorKind::InvalidValue => {
            let choices = match error.get(ContextKind::ValidValue) {
                Some(ContextValue::Strings(choices)) => {
                    choices.iter().map(|choice| format!("'{choice}'")).collect::<Vec<_>>().join(", ")
                }
                _ => String::new(),
            };
            format!("Invalid value for '{name}': '{value}' is not one of {choices}.")
        }
        ErrorKind::ValueValidation => {
            let why = error.source().map(ToString::to_string).unwrap_or_default();
            format!("Invalid value for '{name}': {why}")
        }
        ErrorKind::TooManyValues => format!("Option '{name}' does not take a value."),
        ErrorKind::InvalidUtf8 => "an argument is not valid UTF-8".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use crate::arguments::Global;
    use std::ffi::OsString;

    #[test]
    fn advice_for_a_person() {
        for (line, expected) in [
            (
                "report",
                Some("`report` is not built in yet; the Toolkit's is there if a Python has its package"),
            ),
            ("rnu e.json", None),
            (
                "run --verbose e.json",
                Some("`--verbose` goes before the command: `chaos --verbose … COMMAND …`"),
            ),
            (
                "validate --log-file=x e.json",
                Some("`--log-file` goes before the command: `chaos --log-file … COMMAND …`"),
            ),
            ("run --nope e.json", None),
            ("run --var port e.json", Some("`--var NAME[:TYPE]=VALUE`")),
        ] {
            let words = ["chaos"].into_iter().chain(line.split(' ')).map(OsString::from);
            let told = Global::read(words).and_then(|(_, unparsed)| unparsed.read()).unwrap_err();
            assert_eq!(told.advice.as_deref(), expected, "{line}");
            assert!(!told.text.contains("recover"), "{line}: {}", told.text);
        }
    }
}
