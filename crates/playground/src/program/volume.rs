//! What a program keeps: files in memory, or in a folder of the machine.
//!
//! Invariant: what [`Volume::edit`] acknowledged is what [`Volume::read`] finds, and of a folder's it survives the loss of
//! power too; a file is never seen half written.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Files of a volume, by path within it.
#[derive(Debug, Default)]
pub struct Volume {
    files: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    folder: Option<PathBuf>,
    /// Where in the whole this part begins; empty for all of it.
    below: String,
}

impl Volume {
    /// A volume of these files, in memory.
    pub fn of(files: BTreeMap<String, Vec<u8>>) -> Volume {
        Volume { files: Arc::new(Mutex::new(files)), ..Volume::default() }
    }

    /// A volume whose files are a folder's.
    ///
    /// # Errors
    /// The folder is none, or cannot be written.
    pub fn at(folder: &Path) -> io::Result<Volume> {
        let probe = folder.join(".writable");
        File::create(&probe)?;
        fs::remove_file(&probe)?;
        Ok(Volume { folder: Some(folder.to_owned()), ..Volume::default() })
    }

    /// A part of it: what lies below a path, or a file, which then is read and edited by the empty path.
    ///
    /// # Errors
    /// The path leaves the volume.
    pub fn below(&self, path: &str) -> io::Result<Volume> {
        if path.starts_with('/') || path.split('/').any(|part| part == "..") {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{path} leaves the volume")));
        }
        let below = self.whole(path.trim_end_matches('/'));
        Ok(Volume { files: self.files.clone(), folder: self.folder.clone(), below })
    }

    /// A path from the beginning of the whole volume.
    fn whole(&self, path: &str) -> String {
        match (self.below.as_str(), path) {
            ("", path) => path.to_owned(),
            (below, "") => below.to_owned(),
            (below, path) => format!("{below}/{path}"),
        }
    }

    /// What a file holds; nothing if there is none.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        self.holds(&self.whole(path), &self.files.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn holds(&self, path: &str, files: &BTreeMap<String, Vec<u8>>) -> io::Result<Option<Vec<u8>>> {
        match &self.folder {
            None => Ok(files.get(path).cloned()),
            Some(folder) => match fs::read(folder.join(path)) {
                Ok(bytes) => Ok(Some(bytes)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(error),
            },
        }
    }

    /// Makes a file hold what becomes of what it holds; nobody else changes it meanwhile.
    ///
    /// # Errors
    /// It cannot be read or written, or `change` refuses; it holds what it held before.
    pub fn edit(
        &self,
        path: &str,
        change: impl FnOnce(Option<Vec<u8>>) -> io::Result<Vec<u8>>,
    ) -> io::Result<()> {
        let path = self.whole(path);
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = change(self.holds(&path, &files)?)?;
        let Some(folder) = &self.folder else {
            files.insert(path, bytes);
            return Ok(());
        };
        let (new, whole) = (folder.join(format!("{path}.new")), folder.join(path));
        let within = whole.parent().unwrap_or(folder);
        fs::create_dir_all(within)?;
        let mut file = File::create(&new)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&new, &whole)?;
        File::open(within)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn a_folder_keeps_what_memory_forgets() {
        let folder = tempfile::tempdir().unwrap();
        let check = |volume: &Volume, expected: Option<&[u8]>| {
            assert_eq!(volume.read("people").unwrap().as_deref(), expected);
        };
        for (make, kept) in [
            ((|_| Ok(Volume::default())) as fn(&Path) -> io::Result<Volume>, None),
            (Volume::at, Some(b"ab".as_slice())),
        ] {
            let volume = make(folder.path()).unwrap();
            check(&volume, None);
            volume.edit("people", |_| Ok(b"a".to_vec())).unwrap();
            volume.edit("people", |held| Ok([held.unwrap(), b"b".to_vec()].concat())).unwrap();
            volume.edit("people", |_| Err(io::ErrorKind::Other.into())).unwrap_err();
            check(&volume, Some(b"ab"));
            check(&make(folder.path()).unwrap(), kept);
        }
        assert_eq!(Volume::at(&folder.path().join("none")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
