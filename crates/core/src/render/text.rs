use sealtrail_record::json::Value;

use super::entry::Entry;

/// One line an attribute: `+ /a: 1`, `- /a: 1`, `~ /a: 1 → 2`, `> /a/0: from /a/3`.
pub(super) fn lines(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut out = String::new();
    for entry in entries {
        let json =
            |value: &Option<Value<'_>>| value.as_ref().map(Value::to_json).unwrap_or_default();
        // The root has an empty pointer, which a reader would not see.
        let path = if entry.path.is_empty() { "(whole)" } else { entry.path.as_str() };
        let (old, new) = (json(&entry.old), json(&entry.new));
        out += &match entry.op {
            "add" => format!("+ {path}: {new}\n"),
            "remove" => format!("- {path}: {old}\n"),
            "move" => format!("> {path}: from {}\n", entry.from.as_deref().unwrap_or_default()),
            _ => format!("~ {path}: {old} → {new}\n"),
        };
    }
    out.into_bytes()
}
