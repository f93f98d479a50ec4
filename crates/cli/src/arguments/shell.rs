//! The options of `schema`, `completions` and `man`: what editors, shells and the manual get.

use clap::{Parser, ValueEnum};
use std::path::PathBuf;

/// Print the format of experiments as a JSON Schema (draft 2020-12), with the arguments of every function that is built in.
///
/// Editors check and complete experiments by it. For those with the YAML language server, begin an experiment with
/// `# yaml-language-server: $schema=FILE`, FILE being what this command printed.
#[derive(Parser, Debug)]
#[command(
    name = "schema",
    bin_name = "chaos schema",
    override_usage = "chaos schema [OPTIONS]",
    args_override_self = true
)]
pub(crate) struct Schema {}

/// Print a script that completes the words of this command line.
///
/// For bash: `source <(chaos completions bash)` in ~/.bashrc. For zsh: the script as a file _chaos in a folder of $fpath.
/// For fish: the script as ~/.config/fish/completions/chaos.fish.
#[derive(Parser, Debug)]
#[command(
    name = "completions",
    bin_name = "chaos completions",
    override_usage = "chaos completions [OPTIONS] SHELL",
    args_override_self = true
)]
pub(crate) struct Completions {
    /// The shell that reads it
    #[arg(value_name = "SHELL", value_enum)]
    pub(crate) shell: Shell,
}

/// A shell that completes words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    /// GNU Bash
    Bash,
    /// The Z shell
    Zsh,
    /// The friendly interactive shell
    Fish,
}

/// Write the manual's pages into DIR, one a command: chaos.1, chaos-run.1 and so on.
///
/// `chaos man ~/.local/share/man/man1` makes `man chaos` and `man chaos-run` work.
#[derive(Parser, Debug)]
#[command(
    name = "man",
    bin_name = "chaos man",
    override_usage = "chaos man [OPTIONS] DIR",
    args_override_self = true
)]
pub(crate) struct Man {
    /// Where they are written; it is made if it is not there
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
}
