//! Proxies: whether one is to be used for a server, and what its URL may be.

use crate::k8s::cluster::error::address;
use http::Uri;
use squall_engine::Failure;
use std::net::IpAddr;

/// The URL of a proxy, `http` unless it says otherwise.
pub(crate) fn url(text: &str, origin: &str) -> Result<Uri, Failure> {
    let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    // Our SOCKS connector always lets the proxy resolve names, which is what the `h` asks for.
    let whole = whole.strip_prefix("socks5h://").map(|rest| format!("socks5://{rest}")).unwrap_or(whole);
    match whole.parse::<Uri>() {
        Ok(uri) if matches!(uri.scheme_str(), Some("http" | "https" | "socks5")) && uri.host().is_some() => {
            Ok(uri)
        }
        _ => Err(Failure::environment(format!("{origin} is no URL of a proxy"))
            .hint("it must be http://, https:// or socks5://, a host and a port")),
    }
}

/// Whether `NO_PROXY` exempts this server. An entry is `*`, an address, a network (`10.0.0.0/8`), a domain, which covers its
/// subdomains too, or `.domain` or `*.domain`, which covers only those; each may end in a port.
pub(crate) fn is_exempt(list: &str, server: &Uri) -> bool {
    let (host, port) = address(server);
    let host = host.to_lowercase();
    let ip: Option<IpAddr> = host.parse().ok();
    list.split([',', ' ']).map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
        if entry == "*" {
            return true;
        }
        let entry = entry.to_lowercase();
        if let (Some((network, bits)), Some(ip)) = (entry.split_once('/'), ip) {
            return contains(network, bits, ip);
        }
        let (name, its_port) = match entry.rsplit_once(':') {
            // More colons than one are an IPv6 address without port.
            Some((name, digits)) if !name.contains(':') || name.ends_with(']') => {
                (name, digits.parse::<u16>().ok())
            }
            _ => (entry.as_str(), None),
        };
        if its_port.is_some_and(|its| its != port) {
            return false;
        }
        let name = name.trim_start_matches('[').trim_end_matches(']');
        if let Some(ip) = ip {
            return name.parse() == Ok(ip);
        }
        match name.strip_prefix("*.").or_else(|| name.strip_prefix('.')) {
            Some(domain) => host.ends_with(&format!(".{domain}")),
            None => host == name || host.ends_with(&format!(".{name}")),
        }
    })
}

fn contains(network: &str, bits: &str, ip: IpAddr) -> bool {
    let (Ok(network), Ok(bits)) = (network.parse::<IpAddr>(), bits.parse::<u32>()) else { return false };
    match (network, ip) {
        (IpAddr::V4(network), IpAddr::V4(ip)) if bits <= 32 => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            network.to_bits() & mask == ip.to_bits() & mask
        }
        (IpAddr::V6(network), IpAddr::V6(ip)) if bits <= 128 => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            network.to_bits() & mask == ip.to_bits() & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(list: &str, exempt: &[&str], proxied: &[&str]) {
        for server in exempt {
            assert!(is_exempt(list, &server.parse().unwrap_or_default()), "{list} should exempt {server}");
        }
        for server in proxied {
            assert!(
                !is_exempt(list, &server.parse().unwrap_or_default()),
                "{list} should not exempt {server}"
            );
        }
    }

    #[test]
    fn no_proxy_is_read_as_elsewhere() {
        check("*", &["https://a.b"], &[]);
        check("", &[], &["https://a.b"]);
        check(
            "example.com",
            &["https://example.com", "https://k.example.com:6443"],
            &["https://anexample.com"],
        );
        check(".example.com", &["https://k.example.com"], &["https://example.com"]);
        check("*.example.com", &["https://k.example.com"], &["https://example.com"]);
        check("localhost, 10.0.0.0/8", &["http://localhost", "https://10.9.8.7:6443"], &["https://11.0.0.1"]);
        check("127.0.0.1:6443", &["https://127.0.0.1:6443"], &["https://127.0.0.1:6444"]);
        check("fd00::/8,::1", &["https://[fd00::5]:6443", "https://[::1]"], &["https://[fe80::1]"]);
        check("0.0.0.0/0", &["https://8.8.8.8"], &["https://[::1]", "https://name"]);
    }
}
