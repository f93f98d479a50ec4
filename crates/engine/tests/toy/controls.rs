//! Controls that do not return: a run that is stopped puts back what it changed nevertheless, and ends.

use crate::system::{Outcome, System, activity, play_under};
use futures_util::future::BoxFuture;
use serde_json::json;
use squall_engine::control::{Call, Changes, Controls, Hook, Look, Subject, Unhooked};
use squall_engine::options::{Options, RollbackStrategy};
use squall_engine::stop::Signal;
use squall_experiment::event::{Around, Event, Level, Side, Status};
use squall_experiment::{Object, Value};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Two controls whose hooks of these names take that long, and event handlers that hang from the n-th time on.
struct Slow {
    hooks: &'static [&'static str],
    takes: Duration,
    handlers_hang_from: usize,
    told: AtomicUsize,
    called: Mutex<BTreeSet<&'static str>>,
}

impl Slow {
    fn new(hooks: &'static [&'static str], takes: Duration, handlers_hang_from: usize) -> Arc<Slow> {
        Arc::new(Slow {
            hooks,
            takes,
            handlers_hang_from,
            told: AtomicUsize::new(0),
            called: Mutex::default(),
        })
    }
}

impl Controls for Slow {
    fn globals(&self) -> Vec<Value> {
        ["one", "two"].map(|name| Value::from_json(json!({"name": name}))).into()
    }
    fn told(&self) -> BoxFuture<'_, ()> {
        let hangs = self.told.fetch_add(1, Ordering::Relaxed) >= self.handlers_hang_from;
        Box::pin(async move {
            if hangs {
                std::future::pending::<()>().await;
            }
        })
    }
    fn call<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Changes, Unhooked>> {
        let function = call.hook.function();
        self.called.lock().unwrap().insert(function);
        // The first activity breaks something, so nobody is slow about it.
        let spared = matches!(call.subject, Subject::Activity { activity, .. }
            if activity.get("name").and_then(Value::as_text) == Some("set-cart-0"));
        let takes = if self.hooks.contains(&function) && !spared { self.takes } else { Duration::ZERO };
        Box::pin(async move {
            tokio::time::sleep(takes).await;
            Ok(Changes::default())
        })
    }
}

/// Breaks the cart at once, waits, and is asked to stop at these seconds.
async fn stopped(controls: &Arc<Slow>, always: bool, at: &[f64]) -> (System, Outcome) {
    let system = System::with(&[("cart", 3), ("mark", 0)]);
    let experiment = json!({
        "title": "t",
        "description": "d",
        "method": [
            activity("set cart 0", json!({})),
            activity("read cart", json!({"arguments": {"patience": 10}})),
        ],
        "rollbacks": [activity("set mark 5", json!({}))],
    });
    let rollbacks = if always { RollbackStrategy::Always } else { RollbackStrategy::Unnamed };
    let options = Options { rollbacks, ..Options::default() };
    let signals: Vec<_> = at.iter().map(|at| (*at, Signal::Terminate)).collect();
    let state = tempfile::tempdir().unwrap();
    let controls = controls.clone();
    let outcome = play_under(Some(controls), &system, experiment, options, &signals, state.path()).await;
    (system, outcome)
}

const EVER: Duration = Duration::from_secs(100_000);

#[tokio::test(start_paused = true)]
async fn hooks_that_hang_keep_a_stopped_run_neither_from_restoring_nor_from_its_end() {
    let all = &[
        "before_activity_control",
        "after_activity_control",
        "after_method_control",
        "before_rollback_control",
        "after_rollback_control",
        "after_experiment_control",
        "cleanup_control",
    ];
    for hooks in [&all[1..2], &all[2..3], &all[3..4], &all[4..5], &all[5..6], &all[6..7], &all[1..], &all[..]]
    {
        for always in [false, true] {
            for at in [&[5.0][..], &[5.0, 5.5], &[5.0, 5.5, 5.6]] {
                let controls = Slow::new(hooks, EVER, usize::MAX);
                let (system, outcome) = stopped(&controls, always, at).await;
                let context = format!("{hooks:?} always: {always} {at:?}");
                assert_eq!(outcome.ended.status, Status::Interrupted, "{context}");
                assert_eq!(system.numbers()["cart"], 3, "{context}");
                assert!(outcome.at <= Duration::from_secs(16), "{context}: {:?}", outcome.at);
                let restored = outcome.records.iter().find(|r| matches!(r.event, Event::Restored { .. }));
                let began = outcome.records.first().unwrap().at;
                let after = restored.unwrap().at.duration_since(began).as_secs_f64();
                assert!(after < 10.5, "{context}: {after}");
                if at.len() == 1 {
                    assert!(outcome.has(|e| matches!(e, Event::ControlFailed { .. })), "{context}");
                }
            }
        }
    }
}

/// What hooks may take is one sum, and what declared rollbacks take is none of it.
#[tokio::test(start_paused = true)]
async fn hooks_that_are_quick_enough_are_all_called_after_a_stop() {
    for (takes, left_out) in [(0.1, false), (0.5, false), (2.0, true)] {
        let hooks =
            &["after_activity_control", "after_method_control", "before_rollback_control", "cleanup_control"];
        let controls = Slow::new(hooks, Duration::from_secs_f64(takes), usize::MAX);
        let (system, outcome) = stopped(&controls, true, &[5.0]).await;
        let called = controls.called.lock().unwrap().contains("before_rollback_control");
        assert_eq!(called, !left_out, "{takes}");
        let failed = outcome.has(
            |e| matches!(e, Event::ControlFailed { message, .. } if message.contains("waits 5 s for its controls")),
        );
        assert_eq!(failed, left_out, "{takes}");
        let numbers = system.numbers();
        assert_eq!((numbers["cart"], numbers["mark"]), (3, 0), "{takes}");
    }
}

/// Says of every look whether it was met.
struct Judge(bool);

impl Controls for Judge {
    fn globals(&self) -> Vec<Value> {
        vec![Value::Object(Object::from_iter([("name".to_owned(), "judge".into())]))]
    }

    fn call<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Changes, Unhooked>> {
        let after = call.hook == Hook::Turn(Around::Hypothesis, Side::After);
        let looks = match call.subject {
            Subject::Hypothesis(phase) if after => vec![(phase, Look { met: self.0, ..Look::default() })],
            _ => Vec::new(),
        };
        Box::pin(std::future::ready(Ok(Changes { looks, ..Changes::default() })))
    }
}

async fn judged_run(judge: Judge, tolerance: i64) -> Outcome {
    let system = System::with(&[("cart", 3)]);
    let experiment = json!({
        "title": "t",
        "description": "d",
        "steady-state-hypothesis":
            {"title": "h", "probes": [activity("read cart", json!({"tolerance": tolerance}))]},
        "method": [],
    });
    let state = tempfile::tempdir().unwrap();
    play_under(Some(Arc::new(judge)), &system, experiment, Options::default(), &[], state.path()).await
}

/// The line that fails an experiment follows the controls, and what they say decides whether there is one.
#[tokio::test(start_paused = true)]
async fn a_control_has_the_last_word_on_a_look() {
    for (judged, tolerance, status) in [
        (false, 3, Status::Failed),
        (true, 7, Status::Completed),
        (true, 3, Status::Completed),
        (false, 7, Status::Failed),
    ] {
        let outcome = judged_run(Judge(judged), tolerance).await;
        assert_eq!(outcome.ended.status, status, "{judged} {tolerance}");
        let at = |of: &dyn Fn(&Event) -> bool| outcome.records.iter().position(|record| of(&record.event));
        let said = at(&|event| {
            matches!(event, Event::Noted { level: Level::Critical, text }
                if text == "Steady state probe 'read-cart' is not in the given tolerance so failing this experiment")
        });
        assert_eq!(said.is_some(), !judged, "{judged} {tolerance}");
        let called = at(&|event| {
            matches!(event, Event::ControlCalled { around: Around::Hypothesis, side: Side::After, .. })
        });
        assert!(said.is_none_or(|said| called.is_some_and(|called| called < said)), "{judged} {tolerance}");
        let ended = |event: &Event| matches!(event, Event::HypothesisEnded { controlled: true, .. });
        assert!(outcome.has(ended));
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_nobody_stops_waits_for_its_controls() {
    let controls = Slow::new(&["after_method_control"], Duration::from_secs(600), usize::MAX);
    let (_, outcome) = stopped(&controls, false, &[]).await;
    assert_eq!(outcome.ended.status, Status::Completed);
    assert!(outcome.at > Duration::from_secs(1200), "{:?}", outcome.at);
    assert!(!outcome.has(|e| matches!(e, Event::ControlFailed { .. })));
}

#[tokio::test(start_paused = true)]
async fn event_handlers_that_hang_keep_a_stopped_run_from_nothing() {
    // Wherever in the run it is that they are told in vain.
    for from in 0..14 {
        for at in [&[5.0][..], &[5.0, 5.5], &[8.0]] {
            let controls = Slow::new(&[], EVER, from);
            let (system, outcome) = stopped(&controls, true, at).await;
            let context = format!("{from} {at:?}");
            assert_eq!(outcome.ended.status, Status::Interrupted, "{context}");
            assert_eq!(system.numbers()["cart"], 3, "{context}");
            assert!(outcome.at <= Duration::from_secs_f64(at[0] + 10.5), "{context}: {:?}", outcome.at);
        }
    }
}
