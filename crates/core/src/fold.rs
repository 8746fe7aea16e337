//! Key folding: one attribute that several writers spell in several ways.

use std::borrow::Cow;

use sealtrail_record::json::{Document, Event, NodeId, Place};
use sealtrail_record::sort::{sort, sorted};

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

/// Folds every key of a value. Where two keys of one object would become one, the second keeps its
/// spelling: an attribute is never lost.
pub(crate) fn fold_keys(document: &mut Document<'_>, value: NodeId) {
    let mut renamed = Vec::new();
    for event in document.walk(value) {
        let Event::Open(object, _) = event else { continue };
        let keys = || {
            document.children(object).filter_map(|(place, _)| match place {
                Place::Key(key) => Some((key, document.written(key))),
                _ => None,
            })
        };
        if keys().all(|(_, key)| fold_key(&key) == key) {
            continue;
        }
        let keys: Vec<(NodeId, Cow<'_, str>, String)> = keys()
            .map(|(key, written)| {
                let folded = fold_key(&written).into_owned();
                (key, written, folded)
            })
            .collect();
        // By what is written and not by the order of keys, which has no meaning.
        let by_written = sorted(keys.len(), &mut |a, b| keys[a].1.cmp(&keys[b].1));
        let is_written =
            |name: &str| by_written.binary_search_by(|&i| keys[i].1.as_ref().cmp(name)).is_ok();
        let mut by_folded = by_written.clone();
        sort(&mut by_folded, &mut |a, b| keys[a].2.cmp(&keys[b].2));
        let mut taken = None;
        for (key, written, folded) in by_folded.into_iter().map(|i| &keys[i]) {
            // A name that stands there already is not taken from whoever has it.
            if taken != Some(folded) && written != folded && !is_written(folded) {
                renamed.push((*key, folded.clone()));
            }
            taken = Some(folded);
        }
    }
    for (key, name) in renamed {
        document.rename(key, name);
    }
}

#[cfg(test)]
mod tests {
    use sealtrail_record::json::{Buffers, Limits};

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
    fn no_two_keys_get_one_name() {
        for (text, folded) in [
            (r#"{"a":4,"_a":5,"__a":6}"#, r#"{"a":4,"_a":5,"__a":6}"#),
            (r#"{"__a":6,"_a":5}"#, r#"{"__a":6,"a":5}"#),
            (r#"{" A":1,"_a":2}"#, r#"{"a":1,"_a":2}"#),
            (r#"{"_a":2," A":1}"#, r#"{"_a":2,"a":1}"#),
        ] {
            let limits = Limits::default();
            let mut document =
                Document::read(text.as_bytes(), &limits, Buffers::default()).unwrap();
            let root = document.root();
            fold_keys(&mut document, root);
            assert_eq!(document.to_value(root).to_json(), folded, "{text}");
        }
    }

    #[test]
    fn never_loses_an_attribute() {
        let text = r#"{"_id":1,"id":2," ID ":3,"sub":{"A b":1,"a_B":2}}"#;
        let limits = Limits::default();
        let mut document = Document::read(text.as_bytes(), &limits, Buffers::default()).unwrap();
        let root = document.root();
        fold_keys(&mut document, root);
        assert_eq!(
            document.to_value(root).to_json(),
            r#"{"_id":1,"id":2," ID ":3,"sub":{"a_b":1,"a_B":2}}"#
        );
    }
}
