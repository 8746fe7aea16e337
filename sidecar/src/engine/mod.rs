//! The core in its sandbox. Nothing else in the sidecar can seal, open or compare: the sidecar does not
//! even link the core, it runs `guest.wasm` (see `build.rs`) through wasmtime.
//!
//! - [`Sandbox`]: the module, compiled by `build.rs`, with bounds on memory and time; or one from a file, whose
//!   digest the configuration names.
//! - [`Policy`]: a policy that the core has accepted; it gives guests that hold it.
//! - [`Guest`]: an instance for one record. After it the instance is dropped, or every byte of its memory is put
//!   back to what it was before: what it held of that record, keys too, is gone before the next is read. A
//!   trap or a timeout costs the record that caused it, and ends the instance.
//!
//! The guest imports nothing: it has no clock, no randomness and no way out but the bytes it returns.

mod abi;
mod bounds;
mod calls;
#[cfg(test)]
mod conformance;
pub mod embedded;
mod guest_file;
mod image;
mod leases;
mod lent;
mod policy;
mod sample;
mod sandbox;
mod tunables;

pub use calls::{
    Act, Actor, Finding, Guest, Kids, Need, Opened, OpeningKeys, Outcome, Purpose, Severity, Stamp,
};
pub use guest_file::sha256_of;
pub use leases::{LeasedKey, Leasing};
pub use policy::Policy;
pub use sandbox::Sandbox;
