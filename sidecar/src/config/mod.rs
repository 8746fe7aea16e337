//! The configuration, `sealtrail.toml`: read whole, checked whole, before anything is opened or bound.
//!
//! ```toml
//! origin = "shop.example/audit"       # the name of the log, part of every checkpoint
//! log_dir = "log"                     # paths are relative to this file
//! index_dir = "index"                 # rebuildable, so a folder of its own; may be deleted
//! keyring_dir = "keyring"             # outside of log_dir, as kek and signing_key: who copies the log must not get them
//! policy = "policy.json"
//! signing_key = "keys/signing.key"    # signs the checkpoints
//! kek = "keys/kek"                    # wraps the keyring; or { env = "SEALTRAIL_KEK" }; keep it out of every copy of the keyring
//!                                     #   or { file = "keys/kek", aws_kms = "<ARN, id or alias/…>", timeout = "10s" }: the file
//!                                     #   holds it wrapped, and AWS KMS unwraps it at the start. What is there already stays
//!                                     #   as it is until `sealtrail keys rotate`
//! checkpoint_interval = "1s"
//! fill_ahead = true
//!
//! [proxy]                             # leave out for a collector without a proxy
//! listen = "127.0.0.1:8080"           # or "unix:/run/sealtrail/proxy.sock"; its peers count as 127.0.0.1
//! socket_mode = "0660"                # of a Unix socket
//! workers = 2                         # threads; as many as cores if it is left out
//! upstream = "http://127.0.0.1:3000"  # or "unix:/run/shop.sock"; none of the listeners here
//! connect_timeout = "5s"
//! response_timeout = "60s"            # from the end of the request to the answer
//! header_timeout = "30s"              # for a client to send the head of a request; one of HTTP/2 that says nothing
//!                                     #   for so long while it waits is asked whether it is there
//! idle_timeout = "4s"                 # how long an idle upstream connection is reused; after a
//!                                     #   quarter of a second a client lends its own to others
//! body_timeout = "30s"                # while nothing of a request's body comes; then 408
//! stream_timeout = "5m"               # while nothing of an answer's body comes; then the connection is cut
//! write_timeout = "60s"               # while a client takes nothing of what is sent
//! half_close_timeout = "10s"          # while nothing is sent to a client that has closed its side: it may have left
//! upstream_http2 = false              # speak HTTP/2 with the service (h2c by prior knowledge)
//! retries = 0                         # to 3: when no connection was made, or broke before an answer to an
//!                                     # idempotent request without a body (RFC 9110 §9.2.2); what a service
//!                                     # says in HTTP/2 that it did not begin is sent again all the same
//! trace = "participate"               # W3C Trace Context: a parent id of our own; "pass" leaves it alone
//!
//! [proxy.tls]                         # leave out to listen without TLS
//! certificate = "keys/tls.crt"        # PEM, with its chain
//! key = "keys/tls.key"                # PEM, readable by nobody else
//!
//! [api]
//! listen = "127.0.0.1:8090"           # or a list, with Unix sockets too: ["127.0.0.1:8090", "unix:api.sock"]
//! socket_mode = "0660"
//! hosts = ["sidecar.internal"]        # names under which it is reached, besides addresses and localhost
//! write_timeout = "60s"               # while a client takes nothing of an answer; then the connection is cut
//!
//! [access]                            # who may do what over the API; see `sealtrail token new`
//! tokens = "tokens.toml"              # tokens, as their hashes; read again when it changes
//! loopback = ["writer", "reader"]     # of whoever asks without a token: `revealer:contact`, `revealer:*`, `eraser`, `operator`;
//!                                     #   `writer:billing` may write for this service only, `writer` for any
//! unix = ["writer"]                   # the same over a Unix socket
//!
//! [access.jwt]                        # JSON Web Tokens: `exp` and `sub` are required
//! key = "keys/issuer.jwks"            # JWK Set, PEM public key, or secret of HMAC; read again on SIGHUP
//! # jwks_url = "https://login.example/jwks.json"  or what the issuer publishes: fetched at the start, every ten minutes,
//!                                     #   on SIGHUP, and within half a minute of a token with a key that is new
//! # jwks_ca = "keys/ca.pem"           # who vouches for that address, instead of the authorities of the web
//! issuer = "https://login.example"    # `iss`; not looked at when left out
//! audience = "sealtrail"              # `aud`; when left out, tokens that name one are refused
//! roles_claim = "roles"               # a list, or words; `/realm_access/roles` looks deeper
//! groups_claim = "groups"             # the data groups of a revealer
//! services_claim = "services"         # the services that a writer or sealer may write for, `*` for any; when left out, any
//!
//! [request]
//! trusted_proxies = ["10.0.0.0/8"]    # peers whose X-Forwarded-For is believed
//! trusted_hops = 0                    # or so many hops before this one, whatever their addresses
//! forwarded = false                   # true: the proxies write Forwarded (RFC 7239), and so does this one
//! jwt_key = "keys/jwt.pem"            # JWK Set, PEM public key, or secret of HMAC: who acts, in records; or
//!                                     #   `jwks_url` and `jwks_ca`, as in `[access.jwt]`
//! remember = "5m"                     # how long a request can be joined with its changes; then it is forgotten
//! remember_at_most = 100000           # requests, and
//! remember_size = "64MiB"             #   what they take of the memory; past either the oldest are forgotten before their time,
//!                                     #   which `sealtrail_forgotten_requests_total` counts
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
//! [keys]
//! scope = "subject"                   # a key for each data subject; "period": for each in every month of every retention
//!                                     #   class, so that `shred customer/1 --period` can take one (what a pseudonym is made
//!                                     #   with is of all months); "stream": for all of a type (`customer/*`);
//!                                     #   "log": one for all (`*`). What was sealed before keeps its key
//!
//! [actors]
//! anonymised = "00000000-0000-0000-0000-000000000000" # stands for whoever acted and was shredded, in words and exports
//!
//! [leases]                            # keys of single records, for who seals or opens them in his own process
//! lifetime = "30s"                    # to 5m; a shredding waits for the leases of its keys that are not used up
//! at_most = 100000                    # leases at a time; past it: 503
//!
//! [retention]                         # leave out to keep everything for ever
//! keep = "7y"                         # what is older is removed by `sealtrail prune`, in whole segments
//! segment = "64MiB"                   # a segment is left at this size
//!
//! [retention.classes]                 # how long after its month a class of the policy stays readable
//! standard-7y = "7y"                  # then `sealtrail expire` destroys the month's key; one not named here never ends
//!
//! [log]                               # lines on standard error; `serve --log-format json` for machines
//! access = false                      # a line for each request, with the `X-Correlation-ID` of its answer: what the request
//!                                     #   brought, or an id that was made for it (a POST of one change that says no other has
//!                                     #   it in its record too). Only what could not be read as a request has none
//! paths = false                       # with its path, never its query; paths may hold personal data
//!
//! [engine]                            # leave out to seal with the guest in the binary
//! guest = "guest.cwasm"               # another one, from `sealtrail guest`
//! allow = ["<SHA-256>"]               # digests of the guests that may run, in lower case: any other is refused;
//!                                     #   when left out, only the one in the binary. On SIGHUP this table and the
//!                                     #   guest are read again, and nothing else of the configuration
//!
//! [limits]
//! body = "8MiB"                       # one POST
//! line = "1MiB"                       # one change of an NDJSON body
//! queue = "64MiB"                     # all POSTs being worked on; past it: 503
//! answers = "64MiB"                   # all answers to GET that their clients have not yet taken; past it: 503
//! guest_memory = "256MiB"
//! guest_time = "5s"                   # of one core, for one step of a record
//! drain = "10s"                       # on SIGTERM, for what is under way
//! ```

mod access;
mod actors;
mod apart;
mod api;
mod classes;
mod collector;
mod effective;
mod engine;
mod file;
mod invalid;
mod jwt_keys;
mod kek;
mod kek_table;
mod key_file;
mod key_scope;
mod leases;
mod limits;
mod listen;
mod log;
mod own_listener;
mod proxy;
mod quantity;
mod request;
mod retention;
mod unknown_key;

pub use access::{Access, AccessJwt};
pub use effective::Effective;
pub use engine::Engine;
pub use file::Config;
pub use jwt_keys::JwtKeys;
pub use kek::KekSource;
pub use key_file::read_secret_file;
pub use key_scope::KeyScope;
pub use leases::Leases;
pub use limits::Limits;
pub use listen::Listen;
pub use log::Log;
pub use proxy::{Proxy, Tls, Upstream};
pub use quantity::Period;
pub use retention::Retention;
