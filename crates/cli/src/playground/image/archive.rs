//! A tar file (POSIX ustar), as far as images need it.
//!
//! Invariant: owners are root, times are 0, the order is the caller's; so the same entries are the same bytes.

/// Tar counts in these.
const BLOCK: usize = 512;

/// A tar file in the making.
#[derive(Default)]
pub(super) struct Archive(Vec<u8>);

impl Archive {
    /// Adds a file.
    pub(super) fn file(&mut self, path: &str, mode: u32, bytes: &[u8]) -> Result<(), String> {
        self.header(path, mode, bytes.len(), b'0', "")?;
        self.0.extend_from_slice(bytes);
        self.0.resize(self.0.len().next_multiple_of(BLOCK), 0);
        Ok(())
    }

    /// Adds a symbolic link.
    pub(super) fn link(&mut self, path: &str, to: &str) -> Result<(), String> {
        self.header(path, 0o777, 0, b'2', to)
    }

    /// Adds a folder.
    pub(super) fn folder(&mut self, path: &str) -> Result<(), String> {
        self.header(&format!("{path}/"), 0o755, 0, b'5', "")
    }

    /// The whole file.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 2 * BLOCK, 0);
        self.0
    }

    fn header(&mut self, path: &str, mode: u32, size: usize, kind: u8, to: &str) -> Result<(), String> {
        // What is too long for a name may have its folders apart.
        let fits = |(at, _): &(usize, &str)| *at <= 155 && path.len() - at <= 101;
        let (folders, name) = match path.match_indices('/').find(fits) {
            Some((at, _)) if path.len() > 100 => (&path[..at], &path[at + 1..]),
            _ => ("", path),
        };
        let mut header = [0; BLOCK];
        let mut put = |at: usize, room: usize, text: &str| match header.get_mut(at..at + text.len()) {
            Some(place) if text.len() <= room => {
                place.copy_from_slice(text.as_bytes());
                Ok(())
            }
            _ => Err(format!("{path} is too long or too large for an archive")),
        };
        put(0, 100, name)?;
        put(100, 8, &format!("{mode:07o}"))?;
        put(108, 8, "0000000")?;
        put(116, 8, "0000000")?;
        put(124, 11, &format!("{size:011o}"))?;
        put(136, 12, "00000000000")?;
        // The checksum is made with spaces in its own place.
        put(148, 8, "        ")?;
        put(157, 100, to)?;
        put(257, 8, "ustar\x0000")?;
        put(345, 155, folders)?;
        header[156] = kind;
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.0.extend_from_slice(&header);
        Ok(())
    }
}
