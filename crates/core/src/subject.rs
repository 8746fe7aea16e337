//! The data subject of a value.

use sealtrail_record::json::{Document, Kind, NodeId, Value};

use crate::Error;
use crate::change::{Change, Image, MAX_NAME};
use crate::context::Context;
use crate::policy::{Seal, SubjectPart};

/// Whose key protects a value of an image.
pub(crate) fn payload_subject(
    document: &Document<'_>,
    change: &Change<'_>,
    seal: &Seal,
    side: &str,
) -> Result<String, Error> {
    let image = |image: Image, pointer: &str| {
        node_text(document, document.pointer(image.value()?, pointer)?)
    };
    // A value belongs to whom its own image names; the other image and the entity stand in, so
    // that it is never left unprotected.
    let [own, other] = match side {
        "old" => [change.before, change.after],
        _ => [change.after, change.before],
    };
    subject(seal, change.entity(), |pointer| image(own, pointer).or_else(|| image(other, pointer)))
}

/// Whose key protects a value of the context.
pub(crate) fn context_subject(
    context: &Context<'_>,
    seal: &Seal,
    entity: &str,
) -> Result<String, Error> {
    let actor = |key: &str| context.actor.as_ref().and_then(|a| a.get(key)).and_then(scalar_text);
    let otherwise = match actor("id") {
        Some(id) => format!("{}/{id}", actor("type").as_deref().unwrap_or("user")),
        None => entity.to_owned(),
    };
    subject(seal, otherwise, |pointer| {
        let (root, rest) = match pointer[1..].split_once('/') {
            Some((root, _)) => (root, &pointer[1 + root.len()..]),
            None => (&pointer[1..], ""),
        };
        let value = match root {
            "actor" => &context.actor,
            "request" => &context.request,
            "tenant" => &context.tenant,
            _ => &None,
        };
        value.as_ref()?.pointer(rest).and_then(scalar_text)
    })
}

fn subject(
    seal: &Seal,
    otherwise: String,
    find: impl Fn(&str) -> Option<String>,
) -> Result<String, Error> {
    let Some(wanted) = &seal.subject else { return Ok(otherwise) };
    let mut text = String::new();
    for part in &wanted.0 {
        match part {
            SubjectPart::Text(fixed) => text.push_str(fixed),
            SubjectPart::Pointer(pointer) => match find(pointer) {
                Some(value) => text.push_str(&value),
                None => return Ok(otherwise),
            },
        }
    }
    if text.is_empty() || text.len() > MAX_NAME {
        let wanted = format!("1 to {MAX_NAME} bytes");
        return Err(Error::field("/subject", &wanted, &format!("{} bytes", text.len())));
    }
    Ok(text)
}

/// A text that is not empty, or a number as it is written.
pub(crate) fn node_text(document: &Document<'_>, node: NodeId) -> Option<String> {
    match document.kind(node) {
        Kind::String => Some(document.written(node).into_owned()).filter(|text| !text.is_empty()),
        Kind::Number => Some(document.raw(node).to_owned()),
        _ => None,
    }
}

fn scalar_text(value: &Value<'_>) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.to_string()),
        Value::Number(text) => Some((*text).to_owned()),
        _ => None,
    }
}
