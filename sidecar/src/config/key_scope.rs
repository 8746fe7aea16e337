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
    /// Each data subject, in each month of each retention class.
    Period,
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
    /// The name under which the keyring has the key of a data subject; or its keys, one for each period.
    pub fn name(self, subject: &str) -> Cow<'_, str> {
        match (self, subject.split_once('/')) {
            (KeyScope::Subject | KeyScope::Period, _) => subject.into(),
            (KeyScope::Stream, Some((kind, _))) => format!("{kind}/*").into(),
            (KeyScope::Stream, None) | (KeyScope::Log, _) => "*".into(),
        }
    }

    /// As the configuration has it.
    pub fn as_str(self) -> &'static str {
        match self {
            KeyScope::Subject => "subject",
            KeyScope::Period => "period",
            KeyScope::Stream => "stream",
            KeyScope::Log => "log",
        }
    }

    /// All names under which the keyring may have a key of a data subject, its own first: what was sealed under another scope
    /// keeps its key. Under its own it may have one for each period besides.
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
            assert_eq!(KeyScope::Period.name(subject), subject);
            assert_eq!(KeyScope::Stream.name(subject), stream);
            assert_eq!(KeyScope::Log.name(subject), "*");
            let names = KeyScope::every_name(subject);
            assert_eq!((&names[0][..], names.last().unwrap().as_str()), (subject, "*"));
            assert!(names.contains(&stream.to_owned()), "{names:?}");
        }
    }

    #[test]
    fn a_scope_is_called_as_it_is_written() {
        for scope in [KeyScope::Subject, KeyScope::Period, KeyScope::Stream, KeyScope::Log] {
            let table: KeysTable =
                toml::from_str(&format!("scope = \"{}\"", scope.as_str())).unwrap();
            assert_eq!(table.scope, scope);
        }
    }
}
