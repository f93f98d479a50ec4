//! Which proxy a request goes through: the variables `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, read as
//! `requests` reads them.

use super::url::{Url, percent_decode, shown};
use squall_experiment::python::{Exception, quoted};
use std::net::Ipv4Addr;

/// A proxy, with what it wants to see of us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Proxy {
    pub(super) url: Url,
}

impl Proxy {
    /// The proxy for `url`, if there is one.
    pub(super) fn of<'e>(
        url: &Url,
        env: &dyn Fn(&str) -> Option<&'e str>,
    ) -> Result<Option<Proxy>, Exception> {
        let variable = |name: &str| {
            let upper = name.to_ascii_uppercase();
            env(name)
                .filter(|value| !value.is_empty())
                .or_else(|| env(&upper))
                .filter(|value| !value.is_empty())
        };
        let own = if url.https {
            variable("https_proxy")
        } else if env("REQUEST_METHOD").is_some() {
            // In a CGI script `HTTP_PROXY` is a header that a client sent; the name in lower case is not.
            env("http_proxy").filter(|value| !value.is_empty())
        } else {
            variable("http_proxy")
        };
        let Some(proxy) = own.or_else(|| variable("all_proxy")) else { return Ok(None) };
        if variable("no_proxy").is_some_and(|exceptions| is_exempt(url, exceptions)) {
            return Ok(None);
        }
        let with_scheme = match proxy.split_once("://") {
            Some(_) => proxy.to_owned(),
            None => format!("http://{}", proxy.trim_start_matches('/')),
        };
        if with_scheme.to_ascii_lowercase().starts_with("socks") {
            let text = "Missing dependencies for SOCKS support.".to_owned();
            return Err(Exception { class: "requests.exceptions.InvalidSchema", text });
        }
        Url::parse(&with_scheme).map(|url| Some(Proxy { url })).map_err(|_| Exception {
            class: "requests.exceptions.InvalidProxyURL",
            text: format!(
                "Please check proxy URL. It is malformed and could be missing the host: {}",
                quoted(&shown(proxy))
            ),
        })
    }

    /// User and password for it.
    pub(super) fn credentials(&self) -> Option<(String, String)> {
        let (user, password) = self.url.credentials.as_deref()?.split_once(':')?;
        Some((percent_decode(user), percent_decode(password)))
    }
}

/// Whether `NO_PROXY` names the host: itself, a domain above it, with or without port; an address also by its network.
fn is_exempt(url: &Url, exceptions: &str) -> bool {
    let host = url.host.as_str();
    let address: Option<Ipv4Addr> = host.parse().ok();
    let with_port = url.named_port().map(|port| format!("{host}:{port}"));
    exceptions.split(',').map(str::trim).filter(|name| !name.is_empty()).any(|name| {
        if name == "*" {
            return true;
        }
        if let (Some(address), Some(network)) = (address, network(name)) {
            return network.holds(address);
        }
        let name = name.trim_start_matches('.').to_ascii_lowercase();
        [Some(host), with_port.as_deref()].into_iter().flatten().any(|host| {
            host == name || host.strip_suffix(name.as_str()).is_some_and(|rest| rest.ends_with('.'))
        })
    })
}

/// An IPv4 network, `10.0.0.0/8`.
struct Network {
    address: u32,
    mask: u32,
}

impl Network {
    fn holds(&self, address: Ipv4Addr) -> bool {
        u32::from(address) & self.mask == self.address & self.mask
    }
}

fn network(text: &str) -> Option<Network> {
    let (address, bits) = text.split_once('/')?;
    let bits: u32 = bits.parse().ok().filter(|bits| (1..=32).contains(bits))?;
    Some(Network { address: address.parse::<Ipv4Addr>().ok()?.into(), mask: u32::MAX << (32 - bits) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, variables: &[(&str, &'static str)], expected: &str) {
        let env = |name: &str| variables.iter().find(|(its, _)| *its == name).map(|(_, value)| *value);
        let told = Url::parse(url).and_then(|url| Proxy::of(&url, &env)).map(|proxy| {
            proxy.map_or_else(
                || "direct".to_owned(),
                |proxy| format!("{} {:?}", proxy.url, proxy.credentials()),
            )
        });
        assert_eq!(told.unwrap_or_else(|error| error.to_string()), expected, "{url} {variables:?}");
    }

    #[test]
    fn variables() {
        check("http://h/", &[], "direct");
        check("http://h/", &[("HTTP_PROXY", "http://p:3128")], "http://p:3128/ None");
        check("https://h/", &[("HTTP_PROXY", "http://p:3128")], "direct");
        check("https://h/", &[("https_proxy", "p:3128"), ("HTTPS_PROXY", "q:1")], "http://p:3128/ None");
        check("https://h/", &[("https_proxy", ""), ("HTTPS_PROXY", "q:1")], "http://q:1/ None");
        check("http://h/", &[("ALL_PROXY", "p")], "http://p/ None");
        check(
            "http://h/",
            &[("http_proxy", "http://us%40er:p%3aw@p:1")],
            r#"http://p:1/ Some(("us@er", "p:w"))"#,
        );
        check("http://h/", &[("HTTP_PROXY", "http://p"), ("REQUEST_METHOD", "GET")], "direct");
        check(
            "http://h/",
            &[("HTTP_PROXY", "socks5://p")],
            "requests.exceptions.InvalidSchema: Missing dependencies for SOCKS support.",
        );
        check(
            "http://h/",
            &[("HTTP_PROXY", "http://")],
            "requests.exceptions.InvalidProxyURL: Please check proxy URL. It is malformed and could be missing the host: 'http://'",
        );
    }

    #[test]
    fn exceptions() {
        for (url, exceptions, direct) in [
            ("http://h/", "*", true),
            ("http://h/", "a, h ,b", true),
            ("http://a.h.org/", "h.org", true),
            ("http://a.h.org/", ".h.org", true),
            ("http://h.org/", ".h.org", true),
            ("http://ah.org/", "h.org", false),
            ("http://h:80/", "h:80", true),
            ("http://h/", "h:80", false),
            ("http://a.h:81/", "h:81", true),
            ("http://10.1.2.3/", "10.0.0.0/8", true),
            ("http://11.1.2.3/", "10.0.0.0/8", false),
            ("http://10.1.2.3/", "10.1.2.3", true),
            ("http://10.1.2.3/", "10.1.2.30", false),
            ("http://[::1]/", "::1", true),
        ] {
            let exceptions: &'static str = exceptions;
            let expected = if direct { "direct" } else { "http://p/ None" };
            check(url, &[("http_proxy", "http://p"), ("no_proxy", exceptions)], expected);
        }
    }
}
