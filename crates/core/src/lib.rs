//! before + after + policy + keys + entropy = one sealed record.
//!
//! Bytes in, bytes out, and pure: no clock, no randomness, no I/O, no Cargo features. Time, ids,
//! keys and nonces are arguments, so the same call gives the same bytes in every runtime.
//!
//! ```
//! use sealtrail_core::{Draft, Key, KeyPair, Limits, Opening, Policy, Stamp, native_engine_sha256, open};
//!
//! let policy = std::sync::Arc::new(Policy::parse(br#"{
//!     "id": "shop", "version": "1", "default": "keep",
//!     "rules": [{"select": "$.email", "action": "seal", "group": "contact"}]
//! }"#)?);
//! let change = br#"{
//!     "entity": {"type": "customer", "id": "3"}, "action": "update",
//!     "before": {"email": "a@example.com", "tier": 1}, "after": {"email": "b@example.com", "tier": 2}
//! }"#;
//!
//! let draft = Draft::read(&policy, change, &Limits::default())?;
//! let plan = draft.plan(br#"{"correlation_id": "a20e389c"}"#)?;
//! assert_eq!((plan.needs()[0].subject.as_str(), plan.nonces()), ("customer/3", 2));
//!
//! let engine = native_engine_sha256();
//! let stamp = Stamp {
//!     origin: "shop.example/log", id: "019aa6c5-8f00-7000-8000-0000000000ab",
//!     recorded_time: "2026-11-21T19:45:00.047Z", engine_version: "0.1.0", engine_sha256: &engine,
//! };
//! let keys = || (Key::from_slice(&[1; 32], "a key").unwrap(), Key::from_slice(&[2; 32], "a key").unwrap());
//! let (subject, period) = keys();
//! let pair = KeyPair { subject_kid: "k_1", subject, period_kid: "t_standard.2026-11", period };
//! let line = plan.seal(&stamp, &[7; 24], &[pair])?; // nonces are random, and never used twice, outside of an example
//! let text = std::str::from_utf8(&line).unwrap();
//! assert!(text.contains(r#"{"op":"replace","path":"/tier","old":1,"new":2}"#));
//! assert!(!text.contains("example.com"));
//!
//! let (subject, period) = keys();
//! let fields = open("shop.example/log", &line, &[Opening { seal: 0, subject, period }])?;
//! assert!(std::str::from_utf8(&fields).unwrap().contains(r#""path":"/email","side":"old","group":"contact","value":"a@example.com""#));
//! # Ok::<(), sealtrail_core::Error>(())
//! ```

mod act;
mod admit;
mod capture;
mod change;
mod change_list;
mod context;
mod context_writer;
mod diff;
mod equal_runs;
mod error;
mod explain;
mod few_edits;
mod fold;
mod lease;
mod lent_keys;
mod open;
mod plain;
mod plaintext;
pub mod policy;
mod preview;
mod protection;
mod protector;
mod redact;
pub mod render;
mod room;
pub mod seal;
mod session;
mod stamp;
mod subject;
mod template;
mod writer;

pub use act::act;
pub use admit::admit;
pub use capture::{Draft, Plan, native_engine_sha256};
pub use error::Error;
pub use lease::{LeasedKey, Leasing, lease};
pub use open::{LeasedOpening, Opening, open, open_leased};
pub use policy::{Policy, lint};
pub use preview::preview;
pub use redact::{Redactor, Treatment};
pub use render::{Format, Table, diff, rows, text_runs};
pub use seal::Key;
pub use session::{Recorded, Session, act_with_stamp};
pub use stamp::{KeyPair, Stamp};

pub use template::Need;

pub use sealtrail_record::json::Limits;

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes.iter().flat_map(|b| [digit(b >> 4), digit(b & 15)]).collect()
}
