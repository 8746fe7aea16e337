use base64ct::{Base64UrlUnpadded, Encoding};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

use super::Key;
use super::pae::pae;

/// Gives the values of one data group of one data subject their pseudonyms, the same in every record
/// of a log for as long as the subject's key lives.
pub struct PseudonymKey(Zeroizing<[u8; 32]>);

impl PseudonymKey {
    pub fn derive(subject: &Key, origin: &str, group: &str) -> Self {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(b"sealtrail/pseudonym/v1")
            .unwrap_or_else(|_| unreachable!("HMAC takes a key of any length"));
        mac.update(subject.bytes());
        let mut prk = mac.finalize().into_bytes();
        let hkdf = Hkdf::<Sha256>::from_prk(&prk)
            .unwrap_or_else(|_| unreachable!("an HMAC-SHA256 is as long as a PRK must be"));
        prk.zeroize();
        let parts = [b"sealtrail/pseudonym/v1/key", origin.as_bytes(), group.as_bytes()];
        let mut key = Zeroizing::new([0; 32]);
        hkdf.expand(&pae(parts.into_iter()), &mut *key)
            .unwrap_or_else(|_| unreachable!("32 bytes are within HKDF's bound"));
        Self(key)
    }

    /// From what a lease says.
    pub(crate) fn leased(key: &Key) -> Self {
        Self(Zeroizing::new(*key.bytes()))
    }

    /// The key itself, for a lease.
    pub(crate) fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// `value` is JSON text in its one spelling.
    pub fn pseudonym(&self, value: &[u8]) -> String {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&*self.0)
            .unwrap_or_else(|_| unreachable!("HMAC takes a key of any length"));
        mac.update(&pae([b"sealtrail/pseudonym/v1/value", value].into_iter()));
        let tag = mac.finalize().into_bytes();
        format!("ps1.{}", Base64UrlUnpadded::encode_string(&tag[..16]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_one_pseudonym_within_a_subject_and_a_group() {
        let key = |byte| Key::from_slice(&[byte; 32], "a key").unwrap();
        let of = |byte, origin: &str, group: &str, value: &[u8]| {
            PseudonymKey::derive(&key(byte), origin, group).pseudonym(value)
        };
        let one = of(1, "log", "contact", b"\"a@example.com\"");
        assert_eq!(one, of(1, "log", "contact", b"\"a@example.com\""));
        assert_eq!(one.len(), 4 + 22);
        for other in [
            of(2, "log", "contact", b"\"a@example.com\""),
            of(1, "other", "contact", b"\"a@example.com\""),
            of(1, "log", "payment", b"\"a@example.com\""),
            of(1, "log", "contact", b"\"b@example.com\""),
        ] {
            assert_ne!(one, other);
        }
    }
}
