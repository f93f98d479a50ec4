//! The way of a request: retries, redirects, cookies, credentials, proxies, certificates.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use super::super::server::{Answer, Identity, Server, ok};
use super::*;

/// Fetches, and tells status and text, or what went wrong.
async fn get(url: &str, options: &Options, variables: &[(&str, &str)]) -> String {
    let request = Request { method: "GET".to_owned(), url: url.to_owned(), ..Request::default() };
    told(&request, options, variables).await
}

async fn told(request: &Request, options: &Options, variables: &[(&str, &str)]) -> String {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let environment = Environment::new(variables);
    let world = World { environment: &environment, session: None, now: Timestamp::UNIX_EPOCH };
    match fetch(request, options, &world).await {
        Ok(response) => {
            let status = response.status;
            format!("{status} {}", response.into_text())
        }
        Err(Error::Unexpected(exception)) => exception.to_string(),
        Err(error) => format!("error: {error}"),
    }
}

fn line(request: &str) -> &str {
    request.lines().next().unwrap()
}

fn field<'r>(request: &'r str, name: &str) -> Option<&'r str> {
    request.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

fn plainly() -> Options {
    Options::default()
}

#[tokio::test]
async fn what_is_sent() {
    let server = Server::start(|_, _| ok("", "done").into()).await;
    let request = Request {
        method: "PATCH".to_owned(),
        url: format!("http://{}/a b?c", server.address),
        query: "d=%20".to_owned(),
        headers: vec![
            ("X-lOwEr".to_owned(), Some("é".to_owned())),
            ("accept".to_owned(), Some("text/x".to_owned())),
            ("Accept-Encoding".to_owned(), None),
        ],
        body: Some(b"body".to_vec()),
        content_type: Some("text/x"),
    };
    assert_eq!(told(&request, &plainly(), &[]).await, "200 done");
    let expected = format!(
        "PATCH /a%20b?c&d=%20 HTTP/1.1\r\nHost: {}\r\nUser-Agent: squall/{}\r\naccept: text/x\r\nConnection: keep-alive\r\n\
         X-lOwEr: \u{fffd}\r\nContent-Length: 4\r\nContent-Type: text/x\r\n\r\nbody",
        server.address,
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(server.asked(), [expected]);
}

#[tokio::test]
async fn fields_that_cannot_be_sent() {
    let blank = "requests.exceptions.InvalidHeader: Invalid leading whitespace, reserved character(s), or return character(s) in header";
    for (name, value, expected) in [
        ("A", " x", format!("{blank} value: ' x'")),
        ("A", "x\r\nB: y", format!("{blank} value: 'x\\r\\nB: y'")),
        (" A", "x", format!("{blank} name: ' A'")),
        ("A:", "x", format!("{blank} name: 'A:'")),
        ("", "x", format!("{blank} name: ''")),
        (
            "é",
            "x",
            "UnicodeEncodeError: 'ascii' codec can't encode character '\\xe9' in position 0: ordinal not in range(128)"
                .to_owned(),
        ),
        (
            "A",
            "a✓",
            "UnicodeEncodeError: 'latin-1' codec can't encode character '\\u2713' in position 1: ordinal not in range(256)"
                .to_owned(),
        ),
    ] {
        let request = Request {
            method: "GET".to_owned(),
            url: "http://127.0.0.1:1/".to_owned(),
            headers: vec![(name.to_owned(), Some(value.to_owned()))],
            ..Request::default()
        };
        // Found before anything is tried: nobody listens there.
        assert_eq!(told(&request, &plainly(), &[]).await, expected);
    }
}

#[tokio::test]
async fn what_does_not_answer() {
    // A label of 64 characters is none, so nobody is asked for it.
    let nowhere = "x".repeat(64);
    for (url, expected) in [
        (
            "http://127.0.0.1:1/x".to_owned(),
            "could not connect to 127.0.0.1:1: Connection refused".to_owned(),
        ),
        (format!("http://{nowhere}/"), format!("could not resolve {nowhere}: ")),
    ] {
        let told = get(&url, &plainly(), &[]).await;
        assert!(told.starts_with(&format!("error: {expected}")), "{told}");
    }
    let server = Server::start(|_, _| Answer::Drop).await;
    let told = get(&format!("http://{}/", server.address), &plainly(), &[]).await;
    let expected = format!("error: {}: the server closed the connection without a response", server.address);
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_silent_server_is_not_waited_for() {
    let options = Options { read: Some(Duration::from_millis(30)), ..Options::default() };
    for said in ["", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc"] {
        let server = Server::start(|_, _| Answer::Stall(said.as_bytes().to_vec())).await;
        let told = get(&format!("http://{}/", server.address), &options, &[]).await;
        assert_eq!(told, "error: no response in time", "{said}");
    }
}

#[tokio::test]
async fn retries() {
    for (method, retries, failures, expected, tries) in [
        ("GET", 0, 1, "error: ", 1),
        ("GET", 2, 2, "200 finally", 3),
        ("GET", 1, 2, "error: ", 2),
        ("POST", 2, 1, "error: ", 1),
    ] {
        let server =
            Server::start(move |_, n| if n < failures { Answer::Drop } else { ok("", "finally").into() });
        let server = server.await;
        let request = Request {
            method: method.to_owned(),
            url: format!("http://{}/", server.address),
            ..Request::default()
        };
        let told = told(&request, &Options { retries, ..Options::default() }, &[]).await;
        assert!(told.starts_with(expected), "{method} {retries}: {told}");
        assert_eq!(server.asked().len(), tries, "{method} {retries}");
    }
}

fn redirect(status: u16, location: &str, fields: &str) -> Answer {
    let fields = fields.replace('\n', "\r\n");
    format!("HTTP/1.1 {status} Elsewhere\r\nLocation: {location}\r\n{fields}Content-Length: 0\r\n\r\n").into()
}

#[tokio::test]
async fn redirects_and_methods() {
    for (method, status, expected) in [
        ("POST", 301, "GET /there HTTP/1.1 body=''"),
        ("PUT", 301, "PUT /there HTTP/1.1 body=''"),
        ("POST", 302, "GET /there HTTP/1.1 body=''"),
        ("DELETE", 302, "GET /there HTTP/1.1 body=''"),
        ("HEAD", 303, "HEAD /there HTTP/1.1 body=''"),
        ("PUT", 303, "GET /there HTTP/1.1 body=''"),
        ("POST", 307, "POST /there HTTP/1.1 body='a=1'"),
        ("PUT", 308, "PUT /there HTTP/1.1 body='a=1'"),
        ("POST", 300, ""),
    ] {
        let server =
            Server::start(move |_, n| if n == 0 { redirect(status, "there", "") } else { ok("", "").into() });
        let server = server.await;
        let request = Request {
            method: method.to_owned(),
            url: format!("http://{}/here", server.address),
            body: Some(b"a=1".to_vec()),
            ..Request::default()
        };
        told(&request, &plainly(), &[]).await;
        let second = server.asked().get(1).map(|request| {
            let body = request.split_once("\r\n\r\n").unwrap().1;
            format!("{} body='{body}'", line(request))
        });
        assert_eq!(second.unwrap_or_default(), expected, "{method} {status}");
    }
}

#[tokio::test]
async fn thirty_redirects_and_no_more() {
    for (redirects, expected) in
        [(30, "200 there"), (31, "requests.exceptions.TooManyRedirects: Exceeded 30 redirects.")]
    {
        let server =
            Server::start(
                move |_, n| {
                    if n < redirects { redirect(302, "/", "") } else { ok("", "there").into() }
                },
            );
        let server = server.await;
        assert_eq!(get(&format!("http://{}/", server.address), &plainly(), &[]).await, expected);
    }
}

#[tokio::test]
async fn cookies_go_along_with_redirects() {
    let server = Server::start(|_, n| match n {
        0 => redirect(302, "/b", "Set-Cookie: a=1; Path=/\nset-cookie: b=2; Path=/b\n"),
        1 => redirect(302, "/c", "Set-Cookie: a=; Path=/; Max-Age=0\n"),
        _ => ok("", "").into(),
    });
    let server = server.await;
    get(&format!("http://{}/", server.address), &plainly(), &[]).await;
    let asked = server.asked();
    let sent: Vec<Option<&str>> = asked.iter().map(|request| field(request, "Cookie")).collect();
    assert_eq!(sent, [None, Some("b=2; a=1"), None]);
}

#[tokio::test]
async fn logins() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join(".netrc"), "machine 127.0.0.1 login ann password pw\n").unwrap();
    let other = home.path().join("other");
    std::fs::write(&other, "default login bob password pw\n").unwrap();
    let (home, other) = (home.path().to_str().unwrap(), other.to_str().unwrap());
    let server = Server::start(|_, _| ok("", "").into()).await;
    let place = server.address;
    for (url, own, variables, expected) in [
        (format!("http://{place}/"), None, vec![], None),
        (format!("http://{place}/"), None, vec![("HOME", home)], Some("Basic YW5uOnB3")),
        (format!("http://{place}/"), None, vec![("HOME", home), ("NETRC", other)], Some("Basic Ym9iOnB3")),
        (format!("http://{place}/"), None, vec![("HOME", home), ("NETRC", "~/none")], None),
        (format!("http://{place}/"), Some("mine"), vec![("HOME", home)], Some("mine")),
        (format!("http://u%40:p:w@{place}/"), None, vec![], Some("Basic dUA6cDp3")),
        (format!("http://u@{place}/"), None, vec![], None),
    ] {
        let request = Request {
            method: "GET".to_owned(),
            url,
            headers: own.iter().map(|own| ("Authorization".to_owned(), Some((*own).to_owned()))).collect(),
            ..Request::default()
        };
        told(&request, &plainly(), &variables).await;
        let asked = server.asked();
        assert_eq!(field(asked.last().unwrap(), "Authorization"), expected, "{} {variables:?}", request.url);
    }
}

#[tokio::test]
async fn a_login_is_not_shown_to_another_host() {
    let second = Server::start(|_, _| ok("", "").into()).await;
    let port = second.address.port();
    let first = Server::start(move |request, _| {
        if request.starts_with("GET /away") {
            redirect(302, &format!("http://127.0.0.1:{port}/"), "")
        } else if request.starts_with("GET /stay") {
            redirect(302, "/end", "")
        } else {
            ok("", "").into()
        }
    });
    let first = first.await;
    for (path, server, expected) in [("away", &second, None), ("stay", &first, Some("Basic dTpw"))] {
        get(&format!("http://u:p@{}/{path}", first.address), &plainly(), &[]).await;
        assert_eq!(field(server.asked().last().unwrap(), "Authorization"), expected, "{path}");
    }
}

#[tokio::test]
async fn through_a_proxy() {
    let server = Server::start(|_, _| ok("", "origin").into()).await;
    let proxy = Server::start(|_, _| ok("", "proxy").into()).await;
    let url = format!("http://{}/x?y", server.address);
    let place = format!("http://u:p%40@{}", proxy.address);
    assert_eq!(get(&url, &plainly(), &[("HTTP_PROXY", &place)]).await, "200 proxy");
    let asked = proxy.asked();
    assert_eq!(line(&asked[0]), format!("GET {url} HTTP/1.1"));
    assert_eq!(field(&asked[0], "Host"), Some(server.address.to_string().as_str()));
    assert_eq!(field(&asked[0], "Proxy-Authorization"), Some("Basic dTpwQA=="));
    let variables = [("HTTP_PROXY", place.as_str()), ("NO_PROXY", "127.0.0.0/8")];
    assert_eq!(get(&url, &plainly(), &variables).await, "200 origin");
    let told = get(&url, &plainly(), &[("HTTP_PROXY", "127.0.0.1:1")]).await;
    assert_eq!(told, "error: proxy 127.0.0.1:1: could not connect to 127.0.0.1:1: Connection refused");
}

#[tokio::test]
async fn through_a_tunnel() {
    let identity = Identity::signed(&["127.0.0.1"]);
    let server = Server::start_tls(&identity, |_, _| ok("", "origin").into()).await;
    let to = server.address.to_string();
    let proxy = Server::start(move |_, n| match n {
        0 => Answer::Tunnel(to.clone()),
        _ => "HTTP/1.1 407 Who are you\r\nContent-Length: 2\r\n\r\nno".into(),
    });
    let proxy = proxy.await;
    let options = Options { verify: Verify::Not, ..Options::default() };
    let place = format!("http://u:p@{}", proxy.address);
    let url = format!("https://{}/", server.address);
    assert_eq!(get(&url, &options, &[("HTTPS_PROXY", &place)]).await, "200 origin");
    let asked = proxy.asked();
    assert_eq!(line(&asked[0]), format!("CONNECT {} HTTP/1.1", server.address));
    assert_eq!(field(&asked[0], "Proxy-Authorization"), Some("Basic dTpw"));
    assert_eq!(
        get(&url, &options, &[("HTTPS_PROXY", &place)]).await,
        format!("error: proxy {}: tunnel connection failed: 407 Who are you", proxy.address)
    );
}

#[tokio::test]
async fn certificates() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = |name: &str, identity: &Identity| {
        let path = folder.path().join(name);
        std::fs::write(&path, &identity.authority).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let signed = Identity::signed(&["127.0.0.1", "localhost"]);
    let itself = Identity::self_signed(&["127.0.0.1"]);
    let (signed_file, itself_file) = (bundle("signed.pem", &signed), bundle("itself.pem", &itself));
    let both = folder.path().to_str().unwrap().to_owned();
    let signed = Server::start_tls(&signed, |_, _| ok("", "signed").into()).await;
    let itself = Server::start_tls(&itself, |_, _| ok("", "itself").into()).await;
    let no_file = "OSError: Could not find a suitable TLS CA certificate bundle, invalid path: /no/such/file";
    let unknown = "error: no TLS connection to {}: invalid peer certificate: UnknownIssuer";
    let other_name =
        "error: no TLS connection to {}: invalid peer certificate: certificate not valid for name";
    let named = Verify::Bundle;
    for (server, host, verify, variables, expected) in [
        (&signed, "127.0.0.1", Verify::Usual, vec![], unknown),
        (&signed, "127.0.0.1", Verify::Not, vec![], "200 signed"),
        (&signed, "127.0.0.1", named(signed_file.clone()), vec![], "200 signed"),
        (&signed, "localhost", named(signed_file.clone()), vec![], "200 signed"),
        (&signed, "127.0.0.1", named(both.clone()), vec![], "200 signed"),
        (&signed, "127.0.0.1", named(itself_file.clone()), vec![], unknown),
        (&signed, "127.0.0.1", Verify::Usual, vec![("REQUESTS_CA_BUNDLE", &*signed_file)], "200 signed"),
        (&signed, "127.0.0.1", Verify::Usual, vec![("CURL_CA_BUNDLE", &*signed_file)], "200 signed"),
        (&signed, "127.0.0.1", Verify::Not, vec![("CURL_CA_BUNDLE", "/no/such/file")], "200 signed"),
        (&signed, "127.0.0.1", Verify::Usual, vec![("CURL_CA_BUNDLE", "/no/such/file")], no_file),
        (&itself, "127.0.0.1", named(itself_file.clone()), vec![], "200 itself"),
        (&itself, "localhost", named(itself_file.clone()), vec![], other_name),
        (&itself, "localhost", Verify::Not, vec![], "200 itself"),
    ] {
        let options = Options { verify, ..Options::default() };
        let place = format!("{host}:{}", server.address.port());
        let told = get(&format!("https://{place}/"), &options, &variables).await;
        let expected = expected.replace("{}", &place);
        assert!(told.starts_with(&expected), "{host} {:?} {variables:?}: {told}", options.verify);
    }
}
