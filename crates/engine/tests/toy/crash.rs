//! A process that dies after its n-th request, for every n: its log alone is enough to restore.

use crate::system::{System, activity, play, recover_all};
use serde_json::json;
use squall_engine::options::Options;
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn whatever_the_moment_of_the_crash_recovery_restores() {
    let mut moments = 0;
    for dies_after in 0.. {
        let system = System::with(&[("cart", 3), ("user", 1)]);
        system.0.lock().unwrap().dies_after = Some(dies_after);
        let state = tempfile::tempdir().unwrap();
        let whole = json!({
            "title": "t", "description": "d",
            "method": [activity("set cart 0", json!({})), activity("set user 7", json!({})), activity("set cart 9", json!({}))],
            "rollbacks": [activity("set cart 3", json!({}))],
        });
        let run = play(&system, whole, Options::default(), &[], state.path());
        let survived = tokio::time::timeout(Duration::from_secs(3600), run).await.is_ok();
        system.0.lock().unwrap().dies_after = None;
        let (_, failed) = recover_all(&system, state.path()).await;
        assert_eq!(failed, 0);
        assert_eq!((system.numbers()["cart"], system.numbers()["user"]), (3, 1), "died after {dies_after}");
        assert_eq!(recover_all(&system, state.path()).await, (0, 0), "twice is harmless");
        if survived {
            break;
        }
        moments += 1;
    }
    assert!(moments >= 8, "the crash was tried at {moments} moments only");
}

#[tokio::test(start_paused = true)]
async fn a_torn_last_line_is_cut_off() {
    let system = System::with(&[("cart", 3)]);
    let state = tempfile::tempdir().unwrap();
    let whole = json!({"title": "t", "description": "d", "method": [activity("set cart 0", json!({}))]});
    play(&system, whole, Options::default(), &[], state.path()).await;
    let path = state.path().join("runs/r1/events.jsonl");
    let mut text = std::fs::read_to_string(&path).unwrap();
    text.push_str("{\"at\":\"2026-11-20T09:0");
    std::fs::write(&path, text).unwrap();
    assert_eq!(recover_all(&system, state.path()).await, (1, 0));
    assert_eq!(system.numbers()["cart"], 3);
    assert_eq!(recover_all(&system, state.path()).await, (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_damaged_line_does_not_keep_the_others_from_being_restored() {
    let system = System::with(&[("cart", 3), ("user", 1)]);
    let state = tempfile::tempdir().unwrap();
    let method = json!([activity("set cart 0", json!({})), activity("set user 7", json!({}))]);
    let whole = json!({"title": "t", "description": "d", "method": method});
    play(&system, whole, Options::default(), &[], state.path()).await;
    let path = state.path().join("runs/r1/events.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let first = lines.iter().position(|line| line.contains("\"event\":\"armed\"")).unwrap();
    lines[first].replace_range(40.., "##### not what was written");
    std::fs::write(&path, lines.join("\n") + "\n").unwrap();
    let (count, failed) = recover_all(&system, state.path()).await;
    assert_eq!((count, failed), (1, 1), "what can be read is restored, what is lost is a failure");
    assert_eq!((system.numbers()["cart"], system.numbers()["user"]), (0, 1));
}
