//! Which calls of a run share a connection without being asked to: whole runs, against servers that count. The clock stands
//! still, so that a slow machine makes no connection too old.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use super::super::server::{Answer, Server, ok};
use super::super::session::Session;
use crate::CATALOG;
use jiff::Timestamp;
use serde_json::{Value as Json, json};
use squall_engine::log::{self, EventLog};
use squall_engine::options::Options;
use squall_engine::run::{Program, Request, World, run};
use squall_engine::story::Clock;
use squall_engine::{Environment, Handles};
use squall_experiment::document::Experiment;
use squall_experiment::event::{Ending, Event, RunId, Sought};
use squall_experiment::{Object, Value, resolve};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// Runs an experiment; tells how each activity ended, `+` for well, in the order of their ends.
async fn play(mut experiment: Json) -> String {
    experiment["title"] = json!("t");
    let state = tempfile::tempdir().unwrap();
    let id = RunId("r".to_owned());
    let log = EventLog::create(state.path(), &id).unwrap();
    let path = log.path().to_owned();
    let document = Value::from_json(experiment);
    let configuration =
        resolve::configuration(document.get("configuration"), &Object::default(), &|_| None).unwrap();
    let request = Request {
        experiment: Experiment::new(document).unwrap(),
        configuration,
        secrets: Object::default(),
        options: Options::default(),
        source: "test".to_owned(),
        journal: None,
        run: id,
        program: Program::default(),
    };
    let (_send, signals) = mpsc::unbounded_channel();
    let world = World {
        catalog: CATALOG,
        environment: Environment::new([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
        handles: Handles::default().with(Session::default()),
        clock: Clock::starting(Timestamp::UNIX_EPOCH),
        signals,
        observers: Vec::new(),
        foreign: None,
        veil: None,
        controls: None,
    };
    run(request, log, world).await;
    let endings = log::read(&path, Sought::All).unwrap().filter_map(|record| match record.unwrap().event {
        Event::ActivityEnded { ending: Ending::Succeeded { .. }, .. } => Some('+'),
        Event::ActivityEnded { .. } => Some('-'),
        _ => None,
    });
    endings.collect()
}

/// An HTTP call of this type with these members of its provider.
fn call(kind: &str, place: impl ToString, more: &Json) -> Json {
    let url = format!("http://{}/", place.to_string());
    let mut provider = json!({"type": "http", "url": url});
    provider.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"type": kind, "name": "call", "provider": provider})
}

fn process(kind: &str, path: &str, arguments: &str) -> Json {
    json!({"type": kind, "name": "run", "provider": {"type": "process", "path": path, "arguments": arguments}})
}

fn with(mut activity: Json, key: &str, value: Json) -> Json {
    activity[key] = value;
    activity
}

async fn staying() -> Server {
    Server::start(|_, _| Answer::Stay(ok("", "x").into_bytes())).await
}

/// Plays probes of one server, with something `between` them; how many connections that took.
async fn connections(between: impl Fn(&Server) -> Vec<Json>) -> usize {
    let server = staying().await;
    let probe = || call("probe", server.address, &json!({}));
    let mut method = vec![probe()];
    method.extend(between(&server));
    method.push(probe());
    let ended = play(json!({ "method": method })).await;
    assert!(ended.chars().all(|ending| ending == '+'), "{ended}");
    server.connections()
}

#[tokio::test(start_paused = true)]
async fn probes_that_follow_one_another_share_a_connection() {
    assert_eq!(connections(|_| Vec::new()).await, 1);
    let probe = |server: &Server| call("probe", server.address, &json!({}));
    assert_eq!(connections(|server| vec![probe(server), probe(server)]).await, 1);
    for more in [json!({"headers": {"X": "y"}}), json!({"method": "PUT"}), json!({"keep_alive": null})] {
        assert_eq!(connections(|server| vec![call("probe", server.address, &more)]).await, 1, "{more}");
    }
    // It may not be repeated, so it takes none, and leaves its own.
    let post = json!({"method": "POST"});
    assert_eq!(connections(|server| vec![call("probe", server.address, &post)]).await, 2);
    assert_eq!(connections(|server| vec![with(probe(server), "dry", json!(true))]).await, 1);
}

#[tokio::test(start_paused = true)]
async fn whatever_happens_between_them_makes_it_a_new_one() {
    let none = json!({});
    let probe = |server: &Server| call("probe", server.address, &none);
    assert_eq!(connections(|server| vec![call("action", server.address, &none)]).await, 3);
    for (more, taken) in [
        (json!({"keep_alive": false}), 3),
        (json!({"keep_alive": true}), 3),
        (json!({"headers": {"Connection": "close"}}), 3),
    ] {
        assert_eq!(connections(|server| vec![call("probe", server.address, &more)]).await, taken, "{more}");
    }
    for kind in ["probe", "action"] {
        assert_eq!(connections(|_| vec![process(kind, "true", "")]).await, 2, "{kind}");
    }
    for side in ["before", "after"] {
        let paused = |server: &Server| vec![with(probe(server), "pauses", json!({side: 0.001}))];
        assert_eq!(connections(paused).await, 2, "{side}");
    }
    // As long as one goes on in the background, and over its end.
    let beside = |server: &Server| {
        let sleep = with(process("action", "sleep", "0.2"), "background", json!(true));
        vec![sleep, probe(server), probe(server)]
    };
    assert_eq!(connections(beside).await, 4);
}

#[tokio::test(start_paused = true)]
async fn the_steady_state_is_looked_at_over_one() {
    let server = staying().await;
    let probe = with(call("probe", server.address, &json!({})), "tolerance", json!(200));
    let hypothesis = json!({"title": "h", "probes": [probe, probe]});
    let method = [process("action", "true", "")];
    assert_eq!(play(json!({"steady-state-hypothesis": hypothesis, "method": method})).await, "+++++");
    assert_eq!(server.connections(), 2, "before the method, and after it");
}

#[tokio::test(start_paused = true)]
async fn it_leads_to_one_server_alone() {
    let (server, other) = (staying().await, staying().await);
    let probe = |server: &Server| call("probe", server.address, &json!({}));
    let method = [probe(&server), probe(&other), probe(&other), probe(&server)];
    assert_eq!(play(json!({ "method": method })).await, "++++");
    assert_eq!((server.connections(), other.connections()), (2, 1));
}

/// A server that has read each connection to its end before it accepts the next one.
async fn one_after_the_other(listener: TcpListener) {
    let answer = ok("", "x");
    let mut bytes = [0; 4096];
    loop {
        let (mut connection, _) = listener.accept().await.unwrap();
        while connection.read(&mut bytes).await.is_ok_and(|read| read > 0) {
            connection.write_all(answer.as_bytes()).await.unwrap();
        }
    }
}

#[tokio::test]
async fn none_is_open_beside_what_follows() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = listener.local_addr().unwrap();
    let patient = json!({"timeout": 60});
    let probe = call("probe", place, &patient);
    let script =
        format!("set -e; exec 3<>/dev/tcp/{}/{}; echo GET >&3; head -c 1 <&3", place.ip(), place.port());
    let mut own = process("probe", "bash", "");
    own["provider"]["arguments"] = json!(["-c", script]);
    let method = [
        probe.clone(),
        call("action", place, &patient),
        probe.clone(),
        own,
        probe.clone(),
        call("probe", place, &json!({"method": "POST", "timeout": 60})),
        call("probe", place, &json!({"keep_alive": false, "timeout": 60})),
        probe,
    ];
    tokio::select! {
        ended = play(json!({ "method": method })) => assert_eq!(ended, "++++++++"),
        () = one_after_the_other(listener) => unreachable!("it serves for ever"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_ends_connections_is_not_trusted_again() {
    // It says that it lets them stand, and does not.
    let server = Server::start(|_, _| ok("", "x").into()).await;
    let method = vec![call("probe", server.address, &json!({})); 4];
    assert_eq!(play(json!({ "method": method })).await, "++++");
    assert_eq!((server.connections(), server.asked().len()), (4, 4));
    // It falls silent on a request now and then: once that may be its way to end a connection, after that it is a failure.
    let server = Server::start(|_, n| match n {
        1 | 4 => Answer::Drop,
        _ => Answer::Stay(ok("", "x").into_bytes()),
    });
    let server = server.await;
    let method = vec![call("probe", server.address, &json!({})); 5];
    assert_eq!(play(json!({ "method": method })).await, "+++-+");
    assert_eq!(server.connections(), 5);
}
