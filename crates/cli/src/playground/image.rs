//! `chaos playground image`: the demo programs as container images, for clusters that are no playground.
//!
//! All are one layer: this very program with the shared libraries that it was started with, under the names by which it is
//! the demo's programs (`contained`). Invariant: the same program gives the same bytes. Knows nothing of Docker: the archive
//! is a tar file with a list of images, which every container runtime takes.

mod archive;
mod libraries;

use crate::exit;
use crate::problem::Problem;
use crate::session::Session;
use archive::Archive;
use ring::digest::{SHA256, digest};
use serde_json::{Value as Json, json};
use squall_playground::program::{Program, demo_system};
use squall_report::line::Line;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// The names in the demo's manifests, by the program that they stand for.
const NAMES: [(&str, &str); 3] = [
    ("go-demo-8", "vfarcic/go-demo-8:0.0.1"),
    ("mongod", "bitnami/mongodb:4.0.3"),
    ("repeater", "vfarcic/repeater:0.0.1"),
];
/// Nothing depends on when it was made.
const CREATED: &str = "1970-01-01T00:00:00Z";

/// A program, and the names of its image.
type Image = (Arc<dyn Program>, Vec<String>);

/// Writes the archive; the exit code.
pub(super) fn image(out: &Path, tags: &[(String, String)], session: &Session) -> Result<u8, Problem> {
    let names = names(tags)?;
    let this = Path::new("/proc/self/exe");
    let program = fs::read(this).map_err(|error| {
        Problem::new(format!("could not read this program: {error}"))
            .hint("images are made on Linux, where containers run")
    })?;
    let mut files = vec![("bin/chaos".to_owned(), program)];
    for library in libraries::of_this_program()? {
        let bytes = fs::read(&library)
            .map_err(|error| Problem::new(format!("could not read {}: {error}", library.display())))?;
        files.push((library.display().to_string().trim_start_matches('/').to_owned(), bytes));
    }
    let bytes = docker_archive(files, &names)
        .map_err(|error| Problem::new(format!("could not make the archive: {error}")))?;
    fs::write(out, &bytes)
        .map_err(|error| Problem::new(format!("could not write {}: {error}", out.display())))?;
    let images: Vec<&str> = names.iter().flat_map(|(_, images)| images).map(String::as_str).collect();
    session.say(Line::info(format!(
        "{} holds {} ({} MB)",
        out.display(),
        images.join(", "),
        bytes.len().div_ceil(1_000_000)
    )));
    Ok(exit::FINE)
}

/// Each program with the names of its image.
fn names(tags: &[(String, String)]) -> Result<Vec<Image>, Problem> {
    let known = NAMES.map(|(program, _)| program);
    if let Some((unknown, _)) = tags.iter().find(|(program, _)| !known.contains(&program.as_str())) {
        return Err(Problem::new(format!("there is no program '{unknown}' to give a name to"))
            .hint(format!("there are {}", known.join(", "))));
    }
    let programs = demo_system();
    let of = |called: &str| programs.iter().find(|program| program.executables().first() == Some(&called));
    Ok(NAMES
        .iter()
        .filter_map(|(called, image)| {
            let more = tags.iter().filter(|(program, _)| program == called).map(|(_, image)| image.clone());
            Some((of(called)?.clone(), std::iter::once((*image).to_owned()).chain(more).collect()))
        })
        .collect())
}

/// The archive of images that share these files as their one layer; `bin/chaos` is the program.
fn docker_archive(files: Vec<(String, Vec<u8>)>, names: &[Image]) -> Result<Vec<u8>, String> {
    let ancestors =
        |path: &str| Path::new(path).ancestors().skip(1).map(|folder| folder.display().to_string()).collect();
    let folders: BTreeSet<String> =
        files.iter().flat_map(|(path, _)| -> Vec<String> { ancestors(path) }).collect();
    let libraries =
        files.iter().filter(|(path, _)| path.contains(".so")).filter_map(|(path, _)| path.rsplit_once('/'));
    let search: BTreeSet<String> = libraries.map(|(folder, _)| format!("/{folder}")).collect();
    let mut layer = Archive::default();
    for folder in folders.iter().filter(|folder| !folder.is_empty()) {
        layer.folder(folder)?;
    }
    for (path, bytes) in files {
        layer.file(&path, 0o755, &bytes)?;
    }
    for executable in names.iter().flat_map(|(program, _)| program.executables()) {
        layer.link(&format!("bin/{executable}"), "chaos")?;
    }
    let layer = layer.finish();
    let layer_name = sha256(&layer);
    let mut archive = Archive::default();
    let mut manifest = Vec::new();
    let layer_path = format!("{layer_name}/layer.tar");
    archive.file(&layer_path, 0o644, &layer)?;
    for (program, images) in names {
        let config = config(program.executables(), &search, &layer_name).to_string();
        let path = format!("{}.json", sha256(config.as_bytes()));
        archive.file(&path, 0o644, config.as_bytes())?;
        manifest.push(json!({"Config": path, "RepoTags": images, "Layers": [layer_path]}));
    }
    archive.file("manifest.json", 0o644, Json::from(manifest).to_string().as_bytes())?;
    Ok(archive.finish())
}

/// How an image is run.
fn config(executables: &[&str], libraries: &BTreeSet<String>, layer: &str) -> Json {
    let mut environment = vec!["PATH=/bin".to_owned()];
    if !libraries.is_empty() {
        // The loader's cache, which may have named them here, is not in the image.
        let folders: Vec<&str> = libraries.iter().map(String::as_str).collect();
        environment.push(format!("LD_LIBRARY_PATH={}", folders.join(":")));
    }
    let entrypoint: Vec<String> = executables.iter().take(1).map(|name| format!("/bin/{name}")).collect();
    json!({
        "architecture": architecture(),
        "os": "linux",
        "created": CREATED,
        "config": {"Entrypoint": entrypoint, "Env": environment, "WorkingDir": "/"},
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{layer}")]},
        "history": [{"created": CREATED, "created_by": "chaos playground image"}],
    })
}

/// As images name it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn sha256(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use std::collections::BTreeMap;

    /// What a tar file holds: contents by path, or `-> target` of a link.
    fn entries(tar: &[u8]) -> BTreeMap<String, Vec<u8>> {
        let mut entries = BTreeMap::new();
        let mut rest = tar;
        while rest[0] != 0 {
            let text = |from: usize, to: usize| {
                let field = &rest[from..to];
                let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
                String::from_utf8(field[..end].to_vec()).unwrap()
            };
            let sum: u32 = rest[..512]
                .iter()
                .enumerate()
                .map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u32::from(*byte) })
                .sum();
            assert_eq!(u32::from_str_radix(&text(148, 156), 8).unwrap(), sum);
            let path =
                if rest[345] == 0 { text(0, 100) } else { format!("{}/{}", text(345, 500), text(0, 100)) };
            let size = usize::from_str_radix(&text(124, 136), 8).unwrap();
            let contents = match rest[156] {
                b'2' => format!("-> {}", text(157, 257)).into_bytes(),
                _ => rest[512..512 + size].to_vec(),
            };
            entries.insert(path, contents);
            rest = &rest[512 + size.next_multiple_of(512)..];
        }
        assert_eq!(rest, [0; 1024], "it ends with two empty blocks");
        entries
    }

    #[test]
    fn one_layer_many_names() {
        let deep = format!("usr/{}/libx.so", "d/".repeat(60));
        let files =
            || vec![("bin/chaos".to_owned(), b"program".to_vec()), (deep.clone(), b"library".to_vec())];
        let tags = [("mongod".to_owned(), "registry.example/db:1".to_owned())];
        let names = names(&tags).unwrap();
        let tar = docker_archive(files(), &names).unwrap();
        assert_eq!(tar, docker_archive(files(), &names).unwrap(), "the same bytes");
        let archive = entries(&tar);
        let manifest: Json = serde_json::from_slice(&archive["manifest.json"]).unwrap();
        let mut seen = Vec::new();
        for image in manifest.as_array().unwrap() {
            let config = &archive[image["Config"].as_str().unwrap()];
            assert_eq!(image["Config"], format!("{}.json", sha256(config)));
            let config: Json = serde_json::from_slice(config).unwrap();
            let layer = &archive[image["Layers"][0].as_str().unwrap()];
            assert_eq!(config["rootfs"]["diff_ids"][0], format!("sha256:{}", sha256(layer)));
            seen.push((
                image["RepoTags"].to_string(),
                config["config"]["Entrypoint"][0].as_str().unwrap().to_owned(),
            ));
            let layer = entries(layer);
            assert_eq!(
                (&layer["bin/chaos"][..], &layer["bin/mongo"][..], &layer[&deep][..]),
                (&b"program"[..], &b"-> chaos"[..], &b"library"[..])
            );
        }
        let expected = [
            (r#"["vfarcic/go-demo-8:0.0.1"]"#, "/bin/go-demo-8"),
            (r#"["bitnami/mongodb:4.0.3","registry.example/db:1"]"#, "/bin/mongod"),
            (r#"["vfarcic/repeater:0.0.1"]"#, "/bin/repeater"),
        ];
        assert_eq!(seen, expected.map(|(tags, entrypoint)| (tags.to_owned(), entrypoint.to_owned())));
    }

    #[test]
    fn what_cannot_be_named_is_said() {
        let problem = super::names(&[("redis".to_owned(), "x:1".to_owned())]).err().unwrap();
        assert_eq!(
            problem.to_string(),
            "there is no program 'redis' to give a name to; there are go-demo-8, mongod, repeater"
        );
        assert!(Archive::default().file(&"x".repeat(300), 0o644, b"").is_err());
    }
}
