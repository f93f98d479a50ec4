//! Any event, with any texts, numbers and values in it.

use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use squall_experiment::draft::MAX_LOGGED;
use squall_experiment::event::{
    ActivityId, Around, Blame, Ending, Event, FORMAT, Level, Listed, Phase, Place, Record, Reverted,
    RollbackChoice, RunId, Side, Status, UndoId,
};
use squall_experiment::{Object, Value};

/// How many kinds there are.
pub(crate) const KINDS: usize = 37;

/// A new kind is missing here first, and then in [`events`].
pub(crate) fn kind(event: &Event) -> usize {
    match event {
        Event::RunStarted { .. } => 0,
        Event::StrategiesChosen { .. } => 1,
        Event::NoHypothesis => 2,
        Event::HypothesisSkipped => 3,
        Event::ContinuousStarted { .. } => 4,
        Event::ContinuousEnded => 5,
        Event::FailedFast { .. } => 6,
        Event::HypothesisStarted { .. } => 7,
        Event::ToleranceChecked { .. } => 8,
        Event::HypothesisEnded { .. } => 9,
        Event::MethodStarted { .. } => 10,
        Event::MethodEnded => 11,
        Event::RollbacksDecided { .. } => 12,
        Event::RollbacksStarted { .. } => 13,
        Event::RollbackNext { .. } => 14,
        Event::RollbacksEnded => 15,
        Event::PauseStarted { .. } => 16,
        Event::ActivityStarted { .. } => 17,
        Event::ActivityEnded { .. } => 18,
        Event::Broke { .. } => 19,
        Event::Armed { .. } => 20,
        Event::Heals { .. } => 21,
        Event::Restored { .. } => 22,
        Event::NotRestored { .. } => 23,
        Event::LeftBehind { .. } => 24,
        Event::StopRequested { .. } => 25,
        Event::ControlCalled { .. } => 26,
        Event::ControlFailed { .. } => 27,
        Event::ControlInterrupted { .. } => 28,
        Event::ExperimentChanged { .. } => 29,
        Event::RecordChanged { .. } => 30,
        Event::StateChanged { .. } => 31,
        Event::JournalChanged { .. } => 32,
        Event::Noted { .. } => 33,
        Event::RunEnded { .. } => 34,
        Event::JournalWritten { .. } => 35,
        Event::RunsChanged { .. } => 36,
    }
}

/// A record at any moment between 1969 and 2100, to the microsecond.
pub(crate) fn records() -> impl Strategy<Value = Record> {
    (-1_000_000_i64..4_102_444_800_000_000, events()).prop_map(|(at, event)| {
        let at = jiff::Timestamp::from_microsecond(at).expect("it is within the calendar");
        Record { at, event }
    })
}

fn text() -> BoxedStrategy<String> {
    let words = [
        "",
        "\n",
        "a\nb\r\n",
        "\u{0}",
        "\u{2028}",
        "\u{feff}é\u{1f600}",
        "\",\"event\":\"armed\"",
        "{\"at\":\"",
    ];
    prop_oneof![any::<String>(), select(words.map(str::to_owned).to_vec())].boxed()
}

fn number() -> BoxedStrategy<f64> {
    prop_oneof![any::<u64>().prop_map(f64::from_bits), Just(f64::NAN), Just(f64::INFINITY), 0.0..1e6].boxed()
}

/// Any value that an experiment or an output may hold: as deep as the log may be, and with keys that mean something there.
fn value() -> BoxedStrategy<Value> {
    let key = || {
        let tags = ["$int", "$float", "$bytes", "$date", "$object", "event", "ended", "at"];
        prop_oneof![text(), select(tags.map(str::to_owned).to_vec())]
    };
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        "-?[1-9][0-9]{19,60}".prop_map(Value::Big),
        number().prop_map(Value::Float),
        text().prop_map(Value::Text),
        vec(any::<u8>(), 0..6).prop_map(Value::Bytes),
        "20[0-9]{2}-0[1-9]-1[0-9]".prop_map(Value::Date),
    ]
    .boxed();
    let wide = scalar.clone().prop_recursive(5, 24, 4, move |inner| {
        let object = btree_map(key(), inner.clone(), 0..4).prop_map(|it| Object::from_iter(it).into());
        prop_oneof![vec(inner, 0..4).prop_map(Value::List), object]
    });
    let deep = (scalar, vec((any::<bool>(), key()), MAX_LOGGED)).prop_map(|(scalar, levels)| {
        // What looks like a tag is wrapped, so it counts twice.
        let mut left = MAX_LOGGED - scalar.depth();
        let mut value = scalar;
        for (list, key) in levels {
            let levels = if key.starts_with('$') && !list { 2 } else { 1 };
            let Some(rest) = left.checked_sub(levels) else { break };
            left = rest;
            value = match list {
                true => Value::List(vec![value]),
                false => Value::Object(Object::from_iter([(key, value)])),
            };
        }
        value
    });
    prop_oneof![9 => wide, 1 => deep].boxed()
}

/// What an undo needs. Its floats are those that serde_json reads as it writes them.
fn json() -> BoxedStrategy<serde_json::Value> {
    use serde_json::Value as Json;
    let scalar = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        any::<i32>().prop_map(|number| Json::from(f64::from(number) / 16.0)),
        text().prop_map(Json::from),
    ];
    let nested = scalar.prop_recursive(5, 24, 4, |inner| {
        let object =
            btree_map(text(), inner.clone(), 0..4).prop_map(|it| Json::Object(it.into_iter().collect()));
        prop_oneof![vec(inner, 0..4).prop_map(Json::Array), object]
    });
    nested.boxed()
}

fn phase() -> BoxedStrategy<Phase> {
    select(vec![Phase::Before, Phase::During, Phase::After]).boxed()
}

fn place() -> BoxedStrategy<Place> {
    prop_oneof![phase().prop_map(Place::Hypothesis), Just(Place::Method), Just(Place::Rollbacks)].boxed()
}

fn side() -> BoxedStrategy<Side> {
    select(vec![Side::Before, Side::After]).boxed()
}

fn around() -> BoxedStrategy<Around> {
    use Around::{Activity, Experiment, Hypothesis, Loader, Method, Rollback};
    select(vec![Loader, Experiment, Hypothesis, Method, Rollback, Activity]).boxed()
}

fn ending() -> BoxedStrategy<Ending> {
    use Blame::{Bug, Driver, Environment, Experiment, Target};
    let blame = select(vec![Target, Driver, Environment, Experiment, Bug]);
    prop_oneof![
        value().prop_map(|output| Ending::Succeeded { output }),
        (text(), blame, of(text()), vec(text(), 0..3)).prop_map(|(message, blame, hint, traceback)| {
            Ending::Failed { message, blame, hint, traceback }
        }),
        Just(Ending::Interrupted),
    ]
    .boxed()
}

fn activity() -> BoxedStrategy<ActivityId> {
    any::<u64>().prop_map(ActivityId).boxed()
}

fn undo() -> BoxedStrategy<UndoId> {
    any::<u64>().prop_map(UndoId).boxed()
}

fn choice() -> BoxedStrategy<RollbackChoice> {
    use RollbackChoice::{Always, Deviated, Never, NotDeviated, Played, Silent};
    select(vec![Played, Always, Never, Deviated, NotDeviated, Silent]).boxed()
}

fn started() -> BoxedStrategy<Event> {
    let of_run = (text(), 0..=FORMAT, text(), any::<u64>(), any::<u32>());
    let of_machine = (text(), text(), text(), value(), of(text()), of(text()));
    let event = (of_run, of_machine).prop_map(|(of_run, of_machine)| {
        let (run, format, version, seed, pid) = of_run;
        let (node, platform, source, experiment, dry, journal) = of_machine;
        let run = RunId(run);
        Event::RunStarted {
            run,
            format,
            version,
            seed,
            pid,
            node,
            platform,
            source,
            experiment,
            dry,
            journal,
        }
    });
    event.boxed()
}

/// Every kind of event.
fn events() -> BoxedStrategy<Event> {
    use Event as E;
    let t = text;
    let flag = any::<bool>;
    let listed = prop_oneof![activity().prop_map(Listed::Played), value().prop_map(Listed::Added)];
    let level = select(vec![Level::Debug, Level::Info, Level::Warning, Level::Error, Level::Critical]);
    let status = select(vec![Status::Completed, Status::Failed, Status::Aborted, Status::Interrupted]);
    let reverted = select(vec![Reverted::PutBack, Reverted::AlreadyBack, Reverted::TargetGone]);
    prop_oneof![
        started(),
        (t(), t()).prop_map(|(hypothesis, rollbacks)| E::StrategiesChosen { hypothesis, rollbacks }),
        Just(E::NoHypothesis),
        Just(E::HypothesisSkipped),
        number().prop_map(|every| E::ContinuousStarted { every }),
        Just(E::ContinuousEnded),
        number().prop_map(|deviated| E::FailedFast { deviated }),
        (phase(), t()).prop_map(|(phase, title)| E::HypothesisStarted { phase, title }),
        (activity(), flag(), t()).prop_map(|(activity, met, tolerance)| E::ToleranceChecked {
            activity,
            met,
            tolerance
        }),
        (phase(), flag(), of(t()), flag(), flag()).prop_map(|(phase, met, probe, failed, controlled)| {
            E::HypothesisEnded { phase, met, probe, failed, controlled }
        }),
        any::<usize>().prop_map(|activities| E::MethodStarted { activities }),
        Just(E::MethodEnded),
        choice().prop_map(|choice| E::RollbacksDecided { choice }),
        any::<usize>().prop_map(|activities| E::RollbacksStarted { activities }),
        t().prop_map(|name| E::RollbackNext { name }),
        Just(E::RollbacksEnded),
        (side(), t(), number()).prop_map(|(side, shown, seconds)| E::PauseStarted { side, shown, seconds }),
        (activity(), place(), value(), flag()).prop_map(|(id, place, activity, background)| {
            E::ActivityStarted { id, place, activity, background }
        }),
        (activity(), ending()).prop_map(|(id, ending)| E::ActivityEnded { id, ending }),
        (t(), place()).prop_map(|(message, place)| E::Broke { message, place }),
        ((undo(), of(activity())), (t(), t(), t(), json())).prop_map(
            |((undo, by), (kind, key, describe, with))| { E::Armed { undo, by, kind, key, describe, with } }
        ),
        (of(activity()), t(), t()).prop_map(|(by, what, healer)| E::Heals { by, what, healer }),
        (undo(), reverted).prop_map(|(undo, outcome)| E::Restored { undo, outcome }),
        (undo(), t(), of(t())).prop_map(|(undo, message, hint)| E::NotRestored { undo, message, hint }),
        vec(t(), 0..3).prop_map(|undos| E::LeftBehind { undos }),
        (t(), any::<u8>()).prop_map(|(signal, degree)| E::StopRequested { signal, degree }),
        (t(), around(), side()).prop_map(|(control, around, side)| E::ControlCalled {
            control,
            around,
            side
        }),
        (t(), t(), t()).prop_map(|(control, function, message)| E::ControlFailed {
            control,
            function,
            message
        }),
        (t(), around(), side(), t()).prop_map(|(control, around, side, message)| {
            E::ControlInterrupted { control, around, side, message }
        }),
        value().prop_map(|experiment| E::ExperimentChanged { experiment }),
        (activity(), value()).prop_map(|(id, record)| E::RecordChanged { id, record }),
        (phase(), flag(), value(), vec(t(), 0..3))
            .prop_map(|(phase, met, members, removed)| { E::StateChanged { phase, met, members, removed } }),
        (place(), vec(listed, 0..3)).prop_map(|(place, runs)| E::RunsChanged { place, runs }),
        (value(), vec(t(), 0..3)).prop_map(|(members, removed)| E::JournalChanged { members, removed }),
        (level, t()).prop_map(|(level, text)| E::Noted { level, text }),
        (status, flag()).prop_map(|(status, deviated)| E::RunEnded { status, deviated }),
        (t(), flag()).prop_map(|(path, settled)| E::JournalWritten { path, settled }),
    ]
    .boxed()
}
