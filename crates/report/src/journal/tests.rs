//! The journals of recorded runs of the Toolkit, from their events.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use super::*;
use crate::story::{Story, exited, failed, gave, process, with};
use expect_test::{Expect, expect};
use serde_json::{Value as Json, json};
use squall_experiment::event::{Event, Level, Listed, Phase, Place, Reverted, Status, UndoId};
use std::convert::Infallible;

const METHOD: Place = Place::Method;
const BEFORE: Place = Place::Hypothesis(Phase::Before);
const AFTER: Place = Place::Hypothesis(Phase::After);
const DURING: Place = Place::Hypothesis(Phase::During);
const TOO_LONG: &str = "process activity took too long to complete";

fn text(records: &[Record]) -> String {
    let mut journal = Vec::new();
    write(|_| Ok::<_, Infallible>(records.iter().cloned().map(Ok::<_, Infallible>)), &mut journal).unwrap();
    String::from_utf8(journal).unwrap()
}

/// The keys of a run record in their order, with the values that are not times.
fn record(record: &Json) -> String {
    let mut all = record["activity"]["name"].as_str().unwrap_or("?").to_owned();
    for (key, value) in record.as_object().unwrap().iter().skip(1) {
        all += &match (key.as_str(), value) {
            ("start" | "end", Json::String(_)) => format!(" {key}"),
            ("duration", Json::Number(number)) if number.is_f64() => format!(" {key}"),
            ("exception", Json::Array(lines)) => format!(" {key}={}", lines.last().unwrap()),
            _ => format!(" {key}={value}"),
        };
    }
    all
}

/// What a journal says, in a few lines.
fn check(story: Story, expected: Expect) {
    let journal: Json = serde_json::from_str(&text(&story.records)).unwrap();
    let mut all = format!("{} deviated={}\n", journal["status"].as_str().unwrap(), journal["deviated"]);
    let mut list = |what: &str, records: &Json| {
        for one in records.as_array().unwrap() {
            all += &format!("{what}: {}\n", record(one));
        }
    };
    let states = &journal["steady_states"];
    let during = states["during"].as_array().unwrap().iter();
    let named = [("before", &states["before"]), ("after", &states["after"])];
    for (what, state) in
        named.into_iter().filter(|(_, state)| !state.is_null()).chain(during.map(|s| ("during", s)))
    {
        list(&format!("{what} {}", state["steady_state_met"]), &state["probes"]);
    }
    list("run", &journal["run"]);
    list("rollbacks", &journal["rollbacks"]);
    expected.assert_eq(&all);
}

fn alive() -> Json {
    with(process("probe", "alive", "true", &[]), "tolerance", json!(0))
}
fn say() -> Json {
    process("action", "say", "echo", &["hello"])
}
fn background(name: &str) -> Json {
    with(process("action", name, "sleep", &["0.9"]), "background", json!(true))
}
fn nap() -> Json {
    process("action", "nap", "sleep", &["2"])
}
fn stop(signal: &str) -> Event {
    Event::StopRequested { signal: signal.into(), degree: 1 }
}

#[test]
fn every_byte_of_a_small_one() {
    let story = Story::of(json!({"method": [], "tags": ["é"], "contributions": {}}))
        .steady(Phase::Before, alive(), exited(0, "a\n\"b\" ✓"))
        .tell(Event::MethodStarted { activities: 1 })
        .activity(METHOD, process("action", "bad", "sleep", &["2"]), failed(TOO_LONG))
        .ended(Status::Completed, false);
    expect![[r#"
        {
          "chaoslib-version": "1.44.0",
          "platform": "Linux-6.1-x86_64-with-glibc2.36",
          "node": "here",
          "experiment": {
            "title": "A small experiment",
            "description": "Written for the conformance corpus.",
            "method": [],
            "tags": [
              "é"
            ],
            "contributions": {},
            "dry": null
          },
          "start": "2026-11-20T09:13:01.174051+00:00",
          "status": "completed",
          "deviated": false,
          "steady_states": {
            "before": {
              "steady_state_met": true,
              "probes": [
                {
                  "activity": {
                    "type": "probe",
                    "name": "alive",
                    "provider": {
                      "type": "process",
                      "path": "true"
                    },
                    "tolerance": 0
                  },
                  "output": {
                    "status": 0,
                    "stdout": "a\n\"b\" ✓",
                    "stderr": ""
                  },
                  "start": "2026-11-20T09:13:01.194051+00:00",
                  "status": "succeeded",
                  "end": "2026-11-20T09:13:01.204051+00:00",
                  "duration": 0.01,
                  "tolerance_met": true
                }
              ]
            },
            "after": null,
            "during": []
          },
          "run": [
            {
              "activity": {
                "type": "action",
                "name": "bad",
                "provider": {
                  "type": "process",
                  "path": "sleep",
                  "arguments": [
                    "2"
                  ]
                }
              },
              "output": null,
              "start": "2026-11-20T09:13:01.244051+00:00",
              "status": "failed",
              "exception": [
                "Traceback (most recent call last):\n",
                "chaoslib.exceptions.ActivityFailed: process activity took too long to complete\n"
              ],
              "end": "2026-11-20T09:13:01.254051+00:00",
              "duration": 0.01
            }
          ],
          "rollbacks": [],
          "end": "2026-11-20T09:13:01.264051+00:00",
          "duration": 0.09
        }"#]]
    .assert_eq(&text(&story.records));
}

#[test]
fn runs_that_end_by_themselves() {
    // jrn-full
    check(
        Story::of(json!({}))
            .steady(Phase::Before, alive(), exited(0, ""))
            .tell(Event::MethodStarted { activities: 3 })
            .activity(METHOD, say(), exited(0, "hello\n"))
            .activity(METHOD, json!({"type": "probe", "name": "v"}), gave(json!({"a": [1, 2.0]})))
            .activity(METHOD, process("action", "bad", "sleep", &["2"]), failed(TOO_LONG))
            .tell(Event::MethodEnded)
            .steady(Phase::After, alive(), exited(0, ""))
            .rollbacks(&[(
                "put-back",
                process("action", "put-back", "echo", &["rolled"]),
                exited(0, "rolled\n"),
            )])
            .ended(Status::Completed, false),
        expect![[r#"
            completed deviated=false
            before true: alive output={"status":0,"stdout":"","stderr":""} start status="succeeded" end duration tolerance_met=true
            after true: alive output={"status":0,"stdout":"","stderr":""} start status="succeeded" end duration tolerance_met=true
            run: say output={"status":0,"stdout":"hello\n","stderr":""} start status="succeeded" end duration
            run: v output={"a":[1,2.0]} start status="succeeded" end duration
            run: bad output=null start status="failed" exception="chaoslib.exceptions.ActivityFailed: process activity took too long to complete\n" end duration
            rollbacks: put-back output={"status":0,"stdout":"rolled\n","stderr":""} start status="succeeded" end duration
        "#]],
    );
    // ssh-gate-failed
    check(
        Story::of(json!({}))
            .hypothesis(Phase::Before)
            .activity(BEFORE, process("probe", "slow", "sleep", &["2"]), failed(TOO_LONG))
            .unmet(Phase::Before, "slow", true)
            .ended(Status::Failed, false),
        expect![[r#"
            failed deviated=false
            before false: slow output=null start status="failed" exception="chaoslib.exceptions.ActivityFailed: process activity took too long to complete\n" end duration tolerance_met=false
        "#]],
    );
    // ssh-continuously-gate, then rb-deviated-default's other side
    check(
        Story::of(json!({}))
            .hypothesis(Phase::After)
            .activity(AFTER, alive(), exited(0, ""))
            .judged(true, "0")
            .activity(AFTER, process("probe", "dead", "false", &[]), exited(1, ""))
            .judged(false, "0")
            .unmet(Phase::After, "dead", false)
            .ended(Status::Completed, true),
        expect![[r#"
            completed deviated=true
            after false: alive output={"status":0,"stdout":"","stderr":""} start status="succeeded" end duration tolerance_met=true
            after false: dead output={"status":1,"stdout":"","stderr":""} start status="succeeded" end duration tolerance_met=false
        "#]],
    );
    // dry-activities-unmet
    check(
        Story::dry(json!({}), Some("activities"))
            .hypothesis(Phase::Before)
            .activity(BEFORE, process("probe", "dead", "false", &[]), gave(Json::Null))
            .met(Phase::Before)
            .ended(Status::Completed, false),
        expect![[r#"
            completed deviated=false
            before true: dead output=null start status="succeeded" end duration tolerance_met=true
        "#]],
    );
    // proc-timeout-string: what began when the run broke has an end, but no status
    check(
        Story::of(json!({}))
            .exploring(2)
            .begin(METHOD, background("bg"))
            .begin(METHOD, nap())
            .tell(Event::Broke { message: "TypeError: no".into(), place: METHOD })
            .end(1, exited(0, ""))
            .ended(Status::Aborted, false),
        expect![[r#"
            aborted deviated=false
            run: bg output={"status":0,"stdout":"","stderr":""} start status="succeeded" end duration
            run: nap output=null start end duration
        "#]],
    );
}

#[test]
fn rounds_during_the_method() {
    // ssh-during-failfast; the round that a stop cut off is not there
    let seq = || with(json!({"type": "probe", "name": "seq"}), "tolerance", json!(200));
    check(
        Story::of(json!({}))
            .begin(METHOD, process("action", "work", "sleep", &["0.6"]))
            .steady(Phase::During, seq(), gave(json!(200)))
            .hypothesis(Phase::During)
            .activity(DURING, seq(), gave(json!(503)))
            .judged(false, "200")
            .unmet(Phase::During, "seq", false)
            .end(2, exited(0, ""))
            .hypothesis(Phase::During)
            .begin(DURING, seq())
            .ended(Status::Failed, false),
        expect![[r#"
            failed deviated=false
            during true: seq output=200 start status="succeeded" end duration tolerance_met=true
            during false: seq output=503 start status="succeeded" end duration tolerance_met=false
            run: work output={"status":0,"stdout":"","stderr":""} start status="succeeded" end duration
        "#]],
    );
}

#[test]
fn interrupted_and_killed_runs() {
    // sig-int-process
    check(
        Story::of(json!({}))
            .exploring(1)
            .begin(METHOD, nap())
            .tell(stop("SIGINT"))
            .end(0, Ending::Interrupted)
            .ended(Status::Interrupted, false),
        expect![[r#"
            interrupted deviated=false
            run: nap output=null start end duration
        "#]],
    );
    // sig-usr2-background
    check(
        Story::of(json!({}))
            .exploring(2)
            .begin(METHOD, background("bg"))
            .begin(METHOD, nap())
            .tell(stop("SIGUSR2"))
            .end(0, Ending::Interrupted)
            .ended(Status::Interrupted, false),
        expect![[r#"
            interrupted deviated=false
            run: bg output=null start
            run: nap output=null start end duration
        "#]],
    );
    // sig-int-hypothesis
    check(
        Story::of(json!({}))
            .hypothesis(Phase::Before)
            .begin(BEFORE, alive())
            .tell(stop("SIGINT"))
            .end(0, Ending::Interrupted)
            .ended(Status::Interrupted, false),
        expect![[r#"
            interrupted deviated=false
        "#]],
    );
    // Killed while two activities ran, restored the next day.
    let mut killed = Story::of(json!({})).exploring(2).begin(METHOD, background("bg")).begin(METHOD, say());
    let end = killed.records.last().unwrap().at;
    killed = killed.tell(Event::Restored { undo: UndoId(0), outcome: Reverted::PutBack });
    let journal: Json = serde_json::from_str(&text(&killed.records)).unwrap();
    assert_eq!(journal["end"], json!(time::iso(end)));
    check(
        killed,
        expect![[r#"
            interrupted deviated=false
            run: bg output=null start
            run: say output=null start
        "#]],
    );
}

#[test]
fn background_activities_keep_the_order_of_their_starts() {
    check(
        Story::of(json!({}))
            .exploring(3)
            .begin(METHOD, background("first"))
            .begin(METHOD, background("second"))
            .begin(METHOD, say())
            .end(0, exited(0, "3"))
            .end(1, exited(0, "2"))
            .end(2, exited(0, "1"))
            .ended(Status::Completed, false),
        expect![[r#"
            completed deviated=false
            run: first output={"status":0,"stdout":"1","stderr":""} start status="succeeded" end duration
            run: second output={"status":0,"stdout":"2","stderr":""} start status="succeeded" end duration
            run: say output={"status":0,"stdout":"3","stderr":""} start status="succeeded" end duration
        "#]],
    );
}

#[test]
fn records_that_cannot_be_read() {
    let journal = |records: Vec<Result<Record, &'static str>>| {
        let error = write(|_| Ok::<_, &str>(records.clone().into_iter()), &mut io::sink()).unwrap_err();
        error.to_string()
    };
    expect!["could not write the journal: the event log holds no run"].assert_eq(&journal(Vec::new()));
    let begun = Ok(Story::of(json!({})).records.remove(0));
    expect!["could not write the journal: the event log cannot be read: line 2 is damaged"]
        .assert_eq(&journal(vec![begun, Err("line 2 is damaged")]));
    let gone =
        write(|_| Err::<std::iter::Empty<Result<Record, &str>>, _>("gone"), &mut io::sink()).unwrap_err();
    expect!["could not write the journal: the event log cannot be read: gone"].assert_eq(&gone.to_string());
}

#[test]
fn files_are_written_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let story = Story::of(json!({})).ended(Status::Completed, false);
    let good = |_| Ok::<_, Infallible>(story.records.iter().cloned().map(Ok::<_, Infallible>));
    let path = folder.path().join("journal.json");
    fs::write(&path, "old").unwrap();
    let bad = |_| Ok::<_, &str>([Err("damaged")].into_iter());
    write_file(bad, &path).unwrap_err();
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    write_file(good, &path).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), text(&story.records));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left");

    let link = folder.path().join("link.json");
    #[cfg(unix)]
    std::os::unix::fs::symlink("journal.json", &link).unwrap();
    fs::write(&path, "old").unwrap();
    write_file(good, &link).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), text(&story.records));

    let error = write_file(good, &folder.path().join("no/journal.json")).unwrap_err().to_string();
    let error = error.replace(&folder.path().display().to_string(), "FOLDER");
    expect!["could not write the journal FOLDER/no/journal.json: No such file or directory (os error 2)"]
        .assert_eq(&error);
    #[cfg(target_os = "linux")]
    expect!["could not write the journal /dev/full: No space left on device (os error 28)"]
        .assert_eq(&write_file(good, Path::new("/dev/full")).unwrap_err().to_string());
}

/// What lies at the path of a run's journal.
fn found(there: impl FnOnce(&Path)) -> There {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.json");
    there(&path);
    let records = killed().records;
    super::there(|_| Ok::<_, Infallible>(records.iter().cloned().map(Ok::<_, Infallible>)), &path).unwrap()
}

/// A run without an end.
fn killed() -> Story {
    Story::of(json!({"method": []})).tell(Event::MethodStarted { activities: 1 })
}

#[test]
fn a_journal_tells_whose_it_is() {
    let ours = || text(&killed().records);
    let start = "2026-11-20T09:13:01.174051";
    let end = "2026-11-20T09:13:01.184051";
    assert!(ours().contains(start) && ours().contains(end), "{}", ours());
    let with = |from: &str, to: &str| {
        let journal = ours().replace(from, to);
        found(|path| fs::write(path, journal).unwrap())
    };
    assert_eq!(found(|_| ()), There::Nothing);
    assert_eq!(found(|path| fs::create_dir(path).unwrap()), There::NoFile);
    assert_eq!(with("", ""), There::Same);
    assert_eq!(with(start, "2026-11-20T09:13:01.174050"), There::Earlier);
    assert_eq!(with(start, "2026-11-20T09:13:01.174052"), There::Later);
    assert_eq!(with("\"here\"", "\"there\""), There::Later, "another machine's, of the same microsecond");
    assert_eq!(with(end, "2026-11-20T09:13:02.000000"), There::Fuller);
    assert_eq!(with("}", ""), There::NoJournal, "it broke off");
    assert_eq!(with("  \"end\"", "  \"konec\""), There::NoJournal);
    for text in ["", "{}", "notes", "[\n]\n", "{\n}\n"] {
        assert_eq!(found(|path| fs::write(path, text).unwrap()), There::NoJournal, "{text}");
    }
}

#[test]
fn what_follows_the_journal_is_of_a_recovery() {
    let told = |story: Story| text(&story.records);
    let recovered = killed()
        .tell(Event::JournalWritten { path: "/journal.json".into(), settled: true })
        .tell(stop("SIGTERM"))
        .tell(Event::Restored { undo: UndoId(0), outcome: Reverted::PutBack });
    assert_eq!(told(recovered), told(killed()));
    // Before there was such a record, a recovery's notes did not count either.
    let noted = killed().tell(Event::Noted { level: Level::Debug, text: "asked the server".into() });
    assert_eq!(told(noted), told(killed()));
}

#[test]
fn a_killed_run_had_found_a_weakness() {
    let deviated = killed().steady(Phase::After, alive(), exited(1, ""));
    let journal: Json = serde_json::from_str(&text(&deviated.records)).unwrap();
    assert_eq!((&journal["status"], &journal["deviated"]), (&json!("interrupted"), &json!(false)));
    let deviated = killed().tell(Event::HypothesisStarted { phase: Phase::After, title: "t".into() }).tell(
        Event::HypothesisEnded {
            phase: Phase::After,
            met: false,
            probe: None,
            failed: false,
            controlled: false,
        },
    );
    let journal: Json = serde_json::from_str(&text(&deviated.records)).unwrap();
    assert_eq!(journal["deviated"], json!(true));
}

#[test]
fn what_a_probe_judged_is_in_its_arguments() {
    let judge = json!({"type": "probe", "name": "judge", "provider": {"type": "http", "url": "http://x", "arguments": {}}});
    let probe = || with(json!({"type": "probe", "name": "load"}), "tolerance", judge.clone());
    let experiment = json!({"steady-state-hypothesis": {"title": "t", "probes": [probe()]}});
    let story = Story::of(experiment)
        .steady(Phase::Before, probe(), gave(json!(7)))
        .hypothesis(Phase::Before)
        .steady(Phase::After, probe(), gave(json!(9)))
        .hypothesis(Phase::After)
        .ended(Status::Completed, false);
    let journal: Json = serde_json::from_str(&text(&story.records)).unwrap();
    let states = &journal["steady_states"];
    for shown in [
        &journal["experiment"]["steady-state-hypothesis"]["probes"][0],
        &states["before"]["probes"][0]["activity"],
        &states["after"]["probes"][0]["activity"],
    ] {
        // The last value, wherever the probe is shown.
        assert_eq!(shown["tolerance"]["provider"]["arguments"], json!({"value": 9}));
    }
}

fn added(value: Json) -> Listed {
    Listed::Added(Value::from_json(value))
}

/// A run in which controls wrote into a state and into lists of records.
fn marked() -> Story {
    let played = |id| Listed::Played(ActivityId(id));
    let probes = vec![added(json!({"activity": {"name": "theirs"}})), played(0)];
    let judged = Value::from_json(json!({"activity": {"name": "alive"}, "tolerance_met": "perhaps"}));
    let members = Value::from_json(json!({"steady_state_met": "it is", "note": [1]}));
    Story::of(json!({"method": []}))
        .steady(Phase::Before, alive(), exited(0, ""))
        .tell(Event::RecordChanged { id: ActivityId(0), record: judged })
        .tell(Event::StateChanged { phase: Phase::Before, met: true, members, removed: Vec::new() })
        .tell(Event::RunsChanged { place: BEFORE, runs: probes })
        .activity(METHOD, say(), exited(0, "a"))
        .activity(METHOD, nap(), exited(0, "b"))
        .tell(Event::RunsChanged {
            place: METHOD,
            runs: vec![added(json!({"activity": {"name": "mine"}})), played(2)],
        })
        .activity(METHOD, say(), exited(0, "c"))
        .steady(Phase::After, alive(), exited(0, ""))
        .tell(Event::StateChanged {
            phase: Phase::After,
            met: false,
            members: Value::Null,
            removed: vec!["steady_state_met".into()],
        })
        .ended(Status::Completed, true)
}

#[test]
fn what_controls_write_into_states_and_lists_is_there() {
    check(
        marked(),
        expect![[r#"
            completed deviated=true
            before "it is": theirs
            before "it is": alive tolerance_met="perhaps"
            after null: alive output={"status":0,"stdout":"","stderr":""} start status="succeeded" end duration tolerance_met=true
            run: mine
            run: nap output={"status":0,"stdout":"b","stderr":""} start status="succeeded" end duration
            run: say output={"status":0,"stdout":"c","stderr":""} start status="succeeded" end duration
        "#]],
    );
    let journal: Json = serde_json::from_str(&text(&marked().records)).unwrap();
    assert_eq!(journal["steady_states"]["before"]["note"], json!([1]));
    // What is shown meanwhile is the same.
    let mut kept = Kept::default();
    marked().records.iter().for_each(|record| kept.take(record));
    for (phase, key) in [(Phase::Before, "before"), (Phase::After, "after")] {
        assert_eq!(kept.look(phase).to_json(), journal["steady_states"][key]);
    }
    assert_eq!(kept.runs(METHOD).to_json(), journal["run"]);
}

/// Controls may have the last word once the run ended.
#[test]
fn lists_may_change_after_the_end() {
    let late = marked().tell(Event::RunsChanged { place: METHOD, runs: vec![added(json!("text"))] });
    let journal: Json = serde_json::from_str(&text(&late.records)).unwrap();
    assert_eq!(journal["run"], json!(["text"]));
}
