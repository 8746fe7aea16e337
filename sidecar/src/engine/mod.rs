//! The core in its sandbox. Nothing else in the sidecar can seal, open or compare: the sidecar does not
//! even link the core, it runs `guest.wasm` (see `build.rs`) through wasmtime.
//!
//! - [`Sandbox`]: the module, compiled by `build.rs`, with bounds on memory and time.
//! - [`Policy`]: a policy that the core has accepted; it gives guests that hold it.
//! - [`Guest`]: one fresh instance for one record, dropped after it: what it held of that record, keys
//!   too, is gone before the next is read. A trap or a timeout costs the record that caused it.
//!
//! The guest imports nothing: it has no clock, no randomness and no way out but the bytes it returns.

mod abi;
mod calls;
#[cfg(test)]
mod conformance;
mod policy;
mod sandbox;
mod tunables;

pub use calls::{
    Act, Actor, Finding, Guest, Kids, Need, Opened, OpeningKeys, Outcome, Severity, Stamp,
};
pub use policy::Policy;
pub use sandbox::Sandbox;
