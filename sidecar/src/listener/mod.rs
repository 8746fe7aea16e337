//! Listening sockets: bound before anything is accepted, bounded in the number of connections, drained.
//!
//! A socket is TCP or Unix, and accepts on one runtime or, for the proxy, on as many as there are
//! workers; what comes in is an [`Accepted`] either way.

mod accept;
mod drain;
mod patient_stream;
mod peer;
mod socket;
mod stream;
mod tls;

pub use accept::{Accepted, Limits, Listener, Place, keep_alive, serve_http1, until_drained};
pub use drain::{Drain, drain};
pub use patient_stream::PatientStream;
pub use peer::Peer;
pub use socket::Socket;
pub use stream::Stream;
pub use tls::Tls;
