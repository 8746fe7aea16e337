//! `[keys]`: whose values share a key.

use std::borrow::Cow;

use serde::Deserialize;

/// What is forgotten at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyScope {
    /// Each data subject.
    #[default]
    Subject,
    /// All data subjects of a type, as `customer/*`.
    Stream,
    /// Everybody, as `*`.
    Log,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct KeysTable {
    #[serde(default)]
    pub(super) scope: KeyScope,
}

impl KeyScope {
    /// The name under which the keyring has the key of a data subject.
    pub fn name(self, subject: &str) -> Cow<'_, str> {
        match (self, subject.split_once('/')) {
            (KeyScope::Subject, _) => subject.into(),
            (KeyScope::Stream, Some((kind, _))) => format!("{kind}/*").into(),
            (KeyScope::Stream, None) | (KeyScope::Log, _) => "*".into(),
        }
    }

    /// All names under which the keyring may have a key of a data subject, its own first: what was sealed under another scope
    /// keeps its key.
    pub fn every_name(subject: &str) -> Vec<String> {
        let mut names: Vec<String> = [KeyScope::Subject, KeyScope::Stream, KeyScope::Log]
            .map(|scope| scope.name(subject).into_owned())
            .into();
        names.dedup();
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_shares_a_key() {
        for (subject, stream) in [
            ("customer/3", "customer/*"),
            ("customer/a/b", "customer/*"),
            ("customer/*", "customer/*"),
            ("ada", "*"),
            ("*", "*"),
        ] {
            assert_eq!(KeyScope::Subject.name(subject), subject);
            assert_eq!(KeyScope::Stream.name(subject), stream);
            assert_eq!(KeyScope::Log.name(subject), "*");
            let names = KeyScope::every_name(subject);
            assert_eq!((&names[0][..], names.last().unwrap().as_str()), (subject, "*"));
            assert!(names.contains(&stream.to_owned()), "{names:?}");
        }
    }
}
