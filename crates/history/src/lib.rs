//! Questions about a log: which records belong to an entity, to a correlation id, to a record id. And
//! [`words`]: what such a record says, for a person to read.
//!
//! The [`Index`] is rebuildable: it holds nothing that is not in the log, and the same log always gives the
//! same files. The log never changes, so neither does a part of the index once it is written.
//!
//! ```
//! use sealtrail_history::Index;
//!
//! # let place = tempfile::tempdir().unwrap();
//! # let dir = place.path().join("index");
//! let (mut index, next) = Index::open(&dir, "example.com/shop")?;
//! assert_eq!(next, 0, "a new index begins at the first record");
//!
//! let line = br#"{"id":"0199","correlationid":"a20e389c","data":{"entity":{"type":"product","id":"1"}}}"#;
//! index.add(0, line)?;
//! assert_eq!(index.entity("product", "1")?, [0]);
//! assert_eq!(index.correlation("a20e389c")?, [0]);
//! assert_eq!(index.record("0199")?, [0]);
//!
//! // What is only in memory is read from the log again on the next start, unless it is written.
//! index.roll()?;
//! let (index, next) = Index::open(&dir, "example.com/shop")?;
//! assert_eq!((next, index.entity("product", "1")?), (1, vec![0]));
//! # Ok::<(), sealtrail_history::Error>(())
//! ```
//!
//! # What an answer is worth
//!
//! An answer holds every record that fits, and in rare cases one that does not: entries are eight bytes of a
//! hash. So read each record that is named and look, before showing it. Whoever can write to the index can
//! make it refuse (an edit is noticed) or, replacing it whole, make it forget; to be sure, delete the folder
//! and add the log again.

mod error;
mod index;
mod peek;
mod question;
mod run;
pub mod words;

pub use error::{Error, Result};
pub use index::Index;
pub use peek::change_id;
