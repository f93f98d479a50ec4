//! A system of named numbers that can be looked at and changed, and everything to run an experiment on it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_engine::control::Controls;
use squall_engine::log::{self, EventLog};
use squall_engine::options::Options;
use squall_engine::run::{Ended, Program, Request, World};
use squall_engine::spec::{Catalog, action, probe, undo};
use squall_engine::stop::Signal;
use squall_engine::story::Clock;
use squall_engine::undo::{Permit, Restore, Undo};
use squall_engine::{
    Act, Action, Entry, Environment, Failure, Handles, Look, Probe, Spec, Stop, UndoEntry, recover, run,
};
use squall_experiment::document::Experiment;
use squall_experiment::event::{Event, Record, Reverted, RunId, Sought};
use squall_experiment::{Value, resolve};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;

/// The system under test: names to numbers, and how many more requests it answers.
#[derive(Clone, Default)]
pub(crate) struct System(pub(crate) Arc<Mutex<Inner>>);
#[derive(Default)]
pub(crate) struct Inner {
    pub(crate) numbers: BTreeMap<String, i64>,
    /// After so many requests our process "dies": every further one never answers.
    pub(crate) dies_after: Option<usize>,
    pub(crate) requests: usize,
    pub(crate) refuses: bool,
}

impl System {
    pub(crate) fn with(numbers: &[(&str, i64)]) -> System {
        let system = System::default();
        system.0.lock().unwrap().numbers = numbers.iter().map(|(n, v)| ((*n).to_owned(), *v)).collect();
        system
    }
    pub(crate) fn numbers(&self) -> BTreeMap<String, i64> {
        self.0.lock().unwrap().numbers.clone()
    }
    async fn request(&self) -> Result<(), Failure> {
        let (dead, refuses) = {
            let mut inner = self.0.lock().unwrap();
            inner.requests += 1;
            (inner.dies_after.is_some_and(|limit| inner.requests > limit), inner.refuses)
        };
        if dead {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
        if refuses { Err(Failure::target("the toy refuses").hint("ask it nicely")) } else { Ok(()) }
    }
    async fn get(&self, name: &str) -> Result<Option<i64>, Failure> {
        self.request().await?;
        Ok(self.0.lock().unwrap().numbers.get(name).copied())
    }
    async fn set(&self, _: &impl Permit, name: &str, to: i64) -> Result<(), Failure> {
        self.request().await?;
        self.0.lock().unwrap().numbers.insert(name.to_owned(), to);
        Ok(())
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetArgs {
    name: String,
    to: i64,
    #[serde(default)]
    then_wait: u64,
}

struct Set;
impl Action for Set {
    const SPEC: Spec =
        Spec { name: "toy.set", aliases: &["chaostoy.actions.set_number"], summary: "sets", ..Spec::DEFAULT };
    type Args = SetArgs;
    type Did = i64;
    async fn act(args: &SetArgs, cx: &Act) -> Result<i64, Stop> {
        let system = cx.handle::<System>()?;
        let Some(was) = system.get(&args.name).await? else {
            return Err(Failure::target(format!("no {}", args.name)).into());
        };
        let armed = cx.arm(SetBack { name: args.name.clone(), was }).await?;
        system.set(&armed, &args.name, args.to).await?;
        cx.sleep(Duration::from_secs(args.then_wait)).await?;
        Ok(was)
    }
}

#[derive(Serialize, Deserialize)]
struct SetBack {
    name: String,
    was: i64,
}
impl Undo for SetBack {
    const KIND: &'static str = "toy.set";
    fn key(&self) -> String {
        format!("toy {}", self.name)
    }
    fn describe(&self) -> String {
        format!("set {} back to {}", self.name, self.was)
    }
    async fn is_back(&self, cx: &Look) -> Result<bool, Failure> {
        Ok(cx.handle::<System>()?.get(&self.name).await?.is_none_or(|now| now == self.was))
    }
    async fn revert(&self, cx: &Restore) -> Result<Reverted, Failure> {
        let system = cx.handle::<System>()?;
        match system.get(&self.name).await? {
            None => Ok(Reverted::TargetGone),
            Some(now) if now == self.was => Ok(Reverted::AlreadyBack),
            Some(_) => {
                system.set(cx, &self.name, self.was).await?;
                Ok(Reverted::PutBack)
            }
        }
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReadArgs {
    name: String,
    #[serde(default)]
    patience: u64,
}

struct Read;
impl Probe for Read {
    const SPEC: Spec = Spec { name: "toy.read", summary: "reads", ..Spec::DEFAULT };
    type Args = ReadArgs;
    type Seen = i64;
    async fn look(args: &ReadArgs, cx: &Look) -> Result<i64, Stop> {
        cx.sleep(Duration::from_secs(args.patience)).await?;
        let seen = cx.handle::<System>()?.get(&args.name).await?;
        Ok(seen.ok_or_else(|| Failure::target(format!("no {}", args.name)))?)
    }
}

static ENTRIES: &[Entry] = &[action::<Set>(), probe::<Read>()];
static UNDOS: &[UndoEntry] = &[undo::<SetBack>()];
pub(crate) static CATALOG: Catalog = Catalog { entries: ENTRIES, undos: UNDOS, controls: &[] };

/// An activity in one line: `set cart 0`, `read cart`, with extra keys.
pub(crate) fn activity(words: &str, extra: serde_json::Value) -> serde_json::Value {
    let words: Vec<&str> = words.split(' ').collect();
    let (kind, arguments) = match words[0] {
        "set" => ("action", serde_json::json!({"name": words[1], "to": words[2].parse::<i64>().unwrap()})),
        "read" => ("probe", serde_json::json!({"name": words[1]})),
        other => panic!("no {other}"),
    };
    let mut activity = serde_json::json!({
        "type": kind, "name": words.join("-"),
        "provider": {"type": "python", "module": "toy", "func": words[0], "arguments": arguments},
    });
    for (key, value) in extra.as_object().cloned().unwrap_or_default() {
        if key == "arguments" {
            for (name, value) in value.as_object().unwrap() {
                activity["provider"]["arguments"][name] = value.clone();
            }
        } else {
            activity[&key] = value;
        }
    }
    activity
}

/// What a run left to look at.
pub(crate) struct Outcome {
    pub(crate) ended: Ended,
    pub(crate) records: Vec<Record>,
    pub(crate) at: Duration,
}

impl Outcome {
    /// The events of a kind, as their serde names.
    pub(crate) fn has(&self, wanted: impl Fn(&Event) -> bool) -> bool {
        self.records.iter().any(|record| wanted(&record.event))
    }
}

pub(crate) fn clock() -> Clock {
    Clock::starting("2026-11-20T09:00:00Z".parse().unwrap())
}

/// Runs `experiment` in `state` under the name `run`; `signals` come at these seconds.
pub(crate) async fn play(
    system: &System,
    experiment: serde_json::Value,
    options: Options,
    signals: &[(f64, Signal)],
    state: &Path,
) -> Outcome {
    play_under(None, system, experiment, options, signals, state).await
}

/// The same, with controls.
pub(crate) async fn play_under(
    controls: Option<Arc<dyn Controls>>,
    system: &System,
    experiment: serde_json::Value,
    options: Options,
    signals: &[(f64, Signal)],
    state: &Path,
) -> Outcome {
    let run_id = RunId("r1".to_owned());
    let log = EventLog::create(state, &run_id).unwrap();
    let path = log.path().to_owned();
    let document = Value::from_json(experiment);
    let nothing = squall_experiment::Object::default();
    let configuration = resolve::configuration(document.get("configuration"), &nothing, &|_| None).unwrap();
    let request = Request {
        experiment: Experiment::new(document).unwrap(),
        configuration,
        secrets: nothing,
        options,
        source: "test".to_owned(),
        journal: None,
        run: run_id,
        program: Program::default(),
    };
    let (send, receive) = mpsc::unbounded_channel();
    let began = tokio::time::Instant::now();
    let signalling = async {
        for (at, signal) in signals {
            tokio::time::sleep_until(began + Duration::from_secs_f64(*at)).await;
            send.send(*signal).unwrap();
        }
        std::future::pending::<()>().await;
    };
    let world = World {
        catalog: CATALOG,
        environment: Environment::default(),
        handles: Handles::default().with(system.clone()),
        clock: clock(),
        signals: receive,
        observers: Vec::new(),
        foreign: None,
        veil: None,
        controls,
    };
    let (ended, _told) = tokio::select! {
        () = signalling => unreachable!(),
        done = run::run(request, log, world) => done,
    };
    let records = log::read(&path, Sought::All).unwrap().collect::<Result<_, _>>().unwrap();
    Outcome { ended, records, at: began.elapsed() }
}

/// Recovers everything in `state`; returns how many undos there were and how many could not be played.
pub(crate) async fn recover_all(system: &System, state: &Path) -> (usize, usize) {
    let mut sum = (0, 0);
    for earlier in recover::runs(state).unwrap() {
        let handles = Handles::default().with(system.clone());
        let (_send, signals) = mpsc::unbounded_channel();
        let (count, failed) = recover::recover(
            &earlier.path,
            CATALOG,
            Environment::default(),
            handles,
            clock(),
            signals,
            Vec::new(),
        )
        .await
        .unwrap();
        sum.0 += count;
        sum.1 += failed;
    }
    sum
}
