//! The recorded behaviour of the Toolkit's process provider, and what we do better.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use super::command::which;
use crate::testing::{Played, play, play_until};
use expect_test::{Expect, expect};
use serde_json::{Value as Json, json};
use std::path::Path;
use std::time::{Duration, Instant};

const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

async fn check(mut provider: Json, expected: Expect) {
    provider["type"] = json!("process");
    expected.assert_eq(&play(provider, &[("PATH", PATH), ("HOME", "/home/me")]).await.told());
}

#[tokio::test]
async fn arguments() {
    check(
        json!({"path": "echo", "arguments": ["a b", "c", 1, 2.5, true]}),
        expect![[r#"{"status":0,"stdout":"a b c 1 2.5 True\n","stderr":""}"#]],
    )
    .await;
    check(
        json!({"path": "sh", "arguments": ["-c", "echo $#", "x", "", null, "last"]}),
        expect![[r#"{"status":0,"stdout":"1\n","stderr":""}"#]],
    )
    .await;
    check(
        json!({"path": "echo", "arguments": ["a", [1, "b"], {"k": true}]}),
        expect![[r#"{"status":0,"stdout":"a [1, 'b'] {'k': True}\n","stderr":""}"#]],
    )
    .await;
    check(
        json!({"path": "echo", "arguments": {"-n": "x", "--flag": null, "--two": 2}}),
        expect![[r#"{"status":0,"stdout":"x --flag --two 2","stderr":""}"#]],
    )
    .await;
    check(
        json!({"path": "echo", "arguments": "a   b \"c d\" $HOME_NOT_SET | tr a z"}),
        expect![[r#"{"status":0,"stdout":"z b c d\n","stderr":""}"#]],
    )
    .await;
    check(json!({"path": "echo", "arguments": ""}), expect![[r#"{"status":0,"stdout":"\n","stderr":""}"#]])
        .await;
    check(json!({"path": "true"}), expect![[r#"{"status":0,"stdout":"","stderr":""}"#]]).await;
    check(
        json!({"path": "echo", "arguments": ["x"], "expected_status": 1, "env": {"A": "b"}}),
        expect![[r#"{"status":0,"stdout":"x\n","stderr":""}"#]],
    )
    .await;
}

#[tokio::test]
async fn what_the_toolkit_does_not_expect() {
    for (provider, expected) in [
        (
            json!({"path": "echo", "arguments": 5}),
            expect!["unexpected: TypeError: 'int' object is not iterable"],
        ),
        (
            json!({"path": "echo", "arguments": null}),
            expect!["unexpected: TypeError: 'NoneType' object is not iterable"],
        ),
        (json!({"arguments": []}), expect!["unexpected: KeyError: 'path'"]),
        (
            json!({"path": 5}),
            expect!["unexpected: TypeError: expected str, bytes or os.PathLike object, not int"],
        ),
        (
            json!({"path": "sleep", "arguments": ["0.1"], "timeout": "1"}),
            expect!["unexpected: TypeError: unsupported operand type(s) for +: 'float' and 'str'"],
        ),
        (
            json!({"path": "/tmp"}),
            expect!["unexpected: PermissionError: [Errno 13] Permission denied: '/tmp'"],
        ),
        (
            json!({"path": "no-such-program"}),
            expect!["unexpected: FileNotFoundError: [Errno 2] No such file or directory: 'no-such-program'"],
        ),
        (
            json!({"path": "echo", "arguments": ["a\u{0}b"]}),
            expect!["unexpected: ValueError: embedded null byte"],
        ),
    ] {
        check(provider, expected).await;
    }
}

#[tokio::test]
async fn a_shell_names_the_program_that_it_cannot_find() {
    for program in ["no-such-program", "echo ", "it's", "true; echo"] {
        let provider = json!({"type": "process", "path": program, "arguments": "x"});
        let output = play(provider, &[("PATH", PATH)]).await.ended.unwrap();
        assert_eq!(output.get("status"), Some(&127.into()));
        assert!(output.get("stderr").unwrap().as_text().unwrap().contains(program), "{output:?}");
    }
}

#[tokio::test]
async fn status_and_output() {
    check(
        json!({"path": "sh", "arguments": ["-c", "exit 42"]}),
        expect![[r#"{"status":42,"stdout":"","stderr":""}"#]],
    )
    .await;
    check(
        json!({"path": "sh", "arguments": "-c 'echo out; echo err >&2; exit 3'"}),
        expect![[r#"{"status":3,"stdout":"out\n","stderr":"err\n"}"#]],
    )
    .await;
    check(
        json!({"path": "sh", "arguments": ["-c", "kill -9 $$"]}),
        expect![[r#"{"status":-9,"stdout":"","stderr":""}"#]],
    )
    .await;
    check(
        json!({"path": "printf", "arguments": ["one\\ntwo\\r\\n\\ttab\\n"]}),
        expect![[r#"{"status":0,"stdout":"one\ntwo\r\n\ttab\n","stderr":""}"#]],
    )
    .await;
    check(
        json!({"path": "printf", "arguments": ["✓ caf\\351"]}),
        expect![[r#"{"status":0,"stdout":"✓ caf�","stderr":""}"#]],
    )
    .await;
}

#[tokio::test]
async fn output_is_complete_whichever_stream_is_full_first() {
    let line = "i=0; while [ $i -lt 3000 ]; do echo 0123456789012345678901234567890123456789 >&2; i=$((i+1)); done; \
        head -c 300000 /dev/zero";
    let played = play(json!({"type": "process", "path": "sh", "arguments": ["-c", line]}), &[("PATH", PATH)]);
    let output = played.await.ended.unwrap();
    assert_eq!(output.get("stdout").unwrap().as_text().unwrap().len(), 300_000);
    assert_eq!(output.get("stderr").unwrap().as_text().unwrap().len(), 3000 * 41);
}

#[tokio::test]
async fn it_waits_for_the_output_of_what_it_has_started() {
    check(
        json!({"path": "sh", "arguments": ["-c", "(sleep 0.05; echo late) & echo early"], "timeout": 5}),
        expect![[r#"{"status":0,"stdout":"early\nlate\n","stderr":""}"#]],
    )
    .await;
}

#[tokio::test]
async fn a_timeout_kills_it_and_waits_for_nobody_else() {
    let before = Instant::now();
    for (provider, expected) in [
        (
            json!({"path": "sleep", "arguments": ["60"], "timeout": 0.05}),
            expect!["failed: process activity took too long to complete"],
        ),
        (
            json!({"path": "sh", "arguments": ["-c", "sleep 60; true"], "timeout": 0.05}),
            expect!["failed: process activity took too long to complete"],
        ),
        (
            json!({"path": "true", "timeout": 0}),
            expect!["failed: process activity took too long to complete"],
        ),
        (
            json!({"path": "sleep", "arguments": ["60"], "timeout": -1}),
            expect!["failed: process activity took too long to complete"],
        ),
    ] {
        check(provider, expected).await;
    }
    assert!(before.elapsed() < Duration::from_secs(30));
}

/// Plays this script until it has made the file `up` in its folder (`$1`), and stops it then.
async fn stopped(script: &str, folder: &Path) -> Played {
    let up = folder.join("up");
    let written = async {
        while !up.exists() {
            tokio::task::yield_now().await;
        }
    };
    let provider = json!({"type": "process", "path": "sh", "arguments": ["-c", script, "sh", folder]});
    let played = play_until(provider, &[("PATH", PATH)], written).await;
    assert_eq!(played.told(), "cancelled");
    let pid = std::fs::read_to_string(up).unwrap();
    // Neither running nor a zombie: nothing of it is left.
    assert!(!Path::new("/proc").join(pid.trim()).exists());
    played
}

/// It has the time to put back what it changed, and what it says meanwhile is read; what it has started is not waited for.
#[tokio::test]
async fn a_stop_lets_it_clean_up() {
    let folder = tempfile::tempdir().unwrap();
    let script = "cd $1; trap 'head -c 200000 /dev/zero; rm fault' EXIT; trap 'exit 1' TERM; touch fault; sleep 60 & \
                  echo $$ > new; mv new up; wait";
    let before = Instant::now();
    let played = stopped(script, folder.path()).await;
    assert!(!folder.path().join("fault").exists());
    assert!(before.elapsed() < Duration::from_secs(30));
    assert_eq!(
        played.noted.last().unwrap(),
        "the program `sh` of `` was ended by the stop; see whether it put back what it changed"
    );
}

/// Paused time runs on as soon as nothing else happens.
#[tokio::test(start_paused = true)]
async fn a_stop_kills_what_does_not_end() {
    let folder = tempfile::tempdir().unwrap();
    let script = "cd $1; trap '' TERM; echo $$ > new; mv new up; sleep 60; sleep 60";
    let (before, paused) = (Instant::now(), tokio::time::Instant::now());
    let played = stopped(script, folder.path()).await;
    assert_eq!(paused.elapsed().as_secs(), 3);
    assert!(before.elapsed() < Duration::from_secs(30));
    assert_eq!(
        played.noted.last().unwrap(),
        "the program `sh` of `` did not end when it was told to and was killed; see what it left changed"
    );
}

#[tokio::test]
async fn the_program_is_looked_up_as_a_shell_does() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let tool = folder.path().join("tool.sh");
    std::fs::write(&tool, "#!/bin/sh\necho tool $1\n").unwrap();
    let place = folder.path().to_str().unwrap();
    let path = format!("/no/such/folder:{place}");
    assert_eq!(which("tool.sh", Some(&path)), None, "it cannot be executed yet");
    std::fs::set_permissions(&tool, std::fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(which("tool.sh", Some(&path)).as_deref(), tool.to_str());
    assert_eq!(which(place, None), None, "a folder is no program");
    assert_eq!(which("sh", None).as_deref(), Some("/bin/sh"));
    assert_eq!(which("", Some(PATH)), None);

    let provider = json!({"type": "process", "path": "~/tool.sh", "arguments": ["x"]});
    let played = play(provider, &[("HOME", place)]).await;
    assert_eq!(played.told(), r#"{"status":0,"stdout":"tool x\n","stderr":""}"#);
    assert_eq!(played.noted, [format!("Running: ['{place}/tool.sh', 'x']")]);
}
