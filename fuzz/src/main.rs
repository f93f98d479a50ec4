//! A coverage-guided fuzzer over an experiment's way from bytes to the judgement of its tolerances.
//!
//! This process only starts workers and counts: a worker that dies leaves the input it died of, and the next goes on.
//! What is fuzzed and what has to hold is in `target`; how inputs are made in `mutate` and `tree`; what an input may cost in
//! `guard`. `fuzz/run` builds and starts it.
//!
//! Why not libFuzzer: its licence (NCSA) is none of those in `deny.toml`, and it needs a C++ compiler. The counters that LLVM
//! puts into the code are the same.

mod coverage;
mod guard;
mod knowledge;
mod mutate;
mod rng;
mod target;
mod tree;
mod worker;

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};
use worker::{Progress, Work};

#[global_allocator]
static ALLOCATOR: guard::Counting = guard::Counting;

const USAGE: &str = "usage: squall-fuzz [--worker] ROOT FOLDER SECONDS SEED [SEEDS...]
       squall-fuzz --replay ROOT INPUT...
  ROOT is the repository, FOLDER where findings and corpus go, SEEDS folders or files.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["--replay", root, inputs @ ..] => replay(Path::new(root), inputs),
        ["--worker", root, folder, seconds, seed, seeds @ ..] => {
            work(root, folder, seconds, seed, seeds).and_then(|work| worker::work(&work)).map(|()| true)
        }
        [root, folder, seconds, seed, seeds @ ..] if !root.starts_with('-') => {
            work(root, folder, seconds, seed, seeds).and_then(|work| supervise(&arguments, &work))
        }
        _ => Err(io::Error::other(USAGE)),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn work(root: &str, folder: &str, seconds: &str, seed: &str, seeds: &[&str]) -> io::Result<Work> {
    let number =
        |text: &str| text.parse::<u64>().map_err(|_| io::Error::other(format!("{text} is no number")));
    let fuzz = Path::new(root).join("fuzz");
    Ok(Work {
        folder: PathBuf::from(folder),
        seeds: seeds.iter().map(PathBuf::from).collect(),
        schema: Path::new(root).join("docs/experiment.schema.json"),
        dictionary: fuzz.join("dictionary.txt"),
        time: Duration::from_secs(number(seconds)?),
        seed: number(seed)?,
    })
}

/// Runs these inputs, each as a finding was kept.
fn replay(root: &Path, inputs: &[&str]) -> io::Result<bool> {
    let machine =
        knowledge::Machine::new(&std::fs::read_to_string(root.join("docs/experiment.schema.json"))?)?;
    guard::watch();
    for input in inputs {
        let bytes = std::fs::read(input)?;
        let begin = Instant::now();
        guard::begin();
        let document = target::play(&bytes, &machine);
        let held = guard::end();
        println!("{input}: document: {document}, {:?}, {} KB", begin.elapsed(), held >> 10);
    }
    Ok(true)
}

/// Starts workers until the time is over; true if nothing was found.
fn supervise(arguments: &[String], work: &Work) -> io::Result<bool> {
    let findings = work.folder.join("findings");
    // What an earlier time found must not fail this one.
    drop(std::fs::remove_dir_all(&work.folder));
    std::fs::create_dir_all(&findings)?;
    let (begin, mut total, mut deaths) = (Instant::now(), Progress::default(), 0);
    let machine = knowledge::Machine::new(&std::fs::read_to_string(&work.schema)?)?;
    println!(
        "fuzz: {} functions known, for {} s, seed {}",
        machine.functions(),
        work.time.as_secs(),
        work.seed
    );
    while let Some(left) = work.time.checked_sub(begin.elapsed()).filter(|left| left.as_secs() > 0) {
        drop(std::fs::remove_dir_all(work.folder.join("corpus")));
        std::fs::create_dir_all(work.folder.join("corpus"))?;
        drop(std::fs::remove_file(work.folder.join("progress")));
        let mut with = arguments.to_vec();
        with[2] = left.as_secs().to_string();
        with[3] = (work.seed + deaths).to_string();
        let mut child = Command::new(std::env::current_exe()?).arg("--worker").args(&with).spawn()?;
        let mut told = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            std::thread::sleep(Duration::from_millis(100));
            if told.elapsed() > Duration::from_secs(60) {
                told = Instant::now();
                println!(
                    "fuzz: {} s: {}",
                    begin.elapsed().as_secs(),
                    shown(&total.with(&progress(&work.folder)))
                );
            }
        };
        total = total.with(&progress(&work.folder));
        if status.code() == Some(2) {
            return Err(io::Error::other("the worker could not begin"));
        }
        if !status.success() {
            deaths += 1;
            let current = std::fs::read(work.folder.join("current"))?;
            let input = current
                .split_first_chunk::<4>()
                .and_then(|(length, rest)| rest.get(..u32::from_le_bytes(*length) as usize));
            std::fs::write(findings.join(format!("died-{deaths}")), input.unwrap_or_default())?;
            println!("finding: a worker ended with {status}");
        }
    }
    let found = std::fs::read_dir(&findings)?.count();
    for finding in std::fs::read_dir(&findings)? {
        println!("finding: {}", finding?.path().display());
    }
    println!(
        "fuzz: {} in {} s; {}",
        shown(&total),
        begin.elapsed().as_secs(),
        if found == 0 { "0 panics, overflows, hangs".to_owned() } else { format!("{found} FINDINGS") }
    );
    Ok(found == 0 && total.executions > 0)
}

fn progress(folder: &Path) -> Progress {
    let line = std::fs::read_to_string(folder.join("progress")).unwrap_or_default();
    Progress::of_line(&line).unwrap_or_default()
}

fn shown(progress: &Progress) -> String {
    let Progress { executions, documents, seeds, corpus, edges, possible, slowest, largest } = progress;
    format!(
        "{executions} executions ({documents} documents) from {seeds} seeds, {edges} of {possible} edges, \
         corpus {corpus}, slowest {} ms, largest {} KB",
        slowest.as_millis(),
        largest >> 10
    )
}

impl Progress {
    /// Both workers' together.
    fn with(&self, other: &Progress) -> Progress {
        Progress {
            executions: self.executions + other.executions,
            documents: self.documents + other.documents,
            seeds: self.seeds.max(other.seeds),
            corpus: self.corpus.max(other.corpus),
            edges: self.edges.max(other.edges),
            possible: self.possible.max(other.possible),
            slowest: self.slowest.max(other.slowest),
            largest: self.largest.max(other.largest),
        }
    }
}
