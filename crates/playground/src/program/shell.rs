//! The few commands that every image of the demo system brings along, and `sh -c` of a row of them: for hooks and probes.
//!
//! Not here: a shell. What it does not know is not found, as in an image that lacks it.

use super::no_such_command;
use std::time::Duration;
use tokio::time::sleep;

/// Runs a command: its exit code and output.
pub(super) async fn run(command: &[String]) -> (i32, String) {
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    match words.as_slice() {
        [shell, "-c", script, ..] if matches!(base(shell), "sh" | "bash" | "ash") => row(script).await,
        words => one(words).await.unwrap_or_else(|| no_such_command(command)),
    }
}

/// `a && b; c`: each after the other, up to one that fails before an `&&`.
async fn row(script: &str) -> (i32, String) {
    let (mut code, mut output) = (0, String::new());
    for list in script.split([';', '\n']) {
        for command in list.split("&&") {
            let words: Vec<&str> = command.split_whitespace().collect();
            if words.is_empty() {
                continue;
            }
            let (ended, text) =
                one(&words).await.unwrap_or_else(|| (127, format!("sh: {}: not found\n", words[0])));
            code = ended;
            output += &text;
            if code != 0 {
                break;
            }
        }
    }
    (code, output)
}

/// One command; `None` for what is not known.
async fn one(words: &[&str]) -> Option<(i32, String)> {
    let (name, words) = words.split_first()?;
    Some(match base(name) {
        "true" | ":" => (0, String::new()),
        "false" => (1, String::new()),
        "echo" => (0, format!("{}\n", words.join(" "))),
        "sleep" => {
            let seconds = |word: &&str| word.trim_end_matches('s').parse::<f64>().ok();
            let time =
                words.first().and_then(seconds).and_then(|time| Duration::try_from_secs_f64(time).ok());
            match time {
                Some(time) => {
                    sleep(time).await;
                    (0, String::new())
                }
                None => (1, format!("sleep: invalid number '{}'\n", words.join(" "))),
            }
        }
        _ => return None,
    })
}

/// A command's name without its folder.
fn base(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn commands_that_images_have() {
        for (command, code, output, seconds) in [
            (vec!["sleep", "2"], 0, "", 2),
            (vec!["/bin/sh", "-c", "sleep 1 && echo a b; sleep 2s"], 0, "a b\n", 3),
            (vec!["sh", "-c", "false && sleep 9"], 1, "", 0),
            (vec!["sh", "-c", "nginx -s quit"], 127, "sh: nginx: not found\n", 0),
            (vec!["sleep", "x"], 1, "sleep: invalid number 'x'\n", 0),
        ] {
            let began = Instant::now();
            let command: Vec<String> = command.into_iter().map(str::to_owned).collect();
            assert_eq!(run(&command).await, (code, output.to_owned()), "{command:?}");
            assert_eq!(began.elapsed().as_secs(), seconds, "{command:?}");
        }
        assert_eq!(run(&["nginx".to_owned()]).await.0, 126);
    }
}
