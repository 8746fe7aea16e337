//! The mathematics of a transparency log, without any input or output.
//!
//! Everything here is pure: bytes in, bytes out; no file, no network, no clock, no randomness. The
//! log writes with it, `verify` reads with it, and the page in the browser checks receipts with it.
//!
//! | module | what it holds | specification |
//! |---|---|---|
//! | [`hash`] | entry, leaf and node hashes | RFC 6962 §2.1 |
//! | [`tile`] | names and bytes of hash tiles and entry bundles | C2SP tlog-tiles |
//! | [`edge`] | the right edge of a growing tree: what a writer must remember | RFC 6962 §2.1 |
//! | [`inclusion`] | proof that a leaf is in a tree | RFC 6962 §2.1.1, RFC 9162 §2.1.3.2 |
//! | [`consistency`] | proof that a tree extends an earlier one | RFC 6962 §2.1.2, RFC 9162 §2.1.4.2 |
//! | [`key`] | Ed25519 note keys and their text forms | C2SP signed-note |
//! | [`note`] | signed notes | C2SP signed-note |
//! | [`checkpoint`] | the signed head of a tree | C2SP tlog-checkpoint |
//! | [`cosignature`] | what witnesses say of a checkpoint | C2SP tlog-cosignature |
//! | [`submission`] | what a witness is asked to cosign | C2SP tlog-witness |
//! | [`policy`] | whose signatures make a checkpoint believable | C2SP tlog-policy |
//! | [`receipt`] | the proof of one record in one file | C2SP tlog-proof |
//! | [`inspection`] | each check of a receipt by itself | |
//!
//! # From a line to a checked receipt
//!
//! ```
//! use sealtrail_proof::{Checkpoint, Edge, Receipt, SigningKey, VerifierKey, entry_hash, inclusion, leaf_hash};
//!
//! // The owner of the log draws 32 random bytes; this crate never does.
//! let key = SigningKey::from_seed("shop.example/trail", &[7; 32])?;
//!
//! // Two lines become two leaves of a tree, and the tree gets a signed head.
//! let lines: [&[u8]; 2] = [br#"{"id":0}"#, br#"{"id":1}"#];
//! let leaves = lines.map(|line| leaf_hash(&entry_hash(line)));
//! let mut edge = Edge::new();
//! for leaf in leaves {
//!     edge.push(leaf);
//! }
//! let note = Checkpoint::new("shop.example/trail", edge.size(), edge.root()).sign(&key)?;
//!
//! // A receipt needs the line, itself, and the verifier key. Nothing else.
//! let path = inclusion::prove(1, 2, |_tile| Ok::<_, sealtrail_proof::Error>(leaves.to_vec()))?;
//! let receipt = Receipt::new(1, path, note).to_text();
//!
//! let vkey: VerifierKey = key.verifier_key().to_string().parse()?;
//! let checkpoint = Receipt::parse(receipt.as_bytes())?.verify(lines[1], &vkey)?;
//! assert_eq!(checkpoint.size(), 2);
//! assert!(Receipt::parse(receipt.as_bytes())?.verify(lines[0], &vkey).is_err());
//! # Ok::<(), sealtrail_proof::Error>(())
//! ```

pub mod checkpoint;
pub mod consistency;
pub mod cosignature;
pub mod edge;
mod error;
pub mod hash;
pub mod inclusion;
pub mod inspection;
pub mod key;
mod named_key;
pub mod note;
pub mod policy;
pub mod receipt;
pub mod submission;
mod subtree;
pub mod tile;

pub use checkpoint::Checkpoint;
pub use cosignature::{CosigningKey, WitnessKey};
pub use edge::Edge;
pub use error::Error;
pub use hash::{Hash, entry_hash, leaf_hash, node_hash};
pub use inspection::Inspection;
pub use key::{SigningKey, VerifierKey};
pub use note::Note;
pub use policy::Policy;
pub use receipt::Receipt;
pub use submission::Submission;
pub use tile::Tile;

/// The example of the README runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
