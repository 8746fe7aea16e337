//! Keys of single records, for whoever seals or opens them in his own process.
//!
//! ```text
//! sealer    POST /v1/leases              whose values, which groups ─► id and time of a record, and its keys
//!           POST /v1/records             the sealed line, checked against its lease ─► receipt
//! revealer  POST /v1/records/{id}/lease  a group and a reason ─► the keys of that group in that record
//! ```
//!
//! What is leased is derived from the keys of the data subject and of the period, for one record and one data group
//! (design, "seal v1"); these keys themselves never leave this process. The lease of a pseudonym's key is of the
//! subject's values in one group in every record, because that is what a pseudonym is.
//!
//! A lease ends when its record is in the log, and at the latest after `leases.lifetime`: whoever leased
//! wipes the keys then. That is what forgetting rests on. A shredding ends the leases of its keys, so that no record is
//! taken any more that was sealed under them, and answers when the last of those that were not used up is over.
//! Leases are in memory only: after a restart they are unknown, and a shredding waits as long as any that the process
//! before may have given.

mod grant;
mod sealed;
mod table;

pub use grant::{Wanted, grant, lease_for_reading};
pub use sealed::prepare_sealed;
pub use table::{Claimed, Leases};
