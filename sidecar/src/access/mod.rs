//! Who may do what over the API.
//!
//! | role | may |
//! |---|---|
//! | writer | send changes, of any service or of [those](services) that he is given |
//! | sealer | lease the keys of records that it seals itself, send these records, of the same services, read the policy |
//! | reader | read records, proofs, holds, metrics |
//! | revealer | open the sealed values of the data groups that he is given, `*` for all |
//! | eraser | shred a data subject |
//! | operator | place and release holds, prune, compress; read holds and metrics |
//!
//! No role holds another one. They are given to a [token](token), to the claims of a [JSON Web Token](issuer), and
//! to whoever asks without either, by the way he comes: over loopback, or a Unix socket. A token that is sent
//! decides alone: one that is wrong or has expired is refused, although the same caller might have done
//! without. Health, the console, and the checkpoints and tiles, which are hashes and meant for everybody, need
//! no role.
//!
//! Who is refused an act (a reveal, a shredding, a hold, its release, a removal) leaves a [record](refusals) of
//! that too.

mod caller;
mod gate;
mod issuer;
mod need;
mod refusals;
mod role;
mod services;
pub mod token;

pub use caller::{Caller, is_plain};
pub use gate::Gate;
pub use need::{Attempt, Need};
pub use refusals::Refusals;
pub use role::Grants;
#[cfg(test)]
pub use role::Role;
pub use services::Services;
