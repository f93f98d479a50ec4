//! go-demo-8: a web application that holds one session with its database from boot.
//!
//! Invariant: it does not run without a database at its start, and does not notice when it loses it: `/` keeps answering, and
//! `/demo/person` waits for ever.

use super::database::{self, Session};
use super::histogram::Histogram;
use super::http::{Answer, parameter, plain, serve};
use super::limiter::Limiter;
use super::{Container, Figures, Program, TERMINATED, shell};
use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use std::future::Future;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

/// Where it listens.
const PORT: u16 = 8080;
/// How long it dials its database.
const DIAL: Duration = Duration::from_secs(10);
/// How long it waits after a dial that failed.
const DIAL_AGAIN: Duration = Duration::from_millis(500);
/// One request to `/demo/random-error` in so many fails.
const ERRORS: u32 = 5;

/// go-demo-8.
pub(super) struct Demo;

impl Program for Demo {
    fn images(&self) -> &'static [&'static str] {
        &["vfarcic/go-demo-8:*"]
    }

    fn executables(&self) -> &'static [&'static str] {
        &["go-demo-8"]
    }

    fn figures(&self) -> Figures {
        Figures {
            idle_millicores: 2,
            millicores_per_request: 10,
            idle_mebibytes: 8,
            mebibytes_per_request: 1,
        }
    }

    fn run(&self, container: Container) -> Pin<Box<dyn Future<Output = i32> + Send>> {
        Box::pin(run(container))
    }

    fn exec(
        &self,
        _container: Container,
        command: Vec<String>,
    ) -> Pin<Box<dyn Future<Output = (i32, String)> + Send>> {
        Box::pin(async move { shell::run(&command).await })
    }
}

async fn run(container: Container) -> i32 {
    let variable = |name: &str| container.environment.get(name).cloned().unwrap_or_default();
    (container.log)("Starting the application");
    let mut host = variable("DB");
    if !variable("DB_ENV").is_empty() {
        host = variable(&variable("DB_ENV"));
    }
    if host.is_empty() {
        host = "localhost".to_owned();
    }
    (container.log)(&format!("Configuring DB {host}"));
    let dialled = tokio::select! {
        () = container.terminated.cancelled() => return TERMINATED,
        dialled = timeout(DIAL, dial(&container, &host)) => dialled,
    };
    // The session lives and ends with the program.
    let mut tasks = JoinSet::new();
    let session = match dialled {
        Ok((session, carry)) => {
            tasks.spawn(carry);
            session
        }
        Err(_) => {
            for line in ["panic: no reachable servers", "", "goroutine 1 [running]:", "main.main()"] {
                (container.log)(line);
            }
            return 2;
        }
    };
    let named = |name: &str, otherwise: &str| match variable(name) {
        empty if empty.is_empty() => otherwise.to_owned(),
        value => value,
    };
    // The same Pod fails at the same requests, so that a run can be repeated.
    let mut seed = DefaultHasher::new();
    container.hostname.hash(&mut seed);
    let app = Arc::new(App {
        version: variable("VERSION"),
        service: named("SERVICE_NAME", "go-demo"),
        session,
        limiter: Mutex::new(Limiter::new()),
        histogram: Mutex::default(),
        dice: Mutex::new(ChaCha8Rng::seed_from_u64(seed.finish())),
    });
    (container.log)("Running the server");
    serve(&container, PORT, move |request| answer(app.clone(), request)).await
}

/// Dials until somebody answers.
async fn dial(container: &Container, host: &str) -> (Session, impl Future<Output = ()> + Send + use<>) {
    loop {
        if let Ok(opened) = database::open(container, host).await {
            return opened;
        }
        sleep(DIAL_AGAIN).await;
    }
}

struct App {
    version: String,
    service: String,
    session: Session,
    limiter: Mutex<Limiter>,
    histogram: Mutex<Histogram>,
    dice: Mutex<ChaCha8Rng>,
}

async fn answer(app: Arc<App>, request: Request<Incoming>) -> Answer {
    let began = Instant::now();
    let (path, known) = match request.uri().path() {
        path @ ("/demo/hello" | "/demo/person" | "/demo/random-error" | "/version" | "/limiter") => {
            (path, true)
        }
        path => (path, false),
    };
    let answer = match path {
        "/demo/hello" => hello(&app, &request).await,
        "/demo/person" => person(&app, &request).await,
        "/demo/random-error" => random_error(&app),
        "/limiter" => limited(&app),
        "/metrics" => {
            let histogram = app.histogram.lock().unwrap_or_else(PoisonError::into_inner);
            return plain(StatusCode::OK, histogram.text(&app.service));
        }
        _ => version(&app, &request),
    };
    // Whatever else is asked for is answered as `/` is, and counted there: callers cannot make series.
    let path = if known { path } else { "/" };
    let method = counted_as(request.method());
    let mut histogram = app.histogram.lock().unwrap_or_else(PoisonError::into_inner);
    histogram.observe(answer.status().as_u16(), method, path, began.elapsed());
    answer
}

/// The method that a request is counted under: any token is a method, and each would be a series of its own.
fn counted_as(method: &Method) -> &str {
    match method.as_str() {
        standard @ ("GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "CONNECT" | "OPTIONS" | "TRACE"
        | "PATCH") => standard,
        _ => "OTHER",
    }
}

fn version(app: &App, request: &Request<Incoming>) -> Answer {
    let release = request.headers().get("release").and_then(|value| value.to_str().ok());
    let release = release.unwrap_or("unknown");
    plain(StatusCode::OK, format!("Version: {}; Release: {release}\n", app.version))
}

async fn hello(app: &App, request: &Request<Incoming>) -> Answer {
    let delay = parameter(request.uri(), "delay").and_then(|delay| delay.parse().ok());
    sleep(Duration::from_millis(delay.unwrap_or(0))).await;
    plain(StatusCode::OK, format!("hello, Istio with version {}!\n", app.version))
}

async fn person(app: &App, request: &Request<Incoming>) -> Answer {
    if request.method() == Method::PUT {
        let name = parameter(request.uri(), "name").unwrap_or_default();
        let upsert = json!({"upsert": "people", "name": name});
        if !Session::takes(&upsert) {
            return plain(StatusCode::INTERNAL_SERVER_ERROR, "The name is longer than the database takes\n");
        }
        app.session.ask(upsert).await;
        return plain(StatusCode::OK, "");
    }
    let found = app.session.ask(json!({"find": "people"})).await;
    let people = found["people"].as_array().into_iter().flatten().filter_map(|name| name.as_str());
    plain(StatusCode::OK, people.collect::<Vec<_>>().join("\n"))
}

fn random_error(app: &App) -> Answer {
    let dice = app.dice.lock().unwrap_or_else(PoisonError::into_inner).random_range(0..ERRORS);
    match dice {
        0 => plain(StatusCode::INTERNAL_SERVER_ERROR, "ERROR: Something, somewhere, went wrong!\n"),
        _ => plain(StatusCode::OK, "Everything is still OK\n"),
    }
}

fn limited(app: &App) -> Answer {
    if app.limiter.lock().unwrap_or_else(PoisonError::into_inner).allow() {
        plain(StatusCode::OK, "Everything is OK\n")
    } else {
        plain(StatusCode::TOO_MANY_REQUESTS, "Too many requests\n")
    }
}
