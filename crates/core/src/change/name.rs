use std::borrow::Cow;

use sealtrail_record::json::{Document, Kind, NodeId, Value, number_name};

use crate::Error;

/// A short name or id: text that is not empty, or a number in its one spelling, whoever wrote it.
pub(crate) fn read_name<'a>(value: &Value<'a>, at: &str) -> Result<Cow<'a, str>, Error> {
    match value {
        Value::String(text) => check_name(text.clone(), &|| at.to_owned()),
        Value::Number(text) => check_name(number_name(text, MAX_NAME), &|| at.to_owned()),
        other => Err(Error::field(at, "a text or a number", other.kind())),
    }
}

/// The same of a node; `at` says where it stands, for an error.
pub(crate) fn name_of<'a>(
    document: &Document<'a>,
    node: NodeId,
    at: &dyn Fn() -> String,
) -> Result<Cow<'a, str>, Error> {
    match document.kind(node) {
        Kind::String => check_name(document.written(node), at),
        Kind::Number => check_name(number_name(document.raw(node), MAX_NAME), at),
        other => Err(Error::field(&at(), "a text or a number", other.name())),
    }
}

fn check_name<'a>(text: Cow<'a, str>, at: &dyn Fn() -> String) -> Result<Cow<'a, str>, Error> {
    // Nearly all are ASCII, and of a byte the question is a short one.
    let has_control = match text.is_ascii() {
        true => text.bytes().any(|b| b.is_ascii_control()),
        false => text.chars().any(char::is_control),
    };
    if text.is_empty() || text.len() > MAX_NAME || has_control {
        let wanted = format!("1 to {MAX_NAME} bytes without control characters");
        return Err(Error::field(&at(), &wanted, &format!("{} bytes", text.len())));
    }
    Ok(text)
}

/// Ids and names longer than this are a slip: they would be repeated in every record and index.
pub(crate) const MAX_NAME: usize = 512;
