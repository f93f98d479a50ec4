//! The demo's temporary folder, and those that a demo which was killed left behind.
//!
//! Invariant: a folder is locked as long as its demo lives, so that only what nobody uses is removed; and only what is ours, for
//! others may write to the same place.

use crate::problem::Problem;
use squall_engine::Environment;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

const PREFIX: &str = "chaos-demo-";
const LOCK: &str = "lock";
/// A folder is made before its lock is: one that has none is somebody's who just begins, unless it is older.
const BEGINNING: Duration = Duration::from_secs(60);

/// A folder that goes away with its owner.
pub(super) struct Scratch {
    folder: PathBuf,
    _lock: File,
}

impl Scratch {
    /// Makes it.
    pub(super) fn new(environment: &Environment) -> Result<Scratch, Problem> {
        let folder = place(environment).join(format!("{PREFIX}{}", uuid::Uuid::new_v4().simple()));
        let made = || {
            DirBuilder::new().mode(0o700).create(&folder)?;
            let lock = OpenOptions::new().create_new(true).write(true).mode(0o600).open(folder.join(LOCK))?;
            lock.lock()?;
            io::Result::Ok(lock)
        };
        match made() {
            Ok(lock) => Ok(Scratch { folder, _lock: lock }),
            Err(error) => {
                let _ = fs::remove_dir_all(&folder);
                let text = format!("could not make the folder {}: {error}", folder.display());
                Err(Problem::new(text).hint("TMPDIR takes another place for it"))
            }
        }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Writes a file that only its owner can read.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<(), Problem> {
        let path = self.path(name);
        let file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path);
        file.and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|error| Problem::new(format!("could not write {}: {error}", path.display())))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed lies in the machine's folder for such things, and the next demo tries again.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Removes what demos that were killed left. What cannot be removed is no hindrance.
pub(crate) fn sweep(environment: &Environment) {
    let entries = fs::read_dir(place(environment)).into_iter().flatten().flatten();
    for entry in entries {
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX)) {
            let folder = entry.path();
            if is_left(&folder).unwrap_or(false) {
                let _ = fs::remove_dir_all(&folder);
            }
        }
    }
}

/// Whether a folder is ours, and nobody's any more.
fn is_left(folder: &Path) -> io::Result<bool> {
    let metadata = fs::symlink_metadata(folder)?;
    if !metadata.is_dir() || metadata.uid() != rustix::process::geteuid().as_raw() {
        return Ok(false);
    }
    match File::open(folder.join(LOCK)) {
        Ok(lock) => Ok(lock.try_lock().is_ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Ok(metadata.modified()?.elapsed().is_ok_and(|age| age > BEGINNING))
        }
        Err(error) => Err(error),
    }
}

fn place(environment: &Environment) -> &Path {
    Path::new(environment.get("TMPDIR").filter(|path| !path.is_empty()).unwrap_or("/tmp"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn what_a_killed_demo_left_is_swept_and_nothing_else() {
        let place = tempfile::tempdir().unwrap();
        let environment = Environment::new([("TMPDIR".to_owned(), place.path().display().to_string())]);
        let used = Scratch::new(&environment).unwrap();
        let make = |name: &str, lock: bool| {
            let folder = place.path().join(name);
            fs::create_dir(&folder).unwrap();
            if lock {
                fs::write(folder.join(LOCK), "").unwrap();
            }
            folder
        };
        let left = make("chaos-demo-left", true);
        let (begun, foreign) = (make("chaos-demo-begun", false), make("something", true));
        sweep(&environment);
        assert!(!left.exists());
        assert!(begun.exists() && foreign.exists() && used.path(LOCK).exists());
        drop(used);
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 2);
    }
}
