//! For tests: the records of a run, written by hand.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use squall_experiment::Value;
use squall_experiment::event::{
    ActivityId, Blame, Ending, Event, FORMAT, Phase, Place, Record, RollbackChoice, RunId, Side, Status,
};

/// Records that are ten milliseconds apart.
pub(crate) struct Story {
    pub(crate) records: Vec<Record>,
    now: Timestamp,
    activities: u64,
}

impl Story {
    /// Without its `RunStarted`.
    pub(crate) fn empty() -> Story {
        let now = Timestamp::from_microsecond(1_795_165_981_174_051).unwrap_or_default();
        Story { records: Vec::new(), now, activities: 0 }
    }

    /// A run of an experiment with these keys (those that every one has are added) under the default strategies.
    pub(crate) fn of(keys: serde_json::Value) -> Story {
        Story::dry(keys, None)
    }

    pub(crate) fn dry(keys: serde_json::Value, dry: Option<&str>) -> Story {
        let mut experiment =
            json!({"title": "A small experiment", "description": "Written for the conformance corpus."});
        if let (Some(all), Some(keys)) = (experiment.as_object_mut(), keys.as_object()) {
            all.extend(keys.clone());
            all.insert("dry".to_owned(), json!(dry));
        }
        Story::empty().tell(Event::RunStarted {
            run: RunId("r7f3".to_owned()),
            format: FORMAT,
            version: "0.1.0".to_owned(),
            seed: 7,
            pid: 4242,
            node: "here".to_owned(),
            platform: "Linux-6.1-x86_64-with-glibc2.36".to_owned(),
            source: "experiment.json".to_owned(),
            experiment: Value::from_json(experiment),
            dry: dry.map(str::to_owned),
            journal: None,
        })
    }

    pub(crate) fn tell(mut self, event: Event) -> Story {
        self.records.push(Record { at: self.now, event });
        self.now = self.now.saturating_add(SignedDuration::from_millis(10)).unwrap_or(self.now);
        self
    }

    pub(crate) fn strategies(self, hypothesis: &str, rollbacks: &str) -> Story {
        self.tell(Event::StrategiesChosen { hypothesis: hypothesis.into(), rollbacks: rollbacks.into() })
    }

    /// Default strategies, no hypothesis, and the method begins.
    pub(crate) fn exploring(self, activities: usize) -> Story {
        self.strategies("default", "default")
            .tell(Event::NoHypothesis)
            .tell(Event::MethodStarted { activities })
    }

    pub(crate) fn begin(mut self, place: Place, activity: serde_json::Value) -> Story {
        let id = ActivityId(self.activities);
        self.activities += 1;
        let background = activity.get("background") == Some(&json!(true));
        self.tell(Event::ActivityStarted { id, place, activity: Value::from_json(activity), background })
    }

    /// Ends the activity that was begun `back` activities before the last.
    pub(crate) fn end(self, back: u64, ending: Ending) -> Story {
        let id = ActivityId(self.activities - 1 - back);
        self.tell(Event::ActivityEnded { id, ending })
    }

    pub(crate) fn activity(self, place: Place, activity: serde_json::Value, ending: Ending) -> Story {
        self.begin(place, activity).end(0, ending)
    }

    pub(crate) fn pause(self, side: Side, shown: &str) -> Story {
        self.tell(Event::PauseStarted { side, shown: shown.into(), seconds: shown.parse().unwrap_or(0.0) })
    }

    pub(crate) fn hypothesis(self, phase: Phase) -> Story {
        self.tell(Event::HypothesisStarted { phase, title: "The system is steady".into() })
    }

    /// Judges the last activity.
    pub(crate) fn judged(self, met: bool, tolerance: &str) -> Story {
        let activity = ActivityId(self.activities - 1);
        self.tell(Event::ToleranceChecked { activity, met, tolerance: tolerance.into() })
    }

    pub(crate) fn met(self, phase: Phase) -> Story {
        self.tell(Event::HypothesisEnded { phase, met: true, probe: None, failed: false, controlled: false })
    }

    pub(crate) fn unmet(self, phase: Phase, probe: &str, failed: bool) -> Story {
        let probe = Some(probe.into());
        self.tell(Event::HypothesisEnded { phase, met: false, probe, failed, controlled: false })
    }

    /// The hypothesis with one probe, looked at and met.
    pub(crate) fn steady(self, phase: Phase, probe: serde_json::Value, ending: Ending) -> Story {
        self.hypothesis(phase).activity(Place::Hypothesis(phase), probe, ending).judged(true, "0").met(phase)
    }

    /// The rollbacks under the default strategy, each of them successful.
    pub(crate) fn rollbacks(self, activities: &[(&str, serde_json::Value, Ending)]) -> Story {
        let mut story = self
            .tell(Event::RollbacksDecided { choice: RollbackChoice::Played })
            .tell(Event::RollbacksStarted { activities: activities.len() });
        for (name, activity, ending) in activities {
            story = story.tell(Event::RollbackNext { name: (*name).into() }).activity(
                Place::Rollbacks,
                activity.clone(),
                ending.clone(),
            );
        }
        story.tell(Event::RollbacksEnded)
    }

    pub(crate) fn ended(self, status: Status, deviated: bool) -> Story {
        self.tell(Event::RunEnded { status, deviated })
    }
}

/// An ending with this output.
pub(crate) fn gave(output: serde_json::Value) -> Ending {
    Ending::Succeeded { output: Value::from_json(output) }
}

/// The ending of a process.
pub(crate) fn exited(status: i64, stdout: &str) -> Ending {
    gave(json!({"status": status, "stdout": stdout, "stderr": ""}))
}

pub(crate) fn failed(message: &str) -> Ending {
    Ending::Failed { message: message.into(), blame: Blame::Target, hint: None, traceback: Vec::new() }
}

/// An activity that runs a process.
pub(crate) fn process(kind: &str, name: &str, path: &str, arguments: &[&str]) -> serde_json::Value {
    let mut provider = json!({"type": "process", "path": path});
    if !arguments.is_empty() {
        provider["arguments"] = json!(arguments);
    }
    json!({"type": kind, "name": name, "provider": provider})
}

/// The same with a further key.
pub(crate) fn with(
    mut activity: serde_json::Value,
    key: &str,
    value: serde_json::Value,
) -> serde_json::Value {
    activity[key] = value;
    activity
}
