//! The command line of a process activity: which program, which arguments, or which line for the shell.
//!
//! Pure but for looking whether a file can be executed. Invariant: the program is looked up in the run's `PATH`, as a shell
//! does it, and not in the one of the process that we are.

use crate::home::expand;
use crate::loose::Loose;
use rustix::fs::{Access, access};
use squall_experiment::Value;
use squall_experiment::python::{Exception, quoted, repr_of, str_of, type_name};
use std::fmt;
use std::io;
use std::path::Path;
use tokio::process::Command;

/// What is run.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A program with its arguments.
    Direct {
        /// Its path.
        program: String,
        /// Its arguments.
        arguments: Vec<String>,
    },
    /// A line that `/bin/sh` reads.
    Shell(String),
}

impl Line {
    pub(super) fn new<'a>(
        path: &Loose,
        arguments: &Loose,
        env: impl Fn(&str) -> Option<&'a str>,
    ) -> Result<Line, Exception> {
        let path = match path.given() {
            Some(Value::Text(path)) => expand(path, env("HOME")),
            Some(other) => {
                let text = format!("expected str, bytes or os.PathLike object, not {}", type_name(other));
                return Err(Exception::type_error(text));
            }
            None => return Err(Exception { class: "KeyError", text: "'path'".to_owned() }),
        };
        let program = which(&path, env("PATH"));
        let arguments = match arguments.given() {
            Some(Value::Text(line)) => {
                return Ok(Line::Shell(match program {
                    Some(program) => format!("{program} {line}"),
                    // The shell says that it cannot find it, and names it: one word, whatever is in it.
                    None => format!("'{}' {line}", path.replace('\'', "'\\''")),
                }));
            }
            None => Vec::new(),
            Some(Value::List(items)) => items.iter().filter_map(argument).collect(),
            Some(Value::Object(object)) => object
                .iter()
                .flat_map(|(key, value)| [Some(key.clone()).filter(|key| !key.is_empty()), argument(value)])
                .flatten()
                .collect(),
            Some(other) => {
                let text = format!("'{}' object is not iterable", type_name(other));
                return Err(Exception::type_error(text));
            }
        };
        match program {
            Some(program) => Ok(Line::Direct { program, arguments }),
            None => Err(missing(&path)),
        }
    }

    pub(super) fn command(&self) -> Command {
        match self {
            Line::Direct { program, arguments } => {
                let mut command = Command::new(program);
                command.args(arguments);
                command
            }
            Line::Shell(line) => {
                let mut command = Command::new("/bin/sh");
                command.arg("-c").arg(line);
                command
            }
        }
    }

    /// Python's exception for a program that does not start.
    pub(super) fn not_started(&self, error: &io::Error) -> Exception {
        let program = match self {
            Line::Direct { program, .. } => program,
            Line::Shell(_) => "/bin/sh",
        };
        let class = match error.kind() {
            io::ErrorKind::InvalidInput => return Exception::value_error("embedded null byte"),
            io::ErrorKind::NotFound => "FileNotFoundError",
            io::ErrorKind::PermissionDenied => "PermissionError",
            _ => "OSError",
        };
        let number = error.raw_os_error();
        // Rust adds the number at the end, Python puts it in front.
        let said = error.to_string();
        let said = said.split(" (os error").next().unwrap_or_default();
        Exception {
            class,
            text: format!("[Errno {}] {said}: {}", number.unwrap_or_default(), quoted(program)),
        }
    }
}

/// As the Toolkit logs it: the list as Python shows it, or the line for the shell.
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Line::Shell(line) => f.write_str(line),
            Line::Direct { program, arguments } => {
                let words = std::iter::once(program).chain(arguments);
                let words = words.map(|word| Value::Text(word.clone())).collect();
                f.write_str(&repr_of(&Value::List(words)))
            }
        }
    }
}

/// An item of a list as an argument; null and empty text are none.
fn argument(item: &Value) -> Option<String> {
    match item {
        Value::Null => None,
        Value::Text(text) if text.is_empty() => None,
        other => Some(str_of(other)),
    }
}

fn missing(path: &str) -> Exception {
    if path.contains('/') && Path::new(path).exists() {
        let text = format!("[Errno 13] Permission denied: {}", quoted(path));
        return Exception { class: "PermissionError", text };
    }
    Exception {
        class: "FileNotFoundError",
        text: format!("[Errno 2] No such file or directory: {}", quoted(path)),
    }
}

/// The program's path, found as a shell finds it: a name without a slash in `PATH`, anything else where it says.
pub(super) fn which(program: &str, path: Option<&str>) -> Option<String> {
    if program.contains('/') {
        return executable(program).then(|| program.to_owned());
    }
    if program.is_empty() {
        return None;
    }
    path.unwrap_or("/bin:/usr/bin")
        .split(':')
        // An empty entry is the working folder; `./` keeps the name from being looked up again.
        .map(|folder| match folder {
            "" => format!("./{program}"),
            folder => format!("{}/{program}", folder.trim_end_matches('/')),
        })
        .find(|candidate| executable(candidate))
}

fn executable(path: &str) -> bool {
    Path::new(path).is_file() && access(path, Access::EXEC_OK).is_ok()
}
