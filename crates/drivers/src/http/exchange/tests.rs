//! Heads and bodies as servers write them, well and badly.

#![expect(clippy::disallowed_methods, reason = "the server of a test waits for nobody's stop")]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use super::*;
use tokio::io::duplex;

/// Sends what a server said, in pieces of `piece` bytes, and tells what was understood.
async fn told(said: &[u8], piece: usize, bodiless: bool) -> String {
    let (ours, theirs) = duplex(64);
    let (mut from, mut to) = split(theirs);
    let server = async {
        let mut request = [0; 5];
        from.read_exact(&mut request).await.unwrap();
        for piece in said.chunks(piece) {
            // An error means that the client has heard enough.
            if to.write_all(piece).await.is_err() {
                break;
            }
        }
        let _ = to.shutdown().await;
    };
    let client = async {
        let (head, mut incoming) =
            exchange(ours, b"HELLO", bodiless, None).await.map_err(|unanswered| unanswered.broken)?;
        let body = incoming.body(&head).await?;
        Ok::<_, Broken>((head, body))
    };
    let (done, ()) = tokio::join!(client, server);
    match done {
        Ok((head, body)) => {
            let fields: Vec<String> =
                head.headers.iter().map(|(name, value)| format!("{name}={value}")).collect();
            format!("{} [{}] {:?}", head.status, fields.join("|"), String::from_utf8_lossy(&body))
        }
        Err(broken) => broken.plain(),
    }
}

async fn check(said: &str, expected: &str) {
    for piece in [1, 7, usize::MAX] {
        assert_eq!(told(said.as_bytes(), piece, false).await, expected, "in pieces of {piece}");
    }
}

#[tokio::test]
async fn heads() {
    check("HTTP/1.1 204 No\r\nX-One: 1\r\nx-one: 2\r\n\r\n", r#"204 [X-One=1, 2] """#).await;
    check("HTTP/1.1 204\r\n\r\n", r#"204 [] """#).await;
    check("HTTP/1.0 200 OK\r\nb: 2\r\nA:1\r\n\r\nall", r#"200 [b=2|A=1] "all""#).await;
    check(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nX: y\r\n\r\nHTTP/1.1 204 No\r\n\r\n",
        r#"204 [] """#,
    )
    .await;
    check("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", r#"200 [Content-Length=0] """#).await;
    check("HTTP/1.1 204 OK\r\nbad field\r\nX : y\r\n\r\n", r#"204 [X=y] """#).await;
    check("HTTP/1.1 204 No\r\nX: a\r\n  b\r\n\r\n", r#"204 [X=a b] """#).await;
    check("", "the server closed the connection without a response").await;
    check("HTTP/1.1 200", "the server closed the connection within the head of the response").await;
    check("SSH-2.0-OpenSSH\r\n\r\n", "the server's response is not HTTP: invalid HTTP version").await;
    let many: String = (0..200).map(|n| format!("X-{n}: {n}\r\n")).collect();
    let told = told(format!("HTTP/1.1 204 No\r\n{many}\r\n").as_bytes(), usize::MAX, false).await;
    assert!(told.ends_with("|X-199=199] \"\""), "{told}");
}

#[tokio::test]
async fn a_head_without_end_is_given_up() {
    let endless = vec![b'x'; MOST_HEAD * 2];
    let said = [b"HTTP/1.1 200 OK\r\nX: ", endless.as_slice()].concat();
    assert_eq!(told(&said, usize::MAX, false).await, "the response's head is larger than 256 KiB");
    let said = b"HTTP/1.1 100 Continue\r\n\r\n".repeat(MOST_HEAD / 16);
    assert_eq!(told(&said, usize::MAX, false).await, "the response's head is larger than 256 KiB");
}

#[tokio::test]
async fn bodies() {
    check("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef", r#"200 [Content-Length=3] "abc""#).await;
    check("HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\n\r\nabc", r#"200 [Content-Length=3, 3] "abc""#).await;
    check("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nabc", r#"200 [Content-Length=x] "abc""#).await;
    check(
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
        "the server closed the connection before the end of the body",
    )
    .await;
    check(
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nabc",
        "the response's body is larger than 262144 KiB",
    )
    .await;
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let told = |body: &str| format!("200 [Transfer-Encoding=chunked] {body:?}");
    check(&format!("{chunked}3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nT: x\r\n\r\n"), &told("abc0123456789"))
        .await;
    check(&format!("{chunked}3\r\nabc\r\n0\r\n"), &told("abc")).await;
    check(&format!("{chunked}3\r\nabc\r\n"), "the server closed the connection before the end of the body")
        .await;
    check(&format!("{chunked}zz\r\n"), "the server's response is not HTTP: invalid chunk size").await;
    check(
        &format!("{chunked}3\r\nabcdef\r\n"),
        "the server's response is not HTTP: a chunk does not end where it says",
    )
    .await;
    check(&format!("{chunked}ffffffffffffffff\r\na"), "the response's body is larger than 262144 KiB").await;
}

#[tokio::test]
async fn trailers_without_end_are_given_up() {
    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
    for (trailers, expected) in [
        (b"T: x\r\n".repeat(MOST_HEAD / 5), "the response's trailers is larger than 256 KiB"),
        (vec![b'x'; MOST_HEAD * 2], "the response's trailers is larger than 256 KiB"),
        (
            [b"T: x\r\n".repeat(MOST_HEAD / 7), b"\r\n".to_vec()].concat(),
            "200 [Transfer-Encoding=chunked] \"\"",
        ),
    ] {
        assert_eq!(told(&[head, trailers.as_slice()].concat(), usize::MAX, false).await, expected);
    }
}

#[tokio::test]
async fn a_head_request_has_no_body() {
    let said = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n";
    assert_eq!(told(said, 5, true).await, r#"200 [Content-Length=3] """#);
}

#[tokio::test(start_paused = true)]
async fn each_wait_is_bounded_but_not_their_sum() {
    let second = Duration::from_secs(1);
    for (pause, expected) in [(second, Ok(3)), (second * 3, Err("timed out"))] {
        let (ours, theirs) = duplex(1 << 10);
        let (_from, mut to) = split(theirs);
        let server = async {
            to.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n").await.unwrap();
            for _ in 0..3 {
                tokio::time::sleep(pause).await;
                // An error means that the client is gone.
                let _ = to.write_all(b"x").await;
            }
        };
        let client = async {
            let (head, mut incoming) = exchange(ours, b"HELLO", false, Some(second * 2))
                .await
                .map_err(|unanswered| unanswered.broken)?;
            incoming.body(&head).await
        };
        let (body, ()) = tokio::join!(client, server);
        let body = body.map(|body| body.len()).map_err(|broken| broken.plain());
        assert_eq!(body, expected.map_err(str::to_owned));
    }
}

#[tokio::test]
async fn a_server_may_answer_before_it_has_read_everything() {
    let (ours, theirs) = duplex(64);
    let (from, mut to) = split(theirs);
    let server = async {
        to.write_all(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno").await.unwrap();
        drop((from, to));
    };
    let request = vec![b'x'; 1 << 20];
    let (answer, ()) = tokio::join!(exchange(ours, &request, false, None), server);
    assert_eq!(answer.unwrap().0.status, 413);
}
