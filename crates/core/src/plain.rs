use sealtrail_record::json::{Document, Event, Kind, NodeId, Place, write_string};

use crate::policy::Action;
use crate::protection::Protections;

/// What is sealed as one. A container of which all is dropped is left out, or null in an array.
pub(crate) fn plain(
    document: &Document<'_>,
    found: &Protections<'_>,
    value: NodeId,
    out: &mut Vec<u8>,
) {
    struct Open {
        /// Where it begins with its label.
        start: usize,
        object: bool,
        filled: bool,
        /// Whether something is in it that is no gap.
        kept: bool,
    }
    let mut open: Vec<Open> = Vec::new();
    for event in document.walk(value) {
        let start = out.len();
        if let Event::Open(_, place) | Event::Leaf(_, place) = event {
            label(document, place, open.last().is_some_and(|above| above.filled), out);
        }
        let (start, kept) = match event {
            Event::Open(node, _) => {
                let object = document.kind(node) == Kind::Object;
                out.push(if object { b'{' } else { b'[' });
                open.push(Open { start, object, filled: false, kept: false });
                continue;
            }
            Event::Leaf(node, _) => match found.decision(document, node).action() {
                Action::Drop => (start, false),
                Action::Mask(mask) => {
                    write_string(&mask.apply(&document.to_value(node)), out);
                    (start, true)
                }
                Action::Keep | Action::Seal(_) | Action::Pseudonym(_) => {
                    document.write_leaf(node, out);
                    (start, true)
                }
            },
            Event::Close(_) => match open.pop() {
                Some(closed) => {
                    out.push(if closed.object { b'}' } else { b']' });
                    (closed.start, closed.kept)
                }
                None => break,
            },
        };
        if !kept {
            out.truncate(start);
        }
        if let Some(above) = open.last_mut() {
            if !kept && !above.object {
                // A gap, as in the parts of a record.
                out.extend_from_slice(if above.filled { b",null" } else { b"null" });
            }
            above.filled |= kept || !above.object;
            above.kept |= kept;
        }
    }
}

fn label(document: &Document<'_>, place: Place, filled: bool, out: &mut Vec<u8>) {
    if filled {
        out.push(b',');
    }
    if let Place::Key(key) = place {
        document.write_key(key, out);
        out.push(b':');
    }
}
