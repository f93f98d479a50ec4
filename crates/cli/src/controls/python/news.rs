//! What happens in a run, as the interpreter is told: changes of the objects that controls see, and events for those who want them.

use squall_experiment::Value;
use squall_experiment::event::{ActivityId, Around, Event, Listed, Phase, Place, Record, Side};
use squall_report::journal::Kept;
use std::collections::BTreeMap;

/// News that was not sent yet, oldest first.
#[derive(Default)]
pub(super) struct News {
    items: Vec<Value>,
    /// Where in `items` the latest word of an activity's record is, for it replaces those before.
    records: BTreeMap<ActivityId, usize>,
    places: BTreeMap<ActivityId, Place>,
    rounds: i64,
    looked: Option<Phase>,
    over: bool,
    /// Whether events are news, too.
    pub(super) listened: bool,
}

impl News {
    /// What is to be sent, if there is anything.
    pub(super) fn gathered(&mut self) -> Option<Vec<Value>> {
        self.records.clear();
        (!self.items.is_empty()).then(|| std::mem::take(&mut self.items))
    }

    /// What a record means, after `kept` took it.
    pub(super) fn take(&mut self, record: &Record, kept: &Kept) {
        match &record.event {
            Event::RunStarted { .. } => self.tell("run", kept.journal()),
            Event::StrategiesChosen { .. } => {
                let rest = ["experiment", "journal", "configuration", "secrets"].map(thing);
                let (schedule, settings) = (given(Value::Null), thing("settings"));
                self.event("running", rest.into_iter().chain([schedule, settings]));
            }
            Event::ActivityStarted { id, place, .. } => {
                self.places.insert(*id, *place);
                self.record(*id, kept);
                self.event("start_activity", [about("activity", id.0)]);
            }
            Event::ActivityEnded { id, .. } => {
                self.record(*id, kept);
                self.event("activity_completed", [about("activity", id.0), about("record", id.0)]);
            }
            Event::ToleranceChecked { activity, .. } => self.record(*activity, kept),
            Event::RecordChanged { id, .. } => self.record(*id, kept),
            Event::HypothesisStarted { phase: Phase::Before, .. } => {
                self.event("start_hypothesis_before", [thing("experiment")]);
            }
            Event::HypothesisStarted { phase: Phase::After, .. } => {
                self.event("start_hypothesis_after", [thing("experiment")]);
            }
            Event::HypothesisEnded { phase: at, met, .. } => self.looked(*at, *met, kept),
            // The control that changed it did so in the interpreter.
            Event::StateChanged { .. } | Event::RunsChanged { .. } => {}
            Event::ControlInterrupted { around, side, .. } => {
                if (*around, *side) == (Around::Hypothesis, Side::After)
                    && let Some(at) = self.looked
                {
                    self.tell("dropped", phase(at).into());
                }
                self.event("interrupted", [thing("experiment"), thing("journal")]);
            }
            Event::ContinuousStarted { every } => {
                self.event("start_continuous_hypothesis", [given(Value::Float(*every))]);
            }
            Event::ContinuousEnded => {
                let rest = [thing("experiment"), thing("journal"), given(Value::Null)];
                self.event("continuous_hypothesis_completed", rest);
            }
            Event::MethodStarted { .. } => self.event("start_method", [thing("experiment")]),
            Event::MethodEnded => {
                self.event("method_completed", [thing("experiment"), of("runs", "run".into())]);
            }
            Event::RollbacksStarted { .. } => self.event("start_rollbacks", [thing("experiment")]),
            Event::RollbacksEnded => {
                self.event("rollbacks_completed", [thing("experiment"), thing("journal")]);
            }
            Event::StopRequested { .. } => self.event("signal_exit", []),
            Event::RunEnded { .. } => {
                self.over = true;
                let journal = kept.journal();
                let members = ["status", "deviated", "end", "duration"];
                let members =
                    members.iter().filter_map(|key| Some(((*key).to_owned(), journal.get(key)?.clone())));
                self.tell("end", Value::Object(members.collect()));
            }
            Event::NoHypothesis
            | Event::HypothesisStarted { phase: Phase::During, .. }
            | Event::HypothesisSkipped
            | Event::FailedFast { .. }
            | Event::RollbacksDecided { .. }
            | Event::RollbackNext { .. }
            | Event::PauseStarted { .. }
            | Event::Broke { .. }
            | Event::Armed { .. }
            | Event::Heals { .. }
            | Event::Restored { .. }
            | Event::NotRestored { .. }
            | Event::LeftBehind { .. }
            | Event::ControlCalled { .. }
            | Event::ControlFailed { .. }
            | Event::ExperimentChanged { .. }
            | Event::JournalChanged { .. }
            | Event::Noted { .. }
            | Event::JournalWritten { .. } => {}
        }
    }

    /// Everything so far, for an interpreter that knows nothing of it. Nobody there wants to be told of events.
    pub(super) fn again(&mut self, kept: &Kept) {
        self.gathered();
        self.items.clear();
        self.listened = false;
        let places = [Phase::Before, Phase::During, Phase::After].map(Place::Hypothesis);
        let places = places.into_iter().chain([Place::Method, Place::Rollbacks]);
        let listed = |place| kept.listed(place).iter().map(number).collect();
        let numbers = places.map(|place| (word(place).to_owned(), Value::List(listed(place)))).collect();
        let again = vec![kept.journal(), Value::Object(numbers), self.over.into()];
        self.tell("again", Value::List(again));
        // Those of a look that goes on are in no list yet.
        let of_looks =
            |(id, place): (&ActivityId, &Place)| matches!(place, Place::Hypothesis(_)).then_some(*id);
        let probes: Vec<_> = self.places.iter().filter_map(of_looks).collect();
        for id in probes {
            self.record(id, kept);
        }
    }

    /// The last event of a run, when controls have been cleaned up.
    pub(super) fn finish(&mut self) {
        self.event("finish", [thing("journal")]);
    }

    fn looked(&mut self, at: Phase, met: bool, kept: &Kept) {
        self.looked = Some(at);
        let numbers = kept.listed(Place::Hypothesis(at)).iter().map(number).collect();
        self.tell("state", Value::List(vec![phase(at).into(), met.into(), Value::List(numbers)]));
        let state = of("state", phase(at).into());
        match at {
            Phase::Before => {
                let rest = [thing("experiment"), state, thing("journal")];
                self.event("hypothesis_before_completed", rest);
            }
            Phase::After => {
                let rest = [thing("experiment"), state, thing("journal")];
                self.event("hypothesis_after_completed", rest);
            }
            Phase::During => {
                self.rounds += 1;
                self.event("continuous_hypothesis_iteration", [given(Value::Int(self.rounds)), state]);
            }
        }
    }

    fn record(&mut self, id: ActivityId, kept: &Kept) {
        let (Some(record), Some(place)) = (kept.record(id), self.places.get(&id)) else { return };
        let value = Value::List(vec![super::number(id.0), word(*place).into(), Value::Object(record)]);
        let item = Value::List(vec!["record".into(), value]);
        match self.records.get(&id) {
            // Events tell of it as it was.
            Some(at) if !self.listened => self.items[*at] = item,
            _ => {
                self.records.insert(id, self.items.len());
                self.items.push(item);
            }
        }
    }

    fn tell(&mut self, kind: &str, value: Value) {
        self.items.push(Value::List(vec![kind.into(), value]));
    }

    fn event(&mut self, name: &str, arguments: impl IntoIterator<Item = Value>) {
        if self.listened {
            let arguments = arguments.into_iter().collect();
            self.tell("event", Value::List(vec![name.into(), Value::List(arguments)]));
        }
    }
}

/// The number of an activity in a list of records; null for what a control put there.
fn number(run: &Listed) -> Value {
    match run {
        Listed::Played(id) => super::number(id.0),
        Listed::Added(_) => Value::Null,
    }
}

/// The word of a list of records.
fn word(place: Place) -> &'static str {
    match place {
        Place::Hypothesis(at) => phase(at),
        Place::Method => "method",
        Place::Rollbacks => "rollbacks",
    }
}

/// The list of records of that word.
pub(super) fn named(of: &str) -> Option<Place> {
    let looks = [Phase::Before, Phase::During, Phase::After].map(Place::Hypothesis);
    let places = looks.into_iter().chain([Place::Method, Place::Rollbacks]);
    places.into_iter().find(|place| word(*place) == of)
}

/// The word of a phase.
pub(super) fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Before => "before",
        Phase::During => "during",
        Phase::After => "after",
    }
}

/// An argument of an event: one of the objects that controls see.
fn thing(name: &str) -> Value {
    of(name, Value::Null)
}

/// An argument of an event: this value.
fn given(value: Value) -> Value {
    of("value", value)
}

/// An argument of an event: what belongs to an activity.
fn about(kind: &str, id: u64) -> Value {
    of(kind, super::number(id))
}

fn of(kind: &str, value: Value) -> Value {
    Value::List(vec![kind.into(), value])
}
