//! What erasures in the log mean for the records that are shown, or kept elsewhere.
//!
//! The lines stay as they are. Whoever reads them learns from the log itself which keys do not exist any more, and
//! leaves out what these would give away.
//!
//! | module | what it does |
//! |---|---|
//! | `destroyed` | which keys a record was made with, and which it says were destroyed |
//! | `ends` | which keys were destroyed by the records of a log |
//! | `returned` | which keys the keyring has all the same, and that nobody uses them |
//! | `forgotten` | a record without the actor, or without all pseudonyms, of such keys |

mod destroyed;
mod ends;
mod forgotten;
mod returned;

pub use destroyed::{destroyed_by, keys_of};
pub use ends::{Destroyed, Ends};
pub use forgotten::{actor_of, anonymise, erase_pseudonyms, seal_pseudonyms};
pub use returned::{Gone, Returned};
