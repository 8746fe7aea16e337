use sealtrail_record::json::{Value, write_string};

use super::View;

/// `{"index","id","time","entity","patch"}`: the changes of a record as RFC 6902, which leads from the image before
/// it to the one after it. None of a record without changes.
pub fn patch(view: &View<'_>) -> Option<Vec<u8>> {
    let mut operations = b"[".to_vec();
    for (at, change) in view.changes() {
        if operations.len() > 1 {
            operations.push(b',');
        }
        operation(view, &at, change, &mut operations);
    }
    operations.push(b']');
    if operations.len() == 2 {
        return None;
    }
    let mut out = format!("{{\"index\":{}", view.index).into_bytes();
    for (name, at) in
        [(",\"id\":", "/id"), (",\"time\":", "/time"), (",\"entity\":", "/data/entity")]
    {
        if let Some(value) = view.raw(at) {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(value.get().as_bytes());
        }
    }
    out.extend_from_slice(b",\"patch\":");
    out.extend_from_slice(&operations);
    out.push(b'}');
    Some(out)
}

fn operation(view: &View<'_>, at: &str, change: &Value<'_>, out: &mut Vec<u8>) {
    let text = |name| change.get(name).and_then(Value::as_str);
    out.extend_from_slice(b"{\"op\":");
    write_string(text("op").unwrap_or_default(), out);
    for (name, key) in [(",\"from\":", "from"), (",\"path\":", "path")] {
        if let Some(text) = text(key) {
            out.extend_from_slice(name.as_bytes());
            write_string(text, out);
        }
    }
    if let (Some("add" | "replace"), Some(new)) = (text("op"), change.get("new")) {
        out.extend_from_slice(b",\"value\":");
        view.write(new, &mut format!("{at}/new"), out);
    }
    out.push(b'}');
}
