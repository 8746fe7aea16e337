//! The auditor: shares the format with the writer, and nothing else.
//!
//! [`verify`] reads a log directory from its first byte to its last, on all processors and in bounded
//! memory, and compares three accounts of it: the lines, the tiles and bundles, and what the
//! checkpoint signs. The key comes from outside the directory, because whoever can change the lines can
//! change everything beside them.
//!
//! It says whether the directory is what was signed at some time, not whether it is the newest that was
//! signed: one that was put back whole to an earlier state, checkpoint and all, is intact. Who kept a
//! later checkpoint elsewhere can tell: [`Audit::known`].
//!
//! It may run beside the writer: it looks at one checkpoint, and at the lines that are there.
//!
//! ```
//! use sealtrail_log::verify::{Class, verify};
//! # use sealtrail_log::{Log, Options, Signer, proof::SigningKey};
//! # let folder = tempfile::tempdir()?;
//! # let dir = folder.path();
//! # let key = SigningKey::from_seed("shop.example/trail", &[7; 32])?;
//! # let vkey = key.verifier_key();
//! # Log::create(dir, "shop.example/trail", &key)?;
//! # let (log, _) = Log::open(dir, Signer::new("shop.example/trail", key)?, Options::default())?;
//! # log.append(vec![b"{\"price\":10}".to_vec()])?;
//! # log.close()?;
//! assert_eq!(verify(dir, &vkey).unwrap().class(), Class::Intact);
//!
//! let segment = dir.join("entries/00000000000000000000.jsonl");
//! std::fs::write(&segment, "{\"price\":11}\n")?;
//! let failure = verify(dir, &vkey).unwrap_err();
//! assert_eq!(failure.class, Class::Changed);
//! assert_eq!((failure.record, failure.offset), (Some(0), Some(0)));
//! assert_eq!(failure.file.unwrap().as_os_str(), "entries/00000000000000000000.jsonl");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod audit;
mod checkpoint;
mod class;
mod kept;
mod lines;
mod meter;
mod pass;
mod piece;
mod pruned;
mod report;
mod source;
mod tiles;
mod walk;

pub use audit::{Audit, verify};
pub use class::Class;
pub use meter::Progress;
pub use report::{Failure, Report};
