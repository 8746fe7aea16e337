//! Clients that leave while their answer is on its way.
//!
//! Nothing is read from them then, so nobody hears of it; the service would work on for nobody. A connection that was reset
//! is over at once. One whose client has closed its side may be of a client that has said all (RFC 9112 §9.6), or of one
//! that is gone: that looks the same until something is written. So it is over when nothing was for a while.

use std::os::fd::RawFd;
use std::time::{Duration, Instant};

/// Of one connection.
pub struct Departure {
    socket: RawFd,
    patience: Duration,
    closed_since: Option<Instant>,
}

#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Open,
    Closed,
    Gone,
}

impl Departure {
    /// Of a client at the other end of a socket, who may close its side for so long.
    pub fn new(socket: RawFd, patience: Duration) -> Self {
        Self { socket, patience, closed_since: None }
    }

    /// Whether nobody waits any more, at least for all we know; to be asked while the socket is open, and with whether
    /// something was written since.
    pub fn is_over(&mut self, has_written: bool) -> bool {
        self.is_over_at(Instant::now(), has_written)
    }

    fn is_over_at(&mut self, now: Instant, has_written: bool) -> bool {
        match look(self.socket) {
            Seen::Open => false,
            Seen::Gone => true,
            Seen::Closed => {
                let since = self.closed_since.get_or_insert(now);
                if has_written {
                    *since = now;
                }
                now.duration_since(*since) >= self.patience
            }
        }
    }
}

fn look(socket: RawFd) -> Seen {
    let mut asked = libc::pollfd { fd: socket, events: libc::POLLRDHUP, revents: 0 };
    // SAFETY: one structure, as it says. A descriptor that is not open is told, and does no harm (poll(2)).
    if unsafe { libc::poll(&raw mut asked, 1, 0) } != 1 {
        return Seen::Open;
    }
    match asked.revents {
        0 => Seen::Open,
        libc::POLLRDHUP => Seen::Closed,
        // An error, or closed on both sides.
        _ => Seen::Gone,
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Shutdown, TcpListener, TcpStream};
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    const WAIT: Duration = Duration::from_secs(10);

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (client, listener.accept().unwrap().0)
    }

    #[test]
    fn one_that_has_closed_its_side_has_time_as_long_as_something_is_written() {
        let (mut client, mut server) = pair();
        let mut departure = Departure::new(server.as_raw_fd(), WAIT);
        let start = Instant::now();
        let mut is_over = |seconds, has_written| {
            departure.is_over_at(start + Duration::from_secs(seconds), has_written)
        };
        client.write_all(b"GET").unwrap();
        assert!(!is_over(100, false), "it is there, and waits");
        client.shutdown(Shutdown::Write).unwrap();
        let mut said = Vec::new();
        server.read_to_end(&mut said).unwrap();
        assert!(!is_over(200, false));
        assert!(!is_over(209, false));
        assert!(!is_over(210, true));
        assert!(!is_over(219, false));
        assert!(is_over(220, false));
    }

    #[test]
    fn a_reset_is_seen_at_once_and_the_end_of_a_unix_socket_too() {
        let (client, mut server) = pair();
        server.write_all(b"unread").unwrap();
        let mut first = [0];
        client.peek(&mut first).unwrap();
        // What is closed with bytes unread is reset.
        drop(client);
        assert!(server.read(&mut [0]).is_err());
        assert_eq!(look(server.as_raw_fd()), Seen::Gone);
        let (ours, theirs) = UnixStream::pair().unwrap();
        assert_eq!(look(ours.as_raw_fd()), Seen::Open);
        theirs.shutdown(Shutdown::Write).unwrap();
        assert_eq!(look(ours.as_raw_fd()), Seen::Closed);
        drop(theirs);
        assert_eq!(look(ours.as_raw_fd()), Seen::Gone);
    }
}
