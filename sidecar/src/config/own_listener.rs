//! The service behind the proxy is somebody else: a request that comes back to its own proxy goes round until no connection
//! can be made, and one that comes to the API comes from loopback, whoever sent it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::apart::resolved;
use super::invalid::invalid;
use super::listen::Listen;
use super::proxy::Upstream;
use crate::error::Result;

/// Refuses an upstream that is one of our listeners, by their keys. Names but `localhost` are not looked up, and a port that
/// the system chooses is not known yet.
pub fn expect_another<'l>(
    upstream: &Upstream,
    listeners: impl IntoIterator<Item = (&'static str, &'l Listen)>,
) -> Result<()> {
    let own = listeners.into_iter().find(|(_, listen)| leads_to(upstream, listen));
    own.map_or(Ok(()), |(key, listen)| {
        Err(invalid(format!(
            "proxy.upstream must be the service: `{upstream}` is this sidecar's own {key} `{listen}`"
        )))
    })
}

fn leads_to(upstream: &Upstream, listen: &Listen) -> bool {
    match (upstream, listen) {
        (Upstream::Unix(service), Listen::Unix { path, .. }) => resolved(service) == resolved(path),
        (Upstream::Tcp { host, port }, Listen::Address(own)) => {
            *port == own.port() && addresses(host).into_iter().any(|address| arrives(address, *own))
        }
        _ => false,
    }
}

/// Of a host, as far as its name says them.
fn addresses(host: &str) -> Vec<IpAddr> {
    if host.eq_ignore_ascii_case("localhost") {
        return vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    }
    host.parse().into_iter().collect()
}

/// Whether a connection to an address comes to who listens there, or on all addresses of this machine.
fn arrives(to: IpAddr, own: SocketAddr) -> bool {
    let (to, own) = (here(to.to_canonical()), own.ip().to_canonical());
    let is_everywhere = own.is_unspecified() && to.is_loopback();
    // What listens on all addresses of IPv6 takes those of IPv4 too.
    to == own || is_everywhere && (own.is_ipv6() || to.is_ipv4())
}

/// Where a connection to no address in particular goes.
fn here(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(v4) if v4.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(v6) if v6.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn is_refused(upstream: &str, listen: &str) -> bool {
        let (host, port) = upstream.rsplit_once(':').unwrap();
        let upstream = Upstream::Tcp { host: host.into(), port: port.parse().unwrap() };
        let listen = Listen::Address(listen.parse().unwrap());
        expect_another(&upstream, [("proxy.listen", &listen)]).is_err()
    }

    #[test]
    fn an_address_that_leads_back() {
        for (upstream, listen) in [
            ("127.0.0.1:80", "127.0.0.1:80"),
            ("127.0.0.1:80", "0.0.0.0:80"),
            ("127.0.0.2:80", "0.0.0.0:80"),
            ("127.0.0.1:80", "[::]:80"),
            ("::ffff:127.0.0.1:80", "127.0.0.1:80"),
            ("::1:80", "[::1]:80"),
            ("::1:80", "[::]:80"),
            ("0.0.0.0:80", "127.0.0.1:80"),
            (":::80", "[::]:80"),
            ("LocalHost:80", "127.0.0.1:80"),
            ("localhost:80", "[::1]:80"),
            ("192.0.2.1:80", "192.0.2.1:80"),
        ] {
            assert!(is_refused(upstream, listen), "{upstream} {listen}");
        }
        for (upstream, listen) in [
            ("127.0.0.1:80", "127.0.0.1:81"),
            ("127.0.0.2:80", "127.0.0.1:80"),
            ("192.0.2.2:80", "192.0.2.1:80"),
            ("192.0.2.2:80", "0.0.0.0:80"),
            ("::1:80", "0.0.0.0:80"),
            ("shop:80", "0.0.0.0:80"),
        ] {
            assert!(!is_refused(upstream, listen), "{upstream} {listen}");
        }
    }

    #[test]
    fn a_socket_however_it_is_spelled() {
        let refusal = |service: &str| {
            let path = Path::new("/nowhere/run/a.sock").to_owned();
            let listen = Listen::Unix { path, mode: 0o660 };
            let upstream = Upstream::Unix(service.into());
            expect_another(&upstream, [("api.listen", &listen)]).err().map(|e| e.to_string())
        };
        let said = refusal("/nowhere/run/x/../a.sock").unwrap();
        assert!(
            said.contains("is this sidecar's own api.listen `unix:/nowhere/run/a.sock`"),
            "{said}"
        );
        assert_eq!(refusal("/nowhere/run/b.sock"), None);
    }
}
