//! The recorded behaviour of the Toolkit's http provider.

use super::Session;
use super::server::{Answer, Server, ok};
use crate::testing::{play, play_sharing, play_until};
use expect_test::{Expect, expect};
use serde_json::{Value as Json, json};
use squall_engine::Handles;
use std::sync::Arc;

/// Calls a server that answers `said`; tells what was asked (without the usual fields) and what came of it.
async fn call(mut provider: Json, said: &str) -> (String, String) {
    let said = said.to_owned();
    let server = Server::start(move |_, _| said.clone().into()).await;
    let place = format!("http://{}", server.address);
    if let Some(url) = provider["url"].as_str() {
        provider["url"] = json!(url.replace('@', &place));
    }
    provider["type"] = json!("http");
    let told =
        play(provider, &[]).await.told().replace(&place, "@").replace(&format!("{}: ", server.address), "");
    let asked = server.asked().concat();
    let usual =
        ["Host:", "User-Agent:", "Accept-Encoding: gzip, deflate", "Accept: */*", "Connection: keep-alive"];
    let unusual: Vec<&str> =
        asked.lines().filter(|line| !usual.iter().any(|usual| line.starts_with(usual))).collect();
    (unusual.join("\n"), told)
}

async fn sends(provider: Json, expected: Expect) {
    let (asked, told) = call(provider, &ok("", "")).await;
    expected.assert_eq(if asked.is_empty() { &told } else { &asked });
}

async fn takes(said: &str, expected: Expect) {
    expected.assert_eq(&call(json!({"url": "@/"}), said).await.1);
}

#[tokio::test]
async fn queries() {
    sends(
        json!({"url": "@/x?z=9", "arguments": {"a": "é", "b": [1, null, true]}}),
        expect!["GET /x?z=9&a=%C3%A9&b=1&b=True HTTP/1.1\n"],
    )
    .await;
    sends(json!({"url": "@/x", "arguments": "a=1&b=x y"}), expect!["GET /x?a=1&b=x%20y HTTP/1.1\n"]).await;
    sends(json!({"url": "@/x", "method": "get", "arguments": null}), expect!["GET /x HTTP/1.1\n"]).await;
    sends(json!({"url": "@/x", "arguments": 5}), expect!["GET /x?5 HTTP/1.1\n"]).await;
    sends(json!({"url": "@/5?q=a b"}), expect!["GET /5?q=a%20b HTTP/1.1\n"]).await;
}

#[tokio::test]
async fn bodies() {
    let json_type = json!({"Content-Type": "application/json"});
    sends(
        json!({"url": "@/x", "method": "post"}),
        expect![[r#"
        POST /x HTTP/1.1
        Content-Length: 0
    "#]],
    )
    .await;
    sends(
        json!({"url": "@/x", "method": "POST", "arguments": {"a": 1, "b": "x y", "c": [1, 2], "d": null}}),
        expect![[r#"
        POST /x HTTP/1.1
        Content-Length: 17
        Content-Type: application/x-www-form-urlencoded

        a=1&b=x+y&c=1&c=2"#]],
    )
    .await;
    sends(
        json!({"url": "@/x", "method": "POST", "arguments": "raw ✓"}),
        expect![[r#"
        POST /x HTTP/1.1
        Content-Length: 7

        raw ✓"#]],
    )
    .await;
    sends(json!({"url": "@/x", "method": "PUT", "headers": json_type, "arguments": {"o": {"k": [1]}, "s": "é", "f": 1.0}}), expect![[r#"
        PUT /x HTTP/1.1
        Content-Type: application/json
        Content-Length: 42

        {"o": {"k": [1]}, "s": "\u00e9", "f": 1.0}"#]]).await;
    sends(
        json!({"url": "@/x", "method": "POST", "headers": json_type}),
        expect![[r#"
        POST /x HTTP/1.1
        Content-Type: application/json
        Content-Length: 2

        {}"#]],
    )
    .await;
    sends(
        json!({"url": "@/x", "method": "POST", "headers": json_type, "arguments": null}),
        expect![[r#"
        POST /x HTTP/1.1
        Content-Type: application/json
        Content-Length: 0
    "#]],
    )
    .await;
    sends(json!({"url": "@/x", "method": "POST", "headers": {"content-type": "application/json"}, "arguments": {"a": 1}}), expect![[r#"
        POST /x HTTP/1.1
        content-type: application/json
        Content-Length: 3

        a=1"#]]).await;
    sends(
        json!({"url": "@/x", "method": "delete", "arguments": {"a": 1}}),
        expect![[r#"
        DELETE /x HTTP/1.1
        Content-Length: 3
        Content-Type: application/x-www-form-urlencoded

        a=1"#]],
    )
    .await;
    sends(
        json!({"url": "@/x", "method": "list"}),
        expect![[r#"
        LIST /x HTTP/1.1
        Content-Length: 0
    "#]],
    )
    .await;
    sends(
        json!({"url": "@/x", "headers": {"X-One": "1", "Authorization": "Basic abc", "X-None": null}}),
        expect![[r#"
        GET /x HTTP/1.1
        X-One: 1
        Authorization: Basic abc
    "#]],
    )
    .await;
}

#[tokio::test]
async fn what_the_toolkit_does_not_expect() {
    sends(json!({}), expect!["unexpected: KeyError: 'url'"]).await;
    sends(json!({"url": "127.0.0.1/x"}), expect!["unexpected: requests.exceptions.MissingSchema: Invalid URL '127.0.0.1/x': No scheme supplied. Perhaps you meant https://127.0.0.1/x?"]).await;
    sends(json!({"url": "gopher://127.0.0.1/x"}), expect!["unexpected: requests.exceptions.InvalidSchema: No connection adapters were found for 'gopher://127.0.0.1/x'"]).await;
    sends(json!({"url": 5}), expect!["unexpected: requests.exceptions.MissingSchema: Invalid URL '5': No scheme supplied. Perhaps you meant https://5?"]).await;
    sends(
        json!({"url": "@/", "method": 5}),
        expect!["unexpected: AttributeError: 'int' object has no attribute 'upper'"],
    )
    .await;
    sends(
        json!({"url": "@/", "method": "a\nb"}),
        expect![[
            r#"unexpected: ValueError: Method cannot contain non-token characters 'A\nB' (found at least '\n')"#
        ]],
    )
    .await;
    sends(json!({"url": "@/", "headers": {"A": 1}}), expect!["unexpected: requests.exceptions.InvalidHeader: Header part (1) from ('A', 1) must be of type str or bytes, not <class 'int'>"]).await;
    sends(
        json!({"url": "@/", "headers": ["A"]}),
        expect!["unexpected: AttributeError: 'list' object has no attribute 'items'"],
    )
    .await;
    sends(
        json!({"url": "@/", "arguments": [1]}),
        expect!["unexpected: TypeError: cannot unpack non-iterable int object"],
    )
    .await;
    sends(json!({"url": "@/", "method": "POST", "arguments": 5}), expect!["unexpected: TypeError: 'body' must be a bytes-like object, file-like object, or iterable. Instead was 5"]).await;
    sends(
        json!({"url": "@/", "timeout": "1"}),
        expect!["unexpected: ValueError: Timeout value connect was 1, but it must be an int, float or None."],
    )
    .await;
    sends(
        json!({"url": "@/", "timeout": true}),
        expect![
            "unexpected: ValueError: Timeout cannot be a boolean value. It must be an int, float or None."
        ],
    )
    .await;
    sends(json!({"url": "@/", "timeout": 0}), expect!["unexpected: ValueError: Attempted to set connect timeout to 0, but the timeout cannot be set to a value less than or equal to 0."]).await;
    sends(
        json!({"url": "@/", "timeout": [1, "x"]}),
        expect!["unexpected: ValueError: Invalid timeout (1, 'x'). Pass a (connect, read) timeout tuple, or a single float to set both timeouts to the same value."],
    )
    .await;
    sends(json!({"url": "@/", "timeout": [1]}), expect!["unexpected: ValueError: Invalid timeout (1,). Pass a (connect, read) timeout tuple, or a single float to set both timeouts to the same value."]).await;
    takes(
        &ok("Content-Type: application/json\n", "{\"hello\": "),
        expect![
            "unexpected: requests.exceptions.JSONDecodeError: Expecting value: line 1 column 11 (char 10)"
        ],
    )
    .await;
    takes(
        &ok("Content-Type: application/json\n", ""),
        expect!["unexpected: requests.exceptions.JSONDecodeError: Expecting value: line 1 column 1 (char 0)"],
    )
    .await;
    takes(&ok("Content-Encoding: gzip\n", "x"), expect!["unexpected: requests.exceptions.ContentDecodingError: Received response with content-encoding: gzip, but failed to decode it."]).await;
}

#[tokio::test]
async fn responses() {
    takes(
        "HTTP/1.1 204 No Content\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n",
        expect![[r#"{"status":204,"headers":{"Content-Type":"text/plain; charset=utf-8"},"body":""}"#]],
    )
    .await;
    takes(&ok("Content-Type: text/plain; charset=utf-8\nX-One: 1\nx-lower: two\nX-Multi: a\nX-Multi: b\n", "ok"), expect![[r#"{"status":200,"headers":{"Content-Type":"text/plain; charset=utf-8","X-One":"1","x-lower":"two","X-Multi":"a, b","Content-Length":"2"},"body":"ok"}"#]]).await;
    takes(&ok("Content-Type: application/json\n", r#"{"hello": "world", "n": [0.5, 3, null, NaN]}"#), expect![[r#"{"status":200,"headers":{"Content-Type":"application/json","Content-Length":"44"},"body":{"hello":"world","n":[0.5,3,null,null]}}"#]]).await;
    takes(
        &ok("Content-Type: application/json\n", "17"),
        expect![[
            r#"{"status":200,"headers":{"Content-Type":"application/json","Content-Length":"2"},"body":17}"#
        ]],
    )
    .await;
    takes(&ok("Content-Type: application/json; charset=utf-8\n", r#"{"hello": "world"}"#), expect![[r#"{"status":200,"headers":{"Content-Type":"application/json; charset=utf-8","Content-Length":"18"},"body":"{\"hello\": \"world\"}"}"#]]).await;
    takes(
        &ok("Content-Type: Application/Json\n", "1"),
        expect![[
            r#"{"status":200,"headers":{"Content-Type":"Application/Json","Content-Length":"1"},"body":"1"}"#
        ]],
    )
    .await;
    takes(
        &ok("", "héllo wörld ✓"),
        expect![[r#"{"status":200,"headers":{"Content-Length":"17"},"body":"héllo wörld ✓"}"#]],
    )
    .await;
    takes(&ok("Content-Type: text/html\n", "<p>hé</p>"), expect![[r#"{"status":200,"headers":{"Content-Type":"text/html","Content-Length":"10"},"body":"<p>hÃ©</p>"}"#]]).await;
    takes(
        "HTTP/1.1 404 Not Found\r\n\r\nstatus 404",
        expect![[r#"{"status":404,"headers":{},"body":"status 404"}"#]],
    )
    .await;
}

#[tokio::test]
async fn failures() {
    takes(
        "",
        expect!["failed: failed to connect to @/: the server closed the connection without a response"],
    )
    .await;
    let mut provider = json!({"type": "http", "url": "http://127.0.0.1:1/x"});
    expect!["failed: failed to connect to http://127.0.0.1:1/x: could not connect to 127.0.0.1:1: Connection refused"]
        .assert_eq(&play(provider.clone(), &[]).await.told());
    provider["max_retries"] = json!("x");
    expect!["unexpected: TypeError: unsupported operand type(s) for -=: 'str' and 'int'"]
        .assert_eq(&play(provider.clone(), &[]).await.told());
    provider["max_retries"] = json!(1);
    let server = Server::start(|_, _| Answer::Stall(Vec::new())).await;
    provider["url"] = json!(format!("http://{}/x", server.address));
    provider["timeout"] = json!([1, 0.03]);
    expect!["failed: activity took too long to complete"]
        .assert_eq(&play(provider.clone(), &[]).await.told());
}

#[tokio::test]
async fn calls_of_a_run_share_a_connection_if_they_say_so() {
    for (keep_alive, connections) in [
        (json!(true), 1),
        (json!(false), 3),
        (json!(null), 3),
        // What means nothing is not read.
        (json!("true"), 3),
        (json!(5), 3),
    ] {
        let server = Server::start(|_, _| Answer::Stay(ok("", "x").into_bytes())).await;
        let handles = Arc::new(Handles::default().with(Session::default()));
        let url = format!("http://{}/", server.address);
        let provider = json!({"type": "http", "url": url, "keep_alive": keep_alive});
        for _ in 0..3 {
            let told = play_sharing(provider.clone(), &handles).await.told();
            assert_eq!(told, r#"{"status":200,"headers":{"Content-Length":"1"},"body":"x"}"#);
        }
        assert_eq!(server.connections(), connections, "{keep_alive}");
        play_sharing(json!({"type": "http", "url": url}), &handles).await;
        assert_eq!(server.connections(), connections + 1, "who does not say so takes none");
    }
}

#[tokio::test]
async fn a_stop_ends_the_wait() {
    let server = Server::start(|_, _| Answer::Stall(Vec::new())).await;
    let provider = json!({"type": "http", "url": format!("http://{}/x", server.address)});
    let asked = async {
        while server.asked().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    assert_eq!(play_until(provider, &[], asked).await.told(), "cancelled");
}

#[test]
fn a_status_from_400_on_is_odd() {
    use super::{Action as _, Http};
    use squall_experiment::Value;
    let odd = |status: i64| {
        let output: Value = Value::Object([("status".to_owned(), status.into())].into_iter().collect());
        Http::SPEC.odd.and_then(|odd| odd(&output)).is_some()
    };
    assert_eq!([200, 399, 400, 503].map(odd), [false, false, true, true]);
}
