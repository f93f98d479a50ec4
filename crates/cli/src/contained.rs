//! A program of the demo system in a container of its own: `chaos`, called by that program's name.
//!
//! Invariant: it is the same program that runs on a playground's node, and nothing of `chaos` runs beside it; it has the
//! container's environment, network and names, logs to standard output, and ends at once on SIGTERM. Not here: how the image
//! is made (`playground::image`).

use crate::{exit, machine};
use squall_playground::net::Net;
use squall_playground::program::{Container, Program, Resolver, Volume, demo_system};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::future::Future;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A program, and how it was called.
pub(crate) struct Called {
    program: Arc<dyn Program>,
    line: Vec<String>,
}

/// The program of the demo system that a command line names, if it names one.
pub(crate) fn called(line: impl Iterator<Item = OsString>) -> Option<Called> {
    let mut line: Vec<String> = line.map(|word| word.to_string_lossy().into_owned()).collect();
    let name = Path::new(line.first()?).file_name()?.to_str()?.to_owned();
    let program = demo_system().into_iter().find(|program| program.executables().contains(&name.as_str()))?;
    line[0] = name;
    Some(Called { program, line })
}

impl Called {
    /// Runs it to its end; the exit code.
    pub(crate) fn run(self) -> u8 {
        let runtime = match machine::runtime() {
            Ok(runtime) => runtime,
            Err(problem) => {
                eprintln!("{problem}");
                return exit::FAILED;
            }
        };
        let code = runtime.block_on(self.perform());
        // A look-up that still waits for an answer must not hold up the end.
        runtime.shutdown_background();
        u8::try_from(code).unwrap_or(exit::FAILED)
    }

    async fn perform(self) -> i32 {
        let mut container = self.container();
        if self.program.executables().first() != self.line.first().map(String::as_str).as_ref() {
            let (code, text) = self.program.exec(container, self.line).await;
            print(text.trim_end_matches('\n'));
            return code;
        }
        container.volumes = volumes(self.program.data());
        // Before the program's first line: whoever has read that may end it.
        let (mut terminate, mut interrupt) =
            match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
                (Ok(terminate), Ok(interrupt)) => (terminate, interrupt),
                (Err(error), _) | (_, Err(error)) => {
                    eprintln!("could not listen for signals: {error}");
                    return i32::from(exit::FAILED);
                }
            };
        let terminated = container.terminated.clone();
        let mut run = self.program.run(container);
        tokio::select! {
            code = &mut run => return code,
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        terminated.cancel();
        run.await
    }

    fn container(&self) -> Container {
        Container {
            environment: std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
                .collect(),
            arguments: self.line[1..].to_vec(),
            ip: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            hostname: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            net: Net::System,
            names: Arc::new(SystemNames),
            log: Arc::new(print),
            terminated: CancellationToken::new(),
            volumes: BTreeMap::new(),
            in_flight: Arc::default(),
        }
    }
}

/// Writes a line. Nobody reading is no reason to end.
fn print(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Those of a program's folders that are there. One that cannot be written is said and left out, so that the program still
/// runs on clusters that give a volume to root alone; what it is told is then gone with it.
fn volumes(paths: &[&str]) -> BTreeMap<String, Arc<Volume>> {
    let mut volumes = BTreeMap::new();
    for path in paths.iter().filter(|path| Path::new(path).is_dir()) {
        match Volume::at(Path::new(path)) {
            Ok(volume) => {
                volumes.insert((*path).to_owned(), Arc::new(volume));
            }
            Err(error) => {
                print(&format!(
                    "WARNING: {path} cannot be written ({error}): data is kept in memory and lost at the end"
                ));
            }
        }
    }
    volumes
}

/// Names as the system resolves them; addresses of IPv4 alone, as programs listen at those.
struct SystemNames;

impl Resolver for SystemNames {
    fn resolve(&self, name: &str) -> Vec<IpAddr> {
        match name {
            // Nobody has to be asked, and an image has no /etc/hosts of its own.
            "localhost" => vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
            name => name.parse().into_iter().collect(),
        }
    }

    fn look_up<'a>(&'a self, name: &'a str) -> Pin<Box<dyn Future<Output = Vec<IpAddr>> + Send + 'a>> {
        Box::pin(async move {
            let known = self.resolve(name);
            if !known.is_empty() {
                return known;
            }
            match tokio::net::lookup_host((name, 0)).await {
                Ok(found) => found.map(|address| address.ip()).filter(IpAddr::is_ipv4).collect(),
                Err(_) => Vec::new(),
            }
        })
    }
}
