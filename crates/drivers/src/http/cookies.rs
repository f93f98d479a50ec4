//! Cookies that are set on the way of one request through its redirects, and sent to the hops behind.
//!
//! Not here: cookies that outlive a request, and lists of domains under which anybody may register.

use super::url::Url;
use jiff::Timestamp;
use jiff::fmt::rfc2822;

/// What was set so far.
#[derive(Debug, Default)]
pub(super) struct Cookies(Vec<Cookie>);

#[derive(Debug)]
struct Cookie {
    name: String,
    value: String,
    domain: String,
    /// Whether hosts below the domain get it too.
    below: bool,
    path: String,
    secure: bool,
}

impl Cookies {
    /// Takes a `Set-Cookie` field of a response from `url`.
    pub(super) fn set(&mut self, field: &str, url: &Url, now: Timestamp) {
        let mut parts = field.split(';');
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { return };
        let mut cookie = Cookie {
            name: name.trim().to_owned(),
            value: value.trim().to_owned(),
            domain: url.host.clone(),
            below: false,
            path: folder(url).to_owned(),
            secure: false,
        };
        let mut gone = None;
        for part in parts {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            let value = value.trim();
            match key.trim().to_ascii_lowercase().as_str() {
                "domain" if !value.is_empty() => {
                    let domain = value.trim_start_matches('.').to_ascii_lowercase();
                    // Nobody sets cookies for another's domain, nor for a whole top-level domain.
                    if !is_within(&url.host, &domain) || (domain != url.host && !domain.contains('.')) {
                        return;
                    }
                    (cookie.domain, cookie.below) = (domain, true);
                }
                "path" if value.starts_with('/') => cookie.path = value.to_owned(),
                "secure" => cookie.secure = true,
                // An age counts more than a date, whichever comes first.
                "max-age" => gone = value.parse::<i64>().ok().map(|age| age <= 0).or(gone),
                "expires" if gone.is_none() => gone = expiry(value).map(|at| at <= now),
                _ => {}
            }
        }
        self.0.retain(|other| {
            (&other.name, &other.domain, &other.path) != (&cookie.name, &cookie.domain, &cookie.path)
        });
        if gone != Some(true) && !cookie.name.is_empty() {
            self.0.push(cookie);
        }
    }

    /// The `Cookie` field for a request to `url`.
    pub(super) fn field(&self, url: &Url) -> Option<String> {
        let path = url.target.split('?').next().unwrap_or_default();
        let mut fitting: Vec<&Cookie> = self.0.iter().filter(|cookie| cookie.fits(url, path)).collect();
        // The most specific path first.
        fitting.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let pairs: Vec<String> =
            fitting.iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}

impl Cookie {
    fn fits(&self, url: &Url, path: &str) -> bool {
        let host = if self.below { is_within(&url.host, &self.domain) } else { url.host == self.domain };
        let below = path.strip_prefix(self.path.as_str());
        let path =
            below.is_some_and(|rest| rest.is_empty() || self.path.ends_with('/') || rest.starts_with('/'));
        host && path && (url.https || !self.secure)
    }
}

fn is_within(host: &str, domain: &str) -> bool {
    host == domain
        || (host.parse::<std::net::IpAddr>().is_err()
            && host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')))
}

/// The folder of the request, up to but not including its last slash.
fn folder(url: &Url) -> &str {
    let path = url.target.split('?').next().unwrap_or_default();
    match path.rfind('/') {
        Some(0) | None => "/",
        Some(end) => &path[..end],
    }
}

/// The usual form of a date, `Wed, 21 Oct 2015 07:28:00 GMT`; older ones with dashes are read too.
fn expiry(text: &str) -> Option<Timestamp> {
    let text = text.replace("GMT", "+0000");
    let day = text.find(',').map_or(0, |comma| comma + 1);
    let dashless = format!("{}{}", &text[..day], text[day..].replacen('-', " ", 2));
    rfc2822::parse(&dashless).ok().map(|at| at.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(fields: &[&str], to: &str, expected: Option<&str>) {
        let parse = |url: &str| Url::parse(url).ok();
        let (Some(from), Some(to)) = (parse("https://a.shop.org/in/door?x"), parse(to)) else { return };
        let mut cookies = Cookies::default();
        let now = Timestamp::from_second(1_700_000_000).unwrap_or_default();
        for field in fields {
            cookies.set(field, &from, now);
        }
        assert_eq!(cookies.field(&to).as_deref(), expected, "{fields:?} {}", to);
    }

    #[test]
    fn where_cookies_go() {
        check(&["a=1", "b = 2 ; HttpOnly", "a=3"], "https://a.shop.org/in/x", Some("b=2; a=3"));
        check(&["a=1"], "https://a.shop.org/other", None);
        check(&["a=1; Path=/"], "https://a.shop.org/other", Some("a=1"));
        check(&["a=1; Path=/in"], "https://a.shop.org/inn", None);
        check(&["a=1; Path=/"], "https://b.shop.org/", None);
        check(&["a=1; Path=/; Domain=.shop.org"], "https://b.shop.org/", Some("a=1"));
        check(&["a=1; Path=/; Domain=org"], "https://a.shop.org/", None);
        check(&["a=1; Path=/; Domain=evil.org"], "https://evil.org/", None);
        check(&["a=1; Path=/; Secure"], "http://a.shop.org/", None);
        check(&["a=1; Path=/", "b=2; Path=/in"], "https://a.shop.org/in/", Some("b=2; a=1"));
        check(&["a=1; Path=/", "a=; Path=/; Max-Age=0"], "https://a.shop.org/", None);
        check(&["a=1; Path=/; Expires=Wed, 21 Oct 2015 07:28:00 GMT"], "https://a.shop.org/", None);
        check(&["a=1; Path=/; Expires=Wed, 21-Oct-2015 07:28:00 GMT"], "https://a.shop.org/", None);
        check(&["a=1; Path=/; Expires=Wed, 21 Oct 2095 07:28:00 GMT"], "https://a.shop.org/", Some("a=1"));
        check(&["nonsense"], "https://a.shop.org/", None);
    }
}
