//! Keeps web pages of others away from the API.
//!
//! The API listens on loopback and asks for no password, and every browser on the machine can reach
//! loopback for whatever page it shows. Browsers say where a request comes from: `Sec-Fetch-Site` and
//! `Origin`. A request from another site is refused. `Host` must then be an address or `localhost`: a
//! name that an attacker rebinds to loopback (DNS rebinding) is neither.

use http::header::{self, HeaderMap};

use crate::code::Code;
use crate::error::{Error, Result};

pub fn check(headers: &HeaderMap) -> Result<()> {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or(""));
    let site = text("sec-fetch-site");
    let origin = text(header::ORIGIN.as_str());
    if site.is_none() && origin.is_none() {
        return Ok(());
    }
    let host = text(header::HOST.as_str()).unwrap_or("");
    let is_own_site = site.is_none_or(|site| matches!(site, "same-origin" | "none"));
    let is_own_origin = origin.is_none_or(|origin| {
        origin.strip_prefix("http://").or(origin.strip_prefix("https://")) == Some(host)
    });
    if is_own_site && is_own_origin && is_literal(host) {
        return Ok(());
    }
    Err(Error::new(Code::BadRequest, "requests from pages of another site are not answered"))
}

/// An IP address or `localhost`, with or without a port.
fn is_literal(host: &str) -> bool {
    let Ok(authority) = host.parse::<http::uri::Authority>() else { return false };
    let name = authority.host().trim_matches(['[', ']']);
    name.eq_ignore_ascii_case("localhost") || name.parse::<std::net::IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(headers: &[(&'static str, &str)]) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        check(&map).is_ok()
    }

    #[test]
    fn services_and_own_pages_pass_others_do_not() {
        let own = ("host", "127.0.0.1:8090");
        assert!(passes(&[("host", "sidecar:8090")]), "no browser");
        assert!(passes(&[
            own,
            ("origin", "http://127.0.0.1:8090"),
            ("sec-fetch-site", "same-origin")
        ]));
        assert!(passes(&[("host", "[::1]:1"), ("origin", "http://[::1]:1")]));
        assert!(passes(&[own, ("sec-fetch-site", "none")]), "typed into the address bar");
        assert!(!passes(&[own, ("origin", "https://evil.example")]));
        assert!(!passes(&[own, ("origin", "null")]));
        assert!(!passes(&[own, ("sec-fetch-site", "cross-site")]));
        assert!(
            !passes(&[own, ("origin", "http://127.0.0.1:3000")]),
            "another port is another origin"
        );
        let rebound = "evil.example:8090";
        assert!(!passes(&[("host", rebound), ("origin", "http://evil.example:8090")]));
    }
}
