use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::error::{Error, Kind, Result};
use crate::id::KeyId;
use crate::key::Key;
use crate::slip::Slip;

/// Whose key it is: a data subject's, for all that is of none of the periods below, or for one period of one retention
/// class.
#[derive(Clone, Copy)]
pub(crate) struct Owner<'a> {
    subject: &'a str,
    period: Option<&'a KeyId>,
}

impl<'a> Owner<'a> {
    pub(crate) fn whole(subject: &'a str) -> Self {
        Self { subject, period: None }
    }

    /// The period is named by its own key.
    pub(crate) fn within(subject: &'a str, period: &'a KeyId) -> Result<Self> {
        if period.period().is_none() {
            return Err(Error::new(Kind::BadArgument {
                what: "period of a data subject",
                expected: "the key of a period, `t_<class>.<period>`".into(),
                got: format!("`{period}`"),
            }));
        }
        Ok(Self { subject, period: Some(period) })
    }

    pub(crate) fn subject(self) -> &'a str {
        self.subject
    }

    pub(crate) fn period(self) -> Option<&'a KeyId> {
        self.period
    }

    /// What tells the owner from every other one: the id of a period has no NUL.
    pub(crate) fn in_period(period: &str, subject: &str) -> String {
        format!("{period}\0{subject}")
    }
}

/// The head of a file below `subjects/`.
const HEAD: &str = "sealtrail subject v1";

/// The longest subject name. Names come out of payloads, and are hashed and cached. A type and an id of an
/// entity, each as long as a record may have them, fit with the slash between them.
const LONGEST: usize = 2048;

/// What a subject is called on disk: a keyed hash, so that names can neither be read off a directory listing
/// nor guessed without the index key.
///
/// ```text
/// name  = HMAC-SHA256(index key, "sealtrail/keyring/v1/subject-name" ‖ 0x00 ‖ subject)
///         HMAC-SHA256(index key, "sealtrail/keyring/v1/subject-in-period" ‖ 0x00 ‖ t_<class>.<period> ‖ 0x00 ‖ subject)
/// ```
///
/// A subject is any text, so it is the label that keeps the two apart; and a key id has no NUL, so no two pairs are joined to
/// the same text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct SubjectName([u8; 32]);

impl SubjectName {
    #[cfg(test)]
    pub(crate) fn new(index_key: &Key, subject: &str) -> Result<Self> {
        Self::of(index_key, Owner::whole(subject))
    }

    pub(crate) fn of(index_key: &Key, Owner { subject, period }: Owner<'_>) -> Result<Self> {
        if subject.is_empty() || subject.len() > LONGEST {
            return Err(Error::new(Kind::BadArgument {
                what: "data subject",
                expected: format!("1 to {LONGEST} bytes"),
                got: format!("{} bytes", subject.len()),
            }));
        }
        let (subject, nul) = (subject.as_bytes(), &b"\0"[..]);
        Ok(Self(match period.map(KeyId::as_str) {
            None => mac(index_key, "sealtrail/keyring/v1/subject-name\0", &[subject]),
            Some(period) => {
                let parts = [period.as_bytes(), nul, subject];
                mac(index_key, "sealtrail/keyring/v1/subject-in-period\0", &parts)
            }
        }))
    }

    pub(crate) fn shard(&self) -> u8 {
        self.0[0]
    }

    pub(crate) fn to_hex(self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    pub(crate) fn from_hex(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 64
            || !digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
        {
            return None;
        }
        let mut name = [0; 32];
        for (byte, pair) in name.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(name))
    }

    /// The file that says which key this subject has.
    ///
    /// ```text
    /// slip  = "sealtrail subject v1", kid, proof
    /// proof = HMAC-SHA256(index key, "sealtrail/keyring/v1/subject-entry" ‖ 0x00 ‖ name ‖ kid)
    /// ```
    ///
    /// Without the proof, copying one file over another would make a shred destroy somebody else's key.
    pub(crate) fn entry(&self, index_key: &Key, kid: &KeyId) -> String {
        Slip { kid: kid.clone(), bytes: self.proof(index_key, kid) }.to_text(HEAD)
    }

    /// Reads back what [`entry`](Self::entry) wrote.
    pub(crate) fn parse_entry(&self, index_key: &Key, text: &[u8], path: &Path) -> Result<KeyId> {
        let slip = Slip::<32>::parse(text, HEAD, path)?;
        if !bool::from(subtle::ConstantTimeEq::ct_eq(
            &slip.bytes[..],
            &self.proof(index_key, &slip.kid)[..],
        )) {
            return Err(Error::edited(path, "the key id that this keyring wrote for this subject"));
        }
        Ok(slip.kid)
    }

    fn proof(&self, index_key: &Key, kid: &KeyId) -> [u8; 32] {
        mac(index_key, "sealtrail/keyring/v1/subject-entry\0", &[&self.0, kid.as_str().as_bytes()])
    }
}

fn mac(key: &Key, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(key.expose()).expect("HMAC takes a key of any length");
    mac.update(purpose.as_bytes());
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_counts_for_its_subject_and_its_keyring_only() {
        let index_key = Key::random().unwrap();
        let name = SubjectName::new(&index_key, "customer/3").unwrap();
        let other = SubjectName::new(&index_key, "customer/4").unwrap();
        let kid = KeyId::of_subject(&[5; 16]);
        let text = name.entry(&index_key, &kid);
        let path = Path::new("subjects/ab/cd");
        assert_eq!(name.parse_entry(&index_key, text.as_bytes(), path).unwrap(), kid);
        assert!(other.parse_entry(&index_key, text.as_bytes(), path).unwrap_err().is_edited());
        assert!(
            name.parse_entry(&Key::random().unwrap(), text.as_bytes(), path)
                .unwrap_err()
                .is_edited()
        );
        let swapped = text.replace(kid.as_str(), KeyId::of_subject(&[6; 16]).as_str());
        assert!(name.parse_entry(&index_key, swapped.as_bytes(), path).unwrap_err().is_edited());
    }

    #[test]
    fn no_two_owners_have_one_name() {
        let index_key = Key::random().unwrap();
        let period = |text: &str| KeyId::parse(text).unwrap();
        let (a, b) = (period("t_a.2026-10"), period("t_a.2026-1"));
        let (in_a, in_b) = ("t_a.2026-10\0x", "t_a.2026-1\0x");
        let owners = [
            Owner::whole("x"),
            Owner::whole(in_a),
            Owner::whole(in_b),
            Owner::within("x", &a).unwrap(),
            Owner::within("x", &b).unwrap(),
            Owner::within("0\0x", &b).unwrap(),
            Owner::within(in_a, &a).unwrap(),
            Owner::within(in_a, &b).unwrap(),
        ];
        let name = |owner| SubjectName::of(&index_key, owner).unwrap().to_hex();
        let names: std::collections::HashSet<_> = owners.map(name).into();
        assert_eq!(names.len(), owners.len());
        let subject = KeyId::of_subject(&[1; 16]);
        assert!(Owner::within("x", &subject).is_err_and(|error| error.is_bad_argument()));
    }

    #[test]
    fn a_name_survives_hex_and_nothing_else_does() {
        let name = SubjectName::new(&Key::random().unwrap(), "customer/3").unwrap();
        assert!(SubjectName::from_hex(&name.to_hex()) == Some(name));
        for bad in ["", "00", &"g".repeat(64), &"AB".repeat(32), &"+1".repeat(32)] {
            assert!(SubjectName::from_hex(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn an_empty_or_endless_subject_is_refused_unquoted() {
        let index_key = Key::random().unwrap();
        assert!(SubjectName::new(&index_key, "").is_err());
        let error = SubjectName::new(&index_key, &"x".repeat(2049)).err().unwrap().to_string();
        assert!(error.contains("2049 bytes") && !error.contains("xx"), "{error}");
        assert!(SubjectName::new(&index_key, &"x".repeat(2048)).is_ok());
    }
}
