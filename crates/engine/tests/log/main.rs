//! The log of any run re-reads to the same events, and to those before the tear if it was torn.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod events;

use events::{KINDS, kind, records};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use squall_engine::log::{EventLog, last, read};
use squall_experiment::event::{Event, Record, RunId, Sought};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// `Debug` rather than `==`: `NaN` is the same as `NaN`, and the order of keys counts.
fn shown(records: &[Record]) -> Vec<String> {
    records.iter().map(|record| format!("{record:?}")).collect()
}

fn reread(path: &Path) -> Vec<String> {
    shown(&found(path, Sought::All))
}

fn found(path: &Path, sought: Sought) -> Vec<Record> {
    read(path, sought).unwrap().collect::<Result<_, _>>().unwrap()
}

fn about_activities(record: &Record) -> bool {
    matches!(
        record.event,
        Event::ActivityStarted { .. } | Event::ActivityEnded { .. } | Event::RecordChanged { .. }
    )
}

/// What recovery has to know of.
fn about_changes(record: &Record) -> bool {
    matches!(
        record.event,
        Event::RunStarted { .. }
            | Event::Armed { .. }
            | Event::Restored { .. }
            | Event::Heals { .. }
            | Event::RunEnded { .. }
    )
}

/// A folder with a log of these records, and the log's length after each.
fn logged(records: &[Record]) -> (tempfile::TempDir, std::path::PathBuf, Vec<u64>) {
    let state = tempfile::tempdir().unwrap();
    let mut log = EventLog::create(state.path(), &RunId("r1".into())).unwrap();
    let path = log.path().to_owned();
    let lengths = records.iter().map(|record| {
        log.append(record, false).unwrap();
        path.metadata().unwrap().len()
    });
    let lengths = lengths.collect();
    (state, path, lengths)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_log_reads_back(records in prop::collection::vec(records(), 0..12)) {
        let (_state, path, _) = logged(&records);
        prop_assert_eq!(reread(&path), shown(&records));
        let activities: Vec<Record> = records.iter().filter(|record| about_activities(record)).cloned().collect();
        prop_assert_eq!(shown(&found(&path, Sought::Activities)), shown(&activities));
        let end: Vec<Record> = last(&path).unwrap().into_iter().collect();
        prop_assert_eq!(shown(&end), shown(&records[records.len().saturating_sub(1)..]));
        let resumed = EventLog::resume(&path).unwrap();
        prop_assert_eq!(resumed.damaged, None);
        let of_changes = |records: Vec<Record>| -> Vec<Record> { records.into_iter().filter(about_changes).collect() };
        prop_assert_eq!(shown(&of_changes(resumed.records)), shown(&of_changes(records)));
    }

    #[test]
    fn of_a_torn_log_the_whole_records_come_back(
        records in prop::collection::vec(records(), 1..5),
        next in records(),
        tears in prop::collection::vec(any::<prop::sample::Index>(), 6),
    ) {
        let (_state, path, lengths) = logged(&records);
        let bytes = fs::read(&path).unwrap();
        // At any byte, and around each end of a line.
        let ends = lengths.iter().flat_map(|end| [end - 1, *end]);
        let tears = tears.iter().map(|tear| tear.index(bytes.len() + 1) as u64).chain(ends);
        for tear in tears {
            fs::write(&path, &bytes[..tear as usize]).unwrap();
            let whole = lengths.iter().filter(|end| **end <= tear).count();
            prop_assert_eq!(reread(&path), shown(&records[..whole]), "torn at byte {}", tear);
            let end = last(&path).unwrap();
            prop_assert_eq!(end.is_some(), tear > 0 && lengths.contains(&tear), "torn at byte {}", tear);
            // Whoever goes on with it writes behind the last whole record.
            let mut resumed = EventLog::resume(&path).unwrap();
            resumed.log.append(&next, false).unwrap();
            let wanted = [&records[..whole], std::slice::from_ref(&next)].concat();
            prop_assert_eq!(reread(&path), shown(&wanted), "torn at byte {}", tear);
        }
    }
}

#[test]
fn every_kind_of_event_is_tried() {
    let mut runner = TestRunner::deterministic();
    let strategy = records();
    let seen: BTreeSet<usize> =
        (0..600).map(|_| kind(&strategy.new_tree(&mut runner).unwrap().current().event)).collect();
    assert_eq!(seen, (0..KINDS).collect());
}
