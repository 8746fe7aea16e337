//! Where a request came from, and what the service is told of it.
//!
//! The peer of the socket, unless the configuration [trusts](Trust) that peer as a proxy: then what proxies
//! wrote is read from its right end, and the first address that is not a trusted proxy's is the client. What
//! stands left of it was written by the client itself and proves nothing.
//!
//! It is read from `X-Forwarded-For`, or where there is none from `Forwarded` (RFC 7239). Where the configuration
//! says that the proxies write `Forwarded`, nothing else is read: the other header would be the client's.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::correlation::CORRELATION_ID;
use super::forwarded;
use super::network::Network;
use super::request_memory::REQUEST_ID;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Whose word counts about where a request came from.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// Proxies with these addresses.
    pub networks: Vec<Network>,
    /// So many hops before us are proxies, whatever their addresses; the peer is the first.
    pub hops: usize,
    /// The proxies write `Forwarded`, and so do we.
    pub forwarded: bool,
}

/// The address of the client of a request.
pub fn of(peer: IpAddr, headers: &HeaderMap, trust: &Trust) -> IpAddr {
    let mut client = peer.to_canonical();
    if !trust.covers(0, client) {
        return client;
    }
    let (name, is_forwarded) = match headers.contains_key(FORWARDED_FOR) && !trust.forwarded {
        true => (FORWARDED_FOR, false),
        false => (header::FORWARDED, true),
    };
    let mut hop = 0;
    for value in headers.get_all(name).iter().rev() {
        let mut list = Some(value.as_bytes());
        while let Some(element) = take_last(&mut list, is_forwarded) {
            let address =
                if is_forwarded { forwarded::address(element) } else { parse_hop(element) };
            // An entry that cannot be read ends the chain: nothing left of it can be trusted.
            let Some(address) = address else { return client };
            client = address;
            hop += 1;
            if !trust.covers(hop, client) {
                return client;
            }
        }
    }
    client
}

/// Tells the service: the peer is added to `X-Forwarded-For`, as every proxy does, `X-Forwarded-Proto` and
/// `-Host` are what the first proxy saw, and `Forwarded` says the same where it is written at all.
///
/// What an untrusted peer wrote under any of these names is dropped: the service would take it for ours.
///
/// The peer is given as text too, because that is made once for all requests of a connection.
pub fn forward(
    peer: IpAddr,
    peer_text: &HeaderValue,
    scheme: &'static str,
    headers: &mut HeaderMap,
    trust: &Trust,
) {
    let peer = peer.to_canonical();
    let is_trusted = trust.covers(0, peer);
    if !is_trusted {
        drop_hearsay(headers);
    }
    let host = headers.get(header::HOST).cloned();
    if is_trusted && headers.contains_key(FORWARDED_FOR) {
        append(headers, FORWARDED_FOR, &peer.to_string());
    } else {
        headers.insert(FORWARDED_FOR, peer_text.clone());
    }
    let has_scheme = is_trusted
        && single(headers, &FORWARDED_PROTO).is_some_and(|s| matches!(s, "http" | "https"));
    if !has_scheme {
        headers.insert(FORWARDED_PROTO, HeaderValue::from_static(scheme));
    }
    let has_host = is_trusted && single(headers, &FORWARDED_HOST).is_some();
    if !has_host {
        match &host {
            Some(host) => drop(headers.insert(FORWARDED_HOST, host.clone())),
            None => drop(headers.remove(FORWARDED_HOST)),
        }
    }
    if trust.forwarded || is_trusted && headers.contains_key(header::FORWARDED) {
        let host = host.as_ref().and_then(|host| host.to_str().ok()).filter(|h| !h.is_empty());
        append(headers, header::FORWARDED, &forwarded::element(peer, host, scheme));
    }
}

/// An address as it stands in a header.
pub fn text(peer: IpAddr) -> HeaderValue {
    HeaderValue::try_from(peer.to_canonical().to_string())
        .expect("digits, letters, dots and colons")
}

impl Trust {
    /// Whether the one that is so many hops before our peer, at this address, is a proxy of ours.
    fn covers(&self, hop: usize, address: IpAddr) -> bool {
        hop < self.hops || self.networks.iter().any(|network| network.contains(address))
    }
}

fn drop_hearsay(headers: &mut HeaderMap) {
    drop_where(headers, |name| is_hearsay(name.as_str()));
}

/// What is for us to say, or for the head of a request alone (RFC 9110 §6.5.1).
pub fn drop_from_trailers(trailers: &mut HeaderMap) {
    const OF_HEADS: [HeaderName; 12] = [
        header::AUTHORIZATION,
        header::COOKIE,
        header::CONTENT_ENCODING,
        header::CONTENT_LENGTH,
        header::CONTENT_TYPE,
        header::HOST,
        header::TRANSFER_ENCODING,
        HeaderName::from_static("traceparent"),
        HeaderName::from_static("tracestate"),
        CORRELATION_ID,
        REQUEST_ID,
        HeaderName::from_static("x-request-id"),
    ];
    drop_where(trailers, |name| OF_HEADS.contains(name) || is_hearsay(name.as_str()));
}

fn drop_where(headers: &mut HeaderMap, is_unwanted: impl Fn(&HeaderName) -> bool) {
    let unwanted: Vec<HeaderName> =
        headers.keys().filter(|name| is_unwanted(name)).cloned().collect();
    for name in unwanted {
        headers.remove(name);
    }
}

/// Whether services take it for where a request came from. Many read `_` as `-` (RFC 3875 §4.1.18).
fn is_hearsay(name: &str) -> bool {
    /// Names that proxies and networks of delivery use.
    const NAMES: [&str; 8] = [
        "forwarded",
        "x-real-ip",
        "x-client-ip",
        "x-cluster-client-ip",
        "x-original-forwarded-for",
        "true-client-ip",
        "cf-connecting-ip",
        "fastly-client-ip",
    ];
    // Most names are none by their first letter.
    if !matches!(name.as_bytes().first(), Some(b'f' | b'x' | b't' | b'c')) {
        return false;
    }
    let dashed = |b: u8| if b == b'_' { b'-' } else { b };
    let begins = |of: &str| {
        name.len() >= of.len() && name.bytes().zip(of.bytes()).all(|(a, b)| dashed(a) == b)
    };
    begins("x-forwarded-") || NAMES.iter().any(|of| name.len() == of.len() && begins(of))
}

/// One header of all there are, and one more element.
fn append(headers: &mut HeaderMap, name: HeaderName, element: &str) {
    let mut list: Vec<u8> = Vec::new();
    for value in headers.get_all(&name) {
        list.extend_from_slice(value.as_bytes());
        list.extend_from_slice(b", ");
    }
    list.extend_from_slice(element.as_bytes());
    if let Ok(value) = HeaderValue::from_bytes(&list) {
        headers.insert(name, value);
    }
}

fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next().filter(|value| !value.is_empty())?;
    if values.next().is_some() { None } else { first.to_str().ok() }
}

fn take_last<'v>(list: &mut Option<&'v [u8]>, has_quotes: bool) -> Option<&'v [u8]> {
    if has_quotes {
        return forwarded::take_last(list);
    }
    let value = (*list)?;
    let comma = value.iter().rposition(|byte| *byte == b',');
    *list = comma.map(|at| &value[..at]);
    Some(&value[comma.map_or(0, |at| at + 1)..])
}

/// `203.0.113.7`, `203.0.113.7:1234`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:1234`.
fn parse_hop(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?.trim_matches([' ', '\t']);
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let address = match bare {
        Some(bare) => bare.parse().ok().map(IpAddr::V6),
        None => text
            .parse()
            .ok()
            .or_else(|| text.parse::<std::net::SocketAddr>().ok().map(|with_port| with_port.ip())),
    };
    address.map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trust(networks: &[&str]) -> Trust {
        Trust {
            networks: networks.iter().map(|t| t.parse().unwrap()).collect(),
            ..Trust::default()
        }
    }

    fn headers(given: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in given {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        headers
    }

    fn client_by(peer: &str, trust: &Trust, given: &[(&'static str, &str)]) -> String {
        of(peer.parse().unwrap(), &headers(given), trust).to_string()
    }

    fn client(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let given: Vec<_> = forwarded.iter().map(|value| ("x-forwarded-for", *value)).collect();
        client_by(peer, &trust(trusted), &given)
    }

    #[test]
    fn a_stranger_cannot_claim_another_address() {
        assert_eq!(client("198.51.100.1", &["203.0.113.7"], &[]), "198.51.100.1");
        assert_eq!(client("198.51.100.1", &["203.0.113.7"], &["10.0.0.0/8"]), "198.51.100.1");
    }

    #[test]
    fn trusted_hops_are_walked_from_the_right() {
        let trusted = &["10.0.0.0/8", "::1"][..];
        assert_eq!(client("10.0.0.1", &["203.0.113.7"], trusted), "203.0.113.7");
        assert_eq!(client("10.0.0.1", &["1.1.1.1, 203.0.113.7, 10.9.9.9"], trusted), "203.0.113.7");
        assert_eq!(client("10.0.0.1", &["1.1.1.1", "203.0.113.7:99"], trusted), "203.0.113.7");
        assert_eq!(client("::1", &["[2001:db8::1]:99"], trusted), "2001:db8::1");
        assert_eq!(client("::1", &["[2001:db8::1]"], trusted), "2001:db8::1");
        assert_eq!(client("::ffff:10.0.0.1", &["203.0.113.7"], trusted), "203.0.113.7");
        assert_eq!(client("10.0.0.1", &["203.0.113.7, unknown"], trusted), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &["203.0.113.7, [1.1.1.1]"], trusted), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &[], trusted), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &["10.0.0.2"], trusted), "10.0.0.2");
        // The client put a byte before what the proxy added: that line must not make room for another.
        assert_eq!(client("10.0.0.1", &["1.1.1.1", "\u{e9}, 203.0.113.7"], trusted), "203.0.113.7");
        assert_eq!(client("10.0.0.1", &["1.1.1.1", "\u{e9}"], trusted), "10.0.0.1");
    }

    #[test]
    fn hops_are_counted_where_addresses_are_not_known() {
        let hops = |hops| Trust { hops, ..Trust::default() };
        let chain = [("x-forwarded-for", "1.1.1.1, 203.0.113.7, 192.0.2.9")];
        for (count, expected) in [
            (0, "198.51.100.1"),
            (1, "192.0.2.9"),
            (2, "203.0.113.7"),
            (3, "1.1.1.1"),
            (9, "1.1.1.1"),
        ] {
            assert_eq!(client_by("198.51.100.1", &hops(count), &chain), expected, "{count}");
        }
        let both = Trust { hops: 1, ..trust(&["192.0.2.0/24"]) };
        assert_eq!(client_by("198.51.100.1", &both, &chain), "203.0.113.7");
    }

    #[test]
    fn forwarded_is_read_where_nothing_else_is_given_or_nothing_else_counts() {
        let ours = trust(&["10.0.0.0/8"]);
        let client = |value: &str| client_by("10.0.0.1", &ours, &[("forwarded", value)]);
        assert_eq!(client("for=1.1.1.1, For=203.0.113.7;proto=https"), "203.0.113.7");
        assert_eq!(client("proto=http;for=\"203.0.113.7:99\", for=10.0.0.9"), "203.0.113.7");
        assert_eq!(client("for=\", for=\"[2001:db8::1]:99\""), "2001:db8::1");
        for hidden in ["for=_hidden", "for=unknown", "by=203.0.113.7", "for=\"", ""] {
            assert_eq!(client(hidden), "10.0.0.1", "{hidden}");
        }
        let both = [("forwarded", "for=1.1.1.1"), ("x-forwarded-for", "203.0.113.7")];
        assert_eq!(client_by("10.0.0.1", &ours, &both), "203.0.113.7");
        let told = Trust { forwarded: true, ..ours };
        assert_eq!(client_by("10.0.0.1", &told, &both), "1.1.1.1");
        assert_eq!(client_by("10.0.0.1", &told, &both[1..]), "10.0.0.1", "a client's word");
        let stranger = [("forwarded", "for=203.0.113.7")];
        assert_eq!(client_by("10.0.0.1", &Trust::default(), &stranger), "10.0.0.1");
    }

    /// What the service gets of these names.
    fn told(peer: &str, trust: &Trust, given: &[(&'static str, &str)]) -> Vec<String> {
        let mut headers = headers(given);
        let peer = peer.parse().unwrap();
        forward(peer, &text(peer), "https", &mut headers, trust);
        let text = |(name, value): (&HeaderName, &HeaderValue)| {
            format!("{name}: {}", value.to_str().unwrap())
        };
        let mut lines: Vec<_> = headers.iter().map(text).collect();
        lines.sort();
        lines
    }

    #[test]
    fn what_a_stranger_wrote_is_dropped_under_every_name() {
        let given = [
            ("host", "shop:80"),
            ("x-forwarded-for", "1.1.1.1"),
            ("x-forwarded-proto", "gopher"),
            ("x-forwarded-host", "evil"),
            ("x-forwarded-prefix", "/evil"),
            ("x-real-ip", "1.1.1.1"),
            ("x_real_ip", "1.1.1.1"),
            ("x_forwarded_for", "1.1.1.1"),
            ("true-client-ip", "1.1.1.1"),
            ("cf_connecting-ip", "1.1.1.1"),
            ("forwarded", "for=1.1.1.1"),
        ];
        let ours = [
            "x-forwarded-for: 198.51.100.1",
            "x-forwarded-host: shop:80",
            "x-forwarded-proto: https",
        ];
        assert_eq!(
            told("198.51.100.1", &Trust::default(), &given),
            [&["host: shop:80"][..], &ours].concat()
        );
        let forwarded = Trust { forwarded: true, ..Trust::default() };
        let line = "forwarded: for=198.51.100.1;host=\"shop:80\";proto=https";
        assert_eq!(
            told("198.51.100.1", &forwarded, &given),
            [&[line, "host: shop:80"][..], &ours].concat()
        );
    }

    #[test]
    fn what_a_trusted_proxy_wrote_goes_on_in_all_of_them() {
        let ours = trust(&["10.0.0.0/8"]);
        let given = [
            ("host", "inner"),
            ("x-forwarded-for", "203.0.113.7"),
            ("x-forwarded-for", "10.0.0.9"),
            ("x-forwarded-proto", "http"),
            ("x-forwarded-host", "shop.example"),
            ("forwarded", "for=203.0.113.7"),
        ];
        assert_eq!(
            told("10.0.0.1", &ours, &given),
            [
                "forwarded: for=203.0.113.7, for=10.0.0.1;host=inner;proto=https",
                "host: inner",
                "x-forwarded-for: 203.0.113.7, 10.0.0.9, 10.0.0.1",
                "x-forwarded-host: shop.example",
                "x-forwarded-proto: http",
            ]
        );
        let odd = [("x-forwarded-proto", "http"), ("x-forwarded-proto", "https")];
        assert_eq!(
            told("10.0.0.1", &ours, &odd),
            ["x-forwarded-for: 10.0.0.1", "x-forwarded-proto: https"]
        );
    }
}
