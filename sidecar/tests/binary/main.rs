//! The real binary, from the outside: command line, sockets, files, signals.

mod acts;
mod bad_input;
mod collector;
mod collector_bodies;
mod collector_coding;
mod collector_ids;
mod expiry;
mod exposition;
mod long_records;
mod operation;
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
mod verifier_key;
mod wire;
mod witness;
mod witness_service;
