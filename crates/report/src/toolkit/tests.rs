//! The lines of recorded runs of the Toolkit, from their events.

use super::*;
use crate::story::{Story, exited, failed, gave, process, with};
use expect_test::{Expect, expect};
use serde_json::json;
use squall_experiment::event::{ActivityId, Ending, Level, Reverted, Side, UndoId};

fn lines(story: Story, from: Level) -> String {
    let mut toolkit = Toolkit::new();
    let mut all = String::new();
    for line in
        story.records.iter().flat_map(|record| toolkit.lines(record)).filter(|line| line.level >= from)
    {
        all += &format!("{:?} {}\n", line.level, line.message).replace("Debug ", "");
        all +=
            &line.traceback.map(|text| format!("  | {}\n", text.replace('\n', "\n  | "))).unwrap_or_default();
    }
    all
}

fn check(story: Story, expected: Expect) {
    expected.assert_eq(&lines(story, Level::Info));
}

const METHOD: Place = Place::Method;
const BEFORE: Place = Place::Hypothesis(Phase::Before);
const DURING: Place = Place::Hypothesis(Phase::During);

fn say() -> serde_json::Value {
    process("action", "say", "echo", &["hello"])
}
fn alive() -> serde_json::Value {
    with(process("probe", "alive", "true", &[]), "tolerance", json!(0))
}
fn put_back() -> (&'static str, serde_json::Value, Ending) {
    ("put-back", process("action", "put-back", "echo", &["rolled"]), exited(0, "rolled\n"))
}
fn stop(signal: &str) -> Event {
    Event::StopRequested { signal: signal.into(), degree: 1 }
}
fn decided(choice: RollbackChoice) -> Event {
    Event::RollbacksDecided { choice }
}

#[test]
fn a_run_that_completes_with_failures() {
    // cli-log-colours
    check(
        Story::of(json!({}))
            .strategies("default", "default")
            .steady(Phase::Before, alive(), exited(0, ""))
            .tell(Event::MethodStarted { activities: 2 })
            .begin(METHOD, process("action", "warns", "false", &[]))
            .tell(Event::Noted {
                level: Level::Warning,
                text: "This process returned a non-zero exit code.".into(),
            })
            .end(0, exited(1, ""))
            .activity(
                METHOD,
                process("action", "fails", "sleep", &["3"]),
                failed("process activity took too long to complete"),
            )
            .tell(Event::MethodEnded)
            .steady(Phase::After, alive(), exited(0, ""))
            .rollbacks(&[])
            .ended(Status::Completed, false),
        expect![[r#"
            Info Running experiment: A small experiment
            Info Steady-state strategy: default
            Info Rollbacks strategy: default
            Info Steady state hypothesis: The system is steady
            Info Probe: alive
            Info Steady state hypothesis is met!
            Info Playing your experiment's method now...
            Info Action: warns
            Warning This process returned a non-zero exit code.
            Info Action: fails
            Error   => failed: process activity took too long to complete
            Info Steady state hypothesis: The system is steady
            Info Probe: alive
            Info Steady state hypothesis is met!
            Info Let's rollback...
            Info No declared rollbacks, let's move on.
            Info Experiment ended with status: completed
        "#]],
    );
}

#[test]
fn a_gate_whose_probe_fails() {
    // ssh-gate-failed
    check(
        Story::of(json!({}))
            .strategies("default", "default")
            .hypothesis(Phase::Before)
            .activity(
                BEFORE,
                process("probe", "slow", "sleep", &["2"]),
                failed("process activity took too long to complete"),
            )
            .unmet(Phase::Before, "slow", true)
            .rollbacks(&[put_back()])
            .ended(Status::Failed, false),
        expect![[r#"
            Info Running experiment: A small experiment
            Info Steady-state strategy: default
            Info Rollbacks strategy: default
            Info Steady state hypothesis: The system is steady
            Info Probe: slow
            Error   => failed: process activity took too long to complete
            Warning Probe terminated unexpectedly, so its tolerance could not be validated
            Critical Steady state probe 'slow' is not in the given tolerance so failing this experiment
            Info Let's rollback...
            Info Rollback: put-back
            Info Action: put-back
            Info Experiment ended with status: failed
        "#]],
    );
}

#[test]
fn a_weakness() {
    // ssh-after-fails
    let probe = || process("probe", "p", "sh", &["-c", "test -e x && sleep 3; touch x"]);
    check(
        Story::of(json!({}))
            .strategies("default", "default")
            .steady(Phase::Before, probe(), exited(0, ""))
            .tell(Event::MethodStarted { activities: 1 })
            .activity(METHOD, say(), exited(0, "hello\n"))
            .tell(Event::MethodEnded)
            .hypothesis(Phase::After)
            .activity(
                Place::Hypothesis(Phase::After),
                probe(),
                failed("process activity took too long to complete"),
            )
            .unmet(Phase::After, "p", true)
            .tell(decided(RollbackChoice::Silent))
            .ended(Status::Failed, true),
        expect![[r#"
            Info Running experiment: A small experiment
            Info Steady-state strategy: default
            Info Rollbacks strategy: default
            Info Steady state hypothesis: The system is steady
            Info Probe: p
            Info Steady state hypothesis is met!
            Info Playing your experiment's method now...
            Info Action: say
            Info Steady state hypothesis: The system is steady
            Info Probe: p
            Error   => failed: process activity took too long to complete
            Warning Probe terminated unexpectedly, so its tolerance could not be validated
            Critical Steady state probe 'p' is not in the given tolerance so failing this experiment
            Info Experiment ended with status: deviated
            Info The steady-state has deviated, a weakness may have been discovered
        "#]],
    );
}

#[test]
fn an_abort() {
    // pause-var-string, and rb-aborted's rollbacks
    check(
        Story::of(json!({}))
            .exploring(1)
            .pause(Side::Before, "0.1")
            .tell(Event::Broke {
                message: "TypeError: 'str' object cannot be interpreted as an integer".into(),
                place: METHOD,
            })
            .rollbacks(&[put_back()])
            .ended(Status::Aborted, false),
        expect![[r#"
            Info Running experiment: A small experiment
            Info Steady-state strategy: default
            Info Rollbacks strategy: default
            Info No steady state hypothesis defined. That's ok, just exploring.
            Info Playing your experiment's method now...
            Info Pausing before next activity for 0.1s...
            Critical Experiment ran into an un expected fatal error, aborting now.
              | Traceback (most recent call last):
              | TypeError: 'str' object cannot be interpreted as an integer
            Info Let's rollback...
            Info Rollback: put-back
            Info Action: put-back
            Info Experiment ended with status: aborted
        "#]],
    );
}

#[test]
fn the_hypothesis_during_the_method() {
    // ssh-during-failfast
    check(
        Story::of(json!({}))
            .strategies("during-method-only", "default")
            .tell(Event::ContinuousStarted { every: 0.2 })
            .tell(Event::MethodStarted { activities: 1 })
            .begin(METHOD, process("action", "work", "sleep", &["0.6"]))
            .steady(
                Phase::During,
                json!({"type": "probe", "name": "seq", "tolerance": 200}),
                gave(json!({"status": 200})),
            )
            .hypothesis(Phase::During)
            .activity(
                DURING,
                json!({"type": "probe", "name": "seq", "tolerance": 200, "provider": {"type": "http"}}),
                gave(json!({"status": 503})),
            )
            .judged(false, "200")
            .unmet(Phase::During, "seq", false)
            .tell(Event::FailedFast { deviated: 50.0 })
            .tell(Event::ContinuousEnded)
            .end(2, exited(0, ""))
            .tell(Event::MethodEnded)
            .ended(Status::Failed, false),
        expect![[r#"
            Info Running experiment: A small experiment
            Info Steady-state strategy: during-method-only
            Info Rollbacks strategy: default
            Info Executing the steady-state hypothesis continuously every 0.2 seconds
            Info Playing your experiment's method now...
            Info Action: work
            Info Steady state hypothesis: The system is steady
            Info Probe: seq
            Info Steady state hypothesis is met!
            Info Steady state hypothesis: The system is steady
            Info Probe: seq
            Warning Continuous steady state probe 'seq' is not in the given tolerance
            Info Terminating immediately the experiment after 50.0% hypothesis deviated
            Info Continuous steady state hypothesis terminated
            Info Experiment ended with status: failed
        "#]],
    );
    // ssh-during-crash
    check(
        Story::empty().hypothesis(Phase::During).tell(Event::Broke {
            message: "TypeError: '<=' not supported between instances of 'int' and 'str'".into(),
            place: DURING,
        }),
        expect![[r#"
            Info Steady state hypothesis: The system is steady
            Critical '<=' not supported between instances of 'int' and 'str'
        "#]],
    );
}

#[test]
fn signals() {
    // sig-int-process
    check(
        Story::of(json!({}))
            .exploring(1)
            .begin(METHOD, process("action", "nap", "sleep", &["2"]))
            .tell(stop("SIGINT"))
            .end(0, Ending::Interrupted)
            .tell(decided(RollbackChoice::Silent))
            .ended(Status::Interrupted, false),
        expect![[r#"
            Info Running experiment: A small experiment
            Info Steady-state strategy: default
            Info Rollbacks strategy: default
            Info No steady state hypothesis defined. That's ok, just exploring.
            Info Playing your experiment's method now...
            Info Action: nap
            Warning Received a termination signal (Ctrl-C)...
            Info Experiment ended with status: interrupted
        "#]],
    );
    // sig-term-pause-after
    check(
        Story::of(json!({}))
            .exploring(1)
            .activity(METHOD, process("action", "nap", "true", &[]), exited(0, ""))
            .pause(Side::After, "2")
            .tell(stop("SIGTERM"))
            .tell(decided(RollbackChoice::Always))
            .tell(Event::RollbacksStarted { activities: 1 })
            .ended(Status::Interrupted, false),
        expect![[r#"
            Info Running experiment: A small experiment
            Info Steady-state strategy: default
            Info Rollbacks strategy: default
            Info No steady state hypothesis defined. That's ok, just exploring.
            Info Playing your experiment's method now...
            Info Action: nap
            Info Pausing after activity for 2s...
            Warning Caught SIGTERM signal, interrupting experiment now
            Critical SIGTERM signal received
            Warning Rollbacks were explicitly requested to be played
            Info Let's rollback...
            Info Experiment ended with status: interrupted
        "#]],
    );
    // sig-usr2-background, sig-usr1-process
    check(
        Story::empty()
            .begin(METHOD, with(process("action", "bg", "sleep", &["0.9"]), "background", json!(true)))
            .tell(stop("SIGUSR1"))
            .tell(stop("SIGUSR2")),
        expect![[r#"
            Info Action: bg [in background]
            Warning Received the exit signal: 20
            Warning Received the exit signal: 30
            Warning Ignoring rollbacks as per signal
        "#]],
    );
    // met-ref-background-ignored
    let by_ref = Event::ActivityStarted {
        id: ActivityId(0),
        place: METHOD,
        activity: Value::from_json(say()),
        background: true,
    };
    check(
        Story::empty().tell(by_ref),
        expect![[r#"
            Info Action: say
        "#]],
    );
    // sig-int-rollback, sig-usr1-rollback, sig-term-rollback
    let rolling = || Story::empty().tell(Event::RollbacksStarted { activities: 2 });
    check(
        rolling().tell(stop("SIGINT")).tell(stop("SIGUSR1")).tell(stop("SIGTERM")),
        expect![[r#"
            Info Let's rollback...
            Warning Received an exit signal.Terminating now without running the remaining rollbacks.
            Warning Received an exit signal.Terminating now without running the remaining rollbacks.
            Warning Caught SIGTERM signal, interrupting experiment now
            Critical SIGTERM signal received
        "#]],
    );
    // a control's InterruptExecution
    check(
        Story::empty().tell(stop("enough")),
        expect![[r#"
            Critical enough
        "#]],
    );
}

#[test]
fn strategies_and_dry_modes() {
    check(
        Story::dry(json!({"title": 7}), Some("probes")).tell(Event::HypothesisSkipped),
        expect![[r#"
            Info Running experiment: 7
            Warning Running experiment with dry probes
            Info Skipping Steady-State Hypothesis as requested
        "#]],
    );
    check(
        Story::empty()
            .tell(decided(RollbackChoice::Played))
            .tell(decided(RollbackChoice::Never))
            .tell(decided(RollbackChoice::Deviated))
            .tell(decided(RollbackChoice::NotDeviated)),
        expect![[r#"
            Warning Rollbacks were explicitly requested to not be played
            Warning Rollbacks will be played only because the experiment deviated
            Warning Rollbacks were explicitely requested to be played only if the experiment deviated. Since this is not the case, we will not play them.
        "#]],
    );
    // rb-ref, met-empty
    check(
        Story::empty().tell(Event::MethodStarted { activities: 0 }).rollbacks(&[(
            "None",
            say(),
            exited(0, "hello\n"),
        )]),
        expect![[r#"
            Info Playing your experiment's method now...
            Info No declared activities, let's move on.
            Info Let's rollback...
            Info Rollback: None
            Info Action: say
        "#]],
    );
}

#[test]
fn what_is_left_behind_is_one_warning() {
    let armed = |undo: u64, describe: &str| Event::Armed {
        undo: UndoId(undo),
        by: None,
        kind: "scale".into(),
        key: describe.into(),
        describe: describe.into(),
        with: json!(null),
    };
    let started = || {
        Story::of(json!({}))
            .tell(armed(0, "scale Deployment shop/cart back to 3"))
            .tell(armed(1, "create Pod shop/lone again"))
    };
    let refused = |undo: u64| Event::NotRestored {
        undo: UndoId(undo),
        message: "could not patch Deployment shop/cart: forbidden".into(),
        hint: Some("grant \"patch deployments\" in shop".into()),
    };
    let last = |story: Story| lines(story, Level::Warning);
    expect![[r#"
        Warning What this run changed is still in place. `chaos recover r7f3` puts it back: scale Deployment shop/cart back to 3; create Pod shop/lone again
    "#]]
    .assert_eq(&last(
        started()
            .tell(Event::LeftBehind {
                undos: vec!["scale Deployment shop/cart back to 3".into(), "create Pod shop/lone again".into()],
            })
            .ended(Status::Completed, false),
    ));
    let put_back = |undo: u64| Event::Restored { undo: UndoId(undo), outcome: Reverted::PutBack };
    let broken = expect![[r#"
        Warning What this run changed is still in place. `chaos recover r7f3` puts it back: scale Deployment shop/cart back to 3 (tried, but could not patch Deployment shop/cart: forbidden; hint: grant "patch deployments" in shop)
    "#]];
    let tried = || started().tell(put_back(1)).tell(refused(0));
    broken.assert_eq(&last(tried().ended(Status::Failed, false)));
    let left = Event::LeftBehind { undos: vec!["scale Deployment shop/cart back to 3".into()] };
    broken.assert_eq(&last(tried().tell(left).ended(Status::Failed, false)));
    expect![[""]].assert_eq(&last(tried().tell(put_back(0)).ended(Status::Failed, false)));
}

#[test]
fn debug_lines() {
    expect![[r#"
        Info Running experiment: A small experiment
        run r7f3, seed 7, version 0.1.0
        Running steady-state hypothesis before the method
        Info Steady state hypothesis: The system is steady
        Info Probe: alive
          => succeeded with '{'status': 0, 'stdout': '', 'stderr': ''}'
        allowed tolerance is 0
          => within tolerance
        Info Steady state hypothesis is met!
        Info Action: say [in background]
        activity will run in the background
          => succeeded without any result value
    "#]]
    .assert_eq(&lines(
        Story::of(json!({})).steady(Phase::Before, alive(), exited(0, "")).activity(
            METHOD,
            with(say(), "background", json!(true)),
            gave(json!(null)),
        ),
        Level::Debug,
    ));
    let origin = Toolkit::new().lines(&Story::empty().tell(Event::NoHypothesis).records[0]);
    assert_eq!(origin[0].module, "toolkit");
    assert!(origin[0].number > 0);
}

#[test]
fn a_person_is_told_what_was_put_back() {
    let armed = |undo: u64| Event::Armed {
        undo: UndoId(undo),
        by: None,
        kind: "k".to_owned(),
        key: "k".to_owned(),
        describe: format!("change {undo} back"),
        with: json!(null),
    };
    let restored = |undo: u64, outcome| Event::Restored { undo: UndoId(undo), outcome };
    let broken = |undo: u64| Event::NotRestored { undo: UndoId(undo), message: "no".to_owned(), hint: None };
    let end = || Event::RunEnded { status: Status::Interrupted, deviated: false };
    for (person, last, expected) in [
        (
            true,
            restored(1, Reverted::PutBack),
            vec![
                "put back: change 0 back",
                "put back: change 1 back",
                "2 changes put back, nothing is left behind",
            ],
        ),
        (
            true,
            restored(1, Reverted::AlreadyBack),
            vec!["put back: change 0 back", "1 change put back, nothing is left behind"],
        ),
        (true, broken(1), vec!["put back: change 0 back"]),
        (false, restored(1, Reverted::PutBack), vec![]),
    ] {
        let mut toolkit = Toolkit::new().for_a_person(person);
        let story = [armed(0), armed(1), restored(0, Reverted::PutBack), last, end()];
        let records = story.map(|event| Record { at: jiff::Timestamp::UNIX_EPOCH, event });
        let said: Vec<String> = records
            .iter()
            .flat_map(|record| toolkit.lines(record))
            .filter(|line| line.level == Level::Info && line.message.contains("back"))
            .map(|line| line.message)
            .collect();
        assert_eq!(said, expected);
    }
}
