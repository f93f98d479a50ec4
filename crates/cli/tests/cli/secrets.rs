//! Secrets are found nowhere: every byte that a run says or leaves behind is searched.

use crate::folder::Folder;
use std::fs;
use std::path::Path;

/// What is planted, and where.
const SECRETS: &[&str] = &[
    "plain-471100",
    "environment-471100",
    "settings-471100",
    "varfile-471100",
    "envfile-471100",
    "variable-471100",
    "configured-471100",
    "probed-471100",
    "pa'ss \"wörd\" 471100",
];

const EXPERIMENT: &str = r#"{"title": "with ${plain} in its title", "description": "plain-471100",
    "configuration": {
        "api_token": {"type": "env", "key": "CONFIGURED"},
        "password": "p",
        "probed_token": {"type": "probe", "name": "p", "provider": {"type": "process", "path": "cat", "arguments": "probed"}}},
    "secrets": {
        "shop": {"plain": "plain-471100", "odd": "pa'ss \"wörd\" 471100", "env": {"type": "env", "key": "PLANTED"},
                 "of_a_file": {"type": "env", "key": "OF_A_FILE"}},
        "file": {"key": "x"}},
    "steady-state-hypothesis": {"title": "h plain-471100", "probes": [
        {"type": "probe", "name": "p plain-471100", "tolerance": {"type": "regex", "pattern": ".*${env}.*", "target": "stdout"},
         "provider": {"type": "process", "path": "cat", "arguments": "spilt"}}]},
    "method": [
        {"type": "action", "name": "spill", "provider": {"type": "process", "path": "sh",
            "arguments": ["-c", "cat spilt; echo $0; cat spilt 1>&2; exit 3", "${odd} ${password} ${api_token} ${key} ${probed_token}"]}},
        {"type": "probe", "name": "call", "provider": {"type": "http", "timeout": 1,
            "url": "http://127.0.0.1:1/?q=${odd}&t=${env}", "headers": {"Authorization": "Bearer ${api_token}"}}},
        {"type": "action", "name": "missing ${plain}", "provider": {"type": "process", "path": "no-such-${plain}"}}],
    "rollbacks": [
        {"type": "action", "name": "plain-471100", "provider": {"type": "process", "path": "cat", "arguments": "spilt"}}]}"#;

fn folder(experiment: &str) -> Folder {
    Folder::new()
        .with("e.json", experiment)
        .with("spilt", &SECRETS.join(" "))
        .with("probed", "probed-471100")
        .with("vars.json", r#"{"secrets": {"file": {"key": "varfile-471100"}}}"#)
        .with("more.env", "OF_A_FILE=envfile-471100\n")
        .with(".chaostoolkit/settings.yaml", "auths: {example.com: {type: bearer, value: settings-471100}}\n")
}

/// What a run with all of them planted said and left behind: names of files, their bytes, and its exit code.
fn ran(folder: &Folder, options: &str) -> (Vec<(String, Vec<u8>)>, i32) {
    let mut command = folder.command(&format!(
        "{options} run --no-validation --var password=variable-471100 --var-file vars.json --var-file more.env e.json"
    ));
    command.env("PLANTED", "environment-471100").env("CONFIGURED", "configured-471100");
    let output = command.output().unwrap();
    let mut found = vec![("stdout".to_owned(), output.stdout), ("stderr".to_owned(), output.stderr)];
    for name in ["journal.json", "chaostoolkit.log", ".local"] {
        gather(&folder.path(name), &mut found);
    }
    (found, output.status.code().unwrap())
}

fn gather(path: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    if path.is_dir() {
        fs::read_dir(path).unwrap().for_each(|entry| gather(&entry.unwrap().path(), found));
    } else if path.exists() {
        found.push((path.display().to_string(), fs::read(path).unwrap()));
    }
}

/// The secret as texts, JSON (of both kinds) and URLs write it.
fn forms(secret: &str) -> Vec<String> {
    let json = serde_json::to_string(secret).unwrap();
    let json = json.trim_matches('"').to_owned();
    let url = secret.replace('\'', "%27").replace(' ', "%20").replace('"', "%22").replace('ö', "%C3%B6");
    vec![secret.to_owned(), json.replace('ö', "\\u00f6"), json, url]
}

fn assert_hidden(found: &[(String, Vec<u8>)]) {
    for (name, bytes) in found {
        for form in SECRETS.iter().flat_map(|secret| forms(secret)) {
            let there = bytes.windows(form.len()).any(|window| window == form.as_bytes());
            assert!(!there, "{form} in {name}: {}", String::from_utf8_lossy(bytes));
        }
    }
}

#[test]
fn secrets_are_nowhere_in_what_a_run_says_and_leaves() {
    for options in ["--verbose", "--verbose --log-format json"] {
        let folder = folder(EXPERIMENT);
        let (found, code) = ran(&folder, options);
        assert_eq!(found.len(), 5, "stdout, stderr, journal, log file, event log");
        assert_hidden(&found);
        let journal: serde_json::Value = serde_json::from_str(&folder.read("journal.json")).unwrap();
        assert_eq!(journal["experiment"]["title"], "with *** in its title");
        assert_eq!(journal["experiment"]["configuration"]["password"], "***");
        assert_eq!(journal["experiment"]["secrets"]["shop"]["env"]["key"], "PLANTED");
        // The values were there: it is only that nobody is told them.
        assert_eq!(journal["steady_states"]["before"]["steady_state_met"], true);
        assert_eq!(journal["run"][0]["output"]["status"], 3);
        assert_eq!(
            journal["run"][0]["output"]["stdout"],
            format!("{0}*** *** *** *** ***\n", "*** ".repeat(8) + "***")
        );
        assert!(code == 0 || code == 1);
    }
}

#[test]
fn what_is_refused_is_said_without_secrets() {
    let experiment = EXPERIMENT
        .replace(r#""type": "action", "name": "spill""#, r#""type": "plain-471100", "name": "spill""#);
    let folder = folder(&experiment);
    for line in [
        "--verbose validate e.json",
        "--verbose validate --format text e.json",
        "validate --format sarif e.json",
    ] {
        let mut command = folder.command(line);
        let output = command.env("PLANTED", "environment-471100").output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let mut found = vec![("stdout".to_owned(), output.stdout), ("stderr".to_owned(), output.stderr)];
        gather(&folder.path("chaostoolkit.log"), &mut found);
        assert_hidden(&found);
    }
}
