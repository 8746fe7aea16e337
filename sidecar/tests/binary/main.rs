//! The real binary, from the outside: command line, sockets, files, signals.

mod acts;
mod bad_input;
mod collector;
mod collector_bodies;
mod collector_coding;
mod collector_events;
mod collector_ids;
mod collector_when_full;
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
mod small_disk;
mod wire;
mod witness;
mod witness_service;
