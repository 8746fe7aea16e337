//! The keys of a sealtrail log: one per data subject, or per data subject and period, and one per retention
//! period, each in a file of its own, wrapped (AES-KW, RFC 3394) by a key-encryption key that is kept elsewhere. Destroying a file
//! makes every field that was sealed with its key unreadable, in the log and in all copies of the log.
//!
//! A field is sealed with both keys (design, "seal v1"), so losing either one loses the field.
//!
//! ```
//! use sealtrail_keyring::{Found, Kek, Keyring, Why};
//!
//! # let place = tempfile::tempdir().unwrap();
//! # let dir = place.path().join("keyring");
//! let kek = Kek::generate()?;
//! Keyring::create(&dir, &kek)?;
//! let keyring = Keyring::open(&dir, kek)?;
//!
//! // On disk before it is returned: no record is ever sealed with a key that a crash could take away.
//! let (kid, key) = keyring.subject_key("customer/3")?;
//! assert_eq!(key.expose().len(), 32);
//! let (period, _) = keyring.period_key("standard-7y", "2026-11")?;
//! assert_eq!(period.as_str(), "t_standard-7y.2026-11");
//!
//! let why = Why { when: "2026-11-21T19:45:00Z", who: "dpo@example.com", reason: "Art. 17, ticket 81" };
//! let erased = keyring.shred_subject("customer/3", &why)?;
//! assert_eq!(erased.kids, [kid.clone()]);
//! // ... append the record of the erasure to the log, and once that is durable:
//! keyring.recorded(&erased)?;
//!
//! assert!(matches!(keyring.key(&kid)?, Found::Shredded(marker) if marker.who == "dpo@example.com"));
//! assert!(keyring.existing_subject_key("customer/3")?.is_none());
//! # Ok::<(), sealtrail_keyring::Error>(())
//! ```
//!
//! # What a holder of the directory learns
//!
//! Without the key-encryption key: how many keys there are, when they were made, the names of retention
//! classes and periods, and who shredded when and why. No subject: their names go through a keyed hash,
//! and shredding removes that hash too. Whoever can *write* to the directory can destroy keys, but
//! cannot move one key into the place of another unnoticed. `FORMAT.md` beside this crate has every byte.
//!
//! # What overwriting can promise
//!
//! A shredded file is overwritten in place and synced before it is unlinked. A copy-on-write file system,
//! a snapshot, a flash translation layer or a backup may still hold the old blocks. They hold a *wrapped*
//! key: keep the key-encryption key out of those copies.

mod cache;
mod custody;
mod durable;
mod error;
mod header;
mod id;
mod journal;
mod kek;
mod kek_file;
mod key;
mod keyring;
mod layout;
mod list;
mod settled;
mod shred;
mod slip;
mod subject;
mod wrap;

pub use custody::{Custody, Refusal};
pub use error::{Error, Result};
pub use id::KeyId;
pub use kek::Kek;
pub use kek_file::KekFile;
pub use key::Key;
pub use keyring::{Found, Keyring, Part, Stands};
pub use list::{Count, Listed};
pub use shred::{Erased, Marker, Why};
