//! The demo programs as their users see them, over pipes and under tokio's paused clock.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use super::*;
use ::http::{Method, Request};
use bytes::Bytes;
use http_body_util::Full;
use std::sync::Mutex;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

/// Programs with names and addresses of their own.
struct World {
    net: Net,
    names: Arc<Names>,
}

struct Names(BTreeMap<&'static str, IpAddr>);

impl Resolver for Names {
    fn resolve(&self, name: &str) -> Vec<IpAddr> {
        self.0.get(name).copied().into_iter().collect()
    }
}

/// A program that runs.
struct Running {
    container: Container,
    lines: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<i32>,
}

impl World {
    fn new() -> World {
        let ip = |last| IpAddr::V4([127, 0, 1, last].into());
        let names = [("db", ip(1)), ("app", ip(2)), ("repeater", ip(3)), ("localhost", ip(1))];
        World { net: Net::memory(), names: Arc::new(Names(names.into())) }
    }

    fn start(&self, image: &str, host: &str, environment: &[(&str, &str)], data: &Arc<Volume>) -> Running {
        let program = of_image(&demo_system(), image).unwrap().clone();
        let lines: Arc<Mutex<Vec<String>>> = Arc::default();
        let log = lines.clone();
        let container = Container {
            environment: environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            arguments: Vec::new(),
            ip: self.names.0[host],
            hostname: host.to_owned(),
            net: self.net.clone(),
            names: self.names.clone(),
            log: Arc::new(move |line| log.lock().unwrap().push(line.to_owned())),
            terminated: CancellationToken::new(),
            volumes: BTreeMap::from([("/bitnami/mongodb".to_owned(), data.clone())]),
            in_flight: Arc::default(),
        };
        Running { task: tokio::spawn(program.run(container.clone())), container, lines }
    }

    async fn system(&self) -> (Running, Running) {
        let db = self.start("docker.io/bitnami/mongodb:4.0.3", "db", &[], &Arc::default());
        let app = [("DB", "db"), ("VERSION", "0.0.1")];
        let app = self.start("vfarcic/go-demo-8:0.0.1", "app", &app, &Arc::default());
        sleep(Duration::from_secs(1)).await;
        (db, app)
    }

    async fn ask(&self, method: Method, host: &str, path: &str) -> (u16, String) {
        let stream = self.net.dial(None, (self.names.0[host], 8080).into()).await.unwrap();
        let request = Request::builder().method(method).uri(path).header("host", host);
        let request = request.body(Full::<Bytes>::default()).unwrap();
        let (status, body) = http::exchange(stream, request).await.unwrap();
        (status.as_u16(), String::from_utf8_lossy(&body).trim_end().to_owned())
    }

    async fn get(&self, host: &str, path: &str) -> (u16, String) {
        self.ask(Method::GET, host, path).await
    }
}

#[test]
fn images_name_programs() {
    let programs = demo_system();
    let check = |image: &str, expected: Option<&str>| {
        let found = of_image(&programs, image).map(|program| program.images()[0]);
        assert_eq!(found, expected, "{image}");
    };
    check("vfarcic/go-demo-8:0.0.1", Some("vfarcic/go-demo-8:*"));
    check("docker.io/vfarcic/go-demo-8", Some("vfarcic/go-demo-8:*"));
    check("docker.io/bitnami/mongodb:4.0.3", Some("*/mongodb:*"));
    check("vfarcic/repeater@sha256:0123", Some("vfarcic/repeater:*"));
    check("registry.k8s.io/pause:3.10", Some("pause:*"));
    check("docker.io/istio/proxyv2:1.5.1", Some("pause:*"));
    check("vfarcic/go-demo-88:0.0.1", None);
    check("nginx", None);
}

#[tokio::test(start_paused = true)]
async fn without_a_database_the_demo_dials_ten_seconds_and_panics() {
    let world = World::new();
    let began = Instant::now();
    let app = world.start("vfarcic/go-demo-8:0.0.1", "app", &[("DB", "db")], &Arc::default());
    sleep(Duration::from_secs(5)).await;
    let at = (app.container.ip, 8080).into();
    assert!(world.net.dial(None, at).await.is_err(), "it listens on nothing meanwhile");
    assert_eq!(app.task.await.unwrap(), 2);
    assert_eq!(began.elapsed(), Duration::from_secs(10));
    let lines = app.lines.lock().unwrap().clone();
    assert_eq!(lines[..3], ["Starting the application", "Configuring DB db", "panic: no reachable servers"]);
}

#[tokio::test(start_paused = true)]
async fn what_the_demo_answers() {
    let world = World::new();
    let (_db, app) = world.system().await;
    let check = async |path: &str, status: u16, body: &str| {
        assert_eq!(world.get("app", path).await, (status, body.to_owned()), "{path}");
    };
    check("/", 200, "Version: 0.0.1; Release: unknown").await;
    check("/version", 200, "Version: 0.0.1; Release: unknown").await;
    check("/demo/hello", 200, "hello, Istio with version 0.0.1!").await;
    check("/demo/person", 200, "").await;
    for name in ["Jane", "John+Doe", "Jane"] {
        let path = format!("/demo/person?name={name}");
        assert_eq!(world.ask(Method::PUT, "app", &path).await.0, 200);
    }
    // Escaped, six bytes for each: a head that HTTP takes, and no line of the database's.
    let long = format!("/demo/person?name={}", "%01".repeat(12_000));
    assert_eq!(world.ask(Method::PUT, "app", &long).await.0, 500);
    check("/demo/person", 200, "Jane\nJohn Doe").await;
    let began = Instant::now();
    check("/demo/hello?delay=300", 200, "hello, Istio with version 0.0.1!").await;
    assert!(began.elapsed() >= Duration::from_millis(300));
    let mut errors = 0;
    for _ in 0..500 {
        errors += u32::from(world.get("app", "/demo/random-error").await.0 == 500);
    }
    assert!((60..140).contains(&errors), "{errors} of 500 are one in five");
    let (_, metrics) = world.get("app", "/metrics").await;
    let line = "http_server_resp_time_bucket{code=\"200\",method=\"GET\",path=\"/demo/hello\",service=\"go-demo\",le=\"0.25\"} 1";
    assert!(metrics.contains(line), "{metrics}");
    assert!(metrics.contains(
        "http_server_resp_time_count{code=\"200\",method=\"PUT\",path=\"/demo/person\",service=\"go-demo\"} 3"
    ));
    for method in ["BREW", "WHEN"] {
        assert_eq!(world.ask(Method::from_bytes(method.as_bytes()).unwrap(), "app", "/").await.0, 200);
    }
    let (_, metrics) = world.get("app", "/metrics").await;
    assert!(
        metrics.contains("count{code=\"200\",method=\"OTHER\",path=\"/\",service=\"go-demo\"} 2"),
        "{metrics}"
    );
    assert!(!metrics.contains("BREW"), "{metrics}");
    app.container.terminated.cancel();
    assert_eq!(app.task.await.unwrap(), TERMINATED);
    assert_eq!(
        app.lines.lock().unwrap()[..],
        ["Starting the application", "Configuring DB db", "Running the server"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_lost_database_hangs_people_and_nothing_else() {
    let world = World::new();
    let (db, app) = world.system().await;
    db.container.terminated.cancel();
    assert_eq!(db.task.await.unwrap(), 0);
    let hangs = async || {
        let asked = timeout(Duration::from_secs(60), world.get("app", "/demo/person")).await;
        assert!(asked.is_err(), "{asked:?}");
    };
    hangs().await;
    let _again = world.start("mongo", "db", &[], &Arc::default());
    sleep(Duration::from_secs(1)).await;
    hangs().await;
    assert_eq!(world.get("app", "/").await.0, 200);
    assert_eq!(app.container.in_flight.load(std::sync::atomic::Ordering::Relaxed), 0, "its callers left");
    app.task.abort();
    let _ = app.task.await;
    let _mended = world.start("vfarcic/go-demo-8:1", "app", &[("DB_ENV", "X"), ("X", "db")], &Arc::default());
    sleep(Duration::from_secs(1)).await;
    assert_eq!(world.get("app", "/demo/person").await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn the_database_loses_nothing() {
    let world = World::new();
    let data = Arc::<Volume>::default();
    let mut seen = Vec::new();
    for name in ["a", "b"] {
        let db = world.start("x/mongodb:4", "db", &[], &data);
        let app = world.start("vfarcic/go-demo-8:1", "app", &[("DB", "db:27017")], &Arc::default());
        sleep(Duration::from_secs(1)).await;
        world.ask(Method::PUT, "app", &format!("/demo/person?name={name}")).await;
        seen.push(world.get("app", "/demo/person").await.1);
        for running in [db, app] {
            running.task.abort();
            let _ = running.task.await;
        }
    }
    assert_eq!(seen, ["a", "a\nb"]);
}

#[tokio::test(start_paused = true)]
async fn the_database_answers_its_probes() {
    let world = World::new();
    let program = of_image(&demo_system(), "x/mongodb:4").unwrap().clone();
    let db = world.start("x/mongodb:4", "db", &[], &Arc::default());
    sleep(Duration::from_millis(1)).await;
    let probe = async |command: &[&str]| {
        let command = command.iter().map(|word| (*word).to_owned()).collect();
        program.exec(db.container.clone(), command).await
    };
    assert_eq!(probe(&["mongo", "--eval", "db.adminCommand('ping')"]).await.0, 0);
    assert_eq!(probe(&["rm", "-rf", "/"]).await.0, 126);
    db.task.abort();
    sleep(Duration::from_millis(1)).await;
    let (code, text) = probe(&["mongo", "--eval", "db.adminCommand('ping')"]).await;
    assert_eq!((code, text.contains("exception: connect failed")), (1, true), "{text}");
}

#[tokio::test(start_paused = true)]
async fn the_repeater_repeats() {
    let world = World::new();
    let (_db, _app) = world.system().await;
    let repeater = world.start("vfarcic/repeater:0.0.1", "repeater", &[], &Arc::default());
    sleep(Duration::from_millis(1)).await;
    let check = async |path: &str, status: u16, body: &str| {
        assert_eq!(world.get("repeater", path).await, (status, body.to_owned()), "{path}");
    };
    check("/", 200, "`addr` was not specified").await;
    check("/?addr=http://app:8080", 200, "Version: 0.0.1; Release: unknown").await;
    check("/?addr=http://nobody", 500, "Something's terribly wrong").await;
    check("/?addr=ftp://app", 500, "Something's terribly wrong").await;
    check("/?addr=http://app", 500, "Something's terribly wrong").await;
    let path = "/?addr=http://app:8080/demo/hello?delay=60000";
    assert!(timeout(Duration::from_secs(1), world.get("repeater", path)).await.is_err());
    sleep(Duration::from_secs(100)).await;
    let (_, metrics) = world.get("app", "/metrics").await;
    assert!(
        metrics.contains("path=\"/demo/hello\",service=\"go-demo\"} 1"),
        "it was fetched to its end: {metrics}"
    );
    repeater.container.terminated.cancel();
    assert_eq!(repeater.task.await.unwrap(), TERMINATED);
}

#[tokio::test(start_paused = true)]
async fn a_recursion_ends_at_the_limit_of_connections() {
    let world = World::new();
    let _repeater = world.start("vfarcic/repeater:0.0.1", "repeater", &[], &Arc::default());
    sleep(Duration::from_millis(1)).await;
    let round = "/?addr=http://repeater:8080";
    let asked = timeout(Duration::from_secs(60), async { world.get("repeater", &round.repeat(900)).await.0 });
    assert_eq!(asked.await, Ok(500));
    assert_eq!(world.get("repeater", "/").await, (200, "`addr` was not specified".to_owned()));
    assert_eq!(world.get("repeater", &round.repeat(100)).await.0, 200);
}
