//! A folder of its own for each test, and the command run in it.

use expect_test::Expect;
use fancy_regex::Regex;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::LazyLock;
use tempfile::TempDir;

/// A folder, also HOME.
pub(crate) struct Folder(TempDir);

/// What a command printed and returned.
#[must_use]
pub(crate) struct Done {
    /// Exit code.
    pub(crate) code: i32,
    /// Masked.
    pub(crate) stdout: String,
    /// Masked.
    pub(crate) stderr: String,
}

impl Folder {
    pub(crate) fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    /// With a file in it.
    pub(crate) fn with(self, name: &str, text: &str) -> Folder {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// The command, ready to be run here.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chaos"));
        command
            .args(line.split_whitespace())
            .current_dir(self.0.path())
            .env_clear()
            .env("HOME", self.0.path())
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("TZ", "UTC")
            .stdin(Stdio::null());
        command
    }

    /// The name of the only run so far.
    pub(crate) fn only_run(&self) -> String {
        let runs: Vec<_> = fs::read_dir(self.path(".local/state/chaos/runs")).unwrap().collect();
        assert_eq!(runs.len(), 1);
        runs[0].as_ref().unwrap().file_name().to_str().unwrap().to_owned()
    }

    /// Runs it here.
    pub(crate) fn chaos(&self, line: &str) -> Done {
        self.done(&mut self.command(line))
    }

    pub(crate) fn done(&self, command: &mut Command) -> Done {
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| self.mask(&String::from_utf8(bytes).unwrap());
        Done {
            code: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// The text without what differs from run to run.
    pub(crate) fn mask(&self, text: &str) -> String {
        static MASKS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
            [
                (r"\d{8}-\d{6}-[0-9a-f]{6}", "RUN"),
                (r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ", "["),
                (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \(\d+ s ago\)", "WHEN"),
                (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(Z|\+00:00)", "TIME"),
                (r"127\.0\.0\.1:\d+", "SERVER"),
                (r"process \d+", "process PID"),
                (r"\[[a-z]+:\d+\] ", ""),
                (r"(?m) +$", ""),
            ]
            .map(|(pattern, mask)| (Regex::new(pattern).unwrap(), mask))
            .into()
        });
        let here = self.0.path().to_str().unwrap();
        let text = text.replace(here, "DIR").replace(env!("CARGO_PKG_VERSION"), "VERSION");
        MASKS.iter().fold(text, |text, (regex, mask)| regex.replace_all(&text, *mask).into_owned())
    }
}

impl Done {
    /// Everything in one text: what was printed where, and the exit code.
    pub(crate) fn check(&self, expected: Expect) {
        let mut all = Vec::new();
        for (name, text) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !text.is_empty() {
                writeln!(all, "{name}:\n{}", text.trim_end_matches('\n')).unwrap();
            }
        }
        writeln!(all, "exit: {}", self.code).unwrap();
        expected.assert_eq(&String::from_utf8(all).unwrap());
    }
}

/// A command that goes on.
pub(crate) struct Running<'a> {
    folder: &'a Folder,
    child: Child,
    stderr: BufReader<ChildStderr>,
    said: String,
}

impl Folder {
    /// Starts the command and waits until it said this.
    pub(crate) fn start(&self, line: &str, until: &str) -> Running<'_> {
        let mut child = self.command(line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let mut running = Running { folder: self, child, stderr, said: String::new() };
        running.wait_for(until);
        running
    }
}

impl Running<'_> {
    /// Reads on until this was said.
    pub(crate) fn wait_for(&mut self, text: &str) {
        while !self.said.contains(text) {
            let read = self.stderr.read_line(&mut self.said).unwrap();
            assert!(read > 0, "it ended without saying {text}: {}", self.said);
        }
    }

    /// Sends it a signal: `TERM`, `INT`, `KILL`, …
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Done {
        let mut rest = Vec::new();
        self.stderr.read_to_end(&mut rest).unwrap();
        self.said.push_str(&String::from_utf8_lossy(&rest));
        let output = self.child.wait_with_output().unwrap();
        Done {
            code: output.status.code().unwrap_or(-1),
            stdout: self.folder.mask(&String::from_utf8_lossy(&output.stdout)),
            stderr: self.folder.mask(&self.said),
        }
    }
}
