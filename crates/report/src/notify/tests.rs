#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod slack;

use super::*;
use crate::story::{Story, exited, failed, gave, process, with};
use expect_test::{Expect, expect};
use serde_json::json;
use squall_experiment::diagnostic::Severity;
use squall_experiment::event::{Event, Phase, Place, UndoId};
use std::convert::Infallible;

const AT: i64 = 1_795_165_982_140_000;

fn value(json: serde_json::Value) -> Value {
    Value::from_json(json)
}

fn settings(channel: serde_json::Value) -> Object {
    value(json!({"notifications": [channel]})).as_object().unwrap().clone()
}

/// The only channel of these settings.
fn channel(channel: serde_json::Value) -> Channel {
    let (mut channels, complaints) = channels(&settings(channel), "run", &|_| None);
    assert_eq!(complaints, []);
    channels.pop().unwrap()
}

fn ran(story: &Story, redactor: &Redactor) -> Ran {
    Ran::gather(|_| Ok::<_, Infallible>(story.records.iter().cloned().map(Ok)), redactor, true).unwrap()
}

/// What a channel is sent of a run's end.
fn told(to: serde_json::Value, story: &Story) -> String {
    let (channel, ran) = (channel(to), ran(story, &Redactor::default()));
    let mut all = String::new();
    for name in ran.names() {
        let at = Timestamp::from_microsecond(AT).unwrap();
        let notice = Notice { name, at, payload: Payload::Run(&ran), error: None };
        if let Some(delivery) = request(&channel, &notice) {
            all.push_str(&shown(&delivery));
        }
    }
    all
}

/// What a channel is sent about an experiment.
fn told_of(to: serde_json::Value, name: Name, document: serde_json::Value, error: Option<&str>) -> String {
    let document = value(document);
    let at = Timestamp::from_microsecond(AT).unwrap();
    let notice = Notice { name, at, payload: Payload::Document(&document), error: error.map(str::to_owned) };
    request(&channel(to), &notice).map_or_else(String::new, |delivery| shown(&delivery))
}

/// The request that a channel is sent.
fn request(channel: &Channel, notice: &Notice<'_>) -> Option<Delivery> {
    match channel.message(notice)? {
        Message::Request(delivery) => Some(delivery),
        Message::Plugin(Plugin { module, .. }) => panic!("{module} would be called"),
    }
}

/// A delivery, its body indented.
fn shown(delivery: &Delivery) -> String {
    let mut all = format!("{} {}\n", delivery.method, delivery.url);
    for (name, value) in &delivery.headers {
        all.push_str(&format!("{name}: {value}\n"));
    }
    if let Some(body) = &delivery.body {
        let style = Style { indent: Some(1), ascii: false };
        all.push_str(&json::to_string(&json::value(body).unwrap(), &style));
        all.push('\n');
    }
    all
}

fn http() -> serde_json::Value {
    json!({"type": "http", "url": "http://hooks/x"})
}

fn webhook() -> serde_json::Value {
    json!({"type": "slack", "webhook": "https://hooks.slack.com/services/T/B/X"})
}

fn plugin() -> serde_json::Value {
    json!({"type": "plugin", "module": "chaosslack.notification", "token": " xoxb-1 ", "channel": "##chaos"})
}

fn probe() -> serde_json::Value {
    json!({"type": "probe", "name": "web answers", "tolerance": 200, "provider": {"type": "http", "url": "http://web"}})
}

fn hypothesis() -> serde_json::Value {
    json!({"steady-state-hypothesis": {"title": "It <serves>", "probes": [probe()]}})
}

/// The steady state was lost, an action and a rollback failed, a change stays.
fn deviated() -> Story {
    let answered = |status| gave(json!({"status": status, "headers": {}, "body": "<b>"}));
    Story::of(hypothesis())
        .strategies("default", "default")
        .steady(Phase::Before, probe(), answered(200))
        .tell(Event::MethodStarted { activities: 2 })
        .activity(Place::Method, process("action", "nap", "sleep", &["1"]), exited(0, ""))
        .activity(Place::Method, process("action", "kill", "kill", &[]), failed("no such process"))
        .tell(Event::MethodEnded)
        .hypothesis(Phase::After)
        .activity(Place::Hypothesis(Phase::After), probe(), answered(503))
        .judged(false, "200")
        .unmet(Phase::After, "web answers", false)
        .rollbacks(&[("undo", process("action", "undo", "false", &[]), failed("gone"))])
        .tell(Event::LeftBehind { undos: vec!["scale Deployment shop/web back to 3".to_owned()] })
        .ended(Status::Completed, true)
}

#[test]
fn http_bodies_as_the_toolkit_sends_them() {
    let error = Some("An exception was raised: InvalidExperiment('it''s')");
    let body = |name, document, error: Option<&str>| {
        let document = value(document);
        let at = Timestamp::from_microsecond(AT).unwrap();
        let error = error.map(str::to_owned);
        let notice = Notice { name, at, payload: Payload::Document(&document), error };
        request(&channel(http()), &notice).unwrap().body.unwrap()
    };
    expect![[r#"{"name": "run-started", "payload": {"title": "caf\u00e9", "method": []}, "phase": "run", "ts": 1795165982.14}"#]]
        .assert_eq(&body(Name::RunStarted, json!({"title": "café", "method": []}), None));
    expect![[r#"{"name": "validate-failed", "payload": null, "phase": "validate", "ts": 1795165982.14, "error": "An exception was raised: InvalidExperiment('it''s')"}"#]]
        .assert_eq(&body(Name::ValidateFailed, json!(null), error));
}

#[test]
fn a_run_that_ended_is_its_journal_and_deviated_comes_second() {
    let story = deviated();
    let mut written = Vec::new();
    journal::write(
        |_| Ok::<_, Infallible>(story.records.iter().cloned().map(Ok::<_, Infallible>)),
        &mut written,
    )
    .unwrap();
    let expected = json::value(&String::from_utf8(written).unwrap()).unwrap();
    let ran = ran(&story, &Redactor::default());
    assert!(!ran.journal.contains('\n') && ran.journal.is_ascii());
    assert_eq!(json::value(&ran.journal).unwrap(), expected);
    assert_eq!(ran.names().collect::<Vec<_>>(), [Name::RunCompleted, Name::RunDeviated]);
    let named = |status| {
        let story = Story::of(json!({})).exploring(0).ended(status, false);
        super::tests::ran(&story, &Redactor::default()).names().map(Name::word).collect::<Vec<_>>()
    };
    assert_eq!(named(Status::Completed), ["run-completed"]);
    for status in [Status::Failed, Status::Aborted, Status::Interrupted] {
        assert_eq!(named(status), ["run-failed"]);
    }
}

#[test]
fn errors_of_validation_in_the_toolkits_classes() {
    for (rule, message, expected) in [
        ("missing-title", "experiment requires a title", "InvalidExperiment('experiment requires a title')"),
        ("bad-tolerance", "it's \"odd\"", r#"InvalidActivity('it\'s "odd"')"#),
        ("http-url", "it's", "InvalidActivity(\"it's\")"),
        ("bad-control", "x", "InvalidControl('x')"),
    ] {
        let complaint = Diagnostic {
            severity: Severity::Error,
            rule: rule.to_owned(),
            message: message.to_owned(),
            hint: None,
            path: String::new(),
            span: None,
        };
        assert_eq!(invalid(&complaint), format!("An exception was raised: {expected}"));
    }
}

/// Labels and complaints of these channels for a run.
fn check_channels(declared: serde_json::Value, expected: Expect) {
    let settings = value(json!({"notifications": declared})).as_object().unwrap().clone();
    let (channels, complaints) =
        channels(&settings, "run", &|name| (name == "SLACK_BOT_TOKEN").then(|| "t".to_owned()));
    let labels = channels.iter().map(|channel| format!("{}\n", channel.label()));
    let complaints = complaints.iter().map(|it| format!("{} {}\n", if it.lost { "!" } else { "?" }, it.text));
    expected.assert_eq(&labels.chain(complaints).collect::<String>());
}

#[test]
fn channels_and_what_is_wrong_with_them() {
    check_channels(
        json!([
            {"type": "http", "url": "https://u:p@hooks.example.com:8443/secret?token=x"},
            {"type": "http"},
            {"type": "carrier-pigeon"},
            {"type": "slack", "name": "on call", "webhook": "https://hooks.slack.com/services/T/B/X"},
            {"type": "slack", "channel": "C0123"},
            {"type": "slack", "token": "t"},
            {"type": "plugin", "module": "chaosslack.notification", "token": "t", "channel": "chaos"},
            {"type": "plugin", "module": "chaosslack.notification", "token": "t"},
            {"type": "plugin", "module": "acme.notify", "func": "tell"},
            {"type": "plugin", "module": "acme.notify", "events": ["validate-failed"]},
            {"type": "http", "url": "http://x", "events": ["discover-failed", "run-complete"]},
            {"type": "http", "url": "http://x", "events": ["run-failed", "lunch"]},
        ]),
        expect![[r#"
            notification channel 1 (hooks.example.com:8443)
            notification channel 4 (on call)
            notification channel 5 (Slack, C0123)
            notification channel 7 (Slack, #chaos)
            notification channel 9 (acme.notify.tell)
            notification channel 12 (x)
            ? notification channel 2: it needs a `url`
            ? notification channel 3: there is no type carrier-pigeon, so nothing is sent; types are http, plugin and slack
            ? notification channel 6: Slack needs a `webhook`, or a `token` and a `channel`
            ? notification channel 8: chaosslack.notification needs a `token` and a `channel`
            ? notification channel 11: there is no event discover-failed; did you mean discovery-failed?
            ? notification channel 11: there is no event run-complete; did you mean run-completed?
            ? notification channel 12: there is no event lunch
        "#]],
    );
    check_channels(
        json!("http://x"),
        expect![[r#"
        ? `notifications` in the settings must be a list of channels, so nothing is sent
    "#]],
    );
    check_channels(json!(null), expect![[""]]);
}

#[test]
fn each_channel_hears_what_it_wants() {
    use Name::{RunCompleted, RunDeviated, RunStarted, ValidateCompleted, ValidateFailed};
    let all = [RunStarted, RunCompleted, RunDeviated, ValidateCompleted, ValidateFailed];
    for (to, events, expected) in [
        (http(), json!(null), &all[..]),
        (http(), json!([]), &all[..]),
        (http(), json!(["run-deviated", "run-starte"]), &[RunDeviated]),
        (http(), json!("run-started or run-completed"), &[RunStarted, RunCompleted]),
        (plugin(), json!(null), &all[..]),
        // People are not told that something began which ends at once and well, unless they ask.
        (webhook(), json!(null), &[RunStarted, RunCompleted, RunDeviated, ValidateFailed]),
        (webhook(), json!(["validate-completed", "run-deviated"]), &[RunDeviated, ValidateCompleted]),
    ] {
        let mut to = to;
        to["events"] = events;
        let (mut channels, _) = channels(&settings(to.clone()), "run", &|_| None);
        let (channel, document) = (channels.pop().unwrap(), Value::Null);
        let wants = |name: &Name| {
            let (at, payload) = (Timestamp::UNIX_EPOCH, Payload::Document(&document));
            channel.message(&Notice { name: *name, at, payload, error: None }).is_some()
        };
        assert_eq!(all.into_iter().filter(wants).collect::<Vec<_>>(), expected, "{to}");
    }
}

#[test]
fn http_channels_with_all_their_keys() {
    let to = json!({"type": "http", "url": "http://hooks/x", "headers": {"X-Team": "web", "X-N": 7}, "verify_tls": false,
        "forward_event_payload": false});
    let delivery = told_of(to.clone(), Name::RunStarted, json!({"title": "t"}), None);
    expect![[r#"
        GET http://hooks/x
        X-Team: web
        X-N: 7
    "#]]
    .assert_eq(&delivery);
    for (verify, expected) in [
        (json!(true), Tls::Usual),
        (json!(false), Tls::Unchecked),
        (json!("/ca.pem"), Tls::Bundle("/ca.pem".to_owned())),
    ] {
        let mut to = to.clone();
        to["verify_tls"] = verify;
        let document = Value::Null;
        let (at, payload) = (Timestamp::UNIX_EPOCH, Payload::Document(&document));
        let notice = Notice { name: Name::RunStarted, at, payload, error: None };
        assert_eq!(request(&channel(to), &notice).unwrap().tls, expected);
    }
}

#[test]
fn plugins_in_python_are_told_what_the_toolkit_tells() {
    let to = json!({"type": "plugin", "module": "acme.notify", "mine": 7});
    let (document, at) = (value(json!({"title": "t"})), Timestamp::from_microsecond(AT).unwrap());
    let notice = Notice { name: Name::RunStarted, at, payload: Payload::Document(&document), error: None };
    let Some(Message::Plugin(Plugin { module, func, channel, event })) = channel(to.clone()).message(&notice)
    else {
        panic!("nothing is called")
    };
    assert_eq!((module.as_str(), func.as_str(), channel), ("acme.notify", "notify", value(to)));
    expect![[r#"{"name": "run-started", "payload": {"title": "t"}, "phase": "run", "ts": 1795165982.14}"#]]
        .assert_eq(&event);
}

#[test]
fn secrets_are_in_no_message() {
    const PLANTED: &str = "planted-4711";
    let experiment = json!({
        "title": format!("with {PLANTED} in it"),
        "configuration": {"shop_token": {"type": "env", "key": "SHOP"}, "port": 8080},
        "secrets": {"shop": {"plain": PLANTED, "pin": 4711, "short": "ab", "env": {"type": "env", "key": "ENV"}}},
    });
    let environment = |name: &str| match name {
        "SHOP" => Some("from-the-environment".to_owned()),
        "ENV" => Some("-----BEGIN KEY-----\nMIIEpAIBAAKCAQEA\n-----END KEY-----".to_owned()),
        _ => None,
    };
    let redactor = Redactor::default();
    redactor.declare(&value(experiment.clone()), &environment);
    redactor.add(&value(json!({"shop": {"fetched": "from-a-vault"}})));
    let channel = json!({"type": "slack", "token": "xoxb-of-the-channel", "headers": {"Authorization": "Bearer abcdef"}});
    redactor.settings(&settings(channel));
    let spilt = format!(
        "{PLANTED}, from-a-vault; from-the-environment MIIEpAIBAAKCAQEA xoxb-of-the-channel Bearer abcdef"
    );
    let story = Story::of(experiment)
        .exploring(1)
        .activity(
            Place::Method,
            with(process("action", &spilt, "echo", &[&spilt]), &spilt, json!({"n": 4711})),
            gave(json!({"status": 0, "stdout": spilt})),
        )
        .activity(Place::Method, process("action", "bad", "x", &[]), failed(&spilt))
        .tell(Event::Broke { message: spilt.clone(), place: Place::Method })
        .tell(Event::LeftBehind { undos: vec![spilt.clone()] })
        .ended(Status::Aborted, false);
    let ran = ran(&story, &redactor);
    for to in [http(), webhook(), plugin()] {
        let (at, payload) = (Timestamp::UNIX_EPOCH, Payload::Run(&ran));
        let notice = Notice { name: Name::RunFailed, at, payload, error: None };
        let body = request(&super::tests::channel(to), &notice).unwrap().body.unwrap();
        for secret in [PLANTED, "4711", "from-a-vault", "from-the-environment", "MIIEp", "xoxb-of", "abcdef"]
        {
            assert!(!body.contains(secret), "{secret} in {body}");
        }
        assert!(body.contains("***"));
    }
    let journal = json::value(&ran.journal).unwrap();
    let secrets = journal.get("experiment").and_then(|it| it.get("secrets")).unwrap();
    expect![[
        r#"{"shop": {"plain": "***", "pin": "***", "short": "***", "env": {"type": "env", "key": "ENV"}}}"#
    ]]
    .assert_eq(&json::to_string(secrets, &Style::LINE));
}

#[test]
fn what_is_no_secret_stays() {
    let redactor = Redactor::default();
    redactor
        .add(&value(json!({"verify": "false", "port": "80", "on": true, "nothing": null, "user": "admin"})));
    for (text, expected) in
        [("false, 80, true, null", "false, 80, true, null"), ("administrator", "***istrator")]
    {
        assert_eq!(redactor.clean(text.to_owned()), expected);
    }
    let mut numbers = Value::List(vec![Value::Float(f64::NAN), Value::Float(1.5), Value::Int(3)]);
    spell(&mut numbers);
    assert_eq!(json::to_string(&redactor.value(numbers), &Style::LINE), r#"["nan", 1.5, 3]"#);
    assert_eq!(format!("{redactor:?}"), "Redactor(1 secret(s), ***)");
}
