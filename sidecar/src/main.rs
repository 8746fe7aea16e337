//! `sealtrail`: the sidecar and the command line, one binary.

mod clock;
mod code;
mod config;
mod engine;
mod error;
mod listener;
mod metrics;
mod problem;
mod proxy;

fn main() {}
