//! From a change to a durable, sealed record.
//!
//! ```text
//! change ─► read ─► join with the request that the proxy saw ─► plan ─► keys ─► seal ─► append ─► receipt
//!          guest                                                 guest  keyring  guest    log, or spool
//! ```
//!
//! One POST is one call of [`collect`]: a guest instance of its own for every change, one append, one
//! wait for the disk. What is wrong with one change does not concern its neighbours.

mod admission;
mod collect;
mod join;
mod keys;
mod pairing;
mod prepare;
mod queue;
mod receipt;
mod seen_ids;
mod spool;

pub use admission::{WhenFull, drain_spool};
pub use collect::{append_prepared, collect, collect_blocking};
pub use join::resolve_user_agent;
pub use keys::KeySource;
pub use pairing::Pairing;
pub use prepare::{Given, MAX_CHANGES, Prepared, Record, Source, record_id};
pub use queue::{Place, Queue};
pub use receipt::{Outcome, Receipt, to_json};
pub use seen_ids::{Claim, Named, Remember, SeenIds, What};
pub use spool::{Spool, Spooled};
