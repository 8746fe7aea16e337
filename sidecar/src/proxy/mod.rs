//! The reverse proxy in front of one service.
//!
//! It gives every request a [correlation id](correlation), remembers [who, where from and
//! when](request_memory), and forwards, streaming both ways: a body is never held. It decides nothing
//! about the request; only what could be read in two ways is refused.
//!
//! Of interim answers 100 and 101 pass. Others, 103 (Early Hints) above all, do not, although RFC 9110 §15.2 has a proxy
//! pass them on: hyper's server cannot send them.

pub mod client_address;
mod client_stream;
mod connection;
pub mod correlation;
mod departure;
mod download;
mod failure;
mod forward;
mod forwarded;
mod hop_by_hop;
mod http2;
pub mod identity;
mod link;
mod max_forwards;
pub mod network;
mod paced;
mod randomness;
pub mod request_memory;
mod rest;
mod service_connection;
pub mod trace_context;
mod unreached;
mod upgrade;
mod upload;
pub mod upstream;
pub mod user_agent;
mod workers;

pub use forward::Proxy;
pub use rest::Freed;
pub use workers::Workers;
