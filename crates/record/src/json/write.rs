use super::text::end_of_plain;
use super::value::Value;
use crate::pointer;

/// Appends a JSON string: only what RFC 8259 §7 demands is escaped, so text stays readable and
/// two writers give the same bytes (the string form of RFC 8785 §3.2.2.2).
pub fn write_string(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    out.push(b'"');
    let mut run = 0;
    loop {
        let special = end_of_plain(bytes, run);
        out.extend_from_slice(&bytes[run..special]);
        let Some(&byte) = bytes.get(special) else { break };
        write_escape(byte, out);
        run = special + 1;
    }
    out.push(b'"');
}

fn write_escape(byte: u8, out: &mut Vec<u8>) {
    let short = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        0x09 => b't',
        0x0A => b'n',
        0x0C => b'f',
        0x0D => b'r',
        _ => {
            const HEX: &[u8; 16] = b"0123456789abcdef";
            let [high, low] = [byte >> 4, byte & 15].map(|digit| HEX[usize::from(digit)]);
            return out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

/// Depth is bounded by the reader's limit, so recursion is too.
pub(super) fn write_value(value: &Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(text) => out.extend_from_slice(text.as_bytes()),
        Value::String(text) => write_string(text, out),
        Value::Array(items) => {
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write_value(item, out);
            }
            out.push(b']');
        }
        Value::Object(members) => {
            out.push(b'{');
            for (i, member) in members.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write_string(&member.key, out);
                out.push(b':');
                write_value(&member.value, out);
            }
            out.push(b'}');
        }
    }
}

/// Writes another text in the place of a value, at a pointer; false to have the value written.
pub type Replace<'a> = &'a dyn Fn(&Value<'_>, &str, &mut Vec<u8>) -> bool;

/// The depth of recursion is that of the reader's limit.
pub fn write_replacing(
    value: &Value<'_>,
    at: &mut String,
    out: &mut Vec<u8>,
    end: usize,
    replace: Replace<'_>,
) {
    if replace(value, at, out) {
        return;
    }
    let here = at.len();
    match value {
        Value::Array(items) => {
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                if out.len() > end {
                    break;
                }
                out.extend_from_slice(if i > 0 { b"," } else { b"" });
                pointer::push_index(at, i);
                write_replacing(item, at, out, end, replace);
                at.truncate(here);
            }
            out.push(b']');
        }
        Value::Object(members) => {
            out.push(b'{');
            for (i, member) in members.iter().enumerate() {
                if out.len() > end {
                    break;
                }
                out.extend_from_slice(if i > 0 { b"," } else { b"" });
                write_string(&member.key, out);
                out.push(b':');
                pointer::push_key(at, &member.key);
                write_replacing(&member.value, at, out, end, replace);
                at.truncate(here);
            }
            out.push(b'}');
        }
        scalar => write_value(scalar, out),
    }
}
