//! Keeps web pages of others away from the API.
//!
//! The API listens on loopback and asks for no password, and every browser on the machine can reach
//! loopback for whatever page it shows.
//!
//! - `Host` must be an address, `localhost`, or a name of the configuration. A page whose name was pointed
//!   at loopback (DNS rebinding) asks under its own name; and of a plain `GET` within such a page a
//!   browser says nothing else that would give it away.
//! - `Sec-Fetch-Site` and `Origin`, where a browser sends them, must name no other site. A link to the
//!   console may be followed from anywhere: the page learns nothing of who opened it, and cannot be
//!   framed.

use http::Method;
use http::header::{self, HeaderMap};

use crate::code::Code;
use crate::error::{Error, Result};

pub fn check(method: &Method, path: &str, headers: &HeaderMap, hosts: &[String]) -> Result<()> {
    let refused = |message| Err(Error::new(Code::BadRequest, message));
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or(""));
    let host = text(header::HOST.as_str()).unwrap_or("");
    if headers.get_all(header::HOST).iter().count() != 1 || !is_known(host, hosts) {
        return refused(
            "the API answers to addresses, `localhost` and the names in `api.hosts`; `Host` is none of them",
        );
    }
    let origin = text(header::ORIGIN.as_str());
    let is_own_origin = origin.is_none_or(|origin| {
        origin.strip_prefix("http://").or(origin.strip_prefix("https://")) == Some(host)
    });
    let is_own_site =
        text("sec-fetch-site").is_none_or(|site| matches!(site, "same-origin" | "none"));
    let is_link = *method == Method::GET
        && (path == "/console" || path == "/console/")
        && text("sec-fetch-mode") == Some("navigate")
        && text("sec-fetch-dest") == Some("document");
    if is_own_origin && (is_own_site || is_link) {
        return Ok(());
    }
    refused("requests from pages of another site are not answered")
}

/// Whether a name, with or without a port, is one under which a page of another site cannot ask.
fn is_known(host: &str, hosts: &[String]) -> bool {
    let Ok(authority) = host.parse::<http::uri::Authority>() else { return false };
    let name = authority.host().trim_matches(['[', ']']);
    !host.contains('@')
        && (name.eq_ignore_ascii_case("localhost")
            || name.parse::<std::net::IpAddr>().is_ok()
            || hosts.iter().any(|known| known.eq_ignore_ascii_case(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(method: &Method, path: &str, headers: &[(&'static str, &str)]) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        check(method, path, &map, &["sidecar.internal".to_owned()]).is_ok()
    }

    fn passes(headers: &[(&'static str, &str)]) -> bool {
        asks(&Method::POST, "/v1/changes", headers)
    }

    const OWN: (&str, &str) = ("host", "127.0.0.1:8090");

    #[test]
    fn services_and_own_pages_pass_others_do_not() {
        assert!(passes(&[
            OWN,
            ("origin", "http://127.0.0.1:8090"),
            ("sec-fetch-site", "same-origin")
        ]));
        assert!(passes(&[("host", "[::1]:1"), ("origin", "http://[::1]:1")]));
        assert!(passes(&[OWN, ("sec-fetch-site", "none")]), "typed into the address bar");
        assert!(!passes(&[OWN, ("origin", "https://evil.example")]));
        assert!(!passes(&[OWN, ("origin", "null")]));
        assert!(!passes(&[OWN, ("sec-fetch-site", "cross-site")]));
        let other_port = ("origin", "http://127.0.0.1:3000");
        assert!(!passes(&[OWN, other_port]), "another port is another origin");
    }

    #[test]
    fn a_name_that_was_pointed_here_is_refused_whatever_else_is_said() {
        for known in
            ["127.0.0.1", "localhost:8090", "LOCALHOST", "[::1]:8090", "Sidecar.internal:1"]
        {
            assert!(passes(&[("host", known)]), "{known}");
        }
        for rebound in
            ["evil.example:8090", "a", "127.0.0.1.evil.example", "evil@127.0.0.1", "", "localhost."]
        {
            assert!(!passes(&[("host", rebound)]), "{rebound}");
            assert!(!asks(&Method::GET, "/v1/records", &[("host", rebound)]), "{rebound}");
        }
        assert!(!passes(&[("host", "evil.example:8090"), ("origin", "http://evil.example:8090")]));
        assert!(!passes(&[]), "no name at all");
        assert!(!passes(&[OWN, ("host", "evil.example")]), "two names");
    }

    #[test]
    fn a_link_leads_to_the_console_and_nowhere_else() {
        let link = [
            OWN,
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
        ];
        assert!(asks(&Method::GET, "/console/", &link));
        assert!(asks(&Method::GET, "/console", &link));
        assert!(!asks(&Method::GET, "/v1/records", &link));
        assert!(!asks(&Method::POST, "/console/", &link), "a form");
        let mut frame = link;
        frame[3].1 = "iframe";
        assert!(!asks(&Method::GET, "/console/", &frame));
        let mut rebound = link;
        rebound[0].1 = "evil.example";
        assert!(!asks(&Method::GET, "/console/", &rebound));
    }
}
