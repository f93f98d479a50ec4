//! The process that runs inputs: seeds first, then what is made of those that took new edges.
//!
//! The input that runs is in the file `current`, so that whoever started us has it when the process dies of it (a stack
//! overflow, an abort for memory or time). A panic is caught, kept once for each place, and the work goes on.

use crate::coverage::{Coverage, News};
use crate::knowledge::Machine;
use crate::mutate::{LONGEST, mutate};
use crate::rng::Rng;
use crate::{guard, target};
use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// What a worker is asked for.
pub(crate) struct Work {
    /// Where `current`, `progress` and the findings go.
    pub(crate) folder: PathBuf,
    /// Folders whose files are the seeds.
    pub(crate) seeds: Vec<PathBuf>,
    pub(crate) schema: PathBuf,
    pub(crate) dictionary: PathBuf,
    pub(crate) time: Duration,
    pub(crate) seed: u64,
}

/// What was done so far: written to `progress`, read by the parent.
#[derive(Default, Clone, Debug)]
pub(crate) struct Progress {
    pub(crate) executions: u64,
    pub(crate) documents: u64,
    pub(crate) seeds: usize,
    pub(crate) corpus: usize,
    pub(crate) edges: usize,
    pub(crate) possible: usize,
    pub(crate) slowest: Duration,
    pub(crate) largest: usize,
}

struct Entry {
    input: Vec<u8>,
    /// How often something was made of it.
    chosen: u32,
    news: News,
    took: Duration,
}

struct Worker {
    machine: Machine,
    coverage: Coverage,
    corpus: Vec<Entry>,
    known: BTreeSet<String>,
    progress: Progress,
    folder: PathBuf,
    current: File,
    /// When it was last told what was done.
    told: Instant,
}

/// Where the last panic was, and its text.
static PANIC: Mutex<Option<String>> = Mutex::new(None);

/// Runs for as long as asked for.
pub(crate) fn work(work: &Work) -> io::Result<()> {
    std::panic::set_hook(Box::new(|panic| {
        if let Ok(mut last) = PANIC.lock() {
            *last = Some(panic.to_string());
        }
    }));
    let machine = Machine::new(&std::fs::read_to_string(&work.schema)?)?;
    let mut words: BTreeSet<String> = machine.names().map(str::to_owned).collect();
    words.extend(dictionary(&std::fs::read_to_string(&work.dictionary)?)?);
    let mut worker = Worker {
        machine,
        coverage: Coverage::new(),
        corpus: Vec::new(),
        known: BTreeSet::new(),
        progress: Progress::default(),
        folder: work.folder.clone(),
        current: File::create(work.folder.join("current"))?,
        told: Instant::now(),
    };
    worker.progress.possible = worker.coverage.possible();
    guard::watch();
    let begin = Instant::now();
    for input in seeds(&work.seeds)? {
        worker.progress.seeds += 1;
        worker.run(input)?;
    }
    for entry in &worker.corpus {
        harvest(&entry.input, &mut words);
    }
    let words: Vec<String> = words.into_iter().collect();
    let mut rng = Rng::new(work.seed);
    while begin.elapsed() < work.time && !worker.corpus.is_empty() {
        let chosen = worker.choose(&mut rng);
        let other = rng.below(worker.corpus.len());
        let made = mutate(&worker.corpus[chosen].input, &worker.corpus[other].input, &words, &mut rng);
        worker.run(made)?;
    }
    worker.tell()
}

impl Worker {
    /// Of a few, the one of which the least was made for what it brought; a quick one rather than a slow one.
    fn choose(&mut self, rng: &mut Rng) -> usize {
        let cost = |entry: &Entry| {
            let worth = (1 + entry.news.edges * 4 + entry.news.counts) as f64;
            f64::from(entry.chosen + 1) * (20.0 + entry.took.as_micros() as f64) / worth.sqrt()
        };
        let chosen = (0..4)
            .map(|_| rng.below(self.corpus.len()))
            .min_by(|a, b| cost(&self.corpus[*a]).total_cmp(&cost(&self.corpus[*b])))
            .unwrap_or(0);
        self.corpus[chosen].chosen += 1;
        chosen
    }

    /// Runs one input, and keeps it if it took new edges.
    fn run(&mut self, input: Vec<u8>) -> io::Result<()> {
        if self.told.elapsed() > Duration::from_secs(1) {
            self.told = Instant::now();
            self.tell()?;
        }
        let length = (input.len() as u32).to_le_bytes();
        self.current.write_all_at(&[&length, input.as_slice()].concat(), 0)?;
        self.coverage.reset();
        let begin = Instant::now();
        guard::begin();
        let result = std::panic::catch_unwind(|| target::play(&input, &self.machine));
        let held = guard::end();
        let took = begin.elapsed();
        let news = self.coverage.read();
        self.progress.executions += 1;
        self.progress.slowest = self.progress.slowest.max(took);
        self.progress.largest = self.progress.largest.max(held);
        match result {
            Ok(document) => self.progress.documents += u64::from(document),
            Err(_) => return self.panicked(&input),
        }
        if news.edges + news.counts > 0 {
            let place = self.folder.join("corpus").join(self.corpus.len().to_string());
            std::fs::write(place, &input)?;
            self.corpus.push(Entry { input, chosen: 0, news, took });
        }
        Ok(())
    }

    /// Keeps the input of a panic, one for each place in the source.
    fn panicked(&mut self, input: &[u8]) -> io::Result<()> {
        let said = PANIC.lock().ok().and_then(|mut last| last.take()).unwrap_or_default();
        let place = said.lines().next().unwrap_or_default().to_owned();
        if !self.known.insert(place.clone()) {
            return Ok(());
        }
        let cut: String = said.chars().take(600).collect();
        eprintln!("finding: {cut}");
        let name: String = place.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        // Another worker may have found it before.
        std::fs::write(self.folder.join("findings").join(name), input)
    }

    fn tell(&mut self) -> io::Result<()> {
        let progress = &mut self.progress;
        (progress.corpus, progress.edges) = (self.corpus.len(), self.coverage.taken());
        std::fs::write(self.folder.join("progress.new"), progress.to_line())?;
        std::fs::rename(self.folder.join("progress.new"), self.folder.join("progress"))
    }
}

impl Progress {
    fn to_line(&self) -> String {
        let Progress { executions, documents, seeds, corpus, edges, possible, slowest, largest } = self;
        let slowest = slowest.as_micros();
        format!("{executions} {documents} {seeds} {corpus} {edges} {possible} {slowest} {largest}")
    }

    /// Reads what [`Progress::to_line`] wrote.
    pub(crate) fn of_line(line: &str) -> Option<Progress> {
        let mut numbers = line.split(' ').map_while(|number| number.parse::<u64>().ok());
        let mut next = || numbers.next();
        Some(Progress {
            executions: next()?,
            documents: next()?,
            seeds: next()? as usize,
            corpus: next()? as usize,
            edges: next()? as usize,
            possible: next()? as usize,
            slowest: Duration::from_micros(next()?),
            largest: next()? as usize,
        })
    }
}

/// The words of a dictionary file: one JSON string a line; `#` begins a comment.
fn dictionary(text: &str) -> io::Result<Vec<String>> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| serde_json::from_str(line).map_err(io::Error::from)).collect()
}

/// The words of an input: runs of letters, digits and what names are made of.
fn harvest(input: &[u8], words: &mut BTreeSet<String>) {
    let text = String::from_utf8_lossy(input);
    let word = |c: char| !(c.is_alphanumeric() || "_-.$/".contains(c));
    words.extend(text.split(word).filter(|word| (2..=24).contains(&word.len())).map(str::to_owned));
}

/// Every file of the folders as JSON and as YAML, small ones first; of Markdown what is between fences, of recordings
/// what was read.
fn seeds(folders: &[PathBuf]) -> io::Result<Vec<Vec<u8>>> {
    let mut texts: BTreeSet<(usize, Vec<u8>)> = BTreeSet::new();
    for folder in folders {
        walk(folder, &mut |path, bytes| {
            let name = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes);
            let parts: Vec<Vec<u8>> = match name {
                "json" | "yaml" | "yml" | "input" => vec![bytes],
                "md" => text.split("```").skip(1).step_by(2).map(fenced).collect(),
                "jsonl" => text.lines().filter_map(recorded).collect(),
                _ => Vec::new(),
            };
            let small = parts.into_iter().filter(|part| part.len() < LONGEST);
            texts.extend(small.map(|part| (part.len(), part)));
        })?;
    }
    let both = |(_, text): (usize, Vec<u8>)| [0_u8, 1, 3].map(|first| [&[first], text.as_slice()].concat());
    Ok(texts.into_iter().flat_map(both).collect())
}

/// The text that one of Python's readers was given.
fn recorded(line: &str) -> Option<Vec<u8>> {
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    Some(line["in"].as_str()?.as_bytes().to_vec())
}

/// What follows the language's name.
fn fenced(block: &str) -> Vec<u8> {
    block.split_once('\n').map_or(block, |(_, text)| text).as_bytes().to_vec()
}

fn walk(path: &Path, each: &mut dyn FnMut(&Path, Vec<u8>)) -> io::Result<()> {
    if path.is_dir() {
        for entry in std::fs::read_dir(path)? {
            walk(&entry?.path(), each)?;
        }
    } else {
        each(path, std::fs::read(path)?);
    }
    Ok(())
}
