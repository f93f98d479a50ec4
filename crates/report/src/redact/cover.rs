//! What is told, without what must not be.

use super::escapes::readings;
use super::{Known, MASK, Redactor, default_of_probe, is_declaration, is_secret};
use crate::line::Line;
use squall_experiment::diagnostic::Diagnostic;
use squall_experiment::event::{Ending, Event, Listed, Record};
use squall_experiment::python::str_of;
use squall_experiment::{Object, Value};
use std::borrow::Cow;
use std::ops::Range;

impl Redactor {
    /// The text without secrets.
    pub fn clean(&self, mut text: String) -> String {
        self.known().clean(&mut text);
        text
    }

    /// The value without secrets.
    #[must_use]
    pub fn value(&self, mut value: Value) -> Value {
        self.known().value(&mut value);
        value
    }

    /// The experiment without secrets; those that it declares itself are gone however short they are.
    #[must_use]
    pub fn experiment(&self, mut experiment: Value) -> Value {
        self.known().experiment(&mut experiment);
        experiment
    }

    /// The record without secrets. Numbers, places and what undoes a change stay as they are; the last is never shown.
    #[must_use]
    pub fn record(&self, mut record: Record) -> Record {
        self.known().event(&mut record.event);
        record
    }

    /// The line without secrets.
    pub fn line<'a>(&self, line: &'a Line) -> Cow<'a, Line> {
        let known = self.known();
        if known.exact.is_empty() {
            return Cow::Borrowed(line);
        }
        let mut line = line.clone();
        known.clean(&mut line.message);
        line.traceback.iter_mut().for_each(|traceback| known.clean(traceback));
        Cow::Owned(line)
    }

    /// A complaint about a document, without the secrets of that.
    #[must_use]
    pub fn complaint(&self, mut complaint: Diagnostic) -> Diagnostic {
        let known = self.known();
        known.clean(&mut complaint.message);
        complaint.hint.iter_mut().for_each(|hint| known.clean(hint));
        complaint
    }
}

/// Puts places in order and makes one of those that overlap.
pub(super) fn apart(places: &mut Vec<Range<usize>>) {
    places.sort_by_key(|place| (place.start, place.end));
    places.dedup_by(|next, last| {
        let overlap = next.start < last.end;
        if overlap {
            last.end = last.end.max(next.end);
        }
        overlap
    });
}

/// The text with something else at these places.
pub(super) fn replaced(text: &str, places: &[Range<usize>], other: impl Fn(&str) -> String) -> String {
    let (mut replaced, mut from) = (String::with_capacity(text.len()), 0);
    for place in places {
        replaced += text.get(from..place.start).unwrap_or_default();
        replaced += &other(text.get(place.clone()).unwrap_or_default());
        from = place.end;
    }
    replaced + text.get(from..).unwrap_or_default()
}

impl Known {
    fn clean(&self, text: &mut String) {
        if self.exact.contains(text.as_str()) {
            MASK.clone_into(text);
            return;
        }
        let places = self.places(text);
        if !places.is_empty() {
            *text = replaced(text, &places, |_| MASK.to_owned());
        }
    }

    /// Where secrets stand in a text, in order and apart from each other: of two that overlap nothing is left.
    pub(super) fn places(&self, text: &str) -> Vec<Range<usize>> {
        let mut places = Vec::new();
        if self.needles.is_empty() {
            return places;
        }
        self.found(text, |place| places.push(place));
        readings(text, |read| {
            self.found(&read.text, |place| places.push(read.origin(place.start)..read.origin(place.end)));
        });
        apart(&mut places);
        places
    }

    fn found(&self, text: &str, mut found: impl FnMut(Range<usize>)) {
        for secret in &self.needles {
            let (mut from, first) = (0, secret.chars().next().map_or(1, char::len_utf8));
            while let Some(at) = text.get(from..).and_then(|rest| rest.find(secret.as_str())) {
                let start = from + at;
                found(start..start + secret.len());
                // It may overlap itself.
                from = start + first;
            }
        }
    }

    fn value(&self, value: &mut Value) {
        if self.exact.is_empty() {
            return;
        }
        match value {
            Value::Text(text) | Value::Date(text) => self.clean(text),
            Value::Bytes(bytes) => {
                let told = String::from_utf8_lossy(bytes).into_owned();
                let mut hidden = told.clone();
                self.clean(&mut hidden);
                if hidden != told {
                    *value = Value::Text(hidden);
                }
            }
            Value::Int(_) | Value::Big(_) | Value::Float(_) => {
                if self.exact.contains(&str_of(value)) {
                    *value = MASK.into();
                }
            }
            Value::List(items) => items.iter_mut().for_each(|item| self.value(item)),
            Value::Object(object) => self.members(object),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn members(&self, object: &mut Object) {
        object.values_mut().for_each(|value| self.value(value));
        if object.keys().any(|key| !self.places(key).is_empty()) {
            let members = std::mem::take(object).into_iter();
            *object = members
                .map(|(mut key, value)| {
                    self.clean(&mut key);
                    (key, value)
                })
                .collect();
        }
    }

    fn experiment(&self, experiment: &mut Value) {
        self.value(experiment);
        let Value::Object(experiment) = experiment else { return };
        experiment.get_mut("secrets").into_iter().for_each(mask);
        if let Some(Value::Object(configuration)) = experiment.get_mut("configuration") {
            mask_telling(configuration);
        }
    }

    fn event(&self, event: &mut Event) {
        match event {
            Event::RunStarted { experiment, source, journal, .. } => {
                self.experiment(experiment);
                self.clean(source);
                if let Some(path) = journal {
                    let told = path.clone();
                    self.clean(path);
                    // Another path in its place would be a lie that somebody writes to.
                    if *path != told {
                        *journal = None;
                    }
                }
            }
            Event::HypothesisStarted { title: text, .. }
            | Event::RollbackNext { name: text }
            | Event::ToleranceChecked { tolerance: text, .. }
            | Event::PauseStarted { shown: text, .. }
            | Event::Broke { message: text, .. }
            | Event::Armed { describe: text, .. }
            | Event::Heals { what: text, .. }
            | Event::Noted { text, .. } => self.clean(text),
            Event::HypothesisEnded { probe, .. } => probe.iter_mut().for_each(|name| self.clean(name)),
            Event::ActivityStarted { activity: value, .. }
            | Event::RecordChanged { record: value, .. }
            | Event::StateChanged { members: value, .. }
            | Event::JournalChanged { members: value, .. } => self.value(value),
            Event::RunsChanged { place: _, runs } => runs.iter_mut().for_each(|run| match run {
                Listed::Played(_) => {}
                Listed::Added(value) => self.value(value),
            }),
            Event::ExperimentChanged { experiment } => self.experiment(experiment),
            Event::ControlFailed { message, .. } | Event::ControlInterrupted { message, .. } => {
                self.clean(message);
            }
            Event::ActivityEnded { ending: Ending::Succeeded { output }, .. } => self.value(output),
            Event::ActivityEnded { ending: Ending::Failed { message, hint, traceback, .. }, .. } => {
                self.clean(message);
                hint.iter_mut().chain(traceback).for_each(|text| self.clean(text));
            }
            Event::NotRestored { message, hint, .. } => {
                self.clean(message);
                hint.iter_mut().for_each(|hint| self.clean(hint));
            }
            Event::LeftBehind { undos } => undos.iter_mut().for_each(|undo| self.clean(undo)),
            Event::ActivityEnded { ending: Ending::Interrupted, .. }
            | Event::StrategiesChosen { .. }
            | Event::NoHypothesis
            | Event::HypothesisSkipped
            | Event::ContinuousStarted { .. }
            | Event::ContinuousEnded
            | Event::FailedFast { .. }
            | Event::MethodStarted { .. }
            | Event::MethodEnded
            | Event::RollbacksDecided { .. }
            | Event::RollbacksStarted { .. }
            | Event::RollbacksEnded
            | Event::Restored { .. }
            | Event::StopRequested { .. }
            | Event::ControlCalled { .. }
            | Event::RunEnded { .. } => {}
            Event::JournalWritten { path, .. } => self.clean(path),
        }
    }
}

/// Masks what has a name that tells, at any depth.
fn mask_telling(configuration: &mut Object) {
    for (name, value) in configuration {
        match value {
            value if is_secret(name, value) => mask(value),
            Value::Object(object) if !is_declaration(object) => {
                if default_of_probe(name, object).is_some() {
                    object.get_mut("default").into_iter().for_each(mask);
                }
                mask_telling(object);
            }
            _ => {}
        }
    }
}

/// Masks every value of a section; where a value comes from may be told.
fn mask(value: &mut Value) {
    match value {
        Value::Object(object) if is_declaration(object) => {
            object.get_mut("default").into_iter().for_each(mask);
        }
        Value::Object(object) => object.values_mut().for_each(mask),
        Value::List(items) => items.iter_mut().for_each(mask),
        Value::Null => {}
        other => *other = MASK.into(),
    }
}
