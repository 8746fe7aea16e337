//! Questions about a log: which records are about an entity, an attribute, an actor, a request, a time
//! ([`Index`], [`Search`]), and what the entity was then ([`fold`]). And [`words`]: what such a record says, for a person to
//! read.
//!
//! The [`Index`] is rebuildable: it holds nothing that is not in the log, and the same log always gives the
//! same files. The log never changes, so neither does a part of the index once it is written, but for names that are
//! [forgotten](Index::forget).
//!
//! ```
//! use std::sync::Arc;
//! use sealtrail_history::{Index, Name, Order, Search};
//!
//! # let place = tempfile::tempdir().unwrap();
//! # let dir = place.path().join("index");
//! let (mut index, next) = Index::open(&dir, "example.com/shop")?;
//! assert_eq!(next, 0, "a new index begins at the first record");
//!
//! let line = br#"{"id":"0199","correlationid":"a20e389c","data":{"entity":{"type":"product","id":"1"},
//!     "action":"update","changes":[{"op":"add","path":"/title","new":"a"}]}}"#;
//! index.add(0, line)?;
//! assert_eq!(index.find(&Name::Record("0199"))?, [0]);
//!
//! // What is only in memory is read from the log again on the next start, unless it is written.
//! index.roll()?;
//! let (mut index, next) = Index::open(&dir, "example.com/shop")?;
//! assert_eq!(next, 1);
//! let search = Search::all().with(Name::Type("product")).attribute("/title");
//! let found = Arc::new(index.snapshot()).candidates(search.clone(), 0..next, Order::Oldest);
//! assert_eq!(found.collect::<Result<Vec<_>, _>>()?, [0]);
//! assert!(search.fits(line));
//! # Ok::<(), sealtrail_history::Error>(())
//! ```
//!
//! # What an answer is worth
//!
//! An answer holds every record that fits, and in rare cases one that does not: names are eight bytes of a
//! hash. So read each record that is named and look, before showing it. Whoever can write to the index can
//! make it refuse (an edit is noticed) or, replacing it whole, make it forget; to be sure, build it again from the
//! log.

mod active;
mod disk;
mod error;
pub mod fold;
mod folder;
mod index;
mod name;
mod names;
mod run;
mod search;
mod snapshot;
pub mod words;

pub use error::{Error, Result};
pub use index::{Forgetting, Forgotten, Index, Merge, Merged};
pub use name::Name;
pub use names::change_id;
pub use search::Search;
pub use snapshot::{Candidates, Order, Snapshot};
