//! What the Toolkit lacks: failures that count, a `dry` that is dry, rollbacks while something is changed, shares of looks.

use crate::system::{Outcome, System, activity, play};
use serde_json::json;
use squall_engine::options::{Dry, HypothesisStrategy, Options, RollbackStrategy, UndoPolicy};
use squall_engine::stop::Signal;
use squall_experiment::event::{Ending, Event, Phase, RollbackChoice, Status};

fn system() -> System {
    System::with(&[("cart", 3), ("mark", 0)])
}

async fn run(
    system: &System,
    mut experiment: serde_json::Value,
    options: Options,
    signals: &[(f64, Signal)],
) -> Outcome {
    let state = tempfile::tempdir().unwrap();
    experiment["title"] = "t".into();
    experiment["description"] = "d".into();
    play(system, experiment, options, signals, state.path()).await
}

/// The names of the activities that began.
fn begun(outcome: &Outcome) -> Vec<String> {
    let name = |event: &Event| match event {
        Event::ActivityStarted { activity, .. } => Some(activity.get("name")?.as_text()?.to_owned()),
        _ => None,
    };
    outcome.records.iter().filter_map(|record| name(&record.event)).collect()
}

fn choice(outcome: &Outcome) -> Option<&RollbackChoice> {
    outcome.records.iter().find_map(|record| match &record.event {
        Event::RollbacksDecided { choice } => Some(choice),
        _ => None,
    })
}

/// `nobody` does not exist, so reading it fails.
#[tokio::test(start_paused = true)]
async fn a_strict_failure_fails_the_run_and_ends_the_method() {
    let fails = |extra| activity("read nobody", extra);
    let method =
        |extra| json!([activity("set cart 0", json!({})), fails(extra), activity("set mark 5", json!({}))]);
    let strict = Options { strict: true, ..Options::default() };
    let wins = RollbackStrategy::Default;
    for (options, extra, status, mark) in [
        (Options::default(), json!({}), Status::Completed, 5),
        (Options::default(), json!({"strict": false}), Status::Completed, 5),
        (Options::default(), json!({"strict": true}), Status::Failed, 0),
        (strict.clone(), json!({}), Status::Failed, 0),
        (strict.clone(), json!({"strict": null}), Status::Failed, 0),
        (strict.clone(), json!({"strict": false}), Status::Completed, 5),
        (Options { rollbacks: wins, ..strict.clone() }, json!({}), Status::Failed, 0),
    ] {
        let system = system();
        let experiment = json!({
            "steady-state-hypothesis":
                {"title": "h", "probes": [activity("read cart", json!({"tolerance": [0, 3]}))]},
            "method": method(extra.clone()),
            "rollbacks": [activity("read mark", json!({}))],
        });
        let outcome = run(&system, experiment, options.clone(), &[]).await;
        let context = format!("{extra} {}", options.strict);
        assert_eq!((outcome.ended.status, outcome.ended.deviated), (status, false), "{context}");
        assert_eq!(
            system.numbers()["mark"],
            mark,
            "what comes after a strict failure is left out: {context}"
        );
        let looked =
            outcome.has(|e| matches!(e, Event::HypothesisEnded { phase: Phase::After, met: true, .. }));
        assert!(looked, "the steady state is looked at nevertheless: {context}");
        assert_eq!(choice(&outcome), Some(&RollbackChoice::Played), "{context}");
        let cart = if status == Status::Failed { 3 } else { 0 };
        assert_eq!(system.numbers()["cart"], cart, "a failed run puts back what it changed: {context}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_strict_failure_counts_in_the_background_through_a_ref_and_among_rollbacks() {
    let strict = Options { strict: true, ..Options::default() };
    let mine = json!({"strict": true, "background": true});
    let method = json!([
        activity("read nobody", mine),
        activity("read cart", json!({"pauses": {"after": 1}})),
        activity("set mark 5", json!({})),
    ]);
    let background = run(&system(), json!({"method": method}), Options::default(), &[]).await;
    assert_eq!(background.ended.status, Status::Failed);
    assert_eq!(begun(&background), ["read-nobody", "read-cart"]);

    let twice = json!([activity("read nobody", json!({"strict": false})), {"ref": "read-nobody"}]);
    let through = run(&system(), json!({"method": twice}), strict.clone(), &[]).await;
    assert_eq!(through.ended.status, Status::Completed, "the referenced activity says that it may fail");
    let but = json!([activity("read nobody", json!({})), {"ref": "read-nobody", "strict": true}]);
    let but = run(&system(), json!({"method": but}), Options::default(), &[]).await;
    assert_eq!(but.ended.status, Status::Failed);

    let rollbacks = json!([activity("read nobody", json!({})), activity("set mark 5", json!({}))]);
    let system = system();
    let experiment = json!({"method": [], "rollbacks": rollbacks});
    let rollbacks = run(&system, experiment, Options { undo: UndoPolicy::Auto, ..strict }, &[]).await;
    assert_eq!(rollbacks.ended.status, Status::Failed);
    assert_eq!(begun(&rollbacks), ["read-nobody", "set-mark-5"], "the other rollbacks are played");
}

/// `toy.nothing` does not exist, which is no failure of an activity; `pauses` of another type are none either.
#[tokio::test(start_paused = true)]
async fn an_unexpected_error_in_the_background_is_a_failure_that_is_told() {
    let mut unknown = activity("read cart", json!({"background": true}));
    unknown["provider"]["func"] = "nothing".into();
    let paused = activity("read cart", json!({"background": true, "pauses": {"before": -1}}));
    let method = json!([unknown, paused, activity("set mark 5", json!({}))]);
    let system = system();
    let outcome = run(&system, json!({"method": method}), Options::default(), &[]).await;
    assert_eq!((outcome.ended.status, system.numbers()["mark"]), (Status::Completed, 5));
    assert!(outcome.has(|e| matches!(e, Event::ActivityEnded { ending: Ending::Failed { message, .. }, .. }
        if message.contains("does not expose a function called 'nothing'"))));
    assert!(outcome.has(|e| matches!(e, Event::Noted { text, .. }
        if text == "  => failed: ValueError: sleep length must be non-negative")));
}

#[tokio::test(start_paused = true)]
async fn rollbacks_are_played_while_something_is_changed() {
    use RollbackChoice as C;
    use RollbackStrategy as S;
    let set = json!({"arguments": {"then_wait": 100}});
    for (words, extra, strategy, signal, expected) in [
        ("set cart 0", &set, S::Unnamed, Signal::Interrupt, C::StillChanged),
        ("set cart 0", &set, S::Unnamed, Signal::Terminate, C::StillChanged),
        ("set cart 0", &set, S::Unnamed, Signal::User2, C::Silent),
        ("set cart 0", &set, S::Default, Signal::Interrupt, C::Silent),
        ("set cart 0", &set, S::Never, Signal::Interrupt, C::Never),
        // Armed, and as before nevertheless.
        ("set cart 3", &set, S::Unnamed, Signal::Interrupt, C::Silent),
        ("read cart", &json!({"arguments": {"patience": 100}}), S::Unnamed, Signal::Interrupt, C::Silent),
    ] {
        let system = system();
        let context = format!("{words} {strategy:?} {signal:?}");
        let experiment = json!({
            "method": [activity(words, extra.clone())],
            "rollbacks": [activity("set mark 5", json!({}))],
        });
        let options = Options { rollbacks: strategy, ..Options::default() };
        let outcome = run(&system, experiment, options, &[(5.0, signal)]).await;
        assert_eq!(outcome.ended.status, Status::Interrupted, "{context}");
        assert_eq!(choice(&outcome), Some(&expected), "{context}");
        let played = expected == C::StillChanged;
        assert_eq!(begun(&outcome).len(), if played { 2 } else { 1 }, "{context}");
        assert_eq!(system.numbers()["cart"], 3, "the ledger puts back what is left: {context}");
        assert!(outcome.at.as_secs_f64() < 6.0, "{context} took {:?}", outcome.at);
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_twice_to_stop_is_not_kept_waiting_by_rollbacks() {
    let system = system();
    let experiment = json!({
        "method": [activity("set cart 0", json!({"arguments": {"then_wait": 100}}))],
        "rollbacks": [activity("set mark 5", json!({}))],
    });
    let twice = [(5.0, Signal::Interrupt), (5.001, Signal::Interrupt)];
    let outcome = run(&system, experiment, Options::default(), &twice).await;
    assert_eq!(choice(&outcome), Some(&RollbackChoice::Silent));
    assert_eq!((system.numbers()["cart"], system.numbers()["mark"]), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn rollbacks_are_played_after_a_failure_while_something_is_changed() {
    let options = |rollbacks| Options {
        hypothesis: HypothesisStrategy::DuringMethodOnly,
        fail_fast: Some(0.0),
        rollbacks,
        ..Options::default()
    };
    for (strategy, expected) in [
        (RollbackStrategy::Unnamed, RollbackChoice::StillChanged),
        (RollbackStrategy::Default, RollbackChoice::Silent),
    ] {
        let experiment = json!({
            "steady-state-hypothesis":
                {"title": "h", "probes": [activity("read cart", json!({"tolerance": 3}))]},
            "method": [activity("set cart 0", json!({"arguments": {"then_wait": 10}}))],
            "rollbacks": [activity("set cart 3", json!({}))],
        });
        let outcome = run(&system(), experiment, options(strategy), &[]).await;
        assert_eq!(outcome.ended.status, Status::Failed);
        assert_eq!(choice(&outcome), Some(&expected));
    }
}

/// A flag that the method sets and the rollbacks take away again; whether the last look sees it decides how the run ends.
#[tokio::test(start_paused = true)]
async fn after_failing_fast_the_last_look_decides() {
    use HypothesisStrategy as H;
    use RollbackChoice as C;
    for (strategy, back, strict, expected) in [
        // Still broken: a weakness was found, and the rollbacks are played.
        (H::Continuously, false, false, (Status::Completed, true, C::Played, 3)),
        // Well again, or nobody looked again: it failed, and nothing is played.
        (H::Continuously, true, false, (Status::Failed, false, C::Silent, 3)),
        (H::DuringMethodOnly, false, false, (Status::Failed, false, C::Silent, 0)),
        // A strict failure beside it is one, whatever is seen afterwards.
        (H::Continuously, false, true, (Status::Failed, true, C::Played, 3)),
    ] {
        let mut method = vec![activity("set cart 0", json!({"pauses": {"after": 10}}))];
        if back {
            let back = json!({"background": true, "pauses": {"before": 5}});
            method.insert(0, activity("set cart 3", back));
        }
        if strict {
            let mut fails = activity("read nobody", json!({"background": true, "strict": true}));
            fails["pauses"] = json!({"before": 0.2});
            method.insert(0, fails);
        }
        let system = system();
        let experiment = json!({
            "steady-state-hypothesis":
                {"title": "h", "probes": [activity("read cart", json!({"tolerance": 3}))]},
            "method": method,
            "rollbacks": [activity("set cart 3", json!({}))],
        });
        let options = Options {
            hypothesis: strategy,
            fail_fast: Some(0.0),
            rollbacks: RollbackStrategy::Default,
            undo: UndoPolicy::Auto,
            ..Options::default()
        };
        let outcome = run(&system, experiment, options, &[]).await;
        let context = format!("{strategy:?} {back} {strict}");
        let (status, deviated, played, cart) = expected;
        assert_eq!((outcome.ended.status, outcome.ended.deviated), (status, deviated), "{context}");
        assert_eq!(choice(&outcome), Some(&played), "{context}");
        if status == Status::Completed || back {
            assert_eq!(system.numbers()["cart"], cart, "{context}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_activity_says_itself_whether_it_is_dry() {
    for (mode, own, executed) in [
        (None, json!(null), true),
        (None, json!(true), false),
        (None, json!(false), true),
        (None, json!("yes"), false),
        (Some(Dry::Activities), json!(null), false),
        (Some(Dry::Activities), json!(true), false),
        (Some(Dry::Activities), json!(false), true),
        (Some(Dry::Probes), json!(true), false),
        (Some(Dry::Pause), json!(true), false),
    ] {
        let system = system();
        let extra = json!({"dry": own, "pauses": {"after": 7}});
        let experiment = json!({"method": [activity("set cart 0", extra)]});
        let outcome = run(&system, experiment, Options { dry: mode, ..Options::default() }, &[]).await;
        let context = format!("{mode:?} {own}");
        assert_eq!(system.numbers()["cart"], if executed { 0 } else { 3 }, "{context}");
        assert_eq!(outcome.has(|e| matches!(e, Event::Armed { .. })), executed, "{context}");
        assert_eq!(system.0.lock().unwrap().requests == 0, !executed, "{context}");
        let ended = |e: &Event| matches!(e, Event::ActivityEnded { ending: Ending::Succeeded { .. }, .. });
        assert!(outcome.has(ended), "{context}");
        assert_eq!(outcome.at.as_secs() >= 7, executed, "its pauses are left out with it: {context}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_dry_probe_is_within_its_tolerance() {
    let probe = activity("read cart", json!({"tolerance": 7, "dry": true}));
    let experiment = json!({"steady-state-hypothesis": {"title": "h", "probes": [probe]}, "method": []});
    let outcome = run(&system(), experiment, Options::default(), &[]).await;
    assert_eq!((outcome.ended.status, outcome.ended.deviated), (Status::Completed, false));
}

#[tokio::test(start_paused = true)]
async fn a_share_of_the_looks_ends_the_method() {
    // A look a second; from the fifth second on they deviate. Looks are at 0, 1, … s.
    for (share, looks) in [(0.0, 6), (0.5, 10), (0.9, 50), (1.0, 60)] {
        let experiment = json!({
            "steady-state-hypothesis":
                {"title": "h", "probes": [activity("read cart", json!({"tolerance": 3}))]},
            "method": [
                activity("read mark", json!({"pauses": {"before": 4.5}})),
                activity("set cart 0", json!({"arguments": {"then_wait": 55}})),
                activity("set mark 5", json!({})),
            ],
        });
        let options = Options {
            hypothesis: HypothesisStrategy::DuringMethodOnly,
            frequency: 0.99,
            fail_fast: Some(share),
            ..Options::default()
        };
        let outcome = run(&system(), experiment, options, &[]).await;
        let before = outcome.records.iter().take_while(|r| !matches!(r.event, Event::FailedFast { .. }));
        let counted =
            before.filter(|r| matches!(r.event, Event::HypothesisEnded { phase: Phase::During, .. })).count();
        assert_eq!(counted, looks, "{share}");
        let failed = share < 1.0;
        assert_eq!(outcome.ended.status == Status::Failed, failed, "{share}");
        assert_eq!(begun(&outcome).contains(&"set-mark-5".to_owned()), !failed, "{share}");
    }
}

/// A text is neither above nor below a number, which no probe can help.
#[tokio::test(start_paused = true)]
async fn an_unexpected_error_of_a_continuous_look_aborts_the_run() {
    let experiment = json!({
        "steady-state-hypothesis":
            {"title": "h", "probes": [activity("read cart", json!({"tolerance": ["a", "b"]}))]},
        "method": [
            activity("set cart 0", json!({"arguments": {"then_wait": 3}})),
            activity("set mark 5", json!({})),
        ],
        "rollbacks": [activity("read mark", json!({}))],
    });
    let options = Options { hypothesis: HypothesisStrategy::DuringMethodOnly, ..Options::default() };
    let system = system();
    let outcome = run(&system, experiment, options, &[]).await;
    assert_eq!(outcome.ended.status, Status::Aborted);
    assert!(outcome.has(|e| matches!(e, Event::Broke { message, .. } if message.starts_with("TypeError: "))));
    assert!(!outcome.has(|e| matches!(e, Event::HypothesisEnded { .. })));
    assert_eq!(
        begun(&outcome),
        ["read-cart", "set-cart-0", "read-mark"],
        "the rest of the method is left out"
    );
    assert_eq!(system.numbers()["cart"], 3);
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_for_the_next_look_nor_for_the_background() {
    let experiment = json!({
        "steady-state-hypothesis":
            {"title": "h", "probes": [activity("read cart", json!({"tolerance": 3}))]},
        "method": [
            activity("read mark", json!({"background": true, "arguments": {"patience": 1000}})),
            activity("read mark", json!({"pauses": {"after": 500}})),
        ],
    });
    for signal in [Signal::Interrupt, Signal::Terminate, Signal::User1, Signal::User2] {
        let options =
            Options { hypothesis: HypothesisStrategy::Continuously, frequency: 300.0, ..Options::default() };
        let outcome = run(&system(), experiment.clone(), options, &[(5.0, signal)]).await;
        assert_eq!(outcome.ended.status, Status::Interrupted);
        assert!(outcome.at.as_secs_f64() < 5.1, "{signal:?} took {:?}", outcome.at);
    }
}
