//! JSON (RFC 8259) kept exactly: numbers stay the text they were written in, keys stay in their
//! order, and what cannot be carried without loss is refused with its place.
//!
//! Refused beyond the grammar: duplicate keys, lone surrogates, and input past the [`Limits`].
//!
//! ```
//! use sealtrail_record::json::{parse, Limits};
//!
//! let value = parse(br#"{"price": 1.10, "name": "K\u00f6ln"}"#, &Limits::default()).unwrap();
//! assert_eq!(value.to_json(), r#"{"price":1.10,"name":"Köln"}"#);
//!
//! let error = parse(b"{\"a\": 1,\n \"a\": 2}", &Limits::default()).unwrap_err();
//! assert_eq!((error.code(), error.line(), error.column()), ("duplicate_key", 2, 2));
//! ```

mod document;
mod duplicates;
mod error;
mod number;
mod parse;
mod scan;
mod text;
mod token;
mod value;
mod write;

pub use document::{Document, Event, Kind, NodeId, Place};
pub use error::Error;
pub use number::{canonical_number, number_name, same_number, write_canonical_number};
pub use parse::{Limits, parse};
pub use scan::Buffers;
pub use text::end_of_plain;
pub use value::{Member, Value};
pub use write::write_string;
