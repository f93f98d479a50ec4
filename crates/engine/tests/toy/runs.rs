//! What ends a run, and what is in place afterwards.

use crate::system::{System, activity, play, recover_all};
use serde_json::json;
use squall_engine::options::{HypothesisStrategy, Options, RollbackStrategy, UndoPolicy};
use squall_engine::stop::Signal;
use squall_experiment::event::{Ending, Event, Phase, Status};

fn experiment(method: serde_json::Value) -> serde_json::Value {
    json!({
        "title": "t", "description": "d",
        "steady-state-hypothesis": {"title": "h", "probes": [activity("read cart", json!({"tolerance": 3}))]},
        "method": method,
    })
}

#[tokio::test(start_paused = true)]
async fn a_weakness_is_found_and_the_change_is_left_with_a_warning() {
    let system = System::with(&[("cart", 3)]);
    let state = tempfile::tempdir().unwrap();
    let method = json!([activity("set cart 0", json!({}))]);
    let outcome = play(&system, experiment(method), Options::default(), &[], state.path()).await;
    assert_eq!((outcome.ended.status, outcome.ended.deviated), (Status::Completed, true));
    assert_eq!((outcome.ended.left, outcome.ended.not_restored), (1, 0));
    assert!(outcome.has(|e| *e == Event::LeftBehind { undos: vec!["set cart back to 3".into()] }));
    assert_eq!(system.numbers()["cart"], 0);
    assert_eq!(recover_all(&system, state.path()).await, (1, 0));
    assert_eq!(system.numbers()["cart"], 3);
    assert_eq!(recover_all(&system, state.path()).await, (0, 0), "twice is harmless");
}

#[tokio::test(start_paused = true)]
async fn a_rollback_that_restores_leaves_nothing_behind() {
    let system = System::with(&[("cart", 3)]);
    let state = tempfile::tempdir().unwrap();
    let mut whole = experiment(json!([activity("set cart 0", json!({}))]));
    whole["rollbacks"] = json!([activity("set cart 3", json!({}))]);
    let outcome = play(&system, whole, Options::default(), &[], state.path()).await;
    assert_eq!((outcome.ended.left, outcome.ended.not_restored), (0, 0));
    assert!(!outcome.has(|e| matches!(e, Event::LeftBehind { .. })));
    assert_eq!(recover_all(&system, state.path()).await, (0, 0));
    assert_eq!(system.numbers()["cart"], 3);
}

#[tokio::test(start_paused = true)]
async fn undo_always_puts_back_what_the_author_left() {
    let system = System::with(&[("cart", 3), ("user", 1)]);
    let state = tempfile::tempdir().unwrap();
    let method = json!([activity("set cart 0", json!({})), activity("set user 7", json!({}))]);
    let options = Options { undo: UndoPolicy::Always, ..Options::default() };
    let outcome = play(&system, experiment(method), options, &[], state.path()).await;
    assert_eq!(outcome.ended.status, Status::Completed);
    assert_eq!((system.numbers()["cart"], system.numbers()["user"]), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn a_signal_ends_the_activity_and_everything_is_put_back() {
    for (signal, strategy, rolled) in [
        (Signal::Interrupt, RollbackStrategy::Default, false),
        (Signal::Interrupt, RollbackStrategy::Unnamed, true),
        (Signal::Terminate, RollbackStrategy::Always, true),
        (Signal::User2, RollbackStrategy::Always, false),
    ] {
        let system = System::with(&[("cart", 3), ("mark", 0)]);
        let state = tempfile::tempdir().unwrap();
        let slow = activity("set cart 0", json!({"arguments": {"then_wait": 100}}));
        let mut whole = experiment(json!([slow, activity("set mark 5", json!({}))]));
        whole["rollbacks"] = json!([activity("read mark", json!({}))]);
        let options = Options { rollbacks: strategy, ..Options::default() };
        let outcome = play(&system, whole, options, &[(5.0, signal)], state.path()).await;
        assert_eq!(outcome.ended.status, Status::Interrupted);
        assert_eq!(system.numbers()["cart"], 3, "{signal:?}");
        assert_eq!(system.numbers()["mark"], 0, "nothing is injected after the stop");
        assert_eq!(outcome.has(|e| matches!(e, Event::RollbackNext { .. })), rolled, "{signal:?}");
        assert!(outcome.has(|e| matches!(e, Event::ActivityEnded { ending: Ending::Interrupted, .. })));
        assert!(outcome.at.as_secs_f64() < 6.0, "took {:?}", outcome.at);
    }
}

/// Looking whether a change is still in place takes the toy 10 ms; nothing else is waited for before it.
#[tokio::test(start_paused = true)]
async fn a_signal_while_it_is_seen_what_is_left_puts_that_back() {
    let system = System::with(&[("cart", 3)]);
    let play = async |signals: &[(f64, Signal)]| {
        let state = tempfile::tempdir().unwrap();
        let method = json!([activity("set cart 0", json!({}))]);
        play(&system, experiment(method), Options::default(), signals, state.path()).await
    };
    let whole = play(&[]).await;
    assert_eq!((whole.ended.status, whole.ended.left), (Status::Completed, 1));
    let before_its_end = whole.at.as_secs_f64() - 0.005;
    system.0.lock().unwrap().numbers.insert("cart".to_owned(), 3);
    let outcome = play(&[(before_its_end, Signal::Terminate)]).await;
    assert_eq!((outcome.ended.status, outcome.ended.left), (Status::Interrupted, 0));
    assert_eq!(system.numbers()["cart"], 3);
}

#[tokio::test(start_paused = true)]
async fn the_hypothesis_gates_the_method() {
    let system = System::with(&[("cart", 2)]);
    let state = tempfile::tempdir().unwrap();
    let method = json!([activity("set cart 0", json!({}))]);
    let outcome = play(&system, experiment(method), Options::default(), &[], state.path()).await;
    assert_eq!((outcome.ended.status, outcome.ended.deviated), (Status::Failed, false));
    assert!(!outcome.has(|e| matches!(e, Event::MethodStarted { .. })));
    assert_eq!(system.numbers()["cart"], 2);
}

#[tokio::test(start_paused = true)]
async fn background_activities_run_beside_the_others_and_are_waited_for() {
    let system = System::with(&[("cart", 3), ("user", 1)]);
    let state = tempfile::tempdir().unwrap();
    let slow = json!({"background": true, "arguments": {"patience": 10}});
    let method = json!([
        activity("read user", slow.clone()),
        activity("read user", slow),
        activity("read cart", json!({"pauses": {"before": 4}})),
    ]);
    let outcome = play(&system, experiment(method), Options::default(), &[], state.path()).await;
    assert_eq!(outcome.ended.status, Status::Completed);
    assert_eq!(outcome.at.as_secs(), 10, "side by side, not one after the other");
}

#[tokio::test(start_paused = true)]
async fn failing_fast_ends_the_method() {
    let system = System::with(&[("cart", 3)]);
    let state = tempfile::tempdir().unwrap();
    let method = json!([
        activity("set cart 0", json!({"arguments": {"then_wait": 10}})),
        activity("set cart 1", json!({})),
    ]);
    let options = Options {
        hypothesis: HypothesisStrategy::DuringMethodOnly,
        fail_fast: Some(0.0),
        ..Options::default()
    };
    let outcome = play(&system, experiment(method), options, &[], state.path()).await;
    assert_eq!((outcome.ended.status, outcome.ended.deviated), (Status::Failed, false));
    assert_eq!(system.numbers()["cart"], 3, "a failed run puts back what it changed");
    let looks = outcome
        .records
        .iter()
        .filter(|record| matches!(record.event, Event::HypothesisEnded { phase: Phase::During, .. }));
    assert_eq!(looks.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_put_back_stays_open() {
    let system = System::with(&[("cart", 3)]);
    let state = tempfile::tempdir().unwrap();
    let method = json!([
        activity("set cart 0", json!({})),
        activity("set nothing 0", json!({"pauses": {"before": "${nope}"}})),
    ]);
    let refusing = system.clone();
    let watcher = async {
        while refusing.numbers()["cart"] == 3 {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        refusing.0.lock().unwrap().refuses = true;
        std::future::pending::<()>().await;
    };
    let outcome = tokio::select! {
        () = watcher => unreachable!(),
        outcome = play(&system, experiment(method), Options::default(), &[], state.path()) => outcome,
    };
    assert_eq!(outcome.ended.status, Status::Aborted);
    assert_eq!(outcome.ended.not_restored, 1);
    assert!(outcome.has(
        |e| matches!(e, Event::NotRestored { message, hint, .. } if message == "the toy refuses" && hint.as_deref() == Some("ask it nicely"))
    ));
    assert_eq!(recover_all(&system, state.path()).await, (1, 1));
    system.0.lock().unwrap().refuses = false;
    assert_eq!(recover_all(&system, state.path()).await, (1, 0));
    assert_eq!(system.numbers()["cart"], 3);
}
