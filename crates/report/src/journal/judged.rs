//! What judging leaves in the journal: a tolerance that is a probe of its own shows the last value that it was given.
//!
//! The Toolkit writes the value into the experiment itself, which every record of the probe shares; readers of journals see it
//! there. Not here: judging (`experiment::tolerance`).

use squall_experiment::event::{ActivityId, Ending};
use squall_experiment::{Object, Value};
use std::collections::BTreeMap;

/// Probes of the hypothesis that probes judge.
#[derive(Debug, Default)]
pub(super) struct Judged {
    /// Those that are played: as declared, and what they gave.
    playing: BTreeMap<ActivityId, (Value, Value)>,
    /// Those that were judged: as declared, and as the journal shows them.
    shown: Vec<(Value, Value)>,
}

impl Judged {
    pub(super) fn started(&mut self, id: ActivityId, declared: &Value) {
        if arguments(&mut declared.clone()).is_some() {
            self.playing.insert(id, (declared.clone(), Value::Null));
        }
    }

    pub(super) fn ended(&mut self, id: ActivityId, ending: &Ending) {
        if let Ending::Succeeded { output } = ending
            && let Some((_, value)) = self.playing.get_mut(&id)
        {
            *value = output.clone();
        }
    }

    pub(super) fn checked(&mut self, id: ActivityId) {
        let Some((declared, value)) = self.playing.remove(&id) else { return };
        let mut shown = declared.clone();
        if let Some(arguments) = arguments(&mut shown) {
            arguments.insert("value".to_owned(), value);
        }
        match self.shown.iter_mut().find(|(known, _)| *known == declared) {
            Some((_, earlier)) => *earlier = shown,
            None => self.shown.push((declared, shown)),
        }
    }

    /// Whether no probe is judged by another one, so that nobody asks what it gave.
    pub(super) fn is_nothing(&self) -> bool {
        self.playing.is_empty() && self.shown.is_empty()
    }

    /// The probe as the journal shows it, if it was judged.
    pub(super) fn probe(&self, declared: &Value) -> Option<&Value> {
        self.shown.iter().find(|(known, _)| known == declared).map(|(_, shown)| shown)
    }

    /// The experiment as the journal shows it, if something in it was judged.
    pub(super) fn experiment(&self, experiment: &Value) -> Option<Value> {
        if self.shown.is_empty() {
            return None;
        }
        let mut experiment = experiment.clone();
        let hypothesis = member(&mut experiment, "steady-state-hypothesis")?;
        let Some(Value::List(probes)) = member(hypothesis, "probes") else { return None };
        for probe in probes {
            if let Some(shown) = self.probe(probe) {
                *probe = shown.clone();
            }
        }
        Some(experiment)
    }
}

/// The arguments of the probe that judges this one.
fn arguments(probe: &mut Value) -> Option<&mut Object> {
    let tolerance = member(probe, "tolerance")?;
    if tolerance.get("type").and_then(Value::as_text) != Some("probe") {
        return None;
    }
    match member(member(tolerance, "provider")?, "arguments")? {
        Value::Object(arguments) => Some(arguments),
        _ => None,
    }
}

fn member<'a>(value: &'a mut Value, key: &str) -> Option<&'a mut Value> {
    match value {
        Value::Object(object) => object.get_mut(key),
        _ => None,
    }
}
