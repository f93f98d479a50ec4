//! Probes: is a container alive, ready, started?
//!
//! Invariant: a probe dials as its node does; how often a result must repeat before it counts is decided here, so whoever
//! hears of a verdict can act on it at once.

use super::Node;
use super::pod::Event;
use crate::controllers::object::{list, text};
use crate::program::{Container, Program, http::exchange};
use crate::times;
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use serde_json::Value as Json;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// The kinds of probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Liveness,
    Readiness,
    Startup,
}

impl Kind {
    pub(super) const ALL: [Kind; 3] = [Kind::Liveness, Kind::Readiness, Kind::Startup];

    /// Its field in a manifest.
    pub(super) fn field(self) -> &'static str {
        match self {
            Kind::Liveness => "livenessProbe",
            Kind::Readiness => "readinessProbe",
            Kind::Startup => "startupProbe",
        }
    }

    /// Its name in events.
    pub(super) fn label(self) -> &'static str {
        match self {
            Kind::Liveness => "Liveness",
            Kind::Readiness => "Readiness",
            Kind::Startup => "Startup",
        }
    }
}

/// What a probe found.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) kind: Kind,
    /// Why it failed, if it did.
    pub(super) failure: Option<String>,
    /// Whether enough results in a row say the same, and what.
    pub(super) verdict: Option<bool>,
}

/// Calls a container as its node does: probes, and hooks of its life.
#[derive(Clone)]
pub(super) struct Caller {
    pub(super) node: Arc<Node>,
    pub(super) program: Arc<dyn Program>,
    pub(super) container: Container,
    /// The container of the manifest.
    pub(super) manifest: Json,
}

/// Whom to probe, and whom to tell.
pub(super) struct Prober {
    pub(super) caller: Caller,
    pub(super) kind: Kind,
    pub(super) slot: usize,
    pub(super) life: u64,
    pub(super) started: Instant,
    pub(super) tell: mpsc::UnboundedSender<Event>,
}

/// Probes for as long as somebody listens.
pub(super) async fn run(prober: Prober) {
    let probe = &prober.caller.manifest[prober.kind.field()];
    let number = |field: &str, otherwise: i64| match probe[field].as_i64() {
        None | Some(..=0) => otherwise,
        Some(number) => number,
    };
    let period = times::written(number("periodSeconds", 10));
    let limit = times::written(number("timeoutSeconds", 1));
    let delay = times::written(number("initialDelaySeconds", 0)).max(times::FIRST_PROBE);
    let (enough_successes, enough_failures) = (number("successThreshold", 1), number("failureThreshold", 3));
    let mut next = (prober.started + delay).max(Instant::now());
    let (mut successes, mut failures) = (0, 0);
    loop {
        sleep_until(next).await;
        next += period;
        let failure = prober.caller.check(probe, limit).await.err();
        (successes, failures) = if failure.is_none() { (successes + 1, 0) } else { (0, failures + 1) };
        let verdict = match (successes >= enough_successes, failures >= enough_failures) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        };
        let found = Found { kind: prober.kind, failure, verdict };
        let event = Event::Probed { slot: prober.slot, life: prober.life, found };
        if prober.tell.send(event).is_err() || (prober.kind == Kind::Startup && verdict.is_some()) {
            return;
        }
        // A probe that took longer than its period delays the next one.
        next = next.max(Instant::now());
    }
}

impl Caller {
    /// Does what a probe or a hook says, for no longer than this.
    ///
    /// # Errors
    /// Why it failed.
    pub(super) async fn check(&self, probe: &Json, limit: Duration) -> Result<(), String> {
        if let Some(seconds) = probe["sleep"]["seconds"].as_i64() {
            let slept = timeout(limit, sleep(times::written(seconds))).await;
            return slept.map_err(|_| format!("sleeping {seconds} s took longer than {limit:?}"));
        }
        if probe["exec"].is_object() {
            let command: Vec<String> =
                list(probe, "/exec/command").iter().filter_map(Json::as_str).map(str::to_owned).collect();
            let shown = command.join(" ");
            return match timeout(limit, self.program.exec(self.container.clone(), command)).await {
                Ok((0, _)) => Ok(()),
                Ok((_, text)) => Err(text),
                Err(_) => Err(format!("command timed out: \"{shown}\" timed out after {limit:?}")),
            };
        }
        if probe["httpGet"].is_object() {
            let get = &probe["httpGet"];
            let at = SocketAddr::new(self.host(get), self.port(&get["port"])?);
            let path = match text(get, "/path") {
                path if path.starts_with('/') => path.to_owned(),
                path => format!("/{path}"),
            };
            let url = format!("http://{at}{path}");
            return match timeout(limit, self.http(get, at, &path)).await {
                Ok(Ok(status)) if (200..400).contains(&status) => Ok(()),
                Ok(Ok(status)) => Err(format!("HTTP probe failed with statuscode: {status}")),
                Ok(Err(error)) => Err(format!("Get \"{url}\": {error}")),
                Err(_) => Err(format!(
                    "Get \"{url}\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
                )),
            };
        }
        let dial = if probe["grpc"].is_object() { &probe["grpc"] } else { &probe["tcpSocket"] };
        let at = SocketAddr::new(self.host(dial), self.port(&dial["port"])?);
        match timeout(limit, self.node.shared.net.dial(Some(self.node.ip), at)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(refused(at, &error)),
            Err(_) => Err(format!("dial tcp {at}: i/o timeout")),
        }
    }

    async fn http(&self, get: &Json, at: SocketAddr, path: &str) -> Result<u16, String> {
        let stream = self.node.shared.net.dial(Some(self.node.ip), at).await;
        let stream = stream.map_err(|error| refused(at, &error))?;
        let mut request = Request::get(path).header("user-agent", "kube-probe/1.33").header("accept", "*/*");
        let mut host = at.to_string();
        for header in list(get, "/httpHeaders") {
            if text(header, "/name").eq_ignore_ascii_case("host") {
                host = text(header, "/value").to_owned();
            } else {
                request = request.header(text(header, "/name"), text(header, "/value"));
            }
        }
        let request =
            request.header("host", host).header("connection", "close").body(Full::<Bytes>::default());
        let request = request.map_err(|error| error.to_string())?;
        let (status, _) = exchange(stream, request).await.map_err(|_| "EOF".to_owned())?;
        Ok(status.as_u16())
    }

    fn host(&self, of: &Json) -> IpAddr {
        text(of, "/host").parse().unwrap_or(self.container.ip)
    }

    fn port(&self, port: &Json) -> Result<u16, String> {
        let number = match port.as_str() {
            Some(name) => match name.parse() {
                Ok(number) => Some(number),
                Err(_) => list(&self.manifest, "/ports")
                    .iter()
                    .find(|known| known["name"] == name)
                    .and_then(|known| known["containerPort"].as_u64()),
            },
            None => port.as_u64(),
        };
        let number = number.and_then(|number| u16::try_from(number).ok()).filter(|number| *number > 0);
        number.ok_or_else(|| format!("couldn't find port: {port}"))
    }
}

fn refused(at: SocketAddr, error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::ConnectionRefused => format!("dial tcp {at}: connect: connection refused"),
        _ => format!("dial tcp {at}: {error}"),
    }
}
