//! The shared libraries that this program needs, its loader among them.
//!
//! The loader itself is asked, by starting this program once more with `LD_TRACE_LOADED_OBJECTS` set: it then lists what it
//! would load, and loads nothing. Reading the needed names from the ELF file would not say where they are: run paths, the
//! loader's cache and its folders for this machine's processor decide that, and the loader is the one who knows them. (`ldd`
//! is a script that does this, and need not be installed.)

use crate::problem::Problem;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Where they are; none if the program is static.
pub(super) fn of_this_program() -> Result<Vec<PathBuf>, Problem> {
    let unable = |error: std::io::Error| {
        Problem::new(format!("could not find out which libraries this program needs: {error}"))
    };
    // What has no such loader takes no notice of the variable, and prints its version.
    let told = Command::new("/proc/self/exe")
        .arg("--version")
        .env("LD_TRACE_LOADED_OBJECTS", "1")
        .stdin(Stdio::null())
        .output()
        .map_err(unable)?;
    let libraries = listed(&String::from_utf8_lossy(&told.stdout))?;
    let maps = std::fs::read_to_string("/proc/self/maps").map_err(unable)?;
    if libraries.is_empty() && maps.lines().any(|line| line.contains(".so")) {
        return Err(Problem::new("this program's loader does not tell which libraries it needs")
            .hint("make the image with a static build, or with one for glibc"));
    }
    Ok(libraries)
}

/// The files of a loader's list: `libc.so.6 => /lib/libc.so.6 (0x…)`, `/lib64/ld-linux-x86-64.so.2 (0x…)`. What the kernel
/// brings along has no file.
fn listed(text: &str) -> Result<Vec<PathBuf>, Problem> {
    let mut files = Vec::new();
    for line in text.lines() {
        let Some((name, place)) = line.trim().split_once(" => ") else {
            if let Some((path, _)) = line.trim().split_once(" (0x").filter(|(path, _)| path.starts_with('/'))
            {
                files.push(PathBuf::from(path));
            }
            continue;
        };
        match place.rsplit_once(" (0x") {
            Some((path, _)) if path.starts_with('/') => files.push(PathBuf::from(path)),
            _ => return Err(Problem::new(format!("the library {name} is not found: {place}"))),
        }
    }
    files.sort();
    files.dedup();
    Ok(files)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn a_loaders_list_is_read() {
        let check = |text: &str, expected: &[&str]| {
            let expected: Vec<PathBuf> = expected.iter().map(PathBuf::from).collect();
            assert_eq!(listed(text).unwrap(), expected, "{text}");
        };
        check("chaos version 0.1.0\n", &[]);
        check(
            "\tlinux-vdso.so.1 (0x00007f)\n\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f)\n\t/lib64/ld-linux-x86-64.so.2 (0x00007f)\n",
            &["/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2"],
        );
        assert!(listed("\tlibodd.so.1 => not found\n").is_err());
    }
}
