//! Where a request came from.
//!
//! The peer of the socket, unless that peer is a proxy the configuration trusts: then
//! `X-Forwarded-For`, or where there is none `Forwarded` (RFC 7239), is read from its right end, and the
//! first address that is not a trusted proxy is the client. What stands left of it was written by the
//! client itself and proves nothing.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use http::{HeaderMap, HeaderName, HeaderValue, header};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address of the client of a request.
pub fn of(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut client = peer.to_canonical();
    if !is_trusted(client) {
        return client;
    }
    let (name, parse): (_, fn(&str) -> Option<IpAddr>) = match headers.get(FORWARDED_FOR) {
        Some(_) => (FORWARDED_FOR, parse_hop),
        None => (header::FORWARDED, parse_element),
    };
    let values = headers.get_all(name).iter().rev();
    let hops = values.filter_map(|v| v.to_str().ok()).flat_map(|v| v.rsplit(','));
    for hop in hops {
        // An entry that cannot be read ends the chain: nothing left of it can be trusted.
        let Some(address) = parse(hop) else { break };
        client = address;
        if !is_trusted(client) {
            break;
        }
    }
    client
}

/// Adds the peer to `X-Forwarded-For`, as every proxy does. What an untrusted peer wrote there before
/// is dropped: the service behind us would take it for ours.
pub fn forward(peer: IpAddr, headers: &mut HeaderMap, trusted: &[Network]) {
    let peer = peer.to_canonical();
    let mut chain: Vec<u8> = Vec::new();
    if !trusted.iter().any(|network| network.contains(peer)) {
        headers.remove(header::FORWARDED);
    } else {
        for value in headers.get_all(FORWARDED_FOR) {
            chain.extend_from_slice(value.as_bytes());
            chain.extend_from_slice(b", ");
        }
    }
    chain.extend_from_slice(peer.to_string().as_bytes());
    if let Ok(value) = HeaderValue::from_bytes(&chain) {
        headers.insert(FORWARDED_FOR, value);
    }
}

/// `203.0.113.7`, `203.0.113.7:1234`, `2001:db8::1` or `[2001:db8::1]:1234`.
fn parse_hop(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let address = text
        .parse()
        .ok()
        .or_else(|| text.parse::<std::net::SocketAddr>().ok().map(|with_port| with_port.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

/// `for=203.0.113.7;proto=https` or `for="[2001:db8::1]:1234"` (RFC 7239 §4, §6).
fn parse_element(text: &str) -> Option<IpAddr> {
    let node = text.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then_some(value.trim())
    })?;
    let node = node.strip_prefix('"').and_then(|node| node.strip_suffix('"')).unwrap_or(node);
    let bare = node.strip_prefix('[').and_then(|node| node.strip_suffix(']')).unwrap_or(node);
    parse_hop(bare)
}

/// A network in CIDR form, `10.0.0.0/8`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0);
                a.to_bits() & mask == b.to_bits() & mask
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0);
                a.to_bits() & mask == b.to_bits() & mask
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let refused = || NotANetwork(text.to_owned());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| refused())?;
        let widest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(prefix) => prefix.parse().map_err(|_| refused())?,
            None => widest,
        };
        if prefix > widest {
            return Err(refused());
        }
        Ok(Self { address, prefix })
    }
}

#[derive(Debug)]
pub struct NotANetwork(String);

impl fmt::Display for NotANetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected an address or a network like `10.0.0.0/8`, got `{}`", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(FORWARDED_FOR, value.parse().unwrap());
        }
        let trusted: Vec<Network> = trusted.iter().map(|t| t.parse().unwrap()).collect();
        of(peer.parse().unwrap(), &headers, &trusted).to_string()
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
        assert_eq!(client("::ffff:10.0.0.1", &["203.0.113.7"], trusted), "203.0.113.7");
        assert_eq!(client("10.0.0.1", &["203.0.113.7, unknown"], trusted), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &[], trusted), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &["10.0.0.2"], trusted), "10.0.0.2");
    }

    #[test]
    fn the_chain_goes_on_only_behind_a_trusted_peer() {
        let mut headers = HeaderMap::new();
        headers.append(FORWARDED_FOR, "203.0.113.7".parse().unwrap());
        forward("10.0.0.1".parse().unwrap(), &mut headers, &["10.0.0.0/8".parse().unwrap()]);
        assert_eq!(headers[FORWARDED_FOR], "203.0.113.7, 10.0.0.1");
        forward("198.51.100.1".parse().unwrap(), &mut headers, &[]);
        assert_eq!(headers[FORWARDED_FOR], "198.51.100.1");
    }

    #[test]
    fn forwarded_is_read_where_nothing_else_is_given() {
        let client = |value: &str, other: Option<&str>, trusted: &[Network]| {
            let mut headers = HeaderMap::new();
            headers.append(header::FORWARDED, value.parse().unwrap());
            if let Some(other) = other {
                headers.append(FORWARDED_FOR, other.parse().unwrap());
            }
            of("10.0.0.1".parse().unwrap(), &headers, trusted).to_string()
        };
        let ours: &[Network] = &["10.0.0.0/8".parse().unwrap()];
        assert_eq!(client("for=1.1.1.1, For=203.0.113.7;proto=https", None, ours), "203.0.113.7");
        assert_eq!(
            client("proto=http;for=\"203.0.113.7:99\", for=10.0.0.9", None, ours),
            "203.0.113.7"
        );
        assert_eq!(client("for=\"[2001:db8::1]:99\"", None, ours), "2001:db8::1");
        assert_eq!(client("for=\"[2001:db8::1]\"", None, ours), "2001:db8::1");
        for hidden in ["for=_hidden", "for=unknown", "by=203.0.113.7", "for=\"", ""] {
            assert_eq!(client(hidden, None, ours), "10.0.0.1", "{hidden}");
        }
        assert_eq!(client("for=1.1.1.1", Some("203.0.113.7"), ours), "203.0.113.7");
        assert_eq!(client("for=203.0.113.7", None, &[]), "10.0.0.1", "a stranger's word");
        let mut headers = HeaderMap::new();
        headers.append(header::FORWARDED, "for=203.0.113.7".parse().unwrap());
        forward("198.51.100.1".parse().unwrap(), &mut headers, ours);
        assert!(!headers.contains_key(header::FORWARDED), "nor is it passed on");
    }

    #[test]
    fn networks() {
        let contains =
            |n: &str, a: &str| n.parse::<Network>().unwrap().contains(a.parse().unwrap());
        assert!(contains("0.0.0.0/0", "8.8.8.8"));
        assert!(contains("10.0.0.0/8", "10.255.0.1") && !contains("10.0.0.0/8", "11.0.0.1"));
        assert!(contains("2001:db8::/32", "2001:db8:1::1") && !contains("::/0", "1.2.3.4"));
        for bad in ["", "10.0.0.0/33", "::/129", "10.0.0/8", "10.0.0.0/", "10.0.0.0/-1"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
    }
}
