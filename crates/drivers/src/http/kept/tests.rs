//! When calls share a connection, counted by the server that they call.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use super::super::client::{Options, Request, World, fetch_over};
use super::super::server::{Answer, Identity, Server, ok};
use super::super::session::Session;
use super::*;
use jiff::Timestamp;
use squall_engine::Environment;
use tokio::io::duplex;

/// Calls of one run.
struct Run {
    session: Session,
    options: Options,
    environment: Environment,
    /// Whether its calls share connections.
    keeps: bool,
}

impl Run {
    fn new() -> Run {
        Run {
            session: Session::default(),
            options: Options::default(),
            environment: Environment::default(),
            keeps: true,
        }
    }

    fn request(method: &str, url: &str) -> Request {
        Request { method: method.to_owned(), url: url.to_owned(), ..Request::default() }
    }

    /// Calls it, and tells status and text, or what went wrong.
    async fn call(&self, request: &Request) -> String {
        let session = Some(&self.session);
        let world = World { environment: &self.environment, session, now: Timestamp::UNIX_EPOCH };
        let connections = self.keeps.then_some(&self.session.connections);
        match fetch_over(connections, request, &self.options, &world).await {
            Ok(response) => {
                let status = response.status;
                format!("{status} {}", response.into_text())
            }
            Err(error) => format!("error: {error}"),
        }
    }

    async fn get(&self, server: &Server) -> String {
        self.call(&Run::request("GET", &format!("http://{}/", server.address))).await
    }
}

fn stay(text: &str) -> Answer {
    Answer::Stay(text.as_bytes().to_vec())
}

/// A server that answers `first` to the first request and `200 next` to the others, both on connections that stay open.
async fn staying(first: &str) -> Server {
    let first = first.replace('\n', "\r\n");
    Server::start(move |_, n| {
        stay(if n == 0 { &first } else { "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext" })
    })
    .await
}

/// How many connections two calls take, of which the first is `request` and gets this answer.
async fn taken_after(request: impl Fn(&mut Request), first: &str) -> usize {
    let server = staying(first).await;
    let run = Run::new();
    let mut asking = Run::request("GET", &format!("http://{}/", server.address));
    request(&mut asking);
    run.call(&asking).await;
    assert_eq!(run.get(&server).await, "200 next");
    server.connections()
}

const FULL: &str = "HTTP/1.1 200 OK\nContent-Length: 1\n\nx";

#[tokio::test]
async fn a_response_that_says_where_it_ends_leaves_its_connection() {
    for (first, connections) in [
        (FULL, 1),
        ("HTTP/1.1 404 No\nContent-Length: 0\n\n", 1),
        ("HTTP/1.1 204 No\n\n", 1),
        ("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n1\nx\n0\nX: y\n\n", 1),
        ("HTTP/1.1 103 Hints\n\nHTTP/1.1 200 OK\nContent-Length: 0\n\n", 1),
        ("HTTP/1.1 200 OK\nConnection: x, Close\nContent-Length: 1\n\nx", 2),
        ("HTTP/1.0 200 OK\nConnection: keep-alive\nContent-Length: 1\n\nx", 2),
        ("HTTP/1.1 200 OK\nContent-Length: 1\n\nxyz", 2),
        ("HTTP/1.1 200 OK\nContent-Length: 1, 2\n\nx", 2),
        ("HTTP/1.1 200 OK\nContent-Length: 9\nTransfer-Encoding: chunked\n\n0\n\n", 2),
        ("HTTP/1.1 101 Another\nUpgrade: x\n\n", 2),
    ] {
        assert_eq!(taken_after(|_| (), first).await, connections, "{first}");
    }
}

#[tokio::test]
async fn a_request_may_not_leave_its_connection_in_doubt() {
    let with = |name: &'static str, value: &'static str| {
        move |request: &mut Request| request.headers.push((name.to_owned(), Some(value.to_owned())))
    };
    assert_eq!(taken_after(with("X", "y"), FULL).await, 1);
    assert_eq!(taken_after(with("Connection", "close"), FULL).await, 2);
    // The server would take what follows for its body.
    assert_eq!(taken_after(with("Content-Length", "00"), FULL).await, 1);
    assert_eq!(taken_after(with("content-length", "0, 0"), FULL).await, 2);
    assert_eq!(taken_after(with("Transfer-Encoding", "chunked"), FULL).await, 2);
    assert_eq!(taken_after(|request| request.method = "CONNECT".to_owned(), FULL).await, 2);
    assert_eq!(
        taken_after(|request| request.method = "HEAD".to_owned(), &FULL.replace("\n\nx", "\n\n")).await,
        1
    );
    let post = |request: &mut Request| {
        request.method = "POST".to_owned();
        request.body = Some(b"body".to_vec());
    };
    assert_eq!(taken_after(post, FULL).await, 1, "whoever may not take one may leave one");
}

#[tokio::test]
async fn what_may_not_be_repeated_takes_none() {
    for (method, connections) in
        [("GET", 1), ("HEAD", 1), ("OPTIONS", 1), ("PUT", 1), ("POST", 2), ("PATCH", 2), ("LIST", 2)]
    {
        let server = staying("HTTP/1.1 204 No\n\n").await;
        let run = Run::new();
        run.get(&server).await;
        run.call(&Run::request(method, &format!("http://{}/", server.address))).await;
        assert_eq!(server.connections(), connections, "{method}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_used_for_a_second() {
    let server = Server::start(|_, _| stay(&ok("", "x"))).await;
    let run = Run::new();
    let mut counted = Vec::new();
    for wait in [0, 400, 600, 1, 1000, 1001] {
        tokio::time::advance(Duration::from_millis(wait)).await;
        assert_eq!(run.get(&server).await, "200 x");
        counted.push(server.connections());
    }
    // Being used does not make it any younger.
    assert_eq!(counted, [1, 1, 1, 2, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn what_a_probe_leaves_is_used_for_50_ms() {
    let url = Url::parse("http://h/").unwrap();
    let (ours, _theirs) = duplex(8);
    let burst = Connections::of_burst(None);
    burst.keep(Opened::now(&url, None, &Verify::Usual), Box::new(ours));
    tokio::time::advance(Duration::from_millis(50)).await;
    let burst = Connections::of_burst(burst.into_last());
    let (opened, ours) = burst.take(&url, None, &Verify::Usual).unwrap();
    burst.keep(opened, ours);
    tokio::time::advance(Duration::from_millis(1)).await;
    let burst = Connections::of_burst(burst.into_last());
    assert!(burst.take(&url, None, &Verify::Usual).is_none());
}

#[tokio::test]
async fn a_dead_connection_is_replaced_without_a_retry() {
    // It says that it will stay, and closes at once, or when it is asked again.
    type Answers = fn(usize) -> Answer;
    let ends: [(Answers, usize); 2] =
        [(|_| ok("", "x").into(), 2), (|n| if n == 1 { Answer::Drop } else { stay(&ok("", "x")) }, 3)];
    for (answer, asked) in ends {
        let server = Server::start(move |_, n| answer(n)).await;
        let run = Run::new();
        assert_eq!(run.get(&server).await, "200 x");
        assert_eq!(run.get(&server).await, "200 x");
        assert_eq!((server.connections(), server.asked().len()), (2, asked));
    }
}

#[tokio::test]
async fn what_goes_wrong_on_a_kept_connection_goes_wrong() {
    for (second, expected) in [
        (Answer::Stall as fn(Vec<u8>) -> Answer, "error: no response in time"),
        (Answer::Bytes, "error: {}: the server closed the connection within the head of the response"),
    ] {
        let server = Server::start(move |_, n| match n {
            0 => stay(&ok("", "x")),
            _ => second(b"HTTP/1.1 200".to_vec()),
        });
        let server = server.await;
        let mut run = Run::new();
        run.get(&server).await;
        if expected.ends_with("in time") {
            run.options.read = Some(Duration::from_millis(50));
        }
        let expected = expected.replace("{}", &server.address.to_string());
        assert_eq!(run.get(&server).await, expected);
        assert_eq!(server.connections(), 1);
    }
}

#[tokio::test]
async fn a_retry_takes_a_new_connection() {
    let server = Server::start(|_, n| match n {
        1 => "no HTTP\r\n\r\n".into(),
        _ => stay(&ok("", "x")),
    });
    let server = server.await;
    let mut run = Run::new();
    run.options.retries = 1;
    run.get(&server).await;
    assert_eq!(run.get(&server).await, "200 x");
    assert_eq!((server.connections(), server.asked().len()), (2, 3));
}

#[tokio::test]
async fn redirects_share_too_but_leave_nothing_unread() {
    let server = Server::start(|_, n| match n {
        0 => stay("HTTP/1.1 302 Found\r\nLocation: /a\r\nContent-Length: 1\r\n\r\nx"),
        _ => stay(&ok("", "there")),
    });
    let server = server.await;
    let run = Run::new();
    assert_eq!(run.get(&server).await, "200 there");
    assert_eq!(server.connections(), 2);
    assert_eq!(run.get(&server).await, "200 there");
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn who_does_not_ask_for_it_has_a_connection_alone() {
    let server = Server::start(|_, _| stay(&ok("", "x"))).await;
    let mut run = Run::new();
    run.get(&server).await;
    run.keeps = false;
    for connections in 2..4 {
        assert_eq!(run.get(&server).await, "200 x");
        assert_eq!(server.connections(), connections);
    }
    run.keeps = true;
    run.get(&server).await;
    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn over_tls_only_with_the_same_checks() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("authority.pem");
    let identity = Identity::signed(&["127.0.0.1"]);
    std::fs::write(&path, &identity.authority).unwrap();
    let server = Server::start_tls(&identity, |_, _| stay(&ok("", "x"))).await;
    let request = Run::request("GET", &format!("https://{}/", server.address));
    let bundle = Verify::Bundle(path.to_str().unwrap().to_owned());
    let mut run = Run::new();
    for (verify, connections) in
        [(Verify::Not, 1), (Verify::Not, 1), (bundle.clone(), 2), (bundle, 2), (Verify::Not, 2)]
    {
        run.options.verify = verify;
        assert_eq!(run.call(&request).await, "200 x");
        assert_eq!(server.connections(), connections, "{:?}", run.options.verify);
    }
    run.options.verify = Verify::Usual;
    let told = run.call(&request).await;
    assert!(told.contains("invalid peer certificate"), "{told}");
}

#[tokio::test]
async fn logins_are_read_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("logins");
    let server = Server::start(|_, _| stay(&ok("", "x"))).await;
    let mut run = Run::new();
    run.environment.add("NETRC".to_owned(), file.to_str().unwrap().to_owned());
    for user in ["ann", "bob"] {
        std::fs::write(&file, format!("default login {user} password pw\n")).unwrap();
        run.get(&server).await;
        let asked = server.asked();
        assert!(asked.last().unwrap().contains("Authorization: Basic YW5uOnB3\r\n"), "{asked:?}");
    }
}

#[test]
fn where_they_lead() {
    let url = |url: &str| Url::parse(url).unwrap();
    let proxy = |place: &'static str| {
        Proxy::of(&url("http://h/"), &|name| (name == "http_proxy").then_some(place)).unwrap()
    };
    let (p, q) = (proxy("p:1"), proxy("u:p@p:1"));
    let opened = |proxy: Option<&Proxy>| Opened::now(&url("http://h/a"), proxy, &Verify::Usual);
    for (expected, of, to, by) in [
        (true, None, "http://H:80/b?c", None),
        (true, None, "http://u:p@h/", None),
        (false, None, "http://h:81/", None),
        (false, None, "https://h:80/", None),
        (false, None, "http://other/", None),
        (false, None, "http://h/", p.as_ref()),
        (false, p.as_ref(), "http://h/", None),
        (true, p.as_ref(), "http://h/", p.as_ref()),
        (false, p.as_ref(), "http://h/", q.as_ref()),
    ] {
        assert_eq!(opened(of).leads_to(&url(to), by, &Verify::Usual), expected, "{to} {of:?} {by:?}");
    }
    assert!(!opened(None).leads_to(&url("http://h/"), None, &Verify::Not));
}

#[tokio::test]
async fn few_are_kept_and_those_that_wait_longest_go_first() {
    let connections = Connections::default();
    let url = |n: usize| Url::parse(&format!("http://h{n}/")).unwrap();
    let mut theirs = Vec::new();
    for n in 0..MOST + 2 {
        let (ours, other) = duplex(8);
        theirs.push(other);
        connections.keep(Opened::now(&url(n), None, &Verify::Usual), Box::new(ours));
    }
    let taken = (0..MOST + 2).filter(|n| connections.take(&url(*n), None, &Verify::Usual).is_some());
    assert_eq!(taken.collect::<Vec<_>>(), (2..MOST + 2).collect::<Vec<_>>());
    assert!(connections.take(&url(5), None, &Verify::Usual).is_none(), "it is in use");
}

#[tokio::test]
async fn one_over_which_something_came_is_not_taken() {
    use tokio::io::AsyncWriteExt as _;
    let connections = Connections::default();
    let url = Url::parse("http://h/").unwrap();
    let (ours, mut theirs) = duplex(8);
    connections.keep(Opened::now(&url, None, &Verify::Usual), Box::new(ours));
    theirs.write_all(b"HTTP/1.1").await.unwrap();
    assert!(connections.take(&url, None, &Verify::Usual).is_none());
    let (ours, theirs) = duplex(8);
    connections.keep(Opened::now(&url, None, &Verify::Usual), Box::new(ours));
    drop(theirs);
    assert!(connections.take(&url, None, &Verify::Usual).is_none());
}
