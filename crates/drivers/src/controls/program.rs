//! Tells a program on this machine of every step of a run.

use super::{failed, limit, told, wants};
use crate::children::{self, Extent};
use futures_util::FutureExt as _;
use schemars::JsonSchema;
use serde::Deserialize;
use squall_engine::Failure;
use squall_engine::control::{Aside, Control, ControlSpec, Happening, Unhooked};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

/// The most of what it writes to standard error that a message repeats.
const MOST: u64 = 4096;
/// How long its standard error is read on once it has ended.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// Runs a program at each hook.
pub(crate) struct Program;

/// What to run.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    /// The program: a name that is looked up in `PATH`, or a path.
    path: String,
    /// Its arguments.
    #[serde(default)]
    arguments: Vec<String>,
    /// Seconds after which it is killed.
    #[serde(default = "thirty")]
    timeout: f64,
    /// The hooks that it is run at, such as `before_activity` or `after_experiment`; all of a run's by default, but
    /// `configure` and `cleanup`.
    #[serde(default)]
    hooks: Option<Vec<String>>,
    /// Whether a program that fails (cannot be started, ends with another status than 0, takes too long) ends the run.
    #[serde(default)]
    interrupt_on_failure: bool,
}

fn thirty() -> f64 {
    30.0
}

impl Control for Program {
    const SPEC: ControlSpec = ControlSpec {
        name: "control.program",
        aliases: &[],
        summary: "Run a program at each step of a run",
        docs: "The program finds the hook's name in the variable `CHAOS_HOOK` and `{hook, control, context, state}` as JSON \
            on its standard input: `context` is the experiment, hypothesis or activity, `state` what came of it (null \
            before). What it writes to standard output is not shown, as it may hold secrets; what is to be read goes to a file. A program that fails is a DEBUG line, and a \
            WARNING on a terminal, and the run goes on; with `interrupt_on_failure` it ends the run, whose status is then \
            `interrupted`.",
        example: "{path: ./hooks/tell-the-team, hooks: [before_experiment, after_experiment], timeout: 10}",
    };
    type Args = Args;

    async fn hook(args: &Args, happening: &Happening, cx: &Aside<'_>) -> Result<(), Unhooked> {
        if !wants(args.hooks.as_ref(), happening.hook) {
            return Ok(());
        }
        let run = run(args, happening, cx);
        let ran = match tokio::time::timeout(limit(args.timeout), run).await {
            Ok(ran) => ran,
            // Dropped, it is killed.
            Err(_) => Err(Failure::target(format!("{} took longer than {} s", args.path, args.timeout))),
        };
        ran.map_err(|failure| failed(&happening.control, failure, args.interrupt_on_failure))
    }
}

async fn run(args: &Args, happening: &Happening, cx: &Aside<'_>) -> Result<(), Failure> {
    let mut child = start(args, happening, cx).map_err(|error| {
        Failure::environment(format!("could not start {}: {error}", args.path))
            .hint("`path` is looked up in PATH unless it holds a slash")
    })?;
    let _started = children::started(child.id(), Extent::Itself);
    let input = told(happening);
    let (stdin, stderr) = (child.stdin.take(), child.stderr.take());
    let write = async {
        if let Some(mut stdin) = stdin {
            // One that does not want to know closes it.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
    };
    let mut complaint = Vec::new();
    let talk = async {
        let read = async {
            if let Some(mut stderr) = stderr {
                // What cannot be read cannot be shown; the status tells.
                let _ = (&mut stderr).take(MOST).read_to_end(&mut complaint).await;
                let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
            }
        };
        tokio::join!(write, read)
    };
    let status = {
        let mut talk = std::pin::pin!(talk.fuse());
        let status = tokio::select! {
            status = child.wait() => status,
            _ = async { let _ = talk.as_mut().await; std::future::pending().await } => unreachable!("it is pending"),
        };
        // What it has started may keep the stream open for as long as that likes.
        let _ = tokio::time::timeout(LAST_WORDS, talk).await;
        status
    };
    let status =
        status.map_err(|error| Failure::environment(format!("could not wait for {}: {error}", args.path)))?;
    if status.success() {
        return Ok(());
    }
    let complaint = String::from_utf8_lossy(&complaint);
    let last = complaint.trim().lines().last().map_or_else(String::new, |last| format!(": {last}"));
    Err(Failure::target(format!("{} ended with {status}{last}", args.path)))
}

fn start(args: &Args, happening: &Happening, cx: &Aside<'_>) -> std::io::Result<Child> {
    Command::new(&args.path)
        .args(&args.arguments)
        .envs(cx.environment.added())
        .env("CHAOS_HOOK", happening.hook.function())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;
    use serde_json::json;
    use squall_engine::Environment;
    use squall_engine::control::Hook;
    use squall_experiment::Value;
    use squall_experiment::event::{Around, Side};

    async fn check(args: serde_json::Value, expected: &str) {
        let args: Args = serde_json::from_value(args).unwrap();
        let happening = Happening {
            hook: Hook::Turn(Around::Activity, Side::After),
            control: "mine".to_owned(),
            context: Value::from_json(json!({"name": "say"})),
            state: Value::from_json(json!({"status": "succeeded"})),
        };
        let environment = Environment::default();
        let cx = Aside { environment: &environment, now: "2026-11-20T09:00:00Z".parse().unwrap() };
        let shown = match Program::hook(&args, &happening, &cx).await {
            Ok(()) => "fine".to_owned(),
            Err(Unhooked::Failed(failure)) => format!("failed: {}", failure.what),
            Err(Unhooked::Interrupted(why)) => format!("interrupted: {why}"),
            Err(Unhooked::Exit(signal)) => format!("exit: {}", signal.word()),
        };
        assert_eq!(shown, expected);
    }

    fn sh(script: &str) -> serde_json::Value {
        json!({"path": "/bin/sh", "arguments": ["-c", script]})
    }

    #[tokio::test]
    async fn it_is_told_what_happens() {
        let script = r#"read -r line
            test "$line" = '{"hook": "after_activity_control", "control": "mine", "context": {"name": "say"}, "state": {"status": "succeeded"}}' || exit 1
            test "$CHAOS_HOOK" = after_activity_control"#;
        // `read` wants a newline and gives what it has without one.
        check(sh(&script.replacen("read -r line", "line=$(cat)", 1)), "fine").await;
        check(sh("exec <&-; exit 0"), "fine").await;
    }

    #[tokio::test]
    async fn its_failure_ends_the_run_only_if_it_is_to() {
        check(sh("echo one >&2; echo two >&2; exit 3"), "failed: /bin/sh ended with exit status: 3: two")
            .await;
        let mut strict = sh("exit 3");
        strict["interrupt_on_failure"] = json!(true);
        check(strict, "interrupted: control 'mine': /bin/sh ended with exit status: 3").await;
        let missing = json!({"path": "/nowhere"});
        check(missing, "failed: could not start /nowhere: No such file or directory (os error 2)").await;
        let mut slow = sh("sleep 60");
        slow["timeout"] = json!(0.05);
        check(slow, "failed: /bin/sh took longer than 0.05 s").await;
    }

    #[tokio::test]
    async fn what_it_has_started_is_not_waited_for() {
        let mut quick = sh("echo one >&2; sleep 9 & exit 3");
        quick["timeout"] = json!(5);
        check(quick, "failed: /bin/sh ended with exit status: 3: one").await;
        check(sh("sleep 9 & exit 0"), "fine").await;
    }

    #[tokio::test]
    async fn it_runs_at_the_hooks_that_it_is_to() {
        for (hooks, expected) in [
            (json!(["after_activity"]), "failed: /bin/sh ended with exit status: 1"),
            (
                json!(["before_activity", "after_activity_control"]),
                "failed: /bin/sh ended with exit status: 1",
            ),
            (json!(["before_activity"]), "fine"),
        ] {
            let mut args = sh("exit 1");
            args["hooks"] = hooks;
            check(args, expected).await;
        }
    }
}
