//! Experiments that are loaded from a server.

use crate::folder::Folder;
use expect_test::expect;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::thread;

const EXPERIMENT: &str = r#"{"title": "t", "description": "d", "method": []}"#;

/// A server whose paths are `/STATUS/TYPE`, with `.` for the slash of the type; it answers with the experiment, or with the
/// credentials that it was sent. Its address.
fn server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut head = Vec::new();
            for line in BufReader::new(stream.try_clone().unwrap()).lines() {
                match line.unwrap() {
                    line if line.is_empty() => break,
                    line => head.push(line),
                }
            }
            let path = head[0].split(' ').nth(1).unwrap().trim_start_matches('/').to_owned();
            let (status, kind) = path.split_once('/').unwrap_or(("404", "text.plain"));
            let sent = head.iter().find_map(|line| line.strip_prefix("Authorization: "));
            let body = if kind == "text.echo" { sent.unwrap_or("nothing") } else { EXPERIMENT };
            let kind = kind.replace('.', "/");
            let answer = format!(
                "HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    address
}

#[test]
fn by_status_and_content_type() {
    let (folder, server) = (Folder::new(), server());
    let said: String = [
        "200/application.json",
        "200/application.x-yaml",
        "200/text.yaml",
        "200/text.plain",
        "200/text.html",
        "201/application.json",
        "404/text.plain",
    ]
    .map(|path| {
        let done = folder.chaos(&format!("validate http://{server}/{path}"));
        format!("{path}\n{}exit {}\n", done.stderr, done.code)
    })
    .concat();
    expect![[r#"
        200/application.json
        [INFO] Validating the experiment's syntax
        [INFO] Experiment looks valid
        [INFO] experiment syntax and semantic look valid
        exit 0
        200/application.x-yaml
        [INFO] Validating the experiment's syntax
        [INFO] Experiment looks valid
        [INFO] experiment syntax and semantic look valid
        exit 0
        200/text.yaml
        [INFO] Validating the experiment's syntax
        [INFO] Experiment looks valid
        [INFO] experiment syntax and semantic look valid
        exit 0
        200/text.plain
        [INFO] Validating the experiment's syntax
        [INFO] Experiment looks valid
        [INFO] experiment syntax and semantic look valid
        exit 0
        200/text.html
        [ERROR] could not load the experiment from http://SERVER/200/text.html, which has text/html: only files with json, yaml or yml extensions are supported; let the server say application/json, application/x-yaml, text/yaml or text/plain
        exit 1
        201/application.json
        [ERROR] Failed to fetch the experiment: {"title": "t", "description": "d", "method": []}
        exit 1
        404/text.plain
        [ERROR] Failed to fetch the experiment: {"title": "t", "description": "d", "method": []}
        exit 1
    "#]].assert_eq(&said);
}

#[test]
fn with_credentials() {
    let server = server();
    let folder = Folder::new().with(
        ".chaostoolkit/settings.yaml",
        &format!("auths:\n  {server}: {{type: basic, value: c2VjcmV0}}\n"),
    );
    let line = format!("run http://{server}/401/text.echo");
    let mut said = folder.chaos(&line).stderr;
    let mut command = folder.command(&line);
    said += &folder.done(command.env("CHAOSTOOLKIT_LOADER_AUTH_BEARER_TOKEN", " tok-4711 ")).stderr;
    // The server repeats what it was sent, and only these very credentials are hidden.
    expect![[r#"
        [ERROR] Failed to fetch the experiment: basic ***
        [ERROR] Failed to fetch the experiment: bearer ***
    "#]]
    .assert_eq(&said);
}

#[test]
fn nobody_listens() {
    // A port that was free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    Folder::new().chaos(&format!("run http://{address}/e.json")).check(expect![[r#"
        stderr:
        [ERROR] could not load the experiment from http://SERVER/e.json: could not connect to SERVER: Connection refused
        exit: 1
    "#]]);
}
