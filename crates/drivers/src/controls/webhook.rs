//! Tells a server of every step of a run.

use super::{failed, limit, told, wants};
use crate::http::Verify;
use crate::http::client::{Error, Options, Request, World, fetch};
use schemars::JsonSchema;
use serde::Deserialize;
use squall_engine::Failure;
use squall_engine::control::{Aside, Control, ControlSpec, Happening, Unhooked};
use std::collections::BTreeMap;

/// Sends each hook to a URL.
pub(crate) struct Webhook;

/// Where to.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    /// Where to.
    url: String,
    /// Header fields.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Whether the server's certificate is checked.
    #[serde(default = "yes")]
    verify_tls: bool,
    /// Seconds that the server has to answer.
    #[serde(default = "five")]
    timeout: f64,
    /// The hooks that are sent, such as `before_activity` or `after_experiment`; all of a run's by default, but `configure`
    /// and `cleanup`.
    #[serde(default)]
    hooks: Option<Vec<String>>,
    /// Whether a server that fails (is not there, answers with a status of 400 and more, takes too long) ends the run.
    #[serde(default)]
    interrupt_on_failure: bool,
}

fn yes() -> bool {
    true
}

fn five() -> f64 {
    5.0
}

impl Control for Webhook {
    const SPEC: ControlSpec = ControlSpec {
        name: "control.webhook",
        aliases: &[],
        summary: "Send each step of a run to a URL",
        docs: "A POST whose body is `{hook, control, context, state}` as JSON: `context` is the experiment, hypothesis or \
            activity, `state` what came of it (null before). A server that fails is a DEBUG line, and a WARNING on a \
            terminal, and the run goes on; with `interrupt_on_failure` it ends the run, whose status is then \
            `interrupted`: the server can say no.",
        example: "{url: 'https://hooks.example/chaos', hooks: [before_experiment], interrupt_on_failure: true}",
    };
    type Args = Args;

    async fn hook(args: &Args, happening: &Happening, cx: &Aside<'_>) -> Result<(), Unhooked> {
        if !wants(args.hooks.as_ref(), happening.hook) {
            return Ok(());
        }
        let sent = match tokio::time::timeout(limit(args.timeout), send(args, happening, cx)).await {
            Ok(sent) => sent,
            Err(_) => Err(Failure::target(format!("the server took longer than {} s", args.timeout))),
        };
        sent.map_err(|failure| failed(&happening.control, failure, args.interrupt_on_failure))
    }
}

async fn send(args: &Args, happening: &Happening, cx: &Aside<'_>) -> Result<(), Failure> {
    let headers = args.headers.iter().map(|(name, value)| (name.clone(), Some(value.clone())));
    let request = Request {
        method: "POST".to_owned(),
        url: args.url.clone(),
        headers: headers.collect(),
        body: Some(told(happening).into_bytes()),
        content_type: Some("application/json"),
        ..Request::default()
    };
    let verify = if args.verify_tls { Verify::Usual } else { Verify::Not };
    let world = World { environment: cx.environment, session: None, now: cx.now };
    match fetch(&request, &Options { verify, ..Options::default() }, &world).await {
        Ok(response) if response.status < 400 => Ok(()),
        Ok(response) => {
            let (status, text) = (response.status, response.into_text());
            let first = text.trim().lines().next().map_or_else(String::new, |line| format!(": {line:.200}"));
            Err(Failure::target(format!("the server answered with status {status}{first}")))
        }
        // Its text may hold the URL, and that a password.
        Err(Error::Unexpected(exception)) => {
            let what = format!("the URL or a header cannot be used ({})", exception.class);
            Err(Failure::experiment(what))
        }
        Err(error) => Err(Failure::target(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;
    use serde_json::json;
    use squall_engine::Environment;
    use squall_engine::control::Hook;
    use squall_experiment::Value;
    use squall_experiment::event::{Around, Side};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    /// A server that answers once; what it was sent, and what came of it.
    async fn check(status: &str, interrupt: bool, expected: &str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut heard = Vec::new();
            while !String::from_utf8_lossy(&heard).ends_with("null}") {
                let mut some = [0; 1024];
                let amount = stream.read(&mut some).await.unwrap();
                heard.extend_from_slice(&some[..amount]);
            }
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
            stream.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8(heard).unwrap()
        };
        let args: Args =
            serde_json::from_value(json!({"url": url, "interrupt_on_failure": interrupt})).unwrap();
        let happening = Happening {
            hook: Hook::Turn(Around::Method, Side::Before),
            control: "mine".to_owned(),
            context: Value::from_json(json!({"title": "t"})),
            state: Value::Null,
        };
        let environment = Environment::default();
        let cx = Aside { environment: &environment, now: "2026-11-20T09:00:00Z".parse().unwrap() };
        let (heard, sent) = tokio::join!(serve, Webhook::hook(&args, &happening, &cx));
        let shown = match sent {
            Ok(()) => "fine".to_owned(),
            Err(Unhooked::Failed(failure)) => format!("failed: {}", failure.what),
            Err(Unhooked::Interrupted(why)) => format!("interrupted: {why}"),
            Err(Unhooked::Exit(signal)) => format!("exit: {}", signal.word()),
        };
        assert_eq!(shown, expected);
        heard
    }

    #[tokio::test]
    async fn the_server_is_told_and_can_say_no() {
        let heard = check("200 OK", true, "fine").await;
        assert!(heard.starts_with("POST /hook HTTP/1.1\r\n"), "{heard}");
        let body = r#"{"hook": "before_method_control", "control": "mine", "context": {"title": "t"}, "state": null}"#;
        assert!(heard.ends_with(body), "{heard}");
        check("403 Forbidden", false, "failed: the server answered with status 403: no").await;
        check("403 Forbidden", true, "interrupted: control 'mine': the server answered with status 403: no")
            .await;
    }
}
