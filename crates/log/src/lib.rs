//! A durable, tamper-evident, append-only log in plain files.
//!
//! Records are opaque bytes, one line each. The lines stand in `.jsonl` files that any tool can read,
//! and beside them a Merkle tree in the tiles of C2SP tlog-tiles under a signed checkpoint, which any
//! C2SP tool can verify. `FORMAT.md` beside this crate describes every file and the order in which
//! they become durable.
//!
//! ```
//! use sealtrail_log::{Log, Options, Reader, Signer, verify};
//! use sealtrail_log::proof::SigningKey;
//!
//! # let folder = tempfile::tempdir()?;
//! # let dir = folder.path().join("log");
//! let key = SigningKey::from_seed("shop.example/trail", &[7; 32])?; // 32 random bytes in real life
//! let vkey = key.verifier_key();
//! Log::create(&dir, "shop.example/trail", &key)?;
//!
//! let (log, recovery) = Log::open(&dir, Signer::new("shop.example/trail", key)?, Options::default())?;
//! assert_eq!(recovery.lines, 0);
//! let range = log.append(vec![br#"{"id":"a"}"#.to_vec(), br#"{"id":"b"}"#.to_vec()])?;
//! assert_eq!(range, 0..2); // durable now
//! log.close()?;
//!
//! let reader = Reader::open(&dir)?;
//! let line = reader.read(1)?;
//! assert_eq!(line, br#"{"id":"b"}"#);
//! let receipt = reader.prove(1)?;
//! receipt.verify(&line, &vkey)?;
//!
//! let report = verify::verify(&dir, &vkey).expect("nothing was changed");
//! assert_eq!((report.covered, report.uncovered), (2, 0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | who | module | shares with the others |
//! |---|---|---|
//! | the writer | [`Log`] | one process at a time, by a lock |
//! | readers | [`Reader`] | any number, beside the writer |
//! | the auditor | [`verify`](mod@verify) | the format and the mathematics of `sealtrail-proof`, no code of the writer |

mod batch;
mod cold;
mod commit;
mod commits;
mod cover;
mod disk;
mod durable;
mod error;
mod extent;
mod follow;
mod frames;
mod history;
mod hold;
mod lines;
mod log;
mod mark;
mod marks;
mod options;
mod paths;
mod prune;
mod queue;
mod reader;
mod recovery;
mod regular;
mod retention;
mod segment;
#[cfg(test)]
mod simulation;
mod submission;
mod tree;
pub mod verify;
mod writer;

pub use cold::Compressed;
pub use commits::CommitSizes;
pub use error::Error;
pub use follow::{Cursor, Follow, Followed};
pub use hold::Hold;
pub use lines::Lines;
pub use log::Log;
pub use options::{Options, Recovery, Signer, TornTail};
pub use reader::Reader;
pub use retention::{Pruned, Removable};
pub use sealtrail_proof as proof;

/// The example of the README runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
