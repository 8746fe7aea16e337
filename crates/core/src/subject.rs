//! The data subject of a value.

use std::borrow::Cow;

use sealtrail_record::json::{Document, Kind, NodeId, number_name};

use crate::Error;
use crate::change::{Change, Image, MAX_NAME};
use crate::policy::{Seal, SubjectPart};

/// Appends whose key protects a value of an image.
pub(crate) fn payload_subject(
    document: &Document<'_>,
    change: &Change<'_>,
    seal: &Seal,
    side: &str,
    out: &mut String,
) -> Result<(), Error> {
    let image = |image: Image, pointer: &str| {
        node_text(document, document.pointer(image.value()?, pointer)?)
    };
    // A value belongs to whom its own image names; the other image and the entity stand in, so
    // that it is never left unprotected.
    let [own, other] = match side {
        "old" => [change.before, change.after],
        _ => [change.after, change.before],
    };
    let find = |pointer: &str| image(own, pointer).or_else(|| image(other, pointer));
    subject(seal, &|out| change.push_entity(out), &find, out)
}

/// Appends whose key protects a value of the context.
pub(crate) fn context_subject(
    context: &Document<'_>,
    seal: &Seal,
    entity: &str,
    out: &mut String,
) -> Result<(), Error> {
    let text = |pointer: &str| node_text(context, context.pointer(context.root(), pointer)?);
    let otherwise = |out: &mut String| match text("/actor/id") {
        Some(id) => {
            out.push_str(text("/actor/type").as_deref().unwrap_or("user"));
            out.push('/');
            out.push_str(&id);
        }
        None => out.push_str(entity),
    };
    let find = |pointer: &str| {
        let root = pointer[1..].split('/').next();
        text(pointer).filter(|_| matches!(root, Some("actor" | "request" | "tenant")))
    };
    subject(seal, &otherwise, &find, out)
}

/// Appends whose key protects a value of an event: whom its data names, as an image would, or the entity.
pub(crate) fn event_subject(
    context: &Document<'_>,
    data: NodeId,
    seal: &Seal,
    entity: &str,
    out: &mut String,
) -> Result<(), Error> {
    let find = |pointer: &str| {
        let within = pointer.strip_prefix("/event/data").unwrap_or(pointer);
        node_text(context, context.pointer(data, within)?)
    };
    subject(seal, &|out| out.push_str(entity), &find, out)
}

fn subject<'a>(
    seal: &Seal,
    otherwise: &dyn Fn(&mut String),
    find: &dyn Fn(&str) -> Option<Cow<'a, str>>,
    out: &mut String,
) -> Result<(), Error> {
    let Some(wanted) = &seal.subject else {
        otherwise(out);
        return Ok(());
    };
    let start = out.len();
    for part in &wanted.0 {
        match part {
            SubjectPart::Text(fixed) => out.push_str(fixed),
            SubjectPart::Pointer(pointer) => match find(pointer) {
                Some(value) => out.push_str(&value),
                None => {
                    out.truncate(start);
                    otherwise(out);
                    return Ok(());
                }
            },
        }
    }
    let len = out.len() - start;
    if len == 0 || len > MAX_NAME {
        let wanted = format!("1 to {MAX_NAME} bytes");
        return Err(Error::field("/subject", &wanted, &format!("{len} bytes")));
    }
    Ok(())
}

/// A text that is not empty, or a number in its one spelling: `3` of one service and `3.0` of another are one
/// subject, with one key.
pub(crate) fn node_text<'a>(document: &Document<'a>, node: NodeId) -> Option<Cow<'a, str>> {
    match document.kind(node) {
        Kind::String => Some(document.written(node)).filter(|text| !text.is_empty()),
        Kind::Number => Some(number_name(document.raw(node), MAX_NAME)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use sealtrail_record::json::Limits;

    use crate::{Draft, Policy};

    const POLICY: &[u8] = br#"{"id":"p","version":"1","default":"keep","rules":[
        {"select":"$.email","action":"seal","subject":"customer/{/customer_id}"}]}"#;

    fn subjects(change: &str, context: &str) -> Vec<String> {
        let policy = Arc::new(Policy::parse(POLICY).unwrap());
        let draft = Draft::read(&policy, change.as_bytes(), &Limits::default()).unwrap();
        let plan = draft.plan(context.as_bytes()).unwrap();
        plan.needs().iter().map(|need| need.subject.clone()).collect()
    }

    #[test]
    fn one_number_is_one_subject() {
        for (spellings, name) in [
            (&["3", "3.0", "3e0", "30e-1", "0.3E1", "\"3\""][..], "3"),
            (&["0", "-0", "0.00"], "0"),
            (&["-12", "-1.2e1"], "-12"),
            (&["7.50", "75e-1"], "7.5"),
            (&["12345678901234567890123", "12345678901234567890123.0"], "12345678901234567890123"),
            (&["1e100000000000000000", "10e99999999999999999"], "1e100000000000000000"),
        ] {
            for id in spellings {
                let image = format!(r#"{{"customer_id":{id},"email":"a"}}"#);
                let change = format!(
                    r#"{{"entity":{{"type":"order","id":{id}}},"action":"create","after":{image}}}"#
                );
                let context = format!(
                    r#"{{"correlation_id":"c","actor":{{"type":"user","id":{id},"name":"A"}},
                        "event":{{"type":"e","data":{image}}}}}"#
                );
                let found = subjects(&change, &context);
                assert_eq!(found, [format!("customer/{name}"), format!("user/{name}")], "{id}");
                let policy = Arc::new(Policy::parse(POLICY).unwrap());
                let draft = Draft::read(&policy, change.as_bytes(), &Limits::default()).unwrap();
                let envelope = String::from_utf8(draft.envelope().to_vec()).unwrap();
                assert!(envelope.contains(&format!(r#""id":"{name}""#)), "{envelope}");
            }
        }
    }

    #[test]
    fn numbers_and_texts_that_differ_are_several() {
        let of = |id: &str| {
            let change = format!(
                r#"{{"entity":{{"type":"o","id":"1"}},"action":"create","after":{{"customer_id":{id},"email":"a"}}}}"#
            );
            subjects(&change, r#"{"correlation_id":"c"}"#)
        };
        // A text stays as it is, whatever it reads as.
        assert_eq!(of("\"3.0\""), ["customer/3.0"]);
        assert_ne!(of("12345678901234567890123"), of("12345678901234567890124"));
    }
}
