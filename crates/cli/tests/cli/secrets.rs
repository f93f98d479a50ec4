//! Secrets are found nowhere: every byte that a run says or leaves behind is searched.

use crate::folder::Folder;
use expect_test::expect;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::thread;

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
    "vault-471100",
    "root-token-471100",
];

const EXPERIMENT: &str = r#"{"title": "with ${plain} in its title", "description": "plain-471100",
    "configuration": {
        "api_token": {"type": "env", "key": "CONFIGURED"},
        "password": "p", "vault_addr": "ADDR", "vault_token": "root-token-471100",
        "probed_token": {"type": "probe", "name": "p", "provider": {"type": "process", "path": "cat", "arguments": "probed"}}},
    "secrets": {
        "shop": {"plain": "plain-471100", "odd": "pa'ss \"wörd\" 471100", "env": {"type": "env", "key": "PLANTED"},
                 "kept": {"type": "vault", "path": "shop", "key": "password"}, "all": {"type": "vault", "path": "shop"},
                 "of_a_file": {"type": "env", "key": "OF_A_FILE"}},
        "file": {"key": "x"}},
    "steady-state-hypothesis": {"title": "h plain-471100", "probes": [
        {"type": "probe", "name": "p plain-471100", "tolerance": {"type": "regex", "pattern": ".*${env}.*", "target": "stdout"},
         "provider": {"type": "process", "path": "cat", "arguments": "spilt"}}]},
    "method": [
        {"type": "action", "name": "spill", "provider": {"type": "process", "path": "sh",
            "arguments": ["-c", "cat spilt; echo $0; cat spilt 1>&2; exit 3", "${odd} ${password} ${api_token} ${key} ${probed_token} ${kept} ${all}"]}},
        {"type": "probe", "name": "call", "provider": {"type": "http", "timeout": 1,
            "url": "http://127.0.0.1:1/?q=${odd}&t=${env}", "headers": {"Authorization": "Bearer ${api_token}"}}},
        {"type": "action", "name": "missing ${plain}", "provider": {"type": "process", "path": "no-such-${plain}"}}],
    "rollbacks": [
        {"type": "action", "name": "plain-471100", "provider": {"type": "process", "path": "cat", "arguments": "spilt"}}]}"#;

/// A Vault with one secret, for whoever has the token. Its address.
fn vault() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            let head: Vec<String> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
            let known = head.iter().any(|line| line == "X-Vault-Token: root-token-471100");
            let (status, body) = match (known, head[0].as_str()) {
                (false, _) => (403, r#"{"errors": ["permission denied"]}"#),
                (true, "GET /v1/secret/data/shop HTTP/1.1") => {
                    (200, r#"{"data": {"data": {"password": "vault-471100"}}}"#)
                }
                (true, _) => (404, r#"{"errors": []}"#),
            };
            let _ = write!(stream, "HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        }
    });
    address
}

fn folder(experiment: &str) -> Folder {
    Folder::new()
        .with("e.json", &experiment.replace("ADDR", &vault()))
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
    // The journal once more, as of a run that was killed: by a process that knows none of the secrets.
    let recovery =
        folder.command(&format!("{options} recover --journal-path late.json {}", folder.only_run()));
    let output = { recovery }.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    found.push(("stdout of the recovery".to_owned(), output.stdout));
    found.push(("stderr of the recovery".to_owned(), output.stderr));
    assert_eq!(folder.read("late.json"), folder.read("journal.json"));
    for name in ["journal.json", "late.json", "chaostoolkit.log", ".local"] {
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
        assert_eq!(found.len(), 8, "stdout and stderr of both, two journals, log file, event log");
        assert_hidden(&found);
        let journal: serde_json::Value = serde_json::from_str(&folder.read("journal.json")).unwrap();
        assert_eq!(journal["experiment"]["title"], "with *** in its title");
        assert_eq!(journal["experiment"]["configuration"]["password"], "***");
        assert_eq!(journal["experiment"]["secrets"]["shop"]["env"]["key"], "PLANTED");
        // The values were there: it is only that nobody is told them.
        assert_eq!(journal["steady_states"]["before"]["steady_state_met"], true);
        assert_eq!(journal["run"][0]["output"]["status"], 3);
        let spilt = "*** ".repeat(SECRETS.len() - 1) + "***";
        let said = format!("{spilt}*** *** *** *** *** *** {{'password': '***'}}\n");
        assert_eq!(journal["run"][0]["output"]["stdout"], said);
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

/// An experiment with these secrets of our Vault.
fn of_vault(token: &str, secrets: &str) -> Folder {
    let experiment = r#"{"title": "t", "description": "d", "method": [],
        "configuration": {"vault_addr": "ADDR", "vault_token": "TOKEN"}, "secrets": {"t": SECRETS}}"#;
    folder(&experiment.replace("TOKEN", token).replace("SECRETS", secrets))
}

#[test]
fn vault_is_asked_by_validation_and_by_the_run() {
    of_vault("root-token-471100", r#"{"a": {"type": "vault", "path": "shop"}, "b": {"type": "vault"}}"#)
        .chaos("run e.json")
        .check(expect![[r#"
            stderr:
            [INFO] Validating the experiment's syntax
            [WARNING] Missing Vault secret path for '{'type': 'vault'}'
            [INFO] Experiment looks valid
            [WARNING] Missing Vault secret path for '{'type': 'vault'}'
            [INFO] Running experiment: t
            [INFO] Steady-state strategy: default
            [INFO] Rollbacks strategy: default
            [INFO] No steady state hypothesis defined. That's ok, just exploring.
            [INFO] Playing your experiment's method now...
            [INFO] No declared activities, let's move on.
            [INFO] Let's rollback...
            [INFO] No declared rollbacks, let's move on.
            [INFO] Experiment ended with status: completed
            exit: 0
        "#]]);
}

#[test]
fn vault_may_refuse() {
    let denied = of_vault("bad", r#"{"a": {"type": "vault", "path": "shop"}}"#);
    for line in ["validate e.json", "run e.json"] {
        denied.chaos(line).check(expect![[r#"
            stderr:
            [INFO] Validating the experiment's syntax
            [ERROR] Vault at http://SERVER answered GET /v1/secret/data/shop with 403: permission denied; the token is not valid (any more), or none of its policies grants `read` on `secret/data/shop`
            exit: 1
        "#]]);
    }
    of_vault("root-token-471100", r#"{"a": {"type": "vault", "path": "none"}}"#)
        .chaos("run --no-validation e.json")
        .check(expect![[r#"
            stderr:
            [ERROR] Vault at http://SERVER answered GET /v1/secret/data/none with 404; look at the `path` of the secret, at `vault_secrets_mount_point` (secret) and at `vault_kv_version` (2)
            exit: 1
        "#]]);
}

/// A control in Python that adds secrets: when it is configured, and before the run.
const ADDING: &str = r#"
def configure_control(secrets=None, configuration=None, **others):
    secrets["late"] = {"k": "configured-late-471100"}
    configuration["late_token"] = "token-late-471100"

def before_experiment_control(context=None, secrets=None, **others):
    secrets["late"]["l"] = "before-late-471100"
    context["description"] = "before-late-471100"
"#;

#[test]
fn secrets_that_a_control_adds_are_hidden_too() {
    let late = ["configured-late-471100", "token-late-471100", "before-late-471100"];
    let experiment = |controls: &str| {
        format!(
            r#"{{"title": "t", "description": "d", {controls} "method": [
                {{"type": "action", "name": "spill", "secrets": ["late"], "provider": {{"type": "process", "path": "echo",
                    "arguments": ["${{k}}", "${{l}}", "${{late_token}}"]}}}}]}}"#
        )
    };
    let control = r#"{"name": "adding", "provider": {"type": "python", "module": "adding"}}"#;
    let named = control.replace(r#""name": "adding", "#, "");
    let of_the_experiment = experiment(&format!(r#""controls": [{control}],"#));
    for (options, settings, experiment) in [
        ("", "", &of_the_experiment),
        ("--control-file controls.json", "", &experiment("")),
        ("", &*format!("controls: {{adding: {named}}}"), &experiment("")),
    ] {
        let folder = Folder::new()
            .with("adding.py", ADDING)
            .with("controls.json", &format!(r#"{{"adding": {named}}}"#))
            .with(".chaostoolkit/settings.yaml", settings)
            .with("e.json", experiment);
        let mut command = folder.command(&format!("--verbose run --no-validation {options} e.json"));
        let output = command.env("PYTHONPATH", folder.path("")).output().unwrap();
        let mut found = vec![("stdout".to_owned(), output.stdout), ("stderr".to_owned(), output.stderr)];
        for name in ["journal.json", "chaostoolkit.log", ".local"] {
            gather(&folder.path(name), &mut found);
        }
        let journal: serde_json::Value = serde_json::from_str(&folder.read("journal.json")).unwrap();
        assert_eq!(journal["run"][0]["output"]["stdout"], "*** *** ***\n", "{options} {settings}");
        for (name, bytes) in found {
            let text = String::from_utf8_lossy(&bytes);
            assert!(!late.iter().any(|secret| text.contains(secret)), "{name}: {text}");
        }
    }
}

#[test]
fn no_format_tells_the_password_of_a_source() {
    for format in ["text", "json", "sarif"] {
        let folder = Folder::new();
        let line = format!("--verbose validate --format {format} http://user:471100-PASS@127.0.0.1:1/e.json");
        let output = folder.command(&line).output().unwrap();
        let mut found = vec![("stdout".to_owned(), output.stdout), ("stderr".to_owned(), output.stderr)];
        gather(&folder.path("chaostoolkit.log"), &mut found);
        for (name, bytes) in found {
            let text = String::from_utf8_lossy(&bytes);
            assert!(!text.contains("471100"), "{name}: {text}");
        }
    }
}

#[test]
fn a_line_that_is_drawn_holds_no_secret_however_it_is_written() {
    for (name, experiment) in [
        (
            "e.yaml",
            "{title: t, description: d, secrets: {a: {b: 'it''s-HUNTER', c: HUN}}, method: [{type: 1}]}",
        ),
        (
            "e.json",
            r#"{"title": "t", "description": "d", "secrets": {"a": {"b": "HUN\u0054ER", "c": "HUN"}}, "method": [{"type": 1}]}"#,
        ),
        ("e.yaml", "title: t\nsecrets: {a: {b: HUNTER, c: ]}}\nmethod: []\n"),
        ("e.yaml", "title: t\nsecrets: {a: {b: !!binary HUNTER-x}}\nmethod: []\n"),
    ] {
        for format in ["text", "json", "sarif"] {
            let done =
                Folder::new().with(name, experiment).chaos(&format!("validate --format {format} {name}"));
            assert_eq!(done.code, 1, "{}", done.stdout);
            assert!(!done.stdout.contains("HUN"), "{experiment}: {}", done.stdout);
        }
    }
}
