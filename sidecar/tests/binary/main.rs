//! The real binary, from the outside: command line, sockets, files, signals.

mod acts;
mod bad_input;
mod collector;
mod http2;
mod long_records;
mod place;
mod policies;
mod proxy;
mod put_back;
mod readiness;
mod renderings;
mod retention;
mod served;
mod service;
mod sockets;
mod streaming;
mod tls;
mod wire;
mod witness;
mod witness_service;
