//! What `requests` 2.34, over urllib3 2.8, makes of these URLs.

use super::*;

fn told(url: Result<Url, Exception>) -> String {
    match url {
        Ok(url) => url.to_string(),
        Err(exception) => exception.to_string(),
    }
}

#[test]
fn parsing() {
    let invalid = "requests.exceptions.InvalidURL: ";
    let missing = "requests.exceptions.MissingSchema: Invalid URL ";
    let no_adapter = "requests.exceptions.InvalidSchema: No connection adapters were found for ";
    for (url, expected) in [
        ("http://h", "http://h/".to_owned()),
        ("http://H.Example:80/a b", "http://h.example/a%20b".to_owned()),
        ("HTTP://h/%7euser/%2f%zz", "http://h/%257euser/%252f%25zz".to_owned()),
        ("http://h/%7euser/%2f", "http://h/~user/%2F".to_owned()),
        ("http://h/a/../b/./c", "http://h/b/c".to_owned()),
        ("http://h?x", "http://h/?x".to_owned()),
        ("http://h/?x=[1]\"<>|{}^`\\", "http://h/?x=%5B1%5D%22%3C%3E%7C%7B%7D%5E%60%5C".to_owned()),
        ("http://h/é?é=✓", "http://h/%C3%A9?%C3%A9=%E2%9C%93".to_owned()),
        ("http://", format!("{invalid}Invalid URL 'http://': No host supplied")),
        ("http:///x", format!("{invalid}Invalid URL 'http:///x': No host supplied")),
        ("http:h", format!("{invalid}Invalid URL 'http:h': No host supplied")),
        ("h/x", format!("{missing}'h/x': No scheme supplied. Perhaps you meant https://h/x?")),
        ("/x", format!("{missing}'/x': No scheme supplied. Perhaps you meant https:///x?")),
        ("", format!("{missing}'': No scheme supplied. Perhaps you meant https://?")),
        ("localhost:80/x", format!("{no_adapter}'localhost:80/x'")),
        ("gopher://h/x", format!("{no_adapter}'gopher://h/x'")),
        ("httpx://h/", format!("{no_adapter}'httpx://h/'")),
        ("http://[::1]:8080/x", "http://[::1]:8080/x".to_owned()),
        ("https://[::1]:443/x", "https://[::1]/x".to_owned()),
        ("http://[v1.x]/", format!("{invalid}Failed to parse: '[v1.x]' is not a valid host or port")),
        ("http://h:99999/", format!("{invalid}Failed to parse: 'h:99999' is not a valid host or port")),
        ("http://h:abc/", format!("{invalid}Failed to parse: 'h:abc' is not a valid host or port")),
        ("http://h:/x", "http://h/x".to_owned()),
        ("http://h:0080/x", "http://h/x".to_owned()),
        (" http://h/", "http://h/".to_owned()),
        ("http://München.de/", "http://xn--mnchen-3ya.de/".to_owned()),
        ("http://例え.テスト/", "http://xn--r8jz45g.xn--zckzah/".to_owned()),
        ("http://*.h/", format!("{invalid}URL has an invalid label.")),
        ("http://é h/", format!("{invalid}URL has an invalid label.")),
        ("http://h/a#frag", "http://h/a".to_owned()),
        ("http://h\\x/y", "http://h/%5Cx/y".to_owned()),
        ("http://h/%41%5b?%41%5B", "http://h/A%5B?A%5B".to_owned()),
        ("http://h/a%", "http://h/a%25".to_owned()),
        ("http://exa mple/", "http://exa%20mple/".to_owned()),
        ("http://h\r\nX: y/", format!("{invalid}Failed to parse: 'h\\r\\nX: y' is not a valid host or port")),
        (
            "http://u:correct-horse/battery@h/x",
            format!("{invalid}Failed to parse: '***' is not a valid host or port"),
        ),
        (
            "http://u:correct?horse@h/x",
            format!("{invalid}Failed to parse: '***' is not a valid host or port"),
        ),
        ("http://u:p@h:x/", format!("{invalid}Failed to parse: 'h:x' is not a valid host or port")),
        ("http://u:p@", format!("{invalid}Invalid URL 'http://***@': No host supplied")),
        ("http:///u:p@h", format!("{invalid}Invalid URL 'http://***@h': No host supplied")),
        ("u/p@h/x", format!("{missing}'***@h/x': No scheme supplied. Perhaps you meant https://***@h/x?")),
        ("ftp://u:p/q@h/x", format!("{no_adapter}'ftp://***@h/x'")),
        ("u:p@h//x", format!("{no_adapter}'***@h//x'")),
        ("http://h//a//b/..", "http://h//a//".to_owned()),
        ("http://h/a/..", "http://h/".to_owned()),
        ("http://h/?a=1&&b='x'~!*()", "http://h/?a=1&&b='x'~!*()".to_owned()),
        ("http://h?", "http://h/".to_owned()),
    ] {
        assert_eq!(told(Url::parse(url)), expected, "{url}");
    }
    let url = Url::parse("http://a@b:p%40@h/").map(|url| url.credentials);
    assert_eq!(url, Ok(Some("a@b:p%40".to_owned())));
    assert_eq!(percent_decode("p%40%zz%"), "p@%zz%");
}

#[test]
fn redirects_lead_where_they_say() {
    let from = Url::parse("https://u:p@h:8443/a/b?c=d");
    for (location, expected) in [
        ("", "https://h:8443/a/b?c=d"),
        ("x", "https://h:8443/a/x"),
        ("../x?y", "https://h:8443/x?y"),
        ("?y#z", "https://h:8443/a/b?y"),
        ("/x y", "https://h:8443/x%20y"),
        ("//other/x", "https://other/x"),
        ("http://other", "http://other/"),
        ("ftp://h/", "requests.exceptions.InvalidSchema: No connection adapters were found for 'ftp://h/'"),
    ] {
        let to = from.clone().and_then(|from| from.join(location));
        assert_eq!(told(to), expected, "{location}");
    }
}
