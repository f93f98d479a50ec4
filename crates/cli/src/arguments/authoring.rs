//! The options of `discover`, `init`, `info` and `settings`: what comes before the first run.

use clap::builder::PossibleValuesParser;
use clap::{Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Find out which activities the extension PACKAGE has, for `chaos init` and for editors.
#[derive(Parser, Debug)]
#[command(
    name = "discover",
    bin_name = "chaos discover",
    override_usage = "chaos discover [OPTIONS] PACKAGE",
    args_override_self = true
)]
pub(crate) struct Discover {
    /// An extension: built in, such as chaostoolkit-kubernetes, or installed for Python
    #[arg(value_name = "PACKAGE")]
    pub(crate) package: String,
    /// Ask the extension for its activities only, not for the system
    #[arg(long)]
    pub(crate) no_system_info: bool,
    /// Accepted for compatibility: nothing is installed
    #[arg(long)]
    pub(crate) no_install: bool,
    /// Where the result is written
    #[arg(long, value_name = "PATH", default_value = "./discovery.json")]
    pub(crate) discovery_path: PathBuf,
}

/// Write a new experiment by answering questions.
#[derive(Parser, Debug)]
#[command(
    name = "init",
    bin_name = "chaos init",
    override_usage = "chaos init [OPTIONS]",
    args_override_self = true
)]
pub(crate) struct Init {
    /// What `chaos discover` wrote: the activities to choose from, if it is there
    #[arg(long, value_name = "PATH", default_value = "./discovery.json")]
    pub(crate) discovery_path: PathBuf,
    /// Where the experiment is written: JSON, or YAML if its extension says so
    #[arg(long, value_name = "PATH", default_value = "./experiment.json")]
    pub(crate) experiment_path: PathBuf,
}

/// Show what is installed: the versions, the settings file, or the extensions.
#[derive(Parser, Debug)]
#[command(
    name = "info",
    bin_name = "chaos info",
    override_usage = "chaos info [OPTIONS] TARGET",
    args_override_self = true
)]
pub(crate) struct Info {
    /// What to show
    #[arg(value_name = "TARGET", value_enum)]
    pub(crate) target: InfoTarget,
}

/// What `info` shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum InfoTarget {
    /// Versions of the command and of the library that it behaves as
    Core,
    /// The settings file
    Settings,
    /// Extensions of the Toolkit: those that are built in, and those that are installed for Python
    Extensions,
}

/// Read and change the settings file.
#[derive(Parser, Debug)]
#[command(
    name = "settings",
    bin_name = "chaos settings",
    override_usage = "chaos settings [OPTIONS] COMMAND [ARGS]...",
    subcommand_value_name = "COMMAND",
    disable_help_subcommand = true,
    args_override_self = true
)]
pub(crate) struct Settings {
    #[command(subcommand)]
    pub(crate) command: SettingsCommand,
}

/// What is done with the settings file.
#[derive(Subcommand, Debug)]
pub(crate) enum SettingsCommand {
    /// Show the whole file
    #[command(override_usage = "chaos settings show [OPTIONS]")]
    Show {
        /// How
        #[arg(long, value_name = "FORMAT", value_parser = PossibleValuesParser::new(["yaml", "json"]),
              default_value = "yaml")]
        format: String,
    },
    /// Show the value of a key
    #[command(override_usage = "chaos settings get [OPTIONS] KEY")]
    Get {
        /// Dotted: `runtime.rollbacks.strategy`, `list[1].name`; a dot within a key is written `\.`
        #[arg(value_name = "KEY")]
        key: String,
        /// How
        #[arg(long, value_name = "FORMAT", value_parser = PossibleValuesParser::new(["yaml", "json", "string"]),
              default_value = "yaml")]
        format: String,
    },
    /// Change the value of a key that exists
    #[command(override_usage = "chaos settings set [OPTIONS] KEY VALUE")]
    Set {
        /// Dotted, as for `get`
        #[arg(value_name = "KEY")]
        key: String,
        /// JSON
        #[arg(value_name = "VALUE", allow_hyphen_values = true)]
        value: String,
    },
    /// Remove a key
    #[command(override_usage = "chaos settings remove [OPTIONS] KEY")]
    Remove {
        /// Dotted, as for `get`
        #[arg(value_name = "KEY")]
        key: String,
    },
}
