//! `chaos playground`: a cluster of its own, to try things on.
//!
//! Invariant: what `up` writes under `playgrounds/NAME` in the state folder (how to reach it) is gone when it ends by itself or
//! by `down`; what a killed one left there is recognised, because nobody holds its lock any more.

mod image;
mod place;

use crate::arguments::{Playground, PlaygroundCommand};
use crate::problem::Problem;
use crate::session::Session;
use crate::signals::{heard, outlives_terminal};
use crate::{demo, exit, machine, stdout};
use place::Place;
use squall_playground::cluster::{Cluster, Inside, Options};
use squall_report::line::Line;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};

/// How long a detached playground may take to be ready, and to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// Does what is asked; the exit code.
pub(crate) fn playground(arguments: &Playground, session: &Session) -> Result<u8, Problem> {
    let state = session.state()?;
    demo::sweep(&session.environment);
    match &arguments.command {
        PlaygroundCommand::Up { name, nodes, port, data, detach, background } => {
            if *background {
                // The end of the terminal is not its end, nor is a Ctrl-C there. What leads a session already may stay in it.
                let _ = rustix::process::setsid();
            }
            let place = Place::named(&state, name)?;
            let options = Options {
                nodes: usize::from(*nodes),
                port: *port,
                inside: Inside::Sockets,
                data: data.clone(),
                programs: Vec::new(),
                seed: machine::new_seed(),
            };
            match detach {
                false => up(&place, options, session),
                true => up_detached(&place, &options),
            }
        }
        PlaygroundCommand::Status => status(&state),
        PlaygroundCommand::Down { name } => down(&Place::named(&state, name)?, session),
        PlaygroundCommand::Env { name } => {
            let (kubeconfig, ingress) = Place::named(&state, name)?.reach()?;
            print_exports(&kubeconfig, &ingress)
        }
        PlaygroundCommand::Image { out, tag } => image::image(out, tag, session),
    }
}

/// What a shell needs to use a playground.
fn print_exports(kubeconfig: &Path, ingress: &str) -> Result<u8, Problem> {
    let kubeconfig = quoted(&kubeconfig.display().to_string());
    stdout::print(&format!("export KUBECONFIG={kubeconfig}\nexport INGRESS_HOST={ingress}\n"))?;
    Ok(exit::FINE)
}

/// For a shell: within single quotes nothing is special but the quote itself.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn up(place: &Place, options: Options, session: &Session) -> Result<u8, Problem> {
    let held = place.hold()?;
    let nodes = options.nodes;
    machine::runtime()?.block_on(async {
        let listen = |kind| {
            signal(kind).map_err(|error| Problem::new(format!("could not listen for signals: {error}")))
        };
        // Before anything is up, so that a Ctrl-C in between ends it in order too.
        let (mut interrupt, mut terminate) =
            (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
        let mut hang_up = match outlives_terminal() {
            true => None,
            false => Some(listen(SignalKind::hangup())?),
        };
        let cluster = Cluster::up(options)
            .await
            .map_err(|error| Problem::new(format!("the playground could not start: {error}")))?;
        held.tell(&cluster.kubeconfig(), &cluster.ingress().to_string())?;
        session.say(Line::info(format!(
            "A cluster of {nodes} node(s) is ready at {}, its ingress at {}",
            cluster.url(),
            cluster.ingress()
        )));
        session.say(Line::info(format!("Use it: eval \"$(chaos playground env --name {})\"", place.name())));
        session.say(Line::info("Ctrl-C ends it"));
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = heard(hang_up.as_mut()) => {}
        }
        held.untell();
        cluster.down().await;
        session.say(Line::info("The playground has ended"));
        Ok(exit::FINE)
    })
}

/// Starts ourselves once more, without `--detach`, and waits until that one is ready.
fn up_detached(place: &Place, options: &Options) -> Result<u8, Problem> {
    drop(place.hold()?);
    let unable = |error: std::io::Error| Problem::new(format!("could not start the playground: {error}"));
    let (log, said) = place.log().map_err(unable)?;
    let mut command = Command::new(std::env::current_exe().map_err(unable)?);
    command.args(["--no-log-file", "playground", "up", "--background", "--name", place.name()]);
    command.args(["--nodes", &options.nodes.to_string(), "--port", &options.port.to_string()]);
    if let Some(data) = &options.data {
        command.arg("--data").arg(data);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    let mut child = command.spawn().map_err(unable)?;
    let started = Instant::now();
    loop {
        // Another of its name may have been started at the same time: that one is not ours.
        if place.told_pid() == Some(child.id())
            && let Ok((kubeconfig, ingress)) = place.reach()
        {
            said.keep();
            return print_exports(&kubeconfig, &ingress);
        }
        if child.try_wait().map_err(unable)?.is_some() {
            return Err(Problem::new(said.last()));
        }
        if started.elapsed() > PATIENCE {
            let _ = child.kill();
            let _ = child.wait();
            let (seconds, last) = (PATIENCE.as_secs(), said.last());
            return Err(Problem::new(format!(
                "the playground did not become ready within {seconds} s; the last it said: {last}"
            )));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn status(state: &Path) -> Result<u8, Problem> {
    let mut text = String::new();
    for place in Place::all(state)? {
        // One that ended since it was listed is not worth an error.
        if let Ok((kubeconfig, ingress)) = place.reach() {
            text += &format!("{}  ingress {ingress}  KUBECONFIG={}\n", place.name(), kubeconfig.display());
        }
    }
    if text.is_empty() {
        "No playground runs. `chaos playground up --detach` starts one.\n".clone_into(&mut text);
    }
    stdout::print(&text)?;
    Ok(exit::FINE)
}

fn down(place: &Place, session: &Session) -> Result<u8, Problem> {
    let pid = place.pid()?;
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    let pid = pid.ok_or_else(|| Problem::new("its process id cannot be read"))?;
    rustix::process::kill_process(pid, rustix::process::Signal::TERM)
        .map_err(|error| Problem::new(format!("could not end the playground: {error}")))?;
    let started = Instant::now();
    while place.is_held() {
        if started.elapsed() > PATIENCE {
            return Err(Problem::new(format!(
                "the playground does not end; its process is {}",
                pid.as_raw_nonzero()
            )));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    session.say(Line::info(format!("The playground {} has ended", place.name())));
    Ok(exit::FINE)
}

/// Where playgrounds tell how they are reached.
fn folder(state: &Path) -> PathBuf {
    state.join("playgrounds")
}
