//! `sealtrail`: the sidecar and the command line, one binary.
//!
//! ```text
//!  client ──► proxy ──► service            correlation id; remembers who, where from, when
//!                          │ POST /v1/changes
//!                          ▼
//!                      collector ─► engine (guest.wasm: diff, policy, seal) ─► log (durable) ─► receipt
//!                          │            ▲ keys                                  │
//!                        memory      keyring                                  index ─► api, history, query
//! ```
//!
//! | module | what it does |
//! |---|---|
//! | `config` | reads `sealtrail.toml` whole, before anything is opened or bound |
//! | `engine` | the core in its sandbox; the only module that names wasmtime |
//! | `proxy` | the reverse proxy, one file for each thing it does to a request |
//! | `collector` | from a change to a durable, sealed record |
//! | `access` | who may do what over the API: roles, tokens, JSON Web Tokens |
//! | `acts` | reveal, shred, removals and holds, each with a record of its own |
//! | `trail` | the opened log, keyring, index and sandbox together |
//! | `import` | policies from JSON Schema, protobuf, Avro and their tags |
//! | `policy_test` | canaries through a policy: nothing protected may come out |
//! | `counted` | a number of things, in words |
//! | `reload` | what a running server reads again on SIGHUP |
//! | `logging`, `metrics` | what a running server tells its operator |
//! | `questions` | what the log says of an entity, an attribute, an actor, a request, a time |
//! | `erasure` | what erasures mean for the records that are shown |
//! | `export` | records for other tools |
//! | `project` | the log as tables of a database |
//! | `witness` | the second party that cosigns the checkpoints of a log |
//! | `http_client` | asks our own kind of services, for commands |
//! | `https` | asks those of others: a KMS, an issuer of tokens |
//! | `keys_in_use` | what an erasure waits for |
//! | `jwt` | the keys of JSON Web Tokens, from files and from who issues them |
//! | `kms` | a key-encryption key that AWS KMS wraps |
//! | `wiped_memory` | what is freed is overwritten |
//! | `preflight` | what `serve` would refuse, without starting |
//! | `modes` | who may read what is made |
//! | `position` | a place in the log, by index or by time |
//! | `api` | the HTTP interface, one file for each resource |
//! | `cli` | the command line, one file for each command |

mod access;
mod acts;
mod api;
mod cli;
mod clock;
mod code;
mod collector;
mod config;
mod counted;
mod engine;
mod erasure;
mod error;
mod export;
mod framing;
mod http_client;
mod https;
mod import;
mod jwt;
mod keys_in_use;
mod kms;
mod leases;
mod listener;
mod logging;
mod metrics;
mod modes;
mod patience;
mod policy_test;
mod position;
mod preflight;
mod problem;
mod project;
mod proxy;
mod questions;
mod reload;
mod telling;
mod trail;
mod wiped_memory;
mod witness;

#[global_allocator]
static MEMORY: wiped_memory::WipedMemory = wiped_memory::WipedMemory;

fn main() -> std::process::ExitCode {
    cli::run()
}
