//! Standard output: what somebody asked for, and nothing else.

use crate::problem::Problem;
use std::io::{self, IsTerminal as _, Write as _};

/// Prints it. A reader that went away (`chaos recover | head`) is no problem; a full disk is.
pub(crate) fn print(text: &str) -> Result<(), Problem> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Problem::new(format!("could not write to standard output: {error}")))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Whether it may have colours.
pub(crate) fn has_colours() -> bool {
    io::stdout().is_terminal() && anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
}
