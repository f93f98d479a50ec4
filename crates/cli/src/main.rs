//! The `chaos` command: all rooms meet here, and nowhere else.
//!
//! Invariant: `--version`, `--help` and usage errors of the global options end before a file or the environment is touched.

mod arguments;
mod bug;
mod contained;
mod controls;
mod demo;
mod discover;
mod exit;
mod farewell;
mod foreign;
mod helps;
mod info;
mod init;
mod machine;
mod notify;
mod playground;
mod problem;
mod recover;
mod run;
mod schema;
mod screen;
mod session;
mod settings;
mod shared_log;
mod signals;
mod source;
mod stdout;
mod stranger;
mod validate;
mod variables;
mod vault;

use arguments::{Command, Global};
use problem::Problem;
use session::Session;
use signals::before;
use squall_report::line::Line;
use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(chaos())
}

fn chaos() -> u8 {
    if let Some(why) = squall_drivers::python::become_it(std::env::args_os()) {
        eprintln!("Error: {why}");
        return exit::FAILED;
    }
    // In a container of the demo system the name says which program of it we are.
    if let Some(program) = contained::called(std::env::args_os()) {
        return program.run();
    }
    let (global, unparsed) = match Global::read(std::env::args_os()) {
        Ok(read) => read,
        Err(told) => {
            stranger::become_it(&told, &std::env::args_os().collect::<Vec<_>>());
            return told.print();
        }
    };
    let folder = global.change_dir.clone();
    let session = match Session::open(global, unparsed.word()) {
        Ok(session) => session,
        Err(problem) => {
            eprintln!("Error: {problem}");
            return exit::FAILED;
        }
    };
    let (log, notices, screen) = (session.log.clone(), session.notices.clone(), session.screen.clone());
    let before = session.before.clone();
    bug::announce_in(log.clone(), screen.clone());
    let done = bug::caught(|| {
        if let Some(folder) = folder {
            session.move_to(&folder)?;
        }
        match unparsed.read() {
            Ok(command) => perform(command, session),
            Err(told) => Ok(told.print()),
        }
    });
    let code = match done {
        Some(Ok(code)) => code,
        Some(Err(problem)) => {
            shared_log::lock(&log).line(&Line::error(problem.to_string()), jiff::Timestamp::now());
            exit::FAILED
        }
        None => exit::FAILED,
    };
    notices.farewell();
    before.is_over();
    farewell::wait(&log, &screen);
    code
}

fn perform(command: Command, session: Session) -> Result<u8, Problem> {
    match command {
        Command::Run(_) => before::answer(&session, true),
        Command::Validate(_) | Command::Discover(_) | Command::Init(_) | Command::Info(_) => {
            before::answer(&session, false);
        }
        // They print, or answer signals themselves.
        Command::Recover(_)
        | Command::Settings(_)
        | Command::Playground(_)
        | Command::Demo(_)
        | Command::Schema
        | Command::Completions(_)
        | Command::Man(_) => {}
    }
    match command {
        Command::Run(arguments) => run::run(&arguments, session),
        Command::Validate(arguments) => validate::validate(&arguments, &session),
        Command::Recover(arguments) => recover::recover(&arguments, &session),
        Command::Discover(arguments) => discover::discover(&arguments, &session),
        Command::Init(arguments) => init::init(&arguments, &session),
        Command::Info(arguments) => info::info(&arguments, &session),
        Command::Settings(arguments) => settings::command::settings(&arguments, &session),
        Command::Playground(arguments) => playground::playground(&arguments, &session),
        Command::Demo(arguments) => demo::demo(&arguments, &session),
        Command::Schema => schema::print(),
        Command::Completions(arguments) => helps::completions(arguments.shell),
        Command::Man(arguments) => helps::man(&arguments.folder),
    }
}
