use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Who is at the other end of a connection, as the kernel says: the address on a TCP listener, the
/// process on a Unix socket (`SO_PEERCRED`, unix(7)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    Address(SocketAddr),
    /// The user that the peer ran as when it connected, and its process, where the system tells.
    Unix {
        uid: u32,
        pid: Option<i32>,
    },
}

impl Peer {
    /// A peer on a Unix socket is on this machine, so it counts as 127.0.0.1.
    pub fn ip(&self) -> IpAddr {
        match self {
            Peer::Address(address) => address.ip(),
            Peer::Unix { .. } => IpAddr::V4(Ipv4Addr::LOCALHOST),
        }
    }
}

/// Without the port, which names a connection and not who made it.
impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Peer::Address(address) => address.ip().to_canonical().fmt(f),
            Peer::Unix { uid, .. } => write!(f, "uid {uid}"),
        }
    }
}
