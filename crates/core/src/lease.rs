//! The keys of one record, for whoever seals or opens that record elsewhere.
//!
//! A lease holds what the keys of a data subject and of a period give for one record and one data group, and
//! neither of them: with it that record and that group can be sealed and opened, and nothing else. The lease
//! of a pseudonym's key is wider: it is of the subject's values in one data group, in every record.

use base64ct::{Base64UrlUnpadded, Encoding};
use zeroize::Zeroizing;

use crate::Error;
use crate::seal::{Key, PseudonymKey, Scope, Source};

/// Whose keys one lease comes from, and what for.
pub struct Leasing<'a> {
    pub group: &'a str,
    pub is_pseudonym: bool,
    /// Subject key first, then period key.
    pub kids: [&'a str; 2],
    pub subject: Key,
    pub period: Key,
}

/// A leased key with the ids of the two that it comes from.
pub struct LeasedKey<'a> {
    pub kids: [&'a str; 2],
    pub key: Key,
    /// Of a pseudonym it is not looked at.
    pub commit: [u8; 32],
}

impl<'a> LeasedKey<'a> {
    /// `commit` is empty where the key is of a pseudonym.
    pub fn new(kids: [&'a str; 2], key: &[u8], commit: &[u8]) -> Result<Self, Error> {
        let commit = match commit {
            [] => [0; 32],
            commit => commit.try_into().map_err(|_| {
                let message = format!("the commitment must be 32 bytes, got {}", commit.len());
                Error::new("invalid_field", message)
            })?,
        };
        Ok(Self { kids, key: Key::from_slice(key, "the leased key")?, commit })
    }
}

/// The leased keys of a record, in the order of `leasings`, as a JSON array of `{"key":…,"commit":…}` in base64url
/// without padding; those of pseudonyms have no `commit`.
pub fn lease(origin: &str, record_id: &str, leasings: &[Leasing<'_>]) -> Vec<u8> {
    // One buffer of the final size: one that grows leaves copies of keys behind.
    let mut out = Vec::with_capacity(2 + leasings.len() * 128);
    out.push(b'[');
    for (i, leasing) in leasings.iter().enumerate() {
        out.extend_from_slice(if i == 0 { b"{\"key\":\"" } else { b",{\"key\":\"" });
        if leasing.is_pseudonym {
            let key = PseudonymKey::derive(&leasing.subject, origin, leasing.group);
            write(key.expose(), &mut out);
        } else {
            let Leasing { group, kids, .. } = *leasing;
            let scope = Scope { origin, record_id, group, kids };
            let (key, commit) = Source::new(&leasing.subject, &leasing.period).lease(&scope);
            write(&key, &mut out);
            out.extend_from_slice(b"\",\"commit\":\"");
            write(&commit, &mut out);
        }
        out.extend_from_slice(b"\"}");
    }
    out.push(b']');
    out
}

fn write(bytes: &[u8; 32], out: &mut Vec<u8>) {
    let mut text = Zeroizing::new([0; 43]);
    if let Ok(text) = Base64UrlUnpadded::encode(bytes, &mut *text) {
        out.extend_from_slice(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use sealtrail_record::json::{self, Limits, Value};

    use super::*;
    use crate::{Draft, KeyPair, LeasedOpening, Opening, Plan, Policy, Stamp, open, open_leased};

    const KIDS: [&str; 2] = ["k_1", "t_standard.2026-11"];

    fn key(byte: u8) -> Key {
        Key::from_slice(&[byte; 32], "a key").unwrap()
    }

    fn plan() -> Plan {
        let policy = br#"{"id":"p","version":"1","default":"keep","rules":[
            {"select":"$.email","action":"seal","group":"contact"},
            {"select":"$.tax","action":"pseudonym","group":"contact"}]}"#;
        let policy = Arc::new(Policy::parse(policy).unwrap());
        let change = br#"{"entity":{"type":"customer","id":"3"},"action":"create",
            "before":null,"after":{"email":"a@example.com","tax":"17","tier":1}}"#;
        let draft = Draft::read(&policy, change, &Limits::default()).unwrap();
        draft.plan(br#"{"correlation_id":"c"}"#).unwrap()
    }

    fn stamp(engine: &str) -> Stamp<'_> {
        Stamp {
            origin: "shop.example/log",
            id: "019aa6c5-8f00-7000-8000-0000000000ab",
            recorded_time: "2026-11-21T19:45:00.047Z",
            engine_version: "0.1.0",
            engine_sha256: engine,
        }
    }

    /// The leased keys, of sealed values and of pseudonyms in the order of the plan.
    fn leased(record: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
        let leasing = |need: &crate::Need| Leasing {
            group: "contact",
            is_pseudonym: need.role == crate::template::Role::Pseudonym,
            kids: KIDS,
            subject: key(1),
            period: key(2),
        };
        let leasings: Vec<_> = plan().needs().iter().map(leasing).collect();
        let answer = lease("shop.example/log", record, &leasings);
        let answer = json::parse(&answer, &Limits::default()).unwrap();
        let bytes = |entry: &Value<'_>, name| {
            let text = entry.get(name).and_then(Value::as_str).unwrap_or_default();
            Base64UrlUnpadded::decode_vec(text).unwrap()
        };
        answer.items().iter().map(|entry| (bytes(entry, "key"), bytes(entry, "commit"))).collect()
    }

    #[test]
    fn what_is_sealed_with_a_lease_is_what_is_sealed_with_the_keys() {
        let engine = crate::native_engine_sha256();
        let stamp = stamp(&engine);
        let pair = || KeyPair {
            subject_kid: KIDS[0],
            subject: key(1),
            period_kid: KIDS[1],
            period: key(2),
        };
        let line = plan().seal(&stamp, &[7; 12], &[pair(), pair()]).unwrap();
        let keys = leased(stamp.id);
        let take = |keys: &[(Vec<u8>, Vec<u8>)]| {
            let leased =
                keys.iter().map(|(key, commit)| LeasedKey::new(KIDS, key, commit).unwrap());
            plan().seal_leased(&stamp, &[7; 12], &leased.collect::<Vec<_>>())
        };
        assert_eq!(take(&keys).unwrap(), line);
        assert!(take(&keys[1..]).is_err(), "one is missing");

        let sealed = keys.iter().find(|(_, commit)| !commit.is_empty()).unwrap();
        let opened = |kids| {
            let leased = LeasedKey::new(kids, &sealed.0, &sealed.1).unwrap();
            open_leased(&line, &[LeasedOpening { seal: 0, leased }])
        };
        let whole =
            open(stamp.origin, &line, &[Opening { seal: 0, subject: key(1), period: key(2) }]);
        assert_eq!(opened(KIDS).unwrap(), whole.unwrap());
        assert_eq!(opened(["k_2", KIDS[1]]).unwrap_err().code(), "wrong_key");
    }

    #[test]
    fn a_lease_opens_one_record() {
        let engine = crate::native_engine_sha256();
        let stamp = stamp(&engine);
        let mine = leased(stamp.id);
        let take = |keys: &[(Vec<u8>, Vec<u8>)]| -> Vec<u8> {
            let leased =
                keys.iter().map(|(key, commit)| LeasedKey::new(KIDS, key, commit).unwrap());
            plan().seal_leased(&stamp, &[7; 12], &leased.collect::<Vec<_>>()).unwrap()
        };
        let line = take(&mine);
        let other = leased("019aa6c5-8f00-7000-8000-0000000000ac");
        let (key, commit) = other.iter().find(|(_, commit)| !commit.is_empty()).unwrap();
        let (_, commit_of_mine) = mine.iter().find(|(_, commit)| !commit.is_empty()).unwrap();
        for (commit, code) in [(commit, "wrong_key"), (commit_of_mine, "tampered")] {
            let leased = LeasedKey::new(KIDS, key, commit).unwrap();
            let error = open_leased(&line, &[LeasedOpening { seal: 0, leased }]).unwrap_err();
            assert_eq!(error.code(), code);
        }
    }

    #[test]
    fn a_key_of_another_length_is_refused() {
        for (key, commit) in [(&[0; 31][..], &[0; 32][..]), (&[0; 32], &[0; 31]), (&[], &[])] {
            assert!(LeasedKey::new(KIDS, key, commit).is_err());
        }
    }
}
