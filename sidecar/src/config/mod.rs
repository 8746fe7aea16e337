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
//! listen = "127.0.0.1:8080"           # or "unix:/run/sealtrail/proxy.sock"; its peers count as 127.0.0.1
//! socket_mode = "0660"                # of a Unix socket
//! workers = 2                         # threads; as many as cores if it is left out
//! upstream = "http://127.0.0.1:3000"  # or "unix:/run/shop.sock"
//! connect_timeout = "5s"
//! response_timeout = "60s"            # from the end of the request to the answer
//! header_timeout = "30s"              # for a client to send the head of a request
//! idle_timeout = "4s"                 # how long an idle upstream connection is reused
//!
//! [api]
//! listen = "127.0.0.1:8090"           # or a list, with Unix sockets too: ["127.0.0.1:8090", "unix:api.sock"]
//! socket_mode = "0660"
//! hosts = ["sidecar.internal"]        # names under which it is reached, besides addresses and localhost
//!
//! [request]
//! trusted_proxies = ["10.0.0.0/8"]    # peers whose X-Forwarded-For is believed
//! jwt_key = "keys/jwt.pem"            # PEM public key, or the secret of HS256
//! remember = "5m"                     # how long a request can be joined with its changes
//! remember_at_most = 100000
//!
//! [collector]
//! remember_ids = "24h"                # how long a repeat of a change, by (service, id), gets the first receipt
//! remember_ids_at_most = 250000       # ids; after a restart, those among as many of the newest records
//!
//! [retention]                         # leave out to keep everything for ever
//! keep = "7y"                         # what is older is removed by `sealtrail prune`, in whole segments
//! segment = "64MiB"                   # a segment is left at this size
//!
//! [retention.classes]                 # how long after its month a class of the policy stays readable
//! standard-7y = "7y"                  # then `sealtrail expire` destroys the month's key; one not named here never ends
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
mod classes;
mod collector;
mod effective;
mod file;
mod invalid;
mod key_file;
mod listen;
mod proxy;
mod quantity;
mod unknown_key;

pub use effective::Effective;
pub use file::{Config, Limits, Retention};
pub use key_file::read_secret_file;
pub use listen::Listen;
pub use proxy::{Proxy, Upstream};
pub use quantity::Period;
