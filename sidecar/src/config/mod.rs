//! The configuration, `sealtrail.toml`: read whole, checked whole, before anything is opened or bound.
//!
//! ```toml
//! origin = "shop.example/audit"       # the name of the log, part of every checkpoint
//! log_dir = "log"                     # paths are relative to this file
//! index_dir = "index"                 # rebuildable, so a folder of its own; may be deleted
//! keyring_dir = "keyring"
//! policy = "policy.json"
//! signing_key = "keys/signing.key"    # signs the checkpoints
//! kek = "keys/kek"                    # wraps the keyring; or { env = "SEALTRAIL_KEK" }
//! checkpoint_interval = "1s"
//! fill_ahead = true
//!
//! [proxy]                             # leave out for a collector without a proxy
//! listen = "127.0.0.1:8080"
//! upstream = "http://127.0.0.1:3000"
//! connect_timeout = "5s"
//! response_timeout = "60s"            # from the end of the request to the answer
//! header_timeout = "30s"              # for a client to send the head of a request
//! idle_timeout = "4s"                 # how long an idle upstream connection is reused
//!
//! [api]
//! listen = "127.0.0.1:8090"
//! hosts = ["sidecar.internal"]        # names under which it is reached, besides addresses and localhost
//!
//! [request]
//! trusted_proxies = ["10.0.0.0/8"]    # peers whose X-Forwarded-For is believed
//! jwt_key = "keys/jwt.pem"            # PEM public key, or the secret of HS256
//! remember = "5m"                     # how long a request can be joined with its changes
//! remember_at_most = 100000
//!
//! [collector]
//! when_full = "refuse"                # the log has no room: 503 at once, or "block", or "spool"
//! block_at_most = "5s"                # how long a sender waits with "block"; then 503
//! spool_dir = "spool"                 # with "spool": sealed records are durable here until the log takes them;
//! spool_size = "64MiB"                #   reserved at the start; best on another disk than the log
//! join_window = "2s"                  # leave out to join nothing: how long an event and a change of one request
//!                                     #   and entity wait for each other, to be one record
//! remember_ids = "24h"                # how long a repeat of a change, by (service, id), gets the first receipt
//! remember_ids_at_most = 250000       # ids; after a restart, those among as many of the newest records
//!
//! [retention]                         # leave out to keep everything for ever
//! keep = "7y"                         # what is older is removed by `sealtrail prune`, in whole segments
//! segment = "64MiB"                   # a segment is left at this size
//!
//! [limits]
//! body = "8MiB"                       # one POST
//! line = "1MiB"                       # one change of an NDJSON body
//! queue = "64MiB"                     # all POSTs being worked on; past it: 503
//! guest_memory = "256MiB"
//! guest_time = "5s"
//! drain = "10s"                       # on SIGTERM, for what is under way
//! ```

mod apart;
mod collector;
mod effective;
mod file;
mod key_file;
mod quantity;
mod unknown_key;

pub use effective::Effective;
pub use file::{Config, Limits, Proxy, Retention, Upstream};
pub use key_file::read_secret_file;
pub use quantity::Period;
