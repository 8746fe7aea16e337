//! Key folding: one attribute that several writers spell in several ways.

use std::borrow::Cow;
use std::collections::BTreeSet;

use sealtrail_record::json::Value;

/// A key trimmed, in lower case, with underscores for spaces and without a leading underscore.
///
/// `" id"` and `"_id"` become `id`; `"sku id"` becomes `sku_id`.
pub(crate) fn fold_key(key: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if key.starts_with(plain) && key.chars().all(|c| plain(c) || c == '_') {
        return Cow::Borrowed(key);
    }
    let folded: String = key
        .trim()
        .chars()
        .flat_map(char::to_lowercase)
        .map(|c| if c == ' ' { '_' } else { c })
        .collect();
    Cow::Owned(folded.strip_prefix('_').map(str::to_owned).unwrap_or(folded))
}

/// Folds every key of a tree. Where two keys of one object would become one, the second keeps its
/// spelling: an attribute is never lost.
pub(crate) fn fold_keys(value: &mut Value<'_>) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(fold_keys),
        Value::Object(members) => {
            let mut taken: BTreeSet<String> = BTreeSet::new();
            // Keys that are folded already come first: they are never the ones to give way.
            for member in members.iter() {
                if fold_key(&member.key) == member.key {
                    taken.insert(member.key.to_string());
                }
            }
            for member in members {
                let folded = fold_key(&member.key).into_owned();
                if folded != member.key && taken.insert(folded.clone()) {
                    member.key = Cow::Owned(folded);
                }
                fold_keys(&mut member.value);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use sealtrail_record::json::{Limits, parse};

    use super::*;

    #[test]
    fn folds() {
        for (key, folded) in [
            (" id", "id"),
            ("_id", "id"),
            ("sku id", "sku_id"),
            ("sku_id", "sku_id"),
            ("Straße ", "straße"),
            ("__v", "_v"),
            ("", ""),
            ("_", ""),
        ] {
            assert_eq!(fold_key(key), folded, "{key:?}");
        }
    }

    #[test]
    fn never_loses_an_attribute() {
        let text = r#"{"_id":1,"id":2," ID ":3,"sub":{"A b":1,"a_B":2}}"#;
        let mut value = parse(text.as_bytes(), &Limits::default()).unwrap();
        fold_keys(&mut value);
        assert_eq!(value.to_json(), r#"{"_id":1,"id":2," ID ":3,"sub":{"a_b":1,"a_B":2}}"#);
    }
}
