//! Notifications, with a server of our own in the place of Slack and of everybody else.

use crate::folder::Folder;
use expect_test::expect;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

/// What a server was sent: of each request its line, what counts of its head, and its body.
#[derive(Clone, Default)]
struct Sent(Arc<Mutex<Vec<String>>>);

impl Sent {
    fn all(&self) -> String {
        self.0.lock().unwrap().concat()
    }
}

/// A server that gives these answers in turn, then the last one for ever: status, further header, body. Its address.
fn server(answers: &'static [(u16, &'static str, &'static str)]) -> (String, Sent) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let sent = Sent::default();
    let kept = sent.clone();
    thread::spawn(move || {
        for (index, mut stream) in listener.incoming().flatten().enumerate() {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut told, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                let line = line.trim_end();
                if let Some(value) = line.strip_prefix("Content-Length: ") {
                    length = value.parse().unwrap();
                }
                if told.is_empty()
                    || ["Authorization", "Content-Type", "X-"].iter().any(|name| line.starts_with(name))
                {
                    writeln!(told, "{line}").unwrap();
                }
                if line.is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            writeln!(told, "{}", String::from_utf8(body).unwrap()).unwrap();
            kept.0.lock().unwrap().push(told);
            let (status, header, body) = answers[index.min(answers.len() - 1)];
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n{header}\r\n{body}"
            );
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    (address, sent)
}

const FINE: &[(u16, &str, &str)] = &[(200, "", r#"{"ok": true}"#)];

/// The steady state is lost: the file is there before and not after.
const DEVIATES: &str = r#"{"title": "Lose the file", "description": "d",
    "steady-state-hypothesis": {"title": "The file is there", "probes": [{"type": "probe", "name": "file is there",
        "tolerance": 0, "provider": {"type": "process", "path": "test", "arguments": ["-e", "file"]}}]},
    "method": [{"type": "action", "name": "remove", "provider": {"type": "process", "path": "rm", "arguments": ["file"]}}]}"#;

fn folder(experiment: &str, channels: &str) -> Folder {
    Folder::new()
        .with("e.json", experiment)
        .with("file", "")
        .with(".chaostoolkit/settings.yaml", &format!("notifications:\n{channels}"))
}

/// The `name` of every event that was sent, and the path it was sent to.
fn names(sent: &Sent) -> String {
    let requests = sent.0.lock().unwrap();
    let name = |text: &str| text.split("{\"name\": \"").nth(1)?.split('"').next().map(str::to_owned);
    let lines = requests.iter().map(|request| {
        let path = request.split(' ').nth(1).unwrap_or_default();
        format!("{path} {}\n", name(request).unwrap_or_default())
    });
    lines.collect()
}

#[test]
fn http_channels_get_what_they_want_in_order() {
    let (server, sent) = server(FINE);
    let channels = format!(
        "- {{type: http, url: 'http://{server}/all', headers: {{X-Team: web}}}}\n\
         - {{type: http, url: 'http://{server}/bad', events: [run-failed, validate-failed]}}\n"
    );
    let folder = folder(DEVIATES, &channels);
    let done = folder.chaos("run e.json");
    assert_eq!(done.code, 1);
    expect![[r#"
        /all run-started
        /all run-completed
        /all run-deviated
    "#]]
    .assert_eq(&names(&sent));
    assert!(sent.all().contains("Content-Type: application/json\n") && sent.all().contains("X-Team: web\n"));
    // Nobody hears about a run whose experiment cannot be loaded, and only of its start if it is not valid.
    let (code, before) = (folder.chaos("run none.json").code, names(&sent).lines().count());
    assert_eq!((code, before), (1, 3));
    let invalid = self::folder(r#"{"title": "t", "description": "d"}"#, &channels);
    assert_eq!(invalid.chaos("run e.json").code, 1);
    assert_eq!(invalid.chaos("validate e.json").code, 1);
    let mut after: Vec<_> = names(&sent).lines().skip(3).map(str::to_owned).collect();
    // Two channels are not ordered among each other.
    after.sort();
    assert_eq!(
        after,
        ["/all run-started", "/all validate-failed", "/all validate-started", "/bad validate-failed"]
    );
}

#[test]
fn slack_as_people_read_it() {
    let (server, sent) = server(FINE);
    let channels =
        format!("- {{type: slack, token: xoxb-1, channel: '#chaos', base_url: 'http://{server}/api/'}}\n");
    let done = folder(DEVIATES, &channels).chaos("run e.json");
    assert_eq!(done.code, 1);
    let sent = sent.all();
    assert_eq!(sent.matches("POST /api/chat.postMessage HTTP/1.1").count(), 2, "{sent}");
    for text in [
        "Authorization: Bearer xoxb-1\n",
        "Content-Type: application/json; charset=utf-8\n",
        "*Started*: Lose the file",
        "*Deviated*: Lose the file (0.",
        "before: met, after: not met",
        "`file is there` gave status 1, not 0 (after the method)",
        r##""channel": "#chaos""##,
    ] {
        assert!(sent.contains(text), "{text} in {sent}");
    }
}

#[test]
fn the_toolkits_plugin_for_slack_is_built_in() {
    let (server, sent) = server(FINE);
    let channels = format!(
        "- {{type: plugin, module: chaosslack.notification, token: xoxb-1, channel: chaos, base_url: 'http://{server}', \
         events: [run-deviated]}}\n"
    );
    assert_eq!(folder(DEVIATES, &channels).chaos("run e.json").code, 1);
    let sent = sent.all();
    assert!(
        sent.contains(r#""text": "New Chaos Experiment Event""#) && sent.contains("Tolerance Output"),
        "{sent}"
    );
    assert_eq!(sent.matches("POST ").count(), 1);
}

#[test]
fn a_message_that_slack_cannot_take_now_comes_again() {
    static BUSY: &[(u16, &str, &str)] =
        &[(503, "", "busy"), (429, "Retry-After: 0\r\n", ""), (200, "", "ok"), (404, "", "no_service")];
    let (server, sent) = server(BUSY);
    let channels = format!("- {{type: slack, webhook: 'http://{server}/services/T0/B0/hidden'}}\n");
    let done = folder(DEVIATES, &channels).chaos("run e.json");
    // Three times the first message, once the second, which is refused.
    let firsts = sent.0.lock().unwrap().iter().map(|it| it.contains("*Started*")).collect::<Vec<_>>();
    assert_eq!(firsts, [true, true, true, false]);
    let warning = done.stderr.lines().find(|line| line.contains("WARNING")).unwrap_or_default();
    expect!["[WARNING] notification channel 1 (Slack, SERVER): run-deviated was not delivered: it answered 404, no_service"]
        .assert_eq(warning);
}

#[test]
fn channels_in_trouble_change_nothing_about_a_run() {
    // Nobody listens there any more.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let channels = format!(
        "- {{type: http, url: 'http://user:hidden@{address}/hidden'}}\n\
         - {{type: http, url: 'http:/\\\\'}}\n\
         - {{type: plugin, module: acme.pager}}\n\
         - {{type: slack, webhook: 'http://{address}/hidden', events: [run-completed]}}\n\
         - 7\n\
         python: /nowhere/python3\n"
    );
    let quiet = r#"{"title": "t", "description": "d", "method": []}"#;
    let (folder, bare) = (self::folder(quiet, &channels), self::folder(quiet, "  []"));
    let (done, expected) = (folder.chaos("run e.json"), bare.chaos("run e.json"));
    assert_eq!(done.code, 0);
    let (warnings, others): (Vec<_>, Vec<_>) = done.stderr.lines().partition(|line| line.contains("WARNING"));
    assert_eq!(others, expected.stderr.lines().collect::<Vec<_>>());
    expect![[r#"
        [WARNING] notification channel 3 (acme.pager.notify): run-started was not delivered: there is no program `/nowhere/python3` (as --python or the settings name it)
        [WARNING] notification channel 4 (Slack, SERVER): run-completed was not delivered: could not connect to SERVER: Connection refused"#]]
    .assert_eq(&warnings.join("\n"));
    let log = folder.read("chaostoolkit.log");
    assert!(
        log.contains("notification channel 1")
            && log.contains("notification channel 2")
            && !log.contains("hidden"),
        "{log}"
    );
    assert!(folder.read("journal.json").ends_with('}'));
}

#[test]
fn no_secret_leaves_the_machine() {
    const SECRETS: &[&str] = &[
        "plain-4711",
        "environment-4711",
        "varfile-4711",
        "auths-4711",
        "xoxb-4711",
        "config-4711",
        "var-4711",
    ];
    let (server, sent) = server(FINE);
    let experiment = r#"{"title": "t plain-4711", "description": "plain-4711",
        "configuration": {"api_token": {"type": "env", "key": "CONFIG"}, "password": "p"},
        "secrets": {"shop": {"plain": "plain-4711", "env": {"type": "env", "key": "PLANTED"}}, "file": {"key": "x"}},
        "method": [
            {"type": "action", "name": "spill",
             "provider": {"type": "process", "path": "sh", "secrets": ["shop"], "arguments": ["-c", "cat spilt; echo $PLANTED; cat spilt 1>&2; exit 3"]}},
            {"type": "action", "name": "missing plain-4711", "provider": {"type": "process", "path": "no-such-program"}}
        ]}"#;
    let channels = format!(
        "- {{type: http, url: 'http://{server}/x'}}\n\
         - {{type: slack, token: xoxb-4711, channel: c, base_url: 'http://{server}'}}\n\
         - {{type: plugin, module: chaosslack.notification, token: xoxb-4711, channel: c, base_url: 'http://{server}'}}\n\
         auths: {{example.com: {{type: bearer, value: auths-4711}}}}\n"
    );
    let folder = folder(experiment, &channels)
        .with("vars.json", r#"{"secrets": {"file": {"key": "varfile-4711"}}}"#)
        .with("spilt", &SECRETS.join(" "));
    for command in
        ["run --no-validation --var password=var-4711 --var-file vars.json e.json", "validate e.json"]
    {
        let mut command = folder.command(command);
        let _ = folder.done(command.env("PLANTED", "environment-4711").env("CONFIG", "config-4711"));
    }
    let requests = sent.0.lock().unwrap();
    assert!(requests.len() >= 6, "{}", requests.concat());
    for request in requests.iter() {
        let (head, body) = request.split_once('{').unwrap();
        assert!(!head.contains("auths-4711"));
        for secret in SECRETS {
            assert!(!body.contains(secret), "{secret} in {body}");
        }
        assert!(body.contains("t ***"), "{body}");
    }
}
