//! `chaos demo`: a playground, a shop on it, an experiment that finds its weakness, the fix, and the experiment again.
//!
//! Invariant: however it ends, by itself or by a signal, its children were waited for, the playground is down, and of its
//! folders only the journals are left. Its experiments are runs of `chaos run`, by this very program.

mod scratch;
mod shop;
mod street;
mod teller;
mod workshop;

use crate::arguments::Demo;
use crate::problem::Problem;
use crate::session::Session;
use crate::{exit, machine};
pub(crate) use scratch::sweep;
use shop::{Answer, Shop};
use squall_playground::cluster::{Cluster, Inside, Options};
use std::io;
use std::process::ExitStatus;
use std::time::{Duration, Instant};
use street::{News, Street, Tally};
use teller::Teller;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;
use tokio::signal::unix::{Signal, SignalKind, signal};
use workshop::Workshop;

/// What a run came to, and its exit code.
const HELD: i32 = 0;
/// A run that deviated has this one, and one that could not be played too: the journal tells them apart.
const DEVIATED: i32 = 1;
/// How long customers come before the run begins, and after all is well again.
const BEFORE: Duration = Duration::from_millis(800);
const AFTER: Duration = Duration::from_secs(1);
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
        sweep(&session.environment);
        let mut teller = Teller::new(&session.environment);
        let workshop = Workshop::new(session, &arguments.journals)?;
        let started = Instant::now();
        teller.headline()?;
        let options =
            Options { nodes: 1, inside: Inside::Pipes, seed: machine::new_seed(), ..Options::default() };
        let cluster = Cluster::up(options)
            .await
            .map_err(|error| Problem::new(format!("the playground could not start: {error}")))?;
        let told = story(&cluster, &workshop, &mut teller, &mut signals).await;
        // Who asks again does not want to wait; what is left then ends with the process.
        let _ = signals.or(cluster.down()).await;
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
            Err(End::Failed(problem)) => {
                // The problem is told below what was there.
                let _ = teller.end_row();
                Err(problem)
            }
        }
    })
}

/// From the empty cluster to the experiment that holds.
async fn story(
    cluster: &Cluster,
    workshop: &Workshop,
    teller: &mut Teller,
    signals: &mut Signals,
) -> Result<(), End> {
    workshop.equip(cluster)?;
    reachable(cluster).await?;
    teller.chapter(1, "A cluster, within this process")?;
    teller.say(&format!("API server, controllers, node: {}", cluster.url()))?;
    teller.say(&format!("ingress: http://{}", cluster.ingress()))?;

    teller.chapter(2, "A shop and its database")?;
    teller.typed("kubectl apply -f examples/demo/shop.yaml")?;
    let shop = Shop::open(cluster)?;
    let mut street = Street::new(&shop);
    let took = opened(1, &mut street, teller, signals).await?;
    teller
        .say(&format!("{:.1} s after the apply it is open: customers are answered.", took.as_secs_f64()))?;

    teller.chapter(3, "The experiment: one Pod of the shop is terminated")?;
    teller.say("Expected: Kubernetes replaces it, and nobody notices.")?;
    let scene = Scene { workshop, shop: &shop, journal: "1-one-replica.json" };
    let code = scene.play(&mut street, teller, signals).await?;
    expect(workshop, scene.journal, code, (DEVIATED, "deviated"))?;
    teller.bad("A weakness: the only replica was gone, and its replacement took seconds.")?;

    teller.chapter(4, "The fix: a second replica")?;
    teller.typed("kubectl scale deployment shop --namespace shop --replicas 2")?;
    shop.scale(2)?;
    let took = opened(2, &mut street, teller, signals).await?;
    teller.say(&format!("2 of 2 replicas are ready, {:.1} s later.", took.as_secs_f64()))?;

    teller.chapter(5, "The same experiment again")?;
    let scene = Scene { workshop, shop: &shop, journal: "2-two-replicas.json" };
    let code = scene.play(&mut street, teller, signals).await?;
    expect(workshop, scene.journal, code, (HELD, "completed"))?;
    teller.good("It holds: one replica answered while the other was replaced.")?;
    Ok(())
}

/// Where this machine cannot reach itself, waiting for customers would tell nobody why.
async fn reachable(cluster: &Cluster) -> Result<(), Problem> {
    let door = cluster.ingress();
    let reached = tokio::net::TcpStream::connect(door).await.map(drop);
    reached.map_err(|error| {
        Problem::new(format!("this machine does not reach itself at {door}: {error}"))
            .hint("is its loopback interface up? `ip link show lo` tells")
    })
}

/// Waits until so many replicas of the shop are ready and customers are answered; how long that took.
async fn opened(
    replicas: u64,
    street: &mut Street<'_>,
    teller: &mut Teller,
    signals: &mut Signals,
) -> Result<Duration, End> {
    let started = Instant::now();
    loop {
        match signals.or(street.next()).await? {
            News::Pod(text) => teller.aside(&text)?,
            News::Customer(Answer::Served) if street.shop().replicas_ready()? == replicas => {
                return Ok(started.elapsed());
            }
            News::Customer(_) => {}
        }
        if started.elapsed() > PATIENCE {
            return Err(Problem::new(format!("the shop is not ready after {} s", PATIENCE.as_secs()))
                .hint("is this machine very busy?")
                .into());
        }
    }
}

/// One run of the experiment, as anybody would run it, while customers come.
struct Scene<'a> {
    workshop: &'a Workshop,
    shop: &'a Shop<'a>,
    journal: &'static str,
}

impl Scene<'_> {
    /// Its exit code. It is over when the shop is as it was before.
    async fn play(
        &self,
        street: &mut Street<'_>,
        teller: &mut Teller,
        signals: &mut Signals,
    ) -> Result<Option<i32>, End> {
        let replicas = self.shop.replicas_ready()?;
        let mut tally = Tally::default();
        teller.typed("chaos run examples/demo/experiment.yaml")?;
        teller.gap()?;
        let before = tokio::time::sleep(BEFORE);
        watch(street, teller, &mut tally, signals.or(before)).await??;
        let status = self.run(street, teller, &mut tally, signals).await?;
        let (started, mut since) = (Instant::now(), None);
        // Until all is as it was, and a moment longer, so that it can be seen.
        while since.is_none_or(|since: Instant| since.elapsed() < AFTER) && started.elapsed() < PATIENCE {
            let next = tokio::time::sleep(street::PACE);
            watch(street, teller, &mut tally, signals.or(next)).await??;
            if tally.last() == Some(Answer::Served) && self.shop.replicas_ready()? == replicas {
                since.get_or_insert_with(Instant::now);
            }
        }
        teller.end_row()?;
        teller.legend()?;
        teller.gap()?;
        teller.say(&tally.to_string())?;
        Ok(status.code())
    }

    async fn run(
        &self,
        street: &mut Street<'_>,
        teller: &mut Teller,
        tally: &mut Tally,
        signals: &mut Signals,
    ) -> Result<ExitStatus, End> {
        let unable = |error: io::Error| Problem::new(format!("could not run the experiment: {error}"));
        let command = self.workshop.experiment(self.journal, self.shop.door(), teller.has_coloured_logs())?;
        let mut child = Command::from(command).spawn().map_err(unable)?;
        let said = child.stderr.take().ok_or_else(|| Problem::new("the run has no standard error"))?;
        let mut lines = BufReader::new(said).split(b'\n');
        let (mut interrupted, mut silent) = (false, false);
        let mut trouble = None;
        let status = loop {
            // What cannot be told does not end the run; it is waited for in any case.
            let told = tokio::select! {
                line = lines.next_segment(), if !silent => match line {
                    Ok(Some(line)) => teller.log(&line),
                    Ok(None) | Err(_) => {
                        silent = true;
                        Ok(())
                    }
                },
                status = child.wait(), if silent => break status.map_err(unable)?,
                signal = signals.next() => {
                    interrupted = true;
                    // It has a process group of its own, so it hears of each signal once: from us.
                    let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
                    if let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) {
                        // It may just have ended; then there is nobody to tell.
                        let _ = rustix::process::kill_process(pid, signal);
                    }
                    Ok(())
                }
                news = street.next() => tell(news, teller, tally),
            };
            if let Err(problem) = told {
                trouble.get_or_insert(problem);
            }
        };
        match (interrupted, trouble) {
            (true, _) => Err(End::Interrupted),
            (false, Some(problem)) => Err(problem.into()),
            (false, None) => Ok(status),
        }
    }
}

/// Tells what is to be seen until something is done.
async fn watch<T>(
    street: &mut Street<'_>,
    teller: &mut Teller,
    tally: &mut Tally,
    done: impl Future<Output = T>,
) -> Result<T, Problem> {
    tokio::pin!(done);
    loop {
        tokio::select! {
            done = &mut done => return Ok(done),
            news = street.next() => tell(news, teller, tally)?,
        }
    }
}

fn tell(news: News, teller: &mut Teller, tally: &mut Tally) -> Result<(), Problem> {
    match news {
        News::Pod(text) => teller.aside(&text),
        News::Customer(answer) => {
            tally.add(answer);
            teller.customer(answer)
        }
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
