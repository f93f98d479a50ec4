//! The command line: which words and options there are, and what is said about wrong ones.
//!
//! Parsing goes in two steps, as the Toolkit's does: first the global options and the command's word, then (once logging is
//! set up) the command's own options. Options and stream choices are the Toolkit's; so are the texts of usage errors, which
//! [`usage`] makes.
//!
//! Invariant: parsing touches no file and no environment; `--version` and `--help` end here. (Whether a `--var-file` exists is
//! looked up by the click-like path check, the only exception.)

mod authoring;
mod playground;
mod shell;
mod usage;
pub(crate) mod var;

pub(crate) use authoring::{Discover, Info, InfoTarget, Init, Settings, SettingsCommand};
use clap::builder::PossibleValuesParser;
use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum, ValueHint};
pub(crate) use playground::{Demo, Playground, PlaygroundCommand};
pub(crate) use shell::{Completions, Man, Schema, Shell};
use std::ffi::OsString;
use std::path::PathBuf;
pub(crate) use usage::Told;
use var::Variable;

/// Inject faults into a system, see whether it holds, and put everything back.
#[derive(Parser, Debug)]
#[command(
    name = "chaos",
    bin_name = "chaos",
    version,
    override_usage = "chaos [OPTIONS] COMMAND [ARGS]...",
    subcommand_value_name = "COMMAND",
    disable_help_subcommand = true,
    args_override_self = true,
    after_help = "Experiments, settings files and journals are the Chaos Toolkit's, and so are the options of run, validate, discover, init, info and settings. Extensions and controls in Python are run by the Python that is found (--python of run and validate). The command report of the Toolkit is not built in."
)]
pub(crate) struct Global {
    /// Show debug messages on the console too, with their origin
    #[arg(long)]
    pub(crate) verbose: bool,
    /// Accepted for compatibility: there is no look-up of new versions
    #[arg(long)]
    pub(crate) no_version_check: bool,
    /// Change to this folder before anything else (the log file stays)
    #[arg(long, value_name = "DIR")]
    pub(crate) change_dir: Option<PathBuf>,
    /// Write no log file
    #[arg(long)]
    pub(crate) no_log_file: bool,
    /// The log file, which is appended to
    #[arg(long, value_name = "PATH", default_value = "chaostoolkit.log")]
    pub(crate) log_file: PathBuf,
    /// What the log file takes
    #[arg(long, value_name = "LEVEL", default_value = "debug",
          value_parser = PossibleValuesParser::new(["debug", "info", "warning", "error"]))]
    pub(crate) log_file_level: String,
    /// How the console shows log records
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "string")]
    pub(crate) log_format: LogFormat,
    /// The settings file (default: ~/.chaostoolkit/settings.yaml)
    #[arg(long, value_name = "PATH")]
    pub(crate) settings: Option<PathBuf>,
    /// The Python that runs what is not built in (default: the setting `python`, else that of VIRTUAL_ENV, else python3)
    #[arg(long, value_name = "PATH")]
    pub(crate) python: Option<PathBuf>,
    /// Let Python run the functions of MODULE (a package, or `all`) although they are built in (repeatable)
    #[arg(long, value_name = "MODULE", action = ArgAction::Append)]
    pub(crate) prefer_python: Vec<String>,
    /// Refuse what is not built in, and list it
    #[arg(long)]
    pub(crate) native_only: bool,
    #[command(subcommand)]
    command: Option<Word>,
}

/// How the console shows log records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// A line of text
    String,
    /// A JSON object a line
    Json,
}

/// The command's word, its options still unread.
#[derive(Subcommand, Debug)]
enum Word {
    /// Run an experiment
    #[command(disable_help_flag = true)]
    Run(Unread),
    /// Check an experiment without running it
    #[command(disable_help_flag = true)]
    Validate(Unread),
    /// Put back what earlier runs left behind
    #[command(disable_help_flag = true)]
    Recover(Unread),
    /// Find out which activities an extension has
    #[command(disable_help_flag = true)]
    Discover(Unread),
    /// Write a new experiment by answering questions
    #[command(disable_help_flag = true)]
    Init(Unread),
    /// Show what is installed
    #[command(disable_help_flag = true)]
    Info(Unread),
    /// Read and change the settings file
    #[command(disable_help_flag = true)]
    Settings(Unread),
    /// Start and stop a Kubernetes cluster of its own on this machine
    #[command(disable_help_flag = true)]
    Playground(Unread),
    /// Watch an experiment find a weakness, and hold once it is mended
    #[command(disable_help_flag = true)]
    Demo(Unread),
    /// Print the format of experiments as a JSON Schema, for editors
    #[command(disable_help_flag = true)]
    Schema(Unread),
    /// Print a script that completes the words of this command line
    #[command(disable_help_flag = true)]
    Completions(Unread),
    /// Write the manual's pages
    #[command(disable_help_flag = true)]
    Man(Unread),
}

#[derive(Args, Debug)]
struct Unread {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    rest: Vec<OsString>,
}

/// Run the experiment SOURCE: a JSON or YAML file, or an http(s) URL.
#[derive(Parser, Debug)]
#[command(
    name = "run",
    bin_name = "chaos run",
    override_usage = "chaos run [OPTIONS] SOURCE",
    args_override_self = true
)]
pub(crate) struct Run {
    /// The experiment: a file or an http(s) URL
    #[arg(value_name = "SOURCE", value_hint = ValueHint::FilePath)]
    pub(crate) source: String,
    /// Where the journal is written
    #[arg(long, value_name = "PATH", default_value = "./journal.json")]
    pub(crate) journal_path: PathBuf,
    /// Go through the experiment, leaving something out
    #[arg(long, value_name = "MODE", value_enum)]
    pub(crate) dry: Option<Dry>,
    /// Do not check the experiment before running it
    #[arg(long)]
    pub(crate) no_validation: bool,
    /// Do not verify the certificate of the server that SOURCE is loaded from
    #[arg(long)]
    pub(crate) no_verify_tls: bool,
    /// When the rollbacks are played
    #[arg(long, value_name = "STRATEGY",
          value_parser = PossibleValuesParser::new(["default", "always", "never", "deviated"]))]
    pub(crate) rollback_strategy: Option<String>,
    /// Replace a configuration value; TYPE is bool, str, int, float, bytes or json (repeatable)
    #[arg(long, value_name = "NAME[:TYPE]=VALUE", action = ArgAction::Append, value_parser = var::variable)]
    pub(crate) var: Vec<Variable>,
    /// Replace configuration and secrets by those of a YAML or JSON file, or add the lines of a .env file to the
    /// environment (repeatable)
    #[arg(long, value_name = "PATH", action = ArgAction::Append, value_parser = var::existing)]
    pub(crate) var_file: Vec<PathBuf>,
    /// Add the controls of a YAML or JSON file (repeatable)
    #[arg(long, value_name = "PATH", action = ArgAction::Append, value_parser = var::existing)]
    pub(crate) control_file: Vec<PathBuf>,
    /// When the steady-state hypothesis is checked
    #[arg(long, value_name = "STRATEGY",
          value_parser = PossibleValuesParser::new([
              "default", "before-method-only", "after-method-only", "during-method-only", "continuously",
              "continously",
          ]))]
    pub(crate) hypothesis_strategy: Option<String>,
    /// Seconds between two checks of a hypothesis that is checked during the method
    #[arg(long, value_name = "SECONDS", default_value = "1.0", value_parser = var::float)]
    pub(crate) hypothesis_frequency: f64,
    /// End the method as soon as a hypothesis that is checked during it is not met
    #[arg(long)]
    pub(crate) fail_fast: bool,
    /// With --fail-fast: end it only once this share of the checks, from 0 to 1, was not met (default: 0, the first)
    #[arg(long, value_name = "FLOAT", value_parser = var::share)]
    pub(crate) fail_fast_ratio: Option<f64>,
    /// Fail if an activity of the method or of the rollbacks fails, unless it is not `strict` itself
    #[arg(long)]
    pub(crate) strict: bool,
    /// When what the experiment changed is put back at its end (default: auto)
    #[arg(long, value_name = "WHEN", value_enum)]
    pub(crate) undo: Option<Undo>,
    /// Make random choices (which Pod …) follow this number, as an earlier run's log shows it
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Which exit codes tell how it ended (default: toolkit)
    #[arg(long, value_name = "CODES", value_enum)]
    pub(crate) exit_codes: Option<ExitCodes>,
}

/// What `--dry` leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Dry {
    /// Probes are left out
    Probes,
    /// Actions are left out
    Actions,
    /// Both are left out
    Activities,
    /// Pauses are left out
    Pause,
}
/// What the exit code of `run` tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExitCodes {
    /// 0 if it completed and nothing deviated, 1 whatever else happened
    Toolkit,
    /// What happened: docs/compatibility.md lists them
    Detailed,
}
/// Whether a run that ends by its own will puts everything back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Undo {
    /// Whatever happened
    Always,
    /// After a run that was interrupted, failed or aborted; otherwise it stays as the experiment left it
    Auto,
}

/// Check the experiment SOURCE without running it.
#[derive(Parser, Debug)]
#[command(
    name = "validate",
    bin_name = "chaos validate",
    override_usage = "chaos validate [OPTIONS] SOURCE",
    args_override_self = true
)]
pub(crate) struct Validate {
    /// The experiment: a file or an http(s) URL
    #[arg(value_name = "SOURCE", value_hint = ValueHint::FilePath)]
    pub(crate) source: String,
    /// Do not verify the certificate of the server that SOURCE is loaded from
    #[arg(long)]
    pub(crate) no_verify_tls: bool,
    /// Print every complaint, with its place, on stdout: as text, JSON, or SARIF for code-scanning tools. Without it a pipe
    /// gets the Toolkit's lines: warnings, and the first error
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub(crate) format: Option<ValidateFormat>,
    /// From which severity on a complaint makes the exit code 1
    #[arg(long, value_name = "SEVERITY", value_enum, default_value = "error")]
    pub(crate) fail_on: FailOn,
}

/// The mildest complaint that `validate` fails for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    /// What keeps the experiment from being run
    Error,
    /// What the Toolkit warns about, too
    Warning,
    /// Everything, also what is only probably not meant
    Hint,
}

/// How `validate` prints complaints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ValidateFormat {
    /// With excerpts of the source
    Text,
    /// One object, with the list of complaints in `diagnostics`
    Json,
    /// SARIF 2.1.0
    Sarif,
}

/// List what earlier runs left behind, or put it back, and write the journals of those that were killed.
///
/// Without RUN and without --all, it only lists.
#[derive(Parser, Debug)]
#[command(
    name = "recover",
    bin_name = "chaos recover",
    override_usage = "chaos recover [OPTIONS] [RUN]",
    args_override_self = true
)]
pub(crate) struct Recover {
    /// The run whose changes are put back and whose journal is written: its name, or the beginning of it
    #[arg(value_name = "RUN")]
    pub(crate) run: Option<String>,
    /// Put back what every earlier run left behind
    #[arg(long)]
    pub(crate) all: bool,
    /// Where the journal of RUN is written, over whatever is there; without it, where the run was to write it
    #[arg(long, value_name = "PATH", requires = "run")]
    pub(crate) journal_path: Option<PathBuf>,
    /// How the list is printed
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "text")]
    pub(crate) format: ListFormat,
}

/// How `recover` prints its list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListFormat {
    /// For people
    Text,
    /// A list of objects
    Json,
}

/// A command whose options were read.
#[derive(Debug)]
pub(crate) enum Command {
    /// `chaos run`
    Run(Box<Run>),
    /// `chaos validate`
    Validate(Validate),
    /// `chaos recover`
    Recover(Recover),
    /// `chaos discover`
    Discover(Discover),
    /// `chaos init`
    Init(Init),
    /// `chaos info`
    Info(Info),
    /// `chaos settings`
    Settings(Settings),
    /// `chaos playground`
    Playground(Playground),
    /// `chaos demo`
    Demo(Demo),
    /// `chaos schema`
    Schema,
    /// `chaos completions`
    Completions(Completions),
    /// `chaos man`
    Man(Man),
}

/// The whole command line as one definition: each command with its options.
pub(crate) fn whole() -> clap::Command {
    let own = [
        Run::command(),
        Validate::command(),
        Discover::command(),
        Init::command(),
        Recover::command(),
        Info::command(),
        Settings::command(),
        Playground::command(),
        Demo::command(),
        Schema::command(),
        Completions::command(),
        Man::command(),
    ];
    own.into_iter().fold(Global::command().disable_help_flag(false), |global, own| {
        let name = own.get_name().to_owned();
        global.mut_subcommand(name, |word| match word.get_about() {
            // In a list of commands the line that the list of `chaos --help` has.
            Some(line) => {
                let text = own_text(&own);
                own.long_about(text).about(line.clone())
            }
            None => own,
        })
    })
}

/// All that a command's help says of it.
fn own_text(command: &clap::Command) -> clap::builder::StyledStr {
    command.get_long_about().or(command.get_about()).cloned().unwrap_or_default()
}

impl Global {
    /// Reads the global options and the command's word.
    pub(crate) fn read(line: impl IntoIterator<Item = OsString>) -> Result<(Global, Unparsed), Told> {
        let mut global: Global = parse(line, Global::command())?;
        match global.command.take() {
            Some(word) => Ok((global, Unparsed(word))),
            None => Err(usage::help_on_stderr(Global::command())),
        }
    }
}

/// A command whose own options are still to be read.
#[derive(Debug)]
pub(crate) struct Unparsed(Word);

impl Unparsed {
    /// The command's word.
    pub(crate) fn word(&self) -> &'static str {
        match &self.0 {
            Word::Run(_) => "run",
            Word::Validate(_) => "validate",
            Word::Recover(_) => "recover",
            Word::Discover(_) => "discover",
            Word::Init(_) => "init",
            Word::Info(_) => "info",
            Word::Settings(_) => "settings",
            Word::Playground(_) => "playground",
            Word::Demo(_) => "demo",
            Word::Schema(_) => "schema",
            Word::Completions(_) => "completions",
            Word::Man(_) => "man",
        }
    }

    /// Reads its options.
    pub(crate) fn read(self) -> Result<Command, Told> {
        Ok(match self.0 {
            Word::Run(unread) => Command::Run(Box::new(unread.read()?)),
            Word::Validate(unread) => Command::Validate(unread.read()?),
            Word::Recover(unread) => Command::Recover(unread.read()?),
            Word::Discover(unread) => Command::Discover(unread.read()?),
            Word::Init(unread) => Command::Init(unread.read()?),
            Word::Info(unread) => Command::Info(unread.read()?),
            Word::Settings(unread) if unread.rest.is_empty() => {
                return Err(usage::help_on_stderr(Settings::command()));
            }
            Word::Settings(unread) => Command::Settings(unread.read()?),
            Word::Playground(unread) if unread.rest.is_empty() => {
                return Err(usage::help_on_stderr(Playground::command()));
            }
            Word::Playground(unread) => Command::Playground(unread.read()?),
            Word::Demo(unread) => Command::Demo(unread.read()?),
            Word::Schema(unread) => {
                let Schema {} = unread.read()?;
                Command::Schema
            }
            Word::Completions(unread) => Command::Completions(unread.read()?),
            Word::Man(unread) => Command::Man(unread.read()?),
        })
    }
}

impl Unread {
    fn read<T: CommandFactory + FromArgMatches>(self) -> Result<T, Told> {
        let name = OsString::from(T::command().get_name());
        parse(std::iter::once(name).chain(self.rest), T::command())
    }
}

fn parse<T: FromArgMatches>(
    line: impl IntoIterator<Item = OsString>,
    mut command: clap::Command,
) -> Result<T, Told> {
    let matches = command.try_get_matches_from_mut(line);
    matches
        .and_then(|matches| T::from_arg_matches(&matches))
        .map_err(|error| usage::told(error, &mut command))
}

#[cfg(test)]
mod tests {
    use super::whole;

    #[test]
    fn the_whole_command_line_knows_the_options_of_every_command() {
        let unknown: Vec<String> = whole()
            .get_subcommands()
            .filter(|command| command.get_arguments().any(|argument| argument.get_id() == "rest"))
            .map(|command| command.get_name().to_owned())
            .collect();
        assert_eq!(unknown, [""; 0]);
    }
}
