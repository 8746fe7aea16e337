//! Policies from the schemas that a team has already: JSON Schema annotations, protobuf field
//! options, Avro records, Confluent tags. An import is a step of the command line that prints a policy to be read
//! and edited; the core knows the one form only.
//!
//! | what a schema says | what the policy says |
//! |---|---|
//! | `"x-sealtrail": {"action": …, "group": …, …}` or `"x-sealtrail": "mask"` | that rule |
//! | `"x-pii": true` | `seal` |
//! | `"contentMediaType": "aes256gcm"` | `seal`, under the key of the subject that a sibling `piiref` names |
//! | `"confluent:tags": ["PII"]`, `[(confluent.field_meta).tags = "PII"]` | `seal` in the group `pii` |
//! | `(gdpr) = {pii: true, dataGrouping: "x"}` | `seal` in the group `x`, under the key of the subject that the field with `key: true` names |
//! | `(gdpr).pii = true, (gdpr).dataGrouping = "x"` | the same |
//! | `(gdpr) = {pii: false, dataGrouping: "x"}` | `keep` in the group `x` |
//! | nothing | `keep` |
//!
//! What the schema does not know is sealed: that is the default of every imported policy.

mod avro;
mod json_schema;
mod protobuf;
mod rules;

pub use avro::import as avro;
pub use json_schema::import as json_schema;
pub use protobuf::import as protobuf;

use crate::code::Code;
use crate::error::{Error, Place};

/// A schema that cannot be read, with the line it is about.
fn unreadable(source: &str, offset: usize, what: &str) -> Error {
    let offset = (0..=offset.min(source.len())).rev().find(|&i| source.is_char_boundary(i));
    let before = &source[..offset.unwrap_or(0)];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let text = source.lines().nth(line - 1).unwrap_or_default();
    // A line of a schema may be long, and it goes to a terminal.
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    let shown: String = text.chars().take(120).map(printable).collect();
    let message = format!("{what} at line {line}, column {column}\n  {line} | {shown}");
    Error::new(Code::MalformedSchema, message).at(Some(Place {
        line: Some(line as u64),
        column: Some(column as u64),
        pointer: None,
    }))
}

fn unfit(message: impl Into<String>) -> Error {
    Error::new(Code::MalformedSchema, message)
}
