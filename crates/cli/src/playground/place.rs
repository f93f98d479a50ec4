//! Where a playground tells how it is reached: `playgrounds/NAME/` in the state folder.
//!
//! Invariant: the lock is held as long as the playground lives, so a place without its holder is nobody's.

use super::folder;
use crate::problem::Problem;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// A playground's place.
pub(super) struct Place {
    folder: PathBuf,
    name: String,
}

/// The log of a detached playground that is not ready yet.
pub(super) struct Said {
    path: PathBuf,
}

/// A place that is ours.
pub(super) struct Held {
    folder: PathBuf,
    _lock: File,
}

impl Place {
    /// The place of a playground.
    pub(super) fn named(state: &Path, name: &str) -> Result<Place, Problem> {
        let fits = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
        if name.is_empty() || name.starts_with('.') || !name.chars().all(fits) {
            return Err(Problem::new(format!("`{name}` cannot be the name of a playground"))
                .hint("letters, digits, `-`, `_` and `.` can"));
        }
        Ok(Place { folder: folder(state).join(name), name: name.to_owned() })
    }

    /// The places of those that run.
    pub(super) fn all(state: &Path) -> Result<Vec<Place>, Problem> {
        let entries = match fs::read_dir(folder(state)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => {
                let folder = folder(state);
                return Err(Problem::new(format!("could not read {}: {error}", folder.display())));
            }
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut places: Vec<Place> = names.filter_map(|name| Place::named(state, &name).ok()).collect();
        places.retain(|place| place.is_held() && place.reach().is_ok());
        places.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(places)
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Takes the place.
    pub(super) fn hold(&self) -> Result<Held, Problem> {
        let unable =
            |error: io::Error| Problem::new(format!("could not write to {}: {error}", self.folder.display()));
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder).map_err(unable)?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(self.folder.join("lock"))
            .map_err(unable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Problem::new(format!("a playground named {} runs already", self.name))
                    .hint("end it with `chaos playground down`, or give this one another --name"));
            }
            Err(TryLockError::Error(error)) => return Err(unable(error)),
        }
        let held = Held { folder: self.folder.clone(), _lock: lock };
        // What one that was killed left here leads nowhere.
        held.untell();
        Ok(held)
    }

    /// Whether a playground lives here.
    pub(super) fn is_held(&self) -> bool {
        let Ok(lock) = File::open(self.folder.join("lock")) else { return false };
        matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock))
    }

    /// Its kubeconfig's path, and its ingress.
    pub(super) fn reach(&self) -> Result<(PathBuf, String), Problem> {
        let ingress = self.is_held().then(|| fs::read_to_string(self.folder.join("ingress")));
        match ingress {
            Some(Ok(ingress)) => Ok((self.folder.join("kubeconfig"), ingress)),
            _ => Err(Problem::new(format!("no playground named {} runs", self.name))
                .hint("`chaos playground up --detach` starts one, `chaos playground status` lists them")),
        }
    }

    /// Its process.
    pub(super) fn pid(&self) -> Result<u32, Problem> {
        self.reach()?;
        self.told_pid().ok_or_else(|| Problem::new(format!("{} holds no process id", self.folder.display())))
    }

    /// The process that told last how it is reached, whether it lives or not. The lock is not touched: who is about to take
    /// it is not disturbed.
    pub(super) fn told_pid(&self) -> Option<u32> {
        fs::read_to_string(self.folder.join("pid")).ok()?.parse().ok()
    }

    /// Where a detached one that we start writes its log: beside the place's, which may be that of another.
    pub(super) fn log(&self) -> io::Result<(File, Said)> {
        let path = self.folder.join(format!("log.{}", std::process::id()));
        let file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&path)?;
        Ok((file, Said { path }))
    }
}

impl Said {
    /// It is the log of the place's playground from now on.
    pub(super) fn keep(self) {
        // Under its old name it is written as well; then nobody finds it.
        let _ = fs::rename(&self.path, self.path.with_file_name("log"));
    }

    /// The last that was said, without the time and the level before it. The log is of no use afterwards.
    pub(super) fn last(self) -> String {
        let log = fs::read_to_string(&self.path).unwrap_or_default();
        let _ = fs::remove_file(&self.path);
        let last = log.lines().last().unwrap_or("the playground ended without a word");
        let said = last.strip_prefix('[').and_then(|line| line.split_once("] "));
        said.map_or(last, |(_, said)| said).to_owned()
    }
}

impl Held {
    /// Tells how it is reached. The ingress comes last: who can read it can read everything.
    pub(super) fn tell(&self, kubeconfig: &str, ingress: &str) -> Result<(), Problem> {
        let pid = std::process::id().to_string();
        for (name, text) in [("kubeconfig", kubeconfig), ("pid", &pid), ("ingress", ingress)] {
            let path = self.folder.join(name);
            let new = self.folder.join(format!("{name}.new"));
            // Whoever waits for it finds it whole.
            let file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&new);
            file.and_then(|mut file| file.write_all(text.as_bytes()))
                .and_then(|()| fs::rename(&new, &path))
                .map_err(|error| Problem::new(format!("could not write {}: {error}", path.display())))?;
        }
        Ok(())
    }

    /// Takes that back.
    pub(super) fn untell(&self) {
        for name in ["ingress", "kubeconfig", "pid"] {
            // What is not there need not be removed; what cannot be removed is recognised by the lock.
            let _ = fs::remove_file(self.folder.join(name));
        }
    }
}
