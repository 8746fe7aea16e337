//! Key folding: one attribute that several writers spell in several ways.

use std::borrow::Cow;

use sealtrail_record::json::{Document, Event, NodeId, Place};
use sealtrail_record::sort::sorted;

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
        let folded: Vec<(NodeId, String, bool)> = keys()
            .map(|(key, name)| {
                let folded = fold_key(&name);
                let is_folded = folded == name;
                (key, folded.into_owned(), is_folded)
            })
            .collect();
        // Of those that become one, a key that is folded already comes first: it is never the one to
        // give way.
        let order = sorted(folded.len(), &mut |a, b| {
            let (a, b) = (&folded[a], &folded[b]);
            a.1.cmp(&b.1).then(b.2.cmp(&a.2))
        });
        let mut taken = None;
        for (key, name, is_folded) in order.into_iter().map(|i| &folded[i]) {
            if taken != Some(name) && !is_folded {
                renamed.push((*key, name.clone()));
            }
            taken = Some(name);
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
