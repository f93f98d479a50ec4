//! `chaos demo`: a playground, a shop on it, an experiment that finds its weakness, the fix, and the experiment again.
//!
//! Invariant: however it ends, by itself or by a signal, its children were waited for, the playground is down, and of its
//! folders only the journals are left. Its experiments are runs of `chaos run`, by this very program.

mod shop;
mod teller;
mod workshop;

use crate::arguments::Demo;
use crate::problem::Problem;
use crate::session::Session;
use crate::{exit, machine};
use shop::{Customers, Shop};
use squall_playground::cluster::{Cluster, Options};
use std::io;
use std::process::ExitStatus;
use std::time::{Duration, Instant};
use teller::Teller;
use tokio::process::Command;
use tokio::signal::unix::{Signal, SignalKind, signal};
use workshop::Workshop;

/// What a run came to, and its exit code.
const HELD: i32 = 0;
/// A run that deviated has this one, and one that could not be played too: the journal tells them apart.
const DEVIATED: i32 = 1;
/// How long the shop may take to be ready, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(40);

/// Why the story ended before its end.
enum End {
    /// A signal came.
    Interrupted,
    /// Something could not be done, or came out otherwise.
    Failed(Problem),
}

impl From<Problem> for End {
    fn from(problem: Problem) -> End {
        End::Failed(problem)
    }
}

/// Plays it; the exit code.
pub(crate) fn demo(arguments: &Demo, session: &Session) -> Result<u8, Problem> {
    machine::runtime()?.block_on(async {
        // Before anything is made, so that a signal in between ends it in order too.
        let mut signals = Signals::new()?;
        let teller = Teller::new();
        let workshop = Workshop::new(session, &arguments.journals)?;
        let started = Instant::now();
        teller.headline()?;
        let options = Options { nodes: 1, seed: machine::new_seed(), ..Options::default() };
        let cluster = Cluster::up(options)
            .await
            .map_err(|error| Problem::new(format!("the playground could not start: {error}")))?;
        let told = story(&cluster, &workshop, &teller, &mut signals).await;
        cluster.down().await;
        drop(workshop);
        match told {
            Ok(()) => {
                teller.end(&arguments.journals, started.elapsed())?;
                Ok(exit::FINE)
            }
            Err(End::Interrupted) => {
                teller.interrupted()?;
                Ok(exit::FAILED)
            }
            Err(End::Failed(problem)) => Err(problem),
        }
    })
}

/// From the empty cluster to the experiment that holds.
async fn story(
    cluster: &Cluster,
    workshop: &Workshop,
    teller: &Teller,
    signals: &mut Signals,
) -> Result<(), End> {
    workshop.equip(cluster)?;
    teller.chapter(1, "A cluster, within this process")?;
    teller.say(&format!("API server, controllers, node: {}", cluster.url()))?;
    teller.say(&format!("ingress: http://{}", cluster.ingress()))?;

    teller.chapter(2, "A shop and its database")?;
    teller.typed("kubectl apply -f examples/demo/shop.yaml")?;
    let shop = Shop::open(cluster)?;
    let took = signals.or(shop.ready(1)).await??;
    teller.typed("curl -H 'Host: shop.demo' http://$INGRESS_HOST/demo/person")?;
    teller.say(&format!("200 OK, {:.1} s after the apply: customers are answered.", took.as_secs_f64()))?;

    teller.chapter(3, "The experiment: one Pod of the shop is terminated")?;
    teller.say("Expected: Kubernetes replaces it, and nobody notices.")?;
    let (code, customers) = run(workshop, teller, &shop, "1-one-replica.json", signals).await?;
    expect(workshop, "1-one-replica.json", code, (DEVIATED, "deviated"))?;
    teller.say(&customers.to_string())?;
    teller.bad("A weakness: the only replica was gone, and its replacement takes seconds to be ready.")?;

    teller.chapter(4, "The fix: a second replica")?;
    teller.typed("kubectl scale deployment shop --namespace shop --replicas 2")?;
    shop.scale(2)?;
    let took = signals.or(shop.ready(2)).await??;
    teller.say(&format!("2 of 2 replicas are ready, {:.1} s later.", took.as_secs_f64()))?;

    teller.chapter(5, "The same experiment again")?;
    let (code, customers) = run(workshop, teller, &shop, "2-two-replicas.json", signals).await?;
    expect(workshop, "2-two-replicas.json", code, (HELD, "completed"))?;
    teller.say(&customers.to_string())?;
    teller.good("It holds: the other replica answered while the first was replaced.")?;
    Ok(())
}

/// Runs the experiment as anybody would, while customers come; its exit code, and what became of them.
async fn run(
    workshop: &Workshop,
    teller: &Teller,
    shop: &Shop<'_>,
    journal: &str,
    signals: &mut Signals,
) -> Result<(Option<i32>, Customers), End> {
    teller.typed("chaos run examples/demo/experiment.yaml")?;
    teller.gap()?;
    let unable = |error: io::Error| Problem::new(format!("could not run the experiment: {error}"));
    let mut child = Command::from(workshop.experiment(journal)?).spawn().map_err(unable)?;
    let mut interrupted = false;
    let ending = async {
        loop {
            tokio::select! {
                status = child.wait() => return status,
                signal = signals.next() => {
                    interrupted = true;
                    // It has a process group of its own, so it hears of each signal once: from us.
                    let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
                    if let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) {
                        // It may just have ended; then there is nobody to tell.
                        let _ = rustix::process::kill_process(pid, signal);
                    }
                }
            }
        }
    };
    let mut customers = Customers::default();
    let status: ExitStatus = tokio::select! {
        status = ending => status.map_err(unable)?,
        never = shop.serve(&mut customers) => match never {},
    };
    teller.gap()?;
    match interrupted {
        true => Err(End::Interrupted),
        false => Ok((status.code(), customers)),
    }
}

/// Whether a run came out as the story has it.
fn expect(workshop: &Workshop, journal: &str, code: Option<i32>, expected: (i32, &str)) -> Result<(), End> {
    let status = workshop.status(journal)?;
    if (code, status.as_str()) == (Some(expected.0), expected.1) {
        return Ok(());
    }
    let code = code.map_or("none".to_owned(), |code| code.to_string());
    let (wanted, path) = (expected.1, workshop.journal(journal));
    Err(Problem::new(format!("the run should have {wanted}, but its status is {status} (exit code {code})"))
        .hint(format!("{} tells what happened", path.display()))
        .into())
}

/// The signals that end the demo.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Signals {
    /// Begins to catch them. Must be called within the runtime.
    fn new() -> Result<Signals, Problem> {
        let listen = |kind| {
            signal(kind).map_err(|error| Problem::new(format!("could not listen for signals: {error}")))
        };
        Ok(Signals {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hang_up: listen(SignalKind::hangup())?,
        })
    }

    /// The next one.
    async fn next(&mut self) -> rustix::process::Signal {
        tokio::select! {
            _ = self.interrupt.recv() => rustix::process::Signal::INT,
            _ = self.terminate.recv() => rustix::process::Signal::TERM,
            _ = self.hang_up.recv() => rustix::process::Signal::HUP,
        }
    }

    /// What comes of something, unless a signal comes first.
    async fn or<T>(&mut self, something: impl Future<Output = T>) -> Result<T, End> {
        tokio::select! {
            done = something => Ok(done),
            _ = self.next() => Err(End::Interrupted),
        }
    }
}
