//! What a shell and `man` know of the command: `chaos completions`, `chaos man`.
//!
//! Invariant: both are made of the command line's own definition, so they cannot know another.

use crate::arguments::{Shell, whole};
use crate::problem::Problem;
use crate::{exit, stdout};
use clap_complete::generate;
use std::fs;
use std::path::Path;

/// Prints what a shell reads to complete our words; the exit code.
pub(crate) fn completions(shell: Shell) -> Result<u8, Problem> {
    let mut script = Vec::new();
    let shell = match shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Fish => clap_complete::Shell::Fish,
        Shell::Zsh => clap_complete::Shell::Zsh,
    };
    generate(shell, &mut whole(), "chaos", &mut script);
    stdout::print(&String::from_utf8_lossy(&script))?;
    Ok(exit::FINE)
}

/// Writes the manual's pages into a folder, one a command; the exit code.
pub(crate) fn man(folder: &Path) -> Result<u8, Problem> {
    let unable = |error| Problem::new(format!("could not write the manual to {}: {error}", folder.display()));
    fs::create_dir_all(folder).map_err(unable)?;
    clap_mangen::generate_to(whole(), folder).map_err(unable)?;
    Ok(exit::FINE)
}
